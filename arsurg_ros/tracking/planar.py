# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pose of a board from its corners in one image, and whether it can be believed.

A plane seen at a distance has two poses that explain its picture nearly alike (Schweighofer and Pinz, PAMI 2006). Both come
from IPPE (Collins and Bartoli, IJCV 2014), both are refined by Levenberg-Marquardt on the reprojection error, and the
better one is taken if it is clearly better; else the one near the last believed pose; else none.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import pinhole_distortion, project
from arsurg_ros.types import F64, CameraModel

CLEARLY_BETTER = 1.6
SAME_POSE_RAD = np.radians(2.0)
FLAT_M = 5e-4
BREAKDOWN_PX = 5.0


@dataclass(frozen=True)
class BoardFit:
    """``T_cam_board`` (None where there is no believable one), its rms over corners in px, and what is wrong, if anything."""

    T_cam_board: F64 | None
    error_px: float = float('nan')
    reason: str = ''
    ambiguous: bool = False


def fit_board(p_board_m: F64, uv_px: F64, camera: CameraModel, near_T: F64 | None = None) -> BoardFit:
    """Return the pose of points (N, 3) metres seen at pixels (N, 2), N >= 4; ``near_T`` is the last believed pose."""
    candidates = _candidates(p_board_m, uv_px, camera)
    if not candidates:
        return BoardFit(None, reason='the solver found no finite pose in front of the camera')
    best = candidates[0]
    if len(candidates) == 1 or _clear(best, candidates[1]):
        return best
    return _resolve(best, candidates[1], near_T)


def _clear(best: BoardFit, other: BoardFit) -> bool:
    assert best.T_cam_board is not None and other.T_cam_board is not None
    apart = se3.rotation_angle_rad(se3.inverse(best.T_cam_board) @ other.T_cam_board)
    return other.error_px > CLEARLY_BETTER * best.error_px or apart < SAME_POSE_RAD


def _resolve(best: BoardFit, other: BoardFit, near_T: F64 | None) -> BoardFit:
    assert best.T_cam_board is not None and other.T_cam_board is not None
    apart = se3.rotation_angle_rad(se3.inverse(best.T_cam_board) @ other.T_cam_board)
    if near_T is not None:
        T_near = se3.inverse(near_T)
        turns = [se3.rotation_angle_rad(T_near @ c) for c in (best.T_cam_board, other.T_cam_board)]
        if abs(turns[0] - turns[1]) > 0.25 * apart:
            return best if turns[0] < turns[1] else other
    errors = f'{best.error_px:.2f} and {other.error_px:.2f} px'
    reason = f'ambiguous: two poses {np.degrees(apart):.0f} deg apart fit alike ({errors})'
    return BoardFit(best.T_cam_board, best.error_px, reason, ambiguous=True)


def _candidates(p_board_m: F64, uv_px: F64, camera: CameraModel) -> list[BoardFit]:
    """Return the refined solutions, best first; an empty list where the solvers fail."""
    centred = p_board_m - p_board_m.mean(axis=0)
    flat = np.abs(centred @ np.linalg.svd(centred, full_matrices=False)[2][2]).max() < FLAT_M
    fits: list[BoardFit] = []
    # IPPE breaks down for a board seen exactly from the front, where its two solutions fall into one.
    for method in (cv2.SOLVEPNP_IPPE, cv2.SOLVEPNP_ITERATIVE) if flat else (cv2.SOLVEPNP_SQPNP,):
        fits += [f for f in _solved(p_board_m, uv_px, camera, method) if np.isfinite(f.error_px)]
        if fits and min(f.error_px for f in fits) < BREAKDOWN_PX:
            break
    return sorted(fits, key=lambda f: f.error_px)


def _solved(p_board_m: F64, uv_px: F64, camera: CameraModel, method: int) -> list[BoardFit]:
    try:
        solved = cv2.solvePnPGeneric(p_board_m, uv_px, camera.K, pinhole_distortion(camera), flags=method)
        starts = [np.array([r, t], dtype=np.float64) for r, t in zip(solved[1], solved[2], strict=True)]
        return [_refined(p_board_m, uv_px, camera, start) for start in starts]
    except cv2.error:
        return []


def _refined(p_board_m: F64, uv_px: F64, camera: CameraModel, start: F64) -> BoardFit:
    """Return the fit reached from a rotation vector and a translation (2, 3, 1)."""
    if not np.isfinite(start).all():
        return BoardFit(None)
    reached = np.array(cv2.solvePnPRefineLM(p_board_m, uv_px, camera.K, pinhole_distortion(camera), start[0], start[1]))
    rvec, tvec = reached.reshape(2, 3)
    if not np.isfinite(reached).all():
        return BoardFit(None)
    T = se3.compose(se3.from_rotvec(rvec), tvec)
    off = project(camera, se3.transform(T, p_board_m)) - uv_px  # NaN behind the camera
    return BoardFit(T, float(np.sqrt((off**2).sum(axis=1).mean())))
