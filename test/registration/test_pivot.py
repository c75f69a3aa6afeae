# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from arsurg_ros.errors import ConfigError, KernelError, RegistrationError
from arsurg_ros.files.poses import load_poses
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.calibration_results import Refused
from arsurg_ros.registration.pivot import calibrate_pivot, motion_refusal
from arsurg_ros.types import PivotCalibration, PoseSeries

TIP, PIVOT = np.array([-0.015, 0.15, -0.007]), np.array([0.1, -0.2, -1.5])
SEEDS = st.integers(0, 2**32 - 1)
PROPERTY = settings(max_examples=25, deadline=None)
EACH = pytest.mark.parametrize('backend', BACKENDS)


def swings(
    rng: np.random.Generator, n: int, noise_m: float = 0.0, tilt: tuple[float, float, float] = (0.5, 0.5, 0.5),
    tip: np.ndarray = TIP, outliers: int = 0,
) -> PoseSeries:
    """Return poses about the pivot within tilts (rad) of a random orientation; the first few with gross errors."""
    start = Rotation.from_rotvec(rng.uniform(-2, 2, 3))
    R = (start * Rotation.from_rotvec(rng.uniform(-1, 1, (n, 3)) * tilt)).as_matrix()
    T = np.tile(np.eye(4), (n, 1, 1))
    T[:, :3, :3] = R
    T[:, :3, 3] = PIVOT - R @ tip + rng.normal(0, noise_m, (n, 3))
    T[:outliers, :3, 3] += rng.uniform(0.01, 0.05, (outliers, 1)) * rng.normal(size=(outliers, 3))
    return PoseSeries(T, None, 'made')


