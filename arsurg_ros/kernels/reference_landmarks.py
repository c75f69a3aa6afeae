# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numpy twins of the landmark kernels: other algorithms, the same rules and statuses; the searches try everything."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations
from math import nan

import numpy as np
import scipy
from numpy.typing import NDArray

from arsurg_ros.geometry import se3
from arsurg_ros.kernels import reference
from arsurg_ros.types import F64, PairedPointFit

BAD_COVARIANCE, NOT_CONVERGED, TOO_MANY, TOO_LARGE, NO_CONSENSUS, BAD_THRESHOLD = range(23, 29)
MOST_TRIED = 8
SLACK = 1e-3
OTHER_MOTION, ODDS, LEAST_NOISE = 3.0, 100.0, 0.01
Matched = tuple[NDArray[np.int64], float, NDArray[np.int64], float, float, bool]


def leave_one_out(fixed: F64, moving: F64, weights: F64) -> F64 | int:
    """Return every point's error under the fit of the others (N, 3), by N fits; NaN where there is none."""
    if status := reference.check_points(fixed, moving, weights):
        return status
    errors = np.full(fixed.shape, np.nan)
    for i in np.flatnonzero(weights):
        others = weights.copy()
        others[i] = 0.0
        fit = reference.solve_paired_points(fixed, moving, others)
        if not isinstance(fit, int):
            errors[i] = fit.residuals_m[i]
    return errors


def solve_anisotropic(fixed: F64, moving: F64, of_fixed: F64, of_moving: F64) -> tuple[PairedPointFit, F64, float] | int:
    """Return fit, covariance (6, 6) and cost, by scipy's least squares on the whitened residuals."""
    if len(fixed) < 3:
        return reference.TOO_FEW
    if not (np.abs([fixed, moving]) <= reference.FARTHEST_M).all():
        return reference.NOT_FINITE
    variance = np.trace(of_fixed, axis1=1, axis2=2) + np.trace(of_moving, axis1=1, axis2=2)
    if not (_sound(of_fixed) and _sound(of_moving) and variance.min() > 0):
        return BAD_COVARIANCE
    start = reference.solve_paired_points(fixed, moving, np.maximum(variance.min() / variance, 1e-4))
    if isinstance(start, int):
        return start
    pivot = se3.transform(start.T_fixed_moving, moving).mean(axis=0)

    def pose(x: F64) -> F64:
        turn = se3.from_rotvec(x[3:])
        return se3.compose(turn, pivot - turn @ pivot + x[:3]) @ start.T_fixed_moving

    def whitened(x: F64) -> F64:
        T = pose(x)
        residuals = fixed - se3.transform(T, moving)
        roots = np.linalg.cholesky(_sums(T, of_fixed, of_moving))
        return np.asarray(np.linalg.solve(roots, residuals[:, :, None]).ravel())

    try:
        found = scipy.optimize.least_squares(
            whitened, np.zeros(6), jac='3-point', x_scale='jac', xtol=1e-15, ftol=1e-15, gtol=1e-15
        )
        T = pose(found.x)
        weights = np.linalg.inv(_sums(T, of_fixed, of_moving))
    except np.linalg.LinAlgError:
        return BAD_COVARIANCE
    residuals = fixed - se3.transform(T, moving)
    corrected = se3.transform(T, moving) + _turned(T, of_moving) @ weights @ residuals[:, :, None] @ np.ones(1)
    J = np.array([np.hstack([np.eye(3), -se3.skew(p - T[:3, 3])]) for p in corrected])
    covariance = np.linalg.inv(np.einsum('nij,nik,nkl->jl', J, weights, J))
    fre_m = float(np.sqrt((residuals**2).sum(axis=1).mean()))
    return PairedPointFit(T, residuals, fre_m, start.spread_m), covariance, 2.0 * float(found.cost)


def _sound(covariances: F64) -> bool:
    if not np.isfinite(covariances).all():
        return False
    largest = np.abs(covariances).max(axis=(1, 2))
    skewed = np.abs(covariances - covariances.swapaxes(1, 2)).max(axis=(1, 2))
    return bool((skewed <= 1e-9 * largest).all() and (np.linalg.eigvalsh(covariances)[:, 0] >= -1e-12 * largest).all())


