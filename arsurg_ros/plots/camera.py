# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of a camera's calibration: where in the picture there were corners, how far off they are, view by view."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from arsurg_ros.types import CalibratedView, CameraCalibration, CameraModel, CameraPlacement, PlacedView

USED, LEFT_OUT, ARROW = '#2b6ca3', '#c8442f', '#1a1a1a'
DENSITY = LinearSegmentedColormap.from_list('density', ['#ffffff', '#d7e6f2', '#8fb8d8'])
MOST_ARROWS = 1500
STRIP = 0.1
MOST_NAMES, LONGEST = 30, 16


def draw_calibration(figure: Figure, left: CameraCalibration, right: CameraCalibration | None = None) -> None:
    """Draw coverage and residuals beside the error of every view; a stereo pair as two rows."""
    rows = [('', left)] if right is None else [('left: ', left), ('right: ', right)]
    figure.set_size_inches(11.5, 5.4 * len(rows))
    axes = figure.subplots(len(rows), 2, squeeze=False, width_ratios=(1.25, 1))
    for (name, found), (coverage, errors) in zip(rows, axes, strict=True):
        used = sum(v.used for v in found.views)
        _density(coverage, found)
        _residuals(coverage, found.camera, found.views)
        coverage.set_title(
            f'{name}corners in {100 * found.coverage:.0f} % of the picture, {100 * found.hull:.0f} % of its area within them',
            fontsize=10,
        )
        _bars(errors, found.views, found.limit_px, found.rms_px)
        errors.set_title(f'{name}{used} of {len(found.views)} views used, {found.rms_px:.3f} px rms', fontsize=10)
    K = left.camera.K
    figure.suptitle(f'Camera calibration: fx {K[0, 0]:.1f} px, fy {K[1, 1]:.1f} px', fontsize=12)


def draw_placement(figure: Figure, found: CameraPlacement, camera: CameraModel) -> None:
    """Draw the residuals of a camera's pose in the tracker's frame beside the error of every view."""
    figure.set_size_inches(11.5, 5.2)
    picture, errors = figure.subplots(1, 2, width_ratios=(1.25, 1))
    _residuals(picture, camera, found.views)
    picture.set_title('seen - projected through the tracker', fontsize=10)
    _bars(errors, found.views, found.limit_px, found.rms_px)
    used = sum(v.used for v in found.views)
    error = f'{found.rms_px:.2f} px, {1e3 * found.rms_m:.2f} mm rms'
    errors.set_title(f'{used} of {len(found.views)} views used, {error}', fontsize=10)
    figure.suptitle('Camera in the frame of the tracker', fontsize=12)


def _density(ax: Axes, found: CameraCalibration) -> None:
    """Shade the grid by its number of corners: what is white was not seen."""
    w, h = found.camera.width_px, found.camera.height_px
    uv = np.concatenate([v.uv_px for v in found.views if v.used])
    counts, x, y = np.histogram2d(uv[:, 0], uv[:, 1], bins=found.grid, range=[[-0.5, w - 0.5], [-0.5, h - 0.5]])
    shades = ax.pcolormesh(x, y, counts.T, cmap=DENSITY, vmin=0, edgecolors='white', linewidth=0.8)
    ax.figure.colorbar(shades, ax=ax, label='corners in a field', shrink=0.75, pad=0.02)


