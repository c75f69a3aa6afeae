# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.files.calibration_boards import load_calibration_board
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model, project
from arsurg_ros.registration import camera_checks
from arsurg_ros.registration.board_views import BoardFinder, BoardView, BoardViews, checked
from arsurg_ros.registration.camera import calibrate_camera, locate
from arsurg_ros.synthetic.board_pictures import BoardPainter, tilted_poses

K = np.array([[620.0, 0, 322.0], [0, 615.0, 236.0], [0, 0, 1]])
CAMERA = camera_model(640, 480, K, np.array([-0.2, 0.1, 1e-3, -5e-4, 0.0]))
BOARD = load_calibration_board('chessboard:9x6:20', 1e-3)
FOUR = ([0, 1, 0, 1], [0, 1, 2, 2])


def views(poses: np.ndarray, noise_px: float = 0.1, seed: int = 0, camera=CAMERA) -> BoardViews:
    rng, ids = np.random.default_rng(seed), np.arange(len(BOARD.p_board_m))
    seen = [project(camera, se3.transform(T, BOARD.p_board_m)) + rng.normal(0.0, noise_px, (len(ids), 2)) for T in poses]
    return checked(BoardViews(BOARD, tuple(BoardView(f'v{i}', ids, uv) for i, uv in enumerate(seen)), 640, 480))


@settings(max_examples=8, deadline=None)
@given(
    fx=st.floats(400, 1500), ratio=st.floats(0.9, 1.1), cx=st.floats(280, 360), cy=st.floats(200, 280), k1=st.floats(-0.2, 0.1),
    seed=st.integers(0, 1000),
)
def test_a_camera_is_recovered_exactly_from_exact_corners(fx, ratio, cx, cy, k1, seed) -> None:
    truth = camera_model(640, 480, np.array([[fx, 0, cx], [0, fx * ratio, cy], [0, 0, 1]]), np.array([k1, 0, 0, 0, 0]))
    found = calibrate_camera(views(tilted_poses(BOARD, truth, 8, seed), 0.0, camera=truth), coefficients=1)
    # Corners pass through OpenCV as float32: 3e-5 px.
    np.testing.assert_allclose(found.camera.K, truth.K, atol=0.02)
    np.testing.assert_allclose(found.camera.distortion, truth.distortion, atol=1e-3)
    assert found.rms_px < 1e-3


def test_errors_are_as_large_as_the_standard_deviations_say() -> None:
    off, poses = [], tilted_poses(BOARD, CAMERA, 12, seed=1)
    for seed in range(25):
        found = calibrate_camera(views(poses, 0.2, seed), coefficients=4, reject=False)
        std = np.array([found.std[k] for k in ('fx', 'fy', 'cx', 'cy')])
        off.append((found.camera.K[FOUR] - K[FOUR]) / std)
    # 25 trials of 4 parameters: their mean square is 1 within 3 standard errors, the parameters being correlated.
    assert 0.5 < np.mean(np.square(off)) < 1.8
    assert found.rms_px == pytest.approx(0.2 * np.sqrt(2), rel=0.1)
    assert found.held_out_rms_px == pytest.approx(found.rms_px, rel=0.1)


def test_rendered_pictures_give_the_camera_back() -> None:
    painter, finder = BoardPainter(BOARD, CAMERA), BoardFinder(BOARD)
    poses = tilted_poses(BOARD, CAMERA, 10, seed=2)
    found = calibrate_camera(
        BoardViews(BOARD, tuple(finder.find(painter.draw(T, seed=i), f'v{i}') for i, T in enumerate(poses)), 640, 480)
    )
    assert found.rms_px < 0.08
    np.testing.assert_allclose(found.camera.K[FOUR], K[FOUR], atol=0.6)
    assert len([v for v in found.views if v.used]) == 10


@pytest.mark.parametrize('wrong_px', [2.0, 40.0])
def test_wrong_views_are_rejected_and_do_no_harm(wrong_px: float) -> None:
    poses = tilted_poses(BOARD, CAMERA, 14, seed=3)
    good = views(poses)
    rng = np.random.default_rng(0)
    bad = [replace(v, uv_px=v.uv_px + rng.normal(0, wrong_px, v.uv_px.shape)) if i in (2, 5, 7, 11) else v
           for i, v in enumerate(good.views)]
    found = calibrate_camera(replace(good, views=tuple(bad)))
    assert [v.name for v in found.views if not v.used] == ['v2', 'v5', 'v7', 'v11']
    assert all('above the limit of' in v.reason for v in found.views if not v.used)
    kept = replace(good, views=tuple(v for i, v in enumerate(good.views) if i not in (2, 5, 7, 11)))
    np.testing.assert_allclose(found.camera.K, calibrate_camera(kept).camera.K, rtol=1e-6)


def test_without_rejection_every_view_is_used() -> None:
    good = views(tilted_poses(BOARD, CAMERA, 8, seed=3))
    bad = replace(good.views[0], uv_px=good.views[0].uv_px + np.random.default_rng(0).normal(0, 3.0, (54, 2)))
    found = calibrate_camera(replace(good, views=(bad, *good.views[1:])), reject=False)
    assert all(v.used for v in found.views)
    assert found.limit_px == np.inf


def test_the_order_of_the_views_does_not_matter() -> None:
    found = views(tilted_poses(BOARD, CAMERA, 8, seed=4))
    a, b = calibrate_camera(found), calibrate_camera(replace(found, views=found.views[::-1]))
    np.testing.assert_allclose(a.camera.K, b.camera.K, rtol=1e-6)


