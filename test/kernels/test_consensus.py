# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels import reference_landmarks
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.consensus import MOST_POINTS, SLACK, find_consensus
from arsurg_ros.kernels.landmarks import solve_paired_points

SEEDS = st.integers(0, 2**32 - 1)
TAU_M = 0.003


class Sample(NamedTuple):
    fixed: np.ndarray
    moving: np.ndarray
    bad: np.ndarray
    T: np.ndarray


def sample(rng: np.random.Generator, n: int, outliers: int, sigma_m: float = 7e-4, gross_m: float = 0.05) -> Sample:
    """Return noisy pairs of which some are off by one to three times ``gross_m``."""
    moving, T = rng.uniform(-0.1, 0.1, (n, 3)), se3.exp(rng.uniform(-1.5, 1.5, 6))
    fixed = se3.transform(T, moving) + rng.normal(0, sigma_m, (n, 3))
    bad = rng.choice(n, outliers, replace=False)
    away = rng.normal(size=(outliers, 3))
    fixed[bad] += away / np.linalg.norm(away, axis=1, keepdims=True) * gross_m * rng.uniform(1, 3, (outliers, 1))
    return Sample(fixed, moving, np.isin(np.arange(n), bad), T)


def outcome(run: Callable[[], np.ndarray]) -> np.ndarray | str:
    """Return the answer, or the code of the refusal."""
    try:
        return run()
    except RegistrationError as error:
        return error.code


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, n=st.integers(4, 7), tau_m=st.sampled_from([1e-3, 1.5e-3, 3e-3]), gross_m=st.sampled_from([0.003, 0.01]))
def test_the_tree_search_finds_what_trying_every_subset_finds(seed: int, n: int, tau_m: float, gross_m: float) -> None:
    rng = np.random.default_rng(seed)
    s = sample(rng, n, int(rng.integers(0, n // 2 + 1)), 1e-3, gross_m)
    found = outcome(lambda: find_consensus(s.fixed, s.moving, tau_m))
    # what lies between tau and tau (1 + SLACK) may count or not
    valid = [outcome(lambda t=t: find_consensus(s.fixed, s.moving, t, backend='numpy')) for t in (tau_m, tau_m * (1 + SLACK))]
    assert any(np.array_equal(found, v) for v in valid), (found, valid)
    if not isinstance(found, str):
        assert reference_landmarks.least_maximum(s.fixed[found], s.moving[found]) <= tau_m * (1 + 1.01 * SLACK)


@pytest.mark.parametrize('backend', BACKENDS)
@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_gross_outliers_are_left_out_wherever_the_points_are_and_in_any_order(backend: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    s = sample(rng, 7, 2)
    found = find_consensus(s.fixed, s.moving, TAU_M, backend=backend)
    assert np.array_equal(found, ~s.bad)
    order, A, B = rng.permutation(7), se3.exp(rng.uniform(-1, 1, 6)), se3.exp(rng.uniform(-1, 1, 6))
    moved = find_consensus(se3.transform(A, s.fixed[order]), se3.transform(B, s.moving[order]), TAU_M, backend=backend)
    assert np.array_equal(moved, found[order])


def test_sixty_four_points_of_which_19_are_wrong() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        s = sample(rng, MOST_POINTS, 19)
        assert np.array_equal(find_consensus(s.fixed, s.moving, TAU_M), ~s.bad)


@pytest.mark.parametrize(('n', 'gross_m'), [(10, 0.02), (20, 0.02), (20, 0.006)])
def test_the_error_with_30_percent_outliers_is_within_1_5_times_that_without(n: int, gross_m: float) -> None:
    """Against the fit of the good landmarks alone, over 10,000 trials, at a target; the threshold is four sigmas."""
    rng, sigma_m = np.random.default_rng(n), 1e-3
    squared, refused = np.zeros(2), 0
    for _ in range(10_000):
        s = sample(rng, n, 3 * n // 10, sigma_m, gross_m)
        kept = outcome(lambda s=s: find_consensus(s.fixed, s.moving, 4 * sigma_m))
        if isinstance(kept, str):
            refused += 1
            continue
        target = rng.uniform(-0.1, 0.1, 3)
        for i, chosen in enumerate((kept, ~s.bad)):
            T = solve_paired_points(s.fixed[chosen], s.moving[chosen]).T_fixed_moving
            squared[i] += ((se3.transform(T, target) - se3.transform(s.T, target)) ** 2).sum()
    ratio = np.sqrt(squared[0] / squared[1])
    assert 0.99 < ratio < (1.02 if gross_m > 0.01 else 1.5), ratio
    assert refused <= 5


def test_the_least_rms_decides_between_sets_of_one_size() -> None:
    moving = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1], [0.1, 0.1, 0.1]])
    fixed = moving.copy()
    fixed[0] += (0.003, 0, 0)
    fixed[4] += (0, 0.006, 0)
    for backend in BACKENDS:
        found = find_consensus(fixed, moving, 0.0016, backend=backend)
        assert found.tolist() == [True, True, True, True, False]


@pytest.mark.parametrize('backend', BACKENDS)
def test_an_equally_large_set_with_another_motion_is_ambiguous(backend: str) -> None:
    # a leaf that turned about the line through two landmarks: either side may be the one that moved
    moving = np.array([[0, 0, 0], [0.1, 0, 0], [0.05, 0.08, 0], [0.05, 0.06, 0.05]])
    fixed = moving.copy()
    fixed[3] = (0.05, -0.06, 0.05)
    with pytest.raises(RegistrationError) as caught:
        find_consensus(fixed, moving, TAU_M, backend=backend)
    assert caught.value.code == 'ambiguous'


SOLID = np.random.default_rng(4).uniform(-0.1, 0.1, (7, 3))
OTHER = np.random.default_rng(5).uniform(-0.1, 0.1, (7, 3))
NAN = np.where(np.arange(21).reshape(7, 3) == 7, np.nan, SOLID)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize(
    ('code', 'fixed', 'moving', 'tau_m'),
    [
        ('too_few_points', SOLID[:2], SOLID[:2], TAU_M),
        ('too_few_points', [], [], TAU_M),
        ('too_many_points', np.zeros((65, 3)), np.zeros((65, 3)), TAU_M),
        ('count_mismatch', SOLID, SOLID[:5], TAU_M),
        ('not_finite', NAN, SOLID, TAU_M),
        ('not_finite', SOLID, NAN, TAU_M),
        ('bad_threshold', SOLID, SOLID, 0.0),
        ('bad_threshold', SOLID, SOLID, -1.0),
        ('bad_threshold', SOLID, SOLID, np.nan),
        ('bad_threshold', SOLID, SOLID, np.inf),
        ('no_consensus', SOLID, OTHER, TAU_M),
        ('mirrored', SOLID * (1, 1, -1), SOLID, TAU_M),
    ],
)
def test_refusals(backend: str, code: str, fixed: object, moving: object, tau_m: float) -> None:
    with pytest.raises(RegistrationError) as caught:
        find_consensus(fixed, moving, tau_m, backend=backend)
    assert caught.value.code == code
    assert '\n' not in str(caught.value)


def test_a_search_without_end_is_refused_by_name_within_its_deadline() -> None:
    rng = np.random.default_rng(6)
    moving = rng.uniform(-0.1, 0.1, (MOST_POINTS, 3))
    with pytest.raises(RegistrationError) as caught:
        find_consensus(moving + rng.normal(0, 0.002, moving.shape), moving, TAU_M)
    assert caught.value.code == 'search_too_large'


def test_the_least_maximum_is_that_of_two_points_by_hand() -> None:
    moving = np.array([[0, 0, 0], [0.1, 0, 0], [0.05, 0, 0]])
    fixed = moving * (1.02, 1, 1)  # both ends are a millimetre off at best
    assert reference_landmarks.least_maximum(fixed, moving) == pytest.approx(1e-3, rel=1e-6)
