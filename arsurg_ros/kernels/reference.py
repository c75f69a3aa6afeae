# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numpy twins of the registration and tracking kernels: other algorithms, the same rules and statuses."""

from __future__ import annotations

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.types import F64, PairedPointFit

TOO_FEW, NOT_FINITE, BAD_WEIGHT, COINCIDENT, COLLINEAR, MIRRORED, AMBIGUOUS = range(16, 23)
POSE_NOT_FINITE, POSE_NOT_RIGID = 16, 17
FARTHEST_M = 1e9
COINCIDENT_M, COLLINEAR_RATIO, COPLANAR_RATIO = 1e-6, 1e-3, 2e-2
MIRRORED_RATIO, AMBIGUOUS_GAP = 0.5, 1e-6


def solve_paired_points(fixed: F64, moving: F64, weights: F64) -> PairedPointFit | int:
    """Return the fit of points (N, 3), metres, weights (N,), or the status of the refusal (Umeyama 1991)."""
    status = check_points(fixed, moving, weights)
    if status:
        return status
    share = weights / weights.sum()
    centre_f, centre_m = share @ fixed, share @ moving
    f, m = fixed - centre_f, moving - centre_m
    spread_f, spread_m = _spread(f, share), _spread(m, share)
    status = _check_spread(spread_m) or _check_spread(spread_f)
    if status:
        return status
    outcome = _rotation((m * share[:, None]).T @ f, spread_f, spread_m)
    if isinstance(outcome, int):
        return outcome
    T = se3.compose(outcome, centre_f - outcome @ centre_m)
    residuals = fixed - se3.transform(T, moving)
    fre_m = float(np.sqrt(np.mean(np.sum(residuals[weights > 0] ** 2, axis=1))))
    return PairedPointFit(T, residuals, fre_m, spread_m)


def check_points(fixed: F64, moving: F64, weights: F64) -> int:
    """Return the status of points (N, 3) and weights (N,) that cannot be used, 0 for others."""
    if len(weights) < 3:
        return TOO_FEW
    if not (np.abs([fixed, moving]) <= FARTHEST_M).all():
        return NOT_FINITE
    if not np.isfinite(weights.sum()) or weights.min() < 0 or weights.sum() == 0:
        return BAD_WEIGHT
    return 0 if np.count_nonzero(weights) >= 3 else TOO_FEW


def _spread(centred: F64, share: F64) -> F64:
    values = np.linalg.svd(centred * np.sqrt(share)[:, None], compute_uv=False)
    return np.asarray(values, dtype=np.float64)


def _check_spread(spread: F64) -> int:
    if spread[0] < COINCIDENT_M:
        return COINCIDENT
    return COLLINEAR if spread[1] < COLLINEAR_RATIO * spread[0] else 0


def _rotation(correlation: F64, spread_f: F64, spread_m: F64) -> F64 | int:
    size_f, size_m = np.linalg.norm(spread_f), np.linalg.norm(spread_m)
    U, s, Vt = np.linalg.svd(correlation / (size_f * size_m))
    sign = 1.0 if np.linalg.det(U) * np.linalg.det(Vt) > 0 else -1.0
    rotated, reflected = s[0] + s[1] + sign * s[2], s[0] + s[1] - sign * s[2]
    solid = min(spread_f[2] / spread_f[0], spread_m[2] / spread_m[0]) > COPLANAR_RATIO
    squared = [max(size_f**2 + size_m**2 - 2 * size_f * size_m * t, 0.0) for t in (rotated, reflected)]
    if solid and squared[1] < MIRRORED_RATIO**2 * squared[0]:
        return MIRRORED
    if 2 * (s[1] + sign * s[2]) < AMBIGUOUS_GAP:
        return AMBIGUOUS
    R: F64 = Vt.T @ np.diag([1.0, 1.0, sign]) @ U.T
    return R


def interpolate_poses(T0: F64, T1: F64, alpha: F64) -> F64 | tuple[int, int]:
    """Return T0 exp(alpha log(T0^-1 T1)) for (M, 4, 4) and (M,), or the status and index of the refused pose."""
    out = np.empty_like(T0)
    for i, (a, b, x) in enumerate(zip(T0, T1, alpha, strict=True)):
        status = 0 if np.isfinite(x) else POSE_NOT_FINITE
        status = status or _check_pose(a) or _check_pose(b)
        if status:
            return status, i
        out[i] = a @ se3.exp(x * se3.log(se3.inverse(a) @ b))
    return out


def _check_pose(T: F64) -> int:
    if not np.isfinite(T).all():
        return POSE_NOT_FINITE
    last = np.abs(T[3] - (0.0, 0.0, 0.0, 1.0)).max() <= 1e-9
    return 0 if last and se3.is_rigid(T) else POSE_NOT_RIGID
