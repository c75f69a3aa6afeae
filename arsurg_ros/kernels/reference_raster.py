# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numpy twin of the overlay kernel: the same rules triangle by triangle, slow, for tests and checking a new build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.types import F32, F64, U8, Mesh

NEAR_M, SIDES, SUBPIXEL = 1e-3, 16, 256
STEP, SLOPE_PX, AMBIENT = 0.02, 12.0, np.float32(0.3)
_REJECT = 0b11111
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Corners:
    """Projected corners of n vertices: snapped pixel (n, 2) in 1/256 px, 1/z and shade (n,) float32."""

    xy: I64
    invz: F32
    shade: F32


class ReferenceRasteriser:
    """Same call as the kernel's wrapper in raster.py."""

    def __init__(self, width_px: int, height_px: int, meshes: Sequence[Mesh]) -> None:
        """Keep the meshes and compute their normals."""
        self._meshes = meshes
        self._normals = [vertex_normals(m) for m in meshes]
        self.image: U8 = np.zeros((height_px, width_px, 3), np.uint8)
        self.depth: F32 = np.full((height_px, width_px), np.inf, np.float32)
        self.ids: U8 = np.zeros((height_px, width_px), np.uint8)

    def render(self, image: U8 | None, camera: F64, poses: F64, styles: F32) -> tuple[U8, F32, U8]:
        """Draw; camera (11,), poses (n, 3, 4), styles (n, 8) as in the kernel's arena."""
        self.image[:] = 0 if image is None else image
        self.depth[:], self.ids[:] = np.inf, 0
        nearest = {k: self._nearest(k, poses[k]) for k in range(len(self._meshes)) if styles[k, 5] > 0}
        visible = [k for k, z in nearest.items() if np.isfinite(z)]
        for k in sorted(visible, key=lambda k: (-nearest[k], k)):
            layer = self._draw(k, poses[k], camera)
            self._composite(layer, k, styles[k], step_threshold(camera[0]))
        return self.image, self.depth, self.ids

    def _nearest(self, k: int, pose: F64) -> float:
        z = to_camera(pose, self._meshes[k].vertices_m)[:, 2]
        return max(float(z.min()), NEAR_M) if z.size and z.max() >= NEAR_M else np.inf

    def _draw(self, k: int, pose: F64, camera: F64) -> tuple[F32, F32]:
        mesh = self._meshes[k]
        p = to_camera(pose, mesh.vertices_m)
        shades = shade(pose, mesh.vertices_m, self._normals[k])
        codes = outcode(p, camera[10])
        layer = (np.zeros(self.ids.shape, np.float32), np.zeros(self.ids.shape, np.float32))
        ready = project(np.where((codes == 0)[:, None], p, (0.0, 0.0, 1.0)), shades, camera)
        for t in mesh.triangles:
            code = codes[t]
            if not code.any():
                fill(layer, ready.xy[t], ready.invz[t], ready.shade[t])
            elif not np.bitwise_and.reduce(code) & _REJECT:
                self._clipped(layer, p[t], shades[t], camera)
        return layer

    @staticmethod
    def _clipped(layer: tuple[F32, F32], p: F64, shades: F32, camera: F64) -> None:
        polygon = clip(np.column_stack([p, shades.astype(np.float64)]), camera[10])
        if len(polygon) < 3:
            return
        c = project(polygon[:, :3], polygon[:, 3].astype(np.float32), camera)
        for i in range(2, len(polygon)):
            fan = [0, i - 1, i]
            fill(layer, c.xy[fan], c.invz[fan], c.shade[fan])

    def _composite(self, layer: tuple[F32, F32], k: int, style: F32, step: np.float32) -> None:
        invz, shades = layer
        covered, outline = invz > 0, outlines(invz, step)
        level = np.clip(shades * np.float32(255) + np.float32(0.5), 0, 255).astype(np.int64)
        lit = AMBIENT + (np.float32(1) - AMBIENT) * level.astype(np.float32) / np.float32(255)
        bgr = style[2::-1]
        alpha_fill, alpha_line = (int(np.float32(a) * np.float32(256) + np.float32(0.5)) for a in style[3:5])
        colour = (bgr * lit[..., None] + np.float32(0.5)).astype(np.int64)
        line = (bgr + np.float32(0.5)).astype(np.int64)
        over = np.where(outline, alpha_line, 0)[..., None]
        under = alpha_fill * (256 - over) // 256
        mixed = (self.image * (256 - over - under) + under * colour + over * line + 128) >> 8
        self.image[covered] = mixed[covered].astype(np.uint8)
        with np.errstate(divide='ignore'):
            depth = np.float32(1) / invz
        nearer = depth < self.depth
        self.depth[nearer] = depth[nearer]
        self.ids[nearer] = k + 1


