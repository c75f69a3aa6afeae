# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Spin calibration as a picture: wobble and distance over the turn."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from arsurg_ros.registration.spin import SpinCalibration

BLUE, RED, INK = '#1f6fb4', '#d1442f', '#555555'


def draw_spin(figure: Figure, found: SpinCalibration) -> None:
    """Draw what every pose leaves of axis and place, over the angle that the tool stood at."""
    figure.suptitle(
        f'Spin calibration: turned {np.degrees(found.turn_rad):.0f} deg, axis known to '
        f'{np.degrees(found.axis_sigmas_rad.max()):.3f} deg (sigma), {len(found.turns_rad)} poses'
    )
    upper, lower = figure.subplots(2, 1, sharex=True)
    turns = np.degrees(found.turns_rad)
    rows = (
        (upper, np.degrees(found.wobbles_rad), np.degrees(found.wobble_rad), BLUE, 'wobble of the axis', 'deg'),
        (lower, 1e3 * found.radials_m, 1e3 * found.radial_m, RED, 'calmest point off', 'mm'),
    )
    for axes, values, rms, colour, label, unit in rows:
        axes.plot(turns, values, 'o', color=colour, markersize=4)
        axes.axhline(rms, color=INK, linestyle='--', linewidth=1, label=f'rms {rms:.3f} {unit}')
        axes.set(ylabel=f'{label} ({unit})', ylim=(0, None))
        axes.grid(alpha=0.3)
        axes.legend(loc='upper right')
    lower.set_xlabel('turn about the axis (deg, from the first pose)')
