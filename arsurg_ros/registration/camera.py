# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Intrinsics and distortion of a camera from views of a flat board, with the views that do not fit left out.

Zhang, *A flexible new technique for camera calibration*, IEEE PAMI 22(11), 2000, as OpenCV has it: closed form, then
Levenberg-Marquardt on the reprojection error. Views are rejected by the median of their errors and its absolute deviation,
and come back if they fit a camera found without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model, pinhole_distortion, project
from arsurg_ros.registration import camera_checks as checks
from arsurg_ros.registration.board_views import BoardView, BoardViews
from arsurg_ros.types import F64, CalibratedView, CameraCalibration, CameraModel

MIN_VIEWS = 3
ROUNDS = 12
FOLDS = 5
#: Distortion coefficients fitted -> what OpenCV is told to leave at zero.
FIXED = {
    0: cv2.CALIB_FIX_K1 | cv2.CALIB_FIX_K2 | cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST,
    1: cv2.CALIB_FIX_K2 | cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST,
    2: cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST,
    4: cv2.CALIB_FIX_K3,
    5: 0,
}
FITTED = {0: (), 1: ('k1',), 2: ('k1', 'k2'), 4: ('k1', 'k2', 'p1', 'p2'), 5: ('k1', 'k2', 'p1', 'p2', 'k3')}
NAMES = ('fx', 'fy', 'cx', 'cy', 'k1', 'k2', 'p1', 'p2', 'k3')
LARGEST = 1e6


@dataclass(frozen=True)
class _Fit:
    camera: CameraModel
    std: dict[str, float]
    poses: tuple[F64, ...]


def calibrate_camera(found: BoardViews, coefficients: int = 5, *, reject: bool = True) -> CameraCalibration:
    """Return the camera that saw the views; ``coefficients`` of distortion are fitted (0, 1: k1, 2: k2, 4: p1 p2, 5: k3).

    Raises RegistrationError ``too_few_views`` for fewer than three, ``repeated_view`` where they are too few because they are
    the same, ``insufficient_motion`` where the board was never tilted, so that the focal length is free, ``not_converged`` and
    ``no_consensus`` where no camera explains the views.
    """
    if coefficients not in FIXED:
        raise ConfigError(f'coefficients {coefficients}: valid: {", ".join(map(str, FIXED))}')
    views = found.counted
    _check_count(found, views)
    fit, used, limit = _reject(found, views, coefficients, reject)
    kept = [v for v, u in zip(views, used, strict=True) if u]
    tilt = checks.tilt_rad(fit.poses)
    judged = _judged(found, fit, dict(zip((v.name for v in views), used, strict=True)), limit)
    out = CameraCalibration(
        fit.camera, fit.std, rms(np.concatenate([v.residuals_px for v in judged if v.used])),
        _held_out(found, kept, coefficients), judged, limit, *checks.coverage(kept, found.width_px, found.height_px),
        checks.GRID, tilt,
    )
    checks.require_agreement(out)
    checks.require_motion(fit.camera, fit.std, tilt)
    return replace(out, warnings=checks.warnings(out))


def rms(residuals_px: F64) -> float:
    """Return the root mean square of the norms of (N, 2), NaN for none."""
    return float(np.sqrt((residuals_px**2).sum(axis=1).mean())) if len(residuals_px) else float('nan')


def _check_count(found: BoardViews, views: Sequence[BoardView]) -> None:
    if len(views) >= MIN_VIEWS:
        return
    repeated = sum(v.reason.startswith('repeats') for v in found.views)
    if repeated:
        raise RegistrationError(
            'repeated_view', f'{len(views)} different view{"s" if len(views) != 1 else ""}, {repeated} repeat one of them: '
            f'{MIN_VIEWS} or more different ones are needed'
        )
    left = '; '.join(f'{v.name}: {v.reason}' for v in found.views if v.reason)
    raise RegistrationError(
        'too_few_views', f'{len(views)} of {len(found.views)} pictures show the board, {MIN_VIEWS} or more are needed '
        f'(10 or more recommended){"; " + left if left else ""}'
    )


