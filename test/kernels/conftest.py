# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from arsurg_ros.types import CameraModel, Mesh


def ball(radius_m: float = 0.05, n: int = 12, name: str = 'ball') -> Mesh:
    """Return a sphere of about 4 n^2 triangles."""
    u, v = np.meshgrid(np.linspace(0, np.pi, n + 1), np.linspace(0, 2 * np.pi, 2 * n, endpoint=False), indexing='ij')
    points = radius_m * np.stack([np.sin(u) * np.cos(v), np.sin(u) * np.sin(v), np.cos(u)], axis=-1).reshape(-1, 3)
    i, j = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(2 * n), indexing='ij'))
    a, b = 2 * n * i + j, 2 * n * i + (j + 1) % (2 * n)
    triangles = np.concatenate([np.stack([a, b, a + 2 * n], 1), np.stack([b, b + 2 * n, a + 2 * n], 1)])
    return Mesh(name, points.astype(np.float32), triangles.astype(np.uint32))


def camera(width_px: int = 64, height_px: int = 48, f_px: float = 60.0, distortion: object = (0.0,) * 5) -> CameraModel:
    """Return a camera that looks along its image's centre."""
    K = np.array([[f_px, 0, (width_px - 1) / 2], [0, f_px, (height_px - 1) / 2], [0, 0, 1.0]])
    return CameraModel(width_px, height_px, K, np.array(distortion, float))


@pytest.fixture
def make_ball() -> Callable[..., Mesh]:
    return ball


@pytest.fixture
def make_camera() -> Callable[..., CameraModel]:
    return camera
