# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Hand-eye calibration where robot and camera are both noisy: each in its own place of the chain, sizes from the data.

The robot's rotational noise turns the arm from gripper to target, so that at the target translations follow rotations; the
camera's does not. Taken for one another, or for one, the weights are not the best and rotational margins too small.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.kernels.reference_handeye import FLOOR, residuals
from arsurg_ros.registration.components import Mixed, mixed
from arsurg_ros.types import F64, ClosedForm, HandEyeFit

ROUNDS, SETTLED = 5, 1e-2


def weighed(a: F64, b: F64, fit: HandEyeFit, robot_inverted: bool) -> tuple[HandEyeFit, Mixed]:
    """Return the fit of A X B = Z moved to the most likely answer under three noises, and what they leave in doubt.

    They are (``variances`` of the second value in this order): translations of either side, rotations of the robot, rotations
    of the camera; all isotropic and independent. Covariance 12x12: X, then Z.
    """
    at = ClosedForm(fit.X, fit.Z)
    a, b = a[fit.inliers], b[fit.inliers]
    known: F64 | None = None
    for _ in range(ROUNDS):
        off = residuals(a, b, at)
        squares = (off**2).mean(axis=0)
        start = np.maximum([squares[:3].mean() / 2, squares[3:].mean() / 2, squares[3:].mean() / 2], FLOOR**2)
        start = start if known is None else np.maximum(known, 1e-2 * start)
        found = mixed(off, _slopes(a, b, at), _sources(a, b, at, robot_inverted), start)
        known = found.variances
        at = ClosedForm(_moved(at.X, found.step[:6]), _moved(at.Z, found.step[6:]))
        if (np.abs(found.step) <= SETTLED * np.sqrt(np.diag(found.covariance))).all():
            break
    return replace(fit, X=at.X, Z=at.Z, covariance=found.covariance), found


def _moved(T: F64, step: F64) -> F64:
    return se3.compose(se3.from_rotvec(step[3:]) @ T[:3, :3], T[:3, 3] + step[:3])


def _slopes(a: F64, b: F64, at: ClosedForm) -> F64:
    """Return the change (N, 6, 12) of the residuals, to first order, with X and Z: shift and turn along the parent's axes."""
    R, J = a[:, :3, :3], np.zeros((len(a), 6, 12))
    J[:, :3, :3] = J[:, 3:, 3:6] = R
    J[:, :3, 3:6] = -R @ _skews(b[:, :3, 3] @ at.X[:3, :3].T)
    J[:, :3, 6:9] = J[:, 3:, 9:] = -np.eye(3)
    return J


def _sources(a: F64, b: F64, at: ClosedForm, robot_inverted: bool) -> F64:
    """Return the covariances (3, N, 6, 6) that the three noises give the residuals, each of the variance one."""
    arm = (a @ at.X @ b)[:, :3, 3] - (0.0 if robot_inverted else a[:, :3, 3])  # from the gripper, along the parent's axes
    turned = np.concatenate([-_skews(arm), np.tile(np.eye(3), (len(a), 1, 1))], axis=1)
    out = np.zeros((3, len(a), 6, 6))
    out[0, :, :3, :3] = out[2, :, 3:, 3:] = np.eye(3)
    out[1] = turned @ np.swapaxes(turned, 1, 2)
    return out


def _skews(v: F64) -> F64:
    """Return the matrices (N, 3, 3) of cross products with vectors (N, 3)."""
    return np.asarray(np.cross(v[:, None, :], np.eye(3)[None]).swapaxes(1, 2), dtype=np.float64)
