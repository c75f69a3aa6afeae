# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The camera: points in the optical frame (z forward, x right, y down) to pixels; a pixel's integer coordinate is its centre.

Distortion is ROS' ``plumb_bob`` (Brown-Conrady in OpenCV's order: k1 k2 p1 p2 k3) or ``equidistant`` (OpenCV's fisheye, k1
to k4: Kannala and Brandt, PAMI 28(8), 2006).
"""

from __future__ import annotations

import numpy as np

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.types import F64, CameraModel

#: Distortion models and the numbers of coefficients that each may have.
DISTORTION_MODELS = {'plumb_bob': (0, 4, 5), 'equidistant': (0, 4)}


def project(camera: CameraModel, p_cam: F64) -> F64:
    """Return pixels (N, 2) of points (N, 3) in metres; NaN where a point is not in front of the camera."""
    p = np.asarray(p_cam, dtype=np.float64)
    z = np.where(p[:, 2] > 1e-9, p[:, 2], np.nan)
    bend = distort_fisheye if camera.distortion_model == 'equidistant' else distort
    x, y = bend(camera.distortion, p[:, 0] / z, p[:, 1] / z)
    K = camera.K
    return np.stack([K[0, 0] * x + K[0, 1] * y + K[0, 2], K[1, 1] * y + K[1, 2]], axis=1)


def distort(coefficients: F64, x: F64, y: F64) -> tuple[F64, F64]:
    """Return distorted normalised coordinates (N,), (N,) for k1 k2 p1 p2 k3."""
    k1, k2, p1, p2, k3 = coefficients
    r2 = x * x + y * y
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    xy2 = 2.0 * x * y
    return x * radial + p1 * xy2 + p2 * (r2 + 2 * x * x), y * radial + p2 * xy2 + p1 * (r2 + 2 * y * y)


def distort_fisheye(coefficients: F64, x: F64, y: F64) -> tuple[F64, F64]:
    """Return distorted normalised coordinates (N,), (N,) for k1 k2 k3 k4 (a fifth is not read)."""
    k1, k2, k3, k4 = coefficients[:4]
    r = np.sqrt(x * x + y * y)
    theta = np.arctan(r)
    t2 = theta * theta
    bent = theta * (1.0 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))))
    scale = np.divide(bent, r, out=np.ones_like(r), where=~(r < 1e-9))
    return x * scale, y * scale


def camera_model(
    width_px: int, height_px: int, K: F64, distortion: F64 | None = None, distortion_model: str = 'plumb_bob'
) -> CameraModel:
    """Return a checked CameraModel.

    Raises ConfigError for a size under 1 px, a K that is not 3x3, finite, upper triangular with positive focal lengths and
    a last 1, an unknown distortion model, or a number of coefficients that it does not have (plumb_bob 0, 4 or 5; equidistant
    0 or 4).
    """
    K = np.asarray(K, dtype=np.float64)
    d = np.zeros(0) if distortion is None else np.asarray(distortion, dtype=np.float64).ravel()
    if width_px < 1 or height_px < 1:
        raise ConfigError(f'camera size {width_px}x{height_px}: both must be at least 1 px')
    if K.shape != (3, 3) or not np.isfinite(K).all():
        raise ConfigError(f'camera matrix K: {np.array2string(K).splitlines()[0]}...: a finite 3x3 is needed')
    if K[0, 0] <= 0 or K[1, 1] <= 0:
        raise ConfigError(f'camera matrix K: fx {K[0, 0]}, fy {K[1, 1]}: both must be positive (is it calibrated?)')
    if K[1, 0] != 0 or K[2].tolist() != [0, 0, 1]:
        raise ConfigError(f'camera matrix K: {K.tolist()}: 0 below the diagonal and a last row of 0 0 1 are needed')
    if distortion_model not in DISTORTION_MODELS:
        raise ConfigError(f'camera distortion_model {distortion_model!r}; valid: {", ".join(DISTORTION_MODELS)}')
    if d.size not in DISTORTION_MODELS[distortion_model] or not np.isfinite(d).all():
        needed = '0, 4 or 5 finite numbers are needed (k1 k2 p1 p2 k3)'
        if distortion_model == 'equidistant':
            needed = '0 or 4 finite numbers are needed (k1 k2 k3 k4)'
        raise ConfigError(f'camera distortion: {d.tolist()}: {needed}')
    return CameraModel(width_px, height_px, K, np.concatenate([d, np.zeros(5 - d.size)]), distortion_model)


def pinhole_distortion(camera: CameraModel) -> F64:
    """Return k1 k2 p1 p2 k3 for what knows plumb_bob alone; raises DataError for another distortion model."""
    if camera.distortion_model != 'plumb_bob':
        raise DataError(f'camera: distortion_model {camera.distortion_model!r}: poses of boards need plumb_bob')
    return camera.distortion


def coefficients(camera: CameraModel) -> F64:
    """Return the distortion's coefficients as the model has them: five for plumb_bob, four for equidistant."""
    return camera.distortion[: max(DISTORTION_MODELS[camera.distortion_model])]
