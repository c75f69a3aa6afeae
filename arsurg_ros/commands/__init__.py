# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ``arsurg`` does without ROS: calibrate, register, estimate, render.

One module a command, each with ``add`` and ``run``.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Collection

GROUPS = {
    'calibrate': 'find the constants of cameras, tools and robots',
    'register': 'find the transform between an image and a patient',
    'estimate': 'find the delay between two streams, and what a recording really shows',
    'log': 'look at the record of accepted registrations',
}
#: Command group -> the modules that add its commands, in the order of the help.
MODULES: dict[str, tuple[str, ...]] = {
    'calibrate': (
        'arsurg_ros.commands.pivot',
        'arsurg_ros.commands.spin',
        'arsurg_ros.commands.sphere',
        'arsurg_ros.commands.handeye',
        'arsurg_ros.commands.camera',
        'arsurg_ros.commands.camera_to_tracker',
    ),
    'register': ('arsurg_ros.commands.landmarks', 'arsurg_ros.commands.surface'),
    'estimate': ('arsurg_ros.commands.latency', 'arsurg_ros.commands.photodiode'),
    'log': ('arsurg_ros.commands.log',),
}
#: Command without a group -> its module and help; the module's ``add`` takes the command's own parser.
ALONE = {'render': ('arsurg_ros.commands.render', 'draw one frame: meshes as a camera sees them, over a picture or black')}


def add_all(commands: argparse._SubParsersAction[argparse.ArgumentParser], words: Collection[str] = (*GROUPS, *ALONE)) -> None:
    """Add every command to the ``arsurg`` parser, and the options of those among the words given: others are not imported."""
    for group, description in GROUPS.items():
        parser = commands.add_parser(group, help=description, description=description.capitalize() + '.')
        members = parser.add_subparsers(required=True, metavar='WHAT')
        for module in MODULES[group] if group in words else ():
            importlib.import_module(module).add(members)
    for name, (module, description) in ALONE.items():
        parser = commands.add_parser(name, help=description, description=description.capitalize() + '.')
        if name in words:
            importlib.import_module(module).add(parser)
