# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far a calibrated point may be off."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import chdtri, fdtri

from arsurg_ros.types import F64


def margin95(covariance: F64, dof: float) -> float:
    """Return the radius that holds a normal error of ``covariance`` (3, 3) 95 times in 100, in its unit.

    The covariance's scale is estimated with ``dof`` degrees of freedom (inf: known). The sum of chi-squares counts as
    one scaled chi-square of the same mean and variance (Satterthwaite, Biometrics Bull. 2(6), 1946): g h F(h, dof).
    """
    values = np.clip(np.linalg.eigvalsh(covariance), 0.0, None)
    total, squares = float(values.sum()), float((values**2).sum())
    if squares == 0:
        return 0.0
    h = total**2 / squares
    quantile = chdtri(h, 0.05) / h if math.isinf(dof) else fdtri(h, dof, 0.95)
    return math.sqrt(total * float(quantile))
