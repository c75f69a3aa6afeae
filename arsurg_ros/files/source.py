# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where numbers come from: ``PATH`` or ``PATH#NAME``, and tables of text as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arsurg_ros.errors import ConfigError, DataError, RegistrationError
from arsurg_ros.types import F64, I64

# The year 2255, which nanoseconds in 64 bits still hold.
LATEST_S = 9e9

MM = 1e-3
#: The units that files and options may be in -> metres.
UNITS_M = {'mm': MM, 'm': 1.0}


@dataclass(frozen=True)
class Source:
    """A file or folder and, behind ``#``, which part of it is meant: a topic, an array, a transform."""

    path: Path
    name: str
    text: str


def parse_source(text: str) -> Source:
    """Return the Source of ``PATH`` or ``PATH#NAME``; a path that exists with the ``#`` in it is taken whole.

    Raises DataError where nothing is there.
    """
    path, name = text, ''
    if not Path(text).exists() and '#' in text:
        path, _, name = text.rpartition('#')
    if not path or not Path(path).exists():
        raise DataError(f'{text!r}: there is no such file or folder')
    return Source(Path(path), name, text)


def require_whole(source: Source, what: str) -> None:
    """Raise ConfigError for a ``#NAME`` behind a file that has no parts: it would be ignored."""
    if source.name:
        raise ConfigError(f'{what} {source.text}: #{source.name} picks nothing here: {source.path.name} has no named parts')


def read_text(path: Path) -> str:
    """Return a text file; raises DataError naming it."""
    try:
        return path.read_text(encoding='utf-8-sig')
    except OSError as e:
        raise DataError(f'{path}: {e.strerror}') from e
    except UnicodeDecodeError as e:
        raise DataError(f'{path}: not a text file') from e


@dataclass(frozen=True)
class Table:
    """Rows of a text table: ``columns`` are the header's names in lower case, empty where there is no header.

    ``labels`` are the texts of the one column that is no number, empty where there is none; ``values`` (N, C) the rest.
    """

    columns: tuple[str, ...]
    labels: tuple[str, ...]
    values: F64


def read_table(path: Path) -> Table:
    """Read a CSV, TSV or whitespace table: an optional header, # comments, one optional column of names.

    Raises DataError naming the line for a row of another length or a text where a number is needed, and for no row.
    """
    rows = [(i, _split(line)) for i, line in enumerate(read_text(path).splitlines(), 1)]
    rows = [(i, cells) for i, cells in rows if cells]
    header: tuple[str, ...] = ()
    if rows and not any(_is_number(c) for c in rows[0][1]):
        header = tuple(c.lower() for c in rows.pop(0)[1])
    if not rows:
        raise DataError(f'{path}: it holds no numbers')
    width = len(header) or len(rows[0][1])
    for line, cells in rows:
        if len(cells) != width:
            raise DataError(f'{path}: line {line} has {len(cells)} columns, {width} are needed')
    named = _label_column(header, rows[0][1])
    labels = tuple(cells.pop(named) for _, cells in rows) if named is not None else ()
    columns = tuple(c for i, c in enumerate(header) if i != named)
    return Table(columns, labels, np.array([[_number(c, path, line) for c in cells] for line, cells in rows]))


def _split(line: str) -> list[str]:
    line = line.strip()
    if not line or line.startswith('# ') or line == '#':  # a landmark may be called #1
        return []
    cells = re.split(r'\s*[,;]\s*|\s+', line)
    while cells and not cells[-1]:  # a separator at the end
        cells.pop()
    return [c.strip('"\'') for c in cells]


def _label_column(header: tuple[str, ...], first: list[str]) -> int | None:
    for i, name in enumerate(header):
        if name in ('name', 'label', 'landmark', 'id'):
            return i
    texts = [i for i, c in enumerate(first) if not _is_number(c)]
    return texts[0] if len(texts) == 1 else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str, path: Path, line: int) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(f'{path}: line {line}: {text[:40]!r} is not a number') from None


def stamps_ns(seconds: F64, where: str) -> I64:
    """Return stamps in nanoseconds; raises RegistrationError ``not_finite``, DataError where they cannot be seconds."""
    if not np.isfinite(seconds).all():
        raise RegistrationError('not_finite', f'{where}: a time stamp is not finite')
    largest = float(np.abs(seconds).max(initial=0.0))
    if largest > LATEST_S:
        raise DataError(f'{where}: a time stamp is {largest:.4g}: seconds are needed (are these milli- or nanoseconds?)')
    return np.round(seconds * 1e9).astype(np.int64)


def require_finite(values: F64, where: str, what: str = 'row') -> None:
    """Raise RegistrationError ``not_finite`` naming the first of ``values`` (N, ...) that is not."""
    bad = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if bad.any():
        first = f'{what} {int(np.argmax(bad))} (from 0)'
        raise RegistrationError('not_finite', f'{where}: {first} is not finite, {bad.sum()} in all')
