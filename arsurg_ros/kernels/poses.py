# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Interpolation of rigid transforms along their screw (ScLERP): T0 @ exp(alpha * log(inv(T0) @ T1)).

Murray, Li and Sastry, *A Mathematical Introduction to Robotic Manipulation*, 1994, chapter 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from arsurg_ros.errors import KernelError
from arsurg_ros.kernels import reference
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.host import PerThread, room
from arsurg_ros.kernels.layouts import TRACKING
from arsurg_ros.types import F64

REFUSALS = {16: 'is not finite', 17: 'is not a rigid transform (rotation orthonormal to 1e-6, last row 0 0 0 1)'}
_SMALLEST = 16
_kernels = PerThread(TRACKING)


def interpolate_poses(T0: ArrayLike, T1: ArrayLike, alpha: ArrayLike, *, backend: str = 'wasm') -> F64:
    """Return (M, 4, 4) between T0 and T1 (M, 4, 4), metres, at alpha (M,); outside 0-1 the screw goes on.

    A half turn has two screws; the rotation's quaternion picks one. Raises KernelError where a pose or alpha is not
    finite or not rigid (naming its index) or the shapes do not fit, ConfigError for an unknown backend.
    """
    run = pick(backend, {'wasm': _interpolate, 'numpy': reference.interpolate_poses})
    a, b = np.asarray(T0, dtype=np.float64), np.asarray(T1, dtype=np.float64)
    x = np.asarray(alpha, dtype=np.float64)
    if x.ndim != 1 or a.shape != (x.size, 4, 4) or b.shape != a.shape:
        shapes = f'T0 {a.shape}, T1 {b.shape}, alpha {x.shape}'
        raise KernelError(f'interpolate_poses: {shapes}: (M, 4, 4), (M, 4, 4) and (M,) are needed')
    outcome = run(a, b, x)
    if isinstance(outcome, tuple):
        status, index = outcome
        why = REFUSALS.get(status, f'is refused with status {status}')
        raise KernelError(f'interpolate_poses: T0, T1 or alpha at index {index} {why}')
    return outcome


def _interpolate(T0: F64, T1: F64, alpha: F64) -> F64 | tuple[int, int]:
    n = alpha.size
    kernel = _kernels.get(room(n, _SMALLEST))
    blocks = kernel.blocks
    blocks['control'][:2] = n, 0
    blocks['t0'][: 16 * n] = T0.ravel()
    blocks['t1'][: 16 * n] = T1.ravel()
    blocks['alpha'][:n] = alpha
    status = kernel.call('interpolate')
    if status:
        return status, int(blocks['control'][1])
    out: F64 = blocks['out'][: 16 * n].reshape(n, 4, 4).copy()
    return out
