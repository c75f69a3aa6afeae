# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Answers the golden vectors of the landmark kernels (wasm/golden/landmarks.json)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from arsurg_ros.kernels.anisotropic import solve_anisotropic
from arsurg_ros.kernels.consensus import find_consensus, match_unordered
from arsurg_ros.kernels.landmarks import leave_one_out
from arsurg_ros.types import F64

Case = Mapping[str, Any]


def answer(case: Case, backend: str) -> dict[str, F64]:
    """Return what a backend answers, by the names that the case has; raises RegistrationError where it refuses."""
    return KERNELS[case['kernel']](case, backend)


def _array(case: Case, name: str, *shape: int) -> F64:
    return np.array([float(v) for v in case[name]]).reshape(-1, *shape)


def _points(case: Case) -> tuple[F64, F64]:
    return _array(case, 'fixed', 3), _array(case, 'moving', 3)


def _left_out(case: Case, backend: str) -> dict[str, F64]:
    return {'errors': leave_one_out(*_points(case), _array(case, 'weights'), backend=backend)}


def _anisotropic(case: Case, backend: str) -> dict[str, F64]:
    covariances = (_array(case, name, 3, 3) for name in ('of_fixed', 'of_moving'))
    found = solve_anisotropic(*_points(case), *covariances, backend=backend)
    return {'transform': found.fit.T_fixed_moving, 'covariance': found.covariance, 'cost': np.array([found.cost])}


def _consensus(case: Case, backend: str) -> dict[str, F64]:
    return {'members': find_consensus(*_points(case), float(case['tau']), backend=backend).astype(np.float64)}


def _match(case: Case, backend: str) -> dict[str, F64]:
    match = match_unordered(*_points(case), float(case['tau']), backend=backend)
    rival = np.nan if match.rival_rms_m is None else match.rival_rms_m
    numbers = {'rms': match.rms_m, 'rival_rms': rival, 'searched': match.searched_m}
    ids = {'fixed_ids': match.fixed.astype(np.float64), 'moving_ids': match.moving.astype(np.float64)}
    return ids | {name: np.array([value]) for name, value in numbers.items()}


KERNELS: dict[str, Callable[[Case, str], dict[str, F64]]] = {
    'leave_one_out': _left_out,
    'solve_anisotropic': _anisotropic,
    'consensus': _consensus,
    'match_unordered': _match,
}
