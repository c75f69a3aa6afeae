# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds a calibration board in pictures: which of its points are where, and why a picture does not count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from arsurg_ros.errors import ConfigError, DataError, RegistrationError
from arsurg_ros.files.images import read_grey
from arsurg_ros.files.source import read_table
from arsurg_ros.geometry.calibration_boards import CalibrationBoard
from arsurg_ros.geometry.dictionaries import predefined
from arsurg_ros.geometry.edges import refine_corners
from arsurg_ros.types import F64, I64, U8

MIN_CORNERS = 20
#: A corner farther than this from where the board's plane has it, in squares, is another corner or none.
ASTRAY = 0.5
#: With more of them the board is not what it is said to be.
MOST_ASTRAY = 0.25
#: Views whose corners moved less than this, rms, are one view.
REPEATED_PX = 0.5


@dataclass(frozen=True)
class BoardView:
    """Points ``ids`` (N) of the board at pixels ``uv_px`` (N, 2); ``reason`` says why the view does not count, or is ''."""

    name: str
    ids: I64
    uv_px: F64
    reason: str = ''


@dataclass(frozen=True)
class BoardViews:
    """Views of one board by one camera, in the order of the pictures, and the size of these, px."""

    board: CalibrationBoard
    views: tuple[BoardView, ...]
    width_px: int
    height_px: int

    @property
    def counted(self) -> list[BoardView]:
        """The views that count."""
        return [v for v in self.views if not v.reason]


class BoardFinder:
    """Finds one board in pictures.

    Chessboards by Duda and Frese, *Accurate detection and localization of checkerboard corners for calibration* (BMVC 2018),
    else by OpenCV's older detector, corners refined; all corners must be in the picture. ChArUco boards and tags may be
    seen in part: a ChArUco corner needs ``min_tags`` of its two neighbouring tags.
    """

    def __init__(self, board: CalibrationBoard, min_corners: int = MIN_CORNERS, min_tags: int = 2) -> None:
        """Make the detectors; raises ConfigError for a dictionary with too few tags, or numbers out of range."""
        total = len(board.p_board_m)
        if not min_corners >= 4:
            raise ConfigError(f'min_corners {min_corners}: 4 or more are needed')
        if min_tags not in (1, 2):
            raise ConfigError(f'min_tags {min_tags}: 1 or 2')
        self.board, self.min_corners = board, min(min_corners, total)
        self._tags, self._charuco = _detectors(board, min_tags)

    def find(self, grey: U8, name: str) -> BoardView:
        """Return the view of a picture (H, W)."""
        if self.board.kind == 'chessboard':
            view = _view(name, *self._chessboard(grey))
        elif self._charuco is not None:
            corners, ids, _, _ = self._charuco.detectBoard(grey)
            view = _view(name, corners, ids)
        else:
            view = self._grid(grey, name)
        return judged(self.board, view, self.min_corners)

    def _chessboard(self, grey: U8) -> tuple[F64 | None, I64 | None]:
        size = (self.board.columns, self.board.rows)
        found, corners = cv2.findChessboardCornersSB(grey, size, flags=0)
        if not found:
            flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK
            found, corners = cv2.findChessboardCorners(grey, size, flags=flags)
        if not found:
            return None, None
        uv = _refined(grey, np.asarray(corners), self.board)
        return upright(self.board, uv, grey), np.arange(len(uv), dtype=np.int64)

    def _grid(self, grey: U8, name: str) -> BoardView:
        corners, ids, _ = self._tags.detectMarkers(grey)
        tags = np.zeros(0, dtype=np.int64) if ids is None else np.ravel(ids).astype(np.int64)
        known = (tags >= 0) & (tags < self.board.columns * self.board.rows)
        known &= np.array([np.count_nonzero(tags == t) == 1 for t in tags], dtype=bool)  # seen twice: nobody knows which
        uv = np.asarray(corners, dtype=np.float64).reshape(-1, 4, 2)[known]
        return _view(name, refine_corners(grey, uv) if len(uv) else uv, (4 * tags[known][:, None] + np.arange(4)).ravel())


