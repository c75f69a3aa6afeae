# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.pixel_code import (
    BLACK,
    STATES,
    WHITE,
    CameraCode,
    OverlayCode,
    read_camera_code,
    read_overlay_code,
    strip_height_px,
    write_camera_code,
    write_overlay_code,
)
from arsurg_ros.overlay.state import OverlayState

SIZES = ((640, 480), (1280, 720), (1920, 1080))
STAMPS = st.integers(-(2**63), 2**63 - 1)
POSE = se3.compose(se3.from_rotvec([2.1, -0.7, 1.3]), [0.0213, -0.4411, 1.7])


def picture(width: int = 640, height: int = 480, seed: int = 0) -> np.ndarray:
    """Return a bgr picture full of structure and colour."""
    coarse = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    return np.ascontiguousarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def coded(camera: CameraCode, overlay: OverlayCode, width: int = 640, height: int = 480) -> np.ndarray:
    image = picture(width, height)
    write_camera_code(image, camera)
    write_overlay_code(image, overlay)
    return image


def same(found: OverlayCode | None, code: OverlayCode) -> bool:
    return found is not None and (found.stamp_ns, found.state) == (code.stamp_ns, code.state)


CAMERA = CameraCode(1_764_000_000_123_456_789, 4711)
OVERLAY = OverlayCode(CAMERA.stamp_ns, 'live', CAMERA.stamp_ns - 12_345_000, POSE)


@given(STAMPS, st.integers(0, 2**32 - 1), st.sampled_from(STATES), st.integers(-(10**12), 10**12))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(stamp_ns: int, pose_id: int, state: str, age_us: int) -> None:
    pose_stamp_ns = stamp_ns - 1000 * age_us
    image = coded(CameraCode(stamp_ns, pose_id), OverlayCode(stamp_ns, state, pose_stamp_ns))
    assert read_camera_code(image) == CameraCode(stamp_ns, pose_id)
    found = read_overlay_code(image)
    assert found == OverlayCode(stamp_ns, state, pose_stamp_ns if abs(age_us) < 2**31 else None)


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6))
@settings(max_examples=60, deadline=None)
def test_the_pose_drawn_is_read_to_its_steps(numbers: list[float]) -> None:
    w = np.array(numbers[:3])
    T = se3.compose(se3.from_rotvec(w * 3.1 / max(1.0, float(np.linalg.norm(w)))), 8.0 * np.array(numbers[3:]))
    found = read_overlay_code(coded(CAMERA, OverlayCode(5, 'live', None, T)))
    assert found is not None and found.T_cam_ct is not None
    assert np.abs(found.T_cam_ct[:3, 3] - T[:3, 3]).max() <= 8.001e-6
    assert se3.rotation_angle_rad(found.T_cam_ct[:3, :3].T @ T[:3, :3]) < 1e-5


@pytest.mark.parametrize('T', [None, np.full((4, 4), np.nan), se3.compose(np.eye(3), [0, 0, 9.0])])
def test_no_pose_and_none_that_can_be_said_is_none(T: Any) -> None:
    assert read_overlay_code(coded(CAMERA, OverlayCode(5, 'lost', None, T))) == OverlayCode(5, 'lost')


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('scale', [0.5, 0.6, 0.9, 1.0, 1.37, 2.0])
def test_scaling_and_jpeg_at_quality_50_with_halved_colour_are_survived(size: tuple[int, int], scale: float) -> None:
    for how in (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC):
        seen = cv2.resize(coded(CAMERA, OVERLAY, *size), None, fx=scale, fy=scale, interpolation=how)
        _, data = cv2.imencode(
            '.jpg', seen, [cv2.IMWRITE_JPEG_QUALITY, 50, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
        )
        seen = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert read_camera_code(seen) == CAMERA
        assert same(read_overlay_code(seen), OVERLAY)


@pytest.mark.parametrize('scale', [0.5, 1.0])
def test_video_is_survived(tmp_path: Any, scale: float) -> None:
    path, size = str(tmp_path / 'v.mp4'), (round(640 * scale), round(480 * scale))
    file = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*'mp4v'), 30, size)
    for k in range(12):
        file.write(cv2.resize(coded(CameraCode(k * 33_333_333, k), OVERLAY), size, interpolation=cv2.INTER_AREA))
    file.release()
    capture = cv2.VideoCapture(path)
    seen = [image for ok, image in iter(capture.read, (False, None)) if ok]
    assert [read_camera_code(image) for image in seen] == [CameraCode(k * 33_333_333, k) for k in range(12)]
    assert all(same(read_overlay_code(image), OVERLAY) for image in seen)


