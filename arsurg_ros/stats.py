# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Latency samples a stage, and their percentiles."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

KEPT_SAMPLES = 20_000


@dataclass(frozen=True)
class Percentiles:
    """Nearest-rank free (linear) percentiles of ``n`` samples, milliseconds."""

    n: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


def percentiles(samples_ns: deque[int] | list[int]) -> Percentiles:
    """Return the percentiles of durations in nanoseconds; raises ValueError for none."""
    if not samples_ns:
        raise ValueError('no samples')
    ms = np.fromiter(samples_ns, dtype=np.float64) / 1e6
    p50, p95, p99 = np.percentile(ms, (50, 95, 99))
    return Percentiles(len(ms), float(p50), float(p95), float(p99), float(ms.max()))


@dataclass
class StageStats:
    """The durations of a node's stages and its event counters; keeps the last 20,000 samples of each stage."""

    stages: dict[str, deque[int]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, stage: str, duration_ns: int) -> None:
        """Add one duration of a stage."""
        self.stages.setdefault(stage, deque(maxlen=KEPT_SAMPLES)).append(duration_ns)

    def summary(self) -> dict[str, Percentiles]:
        """Return the percentiles of every stage that has samples."""
        return {stage: percentiles(samples) for stage, samples in self.stages.items() if samples}
