# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What else is to be known of a landmark registration: the sets' scale, the leave-one-out error, warnings."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from arsurg_ros.errors import RegistrationError
from arsurg_ros.kernels.landmarks import solve_paired_points
from arsurg_ros.types import F64, PairedPointFit, TargetError

# Landmarks on one patient: anything else is a mistaken unit, even where both sets have it.
SMALLEST_SPAN_M, LARGEST_SPAN_M = 0.005, 3.0
# Two point sets of one body have the same size; a factor of a thousand is a mistaken unit on one side.
UNIT_FACTOR = 50.0
ONE_PLACE_M = 2e-6
NEARLY_COLLINEAR = 0.1
FEW_POINTS = 4
UNLIKELY = 1e-3
#: Warning code -> what it says.
WARNINGS = {
    'few_points': 'fewer than four landmarks carry the fit: nothing is left over to check it',
    'nearly_collinear': 'the landmarks lie nearly on a line: the rotation about it is poorly known',
    'outliers_rejected': 'landmarks were rejected: touch them again',
    'fre_does_not_bound_tre': 'the error expected at a target is larger than FRE',
    'noise_exceeded': 'the residuals are larger than the given noise explains (less likely than 1 in 1000)',
}


def check_scale(p_ct_m: F64, p_ref_m: F64) -> None:
    """Raise RegistrationError ``wrong_unit`` where the sets differ much in size, or both are beyond 5 mm to 3 m."""
    span_ct, span_ref = (span_m(p) for p in (p_ct_m, p_ref_m))
    said = f'the landmarks span {span_ct:.4g} m in ct and {span_ref:.4g} m in ref'
    smaller, larger = sorted((span_ct, span_ref))
    if smaller > ONE_PLACE_M and larger / smaller > UNIT_FACTOR:  # false for NaN: the kernel refuses those
        raise RegistrationError('wrong_unit', f'{said}: is one of them in mm?')
    if larger > LARGEST_SPAN_M or ONE_PLACE_M < smaller < SMALLEST_SPAN_M:
        raise RegistrationError('wrong_unit', f'{said}; {SMALLEST_SPAN_M} m to {LARGEST_SPAN_M:g} m is valid: mm given as m?')


def span_m(points_m: F64) -> float:
    """Return twice the largest distance from the centre, metres: between one and two times the diameter."""
    return 2.0 * float(np.linalg.norm(points_m - points_m.mean(axis=0), axis=1).max()) if len(points_m) else 0.0


def leave_one_out_m(p_ref_m: F64, p_ct_m: F64, weights: F64, backend: str) -> float | None:
    """Return the rms of every used landmark's error under the fit of the others; None where some such fit is none."""
    errors = []
    for i in np.flatnonzero(weights):
        others = weights.copy()
        others[i] = 0.0
        try:
            errors.append(solve_paired_points(p_ref_m, p_ct_m, others, backend=backend).residuals_m[i])
        except RegistrationError:
            return None
    return float(np.sqrt((np.array(errors) ** 2).sum(axis=1).mean()))


def warnings(
    fit: PairedPointFit, weights: F64, targets: Sequence[TargetError], noise_m: float, dof: float, rejected: bool = False
) -> tuple[str, ...]:
    """Return the codes (see WARNINGS) that hold for a fit."""
    used = int(np.count_nonzero(weights))
    squared = float(weights @ (fit.residuals_m**2).sum(axis=1))
    given = math.isinf(dof) and noise_m > 0
    found = {
        'few_points': used < FEW_POINTS,
        'nearly_collinear': bool(fit.spread_m[1] < NEARLY_COLLINEAR * fit.spread_m[0]),
        'outliers_rejected': rejected,
        'fre_does_not_bound_tre': any(t.tre_rms_m > fit.fre_m for t in targets),
        'noise_exceeded': given and special.chdtrc(3 * used - 6, squared / noise_m**2) < UNLIKELY,
    }
    return tuple(code for code, holds in found.items() if holds)
