# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far from the optical axis a camera's geometry can be trusted."""

from __future__ import annotations

import math

import numpy as np

from arsurg_ros.geometry.camera import distort_fisheye
from arsurg_ros.types import F64

_DIRECTIONS, _STEPS, _FARTHEST = 128, 1000, 10.0
_FISHEYE_FARTHEST_RAD = np.radians(88.5)
#: The limits of split.rs.
BEND_PX, BEND_DEPTH = 0.25, 5e-4
_TURNS = 24
_MARGIN = 1.06  # 1 / cos(pi / 16) of the field polygon, and a corner that falls between two directions


def field_radius(camera: F64, width_px: int, height_px: int) -> float:
    """Return the radius of x/z, y/z that holds the whole image but stays inside of the distortion's fold.

    Brown-Conrady maps far directions back into the image (a barrel's cubic turns round); beyond the fold nothing can be
    drawn. ``camera`` is fx skew cx fy cy k1 k2 p1 p2 k3, a number that is not read, and 1 for a fisheye (with k1 k2 k3 k4): its
    field is never wider than 88.5 degrees off the axis. Rays in 128 directions are followed until they leave the image
    for good, or until the distortion's Jacobian is no longer positive, whichever direction folds first.
    """
    angle = np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS)
    r = _radii(camera)
    x, y = r * np.cos(angle), r * np.sin(angle)
    pixels, jacobian = _equidistant(camera, x, y) if camera[11] else _distort(camera, x, y)
    sound = np.logical_and.accumulate(jacobian > 0.05, axis=0)
    fold = float(r[sound.sum(axis=0).min() - 1, 0])
    u, v = pixels
    inside = (u > -1) & (u < width_px) & (v > -1) & (v < height_px) & sound
    last = int(np.flatnonzero(inside.any(axis=1)).max(initial=0))
    wanted = float(r[min(last + 1, _STEPS), 0]) * _MARGIN
    return max(min(wanted, fold), 1e-6)


def straight_px(camera: F64, radius: float) -> float:
    """Return a length, pixels, at which a straight edge's picture is nowhere in the field off by the limits of split.rs.

    An edge of length l that a lens of curvature c (1/px) bends is off by l^2 c / 8, and its 1/z by a share of l c / 8 times its
    own change, taken as a tenth; half of the length at which one of them is at its limit is returned. ``camera`` is as in
    ``field_radius``, which gave ``radius``. The curvature is the largest of the pixel map's second differences.
    """
    angle = np.arange(_TURNS) * (2 * np.pi / _TURNS)
    r = np.linspace(0.0, radius, _TURNS + 1)[:, None]
    x, y = (r * np.cos(angle))[..., None], (r * np.sin(angle))[..., None]
    step = 1e-3 * max(radius, 0.1)
    dx, dy = step * np.cos(angle), step * np.sin(angle)
    pixels = _equidistant if camera[11] else _distort
    (u0, v0), _ = pixels(camera, x - dx, y - dy)
    (u1, v1), _ = pixels(camera, x, y)
    (u2, v2), _ = pixels(camera, x + dx, y + dy)
    bend = np.hypot(u2 - 2 * u1 + u0, v2 - 2 * v1 + v0)
    chord = np.hypot(u2 - u0, v2 - v0) / 2
    curvature = float((bend / np.maximum(chord, 1e-12) ** 2).max())
    curvature = max(curvature, 1e-12)
    return 0.5 * min(math.sqrt(8 * BEND_PX / curvature), 8 * BEND_DEPTH / (0.1 * curvature))


def _radii(camera: F64) -> F64:
    if camera[11]:
        angles: F64 = np.linspace(0.0, _FISHEYE_FARTHEST_RAD, _STEPS + 1)
        return np.asarray(np.tan(angles)[:, None], dtype=np.float64)
    return np.asarray(np.linspace(0.0, _FARTHEST, _STEPS + 1)[:, None], dtype=np.float64)


def _equidistant(camera: F64, x: F64, y: F64) -> tuple[tuple[F64, F64], F64]:
    """Return pixels, and how fast the distorted angle grows with the true one."""
    fx, skew, cx, fy, cy, *k = camera[:9]
    xd, yd = distort_fisheye(np.array(k), x, y)
    t2 = np.arctan(np.hypot(x, y)) ** 2
    growth = 1.0 + t2 * (3 * k[0] + t2 * (5 * k[1] + t2 * (7 * k[2] + t2 * 9 * k[3])))
    return (fx * xd + skew * yd + cx, fy * yd + cy), growth


def _distort(camera: F64, x: F64, y: F64) -> tuple[tuple[F64, F64], F64]:
    """Return pixels, and the determinant of the distortion's Jacobian."""
    fx, skew, cx, fy, cy, k1, k2, p1, p2, k3 = camera[:10]
    r2 = x * x + y * y
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    slope = 2.0 * (k1 + r2 * (2.0 * k2 + 3.0 * r2 * k3))
    xd = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    yd = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    xx = radial + x * x * slope + 2 * p1 * y + 6 * p2 * x
    yy = radial + y * y * slope + 6 * p1 * y + 2 * p2 * x
    xy = x * y * slope + 2 * p1 * x + 2 * p2 * y
    radially = np.where(r2 > 0, radial + r2 * slope, 1.0)
    jacobian = np.minimum(xx * yy - xy * xy, radially)
    return (fx * xd + skew * yd + cx, fy * yd + cy), jacobian
