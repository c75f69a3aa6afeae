# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, KernelError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.landmarks import leave_one_out, refusal, solve_paired_points

pytestmark = pytest.mark.parametrize('backend', BACKENDS)
SEEDS = st.integers(0, 2**32 - 1)
COUNTS = st.integers(4, 40)
PROPERTY = settings(max_examples=40, deadline=None)


def cloud(rng: np.random.Generator, n: int) -> np.ndarray:
    points = rng.uniform(-0.2, 0.2, (n, 3)) + rng.uniform(-1, 1, 3)
    return points


def motion(rng: np.random.Generator) -> np.ndarray:
    return se3.exp(rng.uniform(-2, 2, 6))


@PROPERTY
@given(seed=SEEDS, n=COUNTS)
def test_an_exact_motion_is_recovered(backend: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    moving, T = cloud(rng, n), motion(rng)
    fit = solve_paired_points(se3.transform(T, moving), moving, rng.uniform(0.1, 3, n), backend=backend)
    assert np.abs(fit.T_fixed_moving - T).max() < 1e-9
    assert fit.fre_m < 1e-12
    assert np.abs(fit.residuals_m).max() < 1e-11


@PROPERTY
@given(seed=SEEDS, n=COUNTS)
def test_the_fit_moves_with_its_points(backend: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    moving, A, B = cloud(rng, n), motion(rng), motion(rng)
    fixed = moving + rng.normal(0, 1e-3, moving.shape)
    plain = solve_paired_points(fixed, moving, backend=backend)
    moved = solve_paired_points(se3.transform(A, fixed), se3.transform(B, moving), backend=backend)
    assert np.abs(moved.T_fixed_moving @ B - A @ plain.T_fixed_moving).max() < 1e-8
    assert moved.fre_m == pytest.approx(plain.fre_m, abs=1e-10)
    assert np.abs(moved.spread_m - plain.spread_m).max() < 1e-9


@PROPERTY
@given(seed=SEEDS, n=COUNTS)
def test_order_does_not_matter(backend: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    moving, order, weights = cloud(rng, n), rng.permutation(n), rng.uniform(0.5, 2, n)
    fixed = moving + rng.normal(0, 1e-3, moving.shape)
    plain = solve_paired_points(fixed, moving, weights, backend=backend)
    mixed = solve_paired_points(fixed[order], moving[order], weights[order], backend=backend)
    assert np.abs(mixed.T_fixed_moving - plain.T_fixed_moving).max() < 1e-9
    assert np.abs(mixed.residuals_m - plain.residuals_m[order]).max() < 1e-9


@PROPERTY
@given(seed=SEEDS, n=COUNTS)
def test_a_weight_counts_like_repeated_points(backend: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    moving, times = cloud(rng, n), rng.integers(1, 5, n)
    fixed = moving + rng.normal(0, 1e-3, moving.shape)
    weighted = solve_paired_points(fixed, moving, times * 0.7, backend=backend)
    repeated = solve_paired_points(np.repeat(fixed, times, 0), np.repeat(moving, times, 0), backend=backend)
    assert np.abs(weighted.T_fixed_moving - repeated.T_fixed_moving).max() < 1e-8
    assert np.abs(weighted.spread_m - repeated.spread_m).max() < 1e-9


def test_a_weight_of_zero_leaves_a_point_out(backend: str) -> None:
    rng = np.random.default_rng(1)
    moving = cloud(rng, 6)
    fixed = moving + rng.normal(0, 1e-3, moving.shape)
    fixed[2] += 5.0
    with_zero = solve_paired_points(fixed, moving, [1, 1, 0, 1, 1, 1], backend=backend)
    without = solve_paired_points(np.delete(fixed, 2, 0), np.delete(moving, 2, 0), backend=backend)
    assert np.abs(with_zero.T_fixed_moving - without.T_fixed_moving).max() < 1e-9
    assert with_zero.fre_m == pytest.approx(without.fre_m, abs=1e-12)
    assert np.linalg.norm(with_zero.residuals_m[2]) > 5


def test_many_points_get_room(backend: str) -> None:
    rng = np.random.default_rng(2)
    moving, T = rng.normal(size=(5000, 3)), motion(rng)
    fit = solve_paired_points(se3.transform(T, moving), moving, backend=backend)
    assert np.abs(fit.T_fixed_moving - T).max() < 1e-9
    assert fit.residuals_m.shape == (5000, 3)


def test_residuals_and_fre_fit_the_transform(backend: str) -> None:
    rng = np.random.default_rng(3)
    moving = cloud(rng, 7)
    fixed = se3.transform(motion(rng), moving) + rng.normal(0, 1e-3, moving.shape)
    fit = solve_paired_points(fixed, moving, rng.uniform(0.2, 2, 7), backend=backend)
    residuals = fixed - se3.transform(fit.T_fixed_moving, moving)
    assert np.abs(fit.residuals_m - residuals).max() < 1e-12
    assert fit.fre_m == pytest.approx(np.sqrt((residuals**2).sum(1).mean()), rel=1e-9)
    assert se3.is_rigid(fit.T_fixed_moving, 1e-12)


SOLID = np.random.default_rng(4).uniform(-0.1, 0.1, (6, 3))
LINE = np.outer(np.arange(6), (0.01, 0.02, 0.0))
NAN = np.where(np.arange(18).reshape(6, 3) == 7, np.nan, SOLID)
CRUSHED = SOLID * (1, 9e-4, 9e-4)


@pytest.mark.parametrize(
    ('code', 'fixed', 'moving', 'weights'),
    [
        ('too_few_points', SOLID[:2], SOLID[:2], None),
        ('too_few_points', [], [], None),
        ('too_few_points', SOLID, SOLID, [1, 1, 0, 0, 0, 0]),
        ('count_mismatch', SOLID, SOLID[:5], None),
        ('count_mismatch', SOLID, SOLID, [1, 1]),
        ('count_mismatch', SOLID[:, :2], SOLID, None),
        ('not_finite', NAN, SOLID, None),
        ('not_finite', SOLID, NAN, None),
        ('not_finite', SOLID, SOLID * 1e12, None),
        ('bad_weight', SOLID, SOLID, [1, 1, 1, 1, 1, -1e-9]),
        ('bad_weight', SOLID, SOLID, [1, 1, 1, 1, 1, np.nan]),
        ('bad_weight', SOLID, SOLID, [1, 1, 1, 1, 1, np.inf]),
        ('bad_weight', SOLID, SOLID, np.zeros(6)),
        ('coincident', SOLID, np.full((6, 3), 0.3), None),
        ('coincident', np.full((6, 3), 0.3), SOLID, None),
        ('collinear', LINE, LINE, None),
        ('collinear', SOLID, LINE, None),
        ('collinear', LINE, SOLID, None),
        ('collinear', CRUSHED, CRUSHED, None),
        ('mirrored', SOLID * (1, 1, -1), SOLID, None),
        ('ambiguous', [[1, 1, 0], [1, -1, 0], [-1, -1, 0], [-1, 1, 0]], [[1, 1, 0], [1, -1, 0], [-1, 1, 0], [-1, -1, 0]], None),
    ],
)
def test_refusals(backend: str, code: str, fixed: object, moving: object, weights: object) -> None:
    with pytest.raises(RegistrationError) as caught:
        solve_paired_points(fixed, moving, weights, backend=backend)
    assert caught.value.code == code
    assert str(caught.value).startswith(f'{code}: ')
    assert '\n' not in str(caught.value)


@PROPERTY
@given(seed=SEEDS, n=COUNTS)
def test_leaving_one_out_is_the_fit_of_the_others(backend: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    moving, weights, order = cloud(rng, n), rng.uniform(0.1, 3, n), rng.permutation(n)
    fixed = se3.transform(motion(rng), moving) + rng.normal(0, 1e-3, moving.shape)
    errors = leave_one_out(fixed, moving, weights, backend=backend)
    for i in range(n):
        try:
            fit = solve_paired_points(np.delete(fixed, i, 0), np.delete(moving, i, 0), np.delete(weights, i), backend=backend)
        except RegistrationError:
            assert np.isnan(errors[i]).all()
            continue
        assert np.abs(errors[i] - (fixed[i] - se3.transform(fit.T_fixed_moving, moving[i]))).max() < 1e-9
    mixed = leave_one_out(fixed[order], moving[order], weights[order], backend=backend)
    assert np.allclose(mixed, errors[order], rtol=0, atol=1e-9, equal_nan=True)


def test_leaving_one_out_of_three_or_without_weight_is_no_number(backend: str) -> None:
    assert np.isnan(leave_one_out(SOLID[:3], SOLID[:3], backend=backend)).all()
    errors = leave_one_out(SOLID, SOLID, [1, 1, 0, 1, 1, 1], backend=backend)
    assert np.isnan(errors).any(axis=1).tolist() == [False, False, True, False, False, False]


@pytest.mark.parametrize(
    ('code', 'fixed', 'moving', 'weights'),
    [
        ('too_few_points', SOLID[:2], SOLID[:2], None),
        ('count_mismatch', SOLID, SOLID[:5], None),
        ('not_finite', NAN, SOLID, None),
        ('bad_weight', SOLID, SOLID, [1, 1, 1, 1, 1, -1]),
    ],
)
def test_leaving_one_out_refusals(backend: str, code: str, fixed: object, moving: object, weights: object) -> None:
    with pytest.raises(RegistrationError) as caught:
        leave_one_out(fixed, moving, weights, backend=backend)
    assert caught.value.code == code


def test_what_is_nearly_collinear_or_flat_is_taken(backend: str) -> None:
    thin = SOLID * (1, 1e-2, 1e-2)
    assert np.abs(solve_paired_points(thin, thin, backend=backend).T_fixed_moving - np.eye(4)).max() < 1e-9
    flat = SOLID * (1, 1, 1e-3)
    fit = solve_paired_points(flat * (1, 1, -1), flat, backend=backend)  # a mirror image, but as good as flat
    assert np.linalg.det(fit.T_fixed_moving[:3, :3]) == pytest.approx(1.0)


def test_an_unknown_backend_lists_the_valid_ones(backend: str) -> None:
    with pytest.raises(ConfigError, match="backend: 'cuda' is unknown; valid: wasm, numpy"):
        solve_paired_points(SOLID, SOLID, backend='cuda')


def test_an_unknown_status_is_an_error_of_the_kernel(backend: str) -> None:
    assert isinstance(refusal(99, 3), KernelError)
