# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The closest point of a mesh by looking at every triangle: the foot on its plane where that is inside, else on its edges."""

from __future__ import annotations

import numpy as np

from arsurg_ros.kernels import icp
from arsurg_ros.types import F64, U32

# Point-triangle pairs that are held at once.
CHUNK = 1 << 19


class Triangles:
    """Triangles with an area."""

    def __init__(self, vertices_m: F64, faces: U32) -> None:
        """Keep them; raises RegistrationError."""
        what = f'target of {len(vertices_m)} vertices and {len(faces)} triangles'
        if not faces.size or not vertices_m.size:
            raise icp.refusal(icp.EMPTY_MESH, what)
        if not (np.abs(vertices_m) <= 1e9).all():
            raise icp.refusal(icp.NOT_FINITE, what)
        if faces.max() >= len(vertices_m):
            raise icp.refusal(icp.BAD_FACE, what)
        corners = vertices_m[faces]
        u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        n = np.cross(u, v)
        area = np.linalg.norm(n, axis=1)
        kept = area > 1e-12 * ((u**2).sum(axis=1) + (v**2).sum(axis=1))
        if not kept.any():
            raise icp.refusal(icp.EMPTY_MESH, what)
        self.count = int(kept.sum())
        self._corners, self._normals = corners[kept], n[kept] / area[kept, None]

    def closest(self, q: F64) -> tuple[F64, F64]:
        """Return the closest points and the normals there: of the face, or along the way to an edge or corner."""
        rows = max(1, CHUNK // self.count)
        parts = [self._closest(q[i : i + rows]) for i in range(0, len(q), rows)]
        return np.concatenate([p for p, _ in parts]), np.concatenate([n for _, n in parts])

    def _closest(self, q: F64) -> tuple[F64, F64]:
        corners, n = self._corners, self._normals
        height = np.einsum('qi,ti->qt', q, n) - (corners[:, 0] * n).sum(axis=1)
        foot = q[:, None] - height[..., None] * n
        inside = np.ones(height.shape, bool)
        best, best_d2 = foot, np.full(height.shape, np.inf)
        for k in range(3):
            a, edge = corners[:, k], corners[:, (k + 1) % 3] - corners[:, k]
            inside &= ((foot - a) * np.cross(n, edge)).sum(axis=-1) > 0
            along = np.clip(((q[:, None] - a) * edge).sum(axis=-1) / (edge**2).sum(axis=1), 0, 1)
            p = a + along[..., None] * edge
            d2 = ((q[:, None] - p) ** 2).sum(axis=-1)
            best = np.where((d2 < best_d2)[..., None], p, best)
            best_d2 = np.minimum(d2, best_d2)
        best = np.where(inside[..., None], foot, best)
        d2 = np.where(inside, height**2, best_d2)
        pick = np.arange(len(q)), d2.argmin(axis=1)
        p, normal, distance = best[pick], n[pick[1]], np.sqrt(d2[pick])
        way = (q - p) / np.maximum(distance, 1e-300)[:, None]
        return p, np.where((inside[pick] | (distance < 1e-9))[:, None], normal, way)
