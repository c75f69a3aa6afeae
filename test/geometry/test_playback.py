# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.geometry.playback import ClockMap, Due, Playback, Recorded, Span

SPAN = Span(start_ns=1000, period_ns=300, first_stamp_ns=1000)
ITEMS = [Recorded(1000, 'a'), Recorded(1100, 'b'), Recorded(1200, 'c')]


def playback(loops: int = 1, clock: ClockMap | None = None) -> Playback[str]:
    return Playback(lambda: iter(ITEMS), clock or ClockMap(SPAN, 50_000), loops)


def test_live_stamps_begin_at_the_start_and_run_at_the_rate() -> None:
    clock = ClockMap(SPAN, start_ns=50_000, rate=0.5)
    assert [clock.stamp_ns(r.recorded_ns, 0) for r in ITEMS] == [50_000, 50_200, 50_400]
    assert clock.stamp_ns(1000, 1) == 50_600


def test_kept_stamps_move_by_whole_periods_alone() -> None:
    clock = ClockMap(SPAN, start_ns=50_000, rate=3.0, keep_stamps=True)
    assert [clock.stamp_ns(1100, loop) for loop in range(3)] == [1100, 1400, 1700]


@pytest.mark.parametrize('rate', [0.0, -1.0, float('nan')])
def test_a_rate_that_is_not_positive_is_refused(rate: float) -> None:
    with pytest.raises(ConfigError, match='rate'):
        ClockMap(SPAN, 0, rate)


def test_a_period_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ConfigError, match='period'):
        ClockMap(Span(0, 0, 0), 0)


def test_items_come_when_they_are_due_and_only_once() -> None:
    p = playback()
    assert list(p.take(49_999)) == []
    assert list(p.take(50_100)) == [Due(50_000, 'a'), Due(50_100, 'b')]
    assert p.next_due_ns() == 50_200
    assert list(p.take(50_199)) == []
    assert not p.finished
    assert list(p.take(99_999)) == [Due(50_200, 'c')]
    assert p.finished and p.next_due_ns() is None and list(p.take(10**9)) == []


@given(
    gaps=st.lists(st.integers(1, 10**8), min_size=1, max_size=20),
    steps=st.lists(st.integers(1, 10**8), min_size=1, max_size=60),
    loops=st.integers(1, 4),
    rate=st.sampled_from([0.5, 1.0, 2.0]),
    keep=st.booleans(),
)
def test_stamps_never_run_back_nor_ahead_and_none_comes_twice(
    gaps: list[int], steps: list[int], loops: int, rate: float, keep: bool
) -> None:
    stamps = [10**9 + sum(gaps[:k]) for k in range(len(gaps))]
    span = Span(stamps[0], stamps[-1] - stamps[0] + gaps[-1], stamps[0])
    p = Playback(lambda: iter([Recorded(s, s) for s in stamps]), ClockMap(span, 7, rate, keep), loops)
    now, seen = 0, []
    for step in steps:
        now += step
        got = [d.stamp_ns for d in p.take(now)]
        assert all(s <= now for s in got)
        seen += got
    assert seen == sorted(seen)
    # A rate above 1 may round two neighbours to one nanosecond; without one all stamps differ.
    assert rate == 2.0 or len(set(seen)) == len(seen)
    assert len(seen) <= loops * len(stamps)


def test_all_loops_come_when_nothing_is_late() -> None:
    p = playback(loops=3)
    got = [d for now in range(50_000, 52_000, 50) for d in p.take(now)]
    assert [d.item for d in got] == list('abcabcabc')
    assert p.finished


def test_a_long_pause_leaves_whole_loops_out_unread() -> None:
    opened = []

    def opener() -> Iterator[Recorded[str]]:
        opened.append(1)
        yield from ITEMS

    p = Playback(opener, ClockMap(SPAN, 0), loops=0)
    assert len(list(p.take(0))) == 1
    got = list(p.take(300 * 1_000_000))
    assert len(opened) < 10
    assert got[-1].stamp_ns == 300 * 1_000_000


def test_a_pause_never_leaves_out_the_last_loop() -> None:
    p = playback(loops=5)
    got = list(p.take(10**12))
    assert got[-1] == Due(50_000 + 4 * 300 + 200, 'c')
    assert p.finished


def test_a_broken_pass_is_noted_and_the_next_goes_on() -> None:
    def opener() -> Iterator[Recorded[str]]:
        yield ITEMS[0]
        raise DataError('recording x: cut short')

    p = Playback(opener, ClockMap(SPAN, 0), loops=2)
    assert [d.stamp_ns for now in range(0, 1000, 10) for d in p.take(now)] == [0, 300]
    assert p.errors == ['recording x: cut short'] * 2
    assert p.finished


def test_a_pass_without_items_ends_an_endless_playback() -> None:
    p: Playback[str] = Playback(lambda: iter(()), ClockMap(SPAN, 0), loops=0)
    assert list(p.take(10**9)) == []
    assert p.finished


def test_close_closes_what_was_opened() -> None:
    closed = []

    def opener() -> Iterator[Recorded[str]]:
        try:
            yield from ITEMS
        finally:
            closed.append(1)

    p = Playback(opener, ClockMap(SPAN, 0))
    assert p.next_due_ns() == 0
    p.close()
    assert closed and p.finished and list(p.take(10**9)) == []
