# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import CameraInfo

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model
from arsurg_ros.nodes import msgs
from arsurg_ros.synthetic import Scene
from arsurg_ros.types import Frame


@given(st.integers(0, 2**31 * 10**9 - 1))
def test_stamps_survive(stamp_ns):
    assert msgs.to_ns(msgs.to_time(stamp_ns)) == stamp_ns


@given(st.integers(1, 9), st.integers(1, 7), st.sampled_from(['bgr8', 'mono8']))
def test_images_survive(width, height, encoding):
    shape = (height, width, 3) if encoding == 'bgr8' else (height, width)
    image = np.random.default_rng(width).integers(0, 255, shape, dtype=np.uint8)
    frame = msgs.frame_from_image(msgs.image_from_frame(Frame(7, 'cam', image, encoding)), 'x')
    assert np.array_equal(frame.image, image)
    assert (frame.stamp_ns, frame.frame_id, frame.encoding) == (7, 'cam', encoding)


def test_rgb_stays_rgb_unless_bgr_is_asked_for_and_padding_is_left_out():
    msg = msgs.image_from_frame(Frame(7, 'cam', np.arange(24, dtype=np.uint8).reshape(2, 4, 3)))
    msg.encoding, msg.width = 'rgb8', 3  # the fourth pixel is padding now
    frame = msgs.frame_from_image(msg, 'x')
    assert frame.encoding == 'rgb8' and frame.image.tolist()[0] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert msgs.frame_from_image(msgs.image_from_frame(frame), 'x').encoding == 'rgb8'
    frame = msgs.bgr_frame(msg, 'x')
    assert frame.encoding == 'bgr8' and frame.image.tolist()[0] == [[2, 1, 0], [5, 4, 3], [8, 7, 6]]


@pytest.mark.parametrize(
    ('field', 'value', 'says'),
    [
        ('encoding', 'bayer_rggb8', "^camera/image_raw: image encoding 'bayer_rggb8'; valid: "),
        ('width', 0, 'image 0x2'),
        ('step', 3, 'step 3'),
        ('height', 200, 'do not fit'),
    ],
)
def test_images_that_are_none(field, value, says):
    msg = msgs.image_from_frame(Frame(7, 'cam', np.zeros((2, 4, 3), np.uint8)))
    setattr(msg, field, value)
    with pytest.raises(DataError, match=says):
        msgs.frame_from_image(msg, 'camera/image_raw')


def test_camera_info_survives():
    camera = Scene().camera
    back = msgs.camera_from_info(msgs.info_from_camera(camera, 1, 'cam'))
    assert np.array_equal(back.K, camera.K)
    assert (back.width_px, back.height_px) == (camera.width_px, camera.height_px)


def test_a_fisheye_survives_with_four_coefficients():
    K = np.array([[500.0, 0, 320], [0, 510, 240], [0, 0, 1]])
    camera = camera_model(640, 480, K, np.array([0.1, -0.02, 0.003, 0.001]), 'equidistant')
    info = msgs.info_from_camera(camera, 1, 'cam')
    assert (info.distortion_model, list(info.d)) == ('equidistant', [0.1, -0.02, 0.003, 0.001])
    back = msgs.camera_from_info(info)
    assert back.distortion_model == 'equidistant'
    assert np.array_equal(back.distortion, camera.distortion)


def test_camera_info_that_is_none():
    with pytest.raises(DataError, match="'rational_polynomial'; valid: plumb_bob, equidistant"):
        msgs.camera_from_info(CameraInfo(distortion_model='rational_polynomial', width=4, height=4))
    k = np.eye(3).ravel()
    with pytest.raises(ConfigError, match='0 or 4 finite numbers'):
        msgs.camera_from_info(CameraInfo(distortion_model='equidistant', width=4, height=4, k=k, d=[0.0] * 5))
    with pytest.raises(ConfigError, match='calibrated'):
        msgs.camera_from_info(CameraInfo(width=4, height=4))


def test_transforms_survive_and_bad_ones_do_not():
    T = se3.exp([1, 2, 3, 0.4, 0.5, -0.6])
    msg = msgs.transform_stamped(T, 5, 'a', 'b')
    assert np.allclose(msgs.matrix_from_transform(msg), T, atol=1e-12)
    msg.transform.rotation.w = float('nan')
    with pytest.raises(DataError, match='tf a -> b: pose is not finite'):
        msgs.matrix_from_transform(msg)


def test_no_registration_is_no_pose():
    with pytest.raises(DataError, match='not finite'):
        msgs.matrix_from_pose(msgs.no_registration_msg(3, 'ref').pose.pose, 'registration/result')
