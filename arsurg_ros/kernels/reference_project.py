# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numpy twin of the overlay kernel's vertex stage: cameras, outcodes, clipping, and halving of what the distortion bends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.geometry.camera import distort_fisheye
from arsurg_ros.types import F32, F64, I64

NEAR_M, SIDES, SUBPIXEL = 1e-3, 16, 256
BEND_PX, BEND_DEPTH, SHORT_PX, DEEPEST = 0.25, 5e-4, 12.0, 6
REJECT = 0b11111


@dataclass(frozen=True)
class Corners:
    """Projected corners of n vertices: snapped pixel (n, 2) in 1/256 px, 1/z and shade (n,) float32."""

    xy: I64
    invz: F32
    shade: F32

    def __getitem__(self, i: I64 | list[int]) -> Corners:
        return Corners(self.xy[i], self.invz[i], self.shade[i])


def short_px(camera: F64) -> float:
    """Return how long an edge may be that is not looked at, pixels."""
    return float(np.clip(camera[12], SHORT_PX, 4096.0)) if len(camera) > 12 else SHORT_PX


def to_camera(pose: F64, vertices: F64) -> F64:
    """Return p_cam (V, 3) for the upper rows (3, 4) of T_cam_mesh; the kernel's order of operations."""
    x, y, z = vertices.T
    return np.column_stack([r[0] * x + r[1] * y + r[2] * z + r[3] for r in pose])


def shade(pose: F64, vertices: F64, normals: F32) -> F64:
    """Return |n . v| (V,) of unit normals and directions to the eye."""
    v = vertices + pose[:, :3].T @ pose[:, 3]
    dot = np.abs(np.sum(normals.astype(np.float64) * v, axis=1))
    return np.asarray(dot / np.maximum(np.sqrt(np.sum(v * v, axis=1)), 1e-30), dtype=np.float64)


def outcode(p: F64, radius: float) -> NDArray[np.int64]:
    """Return which limits points (V, 3) miss: near plane, the field's box (4), the polygon's inner circle."""
    x, y, z = p.T
    limit, inner = radius * z, radius * np.cos(np.pi / SIDES) * z
    tests = (z < NEAR_M, x > limit, x < -limit, y > limit, y < -limit, x * x + y * y > inner * inner)
    return np.asarray(np.sum([t.astype(np.int64) << i for i, t in enumerate(tests)], axis=0), dtype=np.int64)


def pixels(p: F64, camera: F64) -> F64:
    """Return pixels (V, 2) of points in front of the camera and inside the field."""
    fx, skew, cx, fy, cy, k1, k2, p1, p2, k3 = camera[:10]
    x, y = p[:, 0] / p[:, 2], p[:, 1] / p[:, 2]
    if camera[11]:
        xd, yd = distort_fisheye(camera[5:9], x, y)
    else:
        xx, yy, xy = x * x, y * y, x * y
        r2 = xx + yy
        radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
        xd = x * radial + (2.0 * p1 * xy + p2 * (r2 + 2.0 * xx))
        yd = y * radial + (p1 * (r2 + 2.0 * yy) + 2.0 * p2 * xy)
    return np.column_stack([fx * xd + skew * yd + cx, fy * yd + cy])


def project(p: F64, shades: F64, camera: F64) -> Corners:
    """Return the snapped pixels of points (V, 3) in front of the camera and inside the field."""
    snapped = np.floor(pixels(p, camera) * SUBPIXEL + 0.5 + 2.0**30).astype(np.int64) - (1 << 30)
    return Corners(snapped, (1.0 / p[:, 2]).astype(np.float32), shades.astype(np.float32))


def straight(camera: F64) -> bool:
    """Tell whether straight edges stay straight."""
    return not camera[11] and not camera[5:10].any()