def _detectors(board: CalibrationBoard, min_tags: int) -> tuple[cv2.aruco.ArucoDetector, cv2.aruco.CharucoDetector | None]:
    parameters = cv2.aruco.DetectorParameters()
    if board.kind == 'chessboard':
        return cv2.aruco.ArucoDetector(), None
    dictionary = predefined(board.dictionary)
    tags, there = board.columns * board.rows, len(dictionary.bytesList)
    needed = tags if board.kind == 'aruco' else tags // 2
    if needed > there:
        raise ConfigError(f'board of {board.columns}x{board.rows}: {needed} tags, {board.dictionary} has {there}')
    if board.kind == 'aruco':
        return cv2.aruco.ArucoDetector(dictionary, parameters), None
    pattern = cv2.aruco.CharucoBoard((board.columns, board.rows), board.pitch_m, board.tag_m, dictionary)
    pattern.setLegacyPattern(board.legacy)
    how = cv2.aruco.CharucoParameters()
    how.minMarkers = min_tags
    return cv2.aruco.ArucoDetector(dictionary, parameters), cv2.aruco.CharucoDetector(pattern, how, parameters)


def _view(name: str, uv: object, ids: object) -> BoardView:
    if uv is None or ids is None:
        return BoardView(name, np.zeros(0, dtype=np.int64), np.zeros((0, 2)))
    return BoardView(name, np.asarray(ids, dtype=np.int64).ravel(), np.asarray(uv, dtype=np.float64).reshape(-1, 2))


def _refined(grey: U8, corners: F64, board: CalibrationBoard) -> F64:
    """Return corners (N, 2) by the gradients round them, in windows that reach half way to the next corner.

    On rendered boards this halves the error of the detector's own corners (0.04 and 0.09 px; blurred 0.11 and 0.25 px), and
    wide windows err less than narrow ones.
    """
    grid = corners.reshape(board.rows, board.columns, 2)
    spacing = min(np.linalg.norm(np.diff(grid, axis=a), axis=2).min() for a in (0, 1))
    half = int(np.clip(spacing / 2, 2, 15))
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-3)
    start = corners.reshape(-1, 1, 2).astype(np.float32)
    return np.asarray(cv2.cornerSubPix(grey, start, (half, half), (-1, -1), stop), dtype=np.float64).reshape(-1, 2)


def upright(board: CalibrationBoard, uv_px: F64, grey: U8) -> F64:
    """Return a chessboard's corners in the order in which the square behind the first corner is dark, where one is."""
    if (board.columns + board.rows) % 2 == 0:
        return uv_px
    grid = uv_px.reshape(board.rows, board.columns, 2)
    centres = (grid[:-1, :-1] + grid[1:, :-1] + grid[:-1, 1:] + grid[1:, 1:]) / 4
    at = np.clip(np.round(centres).astype(int), 0, [grey.shape[1] - 1, grey.shape[0] - 1])
    values = grey[at[..., 1], at[..., 0]].astype(np.float64)
    even = np.add.outer(np.arange(board.rows - 1), np.arange(board.columns - 1)) % 2 == 0
    return uv_px if values[even].mean() < values[~even].mean() else uv_px[::-1].copy()


def judged(board: CalibrationBoard, view: BoardView, min_corners: int, *, astray: bool = True) -> BoardView:
    """Return a view without corners that are ``astray``, and with the reason if too few are left."""
    seen, total = len(view.ids), len(board.p_board_m)
    kept = _on_plane(board, view) if astray else slice(None)
    view = replace(view, ids=view.ids[kept], uv_px=view.uv_px[kept])
    if not len(view.ids):
        return replace(view, reason='board not found')
    if seen - len(view.ids) > MOST_ASTRAY * seen:
        why = f'{seen - len(view.ids)} of {seen} corners are not where this board has them'
        return replace(view, reason=f'{why}: are columns and rows exchanged, is it another board?')
    if len(view.ids) < min_corners:
        return replace(view, reason=f'{len(view.ids)} of {total} corners, {min_corners} needed')
    p = board.p_board_m[view.ids, :2]
    spread = np.linalg.svd(p - p.mean(axis=0), compute_uv=False)
    if spread[1] < 0.02 * spread[0]:
        return replace(view, reason=f'its {len(p)} corners lie on a line')
    return view


def _on_plane(board: CalibrationBoard, view: BoardView) -> F64 | slice:
    """Return a mask of the corners within half a square of a homography of the board; lenses bend by less."""
    if len(view.ids) < 5:
        return slice(None)
    p = board.p_board_m[view.ids, :2] / board.pitch_m
    H = _homography(view.uv_px, p)
    if H is None:
        return slice(None)
    q = cv2.perspectiveTransform(view.uv_px[:, None], H).reshape(-1, 2)
    out: F64 = np.linalg.norm(q - p, axis=1) < ASTRAY
    return out


