# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pivot calibration as a picture: what every pose leaves, and how far the tool swung."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from arsurg_ros.registration.pivot import PivotCalibration
from arsurg_ros.types import F64

GOOD, BAD, INK = '#1f6fb4', '#d1442f', '#555555'


def draw_pivot(figure: Figure, found: PivotCalibration, T: F64) -> None:
    """Draw the residuals of T_trk_tool (N, 4, 4), outliers marked, beside the directions that the tool took."""
    figure.suptitle(
        f'Pivot calibration, {found.method}: tip within {1e3 * found.tip_margin95_m:.2f} mm (95 %), '
        f'rms {1e3 * found.rms_m:.2f} mm, {found.inlier.sum()} of {len(found.inlier)} poses'
    )
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    size, index = 1e3 * np.linalg.norm(found.residuals_m, axis=1), np.arange(len(found.inlier))
    for chosen, colour, label in ((found.inlier, GOOD, 'used'), (~found.inlier, BAD, 'left out')):
        if chosen.any():
            left.bar(index[chosen], size[chosen], color=colour, label=f'{label} ({chosen.sum()})')
    left.axhline(1e3 * found.rms_m, color=INK, linestyle='--', linewidth=1, label=f'rms {1e3 * found.rms_m:.2f} mm')
    left.set(xlabel='pose (from 0)', ylabel='tip to pivot (mm)', title='What every pose leaves')
    left.margins(x=0.01)
    left.legend()
    _draw_swings(right, found, T)


def _draw_swings(axes: Axes, found: PivotCalibration, T: F64) -> None:
    """Look down the mean shaft: each pose's direction from the tip to the tool's origin, as angles from the mean."""
    tilts = tilts_deg(T, found.tip_m)
    top = float(np.linalg.norm(tilts, axis=1).max()) * 1.1
    for chosen, colour, label in ((found.inlier, GOOD, 'used'), (~found.inlier, BAD, 'left out')):
        if chosen.any():
            axes.plot(*tilts[chosen].T, 'o', color=colour, markersize=4, label=label)
    axes.set(
        xlabel='tilt (deg)', ylabel='tilt across (deg)', xlim=(-top, top), ylim=(-top, top), aspect='equal',
        title=f'Tilt of the shaft (range {np.degrees(found.range_rad):.0f} deg)',
    )
    axes.axhline(0, color=INK, linewidth=0.5)
    axes.axvline(0, color=INK, linewidth=0.5)
    axes.grid(alpha=0.3)


def tilts_deg(T: F64, tip_m: F64) -> F64:
    """Return (N, 2): how far the line from the tip to the tool's origin leans from its mean, as two angles in degrees."""
    length = float(np.linalg.norm(tip_m))
    shaft = -tip_m / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])
    lines = T[:, :3, :3] @ shaft
    mean = lines.mean(axis=0)
    mean /= np.linalg.norm(mean)
    side = np.eye(3)[int(np.argmin(np.abs(mean)))]
    first = np.cross(mean, side)
    first /= np.linalg.norm(first)
    across = np.stack([lines @ first, lines @ np.cross(mean, first)], axis=1)
    sine = np.linalg.norm(across, axis=1, keepdims=True)
    angle = np.arctan2(sine, (lines @ mean)[:, None])
    return np.asarray(np.degrees(np.where(sine > 1e-12, across / np.maximum(sine, 1e-12) * angle, 0.0)), dtype=np.float64)
