# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numpy and SciPy twins of pivot, spin and sphere: stacked least squares and SciPy's solvers, the same rules and statuses."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from arsurg_ros.kernels.calibration_results import PivotSolution, Refused, SphereSolution, SpinSolution
from arsurg_ros.types import F64

LEAST_POSES, LEAST_POINTS, COMPARED = 4, 5, 512
FARTHEST_M, RIGID, SAME, FINEST_M = 1e9, 1e-6, 1e-9, 1e-7
REACH_M = 2.0
COINCIDENT_M, COPLANAR, ILL = 1e-6, 1e-3, 1e-5
Mask = NDArray[np.bool_]


def solve_pivot(T: F64, limits: tuple[float, float, float], robust: bool) -> PivotSolution | int:
    """Return what the kernel's ``pivot`` returns: robust from the least sum of absolute residuals."""
    status = _check(T)
    everyone: Mask = np.ones(len(T), dtype=np.bool_)
    if status or (status := _demanded(T, everyone, limits)):
        return status
    x, used = _fit(T, np.ones(len(T))), everyone
    if robust:
        x = _absolute(T, x)
        x, used = _settle(T, x, limits[2])
        if used.sum() < LEAST_POSES or _demanded(T, used, limits):
            return int(Refused.INSUFFICIENT_MOTION)
    e = _residuals(T, x)
    swings, directions = swings_rad(T[used])
    norms, mean = np.linalg.norm(e[used], axis=1), T[used, :3, :3].mean(axis=0)
    off = (T[used, :3, :3] - mean).reshape(-1, 3)
    return PivotSolution(
        tip_m=x[:3],
        pivot_m=x[3:],
        rms_m=float(np.sqrt(np.mean(norms**2))),
        axis_rms_m=np.sqrt(np.mean(e[used] ** 2, axis=0)),
        max_m=float(norms.max()),
        inliers=int(used.sum()),
        range_rad=range_rad(T, used),
        swings_rad=swings,
        directions=directions,
        inverse=np.linalg.inv(off.T @ off),
        mean_rotation=mean,
        residuals_m=e,
        inlier=used,
    )


def _check(T: F64) -> int:
    if len(T) < LEAST_POSES:
        return int(Refused.TOO_FEW)
    if not (np.abs(T) <= FARTHEST_M).all():
        return int(Refused.NOT_FINITE)
    R = T[:, :3, :3]
    off = np.abs(R @ np.swapaxes(R, 1, 2) - np.eye(3)).max() > RIGID or np.abs(T[:, 3] - (0, 0, 0, 1)).max() > RIGID
    if off or np.linalg.det(R).min() < 0:
        return int(Refused.NOT_RIGID)
    same = np.linalg.norm(R - R[0], axis=(1, 2)).max() < SAME and np.linalg.norm(T[:, :3, 3] - T[0, :3, 3], axis=1).max() < SAME
    return int(Refused.REPEATED) if same else 0


def _demanded(T: F64, used: Mask, limits: tuple[float, float, float]) -> int:
    enough = range_rad(T, used) >= limits[0] and swings_rad(T[used])[0][0] >= limits[1]
    return 0 if enough else int(Refused.INSUFFICIENT_MOTION)


