# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Board files: where the tags of a rigid body are.

Two formats: scikit-surgery's text (a row a tag: id, centre x y z, then its four corners x y z, white space between, mm) and
YAML, with ``markers: [{id: 3, corners: [[x, y, z], ...]}]`` or ``grid: {columns, rows, size, pitch, first_id}``, and optional
``units`` and ``dictionary``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.geometry.boards import MarkerBoard, grid_board
from arsurg_ros.geometry.dictionaries import check_dictionary
from arsurg_ros.synthetic.scene import POINTER_BOARD, REFERENCE_BOARD

UNITS_M = {'m': 1.0, 'cm': 1e-2, 'mm': 1e-3}
DEFAULT_DICTIONARY = 'DICT_4X4_50'
TEXT_COLUMNS = 16
BUILT_IN = {'synthetic:reference': REFERENCE_BOARD, 'synthetic:pointer': POINTER_BOARD}
"""The demo's own boards, by the name that stands for a file."""


def load_board(source: str, name: str, units: str = 'mm', dictionary: str = '') -> MarkerBoard:
    """Return the board of a file (or of a built-in name), in metres.

    ``units`` holds where the file does not say; ``dictionary`` '' takes the file's, or DICT_4X4_50. Raises DataError for a
    missing or malformed file, ConfigError for values that make no board.
    """
    wanted = check_dictionary(dictionary) if dictionary else ''
    if source in BUILT_IN:
        board = BUILT_IN[source]
        return MarkerBoard(name, board.ids, board.corners_m, wanted or board.dictionary)
    path = Path(source)
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as e:
        reason = getattr(e, 'strerror', None) or 'not a text file'
        raise DataError(f'board file {source}: {reason}; or one of {", ".join(BUILT_IN)}') from e
    if path.suffix in ('.yaml', '.yml'):
        return _from_yaml(text, source, name, units, wanted)
    return _from_text(text, source, name, _scale(units, source), wanted or DEFAULT_DICTIONARY)


def _scale(units: str, source: str) -> float:
    if units not in UNITS_M:
        raise ConfigError(f'board file {source}: units {units!r}: one of {", ".join(UNITS_M)} is needed')
    return UNITS_M[units]


def _from_text(text: str, source: str, name: str, scale: float, dictionary: str) -> MarkerBoard:
    rows = [(n, line.split()) for n, line in enumerate(text.splitlines(), 1) if line.strip() and line.strip()[0] != '#']
    if not rows:
        raise DataError(f'board file {source}: it is empty; a row a tag is needed: id, centre and 4 corners')
    ids, corners = [], []
    for number, fields in rows:
        where = f'board file {source}, line {number}'
        if len(fields) != TEXT_COLUMNS:
            raise DataError(f'{where}: {len(fields)} columns, {TEXT_COLUMNS} needed: id, centre x y z, 4 corners x y z')
        values = _floats(fields, where)
        ids.append(_whole(values[0], where))
        corners.append(np.array(values[4:]).reshape(4, 3) * scale)
    return _board(source, name, ids, np.array(corners), dictionary)


def _floats(fields: Any, where: str) -> list[float]:
    try:
        values = [float(f) for f in fields]
    except (TypeError, ValueError) as e:
        raise DataError(f'{where}: not a number: {e}') from e
    if not np.isfinite(values).all():
        raise DataError(f'{where}: {fields[int(np.argmin(np.isfinite(values)))]} is not a finite number')
    return values


def _whole(value: float, where: str) -> int:
    if value != int(value):
        raise DataError(f'{where}: id {value}: a whole number is needed')
    return int(value)


def _board(source: str, name: str, ids: list[int], corners_m: Any, dictionary: str) -> MarkerBoard:
    try:
        return MarkerBoard(name, tuple(ids), corners_m, dictionary)
    except ConfigError as e:
        raise DataError(f'board file {source}: {e}') from e


def _from_yaml(text: str, source: str, name: str, units: str, dictionary: str) -> MarkerBoard:
    where = f'board file {source}'
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as e:
        raise DataError(f'{where}: not YAML: {" ".join(str(e).split())}') from e
    if not isinstance(data, dict) or ('markers' in data) == ('grid' in data):
        raise DataError(f'{where}: either markers or grid is needed')
    scale = _scale(str(data.get('units', units)), source)
    chosen = dictionary or check_dictionary(str(data.get('dictionary', DEFAULT_DICTIONARY)))
    if 'grid' in data:
        return _grid(data['grid'], where, name, scale, chosen)
    ids, corners = _markers(data['markers'], where)
    return _board(source, name, ids, corners * scale, chosen)


def _grid(grid: Any, where: str, name: str, scale: float, dictionary: str) -> MarkerBoard:
    keys = ('columns', 'rows', 'size', 'pitch', 'first_id')
    if not isinstance(grid, dict) or set(grid) != set(keys):
        raise DataError(f'{where}: grid needs exactly {", ".join(keys)}')
    columns, rows, size, pitch, first = _floats([grid[k] for k in keys], where)
    counts = [_whole(v, where) for v in (columns, rows, first)]
    return grid_board(name, counts[0], counts[1], size * scale, pitch * scale, counts[2], dictionary)


def _markers(markers: Any, where: str) -> tuple[list[int], Any]:
    if not isinstance(markers, list) or not markers:
        raise DataError(f'{where}: markers: a list of id and corners is needed')
    ids, corners = [], []
    for k, marker in enumerate(markers):
        here = f'{where}, markers[{k}]'
        if not isinstance(marker, dict) or set(marker) != {'id', 'corners'}:
            raise DataError(f'{here}: exactly id and corners are needed')
        try:
            quad = np.array([_floats(c, here) for c in marker['corners']]).reshape(4, 3)
        except (TypeError, ValueError) as e:
            raise DataError(f'{here}: corners: 4 points of x, y, z are needed') from e
        ids.append(_whole(_floats([marker['id']], here)[0], here))
        corners.append(quad)
    return ids, np.array(corners)


def check_distinct(boards: list[MarkerBoard]) -> None:
    """Raise ConfigError where two boards share a tag, or want different dictionaries: one detector finds them all."""
    owner: dict[int, str] = {}
    for board in boards:
        for tag in board.ids:
            if tag in owner:
                raise ConfigError(f'boards {owner[tag]!r} and {board.name!r} share tag {tag}: every id may be used once')
            owner[tag] = board.name
        if board.dictionary != boards[0].dictionary:
            both = f'{boards[0].name!r} {boards[0].dictionary}, {board.name!r} {board.dictionary}'
            raise ConfigError(f'boards of different dictionaries: {both}: one is needed for all')