def _turned(T: F64, of_moving: F64) -> F64:
    return np.asarray(T[:3, :3] @ of_moving @ T[:3, :3].T)


def _sums(T: F64, of_fixed: F64, of_moving: F64) -> F64:
    sums = of_fixed + _turned(T, of_moving)
    if (np.linalg.eigvalsh(sums)[:, 0] <= 1e-12 * np.trace(sums, axis1=1, axis2=2)).any():
        raise np.linalg.LinAlgError('a covariance is singular')
    return sums


def least_maximum(fixed: F64, moving: F64) -> float:
    """Return the least largest residual that a rigid motion can have on pairs (N, 3), by sequential quadratic programming."""
    start = _motion(fixed, moving)
    size = float(np.abs(moving - moving.mean(axis=0)).max()) or 1.0
    centre = se3.transform(start, moving).mean(axis=0)

    def squared(x: F64) -> F64:
        turn = se3.from_rotvec(x[3:6])
        moved = (se3.transform(start, moving) - centre) @ turn.T + centre + x[:3] * size
        return np.asarray(((fixed - moved) ** 2).sum(axis=1) / size**2)

    x0 = np.append(np.zeros(6), squared(np.zeros(6)).max())
    limits = {'type': 'ineq', 'fun': lambda x: x[6] - squared(x)}
    options = {'ftol': 1e-15, 'maxiter': 500}
    found = scipy.optimize.minimize(lambda x: x[6], x0, constraints=[limits], method='SLSQP', options=options)
    return size * float(np.sqrt(min(squared(found.x).max(), x0[6])))


def _motion(fixed: F64, moving: F64, mirror: bool = False) -> F64:
    """Return the least-squares motion (4x4) of any pairs, degenerate ones too; a reflection where asked."""
    cf, cm = fixed.mean(axis=0), moving.mean(axis=0)
    U, _, Vt = np.linalg.svd((moving - cm).T @ (fixed - cf))
    sign = np.sign(np.linalg.det(U) * np.linalg.det(Vt)) * (-1.0 if mirror else 1.0)
    R = Vt.T @ np.diag([1.0, 1.0, sign]) @ U.T
    return se3.compose(R, cf - R @ cm)


def _squared(T: F64, fixed: F64, moving: F64) -> F64:
    return np.asarray(((fixed - se3.transform(T, moving)) ** 2).sum(axis=1))


def _check_search(fixed: F64, moving: F64, tau: float) -> int:
    if min(len(fixed), len(moving)) < 3:
        return reference.TOO_FEW
    if max(len(fixed), len(moving)) > MOST_TRIED:
        return TOO_MANY
    if not all((np.abs(side) <= reference.FARTHEST_M).all() for side in (fixed, moving)):
        return reference.NOT_FINITE
    return 0 if 0 < tau <= reference.FARTHEST_M else BAD_THRESHOLD


def _within(fixed: F64, moving: F64, tau: float) -> bool:
    T = _motion(fixed, moving)
    squared = _squared(T, fixed, moving)
    if squared.max() <= tau**2:
        return True
    return bool(squared.mean() <= tau**2) and bool(least_maximum(fixed, moving) <= tau * (1 + SLACK / 2))


