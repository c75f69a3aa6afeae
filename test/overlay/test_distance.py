# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.overlay.distance import SurfaceQuery, closest_on_triangles, tip_to_mesh_distance_m
from arsurg_ros.types import Mesh

coordinate = st.floats(-0.05, 0.05)
point = st.tuples(coordinate, coordinate, coordinate)


@given(p=point)
def test_distance_to_a_cube_is_the_closed_form(cube_mesh: Mesh, p: tuple[float, float, float]) -> None:
    q = np.abs(p) - 0.01
    expected = np.linalg.norm(np.maximum(q, 0)) if q.max() > 0 else -q.max()
    assert tip_to_mesh_distance_m(cube_mesh, p) == pytest.approx(expected, abs=1e-8)


@given(p=point)
def test_inside_is_where_the_cube_is(cube_mesh: Mesh, p: tuple[float, float, float]) -> None:
    depth = 0.01 - np.abs(p).max()
    if abs(depth) > 1e-7:
        assert SurfaceQuery(cube_mesh).query(p).inside == (depth > 0)


@given(p=point)
def test_inside_does_not_depend_on_the_orientation(cube_mesh: Mesh, p: tuple[float, float, float]) -> None:
    turned = Mesh('turned', cube_mesh.vertices_m, np.ascontiguousarray(cube_mesh.triangles[:, ::-1]))
    assert SurfaceQuery(turned).query(p).inside == SurfaceQuery(cube_mesh).query(p).inside


@settings(max_examples=50, deadline=None)
@given(p=point)
def test_leaving_triangles_out_changes_nothing(ball_mesh: Mesh, p: tuple[float, float, float]) -> None:
    found = SurfaceQuery(ball_mesh).query(p)
    corners = ball_mesh.vertices_m.astype(np.float64)[ball_mesh.triangles]
    every = np.linalg.norm(closest_on_triangles(corners, np.array(p)) - p, axis=1)
    assert found.distance_m == every.min()
    assert np.linalg.norm(found.closest_m - p) == pytest.approx(found.distance_m, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(corners=st.lists(point, min_size=3, max_size=3), p=point)
def test_no_sample_of_a_triangle_is_nearer(corners: list[tuple[float, float, float]], p: tuple[float, ...]) -> None:
    a, b, c = np.array(corners)
    nearest = closest_on_triangles(np.array([corners]), np.array(p))[0]
    s, t = np.meshgrid(np.linspace(0, 1, 15), np.linspace(0, 1, 15))
    s, t = s[s + t <= 1], t[s + t <= 1]
    samples = a + s[:, None] * (b - a) + t[:, None] * (c - a)
    assert np.linalg.norm(nearest - p) <= np.linalg.norm(samples - p, axis=1).min() + 1e-9


def test_a_triangle_without_area_is_a_segment() -> None:
    sliver = np.array([[(0.0, 0, 0), (1, 0, 0), (2, 0, 0)], [(3.0, 0, 0)] * 3])
    assert closest_on_triangles(sliver, np.array([1.5, 2.0, 0.0])) == pytest.approx(np.array([[1.5, 0, 0], [3, 0, 0]]))


@pytest.mark.parametrize('p', [(0.0, np.nan, 0.0), (np.inf, 0.0, 0.0), (0.0, 0.0)])
def test_a_point_that_is_none_is_refused(cube_mesh: Mesh, p: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match='three finite numbers'):
        tip_to_mesh_distance_m(cube_mesh, p)
