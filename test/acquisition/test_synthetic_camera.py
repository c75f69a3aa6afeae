# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arsurg_ros.acquisition import create_camera
from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry.pixel_code import CameraCode, read_camera_code, strip_height_px
from arsurg_ros.synthetic import Scene, render_frame

SMALL = {'width_px': 160, 'height_px': 120}
EPOCH_NS = 9_000_000_000


def test_it_shows_the_scene_at_its_stamps() -> None:
    c = create_camera('synthetic', {'epoch_ns': EPOCH_NS})
    frame = c.next(EPOCH_NS + 1_000_000_001)
    assert frame is not None and frame.stamp_ns == EPOCH_NS + 10**9
    np.testing.assert_array_equal(frame.image, render_frame(Scene(), 1.0))


def test_its_pixels_say_stamp_and_pose_where_asked_for() -> None:
    c = create_camera('synthetic', {'epoch_ns': EPOCH_NS, 'pixel_code': True})
    frame = c.next(EPOCH_NS + 1_000_000_001)
    assert frame is not None
    assert read_camera_code(frame.image) == CameraCode(EPOCH_NS + 10**9, 30)
    strip = strip_height_px(640)
    np.testing.assert_array_equal(frame.image[:-strip], render_frame(Scene(), 1.0)[:-strip])


def test_a_picture_too_small_for_the_code_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match='pixel code: picture 160x120: at least 240 px wide'):
        create_camera('synthetic', {'pixel_code': True, **SMALL})


def test_before_the_epoch_nothing_is_due() -> None:
    c = create_camera('synthetic', {'epoch_ns': EPOCH_NS, **SMALL})
    assert c.next(EPOCH_NS - 1) is None
    assert c.next_due_ns() == EPOCH_NS


def test_a_delay_delays_the_delivery_not_the_stamp(play: Any) -> None:
    c = create_camera('synthetic', {'epoch_ns': EPOCH_NS, 'delay_s': 0.05, 'jitter_s': 0.02, 'duration_s': 1.0, **SMALL})
    c.start(EPOCH_NS)
    late = []
    for now in range(EPOCH_NS, EPOCH_NS + 1_200_000_000, 1_000_000):
        frame = c.next(now)
        if frame is not None:
            late.append(now - frame.stamp_ns)
            assert (frame.stamp_ns - EPOCH_NS) * 30 % 10**9 in (0, 10, 20, 10**9 - 10, 10**9 - 20)
    assert min(late) >= 50_000_000 and max(late) <= 71_000_000 and np.ptp(late) > 5_000_000


def test_lost_frames_are_lost_at_random_and_counted(play: Any) -> None:
    c = create_camera('synthetic', {'epoch_ns': EPOCH_NS, 'drop_probability': 0.3, 'duration_s': 4.0, **SMALL})
    frames = play(c, start_ns=EPOCH_NS)
    assert len(frames) + c.dropped == 120 and 15 < c.dropped < 60


def test_the_scene_starts_again_after_its_period() -> None:
    c = create_camera('synthetic', {'epoch_ns': EPOCH_NS, 'scene_period_s': 2.0, **SMALL})
    frame = c.next(EPOCH_NS + 2_500_000_000)
    assert frame is not None
    np.testing.assert_array_equal(frame.image, render_frame(Scene(width_px=160, height_px=120), 0.5))


def test_a_dropout_that_is_no_interval_is_refused() -> None:
    with pytest.raises(ConfigError, match='pairs of start and end'):
        create_camera('synthetic', {'dropouts_s': [1.0]})
    with pytest.raises(ConfigError, match='must end after it starts'):
        create_camera('synthetic', {'dropouts_s': [2.0, 1.0]})
