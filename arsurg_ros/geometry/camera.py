# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pinhole camera: points in the optical frame (z forward, x right, y down) to pixels.

Brown-Conrady distortion in OpenCV's order (k1, k2, p1, p2, k3); a pixel's integer coordinate is its centre.
"""

from __future__ import annotations

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.types import F64, CameraModel


def project(camera: CameraModel, p_cam: F64) -> F64:
    """Return pixels (N, 2) of points (N, 3) in metres; NaN where a point is not in front of the camera."""
    p = np.asarray(p_cam, dtype=np.float64)
    z = np.where(p[:, 2] > 1e-9, p[:, 2], np.nan)
    x, y = distort(camera.distortion, p[:, 0] / z, p[:, 1] / z)
    K = camera.K
    return np.stack([K[0, 0] * x + K[0, 1] * y + K[0, 2], K[1, 1] * y + K[1, 2]], axis=1)


def distort(coefficients: F64, x: F64, y: F64) -> tuple[F64, F64]:
    """Return distorted normalised coordinates (N,), (N,) for k1 k2 p1 p2 k3."""
    k1, k2, p1, p2, k3 = coefficients
    r2 = x * x + y * y
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    xy2 = 2.0 * x * y
    return x * radial + p1 * xy2 + p2 * (r2 + 2 * x * x), y * radial + p2 * xy2 + p1 * (r2 + 2 * y * y)


def camera_model(width_px: int, height_px: int, K: F64, distortion: F64 | None = None) -> CameraModel:
    """Return a checked CameraModel.

    Raises ConfigError for a size under 1 px, a K that is not 3x3, finite, with positive focal lengths, or more or fewer
    than 0, 4 or 5 distortion coefficients.
    """
    K = np.asarray(K, dtype=np.float64)
    d = np.zeros(5) if distortion is None else np.asarray(distortion, dtype=np.float64).ravel()
    if width_px < 1 or height_px < 1:
        raise ConfigError(f'camera size {width_px}x{height_px}: both must be at least 1 px')
    if K.shape != (3, 3) or not np.isfinite(K).all():
        raise ConfigError(f'camera matrix K: {np.array2string(K).splitlines()[0]}...: a finite 3x3 is needed')
    if K[0, 0] <= 0 or K[1, 1] <= 0:
        raise ConfigError(f'camera matrix K: fx {K[0, 0]}, fy {K[1, 1]}: both must be positive (is it calibrated?)')
    if d.size not in (0, 4, 5) or not np.isfinite(d).all():
        raise ConfigError(f'camera distortion: {d.tolist()}: 0, 4 or 5 finite numbers are needed (k1 k2 p1 p2 k3)')
    return CameraModel(width_px, height_px, K, np.concatenate([d, np.zeros(5 - d.size)]))
