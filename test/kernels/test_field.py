# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from arsurg_ros.kernels.field import field_radius


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
    narrow = np.degrees(np.arctan(field_radius(camera * [*[2] * 5, *[1] * 7], 800, 600) * np.cos(np.pi / 16)))
    assert 45 < narrow < 60


def test_a_fisheye_that_folds_is_cut_before() -> None:
    # t (1 - t^2 / 3) turns round at 1 rad
    camera = np.array([290.0, 0, 400, 290, 300, -1 / 3, 0, 0, 0, 0, 0, 1])
    assert 0.9 < np.arctan(field_radius(camera, 800, 600)) < 1.0


@pytest.mark.parametrize('k1', [-50.0, 50.0])
def test_nonsense_gives_a_positive_radius(k1: float) -> None:
    assert field_radius(row(1.0, k1, p1=1e3), 640, 480) > 0
