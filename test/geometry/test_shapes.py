# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry.mesh_checks import inspect_mesh
from arsurg_ros.geometry.shapes import inflated, revolved, shaft
from arsurg_ros.synthetic.phantom import icosphere
from arsurg_ros.types import Mesh

AXES = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda a: np.linalg.norm(a) > 0.01)


@settings(max_examples=30, deadline=None)
@given(axis=AXES, radius=st.floats(0.0005, 0.01), length=st.floats(0.03, 0.4), cap=st.sampled_from(['round', 'flat']))
def test_a_shaft_is_closed_and_runs_from_the_tip_along_its_axis(
    axis: tuple[float, float, float], radius: float, length: float, cap: str
) -> None:
    mesh = shaft('rod', radius, length, axis, cap=cap, sides=48)
    report = inspect_mesh(mesh)
    assert report.closed and report.outward and report.warnings() == ()
    unit = np.array(axis) / np.linalg.norm(axis)
    along = mesh.vertices_m @ unit
    across = np.linalg.norm(mesh.vertices_m - np.outer(along, unit), axis=1)
    assert (along.min(), along.max(), across.max()) == pytest.approx((0, length, radius), abs=1e-6)
    ends = 2 * radius - 4 / 3 * radius if cap == 'round' else 0.0
    assert report.volume_m3 == pytest.approx(np.pi * radius**2 * (length - ends), rel=0.01)


def test_a_shaft_lies_along_minus_z_from_the_origin_by_default() -> None:
    v = shaft('rod', 0.002, 0.1).vertices_m
    assert v[:, 2].max() == pytest.approx(0, abs=1e-7) and v[:, 2].min() == pytest.approx(-0.1)


def test_a_turned_part_has_its_profile_steps_included() -> None:
    profile = [(0.001, 0.0), (0.002, 0.03), (0.004, 0.03), (0.004, 0.05)]
    mesh = revolved('pin', profile, (0, 2, 0), sides=96)
    report = inspect_mesh(mesh)
    assert report.closed and report.outward and report.warnings() == ()
    cone, grip = np.pi * 0.03 * (0.001**2 + 0.001 * 0.002 + 0.002**2) / 3, np.pi * 0.02 * 0.004**2
    assert report.volume_m3 == pytest.approx(cone + grip, rel=0.002)
    radius = np.linalg.norm(mesh.vertices_m[:, [0, 2]], axis=1)
    found = {(round(float(r), 6), round(float(y), 6)) for r, y in zip(radius, mesh.vertices_m[:, 1], strict=True)}
    assert found == {*profile, (0.0, 0.0), (0.0, 0.05)}


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'radius_m': 0.0}, 'radius 0.0 m'),
        ({'radius_m': float('nan')}, 'radius nan m'),
        ({'length_m': 0.003}, r'length 0.003 m: 0 < radius and 0.004 m < length'),
        ({'length_m': 0.0, 'cap': 'flat'}, '0 m < length'),
        ({'length_m': float('inf')}, 'length inf m'),
        ({'axis': (0, 0, 0)}, r'axis \[0.0, 0.0, 0.0\]: three numbers with a direction'),
        ({'axis': (0, 1)}, 'three numbers with a direction'),
    ],
)
def test_a_shaft_that_is_none_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=f'shaft rod: .*{message}'):
        shaft('rod', **{'radius_m': 0.002, 'length_m': 0.1, **values})  # type: ignore[arg-type]


def test_a_shell_is_so_far_out_seams_or_not() -> None:
    directions, triangles = icosphere(4)
    ball = Mesh('ball', (0.05 * directions).astype(np.float32), triangles)
    shell = inflated(ball, 0.004)
    assert np.linalg.norm(shell.vertices_m, axis=1) == pytest.approx(0.054, abs=2e-5)
    assert shell.name == 'ball' and shell.triangles is ball.triangles
    t = np.arange(3 * len(triangles), dtype=np.uint32).reshape(-1, 3)
    seams = inflated(Mesh('stl', np.ascontiguousarray(ball.vertices_m[triangles.ravel()]), t), 0.004)
    assert np.allclose(seams.vertices_m, shell.vertices_m[triangles.ravel()], atol=1e-7)


def test_a_vertex_without_a_triangle_stays() -> None:
    mesh = Mesh('m', np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (5, 5, 5)], np.float32), np.array([[0, 1, 2]], np.uint32))
    expected = [(0, 0, 0.1), (1, 0, 0.1), (0, 1, 0.1), (5, 5, 5)]
    assert inflated(mesh, 0.1).vertices_m == pytest.approx(np.array(expected))
