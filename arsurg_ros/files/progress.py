# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far long work is: lines for a log, a bar for a terminal. Work that is soon done says nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

#: Called with what is done and the share of it, 0-1.
Progress = Callable[[str, float], None]


def silent(what: str, share: float) -> None:
    """Say nothing."""


class ProgressLines:
    """A ``Progress`` that says percent and what is left: once ``period_s`` have passed, and again so often, and at the end."""

    def __init__(self, say: Callable[[str], None], period_s: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Take where the lines go."""
        self._say, self._period_s, self._clock = say, period_s, clock
        self._what, self._began_s, self._said_s, self._spoken = '', 0.0, 0.0, False

    def __call__(self, what: str, share: float) -> None:
        """Take note of the share that is done."""
        now = self._clock()
        if what != self._what:
            self._what, self._began_s, self._said_s, self._spoken = what, now, now, False
        spent_s = now - self._began_s
        if share >= 1.0:
            if self._spoken:
                self._say(f'{what}: done in {spent_s:.0f} s')
            self._what = ''
        elif now - self._said_s >= self._period_s:
            self._said_s, self._spoken = now, True
            left = f', about {spent_s * (1 - share) / share:.0f} s left' if share > 0 else ''
            self._say(f'{what}: {100 * share:.0f} %{left}')


def terminal_progress(stream: TextIO | None = None) -> ProgressLines:
    """Return a ``Progress`` for a command: one line that is written over on a terminal, lines elsewhere."""
    out = stream or sys.stderr
    if not out.isatty():
        return ProgressLines(lambda line: print(line, file=out, flush=True), period_s=5.0)
    return ProgressLines(lambda line: print(f'\r\x1b[K{line}', end='\n' if ' done ' in line else '', file=out, flush=True), 0.2)
