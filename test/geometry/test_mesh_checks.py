# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.geometry.mesh_checks import inspect_mesh, same_places, welded
from arsurg_ros.synthetic.phantom import icosphere
from arsurg_ros.types import Mesh


def sphere(subdivisions: int = 2, radius_m: float = 0.05) -> Mesh:
    directions, triangles = icosphere(subdivisions)
    return Mesh('ball', (radius_m * directions).astype(np.float32), triangles)


def exploded(mesh: Mesh) -> Mesh:
    """Return the mesh as STL has it: every triangle with vertices of its own."""
    t = np.arange(3 * len(mesh.triangles), dtype=np.uint32).reshape(-1, 3)
    return Mesh(mesh.name, np.ascontiguousarray(mesh.vertices_m[mesh.triangles.ravel()]), t)


def test_a_sound_mesh_has_nothing_to_tell() -> None:
    report = inspect_mesh(sphere(4))
    assert report.closed and report.oriented and report.outward and report.warnings() == ()
    assert (report.triangles, report.degenerate_triangles) == (5120, 0)
    assert report.volume_m3 == pytest.approx(4 / 3 * np.pi * 0.05**3, rel=5e-3)


def test_holes_and_fins_are_counted() -> None:
    ball = sphere()
    hole = inspect_mesh(replace(ball, triangles=ball.triangles[1:]))
    assert (hole.open_edges, hole.closed, hole.volume_m3, hole.outward) == (3, False, None, None)
    assert hole.warnings() == ('mesh ball: 3 open edges: the surface is not closed, so inside and outside are not told apart',)
    a, b, _ = ball.triangles[0]
    tip = len(ball.vertices_m)
    vertices = np.concatenate([ball.vertices_m, [[0.1, 0.1, 0.1]]]).astype(np.float32)
    fin = inspect_mesh(Mesh('fin', vertices, np.concatenate([ball.triangles, [[a, b, tip]]]).astype(np.uint32)))
    assert (fin.non_manifold_edges, fin.open_edges) == (1, 3)  # the shared edge, with three triangles, is odd too
    assert 'mesh fin: 1 edges with more than two triangles' in fin.warnings()


def test_vertices_of_no_triangle_are_told() -> None:
    ball = sphere()
    assert inspect_mesh(exploded(ball)).unused_vertices == 0
    more = Mesh('ball', np.concatenate([ball.vertices_m, ball.vertices_m[:9], [[0.1, 0, 0], [0.1, 0, 0]]]), ball.triangles)
    report = inspect_mesh(more)
    assert report.unused_vertices == 1
    assert report.warnings() == ('mesh ball: 1 vertices of no triangle: is the file whole?',)


def test_orientation_is_told() -> None:
    ball = sphere()
    inward = inspect_mesh(replace(ball, triangles=ball.triangles[:, ::-1]))
    assert inward.oriented and inward.outward is False
    assert inward.volume_m3 == pytest.approx(inspect_mesh(ball).volume_m3)
    assert inward.warnings() == ('mesh ball: its triangles face inwards',)
    mixed = ball.triangles.copy()
    mixed[0] = mixed[0][::-1]
    report = inspect_mesh(replace(ball, triangles=mixed))
    assert not report.oriented and report.volume_m3 is None and report.closed
    assert report.warnings() == ('mesh ball: triangles that turn against their neighbours',)


def test_degenerate_triangles_and_strange_vertices_are_counted() -> None:
    ball = sphere()
    line = [[0, 0, 1], [2, 2, 2]]
    report = inspect_mesh(replace(ball, triangles=np.concatenate([ball.triangles, line]).astype(np.uint32)))
    assert report.degenerate_triangles == 2 and report.closed
    vertices = np.concatenate([ball.vertices_m, np.zeros((2, 3)), [[np.nan, 0, 0]]]).astype(np.float32)
    report = inspect_mesh(replace(ball, vertices_m=vertices))
    assert (report.zero_vertices, report.unused_vertices) == (2, 2)
    assert report.warnings() == (
        'mesh ball: 2 vertices at the origin exactly: never set?',
        'mesh ball: 2 vertices of no triangle: is the file whole?',
    )


def test_vertices_at_one_place_are_one_for_the_checks_and_after_welding() -> None:
    ball, stl = sphere(), exploded(sphere())
    report = inspect_mesh(stl)
    assert report.closed
    again = welded(stl)
    assert len(again.vertices_m) == len(ball.vertices_m)
    assert np.array_equal(again.vertices_m[again.triangles], stl.vertices_m[stl.triangles])
    assert welded(ball) is ball


def test_welding_drops_triangles_that_collapse() -> None:
    vertices = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 0)], np.float32)
    mesh = welded(Mesh('m', vertices, np.array([(0, 1, 2), (0, 1, 3)], np.uint32)))
    assert mesh.triangles.tolist() == [[0, 1, 2]] and len(mesh.vertices_m) == 3


def test_parts_add_up() -> None:
    ball = sphere()
    two = np.concatenate([ball.triangles, ball.triangles + len(ball.vertices_m)]).astype(np.uint32)
    vertices = np.concatenate([ball.vertices_m, ball.vertices_m + np.float32(0.2)])
    report = inspect_mesh(Mesh('two', vertices, two))
    assert report.closed and report.volume_m3 == pytest.approx(2 * (inspect_mesh(ball).volume_m3 or 0), rel=1e-5)


@settings(max_examples=40)
@given(st.lists(st.tuples(*[st.sampled_from([-1.0, -0.0, 0.0, 2.5])] * 3), min_size=1, max_size=40))
def test_same_places_is_the_first_index_of_equal_vertices(rows: list[tuple[float, float, float]]) -> None:
    vertices = np.array(rows, np.float32)
    expected = [next(k for k in range(len(vertices)) if (vertices[k] == v).all()) for v in vertices]
    assert same_places(vertices).tolist() == expected


@settings(max_examples=20)
@given(seed=st.integers(0, 100), holes=st.integers(0, 20))
def test_renumbering_changes_no_check(seed: int, holes: int) -> None:
    rng, ball = np.random.default_rng(seed), sphere()
    ball = replace(ball, triangles=ball.triangles[holes:])
    order = rng.permutation(len(ball.vertices_m))
    place = np.argsort(order)
    other = Mesh('ball', ball.vertices_m[order], place[rng.permutation(ball.triangles)].astype(np.uint32))
    a, b = inspect_mesh(ball), inspect_mesh(other)
    assert a.volume_m3 == pytest.approx(b.volume_m3) if a.volume_m3 else b.volume_m3 is None
    assert replace(a, volume_m3=None) == replace(b, volume_m3=None)
