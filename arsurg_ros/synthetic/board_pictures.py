# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of calibration boards by a camera that is known exactly, lens distortion included."""

from __future__ import annotations

import cv2
import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.calibration_boards import CalibrationBoard
from arsurg_ros.geometry.camera import pinhole_distortion, project
from arsurg_ros.geometry.dictionaries import predefined
from arsurg_ros.types import F32, F64, U8, CameraModel

PX_PER_PITCH = 80
BACKGROUND = 120
DARK, BRIGHT = 30, 225


class BoardPainter:
    """Draws one board as one camera sees it, with ``samples`` x ``samples`` rays a pixel."""

    def __init__(self, board: CalibrationBoard, camera: CameraModel, samples: int = 3) -> None:
        """Work out the rays, which are the same for every picture."""
        self._texture, self._first = _texture(board)
        self._per_m = PX_PER_PITCH / board.pitch_m
        self._size = (camera.width_px, camera.height_px)
        self._rays = _rays(camera, samples)

    def draw(self, T_cam_board: F64, noise: float = 2.0, seed: int = 0, blur_px: float = 0.5) -> U8:
        """Return the picture (H, W) of the board, with Gaussian noise in grey values; background where the board is not."""
        H = np.linalg.inv(T_cam_board[:3, [0, 1, 3]])
        at = self._rays @ H.T.astype(np.float32)
        map_x, map_y = (self._per_m * at[..., i] / at[..., 2] + self._first - 0.5 for i in (0, 1))
        fine = cv2.remap(
            self._texture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=BACKGROUND
        )
        picture = cv2.resize(np.asarray(fine), self._size, interpolation=cv2.INTER_AREA).astype(np.float64)
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), blur_px)) if blur_px > 0 else picture
        picture += np.random.default_rng(seed).normal(0.0, noise, picture.shape)
        return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def _rays(camera: CameraModel, samples: int) -> F32:
    u, v = ((np.arange(n * samples) + 0.5) / samples - 0.5 for n in (camera.width_px, camera.height_px))
    pixels = np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 1, 2)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 1e-9)
    xy = np.asarray(cv2.undistortPointsIter(pixels, camera.K, pinhole_distortion(camera), np.eye(3), np.eye(3), stop))
    xy = xy.reshape(len(v), len(u), 2).astype(np.float32)
    return np.concatenate([xy, np.ones((*xy.shape[:2], 1), dtype=np.float32)], axis=2)


def _texture(board: CalibrationBoard) -> tuple[U8, float]:
    """Return the board's print with one pitch of white round it, and the texture's pixel edge of the frame's origin."""
    if board.kind == 'chessboard':
        # The origin is the first inner corner: one square further in than the print, which has a margin of its own.
        y, x = np.mgrid[0 : board.rows + 1, 0 : board.columns + 1]
        cells = np.where((x + y) % 2 == 0, DARK, BRIGHT).astype(np.uint8)
        first = 2.0 * PX_PER_PITCH
    elif board.kind == 'charuco':
        pattern = cv2.aruco.CharucoBoard((board.columns, board.rows), board.pitch_m, board.tag_m, predefined(board.dictionary))
        pattern.setLegacyPattern(board.legacy)
        return _framed(pattern.generateImage((board.columns * PX_PER_PITCH, board.rows * PX_PER_PITCH))), 1.0 * PX_PER_PITCH
    else:
        return _tags(board), 1.0 * PX_PER_PITCH
    return _framed(np.kron(cells, np.ones((PX_PER_PITCH, PX_PER_PITCH), dtype=np.uint8))), first


def _tags(board: CalibrationBoard) -> U8:
    side = round(PX_PER_PITCH * board.tag_m / board.pitch_m)
    out = np.full((board.rows * PX_PER_PITCH, board.columns * PX_PER_PITCH), 255, dtype=np.uint8)
    for tag in range(board.columns * board.rows):
        y, x = (PX_PER_PITCH * k for k in divmod(tag, board.columns))
        out[y : y + side, x : x + side] = cv2.aruco.generateImageMarker(predefined(board.dictionary), tag, side)
    return _framed(out)


def _framed(print_: object) -> U8:
    low, high, m = DARK, BRIGHT, PX_PER_PITCH
    image = np.asarray(print_, dtype=np.uint8)
    if image.max() == 255:
        image = np.where(image > 127, high, low).astype(np.uint8)
    return np.asarray(cv2.copyMakeBorder(image, m, m, m, m, cv2.BORDER_CONSTANT, value=high), dtype=np.uint8)


def tilted_poses(
    board: CalibrationBoard, camera: CameraModel, count: int, seed: int = 0, tilt_rad: tuple[float, float] = (0.2, 0.8)
) -> F64:
    """Return ``T_cam_board`` (N, 4, 4) of boards that are whole in the picture, tilted about any axis, rolled a little."""
    rng, p = np.random.default_rng(seed), board.p_board_m
    # The whole print: a chessboard has one more square all round, and all need some white.
    print_ = np.concatenate([p + board.pitch_m * 1.3 * np.array([x, y, 0.0]) for x in (-1, 1) for y in (-1, 1)])
    size = float(np.linalg.norm(np.ptp(print_, axis=0)))
    far = size * camera.K[0, 0] / np.hypot(camera.width_px, camera.height_px)
    out: list[F64] = []
    while len(out) < count:
        about, tilt = rng.uniform(0.0, 2 * np.pi), rng.uniform(*tilt_rad)
        R = se3.from_rotvec([tilt * np.cos(about), tilt * np.sin(about), 0.0]) @ se3.from_rotvec([0, 0, rng.uniform(-0.4, 0.4)])
        z = far * rng.uniform(1.0, 2.0)
        xy = rng.uniform(-0.25, 0.25, 2) * z * [camera.width_px / camera.K[0, 0], camera.height_px / camera.K[1, 1]]
        T = se3.compose(R, np.array([*xy, z]) - R @ p.mean(axis=0))
        uv = project(camera, se3.transform(T, print_))
        if np.isfinite(uv).all() and (uv > 0).all() and (uv < [camera.width_px - 1, camera.height_px - 1]).all():
            out.append(T)
    return np.array(out)
