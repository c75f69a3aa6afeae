# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which level of detail each mesh is drawn in, so that a frame takes no longer than its budget. Pure: no clock, no kernel.

The levels are put in one order, from all meshes whole to all as coarse as they are: the next step is always the one that
shows least in the picture. The controller moves along that order. Going coarser needs a median over the budget, going
finer a prediction well below it, and a finer step that had to be taken back is tried again ever more rarely; so noise and
a load at the limit do not make the picture flicker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from arsurg_ros.errors import ConfigError, DataError

#: Frames whose median decides, and after how many at one step it may decide at all.
WINDOW, SETTLED = 9, 5
#: Part of the budget that a coarser step aims at, and that a finer one must be predicted to stay within.
AIM, FINER = 0.92, 0.85
#: Frames at a step before a finer one is tried; doubled, up to the most, whenever that had to be taken back.
HOLD, MOST_HOLD = 30, 1920
#: A finer step that lasts so many times as long is no trial any more.
LASTED = 4
#: A mesh whose distance changed by less keeps its place in the order.
MOVED = 0.25


@dataclass(frozen=True)
class Detail:
    """A mesh's levels: their triangles, fewer each time, and their errors in metres, larger each time; level 0 is whole."""

    triangles: tuple[int, ...]
    error_m: tuple[float, ...]


@dataclass(frozen=True)
class LevelChoice:
    """The level of each mesh, the largest error that this shows, pixels, and whether the budget is held.

    ``reason`` says in one line why it cannot be held: everything is as coarse as it can be.
    """

    levels: tuple[int, ...]
    error_px: float
    triangles: int
    held: bool = True
    reason: str = ''


class FrameBudget:
    """Holds the kernel's time below ``budget_ms``: ``choose`` before a frame, ``measured`` after it."""

    def __init__(self, details: Sequence[Detail], budget_ms: float) -> None:
        """Begin with everything whole. Raises ConfigError for a budget that is not positive, DataError for wrong levels."""
        if not 0 < budget_ms < float('inf'):
            raise ConfigError(f'frame budget {budget_ms} ms: a positive number is needed')
        for k, d in enumerate(details):
            if not d.triangles or len(d.triangles) != len(d.error_m) or d.error_m[0] != 0:
                raise DataError(f'levels of mesh {k}: {d}: as many errors as triangles are needed, the first 0')
        self._details, self._budget_ms = tuple(details), budget_ms
        self._scale: tuple[float, ...] = ()
        self._ladder: tuple[tuple[int, ...], ...] = ((0,) * len(details),)
        self._step = 0
        self._times: deque[float] = deque(maxlen=WINDOW)
        self._frames = 0
        self._hold, self._tried = HOLD, False
        self._slope: float | None = None
        self._before: tuple[int, float] | None = None

    def choose(self, depth_m: Sequence[float | None], focal_px: float) -> LevelChoice:
        """Return the levels for a frame in which the meshes' nearest points are so deep; None: behind the camera, or hidden.

        ``focal_px`` is the camera's larger focal length. Raises DataError where there are not as many depths as meshes.
        """
        if len(depth_m) != len(self._details):
            raise DataError(f'{len(depth_m)} depths for {len(self._details)} meshes')
        scale = tuple(0.0 if z is None or not z > 0 else focal_px / z for z in depth_m)
        self._order(scale)
        levels = self._ladder[self._step]
        error_px = float(max((s * d.error_m[n] for s, d, n in zip(scale, self._details, levels, strict=True)), default=0.0))
        held = not (self._last_step() and self._over())
        reason = '' if held else f'the frame takes {self._median():.1f} ms, over {self._budget_ms:g} ms, at the coarsest'
        return LevelChoice(levels, error_px, self._triangles(self._step), held, reason)

    def measured(self, kernel_ms: float) -> None:
        """Take how long the frame that was chosen took; a time that is no time is not counted."""
        if not 0 <= kernel_ms < float('inf'):
            return
        self._times.append(kernel_ms)
        self._frames += 1
        if len(self._times) < SETTLED:
            return
        self._learn()
        if self._tried and self._frames >= LASTED * self._hold:
            self._hold, self._tried = HOLD, False  # the finer step has lasted: the next may be tried as soon
        if self._over() and not self._last_step():
            self._coarser()
        elif self._step and self._frames >= self._hold:
            self._finer()

    def _over(self) -> bool:
        return len(self._times) >= SETTLED and self._median() > self._budget_ms

    def _last_step(self) -> bool:
        return self._step == len(self._ladder) - 1

    def _median(self) -> float:
        return float(median(self._times))

    def _coarser(self) -> None:
        if self._tried:
            self._hold = min(2 * self._hold, MOST_HOLD)
        wanted = AIM * self._budget_ms
        fits = (s for s in range(self._step + 1, len(self._ladder)) if self._predicted(s) <= wanted)
        self._go(next(fits, len(self._ladder) - 1), tried=False)

    def _finer(self) -> None:
        limit = FINER * self._budget_ms
        # Far below the budget it need not go step by step.
        fits = [s for s in range(self._step) if self._predicted(s) <= limit]
        if fits:
            self._go(fits[0], tried=True)

    def _go(self, step: int, tried: bool) -> None:
        self._before = (self._triangles(self._step), self._median())
        self._step, self._tried, self._frames = step, tried, 0
        self._times.clear()

    def _learn(self) -> None:
        """Take the cost of a triangle from what the last change of step has changed."""
        if self._before is None or self._frames < SETTLED:
            return
        triangles, ms = self._before
        change = self._triangles(self._step) - triangles
        if change:
            found = max((self._median() - ms) / change, 0.0)
            self._slope = found if self._slope is None else 0.5 * (self._slope + found)
        self._before = None

    def _predicted(self, step: int) -> float:
        """Return the time at another step, ms; until something was learnt all of it is taken to be the triangles'."""
        here = self._triangles(self._step)
        slope = self._median() / max(here, 1) if self._slope is None else self._slope
        return self._median() + slope * (self._triangles(step) - here)

    def _triangles(self, step: int) -> int:
        rows = zip(self._details, self._ladder[step], self._scale, strict=True)
        return sum(d.triangles[n] for d, n, scale in rows if scale > 0)

    def _order(self, scale: tuple[float, ...]) -> None:
        """Put the levels in order for how large the meshes are now, unless they are nearly as large as before."""
        if self._scale and all(_similar(a, b) for a, b in zip(scale, self._scale, strict=True)):
            return
        here = self._triangles(self._step) if self._scale else None
        self._scale, self._ladder = scale, _ladder(self._details, scale)
        self._before = None
        steps = range(len(self._ladder))
        self._step = next((s for s in steps if here is None or self._triangles(s) <= here), len(self._ladder) - 1)


def _similar(a: float, b: float) -> bool:
    return a == b or (min(a, b) > 0 and max(a, b) <= (1 + MOVED) * min(a, b))


def _ladder(details: tuple[Detail, ...], scale: tuple[float, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the levels from whole to coarsest, one mesh a step coarser each time: the one whose error then shows least.

    Meshes that are not in the picture stay whole: they cost nothing.
    """
    levels = [0] * len(details)
    out = [tuple(levels)]
    while True:
        steps = [
            (scale[k] * d.error_m[n + 1], d.triangles[n + 1] - d.triangles[n], k)
            for k, (d, n) in enumerate(zip(details, levels, strict=True))
            if scale[k] > 0 and n + 1 < len(d.triangles)
        ]
        if not steps:
            return tuple(out)
        levels[min(steps)[2]] += 1
        out.append(tuple(levels))
