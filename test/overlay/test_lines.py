# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.geometry.camera import project
from arsurg_ros.kernels.marks import Marks, Polyline
from arsurg_ros.kernels.raster_rows import CameraRows
from arsurg_ros.overlay.lines import BEHIND_M, FIELD, LineStyle, projected_line
from arsurg_ros.types import F64, CameraModel

STYLE = LineStyle((255, 255, 255), 2.0, 1.0)
metres = st.floats(-0.3, 0.3)


def pieces(camera: CameraModel, points: object, depth_m: object = None) -> list[Polyline]:
    depth = None if depth_m is None else np.asarray(depth_m, np.float32)
    found = projected_line(camera, np.array(points, float).reshape(-1, 3), STYLE, depth)
    assert all(isinstance(mark, Polyline) for mark in found)
    return [mark for mark in found if isinstance(mark, Polyline) and mark.rgb == STYLE.rgb]


def test_a_line_in_sight_is_one_solid_piece(camera: CameraModel) -> None:
    points = np.array([(-0.02, 0.0, 0.1), (0.0, 0.01, 0.15), (0.03, 0.0, 0.2)])
    (line,) = pieces(camera, points)
    ends = project(camera, points[[0, -1]])
    assert line.points_px[[0, -1]] == pytest.approx(ends) and line.dash_px is None and line.alpha == 1
    corner = np.linalg.norm(line.points_px - project(camera, points[1:2]), axis=1).min()
    assert corner < 1e-9


def test_what_lies_behind_the_surface_is_dashed_and_dim(camera: CameraModel) -> None:
    depth = np.full((camera.height_px, camera.width_px), np.inf)
    depth[:, 160:] = 0.1
    ahead, behind = pieces(camera, [(-0.04, 0.0, 0.15), (0.04, 0.0, 0.15)], depth)
    assert (ahead.dash_px, ahead.alpha) == (None, 1.0) and behind.dash_px is not None and behind.alpha < 1
    assert np.array_equal(ahead.points_px[-1], behind.points_px[0])
    assert ahead.points_px[-1, 0] == pytest.approx(160, abs=8)
    assert [p.dash_px for p in pieces(camera, [(-0.04, 0.0, 0.05), (0.04, 0.0, 0.05)], depth)] == [None]


def test_halos_come_before_all_lines(camera: CameraModel) -> None:
    depth = np.full((camera.height_px, camera.width_px), np.inf, np.float32)
    depth[:, 160:] = 0.1
    points = np.array([(-0.04, 0.0, 0.15), (0.04, 0.0, 0.15)])
    marks = [m for m in projected_line(camera, points, STYLE, depth) if isinstance(m, Polyline)]
    assert [m.rgb for m in marks] == [(0, 0, 0)] * 2 + [STYLE.rgb] * 2
    assert [m.width_px for m in marks] == [4.0, 4.0, 2.0, 2.0] and marks[1].alpha < marks[0].alpha
    assert len(projected_line(camera, points, LineStyle((9, 9, 9), 2.0), depth)) == 2


def test_a_line_on_the_surface_is_in_front(camera: CameraModel) -> None:
    depth = np.full((camera.height_px, camera.width_px), 0.1)
    on, under = [(-0.02, 0.0, 0.1), (0.02, 0.0, 0.1)], [(-0.02, 0.0, 0.1 + 2 * BEHIND_M), (0.02, 0.0, 0.1 + 2 * BEHIND_M)]
    assert [p.dash_px is None for p in pieces(camera, on, depth)] == [True]
    assert [p.dash_px is None for p in pieces(camera, under, depth)] == [False]


def test_a_line_through_the_near_plane_ends_there_and_points_the_right_way(camera: CameraModel) -> None:
    (line,) = pieces(camera, [(0.01, 0.0, 0.2), (0.01, 0.0, -0.2)])
    u = line.points_px[:, 0]
    assert np.all(np.diff(u) > 0) and u[0] == pytest.approx(159.5 + 300 * 0.01 / 0.2) and u[-1] > 300


