# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of poses made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_JAZZY)
START_NS = 1_700_000_000_000_000_000
STEP_NS = 20_000_000
UPRIGHT = (0.0, 0.0, 0.0, 1.0)


def _parts(stamp_ns: int) -> Any:
    time = STORE.types['builtin_interfaces/msg/Time'](stamp_ns // 10**9, stamp_ns % 10**9)
    return STORE.types['std_msgs/msg/Header'](time, 'ndi')


def pose(stamp_ns: int, xyz: Sequence[float], q: Sequence[float] = UPRIGHT) -> Any:
    point = STORE.types['geometry_msgs/msg/Point'](*xyz)
    body = STORE.types['geometry_msgs/msg/Pose'](point, STORE.types['geometry_msgs/msg/Quaternion'](*q))
    return STORE.types['geometry_msgs/msg/PoseStamped'](_parts(stamp_ns), body)


def transform(stamp_ns: int, xyz: Sequence[float], q: Sequence[float] = UPRIGHT) -> Any:
    shift = STORE.types['geometry_msgs/msg/Vector3'](*xyz)
    body = STORE.types['geometry_msgs/msg/Transform'](shift, STORE.types['geometry_msgs/msg/Quaternion'](*q))
    return STORE.types['geometry_msgs/msg/TransformStamped'](_parts(stamp_ns), 'x', body)


def point(stamp_ns: int) -> Any:
    kinds = STORE.types
    return kinds['geometry_msgs/msg/PointStamped'](_parts(stamp_ns), kinds['geometry_msgs/msg/Point'](0.0, 0.0, 0.0))


def write_bag(path: Path, messages: Sequence[tuple[str, int, Any]]) -> Path:
    """Write (topic, received ns, message) in the order of time."""
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        links: dict[str, Any] = {}
        for topic, at_ns, message in sorted(messages, key=lambda m: m[1]):
            if topic not in links:
                links[topic] = bag.add_connection(topic, message.__msgtype__, typestore=STORE)
            bag.write(links[topic], at_ns, STORE.serialize_cdr(message, message.__msgtype__))
    return path


class Kit:
    """The makers above, for tests."""

    start_ns, step_ns = START_NS, STEP_NS
    pose, transform, point, bag = map(staticmethod, (pose, transform, point, write_bag))


@pytest.fixture
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def two_tools(tmp_path: Path) -> Path:
    """A bag with a PoseStamped and a TransformStamped tool, ten samples each at 50 Hz, and a topic of another type."""
    stamps = [START_NS + k * STEP_NS for k in range(10)]
    messages = [('/ref', s, pose(s, (k * 0.001, 0, 0))) for k, s in enumerate(stamps)]
    messages += [('/tool', s, transform(s, (0, k * 0.001, 0))) for k, s in enumerate(stamps)]
    return write_bag(tmp_path / 'tools', [*messages, ('/point', stamps[0], point(stamps[0]))])


@pytest.fixture
def poll() -> Callable[..., list[Any]]:
    """Poll a tracker at a pace until it is finished or for a while; return all poses."""

    def pull(tracker: Any, start_ns: int, for_s: float = 3.0, pace_ns: int = 5_000_000) -> list[Any]:
        poses = []
        for now in range(start_ns, start_ns + round(for_s * 1e9), pace_ns):
            poses += tracker.poll(now)
            if tracker.finished:
                break
        return poses

    return pull
