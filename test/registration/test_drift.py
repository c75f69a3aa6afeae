# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The monitor against fakes that jump, creep, jitter, drop and come back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError
from arsurg_ros.registration.drift import RELEASE, DriftMonitor, Limits, ResidualCheck, Times
from arsurg_ros.types import DriftLevel, DriftStatus

S = 1_000_000_000
STEP = S // 30
LIMITS = Limits(1.0, 2.0, 0.5, 1.5)
OK, UNKNOWN, WARN, ERROR = DriftLevel.OK, DriftLevel.UNKNOWN, DriftLevel.WARN, DriftLevel.ERROR


class Fake:
    """A residual at 30 Hz as a function of the time in seconds; None: no sample. Judged after every step."""

    def __init__(self, limits: Limits = LIMITS, begin_s: float = 2.0, **times: int) -> None:
        self.monitor = DriftMonitor({'residual': ResidualCheck(limits, Times(**times))})
        self.now_ns = 10 * S
        self.begin_ns = self.now_ns + int(begin_s * S)

    def run(self, seconds: float, value: Callable[[float], float | None]) -> list[DriftStatus]:
        out = []
        for _ in range(round(seconds * 30)):
            self.now_ns += STEP
            found = value((self.now_ns - 10 * S) / S)
            if found is not None:
                self.monitor.add('residual', self.now_ns, found)
            if not self.monitor.watching and self.now_ns >= self.begin_ns:
                self.monitor.begin(self.now_ns)
            out.append(self.monitor.judge(self.now_ns))
        return out


def levels(statuses: list[DriftStatus]) -> list[DriftLevel]:
    """Return the levels without repetitions."""
    found = [s.level for s in statuses]
    return [level for k, level in enumerate(found) if k == 0 or level is not found[k - 1]]


def started(**kwargs: object) -> Fake:
    fake = Fake(**kwargs)  # type: ignore[arg-type]
    assert levels(fake.run(3.0, lambda t: 0.2)) == [UNKNOWN, OK]
    return fake


def test_a_quiet_residual_is_ok_and_has_its_baseline() -> None:
    fake = started()
    assert fake.monitor.values() == {'residual_px': '0.2000', 'residual_px.baseline': '0.2000'}
    assert fake.run(1.0, lambda t: 0.2)[-1] == DriftStatus(OK, '')


@pytest.mark.parametrize(
    ('value', 'level'), [(0.65, OK), (0.75, WARN), (1.1, WARN), (1.65, WARN), (1.75, ERROR), (2.5, ERROR)]
)
def test_a_jump_is_told_within_half_the_window(value: float, level: DriftLevel) -> None:
    fake = started()
    before = fake.now_ns
    statuses = fake.run(2.0, lambda t: value)
    assert statuses[-1].level is level
    if level is not OK:
        first = next(k for k, s in enumerate(statuses) if s.level is level)
        assert first * STEP <= 0.6 * S
        assert statuses[-1].reason == f'residual {value:.2f} px, 0.20 at acceptance'
    assert fake.now_ns > before


def test_a_creep_warns_and_then_is_an_error_and_never_goes_back() -> None:
    fake = started()
    assert levels(fake.run(40.0, lambda t: 0.2 + 0.05 * (t - 3))) == [OK, WARN, ERROR]


def test_an_absolute_limit_needs_no_baseline() -> None:
    fake = Fake()
    assert levels(fake.run(4.0, lambda t: 1.2)) == [UNKNOWN, WARN]  # bad from the start: no rise, and yet too large


def test_single_outliers_are_no_drift() -> None:
    fake = started()
    rng = np.random.default_rng(3)
    assert levels(fake.run(30.0, lambda t: 5.0 if rng.random() < 0.2 else 0.2 + 0.1 * rng.random())) == [OK]


