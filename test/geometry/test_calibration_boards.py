# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry.calibration_boards import CalibrationBoard
from arsurg_ros.geometry.dictionaries import predefined

DICTIONARY = 'DICT_4X4_50'


def test_points_of_a_chessboard_go_row_by_row() -> None:
    p = CalibrationBoard('chessboard', 4, 3, 0.01).p_board_m
    assert p.shape == (12, 3)
    np.testing.assert_allclose(p[[0, 3, 4]], [[0, 0, 0], [0.03, 0, 0], [0, 0.01, 0]])


@pytest.mark.parametrize('legacy', [False, True])
def test_points_of_charuco_are_opencvs(legacy: bool) -> None:
    board = CalibrationBoard('charuco', 5, 4, 0.02, 0.015, DICTIONARY, legacy)
    pattern = cv2.aruco.CharucoBoard((5, 4), 0.02, 0.015, predefined(DICTIONARY))
    pattern.setLegacyPattern(legacy)
    np.testing.assert_allclose(board.p_board_m, pattern.getChessboardCorners(), atol=1e-8)


def test_points_of_a_grid_of_tags_are_opencvs() -> None:
    board = CalibrationBoard('aruco', 4, 3, 0.025, 0.02, DICTIONARY)
    grid = cv2.aruco.GridBoard((4, 3), 0.02, 0.005, predefined(DICTIONARY))
    np.testing.assert_allclose(board.p_board_m.reshape(12, 4, 3), grid.getObjPoints(), atol=1e-8)


@pytest.mark.parametrize(
    ('board', 'orders'),
    [
        (CalibrationBoard('chessboard', 9, 6, 0.01), 1),
        (CalibrationBoard('chessboard', 14, 10, 0.01), 2),
        (CalibrationBoard('chessboard', 7, 5, 0.01), 2),
        (CalibrationBoard('chessboard', 6, 6, 0.01), 4),
        (CalibrationBoard('charuco', 6, 6, 0.01, 0.005, DICTIONARY), 1),
    ],
)
def test_orders_that_look_alike_are_rigid_motions_of_the_board(board: CalibrationBoard, orders: int) -> None:
    found = board.symmetries()
    assert len(found) == orders
    distances = np.linalg.norm(board.p_board_m[:, None] - board.p_board_m, axis=2)
    for order in found:
        assert sorted(order) == list(range(len(board.p_board_m)))
        np.testing.assert_allclose(distances[np.ix_(order, order)], distances, atol=1e-12)
    assert len({tuple(o) for o in found}) == orders


def test_words_name_every_length_with_its_unit() -> None:
    assert CalibrationBoard('chessboard', 14, 10, 0.006).describe() == 'chessboard of 14x10 inner corners, squares of 6 mm'
    charuco = CalibrationBoard('charuco', 19, 26, 0.005, 0.004, DICTIONARY, True).describe()
    assert charuco == 'ChArUco of 19x26 squares of 5 mm, tags of 4 mm, DICT_4X4_50, legacy pattern'
    assert 'tags of 20 mm' in CalibrationBoard('aruco', 4, 3, 0.025, 0.02, DICTIONARY).describe()


@pytest.mark.parametrize(
    ('values', 'said'),
    [
        (('circles', 4, 3, 0.01), "'circles': unknown; valid: chessboard, charuco, aruco"),
        (('chessboard', 2, 3, 0.01), '2x3: both must be 3'),
        (('chessboard', 4, 3, 0.0), 'positive length'),
        (('chessboard', 4, 3, float('nan')), 'positive length'),
        (('charuco', 4, 3, 0.01, 0.01, DICTIONARY), 'smaller than its square'),
        (('charuco', 4, 3, 0.01), 'a tag must be positive'),
        (('aruco', 4, 3, 0.01, 0.005, DICTIONARY, True), 'legacy: only a charuco'),
    ],
)
def test_a_board_that_cannot_be_is_refused(values: tuple, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        CalibrationBoard(*values)
