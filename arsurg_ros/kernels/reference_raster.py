# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numpy twin of the overlay kernel: the same rules triangle by triangle, slow, for tests and checking a new build."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.kernels import reference_project as rp
from arsurg_ros.kernels.reference_lines import CASING, Strokes, segments
from arsurg_ros.kernels.reference_mesh import prepare
from arsurg_ros.types import F32, F64, I64, U8, Mesh

if TYPE_CHECKING:
    from arsurg_ros.kernels.raster_rows import Rows

AMBIENT = np.float32(0.3)
#: Pixels of a layer around the picture.
APRON = 8
Region = tuple[int, int, int, int]


class Layer:
    """Nearest surface of one mesh: 1/z (0 for none) and shade, APRON px beyond the picture on each side."""

    def __init__(self, height_px: int, width_px: int) -> None:
        self.invz: F32 = np.zeros((height_px + 2 * APRON, width_px + 2 * APRON), np.float32)
        self.shade: F32 = np.zeros_like(self.invz)

    def triangle(self, c: rp.Corners) -> None:
        """Fill one triangle: integer edge functions, top-left rule, nearest wins."""
        xy, invz, shades = c.xy, c.invz, c.shade
        height, width = self.invz.shape
        low = np.maximum(-(-xy.min(axis=0) // rp.SUBPIXEL), -APRON)
        high = np.minimum(xy.max(axis=0) // rp.SUBPIXEL, (width - APRON - 1, height - APRON - 1))
        (ax, ay), (bx, by), (cx, cy) = xy.tolist()
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if (low > high).any() or area == 0:
            return
        if area < 0:
            xy, invz, shades, area = xy[[0, 2, 1]], invz[[0, 2, 1]], shades[[0, 2, 1]], -area
        columns, rows = np.arange(high[0] - low[0] + 1), np.arange(high[1] - low[1] + 1)
        inside = _covered(xy, low, columns, rows)
        z = _plane(xy, invz, area, low, columns, rows)
        window = np.s_[low[1] + APRON : high[1] + APRON + 1, low[0] + APRON : high[0] + APRON + 1]
        draw = inside & (z > self.invz[window])
        self.invz[window][draw] = z[draw]
        self.shade[window][draw] = _plane(xy, shades, area, low, columns, rows)[draw]


class ReferenceRasteriser:
    """Same call as the kernel's wrapper in raster.py."""

    def __init__(self, width_px: int, height_px: int, meshes: int, resident: Sequence[Mesh], threads: int = 1) -> None:
        """Keep the meshes and prepare them; all is done in one thread."""
        self._resident = resident
        self._prepared = [prepare(m) for m in resident]
        self._shape = (height_px, width_px)
        self.depth: F32 = np.full(self._shape, np.inf, np.float32)
        self.ids: U8 = np.zeros(self._shape, np.uint8)

    def render(self, image: U8, rows: Rows) -> tuple[F32, U8, Region]:
        """Draw in place; the region is that of the pixels that changed."""
        before = image.copy()
        weight = window_weight(rows.look, self._shape)
        mask = np.zeros(self._shape, np.uint8) if rows.mask is None else rows.mask.copy()
        best = np.zeros(self._shape, np.float32)
        self.ids[:] = 0
        keys, colours = [], []
        for k, style in enumerate(rows.styles):
            found = self._draw(int(rows.select[k]), rows.poses[k], style, rows.camera) if style[5] > 0 else None
            if found is None:
                continue
            layer, strokes = found
            invz = layer.invz[APRON:-APRON, APRON:-APRON]
            if style[9] > 0:
                style = style.copy()
                style[3] = 1.0
                mask = np.maximum(mask, fragments(layer, strokes, style, None, rows.look)[1][..., 3])
                continue
            key, colour = fragments(layer, strokes, style, weight, rows.look)
            keys.append(key)
            colours.append(colour)
            nearer = (invz > best) & (style[11] <= 0)
            best[nearer], self.ids[nearer] = invz[nearer], k + 1
        if weight is not None:
            dark = np.float32(1) - np.float32(rows.look[8])
            darkness = (weight * dark * np.float32(255) + np.float32(0.5)).astype(np.uint8)
            blend(image, np.stack([*[np.zeros_like(darkness)] * 3, darkness], axis=-1))
        if keys:
            order = np.argsort(np.stack(keys), axis=0, kind='stable')
            stack = np.take_along_axis(np.stack(colours), order[..., None], axis=0)
            for layer_colours in stack:
                blend(image, layer_colours)
        m = mask[..., None].astype(np.int64)
        image[:] = np.where(m > 0, (image * (255 - m) + before * m + 127) // 255, image)
        with np.errstate(divide='ignore'):
            self.depth[:] = np.float32(1) / best
        return self.depth, self.ids, changed(image, before, best)

    def _draw(self, row: int, pose: F64, style: F32, camera: F64) -> tuple[Layer, Strokes] | None:
        mesh, prepared = self._resident[row], self._prepared[row]
        outward = np.float64(style[10]) * (-1 if prepared.closed < 0 else 1)
        vertices = mesh.vertices_m.astype(np.float64) + outward * prepared.normals.astype(np.float64)
        p = rp.to_camera(pose, vertices)
        codes = rp.outcode(p, camera[10])
        if not len(codes) or np.bitwise_and.reduce(codes) & rp.REJECT:
            return None
        points = np.column_stack([p, rp.shade(pose, vertices, prepared.normals)])
        ready = rp.project(np.where((codes == 0)[:, None], p, (0.0, 0.0, 1.0)), points[:, 3], camera)
        layer, front = Layer(*self._shape), np.zeros(len(mesh.triangles), bool)
        for f, t in enumerate(mesh.triangles.astype(np.int64)):
            front[f] = self._triangle(layer, points[t], ready[t], codes[t], camera)
        strokes = Strokes(layer.invz, self._shape, style, anchor(mesh, pose, camera), APRON)
        for segment in segments(prepared, front, points, ready, codes, pose, camera, bool(style[6] > 0)):
            strokes.draw(segment)
        return layer, strokes

    @staticmethod
    def _triangle(layer: Layer, points: F64, ready: rp.Corners, codes: I64, camera: F64) -> bool:
        """Draw a triangle; return whether its front is seen."""
        if not codes.any():
            (ax, ay), (bx, by), (cx, cy) = ready.xy.tolist()
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            extent = ready.xy.max(axis=0) - ready.xy.min(axis=0)
            if area and not rp.straight(camera) and extent.max() > int(rp.short_px(camera)) * rp.SUBPIXEL:
                for t in rp.split_triangle(points, camera):
                    layer.triangle(rp.project(t[:, :3], t[:, 3], camera))
            else:
                layer.triangle(ready)
            return bool(area < 0)
        front = bool(points[0, :3] @ np.cross(points[1, :3], points[2, :3]) < 0)
        if not np.bitwise_and.reduce(codes) & rp.REJECT:
            polygon = rp.clip(points, camera[10])
            for i in range(2, len(polygon)):
                fan = polygon[[0, i - 1, i]]
                for t in [fan] if rp.straight(camera) else rp.split_triangle(fan, camera):
                    layer.triangle(rp.project(t[:, :3], t[:, 3], camera))
        return front


def anchor(mesh: Mesh, pose: F64, camera: F64) -> F32:
    """Return where a mesh's dashes begin: the picture (2,) of its bounds' middle, px."""
    low, high = mesh.vertices_m.min(axis=0).astype(np.float64), mesh.vertices_m.max(axis=0).astype(np.float64)
    p = rp.to_camera(pose, ((low + high) * 0.5)[None])
    if rp.outcode(p, camera[10])[0]:
        return np.zeros(2, np.float32)
    return np.asarray(rp.project(p, np.zeros(1), camera).xy[0] >> 8, dtype=np.float32)


def window_weight(look: F64, shape: tuple[int, int]) -> F32 | None:
    """Return 1 inside of the window's rim, 0 outside of its radius (H, W); None without a window."""
    if not look[3]:
        return None
    u, v, radius, rim = look[4:8].astype(np.float32)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    r = np.sqrt((x - u) * (x - u) + (y - v) * (y - v))
    weight: F32 = np.clip((radius - r) / rim, 0, 1).astype(np.float32)
    return weight


def fragments(layer: Layer, strokes: Strokes, style: F32, weight: F32 | None, look: F64) -> tuple[F32, U8]:
    """Return a mesh's 1/z (H, W) by which it is ordered, and its colour times alpha with alpha (H, W, 4)."""
    one, half = np.float32(1), np.float32(0.5)
    own = np.s_[APRON:-APRON, APRON:-APRON]
    invz, inside = layer.invz[own], layer.invz[own] > 0
    cover = np.where(inside, np.minimum(half + strokes.near, one), np.maximum(half - strokes.near, 0)).astype(np.float32)
    key = np.where(inside, invz, strokes.invz)
    shade = np.where(inside, layer.shade[own], strokes.shade)
    lit = AMBIENT + (one - AMBIENT) * shade
    cue = np.ones_like(lit)
    if look[0] > 0:
        scale = np.float32(1.0 / (look[2] - look[1]))
        depth = one / np.maximum(key, np.float32(1e-9))
        cue = one - np.float32(look[0]) * np.clip((depth - np.float32(look[1])) * scale, 0, 1)
    fill = np.float32(style[3]) * (one if weight is None else weight)
    casing = strokes.casing * (np.float32(0) if style[9] > 0 else CASING[1])
    under = fill * cover * (one - casing)
    amount = lit * cue * under * (one - strokes.line) + cue * strokes.line
    alpha = ((under + casing) * (one - strokes.line) + strokes.line) * np.float32(255)
    colour = np.concatenate([amount[..., None] * style[:3], alpha[..., None]], axis=-1)
    return key, np.where(key[..., None] > 0, np.rint(colour), 0).astype(np.uint8)


def blend(image: U8, colour: U8) -> None:
    """Blend in place: colour + old (255 - alpha) / 255, rounded."""
    v = image * (255 - colour[..., 3:].astype(np.int64)) + 128
    image[:] = np.minimum(((v + (v >> 8)) >> 8) + colour[..., :3], 255)


def changed(image: U8, before: U8, best: F32) -> Region:
    """Return the rectangle of what was drawn."""
    rows, columns = np.nonzero((image != before).any(axis=2) | (best > 0))
    if not len(rows):
        return (0, 0, 0, 0)
    return (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)


def _covered(xy: I64, low: I64, columns: I64, rows: I64) -> NDArray[np.bool_]:
    inside = np.ones((len(rows), len(columns)), bool)
    for p, q in ((0, 1), (1, 2), (2, 0)):
        dx, dy = (xy[q] - xy[p]).tolist()
        px, py = (low * rp.SUBPIXEL - xy[p]).tolist()
        top_left = dy < 0 or (dy == 0 and dx > 0)
        start = dx * py - dy * px - (not top_left)
        inside &= start - dy * rp.SUBPIXEL * columns + dx * rp.SUBPIXEL * rows[:, None] >= 0
    return inside


def _plane(xy: I64, values: F32, area: int, low: I64, columns: I64, rows: I64) -> F32:
    v = values.astype(np.float64)
    (x1, y1), (x2, y2) = (xy[1:] - xy[0]).tolist()
    u1, u2 = v[1] - v[0], v[2] - v[0]
    scale = rp.SUBPIXEL / area
    dx, dy = (u1 * y2 - u2 * y1) * scale, (u2 * x1 - u1 * x2) * scale
    ox, oy = (low * rp.SUBPIXEL - xy[0]).tolist()
    row = (v[0] + (dx * ox + dy * oy) / rp.SUBPIXEL + dy * rows).astype(np.float32)
    out: F32 = row[:, None] + np.float32(dx) * columns.astype(np.float32)
    return out