@pytest.mark.parametrize(('coefficients', 'fitted'), [(0, 0), (1, 1), (2, 2), (4, 4), (5, 5)])
def test_only_the_asked_coefficients_are_fitted(coefficients: int, fitted: int) -> None:
    found = calibrate_camera(views(tilted_poses(BOARD, CAMERA, 8, seed=5)), coefficients)
    assert np.count_nonzero(found.camera.distortion) == fitted
    assert len(found.std) == 4 + fitted


def refused(poses: np.ndarray, **options) -> RegistrationError:
    with pytest.raises(RegistrationError) as e:
        calibrate_camera(views(poses), **options)
    return e.value


def test_parallel_boards_leave_the_focal_length_free() -> None:
    parallel = np.array([se3.compose(np.eye(3), [x, y, z]) for x, y, z in
                         [(-0.1, -0.05, 0.4), (-0.02, 0.0, 0.5), (-0.12, -0.08, 0.45), (-0.09, -0.02, 0.6), (0.0, -0.1, 0.5)]])
    error = refused(parallel)
    assert error.code == 'insufficient_motion'
    assert 'tilt the board' in str(error)


def test_too_few_views_are_refused_with_what_is_missing() -> None:
    error = refused(tilted_poses(BOARD, CAMERA, 2, seed=6))
    assert error.code == 'too_few_views'
    assert '2 of 2 pictures show the board, 3 or more are needed' in str(error)


def test_one_view_repeated_is_refused() -> None:
    error = refused(np.repeat(tilted_poses(BOARD, CAMERA, 1, seed=7), 10, axis=0))
    assert error.code == 'repeated_view'
    assert '1 different view, 9 repeat' in str(error)


def test_views_that_have_no_camera_in_common_are_refused() -> None:
    rng = np.random.default_rng(0)
    noise = [BoardView(f'v{i}', np.arange(54), rng.uniform(0, 480, (54, 2))) for i in range(6)]
    with pytest.raises(RegistrationError) as e:
        calibrate_camera(BoardViews(BOARD, tuple(noise), 640, 480))
    assert e.value.code == 'no_consensus'
    assert 'no camera explains them' in str(e.value)


def test_an_unknown_number_of_coefficients_is_refused() -> None:
    with pytest.raises(ConfigError, match='coefficients 3: valid: 0, 1, 2, 4, 5'):
        calibrate_camera(views(tilted_poses(BOARD, CAMERA, 4, seed=8)), 3)


def test_warnings_say_what_to_do_better() -> None:
    squeezed = camera_model(640, 480, np.array([[620.0, 0, 322.0], [0, 560.0, 236.0], [0, 0, 1]]))
    few = tilted_poses(BOARD, squeezed, 4, seed=9, tilt_rad=(0.1, 0.17))
    few[:, :3, 3] += [0.0, 0.0, 0.6]
    told = ' '.join(calibrate_camera(views(few, 0.02, camera=squeezed), 0).warnings)
    assert 'only 4 views' in told
    assert 'distortion is a guess elsewhere' in told
    assert 'the boards are tilted by' in told
    assert 'fx/fy is 1.1' in told


def test_a_large_error_and_a_loose_focal_length_are_warned_of() -> None:
    told = ' '.join(calibrate_camera(views(tilted_poses(BOARD, CAMERA, 8, seed=10, tilt_rad=(0.2, 0.4)), 2.0), 0).warnings)
    assert 'is the board flat' in told
    assert 'the focal length is known to' in told


def test_overfitted_views_are_warned_of() -> None:
    found = calibrate_camera(views(tilted_poses(BOARD, CAMERA, 8, seed=11)))
    told = camera_checks.warnings(replace(found, held_out_rms_px=2 * found.rms_px))
    assert any('held out of the fit err by' in w for w in told)


def test_half_of_the_views_is_always_kept() -> None:
    assert camera_checks.keep(np.array([1.0, 9.0, np.nan, 2.0]), 0.5, 2) == [True, False, False, True]
    assert camera_checks.keep(np.array([0.1, 9.0, 0.2, 0.3]), 0.5, 2) == [True, False, True, True]
    assert camera_checks.error_limit_px(np.array([np.nan, np.nan, 1.0])) == np.inf
    found = calibrate_camera(views(tilted_poses(BOARD, CAMERA, 8, seed=11)))
    told = camera_checks.warnings(replace(found, limit_px=0.01))
    assert any('8 views above the limit are used all the same' in w for w in told)


def test_coverage_counts_fields_and_hull() -> None:
    corners = BoardView('a', np.arange(4), np.array([[0.0, 0.0], [319.0, 0.0], [319.0, 239.0], [0.0, 239.0]]))
    fields, hull = camera_checks.coverage([corners], 640, 480)
    assert fields == pytest.approx(4 / 48)
    assert hull == pytest.approx(0.25, abs=0.01)


def test_a_view_is_located_where_the_board_is() -> None:
    T = tilted_poses(BOARD, CAMERA, 1, seed=12)[0]
    found, off = locate(CAMERA, BOARD.p_board_m, project(CAMERA, se3.transform(T, BOARD.p_board_m)))
    np.testing.assert_allclose(found, T, atol=1e-6)
    assert np.abs(off).max() < 1e-4


def test_points_without_a_pose_have_none() -> None:
    assert locate(CAMERA, BOARD.p_board_m[:3], np.zeros((3, 2)))[0] is None
