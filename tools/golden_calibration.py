# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The golden vectors of the calibration kernels: exact answers where there are, else the numpy twins'."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from arsurg_ros.geometry import se3
from arsurg_ros.kernels.calibration_results import Refused
from arsurg_ros.kernels.golden_calibration import answer
from arsurg_ros.types import F64

Case = dict[str, Any]
TIP, PIVOT = np.array([-0.015, 0.15, -0.007]), np.array([0.1, -0.2, -1.5])
PIVOT_DEMAND, SPIN_DEMAND = [0.35, 0.035], [0.8, 0.06, 0.005]
TOLERANCE, OFFSET_TOLERANCE = 1e-9, 2e-7


def flat(values: Any) -> list[Any]:
    """Return numbers as JSON takes them: what is not finite as a string."""
    return [float(v) if np.isfinite(v) else str(float(v)) for v in np.ravel(values)]


def by_twin(name: str, kind: str, expected: int = 0, **asked: Any) -> Case:
    """Return a case that the twin answers; a refusal must be the expected one."""
    case: Case = {'name': f'{kind}: {name}', 'kind': kind, **asked}
    found = answer(case, 'numpy')
    status = found if isinstance(found, int) else 0
    assert status == expected, (name, status)
    tolerance = OFFSET_TOLERANCE if kind == 'offset' else TOLERANCE
    return {**case, 'status': status} if isinstance(found, int) else {
        **case, 'status': 0, 'answer': flat(found), 'tolerance': tolerance,
    }


def swings(rng: np.random.Generator, n: int, tilt: tuple[float, float, float]) -> F64:
    """Return poses of a tool whose tip stays at the pivot, within tilts (rad) about its axes."""
    rotations = [se3.from_rotvec(rng.uniform(-1, 1, 3) * tilt) for _ in range(n)]
    return np.array([se3.compose(R, PIVOT - R @ TIP) for R in rotations])


def noisy(rng: np.random.Generator, T: F64, noise_m: float, outliers: int = 0) -> F64:
    """Return poses with noise in their places, the first few far off."""
    out = T.copy()
    out[:, :3, 3] += rng.normal(0, noise_m, (len(T), 3))
    out[:outliers, :3, 3] += 0.02
    return out


def pivots(rng: np.random.Generator) -> list[Case]:
    """Exact and noisy pivots, outliers, and every refusal."""
    good, flat_motion = swings(rng, 24, (0.5, 0.5, 0.3)), swings(rng, 12, (0.6, 0, 0))
    nan, bent = good.copy(), good.copy()
    nan[3, 0, 3], bent[2, 0, 0] = np.nan, 2.0

    def case(name: str, T: F64, robust: bool, expected: int = 0) -> Case:
        return by_twin(name, 'pivot', expected, poses=flat(T), demand=PIVOT_DEMAND, robust=robust)

    return [
        case('exact', good, False),
        case('exact, robust', good, True),
        case('noisy', noisy(rng, good, 3e-4), False),
        case('outliers, all taken', noisy(rng, good, 3e-4, 5), False),
        case('outliers, robust', noisy(rng, good, 3e-4, 5), True),
        case('every triple, robust', noisy(rng, good[:10], 3e-4, 2), True),
        case('three poses', good[:3], True, Refused.TOO_FEW),
        case('not a number', nan, True, Refused.NOT_FINITE),
        case('not rigid', bent, True, Refused.NOT_RIGID),
        case('one pose repeated', np.repeat(good[:1], 10, 0), True, Refused.REPEATED),
        case('too little motion', swings(rng, 12, (0.05, 0.05, 0.05)), False, Refused.INSUFFICIENT_MOTION),
        case('about one axis alone', flat_motion, True, Refused.INSUFFICIENT_MOTION),
    ]


