# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Golden vectors of the landmark kernels beside ``solve``: the numpy twins' answers, exact truths where there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.anisotropic import solve_anisotropic
from arsurg_ros.kernels.consensus import find_consensus, match_unordered
from arsurg_ros.kernels.landmarks import leave_one_out
from arsurg_ros.types import F64

TRUE = se3.exp([0.1, -0.2, 0.3, 0.5, -1.0, 0.7])
TAU = 0.003
# Two least-squares methods stop at slightly different places; what is found by counting is exact.
FITTED, COUNTED = 1e-7, 1e-9
Case = dict[str, Any]


def flat(values: Any) -> list[Any]:
    """Return numbers as JSON takes them: what is not finite as a string."""
    return [float(v) if np.isfinite(v) else str(float(v)) for v in np.ravel(values)]


def landmarks() -> list[Case]:
    """Return the cases of all four kernels."""
    rng = np.random.default_rng(31)
    return [*left_out(rng), *anisotropic(rng), *consensus(rng), *matching(rng)]


def case(kernel: str, name: str, inputs: dict[str, Any], answer: Callable[[], dict[str, Any]], tolerance: float) -> Case:
    """Return a case with the twin's answer, or its refusal."""
    out: Case = {'kernel': kernel, 'name': f'{kernel}: {name}', 'code': ''}
    out |= {k: flat(v)[0] if isinstance(v, float) else flat(v) for k, v in inputs.items()}
    try:
        return out | {k: flat(v) for k, v in answer().items()} | {'tolerance': tolerance}
    except RegistrationError as error:
        return out | {'code': error.code}


def noisy(rng: np.random.Generator, n: int, sigma: float = 5e-4) -> tuple[F64, F64]:
    """Return fixed and moving points."""
    moving = rng.uniform(-0.1, 0.1, (n, 3))
    return se3.transform(TRUE, moving) + rng.normal(0, sigma, (n, 3)), moving


def left_out(rng: np.random.Generator) -> list[Case]:
    """Weighted, one too few, one that alone keeps the rest from a line."""
    found = []
    line = np.outer([0.0, 0.03, 0.05, 0.11], (0.6, 0.0, 0.8))
    line[3, 1] = 0.05
    weights = np.array([1, 2, 0.5, 3, 0, 1, 1, 4.0])
    for name, (fixed, moving), w in (
        ('eight', noisy(rng, 8), np.ones(8)),
        ('weighted', noisy(rng, 8), weights),
        ('three', noisy(rng, 3), np.ones(3)),
        ('a line without the last', (se3.transform(TRUE, line), line), np.ones(4)),
        ('two', noisy(rng, 2), np.ones(2)),
        ('bad weight', noisy(rng, 4), -np.ones(4)),
    ):
        inputs = {'fixed': fixed, 'moving': moving, 'weights': w}

        def answer(f: F64 = fixed, m: F64 = moving, w: F64 = w) -> dict[str, Any]:
            return {'errors': leave_one_out(f, m, w, backend='numpy')}

        found.append(case('leave_one_out', name, inputs, answer, COUNTED))
    return found


def anisotropic(rng: np.random.Generator) -> list[Case]:
    """Noise on one side, on both, different for every point; and what is refused."""
    depth = np.diag([1e-8, 1e-8, 9e-6])
    each = np.array([turned(rng, [1e-8, 1e-7, 4e-6]) for _ in range(7)])
    zero = np.zeros((3, 3))
    spoilt = each.copy()
    spoilt[2, 0, 1] = np.nan
    found = []
    fixed, moving = noisy(rng, 7)
    for name, f, m, of_fixed, of_moving in (
        ('equal noise', fixed, moving, np.eye(3) * 1e-6, zero),
        ('depth on one side', fixed, moving, depth, zero),
        ('depth on both sides', fixed, moving, depth, depth * 0.5),
        ('each its own', fixed, moving, each, each[::-1] * 2),
        ('exact', se3.transform(TRUE, moving), moving, each, depth),
        ('two', fixed[:2], moving[:2], depth, depth),
        ('no covariance', fixed, moving, zero, zero),
        ('flat covariance', fixed, moving, np.diag([1e-6, 1e-6, 0]), zero),
        ('negative', fixed, moving, np.diag([1e-6, 1e-6, -1e-6]), zero),
        ('not a number', fixed, moving, spoilt, zero),
        ('mirrored', fixed, moving * (-1, 1, 1), depth, zero),
    ):
        covariances = [np.broadcast_to(c, (len(f), 3, 3)) for c in (of_fixed, of_moving)]
        inputs = {'fixed': f, 'moving': m, 'of_fixed': covariances[0], 'of_moving': covariances[1]}

        def answer(f: F64 = f, m: F64 = m, c: list[F64] = covariances) -> dict[str, Any]:
            found = solve_anisotropic(f, m, *c, backend='numpy')
            return {'transform': found.fit.T_fixed_moving, 'covariance': found.covariance, 'cost': [found.cost]}

        found.append(case('solve_anisotropic', name, inputs, answer, FITTED))
    return found


