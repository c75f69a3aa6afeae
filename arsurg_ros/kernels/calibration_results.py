# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the calibration kernels and their numpy twins return, and the numbers of their refusals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

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
