# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ArUco and AprilTag boards in the camera's image, by OpenCV's detector; one detection finds the tags of all boards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from arsurg_ros import frames
from arsurg_ros.errors import ConfigError
from arsurg_ros.files.encodings import grey
from arsurg_ros.geometry.boards import MarkerBoard
from arsurg_ros.geometry.edges import refine_corners
from arsurg_ros.registry import param
from arsurg_ros.tracking.boards import UNITS_M, check_distinct, load_board
from arsurg_ros.tracking.pairs import named_pairs
from arsurg_ros.tracking.planar import BoardFit, fit_board
from arsurg_ros.types import F64, U8, CameraModel, Frame, Pose, Validity


@dataclass(frozen=True)
class ArucoConfig:
    """Parameters of the ArUco tracker."""

    boards: tuple[str, ...] = param((), 'tool=FILE for every board (scikit-surgery text, YAML, or synthetic:...)')
    units: str = param('mm', 'length unit of board files that name none', choices=tuple(UNITS_M))
    dictionary: str = param('', "OpenCV's name of the tags' dictionary; empty: the board file's, or DICT_4X4_50")
    refine: str = param('edges', "corners by lines through the tags' edges, or the detector's own", choices=('edges', 'none'))
    min_markers: int = param(
        3,
        'fewer seen tags than this are no pose (a board of fewer needs all of its own): one tag alone, or two in a '
        'row, leave the tilt nearly free',
        low=1,
        high=1000,
    )
    max_error_px: float = param(4.0, 'a larger reprojection rms makes the pose poor', unit='px', low=0.01, high=100.0)
    memory_s: float = param(0.5, 'how long a valid pose decides between two that fit alike', unit='s', low=0.0, high=60.0)
    tracker_frame: str = param(frames.TRK, 'frame in which the poses are: the camera is the tracker')


