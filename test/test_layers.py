# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The layer rule of ARCHITECTURE.md, held by walking every import, those inside functions too."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'arsurg_ros'
STAGES = ('acquisition', 'tracking', 'registration', 'overlay', 'sinks')
BASE = {'types', 'frames', 'errors'}
#: Beside the base: stdlib and numpy alone, or finding files.
TOOLS = {'resources', 'registry', 'stats'}
MAY = {
    **dict.fromkeys(BASE, BASE),
    **dict.fromkeys(TOOLS, BASE | TOOLS),
    'environment': BASE | TOOLS,
    'geometry': BASE | TOOLS | {'geometry'},
    'synthetic': BASE | TOOLS | {'geometry', 'synthetic'},
    'files': BASE | TOOLS | {'geometry', 'files'},
    'plots': BASE | TOOLS | {'geometry', 'plots'},
    'kernels': BASE | TOOLS | {'geometry', 'kernels'},
    **{stage: BASE | TOOLS | {'geometry', 'files', 'kernels', 'synthetic', stage} for stage in STAGES},
}
#: Modules that one place alone may import.
RESERVED = {
    'wasmtime': ('kernels/host.py',),
    'rclpy': ('nodes/',),
    'launch': (),
    'launch_ros': (),
    'tf2_ros': (),
    'rosbag2_py': (),
    'cv_bridge': (),
    'message_filters': (),
}
MESSAGES = ('_msgs', '_srvs', '_interfaces')
FILES = sorted(PACKAGE.rglob('*.py'))
LAYERS = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == '.py'}


def place(path: Path) -> str:
    """Return a file's path below the package, with slashes."""
    return path.relative_to(PACKAGE).as_posix()


def layer(name: str) -> str:
    """Return the layer of ``geometry/se3.py`` or ``arsurg_ros.geometry.se3``: its first word."""
    return name.removeprefix('arsurg_ros.').replace('/', '.').removesuffix('.py').split('.')[0]


def imported(path: Path, source: str) -> Iterator[str]:
    """Yield the dotted name of every import, relative ones resolved, ``from package import module`` joined."""
    parts = ['arsurg_ros', *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level + 1] if node.level else []
            module = '.'.join([*base, *([node.module] if node.module else [])])
            yield from (f'{module}.{alias.name}' for alias in node.names)


def broken(path: Path, source: str) -> list[str]:
    """Return what a file imports against the rule."""
    own, found = layer(place(path)), []
    for name in imported(path, source):
        top = name.split('.')[0]
        if top == 'arsurg_ros' and layer(name) in LAYERS:
            if layer(name) == 'nodes' and own != 'nodes':
                found.append(f'{name}: nothing imports nodes')
            elif own in MAY and layer(name) not in MAY[own]:
                found.append(f'{name}: {own} may import {", ".join(sorted(MAY[own]))}')
        elif top in RESERVED and not any(place(path).startswith(allowed) for allowed in RESERVED[top]):
            found.append(f'{name}: only {", ".join(RESERVED[top]) or "nobody"} imports {top}')
        elif top.endswith(MESSAGES) and own != 'nodes':
            found.append(f'{name}: only nodes imports messages')
    return found


@pytest.mark.parametrize('path', FILES, ids=place)
def test_a_file_keeps_to_its_layer(path: Path) -> None:
    assert broken(path, path.read_text(encoding='utf-8')) == []


@pytest.mark.parametrize(
    ('where', 'source', 'said'),
    [
        ('tracking/aruco.py', 'from arsurg_ros.registration.landmarks import register', 'tracking may import'),
        ('tracking/aruco.py', 'def f():\n    from arsurg_ros import registration', 'tracking may import'),
        ('tracking/aruco.py', 'from ..sinks import image', 'tracking may import'),
        ('geometry/se3.py', 'import arsurg_ros.kernels.host', 'geometry may import'),
        ('types.py', 'from arsurg_ros import geometry', 'types may import'),
        ('pipeline.py', 'from arsurg_ros.nodes import camera', 'nothing imports nodes'),
        ('kernels/landmarks.py', 'import wasmtime', 'only kernels/host.py imports wasmtime'),
        ('cli.py', 'from rclpy.node import Node', 'only nodes/ imports rclpy'),
        ('nodes/camera.py', 'from tf2_ros import Buffer', 'only nobody imports tf2_ros'),
        ('cli.py', 'from sensor_msgs.msg import Image', 'only nodes imports messages'),
    ],
)
def test_the_rule_sees_a_breach(where: str, source: str, said: str) -> None:
    assert [said] == [text for text in [said] if any(text in line for line in broken(PACKAGE / where, source))]


def test_a_stage_may_use_geometry_and_itself() -> None:
    source = 'from arsurg_ros.geometry import se3\nfrom arsurg_ros.tracking import boards\nimport numpy\nimport cv2'
    assert broken(PACKAGE / 'tracking' / 'aruco.py', source) == []


def test_every_folder_of_modules_is_a_package() -> None:
    assert [place(path.parent) for path in FILES if not (path.parent / '__init__.py').is_file()] == []


def test_parts_of_scipy_load_when_first_used() -> None:
    """``import scipy`` loads a part when it is named; ``from scipy import optimize`` at the top loads it at every start."""
    found = {(place(p), name) for p in FILES for name in imported(p, p.read_text(encoding='utf-8')) if name.startswith('scipy')}
    assert ('registration/tre.py', 'scipy') in found
    assert sorted((file, name) for file, name in found if name != 'scipy') == []


@pytest.mark.parametrize(
    ('words', 'found'),
    [('', []), ("['log']", ['arsurg_ros.commands.log']), ("['calibrate', 'pivot']", ['arsurg_ros.commands.camera', 'cv2'])],
)
def test_a_command_line_imports_what_it_names(words: str, found: list[str]) -> None:
    watched = ('arsurg_ros.commands.camera', 'arsurg_ros.commands.log', 'cv2', 'scipy.special', 'matplotlib')
    code = f'import sys, arsurg_ros.cli as c; c.parser({words or "[]"}); print([m for m in {watched} if m in sys.modules])'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout == f'{found}\n'


def test_the_whole_parser_solves_and_draws_nothing() -> None:
    code = "import sys, arsurg_ros.cli as c; c.parser(); print([m in sys.modules for m in ('scipy.special', 'matplotlib')])"
    said = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout
    assert said == '[False, False]\n'
