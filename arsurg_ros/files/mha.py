# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tracked sequences of PLUS: the header of a ``.igs.mha`` (MetaImage) file, millimetres by their definition.

``StylusToTracker`` there is T_tracker_stylus here. A transform counts only where its status is OK.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.geometry import se3
from arsurg_ros.types import F64, I64

_LINE = re.compile(r'Seq_Frame(\d+)_(?:(?P<name>\w+?)Transform(?P<status>Status)?|(?P<stamp>Timestamp)) *= *(?P<value>.*)')
_LARGEST_HEADER = 256 << 20


@dataclass(frozen=True)
class TrackedSequence:
    """``stamps_ns`` (N,) and, by PLUS's names, transforms (N, 4, 4) in millimetres; NaN where the status is not OK."""

    path: Path
    stamps_ns: I64
    transforms_mm: dict[str, F64]

    def chain_mm(self, name: str) -> F64:
        """Return ``AToB`` (N, 4, 4), composed of the recorded ones where it is not one itself; NaN where a part is.

        Raises ConfigError listing what is there.
        """
        a, _, b = name.removesuffix('Transform').partition('To')
        path = self._path(a, b)
        if not a or not b or path is None:
            raise ConfigError(f'{self.path}: no transform {name!r} and none that leads there; there are: {self._names()}')
        out = np.broadcast_to(np.eye(4), (len(self.stamps_ns), 4, 4))
        for step in path:
            out = step @ out
        return np.asarray(out)

    def _names(self) -> str:
        return ', '.join(self.transforms_mm) or 'none'

    def _path(self, a: str, b: str) -> list[F64] | None:
        steps: dict[str, dict[str, F64]] = {}
        for name, T in self.transforms_mm.items():
            start, _, end = name.partition('To')
            steps.setdefault(start, {})[end] = T
            steps.setdefault(end, {})[start] = se3.inverse(T)
        queue, seen = deque([(a, list[F64]())]), {a}
        while queue:
            at, path = queue.popleft()
            if at == b and path:
                return path
            for end, T in steps.get(at, {}).items():
                if end not in seen:
                    seen.add(end)
                    queue.append((end, [*path, T]))
        return None


def read_sequence(path: Path) -> TrackedSequence:
    """Return the transforms of a PLUS sequence; raises DataError for a file that is none or is damaged."""
    stamps: dict[int, float] = {}
    poses: dict[str, dict[int, F64]] = {}
    statuses: dict[str, dict[int, str]] = {}
    for line in _header(path):
        match = _LINE.match(line)
        if match is None:
            continue
        frame, value = int(match[1]), match['value'].strip()
        try:
            if match['stamp']:
                stamps[frame] = float(value)
            elif match['status']:
                statuses.setdefault(match['name'], {})[frame] = value
            else:
                poses.setdefault(match['name'], {})[frame] = np.array(value.split(), dtype=np.float64).reshape(4, 4)
        except ValueError as e:
            raise DataError(f'{path}: frame {frame}: {line[:80]!r}: {e}') from e
    if not stamps or not poses:
        raise DataError(f'{path}: no frame with a time stamp and a transform: is it a tracked PLUS sequence?')
    frames = sorted(stamps)
    lost = np.full((4, 4), np.nan)
    out = {}
    for name, found in poses.items():
        # A file without any status of a transform knows no invalid ones.
        status = statuses.get(name, dict.fromkeys(found, 'OK'))
        out[name] = np.array([found[f] if f in found and status.get(f) == 'OK' else lost for f in frames])
    return TrackedSequence(path, np.array([round(stamps[f] * 1e9) for f in frames], dtype=np.int64), out)


def _header(path: Path) -> list[str]:
    """Return the lines before the pixels."""
    lines, size = [], 0
    try:
        with path.open('rb') as file:
            for raw in file:
                lines.append(raw.decode('latin-1').strip())
                size += len(raw)
                if raw.startswith(b'ElementDataFile'):
                    return lines
                if size > _LARGEST_HEADER or (len(lines) == 1 and b'=' not in raw):
                    break
    except OSError as e:
        raise DataError(f'{path}: {e.strerror}') from e
    raise DataError(f'{path}: no MetaImage header that ends with ElementDataFile: damaged, or another kind of file')
