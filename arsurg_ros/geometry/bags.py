# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""rosbag2 recordings (MCAP or SQLite) read without ROS, through ``rosbags``: streamed, never whole in memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore

from arsurg_ros.errors import ConfigError, DataError

T = TypeVar('T')
SUFFIXES = ('.mcap', '.db3')
SAME_CLOCK_NS = 60_000_000_000


@dataclass(frozen=True)
class Span:
    """The time of a whole recording, on its own clock; its topics share one span, so that they loop together.

    ``first_stamp_ns`` is the first message's capture stamp; ``period_ns`` is the span from the first message to the last
    and one interval of the fastest topic.
    """

    start_ns: int
    period_ns: int
    first_stamp_ns: int


@dataclass(frozen=True)
class Recorded(Generic[T]):
    """An item of a recording at its time on the recording's clock."""

    recorded_ns: int
    item: T


@dataclass(frozen=True)
class Topic:
    """A topic of a recording: ``type`` as in ROS 2, e.g. sensor_msgs/msg/Image."""

    name: str
    type: str
    count: int


@dataclass(frozen=True)
class Message:
    """A deserialised message and where it came from."""

    topic: str
    type: str
    message: Any


def recording_topics(path: str | Path) -> list[Topic]:
    """Return the topics of a recording by name; raises DataError where it cannot be read."""
    with _opened(path) as reader:
        return sorted((Topic(c.topic, c.msgtype, c.msgcount) for c in reader.connections), key=lambda t: t.name)


def bag_span(path: str | Path) -> Span:
    """Return the span of a recording; raises DataError where it is empty or cannot be read."""
    with _opened(path) as reader:
        if not reader.message_count:
            raise DataError(f'recording {path}: it holds no message')
        start, length = reader.start_time, reader.end_time - reader.start_time
        most = max(c.msgcount for c in reader.connections)
        topics = [c.topic for c in reader.connections]
    interval = length // (most - 1) if most > 1 and length > most else 33_333_333
    first = next(read(path, topics)).recorded_ns
    return Span(start, length + max(1, interval), first)


def choose_topic(path: str | Path, wanted: str, types: Sequence[str], parameter: str) -> Topic:
    """Return the topic ``wanted``, or the only one of the given types where ``wanted`` is empty.

    Raises ConfigError listing what there is: for no such topic, one of another type, or several where none is named.
    """
    topics = recording_topics(path)
    fitting = [t for t in topics if t.type in types]
    names = ', '.join(t.name for t in fitting) or 'none'
    if wanted:
        found = next((t for t in topics if t.name == wanted), None)
        if found is None:
            raise ConfigError(f'{parameter} {wanted!r}: not in {path}; of a fitting type there are: {names}')
        if found.type not in types:
            raise ConfigError(f'{parameter} {wanted!r}: is a {found.type}, needed is {" or ".join(types)}; there are: {names}')
        return found
    if len(fitting) != 1:
        many = f'has {len(fitting)} topics of type {" or ".join(types)}: {names}; name one'
        there = ', '.join(f'{t.name} ({t.type})' for t in topics) or 'none'
        none = f'has no topic of type {" or ".join(types)}; there are: {there}'
        raise ConfigError(f'{parameter}: {path} {many if fitting else none}')
    return fitting[0]


def read(path: str | Path, topics: Sequence[str]) -> Iterator[Recorded[Message]]:
    """Yield the messages of some topics in the recording's order, timed by capture where the header knows it.

    Raises DataError where the file ends early or a message cannot be deserialised.
    """
    first: dict[str, tuple[int, int]] = {}
    with _opened(path) as reader:
        connections = [c for c in reader.connections if c.topic in topics]
        if not connections:
            return
        store = _store()
        for connection, received, raw in reader.messages(connections=connections):
            message = store.deserialize_cdr(raw, connection.msgtype)
            header = _header_ns(message)
            first_header, first_received = first.setdefault(connection.topic, (header, received))
            at = recorded_ns(header, received, first_header, first_received)
            yield Recorded(at, Message(connection.topic, connection.msgtype, message))


def recorded_ns(header_ns: int, received_ns: int, first_header_ns: int, first_received_ns: int) -> int:
    """Return an item's time on the recording's clock: its capture stamp where that is usable.

    A header stamp of zero means none: the time of recording is taken. A header clock that is a minute or more away from
    the recorder's is another clock: it is shifted by the first message's difference.
    """
    if header_ns == 0:
        return received_ns
    shift = first_received_ns - first_header_ns if first_header_ns else 0
    return header_ns + (shift if abs(shift) >= SAME_CLOCK_NS else 0)


def _header_ns(message: Any) -> int:
    header = getattr(message, 'header', None)
    return 0 if header is None else int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)


@lru_cache(maxsize=1)
def _store() -> Any:
    return get_typestore(Stores.ROS2_JAZZY)


@contextmanager
def _opened(path: str | Path) -> Iterator[Reader]:
    """Open a recording; every way in which reading it fails inside the block becomes a DataError of one line."""
    place = Path(path)
    if not str(path) or not place.exists():
        raise DataError(f'recording {str(path)!r}: there is no such file or folder')
    if place.is_file() and place.suffix not in SUFFIXES:
        raise DataError(f'recording {path}: {place.suffix or "no suffix"}: a rosbag2 folder, .mcap or .db3 is needed')
    try:
        with Reader(place) as reader:
            yield reader
    except (ConfigError, DataError):
        raise
    except (OSError, EOFError, LookupError, ValueError, ArithmeticError, AssertionError, MemoryError, struct.error) as e:
        raise DataError(f'recording {path}: corrupt or cut short: {_one_line(e)}') from e
    except Exception as e:
        if type(e).__module__.split('.')[0] in ('rosbags', 'sqlite3', 'zstandard', 'backports', 'lz4', 'ruamel', 'apsw'):
            raise DataError(f'recording {path}: corrupt or cut short: {_one_line(e)}') from e
        raise


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())[:160] or type(error).__name__