def _homography(a: F64, b: F64) -> F64 | None:
    cv2.setRNGSeed(0)
    H: F64 | None = cv2.findHomography(a, b, cv2.RANSAC, ASTRAY, maxIters=2000)[0]  # type: ignore[assignment]
    return H  # None for points on a line, whatever OpenCV's types say


def find_in_files(
    finder: BoardFinder, files: Sequence[Path], progress: Callable[[int, BoardView], None] | None = None
) -> BoardViews:
    """Return the views of picture files, and tell ``progress`` of each.

    Raises DataError for a file that is no picture, RegistrationError ``mixed_sizes``, and ``no_board`` where it is in none.
    """
    views: list[BoardView] = []
    size: tuple[int, int] | None = None
    for file in files:
        grey = read_grey(file)
        size = size or (grey.shape[1], grey.shape[0])
        if size != (grey.shape[1], grey.shape[0]):
            both = f'{file.name} has {grey.shape[1]}x{grey.shape[0]}, {files[0].name} {size[0]}x{size[1]}'
            raise RegistrationError('mixed_sizes', f'{both} px: pictures of one camera in one mode are needed')
        views.append(finder.find(grey, file.name))
        if progress is not None:
            progress(len(views), views[-1])
    if size is None:
        raise DataError('images: none are given')
    return checked(BoardViews(finder.board, tuple(views), *size))


def read_corner_files(board: CalibrationBoard, files: Iterable[Path], size: tuple[int, int], min_corners: int) -> BoardViews:
    """Return the views of text files of stored corners: rows ``u v`` of all points in order, or ``id u v``; px.

    Every point counts: what somebody has stored is not corrected, but its view can be rejected later.

    Raises DataError for another table, ids that the board does not have, or points far outside the picture.
    """
    views = []
    for file in files:
        values, total = read_table(file).values, len(board.p_board_m)
        if values.shape[1] == 2 and len(values) == total:
            ids, uv = np.arange(total, dtype=np.int64).ravel(), values
        elif values.shape[1] == 3:
            ids, uv = np.round(values[:, 0]).astype(np.int64).ravel(), values[:, 1:]
        else:
            found = f'{len(values)} rows of {values.shape[1]} numbers'
            raise DataError(f'corners {file}: {found}; needed is a row u v for each of the {total} points, or rows id u v')
        if len(set(ids)) != len(ids) or ids.min() < 0 or ids.max() >= total:
            raise DataError(f'corners {file}: ids must differ and be 0 to {total - 1}')
        if not np.isfinite(uv).all() or (np.abs(uv - np.divide(size, 2)) > 2 * np.array(size)).any():
            raise DataError(f'corners {file}: a point is not finite or far outside of {size[0]}x{size[1]} px')
        views.append(judged(board, BoardView(file.name, ids, uv), min(min_corners, total), astray=False))
    return checked(BoardViews(board, tuple(views), *size))


def checked(found: BoardViews) -> BoardViews:
    """Return views with repeated ones marked; raises RegistrationError ``no_board`` where no picture shows the board."""
    if not found.counted:
        best = max((len(v.ids) for v in found.views), default=0)
        raise RegistrationError('no_board', f'{found.board.describe()}: {_no_board(found, best)}')
    kept: list[BoardView] = []
    out: list[BoardView] = []
    for view in found.views:
        same = next((k.name for k in kept if _same(k, view)), '') if not view.reason else ''
        out.append(replace(view, reason=f'repeats {same}') if same else view)
        if not out[-1].reason:
            kept.append(view)
    return replace(found, views=tuple(out))


def _no_board(found: BoardViews, best: int) -> str:
    count = f'{len(found.views)} picture{"s" if len(found.views) != 1 else ""}'
    if best:
        why = next(v.reason for v in found.views if len(v.ids) == best)
        return f'in none of {count} enough of it; at best: {why}'
    hints = {
        'chessboard': 'are columns and rows INNER corners, is every one of them in the picture, is a white margin round it?',
        'charuco': 'is the dictionary right, columns and rows of squares not exchanged, an old board (:legacy)?',
        'aruco': 'is the dictionary right, columns and rows not exchanged, does the first tag have id 0?',
    }
    return f'in none of {count}; {hints[found.board.kind]} Or too small, blurred or bright'


def _same(a: BoardView, b: BoardView) -> bool:
    both, i, j = np.intersect1d(a.ids, b.ids, return_indices=True)
    if len(both) < 0.8 * min(len(a.ids), len(b.ids)) or not len(both):
        return False
    return bool(np.sqrt(((a.uv_px[i] - b.uv_px[j]) ** 2).sum(axis=1).mean()) < REPEATED_PX)
