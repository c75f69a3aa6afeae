# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numpy and scipy twin of the hand-eye kernel: other algorithms, the same rules and statuses.

Park and Martin by the inverse square root, Daniilidis by the singular values of the stacked equations, Shah by Kronecker
products; the refinement by ``scipy.optimize.least_squares`` (differences instead of derivatives), its consensus over
random triples all at once.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from arsurg_ros.geometry import se3
from arsurg_ros.types import F64, ClosedForm, HandEyeFit

TOO_FEW, NOT_FINITE, NOT_RIGID, MOTION_A, MOTION_B, NO_CONSENSUS, NOT_CONVERGED = range(16, 23)
FARTHEST_M, RIGID = 1e9, 1e-6
LEAST_MOTION_RAD = math.radians(5.0)
FEWEST_TO_REJECT, FEWEST_FOR_BOTH = 6, 6
ASSUMED_RATIO = 1e-3 / math.radians(0.2)
FLOOR, TRIPLES, ROUNDS = 1e-9, 120, 30
NEAR_HALF_TURN, UNEXPLAINED = 3.0, 0.5
MEDIAN_3, MEDIAN_6, CLEAN, FEW, WORTH_Z = 2.366, 5.348, 0.6, 30, 2.6
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Options:
    """As ``solve_handeye`` of kernels.handeye takes them."""

    reject: bool
    noise: tuple[float, float] | None
    gate_z: float
    least_motion_rad: float


@dataclass(frozen=True)
class Refused:
    """A status, the index of the bad pair, and the motion found (3,), rad, for A and for B."""

    status: int
    index: int
    motion_a_rad: F64
    motion_b_rad: F64


@dataclass(frozen=True)
class _Refined:
    at: ClosedForm
    noise: tuple[float, float]
    dof: tuple[float, float]
    covariance: F64
    from_rotation: F64


def solve_handeye(a: F64, b: F64, options: Options) -> HandEyeFit | Refused:
    """Return the fit of poses (N, 4, 4), metres, or the refusal."""
    status, index = _check(a, b)
    if status:
        return Refused(status, index, np.zeros(3), np.zeros(3))
    keep: Bool = np.ones(len(a), dtype=bool)
    refused = _check_motion(a, b, options)
    if refused:
        return refused
    fit = _refine(a, b, shah(a, b), options.noise)
    if options.reject and len(a) >= FEWEST_TO_REJECT and not _clean(a, b, fit, options):
        agreed = _consensus(a, b, options)
        if agreed is None or 2 * np.count_nonzero(agreed[1]) < len(a):
            return Refused(NO_CONSENSUS, 0, motion(a), motion(b))
        fit, keep = agreed
        refused = _check_motion(a[keep], b[keep], options)
        if refused:
            return refused
    if fit.noise[1] * math.sqrt(6) > UNEXPLAINED * np.linalg.norm(motion(a[keep])):
        return Refused(NO_CONSENSUS, 0, motion(a), motion(b))
    return _result(a, b, fit, keep)


def _result(a: F64, b: F64, fit: _Refined, keep: Bool) -> HandEyeFit:
    kept = a[keep], b[keep]
    return HandEyeFit(
        X=fit.at.X,
        Z=fit.at.Z,
        covariance=fit.covariance,
        from_rotation=fit.from_rotation,
        residuals=residuals(a, b, fit.at),
        inliers=keep,
        noise_m=fit.noise[0],
        noise_rad=fit.noise[1],
        dof_m=fit.dof[0],
        dof_rad=fit.dof[1],
        closed={'park': park(*kept), 'daniilidis': daniilidis(*kept), 'shah': shah(*kept)},
        motion_a_rad=motion(kept[0]),
        motion_b_rad=motion(kept[1]),
    )


def _check(a: F64, b: F64) -> tuple[int, int]:
    if len(a) < 3:
        return TOO_FEW, len(a)
    for i, pair in enumerate(zip(a, b, strict=True)):
        if not (np.abs(pair) <= FARTHEST_M).all():
            return NOT_FINITE, i
        if not all(_is_rigid(T) for T in pair):
            return NOT_RIGID, i
    return 0, 0


def _rotations(R: F64) -> Any:
    """Return SciPy's rotations of matrices (N, 3, 3)."""
    return scipy.spatial.transform.Rotation.from_matrix(R)


def _is_rigid(T: F64) -> bool:
    R = T[:3, :3]
    last = np.abs(T[3] - (0.0, 0.0, 0.0, 1.0)).max() <= 1e-9
    return bool(last and np.abs(R @ R.T - np.eye(3)).max() <= RIGID and np.linalg.det(R) > 0)


