# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A sphere's fit as a picture: where the points lie on it, and how far off."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from arsurg_ros.registration.sphere import SphereFit
from arsurg_ros.types import F64

BLUE, INK = '#1f6fb4', '#555555'


def draw_sphere(figure: Figure, found: SphereFit, points_m: F64) -> None:
    """Draw the signed distances of points (N, 3), metres, over longitude and latitude, and their histogram."""
    figure.suptitle(
        f'Sphere of radius {1e3 * found.radius_m:.3f} mm: rms {1e3 * found.rms_m:.3f} mm, {len(points_m)} points, '
        f'centre within {1e3 * found.margin95_m:.3f} mm (95 %)'
    )
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    ray = points_m - found.centre_m
    longitude = np.degrees(np.arctan2(ray[:, 1], ray[:, 0]))
    latitude = np.degrees(np.arcsin(np.clip(ray[:, 2] / np.linalg.norm(ray, axis=1), -1, 1)))
    off, top = 1e3 * found.residuals_m, max(float(np.quantile(np.abs(found.residuals_m), 0.99)) * 1e3, 1e-9)
    dots = left.scatter(longitude, latitude, c=off, s=6, cmap='coolwarm', vmin=-top, vmax=top, linewidths=0)
    figure.colorbar(dots, ax=left, label='outside of the surface (mm)')
    left.set(
        xlabel='longitude (deg)', ylabel='latitude (deg)', xlim=(-180, 180), ylim=(-90, 90), xticks=np.arange(-180, 181, 60),
        yticks=np.arange(-90, 91, 30), title='Where the points lie (from the centre)',
    )
    left.grid(alpha=0.3)
    right.hist(off, bins=50, color=BLUE)
    right.axvline(0, color=INK, linestyle='--', linewidth=1)
    right.set(xlabel='outside of the surface (mm)', ylabel='points', title='Distances')
