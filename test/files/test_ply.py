# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import DataError
from arsurg_ros.files.ply import read_ply, write_ply

VERTICES = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (2, 2, 2)], np.float32)
TRIANGLES = np.array([(0, 1, 2), (0, 2, 3), (0, 3, 4)], np.uint32)
HEAD = (
    'comment made by hand\nelement vertex 5\nproperty double x\nproperty float y\nproperty uchar red\nproperty float z\n'
    'element edge 1\nproperty int a\nelement face 2\nproperty uchar flag\nproperty list uchar int vertex_index\nend_header\n'
)


def mixed(order: str) -> bytes:
    """Return five vertices, an edge, a quad and a triangle, with properties that nobody needs."""
    out = b''.join(struct.pack(f'{order}dfBf', x, y, 9, z) for x, y, z in VERTICES.tolist())
    out += struct.pack(f'{order}i', 3)
    return out + struct.pack(f'{order}BB4i', 1, 4, 0, 1, 2, 3) + struct.pack(f'{order}BB3i', 1, 3, 0, 3, 4)


MIXED = {
    'binary_little_endian': mixed('<'),
    'binary_big_endian': mixed('>'),
    'ascii': (''.join(f'{x} {y} 9 {z}\n' for x, y, z in VERTICES.tolist()) + '3\n1 4 0 1 2 3\n1 3 0 3 4\n').encode(),
}


@pytest.mark.parametrize('encoding', MIXED)
def test_polygons_of_several_sizes_and_foreign_properties(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / 'a.ply'
    path.write_bytes(f'ply\nformat {encoding} 1.0\n{HEAD}'.encode() + MIXED[encoding])
    found = read_ply(path)
    assert np.array_equal(found.vertices, VERTICES)
    assert {tuple(sorted(t)) for t in found.triangles.tolist()} == {tuple(t) for t in TRIANGLES.tolist()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data(), encoding=st.sampled_from(['binary_little_endian', 'binary_big_endian']))
def test_a_truncated_binary_file_is_never_accepted(tmp_path: Path, data: st.DataObject, encoding: str) -> None:
    path = tmp_path / 'a.ply'
    whole = f'ply\nformat {encoding} 1.0\n{HEAD}'.encode() + MIXED[encoding]
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(DataError):
        read_ply(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
@example(position=100, value=ord('9'))
def test_a_damaged_file_is_polygons_or_an_error(tmp_path: Path, position: int, value: int) -> None:
    path = tmp_path / 'a.ply'
    write_ply(path, VERTICES, TRIANGLES)
    damaged = bytearray(path.read_bytes())
    damaged[position % len(damaged)] = value
    path.write_bytes(damaged)
    try:
        assert read_ply(path).triangles.shape[1] == 3
    except DataError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (('format ascii', 'format utf8'), "format 'utf8'; valid: ascii"),
        (('vertex 5', 'vertex five'), "element count 'five'"),
        (('property float y', 'property half y'), "property 'half y'"),
        (('property float y', 'property list half int y'), "property 'list half int y'"),
        (('comment made', 'remark made'), "header line 'remark made"),
        (('end_header', 'end'), 'no header'),
        (('float z', 'float w'), 'without vertex x, y, z'),
        (('vertex_index', 'corners'), 'without vertex x, y, z and face'),
        (('\n1 4 0', '\n1 -4 0'), 'a list of -4 values'),
        (('3\n1 4 0', '3\n1 four 0'), 'four'),
        (('element face 2', 'element face 3'), 'truncated in face'),
        (('element vertex 5', 'element vertex 500'), 'truncated: 500 x vertex'),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / 'a.ply'
    text = f'ply\nformat ascii 1.0\n{HEAD}' + MIXED['ascii'].decode()
    assert change[0] in text
    path.write_text(text.replace(*change))
    with pytest.raises(DataError) as error:
        read_ply(path)
    assert message in str(error.value)
