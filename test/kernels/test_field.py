# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from arsurg_ros.geometry.camera import camera_model, project
from arsurg_ros.kernels.field import BEND_DEPTH, BEND_PX, field_radius
from arsurg_ros.kernels.raster_rows import CameraRows
from arsurg_ros.types import F64, CameraModel

K = np.array([[1000.0, 0, 960], [0, 980.0, 540], [0, 0, 1]])
FOCAL = np.array([[1.6, 1, 1], [1, 1.6, 1], [1, 1, 1]])
LENSES = {
    'barrel': camera_model(1920, 1080, K, np.array([-0.1, 0.03, 0.0005, -0.0005, 0.0])),
    'pincushion': camera_model(1920, 1080, K, np.array([0.15, 0.0, 0.0, 0.002, 0.0])),
    'fisheye': CameraModel(1920, 1080, K * FOCAL, np.array([0.02, -0.01, 0.0, 0.0, 0.0]), 'equidistant'),
}


def row(fx: float = 600.0, k1: float = 0.0, k2: float = 0.0, p1: float = 0.0) -> np.ndarray:
    return np.array([fx, 0, 319.5, fx, 239.5, k1, k2, p1, 0, 0, 0, 0])


def test_it_holds_the_whole_image() -> None:
    corner = np.hypot(320, 240) / 600
    assert corner < field_radius(row(), 640, 480) * np.cos(np.pi / 16) < 1.1 * corner


def test_it_stays_inside_of_the_fold() -> None:
    # r (1 - r^2 / 3) turns round at r = 1
    assert 0.9 < field_radius(row(300.0, -1 / 3), 640, 480) < 1.0


def test_a_pincushion_never_folds() -> None:
    assert field_radius(row(600.0, 0.5), 640, 480) < np.hypot(320, 240) / 600 * 1.1


def test_a_fisheye_sees_beyond_85_degrees_and_never_90() -> None:
    # 500 px from the middle to the corner at 290 px a radian: 98 degrees
    camera = np.array([290.0, 0, 400, 290, 300, 0, 0, 0, 0, 0, 0, 1])
    limit = np.degrees(np.arctan(field_radius(camera, 800, 600) * np.cos(np.pi / 16)))
    assert 85 < limit < 90
    narrow = np.degrees(np.arctan(field_radius(camera * [2, 1, 1, 2, *[1] * 8], 800, 600) * np.cos(np.pi / 16)))
    assert 45 < narrow < 60


def test_a_fisheye_that_folds_is_cut_before() -> None:
    # t (1 - t^2 / 3) turns round at 1 rad
    camera = np.array([290.0, 0, 400, 290, 300, -1 / 3, 0, 0, 0, 0, 0, 1])
    assert 0.9 < np.arctan(field_radius(camera, 800, 600)) < 1.0


@pytest.mark.parametrize('k1', [-50.0, 50.0])
def test_nonsense_gives_a_positive_radius(k1: float) -> None:
    assert field_radius(row(1.0, k1, p1=1e3), 640, 480) > 0


@pytest.mark.parametrize('name', LENSES)
def test_an_edge_of_the_straight_length_is_not_bent(name: str) -> None:
    """At random places in the field, in any direction, with a tenth of change in depth along it."""
    row = CameraRows().row(LENSES[name])
    rng = np.random.default_rng(4)
    length, radius = row[12], row[10]
    assert length > 12  # the kernel looks at nothing shorter anyway
    for _ in range(300):
        angle, r = rng.uniform(0, 2 * np.pi), radius * np.sqrt(rng.uniform(0, 0.9))
        a = np.array([r * np.cos(angle), r * np.sin(angle), 1.0])
        turn = rng.uniform(0, 2 * np.pi)
        towards = np.array([np.cos(turn), np.sin(turn), 0.0])
        reach = 1e-4
        pa, near = project(LENSES[name], np.stack([a, a + reach * towards]))
        b = a + towards * reach * length / np.linalg.norm(near - pa)
        a, b = a * 0.2, b * 0.22
        ends = project(LENSES[name], np.stack([a, b]))
        if np.hypot(*b[:2]) / b[2] > radius or np.linalg.norm(ends[1] - ends[0]) > length:
            continue
        assert off_px(LENSES[name], a, b) < BEND_PX and off_depth(LENSES[name], a, b) < BEND_DEPTH


def test_near_a_fold_no_edge_counts_as_straight() -> None:
    assert CameraRows().row(camera_model(1920, 1080, K, np.array([-0.2, 0.02, 0.0, 0.0, 0.0])))[12] < 12


def samples(camera: CameraModel, a: F64, b: F64) -> tuple[F64, F64, F64]:
    """Return the ends' pixels' difference, the pixels along an edge from its start, and their depths."""
    p = a + np.linspace(0, 1, 17)[:, None] * (b - a)
    uv = project(camera, p)
    return uv[-1] - uv[0], uv - uv[0], p[:, 2]


def off_px(camera: CameraModel, a: F64, b: F64) -> float:
    d, q, _ = samples(camera, a, b)
    return float(np.abs(d[0] * q[:, 1] - d[1] * q[:, 0]).max() / np.linalg.norm(d))


def off_depth(camera: CameraModel, a: F64, b: F64) -> float:
    d, q, z = samples(camera, a, b)
    along = q @ d / (d @ d)
    return float(np.abs((1 / z[0] + along * (1 / z[-1] - 1 / z[0])) * z - 1).max())
