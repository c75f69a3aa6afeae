# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings and videos made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_JAZZY)
START_NS = 1_700_000_000_000_000_000
STEP_NS = 40_000_000
K = [100.0, 0.0, 31.5, 0.0, 100.0, 23.5, 0.0, 0.0, 1.0]


def header(stamp_ns: int) -> Any:
    time = STORE.types['builtin_interfaces/msg/Time'](stamp_ns // 10**9, stamp_ns % 10**9)
    return STORE.types['std_msgs/msg/Header'](time, 'optical')


def image_message(stamp_ns: int, image: np.ndarray, encoding: str = 'bgr8', **changed: Any) -> Any:
    height, width = image.shape[:2]
    values = {'height': height, 'width': width, 'step': image[0].size, 'data': image.ravel()} | changed
    return STORE.types['sensor_msgs/msg/Image'](
        header(stamp_ns), values['height'], values['width'], encoding, 0, values['step'], values['data']
    )


def compressed_message(stamp_ns: int, data: np.ndarray) -> Any:
    return STORE.types['sensor_msgs/msg/CompressedImage'](header(stamp_ns), 'jpeg', data)


def info_message(stamp_ns: int, width: int = 64, height: int = 48, k: Sequence[float] = K, model: str = 'plumb_bob') -> Any:
    roi = STORE.types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    k9, r9, p12 = np.array(k, dtype=float), np.eye(3).ravel(), np.zeros(12)
    kind = STORE.types['sensor_msgs/msg/CameraInfo']
    return kind(header(stamp_ns), height, width, model, np.zeros(5), k9, r9, p12, 0, 0, roi)


def write_bag(path: Path, messages: Sequence[tuple[str, int, Any]], plugin: StoragePlugin = StoragePlugin.MCAP) -> Path:
    """Write (topic, received ns, message) in the order of time."""
    with Writer(path, version=9, storage_plugin=plugin) as bag:
        links: dict[str, Any] = {}
        for topic, at_ns, message in sorted(messages, key=lambda m: m[1]):
            kind = message.__msgtype__
            if topic not in links:
                links[topic] = bag.add_connection(topic, kind, typestore=STORE)
            bag.write(links[topic], at_ns, STORE.serialize_cdr(message, kind))
    return path


def numbered(k: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Return a picture that tells its number: bgr (k, 100, 200)."""
    return np.full((height, width, 3), (k, 100, 200), dtype=np.uint8)


def stamp_ns(k: int) -> int:
    return START_NS + k * STEP_NS


class Kit:
    """The makers above, for tests."""

    start_ns, step_ns = START_NS, STEP_NS
    image, compressed, info, bag, numbered, stamp = map(
        staticmethod, (image_message, compressed_message, info_message, write_bag, numbered, stamp_ns)
    )


@pytest.fixture
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def five_frames(tmp_path: Path) -> Path:
    """A bag of five bgr8 frames, 25 Hz, with its camera_info."""
    messages = [('/cam/image_raw', stamp_ns(k), image_message(stamp_ns(k), numbered(k))) for k in range(5)]
    messages += [('/cam/camera_info', stamp_ns(k), info_message(stamp_ns(k))) for k in range(5)]
    return write_bag(tmp_path / 'five', messages)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A video of twelve frames, 25 Hz."""
    path = tmp_path / 'film.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 25.0, (64, 48))
    assert writer.isOpened()
    for k in range(12):
        writer.write(numbered(20 * k))
    writer.release()
    return path


@pytest.fixture
def calibration(tmp_path: Path) -> Path:
    path = tmp_path / 'K.txt'
    path.write_text('100 0 31.5\n0 100 23.5\n0 0 1\n')
    return path


Play = Callable[..., list[Any]]


@pytest.fixture
def play() -> Play:
    """Pull a camera at a pace until it is finished; return the frames."""

    def pull(camera: Any, start_ns: int = 10**12, pace_ns: int = 5_000_000, most: int = 4000) -> list[Any]:
        frames = []
        for k in range(most):
            frame = camera.next(start_ns + k * pace_ns)
            frames += [frame] if frame is not None else []
            if camera.finished:
                break
        return frames

    return pull
