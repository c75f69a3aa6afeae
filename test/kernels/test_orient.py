# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arsurg_ros.kernels.orient import oriented
from arsurg_ros.types import U32, Mesh


def volume(mesh: Mesh, triangles: U32) -> float:
    """Return the signed volume that triangles enclose."""
    a, b, c = mesh.vertices_m.astype(np.float64)[triangles].transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6)


def test_what_agrees_stays_as_it_is(make_ball: Callable[..., Mesh]) -> None:
    ball = make_ball()
    for triangles in (ball.triangles, np.ascontiguousarray(ball.triangles[:, ::-1])):
        assert oriented(ball.vertices_m, triangles) is triangles


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.0, 1.0), loose=st.booleans())
def test_any_triangles_turned_are_found(make_ball: Callable[..., Mesh], seed: int, share: float, loose: bool) -> None:
    ball = make_ball(n=6)
    mixed = ball.triangles.copy()
    which = np.random.default_rng(seed).random(len(mixed)) < share
    mixed[which] = mixed[which][:, ::-1]
    vertices = ball.vertices_m
    if loose:  # every triangle has vertices of its own, as in STL
        vertices, mixed = vertices[mixed].reshape(-1, 3), np.arange(mixed.size, dtype=np.uint32).reshape(-1, 3)
    found = oriented(vertices, mixed)
    assert np.array_equal(np.sort(found, axis=1), np.sort(mixed, axis=1)) and found.dtype == mixed.dtype
    whole = abs(volume(ball, ball.triangles))
    assert abs(abs(volume(Mesh('', vertices, found), found)) - whole) < 1e-6 * whole


def test_the_fewer_are_turned_piece_by_piece(make_ball: Callable[..., Mesh]) -> None:
    outer, inner = make_ball(0.05), make_ball(0.02)
    count = len(outer.vertices_m)
    cavity = inner.triangles[:, ::-1] + np.uint32(count)
    vertices = np.concatenate([outer.vertices_m, inner.vertices_m])
    whole = np.concatenate([outer.triangles, cavity])
    mixed = whole.copy()
    for i in (50, 71, len(outer.triangles) + 99):
        mixed[i] = mixed[i][::-1]
    assert np.array_equal(oriented(vertices, mixed), whole)


def test_a_strip_that_cannot_be_oriented_stays() -> None:
    turn = 2 * np.pi * np.arange(12) / 12
    half = np.stack([np.cos(turn / 2) * np.cos(turn), np.cos(turn / 2) * np.sin(turn), np.sin(turn / 2)], axis=1) * 0.3
    middle = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    vertices = np.concatenate([middle + half, middle - half]).astype(np.float32)
    quads = [(i, i + 1, i + 12, i + 13) for i in range(11)] + [(11, 12, 23, 0)]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (b, d, c))], np.uint32)
    assert np.array_equal(oriented(vertices, triangles), triangles)
    assert np.array_equal(oriented(vertices, triangles[:-2]), triangles[:-2])


def test_edges_of_more_than_two_triangles_join_nothing() -> None:
    vertices = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, -1, 0)], np.float32)
    fan = np.array([(0, 1, 2), (0, 1, 3), (0, 1, 4)], np.uint32)
    assert np.array_equal(oriented(vertices, fan), fan)
    pair = oriented(vertices, fan[:2])
    assert pair.tolist() in ([[2, 1, 0], [0, 1, 3]], [[0, 1, 2], [3, 1, 0]])
