# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import RegistrationError
from arsurg_ros.files.calibration_boards import load_calibration_board
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.calibration_boards import CalibrationBoard
from arsurg_ros.geometry.camera import camera_model, project
from arsurg_ros.registration.board_views import BoardView, BoardViews
from arsurg_ros.registration.camera_tracker import judge_camera, place_camera
from arsurg_ros.synthetic.board_pictures import tilted_poses

K = np.array([[620.0, 0, 322.0], [0, 615.0, 236.0], [0, 0, 1]])
CAMERA = camera_model(640, 480, K, np.array([-0.2, 0.1, 1e-3, -5e-4, 0]))
BOARD = load_calibration_board('chessboard:9x6:20', 1e-3)
SYMMETRIC = load_calibration_board('chessboard:10x6:20', 1e-3)
POSITION_M, ROTATION_RAD = 2e-4, 1e-3


@dataclass(frozen=True)
class World:
    """Views and tracker poses of a board on a body, before a camera at ``T_base_cam``."""

    views: BoardViews
    T_base_carrier: np.ndarray
    T_carrier_board: np.ndarray
    T_base_cam: np.ndarray


def world(
    count: int, seed: int = 0, noise: tuple[float, float] = (0.0, 0.0), noise_px: float = 0.1, board: CalibrationBoard = BOARD,
    at_base: bool = False,
) -> World:
    rng = np.random.default_rng(seed)
    X = se3.compose(se3.from_rotvec(rng.normal(size=3)), [0.3, -0.2, -1.5])
    Z = se3.compose(se3.from_rotvec(rng.normal(size=3)), [0.05, 0.02, -0.1])
    views, carriers, ids = [], [], np.arange(len(board.p_board_m))
    for i, T in enumerate(tilted_poses(board, CAMERA, count, seed)):
        E = se3.exp(np.concatenate([rng.normal(0.0, noise[0], 3), rng.normal(0.0, noise[1], 3)]))
        carrier = X @ T @ se3.inverse(Z)
        carriers.append(E @ carrier if at_base else carrier @ E)
        uv = project(CAMERA, se3.transform(T, board.p_board_m)) + rng.normal(0.0, noise_px, (len(ids), 2))
        views.append(BoardView(f'v{i}', ids, uv))
    return World(BoardViews(board, tuple(views), 640, 480), np.array(carriers), Z, X)


def off(T: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.concatenate([T[:3, 3] - truth[:3, 3], se3.to_rotvec(T[:3, :3] @ truth[:3, :3].T)])


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 6))
def test_exact_views_give_the_exact_pose(seed: int, count: int) -> None:
    w = world(count, seed, noise_px=0.0)
    found = place_camera(w.views, CAMERA, w.T_base_carrier, w.T_carrier_board)
    assert np.abs(off(found.T_base_cam, w.T_base_cam)).max() < 1e-6
    assert found.rms_px < 1e-4
    assert found.rms_m < 1e-6


def test_a_tracker_that_moves_takes_the_camera_with_it() -> None:
    w = world(8, 1, (POSITION_M, ROTATION_RAD))
    T = se3.compose(se3.from_rotvec([0.3, -0.5, 1.0]), [0.5, 0.2, -0.1])
    a = place_camera(w.views, CAMERA, w.T_base_carrier, w.T_carrier_board)
    b = place_camera(w.views, CAMERA, T @ w.T_base_carrier, w.T_carrier_board)
    assert np.abs(off(b.T_base_cam, T @ a.T_base_cam)).max() < 1e-6


def test_the_order_of_the_views_does_not_matter() -> None:
    w = world(8, 2, (POSITION_M, ROTATION_RAD))
    a = place_camera(w.views, CAMERA, w.T_base_carrier, w.T_carrier_board)
    turned = replace(w.views, views=w.views.views[::-1])
    b = place_camera(turned, CAMERA, w.T_base_carrier[::-1], w.T_carrier_board)
    assert np.abs(off(a.T_base_cam, b.T_base_cam)).max() < 1e-7


