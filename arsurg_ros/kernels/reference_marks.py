# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numpy twin of the marks kernel: the same rules over whole boxes and distance fields, for tests and checking a new build."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.errors import KernelError
from arsurg_ros.kernels.mark_rows import BOX, LINE, STRIPES, TEXT, Rows
from arsurg_ros.types import F32, F64, U8

LONGEST_PERIOD, LEAST_DASH, MOST_ITEMS = 4096, 1.0, 1 << 24
HALF, FULL = np.float32(0.5), np.float32(255)


class ReferenceMarks:
    """Same call as the kernel's side in marks.py."""

    def __init__(self, width_px: int, height_px: int) -> None:
        """Keep the size."""
        self.width_px, self.height_px = width_px, height_px

    def draw(self, image: U8, rows: Rows, generation: int = 0) -> None:
        """Draw in place, whole or not at all; raises KernelError for rows that the kernel refuses."""
        del generation
        picture = image.copy()
        for mark in rows.marks:
            if not draw_one(picture, mark, rows):
                raise KernelError('marks: draw: input out of range')
        image[:] = picture


def draw_one(image: U8, mark: F64, rows: Rows) -> bool:
    """Draw one row in place; returns False for one that is refused."""
    if not np.isfinite(mark).all():
        return False
    kind = mark[0]
    colour, alpha = np.floor(np.clip(mark[1:4], 0, 255) + 0.5).astype(np.int64), opacity(mark[4])
    if kind == BOX:
        blend(image, *rounded(mark[7:11], max(float(mark[11]), 0.0), image.shape), colour, alpha)
        return True
    if kind == STRIPES:
        return striped(image, mark, colour, alpha)
    if kind == LINE:
        points = named(rows.points, mark)
        return points is not None and line(image, points, mark, colour, alpha)
    glyphs = named(rows.glyphs, mark) if kind == TEXT else None
    if glyphs is None or not within(glyphs, rows.atlas):
        return False
    glyphs = glyphs[(glyphs[:, 1:3] > 0).all(axis=1)]
    if len(glyphs):
        blend(image, *text(glyphs, rows.atlas), colour, alpha)
    return True


def named(values: NDArray[Any], mark: F64) -> NDArray[Any] | None:
    """Return the rows that a mark names, None where they are not there."""
    first, count = mark[5:7]
    if not (0 <= first <= MOST_ITEMS and 0 <= count <= MOST_ITEMS and int(first) + int(count) <= len(values)):
        return None
    return values[int(first) : int(first) + int(count)]


def within(glyphs: NDArray[np.int32], atlas: U8) -> bool:
    """Return whether every glyph lies in the atlas."""
    offset, width, height = glyphs[:, :3].astype(np.int64).T
    return bool((glyphs[:, :3] >= 0).all() and (offset + width * height <= len(atlas)).all())


def opacity(alpha: float) -> int:
    """Return opacity 0-1 in 1/256."""
    return int(np.clip(alpha, 0, 1) * 256 + 0.5)


def quantised(cover: F32) -> U8:
    """Return coverage 0-255 of 0-1."""
    return np.asarray((np.clip(cover, np.float32(0), np.float32(1)) * FULL + HALF).astype(np.uint8))


def blend(image: U8, box: tuple[int, int, int, int], cover: U8, colour: NDArray[np.int64], alpha: int) -> None:
    """Blend a colour by coverage (h, w) whose top left is the box's, where it lies in the image."""
    x0, y0, x1, y1 = box
    inner = (max(x0, 0), max(y0, 0), min(x1, image.shape[1]), min(y1, image.shape[0]))
    if inner[0] >= inner[2] or inner[1] >= inner[3]:
        return
    part = cover[inner[1] - y0 : inner[3] - y0, inner[0] - x0 : inner[2] - x0].astype(np.int64)
    a = (part * alpha + 128) >> 8
    a = (a + (a >> 7))[..., None]
    area = image[inner[1] : inner[3], inner[0] : inner[2]]
    area[:] = ((area * (256 - a) + colour * a + 128) >> 8).astype(np.uint8)


def bounds(values: F64) -> tuple[int, int, int, int]:
    """Return a box in whole pixels."""
    x0, y0, x1, y1 = (int(v) for v in np.floor(np.clip(values, -1e6, 1e6) + 0.5))
    return x0, y0, x1, y1


def rounded(values: F64, radius: float, shape: tuple[int, ...]) -> tuple[tuple[int, int, int, int], U8]:
    """Return the part of a box that lies in a picture of (height, width, ...), and its coverage with round corners."""
    box = bounds(values)
    inner = (max(box[0], 0), max(box[1], 0), min(box[2], shape[1]), min(box[3], shape[0]))
    r = np.float32(min(radius, max(min(box[2] - box[0], box[3] - box[1]), 0) / 2))

    def beyond(low: int, high: int, first: int, last: int) -> F32:
        at = np.arange(first, max(first, last)).astype(np.float32) + HALF
        further = np.maximum(np.float32(low) + r - at, at - (np.float32(high) - r))
        return np.asarray(np.maximum(further, np.float32(0)))

    dx, dy = beyond(box[0], box[2], inner[0], inner[2])[None, :], beyond(box[1], box[3], inner[1], inner[3])[:, None]
    inside = (dx == 0) | (dy == 0)
    return inner, np.where(inside, 255, quantised(r + HALF - np.sqrt(dx * dx + dy * dy))).astype(np.uint8)