def range_rad(T: F64, used: Mask) -> float:
    """Return the largest angle (rad) between two of the used poses, of at most 512 evenly taken ones."""
    step = max(-(-len(T) // COMPARED), 1)
    R = scipy.spatial.transform.Rotation.from_matrix(T[::step, :3, :3][used[::step]])
    return max((float((R[i].inv() * R[i:]).magnitude().max()) for i in range(len(R))), default=0.0)


def swings_rad(T: F64) -> tuple[F64, F64]:
    """Return how far directions of the tool swing (3,), rms, ascending, and the directions, rows of (3, 3)."""
    off = T[:, :3, :3] - T[:, :3, :3].mean(axis=0)
    _, s, Vt = np.linalg.svd(off.reshape(-1, 3) / np.sqrt(len(T)), full_matrices=False)
    return np.asarray(s[::-1], dtype=np.float64), np.asarray(Vt[::-1], dtype=np.float64)


def _fit(T: F64, weights: F64) -> F64:
    """Return tip and pivot (6,) of the stacked equations [R -I] x = -t."""
    root = np.sqrt(weights)[:, None, None]
    rows = np.concatenate([T[:, :3, :3], np.broadcast_to(-np.eye(3), (len(T), 3, 3))], axis=2) * root
    x, *_ = np.linalg.lstsq(rows.reshape(-1, 6), -(T[:, :3, 3:] * root).ravel(), rcond=None)
    return np.asarray(x, dtype=np.float64)


def _residuals(T: F64, x: F64) -> F64:
    return np.asarray(T[:, :3, :3] @ x[:3] + T[:, :3, 3] - x[3:], dtype=np.float64)


def _absolute(T: F64, x: F64) -> F64:
    for _ in range(200):
        x = _fit(T, 1 / np.maximum(np.linalg.norm(_residuals(T, x), axis=1), FINEST_M))
    return x


def _settle(T: F64, x: F64, limit: float) -> tuple[F64, Mask]:
    n = len(T)
    used: Mask = np.ones(n, dtype=np.bool_)
    chi = scipy.stats.chi
    wide = np.sqrt(3 * n / (3 * n - 6)) * chi.ppf(0.99, 3) / chi.median(3)

    def scatter(size: F64) -> float:
        return float(np.sqrt(np.sum(size[used] ** 2) / (3 * used.sum() - 6)))

    for far in (_median, lambda size: wide * _median(size), lambda size: limit * scatter(size)):
        for _ in range(50):
            size = np.linalg.norm(_residuals(T, x), axis=1)
            now = size <= max(far(size), FINEST_M)
            if (now == used).all():
                break
            used = now
            if used.sum() < LEAST_POSES:
                return x, used
            x = _fit(T[used], np.ones(int(used.sum())))
    return x, used


def _median(size: F64) -> float:
    return float(np.quantile(size, 0.5, method='lower'))


def solve_spin(T: F64, limits: tuple[float, float, float]) -> SpinSolution | int:
    """Return what the kernel's ``spin`` returns, by singular values."""
    status = _check(T)
    everyone: Mask = np.ones(len(T), dtype=np.bool_)
    if status or range_rad(T, everyone) < min(limits[0], 3.0):
        return status or int(Refused.INSUFFICIENT_MOTION)
    R, t = T[:, :3, :3], T[:, :3, 3]
    swings, directions = swings_rad(T)
    axis = directions[0] * (1 if directions[0][np.argmax(np.abs(directions[0]))] > 0 else -1)
    off = (R - R.mean(axis=0)).reshape(-1, 3) @ directions[1:].T
    across, *_ = np.linalg.lstsq(off, -(t - t.mean(axis=0)).ravel(), rcond=None)
    point = across @ directions[1:]
    direction = R.mean(axis=0) @ axis
    direction /= np.linalg.norm(direction)
    centre = R.mean(axis=0) @ point + t.mean(axis=0)
    images = R @ axis
    wobbles = np.arctan2(np.linalg.norm(np.cross(images, direction), axis=1), images @ direction)
    gone, lean = (v - np.outer(v @ direction, direction) for v in (R @ point + t - centre, images))
    square = float(np.sum(lean**2))
    calmest = float(np.clip(-np.sum(gone * lean) / square, -REACH_M, REACH_M)) if square > 0 else 0.0
    radials = np.linalg.norm(gone + calmest * lean, axis=1)
    wobble, radial = (float(np.sqrt(np.mean(v**2))) for v in (wobbles, radials))
    if wobble > limits[1] or radial > limits[2]:
        return int(Refused.NOT_A_SPIN)
    marks = R @ directions[2]
    first = marks[0] - direction * (marks[0] @ direction)
    first /= np.linalg.norm(first)
    turns = np.arctan2(marks @ np.cross(direction, first), marks @ first)
    ordered = np.sort(turns)
    turn = 2 * np.pi - float(np.diff(ordered, append=ordered[0] + 2 * np.pi).max())
    if turn < limits[0]:
        return int(Refused.INSUFFICIENT_MOTION)
    return SpinSolution(axis, point, direction, centre, wobble, radial, turn, swings, wobbles, radials, turns)


def solve_sphere(points_m: F64) -> SphereSolution | int:
    """Return what the kernel's ``sphere`` returns, by SciPy's trust region from a linear start."""
    n = len(points_m)
    if n < LEAST_POINTS:
        return int(Refused.TOO_FEW)
    if not (np.abs(points_m) <= FARTHEST_M).all():
        return int(Refused.NOT_FINITE)
    middle = points_m.mean(axis=0)
    size = float(np.sqrt(np.mean(np.sum((points_m - middle) ** 2, axis=1))))
    if size < COINCIDENT_M:
        return int(Refused.REPEATED)
    q = (points_m - middle) / size
    s = np.linalg.svd(q, compute_uv=False)
    if s[2] < COPLANAR * s[0]:
        return int(Refused.COPLANAR)
    x, *_ = np.linalg.lstsq(np.column_stack([2 * q, np.ones(n)]), np.sum(q * q, axis=1), rcond=None)
    start = np.append(x[:3], np.sqrt(x[3] + x[:3] @ x[:3]))
    tight = {'xtol': 1e-15, 'ftol': 1e-15, 'gtol': 1e-15}
    found = scipy.optimize.least_squares(
        lambda c: np.linalg.norm(q - c[:3], axis=1) - c[3], start, jac=lambda c: -_normals(q, c), **tight
    )
    rows = _normals(q, found.x)
    information = rows.T @ rows
    condition = float(np.linalg.eigvalsh(information / n)[0])
    if condition < ILL:
        return int(Refused.ILL_CONDITIONED)
    centre, radius = middle + size * found.x[:3], float(size * found.x[3])
    e: F64 = np.asarray(np.linalg.norm(points_m - centre, axis=1) - radius, dtype=np.float64)
    rms, worst = float(np.sqrt(np.mean(e**2))), float(np.abs(e).max())
    return SphereSolution(centre, radius, rms, worst, condition, np.asarray(np.linalg.inv(information), dtype=np.float64), e)


def _normals(q: F64, c: F64) -> F64:
    ray = q - c[:3]
    return np.column_stack([ray / np.linalg.norm(ray, axis=1, keepdims=True), np.ones(len(q))])
