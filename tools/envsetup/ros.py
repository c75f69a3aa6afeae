# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a ROS 2 is sourced, and the Python that goes with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from envsetup.common import SetupError, clean_environ

TOO_OLD = ('ardent', 'bouncy', 'crystal', 'dashing', 'eloquent', 'foxy', 'galactic', 'humble', 'iron')
PYTHONS = ('/usr/bin/python3', 'python3', 'python3.12', 'python3.11', 'python3.13', 'python3.10')
#: The part of rclpy that is compiled for one Python.
RCLPY = 'rclpy.impl.implementation_singleton'
#: Beyond rclpy, what the nodes publish and call; the apt name is ros-<distro>-<name with dashes>.
PACKAGES = (
    'rclpy', 'std_msgs', 'geometry_msgs', 'sensor_msgs', 'visualization_msgs', 'diagnostic_msgs', 'tf2_msgs',
    'std_srvs', 'lifecycle_msgs', RCLPY,
)


def sourced(environ: Mapping[str, str] = os.environ) -> str:
    """Return the sourced ROS 2 distribution, '' for none."""
    distro = environ.get('ROS_DISTRO', '')
    if distro in TOO_OLD or (distro and environ.get('ROS_VERSION', '2') != '2'):
        raise SetupError(
            f'ROS_DISTRO={distro} is sourced and too old: source ROS 2 Jazzy or later, or use a shell without it '
            '(the set-up then brings ROS 2 Jazzy as wheels)'
        )
    return distro


CHECK = """
import importlib, sys
if not (3, 10) <= sys.version_info[:2] <= (3, 13):
    sys.exit(1)
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError:
        print(name)
"""


def lacks(python: str, names: tuple[str, ...]) -> list[str] | None:
    """Return the ``names`` that ``python`` cannot import; None where it does not run or is too old or new.

    They are really imported: by PYTHONPATH alone every Python finds a sourced ROS 2, and only its own can load it.
    """
    try:
        found = subprocess.run(
            [python, '-c', CHECK, *names], capture_output=True, text=True, env=clean_environ(), check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.split() if found.returncode == 0 else None


def matching_python(distro: str, only_this_python: bool) -> str:
    """Return the interpreter that imports the sourced ROS 2's rclpy."""
    candidates = (sys.executable,) if only_this_python else (sys.executable, *PYTHONS)
    best: list[str] | None = None
    for python in candidates:
        missing = lacks(python, PACKAGES)
        if missing == []:
            return python
        if missing is not None and not {'rclpy', RCLPY} & set(missing):
            best = missing
    if best:
        names = ' '.join(f'ros-{distro}-{name.replace("_", "-")}' for name in best)
        raise SetupError(f'the sourced ROS 2 {distro} lacks {", ".join(best)}: sudo apt install {names}')
    raise SetupError(
        f'ROS_DISTRO={distro} is set but no Python 3.10 to 3.13 here imports its rclpy: '
        f'source /opt/ros/{distro}/setup.bash again, or unset ROS_DISTRO to use the wheels'
    )
