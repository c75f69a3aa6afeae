# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A landmark session as a file: what was captured so far, and the registrations accepted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arsurg_ros import __version__
from arsurg_ros.errors import RegistrationError
from arsurg_ros.files import atomic
from arsurg_ros.registration.chain import canonical, digest
from arsurg_ros.registration.dwell import Dwell
from arsurg_ros.registration.landmarks import Landmarks
from arsurg_ros.registration.records import UNITS, Record, dwell_json, parse_dwell, parse_record, read, record_json

SCHEMA = 'arsurg.session/1'


@dataclass(frozen=True)
class SavedSession:
    """What a session file holds; ``software`` wrote it, at ``saved_unix_ns``: the captures are at least as old."""

    captured: tuple[Dwell, ...]
    history: tuple[Record, ...]
    software: str
    saved_unix_ns: int


def save_session(
    path: Path,
    landmarks: Landmarks,
    frames: tuple[str, str],
    captured: Sequence[Dwell],
    history: Sequence[Record],
    saved_unix_ns: int,
) -> None:
    """Write a session of (ref, ct) frames, whole or not at all. Raises RegistrationError ``store_unwritable``."""
    content = {
        'schema': SCHEMA,
        'software': f'arsurg_ros {__version__}',
        'units': UNITS,
        'ref_frame': frames[0],
        'ct_frame': frames[1],
        'saved_unix_ns': saved_unix_ns,
        'landmarks': _landmarks_json(landmarks),
        'captured': [dwell_json(dwell) for dwell in captured],
        'history': [record_json(record) for record in history],
    }
    try:
        atomic.write(path, canonical({**content, 'sha256': digest(content)}) + b'\n')
    except OSError as e:
        raise RegistrationError('store_unwritable', f'session file {path}: {e.strerror}') from e


def load_session(path: Path, landmarks: Landmarks, frames: tuple[str, str]) -> SavedSession:
    """Read a session for these landmarks and (ref, ct) frames.

    Raises RegistrationError: ``session_unreadable``, ``session_broken`` for one that was changed, ``session_mismatch`` for
    another schema, other units, frames or landmarks.
    """
    where = f'session file {path}'
    try:
        data = json.loads(path.read_bytes())
    except OSError as e:
        raise RegistrationError('session_unreadable', f'{where}: {e.strerror}') from e
    except (ValueError, RecursionError) as e:
        raise RegistrationError('session_broken', f'{where}: it is no JSON') from e
    if not isinstance(data, dict) or data.get('schema') != SCHEMA:
        found = data.get('schema') if isinstance(data, dict) else None
        raise RegistrationError('session_mismatch', f'{where}: schema {found!r}; valid: {SCHEMA}')
    try:
        found = digest({key: value for key, value in data.items() if key != 'sha256'})
    except (ValueError, RecursionError):  # NaN and infinity, which are no JSON, and which Python reads all the same
        found = None
    if found is None or found != data.get('sha256'):
        raise RegistrationError('session_broken', f'{where}: its content is not what its hash says: it was changed')
    _check_fits(data, landmarks, frames, where)
    return read(_parse, data, where)


def same_landmarks(names: Sequence[str], p_ct_m: Any, landmarks: Landmarks) -> bool:
    """Tell whether these are the landmarks (N, 3) of the image, in the same order."""
    p = np.array(p_ct_m, dtype=np.float64).reshape(-1, 3)
    same = tuple(names) == landmarks.names and p.shape == landmarks.p_ct_m.shape
    return bool(same and np.allclose(p, landmarks.p_ct_m, rtol=0, atol=1e-9))


def _check_fits(data: dict[str, Any], landmarks: Landmarks, frames: tuple[str, str], where: str) -> None:
    if data.get('units') != UNITS:
        raise RegistrationError('session_mismatch', f'{where}: units {data.get("units")!r}; valid: {UNITS}')
    found = (data.get('ref_frame'), data.get('ct_frame'))
    if found != frames:
        raise RegistrationError(
            'session_mismatch', f'{where}: it is of {found[0]} -> {found[1]}, this session of {frames[0]} -> {frames[1]}'
        )
    rows = read(lambda d: [(str(row['name']), row['p_ct_m']) for row in d['landmarks']], data, where)
    if not read(lambda r: same_landmarks([n for n, _ in r], [p for _, p in r], landmarks), rows, where):
        raise RegistrationError('session_mismatch', f'{where}: its landmarks are not those of the landmarks file')


def _parse(data: dict[str, Any]) -> SavedSession:
    captured = tuple(parse_dwell(row) for row in data['captured'])
    history = tuple(parse_record(row) for row in data['history'])
    return SavedSession(captured, history, str(data['software']), int(data['saved_unix_ns']))


def _landmarks_json(landmarks: Landmarks) -> list[dict[str, Any]]:
    return [{'name': n, 'p_ct_m': p.tolist()} for n, p in zip(landmarks.names, landmarks.p_ct_m, strict=True)]
