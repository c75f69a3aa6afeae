# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scene: what is drawn, in which role and style. Everything but instruments is in ct.

A scene file; all but ``meshes`` is optional::

    style: outline.yaml        # a style sheet; a path is relative to this file
    unit: mm                   # of all that names none: mm (default) or m
    max_triangles: 250000      # of all meshes together; the largest are decimated to that, once, while loading
    meshes:
      tumour: {path: tumour.vtk, role: target}
      portal_vein: {path: vessels/portal.stl, unit: m, role: risk, colour: sky_blue, fill: 0.4, margin: 5}
      liver: {path: liver.ply, outline: 0.8, crease: 0.5, line_px: 2, dashed: false, visible: false}
      phantom: {path: 'synthetic:liver'}  # the demo's own anatomy
    landmarks:                 # points: or file: (any that files/points.py reads, PATH or PATH#NAME)
      points: {xiphoid: [23.7, -59.2, 73.8]}
      radius: 2
      labels: true
    trajectories:
      biopsy: {entry: [0, -80, 40], target: [-37, -12, -5], radius: 0.8}
      drill: {points: [[0, 0, 0], [0, 10, 0], [5, 20, 0]], role: target, dashed: true}
    instruments:               # in the frame of their tip: the tip at its origin
      pointer: {shaft: {radius: 2, length: 150, axis: [0, 0, -1], cap: round}}
      drill: {mesh: drill.stl, frame: drill_tip}
    look: {depth_cue: 0.4, window: {around: tumour, radius: 40, rim: 0.2, keep: 0.6}}

``line_px`` is a width in a picture of 1080 lines. ``margin`` draws a shell so far around the structure, as a structure of its
own that is named ``<name> margin``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from arsurg_ros.errors import ConfigError
from arsurg_ros.files.meshes import load_mesh
from arsurg_ros.files.progress import Progress, silent
from arsurg_ros.geometry.decimation import decimated
from arsurg_ros.geometry.mesh_checks import MeshReport, inspect_mesh, welded
from arsurg_ros.geometry.shapes import shaft
from arsurg_ros.overlay.levels import Level, build_levels, shared_limits
from arsurg_ros.overlay.scene_file import InstrumentEntry, MeshEntry, Styler, read_scene_file
from arsurg_ros.overlay.structures import (
    Anatomy,
    Instrument,
    Landmark,
    MeshSource,
    Scene,
    SceneLook,
    SceneWindow,
    Trajectory,
)
from arsurg_ros.overlay.style import DEFAULT_STYLE, Role, StyleSheet
from arsurg_ros.synthetic import phantom_meshes, pointer_meshes
from arsurg_ros.types import Mesh

__all__ = [
    'SYNTHETIC',
    'Anatomy',
    'Instrument',
    'Landmark',
    'Scene',
    'SceneLook',
    'SceneWindow',
    'Trajectory',
    'load_scene',
    'make_scene',
]

# Instead of a file: a mesh of the synthetic phantom or, for an instrument, of its pointer.
SYNTHETIC = 'synthetic:'


def make_scene(meshes: Mapping[str, Mesh], roles: Mapping[str, Role], sheet: StyleSheet = DEFAULT_STYLE) -> Scene:
    """Return a scene of meshes in memory with the styles of their roles; a mesh without a role is context."""
    styler = Styler(sheet)
    of = {name: roles.get(name, Role.CONTEXT) for name in meshes}
    return Scene(tuple(Anatomy(mesh, styler.style(of[name]), of[name]) for name, mesh in meshes.items()))


