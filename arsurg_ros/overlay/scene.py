# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scene: which structures are drawn, in which role and style. Meshes are in ct, metres.

A scene file::

    style: outline.yaml        # optional: a style sheet; a path is relative to this file
    unit: mm                   # of the meshes that name none: mm (default) or m
    meshes:
      tumour: {path: tumour.vtk, role: target}
      portal_vein: {path: vessels/portal.stl, unit: m, role: risk, colour: sky_blue, fill: 0.4, outline: 1.0}
      liver: {path: liver.ply, visible: false}
      phantom: {path: 'synthetic:liver'}  # the demo's own anatomy
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from arsurg_ros.errors import ConfigError
from arsurg_ros.files.meshes import load_mesh
from arsurg_ros.files.source import UNITS_M
from arsurg_ros.overlay.style import (
    DEFAULT_STYLE,
    Role,
    StyleSheet,
    load_style,
    only_keys,
    parse_colour,
    parse_opacity,
    read_yaml,
)
from arsurg_ros.synthetic import phantom_meshes
from arsurg_ros.types import Mesh, MeshStyle

SCENE_KEYS = ('meshes', 'unit', 'style')
MESH_KEYS = ('path', 'unit', 'role', 'colour', 'fill', 'outline', 'visible')
# Instead of a file: a mesh of the synthetic phantom.
SYNTHETIC = 'synthetic:'
# The rasteriser's ids are 8 bit, 0 for nothing.
MOST_MESHES = 254


@dataclass(frozen=True)
class Anatomy:
    """One structure: its mesh in ct, how it is drawn, what it means."""

    mesh: Mesh
    style: MeshStyle
    role: Role = Role.CONTEXT


@dataclass(frozen=True)
class Scene:
    """The structures, in the file's order; names differ."""

    anatomies: tuple[Anatomy, ...]

    def __post_init__(self) -> None:
        """Raise ConfigError for no structure, too many, or two of one name."""
        names = [a.mesh.name for a in self.anatomies]
        if not 1 <= len(names) <= MOST_MESHES:
            raise ConfigError(f'scene: {len(names)} meshes; valid: 1 to {MOST_MESHES}')
        if len(set(names)) != len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise ConfigError(f'scene: mesh {twice!r} is there more than once')

    @property
    def meshes(self) -> list[Mesh]:
        """The meshes, in order."""
        return [a.mesh for a in self.anatomies]

    @property
    def styles(self) -> list[MeshStyle]:
        """The styles, in order."""
        return [a.style for a in self.anatomies]

    @property
    def targets(self) -> list[Mesh]:
        """The meshes whose role is target and which are visible."""
        return [a.mesh for a in self.anatomies if a.role is Role.TARGET and a.style.visible]


@dataclass(frozen=True)
class MeshEntry:
    """One mesh of a scene file, before it is read."""

    name: str
    path: Path
    unit: str
    role: Role
    style: MeshStyle


def make_scene(meshes: Mapping[str, Mesh], roles: Mapping[str, Role], sheet: StyleSheet = DEFAULT_STYLE) -> Scene:
    """Return a scene of meshes in memory with the styles of their roles; a mesh without a role is context."""
    styler = _Styler(sheet)
    of = {name: roles.get(name, Role.CONTEXT) for name in meshes}
    return Scene(tuple(Anatomy(mesh, styler.style(of[name]), of[name]) for name, mesh in meshes.items()))


def load_scene(path: str | Path, root: str | Path = '', *, sheet: StyleSheet | None = None) -> Scene:
    """Return the scene of a YAML file with its meshes read; their paths are relative to ``root``, or else to the file.

    ``sheet`` stands in for the file's own style sheet; what the file says of a single mesh holds.
    Raises DataError for a scene, style or mesh file that cannot be read, ConfigError for an unknown key or wrong value.
    """
    return Scene(tuple(Anatomy(_read(e), e.style, e.role) for e in read_entries(path, root, sheet=sheet)))


def _read(entry: MeshEntry) -> Mesh:
    if entry.path.name.startswith(SYNTHETIC):
        return _synthetic_mesh(entry)
    return load_mesh(entry.path, unit=entry.unit, name=entry.name)


