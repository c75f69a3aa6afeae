# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What else is to be known of a landmark registration: the sets' scale, the noise, warnings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from arsurg_ros.errors import RegistrationError
from arsurg_ros.registration.tre import degrees_of_freedom
from arsurg_ros.types import F64, PairedPointFit, TargetError

# Landmarks on one patient: anything else is a mistaken unit, even where both sets have it.
SMALLEST_SPAN_M, LARGEST_SPAN_M = 0.005, 3.0
# Two point sets of one body have the same size; a factor of a thousand is a mistaken unit on one side.
UNIT_FACTOR = 50.0
ONE_PLACE_M = 2e-6
NEARLY_COLLINEAR = 0.1
FEW_POINTS = 4
UNLIKELY = 1e-3
# An FRE beyond this share of the landmarks' rms distance from their centre is no noise: mistaken pairs, or another body.
POOR_FIT = 0.1
#: Warning code -> what it says.
WARNINGS = {
    'poor_fit': "the FRE is over a tenth of the landmarks' size: are the pairs right, and of one body?",
    'few_points': 'fewer than four landmarks carry the fit: nothing is left over to check it',
    'nearly_collinear': 'the landmarks lie nearly on a line: the rotation about it is poorly known',
    'outliers_rejected': 'landmarks were rejected: touch them again',
    'fre_does_not_bound_tre': 'the error expected at a target is larger than FRE',
    'noise_exceeded': 'the residuals are larger than the given noise explains (less likely than 1 in 1000)',
}


def check_scale(p_ct_m: F64, p_ref_m: F64, ct_frame: str = 'ct', ref_frame: str = 'ref') -> None:
    """Raise RegistrationError ``wrong_unit`` where the sets differ much in size, or one is beyond 5 mm to 3 m."""
    span_ct, span_ref = (span_m(p) for p in (p_ct_m, p_ref_m))
    said = f'the landmarks span {span_ct:.4g} m in {ct_frame} and {span_ref:.4g} m in {ref_frame}'
    smaller, larger = sorted((span_ct, span_ref))
    if smaller > ONE_PLACE_M and larger / smaller > UNIT_FACTOR:  # false for NaN: the kernel refuses those
        raise RegistrationError('wrong_unit', f'{said}: is one of them in mm?')
    if larger > LARGEST_SPAN_M or ONE_PLACE_M < smaller < SMALLEST_SPAN_M:
        hint = 'mm given as m?' if larger > LARGEST_SPAN_M else 'm given as mm?'
        raise RegistrationError('wrong_unit', f'{said}; {SMALLEST_SPAN_M} m to {LARGEST_SPAN_M:g} m is valid: {hint}')


def span_m(points_m: F64) -> float:
    """Return twice the largest distance from the centre, metres: between one and two times the diameter."""
    return 2.0 * float(np.linalg.norm(points_m - points_m.mean(axis=0), axis=1).max()) if len(points_m) else 0.0


def check_noise(noise_m: float | None) -> None:
    """Raise RegistrationError ``bad_noise`` for a standard deviation that is none."""
    if noise_m is not None and not 0 < noise_m < LARGEST_SPAN_M:
        raise RegistrationError('bad_noise', f'noise {noise_m} m: a positive number below {LARGEST_SPAN_M:g} is needed')


@dataclass(frozen=True)
class Judged:
    """A fit and what it is worth: noise per axis of a landmark of weight one and its degrees of freedom, the covariance (6, 6).

    ``squared`` is the sum of the squared residuals over their variances.
    """

    fit: PairedPointFit
    noise_m: float
    dof: float
    covariance: F64
    squared: float


def warnings(judged: Judged, weights: F64, targets: Sequence[TargetError], outliers: bool) -> tuple[str, ...]:
    """Return the codes (see WARNINGS) that hold for a fit."""
    used, spread_m = int(np.count_nonzero(weights)), judged.fit.spread_m
    found = {
        'few_points': used < FEW_POINTS,
        'nearly_collinear': bool(spread_m[1] < NEARLY_COLLINEAR * spread_m[0]),
        'outliers_rejected': outliers,
        'poor_fit': bool(judged.fit.fre_m > POOR_FIT * float(np.linalg.norm(spread_m))),
        'fre_does_not_bound_tre': any(t.tre_rms_m > judged.fit.fre_m for t in targets),
        'noise_exceeded': math.isinf(judged.dof) and scipy.special.chdtrc(degrees_of_freedom(used), judged.squared) < UNLIKELY,
    }
    return tuple(code for code, holds in found.items() if holds)
