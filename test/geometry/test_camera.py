# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.geometry.camera import camera_model, coefficients, pinhole_distortion, project

K = np.array([[600.0, 1.5, 320.0], [0.0, 580.0, 240.0], [0.0, 0.0, 1.0]])


def test_projection_agrees_with_opencv():
    rng = np.random.default_rng(3)
    points = rng.uniform((-0.2, -0.2, 0.4), (0.2, 0.2, 1.5), (200, 3))
    d = np.array([-0.28, 0.11, 0.002, -0.001, 0.03])
    square = K.copy()
    square[0, 1] = 0.0  # OpenCV has no skew
    expected = cv2.projectPoints(points, np.zeros(3), np.zeros(3), square, d)[0][:, 0]
    assert np.allclose(project(camera_model(640, 480, square, d), points), expected, atol=1e-9)


def test_a_fisheye_agrees_with_opencv():
    rng = np.random.default_rng(4)
    theta, phi = rng.uniform(0, np.radians(86), 200), rng.uniform(0, 2 * np.pi, 200)
    points = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)
    d = np.array([0.04, -0.01, 0.003, -0.0005])
    camera = camera_model(640, 480, K, d, 'equidistant')
    alpha = K[0, 1] / K[0, 0]
    expected = cv2.fisheye.projectPoints(points[:, None], np.zeros(3), np.zeros(3), K, d, alpha=alpha)[0][:, 0]
    assert np.allclose(project(camera, points), expected, atol=1e-7)
    assert np.allclose(project(camera, np.array([[0.0, 0, 1]])), [[320, 240]])
    assert coefficients(camera).tolist() == d.tolist()


def test_what_knows_no_fisheye_refuses_it():
    camera = camera_model(640, 480, K, np.zeros(4), 'equidistant')
    with pytest.raises(DataError, match="'equidistant': poses of boards need plumb_bob"):
        pinhole_distortion(camera)
    assert pinhole_distortion(camera_model(640, 480, K, np.ones(5))).tolist() == [1] * 5


def test_skew_moves_a_pixel_along_x():
    flat = project(camera_model(640, 480, K), np.array([[0.0, 0.1, 1.0]]))
    assert np.allclose(flat, [[320.0 + 1.5 * 0.1, 298.0]])


def test_points_not_in_front_have_no_pixel():
    pixels = project(camera_model(640, 480, K), np.array([[0.0, 0, -1.0], [0, 0, 0], [0, 0, 1.0]]))
    assert np.isnan(pixels[:2]).all()
    assert np.allclose(pixels[2], (320, 240))


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        ((0, 480, K), '0x480'),
        ((640, 480, np.eye(2)), 'finite 3x3'),
        ((640, 480, K * np.nan), 'finite 3x3'),
        ((640, 480, np.zeros((3, 3))), 'calibrated'),
        ((640, 480, np.diag([500.0, 500.0, 7.0])), 'a last row of 0 0 1'),
        ((640, 480, K.T), '0 below the diagonal'),
        ((640, 480, K, np.zeros(3)), '0, 4 or 5'),
        ((640, 480, K, np.full(5, np.inf)), '0, 4 or 5'),
        ((640, 480, K, np.zeros(5), 'equidistant'), '0 or 4'),
        ((640, 480, K, np.zeros(5), 'omni'), "distortion_model 'omni'; valid: plumb_bob, equidistant"),
    ],
)
def test_a_camera_that_is_none_is_refused(arguments, says):
    with pytest.raises(ConfigError, match=says):
        camera_model(*arguments)


def test_four_coefficients_are_filled_up():
    assert camera_model(4, 4, K, np.ones(4)).distortion.tolist() == [1, 1, 1, 1, 0]
