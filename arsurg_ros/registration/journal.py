# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The accepted registrations in order, changed by events alone: in memory here, on disk in ``store.py``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from arsurg_ros.errors import RegistrationError
from arsurg_ros.registration.chain import Entry
from arsurg_ros.registration.records import Record, parse_record, read

#: The last so many can be reverted to; the log of a store keeps all.
KEPT = 20
#: What can happen to the accepted registrations, and what only belongs to their record.
EVENTS = {
    'created': 'the store was made',
    'accepted': 'a registration was accepted',
    'reverted': 'the one accepted before it holds again',
    'cleared': 'the registration was taken back',
    'loaded': 'a session was loaded from a file',
    'reloaded': 'a restarted session goes on with the registration that was accepted before',
    'validated': 'the registration was checked at a landmark',
}


def apply(history: tuple[Record, ...], event: str, data: Mapping[str, Any]) -> tuple[Record, ...]:
    """Return the accepted registrations after an event: the last one is in use.

    Raises RegistrationError ``session_broken`` for an event that cannot have happened.
    """
    if event not in EVENTS:
        raise RegistrationError('session_broken', f'event {event!r}; valid: {", ".join(EVENTS)}')
    if event == 'accepted':
        return (*history, read(lambda d: parse_record(d['record']), data, 'accepted'))[-KEPT:]
    if event == 'loaded':
        return read(lambda d: tuple(parse_record(row) for row in d['history']), data, 'loaded')[-KEPT:]
    if event == 'cleared':
        return ()
    if event == 'reverted':
        if len(history) < 2:
            raise RegistrationError('session_broken', 'a revert, and nothing to revert to')
        return history[:-1]
    return history


def replay(entries: Iterable[Entry]) -> tuple[Record, ...]:
    """Return the accepted registrations after all entries of a log."""
    history: tuple[Record, ...] = ()
    for entry in entries:
        history = apply(history, entry.event, entry.data)
    return history


class Journal:
    """Keeps the accepted registrations in memory."""

    #: What was found, and mended, when it was opened.
    notes: tuple[str, ...] = ()

    def __init__(self) -> None:
        """Begin without any."""
        self.history: tuple[Record, ...] = ()
        self._found: list[dict[str, Mapping[str, Any]]] = []

    @property
    def head(self) -> str:
        """The hash of the last log entry, hexadecimal; empty where no log is kept."""
        return ''

    def commit(self, event: str, data: dict[str, Any]) -> None:
        """Let an event happen, or raise RegistrationError and leave all as it was."""
        self.history = apply(self.history, event, data)
        self.remember(event, data)

    @property
    def found(self) -> Mapping[str, Mapping[str, Any]]:
        """What the registration in use was last found to be at each landmark that was touched: ``Check.json`` by name."""
        return self._found[-1] if self.history and self._found else {}

    def remember(self, event: str, data: Mapping[str, Any]) -> None:
        """Keep what was found with the registration that it was found of: a revert, or a restart, takes no doubt away."""
        if event == 'accepted':
            self._found.append({})
        elif event == 'loaded':
            self._found = [{} for _ in data['history']]
        elif event == 'cleared':
            self._found = []
        elif event == 'reverted':
            self._found = self._found[:-1]
        elif event == 'validated' and self._found and 'landmark' in data:
            self._found[-1][str(data['landmark'])] = data

    def drop(self, data: dict[str, Any]) -> None:
        """Take what is in use back, whatever happens. Raises RegistrationError where that could not be written."""
        try:
            self.commit('cleared', data)
        finally:
            self.history, self._found = (), []

    def close(self) -> None:
        """Let go of what is held."""


def unix_ns() -> int:
    """Return the system clock (UTC), ns: a registration's age must outlast the node and its clock."""
    return time.time_ns()
