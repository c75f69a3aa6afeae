# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A ticker that advances an engine's epoch while calls run, so that a call that never returns can be interrupted."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TICK_S = 0.02
IDLE_S = 1.0


class Ticker:
    """Calls ``tick`` every TICK_S while a call is running and up to IDLE_S after the last; sleeps on an event else.

    Lingering saves a wake-up a call at video rate. The thread is a daemon, made at the first call, joined at exit.
    """

    def __init__(self, tick: Callable[[], None]) -> None:
        """Start nothing yet."""
        self._tick = tick
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._running = 0
        self._idle_since = 0.0
        self._asleep = True
        self._stopped = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Keep the epoch advancing for the time of the block."""
        self._enter()
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                self._idle_since = time.monotonic()

    def _enter(self) -> None:
        with self._lock:
            self._running += 1
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name='kernel-epoch', daemon=True)
                self._thread.start()
                atexit.register(self.stop)
            if self._asleep:
                self._wake.set()

    def _run(self) -> None:
        while not self._stopped:
            if self._should_sleep():
                self._wake.wait()
            self._wake.clear()
            time.sleep(TICK_S)
            self._tick()

    def _should_sleep(self) -> bool:
        with self._lock:
            idle = self._running == 0 and time.monotonic() - self._idle_since > IDLE_S
            self._asleep = idle and not self._stopped
            return self._asleep

    def stop(self) -> None:
        """End the thread; later calls run without a deadline. Called at exit."""
        with self._lock:
            self._stopped = True
            self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)
