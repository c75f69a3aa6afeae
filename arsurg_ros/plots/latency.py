# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A time offset as a picture: the correlation over offsets, and the two speeds laid over each other."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from arsurg_ros.registration.latency import OffsetEstimate
from arsurg_ros.types import F64

BLUE, RED, INK = '#1f6fb4', '#d1442f', '#555555'
#: So long a stretch is drawn, about the quickest motion: more would hide what matters.
SHOWN_S = 3.0


def draw_latency(figure: Figure, found: OffsetEstimate) -> None:
    """Draw the curve with its peak, and a stretch of both speeds with b's stamps as they are and with the offset added."""
    figure.suptitle(
        f"Time offset: add {1e3 * found.offset_s:+.2f} ms to b's stamps "
        f'(standard error {1e3 * found.sigma_s:.2f} ms, correlation {found.correlation:.3f})'
    )
    top, *rows = figure.subplots(3, 1, height_ratios=(3, 2, 2))
    offsets, curve = found.curve_of_offsets()
    top.plot(1e3 * offsets, curve, color=INK, marker='.', markersize=3, linewidth=1, label='correlation of the speeds')
    top.axvline(1e3 * found.offset_s, color=RED, linewidth=1, label=f'best: {1e3 * found.offset_s:+.2f} ms')
    top.set(xlabel='offset (ms)', ylabel='correlation')
    top.legend(loc='upper right')
    _draw_speeds(rows, found)


def _draw_speeds(rows: list[Axes], found: OffsetEstimate) -> None:
    # Every pair: the slower stream's speed at its own time, the faster one's there after the shift.
    middle, slow, fast = found.pairs[:, :2].mean(axis=1), found.pairs[:, 2], found.pairs[:, 3]
    shift = found.offset_s if found.slow == 'b' else -found.offset_s
    start = _quickest(middle, fast)
    shown = (middle >= start) & (middle <= start + SHOWN_S)
    # No line through a gap.
    broken = np.diff(middle, append=np.inf) > found.window_s
    names = (found.slow, 'a' if found.slow == 'b' else 'b')
    for axes, moved, label in ((rows[0], shift, 'stamps as recorded'), (rows[1], 0.0, "with the offset added to b's")):
        for times, values, name, style in ((middle, slow, names[0], '.'), (middle + moved, fast, names[1], '-')):
            colour = BLUE if name == 'a' else RED
            drawn = np.where(broken & (style == '-'), np.nan, values)[shown]
            axes.plot(times[shown], drawn, style, color=colour, markersize=4, linewidth=1, label=name)
        limit = 1.3 * float(np.nanmax(fast[shown]))
        axes.set(ylabel=f'speed ({found.unit})', xlim=(start, start + SHOWN_S), ylim=(0, limit))
        axes.set_title(label, fontsize='medium', loc='left')
        axes.legend(loc='upper right', ncols=2)
    rows[1].set_xlabel("time after a's first sample (s)")


def _quickest(t: F64, speed: F64) -> float:
    """Return the start of the stretch with the most change."""
    starts = np.arange(t[0], max(t[-1] - SHOWN_S, t[0]) + 1e-9, SHOWN_S / 4)
    parts = [speed[(t >= s) & (t <= s + SHOWN_S)] for s in starts]
    full = max(len(part) for part in parts)
    changes = [float(np.std(part)) * (len(part) / full) ** 2 if len(part) > 1 else 0.0 for part in parts]
    return float(starts[int(np.argmax(changes))])
