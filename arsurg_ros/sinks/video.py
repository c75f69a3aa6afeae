# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An mp4 file written in a background thread, so that a slow disk or encoder never holds up the pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import cv2

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.sinks.background import Background
from arsurg_ros.types import U8

CODEC = 'mp4v'


@dataclass(frozen=True)
class Recorded:
    """What became of the pictures: ``written`` into ``path``, ``dropped`` because the encoder was behind."""

    path: Path
    written: int
    dropped: int


class VideoWriter:
    """Writes bgr pictures of one size; a context manager, whose end waits until all that was accepted is written."""

    def __init__(
        self,
        path: str | Path,
        width_px: int,
        height_px: int,
        fps_hz: float,
        *,
        queue_frames: int = 32,
        wait: bool = False,
    ) -> None:
        """Open the file; ``wait`` lets ``write`` wait for the encoder instead of dropping, for work that is not live.

        Raises ConfigError for a size, rate or queue that is not positive, DataError where the file cannot be opened or
        OpenCV has no codec for it.
        """
        if width_px < 1 or height_px < 1 or not 0 < fps_hz < float('inf') or queue_frames < 1:
            raise ConfigError(f'video {width_px}x{height_px}, {fps_hz} Hz, queue {queue_frames}: all must be positive')
        self._path, self._size = Path(path), (width_px, height_px)
        file = _open(self._path, width_px, height_px, fps_hz)
        self._writing: Background[U8] = Background(file.write, file.release, 'video', size=queue_frames, wait=wait)

    @property
    def dropped(self) -> int:
        """How many pictures were dropped so far."""
        return self._writing.dropped

    def write(self, image: U8) -> bool:
        """Queue a copy of (H, W, 3) bgr uint8; return False where it was dropped, which is counted.

        Raises DataError for an image of another size or kind, and where the file is closed.
        """
        width, height = self._size
        if image.shape != (height, width, 3) or image.dtype != 'uint8':
            found = f'{image.shape} {image.dtype}'
            raise DataError(f'video {self._path}: image {found}: uint8 of ({height}, {width}, 3) is needed')
        if self._writing.closed:
            raise DataError(f'video {self._path}: already closed')
        return self._writing.put(image.copy())

    def close(self) -> Recorded:
        """Write what is queued, close the file and return the counts; raises DataError where the encoder failed."""
        self._writing.close()
        if self._writing.failure is not None:
            raise DataError(f'video {self._path}: encoder: {" ".join(str(self._writing.failure).split())}')
        return Recorded(self._path, self._writing.done, self._writing.dropped)

    def __enter__(self) -> VideoWriter:
        """Return the writer."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        self.close()


def _open(path: Path, width_px: int, height_px: int, fps_hz: float) -> cv2.VideoWriter:
    if not path.parent.is_dir():
        raise DataError(f'video {path}: no folder {path.parent}')
    code = cv2.VideoWriter.fourcc(*CODEC)
    file = cv2.VideoWriter(str(path), cv2.CAP_ANY, code, fps_hz, (width_px, height_px))
    if not file.isOpened():
        raise DataError(
            f'video {path}: OpenCV cannot write {path.suffix or "a file without extension"} with codec {CODEC}: '
            'use .mp4, and an OpenCV built with FFmpeg'
        )
    return file
