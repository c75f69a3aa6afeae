# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.anisotropic import solve_anisotropic
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.landmarks import solve_paired_points

SEEDS = st.integers(0, 2**32 - 1)
COUNTS = st.integers(4, 12)
PROPERTY = settings(max_examples=25, deadline=None)
ZERO = np.zeros((3, 3))


def covariances(rng: np.random.Generator, n: int, sigma_m: float = 1e-3) -> np.ndarray:
    """Return n covariances with axes of their own, one ten times as wide as another."""
    roots = [se3.from_rotvec(rng.uniform(-2, 2, 3)) @ np.diag(sigma_m * rng.uniform(0.2, 2, 3)) for _ in range(n)]
    return np.array([r @ r.T for r in roots])


def noisy(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
    moving, T = rng.uniform(-0.1, 0.1, (n, 3)), se3.exp(rng.uniform(-1, 1, 6))
    of_fixed, of_moving = covariances(rng, n), covariances(rng, n)
    true = se3.transform(T, moving)
    fixed = np.array([rng.multivariate_normal(p, c) for p, c in zip(true, of_fixed, strict=True)])
    measured = np.array([rng.multivariate_normal(p, c) for p, c in zip(moving, of_moving, strict=True)])
    return fixed, measured, of_fixed, of_moving, T


@pytest.mark.parametrize('backend', BACKENDS)
@PROPERTY
@given(seed=SEEDS, n=COUNTS)
def test_an_exact_motion_is_recovered(backend: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    moving, T = rng.uniform(-0.1, 0.1, (n, 3)), se3.exp(rng.uniform(-2, 2, 6))
    found = solve_anisotropic(se3.transform(T, moving), moving, covariances(rng, n), covariances(rng, n), backend=backend)
    assert np.abs(found.fit.T_fixed_moving - T).max() < 1e-9
    assert found.cost < 1e-10


@pytest.mark.parametrize('backend', BACKENDS)
@PROPERTY
@given(seed=SEEDS, n=COUNTS)
def test_the_fit_moves_with_its_points_and_their_covariances_in_any_order(backend: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    fixed, moving, of_fixed, of_moving, _ = noisy(rng, n)
    A, B, order = se3.exp(rng.uniform(-1, 1, 6)), se3.exp(rng.uniform(-1, 1, 6)), rng.permutation(n)
    plain = solve_anisotropic(fixed, moving, of_fixed, of_moving, backend=backend)
    moved = solve_anisotropic(
        se3.transform(A, fixed)[order],
        se3.transform(B, moving)[order],
        (A[:3, :3] @ of_fixed @ A[:3, :3].T)[order],
        (B[:3, :3] @ of_moving @ B[:3, :3].T)[order],
        backend=backend,
    )
    assert np.abs(moved.fit.T_fixed_moving @ B - A @ plain.fit.T_fixed_moving).max() < 1e-6
    assert moved.cost == pytest.approx(plain.cost, rel=1e-6)
    assert np.abs(moved.fit.residuals_m - (plain.fit.residuals_m @ A[:3, :3].T)[order]).max() < 1e-6


@PROPERTY
@given(seed=SEEDS, n=COUNTS)
def test_kernel_and_twin_agree(seed: int, n: int) -> None:
    fixed, moving, of_fixed, of_moving, _ = noisy(np.random.default_rng(seed), n)
    a, b = (solve_anisotropic(fixed, moving, of_fixed, of_moving, backend=backend) for backend in BACKENDS)
    assert np.abs(a.fit.T_fixed_moving - b.fit.T_fixed_moving).max() < 1e-7
    assert a.cost <= b.cost * (1 + 1e-9)
    assert np.allclose(a.covariance, b.covariance, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize('backend', BACKENDS)
@PROPERTY
@given(seed=SEEDS, n=COUNTS)
def test_equal_round_noise_is_horns_fit(backend: str, seed: int, n: int) -> None:
    fixed, moving, *_ = noisy(np.random.default_rng(seed), n)
    found = solve_anisotropic(fixed, moving, np.eye(3) * 1e-6, np.eye(3) * 3e-6, backend=backend)
    horn = solve_paired_points(fixed, moving)
    assert np.abs(found.fit.T_fixed_moving - horn.T_fixed_moving).max() < 1e-7
    assert found.fit.fre_m == pytest.approx(horn.fre_m, rel=1e-6)
    assert found.cost == pytest.approx(len(fixed) * horn.fre_m**2 / 4e-6, rel=1e-6)


def test_the_covariance_is_that_of_the_full_problem_with_its_true_points() -> None:
    """The points themselves estimated beside the pose: the inverse of the whole normal matrix has the same corner."""
    fixed, moving, of_fixed, of_moving, _ = noisy(np.random.default_rng(5), 6)
    found = solve_anisotropic(fixed, moving, of_fixed, of_moving)
    R, n = found.fit.T_fixed_moving[:3, :3], 6
    weights = np.linalg.inv(of_fixed + R @ of_moving @ R.T)
    corrected = moving + np.einsum('nij,nj->ni', of_moving @ R.T @ weights, found.fit.residuals_m)
    H = np.zeros((6 + 3 * n, 6 + 3 * n))
    for i in range(n):
        J = np.zeros((3, 6 + 3 * n))
        J[:, :6] = np.hstack([np.eye(3), -se3.skew(R @ corrected[i])])
        J[:, 6 + 3 * i : 9 + 3 * i] = R
        H += J.T @ np.linalg.inv(of_fixed[i]) @ J
        H[6 + 3 * i : 9 + 3 * i, 6 + 3 * i : 9 + 3 * i] += np.linalg.inv(of_moving[i])
    assert np.allclose(np.linalg.inv(H)[:6, :6], found.covariance, rtol=1e-6, atol=1e-14)


def twist_between(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    return np.concatenate([found[:3, 3] - true[:3, 3], se3.to_rotvec(found[:3, :3] @ true[:3, :3].T)])


def test_it_beats_the_round_fit_and_its_covariance_is_what_repeated_noise_does() -> None:
    rng, trials = np.random.default_rng(6), 10_000
    moving, T = rng.uniform(-0.1, 0.1, (6, 3)), se3.exp(rng.uniform(-1, 1, 6))
    depth = np.diag([0.2e-3, 0.2e-3, 1.5e-3]) ** 2
    noise = rng.multivariate_normal(np.zeros(3), depth, (trials, 6))
    own = rng.normal(0, 1e-4, (trials, 6, 3))
    exact = se3.transform(T, moving)
    errors, round_errors, costs = [], [], []
    for e, o in zip(noise, own, strict=True):
        found = solve_anisotropic(exact + e, moving + o, depth, np.eye(3) * 1e-8)
        errors.append(twist_between(found.fit.T_fixed_moving, T))
        round_errors.append(twist_between(solve_paired_points(exact + e, moving + o).T_fixed_moving, T))
        costs.append(found.cost)
    empirical = np.cov(np.array(errors).T)
    predicted = solve_anisotropic(exact, moving, depth, np.eye(3) * 1e-8).covariance
    # whitened by the prediction, the empirical covariance is the identity but for 10,000 trials' own scatter
    root = np.linalg.inv(np.linalg.cholesky(predicted))
    assert np.abs(np.sqrt(np.linalg.eigvalsh(root @ empirical @ root.T)) - 1).max() < 0.03
    assert np.mean(costs) == pytest.approx(3 * 6 - 6, rel=0.02)  # chi-square with 3N - 6 degrees of freedom
    gain = np.var(np.array(round_errors), axis=0) / np.diag(empirical)
    assert (gain > 1).all()
    assert (gain[3:] > 4).all()


def test_more_points_than_an_exact_search_takes_are_no_matter() -> None:
    rng = np.random.default_rng(7)
    moving, T = rng.uniform(-0.1, 0.1, (500, 3)), se3.exp(rng.uniform(-1, 1, 6))
    found = solve_anisotropic(se3.transform(T, moving), moving, covariances(rng, 500))
    assert np.abs(found.fit.T_fixed_moving - T).max() < 1e-9


SOLID = np.random.default_rng(4).uniform(-0.1, 0.1, (6, 3))
NAN = np.where(np.arange(18).reshape(6, 3) == 7, np.nan, SOLID)
ROUND = np.eye(3) * 1e-6
SPOILT = np.where(np.arange(54).reshape(6, 3, 3) == 20, np.nan, np.broadcast_to(ROUND, (6, 3, 3)))


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize(
    ('code', 'fixed', 'moving', 'of_fixed', 'of_moving'),
    [
        ('too_few_points', SOLID[:2], SOLID[:2], ROUND, None),
        ('count_mismatch', SOLID, SOLID[:5], ROUND, None),
        ('count_mismatch', SOLID, SOLID, np.ones(3), None),
        ('count_mismatch', SOLID, SOLID, None, np.ones((5, 3, 3))),
        ('not_finite', NAN, SOLID, ROUND, None),
        ('bad_covariance', SOLID, SOLID, None, None),
        ('bad_covariance', SOLID, SOLID, np.diag([1e-6, 1e-6, 0]), None),
        ('bad_covariance', SOLID, SOLID, np.diag([1e-6, 1e-6, -1e-6]), None),
        ('bad_covariance', SOLID, SOLID, ROUND + np.eye(3, k=1) * 1e-7, None),
        ('bad_covariance', SOLID, SOLID, SPOILT, None),
        ('bad_covariance', SOLID, SOLID, ROUND, SPOILT),
        ('collinear', SOLID * (1, 0, 0), SOLID * (1, 0, 0), ROUND, None),
        ('coincident', SOLID * 0, SOLID, ROUND, None),
        ('mirrored', SOLID * (1, 1, -1), SOLID, ROUND, None),
    ],
)
def test_refusals(backend: str, code: str, fixed: object, moving: object, of_fixed: object, of_moving: object) -> None:
    with pytest.raises(RegistrationError) as caught:
        solve_anisotropic(fixed, moving, of_fixed, of_moving, backend=backend)
    assert caught.value.code == code
    assert '\n' not in str(caught.value)


def test_one_side_may_be_flat_where_the_other_is_not() -> None:
    flat = np.diag([1e-6, 1e-6, 0])
    found = solve_anisotropic(SOLID, SOLID, flat, np.diag([0, 0, 1e-6]))
    assert np.abs(found.fit.T_fixed_moving - np.eye(4)).max() < 1e-9


def test_covariances_that_contradict_the_points_are_refused_by_name() -> None:
    """Unrelated points, every one known to a tenth of a micrometre along some direction: there is nothing to settle at."""
    rng, codes = np.random.default_rng(0), set()
    for _ in range(20):
        fixed, moving = rng.uniform(-0.1, 0.1, (2, 6, 3))
        roots = [se3.from_rotvec(rng.uniform(-2, 2, 3)) @ np.diag(10.0 ** rng.uniform(-7, -1, 3)) for _ in range(6)]
        covariance = np.array([r @ r.T for r in roots])
        try:
            found = solve_anisotropic(fixed, moving, None, (covariance + covariance.swapaxes(1, 2)) / 2)
            assert np.isfinite(found.covariance).all()
        except RegistrationError as error:
            codes.add(error.code)
    assert codes == {'not_converged'}
