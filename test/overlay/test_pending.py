# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from arsurg_ros.geometry.camera import camera_model
from arsurg_ros.overlay.pending import MOST_PIXELS, PendingImage, PosePeriod, Waits, blank, camera_problem
from arsurg_ros.types import Frame

MS = 1_000_000
STAMP_MS = 10_000
WAITS = Waits(pose_ns=60 * MS, predict_ns=20 * MS, flag_ns=100 * MS)


def image(age_ms: int) -> PendingImage:
    """Return an image that came at 500 ms of the steady clock."""
    return PendingImage(Frame(STAMP_MS * MS, 'cam', np.zeros((3, 4, 3), np.uint8)), age_ms * MS, 500 * MS, 0)


def test_it_grows_older_while_it_waits() -> None:
    assert image(30).waited_ns(512 * MS) == 12 * MS
    assert image(30).captured_ns(512 * MS) == 42 * MS


@pytest.mark.parametrize(
    ('age_ms', 'pose_ms', 'drawn', 'until_ms'),
    [
        (30, None, True, 60),  # never a pose: the usual wait
        (30, -33, False, 60),  # nothing is drawn that could outlive its pose
        (30, -33, True, 37),  # 33 ms older than the image, which was 30 ms old: 37 are left of 100
        (0, -33, True, 67),  # longer than the usual wait: the picture still holds
        (100, -33, True, 60),  # too old when it came
    ],
)
def test_what_is_drawn_does_not_outlive_its_pose(age_ms: int, pose_ms: int | None, drawn: bool, until_ms: int) -> None:
    latest_ns = None if pose_ms is None else (STAMP_MS + pose_ms) * MS
    assert not WAITS.overdue(image(age_ms), (500 + until_ms) * MS - 1, latest_ns, drawn)
    assert WAITS.overdue(image(age_ms), (500 + until_ms) * MS, latest_ns, drawn)


def test_a_prediction_waits_first_and_does_not_reach_past_the_flag() -> None:
    assert not WAITS.may_predict(image(0), 520 * MS - 1) and WAITS.may_predict(image(0), 520 * MS)
    assert WAITS.left_s(image(30), 510 * MS) == pytest.approx(0.060)
    assert WAITS.left_s(image(30), 900 * MS) == 0.0


def test_a_camera_that_does_not_fit_is_said() -> None:
    frame = image(0).frame
    assert camera_problem(None, frame, 'camera/camera_info') == 'camera/camera_info: none yet that can be used'
    assert camera_problem(camera_model(4, 3, np.eye(3)), frame, '') == ''
    assert camera_problem(camera_model(4, 3, np.eye(3)), frame, '', ('cam',)) == ''
    said = camera_problem(camera_model(4, 3, np.eye(3)), frame, '', ('endoscope',))
    assert said.startswith("the image is of frame 'cam', the camera of 'endoscope'")
    assert camera_problem(camera_model(8, 6, np.eye(3)), frame, '') == 'camera_info is for 8x6, the image is 4x3'


def test_a_picture_for_an_image_that_cannot_be_read_is_black_and_not_too_large() -> None:
    frame = blank(7, 'cam', 4, 3)
    assert (frame.stamp_ns, frame.frame_id, frame.image.shape, frame.image.any()) == (7, 'cam', (3, 4, 3), False)
    assert blank(7, 'cam', MOST_PIXELS, 2).image.shape == blank(7, 'cam', 0, 9).image.shape == (1, 1, 3)


@pytest.mark.parametrize(
    ('age_ms', 'pose_ms', 'period_ms', 'predicted', 'at_ms'),
    [
        (20, 0, 33, False, 80),  # 100 ms after the pose, which is the image's
        (20, 0, 10, False, 80),
        (20, 30, 10, False, 110),  # a tracker that has gone on for 30 ms
        (20, 0, 200, False, 380),  # a camera of 5 Hz that tracks: two are missing
        (20, -15, 200, True, 65),  # what is predicted does not wait for them
    ],
)
def test_a_last_picture_goes_with_its_poses_age(
    age_ms: int, pose_ms: int, period_ms: int, predicted: bool, at_ms: int
) -> None:
    def outlived(clock_ns: int) -> bool:
        return WAITS.outlived(image(age_ms), clock_ns, (STAMP_MS + pose_ms) * MS, period_ms * MS, predicted)

    assert not outlived(at_ms * MS - 1) and outlived(at_ms * MS)


@pytest.mark.parametrize('step_ms', [33, 100, 200])
def test_a_picture_does_not_come_and_go_between_a_slow_cameras_images(step_ms: int) -> None:
    """The camera tracks: its images and poses come together, 20 ms old, and the next ones a step later."""
    period = PosePeriod()
    for k in range(5):
        period.heard((STAMP_MS + k * step_ms) * MS)
    assert not WAITS.outlived(image(20), (step_ms + 10) * MS, STAMP_MS * MS, period.period_ns, False)


def test_a_picture_without_any_pose_left_goes_and_an_old_one_waits_for_the_silence() -> None:
    assert WAITS.outlived(image(20), 0, None, 0, False)
    assert not WAITS.outlived(image(100), 900 * MS, STAMP_MS * MS, 0, False)


def test_the_period_is_the_least_step_between_poses() -> None:
    period = PosePeriod()
    for stamp_ms in (None, 100, 100, 133, 200):
        period.heard(None if stamp_ms is None else stamp_ms * MS)
    assert period.period_ns == 33 * MS
