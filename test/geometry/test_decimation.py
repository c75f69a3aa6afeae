# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from arsurg_ros.errors import DataError
from arsurg_ros.geometry.decimation import decimated, distances_m
from arsurg_ros.geometry.mesh_checks import inspect_mesh
from arsurg_ros.kernels.distance import DistanceField
from arsurg_ros.synthetic.phantom import icosphere
from arsurg_ros.types import Mesh


def sphere(subdivisions: int) -> Mesh:
    directions, triangles = icosphere(subdivisions)
    return Mesh('ball', (0.05 * directions).astype(np.float32), triangles)


def test_it_keeps_the_shape_with_so_many_triangles() -> None:
    mesh, told = sphere(5), list[float]()
    fewer = decimated(mesh, 2000, told.append)
    assert len(fewer.triangles) == pytest.approx(2000, abs=4) and fewer.name == 'ball'
    report = inspect_mesh(fewer)
    assert report.closed and report.outward and not report.non_manifold_edges
    radii = np.linalg.norm(fewer.vertices_m, axis=1)
    assert radii == pytest.approx(0.05, rel=5e-3)
    assert told == sorted(told) and told[-1] == 1.0


def test_a_small_mesh_is_left_as_it_is() -> None:
    mesh = sphere(2)
    assert decimated(mesh, 320) is mesh and decimated(mesh, 10**6) is mesh


def test_separate_triangles_are_joined_first() -> None:
    """As STL has them; each for itself could not be collapsed without a hole."""
    mesh = sphere(4)
    corners = np.ascontiguousarray(mesh.vertices_m[mesh.triangles.ravel()])
    stl = Mesh('stl', corners, np.arange(len(corners), dtype=np.uint32).reshape(-1, 3))
    assert inspect_mesh(decimated(stl, 1000)).closed


def test_too_few_are_refused() -> None:
    with pytest.raises(DataError, match='mesh ball: 3 triangles asked for; at least 4'):
        decimated(sphere(2), 3)


def test_distances_agree_with_the_exact_query() -> None:
    mesh = decimated(sphere(4), 700)
    points = np.random.default_rng(1).normal(0, 0.05, (200, 3))
    exact = DistanceField([mesh]).query(points).distance_m[:, 0]
    assert distances_m(mesh, points) == pytest.approx(exact, abs=1e-8)
