# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plays recorded items back on a node's clock: loops, rate, and which item is due.

With ``keep_stamps`` (simulated time, driven by the recording's own clock) an item keeps its stamp, and loop k adds k periods.
Without, the recording plays as if it were captured live from ``start_ns`` on. Time never runs back at the seam: the period
is the recording's span and one interval between its messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.geometry.bags import Recorded, Span, bag_span

__all__ = ['ClockMap', 'Due', 'Playback', 'Recorded', 'Span', 'bag_span']
T = TypeVar('T')


@dataclass(frozen=True)
class ClockMap:
    """Recorded time to the node's clock. ``start_ns`` is where ``span.start_ns`` comes to lie."""

    span: Span
    start_ns: int
    rate: float = 1.0
    keep_stamps: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigError for a rate or period that is not positive."""
        if not self.rate > 0:
            raise ConfigError(f'rate {self.rate}: must be positive')
        if self.span.period_ns <= 0:
            raise ConfigError(f'recording period {self.span.period_ns} ns: must be positive')

    def stamp_ns(self, recorded_ns: int, loop: int) -> int:
        """Return the stamp on the node's clock of a recorded stamp in a loop (0 is the first)."""
        looped = recorded_ns + loop * self.span.period_ns
        if self.keep_stamps:
            return looped
        return self.start_ns + round((looped - self.span.start_ns) / self.rate)


@dataclass(frozen=True)
class Due(Generic[T]):
    """An item with its stamp on the node's clock."""

    stamp_ns: int
    item: T


class Playback(Generic[T]):
    """A looping stream of recorded items with one item read ahead; ``loops`` 0 plays for ever.

    A pass that ends in a DataError is over; what was wrong is kept in ``errors``. A pass without any item ends the playback.
    """

    def __init__(self, opener: Callable[[], Iterator[Recorded[T]]], clock: ClockMap, loops: int = 1) -> None:
        """Play what ``opener`` opens anew for each loop; nothing is opened before the first look."""
        self._opener = opener
        self._clock = clock
        self._loops = loops
        self._loop = -1
        self._pass: Iterator[Recorded[T]] | None = None
        self._items_in_pass = 0
        self._head: Due[T] | None = None
        self.errors: list[str] = []
        self.finished = False

    def next_due_ns(self) -> int | None:
        """Return the stamp of the next item; None when finished."""
        head = self._peek()
        return head.stamp_ns if head else None

    def take(self, now_ns: int) -> Iterator[Due[T]]:
        """Yield the items that are due at ``now_ns``, in the recording's order."""
        while (head := self._peek(now_ns)) and head.stamp_ns <= now_ns:
            self._head = None
            yield head

    def close(self) -> None:
        """Let go of the file; the playback is finished then."""
        self._end_pass()
        self._head = None
        self.finished = True

    def _peek(self, now_ns: int | None = None) -> Due[T] | None:
        while self._head is None and not self.finished:
            if self._pass is None:
                self._begin_pass(now_ns)
            else:
                self._advance(self._pass)
        return self._head

    def _begin_pass(self, now_ns: int | None) -> None:
        self._loop += 1 + self._missed_loops(now_ns)
        if self._loops and self._loop >= self._loops:
            self.finished = True
            return
        self._items_in_pass = 0
        self._pass = self._opener()

    def _missed_loops(self, now_ns: int | None) -> int:
        """Return how many whole loops lie in the past: after a pause they are left out unread, but for the last."""
        if now_ns is None:
            return 0
        begin = self._clock.stamp_ns(self._clock.span.start_ns, self._loop + 1)
        length = self._clock.stamp_ns(self._clock.span.start_ns, self._loop + 2) - begin
        whole = max(0, (now_ns - begin) // max(1, length) - 1)
        return max(0, min(whole, self._loops - self._loop - 2)) if self._loops else whole

    def _advance(self, items: Iterator[Recorded[T]]) -> None:
        try:
            item = next(items, None)
        except DataError as e:
            self.errors.append(str(e))
            item = None
        if item is None:
            self.finished = self._items_in_pass == 0
            self._end_pass()
            return
        self._items_in_pass += 1
        self._head = Due(self._clock.stamp_ns(item.recorded_ns, self._loop), item.item)

    def _end_pass(self) -> None:
        close = getattr(self._pass, 'close', None)
        if close:
            close()
        self._pass = None
