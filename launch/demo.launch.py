# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The synthetic operating room: ``ros2 launch arsurg_ros demo.launch.py``."""

from arsurg_ros.launching import explain, launch_description


def generate_launch_description():
    """Return the nodes and arguments of the system ``demo`` (arsurg_ros/system.py)."""
    return launch_description('demo')


if __name__ == '__main__':
    raise SystemExit(explain('demo'))
