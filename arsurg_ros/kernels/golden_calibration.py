# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Golden vectors of the calibration kernels: what a case asks, and its answer as one list of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from arsurg_ros.kernels.calibration import PivotDemand, SpinDemand, solve_pivot, solve_sphere, solve_spin
from arsurg_ros.kernels.offset import Window, correlate, refine
from arsurg_ros.types import F64


def answer(case: Mapping[str, Any], backend: str) -> F64 | int:
    """Return the numbers of a case's answer, or the status of its refusal; raises KeyError for an unknown kind."""
    return {'pivot': _pivot, 'spin': _spin, 'sphere': _sphere, 'offset': _offset}[case['kind']](case, backend)


def check_calibration(case: Mapping[str, Any], backend: str) -> str:
    """Return what differs, or an empty string."""
    found, wanted = answer(case, backend), case['status']
    if isinstance(found, int) or wanted:
        status = found if isinstance(found, int) else 0
        return '' if status == wanted else f'status {status}, not {wanted}'
    expected = _numbers(case['answer'])
    worst = float(np.abs(found - expected).max()) if found.shape == expected.shape else float('inf')
    return '' if worst <= case['tolerance'] else f'off by {worst:.3g}, {case["tolerance"]:.3g} allowed'


def _numbers(values: list[float | str]) -> F64:
    return np.array([float(v) for v in values])


def _pivot(case: Mapping[str, Any], backend: str) -> F64 | int:
    T = _numbers(case['poses']).reshape(-1, 4, 4)
    found = solve_pivot(T, PivotDemand(*case['demand']), robust=case['robust'], backend=backend)
    if isinstance(found, int):
        return found
    numbers = [found.rms_m, found.max_m, found.inliers, found.range_rad]
    tables = (found.inverse.ravel(), found.residuals_m.ravel(), found.inlier)
    return np.concatenate([found.tip_m, found.pivot_m, numbers, found.swings_rad, *tables])


def _spin(case: Mapping[str, Any], backend: str) -> F64 | int:
    found = solve_spin(_numbers(case['poses']).reshape(-1, 4, 4), SpinDemand(*case['demand']), backend=backend)
    if isinstance(found, int):
        return found
    numbers = [found.axis, found.point_m, found.direction, found.centre_m, [found.wobble_rad, found.radial_m, found.turn_rad]]
    return np.concatenate([*numbers, found.swings_rad])


def _sphere(case: Mapping[str, Any], backend: str) -> F64 | int:
    found = solve_sphere(_numbers(case['points']).reshape(-1, 3), backend=backend)
    if isinstance(found, int):
        return found
    numbers = [found.radius_m, found.rms_m, found.max_m, found.condition]
    return np.concatenate([found.centre_m, numbers, found.inverse.ravel(), found.residuals_m])


def _offset(case: Mapping[str, Any], backend: str) -> F64 | int:
    fast, slow = (_numbers(case[k]).reshape(-1, 5) for k in ('fast', 'slow'))
    window = Window(*case['window'])
    found = correlate(fast, slow, _numbers(case['lags']), window, signal=case['signal'], backend=backend)
    start, reach = case['search']
    fit = refine(fast, found.pairs, start, reach, window.fast_gap_s, signal=case['signal'], backend=backend)
    if isinstance(fit, int):
        return fit
    numbers = [fit.shift_s, fit.sigma_s, fit.gain, fit.level, fit.correlation, fit.noise, fit.outliers, len(fit.pairs)]
    return np.concatenate([found.curve, found.counts, numbers])
