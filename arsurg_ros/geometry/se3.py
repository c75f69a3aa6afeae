# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rigid transforms as 4x4 float64: ``p_a = T_a_b @ p_b``, metres and radians.

Exponential and logarithm follow Murray, Li and Sastry, *A Mathematical Introduction to Robotic Manipulation* (1994),
section 2.3; a twist is (v, w). Quaternions are (x, y, z, w), Hamilton, as in ROS.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from arsurg_ros.types import F64

RIGID_TOLERANCE = 1e-6


def inverse(T: F64) -> F64:
    """Return the inverse of rigid (..., 4, 4)."""
    R_t = np.swapaxes(T[..., :3, :3], -1, -2)
    out = np.zeros_like(T)
    out[..., :3, :3] = R_t
    out[..., :3, 3] = -(R_t @ T[..., :3, 3:])[..., 0]
    out[..., 3, 3] = 1.0
    return out


def compose(R: ArrayLike, t_m: ArrayLike) -> F64:
    """Return the 4x4 of a rotation (3, 3) and a translation (3,) in metres."""
    T = np.eye(4)
    T[:3, :3] = R
    T[:3, 3] = t_m
    return T


def transform(T: F64, points_m: ArrayLike) -> F64:
    """Return ``T @ p`` for points (..., 3), metres."""
    p = np.asarray(points_m, dtype=np.float64)
    return p @ T[:3, :3].T + T[:3, 3]


def is_rigid(T: ArrayLike, tolerance: float = RIGID_TOLERANCE) -> bool:
    """Tell whether a 4x4 is finite, orthonormal, right-handed, with last row 0 0 0 1."""
    M = np.asarray(T, dtype=np.float64)
    if M.shape != (4, 4):
        return False
    # plain numbers: several poses a frame are asked about, and calls on arrays so small are slower; nan fails every test
    rows: list[list[float]] = M.tolist()
    x, y, z, t = zip(*rows[:3], strict=True)
    products = [_dot(x, x) - 1, _dot(y, y) - 1, _dot(z, z) - 1, _dot(x, y), _dot(x, z), _dot(y, z)]
    last = [v - w for v, w in zip(rows[3], (0.0, 0.0, 0.0, 1.0), strict=True)]
    near = all(abs(v) <= tolerance for v in (*products, *last)) and all(map(math.isfinite, t))
    right_handed = _dot(x, (y[1] * z[2] - y[2] * z[1], y[2] * z[0] - y[0] * z[2], y[0] * z[1] - y[1] * z[0])) > 0
    return near and right_handed


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def rotation_angle_rad(R: F64) -> float:
    """Return the angle of a rotation (3, 3) or of the rotation of a 4x4, 0 to pi, accurate near both ends."""
    w = np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
    return float(np.arctan2(np.linalg.norm(w), R[0, 0] + R[1, 1] + R[2, 2] - 1.0))


def skew(w: ArrayLike) -> F64:
    """Return the 3x3 cross-product matrix of (3,)."""
    x, y, z = np.asarray(w, dtype=np.float64)
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def from_rotvec(w_rad: ArrayLike) -> F64:
    """Return the rotation (3, 3) of a rotation vector (3,), radians (Rodrigues)."""
    w = np.asarray(w_rad, dtype=np.float64)
    angle = float(np.linalg.norm(w))
    W = skew(w)
    a = np.sinc(angle / np.pi)
    b = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.eye(3) + a * W + b * (W @ W)


def to_rotvec(R: F64) -> F64:
    """Return the rotation vector (3,) of a rotation (3, 3), radians, norm at most pi."""
    x, y, z, w = _quaternion(R)
    n = float(np.sqrt(x * x + y * y + z * z))
    if n < 1e-12:
        return 2.0 * np.array([x, y, z])
    return 2.0 * float(np.arctan2(n, w)) / n * np.array([x, y, z])


def exp(twist: ArrayLike) -> F64:
    """Return the 4x4 of a twist (6,): v in metres, then w in radians."""
    xi = np.asarray(twist, dtype=np.float64)
    w = xi[3:]
    angle = float(np.linalg.norm(w))
    W = skew(w)
    b = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    c = (1.0 - np.sinc(angle / np.pi)) / angle**2 if angle > 1e-4 else 1.0 / 6.0 - angle**2 / 120.0
    return compose(from_rotvec(w), (np.eye(3) + b * W + c * (W @ W)) @ xi[:3])


def log(T: F64) -> F64:
    """Return the twist (6,) of a rigid 4x4: v in metres, then w in radians, norm at most pi."""
    w = to_rotvec(T[:3, :3])
    angle = float(np.linalg.norm(w))
    W = skew(w)
    half = 0.5 * angle
    d = (1.0 - half / np.tan(half)) / angle**2 if angle > 1e-4 else 1.0 / 12.0 + angle**2 / 720.0
    return np.concatenate([(np.eye(3) - 0.5 * W + d * (W @ W)) @ T[:3, 3], w])


def from_quaternion(t_m: ArrayLike, xyzw: ArrayLike) -> F64:
    """Return the 4x4 of a translation (3,) in metres and a quaternion (4,), normalised here.

    Raises ValueError where the quaternion's norm is not within 1 % of one, or a number is not finite.
    """
    q = np.asarray(xyzw, dtype=np.float64)
    t = np.asarray(t_m, dtype=np.float64)
    n = float(np.linalg.norm(q))
    if not (np.isfinite(q).all() and np.isfinite(t).all()):
        raise ValueError(f'pose is not finite: t {t.tolist()}, q {q.tolist()}')
    if abs(n - 1.0) > 0.01:
        raise ValueError(f'quaternion {q.tolist()} has norm {n:.4f}, not 1')
    x, y, z, w = q / n
    R = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return compose(R, t)


def to_quaternion(T: F64) -> F64:
    """Return the quaternion (x, y, z, w) of a 4x4 or 3x3, w >= 0."""
    return _quaternion(T[:3, :3])


def _quaternion(R: F64) -> F64:
    # Shepperd's method: the largest of the four candidates keeps the division well conditioned.
    trace = R[0, 0] + R[1, 1] + R[2, 2]
    k = int(np.argmax([R[0, 0], R[1, 1], R[2, 2], trace]))
    q = np.empty(4)
    if k == 3:
        q[:] = (R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1], 1.0 + trace)
    else:
        i, j, m = k, (k + 1) % 3, (k + 2) % 3
        q[i] = 1.0 - trace + 2.0 * R[i, i]
        q[j] = R[j, i] + R[i, j]
        q[m] = R[m, i] + R[i, m]
        q[3] = R[m, j] - R[j, m]
    q /= np.linalg.norm(q)
    return q if q[3] >= 0 else -q
