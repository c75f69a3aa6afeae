# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Distances from points to meshes by looking at every triangle that could be nearest, and at all for inside or outside.

Closest point of a triangle: Ericson, *Real-Time Collision Detection* (2005), section 5.1.5. Inside or outside: the
solid angle that the mesh spans, van Oosterom and Strackee, IEEE Trans. Biomed. Eng. 30(2), 1983.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.types import F32, F64, U32

#: Below this sine of its angle a triangle is its edges: they are within 5e-9 of its length of all of it.
THIN = 1e-8


@dataclass(frozen=True)
class Found:
    """Of N points and M meshes: distances (N, M), nearest points (N, M, 3), winding numbers (N, M), triangles (N, M)."""

    distance_m: F64
    closest_m: F64
    winding: F64
    triangle: U32


class ReferenceField:
    """Several meshes."""

    def __init__(self, corners: Sequence[F32]) -> None:
        """Keep each mesh's corners (F, 3, 3)."""
        self._meshes = [_Surface(c.astype(np.float64)) for c in corners]

    def query(self, p_m: F64) -> Found:
        """Return what there is to say of points (N, 3)."""
        n, m = len(p_m), len(self._meshes)
        found = Found(np.empty((n, m)), np.empty((n, m, 3)), np.empty((n, m)), np.empty((n, m), np.uint32))
        for k, mesh in enumerate(self._meshes):
            for i, p in enumerate(p_m):
                found.closest_m[i, k], found.triangle[i, k] = mesh.closest(p)
                found.distance_m[i, k] = np.linalg.norm(found.closest_m[i, k] - p)
                found.winding[i, k] = mesh.winding(p)
        return found


class _Surface:
    def __init__(self, corners: F64) -> None:
        self._corners = corners
        self._centres: F64 = corners.mean(axis=1)
        self._radii: F64 = np.linalg.norm(corners - self._centres[:, None], axis=2).max(axis=1)
        self._box = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))

    def closest(self, p: F64) -> tuple[F64, int]:
        """Return the nearest point and its triangle."""
        # A triangle whose bounding sphere begins beyond the nearest centre cannot hold the nearest point.
        to_centre = np.linalg.norm(self._centres - p, axis=1)
        near = np.flatnonzero(to_centre - self._radii <= to_centre.min() * (1 + 1e-12) + 1e-12)
        candidates = closest_on_triangles(self._corners[near], p)
        k = int(np.linalg.norm(candidates - p, axis=1).argmin())
        return candidates[k], int(near[k])

    def winding(self, p: F64) -> float:
        """Return how often the mesh goes around p; zero outside of its box, where an open one does not hold it either."""
        if (p < self._box[0]).any() or (p > self._box[1]).any():
            return 0.0
        a, b, c = (self._corners[:, k] - p for k in range(3))
        la, lb, lc = (np.sqrt(np.einsum('ij,ij->i', v, v)) for v in (a, b, c))
        triple = np.einsum('ij,ij->i', a, np.cross(b, c))
        dots = [np.einsum('ij,ij->i', u, v) for u, v in ((a, b), (b, c), (c, a))]
        angles = np.arctan2(triple, la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb)
        return float(angles.sum()) / (2.0 * np.pi)


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
    """Return p's feet on the triangles' planes (N, 3) and which lie within; none for a triangle without area."""
    edges = np.roll(corners, -1, axis=1) - corners
    u, v = edges[:, 0], -edges[:, 2]
    normal = np.cross(u, v)
    length2 = (normal**2).sum(axis=1)
    thin = length2 <= THIN**2 * (u**2).sum(axis=1) * (v**2).sum(axis=1)
    height = ((p - corners[:, 0]) * normal).sum(axis=1) / np.where(thin, 1.0, length2)
    sides = (np.cross(edges, p - corners) * normal[:, None]).sum(axis=2)
    return p - height[:, None] * normal, (sides >= 0).all(axis=1) & ~thin
