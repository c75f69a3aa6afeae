# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One step of the surface kernel's twin: dense matrices a pair, and the evidence of the last one."""

from __future__ import annotations

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.kernels import icp
from arsurg_ros.kernels.icp import IcpFit, IcpSettings
from arsurg_ros.types import F64

FEWEST, FREE, THIN = 6, 1e-3, 1e-3
TUNING = {'none': 1.0, 'huber': 1.345, 'cauchy': 2.385, 'tukey': 4.685}


class Linear:
    """The pairs of one step: residuals, slopes, matrices at any pose."""

    def __init__(self, source: F64, own: F64, p: F64, n: F64, settings: IcpSettings) -> None:
        """Take the pairs."""
        self.source, self.own, self.p, self.n, self.settings = source, own, p, n, settings
        self.plane = n.any(axis=1)

    def residuals(self, T: F64) -> F64:
        """Return them along the normal, or the distance where there is none."""
        gap = self.p - se3.transform(T, self.source)
        return np.asarray(np.where(self.plane, (gap * self.n).sum(axis=1), np.linalg.norm(gap, axis=1)))

    def slopes(self, T: F64) -> F64:
        """Return the slopes (N, 3, 6) of a moved point against shift and turn."""
        arm = self.source @ T[:3, :3].T
        J = np.zeros((len(arm), 3, 6))
        J[:, :, :3] = np.eye(3)
        for (r, c), (k, sign) in SKEW.items():
            J[:, r, 3 + c] = -sign * arm[:, k]
        return J

    def matrices(self, T: F64) -> F64:
        """Return each pair's information (N, 3, 3): of its normal, or of both sides' covariances."""
        if self.settings.method == 'point_to_plane':
            return np.asarray(self.n[:, :, None] * self.n[:, None, :])
        both = np.zeros((len(self.n), 3, 3))
        for n in (self.n, self.own @ T[:3, :3].T):
            both += np.eye(3) - (1 - THIN) * n[:, :, None] * n[:, None, :]
        return np.asarray(np.linalg.inv(both))

    def loss(self, r: F64, sigma: float) -> tuple[F64, F64, F64]:
        """Return twice the loss, weight and slope of psi."""
        c = max(TUNING[self.settings.loss] * sigma, 1e-12)
        return LOSS[self.settings.loss](r, c)

    def cost(self, T: F64, sigma: float) -> float:
        """Return twice the cost."""
        r = self.residuals(T)
        rho, weight, _ = self.loss(r, sigma)
        if self.settings.method == 'point_to_plane':
            return float(rho[self.plane].sum())
        gap = self.p - se3.transform(T, self.source)
        return float((weight * np.einsum('ni,nij,nj->n', gap, self.matrices(T), gap)).sum())

    def forces(self, T: F64, sigma: float) -> tuple[F64, F64]:
        """Return the Hessian and each pair's gradient (N, 6)."""
        weight = self.loss(self.residuals(T), sigma)[1]
        J, M = self.slopes(T), self.matrices(T) * weight[:, None, None]
        gap = self.p - se3.transform(T, self.source)
        return np.einsum('nik,nij,njl->kl', J, M, J), np.einsum('nik,nij,nj->nk', J, M, gap)

    def descend(self, T: F64, sigma: float, damping: float) -> tuple[F64, F64, float, float, float]:
        """Return the next pose, the step, the next damping, the step's weight and the cost; zeros where none is downhill."""
        H, g = self.forces(T, sigma)
        before = self.cost(T, sigma)
        for _ in range(10):
            delta = np.linalg.lstsq(H + damping * np.diag(np.diag(H)), g.sum(axis=0), rcond=None)[0]
            moved = se3.compose(se3.from_rotvec(delta[3:]) @ T[:3, :3], T[:3, 3] + delta[:3])
            if (after := self.cost(moved, sigma)) <= before:
                return moved, delta, damping * 0.1 if damping > 1e-6 else 0.0, float(delta @ H @ delta), after
            damping = max(damping * 10, 1e-4)
        return T, np.zeros(6), damping, 0.0, before

    def judge(self, T: F64, sigma: float, centre: F64, total: int, iterations: int, converged: bool) -> IcpFit | int:
        """Return the fit with its evidence."""
        if self.plane.sum() < FEWEST:
            return icp.NO_OVERLAP
        r, inliers, planes = self.residuals(T), len(self.p), int(self.plane.sum())
        _, weight, bend = (v[self.plane] for v in self.loss(r, sigma))
        J = np.einsum('ni,nik->nk', self.n, self.slopes(T))[self.plane]
        arm_m = float(np.sqrt((self.source**2).sum(axis=1).mean()))
        size = np.array([1.0] * 3 + [1.0 / arm_m] * 3)
        values, vectors = np.linalg.eigh((J * size).T @ (J * size) / planes)
        freedom = max(planes - 6, 1)
        flat = max(float(bend.mean()), 1e-3)
        few = 1 + 6 / planes * max(float((bend**2).mean()) - flat**2, 0.0) / flat**2
        variance = float(((weight * r[self.plane]) ** 2).sum()) / freedom * (few / flat) ** 2
        about = variance * np.linalg.pinv(J.T @ J)
        if self.settings.method == 'gicp':
            H, g = self.forces(T, sigma)
            about = np.linalg.pinv(H) @ (g.T @ g) @ np.linalg.pinv(H) * (planes / freedom)
        carry = np.eye(6)
        carry[:3, 3:] = se3.skew(T[:3, :3] @ centre)  # the pose's origin lies at minus R centre from the centroid
        outside = (total - inliers) * min(self.settings.max_distance_m, 1e12) ** 2
        return IcpFit(
            T_target_source=T @ se3.compose(np.eye(3), -centre),
            iterations=iterations,
            converged=converged,
            inliers=inliers,
            points=total,
            rms_m=float(np.sqrt((r**2).mean())),
            rms_distance_m=float(np.sqrt(((self.p - se3.transform(T, self.source)) ** 2).sum(axis=1).mean())),
            noise_m=float(np.sqrt(variance)),
            score_m=float(np.sqrt(((r**2).sum() + outside) / total)),
            arm_m=arm_m,
            sigma_m=sigma,
            information=values,
            directions=vectors.T,
            covariance=carry @ about @ carry.T,
            degenerate=bool(values[0] < FREE),
        )


SKEW = {(0, 1): (2, -1), (0, 2): (1, 1), (1, 0): (2, 1), (1, 2): (0, -1), (2, 0): (1, -1), (2, 1): (0, 1)}


def _huber(r: F64, c: float) -> tuple[F64, F64, F64]:
    a = np.maximum(np.abs(r), 1e-300)
    near = a <= c
    return np.where(near, r**2, c * (2 * a - c)), np.where(near, 1.0, c / a), np.where(near, 1.0, 0.0)


def _cauchy(r: F64, c: float) -> tuple[F64, F64, F64]:
    x2 = (r / c) ** 2
    return c * c * np.log1p(x2), 1 / (1 + x2), (1 - x2) / (1 + x2) ** 2


def _tukey(r: F64, c: float) -> tuple[F64, F64, F64]:
    x2 = np.minimum((r / c) ** 2, 1.0)
    keep = 1 - x2
    return c * c / 3 * (1 - keep**3), keep**2, keep * (1 - 5 * x2)


LOSS = {
    'none': lambda r, c: (r**2, np.ones_like(r), np.ones_like(r)),
    'huber': _huber,
    'cauchy': _cauchy,
    'tukey': _tukey,
}
