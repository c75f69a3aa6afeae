# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The draped torso of the synthetic scene: a height field over the reference board's plane, metres, in ref.

It is kept less steep than any camera ray of the scene, so that no part of it hides another and one texture look-up per
pixel draws it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from arsurg_ros.types import F32, F64

TABLE_Z_M = -0.035
TORSO_X_M = 0.195
HALF_WIDTH_M = 0.165
BULGE_M = 0.080
OPENING_M = (0.205, 0.0, 0.098, 0.092, 0.028)
"""The drape's opening: centre x, y, half width, half height, corner radius."""


def surface_height_m(x_m: ArrayLike, y_m: ArrayLike) -> F64:
    """Return z of the skin or drape over (x, y), any equal shapes."""
    x = np.asarray(x_m, dtype=np.float64)
    y = np.asarray(y_m, dtype=np.float64)
    s = np.clip(np.abs(x - TORSO_X_M) / HALF_WIDTH_M, 0.0, 1.0)
    chest = 1.0 + 0.12 * np.tanh((y - 0.03) / 0.12)
    bulge = BULGE_M * chest * (1.0 - s * s) ** 2
    navel = 0.006 * np.exp(-((x - 0.2) ** 2 + (y + 0.078) ** 2) / (2 * 0.007**2))
    margin = 0.004 * np.exp(-(((y - 0.055 + 1.6 * (x - 0.2) ** 2 / 0.1) / 0.02) ** 2)) * (1.0 - s * s)
    return TABLE_Z_M + bulge + margin - navel


def surface_normal(x_m: ArrayLike, y_m: ArrayLike) -> F64:
    """Return unit normals (..., 3) of the surface, by central differences over 1 mm."""
    x = np.asarray(x_m, dtype=np.float64)
    y = np.asarray(y_m, dtype=np.float64)
    h = 5e-4
    dx = (surface_height_m(x + h, y) - surface_height_m(x - h, y)) / (2 * h)
    dy = (surface_height_m(x, y + h) - surface_height_m(x, y - h)) / (2 * h)
    n = np.stack([-dx, -dy, np.ones_like(dx)], axis=-1)
    return np.asarray(n / np.linalg.norm(n, axis=-1, keepdims=True), dtype=np.float64)


def opening_distance_m(x_m: F32, y_m: F32) -> F32:
    """Return the signed distance to the edge of the drape's opening, negative where skin shows."""
    cx, cy, hw, hh, r = OPENING_M
    qx, qy = np.abs(x_m - cx) - hw + r, np.abs(y_m - cy) - hh + r
    outside = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0))
    return np.asarray(outside + np.minimum(np.maximum(qx, qy), 0) - r, dtype=np.float32)


def on_surface(x_m: float, y_m: float) -> F64:
    """Return the point (3,) of the surface over (x, y)."""
    return np.array([x_m, y_m, float(surface_height_m(x_m, y_m))])
