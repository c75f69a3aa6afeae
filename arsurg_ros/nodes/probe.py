# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tells the doctor, as one JSON object, what ROS 2 a process really gets: ``python -m arsurg_ros.nodes.probe``."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import rclpy

SHARED_MEMORY = Path('/dev/shm')


def version() -> str:
    """Return rclpy's version; a wheel knows it better than the package inside it."""
    for name in ('ros-rclpy', 'rclpy'):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return 'unknown'


def segments() -> dict[str, int]:
    """Return Fast DDS's shared-memory segments on this host with their sizes in bytes."""
    paths = [path for pattern in ('fastrtps_*', 'fastdds_*') for path in SHARED_MEMORY.glob(pattern)]
    return {path.name: path.stat().st_size for path in paths if path.exists() and '_port' not in path.name}


def probe() -> dict[str, Any]:
    """Open a node, look at what it took, and ask the middleware for the type hash that it announces."""
    from tf2_msgs.msg import TFMessage

    before = segments()
    rclpy.init()
    node = rclpy.create_node('arsurg_doctor', enable_rosout=False, start_parameter_services=False)
    try:
        publisher = node.create_publisher(TFMessage, 'doctor/tf', 1)
        hashes = {str(info.topic_type_hash) for info in node.get_publishers_info_by_topic(publisher.topic_name)}
        own = [size for name, size in segments().items() if name not in before]
        return {
            'rclpy': version(),
            'rclpy_path': str(Path(rclpy.__file__).parent),
            'rmw': rclpy.get_rmw_implementation_identifier(),
            'tf2_hash': ' '.join(sorted(hashes)),
            'segment_bytes': max(own, default=0),
        }
    finally:
        node.destroy_node()
        rclpy.shutdown()


if __name__ == '__main__':
    sys.stdout.write(f'\n{json.dumps(probe())}\n')