def vertex_normals(mesh: Mesh) -> F32:
    """Return unit normals (V, 3): the area-weighted mean of the faces' normals, zero where there is no area."""
    v, t = mesh.vertices_m.astype(np.float64), mesh.triangles.astype(np.int64)
    face = np.cross(v[t[:, 1]] - v[t[:, 0]], v[t[:, 2]] - v[t[:, 0]]).astype(np.float32)
    sums = np.zeros((len(v), 3), np.float32)
    np.add.at(sums, t.ravel(), np.repeat(face, 3, axis=0))
    length = np.sqrt(np.sum(sums.astype(np.float64) ** 2, axis=1, keepdims=True))
    unit = np.divide(sums, length, out=np.zeros_like(length).repeat(3, 1), where=length > 0)
    return np.asarray(unit, dtype=np.float32)


def to_camera(pose: F64, vertices: F32) -> F64:
    """Return p_cam (V, 3) for the upper rows (3, 4) of T_cam_mesh; the kernel's order of operations."""
    x, y, z = vertices.astype(np.float64).T
    return np.column_stack([r[0] * x + r[1] * y + r[2] * z + r[3] for r in pose])


def shade(pose: F64, vertices: F32, normals: F32) -> F32:
    """Return |n . v| (V,) of unit normals and directions to the eye."""
    v = vertices.astype(np.float64) + pose[:, :3].T @ pose[:, 3]
    dot = np.abs(np.sum(normals * v, axis=1))
    return np.asarray(dot / np.maximum(np.sqrt(np.sum(v * v, axis=1)), 1e-30), dtype=np.float32)


def outcode(p: F64, radius: float) -> NDArray[np.int64]:
    """Return which limits points (V, 3) miss: near plane, the field's box (4), the polygon's inner circle."""
    x, y, z = p.T
    limit, inner = radius * z, radius * np.cos(np.pi / SIDES) * z
    tests = (z < NEAR_M, x > limit, x < -limit, y > limit, y < -limit, x * x + y * y > inner * inner)
    return np.asarray(np.sum([t.astype(np.int64) << i for i, t in enumerate(tests)], axis=0), dtype=np.int64)


def project(p: F64, shades: F32, camera: F64) -> Corners:
    """Return the snapped pixels of points (V, 3) in front of the camera and inside the field."""
    fx, skew, cx, fy, cy, k1, k2, p1, p2, k3 = camera[:10]
    x, y = p[:, 0] / p[:, 2], p[:, 1] / p[:, 2]
    xx, yy, xy = x * x, y * y, x * y
    r2 = xx + yy
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    xd = x * radial + (2.0 * p1 * xy + p2 * (r2 + 2.0 * xx))
    yd = y * radial + (p1 * (r2 + 2.0 * yy) + 2.0 * p2 * xy)
    uv = np.column_stack([fx * xd + skew * yd + cx, fy * yd + cy])
    snapped = np.floor(uv * SUBPIXEL + 0.5 + 2.0**30).astype(np.int64) - (1 << 30)
    return Corners(snapped, (1.0 / p[:, 2]).astype(np.float32), shades)


