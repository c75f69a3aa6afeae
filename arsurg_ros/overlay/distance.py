# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Exact distance from a point to a triangle mesh.

Closest point of a triangle: Ericson, *Real-Time Collision Detection* (2005), section 5.1.5. Inside or outside: the
solid angle that the mesh spans, van Oosterom and Strackee, IEEE Trans. Biomed. Eng. 30(2), 1983.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arsurg_ros.types import F64, Mesh


@dataclass(frozen=True)
class SurfaceDistance:
    """``distance_m`` >= 0 to the surface, the nearest point (3,) on it, whether a closed mesh encloses the point."""

    distance_m: float
    closest_m: F64
    inside: bool


def tip_to_mesh_distance_m(mesh: Mesh, p: ArrayLike) -> float:
    """Return the distance of ``p`` (3,) to the mesh's surface, both in the mesh's frame, metres; never negative."""
    return SurfaceQuery(mesh).query(p).distance_m


class SurfaceQuery:
    """A mesh made ready for many queries."""

    def __init__(self, mesh: Mesh) -> None:
        """Keep the triangles' corners, box, centres and radii."""
        self._corners: F64 = mesh.vertices_m.astype(np.float64)[mesh.triangles]
        self._centres: F64 = self._corners.mean(axis=1)
        self._low: F64 = self._corners.min(axis=(0, 1))
        self._high: F64 = self._corners.max(axis=(0, 1))
        self._radii: F64 = np.linalg.norm(self._corners - self._centres[:, None], axis=2).max(axis=1)

    def query(self, p: ArrayLike) -> SurfaceDistance:
        """Return the distance of ``p`` (3,); raises ValueError where it is not three finite numbers."""
        point = np.asarray(p, dtype=np.float64)
        if point.shape != (3,) or not np.isfinite(point).all():
            raise ValueError(f'point {point.tolist()}: three finite numbers are needed')
        # A triangle whose bounding sphere begins beyond the nearest centre cannot hold the nearest point.
        to_centre = np.linalg.norm(self._centres - point, axis=1)
        near = to_centre - self._radii <= to_centre.min() + 1e-12
        candidates = closest_on_triangles(self._corners[near], point)
        distances = np.linalg.norm(candidates - point, axis=1)
        k = int(distances.argmin())
        return SurfaceDistance(float(distances[k]), candidates[k], self._encloses(point))

    def _encloses(self, p: F64) -> bool:
        in_box = bool((self._low <= p).all() and (p <= self._high).all())
        return in_box and self._winding(p) > 0.5

    def _winding(self, p: F64) -> float:
        """Return how often the mesh encloses p, without regard to its orientation: 1 inside a closed one, 0 outside."""
        a, b, c = (self._corners[:, k] - p for k in range(3))
        la, lb, lc = (np.sqrt(np.einsum('ij,ij->i', v, v)) for v in (a, b, c))
        triple = np.einsum('ij,ij->i', a, np.cross(b, c))
        dots = [np.einsum('ij,ij->i', u, v) for u, v in ((a, b), (b, c), (c, a))]
        angles = np.arctan2(triple, la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb)
        return abs(float(angles.sum())) / (2.0 * np.pi)


def closest_on_triangles(corners: F64, p: F64) -> F64:
    """Return the point (N, 3) of each triangle (N, 3, 3) nearest to ``p`` (3,); slivers are taken as segments."""
    edges = np.stack([closest_on_segments(corners[:, i], corners[:, (i + 1) % 3], p) for i in range(3)])
    squared = ((edges - p) ** 2).sum(axis=2)
    best = np.take_along_axis(edges, squared.argmin(axis=0)[None, :, None], axis=0)[0]
    inner, inside = _project(corners, p)
    return np.where(inside[:, None], inner, best)


def closest_on_segments(a: F64, b: F64, p: F64) -> F64:
    """Return the nearest points (N, 3) to ``p`` on the segments from ``a`` to ``b`` (N, 3); of no length: ``a``."""
    along = b - a
    length2 = (along**2).sum(axis=1)
    s = ((p - a) * along).sum(axis=1) / np.where(length2 > 0, length2, 1.0)
    return np.asarray(a + np.clip(s, 0.0, 1.0)[:, None] * along)


def _project(corners: F64, p: F64) -> tuple[F64, NDArray[np.bool_]]:
    """Return p's projections on the triangles' planes (N, 3) and which lie within; none for a triangle without area."""
    a, u, v, w = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], p - corners[:, 0]
    uu, uv, vv, wu, wv = ((x * y).sum(axis=1) for x, y in ((u, u), (u, v), (v, v), (w, u), (w, v)))
    area2 = uu * vv - uv * uv
    flat = area2 <= 1e-12 * uu * vv
    scale = 1.0 / np.where(flat, 1.0, area2)
    s, t = (vv * wu - uv * wv) * scale, (uu * wv - uv * wu) * scale
    return a + s[:, None] * u + t[:, None] * v, (s >= 0) & (t >= 0) & (s + t <= 1) & ~flat
