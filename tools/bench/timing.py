# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One measurement: ours and a peer's calls in turn, so that whatever else the machine does meets both."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Times:
    """The least of ``n`` calls, which others' load disturbs least, and percentiles; milliseconds."""

    n: int
    min_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Entry:
    """One row of the bench: ``ratio`` is ours over the peer's p50; ``limit`` what the project has promised, ``ok`` if it holds.

    ``figure`` names what the limit is about: ratio, p50_ms or p99_ms. ``errors`` are of the answers, where both have a truth.
    """

    name: str
    ours: Times
    peer: str
    theirs: Times | None
    figure: str
    limit: float | None
    errors: dict[str, float]

    @property
    def ratio(self) -> float | None:
        """Return ours over theirs."""
        return None if self.theirs is None else self.ours.p50_ms / self.theirs.p50_ms

    @property
    def ok(self) -> bool | None:
        """Return whether the limit holds; None without one."""
        found = self.ratio if self.figure == 'ratio' else getattr(self.ours, self.figure)
        return None if self.limit is None or found is None else bool(found <= self.limit)

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return {**asdict(self), 'ratio': self.ratio, 'ok': self.ok}


def times(samples_ns: list[int]) -> Times:
    """Return the percentiles of durations in nanoseconds."""
    least, p50, p95, p99 = np.percentile(np.array(samples_ns) / 1e6, (0, 50, 95, 99))
    return Times(len(samples_ns), float(least), float(p50), float(p95), float(p99))


def in_turn(kinds: Sequence[Callable[[], Any]], calls: int, warm: int = 5) -> list[Times]:
    """Time ``calls`` of each in turn, after ``warm`` untimed ones, with Python's garbage collector held back."""
    for _ in range(warm):
        for call in kinds:
            call()
    samples: list[list[int]] = [[] for _ in kinds]
    gc.collect()
    gc.disable()
    try:
        for _ in range(calls):
            for call, kept in zip(kinds, samples, strict=True):
                began = time.perf_counter_ns()
                call()
                kept.append(time.perf_counter_ns() - began)
    finally:
        gc.enable()
    return [times(s) for s in samples]


def alternate(
    ours: Callable[[], Any], theirs: Callable[[], Any] | None, calls: int, warm: int = 5
) -> tuple[Times, Times | None]:
    """Time ours and theirs as ``in_turn`` does."""
    found = in_turn([ours] if theirs is None else [ours, theirs], calls, warm)
    return found[0], found[1] if len(found) > 1 else None


def growth(make: Callable[[int], Callable[[], Any]], sizes: list[int], calls: int) -> dict[str, list[float]]:
    """Return the p50 (ms) of calls at growing sizes, and the exponent of n between the smallest and the largest."""
    p50 = [alternate(make(n), None, calls, warm=2)[0].p50_ms for n in sizes]
    slope = float(np.polyfit(np.log(sizes), np.log(p50), 1)[0])
    return {'n': [float(n) for n in sizes], 'p50_ms': p50, 'exponent': [slope]}
