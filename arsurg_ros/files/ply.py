# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""PLY files in numpy: VTK 9.7's reader accepts a truncated ASCII file and crashes on a truncated binary one.

Format: Greg Turk, *The PLY Polygon File Format*, 1994. Read: ascii and both binary orders, polygons of any size, any
further properties (ignored), elements in any order. Written: binary little-endian triangles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.errors import DataError
from arsurg_ros.types import F32, U32

SCALARS = {
    **{'char': 'i1', 'uchar': 'u1', 'short': 'i2', 'ushort': 'u2', 'int': 'i4', 'uint': 'u4'},
    **{'int8': 'i1', 'uint8': 'u1', 'int16': 'i2', 'uint16': 'u2', 'int32': 'i4', 'uint32': 'u4'},
    **{'float': 'f4', 'double': 'f8', 'float32': 'f4', 'float64': 'f8'},
}
ORDERS = {'ascii': '', 'binary_little_endian': '<', 'binary_big_endian': '>'}
FACE_LISTS = ('vertex_indices', 'vertex_index')


@dataclass(frozen=True)
class Property:
    """One property: its numpy scalar type and, for a list, the type of its count."""

    name: str
    kind: str
    count_kind: str = ''


@dataclass(frozen=True)
class Element:
    """One element: ``count`` rows of ``properties``."""

    name: str
    count: int
    properties: tuple[Property, ...]


@dataclass(frozen=True)
class Header:
    """A parsed header; ``size`` is where the data begin, bytes."""

    encoding: str
    elements: tuple[Element, ...]
    size: int


@dataclass(frozen=True)
class Polygons:
    """Vertices (V, 3) float32 in the file's unit and triangles (F, 3) int64, not range-checked."""

    vertices: F32
    triangles: NDArray[np.int64]


def read_ply(path: Path, *, faces_needed: bool = True) -> Polygons:
    """Return the polygons of a PLY file, as triangles; raises DataError naming the file and what is wrong in it.

    Without ``faces_needed`` a file that declares no faces, a point cloud, has no triangles.
    """
    data = path.read_bytes()
    try:
        header = _header(data)
        columns = (_read_ascii if header.encoding == 'ascii' else _read_binary)(header, data)
        vertices = np.stack([columns['vertex'][axis] for axis in 'xyz'], axis=1).astype(np.float32)
        if 'face' not in columns and not faces_needed:
            return Polygons(vertices, np.empty((0, 3), dtype=np.int64))
        faces = next(columns['face'][name] for name in FACE_LISTS if name in columns['face'])
    except (KeyError, StopIteration) as e:
        raise DataError(f'mesh {path}: PLY without vertex x, y, z and face vertex_indices') from e
    except ValueError as e:
        raise DataError(f'mesh {path}: PLY: {e}') from e
    return Polygons(vertices, _fan(faces))


def _fan(faces: NDArray[Any]) -> NDArray[np.int64]:
    """Return triangles (F, 3) of polygons, an array (N, k) or an object array of N arrays."""
    if faces.ndim == 2:
        groups = [faces.astype(np.int64)]
    else:
        sizes = np.array([len(f) for f in faces])
        groups = [np.stack(list(faces[sizes == k])).astype(np.int64) for k in np.unique(sizes) if k >= 3]
    fans = [np.stack([g[:, 0], g[:, i], g[:, i + 1]], axis=1) for g in groups for i in range(1, g.shape[1] - 1)]
    return np.concatenate(fans) if fans else np.empty((0, 3), dtype=np.int64)


def _header(data: bytes) -> Header:
    end = data.find(b'end_header')
    stop = data.find(b'\n', end)
    if not data.startswith(b'ply') or end < 0 or stop < 0:
        raise ValueError('no header from "ply" to "end_header"')
    lines = [line.split() for line in data[:end].decode('ascii', 'replace').splitlines()[1:]]
    encoding, elements = '', list[Element]()
    for words in lines:
        match words:
            case ['format', str(name), _]:
                encoding = name
            case ['element', str(name), str(count)]:
                elements.append(Element(name, _count(count), ()))
            case ['property', *rest] if elements:
                last = elements[-1]
                elements[-1] = Element(last.name, last.count, (*last.properties, _property(rest)))
            case [] | ['comment', *_] | ['obj_info', *_]:
                pass
            case _:
                raise ValueError(f'header line {" ".join(words)[:60]!r}')
    if encoding not in ORDERS:
        raise ValueError(f'format {encoding!r}; valid: {", ".join(ORDERS)}')
    return Header(encoding, tuple(elements), stop + 1)


def _count(text: str) -> int:
    if not text.isdigit():
        raise ValueError(f'element count {text[:20]!r}')
    return int(text)


def _property(words: list[str]) -> Property:
    *kinds, name = words
    if kinds[:1] == ['list'] and len(kinds) == 3 and kinds[1] in SCALARS and kinds[2] in SCALARS:
        return Property(name, SCALARS[kinds[2]], SCALARS[kinds[1]])
    if len(kinds) == 1 and kinds[0] in SCALARS:
        return Property(name, SCALARS[kinds[0]])
    raise ValueError(f'property {" ".join(words)[:60]!r}; valid types: {", ".join(sorted(SCALARS))}')


Columns = dict[str, dict[str, NDArray[Any]]]


def _read_ascii(header: Header, data: bytes) -> Columns:
    numbers = np.array(data[header.size :].split(), dtype=np.float64)
    return _read_all(header, lambda element, at: _rows(element, at, len(numbers), _Numbers(numbers)))


