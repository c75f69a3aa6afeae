# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pictures that were shown, kept: as an mp4 file, or as a folder of PNG files that carry stamp and state in their names.

A folder is exact, and knows when; an mp4 has one rate for all and lossy pixels, which the pixel code survives.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

import cv2

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.sinks.background import Background
from arsurg_ros.sinks.video import Recorded, VideoWriter
from arsurg_ros.types import Frame

# A PNG of 1080p takes some 50 ms, so a folder keeps up with 15 Hz of it and an mp4 with more: a longer backlog drops.
BACKLOG = 16
# On camera pictures, which are noisy: half the time of zlib's level 1, and no larger a file.
PNG = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY]


class Recorder(Protocol):
    """Takes pictures without waiting for the disk; ``dropped`` counts those that it had to leave out."""

    @property
    def dropped(self) -> int:
        """How many pictures were dropped so far."""

    def write(self, frame: Frame, state: str) -> bool:
        """Queue a picture; return False where it was dropped. Raises DataError for one that does not fit."""

    def close(self) -> Recorded:
        """Finish the files and return the counts; raises DataError where something was not written."""


def open_recorder(path: str, rate_hz: float) -> Recorder:
    """Return the recorder of a new .mp4 file (at ``rate_hz``) or of a new or empty folder.

    Raises ConfigError for another suffix, a file or folder that has something in it already, or a parent that is not there.
    """
    target = Path(path)
    if target.suffix not in ('', '.mp4'):
        raise ConfigError(f'record {path!r}: suffix {target.suffix!r}; valid: .mp4, or a folder')
    if not target.parent.is_dir():
        raise ConfigError(f'record {path!r}: no folder {target.parent}')
    if target.suffix == '.mp4':
        if target.exists():
            raise ConfigError(f'record {path!r}: it exists; recordings are not replaced: choose another name')
        return VideoRecorder(target, rate_hz)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(f'record {path!r}: it exists and is not an empty folder: choose another name')
    target.mkdir(exist_ok=True)
    return FolderRecorder(target)


class VideoRecorder:
    """An mp4 of the first picture's size; nothing is made before there is one."""

    def __init__(self, path: Path, rate_hz: float) -> None:
        """Remember where to."""
        self._path, self._rate_hz = path, rate_hz
        self._video: VideoWriter | None = None
        self._unfit = 0

    @property
    def dropped(self) -> int:
        """How many pictures were dropped so far, those of another size among them."""
        return self._unfit + (self._video.dropped if self._video else 0)

    def write(self, frame: Frame, state: str) -> bool:
        """Queue the picture of a frame, bgr8."""
        if self._video is None:
            height, width = frame.image.shape[:2]
            self._video = VideoWriter(self._path, width, height, self._rate_hz)
        try:
            return self._video.write(frame.image)
        except DataError:
            self._unfit += 1
            raise

    def close(self) -> Recorded:
        """Finish the file."""
        done = self._video.close() if self._video else Recorded(self._path, 0, 0)
        return replace(done, dropped=done.dropped + self._unfit)


class FolderRecorder:
    """PNG files NUMBER-STAMP-STATE.png, numbered as shown: number of six digits, stamp in nanoseconds."""

    def __init__(self, folder: Path) -> None:
        """Take a folder that is there and empty."""
        self._folder = folder
        self._number = 0
        self._writing: Background[tuple[Path, Frame]] = Background(_save, lambda: None, 'png', size=BACKLOG)

    @property
    def dropped(self) -> int:
        """How many pictures were dropped so far."""
        return self._writing.dropped

    def write(self, frame: Frame, state: str) -> bool:
        """Queue a copy of the picture of a frame, bgr8 or mono8; a dropped one's number is left out."""
        path = self._folder / f'{self._number:06d}-{frame.stamp_ns}-{state}.png'
        self._number += 1
        return self._writing.put((path, Frame(frame.stamp_ns, frame.frame_id, frame.image.copy(), frame.encoding)))

    def close(self) -> Recorded:
        """Write what is queued."""
        self._writing.close()
        if self._writing.failure is not None:
            raise DataError(f'record {self._folder}: {" ".join(str(self._writing.failure).split())}')
        return Recorded(self._folder, self._writing.done, self._writing.dropped)


def _save(item: tuple[Path, Frame]) -> None:
    path, frame = item
    done, data = cv2.imencode('.png', frame.image, PNG)
    if not done:
        raise DataError(f'{path.name}: OpenCV cannot encode an image of {frame.image.shape}')
    path.write_bytes(data.tobytes())
