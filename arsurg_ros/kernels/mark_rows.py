# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Marks as the kernel takes them: rows of numbers, and the rectangles of the picture that they touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.kernels.mark_atlas import I32, Atlas
from arsurg_ros.kernels.mark_types import HALO, Disc, Mark, Plate, Polyline, Rgb, Stripes, Text
from arsurg_ros.types import F64, U8

MARK, TILE_PX = 16, 64
BOX, LINE, STRIPES, TEXT = range(4)
Region = tuple[int, int, int, int]


@dataclass
class Rows:
    """``marks`` (n, 16), ``points`` (m, 2), ``glyphs`` (g, 5), coverage ``atlas``; ``segments``: as many as a line may need.

    ``regions`` are rectangles x0, y0, x1, y1 (exclusive) of the picture that hold everything drawn.
    """

    marks: F64
    points: F64
    glyphs: I32
    atlas: U8
    segments: int
    regions: list[Region]


@dataclass
class _Gathered:
    width_px: int
    height_px: int
    atlas: Atlas
    flip: bool
    rows: list[tuple[float, ...]] = field(default_factory=list)
    points: list[F64] = field(default_factory=list)
    glyphs: list[I32] = field(default_factory=list)
    lines: list[tuple[F64, float]] = field(default_factory=list)
    boxes: list[Region] = field(default_factory=list)
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
        channels = rgb[::-1] if self.flip else rgb
        self.rows.append((kind, *channels, alpha, *items, *own, *(0.0,) * (9 - len(own))))

    def _box(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Round as the kernel does."""
        a, b, c, d = (floor(v + 0.5) for v in (x0, y0, x1, y1))
        self._region(a, b, c, d)

    def _region(self, x0: int, y0: int, x1: int, y1: int) -> None:
        box = (max(x0, 0), max(y0, 0), min(x1, self.width_px), min(y1, self.height_px))
        if box[0] < box[2] and box[1] < box[3]:
            self.boxes.append(box)

    def _plate(self, m: Plate) -> None:
        self._row(BOX, (0, 0, 0), 1.0 - m.keep, (0, 0), (m.x0, m.y0, m.x1, m.y1, m.radius_px))
        self._box(m.x0, m.y0, m.x1, m.y1)

    def _stripes(self, m: Stripes) -> None:
        self._row(STRIPES, m.rgb, m.alpha, (0, 0), (m.x0, m.y0, m.x1, m.y1, m.period_px, m.slope, m.share))
        self._box(m.x0, m.y0, m.x1, m.y1)

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
        self.lines.append((ring, own[0] + halo + 1.0))
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
        if not len(run):
            return
        far = 1e6
        x, y = (floor(min(max(v, -far), far) + 0.5) for v in (m.x_px, m.y_px))
        glyphs = run + np.array([0, 0, 0, x, y], np.int32)
        self._row(TEXT, m.rgb, 1.0, (self.glyph_count, len(glyphs)), ())
        self.glyphs.append(glyphs)
        self.glyph_count += len(glyphs)
        low, high = glyphs[:, 3:].min(axis=0), (glyphs[:, 3:] + glyphs[:, 1:3]).max(axis=0)
        self._region(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


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
        without_contained(g.boxes + line_regions(g.lines, width_px, height_px)),
    )


def without_contained(boxes: list[Region]) -> list[Region]:
    """Return the boxes that no other one holds."""
    kept: list[Region] = []
    for x0, y0, x1, y1 in sorted(set(boxes), key=lambda b: (b[0] - b[2]) * (b[3] - b[1])):
        if not any(a <= x0 and b <= y0 and c >= x1 and d >= y1 for a, b, c, d in kept):
            kept.append((x0, y0, x1, y1))
    return kept


def line_regions(lines: list[tuple[F64, float]], width_px: int, height_px: int) -> list[Region]:
    """Return rectangles that hold lines of points (N, 2) and reach: a small one's box, else runs of tiles."""
    found, long = [], []
    for points, reach in lines:
        (x0, y0), (x1, y1) = points.min(axis=0) - reach, points.max(axis=0) + reach
        if (x1 - x0) * (y1 - y0) > 4 * TILE_PX * TILE_PX:
            long.append((points, reach))
        else:
            box = (max(int(x0), 0), max(int(y0), 0), min(int(x1) + 2, width_px), min(int(y1) + 2, height_px))
            found += [box] if box[0] < box[2] and box[1] < box[3] else []
    return found + (_runs(_tiles(long, width_px, height_px), width_px, height_px) if long else [])


def _tiles(lines: list[tuple[F64, float]], width_px: int, height_px: int) -> NDArray[np.bool_]:
    """Return which tiles (rows, columns) lines may touch: where each segment runs within each row of tiles."""
    a = np.concatenate([p[:-1] for p, _ in lines])
    b = np.concatenate([p[1:] for p, _ in lines])
    reach = np.concatenate([np.full(len(p) - 1, r) for p, r in lines])[:, None]
    rows, columns = -(-height_px // TILE_PX), -(-width_px // TILE_PX)
    low = TILE_PX * np.arange(rows) - reach
    high = low + TILE_PX + 2 * reach
    ay, dy = a[:, 1:], (b - a)[:, 1:]
    level = np.abs(dy) < 1e-9
    safe = np.where(level, 1.0, dy)
    t0, t1 = (low - ay) / safe, (high - ay) / safe
    t0, t1 = np.minimum(t0, t1), np.maximum(t0, t1)
    met = np.where(level, (ay >= low) & (ay <= high), (t0 <= 1) & (t1 >= 0))
    t0, t1 = (np.where(level, end, np.clip(t, 0, 1)) for t, end in ((t0, 0.0), (t1, 1.0)))
    ends = a[:, :1] + np.stack([t0, t1]) * (b - a)[:, :1]
    first = np.floor((ends.min(axis=0) - reach) / TILE_PX)
    last = np.floor((ends.max(axis=0) + reach) / TILE_PX)
    met &= (last >= 0) & (first < columns)
    # How many segments begin and have ended at each tile: where more have begun, there is one.
    steps = np.zeros((rows, columns + 1), np.int64)
    _, row = np.nonzero(met)
    np.add.at(steps, (row, np.clip(first[met], 0, columns - 1).astype(np.int64)), 1)
    np.add.at(steps, (row, np.clip(last[met], 0, columns - 1).astype(np.int64) + 1), -1)
    return np.asarray(steps.cumsum(axis=1)[:, :-1] > 0)


def _runs(tiles: NDArray[np.bool_], width_px: int, height_px: int) -> list[Region]:
    """Return the tiles' runs as rectangles, those that go on below as one."""
    edges = np.diff(np.pad(tiles.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, stops = np.argwhere(edges > 0), np.argwhere(edges < 0)
    found: list[Region] = []
    merged: dict[tuple[int, int, int], int] = {}
    for (row, x0), (_, x1) in zip(starts.tolist(), stops.tolist(), strict=True):
        k = merged.pop((row - 1, x0, x1), None)
        if k is None:
            k = len(found)
            found.append((x0 * TILE_PX, row * TILE_PX, min(x1 * TILE_PX, width_px), 0))
        found[k] = (*found[k][:3], min((row + 1) * TILE_PX, height_px))
        merged[row, x0, x1] = k
    return found
