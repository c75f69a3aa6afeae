# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Distances to meshes against VTK: the same points and meshes, all trees built before, one thread, called from Python.

``vtkImplicitPolyDataDistance`` answers what we do but the triangle: distance with its sign (from the normal there), nearest
point. ``vtkStaticCellLocator`` finds the nearest point and no sign. A peer has one call a mesh for one point; for many points
``FunctionValue`` takes an array, so that Python's share is small on both sides. Errors are the largest differences from the
numpy twin, which looks at every triangle: distances in nanometres, and in how many answers the side of the surface is wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from arsurg_ros.kernels.distance import DistanceField
from arsurg_ros.types import F64, Mesh
from bench.timing import Entry, Times, alternate, growth

MESHES, SIDE, MANY = 5, 100, 1000
#: What the project promises: one point against five meshes of 20,000 triangles.
MOST_MS = 0.2


def bumpy(n: int, radius_m: float, centre_m: F64, seed: int) -> Mesh:
    """Return a closed lump of 2 n (n - 1) triangles without any symmetry, facing outwards."""
    rng = np.random.default_rng(seed)
    u, v = np.meshgrid(np.pi * np.arange(1, n) / n, 2 * np.pi * np.arange(n) / n, indexing='ij')
    way: F64 = np.stack([np.sin(u) * np.cos(v), np.sin(u) * np.sin(v), np.cos(u)], axis=-1).reshape(-1, 3)
    way = np.concatenate([way, np.array([(0, 0, 1), (0, 0, -1)])])
    waves = rng.normal(0, 3, (6, 3))
    size = radius_m * (1 + 0.06 * np.sin(way @ waves.T + rng.uniform(0, 6, 6)).sum(axis=1))
    i, j = (a.ravel() for a in np.meshgrid(np.arange(n - 2), np.arange(n), indexing='ij'))
    a, b = i * n + j, i * n + (j + 1) % n
    ring, last = np.arange(n), (n - 2) * n
    north, south = np.full(n, (n - 1) * n), np.full(n, (n - 1) * n + 1)
    caps = [np.stack([north, ring, (ring + 1) % n], 1), np.stack([south, last + (ring + 1) % n, last + ring], 1)]
    triangles = np.concatenate([np.stack([a, a + n, b], 1), np.stack([b, a + n, b + n], 1), *caps])
    return Mesh(f'lump {seed}', (centre_m + size[:, None] * way).astype(np.float32), triangles.astype(np.uint32))


def world() -> tuple[list[Mesh], F64]:
    """Return five meshes of 20,000 triangles side by side, and points as a tip has them: in, at and about them."""
    rng = np.random.default_rng(2026)
    meshes = [bumpy(SIDE + 1, 0.04, rng.uniform(-0.08, 0.08, 3), k) for k in range(MESHES)]
    return meshes, rng.uniform(-0.15, 0.15, (MANY, 3))


def polydata(mesh: Mesh) -> Any:
    """Return VTK's copy of a mesh."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray

    points, cells, data = vtk.vtkPoints(), vtk.vtkCellArray(), vtk.vtkPolyData()
    points.SetData(numpy_to_vtk(mesh.vertices_m, deep=True))
    cells.SetData(3, numpy_to_vtkIdTypeArray(mesh.triangles.astype(np.int64).ravel(), deep=True))
    data.SetPoints(points)
    data.SetPolys(cells)
    return data


def implicit(meshes: list[Mesh]) -> list[Any]:
    """Return VTK's signed distances, ready."""
    import vtk

    found = []
    for mesh in meshes:
        function = vtk.vtkImplicitPolyDataDistance()
        function.SetInput(polydata(mesh))
        function.EvaluateFunction((0.0, 0.0, 0.0))
        found.append(function)
    return found


def locators(meshes: list[Mesh]) -> list[Callable[[F64], float]]:
    """Return for each mesh a search of VTK's static cell locator: point -> distance."""
    import vtk

    def search(mesh: Mesh) -> Callable[[F64], float]:
        locator = vtk.vtkStaticCellLocator()
        locator.SetDataSet(polydata(mesh))
        locator.BuildLocator()
        point, cell, number = [0.0, 0.0, 0.0], vtk.reference(0), vtk.reference(0)
        d2, generic = vtk.reference(0.0), vtk.vtkGenericCell()

        def run(p: F64) -> float:
            locator.FindClosestPoint(p, point, generic, cell, number, d2)
            return float(np.sqrt(d2.get()))

        return run

    return [search(mesh) for mesh in meshes]


