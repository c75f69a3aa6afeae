# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A lopsided organ without symmetry, as a mesh and as clouds: the truth of surface registration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.types import F64


def radius(directions: F64) -> F64:
    """Return an organ's radius along unit directions (N, 3): no symmetry, about 0.1 m."""
    x, y, z = directions.T
    bumps = 0.1 * np.sin(3 * x + 1) + 0.08 * np.cos(4 * y) + 0.06 * np.sin(5 * z + 2 * x)
    return np.asarray(0.1 * (1 + 0.25 * x + 0.15 * y * z + bumps))


def organ(n: int = 24) -> tuple[F64, NDArray[np.int64]]:
    """Return vertices (V, 3), metres, and triangles (F, 3) of a closed mesh of 2 n (n - 1) triangles a half turn."""
    u = np.linspace(0, np.pi, n + 1)[1:-1]
    v = np.linspace(0, 2 * np.pi, 2 * n, endpoint=False)
    ring = np.stack(np.broadcast_arrays(np.sin(u)[:, None] * np.cos(v), np.sin(u)[:, None] * np.sin(v), np.cos(u)[:, None]), -1)
    directions = np.concatenate([ring.reshape(-1, 3), [[0, 0, 1], [0, 0, -1]]])
    faces = []
    for j in range(2 * n):
        k = (j + 1) % (2 * n)
        for i in range(n - 2):
            a, b = 2 * n * i, 2 * n * (i + 1)
            faces += [[a + j, b + j, b + k], [a + j, b + k, a + k]]
        last = 2 * n * (n - 2)
        faces += [[j, k, len(directions) - 2], [last + k, last + j, len(directions) - 1]]
    return directions * radius(directions)[:, None], np.array(faces)


def on_mesh(rng: np.random.Generator, vertices: F64, faces: NDArray[np.int64], n: int) -> F64:
    """Return n points spread evenly over a mesh."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    pick = rng.choice(len(faces), n, p=area / area.sum())
    s, t = rng.random((2, n))
    s, t = np.where(s + t > 1, 1 - s, s), np.where(s + t > 1, 1 - t, t)
    return np.asarray(a[pick] + s[:, None] * (b - a)[pick] + t[:, None] * (c - a)[pick])


def cloud(rng: np.random.Generator, n: int) -> F64:
    """Return n points of the organ's surface itself."""
    d = rng.normal(size=(n, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    return d * radius(d)[:, None]
