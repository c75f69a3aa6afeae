# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A scene file as it stands, before its meshes are read: every key is known, every value valid. See ``overlay.scene``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.files.points import load_points
from arsurg_ros.files.source import UNITS_M
from arsurg_ros.overlay.structures import LANDMARK_RADIUS_M, Landmark, SceneLook, SceneWindow, Trajectory
from arsurg_ros.overlay.style import ANATOMY, DEFAULT_STYLE, Rgb, Role, StyleSheet, load_style, parse_colour, with_lines
from arsurg_ros.overlay.values import (
    parse_bool,
    parse_choice,
    parse_length_m,
    parse_mapping,
    parse_opacity,
    parse_point_m,
    parse_text,
    parse_whole,
    read_yaml,
)
from arsurg_ros.types import MeshStyle

SCENE_KEYS = ('meshes', 'unit', 'style', 'landmarks', 'trajectories', 'instruments', 'look', 'max_triangles')
DRAWN_KEYS = ('colour', 'fill', 'outline', 'crease', 'line_px', 'dashed', 'visible')
LINE_KEYS = ('colour', 'outline', 'line_px', 'dashed', 'visible')
MESH_KEYS = ('path', 'unit', 'role', *DRAWN_KEYS, 'margin')
LANDMARK_KEYS = ('points', 'file', 'unit', 'radius', 'labels', 'colour', 'visible')
TRAJECTORY_KEYS = ('entry', 'target', 'points', 'unit', 'radius', 'role', *LINE_KEYS)
INSTRUMENT_KEYS = ('mesh', 'shaft', 'unit', 'frame', *LINE_KEYS)
SHAFT_KEYS = ('radius', 'length', 'axis', 'cap')
LOOK_KEYS = ('depth_cue', 'window')
WINDOW_KEYS = ('around', 'radius', 'rim', 'keep')
TRAJECTORY_ROLES = (Role.TRAJECTORY, *ANATOMY)
CAPS = ('round', 'flat')
# So many triangles are resident and drawn within a frame's time (tools/bench); a scene may ask for others.
MAX_TRIANGLES, LEAST_TRIANGLES, MOST_RESIDENT = 250_000, 1_000, 2_000_000
MOST_MARGIN_M = 0.1


@dataclass(frozen=True)
class MeshEntry:
    """One mesh of a scene file; its safety margin, metres, has a style where it is above 0."""

    name: str
    path: Path
    unit: str
    role: Role
    style: MeshStyle
    margin_m: float = 0.0
    margin_style: MeshStyle | None = None


@dataclass(frozen=True)
class ShaftEntry:
    """A shaft from the tip along ``axis`` (3,) in the tip frame, metres; ``cap`` round or flat."""

    radius_m: float
    length_m: float
    axis: tuple[float, float, float]
    cap: str


@dataclass(frozen=True)
class InstrumentEntry:
    """An instrument: a shaft, or the mesh of ``path`` in ``unit``; ``frame`` empty for the overlay's tip frame."""

    name: str
    path: Path | None
    unit: str
    shaft: ShaftEntry | None
    frame: str
    style: MeshStyle


@dataclass(frozen=True)
class SceneFile:
    """A scene file's content; everything but meshes is ready to be drawn."""

    meshes: tuple[MeshEntry, ...]
    landmarks: tuple[Landmark, ...] = ()
    trajectories: tuple[Trajectory, ...] = ()
    instruments: tuple[InstrumentEntry, ...] = ()
    look: SceneLook = SceneLook()  # noqa: RUF009 (frozen)
    max_triangles: int = MAX_TRIANGLES


class Styler:
    """Hands out the styles of a sheet: structures of one role take its colours in turn."""

    def __init__(self, sheet: StyleSheet) -> None:
        """Take the sheet."""
        self.sheet = sheet
        self._used: Counter[Role] = Counter()

    def style(self, role: Role, data: Mapping[str, Any] | None = None, where: str = '', own: Rgb | None = None) -> MeshStyle:
        """Return the next style of a role, with the keys of a file in its place; ``own`` is the colour of what it belongs to.

        Raises ConfigError for a wrong value.
        """
        data = data or {}
        style = self.sheet[role]
        if 'colour' in data:
            rgb = parse_colour(data['colour'], f'{where}: colour')
        elif own is not None and not style.colours:
            rgb = own
        else:
            rgb = style.colours[self._used[role] % len(style.colours)]
            self._used[role] += 1
        visible = parse_bool(data.get('visible', True), f'{where}: visible')
        return replace(with_lines(style, data, where).mesh_style(rgb), visible=visible)


