# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the right camera of a stereo pair is, from views of a board by both at once; each camera is calibrated before.

OpenCV's bundle adjustment over all pairs with both cameras fixed; pairs are rejected as views of one camera are.
"""

from __future__ import annotations

import cv2
import numpy as np

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.registration import camera_checks as checks
from arsurg_ros.registration.board_views import BoardViews
from arsurg_ros.types import F64, CameraCalibration, CameraModel, StereoCalibration

MIN_COMMON = 10
MIN_PAIRS = 3
ROUNDS = 10
#: Name, points of the board (N, 3) and where both cameras see them (N, 2).
Pair = tuple[str, F64, F64, F64]


def calibrate_stereo(
    left: BoardViews, right: BoardViews, left_camera: CameraCalibration, right_camera: CameraCalibration
) -> StereoCalibration:
    """Return the pair's calibration; pictures belong together by their order, views by what each camera's own fit used.

    Raises RegistrationError ``count_mismatch`` for folders of different length, ``mixed_sizes``, ``too_few_views`` for fewer
    than three pairs with 10 corners in common.
    """
    if len(left.views) != len(right.views):
        raise RegistrationError(
            'count_mismatch', f'{len(left.views)} left and {len(right.views)} right pictures: they belong together in order'
        )
    if (left.width_px, left.height_px) != (right.width_px, right.height_px):
        sizes = f'left {left.width_px}x{left.height_px}, right {right.width_px}x{right.height_px} px'
        raise RegistrationError('mixed_sizes', f'{sizes}: one size is needed to rectify both')
    pairs = _pairs(left, right, left_camera, right_camera)
    if len(pairs) < MIN_PAIRS:
        raise RegistrationError('too_few_views', f'{len(pairs)} pairs with {MIN_COMMON} corners in common, {MIN_PAIRS} needed')
    T, used, total = _fit_and_reject(pairs, left_camera.camera, right_camera.camera)
    names = tuple(p[0] for p, u in zip(pairs, used, strict=True) if not u)
    kept = [p for p, u in zip(pairs, used, strict=True) if u]
    epipolar = _epipolar_px(kept, left_camera.camera, right_camera.camera, T)
    return StereoCalibration(T, total, epipolar, len(kept), names, *_rectified(left_camera.camera, right_camera.camera, T))


def _pairs(
    left: BoardViews, right: BoardViews, left_camera: CameraCalibration, right_camera: CameraCalibration
) -> list[Pair]:
    out = []
    used = [{v.name for v in c.views if v.used} for c in (left_camera, right_camera)]
    for a, b in zip(left.views, right.views, strict=True):
        both, i, j = np.intersect1d(a.ids, b.ids, return_indices=True)
        if a.name in used[0] and b.name in used[1] and len(both) >= MIN_COMMON:
            out.append((a.name, left.board.p_board_m[both], a.uv_px[i], b.uv_px[j]))
    return out


def _fit_and_reject(pairs: list[Pair], left: CameraModel, right: CameraModel) -> tuple[F64, list[bool], float]:
    used = [True] * len(pairs)
    known = {tuple(used)}
    for _ in range(ROUNDS):
        T, errors, total = _fit([p for p, u in zip(pairs, used, strict=True) if u], left, right)
        limit = checks.error_limit_px(errors)
        indices = [i for i, u in enumerate(used) if u]
        within = checks.keep(errors, limit, max(MIN_PAIRS, (len(pairs) + 1) // 2)) if len(indices) > MIN_PAIRS else []
        wanted = list(used)
        for i, w in zip(indices, within, strict=False):
            wanted[i] = w
        if tuple(wanted) in known:
            break
        known.add(tuple(wanted))
        used = wanted
    return T, used, total


def _fit(pairs: list[Pair], left: CameraModel, right: CameraModel) -> tuple[F64, F64, float]:
    """Return ``T_left_right``, the pairs' errors (N,) and the error over all corners of both cameras, rms px."""
    p, a, b = ([np.asarray(x[k], dtype=np.float32) for x in pairs] for k in (1, 2, 3))
    try:
        found = cv2.stereoCalibrateExtended(
            p, a, b, left.K, left.distortion, right.K, right.distortion, (left.width_px, left.height_px),
            np.eye(3), np.zeros((3, 1)), flags=cv2.CALIB_FIX_INTRINSIC,
        )
    except cv2.error as e:
        why = ' '.join(str(e).split())[:160]
        raise RegistrationError('not_converged', f'{len(pairs)} pairs have no pose in common ({why})') from e
    T_right_left = se3.compose(np.asarray(found[5]), np.ravel(found[6]))
    each = np.asarray(found[-1], dtype=np.float64).reshape(len(pairs), 2)
    return se3.inverse(T_right_left), np.sqrt((each**2).mean(axis=1)), float(found[0])


def _epipolar_px(pairs: list[Pair], left: CameraModel, right: CameraModel, T_left_right: F64) -> float:
    """Return the rms distance, px, of the points of both pictures from the epipolar lines of their partners."""
    T = se3.inverse(T_left_right)
    F = np.linalg.inv(right.K).T @ se3.skew(T[:3, 3]) @ T[:3, :3] @ np.linalg.inv(left.K)
    squares = []
    for _, _, uv_left, uv_right in pairs:
        a, b = (
            np.concatenate([cv2.undistortPoints(uv[:, None], c.K, c.distortion, P=c.K)[:, 0], np.ones((len(uv), 1))], axis=1)
            for uv, c in ((uv_left, left), (uv_right, right))
        )
        off = np.einsum('ni,ij,nj->n', b, F, a)
        squares += [off**2 / ((line[:, :2] ** 2).sum(axis=1)) for line in (a @ F.T, b @ F)]
    return float(np.sqrt(np.concatenate(squares).mean()))


def _rectified(left: CameraModel, right: CameraModel, T_left_right: F64) -> tuple[F64, F64, F64, F64]:
    T, size = se3.inverse(T_left_right), (left.width_px, left.height_px)
    R_left, R_right, P_left, P_right, *_ = cv2.stereoRectify(
        left.K, left.distortion, right.K, right.distortion, size, T[:3, :3], T[:3, 3], alpha=0
    )
    a, b, c, d = (np.asarray(M, dtype=np.float64) for M in (R_left, R_right, P_left, P_right))
    return a, b, c, d
