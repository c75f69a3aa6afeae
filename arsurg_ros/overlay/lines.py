# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lines in space as lines in the picture: bent by the lens, and dashed where anatomy is in front of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.geometry.camera import project
from arsurg_ros.kernels.mark_types import HALO
from arsurg_ros.kernels.marks import Mark, Polyline
from arsurg_ros.kernels.raster_rows import CameraRows
from arsurg_ros.types import F32, F64, CameraModel

NEAR_M = 1e-3
#: Pixels between two samples of a segment, and the most of them a segment.
STEP_PX, MOST_SAMPLES = 8.0, 512
#: How far behind a surface a point still counts as on it.
BEHIND_M = 5e-4
HIDDEN_ALPHA = 0.55
BLACK = (0, 0, 0)
BOOLS = NDArray[np.bool_]
#: The rasteriser's camera rows, and which number of them is the radius of the field.
CAMERAS, FIELD = CameraRows(), 10
WIDE_CAMERAS = CameraRows()


@dataclass(frozen=True)
class LineStyle:
    """How a line is drawn; what is hidden has dashes of ``dash_px`` and is dimmer."""

    rgb: tuple[int, int, int]
    width_px: float
    halo_px: float = 0.0
    dash_px: tuple[float, float] = (8.0, 8.0)


def seen_px(camera: CameraModel, p_cam_m: F64) -> F64:
    """Return pixels (N, 2) of points (N, 3) in the camera's frame, metres, in the picture or up to its size beside it.

    NaN before the near plane (1 mm) and beyond the lens' fold: from there the distortion maps back into the picture, where
    nothing is.
    """
    w, h, beside = camera.width_px, camera.height_px, np.zeros((3, 3))
    beside[:2, 2] = w, h
    wide = replace(camera, width_px=3 * w, height_px=3 * h, K=camera.K + beside)
    field = float(WIDE_CAMERAS.row(wide)[FIELD])
    z = np.where(p_cam_m[:, 2] > NEAR_M, p_cam_m[:, 2], np.nan)
    sound = np.hypot(p_cam_m[:, 0], p_cam_m[:, 1]) / z <= field  # False for NaN
    return np.where(sound[:, None], project(camera, p_cam_m), np.nan)


def projected_line(
    camera: CameraModel, p_cam_m: F64, style: LineStyle, depth_m: F32 | None = None
) -> tuple[Mark, ...]:
    """Return the marks of a line through points (N, 3) in the camera's frame, metres.

    Nothing of it is drawn behind the near plane (1 mm), beyond the lens' field or outside of the picture. ``depth_m`` (H, W)
    is the nearest surface's z, inf where there is none: what lies behind it is hidden. A point is nothing.
    """
    points = np.asarray(p_cam_m, dtype=np.float64)
    lines: list[Polyline] = []
    for run in _runs(_sampled(camera, points, style.width_px + style.halo_px)):
        uv = run[:, 3:]
        hidden = _hidden(uv, run[:, 2], depth_m)
        lines += _pieces(uv, hidden, style)
    return with_halos(lines, style.halo_px)


def with_halos(lines: Sequence[Polyline], halo_px: float) -> tuple[Mark, ...]:
    """Return lines over the halos of them all: where two meet, no halo lies over a line."""
    if halo_px <= 0:
        return tuple(lines)
    dark = [replace(m, rgb=BLACK, width_px=m.width_px + 2 * halo_px, alpha=HALO * m.alpha) for m in lines]
    return (*dark, *lines)


def _sampled(camera: CameraModel, points: F64, reach_px: float) -> list[F64]:
    """Return each segment's samples (n, 5) that can be seen, x, y, z, u, v, evenly spaced; NaN where they break off."""
    field = float(CAMERAS.row(camera)[FIELD])
    found: list[F64] = []
    for a, b in pairwise(points):
        t0, t1 = _clipped(a, b, field)
        if t0 <= t1:
            start, end = a + t0 * (b - a), a + t1 * (b - a)
            samples = start + _parameters(camera, start, end)[:, None] * (end - start)
            both = np.concatenate([samples, project(camera, samples)], axis=1)
            both[~_seen(camera, both, field, reach_px)] = np.nan
            found.append(both)
        if not t0 <= t1 == 1.0:
            found.append(np.full((1, 5), np.nan))
    return found