def test_jitter_about_the_limit_does_not_flicker() -> None:
    fake = started(window_ns=S // 10)
    rng = np.random.default_rng(4)
    assert levels(fake.run(60.0, lambda t: 0.68 + 0.15 * rng.random())) == [OK, WARN]


def test_better_counts_once_it_has_lasted() -> None:
    fake = started()
    fake.run(2.0, lambda t: 0.9)
    statuses = fake.run(6.0, lambda t: 0.2)
    assert levels(statuses) == [WARN, OK]
    back = next(k for k, s in enumerate(statuses) if s.level is OK) * STEP
    assert 2.0 * S <= back <= 3.2 * S
    # Between the release and the limit a warning stays.
    fake.run(2.0, lambda t: 0.9)
    between = 0.2 + 0.5 * (RELEASE + 1) / 2
    assert levels(fake.run(10.0, lambda t: between)) == [WARN]


def test_silence_is_unknown_and_not_ok() -> None:
    fake = started()
    statuses = fake.run(4.0, lambda t: None)
    assert levels(statuses) == [OK, UNKNOWN] and statuses[-1].reason == 'residual: no data'
    first = next(k for k, s in enumerate(statuses) if s.level is UNKNOWN) * STEP
    assert 1.9 * S <= first <= 2.1 * S
    assert levels(fake.run(1.0, lambda t: 0.2)) == [UNKNOWN, OK]


@pytest.mark.parametrize(('value', 'level'), [(0.9, WARN), (3.0, ERROR)])
def test_silence_takes_no_warning_away(value: float, level: DriftLevel) -> None:
    fake = started()
    fake.run(2.0, lambda t: value)
    statuses = fake.run(60.0, lambda t: None)
    assert levels(statuses) == [level] and statuses[-1].reason == f'residual: no data; it was {level.value}'


def test_short_dropouts_are_bridged_and_a_slow_tracker_is_judged() -> None:
    fake = started()
    assert levels(fake.run(20.0, lambda t: 0.2 if int(t * 0.7) % 2 else None)) == [OK]
    slow = Fake(stale_ns=5 * S)
    assert levels(slow.run(12.0, lambda t: (0.2 if t < 6 else 2.5) if round(t * 30) % 30 == 0 else None))[-2:] == [OK, ERROR]


def test_what_is_no_residual_is_no_data() -> None:
    fake = Fake()
    for value in (float('nan'), float('inf'), -1.0):
        assert {s.level for s in fake.run(3.0, lambda t: value)} == {UNKNOWN}  # noqa: B023
    assert fake.monitor.judge(fake.now_ns).reason == 'no data of residual'


def test_no_residual_at_all_is_unknown_and_one_that_a_tracker_has_is_enough() -> None:
    monitor = DriftMonitor({'a': ResidualCheck(LIMITS), 'b': ResidualCheck(LIMITS)})
    monitor.begin(0)
    assert monitor.judge(0) == DriftStatus(UNKNOWN, 'no data of a, b')
    for k in range(5):
        monitor.add('a', k * STEP, 0.1)
    assert monitor.judge(5 * STEP).level is OK
    for k in range(5):
        monitor.add('b', k * STEP, 0.1)
    assert monitor.judge(5 * STEP).level is OK
    for k in range(5, 200):
        monitor.add('a', k * STEP, 0.1)  # b has fallen silent
    assert monitor.judge(200 * STEP) == DriftStatus(UNKNOWN, 'b: no data')


def test_a_new_acceptance_begins_anew_and_a_clear_ends_it() -> None:
    fake = started()
    fake.run(2.0, lambda t: 0.9)
    fake.monitor.touch('a', ERROR, 'a touched again: 9.00 mm off')
    fake.monitor.begin(fake.now_ns)
    assert levels(fake.run(2.0, lambda t: 0.9)) == [OK]  # 0.9 is the baseline now
    fake.monitor.end()
    assert fake.monitor.judge(fake.now_ns) == DriftStatus(UNKNOWN, 'no registration')


def test_touched_landmarks_count_until_they_are_touched_again() -> None:
    fake = started()
    fake.monitor.touch('a', WARN, 'a touched again: 4.00 mm off')
    assert fake.run(1.0, lambda t: 0.2)[-1] == DriftStatus(WARN, 'a touched again: 4.00 mm off')
    fake.monitor.touch('b', ERROR, 'b touched again: 9.00 mm off')
    assert fake.run(60.0, lambda t: 0.2)[-1] == DriftStatus(ERROR, 'b touched again: 9.00 mm off')
    fake.monitor.touch('b', OK, '')
    assert fake.run(1.0, lambda t: 0.2)[-1].level is WARN
    fake.monitor.touch('a', OK, '')
    assert fake.run(1.0, lambda t: 0.2)[-1].level is OK


def test_a_registration_of_before_is_in_doubt_until_a_landmark_agrees() -> None:
    fake = started()
    fake.monitor.begin(fake.now_ns, 'reloaded: validate it')
    assert fake.run(30.0, lambda t: 0.2)[-1] == DriftStatus(WARN, 'reloaded: validate it')
    fake.monitor.touch('a', WARN, 'a: 4 mm')
    assert fake.run(1.0, lambda t: 0.2)[-1] == DriftStatus(WARN, 'a: 4 mm; reloaded: validate it')
    fake.monitor.touch('a', OK, '')
    assert fake.run(1.0, lambda t: 0.2)[-1].level is OK


def test_a_clock_that_jumps_takes_the_samples_and_leaves_the_level() -> None:
    fake = started()
    fake.run(2.0, lambda t: 0.9)
    fake.monitor.forget()
    fake.now_ns = S
    assert fake.monitor.judge(fake.now_ns).level is WARN
    assert levels(fake.run(1.0, lambda t: 0.2)) == [WARN]
    assert levels(fake.run(4.0, lambda t: 0.2)) == [WARN, OK]


@given(values=st.lists(st.none() | st.floats(0, 4), max_size=60), window_ns=st.integers(STEP, 2 * S))
@settings(deadline=None)
def test_ok_means_fresh_samples_below_the_limits(values: list[float | None], window_ns: int) -> None:
    """Whatever the samples do: OK is only said with a fresh median below every limit, and else there is a reason."""
    check = ResidualCheck(LIMITS, Times(window_ns=window_ns, stale_ns=S))
    monitor = DriftMonitor({'r': check})
    monitor.begin(0)
    last_ns = -10 * S
    for k, value in enumerate(values):
        now_ns = k * 7 * STEP
        if value is not None:
            monitor.add('r', now_ns, value)
            last_ns = now_ns
        status = monitor.judge(now_ns)
        assert (status.level is OK) != bool(status.reason)
        if status.level is OK:
            assert now_ns - last_ns <= S
            assert check.value is not None and check.baseline is not None
            assert check.value <= LIMITS.warn and check.value - check.baseline <= LIMITS.rise_warn


@pytest.mark.parametrize('limits', [(0, 1, 1, 1), (2, 1, 1, 1), (1, 1, 2, 1), (float('nan'), 1, 1, 1), (1, float('inf'), 1, 1)])
def test_limits_that_make_no_sense_are_refused(limits: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match='0 < warn <= error is needed'):
        Limits(*limits)
