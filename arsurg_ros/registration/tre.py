# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How wrong a landmark registration is: pose covariance, target registration error (TRE), 95 % margins.

Everything is first order in the landmarks' noise, which is zero-mean, independent and (unless covariances are given)
isotropic: exact where the noise is small beside the landmarks' spread. FRE does not enter: for one registration it says
nothing about TRE (Fitzpatrick, *Fiducial registration error and target registration error are uncorrelated*, 2009).
"""

from __future__ import annotations

import functools
import math

import numpy as np
import scipy
from numpy.typing import ArrayLike

from arsurg_ros.geometry import se3
from arsurg_ros.types import F64, TargetError

COVERAGE = 0.95
_NODES = 12


def degrees_of_freedom(points: int) -> float:
    """Return 3N - 6: what N landmarks have left for the noise once six numbers of the pose are fitted."""
    return float(3 * points - 6)


def estimate_noise_m(residuals_m: F64, weights: F64) -> float:
    """Return the standard deviation per axis of a landmark of weight one, from its residuals (N, 3), metres.

    A weight (N,) is relative: the landmark's variance is noise^2 / weight; zero leaves it out. 0 where nothing is left over.
    """
    dof = degrees_of_freedom(int(np.count_nonzero(weights)))
    return math.sqrt(float(weights @ (residuals_m**2).sum(axis=1)) / dof) if dof > 0 else 0.0


def pose_covariance(T_ref_ct: F64, p_ct_m: F64, noise_m: float, weights: ArrayLike | None = None) -> F64:
    """Return the 6x6 covariance (x y z rx ry rz; m, rad) of T_ref_ct fitted to landmarks (N, 3) of weights (N,).

    Rotation is about ref's axes through ct's origin, as geometry_msgs/PoseWithCovariance has it. A landmark's noise is
    ``noise_m`` / sqrt(weight) per axis. Source: least squares on the linearised motion, Hartley and Zisserman, *Multiple
    View Geometry* (2004), section 5.2.
    """
    w = np.ones(len(p_ct_m)) if weights is None else np.asarray(weights, dtype=np.float64)
    turned = np.asarray(p_ct_m) @ T_ref_ct[:3, :3].T
    centre = (w @ turned) / w.sum()
    # About the weighted centre the normal equations fall into a translation and a rotation.
    arms = turned - centre
    inertia = np.eye(3) * float(w @ (arms**2).sum(axis=1)) - (arms * w[:, None]).T @ arms
    about_centre = np.zeros((6, 6))
    about_centre[:3, :3] = np.eye(3) / w.sum()
    about_centre[3:, 3:] = np.linalg.inv(inertia)
    # Turning about the centre moves ct's origin.
    to_origin = np.eye(6)
    to_origin[:3, 3:] = se3.skew(centre)
    return np.asarray(noise_m**2 * to_origin @ about_centre @ to_origin.T)


def inverse_covariance(T_a_b: F64, covariance: F64) -> F64:
    """Return the 6x6 covariance (x y z rx ry rz; m, rad) of the inverse, T_b_a, of a rigid T_a_b with covariance (6, 6).

    Both as REP-103 has it, about the parent's axes through the child's origin. With an error of v and w, T_a_b is
    (exp(w) R, t + v) and its inverse (R^T exp(-w), -R^T exp(-w) (t + v)): to first order -R^T w and -R^T (v + t x w). Source:
    Barfoot, *State Estimation for Robotics* (2017), section 7.1, for the adjoint that this is.
    """
    R_t = T_a_b[:3, :3].T
    J = np.zeros((6, 6))
    J[:3, :3] = J[3:, 3:] = -R_t
    J[:3, 3:] = -R_t @ se3.skew(T_a_b[:3, 3])
    return np.asarray(J @ covariance @ J.T)


def position_covariance(T_ref_ct: F64, covariance: F64, p_ct_m: ArrayLike) -> F64:
    """Return the 3x3 covariance (m^2, ref's axes) of where a target (3,) of ct comes to lie in ref."""
    arm = T_ref_ct[:3, :3] @ np.asarray(p_ct_m, dtype=np.float64)
    J = np.hstack([np.eye(3), -se3.skew(arm)])
    return np.asarray(J @ covariance @ J.T)


def fitzpatrick_west_tre_m(p_ct_m: F64, target_ct_m: ArrayLike, noise_m: float) -> float:
    """Return the expected TRE rms (metres) at a target (3,) for unweighted landmarks (N, 3), by the classic formula.

    TRE^2 = FLE^2 / N (1 + 1/3 sum d_k^2 / f_k^2), FLE^2 = 3 noise^2; d_k is the target's and f_k the landmarks' rms distance
    from the k-th principal axis. Source: Fitzpatrick, West and Maurer, *Predicting error in rigid-body point-based
    registration*, IEEE Trans. Med. Imaging 17(5), 1998.
    """
    centre = p_ct_m.mean(axis=0)
    centred = p_ct_m - centre
    axes = np.linalg.svd(centred, full_matrices=True)[2]  # rows are the axes
    along, target = centred @ axes.T, axes @ (np.asarray(target_ct_m, dtype=np.float64) - centre)
    f2 = (along**2).sum(axis=1).mean() - (along**2).mean(axis=0)
    d2 = (target**2).sum() - target**2
    return math.sqrt(3.0 * noise_m**2 / len(p_ct_m) * (1.0 + float((d2 / f2).sum()) / 3.0))


def margin_m(covariance_m2: F64, dof: float, coverage: float = COVERAGE) -> float:
    """Return the radius (metres) that holds a zero-mean normal error of covariance (3, 3) with probability ``coverage``.

    ``dof`` is with how many degrees of freedom the covariance's scale was estimated; inf: it was given. The length of the
    error in a direction u of its own axes over u^T C u is chi^2_3, or 3 F(3, dof) for an estimated scale; the probability is
    that distribution averaged over the directions, by Gauss quadrature on an octant (error below 1e-5), inverted by Brent's
    method. 0 where the covariance is zero.
    """
    values = np.clip(np.linalg.eigvalsh(covariance_m2), 0.0, None)
    largest = float(values[-1])
    if largest <= 0:
        return 0.0
    squares, shares = _octant()
    along = squares @ (values / largest)

    def held(radius: float) -> float:
        ratio = radius**2 / np.maximum(along, 1e-300)
        each = scipy.special.chdtr(3, ratio) if math.isinf(dof) else scipy.special.fdtr(3, dof, np.minimum(ratio / 3, 1e300))
        return float(shares @ each) - coverage

    # The widest axis alone is the least, three times the same the most that the radius can be.
    widest = scipy.special.chdtri(3, 1 - coverage) if math.isinf(dof) else 3 * scipy.special.fdtri(3, dof, coverage)
    return math.sqrt(largest) * float(scipy.optimize.brentq(held, 1e-3, 1.01 * math.sqrt(widest), xtol=1e-6))


def target_error(name: str, T_ref_ct: F64, covariance: F64, p_ct_m: F64, dof: float) -> TargetError:
    """Return the error to expect at a target (3,) of ct under a pose's covariance with ``dof`` degrees of freedom."""
    C = position_covariance(T_ref_ct, covariance, p_ct_m)
    return TargetError(name, np.asarray(p_ct_m), math.sqrt(max(float(np.trace(C)), 0.0)), margin_m(C, dof), C)


@functools.cache
def _octant() -> tuple[F64, F64]:
    """Return squares of unit vectors (nodes, 3), for eigenvalues in ascending order, and the nodes' weights."""
    x, w = np.polynomial.legendre.leggauss(_NODES)
    height, angle = 0.5 * (x + 1), 0.25 * math.pi * (x + 1)
    z2, a = (v.ravel() for v in np.meshgrid(height**2, angle, indexing='ij'))
    squares: F64 = np.stack([(1 - z2) * np.cos(a) ** 2, (1 - z2) * np.sin(a) ** 2, z2], axis=1)
    return squares, np.asarray(0.25 * np.outer(w, w).ravel())