def motion(poses: F64) -> F64:
    """Return the rms rotation (3,), rad, between two of the poses about each of three principal axes, descending.

    Over all pairs, one by one: chord 2 sin(angle / 2) along the axis, as the kernel's sum over poses has it.
    """
    i, j = np.triu_indices(len(poses), 1)
    q = _rotations(np.swapaxes(poses[i, :3, :3], 1, 2) @ poses[j, :3, :3]).as_quat()
    chords = 2.0 * q[:, :3]
    values = np.linalg.eigvalsh(chords.T @ chords / len(i))[::-1]
    return np.asarray(2 * np.arcsin(np.minimum(np.sqrt(np.maximum(values, 0)) / 2, 1.0)))


def off_axis(about_rad: F64) -> float:
    """Return the rms rotation (rad) away from the first axis of ``motion``."""
    chord = float(np.sqrt((4 * np.sin(about_rad[1:] / 2) ** 2).sum()))
    return 2.0 * math.asin(min(chord / 2, 1.0))


def _check_motion(a: F64, b: F64, options: Options) -> Refused | None:
    about = motion(a), motion(b)
    for found, status in zip(about, (MOTION_A, MOTION_B), strict=True):
        if off_axis(found) < options.least_motion_rad:
            return Refused(status, 0, *about)
    return None


def residuals(a: F64, b: F64, at: ClosedForm) -> F64:
    """Return (N, 6): translation (m) and rotation vector (rad) of A X B against Z, along the axes of A's parent."""
    M = a @ at.X @ b
    w = _rotations(M[:, :3, :3] @ at.Z[:3, :3].T).as_rotvec()
    return np.concatenate([M[:, :3, 3] - at.Z[:3, 3], w], axis=1)


def _relative(a: F64, b: F64) -> tuple[F64, F64]:
    i, j = np.triu_indices(len(a), 1)
    return se3.inverse(a[j]) @ a[i], b[j] @ se3.inverse(b[i])


def _with_rotation(a: F64, b: F64, R_x: F64) -> ClosedForm:
    """Return X of this rotation, and Z: least squares over R_A t_X - t_Z = -(t_A + R_A R_X t_B)."""
    n = len(a)
    M = np.zeros((n, 3, 6))
    M[:, :, :3], M[:, :, 3:] = a[:, :3, :3], -np.eye(3)
    q = a[:, :3, 3] + (a[:, :3, :3] @ R_x @ b[:, :3, 3:])[:, :, 0]
    t = np.linalg.lstsq(M.reshape(3 * n, 6), -q.ravel(), rcond=None)[0]
    R_z = _rotations(a[:, :3, :3] @ R_x @ b[:, :3, :3]).mean().as_matrix()
    return ClosedForm(se3.compose(R_x, t[:3]), se3.compose(R_z, t[3:]))


def park(a: F64, b: F64) -> ClosedForm | None:
    """Return X and Z of Park and Martin 1994: R_X = (M^T M)^-1/2 M^T, M the sum of beta alpha^T over logarithms."""
    A, B = _relative(a, b)
    alpha, beta = (_rotations(T[:, :3, :3]).as_rotvec() for T in (A, B))
    use = np.maximum(np.linalg.norm(alpha, axis=1), np.linalg.norm(beta, axis=1)) < NEAR_HALF_TURN
    M = beta[use].T @ alpha[use]
    U, s, Vt = np.linalg.svd(M)
    if np.linalg.det(M) <= 0 or s[2] < 1e-12 * s[0]:  # the published formula needs three axes; the polar factor does not
        R = (U @ np.diag([1.0, 1.0, np.linalg.det(U) * np.linalg.det(Vt)]) @ Vt).T
        return _with_rotation(a, b, R)
    values, vectors = np.linalg.eigh(M.T @ M)
    return _with_rotation(a, b, vectors @ np.diag(values**-0.5) @ vectors.T @ M.T)


