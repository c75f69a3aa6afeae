# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.registration.spin import SpinCalibration, calibrate_spin, tip_frame
from arsurg_ros.types import PoseSeries

TIP, PIVOT = np.array([-0.015, 0.39, -0.007]), np.array([0.1, -0.2, -1.5])
SEEDS = st.integers(0, 2**32 - 1)
PROPERTY = settings(max_examples=25, deadline=None)
EACH = pytest.mark.parametrize('backend', BACKENDS)


def unit(v: object) -> np.ndarray:
    out = np.asarray(v, dtype=np.float64)
    return out / np.linalg.norm(out)


AXIS = unit([0.1, 0.98, -0.1])


def spun(
    rng: np.random.Generator, n: int, axis: np.ndarray = AXIS, turn_rad: float = 5.0, noise: float = 0.0, slide_m: float = 0.0
) -> PoseSeries:
    """Return a tool that turns about its axis, its tip in a divot; noise in rad and 0.1 m a rad; it may slide."""
    start = Rotation.from_rotvec(rng.uniform(-2, 2, 3))
    turns = Rotation.from_rotvec(np.linspace(0, turn_rad, n)[:, None] * axis)
    R = (start * turns * Rotation.from_rotvec(rng.normal(0, noise, (n, 3)))).as_matrix()
    T = np.tile(np.eye(4), (n, 1, 1))
    T[:, :3, :3] = R
    T[:, :3, 3] = PIVOT - R @ TIP + rng.normal(0, 0.1 * noise, (n, 3)) + np.linspace(0, slide_m, n)[:, None] * start.apply(axis)
    return PoseSeries(T, None, 'made')


@EACH
@PROPERTY
@given(seed=SEEDS, slide_m=st.sampled_from([0.0, 0.02]))
def test_an_exact_spin_is_recovered(backend: str, seed: int, slide_m: float) -> None:
    rng = np.random.default_rng(seed)
    axis = unit(rng.normal(size=3))
    found = calibrate_spin(spun(rng, 25, axis, slide_m=slide_m), tip_m=TIP, backend=backend)
    assert abs(found.axis @ axis) == pytest.approx(1, abs=1e-12)
    assert found.axis @ TIP >= 0
    assert found.wobble_rad < 1e-7
    assert found.radial_m < 1e-9
    assert found.tip_off_axis_m == pytest.approx(0, abs=1e-9)
    assert found.turn_rad == pytest.approx(5.0, abs=1e-9)
    assert abs(found.point_m @ found.axis) < 1e-12
    assert np.abs(np.cross(TIP - found.point_m, axis)).max() < 1e-9


