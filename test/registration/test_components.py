# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Variance components against closed forms: of balanced designs, where they are those of the analysis of variance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from arsurg_ros.registration.components import Mixed, mixed

GROUPS, EACH = 12, 5
WITHIN = np.tile(np.eye(EACH), (GROUPS, 1, 1))
BETWEEN = np.ones((GROUPS, EACH, EACH))
MEAN = np.ones((GROUPS, EACH, 1))


def fitted(y: np.ndarray, start: tuple[float, float] = (1.0, 1.0)) -> Mixed:
    return mixed(y, MEAN, np.stack([WITHIN, BETWEEN]), np.array(start))


def draw(seed: int, between: float = 2.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 3.0 + between * rng.normal(size=(GROUPS, 1)) + rng.normal(size=(GROUPS, EACH))


@pytest.mark.parametrize('start', [(1.0, 1.0), (1e-2, 1e2), (1e3, 1e-1)])
def test_a_balanced_design_gives_the_mean_squares(start: tuple[float, float]) -> None:
    y = draw(1)
    found = fitted(y, start)
    inside = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum() / (GROUPS * (EACH - 1))
    across = EACH * y.mean(axis=1).var(ddof=1)
    assert found.variances == pytest.approx([inside, (across - inside) / EACH], rel=1e-4)
    assert found.step == pytest.approx([-y.mean()])  # deviations are taken away
    assert found.covariance == pytest.approx(np.array([[across / y.size]]), rel=1e-4)
    # the mean's variance is a mean square of eleven degrees of freedom
    assert found.dof(slice(0, 1)) == pytest.approx(GROUPS - 1, rel=1e-3)


def test_a_source_that_is_not_there_is_nothing() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(size=(GROUPS, EACH))
    y -= 0.9 * y.mean(axis=1, keepdims=True)  # groups are more alike than chance
    found = fitted(y)
    assert found.variances[1] < 1e-4 < found.variances[0]
    assert found.variances[0] == pytest.approx(y.var(ddof=1), rel=1e-3)
    assert found.dof(slice(0, 1)) == pytest.approx(y.size - 1, rel=0.01)


def test_units_do_not_matter() -> None:
    y = draw(3)
    plain, small = fitted(y), fitted(y * 1e-4, (1e-8, 1e-8))
    assert small.variances == pytest.approx(plain.variances * 1e-8, rel=1e-4)
    assert small.dof(slice(0, 1)) == pytest.approx(plain.dof(slice(0, 1)), rel=1e-3)


def test_a_known_part_is_taken_away() -> None:
    y = draw(4)
    whole = fitted(y)
    part = mixed(y, MEAN, np.stack([WITHIN, BETWEEN]), np.ones(2), 0.4 * WITHIN)
    assert part.variances == pytest.approx(whole.variances - (0.4, 0.0), rel=1e-4)
    assert part.covariance == pytest.approx(whole.covariance, rel=1e-4)


def test_the_covariance_counts_what_the_weights_are_in_doubt() -> None:
    """Two groups of unlike noise: the weighted mean scatters more than known weights would let it."""
    rng = np.random.default_rng(5)
    G = np.ones((12, 1, 1))
    first = (np.arange(12) < 6).astype(float).reshape(12, 1, 1)
    sources = np.stack([first, 1 - first])
    errors, said = [], []
    for _ in range(1500):
        found = mixed(rng.normal(size=(12, 1)), G, sources, np.ones(2))
        errors.append(float(found.step[0]))
        said.append(float(found.covariance[0, 0]))
    scatter = float(np.mean(np.square(errors)))
    assert scatter > 1.05 / 12  # 1/12 with known weights
    assert math.sqrt(np.mean(said) / scatter) == pytest.approx(1.0, abs=0.06)