def _planes(radius: float) -> list[tuple[F64, float]]:
    inner = radius * np.cos(np.pi / SIDES)
    angles = 2 * np.pi * np.arange(SIDES) / SIDES
    sides = [(np.array((-np.cos(a), -np.sin(a), inner)), 0.0) for a in angles]
    return [(np.array((0.0, 0.0, 1.0)), -NEAR_M), *sides]


def clip(polygon: F64, radius: float) -> F64:
    """Return what is left of a polygon (n, 4: x y z shade) inside the near plane and the field polygon."""
    for normal, offset in _planes(radius):
        d = polygon[:, :3] @ normal + offset
        kept = []
        for i in range(len(polygon)):
            if (d[i - 1] >= 0) != (d[i] >= 0):
                j, k = (i - 1, i) if d[i - 1] >= 0 else (i, i - 1)
                kept.append(polygon[j] + d[j] / (d[j] - d[k]) * (polygon[k] - polygon[j]))
            if d[i] >= 0:
                kept.append(polygon[i])
        polygon = np.array(kept).reshape(-1, 4)
    return polygon


def clip_line(ends: F64, radius: float) -> F64 | None:
    """Return what is left of a line (2, 4: x y z shade), or None."""
    ends = ends.copy()
    for normal, offset in _planes(radius):
        d = ends[:, :3] @ normal + offset
        if (d < 0).all():
            return None
        for i, o in ((0, 1), (1, 0)):
            if d[i] < 0:
                ends[i] = ends[o] + d[o] / (d[o] - d[i]) * (ends[i] - ends[o])
    return ends


def bent(a: F64, b: F64, camera: F64) -> bool:
    """Tell whether the picture of an edge departs from the line through its ends' pictures."""
    pa, pb = pixels(np.stack([a[:3], b[:3]]), camera)
    d = pb - pa
    squared = d @ d
    if squared < short_px(camera) ** 2:
        return False
    p = a[:3] + np.array([[0.25], [0.5], [0.75]]) * (b[:3] - a[:3])
    q = pixels(p, camera) - pa
    off = d[0] * q[:, 1] - d[1] * q[:, 0]
    along = (q @ d) / squared
    depth = (1 / a[2] + along * (1 / b[2] - 1 / a[2])) * p[:, 2] - 1.0
    return bool(((off * off > BEND_PX * BEND_PX * squared) | (np.abs(depth) > BEND_DEPTH)).any())


#: How a triangle is cut by which of its edges are bent; 3, 4, 5 are the middles of ab, bc, ca.
CUTS = {
    (True, True, True): ((0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)),
    (True, False, False): ((0, 3, 2), (3, 1, 2)),
    (False, True, False): ((0, 1, 4), (0, 4, 2)),
    (False, False, True): ((0, 1, 5), (5, 1, 2)),
    (True, True, False): ((3, 1, 4), (0, 3, 4), (0, 4, 2)),
    (False, True, True): ((5, 4, 2), (0, 1, 4), (0, 4, 5)),
    (True, False, True): ((0, 3, 5), (3, 1, 2), (3, 2, 5)),
}


def split_triangle(t: F64, camera: F64, depth: int = 0) -> Iterator[F64]:
    """Yield triangles (3, 4) without bent edges."""
    ab, bc, ca = (depth < DEEPEST and bent(t[i], t[(i + 1) % 3], camera) for i in range(3))
    if not (ab or bc or ca):
        yield t
        return
    points = np.concatenate([t, (t + t[[1, 2, 0]]) * 0.5])
    for corners in CUTS[ab, bc, ca]:
        yield from split_triangle(points[list(corners)], camera, depth + 1)


def split_line(ends: F64, camera: F64, depth: int = 0) -> Iterator[F64]:
    """Yield lines (2, 4) that are not bent."""
    if depth >= DEEPEST or not bent(ends[0], ends[1], camera):
        yield ends
        return
    middle = ends.mean(axis=0)
    yield from split_line(np.stack([ends[0], middle]), camera, depth + 1)
    yield from split_line(np.stack([middle, ends[1]]), camera, depth + 1)