@dataclass(frozen=True)
class _Context:
    """What every part of a file needs: whose errors they are, the unit where none is named, the folders, the styles."""

    where: str
    unit: str
    folder: Path
    mesh_folder: Path
    styler: Styler

    def unit_of(self, data: Mapping[str, Any], where: str) -> str:
        return parse_choice(data.get('unit', self.unit), tuple(UNITS_M), f'{where}: unit')


def read_scene_file(path: str | Path, root: str | Path = '', *, sheet: StyleSheet | None = None) -> SceneFile:
    """Return a scene file's content; paths of meshes are relative to ``root``, or else to the file; others to the file.

    ``sheet`` stands in for the file's own style sheet. Raises DataError for a scene, style or points file that cannot be
    read, ConfigError for an unknown key or wrong value.
    """
    path = Path(path)
    where = f'scene {path}'
    data = read_yaml(path, where)
    if not isinstance(data, Mapping):
        raise ConfigError(f'{where}: a mapping with the key meshes is needed')
    parse_mapping(data, SCENE_KEYS, where)
    unit = parse_choice(data.get('unit', 'mm'), tuple(UNITS_M), f'{where}: unit')
    styler = Styler(sheet or _sheet(data.get('style'), path.parent, where))
    context = _Context(where, unit, path.parent, Path(root) if root else path.parent, styler)
    meshes = data.get('meshes')
    if not isinstance(meshes, Mapping) or not meshes:
        raise ConfigError(f'{where}: meshes {meshes!r}: a mapping of at least one name to its path and style is needed')
    most = data.get('max_triangles', MAX_TRIANGLES)
    return SceneFile(
        tuple(_mesh(str(name), entry, context) for name, entry in meshes.items()),
        _landmarks(data.get('landmarks'), context),
        tuple(_trajectory(*item, context) for item in _named(data.get('trajectories'), f'{where}: trajectories')),
        tuple(_instrument(*item, context) for item in _named(data.get('instruments'), f'{where}: instruments')),
        _look(data.get('look', {}), context),
        parse_whole(most, LEAST_TRIANGLES, MOST_RESIDENT, f'{where}: max_triangles'),
    )


def _sheet(value: Any, folder: Path, where: str) -> StyleSheet:
    if value is None:
        return DEFAULT_STYLE
    return load_style(folder / parse_text(value, 'the path of a style sheet', f'{where}: style'))


def _named(value: Any, where: str) -> Iterable[tuple[str, Any]]:
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise ConfigError(f'{where} {value!r}: a mapping of names is needed')
    return ((str(name), entry) for name, entry in value.items())


def _mesh(name: str, data: Any, context: _Context) -> MeshEntry:
    where = f'{context.where}: mesh {name}'
    if not isinstance(data, Mapping):
        raise ConfigError(f'{where}: {data!r}: a mapping with the key path is needed')
    parse_mapping(data, MESH_KEYS, where)
    path = parse_text(data.get('path'), 'the path of a mesh file', f'{where}: path')
    role = Role(parse_choice(data.get('role', Role.CONTEXT.value), [r.value for r in ANATOMY], f'{where}: role'))
    unit = context.unit_of(data, where)
    style = context.styler.style(role, data, where)
    entry = MeshEntry(name, context.mesh_folder / path, unit, role, style)
    if 'margin' not in data:
        return entry
    margin_m = parse_length_m(data['margin'], UNITS_M[context.unit], f'{where}: margin', most_m=MOST_MARGIN_M)
    shell = context.styler.style(Role.MARGIN, {'visible': style.visible}, where, own=style.rgb)
    shell = replace(shell, inflate_m=margin_m, solid=False)
    return replace(entry, margin_m=margin_m, margin_style=shell if margin_m else None)