def spins(rng: np.random.Generator) -> list[Case]:
    """Exact and noisy spins, and refusals."""
    axis, start = np.array([0.1, 0.98, -0.15]) / np.linalg.norm([0.1, 0.98, -0.15]), se3.from_rotvec([0.3, -0.4, 0.9])

    def spun(turn: float, noise_rad: float) -> F64:
        turns = [start @ se3.from_rotvec(axis * t) for t in np.linspace(0, turn, 15)]
        shaken = [R @ se3.from_rotvec(rng.normal(0, noise_rad, 3)) for R in turns]
        return np.array([se3.compose(R, PIVOT - R @ TIP + rng.normal(0, 0.1 * noise_rad, 3)) for R in shaken])

    def case(name: str, T: F64, expected: int = 0) -> Case:
        return by_twin(name, 'spin', expected, poses=flat(T), demand=SPIN_DEMAND)

    exact = spun(3.0, 0)
    exact[:, :3, 3] += np.linspace(0, 0.01, 15)[:, None] * (start @ axis)  # slides along its axis, as in a collet
    return [
        case('noisy', spun(3.0, 3e-3)),
        case('sliding in a collet', exact + 0),
        case('too little turn', spun(0.5, 3e-3), Refused.INSUFFICIENT_MOTION),
        case('a pivot', swings(rng, 20, (0.5, 0.5, 0.5)), Refused.NOT_A_SPIN),
        case('three poses', exact[:3], Refused.TOO_FEW),
        case('one pose repeated', np.repeat(exact[:1], 5, 0), Refused.REPEATED),
    ]


def spheres(rng: np.random.Generator) -> list[Case]:
    """Exact and noisy spheres, whole and in part, and refusals."""
    rays = rng.normal(size=(30, 3))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    whole, centre = 0.02 * rays + PIVOT, np.array([0.0, 0.0, 1.0])
    cap = rays * (0.06, 0.06, 0) + centre
    cap /= np.linalg.norm(cap, axis=1, keepdims=True)
    disc = rays * (0.05, 0.05, 0)

    def case(name: str, points: F64, expected: int = 0) -> Case:
        return by_twin(name, 'sphere', expected, points=flat(points))

    return [
        case('exact', whole),
        case('noisy', whole + rng.normal(0, 1e-4, whole.shape)),
        case('half', whole[rays[:, 2] > 0] + rng.normal(0, 1e-4, whole[rays[:, 2] > 0].shape)),
        case('four points', whole[:4], Refused.TOO_FEW),
        case('not a number', np.where(np.arange(90).reshape(30, 3) == 7, np.nan, whole), Refused.NOT_FINITE),
        case('one place', np.tile(PIVOT, (9, 1)), Refused.REPEATED),
        case('a plane', disc, Refused.COPLANAR),
        case('a small cap', 0.5 * cap + rng.normal(0, 1e-5, cap.shape) + disc * (0, 0, 0.1), Refused.ILL_CONDITIONED),
    ]


def offsets(rng: np.random.Generator) -> list[Case]:
    """Two streams of one motion, by rotation and by translation, with gaps; a stream too short. No two times are equal."""
    knots = 0.25 * np.arange(24) - 0.5
    turn, way = (CubicSpline(knots, rng.normal(0, s, (24, 3))) for s in (0.3, 0.05))

    def rows(rate_hz: float, shift_s: float, noise: float, signal: str) -> F64:
        t = np.arange(0, 4, 1 / rate_hz)
        R = Rotation.from_rotvec(turn(t)) * Rotation.from_rotvec(rng.normal(0, noise, (len(t), 3)))
        values = R.as_quat() if signal == 'rotation' else np.column_stack([way(t) + rng.normal(0, noise, (len(t), 3)), 0 * t])
        return np.column_stack([t + shift_s, values])

    cases = []
    for name, signal, noise in (('rotation', 'rotation', 2e-3), ('translation', 'translation', 2e-4)):
        fast, slow = rows(50, 0.0713, noise / 2, signal), rows(20, 0.0, noise, signal)
        asked = {'fast': flat(np.delete(fast, range(90, 102), 0)), 'slow': flat(np.delete(slow, [20, 21, 22, 23, 24, 25], 0))}
        search = {'window': [0.151, 0.107, 0.257], 'search': [0.075, 0.075], 'lags': flat(np.arange(-9, 10) * 0.0377)}
        cases.append(by_twin(name, 'offset', **asked, **search, signal=signal))
    few = {'fast': flat(fast[:20]), 'slow': flat(slow), **search, 'signal': 'translation'}
    return [*cases, by_twin('too few', 'offset', Refused.TOO_FEW, **few)]


def calibration() -> list[Case]:
    """Return every case of wasm/golden/calibration.json."""
    rng = np.random.default_rng(2026)
    return [*pivots(rng), *spins(rng), *spheres(rng), *offsets(rng)]
