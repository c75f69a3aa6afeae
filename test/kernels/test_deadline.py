# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

import pytest

from arsurg_ros.kernels import deadline
from arsurg_ros.kernels.deadline import Ticker


def test_it_ticks_while_a_call_runs_and_sleeps_when_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, 'TICK_S', 0.001)
    monkeypatch.setattr(deadline, 'IDLE_S', 0.0)
    enough = threading.Semaphore(0)
    ticker = Ticker(enough.release)
    for _ in range(3):
        with ticker.watching():
            assert all(enough.acquire(timeout=10) for _ in range(3))
    assert threading.active_count() >= 2
    ticker.stop()
    assert ticker._thread is not None
    assert not ticker._thread.is_alive()


def test_no_thread_before_the_first_call_and_none_after_the_end() -> None:
    ticker = Ticker(lambda: None)
    assert ticker._thread is None
    ticker.stop()
    with ticker.watching():
        assert ticker._thread is None


def test_an_error_in_the_call_still_ends_the_watch() -> None:
    ticker = Ticker(lambda: None)
    with pytest.raises(ZeroDivisionError), ticker.watching():
        raise ZeroDivisionError
    assert ticker._running == 0
    ticker.stop()
