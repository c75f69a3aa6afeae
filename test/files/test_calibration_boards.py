# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from arsurg_ros.errors import ConfigError, DataError, RegistrationError
from arsurg_ros.files.calibration_boards import load_calibration_board
from arsurg_ros.geometry.calibration_boards import CalibrationBoard

MM = 1e-3


@pytest.mark.parametrize(
    ('words', 'board'),
    [
        ('chessboard:14x10:6', CalibrationBoard('chessboard', 14, 10, 0.006)),
        ('charuco:19x26:5:4:DICT_4X4_250', CalibrationBoard('charuco', 19, 26, 0.005, 0.004, 'DICT_4X4_250')),
        ('charuco:19x26:5:4:4X4_250:legacy', CalibrationBoard('charuco', 19, 26, 0.005, 0.004, 'DICT_4X4_250', True)),
        ('aruco:4x3:25:5:DICT_4X4_50', CalibrationBoard('aruco', 4, 3, 0.03, 0.025, 'DICT_4X4_50')),
    ],
)
def test_words(words: str, board: CalibrationBoard) -> None:
    found = load_calibration_board(words, MM)
    assert found.pitch_m == pytest.approx(board.pitch_m)
    assert found.tag_m == pytest.approx(board.tag_m)
    assert (found.kind, found.columns, found.rows, found.dictionary, found.legacy) == (
        board.kind, board.columns, board.rows, board.dictionary, board.legacy,
    )


def test_a_file_has_its_own_unit_or_that_of_the_command(tmp_path: Path) -> None:
    file = tmp_path / 'board.yaml'
    file.write_text('kind: charuco\ncolumns: 5\nrows: 7\nsquare: 0.03\ntag: 0.02\ndictionary: 5X5_100\nunit: m\nlegacy: true\n')
    board = load_calibration_board(str(file), MM)
    assert (board.pitch_m, board.tag_m, board.dictionary, board.legacy) == (0.03, 0.02, 'DICT_5X5_100', True)
    file.write_text('kind: chessboard\ncolumns: 5\nrows: 7\nsquare: 30\n')
    assert load_calibration_board(str(file), MM).pitch_m == pytest.approx(0.03)


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ('circles:4x3:5', 'needed is chessboard:COLUMNSxROWS:SQUARE'),
        ('chessboard', 'parts behind the kind'),
        ('chessboard:14x10', 'no square'),
        ('chessboard:14:6', "rows '': a whole number"),
        ('chessboard:14xten:6', "rows 'ten': a whole number"),
        ('chessboard:14x10:six', "square 'six': a length"),
        ('chessboard:14x10:6:7', 'parts behind the kind'),
        ('chessboard:14x10:-6', 'positive length'),
        ('charuco:5x7:4:5:4X4_50', 'smaller than its square'),
        ('charuco:5x7:5:4:4X4_51', 'dictionary .* unknown'),
        ('charuco:5x7:5:4:4X4_50:old', "'old': only the word legacy"),
        ('aruco:4x3:25:0:4X4_50', 'gap 0: a positive length'),
    ],
)
def test_wrong_words_are_explained(words: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_calibration_board(words, MM)


@pytest.mark.parametrize(
    ('text', 'error', 'said'),
    [
        ('kind: [', DataError, 'not YAML'),
        ('- 1', ConfigError, 'a mapping with kind'),
        ('kind: circles', ConfigError, 'one of chessboard'),
        ('kind: chessboard\ncolumns: 4\nrows: 3\nsquare: 5\nunit: inch', ConfigError, "unit 'inch'; valid: mm, m"),
        ('kind: chessboard\ncolumns: 4\nrows: 3\nsquare: 5\ntag: 3', ConfigError, "unknown key 'tag'"),
        ('kind: chessboard\ncolumns: 4\nsquare: 5', ConfigError, 'no rows'),
        ('kind: charuco\ncolumns: 4\nrows: 3\nsquare: 5\ntag: 3\ndictionary: 4X4_50\nlegacy: 1', ConfigError, 'true or false'),
    ],
)
def test_wrong_files_are_explained(tmp_path: Path, text: str, error: type[Exception], said: str) -> None:
    file = tmp_path / 'board.yaml'
    file.write_text(text)
    with pytest.raises(error, match=said):
        load_calibration_board(str(file), MM)


@pytest.mark.parametrize(
    ('unit_m', 'words', 'hint'),
    [
        (1.0, 'chessboard:14x10:6', 'a square of 6000 mm; 0.2 mm to 1000 mm is valid: mm given as m'),
        (1e-3, 'chessboard:14x10:0.006', 'a square of 0.006 mm; .* m given as mm'),
        (1.0, 'aruco:4x3:256:66:DICT_4X4_250', 'mm given as m'),
    ],
)
def test_a_board_in_another_unit_is_refused(unit_m: float, words: str, hint: str) -> None:
    with pytest.raises(RegistrationError, match=hint) as caught:
        load_calibration_board(words, unit_m)
    assert caught.value.code == 'wrong_unit'


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'none\.yaml'):
        load_calibration_board(str(tmp_path / 'none.yaml'), MM)
