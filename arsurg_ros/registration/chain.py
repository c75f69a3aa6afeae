# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A log that cannot be silently edited: every line carries the SHA-256 of the line before it and of its own content.

A line is canonical JSON (sorted keys, no spaces, ASCII), so that there is one way to write an entry and any other byte is
seen. A head file beside the log says how many entries there are and how the last one ends, so that lines missing at the
end are seen as well. What this cannot see: somebody who rewrites log and head from one line on, or takes both away, or puts
older copies of both back. That shows once the head's hash is kept elsewhere: it is in every answer of the services and on
``registration/quality``, and so in every bag. Source: S. Haber, W. S. Stornetta, *How to time-stamp a digital document*,
J. Cryptology 3 (1991), the linked scheme.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from arsurg_ros.errors import RegistrationError

GENESIS = '0' * 64
KEYS = ('data', 'event', 'previous', 'sequence', 'sha256', 'time_ns')


@dataclass(frozen=True)
class Entry:
    """One line: ``sequence`` counts from 1, ``time_ns`` is the system clock (UTC), ``data`` is JSON."""

    sequence: int
    time_ns: int
    event: str
    data: dict[str, Any]
    previous: str
    sha256: str


@dataclass(frozen=True)
class Chain:
    """The entries of a log, and the bytes of a last line that was never finished (empty: none)."""

    entries: tuple[Entry, ...] = ()
    torn: bytes = b''
    #: What is not wrong but worth a word: a line that the head file does not know yet.
    notes: tuple[str, ...] = field(default=())

    @property
    def head(self) -> str:
        """The hash of the last entry; of none, zeros."""
        return self.entries[-1].sha256 if self.entries else GENESIS


def canonical(value: Any) -> bytes:
    """Return the one way to write a JSON value; raises ValueError for NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(',', ':'), allow_nan=False).encode('ascii')


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value, hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def next_entry(entries: Sequence[Entry], event: str, data: dict[str, Any], time_ns: int) -> Entry:
    """Return the entry that follows ``entries``."""
    previous = entries[-1].sha256 if entries else GENESIS
    content = {'sequence': len(entries) + 1, 'time_ns': time_ns, 'event': event, 'data': data, 'previous': previous}
    return Entry(len(entries) + 1, time_ns, event, data, previous, digest(content))


def line_of(entry: Entry) -> bytes:
    """Return an entry's line, with its end."""
    return canonical({key: getattr(entry, key) for key in KEYS}) + b'\n'


def head_of(entry: Entry) -> bytes:
    """Return the head file's content for a log that ends with ``entry``."""
    return canonical({'entries': entry.sequence, 'sha256': entry.sha256}) + b'\n'


def read_chain(log: bytes, head: bytes | None) -> Chain:
    """Return the entries of a log, checked, against its head file's content (None: there is none).

    A writer that was killed leaves a last line unfinished, or finished and not yet in the head file: neither is an error.
    Raises RegistrationError ``log_broken`` that names the line.
    """
    lines = log.split(b'\n')
    torn = lines.pop()
    entries: list[Entry] = []
    for number, line in enumerate(lines, 1):
        entries.append(_entry(line, number, entries[-1].sha256 if entries else GENESIS))
    return Chain(tuple(entries), torn, _against_head(entries, torn, head))


def _entry(line: bytes, number: int, previous: str) -> Entry:
    try:
        found = json.loads(line)
        if not isinstance(found, dict) or tuple(sorted(found)) != KEYS or canonical(found) != line:
            raise ValueError('is no entry as the log writes it')
    except (ValueError, RecursionError) as e:
        text = 'is no JSON' if isinstance(e, (json.JSONDecodeError, UnicodeDecodeError)) else str(e)
        raise _broken(f'line {number} {text}: it was changed') from None
    if found['previous'] != previous:
        raise _broken(f'line {number} does not follow the line before it: lines were removed, added or moved')
    if found['sequence'] != number:
        raise _broken(f'line {number} says that it is entry {found["sequence"]}')
    if digest({key: value for key, value in found.items() if key != 'sha256'}) != found['sha256']:
        raise _broken(f'line {number} does not have the content that its hash says: it was changed')
    return Entry(**found)


def _against_head(entries: list[Entry], torn: bytes, head: bytes | None) -> tuple[str, ...]:
    known, sha256 = _read_head(head)
    count = len(entries)
    if known > count:
        rest = f' and an unfinished line {count + 1}' if torn else ''
        raise _broken(f'the log ends with line {count}{rest}; its head file knows {known}: lines were removed')
    if known < count - 1:
        what = f'knows {known} of {count} lines' if head else 'is missing'
        raise _broken(f'line {count}: the head file {what}: the head was changed, or lines were added')
    at_known = entries[known - 1].sha256 if known else GENESIS
    if sha256 != at_known:
        raise _broken(f'line {known} is not the one that the head file knows: the log was rewritten')
    if known < count:
        return (f'line {count} was not in the head file yet: the writer was stopped between the two',)
    return ()


def _read_head(head: bytes | None) -> tuple[int, str]:
    if head is None:
        return 0, GENESIS
    try:
        found = json.loads(head)
        entries, sha256 = found['entries'], found['sha256']
        if canonical({'entries': entries, 'sha256': sha256}) + b'\n' != head or not isinstance(entries, int):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _broken('the head file is not as the log writes it: it was changed') from None
    return entries, str(sha256)


def _broken(text: str) -> RegistrationError:
    return RegistrationError('log_broken', text)