def clip(polygon: F64, radius: float) -> F64:
    """Return what is left of a polygon (n, 4: x y z shade) inside the near plane and the field polygon."""
    inner = radius * np.cos(np.pi / SIDES)
    angles = 2 * np.pi * np.arange(SIDES) / SIDES
    planes = [((0.0, 0.0, 1.0), -NEAR_M), *(((-np.cos(a), -np.sin(a), inner), 0.0) for a in angles)]
    for normal, offset in planes:
        d = polygon[:, :3] @ np.array(normal) + offset
        kept = []
        for i in range(len(polygon)):
            if (d[i - 1] >= 0) != (d[i] >= 0):
                j, k = (i - 1, i) if d[i - 1] >= 0 else (i, i - 1)
                kept.append(polygon[j] + d[j] / (d[j] - d[k]) * (polygon[k] - polygon[j]))
            if d[i] >= 0:
                kept.append(polygon[i])
        polygon = np.array(kept).reshape(-1, 4)
    return polygon


def fill(layer: tuple[F32, F32], xy: I64, invz: F32, shades: F32) -> None:
    """Fill one triangle into 1/z and shade: integer edge functions, top-left rule, nearest wins."""
    height, width = layer[0].shape
    low = np.maximum(-(-xy.min(axis=0) // SUBPIXEL), 0)
    high = np.minimum(xy.max(axis=0) // SUBPIXEL, (width - 1, height - 1))
    (ax, ay), (bx, by), (cx, cy) = xy.tolist()
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if (low > high).any() or area == 0:
        return
    if area < 0:
        xy, invz, shades, area = xy[[0, 2, 1]], invz[[0, 2, 1]], shades[[0, 2, 1]], -area
    columns, rows = np.arange(high[0] - low[0] + 1), np.arange(high[1] - low[1] + 1)
    inside = _covered(xy, low, columns, rows)
    z = np.clip(_plane(xy, invz, area, low, columns, rows), invz.min(), invz.max())
    window = np.s_[low[1] : high[1] + 1, low[0] : high[0] + 1]
    draw = inside & (z > layer[0][window])
    layer[0][window][draw] = z[draw]
    layer[1][window][draw] = _plane(xy, shades, area, low, columns, rows)[draw]


def _covered(xy: I64, low: I64, columns: I64, rows: I64) -> NDArray[np.bool_]:
    inside = np.ones((len(rows), len(columns)), bool)
    for p, q in ((0, 1), (1, 2), (2, 0)):
        dx, dy = (xy[q] - xy[p]).tolist()
        px, py = (low * SUBPIXEL - xy[p]).tolist()
        top_left = dy < 0 or (dy == 0 and dx > 0)
        start = dx * py - dy * px - (not top_left)
        inside &= start - dy * SUBPIXEL * columns + dx * SUBPIXEL * rows[:, None] >= 0
    return inside


def _plane(xy: I64, values: F32, area: int, low: I64, columns: I64, rows: I64) -> F32:
    v = values.astype(np.float64)
    (x1, y1), (x2, y2) = (xy[1:] - xy[0]).tolist()
    u1, u2 = v[1] - v[0], v[2] - v[0]
    scale = SUBPIXEL / area
    dx, dy = (u1 * y2 - u2 * y1) * scale, (u2 * x1 - u1 * x2) * scale
    ox, oy = (low * SUBPIXEL - xy[0]).tolist()
    row = (v[0] + (dx * ox + dy * oy) / SUBPIXEL + dy * rows).astype(np.float32)
    out: F32 = row[:, None] + np.float32(dx) * columns.astype(np.float32)
    return out


def step_threshold(fx_px: float) -> np.float32:
    """Return the share of a pixel's 1/z below which a neighbour's is a step: see STEP in composite.rs."""
    step: np.float32 = np.float32(1.0 / (1.0 + max(STEP, SLOPE_PX / fx_px)))
    return step


def outlines(invz: F32, step: np.float32) -> NDArray[np.bool_]:
    """Return where a pixel up to two away, along a row or column, shows nothing or something farther by a step."""
    padded = np.pad(invz, 2, mode='edge')
    height, width = invz.shape
    least = invz.copy()
    for dx in (-2, -1, 1, 2):
        least = np.minimum(least, padded[2 : 2 + height, 2 + dx : 2 + dx + width])
    for dy in (-2, -1, 1, 2):
        shifted = np.arange(height) + dy
        rows = np.where((shifted < 0) | (shifted >= height), np.arange(height), shifted)
        least = np.minimum(least, invz[rows])
    return np.asarray(least < step * invz)
