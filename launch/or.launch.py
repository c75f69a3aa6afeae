# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The operating room, your camera and tracker by arguments: ``ros2 launch arsurg_ros or.launch.py --show-args``."""

from arsurg_ros.launching import explain, launch_description


def generate_launch_description():
    """Return the nodes and arguments of the system ``or`` (arsurg_ros/system.py)."""
    return launch_description('or')


if __name__ == '__main__':
    raise SystemExit(explain('or'))