def many(functions: list[Any], p: F64) -> F64:
    """Return VTK's signed distances (N, M) of points, an array a call."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

    points, out = numpy_to_vtk(p), vtk.vtkDoubleArray()
    columns = []
    for function in functions:
        function.FunctionValue(points, out)
        columns.append(vtk_to_numpy(out).copy())
    return np.stack(columns, axis=1)


def run(calls: int) -> list[Entry]:
    """Return the rows: one point, many points, and building."""
    meshes, p = world()
    field, functions, searches = DistanceField(meshes), implicit(meshes), locators(meshes)
    what = f'{MESHES} meshes of {len(meshes[0].triangles)} triangles'
    turn = [0, 0]

    def one() -> Any:
        turn[0] += 1
        return field.query(p[turn[0] % MANY][None])

    def next_point() -> F64:
        turn[1] += 1
        return np.asarray(p[turn[1] % MANY])

    def signed() -> list[float]:
        q = next_point()
        return [f.EvaluateFunction(q) for f in functions]

    def located() -> list[float]:
        q = next_point()
        return [search(q) for search in searches]

    errors = _errors(meshes, field, functions, searches, p[:200])
    rows = []
    for name, call in (('vtkImplicitPolyDataDistance', signed), ('vtkStaticCellLocator, no sign', located)):
        times = alternate(one, call, calls)
        rows.append(Entry(f'distance, 1 point, {what}', times[0], name, times[1], 'p50_ms', MOST_MS, errors))
    times = alternate(lambda: field.query(p), lambda: many(functions, p), max(5, calls // 100), warm=1)
    rows.append(Entry(f'distance, {MANY} points, {what}', times[0], 'vtkImplicitPolyDataDistance', times[1], 'ratio', None, {}))
    times = alternate(lambda: DistanceField(meshes), lambda: implicit(meshes), 5, warm=1)
    rows.append(Entry(f'distance, building, {what}', times[0], 'vtkImplicitPolyDataDistance', times[1], 'ratio', None, {}))
    return [*rows, _million()]


def _million() -> Entry:
    mesh = bumpy(708, 0.1, np.zeros(3), 9)
    samples = []
    for _ in range(3):
        began = time.perf_counter_ns()
        field = DistanceField([mesh])
        samples.append((time.perf_counter_ns() - began) / 1e6)
    p = np.random.default_rng(4).uniform(-0.12, 0.12, (500, 3))
    query, _ = alternate(lambda: field.query(p), None, 5, warm=1)
    one = {'query_us_a_point': 1e3 * query.p50_ms / len(p)}
    times = Times(len(samples), *(float(v) for v in np.percentile(samples, (0, 50, 95, 99))))
    return Entry(f'distance, building, {len(mesh.triangles)} triangles', times, '', None, 'p50_ms', None, one)


def _errors(
    meshes: list[Mesh], field: DistanceField, functions: list[Any], searches: list[Callable[[F64], float]], p: F64
) -> dict[str, float]:
    truth, mine, theirs = DistanceField(meshes, backend='numpy').query(p), field.query(p), many(functions, p)
    located = np.array([[search(q) for search in searches] for q in p])
    return {
        'ours_nm': 1e9 * float(np.abs(mine.distance_m - truth.distance_m).max()),
        'implicit_nm': 1e9 * float(np.abs(np.abs(theirs) - truth.distance_m).max()),
        'locator_nm': 1e9 * float(np.abs(located - truth.distance_m).max()),
        'ours_wrong_side': float((mine.inside != truth.inside).sum()),
        'implicit_wrong_side': float(((theirs < 0) != truth.inside).sum()),
        'inside': float(truth.inside.sum()),
    }


def grow(calls: int) -> dict[str, dict[str, list[float]]]:
    """Return the cost of one point over the number of triangles."""

    def make(n: int) -> Callable[[], Any]:
        field = DistanceField([bumpy(round((n / 2) ** 0.5) + 1, 0.04, np.zeros(3), 1)])
        p = np.random.default_rng(n).uniform(-0.06, 0.06, (200, 3))
        return lambda: field.query(p)

    return {'distance, 200 points': growth(make, [1000, 4000, 16_000, 64_000, 256_000], max(5, calls // 2))}
