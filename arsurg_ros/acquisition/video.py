# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera played back from a video file, through OpenCV; stamps are the frame's number over the frame rate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from arsurg_ros import frames
from arsurg_ros.acquisition.calibration import HINT, load_camera_model
from arsurg_ros.acquisition.faults import FaultLog
from arsurg_ros.acquisition.player import FramePlayer
from arsurg_ros.errors import DataError
from arsurg_ros.files.encodings import Picture
from arsurg_ros.geometry.playback import ClockMap, Recorded, Span
from arsurg_ros.registry import param
from arsurg_ros.types import U8, Frame


@dataclass(frozen=True)
class VideoConfig:
    """Parameters of the video camera."""

    path: str = param('', 'the video file')
    calibration: str = param('', f'calibration: {HINT}')
    loop: int = param(1, 'how often it plays; 0: for ever', low=0)
    rate: float = param(1.0, 'speed against its frame rate', low=0.01, high=100.0)
    fps_hz: float = param(0.0, "frame rate instead of the file's; 0: the file's", unit='Hz', low=0.0, high=1000.0)
    camera_frame: str = param(frames.CAM, "the camera's optical frame")


class VideoCamera:
    """Streams a video file as if it were captured live."""

    Config = VideoConfig

    def __init__(self, config: VideoConfig) -> None:
        """Decode the first frame; raises DataError or ConfigError naming what is wrong."""
        self._config = config
        width, height, self._fps_hz = _probe(config)
        self._frames = _frame_count(config.path)
        self.model = load_camera_model(config.calibration, width, height)
        self.faults = FaultLog()
        self._player: FramePlayer[U8] | None = None

    @property
    def dropped(self) -> int:
        """How many frames of the file were not handed out."""
        return self._player.dropped if self._player else 0

    @property
    def finished(self) -> bool:
        """Whether the last frame has been handed out."""
        return self._player is not None and self._player.finished

    def start(self, now_ns: int) -> None:
        """Begin with the first frame."""
        c = self._config
        self.close()
        span = Span(0, self._stamp_ns(self._frames), 0)
        clock = ClockMap(span, now_ns, c.rate)
        self._player = FramePlayer(self._open, _as_picture, clock, c.loop, c.camera_frame, self.model, self.faults)

    def next(self, now_ns: int) -> Frame | None:
        """Return the newest due frame, if any."""
        if self._player is None:
            self.start(now_ns)
        assert self._player is not None
        return self._player.next(now_ns)

    def next_due_ns(self) -> int | None:
        """Return the stamp of the next frame; None before the start and when finished."""
        return self._player.next_due_ns() if self._player else None

    def close(self) -> None:
        """Close the file."""
        if self._player:
            self._player.close()

    def _stamp_ns(self, k: int) -> int:
        return round(k * 1e9 / self._fps_hz)

    def _open(self) -> Iterator[Recorded[U8]]:
        with _opened(self._config.path) as capture:
            announced = _announced(capture)
            k = 0
            while True:
                ok, image = capture.read()
                if not ok or image is None:
                    break
                yield Recorded(self._stamp_ns(k), np.asarray(image, dtype=np.uint8))
                k += 1
        if k < announced - 1:  # some containers announce one frame more than they hold
            raise DataError(f'video {self._config.path}: ends after {k} of {announced} frames: cut short or corrupt')


def _as_picture(image: U8) -> Picture:
    return Picture(image, 'bgr8')


@contextmanager
def _opened(path: str) -> Iterator[cv2.VideoCapture]:
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # what is wrong is said by us, in one line
    try:
        capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    finally:
        cv2.utils.logging.setLogLevel(level)
    try:
        yield capture
    finally:
        capture.release()


def _announced(capture: cv2.VideoCapture) -> int:
    return int(capture.get(cv2.CAP_PROP_FRAME_COUNT))


def _frame_count(path: str) -> int:
    """Return how many frames the container announces, or how many there are where it does not say."""
    with _opened(path) as capture:
        count = max(0, _announced(capture))
        if count == 0:
            while capture.grab():
                count += 1
    return count


def _probe(config: VideoConfig) -> tuple[int, int, float]:
    """Return width, height and frame rate; raises DataError for a file that is missing or has no readable picture."""
    path = Path(config.path)
    if not config.path or not path.is_file():
        raise DataError(f'video {config.path!r}: there is no such file')
    with _opened(config.path) as capture:
        if not capture.isOpened():
            raise DataError(f'video {config.path}: no video stream that can be read: corrupt, cut short, or no video')
        ok, image = capture.read()
        fps_hz = config.fps_hz or float(capture.get(cv2.CAP_PROP_FPS))
    if not ok or image is None:
        raise DataError(f'video {config.path}: not one frame can be decoded: corrupt or cut short')
    if not 0 < fps_hz <= 1000:
        raise DataError(f'video {config.path}: frame rate {fps_hz}: set fps_hz')
    return int(image.shape[1]), int(image.shape[0]), fps_hz