def _residuals(ax: Axes, camera: CameraModel, views: Sequence[CalibratedView] | Sequence[PlacedView]) -> None:
    """Draw every corner with its residual as a line, so much longer that it can be seen; the scale is in the legend."""
    for used, colour, label in ((True, USED, 'used'), (False, LEFT_OUT, 'left out')):
        chosen = [v for v in views if v.used == used and len(v.uv_px) and np.isfinite(v.residuals_px).all()]
        if not chosen:
            continue
        uv, off = (np.concatenate([getattr(v, k) for v in chosen]) for k in ('uv_px', 'residuals_px'))
        ax.plot(uv[:, 0], uv[:, 1], '.', color=colour, markersize=2.5, label=f'{label}: {len(uv)} corners, {len(chosen)} views')
        if used:
            some = np.random.default_rng(0).permutation(len(uv))[:MOST_ARROWS]
            size = float(np.sqrt((off**2).sum(axis=1).mean()))
            scale = _round_down(0.025 * camera.width_px / max(size, 1e-6))
            ends = uv[some] + scale * off[some]
            lines = np.stack([uv[some], ends])
            ax.plot(lines[..., 0], lines[..., 1], '-', color=ARROW, linewidth=0.5, alpha=0.6)
            ax.plot([], [], '-', color=ARROW, linewidth=0.8, label=f'residual, x {scale:g}')
    right, bottom = camera.width_px - 0.5, camera.height_px - 0.5
    ax.plot([-0.5, right, right, -0.5, -0.5], [-0.5, -0.5, bottom, bottom, -0.5], '-', color=ARROW, linewidth=1.0)
    ax.set_xlim(-0.5, right)
    ax.set_ylim(bottom + STRIP * camera.height_px, -0.5)  # a strip below the picture for the legend
    ax.set_aspect('equal')
    ax.set_xlabel('u [px]')
    ax.set_ylabel('v [px]')
    ax.legend(loc='lower left', ncols=3, fontsize=7.5, frameon=False, handletextpad=0.4, columnspacing=1.2)


def _bars(ax: Axes, views: Sequence[CalibratedView] | Sequence[PlacedView], limit_px: float, rms_px: float) -> None:
    """Draw the error of every view that shows the board, those left out in red; one far above all is cut off and labelled."""
    shown = [v for v in views if np.isfinite(v.rms_px)]
    errors = np.array([v.rms_px for v in shown])
    used = np.array([v.used for v in shown])
    at = np.arange(len(shown))
    high = max(float(errors[used].max()), rms_px, limit_px if np.isfinite(limit_px) else 0.0)
    top = min(float(errors.max()), 2.5 * high) if errors.max() > high else high
    for mask, colour, label in ((used, USED, 'used'), (~used, LEFT_OUT, 'left out')):
        if mask.any():
            ax.bar(at[mask], np.minimum(errors[mask], top), color=colour, width=0.8, label=label)
    ax.axhline(rms_px, color=ARROW, linewidth=0.8, linestyle=':', label=f'all used: {rms_px:.2f} px rms')
    if np.isfinite(limit_px):
        ax.axhline(limit_px, color=LEFT_OUT, linewidth=0.9, linestyle='--', label=f'limit {limit_px:.2f} px')
    for x in at[errors > top]:
        ax.annotate(f'{errors[x]:.1f}', (x, top), (0, 2), textcoords='offset points', ha='center', va='bottom', fontsize=7)
    ax.set_ylim(0, 1.3 * top)
    ax.set_ylabel('reprojection error of the view, rms [px]')
    if len(shown) <= MOST_NAMES:
        ax.set_xticks(at, _short([v.name for v in shown]), rotation=90, fontsize=7)
    else:
        ax.set_xlabel('view, in order')
    ax.legend(fontsize=8, loc='upper left', ncols=2, frameon=False)


def _round_down(value: float) -> float:
    """Return the next lower 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * next(k for k in (5, 2, 1) if k * power <= value * (1 + 1e-9)))


def _short(names: Sequence[str]) -> list[str]:
    """Return names without what all begin and end with."""
    first = _common(names) if len(set(names)) > 1 else 0
    first = len(names[0][:first].rstrip('0123456789')) if names else 0  # numbers stay whole
    last = _common([n[first:][::-1] for n in names]) if first else 0
    # What is still long differs most likely at its end.
    return [n if len(n) <= LONGEST else f'…{n[1 - LONGEST:]}' for n in (n[first : len(n) - last] or n for n in names)]


def _common(names: Sequence[str]) -> int:
    return len(list(takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))))
