# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Points, named or not, of the files that people have: tables, NumPy, landmark YAML, PLUS XML, meshes and clouds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import yaml

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.files.meshes import EXTENSIONS, load_surface
from arsurg_ros.files.numpy_arrays import load_array
from arsurg_ros.files.source import MM, UNITS_M, Source, parse_source, read_table, read_text, require_finite, require_whole
from arsurg_ros.types import F64

TABLES = ('.csv', '.tsv', '.txt', '.dat', '.xyz')
VALID = f'{", ".join(TABLES)}, .npy, .npz, .yaml, .xml (PLUS), {", ".join(EXTENSIONS)}'


@dataclass(frozen=True)
class Points:
    """Points ``p_m`` (N, 3), metres, with ``names`` (N): their numbers from 0 where the file has none (``named`` False)."""

    p_m: F64
    names: tuple[str, ...]
    source: str
    named: bool


def load_points(source: str, unit_m: float) -> Points:
    """Return the points of ``PATH`` or ``PATH#NAME``; plain files hold multiples of ``unit_m`` metres.

    Tables have the columns x y z (by header, or three numbers) and optionally a name. ``#NAME`` picks the array of an NPZ
    or the column (ct, ref) of a landmarks YAML, whose own ``unit`` holds; PLUS XML is in millimetres by its definition.
    Raises DataError, ConfigError for what cannot be read, RegistrationError ``not_finite``.
    """
    found = parse_source(source)
    suffix = found.path.suffix.lower()
    names: tuple[str, ...] = ()
    if suffix in (*TABLES, '.xml', *EXTENSIONS):
        require_whole(found, 'points')
    if suffix in TABLES:
        p_m, names = _from_table(found.path, unit_m)
    elif suffix in ('.npy', '.npz'):
        p_m = load_array(found, (3,), 'points (N, 3)') * unit_m
    elif suffix in ('.yaml', '.yml'):
        p_m, names = _from_yaml(found)
    elif suffix == '.xml':
        p_m, names = _from_plus(found.path)
    elif suffix in EXTENSIONS:
        p_m = load_surface(found.path, unit='m').vertices_m * unit_m
    else:
        kind = 'a folder' if found.path.is_dir() else repr(suffix) if suffix else 'no suffix'
        raise ConfigError(f'points {found.path}: {kind}; valid: {VALID}')
    require_finite(p_m, f'points {source}', 'point')
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise DataError(f'points {source}: the name {twice!r} is there more than once')
    return Points(p_m, names or tuple(str(i) for i in range(len(p_m))), source, bool(names))


def _from_table(path: Path, unit_m: float) -> tuple[F64, tuple[str, ...]]:
    table = read_table(path)
    if {'x', 'y', 'z'} <= set(table.columns):
        values = table.values[:, [table.columns.index(c) for c in 'xyz']]
    elif table.values.shape[1] == 3:
        values = table.values
    else:
        raise DataError(f'points {path}: {table.values.shape[1]} numbers a row; x y z are needed (or a header that names them)')
    return values * unit_m, table.labels


def _from_yaml(source: Source) -> tuple[F64, tuple[str, ...]]:
    where, column = f'points {source.path}', source.name or 'ct'
    try:
        data = yaml.safe_load(read_text(source.path))
        unit_m = UNITS_M.get(str(data['unit']))
        rows = [(str(row['name']), np.array(row[column], dtype=np.float64)) for row in data['landmarks']]
    except yaml.YAMLError as e:
        raise DataError(f'{where} is not YAML: {" ".join(str(e).split())}') from e
    except (KeyError, TypeError, ValueError) as e:
        needed = f'unit (mm or m) and landmarks with name and {column} (three numbers) are needed'
        raise DataError(f'{where}: {needed}: {_missing(e)}') from e
    if unit_m is None:
        raise DataError(f'{where}: unit {data["unit"]!r}; valid: {", ".join(UNITS_M)}')
    if any(p.shape != (3,) for _, p in rows):
        raise DataError(f'{where}: {column} of every landmark must be three numbers')
    return np.array([p for _, p in rows]).reshape(-1, 3) * unit_m, tuple(n for n, _ in rows)


def _missing(error: Exception) -> str:
    return f'no {error.args[0]}' if isinstance(error, KeyError) else str(error)


def _from_plus(path: Path) -> tuple[F64, tuple[str, ...]]:
    rows: list[tuple[str, Any]] = []
    try:
        for element in ElementTree.fromstring(read_text(path)).iter('Landmark'):
            rows.append((element.attrib['Name'], [float(v) for v in element.attrib['Position'].split()]))
    except (ElementTree.ParseError, KeyError, ValueError) as e:
        raise DataError(f'points {path}: not a PLUS configuration with <Landmark Name= Position=>: {e}') from e
    if not rows or any(len(p) != 3 for _, p in rows):
        raise DataError(f'points {path}: {len(rows)} <Landmark> elements; each needs a Position of three numbers')
    return np.array([p for _, p in rows]) * MM, tuple(n for n, _ in rows)