def _synthetic_mesh(entry: MeshEntry) -> Mesh:
    wanted = entry.path.name.removeprefix(SYNTHETIC)
    meshes = {m.name: m for m in phantom_meshes()}
    if wanted not in meshes:
        valid = ', '.join(SYNTHETIC + name for name in meshes)
        raise ConfigError(f'scene: mesh {entry.name}: path {entry.path.name!r}; valid: {valid}')
    return replace(meshes[wanted], name=entry.name)


def read_entries(path: str | Path, root: str | Path = '', *, sheet: StyleSheet | None = None) -> tuple[MeshEntry, ...]:
    """Return the entries of a scene file, without reading the meshes; raises as ``load_scene`` does."""
    path = Path(path)
    where = f'scene {path}'
    data = read_yaml(path, where)
    if not isinstance(data, Mapping):
        raise ConfigError(f'{where}: a mapping with the key meshes is needed')
    only_keys(data, SCENE_KEYS, where)
    meshes = data.get('meshes')
    if not isinstance(meshes, Mapping) or not meshes:
        raise ConfigError(f'{where}: meshes {meshes!r}: a mapping of at least one name to its path and style is needed')
    unit = _choice(data.get('unit', 'mm'), tuple(UNITS_M), f'{where}: unit')
    styler = _Styler(sheet or _sheet(data.get('style'), path.parent, where))
    folder = Path(root) if root else path.parent
    return tuple(_entry(str(n), e, folder, unit, styler, f'{where}: mesh {n}') for n, e in meshes.items())


def _sheet(value: Any, folder: Path, where: str) -> StyleSheet:
    if value is None:
        return DEFAULT_STYLE
    if not isinstance(value, str):
        raise ConfigError(f'{where}: style {value!r}: the path of a style sheet is needed')
    return load_style(folder / value)


def _entry(name: str, data: Any, folder: Path, unit: str, styler: _Styler, where: str) -> MeshEntry:
    if not isinstance(data, Mapping):
        raise ConfigError(f'{where}: {data!r}: a mapping with the key path is needed')
    only_keys(data, MESH_KEYS, where)
    path = data.get('path')
    if not isinstance(path, str) or not path:
        raise ConfigError(f'{where}: path {path!r}: the path of a mesh file is needed')
    role = Role(_choice(data.get('role', Role.CONTEXT.value), tuple(r.value for r in Role), f'{where}: role'))
    mesh_unit = _choice(data.get('unit', unit), tuple(UNITS_M), f'{where}: unit')
    return MeshEntry(name, folder / path, mesh_unit, role, _styled(data, role, styler, where))


def _styled(data: Mapping[str, Any], role: Role, styler: _Styler, where: str) -> MeshStyle:
    visible = data.get('visible', True)
    if not isinstance(visible, bool):
        raise ConfigError(f'{where}: visible {visible!r}; valid: true, false')
    base = styler.style(role, own_colour='colour' in data)
    return MeshStyle(
        rgb=parse_colour(data['colour'], f'{where}: colour') if 'colour' in data else base.rgb,
        fill=parse_opacity(data.get('fill', base.fill), f'{where}: fill'),
        outline=parse_opacity(data.get('outline', base.outline), f'{where}: outline'),
        visible=visible,
    )


def _choice(value: Any, valid: Sequence[str], where: str) -> str:
    if isinstance(value, str) and value in valid:
        return value
    raise ConfigError(f'{where} {value!r}; valid: {", ".join(valid)}')


class _Styler:
    """Hands out the styles of a sheet: structures of one role take its colours in turn."""

    def __init__(self, sheet: StyleSheet) -> None:
        self._sheet = sheet
        self._used: Counter[Role] = Counter()

    def style(self, role: Role, own_colour: bool = False) -> MeshStyle:
        s = self._sheet[role]
        colour = s.colours[self._used[role] % len(s.colours)]
        self._used[role] += not own_colour
        return MeshStyle(colour, s.fill, s.outline)
