# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.files.points import load_points
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.registration.sphere import fit_sphere

SEEDS = st.integers(0, 2**32 - 1)
PROPERTY = settings(max_examples=40, deadline=None)
EACH = pytest.mark.parametrize('backend', BACKENDS)


def ball(
    rng: np.random.Generator, n: int, centre: object = (0.1, 0.2, -1.0), radius: float = 0.02, noise: float = 0.0,
    least_z: float = -1.0,
) -> np.ndarray:
    """Return points of a sphere above a height ``least_z`` (share of the radius)."""
    rays = rng.normal(size=(40 * n, 3))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    rays = rays[rays[:, 2] >= least_z][:n]
    return np.asarray(centre) + rays * (radius + rng.normal(0, noise, (len(rays), 1)))


@EACH
@PROPERTY
@given(seed=SEEDS, n=st.integers(8, 60))
def test_an_exact_sphere_is_recovered(backend: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    centre, radius = rng.uniform(-2, 2, 3), rng.uniform(0.002, 0.3)
    found = fit_sphere(ball(rng, n, centre, radius), backend=backend)
    assert np.abs(found.centre_m - centre).max() < 1e-9
    assert found.radius_m == pytest.approx(radius, abs=1e-9)
    assert found.max_m < 1e-9


@EACH
@PROPERTY
@given(seed=SEEDS)
def test_the_sphere_moves_with_its_points_and_order_does_not_matter(backend: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, T, order = ball(rng, 50, noise=3e-4), se3.exp(rng.uniform(-1, 1, 6)), rng.permutation(50)
    one, moved = fit_sphere(points, backend=backend), fit_sphere(se3.transform(T, points)[order], backend=backend)
    assert np.abs(se3.transform(T, one.centre_m) - moved.centre_m).max() < 1e-8
    assert moved.radius_m == pytest.approx(one.radius_m, abs=1e-9)
    assert np.abs(one.residuals_m[order] - moved.residuals_m).max() < 1e-8


@PROPERTY
@given(seed=SEEDS, least_z=st.sampled_from([-1.0, 0.0, 0.8]))
def test_both_backends_agree(seed: int, least_z: float) -> None:
    points = ball(np.random.default_rng(seed), 60, noise=1e-4, least_z=least_z)
    one, two = (fit_sphere(points, backend=backend) for backend in BACKENDS)
    assert np.abs(one.centre_m - two.centre_m).max() < 1e-9
    assert one.rms_m == pytest.approx(two.rms_m, abs=1e-12)
    assert one.condition == pytest.approx(two.condition, rel=1e-5)
    assert np.allclose(one.covariance_m2, two.covariance_m2, rtol=1e-4, atol=1e-15)


def test_covariance_and_margin_hold_in_10_000_trials() -> None:
    rng, errors, predicted, held = np.random.default_rng(1), [], [], []
    for _ in range(10_000):
        found = fit_sphere(ball(rng, 40, noise=1e-4, least_z=0.0))
        error = np.append(found.centre_m - (0.1, 0.2, -1.0), found.radius_m - 0.02)
        errors.append(error**2)
        predicted.append(np.diag(found.covariance_m2))
        held.append(np.linalg.norm(error[:3]) < found.margin95_m)
    assert np.sqrt(np.mean(predicted, axis=0)) == pytest.approx(np.sqrt(np.mean(errors, axis=0)), rel=0.03)
    assert 0.93 < np.mean(held) < 0.97


@EACH
def test_the_recorded_sphere(shared_data: Path, backend: str) -> None:
    points = load_points(str(shared_data / 'sphere_ct' / 'CT_Level_1.vtp'), 1e-3)
    found = fit_sphere(points.p_m, backend=backend)
    assert len(points.p_m) == 7142
    assert np.abs(1e3 * found.centre_m - (136.571, 151.973, -95.518)).max() < 1e-3
    assert 1e3 * found.radius_m == pytest.approx(8.119, abs=1e-3)


GOOD = ball(np.random.default_rng(2), 30)


@EACH
@pytest.mark.parametrize(
    ('code', 'points'),
    [
        ('too_few_points', GOOD[:4]),
        ('too_few_points', []),
        ('count_mismatch', GOOD[:, :2]),
        ('not_finite', np.where(np.arange(90).reshape(30, 3) == 7, np.nan, GOOD)),
        ('coincident', np.full((9, 3), 0.3)),
        ('coplanar', GOOD * (1, 1, 0)),
        ('coplanar', np.outer(np.arange(9), (0.01, 0.02, 0.0))),
        ('ill_conditioned', ball(np.random.default_rng(3), 60, radius=0.5, noise=1e-6, least_z=0.995)),
        ('not_a_sphere', np.random.default_rng(4).uniform(-0.1, 0.1, (60, 3))),
        ('wrong_unit', 1000 * GOOD),
    ],
)
def test_refusals(backend: str, code: str, points: object) -> None:
    with pytest.raises(RegistrationError) as caught:
        fit_sphere(points, backend=backend)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert '\n' not in str(caught.value)


def test_an_unknown_backend_lists_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match="backend: 'cuda' is unknown; valid: wasm, numpy"):
        fit_sphere(GOOD, backend='cuda')
