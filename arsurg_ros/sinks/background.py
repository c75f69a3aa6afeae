# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Work on pictures in a thread of its own, so that a slow encoder, disk or network never holds up the pictures.

``Background`` takes all in order until its queue is full; ``NewestWins`` does the newest alone.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar('T')


class Background(Generic[T]):
    """Does ``work`` on every item in order, then ``finish``; ``failure`` is the first thing that went wrong."""

    def __init__(
        self, work: Callable[[T], None], finish: Callable[[], None], name: str, *, size: int = 32, wait: bool = False
    ) -> None:
        """Start the thread; ``wait`` lets ``put`` wait for room instead of dropping."""
        self._work, self._finish, self._wait = work, finish, wait
        self._queue: queue.Queue[tuple[T] | None] = queue.Queue(size)
        self.done = self.dropped = 0
        self.failure: Exception | None = None
        self.closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: T) -> bool:
        """Queue an item; return False where it was dropped, which is counted."""
        try:
            self._queue.put((item,), block=self._wait)
        except queue.Full:
            self.dropped += 1
            return False
        return True

    def close(self) -> None:
        """Wait until all that was taken is done, and finish."""
        if not self.closed:
            self.closed = True
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        # Goes on reading after a failure: a waiting put must not hang.
        while (entry := self._queue.get()) is not None:
            if self.failure is None:
                try:
                    self._work(entry[0])
                    self.done += 1
                except Exception as e:  # a thread's exception reaches nobody: who closes asks
                    self.failure = e
        self._finish()


class NewestWins(Generic[T]):
    """Does ``work`` on the newest item; one that came meanwhile and was overtaken is counted as dropped."""

    def __init__(self, work: Callable[[T], None], name: str) -> None:
        """Start the thread."""
        self._work = work
        self._next: tuple[T] | None = None
        self._changed = threading.Condition()
        self._closing = False
        self.done = self.dropped = 0
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def take_failure(self) -> Exception | None:
        """Return what went wrong last since this was asked; None for nothing."""
        failure, self._failure = self._failure, None
        return failure

    def put(self, item: T) -> None:
        """Take an item in place of one that waits; never waits."""
        with self._changed:
            self.dropped += self._next is not None
            self._next = (item,)
            self._changed.notify()

    def close(self) -> None:
        """Do what waits, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _take(self) -> tuple[T] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._next is not None or self._closing)
            entry, self._next = self._next, None
            return entry

    def _run(self) -> None:
        while (entry := self._take()) is not None:
            try:
                self._work(entry[0])
                self.done += 1
            except Exception as e:  # the next picture may do better; who owns this asks
                self._failure = e
