# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arsurg_ros.geometry.decimation import distances_m
from arsurg_ros.geometry.mesh_checks import inspect_mesh
from arsurg_ros.overlay.levels import FEWEST_TRIANGLES, Level, build_levels, shared_limits
from arsurg_ros.synthetic import phantom_meshes
from arsurg_ros.synthetic.phantom import icosphere
from arsurg_ros.types import Mesh


def sphere(subdivisions: int, radius_m: float = 0.05) -> Mesh:
    directions, triangles = icosphere(subdivisions)
    return Mesh('sphere', (radius_m * directions).astype(np.float32), triangles)


@pytest.fixture(scope='module')
def liver_levels() -> tuple[Level, ...]:
    return build_levels(phantom_meshes()[0])


def test_levels_get_coarser_and_their_error_larger(liver_levels: tuple[Level, ...]) -> None:
    whole = len(phantom_meshes()[0].triangles)
    assert liver_levels[0].mesh is phantom_meshes()[0] and liver_levels[0].error_m == 0
    shares = [level.triangles / whole for level in liver_levels]
    assert shares == pytest.approx([1, 0.5, 0.25, 0.1], abs=0.01)
    errors = [level.error_m for level in liver_levels]
    assert errors == sorted(errors) and 0 < errors[1] < errors[3] < 0.002
    assert {level.mesh.name for level in liver_levels} == {'liver'}


def test_closed_meshes_stay_closed_and_keep_their_volume(liver_levels: tuple[Level, ...]) -> None:
    volumes = []
    for level in liver_levels:
        report = inspect_mesh(level.mesh)
        assert report.closed and report.non_manifold_edges == 0 and report.outward
        volumes.append(report.volume_m3)
    assert volumes == pytest.approx([volumes[0]] * 4, rel=1e-2)


def test_the_error_is_the_originals_largest_distance(liver_levels: tuple[Level, ...]) -> None:
    vertices = phantom_meshes()[0].vertices_m.astype(np.float64)
    for level in liver_levels[1:]:
        assert distances_m(level.mesh, vertices).max() <= level.error_m + 1e-12


def test_many_vertices_are_sampled_and_the_sample_tells_the_error() -> None:
    mesh = sphere(6)  # 40,962 vertices
    level = build_levels(mesh, shares=(0.1,))[1]
    truth = distances_m(level.mesh, mesh.vertices_m.astype(np.float64)).max()
    assert 0.8 * truth <= level.error_m <= truth


def test_small_meshes_have_no_levels_and_none_is_too_coarse() -> None:
    assert len(build_levels(sphere(2))) == 1  # 320 triangles
    assert [level.triangles for level in build_levels(sphere(3))] == [1280, 640]
    assert all(level.triangles >= 0.9 * FEWEST_TRIANGLES for level in build_levels(sphere(4)))


def test_what_cannot_be_collapsed_has_no_level() -> None:
    """Triangles that share nothing: every edge is a border."""
    corners = np.random.default_rng(0).uniform(-0.05, 0.05, (3000, 3)).astype(np.float32)
    levels = build_levels(Mesh('soup', corners, np.arange(3000, dtype=np.uint32).reshape(-1, 3)))
    assert all(b.triangles < a.triangles for a, b in itertools.pairwise(levels))


def test_progress_is_told() -> None:
    told: list[tuple[str, float]] = []
    build_levels(sphere(4), progress=lambda what, share: told.append((what, share)))
    assert {what for what, _ in told} == {'levels of sphere'}
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) == 4


@given(st.lists(st.integers(1, 10_000_000), min_size=1, max_size=20), st.integers(1000, 1_000_000))
def test_the_largest_give_first_until_all_fit(triangles: list[int], most: int) -> None:
    limits = shared_limits(triangles, most)
    assert all(0 < a <= b for a, b in zip(limits, triangles, strict=True))
    assert sum(limits) <= most or limits == tuple(triangles)
    if sum(triangles) <= most:
        assert limits == tuple(triangles)
    else:
        assert sum(limits) > most - len(triangles)
        cut = [a for a, b in zip(limits, triangles, strict=True) if a < b]
        assert max(cut) - min(cut) <= 1  # one common limit
        assert all(a <= min(cut) + 1 for a in limits)
