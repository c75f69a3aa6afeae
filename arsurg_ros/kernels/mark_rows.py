# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Marks as the kernel takes them: rows of numbers, and the rectangles of the picture that they touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, floor

import numpy as np

from arsurg_ros.kernels.mark_atlas import I32, Atlas
from arsurg_ros.kernels.mark_types import HALO, Disc, Mark, Plate, Polyline, Rgb, Stripes, Text
from arsurg_ros.types import F64, U8

MARK = 16
BOX, LINE, STRIPES, TEXT = range(4)
#: As far outside of a picture as any text need be told to be.
FAR_PX = 1e6
#: A rectangle of a line that needs no finer division, and the step by which a long segment is divided.
MOST_PX2, STEP_PX = 40_000, 96
Region = tuple[int, int, int, int]


@dataclass
class Rows:
    """``marks`` (n, 16), ``points`` (m, 2), ``glyphs`` (g, 5), coverage ``atlas``; ``segments``: as many as a line may need.

    ``regions`` are rectangles x0, y0, x1, y1 (exclusive) of the picture that hold everything drawn; ``opaque`` those of them
    that are wholly drawn over.
    """

    marks: F64
    points: F64
    glyphs: I32
    atlas: U8
    segments: int
    regions: list[Region]
    opaque: set[Region]


@dataclass
class _Gathered:
    width_px: int
    height_px: int
    atlas: Atlas
    flip: bool
    rows: list[tuple[float, ...]] = field(default_factory=list)
    points: list[F64] = field(default_factory=list)
    glyphs: list[I32] = field(default_factory=list)
    boxes: list[Region] = field(default_factory=list)
    opaque: set[Region] = field(default_factory=set)
    point_count: int = 0
    glyph_count: int = 0
    segments: int = 1

    def add(self, mark: Mark) -> None:
        if isinstance(mark, Plate):
            self._plate(mark)
        elif isinstance(mark, Polyline):
            self._line(mark)
        elif isinstance(mark, Text):
            self._text(mark)
        elif isinstance(mark, Stripes):
            self._stripes(mark)
        else:
            self._disc(mark)

    def _row(self, kind: int, rgb: Rgb, alpha: float, items: tuple[int, int], own: tuple[float, ...]) -> None:
        self.rows.append((kind, *self._channels(rgb), alpha, *items, *own, *(0.0,) * (9 - len(own))))

    def _channels(self, rgb: Rgb) -> Rgb:
        return (rgb[2], rgb[1], rgb[0]) if self.flip else rgb

    def _region(self, x0: int, y0: int, x1: int, y1: int) -> Region | None:
        box = (max(x0, 0), max(y0, 0), min(x1, self.width_px), min(y1, self.height_px))
        if box[0] >= box[2] or box[1] >= box[3]:
            return None
        self.boxes.append(box)
        return box

    def _box(self, m: Plate | Stripes) -> Region | None:
        """Round as the kernel does."""
        return self._region(floor(m.x0 + 0.5), floor(m.y0 + 0.5), floor(m.x1 + 0.5), floor(m.y1 + 0.5))

    def _plate(self, m: Plate) -> None:
        self._row(BOX, (0, 0, 0), 1.0 - m.keep, (0, 0), (m.x0, m.y0, m.x1, m.y1, m.radius_px))
        self._box(m)

    def _stripes(self, m: Stripes) -> None:
        a, b, c = (int(v + 0.5) for v in self._channels(m.ground or (0, 0, 0)))
        ground = (float(m.ground is not None), float(a + (b << 8) + (c << 16)))
        self._row(STRIPES, m.rgb, m.alpha, (0, 0), (m.x0, m.y0, m.x1, m.y1, m.period_px, m.slope, m.share, *ground))
        box = self._box(m)
        if m.ground is not None and box is not None:
            self.opaque.add(box)

    def _disc(self, m: Disc) -> None:
        self._points(np.array([m.centre_px], dtype=np.float64), m.rgb, m.alpha, (m.radius_px,))

    def _line(self, m: Polyline) -> None:
        if not len(m.points_px):
            return
        on, off = m.dash_px or (0.0, 0.0)
        own = (0.5 * m.width_px, m.halo_px, HALO * m.alpha, on, off, float(m.closed))
        self._points(m.points_px, m.rgb, m.alpha, own)

    def _points(self, points: F64, rgb: Rgb, alpha: float, own: tuple[float, ...]) -> None:
        self._row(LINE, rgb, alpha, (self.point_count, len(points)), own)
        self.points.append(points)
        self.point_count += len(points)
        halo, closed = (own[1], own[5] > 0) if len(own) > 1 else (0.0, False)
        ring = np.concatenate([points, points[:1]]) if closed else points
        self.boxes += line_regions(ring, own[0] + halo + 1.0, self.width_px, self.height_px)
        self.segments = max(self.segments, self._most_segments(ring, own))

    def _most_segments(self, ring: F64, own: tuple[float, ...]) -> int:
        """Return a bound of how many pieces the part within the picture may have."""
        if len(own) < 6 or own[4] == 0:
            return len(ring)
        widest = np.hypot(self.width_px, self.height_px) + 4 * (own[0] + own[1] + 3.0)
        lengths = np.minimum(np.hypot(*np.diff(ring, axis=0).T), widest)
        return int((lengths / (own[3] + own[4]) + 3).sum()) + 1

    def _text(self, m: Text) -> None:
        run = self.atlas.run(m.text, m.size_px, m.bold)
        if not len(run.glyphs):
            return
        x, y = (floor(min(max(v, -FAR_PX), FAR_PX) + 0.5) for v in (m.x_px, m.y_px))
        self._row(TEXT, m.rgb, 1.0, (self.glyph_count, len(run.glyphs)), ())
        self.glyphs.append(run.glyphs + np.array([0, 0, 0, x, y], np.int32))
        self.glyph_count += len(run.glyphs)
        x0, y0, x1, y1 = run.box
        self._region(x + x0, y + y0, x + x1, y + y1)