def turned(rng: np.random.Generator, variances: list[float]) -> F64:
    """Return a covariance with axes of its own."""
    R = se3.from_rotvec(rng.uniform(-2, 2, 3))
    return R @ np.diag(variances) @ R.T


def consensus(rng: np.random.Generator) -> list[Case]:
    """No outlier, some, too many; and every refusal that a few points can have."""
    fixed, moving = noisy(rng, 8)
    two, three, half = fixed.copy(), fixed.copy(), fixed.copy()
    two[[1, 6]] += (0.02, -0.05, 0.03)
    three[:3] += rng.normal(0, 0.05, (3, 3))
    half[:5] = rng.uniform(-0.3, 0.3, (5, 3))
    # five pairs, two of which move apart from the other three by turning about the line through two that both share
    square = np.array([[0, 0, 0], [0.1, 0, 0], [0.05, 0.08, 0], [0.05, 0.06, 0.05]])
    rival = square.copy()
    rival[3] = (0.05, -0.06, 0.05)
    found = []
    for name, f, m, tau in (
        ('no outlier', fixed, moving, TAU),
        ('two outliers', two, moving, TAU),
        ('three outliers', three, moving, TAU),
        ('a tight threshold', fixed, moving, 8e-4),
        ('five of eight', half, moving, TAU),
        ('mirrored', fixed, moving * (1, -1, 1), TAU),
        ('a turned leaf', rival, square, TAU),
        ('two points', fixed[:2], moving[:2], TAU),
        ('no threshold', fixed, moving, 0.0),
        ('not a number', fixed, np.where(np.arange(24).reshape(8, 3) == 4, np.nan, moving), TAU),
    ):

        def answer(f: F64 = f, m: F64 = m, tau: float = tau) -> dict[str, Any]:
            return {'members': find_consensus(f, m, tau, backend='numpy')}

        found.append(case('consensus', name, {'fixed': f, 'moving': m, 'tau': tau}, answer, 0.0))
    return found


def matching(rng: np.random.Generator) -> list[Case]:
    """Shuffled points with missing and extra ones, a square, and what is refused."""
    fixed, moving = noisy(rng, 6)
    order = rng.permutation(6)
    extra = np.vstack([fixed[order], rng.uniform(-0.3, 0.3, (1, 3))])
    square = np.array([[0.1, 0.1, 0], [0.1, -0.1, 0], [-0.1, -0.1, 0], [-0.1, 0.1, 0]])
    nearly = square + np.outer([1, 0, 0, 0], [0.01, 0, 0])
    found = []
    for name, f, m, tau in (
        ('shuffled', fixed[order], moving, TAU),
        ('one more', extra, moving, TAU),
        ('one missing', fixed[order][1:], moving, TAU),
        ('one missing and one more', extra[1:], moving, TAU),
        ('nearly a square', se3.transform(TRUE, nearly), nearly, 0.002),
        ('a square', se3.transform(TRUE, square), square, TAU),
        ('mirrored', fixed[order] * (1, 1, -1), moving, TAU),
        ('unrelated', rng.uniform(-0.1, 0.1, (6, 3)), moving, TAU),
        ('two points', fixed[:2], moving, TAU),
        ('no threshold', fixed, moving, float('nan')),
    ):

        def answer(f: F64 = f, m: F64 = m, tau: float = tau) -> dict[str, Any]:
            match = match_unordered(f, m, tau, backend='numpy')
            rival = [np.nan] if match.rival_rms_m is None else [match.rival_rms_m]
            pairs = {'fixed_ids': match.fixed, 'moving_ids': match.moving}
            return pairs | {'rms': [match.rms_m], 'rival_rms': rival, 'searched': [match.searched_m]}

        found.append(case('match_unordered', name, {'fixed': f, 'moving': m, 'tau': tau}, answer, COUNTED))
    return found