@EACH
@pytest.mark.parametrize('method', ['robust', 'algebraic'])
@PROPERTY
@given(seed=SEEDS, n=st.integers(10, 60))
def test_an_exact_pivot_is_recovered(backend: str, method: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    tip = rng.uniform(-0.3, 0.3, 3)
    found = calibrate_pivot(swings(rng, n, tip=tip), method=method, backend=backend)
    assert np.abs(found.tip_m - tip).max() < 1e-10
    assert np.abs(found.pivot_m - PIVOT).max() < 1e-10
    assert found.inlier.all()
    assert found.rms_m < 1e-12


@EACH
@PROPERTY
@given(seed=SEEDS)
def test_the_pivot_moves_with_the_tracker_and_the_tip_with_the_tool(backend: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plain = swings(rng, 30, 3e-4, outliers=4)
    A, B = se3.exp(rng.uniform(-1, 1, 6)), se3.exp(rng.uniform(-0.2, 0.2, 6))
    one = calibrate_pivot(plain, backend=backend)
    moved = calibrate_pivot(replace(plain, T=A @ plain.T @ B), backend=backend)
    assert np.abs(moved.pivot_m - se3.transform(A, one.pivot_m)).max() < 1e-8
    assert np.abs(se3.transform(B, moved.tip_m) - one.tip_m).max() < 1e-8
    assert moved.rms_m == pytest.approx(one.rms_m, abs=1e-9)
    assert (moved.inlier == one.inlier).all()
    assert np.abs(B[:3, :3] @ moved.tip_covariance_m2 @ B[:3, :3].T - one.tip_covariance_m2).max() < 1e-10


@EACH
@PROPERTY
@given(seed=SEEDS)
def test_order_does_not_matter(backend: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plain, order = swings(rng, 40, 3e-4, outliers=8), rng.permutation(40)
    one = calibrate_pivot(plain, backend=backend)
    mixed = calibrate_pivot(replace(plain, T=plain.T[order]), backend=backend)
    assert np.abs(one.tip_m - mixed.tip_m).max() < 1e-9
    assert (one.inlier[order] == mixed.inlier).all()
    assert np.abs(one.residuals_m[order] - mixed.residuals_m).max() < 1e-9


@PROPERTY
@given(seed=SEEDS, method=st.sampled_from(['robust', 'algebraic']))
def test_both_backends_agree(seed: int, method: str) -> None:
    poses = swings(np.random.default_rng(seed), 35, 4e-4)
    poses.T[:7, :3, 3] += 0.02  # outliers that leave no doubt: the backends start from different places
    one, two = (calibrate_pivot(poses, method=method, max_rms_m=1.0, backend=backend) for backend in BACKENDS)
    if (one.inlier != two.inlier).any():  # from different places, a pose at the limit may fall either way
        assert method == 'robust' and np.count_nonzero(one.inlier != two.inlier) <= 2
        assert np.linalg.norm(one.tip_m - two.tip_m) < min(one.tip_margin95_m, two.tip_margin95_m)
        return
    assert np.abs(one.tip_m - two.tip_m).max() < 1e-9
    assert np.abs(one.swings_rad - two.swings_rad).max() < 1e-9
    assert np.abs(np.abs(np.sum(one.directions * two.directions, axis=1)) - 1).max() < 1e-6
    assert one.range_rad == pytest.approx(two.range_rad, abs=1e-9)
    assert np.abs(one.tip_covariance_m2 - two.tip_covariance_m2).max() < 1e-12


def trials(count: int, n: int, method: str, outliers: int = 0) -> tuple[np.ndarray, np.ndarray, list[PivotCalibration]]:
    errors, found = [], []
    rng = np.random.default_rng(7)
    for _ in range(count):
        one = calibrate_pivot(swings(rng, n, 3e-4, outliers=outliers), method=method)
        errors.append(np.concatenate([one.tip_m - TIP, one.pivot_m - PIVOT]))
        found.append(one)
    return np.array(errors)[:, :3], np.array(errors)[:, 3:], found


@pytest.mark.parametrize(('method', 'count', 'n'), [('algebraic', 10_000, 20), ('robust', 10_000, 40)])
def test_covariance_and_margins_hold_in_10_000_trials(method: str, count: int, n: int) -> None:
    tip, pivot, found = trials(count, n, method)
    for errors, covariances, margins in (
        (tip, [f.tip_covariance_m2 for f in found], [f.tip_margin95_m for f in found]),
        (pivot, [f.pivot_covariance_m2 for f in found], [f.pivot_margin95_m for f in found]),
    ):
        predicted = np.sqrt(np.mean([np.trace(C) for C in covariances]))
        assert predicted == pytest.approx(np.sqrt(np.mean(np.sum(errors**2, axis=1))), rel=0.03)
        assert 0.93 < np.mean(np.linalg.norm(errors, axis=1) < margins) < 0.97
    assert np.mean([f.noise_m for f in found]) == pytest.approx(3e-4, rel=0.02)


def test_thirty_percent_of_outliers_cost_little() -> None:
    clean, _, _ = trials(300, 42, 'robust')
    soiled, _, found = trials(300, 60, 'robust', outliers=18)
    ratio = np.sqrt(np.mean(soiled**2) / np.mean(clean**2))
    assert ratio < 1.5
    assert np.mean([f.inlier[:18].sum() for f in found]) < 2
    assert np.mean([f.inlier[18:].mean() for f in found]) > 0.99
    assert all(f.all_poses.rms_m > 3 * f.rms_m for f in found)


@EACH
def test_the_recorded_tool(shared_data: Path, backend: str) -> None:
    poses = load_poses(str(shared_data / 'pivot_skscal' / 'PivotCalibration'), 1e-3)
    plain = calibrate_pivot(poses, method='algebraic', backend=backend)
    assert np.abs(1e3 * plain.tip_m - (-14.473, 394.634, -7.407)).max() < 2e-3
    assert np.abs(1e3 * plain.pivot_m - (-804.742, -85.474, -2112.131)).max() < 2e-3
    assert 1e3 * plain.rms_m == pytest.approx(3.050, abs=1e-3)
    assert 1e3 * plain.rms_m / np.sqrt(3) == pytest.approx(1.761, abs=1e-3)
    assert 1e3 * plain.max_m == pytest.approx(12.26, abs=5e-3)
    robust = calibrate_pivot(poses, backend=backend)
    assert robust.inlier.sum() == 52
    assert robust.rms_m < 0.7 * plain.rms_m
    assert robust.all_poses.rms_m == pytest.approx(plain.rms_m)
    assert np.linalg.norm(robust.tip_m - plain.tip_m) < 2e-3


def code_of(poses: PoseSeries, **options: object) -> tuple[str, str]:
    with pytest.raises(RegistrationError) as caught:
        calibrate_pivot(poses, **options)  # type: ignore[arg-type]
    assert '\n' not in str(caught.value)
    return caught.value.code, str(caught.value)


@EACH
def test_refusals(backend: str) -> None:
    rng = np.random.default_rng(1)
    good = swings(rng, 30, 1e-4)
    nan, bent, mirrored = good.T.copy(), good.T.copy(), good.T.copy()
    nan[3, 1, 3], bent[4, 0, 0] = np.nan, bent[4, 0, 0] + 0.1
    mirrored[5, :3, 0] *= -1
    free = good.T.copy()
    free[:, :3, 3] += rng.normal(0, 0.1, (30, 3))
    half = swings(rng, 30, 1e-4, tilt=(0.1, 0.1, 0.1))  # those that agree move too little
    half.T[:12] = swings(rng, 12, 0.3, tilt=(1.0, 1.0, 1.0)).T
    cases = {
        'too_few_poses': [good.T[:3], good.T[:0]],
        'not_finite': [nan],
        'not_rigid': [bent, mirrored],
        'repeated_pose': [np.repeat(good.T[:1], 30, 0)],
        'insufficient_motion': [
            swings(rng, 30, 1e-4, tilt=(0.05, 0.05, 0.05)).T, swings(rng, 30, 1e-4, tilt=(0.8, 0, 0)).T, half.T,
        ],
        'not_a_pivot': [free],
    }
    for code, sets in cases.items():
        for T in sets:
            assert code_of(replace(good, T=T), backend=backend)[0] == code


def test_a_refusal_says_what_is_missing() -> None:
    rng = np.random.default_rng(2)
    small = code_of(swings(rng, 30, tilt=(0.05, 0.05, 0.05)))[1]
    assert 'largest angle between two poses is' in small
    assert '20 deg are needed' in small
    about_x = swings(rng, 30, tilt=(0.8, 0.001, 0.001))
    assert 'rock the tool about a second axis' in code_of(about_x)[1]
    assert 'direction (' in code_of(about_x)[1]
    assert calibrate_pivot(swings(rng, 60, 1e-5, (0.05, 0.05, 0.05)), min_range_rad=0.08, min_swing_rad=0.01).rms_m < 1e-4


def test_millimetres_given_as_metres() -> None:
    rng = np.random.default_rng(3)
    good = swings(rng, 30, 1e-4)
    far = good.T.copy()
    far[:, :3, 3] *= 1000
    assert code_of(replace(good, T=far)) == (
        'wrong_unit', 'wrong_unit: made: a pose is ' + f'{np.linalg.norm(far[:, :3, 3], axis=1).max():.4g}'
        ' m from the tracker; at most 10 m are expected: are these millimetres?',
    )
    long = swings(rng, 30, 1e-4, tip=np.array([0.0, 2.5, 0.0]))
    assert code_of(long)[0] == 'wrong_unit'
    assert 'the tip is' in code_of(long)[1]


def test_rotations_with_few_digits_are_projected() -> None:
    rough = swings(np.random.default_rng(4), 40)
    printed = rough.T.copy()
    printed[:, :3, :3] = np.round(printed[:, :3, :3], 3)
    found = calibrate_pivot(replace(rough, T=printed))
    assert np.linalg.norm(found.tip_m - TIP) < 5e-4


def test_warnings() -> None:
    rng = np.random.default_rng(5)
    assert any('few' in w for w in calibrate_pivot(swings(rng, 12, 1e-4)).warnings)
    assert any('slip' in w for w in calibrate_pivot(swings(rng, 50, 1e-4, outliers=20)).warnings)
    tiny = swings(rng, 40, 1e-7, tip=TIP / 1000)
    assert any('metres' in w for w in calibrate_pivot(tiny).warnings)
    assert calibrate_pivot(swings(rng, 50, 1e-4)).warnings == ()


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'method': 'magic'}, "method: 'magic' is unknown; valid: robust, algebraic"),
        ({'min_range_rad': 0.0}, 'min_range_rad: 0.0 must be a positive number'),
        ({'max_rms_m': np.inf}, 'max_rms_m: inf must be'),
        ({'backend': 'cuda'}, "backend: 'cuda' is unknown"),
    ],
)
def test_options_are_checked(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        calibrate_pivot(swings(np.random.default_rng(6), 20), **options)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_the_tip_frame_is_turned_as_the_tool() -> None:
    found = calibrate_pivot(swings(np.random.default_rng(7), 30))
    assert np.abs(found.T_tool_tip - se3.compose(np.eye(3), TIP)).max() < 1e-9


def test_an_unknown_status_is_an_error_of_the_kernel() -> None:
    assert isinstance(motion_refusal(99, 'made'), KernelError)
    assert isinstance(motion_refusal(Refused.NOT_RIGID, 'made'), RegistrationError)
