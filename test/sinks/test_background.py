# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from arsurg_ros.sinks.background import Background, NewestWins

WAIT_S = 10


class Slow:
    """Work that waits for a gate; ``begun`` is set once it is at it."""

    def __init__(self) -> None:
        self.gate, self.begun = threading.Event(), threading.Event()
        self.done: list[int] = []

    def __call__(self, item: int) -> None:
        self.begun.set()
        assert self.gate.wait(WAIT_S)
        if item < 0:
            raise ValueError(f'{item} is negative')
        self.done.append(item)


@pytest.fixture
def slow() -> Iterator[Slow]:
    work = Slow()
    yield work
    work.gate.set()


def test_all_is_done_in_order_before_it_finishes(slow: Slow) -> None:
    finished: list[list[int]] = []
    background: Background[int] = Background(slow, lambda: finished.append(list(slow.done)), 'test')
    assert all(background.put(k) for k in range(5))
    slow.gate.set()
    background.close()
    background.close()  # and again
    assert finished == [[0, 1, 2, 3, 4]]
    assert (background.done, background.dropped, background.failure) == (5, 0, None)


def test_a_full_queue_drops_the_new_ones(slow: Slow) -> None:
    background: Background[int] = Background(slow, lambda: None, 'test', size=2)
    background.put(0)
    assert slow.begun.wait(WAIT_S)
    assert [background.put(k) for k in range(1, 6)] == [True, True, False, False, False]
    slow.gate.set()
    background.close()
    assert slow.done == [0, 1, 2] and background.dropped == 3


def test_after_a_failure_it_goes_on_taking_and_finishes(slow: Slow) -> None:
    finished: list[int] = []
    background: Background[int] = Background(slow, lambda: finished.append(1), 'test', size=1, wait=True)
    slow.gate.set()
    for k in (1, -1, 2, 3):
        background.put(k)
    background.close()
    assert slow.done == [1] and str(background.failure) == '-1 is negative' and finished == [1]


def test_the_newest_wins_and_what_it_overtook_is_counted(slow: Slow) -> None:
    newest: NewestWins[int] = NewestWins(slow, 'test')
    newest.put(0)
    assert slow.begun.wait(WAIT_S)
    for k in (1, 2, 3):
        newest.put(k)
    slow.gate.set()
    newest.close()
    assert slow.done == [0, 3] and (newest.done, newest.dropped) == (2, 2)


def test_the_next_one_may_do_better(slow: Slow) -> None:
    newest: NewestWins[int] = NewestWins(slow, 'test')
    newest.put(-1)
    assert slow.begun.wait(WAIT_S)
    newest.put(5)
    slow.gate.set()
    newest.close()
    assert slow.done == [5]
    assert str(newest.take_failure()) == '-1 is negative' and newest.take_failure() is None
