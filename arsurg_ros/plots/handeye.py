# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A hand-eye calibration as a picture: residuals of every pair, and how the robot turned."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from arsurg_ros.types import F64

GOOD, BAD, RMS = '#1f6f8b', '#d1495b', '#555555'
MARKED, MANY = 12, 150
Bool = NDArray[np.bool_]


def draw_handeye(
    figure: Figure, title: str, residual_mm: F64, residual_deg: F64, used: Bool, turned_deg: F64, off_axis_deg: float
) -> None:
    """Draw the residuals (N,) of every pair, those rejected marked, and the robot's rotation vectors ``turned_deg`` (N, 3).

    ``used`` (N,) marks the pairs of the fit; ``off_axis_deg`` is the rms rotation away from the main axis.
    """
    figure.suptitle(title)
    grid = figure.add_gridspec(2, 2, width_ratios=[1.5, 1])
    upper = figure.add_subplot(grid[0, 0])
    lower = figure.add_subplot(grid[1, 0], sharex=upper)
    _residuals(upper, residual_mm, used, 'translation', 'mm')
    _residuals(lower, residual_deg, used, 'rotation', 'deg')
    lower.set_xlabel('pair')
    turned = figure.add_subplot(grid[:, 1], projection='3d')
    _rotations(turned, turned_deg, used)
    said = f'rotations of the robot against their mean\n{off_axis_deg:.1f} deg rms away from the main axis'
    turned.set_title(said, fontsize=9)


def _residuals(axes: Any, values: F64, used: Bool, what: str, unit: str) -> None:
    index, many = np.arange(len(values)), len(values) > MANY
    if not many:
        axes.vlines(index[used], 0, values[used], color=GOOD, linewidth=1)
    axes.plot(index[used], values[used], '.', color=GOOD, markersize=3 if many else 7, label='used')
    top = 1.25 * float(values[used].max()) or 1.0
    if (~used).any():
        # Gross outliers are marked at the rim, so that the others stay readable.
        shown = np.minimum(values[~used], top)
        axes.plot(index[~used], shown, 'x', color=BAD, label='rejected', markersize=5 if many else 7, clip_on=False)
        style = {'textcoords': 'offset points', 'ha': 'center', 'fontsize': 7, 'color': BAD}
        for k, (i, y) in enumerate(zip(index[~used], shown, strict=True) if len(shown) <= MARKED else ()):
            axes.annotate(f'{values[i]:.3g}', (i, y), (0, -11 - 8 * (k % 2)), **style)
    rms = float(np.sqrt((values[used] ** 2).mean()))
    axes.axhline(rms, color=RMS, linestyle='--', linewidth=1, label=f'rms {rms:.3g} {unit}')
    axes.set_ylim(0, top * 1.05)
    axes.set_ylabel(f'{what} residual ({unit})')
    axes.grid(alpha=0.3)
    axes.legend(loc='lower right', bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.2, fontsize=8, frameon=False)


def _rotations(axes: Any, turned_deg: F64, used: Bool) -> None:
    if len(turned_deg) <= MANY:
        for v, k in zip(turned_deg, used, strict=True):
            axes.plot(*np.stack([np.zeros(3), v]).T, color=GOOD if k else BAD, linewidth=0.7, alpha=0.5)
    axes.scatter(*turned_deg[used].T, color=GOOD, s=10, depthshade=False)
    if (~used).any():
        axes.scatter(*turned_deg[~used].T, color=BAD, marker='x', s=24, depthshade=False)
    reach = max(float(np.abs(turned_deg).max()), 1.0)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), zlim=(-reach, reach))
    axes.locator_params(nbins=4)
    axes.tick_params(labelsize=7)
    axes.set(xlabel='x (deg)', ylabel='y (deg)', zlabel='z (deg)')
    axes.set_box_aspect((1, 1, 1), zoom=0.85)