def to_rows(marks: Sequence[Mark], width_px: int, height_px: int, atlas: Atlas, *, bgr: bool) -> Rows:
    """Return marks in the kernel's form for a picture of this size; raises ConfigError for a text's size."""
    atlas.start_anew_if_full()
    g = _Gathered(width_px, height_px, atlas, bgr)
    for mark in marks:
        g.add(mark)
    return Rows(
        np.array(g.rows, np.float64).reshape(-1, MARK),
        np.concatenate([np.zeros((0, 2)), *g.points]),
        np.concatenate([np.zeros((0, 5), np.int32), *g.glyphs]),
        atlas.data[: atlas.used],
        g.segments,
        without_contained(g.boxes),
        g.opaque,
    )


def without_contained(boxes: list[Region]) -> list[Region]:
    """Return the boxes that no other one holds."""
    kept: list[Region] = []
    for x0, y0, x1, y1 in sorted(set(boxes), key=lambda b: (b[0] - b[2]) * (b[3] - b[1])):
        if not any(a <= x0 and b <= y0 and c >= x1 and d >= y1 for a, b, c, d in kept):
            kept.append((x0, y0, x1, y1))
    return kept


def line_regions(points: F64, reach: float, width_px: int, height_px: int) -> list[Region]:
    """Return rectangles of the picture that hold a line through points (N, 2) and ``reach`` around it.

    As many points as a small rectangle holds are taken together; a long segment is cut into several.
    """
    xy = points.tolist()
    boxes: list[list[float]] = []
    box = [*xy[0], *xy[0]]
    for a, b in pairwise(xy):
        wider = [min(box[0], b[0]), min(box[1], b[1]), max(box[2], b[0]), max(box[3], b[1])]
        if (wider[2] - wider[0] + reach) * (wider[3] - wider[1] + reach) <= MOST_PX2:
            box = wider
        else:
            boxes += [box, *_along(a, b, reach, width_px, height_px)]
            box = [*b, *b]
    regions = []
    for x0, y0, x1, y1 in [*boxes, box]:
        if x1 > -reach and y1 > -reach and x0 < width_px + reach and y0 < height_px + reach:
            a, b = max(floor(x0 - reach), 0), max(floor(y0 - reach), 0)
            regions.append((a, b, min(floor(x1 + reach) + 2, width_px), min(floor(y1 + reach) + 2, height_px)))
    return regions


def _along(a: list[float], b: list[float], reach: float, width_px: int, height_px: int) -> list[list[float]]:
    """Return boxes along the part of a segment that is near the picture."""
    t0, t1 = 0.0, 1.0
    for k, size in enumerate((width_px, height_px)):
        step, low, high = b[k] - a[k], -reach - 1 - a[k], size + reach + 1 - a[k]
        if step == 0:
            t1 = t1 if low <= 0 <= high else -1.0
        else:
            t0, t1 = max(t0, min(low / step, high / step)), min(t1, max(low / step, high / step))
    if t0 > t1:
        return []
    dx, dy = b[0] - a[0], b[1] - a[1]
    n = ceil(max(abs(dx), abs(dy)) * (t1 - t0) / STEP_PX) or 1
    ends = [(a[0] + t * dx, a[1] + t * dy) for t in (t0 + (t1 - t0) * k / n for k in range(n + 1))]
    pairs = pairwise(ends)
    return [[min(p[0], q[0]), min(p[1], q[1]), max(p[0], q[0]), max(p[1], q[1])] for p, q in pairs]
