# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model, project
from arsurg_ros.tracking.planar import fit_board
from arsurg_ros.types import F64

CAMERA = camera_model(640, 480, np.array([[600.0, 0, 320], [0, 605, 240], [0, 0, 1]]), np.array([-0.05, 0.02, 1e-3, -1e-3, 0]))
SQUARE = np.array([[-1.0, 1, 0], [1, 1, 0], [1, -1, 0], [-1, -1, 0]])
TOWARDS = np.diag([1.0, -1.0, -1.0])  # a board whose z points to the viewer


def board(size_m: float, n: int = 1) -> F64:
    centres = np.array([(x, y, 0) for x in range(n) for y in range(n)]) * 1.3 * size_m
    return (centres[:, None] + SQUARE * size_m / 2).reshape(-1, 3)


def pose(tilt_deg: float, z_m: float, axis: tuple[float, float, float] = (1, 0.3, 0)) -> F64:
    w = np.radians(tilt_deg) * np.array(axis) / np.linalg.norm(axis)
    return se3.compose(se3.from_rotvec(w) @ TOWARDS, [0.02, -0.01, z_m])


@settings(max_examples=60, deadline=None)
@given(st.floats(15, 65), st.floats(0.15, 1.0), st.floats(-1, 1), st.integers(2, 4))
def test_an_exact_picture_gives_the_exact_pose(tilt_deg: float, z_m: float, side: float, n: int) -> None:
    T, p = pose(tilt_deg, z_m, (1, side, 0)), board(0.02, n)
    fit = fit_board(p, project(CAMERA, se3.transform(T, p)), CAMERA)
    assert fit.reason == '' and fit.T_cam_board is not None
    np.testing.assert_allclose(fit.T_cam_board, T, atol=1e-5)
    assert fit.error_px < 1e-3


def test_points_that_are_not_flat_are_solved_too() -> None:
    p = board(0.02, 3)
    p[::2, 2] += 0.01
    T = pose(30, 0.4)
    fit = fit_board(p, project(CAMERA, se3.transform(T, p)), CAMERA)
    assert fit.T_cam_board is not None
    np.testing.assert_allclose(fit.T_cam_board, T, atol=1e-5)


def test_a_board_seen_exactly_from_the_front_has_a_pose() -> None:
    camera = camera_model(640, 480, np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]]))
    T = se3.compose(TOWARDS, [0, 0, 0.3])
    fit = fit_board(board(0.02), project(camera, se3.transform(T, board(0.02))), camera)
    assert fit.T_cam_board is not None and fit.reason == ''
    np.testing.assert_allclose(fit.T_cam_board, T, atol=1e-4)


def flipped_pair() -> tuple[F64, F64, F64, F64]:
    """Return points, noisy pixels, and the two poses of a tiny far tag: from here on nobody can tell them apart."""
    p, T = board(0.02), pose(20, 1.2)
    uv = project(CAMERA, se3.transform(T, p))
    mirrored = pose(-20, 1.2)
    return p, (uv + project(CAMERA, se3.transform(mirrored, p))) / 2, T, mirrored


def test_two_poses_that_fit_alike_are_no_pose() -> None:
    p, uv, _, _ = flipped_pair()
    fit = fit_board(p, uv, CAMERA)
    assert fit.ambiguous and fit.reason.startswith('ambiguous: two poses')


def test_the_last_believed_pose_decides_between_two_that_fit_alike() -> None:
    p, uv, T, mirrored = flipped_pair()
    for near in (T, mirrored):
        fit = fit_board(p, uv, CAMERA, near_T=near)
        assert not fit.ambiguous and fit.reason == '' and fit.T_cam_board is not None
        off = [se3.rotation_angle_rad(se3.inverse(t) @ fit.T_cam_board) for t in (near, T, mirrored)]
        assert off[0] == min(off)


def test_a_clear_winner_needs_no_memory_and_ignores_a_wrong_one() -> None:
    p, T = board(0.02, 3), pose(40, 0.3)
    fit = fit_board(p, project(CAMERA, se3.transform(T, p)), CAMERA, near_T=pose(-40, 0.3))
    assert fit.T_cam_board is not None
    np.testing.assert_allclose(fit.T_cam_board, T, atol=1e-5)


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_pixels_that_are_not_finite_are_no_pose(value: float) -> None:
    p = board(0.02)
    uv = project(CAMERA, se3.transform(pose(30, 0.3), p))
    uv[1, 0] = value
    fit = fit_board(p, uv, CAMERA)
    assert fit.T_cam_board is None and fit.reason


def test_a_solver_that_returns_nan_or_fails_is_no_pose(monkeypatch: Any) -> None:
    p = board(0.02)
    uv = project(CAMERA, se3.transform(pose(30, 0.3), p))
    nan = np.full((3, 1), np.nan)
    monkeypatch.setattr(cv2, 'solvePnPGeneric', lambda *a, **k: (1, [nan], [nan], [0.0]))
    assert fit_board(p, uv, CAMERA).reason == 'the solver found no finite pose in front of the camera'

    def fails(*a: Any, **k: Any) -> None:
        raise cv2.error('no')

    monkeypatch.setattr(cv2, 'solvePnPGeneric', fails)
    assert fit_board(p, uv, CAMERA).T_cam_board is None


def test_a_pose_behind_the_camera_is_none(monkeypatch: Any) -> None:
    p = board(0.02)
    uv = project(CAMERA, se3.transform(pose(30, 0.3), p))
    behind = (np.zeros((3, 1)), np.array([[0.0], [0.0], [-0.3]]))
    monkeypatch.setattr(cv2, 'solvePnPGeneric', lambda *a, **k: (1, [behind[0]], [behind[1]], [0.0]))
    monkeypatch.setattr(cv2, 'solvePnPRefineLM', lambda *a, **k: behind)
    assert fit_board(p, uv, CAMERA).T_cam_board is None
