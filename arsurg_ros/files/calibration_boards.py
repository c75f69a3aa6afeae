# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Calibration boards in words (``chessboard:14x10:6``) or in a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from arsurg_ros.errors import ConfigError, DataError, RegistrationError
from arsurg_ros.files.source import UNITS_M, read_text
from arsurg_ros.geometry.calibration_boards import KINDS, CalibrationBoard
from arsurg_ros.geometry.dictionaries import check_dictionary

SYNTAX = (
    'chessboard:COLUMNSxROWS:SQUARE (inner corners), charuco:COLUMNSxROWS:SQUARE:TAG:DICTIONARY[:legacy] (squares), '
    'aruco:COLUMNSxROWS:TAG:GAP:DICTIONARY (tags), or a YAML file'
)
KEYS = {
    'chessboard': ('columns', 'rows', 'square'),
    'charuco': ('columns', 'rows', 'square', 'tag', 'dictionary', 'legacy'),
    'aruco': ('columns', 'rows', 'tag', 'gap', 'dictionary'),
}
OPTIONAL = ('legacy',)
#: Squares of other sizes are of another unit.
SMALLEST_M, LARGEST_M = 2e-4, 1.0


def load_calibration_board(text: str, unit_m: float) -> CalibrationBoard:
    """Return the board of words or of a YAML file; lengths are multiples of ``unit_m`` metres where the file has no ``unit``.

    The file has the keys ``kind`` (chessboard, charuco, aruco), ``columns``, ``rows``, the lengths ``square``, ``tag``, ``gap``
    that the kind has, ``dictionary``, ``legacy`` and ``unit`` (mm or m). Raises ConfigError that explains the syntax,
    DataError for a file that cannot be read, RegistrationError ``wrong_unit`` for squares below 0.2 mm or beyond 1 m.
    """
    if text.lower().endswith(('.yaml', '.yml')):
        return _from_yaml(Path(text), unit_m)
    kind, *values = text.split(':')
    where = f'board {text!r}'
    if kind not in KINDS:
        raise ConfigError(f'{where}: needed is {SYNTAX}')
    columns, _, rows = (values[0] if values else '').partition('x')
    fields: dict[str, Any] = {'columns': columns, 'rows': rows}
    names = KEYS[kind][2:]
    if not 1 <= len(values) <= len(names) + 1:
        raise ConfigError(f'{where}: {len(values)} parts behind the kind; needed is {SYNTAX}')
    fields |= dict(zip(names, values[1:], strict=False))
    if fields.get('legacy', 'legacy') != 'legacy':
        raise ConfigError(f'{where}: {fields["legacy"]!r}: only the word legacy may stand there')
    if 'legacy' in fields:
        fields['legacy'] = True
    return _board(kind, fields, where, unit_m)


def _from_yaml(path: Path, unit_m: float) -> CalibrationBoard:
    where = f'board file {path}'
    try:
        data = yaml.safe_load(read_text(path))
    except yaml.YAMLError as e:
        raise DataError(f'{where}: not YAML: {" ".join(str(e).split())}') from e
    if not isinstance(data, dict) or data.get('kind') not in KINDS:
        raise ConfigError(f'{where}: a mapping with kind, one of {", ".join(KINDS)}, is needed')
    kind, unit = data.pop('kind'), data.pop('unit', None)
    if unit is not None and unit not in UNITS_M:
        raise ConfigError(f'{where}: unit {unit!r}; valid: {", ".join(UNITS_M)}')
    unknown = sorted(set(map(str, data)) - set(KEYS[kind]))
    if unknown:
        raise ConfigError(f'{where}: unknown key {unknown[0]!r}; a {kind} has: {", ".join(KEYS[kind])}, unit')
    return _board(kind, data, where, unit_m if unit is None else UNITS_M[unit])


def _board(kind: str, fields: dict[str, Any], where: str, unit_m: float) -> CalibrationBoard:
    missing = [k for k in KEYS[kind] if k not in fields and k not in OPTIONAL]
    if missing:
        raise ConfigError(f'{where}: no {missing[0]}; needed is {SYNTAX}')
    columns, rows = (_number(fields, k, where, int) for k in ('columns', 'rows'))
    lengths = {k: _number(fields, k, where, float) * unit_m for k in ('square', 'tag', 'gap') if k in fields}
    tag = lengths.get('tag', 0.0)
    if kind == 'aruco' and lengths['gap'] <= 0:
        raise ConfigError(f'{where}: gap {fields["gap"]}: a positive length is needed')
    pitch = tag + lengths['gap'] if kind == 'aruco' else lengths['square']
    dictionary = check_dictionary(str(fields['dictionary'])) if 'dictionary' in fields else ''
    legacy = fields.get('legacy', False)
    if not isinstance(legacy, bool):
        raise ConfigError(f'{where}: legacy {legacy!r}: true or false is needed')
    try:
        board = CalibrationBoard(kind, int(columns), int(rows), pitch, tag, dictionary, legacy)
    except ConfigError as e:
        raise ConfigError(f'{where}: {e}') from e
    if not SMALLEST_M <= pitch <= LARGEST_M:
        said = f'{where}: a square of {1e3 * pitch:g} mm; {1e3 * SMALLEST_M:g} mm to {1e3 * LARGEST_M:g} mm is valid'
        hint = 'mm given as m' if pitch > LARGEST_M else 'm given as mm'
        raise RegistrationError('wrong_unit', f'{said}: {hint}?')
    return board


def _number(fields: dict[str, Any], key: str, where: str, kind: type[int] | type[float]) -> float:
    try:
        return kind(fields[key])
    except (TypeError, ValueError):
        word = 'whole number' if kind is int else 'length'
        raise ConfigError(f'{where}: {key} {fields[key]!r}: a {word} is needed; the syntax is {SYNTAX}') from None
