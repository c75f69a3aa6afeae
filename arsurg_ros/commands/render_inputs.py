# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ``arsurg render`` is to draw: the scene, the poses, and what the overlay would be told beside them."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from arsurg_ros.commands.common import MM_PER_M, require_positive, unit_m
from arsurg_ros.errors import ConfigError
from arsurg_ros.files.meshes import load_mesh
from arsurg_ros.files.poses import load_poses
from arsurg_ros.files.progress import terminal_progress
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.mesh_checks import inspect_mesh, welded
from arsurg_ros.overlay.distance import MEASURED
from arsurg_ros.overlay.readouts import Readouts
from arsurg_ros.overlay.scene import SYNTHETIC, Scene, load_scene, make_scene
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.overlay.style import ANATOMY, DEFAULT_STYLE, Role, load_style
from arsurg_ros.overlay.view import View, view_of
from arsurg_ros.synthetic import phantom_meshes
from arsurg_ros.types import F64, Mesh


@dataclass(frozen=True)
class Asked:
    """What the overlay is told beside the pose: its state, what is shown of the scene, the data of the readouts."""

    state: OverlayState
    view: View
    readouts: Readouts


def read_scene(args: argparse.Namespace) -> Scene:
    """Return what ``--scene``, or ``--mesh`` and ``--role``, describe; raises ConfigError, DataError."""
    if bool(args.mesh) == bool(args.scene):
        raise ConfigError(f'--mesh, --scene: {"both" if args.mesh else "neither"} given; one of them is needed')
    sheet = None if args.style is None else load_style(args.style)
    if args.scene is not None:
        if args.role:
            raise ConfigError(f'--role {args.role[0]}: the scene file says the roles')
        return load_scene(args.scene, progress=terminal_progress(), sheet=sheet, levels=False)
    meshes = [read_mesh(text, args.units) for text in args.mesh]
    names = [m.name for m in meshes]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f'--mesh: {name!r} is there more than once: --mesh NAME=PATH gives another name')
    scene = make_scene({m.name: welded(m) for m in meshes}, read_roles(args.role, names), sheet or DEFAULT_STYLE)
    return replace(scene, warnings=tuple(line for m in meshes for line in inspect_mesh(m).warnings()))


def read_mesh(text: str, unit: str) -> Mesh:
    """Return the mesh of ``PATH`` or ``NAME=PATH``; a path that exists with the ``=`` in it is taken whole."""
    name, found, path = text.partition('=')
    if not found or Path(text).exists():
        name, path = '', text
    if not path.startswith(SYNTHETIC):
        return load_mesh(path, unit=unit, name=name or None)
    meshes = {SYNTHETIC + m.name: m for m in phantom_meshes()}
    if path not in meshes:
        raise ConfigError(f'--mesh {path!r}; valid: {", ".join(meshes)}')
    mesh = meshes[path]
    return Mesh(name or mesh.name, mesh.vertices_m, mesh.triangles)


def read_roles(texts: list[str], names: list[str]) -> dict[str, Role]:
    """Return the roles of ``NAME=ROLE``; raises ConfigError for a mesh that is not there or no such role."""
    roles = {}
    for text in texts:
        name, _, role = text.rpartition('=')
        if name not in names:
            raise ConfigError(f'--role {text}: mesh {name!r}; valid: NAME=ROLE with {", ".join(names)}')
        if role not in [r.value for r in ANATOMY]:
            raise ConfigError(f'--role {text}: role {role!r}; valid: {", ".join(r.value for r in ANATOMY)}')
        roles[name] = Role(role)
    return roles


def read_pose(args: argparse.Namespace) -> F64:
    """Return T_cam_ct (4, 4), metres; raises as one_pose does."""
    T = one_pose(args.pose, args, '--pose')
    return se3.inverse(T) if args.invert_pose else T


def one_pose(path: str, args: argparse.Namespace, option: str) -> F64:
    """Return the pose (4, 4), metres, of a file that holds one; raises ConfigError for more, and as load_poses does."""
    found = load_poses(path, unit_m(args))
    if len(found.T) != 1:
        raise ConfigError(f'{option} {path}: {len(found.T)} poses; one 4x4 is needed')
    T: F64 = found.T[0]
    return T


def read_asked(args: argparse.Namespace, scene: Scene) -> Asked:
    """Return what the options say of state, view, tips and margins; raises ConfigError, and as load_poses does."""
    require_positive(args, {'age_ms': 'milliseconds'}, zero=True)
    view = view_of(scene, args.show, args.hide, fill=args.fill, window=args.window)
    tips = read_tips(args, scene)
    readouts = Readouts(
        T_cam_tip=tips.pop('', None),
        T_cam_instruments=tips,
        reason=args.reason,
        margins=read_margins(args.margin, scene),
        pose_age_s=None if args.age_ms is None else args.age_ms * 1e-3,
    )
    return Asked(OverlayState(args.state), view, readouts)


def read_tips(args: argparse.Namespace, scene: Scene) -> dict[str, F64]:
    """Return T_cam_tip (4, 4), metres, by the name of an instrument that has a frame of its own; '' for the overlay's tip."""
    named = [i.name for i in scene.instruments if i.frame]
    tips: dict[str, F64] = {}
    for text in args.tip:
        name, found, path = text.partition('=')
        if not found or Path(text).exists():
            name, path = '', text
        if name and name not in named:
            raise ConfigError(f'--tip {text}: instrument {name!r}; with a frame of their own: {_listed(named)}')
        if name in tips:
            raise ConfigError(f'--tip {text}: there is one already')
        tips[name] = one_pose(path, args, '--tip')
    return tips


def read_margins(texts: Iterable[str], scene: Scene) -> tuple[tuple[str, float], ...]:
    """Return names and metres of ``NAME=MM``; raises ConfigError for what is no target or risk, or no positive number."""
    valid = [a.name for a in scene.anatomies if a.role in MEASURED]
    margins: dict[str, float] = {}
    for text in texts:
        name, _, number = text.rpartition('=')
        if name not in valid:
            raise ConfigError(f'--margin {text}: structure {name!r}; valid: NAME=MM with {_listed(valid)}')
        margins[name] = _positive_mm(number, text) / MM_PER_M
    return tuple(margins.items())


def _positive_mm(number: str, text: str) -> float:
    try:
        mm = float(number)
    except ValueError:
        mm = math.nan
    if not 0 < mm < math.inf:
        raise ConfigError(f'--margin {text}: a positive number of millimetres is needed')
    return mm


def _listed(names: list[str]) -> str:
    return ', '.join(names) or 'there is none'
