# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A small world for the overlay's tests: a ball (context) around a cube (target), in front of a camera."""

from __future__ import annotations

import numpy as np
import pytest

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model
from arsurg_ros.overlay.scene import Scene, make_scene
from arsurg_ros.overlay.style import Role
from arsurg_ros.types import F64, U8, CameraModel, Mesh

WIDTH_PX, HEIGHT_PX = 320, 240


def cube(name: str, half_m: float = 0.01, centre_m: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Mesh:
    """Return a closed cube, 12 triangles."""
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return Mesh(name, (corners * half_m + centre_m).astype(np.float32), np.array(triangles, dtype=np.uint32))


def ball(name: str, radius_m: float = 0.03, rings: int = 16, sides: int = 24) -> Mesh:
    """Return a closed sphere of latitude and longitude."""
    theta = np.pi * np.arange(1, rings) / rings
    phi = 2 * np.pi * np.arange(sides) / sides
    body = np.stack(
        [np.outer(np.sin(theta), np.cos(phi)), np.outer(np.sin(theta), np.sin(phi)), np.outer(np.cos(theta), phi * 0 + 1)],
        axis=2,
    ).reshape(-1, 3)
    poles = len(body) + np.arange(2)
    triangles = []
    for j in range(sides):
        k = (j + 1) % sides
        triangles += [(poles[0], j, k), (poles[1], len(body) - sides + k, len(body) - sides + j)]
        for i in range(rings - 2):
            a, b = i * sides + j, i * sides + k
            triangles += [(a, a + sides, b), (b, a + sides, b + sides)]
    vertices = np.vstack([body, [(0, 0, 1), (0, 0, -1)]]) * radius_m
    return Mesh(name, vertices.astype(np.float32), np.array(triangles, dtype=np.uint32))


@pytest.fixture(scope='session')
def cube_mesh() -> Mesh:
    return cube('cube')


@pytest.fixture(scope='session')
def ball_mesh() -> Mesh:
    return ball('ball')


@pytest.fixture(scope='session')
def scene() -> Scene:
    meshes = {'organ': ball('organ'), 'tumour': cube('tumour'), 'vessel': cube('vessel', 0.004, (0.024, 0.0, -0.012))}
    return make_scene(meshes, {'tumour': Role.TARGET, 'vessel': Role.RISK})


@pytest.fixture(scope='session')
def camera() -> CameraModel:
    K = np.array([[300.0, 0, (WIDTH_PX - 1) / 2], [0, 300.0, (HEIGHT_PX - 1) / 2], [0, 0, 1]])
    return camera_model(WIDTH_PX, HEIGHT_PX, K)


@pytest.fixture(scope='session')
def T_cam_ct() -> F64:
    return se3.compose(se3.from_rotvec([0.5, 0.4, 0.2]), [0.0, -0.002, 0.13])


@pytest.fixture(scope='session')
def T_cam_tip() -> F64:
    return se3.compose(np.eye(3), [0.02, 0.014, 0.11])


@pytest.fixture(scope='session')
def frame() -> U8:
    """A smooth tissue-like picture; the same everywhere, without any random generator."""
    v, u = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    red = 150 + 30 * np.sin(u / 40.0) * np.cos(v / 30.0)
    red -= red % 8
    return np.stack([0.45 * red, 0.5 * red, red], axis=2).astype(np.uint8)