def daniilidis(a: F64, b: F64) -> ClosedForm | None:
    """Return X and Z of Daniilidis 1999, lengths over the mean distance of B's origins; None where there is no root."""
    length = float(np.linalg.norm(b[:, :3, 3], axis=1).mean()) or 1.0
    A, B = _relative(a, b)
    rows = [_dual_rows(_dual(p, length), _dual(q, length)) for p, q in zip(A, B, strict=True)]
    rows = [r for r in rows if r is not None]
    if not rows:
        return None
    *_, Vt = np.linalg.svd(np.concatenate(rows), full_matrices=False)  # type: ignore[arg-type]
    u, v = Vt[6], Vt[7]
    # l u + m v: real and dual part must be orthogonal
    coefficients = [u[:4] @ u[4:], u[:4] @ v[4:] + v[:4] @ u[4:], v[:4] @ v[4:]]
    pairs = [(complex(r).real, 1.0) for r in np.roots(coefficients)] or [(1.0, 0.0)]
    best = max((l * u + m * v for l, m in pairs), key=lambda x: float(x[:4] @ x[:4] / (x @ x)))  # noqa: E741
    size = float(np.linalg.norm(best[:4]))
    if size < 1e-9 * np.linalg.norm(best):
        return None
    q, d = best[:4] / size, best[4:] / size
    R = scipy.spatial.transform.Rotation.from_quat([q[1], q[2], q[3], q[0]]).as_matrix()
    t = 2.0 * length * (-d[0] * q[1:] + q[0] * d[1:] - np.cross(d[1:], q[1:]))
    X = se3.compose(R, t)
    Z = a @ X @ b
    return ClosedForm(X, se3.compose(_rotations(Z[:, :3, :3]).mean().as_matrix(), Z[:, :3, 3].mean(axis=0)))


def _dual(T: F64, length: float) -> tuple[F64, F64]:
    x, y, z, w = se3.to_quaternion(T)
    v, t = np.array([x, y, z]), T[:3, 3] / length
    return np.array([w, x, y, z]), 0.5 * np.concatenate([[-t @ v], w * t + np.cross(t, v)])


def _dual_rows(a: tuple[F64, F64], b: tuple[F64, F64]) -> F64 | None:
    if min(a[0][0], b[0][0]) < math.cos(NEAR_HALF_TURN / 2):
        return None
    main, other = (np.column_stack([p[1:] - q[1:], se3.skew(p[1:] + q[1:])]) for p, q in zip(a, b, strict=True))
    return np.block([[main, np.zeros((3, 4))], [other, main]])


def shah(a: F64, b: F64) -> ClosedForm:
    """Return X and Z of Shah 2013: the first singular pair of the sum of R_B^T kron R_A."""
    K = sum(np.kron(q[:3, :3].T, p[:3, :3]) for p, q in zip(a, b, strict=True))
    *_, Vt = np.linalg.svd(K)
    M = Vt[0].reshape(3, 3, order='F')
    M = M * np.sign(np.linalg.det(M))
    U, _, Wt = np.linalg.svd(M)
    return _with_rotation(a, b, U @ np.diag([1.0, 1.0, np.linalg.det(U @ Wt)]) @ Wt)


def _moved(at: ClosedForm, step: F64) -> ClosedForm:
    parts = []
    for T, s in ((at.X, step[:6]), (at.Z, step[6:])):
        parts.append(se3.compose(se3.from_rotvec(s[3:]) @ T[:3, :3], T[:3, 3] + s[:3]))
    return ClosedForm(*parts)


def _refine(a: F64, b: F64, start: ClosedForm, given: tuple[float, float] | None) -> _Refined:
    """Fit, then take Gauss-Newton steps with the variances (residuals' squares over their redundancy) until both stand."""
    at, n = start, len(a)
    e = residuals(a, b, at)
    m, rad = (max(math.sqrt(float((e[:, k] ** 2).sum()) / max(3 * n - 6, 1)), FLOOR) for k in PARTS)
    noise, dof = given or (m, rad), (math.inf, math.inf)
    for _ in range(0 if given else 100):
        J, _, covariance = _linearised(a, b, at, noise)
        before, e = noise, residuals(a, b, at)
        noise, dof = _variances(e, covariance, J, noise)
        J, _, covariance = _linearised(a, b, at, noise)
        step = -covariance @ np.einsum('nik,ni->k', J, e / np.repeat(noise, 3) ** 2)
        at = _moved(at, step) if _cost(a, b, _moved(at, step), noise) <= _cost(a, b, at, noise) else _fit(a, b, at, noise)
        if max(abs(p / q - 1) for p, q in zip(noise, before, strict=True)) < 1e-9:
            break
    at = _fit(a, b, at, noise)
    _, N, covariance = _linearised(a, b, at, noise)
    return _Refined(at, noise, dof, covariance, covariance @ N[1] @ covariance)


def _cost(a: F64, b: F64, at: ClosedForm, noise: tuple[float, float]) -> float:
    return float(_statistics(residuals(a, b, at), noise).sum())


PARTS = (slice(0, 3), slice(3, 6))


def _fit(a: F64, b: F64, at: ClosedForm, noise: tuple[float, float]) -> ClosedForm:
    scale = np.repeat(noise, 3)

    def weighted(step: F64) -> F64:
        return np.asarray((residuals(a, b, _moved(at, step)) / scale).ravel())

    unit = np.tile(np.repeat(noise, 3), 2)
    for _ in range(3):  # anew from where it ended: differences are exact about zero
        found = scipy.optimize.least_squares(
            weighted, np.zeros(12), x_scale=unit, xtol=1e-14, ftol=1e-14, gtol=1e-14, jac='3-point'
        )
        at = _moved(at, found.x)
        if np.abs(found.x / unit).max() < 1e-6:
            break
    return at


