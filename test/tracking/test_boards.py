# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.synthetic import REFERENCE_BOARD
from arsurg_ros.tracking.boards import check_dictionary, check_distinct, load_board

ROW = '7 5 5 0 0 0 0 10 0 0 10 10 0 0 10 0'


def write(folder: Path, text: str, name: str = 'b.txt') -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_scikit_surgery_text_is_in_millimetres(tmp_path: Path) -> None:
    board = load_board(write(tmp_path, f'# a board\n{ROW}\n\n'), 'ref')
    assert (board.name, board.ids, board.dictionary) == ('ref', (7,), 'DICT_4X4_50')
    np.testing.assert_allclose(board.corners_m[0], [[0, 0, 0], [0.01, 0, 0], [0.01, 0.01, 0], [0, 0.01, 0]])


def test_units_and_dictionary_may_be_given(tmp_path: Path) -> None:
    board = load_board(write(tmp_path, ROW), 'ref', units='cm', dictionary='APRILTAG_36h11')
    assert board.corners_m.max() == pytest.approx(0.1) and board.dictionary == 'DICT_APRILTAG_36h11'


def test_yaml_markers_and_grid(tmp_path: Path) -> None:
    corners = '[[0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]]'
    text = f'units: mm\ndictionary: DICT_5X5_100\nmarkers: [{{id: 7, corners: {corners}}}]\n'
    board = load_board(write(tmp_path, text, 'm.yaml'), 'ref', units='m')
    assert board.ids == (7,) and board.dictionary == 'DICT_5X5_100' and board.corners_m.max() == pytest.approx(0.01)
    grid = 'grid: {columns: 4, rows: 3, size: 26, pitch: 33, first_id: 0}'
    made = load_board(write(tmp_path, grid, 'g.yaml'), 'r')
    np.testing.assert_allclose(made.corners_m, REFERENCE_BOARD.corners_m, atol=1e-12)


def test_the_demos_boards_need_no_file() -> None:
    board = load_board('synthetic:reference', 'ref')
    assert board.name == 'ref' and board.ids == REFERENCE_BOARD.ids


@pytest.mark.parametrize(
    ('text', 'name', 'message'),
    [
        ('', 'b.txt', 'it is empty'),
        ('1 2 3', 'b.txt', 'line 1: 3 columns, 16 needed'),
        (f'{ROW}\n{ROW} 1', 'b.txt', 'line 2: 17 columns, 16 needed'),
        (ROW.replace('10', 'ten'), 'b.txt', 'line 1: not a number'),
        (ROW.replace('10', 'nan', 1), 'b.txt', 'line 1: nan is not a finite number'),
        (ROW.replace('7', '7.5', 1), 'b.txt', 'line 1: id 7.5: a whole number'),
        (f'{ROW}\n{ROW}', 'b.txt', 'id 7 is there more than once'),
        (ROW.replace('10', '0'), 'b.txt', 'tag 7 has no area'),
        ('a: [', 'b.yaml', 'not YAML'),
        ('a: 1', 'b.yaml', 'either markers or grid'),
        ('grid: {rows: 1}', 'b.yaml', 'grid needs exactly columns, rows, size, pitch, first_id'),
        ('grid: {columns: x, rows: 1, size: 1, pitch: 1, first_id: 0}', 'b.yaml', 'not a number'),
        ('markers: []', 'b.yaml', 'a list of id and corners'),
        ('markers: [{id: 1}]', 'b.yaml', r'markers\[0\]: exactly id and corners'),
        ('markers: [{id: 1, corners: [[0, 0, 0]]}]', 'b.yaml', r'markers\[0\]: corners: 4 points'),
        ('markers: [{id: 1, corners: 5}]', 'b.yaml', r'markers\[0\]: corners: 4 points'),
    ],
)
def test_a_bad_board_file_is_one_line_that_names_it(tmp_path: Path, text: str, name: str, message: str) -> None:
    path = write(tmp_path, text, name)
    with pytest.raises(DataError, match=message) as caught:
        load_board(path, 'ref')
    assert path in str(caught.value) and '\n' not in str(caught.value)


def test_a_missing_board_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'board file .*none\.txt: No such file'):
        load_board(str(tmp_path / 'none.txt'), 'ref')


def test_a_grid_of_overlapping_tags_and_wrong_units_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='0 < size <= pitch'):
        load_board(write(tmp_path, 'grid: {columns: 1, rows: 1, size: 2, pitch: 1, first_id: 0}', 'g.yaml'), 'r')
    with pytest.raises(ConfigError, match="units 'inch': one of m, cm, mm"):
        load_board(write(tmp_path, ROW), 'r', units='inch')


def test_an_unknown_dictionary_lists_the_known() -> None:
    assert check_dictionary('4X4_50') == 'DICT_4X4_50'
    with pytest.raises(ConfigError, match=r"dictionary 'DICT_9X9': unknown; there are: DICT_4X4_100, .*DICT_ARUCO_ORIGINAL"):
        check_dictionary('DICT_9X9')


def test_boards_may_share_neither_ids_nor_differ_in_dictionary(tmp_path: Path) -> None:
    a, b = load_board(write(tmp_path, ROW), 'a'), load_board(write(tmp_path, ROW), 'b')
    with pytest.raises(ConfigError, match="boards 'a' and 'b' share tag 7"):
        check_distinct([a, b])
    other = load_board(write(tmp_path, ROW.replace('7', '8', 1)), 'b', dictionary='DICT_5X5_50')
    with pytest.raises(ConfigError, match='boards of different dictionaries'):
        check_distinct([a, other])


def test_the_real_board_has_twelve_tags(shared_data: Path) -> None:
    board = load_board(str(shared_data / 'aruco_bard' / 'reference.txt'), 'ref', dictionary='DICT_ARUCO_ORIGINAL')
    assert len(board.ids) == 12 and board.ids[0] == 860 and board.planarity_m() < 1e-9
    assert board.corners_m.max() == pytest.approx(0.067)
