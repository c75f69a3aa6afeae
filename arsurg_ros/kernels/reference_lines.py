# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numpy twin of the overlay kernel's lines: which edges are drawn, and how far a pixel is from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.kernels import reference_project as rp
from arsurg_ros.kernels.reference_mesh import Prepared
from arsurg_ros.types import F32, F64, I64

BESIDE_PX = np.float32(1.25)
STEP = (np.float32(0.005), np.float32(0.015))
DASH = (np.float32(7.5), np.float32(4.5))
#: A line's dark casing on each side: its width in the line's widths, and its opacity of the line's.
CASING = (np.float32(0.35), np.float32(0.5))
FAR = np.float32(1e9)


@dataclass(frozen=True)
class Segment:
    """Two projected ends; the outer side of a silhouette is where (-dy, dx) points. ``upright``: dashes run along v."""

    ends: rp.Corners
    crease: bool
    upright: bool


def segments(
    prepared: Prepared,
    front: NDArray[np.bool_],
    points: F64,
    ready: rp.Corners,
    codes: I64,
    pose: F64,
    camera: F64,
    creases: bool,
) -> Iterator[Segment]:
    """Yield what is drawn of a mesh's edges: silhouettes, boundaries and, where asked for, creases."""
    for edge in prepared.edges:
        silhouette = edge.other is None or bool(front[edge.face]) != (bool(front[edge.other]) ^ edge.same)
        if not silhouette and not (edge.sharp and creases):
            continue
        ends = list(edge.ends if front[edge.face] else edge.ends[::-1])
        normal = pose[:2, :3] @ prepared.normals[ends].astype(np.float64).sum(axis=0)
        for corners in _pieces(points[ends], ready[ends], codes[ends], camera):
            yield Segment(corners, not silhouette, bool(abs(normal[0]) > abs(normal[1])))


def _pieces(points: F64, ready: rp.Corners, codes: I64, camera: F64) -> Iterator[rp.Corners]:
    if codes[0] & codes[1] & rp.REJECT:
        return
    if not codes.any():
        extent = np.abs(ready.xy[0] - ready.xy[1]).max()
        if rp.straight(camera) or extent <= int(rp.short_px(camera)) * rp.SUBPIXEL / 2:
            yield ready
            return
    kept = rp.clip_line(points, camera[10])
    if kept is not None:
        for ends in [kept] if rp.straight(camera) else rp.split_line(kept, camera):
            yield rp.project(ends[:, :3], ends[:, 3], camera)


class Strokes:
    """Lines of one mesh (H, W): opacity of lines and casings, distance to the outer contour, 1/z and shade of the nearest."""

    def __init__(self, surface: F32, shape: tuple[int, int], style: F32, anchor: F32, apron: int) -> None:
        self._surface, self._apron, self._anchor = surface, apron, anchor
        self._outline, self._crease, self._width = style[4], style[6], min(style[7], np.float32(6))
        self._dashed = style[8] > 0
        self.line: F32 = np.zeros(shape, np.float32)
        self.casing: F32 = np.zeros(shape, np.float32)
        self.near: F32 = np.full(shape, FAR, np.float32)
        self.invz: F32 = np.zeros(shape, np.float32)
        self.shade: F32 = np.zeros(shape, np.float32)
        self._distance: F32 = np.full(shape, FAR, np.float32)

    def _at(self, u: F32, v: F32) -> F32:
        i = (u + np.float32(0.5 + self._apron)).astype(np.int64)
        j = (v + np.float32(0.5 + self._apron)).astype(np.int64)
        found: F32 = self._surface[j, i]
        return found

    def draw(self, segment: Segment) -> None:
        """Draw one segment, hidden where the mesh itself is in front."""
        (x0, y0), (x1, y1) = (segment.ends.xy / 256).astype(np.float32)
        z0, z1 = segment.ends.invz
        dx, dy = x1 - x0, y1 - y0
        squared = dx * dx + dy * dy
        if squared == 0:
            return
        length = np.sqrt(squared)
        nx, ny = -dy / length, dx / length
        half = self._width * (np.float32(0.5) + CASING[0]) + np.float32(0.5)
        height, width = self.line.shape
        u = np.arange(max(int(np.ceil(min(x0, x1) - half)), 0), min(int(np.floor(max(x0, x1) + half)), width - 1) + 1)
        v = np.arange(max(int(np.ceil(min(y0, y1) - half)), 0), min(int(np.floor(max(y0, y1) + half)), height - 1) + 1)
        if not (len(u) and len(v)):
            return
        px, py = (u.astype(np.float32) - x0)[None], (v.astype(np.float32) - y0)[:, None]
        t = np.clip((px * dx + py * dy) / squared, 0, 1)
        ox, oy = px - t * dx, py - t * dy
        d2 = ox * ox + oy * oy
        j, i = np.nonzero(d2 < half * half)
        t, d = t[j, i], np.sqrt(d2[j, i])
        self._put(v[j], u[i], d, (x0 + t * dx, y0 + t * dy, z0 + t * (z1 - z0)), (nx, ny), half, segment)

    def _put(
        self, v: I64, u: I64, d: F32, q: tuple[F32, F32, F32], n: tuple[F32, F32], half: F32, segment: Segment
    ) -> None:
        qx, qy, qz = q
        one = np.float32(1)
        beside = self._at(qx + BESIDE_PX * n[0], qy + BESIDE_PX * n[1])
        if segment.crease:
            beside = np.minimum(beside, self._at(qx - BESIDE_PX * n[0], qy - BESIDE_PX * n[1]))
            shown = (STEP[1] - (beside / qz - one)) / (STEP[1] - STEP[0])
        else:
            shown = ((one - beside / qz) - STEP[0]) / (STEP[1] - STEP[0])
        a = (self._crease if segment.crease else self._outline) * np.minimum(shown, one)
        if self._dashed:
            a = a * self._dash(qy - self._anchor[1] if segment.upright else qx - self._anchor[0])
        s = shown > 0
        v, u, d, a, beside, qz = v[s], u[s], d[s], a[s], beside[s], qz[s]
        own = self._width * np.float32(0.5) + np.float32(0.5)
        self.line[v, u] = np.maximum(self.line[v, u], a * np.clip(own - d, 0, one))
        self.casing[v, u] = np.maximum(self.casing[v, u], a * np.minimum(half - d, one))
        if not segment.crease:
            open_ = beside == 0
            at = v[open_], u[open_]
            self.near[at] = np.minimum(self.near[at], d[open_])
        nearer = d < self._distance[v, u]
        at = v[nearer], u[nearer]
        self._distance[at], self.invz[at] = d[nearer], qz[nearer]
        self.shade[at] = segment.ends.shade.sum() * np.float32(0.5)

    def _dash(self, s: F32) -> F32:
        period, on = DASH[0] * self._width, DASH[1] * self._width
        phase = s / period
        off = np.abs(phase - np.floor(phase) - np.float32(0.5)) * period
        out: F32 = np.clip(on * np.float32(0.5) - off + np.float32(0.5), 0, 1)
        return out
