# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Meshes made from numbers: an instrument's shaft, any turned part, a margin's shell."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry.mesh_checks import same_places
from arsurg_ros.types import F64, Mesh


def shaft(
    name: str, radius_m: float, length_m: float, axis: ArrayLike = (0.0, 0.0, -1.0), *, cap: str = 'round', sides: int = 24
) -> Mesh:
    """Return a closed, outward-facing shaft from the origin, its tip, ``length_m`` along ``axis`` (3,) to the handle.

    ``cap`` ``round`` is a capsule, whose ends are half balls within the length; ``flat`` a cylinder. Raises ConfigError
    unless 0 < radius_m, and 2 * radius_m (round) or 0 (flat) < length_m, and for an axis without a direction.
    """
    least = 2 * radius_m if cap == 'round' else 0.0
    if not (0 < radius_m < np.inf and least < length_m < np.inf):
        raise ConfigError(f'shaft {name}: radius {radius_m} m, length {length_m} m: 0 < radius and {least:g} m < length')
    profile = _capsule(radius_m, length_m, sides // 4) if cap == 'round' else _cylinder(radius_m, length_m)
    return revolved(name, profile, axis, sides=sides)


def _capsule(r: float, length: float, steps: int) -> F64:
    """Return (radius, distance along the axis) of the rings between the two poles."""
    angle = np.linspace(0, np.pi / 2, steps + 1)[1:]
    tip = np.stack([r * np.sin(angle), r - r * np.cos(angle)], axis=1)
    return np.concatenate([tip, np.stack([tip[::-1, 0], length - tip[::-1, 1]], axis=1)])


def _cylinder(r: float, length: float) -> F64:
    return np.array([(r, 0.0), (r, length)])


def _frame(axis: F64, name: str) -> F64:
    """Return a rotation (3, 3) whose last column is along ``axis``."""
    norm = float(np.linalg.norm(axis)) if axis.shape == (3,) else float('nan')
    if not (np.isfinite(norm) and norm > 1e-9):
        raise ConfigError(f'shaft {name}: axis {axis.tolist()}: three numbers with a direction are needed')
    z = axis / norm
    x = np.cross(np.eye(3)[int(np.argmin(np.abs(z)))], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


def revolved(name: str, profile: ArrayLike, axis: ArrayLike, *, sides: int = 24) -> Mesh:
    """Return a closed, outward-facing turned part about ``axis`` (3,) from the origin.

    ``profile`` (N, 2), N >= 2, is radius and distance along the axis, metres, from the near end to the far one. The ends'
    middles are at the origin and as far beyond the last ring as the first one is from it. Raises ConfigError for an axis
    without a direction.
    """
    profile, R = np.asarray(profile, dtype=np.float64), _frame(np.asarray(axis, dtype=np.float64), name)
    phi = 2 * np.pi * np.arange(sides) / sides
    radius, along = profile[:, :1], profile[:, 1:]
    rings = np.stack([radius * np.cos(phi), radius * np.sin(phi), np.broadcast_to(along, (len(profile), sides))], axis=2)
    ends = np.array([(0.0, 0.0, 0.0), (0.0, 0.0, along[-1, 0] + along[0, 0])])
    vertices = np.concatenate([rings.reshape(-1, 3), ends]) @ R.T
    i, j = np.meshgrid(np.arange(len(profile) - 1), np.arange(sides), indexing='ij')
    a, b = (i * sides + j).ravel(), (i * sides + (j + 1) % sides).ravel()
    wall = np.concatenate([np.stack([a, b, b + sides], 1), np.stack([a, b + sides, a + sides], 1)])
    k, n = np.arange(sides), len(profile) * sides
    near = np.stack([(k + 1) % sides, k, np.full(sides, n)], 1)
    far = np.stack([n - sides + k, n - sides + (k + 1) % sides, np.full(sides, n + 1)], 1)
    triangles = np.concatenate([wall, near, far])
    return Mesh(name, vertices.astype(np.float32), triangles.astype(np.uint32))


def inflated(mesh: Mesh, distance_m: float) -> Mesh:
    """Return the mesh with its vertices moved ``distance_m`` along their area-weighted normals: a margin's shell.

    Exact on a plane; at a convex edge the shell is nearer than the margin by 1 - cos of half the turn.
    """
    v = mesh.vertices_m.astype(np.float64)
    same = same_places(mesh.vertices_m)
    t = same[mesh.triangles.astype(np.int64)]
    faces = np.cross(v[t[:, 1]] - v[t[:, 0]], v[t[:, 2]] - v[t[:, 0]])
    normals = np.zeros_like(v)
    for k in range(3):
        np.add.at(normals, t[:, k], faces)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    unit = normals / np.where(length > 0, length, 1.0)
    return Mesh(mesh.name, (v + distance_m * unit[same]).astype(np.float32), mesh.triangles)
