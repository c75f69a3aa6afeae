# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arsurg_ros.errors import RegistrationError
from arsurg_ros.files.calibration_boards import load_calibration_board
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model, project
from arsurg_ros.registration.board_views import BoardView, BoardViews
from arsurg_ros.registration.camera import calibrate_camera
from arsurg_ros.registration.stereo import calibrate_stereo
from arsurg_ros.synthetic.board_pictures import tilted_poses

BOARD = load_calibration_board('chessboard:9x6:20', 1e-3)
LEFT = camera_model(640, 480, np.array([[620.0, 0, 322.0], [0, 615.0, 236.0], [0, 0, 1]]), np.array([-0.2, 0.1, 0, 0, 0]))
RIGHT = camera_model(640, 480, np.array([[630.0, 0, 315.0], [0, 625.0, 244.0], [0, 0, 1]]), np.array([-0.18, 0.1, 0, 0, 0]))
T_LEFT_RIGHT = se3.compose(se3.from_rotvec([0.01, -0.03, 0.005]), [0.03, 0.001, -0.002])


@pytest.fixture(scope='module')
def pair():
    rng, ids, seen = np.random.default_rng(0), np.arange(54), {'left': [], 'right': []}
    for i, T in enumerate(tilted_poses(BOARD, LEFT, 12, seed=1)):
        for side, camera, pose in (('left', LEFT, T), ('right', RIGHT, se3.inverse(T_LEFT_RIGHT) @ T)):
            uv = project(camera, se3.transform(pose, BOARD.p_board_m)) + rng.normal(0.0, 0.1, (54, 2))
            seen[side].append(BoardView(f'v{i}', ids, uv))
    found = [BoardViews(BOARD, tuple(views), 640, 480) for views in seen.values()]
    return (*found, *(calibrate_camera(f, 2) for f in found))


def test_the_right_camera_is_where_it_is(pair) -> None:
    found = calibrate_stereo(*pair)
    np.testing.assert_allclose(found.T_left_right[:3, 3], T_LEFT_RIGHT[:3, 3], atol=5e-4)
    # Each principal point is known to about a pixel, 1.6 mrad, and is held fixed.
    assert se3.rotation_angle_rad(found.T_left_right[:3, :3].T @ T_LEFT_RIGHT[:3, :3]) < 5e-3
    assert (found.pairs, found.rejected) == (12, ())
    assert found.rms_px == pytest.approx(0.1 * np.sqrt(2), rel=0.15)
    assert found.epipolar_px == pytest.approx(0.1 * np.sqrt(2), rel=0.15)


def test_rectified_rows_are_the_same_and_give_the_depth(pair) -> None:
    found = calibrate_stereo(*pair)
    p_left = np.array([0.02, -0.01, 0.5])
    p_right = se3.transform(se3.inverse(found.T_left_right), p_left)
    left = found.P_left @ [*(found.R_left @ p_left), 1.0]
    right = found.P_right @ [*(found.R_left @ p_left), 1.0]
    # P_right takes points of the left rectified frame: its fourth column holds the baseline.
    np.testing.assert_allclose(right, found.P_right[:, :3] @ found.R_right @ p_right, atol=1e-6)
    assert left[1] / left[2] == pytest.approx(right[1] / right[2], abs=1e-6)
    assert (left[0] / left[2] - right[0] / right[2]) * left[2] == pytest.approx(-found.P_right[0, 3], rel=1e-6)


def test_a_pair_of_different_moments_is_rejected(pair) -> None:
    left, right, left_camera, right_camera = pair
    views = list(right.views)
    views[3] = replace(views[3], uv_px=views[3].uv_px + np.array([4.0, 3.0]))
    found = calibrate_stereo(left, replace(right, views=tuple(views)), left_camera, right_camera)
    assert found.rejected == ('v3',)


def code(*values) -> str:
    with pytest.raises(RegistrationError) as e:
        calibrate_stereo(*values)
    return e.value.code


def test_pairs_that_cannot_be_are_refused(pair) -> None:
    left, right, left_camera, right_camera = pair
    assert code(left, replace(right, views=right.views[:5]), left_camera, right_camera) == 'count_mismatch'
    assert code(left, replace(right, width_px=800), left_camera, right_camera) == 'mixed_sizes'
    none = replace(left_camera, views=tuple(replace(v, used=False) for v in left_camera.views))
    assert code(left, right, none, right_camera) == 'too_few_views'
