# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fewer triangles, and how far they lie from the original: VTK's quadric decimation and its exact distances.

Decimation: M. Garland and P. Heckbert, *Surface Simplification Using Quadric Error Metrics*, SIGGRAPH 1997 (VTK's
implementation by H. Hoppe's memory-less form). It collapses an edge only where the surface stays a surface, so that a
closed mesh stays closed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from arsurg_ros.errors import DataError
from arsurg_ros.geometry.mesh_checks import welded
from arsurg_ros.types import F64, Mesh

#: A closed surface has four triangles at least.
FEWEST = 4


def decimated(mesh: Mesh, triangles: int, progress: Callable[[float], None] = lambda share: None) -> Mesh:
    """Return the mesh with about ``triangles`` of its triangles, or with all where it has no more.

    Vertices at one place are made one first. ``progress`` is called with the share done, 0-1. Raises DataError for fewer
    than four triangles, and where the decimation leaves none.
    """
    if triangles < FEWEST:
        raise DataError(f'mesh {mesh.name}: {triangles} triangles asked for; at least {FEWEST} are needed')
    whole = welded(mesh)
    if len(whole.triangles) <= triangles:
        return whole
    core = importlib.import_module('vtkmodules.vtkFiltersCore')
    decimation = core.vtkQuadricDecimation()
    decimation.SetInputData(polydata(whole))
    decimation.SetTargetReduction(1.0 - triangles / len(whole.triangles))
    decimation.VolumePreservationOn()
    decimation.AddObserver('ProgressEvent', lambda source, event: progress(float(source.GetProgress())))
    decimation.Update()
    return _mesh(decimation.GetOutput(), mesh.name)


def distances_m(mesh: Mesh, p_m: F64) -> F64:
    """Return the distance of points (N, 3) to the mesh's surface, metres, never negative, exact to double precision."""
    core = importlib.import_module('vtkmodules.vtkFiltersCore')
    common = importlib.import_module('vtkmodules.vtkCommonCore')
    support = importlib.import_module('vtkmodules.util.numpy_support')
    surface = core.vtkImplicitPolyDataDistance()
    surface.SetInput(polydata(mesh))
    out = common.vtkDoubleArray()
    points = np.ascontiguousarray(p_m, dtype=np.float64)
    surface.FunctionValue(support.numpy_to_vtk(points), out)
    return np.abs(np.array(support.vtk_to_numpy(out), dtype=np.float64))


def polydata(mesh: Mesh) -> Any:
    """Return the mesh as vtkPolyData, with copies of its arrays."""
    model = importlib.import_module('vtkmodules.vtkCommonDataModel')
    common = importlib.import_module('vtkmodules.vtkCommonCore')
    support = importlib.import_module('vtkmodules.util.numpy_support')
    points = common.vtkPoints()
    points.SetData(support.numpy_to_vtk(mesh.vertices_m, deep=True))
    cells = model.vtkCellArray()
    starts = np.arange(0, 3 * len(mesh.triangles) + 1, 3, dtype=np.int64)
    corners = mesh.triangles.astype(np.int64).ravel()
    cells.SetData(*(support.numpy_to_vtkIdTypeArray(a, deep=True) for a in (starts, corners)))
    data = model.vtkPolyData()
    data.SetPoints(points)
    data.SetPolys(cells)
    return data


def _mesh(data: Any, name: str) -> Mesh:
    support = importlib.import_module('vtkmodules.util.numpy_support')
    if data.GetNumberOfPolys() == 0:
        raise DataError(f'mesh {name}: nothing is left of it after decimation')
    vertices = np.array(support.vtk_to_numpy(data.GetPoints().GetData()), dtype=np.float32)
    triangles = np.array(support.vtk_to_numpy(data.GetPolys().GetConnectivityArray())).reshape(-1, 3)
    return Mesh(name, vertices, triangles.astype(np.uint32))
