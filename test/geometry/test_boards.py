# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry.boards import MarkerBoard, grid_board

TAG = np.array([[0, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]]) * 0.02


def test_a_grid_starts_at_the_top_left_and_goes_round_as_opencv_does() -> None:
    board = grid_board('b', columns=2, rows=2, size_m=0.01, pitch_m=0.02, first_id=5)
    assert board.ids == (5, 6, 7, 8)
    np.testing.assert_allclose(board.corners_m[0] * 1e3, [[-15, 15, 0], [-5, 15, 0], [-5, 5, 0], [-15, 5, 0]])
    np.testing.assert_allclose(board.corners_m.mean(axis=(0, 1)), 0, atol=1e-12)


@pytest.mark.parametrize('grid', [(0, 1, 0.01, 0.02), (1, 0, 0.01, 0.02), (1, 1, 0.0, 0.02), (2, 2, 0.03, 0.02)])
def test_a_grid_that_is_none_is_refused(grid: tuple[int, int, float, float]) -> None:
    with pytest.raises(ConfigError, match="board 'b': grid"):
        grid_board('b', *grid)


@pytest.mark.parametrize(
    ('ids', 'corners', 'message'),
    [
        ((), np.zeros((0, 4, 3)), '0 ids'),
        ((1, 2), TAG[None], 'is needed'),
        ((1, 1), np.stack([TAG, TAG + 0.1]), 'id 1 is there more than once'),
        ((-3,), TAG[None], 'id -3 is negative'),
        ((4,), np.where(TAG == 0, np.nan, TAG)[None], 'tag 4 has a corner that is not a finite number'),
        ((4,), np.zeros((1, 4, 3)), 'tag 4 has no area'),
    ],
)
def test_a_board_that_is_none_says_why(ids: tuple[int, ...], corners: np.ndarray, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MarkerBoard('b', ids, corners)


def test_planarity_is_the_largest_distance_from_the_plane() -> None:
    bent = TAG + np.array([0.0, 0.04, 0.08])[:, None, None] * [1, 0, 0]
    assert MarkerBoard('b', (0, 1, 2), bent).planarity_m() < 1e-12
    bent[1, :, 2] += 0.006
    assert 0.003 < MarkerBoard('b', (0, 1, 2), bent).planarity_m() < 0.006