@EACH
@PROPERTY
@given(seed=SEEDS)
def test_the_axis_moves_with_its_frames_and_order_does_not_matter(backend: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plain = spun(rng, 30, noise=2e-3)
    A, B = se3.exp(rng.uniform(-1, 1, 6)), se3.exp(rng.uniform(-0.2, 0.2, 6))
    one = calibrate_spin(plain, tip_m=TIP, backend=backend)
    order = rng.permutation(30)
    moved = calibrate_spin(
        replace(plain, T=(A @ plain.T @ B)[order]), tip_m=se3.transform(se3.inverse(B), TIP), backend=backend
    )
    assert abs((B[:3, :3] @ moved.axis) @ one.axis) == pytest.approx(1, abs=1e-10)
    assert abs((A[:3, :3] @ one.direction) @ moved.direction) == pytest.approx(1, abs=1e-10)
    assert moved.tip_off_axis_m == pytest.approx(one.tip_off_axis_m, abs=1e-8)
    for name in ('wobble_rad', 'radial_m', 'turn_rad'):
        assert getattr(moved, name) == pytest.approx(getattr(one, name), abs=1e-8)


@PROPERTY
@given(seed=SEEDS)
def test_both_backends_agree(seed: int) -> None:
    poses = spun(np.random.default_rng(seed), 30, noise=4e-3)
    one, two = (calibrate_spin(poses, tip_m=TIP, backend=backend) for backend in BACKENDS)
    for name in ('axis', 'point_m', 'direction', 'centre_m', 'wobbles_rad', 'radials_m', 'axis_sigmas_rad', 'T_tool_tip'):
        assert np.abs(getattr(one, name) - getattr(two, name)).max() < 1e-9
    assert one.radial_m == pytest.approx(two.radial_m, abs=1e-12)


def test_the_axis_error_is_predicted_in_10_000_trials() -> None:
    rng, errors, predicted = np.random.default_rng(1), [], []
    for _ in range(10_000):
        found = calibrate_spin(spun(rng, 20, turn_rad=2.5, noise=3e-3), tip_m=TIP)
        errors.append(np.sum(np.cross(found.axis, AXIS) ** 2))
        predicted.append(np.sum(found.axis_sigmas_rad**2))
    assert np.sqrt(np.mean(predicted)) == pytest.approx(np.sqrt(np.mean(errors)), rel=0.03)


def test_noise_does_not_make_the_divot_move() -> None:
    found = calibrate_spin(spun(np.random.default_rng(2), 60, noise=5e-3))
    assert found.radial_m < 1.5e-3  # not the 0.39 m of lever to the point nearest to the tool's origin


@EACH
def test_refusals(backend: str) -> None:
    rng = np.random.default_rng(3)
    good = spun(rng, 20, noise=1e-3)
    nan, far, loose, bent = good.T.copy(), good.T.copy(), good.T.copy(), good.T.copy()
    nan[2, 0, 3], bent[3, 0, 0] = np.nan, bent[3, 0, 0] + 0.1
    far[:, :3, 3] *= 1000
    loose[:, :3, 3] += rng.normal(0, 0.02, (20, 3))
    rocked = Rotation.from_rotvec(rng.uniform(-0.6, 0.6, (20, 3))).as_matrix()
    pivot = np.array([se3.compose(R, PIVOT - R @ TIP) for R in rocked])
    still = np.array([se3.compose(np.eye(3), rng.normal(0, 1e-3, 3)) for _ in range(20)])
    cases = {
        'too_few_poses': [good.T[:3]],
        'not_finite': [nan],
        'not_rigid': [bent],
        'wrong_unit': [far],
        'repeated_pose': [np.repeat(good.T[:1], 9, 0)],
        'insufficient_motion': [spun(rng, 20, turn_rad=0.5).T, spun(rng, 20, turn_rad=0.02).T, still],
        'not_a_spin': [pivot, loose],
    }
    for code, sets in cases.items():
        for T in sets:
            with pytest.raises(RegistrationError) as caught:
                calibrate_spin(replace(good, T=T), backend=backend)
            assert caught.value.code == code
            assert '\n' not in str(caught.value)


def test_options_are_checked() -> None:
    poses = spun(np.random.default_rng(4), 20)
    for options, said in (
        ({'min_turn_rad': -1.0}, 'min_turn_rad: -1.0 must be a positive number'),
        ({'tip_m': [1.0, 2.0]}, 'tip_m [1.0, 2.0]: three finite numbers are needed'),
        ({'backend': 'cuda'}, "backend: 'cuda' is unknown"),
    ):
        with pytest.raises(ConfigError) as caught:
            calibrate_spin(poses, **options)  # type: ignore[arg-type]
        assert said in str(caught.value)


def test_a_tip_off_the_axis_is_told() -> None:
    beside = TIP + 0.01 * unit(np.cross(AXIS, [1, 0, 0]))
    found: SpinCalibration = calibrate_spin(spun(np.random.default_rng(5), 30), tip_m=beside)
    assert found.tip_off_axis_m == pytest.approx(0.01, abs=1e-9)
    assert 'off the axis' in found.warnings[0]


@pytest.mark.parametrize('axis', [(1, 0, 0), (0, 1, 0), (0, 0, -1), (0.99, 0.1, 0)])
def test_the_tip_frame_has_its_z_along_the_axis(axis: tuple[float, float, float]) -> None:
    T = tip_frame(TIP, axis)
    assert se3.is_rigid(T, 1e-12)
    assert np.abs(T[:3, 2] - unit(axis)).max() < 1e-12
    assert (T[:3, 3] == TIP).all()


def test_without_a_tip_the_frame_is_at_the_axis() -> None:
    found = calibrate_spin(spun(np.random.default_rng(6), 30))
    assert (found.T_tool_tip[:3, 3] == found.point_m).all()
    assert found.tip_off_axis_m is None
    assert found.axis[1] > 0  # its largest component