def _landmarks(data: Any, context: _Context) -> tuple[Landmark, ...]:
    if data is None:
        return ()
    where = f'{context.where}: landmarks'
    data = parse_mapping(data, LANDMARK_KEYS, where)
    if ('points' in data) == ('file' in data):
        raise ConfigError(f'{where}: one of points (name: [x, y, z]) and file is needed')
    unit_m = UNITS_M[context.unit_of(data, where)]
    style = context.styler.style(Role.LANDMARK, data, where)
    radius_m = parse_length_m(data.get('radius', LANDMARK_RADIUS_M / unit_m), unit_m, f'{where}: radius', least_m=1e-4)
    label = parse_bool(data.get('labels', True), f'{where}: labels')
    if 'file' in data:
        file = parse_text(data['file'], 'the path of a points file', f'{where}: file')
        points = load_points(str(context.folder / file), unit_m)
        pairs = list(zip(points.names, points.p_m, strict=True))
    else:
        rows = _named(data['points'], f'{where}: points')
        pairs = [(name, parse_point_m(p, unit_m, f'{where}: point {name}')) for name, p in rows]
    return tuple(Landmark(name, p, style, radius_m, label) for name, p in pairs)


def _trajectory(name: str, data: Any, context: _Context) -> Trajectory:
    where = f'{context.where}: trajectory {name}'
    data = parse_mapping(data, TRAJECTORY_KEYS, where)
    unit_m = UNITS_M[context.unit_of(data, where)]
    ends = [data.get('entry'), data.get('target')]
    points = data.get('points', ends)
    whole = isinstance(points, list) and len(points) >= 2 and None not in points
    if ('points' in data) == any(end is not None for end in ends) or not whole:
        raise ConfigError(f'{where}: entry and target, or points: at least two [x, y, z], are needed')
    path = np.array([parse_point_m(p, unit_m, f'{where}: point {k}') for k, p in enumerate(points)])
    if not (np.linalg.norm(np.diff(path, axis=0), axis=1) > 1e-6).all():
        raise ConfigError(f'{where}: two points in a row are at the same place')
    radius = data.get('radius')
    radius_m = None if radius is None else parse_length_m(radius, unit_m, f'{where}: radius', least_m=1e-4, most_m=0.1)
    valid = [r.value for r in TRAJECTORY_ROLES]
    role = Role(parse_choice(data.get('role', Role.TRAJECTORY.value), valid, f'{where}: role'))
    return Trajectory(name, path, context.styler.style(role, data, where), radius_m, role)


def _instrument(name: str, data: Any, context: _Context) -> InstrumentEntry:
    where = f'{context.where}: instrument {name}'
    data = parse_mapping(data, INSTRUMENT_KEYS, where)
    if ('mesh' in data) == ('shaft' in data):
        raise ConfigError(f'{where}: one of mesh (a path) and shaft (radius, length) is needed')
    unit = context.unit_of(data, where)
    frame = parse_text(data['frame'], 'the name of the TF frame at its tip', f'{where}: frame') if 'frame' in data else ''
    path = None
    if 'mesh' in data:
        path = context.mesh_folder / parse_text(data['mesh'], 'the path of a mesh file', f'{where}: mesh')
    shaft = _shaft(data['shaft'], UNITS_M[unit], f'{where}: shaft') if 'shaft' in data else None
    return InstrumentEntry(name, path, unit, shaft, frame, context.styler.style(Role.INSTRUMENT, data, where))


def _shaft(data: Any, unit_m: float, where: str) -> ShaftEntry:
    data = parse_mapping(data, SHAFT_KEYS, where)
    radius_m = parse_length_m(data.get('radius'), unit_m, f'{where}: radius', least_m=1e-4, most_m=0.1)
    length_m = parse_length_m(data.get('length'), unit_m, f'{where}: length', least_m=1e-3)
    x, y, z = parse_point_m(data.get('axis', [0, 0, -1]), 1.0, f'{where}: axis').tolist()
    return ShaftEntry(radius_m, length_m, (x, y, z), parse_choice(data.get('cap', 'round'), CAPS, f'{where}: cap'))


def _look(data: Any, context: _Context) -> SceneLook:
    where = f'{context.where}: look'
    data = parse_mapping(data, LOOK_KEYS, where)
    cue = parse_opacity(data.get('depth_cue', SceneLook().depth_cue), f'{where}: depth_cue')
    if data.get('window') is None:
        return SceneLook(cue)
    where = f'{where}: window'
    window = parse_mapping(data['window'], WINDOW_KEYS, where)
    around = parse_text(window.get('around', 'tip'), 'tip, or the name of a mesh,', f'{where}: around')
    radius_m = parse_length_m(window.get('radius'), UNITS_M[context.unit], f'{where}: radius', least_m=1e-3)
    parts = {key: parse_opacity(window[key], f'{where}: {key}') for key in ('rim', 'keep') if key in window}
    return SceneLook(cue, SceneWindow(around, radius_m, **parts))
