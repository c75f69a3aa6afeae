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
from arsurg_ros.kernels import reference, reference_landmarks
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.host import Kernel, PerThread, room
from arsurg_ros.kernels.layouts import REGISTRATION
from arsurg_ros.types import F64, PairedPointFit

REFUSALS = {
    16: ('too_few_points', 'three points with a positive weight are needed'),
    17: ('not_finite', 'a coordinate is not a finite number, or beyond 1e9 m'),
    18: ('bad_weight', 'weights must be finite, not negative, and not all zero'),
    19: ('coincident', 'the points of one set lie within a micrometre of each other'),
    20: ('collinear', 'the points of one set lie on a line (second singular value below 1e-3 of the first)'),
    21: ('mirrored', 'one set is a mirror image of the other (is an axis flipped, or left and right exchanged?)'),
    22: ('ambiguous', 'more than one motion fits the points about equally well'),
    23: ('bad_covariance', 'covariances must be finite, symmetric, not negative, and of full rank as the sum of both sides'),
    24: ('not_converged', 'the weighted fit did not settle: are the covariances of the right size?'),
    25: ('too_many_points', 'the exact searches take at most 64 points a side'),
    26: ('search_too_large', 'the exact search has too many possibilities: give fewer points, or a smaller threshold'),
    27: ('no_consensus', 'no rigid motion maps three pairs, and more than half of them, within the threshold'),
    28: ('bad_threshold', 'the threshold must be a positive number of metres'),
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
    fixed, moving, w = checked(fixed_m, moving_m, weights)
    outcome = solve(fixed, moving, w)
    if isinstance(outcome, int):
        raise refusal(outcome, len(fixed))
    return outcome


def leave_one_out(
    fixed_m: ArrayLike, moving_m: ArrayLike, weights: ArrayLike | None = None, *, backend: str = 'wasm'
) -> F64:
    """Return every point's error fixed - T moving (N, 3), metres, T being the fit of the other points.

    A row is NaN where the others have no fit (fewer than three, collinear, ...) or the point's weight is zero. Raises as
    ``solve_paired_points`` does for input that has no sense at all, but not for what only spoils a fit.
    """
    run = pick(backend, {'wasm': _leave_one_out, 'numpy': reference_landmarks.leave_one_out})
    fixed, moving, w = checked(fixed_m, moving_m, weights)
    outcome = run(fixed, moving, w)
    if isinstance(outcome, int):
        raise refusal(outcome, len(fixed))
    return outcome


def checked(fixed_m: ArrayLike, moving_m: ArrayLike, weights: ArrayLike | None) -> tuple[F64, F64, F64]:
    """Return points (N, 3) and weights (N,) as arrays; raises RegistrationError ``count_mismatch``."""
    fixed, moving = rows_of_three(fixed_m, 'fixed'), rows_of_three(moving_m, 'moving')
    w = np.ones(len(fixed)) if weights is None else np.asarray(weights, dtype=np.float64)
    if len(fixed) != len(moving) or w.shape != (len(fixed),):
        counts = f'{len(fixed)} fixed and {len(moving)} moving points, weights {w.shape}'
        raise RegistrationError('count_mismatch', f'{counts}: as many of each are needed')
    return fixed, moving, w


def refusal(status: int, count: int) -> Exception:
    """Return the error of a kernel's status."""
    if status not in REFUSALS:
        return KernelError(f'kernel registration: unknown status {status}')
    code, why = REFUSALS[status]
    return RegistrationError(code, f'{why}; {count} points given')


def rows_of_three(points_m: ArrayLike, which: str) -> F64:
    """Return points as (N, 3) float64; raises RegistrationError ``count_mismatch`` for another shape."""
    p = np.asarray(points_m, dtype=np.float64)
    if p.size == 0:
        return np.zeros((0, 3))
    if p.ndim != 2 or p.shape[1] != 3:
        raise RegistrationError('count_mismatch', f'{which} points have the shape {p.shape}; (N, 3) is needed')
    return p


def loaded(fixed: F64, moving: F64) -> Kernel:
    """Return this thread's kernel with both sides in its arena."""
    n = max(len(fixed), len(moving))
    kernel = _kernels.get(room(n, _SMALLEST))
    blocks = kernel.blocks
    blocks['control'][:2] = len(fixed), len(moving)
    blocks['fixed'][: fixed.size] = fixed.ravel()
    blocks['moving'][: moving.size] = moving.ravel()
    return kernel


def _solve(fixed: F64, moving: F64, weights: F64) -> PairedPointFit | int:
    n = len(fixed)
    kernel = loaded(fixed, moving)
    kernel.blocks['weights'][:n] = weights
    return kernel.call('solve') or fit_of(kernel, n)


def fit_of(kernel: Kernel, count: int) -> PairedPointFit:
    """Return the fit that the kernel's arena holds."""
    fit = kernel.blocks['fit'].copy()
    residuals = kernel.blocks['residuals'][: 3 * count].reshape(count, 3).copy()
    return PairedPointFit(fit[:16].reshape(4, 4), residuals, float(fit[16]), fit[17:20])


def _leave_one_out(fixed: F64, moving: F64, weights: F64) -> F64 | int:
    n = len(fixed)
    kernel = loaded(fixed, moving)
    kernel.blocks['weights'][:n] = weights
    return kernel.call('leave_one_out') or kernel.blocks['residuals'][: 3 * n].reshape(n, 3).copy()