def load_scene(
    path: str | Path,
    root: str | Path = '',
    progress: Progress = silent,
    *,
    sheet: StyleSheet | None = None,
    levels: bool = True,
) -> Scene:
    """Return the scene of a YAML file with its meshes read, checked, decimated to its limit, and their levels built.

    Without a frame budget only whole meshes are drawn: ``levels`` False builds no others. Paths of meshes are relative to
    ``root``, or else to the file. ``sheet`` stands in for the file's own style sheet; what the file says of a single thing
    holds. Raises DataError for a scene, style, points or mesh file that cannot be read, ConfigError for an unknown key or
    wrong value, RegistrationError for points that are not finite.
    """
    file = read_scene_file(path, root, sheet=sheet)
    read = [_read(entry, progress) for entry in file.meshes]
    reports = tuple(_checked(mesh, progress) for mesh in read)
    limits = shared_limits([len(mesh.triangles) for mesh in read], file.max_triangles)
    meshes = [_limited(mesh, limit, progress) for mesh, limit in zip(read, limits, strict=True)]
    warnings = [line for report in reports for line in report.warnings()]
    warnings += [_fewer(old, new) for old, new in zip(read, meshes, strict=True) if len(new.triangles) < len(old.triangles) / 2]
    rows = zip(file.meshes, meshes, (_levels(mesh, levels, progress) for mesh in meshes), strict=True)
    anatomies = [_anatomy(*row) for row in rows]
    return Scene(
        (*anatomies, *_margins(file.meshes, anatomies)),
        file.landmarks,
        file.trajectories,
        tuple(_instrument(entry) for entry in file.instruments),
        file.look,
        tuple(warnings),
    )


def _read(entry: MeshEntry, progress: Progress) -> Mesh:
    progress(f'reading {entry.name}', 0.0)
    mesh = _loaded(entry.name, entry.path, entry.unit, phantom_meshes)
    progress(f'reading {entry.name}', 1.0)
    return mesh


def _loaded(name: str, path: Path, unit: str, synthetic: Callable[[], list[Mesh]]) -> Mesh:
    """Return the mesh of a file or, by its name there, one of the synthetic world."""
    if not path.name.startswith(SYNTHETIC):
        return load_mesh(path, unit=unit, name=name)
    wanted = path.name.removeprefix(SYNTHETIC)
    meshes = {mesh.name: mesh for mesh in synthetic()}
    if wanted not in meshes:
        valid = ', '.join(SYNTHETIC + name for name in meshes)
        raise ConfigError(f'scene: mesh {name}: path {path.name!r}; valid: {valid}')
    return replace(meshes[wanted], name=name)


def _source(path: Path, unit: str) -> MeshSource | None:
    return None if path.name.startswith(SYNTHETIC) else MeshSource(path, unit)


def _checked(mesh: Mesh, progress: Progress) -> MeshReport:
    progress(f'checking {mesh.name}', 0.0)
    report = inspect_mesh(mesh)
    progress(f'checking {mesh.name}', 1.0)
    return report


def _limited(mesh: Mesh, limit: int, progress: Progress) -> Mesh:
    if len(mesh.triangles) <= limit:
        return welded(mesh)
    what = f'decimating {mesh.name} from {len(mesh.triangles)} to {limit} triangles'
    fewer = decimated(mesh, limit, lambda share: progress(what, min(share, 0.99)))
    progress(what, 1.0)
    return fewer


def _fewer(old: Mesh, new: Mesh) -> str:
    return f'mesh {old.name}: decimated from {len(old.triangles)} to {len(new.triangles)} triangles'


def _levels(mesh: Mesh, built: bool, progress: Progress) -> tuple[Level, ...]:
    return build_levels(mesh, progress=progress) if built else (Level(mesh, 0.0),)


def _anatomy(entry: MeshEntry, mesh: Mesh, levels: tuple[Level, ...]) -> Anatomy:
    return Anatomy(mesh, entry.style, entry.role, levels, source=_source(entry.path, entry.unit))


def _margins(entries: Sequence[MeshEntry], anatomies: Sequence[Anatomy]) -> list[Anatomy]:
    """Return the shells, structures of their own over the same triangles."""
    out = []
    for entry, anatomy in zip(entries, anatomies, strict=True):
        if entry.margin_style is not None:
            name = f'{entry.name} margin'
            levels = tuple(replace(level, mesh=replace(level.mesh, name=name)) for level in anatomy.levels)
            out.append(Anatomy(levels[0].mesh, entry.margin_style, Role.MARGIN, levels, margin_of=entry.name))
    return out


def _instrument(entry: InstrumentEntry) -> Instrument:
    if entry.shaft is not None:
        s = entry.shaft
        mesh = shaft(entry.name, s.radius_m, s.length_m, s.axis, cap=s.cap)
        return Instrument(entry.name, mesh, entry.style, entry.frame)
    assert entry.path is not None
    mesh = welded(_loaded(entry.name, entry.path, entry.unit, pointer_meshes))
    return Instrument(entry.name, mesh, entry.style, entry.frame, _source(entry.path, entry.unit))
