# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io

from arsurg_ros.files.progress import ProgressLines, terminal_progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_long_work_says_percent_and_what_is_left_now_and_then() -> None:
    said, clock = list[str](), Clock()
    progress = ProgressLines(said.append, period_s=2.0, clock=clock)
    for second, share in enumerate((0.0, 0.1, 0.25, 0.3, 0.5, 1.0)):
        clock.now = 10.0 + second
        progress('decimating liver', share)
    assert said == [
        'decimating liver: 25 %, about 6 s left',
        'decimating liver: 50 %, about 4 s left',
        'decimating liver: done in 5 s',
    ]


def test_work_that_is_soon_done_says_nothing_and_each_has_its_own_time() -> None:
    said, clock = list[str](), Clock()
    progress = ProgressLines(said.append, period_s=2.0, clock=clock)
    for what in 'ab':
        progress(what, 0.0)
        clock.now += 1.5
        progress(what, 0.9)
        progress(what, 1.0)
    assert said == []
    progress('c', 0.0)
    clock.now += 3.0
    progress('c', 0.0)
    assert said == ['c: 0 %']


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_line_and_a_file_gets_lines() -> None:
    for stream, expected in ((Terminal(), '\r\x1b[K'), (io.StringIO(), '')):
        progress = terminal_progress(stream)
        clock = Clock()
        progress._clock = clock
        progress('a', 0.0)
        clock.now = 6.0
        progress('a', 0.5)
        progress('a', 1.0)
        lines = stream.getvalue()
        assert lines == f'{expected}a: 50 %, about 6 s left{"" if expected else chr(10)}{expected}a: done in 6 s\n'