@pytest.mark.parametrize(
    'points',
    [
        [],
        [(0.0, 0.0, 0.1)],
        [(0.0, 0.0, -0.1), (0.1, 0.0, -0.1)],
        [(0.0, 0.0, 0.0), (0.1, 0.0, 0.0)],
        [(1.0, 1.0, 0.1), (1.0, -1.0, 0.1)],
        [(np.nan, 0.0, 0.1), (0.0, 0.0, 0.1)],
    ],
    ids=['none', 'one', 'behind', 'at the eye', 'beside', 'not a number'],
)
def test_what_cannot_be_seen_has_no_marks(camera: CameraModel, points: object) -> None:
    assert pieces(camera, points) == []


def test_a_gap_behind_the_camera_parts_a_line(camera: CameraModel) -> None:
    points = [(-0.02, 0.0, 0.1), (-0.001, 0.0, -0.1), (0.001, 0.0, -0.1), (0.02, 0.0, 0.1)]
    left, right = pieces(camera, points)
    assert left.points_px[:, 0].max() < 159.5 < right.points_px[:, 0].min()


def test_a_strong_lens_bends_the_line_and_its_fold_draws_nothing(camera: CameraModel) -> None:
    barrel = replace(camera, distortion=np.array([-0.35, 0.1, 0.0, 0.0, 0.0]))
    (line,) = pieces(barrel, [(-0.05, 0.03, 0.1), (0.05, 0.03, 0.1)])
    middle, ends = line.points_px[len(line.points_px) // 2, 1], line.points_px[[0, -1], 1]
    assert middle > ends.max() + 2
    true = project(barrel, np.stack([np.linspace(-0.05, 0.05, 4000), np.full(4000, 0.03), np.full(4000, 0.1)], axis=1))
    between = (line.points_px[:-1] + line.points_px[1:]) / 2
    assert max(np.linalg.norm(true - p, axis=1).min() for p in [*line.points_px, *between]) < 0.1
    # Far off the axis the polynomial comes back into the picture; the line does not.
    assert pieces(barrel, [(0.4, -0.01, 0.1), (0.4, 0.01, 0.1)]) == []


@settings(deadline=None, max_examples=80)
@given(points=st.lists(st.tuples(metres, metres, metres), min_size=2, max_size=6), near=st.booleans())
def test_any_line_can_be_drawn_and_lies_on_its_projection(points: list[tuple[float, float, float]], near: bool) -> None:
    K = np.array([[300.0, 0, 159.5], [0, 300.0, 119.5], [0, 0, 1]])
    camera = CameraModel(320, 240, K)
    line = np.array(points)
    found = pieces(camera, line, np.full((240, 320), 0.05 if near else np.inf))
    Marks(320, 240).draw(np.zeros((240, 320, 3), np.uint8), found)
    for piece in found:
        assert np.isfinite(piece.points_px).all()
        off = np.min([_off(camera, a, b, piece.points_px) for a, b in pairwise(line)], axis=0)
        assert off.max() < 0.05
    if not near:
        assert all(piece.dash_px is None for piece in found)


def _off(camera: CameraModel, a: F64, b: F64, uv: F64) -> F64:
    """Return how far pixels are from the plane of a segment and the eye, in pixels at depth 1."""
    normal = np.cross(a, b)
    length = np.linalg.norm(normal)
    if length < 1e-12:
        return np.zeros(len(uv))
    rays = np.column_stack([(uv - camera.K[:2, 2]) / 300.0, np.ones(len(uv))])
    return np.abs(rays @ (normal / length)) * 300.0 / np.maximum(np.linalg.norm(rays, axis=1), 1)


def test_a_cameras_field_is_that_of_its_size(camera: CameraModel) -> None:
    rows, wide = CameraRows(), replace(camera, width_px=2 * camera.width_px)
    assert rows.row(camera)[FIELD] < rows.row(wide)[FIELD] == CameraRows().row(wide)[FIELD]
