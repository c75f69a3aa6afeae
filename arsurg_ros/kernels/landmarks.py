# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weighted paired-point registration.

Horn, *Closed-form solution of absolute orientation using unit quaternions*, J. Opt. Soc. Am. A 4(4), 1987 (wasm);
Umeyama, IEEE PAMI 13(4), 1991, by singular values (numpy twin). Both minimise the same sum and agree to 1e-9.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from arsurg_ros.errors import KernelError, RegistrationError
from arsurg_ros.kernels import reference
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.host import PerThread
from arsurg_ros.kernels.layouts import REGISTRATION
from arsurg_ros.types import F64, PairedPointFit

REFUSALS = {
    16: ('too_few_points', 'three points with a positive weight are needed'),
    17: ('not_finite', 'a coordinate is not a finite number, or beyond 1e9 m'),
    18: ('bad_weight', 'weights must be finite, not negative, and not all zero'),
    19: ('coincident', 'the points of one set lie within a micrometre of each other'),
    20: ('collinear', 'the points of one set lie on a line (second singular value below 1e-3 of the first)'),
    21: ('mirrored', 'one set is a mirror image of the other (is an axis flipped, or left and right exchanged?)'),
    22: ('ambiguous', 'more than one rotation fits the points equally well'),
}
_SMALLEST = 64
_kernels = PerThread(REGISTRATION)


def solve_paired_points(
    fixed_m: ArrayLike, moving_m: ArrayLike, weights: ArrayLike | None = None, *, backend: str = 'wasm'
) -> PairedPointFit:
    """Return the rigid T_fixed_moving with the least sum of w |fixed - T moving|^2, for points (N, 3) in metres.

    A weight counts like repeating its point; zero leaves the point out of the fit and of ``fre_m``, its residual is
    still given. Collinear: the second singular value of a weighted centred set is below 1e-3 of the first. Mirrored:
    the best reflection leaves less than half of the best rotation's rms, and both sets are solid (third singular value
    above 2e-2 of the first). Raises RegistrationError with the code of its rule, ConfigError for an unknown backend,
    KernelError for a kernel that cannot run.
    """
    solve = pick(backend, {'wasm': _solve, 'numpy': reference.solve_paired_points})
    fixed, moving = _points(fixed_m, 'fixed'), _points(moving_m, 'moving')
    w = np.ones(len(fixed)) if weights is None else np.asarray(weights, dtype=np.float64)
    if len(fixed) != len(moving) or w.shape != (len(fixed),):
        counts = f'{len(fixed)} fixed and {len(moving)} moving points, weights {w.shape}'
        raise RegistrationError('count_mismatch', f'{counts}: as many of each are needed')
    outcome = solve(fixed, moving, w)
    if isinstance(outcome, int):
        raise refusal(outcome, len(fixed))
    return outcome


def refusal(status: int, points: int) -> Exception:
    """Return the error of a kernel's status."""
    if status not in REFUSALS:
        return KernelError(f'kernel registration: solve: unknown status {status}')
    code, why = REFUSALS[status]
    return RegistrationError(code, f'{why}; {points} points given')


def _points(points_m: ArrayLike, which: str) -> F64:
    p = np.asarray(points_m, dtype=np.float64)
    if p.size == 0:
        return np.zeros((0, 3))
    if p.ndim != 2 or p.shape[1] != 3:
        raise RegistrationError('count_mismatch', f'{which} points have the shape {p.shape}; (N, 3) is needed')
    return p


def _solve(fixed: F64, moving: F64, weights: F64) -> PairedPointFit | int:
    n = len(fixed)
    kernel = _kernels.get(max(_SMALLEST, 1 << max(n - 1, 0).bit_length()))
    blocks = kernel.blocks
    blocks['control'][0] = n
    blocks['fixed'][: 3 * n] = fixed.ravel()
    blocks['moving'][: 3 * n] = moving.ravel()
    blocks['weights'][:n] = weights
    status = kernel.call('solve')
    if status:
        return status
    fit = blocks['fit'].copy()
    residuals = blocks['residuals'][: 3 * n].reshape(n, 3).copy()
    return PairedPointFit(fit[:16].reshape(4, 4), residuals, float(fit[16]), fit[17:20])
