# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, DataError, RegistrationError
from arsurg_ros.files.calibration_boards import load_calibration_board
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model, project
from arsurg_ros.registration.board_views import BoardFinder, BoardView, find_in_files, judged, read_corner_files
from arsurg_ros.synthetic.board_pictures import BoardPainter, tilted_poses

K = np.array([[465.0, 0, 241.0], [0, 461.0, 178.0], [0, 0, 1]])
CAMERA = camera_model(480, 360, K, np.array([-0.2, 0.1, 1e-3, -5e-4, 0]))
SPECS = ('chessboard:9x6:20', 'chessboard:10x6:20', 'charuco:8x6:25:19:4X4_50', 'charuco:8x6:25:19:4X4_50:legacy',
         'aruco:4x3:40:10:4X4_50')
#: Largest rms error of corners, px, in sharp pictures with noise of 2 grey values.
WITHIN_PX = {'chessboard': 0.06, 'charuco': 0.25, 'aruco': 0.08}
CHESSBOARD = load_calibration_board('chessboard:9x6:20', 1e-3)


def rms(off: np.ndarray) -> float:
    return float(np.sqrt((off**2).sum(axis=1).mean()))


@pytest.fixture(scope='module', params=SPECS)
def painted(request: pytest.FixtureRequest):
    board = load_calibration_board(request.param, 1e-3)
    painter = BoardPainter(board, CAMERA)
    return board, [(T, painter.draw(T, seed=i)) for i, T in enumerate(tilted_poses(board, CAMERA, 3, seed=1))]


def test_points_are_found_where_they_are(painted) -> None:
    board, pictures = painted
    finder = BoardFinder(board)
    for T, picture in pictures:
        view = finder.find(picture, 'a')
        assert view.reason == ''
        assert len(view.ids) > 0.8 * len(board.p_board_m)
        truths = [project(CAMERA, se3.transform(T, board.p_board_m[order[view.ids]])) for order in board.symmetries()]
        assert min(rms(view.uv_px - t) for t in truths) < WITHIN_PX[board.kind]


def test_an_asymmetric_chessboard_has_its_first_corner_where_the_dark_square_is() -> None:
    painter = BoardPainter(CHESSBOARD, CAMERA)
    upright = tilted_poses(CHESSBOARD, CAMERA, 1, seed=2)[0]
    centre = np.mean(CHESSBOARD.p_board_m, axis=0)
    turn = se3.compose(np.eye(3), centre) @ se3.compose(np.diag([-1.0, -1.0, 1.0]), [0, 0, 0]) @ se3.compose(np.eye(3), -centre)
    for T in (upright, upright @ turn):
        view = BoardFinder(CHESSBOARD).find(painter.draw(T), 'a')
        assert rms(view.uv_px - project(CAMERA, se3.transform(T, CHESSBOARD.p_board_m))) < 0.1


def test_a_blurred_noisy_chessboard_is_still_found_to_a_quarter_of_a_pixel() -> None:
    T = tilted_poses(CHESSBOARD, CAMERA, 1, seed=3)[0]
    view = BoardFinder(CHESSBOARD).find(BoardPainter(CHESSBOARD, CAMERA).draw(T, noise=8.0, blur_px=1.5), 'a')
    assert rms(view.uv_px - project(CAMERA, se3.transform(T, CHESSBOARD.p_board_m))) < 0.25


def test_a_tag_that_is_seen_twice_is_left_out() -> None:
    board = load_calibration_board('aruco:4x3:40:10:4X4_50', 1e-3)
    T = se3.compose(np.eye(3), np.array([0.0, 0.0, 0.5]) - board.p_board_m.mean(axis=0))
    picture = BoardPainter(board, CAMERA).draw(T)
    assert len(BoardFinder(board).find(picture, 'a').ids) == 48
    uv = project(CAMERA, se3.transform(T, board.p_board_m))
    (left, top), (right, bottom) = np.round(uv[:4].min(axis=0) - 4).astype(int), np.round(uv[:4].max(axis=0) + 5).astype(int)
    picture[12 : 12 + bottom - top, 12 : 12 + right - left] = picture[top:bottom, left:right]
    ids = BoardFinder(board).find(picture, 'a').ids
    assert set(ids) == set(range(4, 48))


def flat_view(ids: np.ndarray, board=CHESSBOARD) -> BoardView:
    T = tilted_poses(board, CAMERA, 1, seed=4)[0]
    return BoardView('a', ids, project(CAMERA, se3.transform(T, board.p_board_m[ids])))


def test_corners_that_are_astray_are_left_out() -> None:
    view = flat_view(np.arange(54))
    view.uv_px[[3, 40]] += [30.0, -25.0]
    assert set(range(54)) - set(judged(CHESSBOARD, view, 20).ids) == {3, 40}


@pytest.mark.parametrize(
    ('ids', 'said'),
    [
        (np.zeros(0, dtype=np.int64), 'board not found'),
        (np.arange(15), '15 of 54 corners, 20 needed'),
    ],
)
def test_why_a_view_does_not_count(ids: np.ndarray, said: str) -> None:
    assert judged(CHESSBOARD, flat_view(ids), 20).reason == said


def test_corners_on_a_line_do_not_count() -> None:
    assert judged(CHESSBOARD, flat_view(np.arange(9)), 4).reason == 'its 9 corners lie on a line'
    assert judged(CHESSBOARD, flat_view(np.arange(4)), 4).reason == 'its 4 corners lie on a line'


