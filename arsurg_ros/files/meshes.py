# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Mesh files to ``Mesh``: metres, triangles, checked. VTK's readers are imported when the first mesh is read."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.files.ply import read_ply, write_ply
from arsurg_ros.files.source import UNITS_M
from arsurg_ros.types import F64, Mesh

NO_TRIANGLES = 'no triangles'
VTK_READERS = {
    '.vtk': 'vtkmodules.vtkIOLegacy:vtkPolyDataReader',
    '.vtp': 'vtkmodules.vtkIOXML:vtkXMLPolyDataReader',
    '.stl': 'vtkmodules.vtkIOGeometry:vtkSTLReader',
    '.obj': 'vtkmodules.vtkIOGeometry:vtkOBJReader',
}
EXTENSIONS = (*VTK_READERS, '.ply')
# RViz and most renderers work within a kilometre of their origin; beyond, a unit or a header is wrong.
LARGEST_M = 1e3
# Reading takes some hundred bytes a triangle: beyond, a workstation's memory is at stake.
MOST_TRIANGLES = 20_000_000
MOST_BYTES = 4_000_000_000
STL_HEADER_BYTES, STL_TRIANGLE_BYTES = 84, 50


def load_mesh(path: str | Path, *, unit: str = 'mm', name: str | None = None) -> Mesh:
    """Return the mesh of a file whose coordinates are in ``unit`` (mm or m); ``name`` defaults to the file's stem.

    Raises ConfigError for an unknown unit or extension; DataError for a file that is missing, corrupt or without
    triangles, for vertices that are not finite or all at one place, indices out of range, coordinates beyond a kilometre,
    and more than 20 million triangles, before these are read where the file says so.
    """
    path = Path(path)
    extension = path.suffix.lower()
    if unit not in UNITS_M:
        raise ConfigError(f'mesh {path}: unit {unit!r}; valid: {", ".join(UNITS_M)}')
    if extension not in EXTENSIONS:
        raise ConfigError(f'mesh {path}: extension {extension!r}; valid: {", ".join(EXTENSIONS)}')
    _check_readable(path)
    _check_size(path, declared_triangles(path))
    if extension == '.ply':
        polygons = read_ply(path)
        vertices, triangles = polygons.vertices, polygons.triangles
    else:
        vertices, triangles = _read_vtk(path, VTK_READERS[extension])
    _check_size(path, len(triangles))
    return checked_mesh(name or path.stem, vertices * UNITS_M[unit], triangles, where=f'mesh {path}')


@dataclass(frozen=True)
class Surface:
    """A surface in double precision: ``vertices_m`` (V, 3) and ``triangles`` (F, 3), none for a point cloud."""

    vertices_m: F64
    triangles: NDArray[np.int64]


def load_surface(path: str | Path, *, unit: str = 'mm') -> Surface:
    """Return the vertices and, if there are any, triangles of a mesh or a cloud (PLY without faces) in ``unit`` (mm or m).

    Raises as ``load_mesh``, but that a PLY may have no triangles.
    """
    path = Path(path)
    if path.suffix.lower() != '.ply':
        try:
            mesh = load_mesh(path, unit=unit)
        except DataError as e:
            hint = '; a cloud, points without triangles, is read from .ply alone' if str(e).endswith(NO_TRIANGLES) else ''
            raise DataError(f'{e}{hint}') from e
        return Surface(mesh.vertices_m.astype(np.float64), mesh.triangles.astype(np.int64))
    if unit not in UNITS_M:
        raise ConfigError(f'surface {path}: unit {unit!r}; valid: {", ".join(UNITS_M)}')
    _check_readable(path)
    polygons = read_ply(path, faces_needed=False)
    vertices = polygons.vertices.astype(np.float64) * UNITS_M[unit]
    if not len(vertices):
        raise DataError(f'surface {path}: it has no point')
    if len(polygons.triangles):
        checked_mesh(path.stem, vertices, polygons.triangles, where=f'surface {path}')
    elif not np.isfinite(vertices).all():
        raise DataError(f'surface {path}: point {int(np.argmin(np.isfinite(vertices).all(axis=1)))} is not finite')
    return Surface(vertices, polygons.triangles)


def checked_mesh(name: str, vertices_m: NDArray[Any], triangles: NDArray[Any], *, where: str) -> Mesh:
    """Return a Mesh of (V, 3) metres and (F, 3) indices; raises DataError as ``load_mesh`` does, naming ``where``."""
    if len(triangles) == 0:
        raise DataError(f'{where}: {NO_TRIANGLES}')
    low, high = int(triangles.min()), int(triangles.max())
    if low < 0 or high >= len(vertices_m):
        bad = low if low < 0 else high
        raise DataError(f'{where}: vertex index {bad}, valid: 0 to {len(vertices_m) - 1}')
    finite = np.isfinite(vertices_m).all(axis=1)
    if not finite.all():
        bad, others = int(np.argmin(finite)), int((~finite).sum()) - 1
        raise DataError(f'{where}: vertex {bad} is not finite, and {others} more')
    if (vertices_m == vertices_m[0]).all():
        raise DataError(f'{where}: all {len(vertices_m)} vertices are at {vertices_m[0].tolist()}: a mesh without extent')
    if np.abs(vertices_m).max() > LARGEST_M:
        raise DataError(f'{where}: coordinates up to {np.abs(vertices_m).max():.3g} m: corrupt, or is the unit wrong?')
    vertices = np.ascontiguousarray(vertices_m, dtype=np.float32)
    return Mesh(name, vertices, np.ascontiguousarray(triangles, dtype=np.uint32))