def test_cropping_above_and_grey_pictures_are_survived() -> None:
    image = coded(CAMERA, OVERLAY)
    assert read_camera_code(image[200:]) == CAMERA
    assert same(read_overlay_code(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)), OVERLAY)
    grey = np.zeros((480, 640), np.uint8)
    write_camera_code(grey, CAMERA)
    assert read_camera_code(grey) == CAMERA


def test_only_the_strip_is_written() -> None:
    image, before = coded(CAMERA, OVERLAY, 1920, 1080), picture(1920, 1080)
    strip = strip_height_px(1920)
    assert strip == 48
    assert np.array_equal(image[:-strip], before[:-strip])
    assert set(np.unique(image[-strip:])) == {BLACK, WHITE}


@given(st.sets(st.integers(0, 399), min_size=1, max_size=12), st.integers(0, 2**63 - 1))
@settings(max_examples=80, deadline=None)
def test_turned_cells_are_never_read_as_something_else(cells: set[int], stamp_ns: int) -> None:
    camera, overlay = CameraCode(stamp_ns, 1), OverlayCode(stamp_ns, 'live', stamp_ns, POSE)
    image = np.zeros((320, 1600, 3), np.uint8)
    write_camera_code(image, camera)
    write_overlay_code(image, overlay)
    for cell in cells:
        row, column = divmod(cell, 100)
        part = image[280 + 10 * row : 290 + 10 * row, 16 * column : 16 * column + 16]
        part[:] = np.where(part == WHITE, BLACK, WHITE)
    in_camera = any(cell % 100 < 34 for cell in cells)
    assert read_camera_code(image) == (None if in_camera else camera)
    assert (read_overlay_code(image) is None) == any(cell % 100 >= 34 for cell in cells)


@given(st.integers(0, 10_000), st.floats(5.0, 200.0))
@settings(max_examples=80, deadline=None)
def test_noise_leaves_the_right_answer_or_none(seed: int, sigma: float) -> None:
    clean = coded(CAMERA, OVERLAY)
    noise = np.random.default_rng(seed).normal(0, sigma, clean.shape)
    seen = np.clip(clean + noise, 0, 255).astype(np.uint8)
    assert read_camera_code(seen) in (None, CAMERA)
    found = read_overlay_code(seen)
    assert found is None or same(found, OVERLAY)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_a_picture_without_a_code_has_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for image in (picture(seed=seed), rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)):
        assert read_camera_code(image) is None and read_overlay_code(image) is None


@pytest.mark.parametrize('grey', [0, 90, 255])
def test_a_plain_or_tiny_picture_has_none(grey: int) -> None:
    for shape in ((480, 640, 3), (480, 100, 3), (3, 640, 3), (480, 640)):
        image = np.full(shape, grey, np.uint8)
        assert read_camera_code(image) is None and read_overlay_code(image) is None


def test_a_washed_out_code_is_none() -> None:
    faint = (coded(CAMERA, OVERLAY) // 8) + 100
    assert read_camera_code(faint) is None and read_overlay_code(faint) is None


def test_codes_of_the_one_are_not_read_as_the_others() -> None:
    image = picture()
    write_camera_code(image, CAMERA)
    assert read_overlay_code(image) is None


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(ConfigError, match='picture 200x150: at least 240 px wide'):
        write_camera_code(np.zeros((150, 200, 3), np.uint8), CAMERA)
    with pytest.raises(ConfigError, match="state 'asleep'; valid: live, drift"):
        write_overlay_code(picture(), OverlayCode(1, 'asleep'))


def test_every_state_of_the_overlay_can_be_said() -> None:
    assert {state.value for state in OverlayState} <= set(STATES)
