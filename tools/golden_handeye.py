# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Golden vectors of the hand-eye kernel: exact loops, noisy ones and outliers by the twin, and every refusal."""

from __future__ import annotations

from typing import Any

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.kernels import reference_handeye
from arsurg_ros.kernels.handeye import CLOSED_FORMS, GATE_Z, REFUSALS
from arsurg_ros.kernels.reference_handeye import LEAST_MOTION_RAD, Options, Refused
from arsurg_ros.types import F64

Case = dict[str, Any]
EXACT, BY_TWIN = 1e-9, 1e-6
X = se3.exp([0.03, -0.05, 0.09, 0.4, -1.2, 0.6])
Z = se3.exp([0.6, 0.2, -0.1, 2.0, 0.3, -0.5])


def handeye() -> list[Case]:
    """Return the cases."""
    rng = np.random.default_rng(2026)
    found = [case('exact, eight', *loop(rng, 8)), case('exact, three', *loop(rng, 3)), case('exact, forty', *loop(rng, 40))]
    found.append(case('half turns', *half_turns()))
    for n in (4, 5, 9, 24, 80):
        found.append(case(f'noisy, {n}', *noisy(rng, n)))
    A, B = noisy(rng, 12)
    found.append(case('noise given', A, B, noise=(5e-4, 1e-3)))
    found.append(case('nothing rejected', A, spoiled(rng, B, [3]), reject=False))
    found.append(case('three of twelve off', A, spoiled(rng, B, [1, 6, 7])))
    C, D = noisy(rng, 40)
    found.append(case('twelve of forty off', C, spoiled(rng, D, list(range(0, 36, 3)))))
    found += refusals(rng, A, B)
    return found


def refusals(rng: np.random.Generator, A: F64, B: F64) -> list[Case]:
    """Return a case of every refusal but not_converged, which no input is known for."""
    nan, bent, far = A.copy(), B.copy(), A.copy()
    nan[4, 1, 3], bent[2, 0, 0], far[1, 0, 3] = np.nan, bent[2, 0, 0] + 1e-3, 1e12
    mirrored = B.copy()
    mirrored[5, :3, 0] *= -1
    turns = np.array([se3.exp([*rng.uniform(-0.2, 0.2, 3), 0.0, 0.0, w]) for w in rng.uniform(-1, 1, 10)])
    one_axis = turns, se3.inverse(turns @ X) @ Z
    small = np.array([se3.exp([*rng.uniform(-0.2, 0.2, 3), *rng.normal(0, 0.01, 3)]) for _ in range(10)])
    wandering = np.array([se3.exp(rng.normal(0, 1, 6)) for _ in range(12)])
    return [
        case('two poses', A[:2], B[:2]),
        case('not a number', nan, B),
        case('beyond reach', far, B),
        case('not rigid', A, bent),
        case('mirrored', A, mirrored),
        case('one axis', *one_axis),
        case('small rotations', small, se3.inverse(small @ X) @ Z),
        case('one pose of B', A, np.repeat(B[:1], 12, axis=0)),
        case('nothing agrees', A, wandering),
    ]


def loop(rng: np.random.Generator, n: int) -> tuple[F64, F64]:
    """Return n exact pairs."""
    A = np.array([se3.exp([*rng.normal(0, 0.2, 3), *rng.normal(0, 0.5, 3)]) for _ in range(n)])
    return A, se3.inverse(A @ X) @ Z


def half_turns() -> tuple[F64, F64]:
    """Return pairs that differ by half turns about three axes, where logarithms change their sign."""
    A = np.array([np.eye(4), *(se3.compose(np.diag(d), [0.1, 0.2, 0.3]) for d in ((1, -1, -1), (-1, 1, -1), (-1, -1, 1)))])
    A = np.concatenate([A, A @ se3.exp([0, 0, 0, 0.3, 0.2, -0.4])])
    return A, se3.inverse(A @ X) @ Z


def noisy(rng: np.random.Generator, n: int) -> tuple[F64, F64]:
    """Return n pairs with noise of 0.5 mm and 1 mrad at the target."""
    A, B = loop(rng, n)
    return A, B @ np.array([se3.exp([*rng.normal(0, 5e-4, 3), *rng.normal(0, 1e-3, 3)]) for _ in range(n)])


def spoiled(rng: np.random.Generator, B: F64, which: list[int]) -> F64:
    """Return poses of which some are far off."""
    out = B.copy()
    for i in which:
        out[i] = out[i] @ se3.exp([*rng.normal(0, 0.2, 3), *rng.normal(0, 0.7, 3)])
    return out


def case(name: str, A: F64, B: F64, *, reject: bool = True, noise: tuple[float, float] | None = None) -> Case:
    """Return a case with the twin's answer; the exact loops' X and Z are those that made them."""
    outcome = reference_handeye.solve_handeye(A, B, Options(reject, noise, GATE_Z, LEAST_MOTION_RAD))
    given: Case = {
        'name': name,
        'a': numbers(A),
        'b': numbers(B),
        'reject': reject,
        'noise': list(noise or ()),
        'gate_z': GATE_Z,
        'least_motion': LEAST_MOTION_RAD,
    }
    if isinstance(outcome, Refused):
        return {**given, 'status': outcome.status, 'code': REFUSALS[outcome.status][0], 'index': outcome.index}
    exact = name.startswith(('exact', 'half'))
    closed = [outcome.closed[k] for k in CLOSED_FORMS]
    return {
        **given,
        'status': 0,
        'code': '',
        'x': numbers(X if exact else outcome.X),
        'z': numbers(Z if exact else outcome.Z),
        'covariance': [] if exact else numbers(outcome.covariance),
        'noise_found': [] if exact else [outcome.noise_m, outcome.noise_rad],
        'inliers': [int(v) for v in outcome.inliers],
        'motion': numbers([*outcome.motion_a_rad, *outcome.motion_b_rad]),
        # above sixty pairs the kernel's relative motions are not all that the twin takes
        'closed': [numbers(X if exact else c.X) if c and (len(A) <= 60 or c is closed[-1]) else [] for c in closed],
        'tolerance': EXACT if exact else BY_TWIN,
    }


def numbers(values: Any) -> list[Any]:
    """Return numbers as JSON takes them: what is not finite as a string."""
    return [float(v) if np.isfinite(v) else str(float(v)) for v in np.ravel(values)]