def test_another_board_is_suspected() -> None:
    turned = load_calibration_board('aruco:3x4:40:10:4X4_50', 1e-3)
    view = flat_view(np.arange(48), load_calibration_board('aruco:4x3:40:10:4X4_50', 1e-3))
    assert 'are columns and rows exchanged' in judged(turned, view, 20).reason


@pytest.mark.parametrize(
    ('words', 'options', 'said'),
    [
        ('chessboard:9x6:20', {'min_corners': 3}, 'min_corners 3: 4 or more'),
        ('charuco:8x6:25:19:4X4_50', {'min_tags': 3}, 'min_tags 3: 1 or 2'),
        ('charuco:20x20:5:4:4X4_50', {}, '200 tags, DICT_4X4_50 has 50'),
        ('aruco:8x8:5:4:4X4_50', {}, '64 tags, DICT_4X4_50 has 50'),
    ],
)
def test_a_finder_that_cannot_be_is_refused(words: str, options: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        BoardFinder(load_calibration_board(words, 1e-3), **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    painter = BoardPainter(CHESSBOARD, CAMERA)
    for i, T in enumerate(tilted_poses(CHESSBOARD, CAMERA, 2, seed=5)):
        cv2.imwrite(str(tmp_path / f'{i}.png'), painter.draw(T, seed=i))
    cv2.imwrite(str(tmp_path / '2.png'), np.full((360, 480), 128, dtype=np.uint8))
    cv2.imwrite(str(tmp_path / '3.png'), painter.draw(tilted_poses(CHESSBOARD, CAMERA, 2, seed=5)[0], seed=9))
    return tmp_path


def test_every_file_has_a_view_and_progress(folder: Path) -> None:
    told: list[tuple[int, str]] = []
    found = find_in_files(BoardFinder(CHESSBOARD), sorted(folder.iterdir()), lambda n, view: told.append((n, view.name)))
    assert [v.reason for v in found.views] == ['', '', 'board not found', 'repeats 0.png']
    assert [v.name for v in found.counted] == ['0.png', '1.png']
    assert (found.width_px, found.height_px) == (480, 360)
    assert told == [(1, '0.png'), (2, '1.png'), (3, '2.png'), (4, '3.png')]


def test_pictures_of_two_sizes_are_refused(folder: Path) -> None:
    cv2.imwrite(str(folder / '9.png'), np.zeros((100, 100), dtype=np.uint8))
    with pytest.raises(RegistrationError, match=r'9\.png has 100x100, 0\.png 480x360') as e:
        find_in_files(BoardFinder(CHESSBOARD), sorted(folder.iterdir()))
    assert e.value.code == 'mixed_sizes'


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ('chessboard:8x5:20', 'INNER corners'),
        ('charuco:8x6:25:19:4X4_50', 'is the dictionary right'),
        ('aruco:4x3:40:10:4X4_50', 'is the dictionary right'),
    ],
)
def test_no_board_says_the_likely_reasons(folder: Path, words: str, said: str) -> None:
    with pytest.raises(RegistrationError, match=f'in none of 4 pictures; .*{said}') as e:
        find_in_files(BoardFinder(load_calibration_board(words, 1e-3)), sorted(folder.iterdir()))
    assert e.value.code == 'no_board'


def test_too_little_of_the_board_is_said(folder: Path) -> None:
    with pytest.raises(RegistrationError, match='enough of it; at best: 18 of 54 corners, 20 needed') as e:
        read_corner_files(CHESSBOARD, [corners_file(folder, flat_view(np.arange(18)))], (480, 360), 20)
    assert e.value.code == 'no_board'


def test_no_files_are_refused() -> None:
    with pytest.raises(DataError, match='none are given'):
        find_in_files(BoardFinder(CHESSBOARD), [])


def corners_file(folder: Path, view: BoardView, name: str = 'a.txt') -> Path:
    file = folder / name
    np.savetxt(file, np.column_stack([view.ids, view.uv_px]))
    return file


def test_stored_corners_are_read_with_ids_or_without(tmp_path: Path) -> None:
    whole, part = flat_view(np.arange(54)), flat_view(np.arange(10, 50))
    np.savetxt(tmp_path / 'whole.txt', whole.uv_px)
    other = BoardView('b', part.ids, part.uv_px + 5.0)
    found = read_corner_files(CHESSBOARD, [tmp_path / 'whole.txt', corners_file(tmp_path, other)], (480, 360), 20)
    np.testing.assert_allclose(found.views[0].uv_px, whole.uv_px)
    np.testing.assert_array_equal(found.views[1].ids, part.ids)


@pytest.mark.parametrize(
    ('rows', 'said'),
    [
        (np.zeros((10, 2)), '10 rows of 2 numbers; needed is a row u v for each of the 54'),
        (np.zeros((54, 4)), 'rows of 4 numbers'),
        (np.column_stack([[0, 0], np.zeros((2, 2))]), 'ids must differ'),
        (np.column_stack([[0, 54], np.zeros((2, 2))]), '0 to 53'),
        (np.full((54, 2), 9999.0), 'far outside of 480x360'),
    ],
)
def test_stored_corners_that_cannot_be_are_refused(tmp_path: Path, rows: np.ndarray, said: str) -> None:
    np.savetxt(tmp_path / 'a.txt', rows)
    with pytest.raises(DataError, match=said):
        read_corner_files(CHESSBOARD, [tmp_path / 'a.txt'], (480, 360), 20)