def _clipped(a: F64, b: F64, field: float) -> tuple[float, float]:
    """Return the part t0 to t1 of a segment before the near plane and within the lens' field; t0 > t1: none of it."""
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
    if not all(map(math.isfinite, (ax, ay, az, bx, by, bz))):
        return 1.0, 0.0
    near, (fa, fb) = (az - NEAR_M, bz - NEAR_M), (field * az, field * bz)
    t0, t1 = 0.0, 1.0
    for from_a, from_b in near, (fa + ax, fb + bx), (fa - ax, fb - bx), (fa + ay, fb + by), (fa - ay, fb - by):
        if from_a < 0 and from_b < 0:
            return 1.0, 0.0
        if from_a < 0:
            t0 = max(t0, from_a / (from_a - from_b))
        elif from_b < 0:
            t1 = min(t1, from_a / (from_a - from_b))
    return t0, t1


def _parameters(camera: CameraModel, a: F64, b: F64) -> F64:
    """Return 0-1 along a segment, evenly spaced in a picture without distortion."""
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
    length = float(max(camera.K[0, 0], camera.K[1, 1])) * math.hypot(ax / az - bx / bz, ay / az - by / bz)
    s = np.linspace(0.0, 1.0, min(max(math.ceil(length / STEP_PX), 1), MOST_SAMPLES) + 1)
    return np.asarray(s * az / (bz + s * (az - bz)))


def _seen(camera: CameraModel, samples: F64, field: float, reach_px: float) -> BOOLS:
    """Return which samples lie within the lens' field, and in the picture or next to one that does."""
    x, y, z, *_ = samples.T
    sound, uv = np.hypot(x, y) <= field * z, samples[:, 3:]  # z is above 0
    size = np.array([camera.width_px, camera.height_px])
    inside: BOOLS = np.asarray(sound & ((uv >= -reach_px) & (uv <= size + reach_px)).all(axis=1))
    beside = inside.copy()
    beside[1:] |= inside[:-1]
    beside[:-1] |= inside[1:]
    return np.asarray(beside & sound)


def _runs(samples: list[F64]) -> list[F64]:
    """Return the unbroken runs of at least two samples."""
    if not samples:
        return []
    together = np.concatenate(samples)
    good = np.isfinite(together).all(axis=1)
    edges = np.flatnonzero(np.diff(good.astype(np.int8), prepend=0, append=0))
    return [together[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]


def _hidden(uv: F64, z_m: F64, depth_m: F32 | None) -> BOOLS:
    """Return which samples lie behind the surface; none outside of the picture."""
    if depth_m is None:
        return np.zeros(len(uv), bool)
    height, width = depth_m.shape
    x, y = np.round(np.clip(uv, -1e6, 1e6)).astype(np.int64).T
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    surface = np.where(inside, depth_m[np.where(inside, y, 0), np.where(inside, x, 0)], np.inf)
    return np.asarray(z_m > surface + BEHIND_M)


def _pieces(uv: F64, hidden: BOOLS, style: LineStyle) -> list[Polyline]:
    """Return one line a stretch of samples that are alike; each ends where the next one begins."""
    starts = [0, *(np.flatnonzero(np.diff(hidden)) + 1).tolist(), len(uv)]
    lines: list[Polyline] = []
    for first, last in pairwise(starts):
        piece = uv[first : last + 1]
        if len(piece) > 1:
            alpha, dash = (HIDDEN_ALPHA, style.dash_px) if hidden[first] else (1.0, None)
            lines.append(Polyline(piece, style.rgb, style.width_px, alpha=alpha, dash_px=dash))
    return lines
