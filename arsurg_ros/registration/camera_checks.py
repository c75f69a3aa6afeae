# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What makes a calibration of a camera believable: errors that agree, tilted boards, corners everywhere in the picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from arsurg_ros.errors import RegistrationError
from arsurg_ros.registration.board_views import BoardView
from arsurg_ros.types import F64, CameraCalibration, CameraModel

GRID = (8, 6)
#: A view is rejected beyond median + 3.5 robust deviations (Iglewicz and Hoaglin 1993), never below 1.5 medians or 0.3 px:
#: views with few corners scatter, and what is as good as a good detector is not bad beside perfect pictures.
DEVIATIONS, MEDIANS, FLOOR_PX = 3.5, 1.5, 0.3
MIN_TILT_RAD, GOOD_TILT_RAD = np.radians(5.0), np.radians(20.0)
MOST_RMS = 0.01
MOST_FOCAL_STD, GOOD_FOCAL_STD = 0.05, 0.01
GOOD_VIEWS, GOOD_COVERAGE, GOOD_HULL, GOOD_RMS_PX, SQUARE = 10, 0.5, 0.5, 1.0, 0.02
TILT = 'tilt the board against the picture, by 20 to 45 degrees about different axes'


def error_limit_px(errors_px: F64) -> float:
    """Return the largest error that a view may have; views without a pose (NaN) count as infinitely bad."""
    errors = np.where(np.isfinite(errors_px), errors_px, np.inf)
    median = float(np.median(errors))
    if not np.isfinite(median):
        return float('inf')
    mad = float(np.median(np.abs(errors - median)))
    return max(median + DEVIATIONS * 1.4826 * mad, MEDIANS * median, FLOOR_PX)


def keep(errors_px: F64, limit_px: float, least: int) -> list[bool]:
    """Return which views to use: those within the limit, but never fewer than ``least``, the best ones."""
    errors = np.where(np.isfinite(errors_px), errors_px, np.inf)
    if (errors <= limit_px).sum() >= least:
        return [bool(e <= limit_px) for e in errors]
    best = set(np.argsort(errors, kind='stable')[:least].tolist())
    return [i in best for i in range(len(errors))]


def tilt_rad(poses: Sequence[F64]) -> float:
    """Return the largest angle between two boards' planes; parallel boards, however moved, leave the focal length free."""
    normals = np.array([T[:3, 2] for T in poses])
    return float(np.arccos(np.clip(normals @ normals.T, -1.0, 1.0)).max())


def require_motion(camera: CameraModel, std: dict[str, float], tilt: float) -> None:
    """Raise RegistrationError ``insufficient_motion`` where the views do not determine the focal length."""
    loose = max(std['fx'] / camera.K[0, 0], std['fy'] / camera.K[1, 1])
    if tilt < MIN_TILT_RAD or not loose < MOST_FOCAL_STD:
        raise RegistrationError(
            'insufficient_motion',
            f'the planes of the boards differ by {np.degrees(tilt):.1f} deg at most ({np.degrees(MIN_TILT_RAD):.0f} needed), '
            f'the focal length is {camera.K[0, 0]:.0f} px +- {100 * loose:.1f} % ({100 * MOST_FOCAL_STD:.0f} % allowed): '
            f'{TILT}',
        )


def require_agreement(found: CameraCalibration) -> None:
    """Raise RegistrationError ``no_consensus`` where the error is one per cent of the picture's width: that is no camera."""
    if not found.rms_px <= MOST_RMS * found.camera.width_px:
        raise RegistrationError(
            'no_consensus', f'the views disagree by {found.rms_px:.1f} px rms: no camera explains them; is the board the one '
            'that is said, is it flat, are all pictures by one camera at one zoom?'
        )


def coverage(views: Sequence[BoardView], width_px: int, height_px: int) -> tuple[float, float]:
    """Return which part of a grid over the picture holds corners, and which part of its area lies within their hull."""
    uv = np.concatenate([v.uv_px for v in views])
    counts = np.histogram2d(uv[:, 0], uv[:, 1], bins=GRID, range=[[-0.5, width_px - 0.5], [-0.5, height_px - 0.5]])[0]
    hull = cv2.convexHull(uv.astype(np.float32))
    return float((counts > 0).mean()), float(cv2.contourArea(hull) / (width_px * height_px))


def warnings(found: CameraCalibration) -> tuple[str, ...]:
    """Return what a user should do better, one line each."""
    out, K = [], found.camera.K
    used = sum(v.used for v in found.views)
    above = sum(v.used and v.rms_px > found.limit_px for v in found.views)
    if above:
        out.append(f'{above} views above the limit are used all the same: half of all are always kept; look at the pictures')
    if used < GOOD_VIEWS:
        out.append(f'only {used} views: {GOOD_VIEWS} or more are recommended')
    if found.coverage < GOOD_COVERAGE or found.hull < GOOD_HULL:
        out.append(
            f'corners in {100 * found.coverage:.0f} % of the picture, {100 * found.hull:.0f} % of its area within them: '
            'distortion is a guess elsewhere; show the board near the edges too'
        )
    if found.tilt_rad < GOOD_TILT_RAD:
        out.append(f'the boards are tilted by {np.degrees(found.tilt_rad):.0f} deg to each other at most: {TILT}')
    loose = max(found.std['fx'] / K[0, 0], found.std['fy'] / K[1, 1])
    if loose > GOOD_FOCAL_STD:
        out.append(f'the focal length is known to {100 * loose:.1f} % only (standard deviation): {TILT}')
    if abs(K[0, 0] / K[1, 1] - 1) > SQUARE:
        out.append(f'fx/fy is {K[0, 0] / K[1, 1]:.3f}: pixels that are not square (a stretched video?), or a wrong board')
    if found.rms_px > GOOD_RMS_PX:
        out.append(f'reprojection error {found.rms_px:.2f} px: is the board flat, its description right, the picture sharp?')
    if found.held_out_rms_px is not None and found.held_out_rms_px > 1.5 * found.rms_px:
        out.append(f'views held out of the fit err by {found.held_out_rms_px:.2f} px: fit fewer coefficients, or add views')
    return tuple(out)
