# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A recording through the real nodes: ``ros2 launch arsurg_ros replay.launch.py bag:=FOLDER``."""

from arsurg_ros.launching import explain, launch_description


def generate_launch_description():
    """Return the nodes and arguments of the system ``replay`` (arsurg_ros/system.py)."""
    return launch_description('replay')


if __name__ == '__main__':
    raise SystemExit(explain('replay'))
