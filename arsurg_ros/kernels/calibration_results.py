# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the calibration kernels and their numpy twins return, and the numbers of their refusals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.types import F64


class Refused(IntEnum):
    """Statuses of the module ``calibration`` (wasm/calibration/src/lib.rs)."""

    TOO_FEW = 16
    NOT_FINITE = 17
    NOT_RIGID = 18
    REPEATED = 19
    INSUFFICIENT_MOTION = 20
    NOT_A_SPIN = 21
    COPLANAR = 22
    ILL_CONDITIONED = 23
    FLAT = 24


@dataclass(frozen=True)
class SpeedCorrelation:
    """Correlation of two streams' speeds: ``curve`` over ``lags_s`` (K,), from ``counts`` pairs each.

    ``pairs`` (M, 5): start s, end s, the slow stream's speed over it, the fast one's (not filled yet), weight.
    """

    lags_s: F64
    curve: F64
    counts: F64
    pairs: F64


@dataclass(frozen=True)
class ShiftFit:
    """The shift s with its standard error; slow = gain fast(t + shift) + level, over ``pairs`` (M, 5) with weights.

    ``noise`` is the robust standard deviation of what is left, in the unit of the speeds; ``outliers`` counts the pairs
    of less than half weight.
    """

    shift_s: float
    sigma_s: float
    gain: float
    level: float
    correlation: float
    noise: float
    outliers: int
    pairs: F64


@dataclass(frozen=True)
class PivotSolution:
    """Tip (3,) in the tool frame and pivot (3,) in the tracker's, metres, with what they leave.

    ``residuals_m`` (N, 3) = R tip + t - pivot of every pose, ``inlier`` (N,); ``rms_m`` (of the 3D norms), ``axis_rms_m`` (3,)
    and ``max_m`` are the inliers', as is ``range_rad``, the largest angle between two poses. ``swings_rad`` (3,), ascending,
    and the rows of ``directions`` (3, 3): how far directions of the tool swing (rms), which is what determines the tip along
    them. ``inverse`` (3, 3) times the noise's variance an axis is the tip's covariance. ``mean_rotation`` (3, 3).
    """

    tip_m: F64
    pivot_m: F64
    rms_m: float
    axis_rms_m: F64
    max_m: float
    inliers: int
    range_rad: float
    swings_rad: F64
    directions: F64
    inverse: F64
    mean_rotation: F64
    residuals_m: F64
    inlier: NDArray[np.bool_]


@dataclass(frozen=True)
class SpinSolution:
    """The axis: unit ``axis`` (3,) and ``point_m`` (3,) on it (nearest to the origin) in the tool frame.

    ``direction`` and ``centre_m`` are the same in the tracker's. ``wobble_rad`` (rms angle between the axis and its mean),
    ``radial_m`` (rms distance, across, of the axis' calmest point from its mean), ``turn_rad`` (the circle less its largest
    gap); of every pose: ``wobbles_rad``, ``radials_m``, ``turns_rad`` (N,). ``swings_rad`` (3,), rms, ascending: the axis' own,
    and of those across it.
    """

    axis: F64
    point_m: F64
    direction: F64
    centre_m: F64
    wobble_rad: float
    radial_m: float
    turn_rad: float
    swings_rad: F64
    wobbles_rad: F64
    radials_m: F64
    turns_rad: F64


@dataclass(frozen=True)
class SphereSolution:
    """Centre (3,) and radius, metres; signed distances (N,) from the surface; ``inverse`` (4, 4) of centre and radius.

    ``inverse`` times the noise's variance is the covariance; ``condition`` is 1/3 for a whole sphere, towards 0 for a patch.
    """

    centre_m: F64
    radius_m: float
    rms_m: float
    max_m: float
    condition: float
    inverse: F64
    residuals_m: F64