class ArucoTracker:
    """Tracks every board in every image: one detection for all, and a pose over all corners of a board at once."""

    kind: ClassVar[str] = 'image'
    Config = ArucoConfig

    def __init__(self, config: ArucoConfig) -> None:
        """Load the boards; raises DataError for a bad file, ConfigError for shared ids or an unknown dictionary."""
        files = named_pairs('boards', config.boards)
        if not files:
            raise ConfigError('boards: none given; tool=FILE is needed for every tool')
        self._config = config
        self._boards = [load_board(f, tool, config.units, config.dictionary) for tool, f in files.items()]
        check_distinct(self._boards)
        self.tools = tuple(files)
        self._detector = _detector(self._boards)
        self._last: dict[str, tuple[int, F64]] = {}

    def track(self, frame: Frame, camera: CameraModel) -> list[Pose]:
        """Return one pose per board at the frame's stamp; every reason for an invalid one is in the pose."""
        problem = image_problem(frame, camera)
        if problem:
            return [self._pose(frame, b, Validity.LOST, problem) for b in self._boards]
        tags = self.detect(frame.image, frame.encoding)
        return [self._locate(frame, camera, board, tags) for board in self._boards]

    def detect(self, image: U8, encoding: str = 'bgr8') -> dict[int, F64]:
        """Return {id: corners (4, 2) px} of the tags in an image; an id seen twice is left out, nobody knows which is it."""
        brightness = grey(image, encoding)
        corners, ids, _ = self._detector.detectMarkers(brightness)
        if ids is None or len(ids) == 0:
            return {}
        seen = [int(i) for i in np.ravel(ids)]
        found: F64 = np.asarray(corners, dtype=np.float64).reshape(-1, 4, 2)
        if self._config.refine == 'edges':
            found = refine_corners(brightness, found)
        return {i: c for i, c in zip(seen, found, strict=True) if seen.count(i) == 1}

    def close(self) -> None:
        """Nothing is held."""

    def _locate(self, frame: Frame, camera: CameraModel, board: MarkerBoard, tags: dict[int, F64]) -> Pose:
        seen = [k for k, tag in enumerate(board.ids) if tag in tags]
        needed = min(self._config.min_markers, len(board.ids))
        if len(seen) < needed:
            return self._pose(frame, board, Validity.LOST, _too_few(len(seen), len(board.ids), needed), len(seen))
        p_board = board.corners_m[seen].reshape(-1, 3)
        uv = np.concatenate([tags[board.ids[k]] for k in seen])
        fit = fit_board(p_board, uv, camera, self._recent(board.name, frame.stamp_ns))
        return self._judged(frame, camera, board, fit, len(seen))

    def _judged(self, frame: Frame, camera: CameraModel, board: MarkerBoard, fit: BoardFit, markers: int) -> Pose:
        if fit.T_cam_board is None:
            return self._pose(frame, board, Validity.LOST, fit.reason, markers)
        reason = fit.reason
        if fit.error_px > self._config.max_error_px:
            reason = f'reprojection error {fit.error_px:.2f} px, at most {self._config.max_error_px:g} allowed'
        validity = Validity.POOR if reason else Validity.VALID
        if validity is Validity.VALID:
            self._last[board.name] = (frame.stamp_ns, fit.T_cam_board)
        return self._pose(frame, board, validity, reason, markers, fit, camera)

    def _recent(self, board: str, stamp_ns: int) -> F64 | None:
        """Return the last valid pose if it is recent; a clock that went back makes it worthless."""
        then_ns, T = self._last.get(board, (0, None))
        age_ns = stamp_ns - then_ns
        return T if T is not None and 0 <= age_ns <= self._config.memory_s * 1e9 else None

    def _pose(
        self,
        frame: Frame,
        board: MarkerBoard,
        validity: Validity,
        reason: str = '',
        markers: int = 0,
        fit: BoardFit | None = None,
        camera: CameraModel | None = None,
    ) -> Pose:
        T = fit.T_cam_board if fit else None
        error_px = fit.error_px if fit else None
        error_m = None
        if fit and T is not None and camera:
            error_m = fit.error_px * float(T[2, 3]) / float(0.5 * (camera.K[0, 0] + camera.K[1, 1]))
        parent = self._config.tracker_frame
        return Pose(frame.stamp_ns, parent, board.name, T, validity, error_m, error_px, markers, reason)


def image_problem(frame: Frame, camera: CameraModel) -> str:
    """Return why an image cannot be tracked with a camera, '' where it can."""
    height, width = frame.image.shape[:2] if frame.image.ndim >= 2 else (0, 0)
    if (width, height) != (camera.width_px, camera.height_px):
        return f'image is {width}x{height}, the calibration is for {camera.width_px}x{camera.height_px}'
    if frame.image.dtype != np.uint8 or frame.image.ndim not in (2, 3) or frame.image.shape[2:] not in ((), (3,)):
        return f'image of {frame.image.dtype}, shape {frame.image.shape}: 8 bit grey or colour is needed'
    if not np.isfinite(camera.K).all():
        return 'camera matrix K is not finite'
    return ''


def _too_few(seen: int, total: int, needed: int) -> str:
    if seen == 0:
        return f'no marker of {total}'
    return f'only {seen} marker{"s" if seen > 1 else ""} of {total}, {needed} needed'


def _detector(boards: list[MarkerBoard]) -> cv2.aruco.ArucoDetector:
    p = cv2.aruco.DetectorParameters()
    p.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_NONE  # edges.py does it better
    p.adaptiveThreshWinSizeMin, p.adaptiveThreshWinSizeMax, p.adaptiveThreshWinSizeStep = 3, 23, 10
    name = boards[0].dictionary
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
    size = len(dictionary.bytesList)
    for board in boards:
        if max(board.ids) >= size:
            raise ConfigError(f'board {board.name!r}: tag {max(board.ids)}: {name} has ids 0 to {size - 1}')
    return cv2.aruco.ArucoDetector(dictionary, p)
