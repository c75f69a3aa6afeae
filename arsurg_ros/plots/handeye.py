# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A hand-eye calibration as a picture: residuals of every pair, and how the robot turned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from arsurg_ros.geometry import se3
from arsurg_ros.registration.handeye import HandEyeResult
from arsurg_ros.types import F64

GOOD, BAD, RMS = '#1f6f8b', '#d1495b', '#555555'
MARKED = 12


def draw_handeye(figure: Figure, result: HandEyeResult, robot: F64) -> None:
    """Draw residuals in mm and deg (left) and the rotation of each pose against the mean, as vectors (right)."""
    grid = figure.add_gridspec(2, 2, width_ratios=[1.5, 1])
    used = int(result.inliers.sum())
    margin = result.transforms[result.main].margin95_m * 1e3
    figure.suptitle(
        f'{result.setup}: {result.main}, {used} of {len(result.inliers)} pairs, true within {margin:.2f} mm (95 %)'
    )
    upper = figure.add_subplot(grid[0, 0])
    lower = figure.add_subplot(grid[1, 0], sharex=upper)
    _residuals(upper, np.linalg.norm(result.translation_m, axis=1) * 1e3, result, result.rms_m * 1e3, 'mm')
    rotation = np.degrees(np.linalg.norm(result.rotation_rad, axis=1))
    _residuals(lower, rotation, result, math.degrees(result.rms_rad), 'deg')
    lower.set_xlabel('pair')
    _rotations(figure.add_subplot(grid[:, 1], projection='3d'), result, robot)


def _residuals(axes: Any, values: F64, result: HandEyeResult, rms: float, unit: str) -> None:
    index, kept = np.arange(len(values)), result.inliers
    many = len(values) > 150
    style = {'linestyle': 'none', 'marker': '.', 'markersize': 3 if many else 7}
    if not many:
        axes.vlines(index[kept], 0, values[kept], color=GOOD, linewidth=1)
    axes.plot(index[kept], values[kept], color=GOOD, label='used', **style)
    top = 1.25 * float(values[kept].max()) if kept.any() else 1.0
    if (~kept).any():
        # Gross outliers are marked at the rim, so that the others stay readable.
        shown = np.minimum(values[~kept], top)
        axes.plot(index[~kept], shown, 'x', color=BAD, label='rejected', markersize=5 if many else 7, clip_on=False)
        style = {'textcoords': 'offset points', 'ha': 'center', 'fontsize': 7, 'color': BAD}
        if np.count_nonzero(~kept) <= MARKED:
            for i, y in zip(index[~kept], shown, strict=True):
                axes.annotate(f'{values[i]:.3g}', (i, y), (0, -11), **style)
    axes.axhline(rms, color=RMS, linestyle='--', linewidth=1, label=f'rms {rms:.3g} {unit}')
    axes.set_ylim(0, top * 1.05 or 1.0)
    axes.set_ylabel(f'{"translation" if unit == "mm" else "rotation"} residual ({unit})')
    axes.grid(alpha=0.3)
    axes.legend(loc='upper right', fontsize=8, framealpha=0.9)


def _rotations(axes: Any, result: HandEyeResult, robot: F64) -> None:
    from scipy.spatial.transform import Rotation

    mean = Rotation.from_matrix(robot[result.inliers, :3, :3]).mean().as_matrix()
    w = np.degrees([se3.to_rotvec(mean.T @ R) for R in robot[:, :3, :3]])
    kept = result.inliers
    if len(w) <= 150:
        for v, k in zip(w, kept, strict=True):
            axes.plot(*np.stack([np.zeros(3), v]).T, color=GOOD if k else BAD, linewidth=0.7, alpha=0.5)
    axes.scatter(*w[kept].T, color=GOOD, s=10, depthshade=False)
    if (~kept).any():
        axes.scatter(*w[~kept].T, color=BAD, marker='x', s=24, depthshade=False)
    reach = max(float(np.abs(w).max()), 1.0)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), zlim=(-reach, reach))
    axes.locator_params(nbins=4)
    axes.tick_params(labelsize=7)
    axes.set_xlabel('x (deg)')
    axes.set_ylabel('y (deg)')
    axes.set_zlabel('z (deg)')
    axes.set_box_aspect((1, 1, 1), zoom=0.92)
    off = math.degrees(result.motion.off_axis_rad)
    axes.set_title(f'rotations of the robot against their mean\n{off:.1f} deg rms away from the main axis', fontsize=9)
