# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arsurg_ros.errors import DataError
from arsurg_ros.files.source import parse_source, read_table


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / 'table.csv'
    path.write_text(text, encoding='utf-8')
    return path


def test_a_source_is_a_path_or_a_part_of_one(tmp_path: Path) -> None:
    path = tmp_path / 'a.npz'
    path.write_bytes(b'')
    assert parse_source(f'{path}#robot').name == 'robot'
    assert (parse_source(str(path)).path, parse_source(str(path)).name) == (path, '')
    odd = tmp_path / 'run#3'
    odd.mkdir()
    assert (parse_source(str(odd)).path, parse_source(str(odd)).name) == (odd, '')
    assert parse_source(f'{odd}#x').name == 'x'


@pytest.mark.parametrize('text', ['', '/no/such/file', '/no/such/file#topic', '#topic'])
def test_a_source_that_is_not_there(text: str) -> None:
    with pytest.raises(DataError, match='there is no such file'):
        parse_source(text)


@pytest.mark.parametrize(
    'text',
    [
        '1,2,3\n4,5,6\n',
        '1 2 3\n4   5\t6\n\n',
        '# a comment\n1;2;3\n4; 5 ;6\n',
        '1, 2, 3,\n4, 5, 6,\n',
        '\ufeff1,2,3\r\n4,5,6\r\n',
    ],
)
def test_numbers_are_separated_as_people_do(tmp_path: Path, text: str) -> None:
    read = read_table(table(tmp_path, text))
    assert np.array_equal(read.values, [[1, 2, 3], [4, 5, 6]])
    assert (read.columns, read.labels) == ((), ())


def test_a_header_and_a_column_of_names(tmp_path: Path) -> None:
    read = read_table(table(tmp_path, 'Name,X,Y,Z\n#1,1,2,3\n"nasion",4,5,6\n'))
    assert read.columns == ('x', 'y', 'z')
    assert read.labels == ('#1', 'nasion')
    assert np.array_equal(read.values, [[1, 2, 3], [4, 5, 6]])


def test_numbered_names_need_a_header(tmp_path: Path) -> None:
    assert read_table(table(tmp_path, 'id x y z\n7 1 2 3\n')).labels == ('7',)
    assert read_table(table(tmp_path, 'tip 1 2 3\n')).labels == ('tip',)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('', 'holds no numbers'),
        ('x,y,z\n', 'holds no numbers'),
        ('1,2,3\n4,5\n', 'line 2 has 2 columns, 3 are needed'),
        ('1,2,3\n4,five,6\n', "line 2: 'five' is not a number"),
        ('x,y,z\n1,2,3,4\n', 'line 2 has 4 columns, 3 are needed'),
    ],
)
def test_what_is_wrong_in_a_table_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_table(table(tmp_path, text))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / 'a.csv'
    path.write_bytes(b'\xff\xfe\x00\x01')
    with pytest.raises(DataError, match='not a text file'):
        read_table(path)
    with pytest.raises(DataError, match='Is a directory'):
        read_table(tmp_path)