def striped(image: U8, mark: F64, colour: NDArray[np.int64], alpha: int) -> bool:
    """Draw stripes; returns False for a period or slope that is out of range."""
    period, slope, share = np.floor(mark[11] + 0.5), np.floor(mark[12] + 0.5), np.float32(mark[13])
    if not 1 <= period <= LONGEST_PERIOD or abs(slope) > LONGEST_PERIOD:
        return False
    box = bounds(mark[7:11])
    x0, y0, x1, y1 = max(box[0], 0), max(box[1], 0), min(box[2], image.shape[1]), min(box[3], image.shape[0])
    y, x = np.mgrid[y0 : max(y1, y0), x0 : max(x1, x0)]
    u, p = ((x + int(slope) * y) % int(period)).astype(np.float32), np.float32(period)
    half = HALF * share * p
    from_middle = np.abs(u - half)
    to_middle = np.minimum(from_middle, p - from_middle)
    steepness = np.float32(1) / np.sqrt(np.float32(1 + slope * slope))
    cover = quantised((half - to_middle) * steepness + HALF) if slope else np.full(u.shape, 255, np.uint8)
    if slope and mark[14] > 0 and x0 < x1 and y0 < y1:
        packed = int(mark[15])
        image[y0:y1, x0:x1] = (packed & 255, packed >> 8 & 255, packed >> 16 & 255)
    blend(image, (x0, y0, x1, y1), cover, colour, alpha)
    return True


def text(glyphs: NDArray[np.int32], atlas: U8) -> tuple[tuple[int, int, int, int], U8]:
    """Return the box of glyphs (n, 5) and their coverage, the larger one where two overlap."""
    low, high = glyphs[:, 3:].min(axis=0), (glyphs[:, 3:] + glyphs[:, 1:3]).max(axis=0)
    cover = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    for offset, width, height, x, y in glyphs.tolist():
        place = cover[y - low[1] : y - low[1] + height, x - low[0] : x - low[0] + width]
        np.maximum(place, atlas[offset : offset + width * height].reshape(height, width), out=place)
    return (int(low[0]), int(low[1]), int(high[0]), int(high[1])), cover


def line(image: U8, points: F64, mark: F64, colour: NDArray[np.int64], alpha: int) -> bool:
    """Draw a line by the distance to its nearest segment; returns False for dashes that are too short."""
    radius, halo, darkness, on, off, closed = mark[7:13]
    radius, halo = float(np.clip(radius, 0, 1e4)), float(np.clip(halo, 0, 1e4))
    if off > 0 and max(on, 0) + off < LEAST_DASH:
        return False
    height, width = image.shape[:2]
    far = radius + halo + 2.0
    reach = (-far, -far, width - 1.0 + far, height - 1.0 + far)
    squared = np.full((height, width), np.inf, np.float32)
    for a, b in segments(points, closed > 0, (max(on, 0.0), off), reach):
        nearest(squared, a.astype(np.float32), b.astype(np.float32), np.float32(radius + halo) + HALF)
    distance = np.sqrt(squared)
    whole = (0, 0, width, height)
    if halo > 0:
        blend(image, whole, quantised(np.float32(radius + halo) + HALF - distance), np.zeros(3, np.int64), opacity(darkness))
    blend(image, whole, quantised(np.float32(radius) + HALF - distance), colour, alpha)
    return True


def segments(
    points: F64, closed: bool, dash: tuple[float, float], reach: tuple[float, float, float, float]
) -> Iterator[tuple[F64, F64]]:
    """Yield the visible pieces of a line, cut into its dashes."""
    n, along, (on, off) = len(points), 0.0, dash
    for i in range(1 if n == 1 else max(n + closed - 1, 0)):
        a, step = points[i], points[(i + 1) % n] - points[i]
        length = float(np.sqrt(step @ step))
        seen = clip(a, step, reach)
        if seen is not None and off > 0 and length > 0:
            start, stop = along + seen[0] * length, along + seen[1] * length
            for k in np.arange(np.floor(start / (on + off)), np.floor(stop / (on + off)) + 1):
                s0, s1 = max(k * (on + off), start), min(k * (on + off) + on, stop)
                if s0 <= s1:
                    yield a + (s0 - along) / length * step, a + (s1 - along) / length * step
        elif seen is not None and off <= 0:
            yield a + seen[0] * step, a + seen[1] * step
        along += length


def clip(a: F64, step: F64, reach: tuple[float, float, float, float]) -> tuple[float, float] | None:
    """Return the part t0, t1 of a segment within a rectangle, None for none of it."""
    t0, t1 = 0.0, 1.0
    for k in range(2):
        low, high = reach[k] - a[k], reach[k + 2] - a[k]
        if step[k] == 0:
            if low > 0 or high < 0:
                return None
            continue
        u, v = low / step[k], high / step[k]
        t0, t1 = max(t0, min(u, v)), min(t1, max(u, v))
    return (t0, t1) if t0 <= t1 else None


def nearest(squared: F32, a: F32, b: F32, reach: np.float32) -> None:
    """Lower squared distances (H, W) to those from one segment, around it."""
    height, width = squared.shape
    low, high = np.floor(np.minimum(a, b) - reach), np.ceil(np.maximum(a, b) + reach)
    x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
    x1, y1 = min(int(high[0]) + 1, width), min(int(high[1]) + 1, height)
    if x0 >= x1 or y0 >= y1:
        return
    px = (np.arange(x0, x1).astype(np.float32) - a[0])[None, :]
    py = (np.arange(y0, y1).astype(np.float32) - a[1])[:, None]
    dx, dy = b - a
    length2 = dx * dx + dy * dy
    scale = np.float32(1) / length2 if length2 > 0 else np.float32(0)
    t = np.clip((px * dx + py * dy) * scale, np.float32(0), np.float32(1))
    ex, ey = px - t * dx, py - t * dy
    part = squared[y0:y1, x0:x1]
    np.minimum(part, ex * ex + ey * ey, out=part)