@pytest.mark.parametrize('at_base', [False, True])
def test_noise_and_covariance_are_what_they_say(at_base: bool) -> None:
    noise, square, held = [], [], []
    for seed in range(25):
        w = world(10, seed, (POSITION_M, ROTATION_RAD), at_base=at_base)
        found = place_camera(w.views, CAMERA, w.T_base_carrier, w.T_carrier_board, tracker_at_base=at_base, reject=False)
        assert found.noise is not None
        noise.append(found.noise)
        e = off(found.T_base_cam, w.T_base_cam)
        square.append(e @ np.linalg.solve(found.covariance, e))
        held += [np.linalg.norm(e[:3]) < found.margin95_m, np.linalg.norm(e[3:]) < found.margin95_rad]
    # Each variance has 25 x 27 degrees of freedom: 2.7 % standard deviation of its root; 4 of them.
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(noise), axis=0)), [POSITION_M, ROTATION_RAD], rtol=0.12)
    # Of 6 degrees of freedom, mean 6 and, the noise being estimated, a little more; 0.7 is the standard error of 25 trials.
    assert 3.9 < np.mean(square) < 9.5
    assert np.mean(held) > 0.85


def test_more_views_are_better_than_one() -> None:
    errors = {1: [], 12: []}
    for seed in range(15):
        w = world(12, seed, (POSITION_M, ROTATION_RAD))
        for count in errors:
            views = replace(w.views, views=w.views.views[:count])
            found = place_camera(views, CAMERA, w.T_base_carrier[:count], w.T_carrier_board)
            errors[count].append(np.linalg.norm(off(found.T_base_cam, w.T_base_cam)[:3]))
    assert np.median(errors[12]) < 0.5 * np.median(errors[1])


def test_wrong_poses_are_rejected_and_do_no_harm() -> None:
    w = world(12, 3, (POSITION_M, ROTATION_RAD))
    poses = w.T_base_carrier.copy()
    for i, size in ((1, 0.02), (4, 0.3), (8, 0.05)):
        poses[i, :3, 3] += size
    found = place_camera(w.views, CAMERA, poses, w.T_carrier_board)
    assert [v.name for v in found.views if not v.used] == ['v1', 'v4', 'v8']
    assert all('above the limit' in v.reason for v in found.views if not v.used)
    kept = [i for i in range(12) if i not in (1, 4, 8)]
    alone = place_camera(
        replace(w.views, views=tuple(w.views.views[i] for i in kept)), CAMERA, w.T_base_carrier[kept], w.T_carrier_board
    )
    assert np.abs(off(found.T_base_cam, alone.T_base_cam)).max() < 1e-6
    assert not all(v.used for v in place_camera(w.views, CAMERA, poses, w.T_carrier_board).views)
    assert all(v.used for v in place_camera(w.views, CAMERA, poses, w.T_carrier_board, reject=False).views)


def test_the_boards_pose_is_found_as_well() -> None:
    w = world(16, 4, (POSITION_M, ROTATION_RAD))
    found = place_camera(w.views, CAMERA, w.T_base_carrier, None)
    assert found.board_covariance is not None
    for T, covariance, truth in (
        (found.T_base_cam, found.covariance, w.T_base_cam),
        (found.T_carrier_board, found.board_covariance, w.T_carrier_board),
    ):
        e = off(T, truth)
        assert np.linalg.norm(e[:3]) < 1e-3
        assert e @ np.linalg.solve(covariance, e) < 22.5  # 99.9 % of chi-square with 6 degrees of freedom
    given_pose = place_camera(w.views, CAMERA, w.T_base_carrier, w.T_carrier_board)
    np.testing.assert_array_equal(given_pose.T_carrier_board, w.T_carrier_board)


def turned_round(w: World, which: list[int]) -> World:
    """Return the views with the corners of some in the other order: OpenCV gives them from the picture's top."""
    views = tuple(replace(v, uv_px=v.uv_px[::-1].copy()) if i in which else v for i, v in enumerate(w.views.views))
    return replace(w, views=replace(w.views, views=views))


def test_a_symmetric_chessboard_is_turned_as_the_other_views_say() -> None:
    w = turned_round(world(8, 5, (POSITION_M, ROTATION_RAD), board=SYMMETRIC), [0, 3, 4, 6])
    found = place_camera(w.views, CAMERA, w.T_base_carrier, w.T_carrier_board)
    assert all(v.used for v in found.views)
    assert np.abs(off(found.T_base_cam, w.T_base_cam)).max() < 2e-3


def test_one_view_of_a_symmetric_chessboard_is_ambiguous_unless_its_order_is_known() -> None:
    w = world(1, 6, board=SYMMETRIC)
    with pytest.raises(RegistrationError, match='looks the same turned round, 1 views leave 2 answers') as e:
        place_camera(w.views, CAMERA, w.T_base_carrier, w.T_carrier_board)
    assert e.value.code == 'ambiguous'
    found = place_camera(w.views, CAMERA, w.T_base_carrier, w.T_carrier_board, trust_order=True)
    assert np.abs(off(found.T_base_cam, w.T_base_cam)).max() < 5e-3


