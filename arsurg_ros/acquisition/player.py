# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames played back in time: what the recording and the video camera share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from arsurg_ros.acquisition.faults import FaultLog
from arsurg_ros.errors import DataError
from arsurg_ros.files.encodings import Picture
from arsurg_ros.geometry.playback import ClockMap, Playback, Recorded
from arsurg_ros.types import U8, CameraModel, Frame

T = TypeVar('T')


class FramePlayer(Generic[T]):
    """Hands out the newest due frame of a ``Playback``; decodes only what it hands out, and notes what it cannot decode."""

    def __init__(
        self,
        opener: Callable[[], Iterator[Recorded[T]]],
        decode: Callable[[T], Picture],
        clock: ClockMap,
        loops: int,
        frame_id: str,
        model: CameraModel,
        faults: FaultLog,
    ) -> None:
        """Play what ``opener`` opens; ``decode`` raises DataError for an item that is no usable image."""
        self._playback = Playback(opener, clock, loops)
        self._decode = decode
        self._frame_id = frame_id
        self._model = model
        self._faults = faults
        self._last_ns: int | None = None
        self._errors_told = 0
        self.dropped = 0

    @property
    def finished(self) -> bool:
        """Whether the last frame of the last loop has been handed out."""
        return self._playback.finished

    def next(self, now_ns: int) -> Frame | None:
        """Return the newest due frame that can be decoded; older ones are dropped, bad ones noted."""
        newest = None
        for due in self._playback.take(now_ns):
            if self._last_ns is not None and due.stamp_ns <= self._last_ns:
                self._drop(due.stamp_ns, f'stamp runs back by {(self._last_ns - due.stamp_ns) / 1e6:.3f} ms')
                continue
            self._last_ns = due.stamp_ns
            self.dropped += newest is not None
            newest = due
        self._tell_errors(now_ns)
        return None if newest is None else self._frame(newest.stamp_ns, newest.item)

    def next_due_ns(self) -> int | None:
        """Return the stamp of the next frame; None when finished."""
        return self._playback.next_due_ns()

    def close(self) -> None:
        """Close the file."""
        self._playback.close()

    def _frame(self, stamp_ns: int, item: T) -> Frame | None:
        try:
            picture = self._decode(item)
            check_size(picture.image, self._model)
        except DataError as e:
            self._drop(stamp_ns, str(e))
            return None
        return Frame(stamp_ns, self._frame_id, picture.image, picture.encoding)

    def _drop(self, stamp_ns: int, reason: str) -> None:
        self.dropped += 1
        self._faults.add(stamp_ns, reason)

    def _tell_errors(self, now_ns: int) -> None:
        for reason in self._playback.errors[self._errors_told :]:
            self._faults.add(now_ns, reason)
        self._errors_told = len(self._playback.errors)


def check_size(image: U8, model: CameraModel) -> None:
    """Raise DataError where an image has not the size of its calibration."""
    height, width = image.shape[:2]
    if (width, height) != (model.width_px, model.height_px):
        raise DataError(f'image is {width}x{height}, camera_info says {model.width_px}x{model.height_px}: not used')
