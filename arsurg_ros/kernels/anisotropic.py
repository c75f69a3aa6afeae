# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Paired points with a localisation covariance each: the motion of greatest likelihood, and its covariance.

Balachandran and Fitzpatrick, *Iterative solution for rigid-body point-based registration with anisotropic weighting*, SPIE
2009; Matei and Meer, *Optimal rigid motion estimation*, CVPR 1999 (wasm: Levenberg-Marquardt); scipy's trust-region least
squares on the whitened residuals (numpy twin).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arsurg_ros.errors import RegistrationError
from arsurg_ros.kernels import reference_landmarks
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.landmarks import checked, fit_of, loaded, refusal
from arsurg_ros.types import F64, PairedPointFit


@dataclass(frozen=True)
class AnisotropicFit:
    """A fit with its covariance (6, 6): x y z rx ry rz, m and rad, about fixed's axes through moving's origin.

    ``cost`` is the squared Mahalanobis length of all residuals: chi-square with 3N - 6 degrees of freedom where the
    covariances hold.
    """

    fit: PairedPointFit
    covariance: F64
    cost: float


def solve_anisotropic(
    fixed_m: ArrayLike,
    moving_m: ArrayLike,
    fixed_covariance_m2: ArrayLike | None = None,
    moving_covariance_m2: ArrayLike | None = None,
    *,
    backend: str = 'wasm',
) -> AnisotropicFit:
    """Return T_fixed_moving with the least sum of e^T (F + R M R^T)^-1 e for points (N, 3), metres, e = fixed - T moving.

    The covariances (m^2; each in its own side's axes) are (N, 3, 3), or (3, 3) for all points, or None for a side without
    error. Raises RegistrationError with the code of ``solve_paired_points`` and ``bad_covariance`` or ``not_converged``.
    """
    solve = pick(backend, {'wasm': _solve, 'numpy': reference_landmarks.solve_anisotropic})
    fixed, moving, _ = checked(fixed_m, moving_m, None)
    sides = (('fixed', fixed_covariance_m2), ('moving', moving_covariance_m2))
    outcome = solve(fixed, moving, *(_covariances(c, len(fixed), side) for side, c in sides))
    if isinstance(outcome, int):
        raise refusal(outcome, len(fixed))
    return AnisotropicFit(*outcome)


def _covariances(given: ArrayLike | None, count: int, side: str) -> F64:
    c = np.zeros((3, 3)) if given is None else np.asarray(given, dtype=np.float64)
    if c.shape not in ((3, 3), (count, 3, 3)):
        valid = f'(3, 3) or ({count}, 3, 3) is needed'
        raise RegistrationError('count_mismatch', f'{side} covariances have the shape {c.shape}; {valid}')
    return np.broadcast_to(c, (count, 3, 3))


def _solve(fixed: F64, moving: F64, of_fixed: F64, of_moving: F64) -> tuple[PairedPointFit, F64, float] | int:
    n = len(fixed)
    kernel = loaded(fixed, moving)
    kernel.blocks['fixed_covariances'][: 9 * n] = of_fixed.ravel()
    kernel.blocks['moving_covariances'][: 9 * n] = of_moving.ravel()
    status = kernel.call('solve_anisotropic')
    if status:
        return status
    more = kernel.blocks['more']
    return fit_of(kernel, n), more[:36].reshape(6, 6).copy(), float(more[36])