def consensus(fixed: F64, moving: F64, tau: float) -> NDArray[np.bool_] | int:
    """Return who belongs to the largest consensus (N,), by trying every subset of at most 8 pairs."""
    if status := _check_search(fixed, moving, tau):
        return status
    n = len(fixed)
    for size in range(n, max(3, n // 2 + 1) - 1, -1):
        sets = [list(s) for s in combinations(range(n), size)]
        found = sorted((s for s in sets if _within(fixed[s], moving[s], tau)), key=lambda s: _mean_squared(fixed[s], moving[s]))
        if not found and any(_mirrored(fixed[s], moving[s], tau) for s in sets):
            return reference.MIRRORED
        if found:
            T = _motion(fixed[found[0]], moving[found[0]])
            far = np.flatnonzero(_squared(T, fixed, moving) > (OTHER_MOTION * tau) ** 2)
            best, *others = (_mean_squared(fixed[s], moving[s]) ** 0.5 for s in found if s is found[0] or set(far) & set(s))
            if others and _rivals(size, best, min(others), tau):
                return reference.AMBIGUOUS
            return np.isin(np.arange(n), found[0])
    return NO_CONSENSUS


def _rivals(count: int, rms: float, rival_rms: float, tau: float) -> bool:
    least = LEAST_NOISE * tau
    return bool((max(rms, least) / max(rival_rms, least)) ** (3 * count - 6) > 1 / ODDS)


def _mean_squared(fixed: F64, moving: F64) -> float:
    return float(_squared(_motion(fixed, moving), fixed, moving).mean())


def _mirrored(fixed: F64, moving: F64, tau: float) -> bool:
    plain, mirror = (_squared(_motion(fixed, moving, m), fixed, moving) for m in (False, True))
    return bool(mirror.max() <= tau**2) and bool(mirror.mean() < reference.MIRRORED_RATIO**2 * plain.mean())


def match_unordered(fixed: F64, moving: F64, tau: float) -> Matched | int:
    """Return the assignment as the kernel does, by trying every one of at most 8 points a side."""
    if status := _check_search(fixed, moving, tau):
        return status
    found = _best_match(fixed, moving, tau)
    if found is not None:
        return found
    return NO_CONSENSUS if _best_match(fixed, -moving, tau) is None else reference.MIRRORED


def _best_match(fixed: F64, moving: F64, tau: float) -> Matched | None:
    smaller = min(len(fixed), len(moving))
    for size in range(smaller, max(3, smaller // 2 + 1) - 1, -1):
        near = list(_assignments(fixed, moving, size, 3 * tau))
        good = [a for a in near if a[0] <= tau and _within(fixed[a[1]], moving[a[2]], tau)]
        if good:
            return _judged(fixed, moving, tau, good, near)
    return None


def _judged(fixed: F64, moving: F64, tau: float, good: list[Assigned], near: list[Assigned]) -> Matched:
    best = min(good, key=lambda a: a[0])

    def differs(other: Assigned) -> bool:
        both = ((best, other), (other, best))
        far = (_squared(_motion(fixed[a[1]], moving[a[2]]), fixed[b[1]], moving[b[2]]).max() for a, b in both)
        return bool(max(far) > (OTHER_MOTION * tau) ** 2)

    def partner(a: Assigned | None) -> NDArray[np.int64]:
        out = np.full(len(moving), -1)
        if a is not None:
            out[a[2]] = a[1]
        return out

    others = [a for a in near if _most_apart(fixed[a[1]], moving[a[2]]) <= 6 * tau and differs(a)]
    rival = min(others, key=lambda a: a[0], default=None)
    rms = nan if rival is None else rival[0]
    ambiguous = rival is not None and _rivals(len(best[1]), best[0], rms, tau)
    return partner(best), best[0], partner(rival), rms, 3 * tau, ambiguous


def _most_apart(fixed: F64, moving: F64) -> float:
    between = [np.linalg.norm(p[:, None] - p[None], axis=2) for p in (fixed, moving)]
    return float(np.abs(between[0] - between[1]).max())


Assigned = tuple[float, list[int], list[int]]


def _assignments(fixed: F64, moving: F64, size: int, most_rms: float) -> Iterator[Assigned]:
    """Yield rms and indices of every assignment of ``size`` pairs whose least-squares rms is at most ``most_rms``."""
    for chosen in combinations(range(len(moving)), size):
        orders = np.array(list(permutations(range(len(fixed)), size)))
        f, m = fixed[orders], moving[list(chosen)]
        fc, mc = f - f.mean(axis=1, keepdims=True), m - m.mean(axis=0)
        s = np.linalg.svd(mc.T @ fc)
        turned = np.sign(np.linalg.det(s[0]) * np.linalg.det(s[2]))
        trace = s[1][:, 0] + s[1][:, 1] + turned * s[1][:, 2]
        rms = np.sqrt(np.maximum((fc**2).sum(axis=(1, 2)) + (mc**2).sum() - 2 * trace, 0) / size)
        for i in np.flatnonzero(rms <= most_rms):
            yield float(rms[i]), orders[i].tolist(), list(chosen)
