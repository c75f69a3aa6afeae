# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A surface registration: distances before and after, and where they lie on the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from arsurg_ros.types import F64

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_POINTS, MOST_TRIANGLES = 6000, 8000
BEFORE, AFTER, MESH = '#b0b0b0', '#2a6fbb', '#d9d3c7'


def draw_surface(
    figure: Figure,
    vertices: F64,
    triangles: Any,
    points: F64,
    before_mm: F64,
    after_mm: F64,
    unit: str,
    title: str,
) -> None:
    """Draw distances (N,), mm, infinite left out, and the moved points (N, 3) over the target, both in ``unit``."""
    grid = figure.add_gridspec(1, 2, width_ratios=(1, 1.4))
    bins, space = figure.add_subplot(grid[0]), figure.add_subplot(grid[1], projection='3d')
    figure.suptitle(title)
    _histogram(bins, before_mm, after_mm)
    rng = np.random.default_rng(0)
    if triangles is not None and len(triangles):
        faces = _some(rng, np.asarray(triangles), MOST_TRIANGLES)
        space.plot_trisurf(*vertices.T, triangles=faces, color=MESH, alpha=0.12, linewidth=0, shade=False)
    else:
        space.scatter(*_some(rng, vertices, MOST_POINTS).T, s=0.4, color='#999999', alpha=0.4, depthshade=False)
    shown = _some(rng, np.flatnonzero(np.isfinite(after_mm)), MOST_POINTS)
    top = float(np.percentile(after_mm[shown], 98)) if len(shown) else 1.0
    size = 14 if len(shown) < 1000 else 2
    drawn = space.scatter(
        *points[shown].T, c=after_mm[shown], s=size, cmap='viridis', vmin=0, vmax=max(top, 1e-9), depthshade=False
    )
    figure.colorbar(drawn, ax=space, label='distance to the surface, mm', extend='max', shrink=0.65, pad=0.14)
    lost = int(np.count_nonzero(~np.isfinite(after_mm)))
    space.set(xlabel=f'x, {unit}', ylabel=f'y, {unit}', zlabel=f'z, {unit}')
    beyond = f', {lost} beyond reach not shown' if lost else ''
    space.set_title(f'{len(after_mm) - lost} points on the target{beyond}', fontsize=10)
    space.set_aspect('equal')


def _histogram(axes: Any, before_mm: F64, after_mm: F64) -> None:
    kept = [v[np.isfinite(v)] for v in (before_mm, after_mm)]
    high = max((float(v.max()) for v in kept if len(v)), default=1.0)
    low = max(float(np.percentile(kept[1], 1)) if len(kept[1]) else 0.0, 1e-4 * high, 1e-9)
    edges = np.geomspace(low, max(high, 10 * low), 50)
    for v, color, label in zip(kept, (BEFORE, AFTER), ('before', 'after'), strict=True):
        median = f', median {np.median(v):.3g} mm' if len(v) else ''
        axes.hist(np.maximum(v, low), edges, color=color, alpha=0.75, label=f'{label}{median}')
    axes.set_xscale('log')
    axes.set(xlabel='distance, mm', ylabel='points')
    axes.set_title('Distance of the points to the surface', fontsize=10)
    axes.legend()
    axes.grid(alpha=0.3)


def _some(rng: np.random.Generator, rows: Any, most: int) -> Any:
    """Return the rows, or a sample where there are many."""
    return rows if len(rows) <= most else rows[np.sort(rng.choice(len(rows), most, replace=False))]