def _read_binary(header: Header, data: bytes) -> Columns:
    order, body = ORDERS[header.encoding], memoryview(data)[header.size :]
    return _read_all(header, lambda element, at: _rows(element, at, len(body), _Bytes(body, order)))


def _read_all(header: Header, read: Callable[[Element, int], tuple[dict[str, NDArray[Any]], int]]) -> Columns:
    columns: Columns = {}
    at = 0
    for element in header.elements:
        columns[element.name], at = read(element, at)
    return columns


@dataclass(frozen=True)
class _Numbers:
    """ASCII: every value, of any type, is one number."""

    numbers: NDArray[np.float64]

    def width(self, kind: str) -> int:
        return 1

    def table(self, fields: list[tuple[str, str, int]], at: int, rows: int) -> dict[str, NDArray[Any]]:
        table = self.numbers[at : at + rows * sum(f[2] for f in fields)].reshape(rows, -1)
        starts = np.cumsum([0, *(f[2] for f in fields)])
        return {f[0]: table[:, s : s + f[2]] for f, s in zip(fields, starts[:-1], strict=True)}

    def value(self, kind: str, at: int) -> int:
        return int(self.numbers[at])


@dataclass(frozen=True)
class _Bytes:
    """Binary: packed values in the header's order."""

    body: memoryview
    order: str

    def width(self, kind: str) -> int:
        return np.dtype(kind).itemsize

    def table(self, fields: list[tuple[str, str, int]], at: int, rows: int) -> dict[str, NDArray[Any]]:
        layout = np.dtype([(f'{i}', self.order + kind, (n,)) for i, (_, kind, n) in enumerate(fields)])
        table = np.frombuffer(self.body, dtype=layout, count=rows, offset=at)
        return {f[0]: table[f'{i}'] for i, f in enumerate(fields)}

    def value(self, kind: str, at: int) -> int:
        return int(np.frombuffer(self.body, dtype=self.order + kind, count=1, offset=at)[0])


def _rows(element: Element, at: int, size: int, source: _Numbers | _Bytes) -> tuple[dict[str, NDArray[Any]], int]:
    """Return an element's columns and where the next one begins; all rows at once where all lists are of one length."""
    if not element.count or not element.properties:
        return {p.name: np.empty((0, 3)) if p.count_kind else np.empty(0) for p in element.properties}, at
    lengths = _lengths(element, at, size, source)
    fields = _fields(element, lengths)
    row = sum(source.width(kind) * n for _, kind, n in fields)
    if at + row * element.count <= size:
        table = source.table(fields, at, element.count)
        counts = [(p.name, n) for p, n in zip(element.properties, lengths, strict=True) if p.count_kind]
        if all((table[f'{name} count'] == n).all() for name, n in counts):
            scalars = {p.name: table[p.name][:, 0] for p in element.properties if not p.count_kind}
            return {**scalars, **{name: table[name] for name, _ in counts}}, at + row * element.count
    elif not any(p.count_kind for p in element.properties):
        raise ValueError(f'truncated: {element.count} x {element.name} do not fit')
    return _ragged(element, at, size, source)


def _lengths(element: Element, at: int, size: int, source: _Numbers | _Bytes) -> list[int]:
    """Return how many values each property of the row at ``at`` has."""
    lengths = []
    for p in element.properties:
        n = 1
        if p.count_kind:
            if at + source.width(p.count_kind) > size:
                raise ValueError(f'truncated in {element.name}')
            n = source.value(p.count_kind, at)
            at += source.width(p.count_kind)
            if n < 0:
                raise ValueError(f'{element.name}: a list of {n} values')
        lengths.append(n)
        at += source.width(p.kind) * n
    if at > size:
        raise ValueError(f'truncated in {element.name}')
    return lengths


def _fields(element: Element, lengths: list[int]) -> list[tuple[str, str, int]]:
    fields = []
    for p, n in zip(element.properties, lengths, strict=True):
        if p.count_kind:
            fields.append((f'{p.name} count', p.count_kind, 1))
        fields.append((p.name, p.kind, n))
    return fields


def _ragged(element: Element, at: int, size: int, source: _Numbers | _Bytes) -> tuple[dict[str, NDArray[Any]], int]:
    """Read row by row: lists of several lengths."""
    columns: dict[str, list[Any]] = {p.name: [] for p in element.properties}
    for _ in range(element.count):
        fields = _fields(element, _lengths(element, at, size, source))
        row = source.table(fields, at, 1)
        for p in element.properties:
            columns[p.name].append(row[p.name][0] if p.count_kind else row[p.name][0, 0])
        at += sum(source.width(kind) * n for _, kind, n in fields)
    return {p.name: _column(columns[p.name], bool(p.count_kind)) for p in element.properties}, at


def _column(values: list[Any], is_list: bool) -> NDArray[Any]:
    if not is_list:
        return np.array(values)
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def write_ply(path: Path, vertices: F32, triangles: U32) -> None:
    """Write triangles as binary little-endian PLY, in whatever unit the vertices have; raises DataError."""
    header = (
        f'ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n'
        'property float x\nproperty float y\nproperty float z\n'
        f'element face {len(triangles)}\nproperty list uchar uint vertex_indices\nend_header\n'
    )
    faces = np.empty(len(triangles), dtype=[('n', 'u1'), ('i', '<u4', (3,))])
    faces['n'], faces['i'] = 3, triangles
    try:
        path.write_bytes(header.encode() + vertices.astype('<f4').tobytes() + faces.tobytes())
    except OSError as e:
        raise DataError(f'mesh {path}: cannot be written: {e.strerror}') from e
