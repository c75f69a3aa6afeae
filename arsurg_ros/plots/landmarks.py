# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The picture of a landmark registration: residuals and errors as bars, and where the landmarks lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.types import F64, RegistrationResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

USED, REJECTED, TARGET, SIDE = '#3b6fb6', '#c0392b', '#e08a1e', '#7f8c8d'
MOST_NAMED = 16


def draw_landmarks(figure: Figure, result: RegistrationResult, p_fixed_m: F64, p_moving_m: F64) -> None:
    """Draw on an empty figure; points (N, 3) in metres, in the order of the result's names."""
    bars, space = figure.subplots(1, 2, width_ratios=(1, 1.1))
    figure.suptitle(_title(result))
    _draw_bars(bars, result)
    space.remove()
    _draw_space(figure.add_subplot(1, 2, 2, projection='3d'), result, p_fixed_m, p_moving_m)


def _title(result: RegistrationResult) -> str:
    loo = '' if result.loo_tre_m is None else f', leave-one-out TRE {result.loo_tre_m * 1e3:.2f} mm'
    rejected = f', {len(result.rejected)} left out' if result.rejected else ''
    return f'{len(result.names)} landmarks{rejected}: FRE {result.fre_m * 1e3:.2f} mm{loo}'


def _draw_bars(axes: Axes, result: RegistrationResult) -> None:
    colours = [REJECTED if n in result.rejected else USED for n in result.names]
    names = list(result.names)
    heights = [*(result.residuals_m * 1e3), *(t.tre_rms_m * 1e3 for t in result.targets)]
    places = np.arange(len(heights))
    axes.bar(places[: len(names)], heights[: len(names)], color=colours)
    margins = [(t.margin95_m - t.tre_rms_m) * 1e3 for t in result.targets]
    axes.bar(places[len(names) :], heights[len(names) :], color=TARGET)
    bounds = np.array([np.zeros(len(margins)), margins])
    axes.errorbar(places[len(names) :], heights[len(names) :], yerr=bounds, fmt='none', ecolor='black', capsize=4)
    _cut_high_bars(axes, result, [*heights, *(t.margin95_m * 1e3 for t in result.targets)])
    axes.axhline(result.fre_m * 1e3, color=USED, linestyle='--', linewidth=1)
    labels = [*names, *(t.name for t in result.targets)]
    if len(labels) <= MOST_NAMED:
        axes.set_xticks(places, labels, rotation=45, ha='right', rotation_mode='anchor')
    axes.set_ylabel('mm')
    axes.set_title('residuals and errors at targets', fontsize=10)
    _legend(axes, result)


def _cut_high_bars(axes: Axes, result: RegistrationResult, heights: list[float]) -> None:
    """Leave what was rejected out of the scale, and write its size instead."""
    rejected = [i for i, n in enumerate(result.names) if n in result.rejected]
    top = 1.3 * max([h for i, h in enumerate(heights) if i not in rejected], default=1.0)
    if not rejected or max(heights) <= top:
        return
    axes.set_ylim(0, top)
    for i in rejected:
        if heights[i] > top:
            axes.text(i, 0.99 * top, f'{heights[i]:.1f}', color='white', ha='center', va='top', fontsize=8, rotation=90)


def _legend(axes: Axes, result: RegistrationResult) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries: list[Patch | Line2D] = [Patch(color=USED, label='residual'), Line2D([], [], color=USED, ls='--', label='FRE')]
    if result.rejected:
        entries.insert(1, Patch(color=REJECTED, label='left out'))
    if result.targets:
        entries.append(Patch(color=TARGET, label='TRE rms'))
        entries.append(Line2D([], [], color='black', label='95 % margin'))
    axes.legend(handles=entries, fontsize=8, loc='upper center', bbox_to_anchor=(0.5, -0.2), ncols=len(entries))


def _draw_space(axes: Any, result: RegistrationResult, p_fixed_m: F64, p_moving_m: F64) -> None:
    fixed, mapped = p_fixed_m * 1e3, se3.transform(result.T_ref_ct, p_moving_m) * 1e3
    used = np.array([n not in result.rejected for n in result.names])
    axes.scatter(*mapped.T, color=SIDE, marker='o', s=70, facecolors='none', depthshade=False, label='moving, mapped')
    axes.scatter(*fixed[used].T, color=USED, s=18, depthshade=False, label='fixed')
    if not used.all():
        axes.scatter(*fixed[~used].T, color=REJECTED, s=18, depthshade=False, label='fixed, left out')
        for a, b in zip(fixed[~used], mapped[~used], strict=True):
            axes.plot(*np.stack([a, b]).T, color=REJECTED, linewidth=1)
    if result.targets:
        targets = se3.transform(result.T_ref_ct, np.array([t.p_ct_m for t in result.targets])) * 1e3
        axes.scatter(*targets.T, color=TARGET, marker='X', s=60, depthshade=False, label='target')
        for t, p in zip(result.targets, targets, strict=True):
            axes.text(*p, f'  {t.name}', fontsize=8)
    if len(result.names) <= MOST_NAMED:
        for name, p in zip(result.names, mapped, strict=True):
            axes.text(*p, f'  {name}', fontsize=8)
    axes.set_title('where they lie, in fixed', fontsize=10)
    axes.set(xlabel='x (mm)', ylabel='y (mm)', zlabel='z (mm)', aspect='equal')
    for axis in 'xyz':
        axes.locator_params(axis=axis, nbins=4)
    axes.legend(fontsize=8, loc='upper left', bbox_to_anchor=(-0.1, 1.0))
