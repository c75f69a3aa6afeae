# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Answers the golden vectors of the surface kernel (wasm/golden/surface.json)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from arsurg_ros.errors import RegistrationError
from arsurg_ros.kernels.icp import DEGENERATE, REFUSALS, IcpFit, IcpSettings
from arsurg_ros.kernels.surface import prepare_target
from arsurg_ros.types import F64

#: What is no length or pose has a tolerance of its own.
TOLERANCES = {'information': 1e-5, 'inliers': 0.0}
STATUSES = {code: status for status, (code, _) in REFUSALS.items()}


def answer(case: Mapping[str, Any], backend: str) -> tuple[int, dict[str, F64]]:
    """Return the status of a refusal, or 0 and what a backend answers, by the names that the case has."""
    faces = None if case['faces'] is None else np.array(case['faces'], np.int64).reshape(-1, 3)
    how = IcpSettings(case['method'], case['loss'], case['sigma'], case['reach'], case['iterations'], *case['epsilon'])
    try:
        target = prepare_target(
            _rows(case['points'], 3), faces, voxel_m=case['voxel'], neighbours=case['neighbours'], backend=backend
        )
        (fit,) = target.align(_rows(case['source'], 3), case['voxel'], [_rows(case['start'], 4)], how)
    except RegistrationError as error:
        return STATUSES[error.code], {}
    if not isinstance(fit, IcpFit):
        return fit, {}
    return (DEGENERATE, {}) if fit.degenerate else (0, values(fit))


def values(fit: IcpFit) -> dict[str, F64]:
    """Return what is compared of a fit."""
    return {
        'transform': fit.T_target_source.ravel(),
        'inliers': np.array([float(fit.inliers)]),
        'rms': np.array([fit.rms_m]),
        'noise': np.array([fit.noise_m]),
        'information': fit.information,
        'sd': np.sqrt(np.diag(fit.covariance)),
    }


def _rows(numbers: list[float | str], width: int) -> F64:
    return np.array([float(v) for v in numbers]).reshape(-1, width)
