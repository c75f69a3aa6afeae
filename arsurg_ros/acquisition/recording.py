# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera played back from a rosbag2 recording: Image (files/encodings.py) or CompressedImage, with its CameraInfo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from arsurg_ros import frames
from arsurg_ros.acquisition.calibration import HINT, load_camera_model, model_from_info
from arsurg_ros.acquisition.faults import FaultLog
from arsurg_ros.acquisition.player import FramePlayer
from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.files.encodings import Picture, decode
from arsurg_ros.geometry import bags
from arsurg_ros.geometry.bags import recording_topics
from arsurg_ros.geometry.playback import ClockMap, Recorded, bag_span
from arsurg_ros.registry import param
from arsurg_ros.types import CameraModel, Frame

__all__ = ['RecordingCamera', 'recording_topics']

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
INFO = 'sensor_msgs/msg/CameraInfo'


@dataclass(frozen=True)
class RecordingConfig:
    """Parameters of the recorded camera."""

    path: str = param('', 'the recording: a rosbag2 folder, .mcap or .db3')
    image_topic: str = param('', 'its image topic; empty: the only one')
    info_topic: str = param('', "its camera_info topic; empty: the image topic's neighbour, or the only one")
    calibration: str = param('', f'calibration instead of the recorded one: {HINT}')
    loop: int = param(1, 'how often it plays; 0: for ever', low=0)
    rate: float = param(1.0, 'speed against its stamps (not with keep_stamps)', low=0.01, high=100.0)
    keep_stamps: bool = param(False, "keep the recording's stamps (simulated time), else play as if captured live")
    camera_frame: str = param(frames.CAM, "the camera's optical frame")


class RecordingCamera:
    """Streams a recording; a frame that is broken or of another size is noted in ``faults`` and not handed out."""

    Config = RecordingConfig

    def __init__(self, config: RecordingConfig) -> None:
        """Check topics and calibration; raises ConfigError or DataError naming what is wrong."""
        self._config = config
        self._topic = bags.choose_topic(config.path, config.image_topic, (IMAGE, COMPRESSED), 'image_topic').name
        self._span = bag_span(config.path)
        self.model = _model(config, self._topic)
        self.faults = FaultLog()
        self._player: FramePlayer[bags.Message] | None = None

    @property
    def dropped(self) -> int:
        """How many recorded frames were not handed out."""
        return self._player.dropped if self._player else 0

    @property
    def finished(self) -> bool:
        """Whether the last frame has been handed out."""
        return self._player is not None and self._player.finished

    def start(self, now_ns: int) -> None:
        """Begin (again) at the recording's start; with kept stamps the recording's own time says when."""
        self.close()
        c = self._config
        clock = ClockMap(self._span, now_ns, c.rate, c.keep_stamps)
        self._player = FramePlayer(self._open, _decode_message, clock, c.loop, c.camera_frame, self.model, self.faults)

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

    def _open(self) -> Iterator[Recorded[bags.Message]]:
        return bags.read(self._config.path, [self._topic])


def decode_compressed(message: Any) -> Picture:
    """Return the bgr8 picture of a sensor_msgs/CompressedImage (JPEG or PNG); raises DataError where it cannot be decoded."""
    data = np.frombuffer(message.data, dtype=np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise DataError(f'compressed image, format {message.format!r}, {data.size} bytes: cannot be decoded')
    return Picture(np.asarray(image, dtype=np.uint8), 'bgr8')


def _decode_message(item: bags.Message) -> Picture:
    return decode(item.message) if item.type == IMAGE else decode_compressed(item.message)


def _model(config: RecordingConfig, image_topic: str) -> CameraModel:
    if config.calibration:
        first = next((r for r in bags.read(config.path, [image_topic])), None)
        if first is None:
            raise DataError(f'recording {config.path}: {image_topic} has no message')
        image = _decode_message(first.item).image
        return load_camera_model(config.calibration, image.shape[1], image.shape[0])
    topic = _info_topic(config, image_topic)
    info = next((r for r in bags.read(config.path, [topic])), None)
    if info is None:
        raise DataError(f'recording {config.path}: {topic} has no message')
    return model_from_info(info.item.message, f'recording {config.path}, {topic}')


def _info_topic(config: RecordingConfig, image_topic: str) -> str:
    """Return the topic named, the image topic's neighbour, or the only one; raises ConfigError telling how to go on."""
    if config.info_topic:
        return bags.choose_topic(config.path, config.info_topic, (INFO,), 'info_topic').name
    there = [t.name for t in recording_topics(config.path) if t.type == INFO]
    parts = image_topic.removesuffix('/compressed').split('/')
    neighbour = '/'.join([*parts[:-1], 'camera_info'])
    if neighbour in there:
        return neighbour
    if len(there) == 1:
        return there[0]
    found = ', '.join(there) or 'none'
    raise ConfigError(f'calibration: {config.path} has {len(there)} CameraInfo topics ({found}): set info_topic, or {HINT}')