def test_a_symmetric_board_of_unknown_pose_is_warned_of() -> None:
    w = world(12, 7, (POSITION_M, ROTATION_RAD), board=SYMMETRIC)
    assert any('upside down' in t for t in place_camera(w.views, CAMERA, w.T_base_carrier, None).warnings)


def test_poses_in_another_order_are_refused() -> None:
    w = world(8, 8)
    with pytest.raises(RegistrationError, match='do pictures and poses belong together') as e:
        place_camera(w.views, CAMERA, w.T_base_carrier[::-1], w.T_carrier_board)
    assert e.value.code == 'no_consensus'


def test_poses_in_another_unit_are_refused() -> None:
    w = world(8, 8)
    poses = w.T_base_carrier.copy()
    poses[:, :3, 3] *= 1000
    with pytest.raises(RegistrationError) as e:
        place_camera(w.views, CAMERA, poses, w.T_carrier_board)
    assert e.value.code == 'no_consensus'


def test_a_pose_for_every_picture_is_needed() -> None:
    w = world(4, 9)
    with pytest.raises(RegistrationError, match='3 poses for 4 pictures') as e:
        place_camera(w.views, CAMERA, w.T_base_carrier[:3], w.T_carrier_board)
    assert e.value.code == 'count_mismatch'


def test_views_without_the_board_keep_their_place() -> None:
    w = world(5, 10)
    lost = replace(w.views.views[2], ids=np.zeros(0, dtype=np.int64), uv_px=np.zeros((0, 2)), reason='board not found')
    views = replace(w.views, views=(*w.views.views[:2], lost, *w.views.views[3:]))
    found = place_camera(views, CAMERA, w.T_base_carrier, w.T_carrier_board)
    assert [(v.used, v.reason) for v in found.views][2] == (False, 'board not found')
    assert np.abs(off(found.T_base_cam, w.T_base_cam)).max() < 2e-3
    with pytest.raises(RegistrationError) as e:
        place_camera(replace(w.views, views=(lost,)), CAMERA, w.T_base_carrier[:1], w.T_carrier_board)
    assert e.value.code == 'too_few_views'


def test_repeated_pictures_count_because_the_tracker_measured_anew() -> None:
    w = world(4, 11)
    views = replace(w.views, views=(replace(w.views.views[0], reason='repeats v9'), *w.views.views[1:]))
    assert all(v.used for v in place_camera(views, CAMERA, w.T_base_carrier, w.T_carrier_board).views)


def test_few_views_say_that_the_tracker_is_not_counted() -> None:
    w = world(2, 12)
    found = place_camera(w.views, CAMERA, w.T_base_carrier, w.T_carrier_board)
    assert found.noise is None
    assert any('the covariance counts the noise of the corners alone' in t for t in found.warnings)


def test_a_board_that_is_not_where_it_is_said_to_be_is_warned_of() -> None:
    w = world(8, 13)
    wrong = w.T_carrier_board @ se3.compose(se3.from_rotvec([0.0, 0.0, 0.05]), [0.005, 0.0, 0.0])
    assert any('is the board where it is said' in t for t in place_camera(w.views, CAMERA, w.T_base_carrier, wrong).warnings)


def test_a_known_pose_is_judged_by_its_residuals() -> None:
    w = turned_round(world(6, 14, board=SYMMETRIC), [1])
    good = judge_camera(w.views, CAMERA, w.T_base_carrier, w.T_carrier_board, w.T_base_cam)
    assert good.rms_px == pytest.approx(0.1 * np.sqrt(2), rel=0.1)
    assert good.warnings == ()
    assert not good.covariance.any()
    moved = w.T_base_cam @ se3.compose(np.eye(3), [0.01, 0.0, 0.0])
    bad = judge_camera(w.views, CAMERA, w.T_base_carrier, w.T_carrier_board, moved)
    assert bad.rms_m == pytest.approx(0.01, rel=0.05)
    assert bad.rms_px > 3.0
    with pytest.raises(RegistrationError) as e:
        judge_camera(w.views, CAMERA, w.T_base_carrier[:2], w.T_carrier_board, moved)
    assert e.value.code == 'count_mismatch'