def _reject(found: BoardViews, views: list[BoardView], coefficients: int, reject: bool) -> tuple[_Fit, list[bool], float]:
    """Return the fit of the views that agree, which they are, and the limit on their errors, px."""
    used = [True] * len(views)
    seen = {tuple(used)}
    for _ in range(ROUNDS if reject else 1):
        fit = _fit(found, [v for v, u in zip(views, used, strict=True) if u], coefficients)
        errors = np.array([rms(_located(found, fit.camera, v)[1]) for v in views])
        limit = checks.error_limit_px(errors)
        wanted = checks.keep(errors, limit, max(MIN_VIEWS, (len(views) + 1) // 2)) if reject else used
        if tuple(wanted) in seen:
            break
        seen.add(tuple(wanted))
        used = wanted
    return fit, used, limit if reject else float('inf')


def _fit(found: BoardViews, views: Sequence[BoardView], coefficients: int) -> _Fit:
    p = [found.board.p_board_m[v.ids].astype(np.float32) for v in views]
    uv = [v.uv_px.astype(np.float32) for v in views]
    size = (found.width_px, found.height_px)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 200, 1e-12)
    try:
        _, K, d, rvecs, tvecs, std, *_ = cv2.calibrateCameraExtended(
            p, uv, size, np.eye(3), np.zeros(5), flags=FIXED[coefficients], criteria=stop
        )
        camera = camera_model(*size, np.asarray(K, dtype=np.float64), np.ravel(d)[:5].astype(np.float64))
    except (cv2.error, ConfigError) as e:
        why = f'{len(views)} views have no camera in common ({_line(e)})'
        raise RegistrationError('not_converged', f'{why}; {checks.TILT}') from e
    if max(camera.K[0, 0], camera.K[1, 1]) > LARGEST:
        raise RegistrationError('insufficient_motion', f'the focal length runs away ({camera.K[0, 0]:.3g} px): {checks.TILT}')
    poses = tuple(se3.compose(se3.from_rotvec(np.ravel(r)), np.ravel(t)) for r, t in zip(rvecs, tvecs, strict=True))
    wanted = (*NAMES[:4], *FITTED[coefficients])
    return _Fit(camera, {n: float(s) for n, s in zip(NAMES, np.ravel(std), strict=False) if n in wanted}, poses)


def _line(error: Exception) -> str:
    return ' '.join(str(error).split())[:160]


def _located(found: BoardViews, camera: CameraModel, view: BoardView) -> tuple[F64 | None, F64]:
    """Return ``T_cam_board`` of one view in a given camera, and the residuals (N, 2)."""
    return locate(camera, found.board.p_board_m[view.ids], view.uv_px)


def locate(camera: CameraModel, p_board_m: F64, uv_px: F64) -> tuple[F64 | None, F64]:
    """Return ``T_cam_board`` with the least reprojection error, and seen - projected (N, 2); (None, NaN) where none is."""
    nothing = None, np.full(uv_px.shape, np.nan)
    try:
        found, rvecs, tvecs, _ = cv2.solvePnPGeneric(p_board_m, uv_px, camera.K, pinhole_distortion(camera), flags=cv2.SOLVEPNP_IPPE)
    except cv2.error:
        return nothing
    best: tuple[F64 | None, F64] = nothing
    for r, t in list(zip(rvecs, tvecs, strict=True))[:found]:
        r, t = cv2.solvePnPRefineLM(p_board_m, uv_px, camera.K, pinhole_distortion(camera), r, t)
        if not (np.isfinite(r).all() and np.isfinite(t).all()):
            continue
        T = se3.compose(se3.from_rotvec(np.ravel(r)), np.ravel(t))
        off = uv_px - project(camera, se3.transform(T, p_board_m))
        if np.isfinite(off).all() and (best[0] is None or rms(off) < rms(best[1])):
            best = T, off
    return best


def _judged(found: BoardViews, fit: _Fit, used: dict[str, bool], limit_px: float) -> tuple[CalibratedView, ...]:
    out = []
    for view in found.views:
        if view.name not in used:
            empty = np.full(view.uv_px.shape, np.nan)
            out.append(CalibratedView(view.name, view.uv_px, empty, float('nan'), False, view.reason))
            continue
        T, off = _located(found, fit.camera, view)
        reason = '' if used[view.name] else f'error {rms(off):.2f} px, above the limit of {limit_px:.2f} px'
        out.append(CalibratedView(view.name, view.uv_px, off, rms(off), used[view.name], reason, T))
    return tuple(out)


def _held_out(found: BoardViews, views: list[BoardView], coefficients: int) -> float | None:
    """Return the rms, px, of views in cameras fitted without them: five folds."""
    if len(views) < 2 * MIN_VIEWS:
        return None
    residuals = []
    for fold in range(FOLDS):
        try:
            fit = _fit(found, [v for i, v in enumerate(views) if i % FOLDS != fold], coefficients)
        except RegistrationError:
            return None  # the rest does not determine a camera: there is no figure to give
        residuals += [_located(found, fit.camera, v)[1] for i, v in enumerate(views) if i % FOLDS == fold]
    off = np.concatenate(residuals)
    return rms(off[np.isfinite(off).all(axis=1)])
