# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, KernelError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.handeye import CLOSED_FORMS, refusal, solve_handeye
from arsurg_ros.kernels.reference_handeye import Refused
from arsurg_ros.types import F64

SEEDS = st.integers(0, 2**32 - 1)
both = pytest.mark.parametrize('backend', BACKENDS)
#: The twin takes tenths of a second.
PROPERTY = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def motion(rng: np.random.Generator, t: float = 1.0, r: float = 1.0) -> F64:
    return se3.exp([*rng.normal(0, t, 3), *rng.normal(0, r, 3)])


def pairs(rng: np.random.Generator, n: int, X: F64, Z: F64, sd: tuple[float, float] = (0.0, 0.0)) -> tuple[F64, F64]:
    A = np.array([motion(rng, 0.2, 0.6) for _ in range(n)])
    return A, se3.inverse(A @ X) @ Z @ np.array([motion(rng, *sd) for _ in range(n)])


@both
@PROPERTY
@given(seed=SEEDS, n=st.integers(3, 25))
def test_an_exact_loop_is_recovered_by_every_form(backend: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    X, Z = motion(rng, 0.1), motion(rng)
    A, B = pairs(rng, n, X, Z)
    try:
        fit = solve_handeye(A, B, backend=backend)
    except RegistrationError as error:  # three random poses may turn about one axis
        assert (error.code, n) == ('insufficient_motion', 3)
        return
    assert np.abs(fit.X - X).max() < 1e-8
    assert np.abs(fit.Z - Z).max() < 1e-8
    assert fit.inliers.all()
    for name in CLOSED_FORMS:
        closed = fit.closed[name]
        assert closed is not None
        assert np.abs(closed.X - X).max() < 1e-5
        assert np.abs(closed.Z - Z).max() < 1e-5


@both
@PROPERTY
@given(seed=SEEDS)
def test_the_answer_moves_with_its_frames(backend: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, B = pairs(rng, 12, motion(rng, 0.1), motion(rng), (1e-3, 1e-3))
    base, gripper, camera = motion(rng), motion(rng), motion(rng)
    plain = solve_handeye(A, B, backend=backend)
    moved = solve_handeye(base @ A @ gripper, camera @ B, backend=backend)
    assert np.abs(gripper @ moved.X @ camera - plain.X).max() < 1e-6
    assert np.abs(moved.Z - base @ plain.Z).max() < 1e-6
    assert moved.noise_m == pytest.approx(plain.noise_m, rel=1e-5)
    lengths = [np.linalg.norm(fit.residuals[:, :3], axis=1) for fit in (moved, plain)]
    assert lengths[0] == pytest.approx(lengths[1], abs=1e-7)


@both
@PROPERTY
@given(seed=SEEDS)
def test_order_does_not_matter(backend: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, B = pairs(rng, 14, motion(rng, 0.1), motion(rng), (1e-3, 1e-3))
    order = rng.permutation(14)
    plain, mixed = solve_handeye(A, B, backend=backend), solve_handeye(A[order], B[order], backend=backend)
    assert np.abs(plain.X - mixed.X).max() < 1e-7
    assert (plain.inliers[order] == mixed.inliers).all()
    assert np.abs(plain.covariance - mixed.covariance).max() < 1e-5 * np.abs(plain.covariance).max()


@pytest.mark.parametrize('n', [4, 5, 6, 9, 35])
def test_twin_and_kernel_agree_on_noise_and_outliers(n: int) -> None:
    rng = np.random.default_rng(n)
    A, B = pairs(rng, n, motion(rng, 0.1), motion(rng), (1e-3, 2e-3))
    if n > 9:
        for i in range(0, n, 4):
            B[i] = B[i] @ motion(rng, 0.2, 0.7)
    wasm, numpy = (solve_handeye(A, B, backend=b) for b in BACKENDS)
    assert (wasm.inliers == numpy.inliers).all()
    assert np.abs(wasm.X - numpy.X).max() < 1e-7
    assert np.abs(wasm.Z - numpy.Z).max() < 1e-7
    assert wasm.noise_m == pytest.approx(numpy.noise_m, rel=1e-5)
    assert wasm.noise_rad == pytest.approx(numpy.noise_rad, rel=1e-5)
    assert np.abs(wasm.covariance - numpy.covariance).max() < 1e-4 * np.abs(numpy.covariance).max()
    assert np.abs(wasm.from_rotation - numpy.from_rotation).max() < 1e-4 * np.abs(numpy.covariance).max()
    assert (wasm.dof_m, wasm.dof_rad) == pytest.approx((numpy.dof_m, numpy.dof_rad), rel=1e-4)
    assert np.abs(wasm.residuals - numpy.residuals).max() < 1e-7


@both
def test_noise_that_is_given_is_kept(backend: str) -> None:
    rng = np.random.default_rng(1)
    A, B = pairs(rng, 12, motion(rng, 0.1), motion(rng), (1e-3, 2e-3))
    fit = solve_handeye(A, B, noise=(1e-3, 2e-3), backend=backend)
    assert (fit.noise_m, fit.noise_rad, fit.dof_m, fit.dof_rad) == (1e-3, 2e-3, np.inf, np.inf)
    wider = solve_handeye(A, B, noise=(2e-3, 4e-3), backend=backend)
    assert np.abs(wider.X - fit.X).max() < 1e-9
    assert wider.covariance == pytest.approx(4 * fit.covariance, rel=1e-5, abs=1e-12)


@both
def test_nothing_is_rejected_where_that_is_asked_for_or_pairs_are_few(backend: str) -> None:
    rng = np.random.default_rng(2)
    A, B = pairs(rng, 12, motion(rng, 0.1), motion(rng), (1e-3, 1e-3))
    B[4] = B[4] @ se3.exp([0.03, 0, 0, 0, 0.05, 0])
    assert solve_handeye(A, B, backend=backend).inliers.tolist() == [i != 4 for i in range(12)]
    assert solve_handeye(A, B, reject=False, backend=backend).inliers.all()
    assert solve_handeye(A[:5], B[:5], backend=backend).inliers.all()


def test_motion_is_what_the_poses_did() -> None:
    angles = np.linspace(-0.5, 0.5, 9)
    A = np.array([se3.exp([0, 0, 0, *w]) for w in [(a, 0, 0) for a in angles] + [(0, a / 2, 0) for a in angles]])
    rng = np.random.default_rng(3)
    B = se3.inverse(A @ motion(rng)) @ motion(rng)
    fit = solve_handeye(A, B)
    i, j = np.triu_indices(18, 1)
    turns = np.array([se3.rotation_angle_rad(A[p].T @ A[q]) for p, q in zip(i, j, strict=True)])
    all_rms = np.sqrt(np.mean((2 * np.sin(turns / 2)) ** 2))
    assert np.sqrt((4 * np.sin(fit.motion_a_rad / 2) ** 2).sum()) == pytest.approx(all_rms)
    assert fit.motion_a_rad[0] == pytest.approx(2 * fit.motion_a_rad[1], rel=0.02)
    assert fit.motion_a_rad[2] < 0.07
    assert fit.motion_b_rad == pytest.approx(fit.motion_a_rad, abs=1e-9)


RNG = np.random.default_rng(4)
A, B = pairs(RNG, 12, motion(RNG, 0.1), motion(RNG), (1e-3, 1e-3))
TURNS = np.array([se3.exp([*RNG.normal(0, 0.2, 3), 0, 0, w]) for w in RNG.normal(0, 1, 12)])
SMALL = np.array([motion(RNG, 0.2, 0.01) for _ in range(12)])


def changed(T: F64, index: tuple[int, ...], value: float) -> F64:
    out = T.copy()
    out[index] = value
    return out


@both
@pytest.mark.parametrize(
    ('code', 'a', 'b', 'said'),
    [
        ('too_few_poses', A[:2], B[:2], '2 given'),
        ('too_few_poses', [], [], '0 given'),
        ('count_mismatch', A, B[:-1], '12 poses A and 11 poses B'),
        ('count_mismatch', A[:, :3], B, 'the shape'),
        ('not_finite', changed(A, (4, 1, 3), np.nan), B, 'pair 4 of 12'),
        ('not_finite', A, changed(B, (0, 0, 0), np.inf), 'pair 0 of 12'),
        ('not_finite', A, changed(B, (3, 0, 3), 1e10), 'pair 3 of 12'),
        ('not_rigid', A, changed(B, (7, 0, 0), 2.0), 'pair 7 of 12'),
        ('not_rigid', changed(A, (2, 3, 0), 0.1), B, 'pair 2 of 12'),
        ('not_rigid', A * np.array([-1, 1, 1, 1.0]), B, 'pair 0 of 12'),
        ('insufficient_motion', TURNS, se3.inverse(TURNS) @ motion(RNG), '0.00 deg away from it, 5.0 deg are needed'),
        ('insufficient_motion', SMALL, se3.inverse(SMALL) @ motion(RNG), 'the first poses turn too little'),
        ('insufficient_motion', A, np.repeat(B[:1], 12, axis=0), 'the second poses turn too little'),
        ('no_consensus', A, [motion(RNG) for _ in range(12)], 'are they of the same instants?'),
    ],
)
def test_refusals(backend: str, code: str, a: object, b: object, said: str) -> None:
    with pytest.raises(RegistrationError) as caught:
        solve_handeye(a, b, backend=backend)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert said in str(caught.value)
    assert '\n' not in str(caught.value)


def test_an_unknown_backend_lists_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match="backend: 'cuda' is unknown; valid: wasm, numpy"):
        solve_handeye(A, B, backend='cuda')


def test_statuses_that_no_input_is_known_for() -> None:
    assert isinstance(refusal(Refused(99, 0, np.zeros(3), np.zeros(3)), 3, 0.1), KernelError)
    found = refusal(Refused(22, 0, np.zeros(3), np.zeros(3)), 3, 0.1)
    assert isinstance(found, RegistrationError)
    assert found.code == 'not_converged'
