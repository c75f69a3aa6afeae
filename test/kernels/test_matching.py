# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import KernelError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.consensus import PointMatch, match_unordered

SEEDS = st.integers(0, 2**32 - 1)
TAU_M = 0.002
SQUARE = np.array([[0.1, 0.1, 0], [0.1, -0.1, 0], [-0.1, -0.1, 0], [-0.1, 0.1, 0]])
PRISM = np.array([(x, y, z) for z in (0, 0.2) for x, y in ((0.1, 0), (-0.05, 0.0866), (-0.05, -0.0866))])
SOLID = np.random.default_rng(8).uniform(-0.1, 0.1, (7, 3))


def outcome(fixed: np.ndarray, moving: np.ndarray, tau_m: float, backend: str) -> PointMatch | str:
    try:
        return match_unordered(fixed, moving, tau_m, backend=backend)
    except RegistrationError as error:
        return error.code


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, n=st.integers(3, 6), tau_m=st.sampled_from([1e-3, 2e-3, 4e-3]))
def test_the_search_finds_what_trying_every_assignment_finds(seed: int, n: int, tau_m: float) -> None:
    rng = np.random.default_rng(seed)
    moving = rng.uniform(-0.05, 0.05, (n, 3))
    fixed = rng.permutation(se3.transform(se3.exp(rng.uniform(-1, 1, 6)), moving) + rng.normal(0, 5e-4, (n, 3)))
    fixed = np.vstack([fixed[rng.integers(0, 2) :], rng.uniform(-0.05, 0.05, (rng.integers(0, 2), 3))])
    a, b = (outcome(fixed, moving, tau_m, backend) for backend in BACKENDS)
    if isinstance(a, str) or isinstance(b, str):
        assert a == b
        return
    assert np.array_equal(a.fixed, b.fixed)
    assert np.array_equal(a.moving, b.moving)
    assert a.rms_m == pytest.approx(b.rms_m, abs=1e-9)
    assert a.searched_m == b.searched_m
    assert (a.rival is None) == (b.rival is None)
    if a.rival is not None:
        assert a.rival_rms_m == pytest.approx(b.rival_rms_m, abs=1e-9)


@pytest.mark.parametrize('backend', BACKENDS)
@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_order_missing_and_extra_points_do_not_matter(backend: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(7)
    moved = se3.transform(se3.exp(rng.uniform(-2, 2, 6)), SOLID)[order] + rng.normal(0, 1e-4, (7, 3))
    fixed = np.vstack([moved[1:], [0.9, 0.9, 0.9]])  # one is missing, and one does not belong
    found = match_unordered(fixed, SOLID, TAU_M, backend=backend)
    wanted = {(i - 1, int(j)) for i, j in enumerate(order) if i > 0}
    assert {(int(a), int(b)) for a, b in zip(found.fixed, found.moving, strict=True)} == wanted
    assert found.rms_m < 3e-4
    assert found.rival is None
    assert found.ratio is None


def test_sixty_four_points_in_no_order() -> None:
    rng = np.random.default_rng(3)
    moving = rng.uniform(-0.1, 0.1, (64, 3))
    order = rng.permutation(64)
    found = match_unordered(se3.transform(se3.exp(rng.uniform(-1, 1, 6)), moving)[order], moving, TAU_M)
    assert np.array_equal(order[found.fixed], found.moving)
    assert len(found.fixed) == 64


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_rival_further_out_is_reported(backend: str) -> None:
    nearly = SQUARE + np.outer([1, 0, 0, 0], [0.008, 0, 0])
    found = match_unordered(nearly, nearly, TAU_M, backend=backend)
    assert found.fixed.tolist() == [0, 1, 2, 3]
    assert found.rival is not None
    assert found.rival_rms_m is not None
    assert TAU_M < found.rival_rms_m < 3 * TAU_M
    assert found.searched_m == 3 * TAU_M
    assert found.ratio is not None
    assert found.ratio > 10
    assert sorted(found.rival[0].tolist()) == [0, 1, 2, 3]


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('symmetric', [SQUARE, SQUARE * (1, 0.5, 1), PRISM])
def test_symmetric_points_are_ambiguous(backend: str, symmetric: np.ndarray) -> None:
    with pytest.raises(RegistrationError, match='more than one order') as caught:
        match_unordered(symmetric, symmetric, TAU_M, backend=backend)
    assert caught.value.code == 'ambiguous'


def test_a_point_touched_twice_is_no_ambiguity() -> None:
    twice = np.vstack([SOLID, SOLID[0] + 4e-4])
    found = match_unordered(twice, SOLID, TAU_M)
    assert found.fixed.tolist() == list(range(7))  # the touch that fits better


def test_an_exact_match_has_a_ratio_beside_its_rival() -> None:
    assert PointMatch(np.arange(3), np.arange(3), 0.0, np.zeros((2, 3), int), 1e-3, 1e-3).ratio == np.inf


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize(
    ('code', 'fixed', 'moving', 'tau_m'),
    [
        ('too_few_points', SOLID[:2], SOLID, TAU_M),
        ('too_many_points', SOLID, np.zeros((65, 3)), TAU_M),
        ('not_finite', SOLID, np.where(np.arange(21).reshape(7, 3) == 7, np.inf, SOLID), TAU_M),
        ('bad_threshold', SOLID, SOLID, 0.0),
        ('bad_threshold', SOLID, SOLID, np.nan),
        ('no_consensus', SOLID, np.random.default_rng(9).uniform(-0.1, 0.1, (7, 3)), TAU_M),
        ('mirrored', SOLID[::-1] * (1, -1, 1), SOLID, TAU_M),
        ('count_mismatch', SOLID[:, :2], SOLID, TAU_M),
    ],
)
def test_refusals(backend: str, code: str, fixed: np.ndarray, moving: np.ndarray, tau_m: float) -> None:
    with pytest.raises(RegistrationError) as caught:
        match_unordered(fixed, moving, tau_m, backend=backend)
    assert caught.value.code == code
    assert '\n' not in str(caught.value)


def test_a_search_without_end_is_refused_by_name_within_its_deadline() -> None:
    blob = np.random.default_rng(10).uniform(-0.002, 0.002, (64, 3))
    try:
        match_unordered(blob, blob, 0.01)
    except RegistrationError as error:
        assert error.code == 'search_too_large'
    except KernelError as error:  # pragma: no cover
        pytest.fail(str(error))
    else:  # pragma: no cover
        pytest.fail('every order of these points fits')