def save_ply(mesh: Mesh, path: str | Path, *, unit: str = 'mm') -> None:
    """Write a mesh as binary PLY in ``unit`` (mm or m); raises ConfigError for another unit, DataError if it fails."""
    if unit not in UNITS_M:
        raise ConfigError(f'mesh {path}: unit {unit!r}; valid: {", ".join(UNITS_M)}')
    write_ply(Path(path), (mesh.vertices_m.astype(np.float64) / UNITS_M[unit]).astype(np.float32), mesh.triangles)


def _check_readable(path: Path) -> None:
    try:
        with path.open('rb') as file:
            empty = not file.read(1)
    except OSError as e:
        raise DataError(f'mesh {path}: {e.strerror}') from e
    if empty:
        raise DataError(f'mesh {path}: the file is empty')


def declared_triangles(path: Path) -> int | None:
    """Return how many triangles or faces a PLY or binary STL file says it has; None where it says nothing."""
    with path.open('rb') as file:
        head = file.read(4096)
    if head.startswith(b'ply'):
        words = [line.split() for line in head.split(b'end_header')[0].splitlines()]
        counts = [w[2] for w in words if w[:2] == [b'element', b'face'] and len(w) == 3 and w[2].isdigit()]
        return int(counts[0]) if counts else None
    if path.suffix.lower() == '.stl' and len(head) >= STL_HEADER_BYTES:
        count = int.from_bytes(head[80:84], 'little')
        # An ASCII file's length does not agree with what would be its count.
        if path.stat().st_size == STL_HEADER_BYTES + STL_TRIANGLE_BYTES * count:
            return count
    return None


def _check_size(path: Path, triangles: int | None) -> None:
    if triangles is not None and triangles > MOST_TRIANGLES:
        raise DataError(f'mesh {path}: {triangles} triangles; at most {MOST_TRIANGLES} are read: decimate it first')
    if triangles is None and path.stat().st_size > MOST_BYTES:
        size = path.stat().st_size
        raise DataError(f'mesh {path}: {size / 1e9:.1f} GB; at most {MOST_BYTES / 1e9:.0f} GB are read: decimate it first')


@dataclass
class _Quiet:
    """While open, what VTK would print goes to ``messages``; VTK has one output for the whole process."""

    messages: list[str] = field(default_factory=list)

    def __enter__(self) -> _Quiet:
        core = importlib.import_module('vtkmodules.vtkCommonCore')
        self._core = core
        self._previous = core.vtkOutputWindow.GetInstance()
        self._window = core.vtkStringOutputWindow()
        core.vtkOutputWindow.SetInstance(self._window)
        self._verbosity = core.vtkLogger.GetCurrentVerbosityCutoff()
        core.vtkLogger.SetStderrVerbosity(core.vtkLogger.VERBOSITY_OFF)
        return self

    def __exit__(self, *_: object) -> None:
        text = self._window.GetOutput()
        self.messages += _readable(text if isinstance(text, str) else bytes(text).decode('ascii', 'replace'))
        self._core.vtkOutputWindow.SetInstance(self._previous)
        self._core.vtkLogger.SetStderrVerbosity(self._core.vtkLogger.ConvertToVerbosity(self._verbosity))


def _readable(text: str) -> list[str]:
    """Return the messages in VTK's output, without its 'ERROR: In file, line' and the pipeline's own dumps."""
    lines = [line.strip() for line in text.splitlines()]
    heads = [i for i, line in enumerate(lines) if ': In vtk' in line and i + 1 < len(lines)]
    found = [lines[i + 1].split('): ', 1)[-1] for i in heads if 'vtkExecutive' not in lines[i]]
    return [''.join(c if c.isprintable() and c.isascii() else '?' for c in line)[:120] for line in found]


def _read_vtk(path: Path, reader: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return vertices (V, 3) and triangles (F, 3) through one of VTK's readers."""
    module, _, kind = reader.partition(':')
    with _Quiet() as quiet:
        source = getattr(importlib.import_module(module), kind)()
        source.SetFileName(str(path))
        source.Update()
        data = source.GetOutput()
    complaints = [m for m in quiet.messages if 'error' in m.lower() or data.GetNumberOfPoints() == 0]
    if complaints or source.GetErrorCode():
        raise DataError(f'mesh {path}: corrupt or not {path.suffix}: {(complaints or ["no reason given"])[0]}')
    if data.GetNumberOfPoints() == 0:
        raise DataError(f'mesh {path}: {NO_TRIANGLES}')
    return _points(data), _triangles(data, f'mesh {path}')


def _points(data: Any) -> NDArray[Any]:
    support = importlib.import_module('vtkmodules.util.numpy_support')
    return np.array(support.vtk_to_numpy(data.GetPoints().GetData()))


def _triangles(data: Any, where: str) -> NDArray[Any]:
    """Return polygons and strips as triangles; indices are checked first: VTK's filter trusts them and would crash."""
    support = importlib.import_module('vtkmodules.util.numpy_support')
    points = data.GetNumberOfPoints()
    for cells in (data.GetPolys(), data.GetStrips()):
        if cells.GetNumberOfCells():
            used = support.vtk_to_numpy(cells.GetConnectivityArray())
            if len(used) and (used.min() < 0 or used.max() >= points):
                bad = used.min() if used.min() < 0 else used.max()
                raise DataError(f'{where}: vertex index {bad}, valid: 0 to {points - 1}')
    filtered = importlib.import_module('vtkmodules.vtkFiltersCore').vtkTriangleFilter()
    filtered.SetInputData(data)
    filtered.PassVertsOff()
    filtered.PassLinesOff()
    filtered.Update()
    polys = filtered.GetOutput().GetPolys()
    return np.array(support.vtk_to_numpy(polys.GetConnectivityArray())).reshape(-1, 3)
