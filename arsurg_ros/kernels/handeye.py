# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Hand-eye and robot-world calibration: X and Z of A_i X B_i = Z, for N pairs of poses.

With B_i^-1 for B_i this is the field's AX = ZB, and with Z eliminated its AX = XB. Closed forms: Park and Martin, IEEE Trans.
Robotics and Automation 10(5), 1994; Daniilidis, Int. J. Robotics Research 18(3), 1999; Shah, J. Mechanisms and Robotics 5(3),
2013. They start a joint least-squares refinement of X and Z over all poses, rotations and translations weighted by their
noise (variance components after Förstner, 1979); where the residuals are not those of noise, pairs are rejected by
consensus (least median of squares over triples, then a gate on the noise).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from arsurg_ros.errors import KernelError, RegistrationError
from arsurg_ros.kernels import reference_handeye
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.host import PerThread, room
from arsurg_ros.kernels.layouts import HANDEYE
from arsurg_ros.kernels.reference_handeye import LEAST_MOTION_RAD, Options, Refused
from arsurg_ros.types import F64, ClosedForm, HandEyeFit

REFUSALS = {
    16: ('too_few_poses', 'three pairs of poses are needed'),
    17: ('not_finite', 'a number is not finite, or beyond 1e9 m'),
    18: ('not_rigid', 'a pose is not a rigid transform (rotation orthonormal to 1e-6, last row 0 0 0 1)'),
    19: ('insufficient_motion', 'the first poses turn too little, or about one axis alone'),
    20: ('insufficient_motion', 'the second poses turn too little, or about one axis alone'),
    21: ('no_consensus', 'fewer than half of the pairs agree with one transform (are they of the same instants?)'),
    22: ('not_converged', 'the refinement found no minimum'),
}
CLOSED_FORMS = ('park', 'daniilidis', 'shah')
#: One pair of good quality in ten thousand is left out.
GATE_Z = 3.719
_SMALLEST = 64
_REJECT, _NOISE_GIVEN = 1, 2
#: Thousands of pairs that do not agree are searched and refined again and again.
DEADLINE_S = 20.0
_kernels = PerThread(HANDEYE, deadline_s=DEADLINE_S)


def solve_handeye(
    A: ArrayLike,
    B: ArrayLike,
    *,
    reject: bool = True,
    noise: tuple[float, float] | None = None,
    least_motion_rad: float = LEAST_MOTION_RAD,
    backend: str = 'wasm',
) -> HandEyeFit:
    """Return X and Z of A_i X B_i = Z for A and B (N, 4, 4), metres, e.g. T_base_gripper and T_cam_target.

    ``noise`` is the standard deviation per axis of the closed loop's translation (m) and rotation (rad), estimated where it
    is None; with fewer than six pairs the ratio 1 mm to 0.2 degrees is assumed. ``reject`` leaves out pairs beyond the normal
    quantile GATE_Z (never of fewer than six pairs). ``least_motion_rad`` is the rms rotation between two poses that is
    needed away from the main axis. Raises RegistrationError with a code of REFUSALS or ``count_mismatch``, ConfigError for an
    unknown backend, KernelError for a kernel that cannot run.
    """
    run = pick(backend, {'wasm': _solve, 'numpy': reference_handeye.solve_handeye})
    a, b = _poses(A, 'A'), _poses(B, 'B')
    if len(a) != len(b):
        raise RegistrationError('count_mismatch', f'{len(a)} poses A and {len(b)} poses B: as many of each are needed')
    outcome = run(a, b, Options(reject, noise, GATE_Z, least_motion_rad))
    if isinstance(outcome, Refused):
        raise refusal(outcome, len(a), least_motion_rad)
    return outcome


def refusal(refused: Refused, poses: int, least_motion_rad: float) -> Exception:
    """Return the error of a kernel's status."""
    if refused.status not in REFUSALS:
        return KernelError(f'kernel handeye: solve: unknown status {refused.status}')
    code, why = REFUSALS[refused.status]
    if code == 'insufficient_motion':
        about = refused.motion_a_rad if refused.status == 19 else refused.motion_b_rad
        return RegistrationError(code, f'{why}: {motion_words(about, least_motion_rad)}')
    where = f'; pair {refused.index} of {poses}' if code in ('not_finite', 'not_rigid') else f'; {poses} given'
    return RegistrationError(code, f'{why}{where}')


def motion_words(about_rad: F64, least_rad: float) -> str:
    """Return observed and needed rotation as words, degrees."""
    observed = f'{math.degrees(about_rad[0]):.1f} deg about the main axis (rms between two poses)'
    across = f'{math.degrees(off_axis_rad(about_rad)):.2f} deg away from it'
    return f'{observed} and {across}, {math.degrees(least_rad):.1f} deg are needed there'


def off_axis_rad(about_rad: F64) -> float:
    """Return the rms rotation (rad) away from the first principal axis of ``motion_a_rad`` or ``motion_b_rad``."""
    return reference_handeye.off_axis(about_rad)


def _poses(T: ArrayLike, which: str) -> F64:
    found = np.asarray(T, dtype=np.float64)
    if found.size == 0:
        return np.zeros((0, 4, 4))
    if found.ndim != 3 or found.shape[1:] != (4, 4):
        raise RegistrationError('count_mismatch', f'poses {which} have the shape {found.shape}; (N, 4, 4) is needed')
    return found


def _solve(a: F64, b: F64, options: Options) -> HandEyeFit | Refused:
    n = len(a)
    kernel = _kernels.get(room(n, _SMALLEST))
    blocks = kernel.blocks
    blocks['control'][:2] = n, _REJECT * options.reject + _NOISE_GIVEN * (options.noise is not None)
    blocks['options'][:4] = *(options.noise or (0.0, 0.0)), options.gate_z, options.least_motion_rad
    blocks['a'][: 16 * n] = a.ravel()
    blocks['b'][: 16 * n] = b.ravel()
    status = kernel.call('solve')
    figures = blocks['figures'].copy()
    if status:
        return Refused(status, int(blocks['control'][2]), figures[292:295], figures[295:298])
    T = blocks['transforms'].reshape(4, 2, 4, 4).copy()
    closed = {
        name: None if np.isnan(pair).any() else ClosedForm(pair[0], pair[1])
        for name, pair in zip(CLOSED_FORMS, T[1:], strict=True)
    }
    return HandEyeFit(
        X=T[0, 0],
        Z=T[0, 1],
        covariance=figures[:144].reshape(12, 12),
        from_rotation=figures[144:288].reshape(12, 12),
        residuals=blocks['residuals'][: 6 * n].reshape(n, 6).copy(),
        inliers=blocks['keep'][:n] > 0,
        noise_m=float(figures[288]),
        noise_rad=float(figures[289]),
        dof_m=float(figures[290]),
        dof_rad=float(figures[291]),
        closed=closed,
        motion_a_rad=figures[292:295],
        motion_b_rad=figures[295:298],
    )
