# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The surface kernel's twin: SciPy's kd-tree, eigenvectors by LAPACK, every triangle looked at, dense algebra."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from arsurg_ros.geometry import se3
from arsurg_ros.kernels import icp
from arsurg_ros.kernels.icp import Closest, IcpFit, IcpSettings
from arsurg_ros.kernels.reference_icp import FEWEST, Linear
from arsurg_ros.kernels.reference_triangles import Triangles
from arsurg_ros.types import F64, U32

FEWEST_NEIGHBOURS, LINE = 5, 1e-9
FARTHEST_M, COINCIDENT_M, COLLINEAR, CELLS = 1e9, 1e-6, 1e-3, 1_048_575.0
NEGLIGIBLE, NEGLIGIBLE_LATE, LATE = 1e-4, 1e-2, 15
Mask = NDArray[np.bool_]


class ReferenceTarget:
    """A target as ``icp.IcpTarget``."""

    def __init__(self, points_m: F64, faces: U32 | None, voxel_m: float, neighbours: int) -> None:
        """Prepare it; raises RegistrationError."""
        self._neighbours = neighbours
        self._mesh = None
        if faces is not None:
            self._mesh = Triangles(points_m, faces)
            self.size = self._mesh.count
            return
        self._points = cloud(points_m, voxel_m, f'target of {len(points_m)} points')
        self._tree = scipy.spatial.cKDTree(self._points)
        self._normals = normals(self._points, neighbours)
        self.size = len(self._points)

    def partners(self, q: F64, reach: float) -> tuple[F64, F64, Mask]:
        """Return the partners' points and normals, and which there are within reach."""
        if self._mesh is not None:
            p, normal = self._mesh.closest(q)
            return p, normal, np.linalg.norm(p - q, axis=1) <= reach
        distance, index = self._tree.query(q, distance_upper_bound=reach)
        found = np.isfinite(distance)
        index = np.where(found, index, 0)
        return self._points[index], self._normals[index], found

    def align(self, source_m: F64, voxel_m: float, starts: list[F64], settings: IcpSettings) -> list[IcpFit | int]:
        """Return a fit, or the status of its refusal, for each start."""
        points = cloud(source_m, voxel_m, f'source of {len(source_m)} points')
        centre = points.mean(axis=0)
        source = points - centre
        own = normals(source, self._neighbours) if settings.method == 'gicp' else np.zeros_like(source)
        return [self._align(source, own, centre, start, settings) for start in starts]

    def _align(self, source: F64, own: F64, centre: F64, start: F64, settings: IcpSettings) -> IcpFit | int:
        T = start @ se3.compose(np.eye(3), centre)
        sigma, damping = settings.sigma_m, 0.0
        for iteration in range(1, settings.max_iterations + 1):
            p, n, found = self.partners(se3.transform(T, source), settings.max_distance_m)
            if found.sum() < FEWEST:
                return icp.NO_OVERLAP
            step = Linear(source[found], own[found], p[found], n[found], settings)
            if settings.loss != 'none' and settings.sigma_m == 0.0 and iteration <= 10:
                sizes = np.sort(np.abs(step.residuals(T)))
                freedom = max(len(sizes) - 6, 1)
                sigma = 1.4826 * float(sizes[len(sizes) // 2]) * np.sqrt(len(sizes) / freedom)
            T, delta, damping, square, cost = step.descend(T, sigma, damping)
            small = np.linalg.norm(delta[3:]) <= settings.rotation_epsilon_rad
            small &= np.linalg.norm(delta[:3]) <= settings.translation_epsilon_m
            share = NEGLIGIBLE if iteration <= LATE else NEGLIGIBLE_LATE
            converged = bool(small or square <= share * cost / max(found.sum() - 6, 1))
            if converged:
                break
        return step.judge(T, sigma, centre, len(source), iteration, converged)

    def closest(self, source_m: F64, T_target_source: F64, max_distance_m: float) -> Closest:
        """Return the partners of every source point at a pose."""
        cloud(source_m, 0.0, f'source of {len(source_m)} points')
        q = se3.transform(T_target_source, source_m)
        p, normal, found = self.partners(q, max_distance_m)
        p = np.where(found[:, None], p, np.nan)
        normal = np.where(found[:, None], normal, 0.0)
        return Closest(p, normal, np.where(found, np.linalg.norm(p - q, axis=1), np.inf))


def cloud(points_m: F64, voxel_m: float, what: str) -> F64:
    """Return the checked points, or the means of voxels; raises RegistrationError."""
    if len(points_m) < FEWEST:
        raise icp.refusal(icp.TOO_FEW, what)
    if not (np.abs(points_m) <= FARTHEST_M).all():
        raise icp.refusal(icp.NOT_FINITE, what)
    points = points_m
    if voxel_m > 0:
        if not (np.abs(points_m / voxel_m) < CELLS).all():
            raise icp.refusal(icp.BAD_VOXEL, what)
        _, cell, count = np.unique(np.floor(points_m / voxel_m), axis=0, return_inverse=True, return_counts=True)
        sums = np.zeros((len(count), 3))
        np.add.at(sums, cell.ravel(), points_m)
        points = sums / count[:, None]
    if len(points) < FEWEST:
        raise icp.refusal(icp.TOO_FEW, what)
    spread = np.linalg.svd((points - points.mean(axis=0)) / np.sqrt(len(points)), compute_uv=False)
    if spread[0] < COINCIDENT_M:
        raise icp.refusal(icp.COINCIDENT, what)
    if spread[1] < COLLINEAR * spread[0]:
        raise icp.refusal(icp.COLLINEAR, what)
    return np.asarray(points)


def normals(points: F64, neighbours: int) -> F64:
    """Return the unit direction of least spread of each point's neighbours, zero where it is not unique."""
    k = min(neighbours, len(points))
    if k < FEWEST_NEIGHBOURS:
        return np.zeros_like(points)
    near = points[scipy.spatial.cKDTree(points).query(points, k=k)[1]]
    d = near - near.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.einsum('nki,nkj->nij', d, d))
    product, total = values[:, 1] * values[:, 2], values[:, 1] + values[:, 2]
    plain = (product >= LINE * total**2) & (values[:, 1] - values[:, 0] > 1e-8 * values.sum(axis=1))
    return np.asarray(np.where(plain[:, None], vectors[:, :, 0], 0.0))