def _linearised(a: F64, b: F64, at: ClosedForm, noise: tuple[float, float]) -> tuple[F64, list[F64], F64]:
    """Return the derivative (N, 6, 12) by central differences, both groups' weighted normal matrices, the covariance."""
    J = np.empty((len(a), 6, 12))
    for k in range(12):
        step = np.zeros(12)
        step[k] = 1e-5
        J[:, :, k] = (residuals(a, b, _moved(at, step)) - residuals(a, b, _moved(at, -step))) / 2e-5
    N = [np.einsum('nik,nil->kl', J[:, p], J[:, p]) / s**2 for p, s in zip(PARTS, noise, strict=True)]
    return J, N, np.linalg.inv(N[0] + N[1])


def _variances(
    e: F64, covariance: F64, J: F64, noise: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    n = len(e)
    squares = [float((e[:, p] ** 2).sum()) for p in PARTS]
    trace_r = float(np.einsum('kl,nik,nil->', covariance, J[:, 3:], J[:, 3:])) / noise[1] ** 2
    dof_m, dof_rad = max(3 * n - 12 + trace_r, 0.5), max(3 * n - trace_r, 0.5)
    if n < FEWEST_FOR_BOTH:
        dof = dof_m + dof_rad
        m = max(math.sqrt((squares[0] + squares[1] * ASSUMED_RATIO**2) / dof), FLOOR)
        return (m, max(m / ASSUMED_RATIO, FLOOR)), (dof, dof)
    return (max(math.sqrt(squares[0] / dof_m), FLOOR), max(math.sqrt(squares[1] / dof_rad), FLOOR)), (dof_m, dof_rad)


def _statistics(e: F64, noise: tuple[float, float]) -> F64:
    return np.asarray(((e / np.repeat(noise, 3)) ** 2).sum(axis=1))


def _limit(dof: float, z: float) -> float:
    return 6.0 * float(scipy.special.fdtri(6, min(max(dof, 5.0), 1e9), scipy.special.ndtr(z)))


def _clean(a: F64, b: F64, fit: _Refined, options: Options) -> bool:
    if fit.noise[0] <= FLOOR and fit.noise[1] <= FLOOR:
        return True
    if len(a) < FEW:
        return False
    d = _statistics(residuals(a, b, fit.at), fit.noise)
    dof = min(sum(fit.dof), 6.0 * len(a)) if not options.noise else 1e9
    return bool(d.max() <= _limit(dof, WORTH_Z) and np.median(d) > CLEAN * MEDIAN_6 * (1 - 2 / len(a)))


def _consensus(a: F64, b: F64, options: Options) -> tuple[_Refined, Bool] | None:
    found = _search(a, b)
    if found is None:
        return None
    at, noise = found
    keep: Bool = np.zeros(len(a), dtype=bool)
    fit, dof = None, 3.0 * len(a)
    for _ in range(ROUNDS):
        now = _statistics(residuals(a, b, at), noise) <= _limit(dof, options.gate_z)
        if fit is not None and (now == keep).all():
            break
        keep = now
        if np.count_nonzero(keep) < 3:
            return None
        fit = _refine(a[keep], b[keep], at, options.noise)
        at, noise = fit.at, fit.noise
        dof = min(sum(fit.dof), 6.0 * np.count_nonzero(keep)) if not options.noise else 1e9
    return (fit, keep) if fit is not None else None


def _search(a: F64, b: F64) -> tuple[ClosedForm, tuple[float, float]] | None:
    """Return the triple's solution with the least product of the median residuals, and noise from those medians."""
    rng = np.random.default_rng(0)
    n = len(a)
    triples = list(itertools.combinations(range(n), 3))
    if len(triples) > TRIPLES:
        triples = [tuple(rng.choice(n, 3, replace=False)) for _ in range(TRIPLES)]
    best: tuple[float, ClosedForm, tuple[float, float]] | None = None
    for triple in map(list, triples):
        if off_axis(motion(a[triple])) < 1e-2:
            continue
        at = park(a[triple], b[triple])
        if at is None:
            continue
        e = residuals(a, b, at)
        m, r = (max(math.sqrt(float(np.median((e[:, p] ** 2).sum(axis=1))) / MEDIAN_3), FLOOR) for p in PARTS)
        if best is None or m * r < best[0]:
            best = (m * r, at, (m, r))
    return best[1:] if best else None
