# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from arsurg_ros.stats import KEPT_SAMPLES, StageStats, percentiles


def test_percentiles_in_milliseconds():
    p = percentiles([k * 1_000_000 for k in range(101)])
    assert (p.n, p.p50_ms, p.p95_ms, p.p99_ms, p.max_ms) == (101, 50.0, 95.0, 99.0, 100.0)
    with pytest.raises(ValueError, match='no samples'):
        percentiles([])


def test_samples_are_bounded():
    stats = StageStats()
    for k in range(KEPT_SAMPLES + 5):
        stats.add('render', k)
    assert stats.summary()['render'].n == KEPT_SAMPLES
