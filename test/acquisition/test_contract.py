# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every camera in the registry keeps to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arsurg_ros import registry
from arsurg_ros.acquisition import CAMERAS, Camera, create_camera
from arsurg_ros.errors import ConfigError

NOW_NS = 5_000_000_000_000


@pytest.fixture(params=sorted(CAMERAS))
def camera(request: pytest.FixtureRequest, five_frames: Path, video: Path, calibration: Path) -> Camera:
    values: dict[str, dict[str, Any]] = {
        'recording': {'path': str(five_frames)},
        'video': {'path': str(video), 'calibration': str(calibration)},
        'synthetic': {'duration_s': 0.2, 'width_px': 160, 'height_px': 120},
    }
    return create_camera(request.param, values[request.param] | {'camera_frame': 'left'})


def test_it_is_a_camera(camera: Camera) -> None:
    assert isinstance(camera, Camera)
    assert not camera.finished and camera.dropped == 0 and len(camera.faults) == 0


def test_frames_come_when_due_with_the_calibrations_size(camera: Camera) -> None:
    camera.start(NOW_NS)
    seen = []
    for now in range(NOW_NS, NOW_NS + 2_000_000_000, 3_000_000):
        due = camera.next_due_ns()
        frame = camera.next(now)
        assert (frame is not None) == (due is not None and due <= now)
        if frame is not None:
            assert frame.stamp_ns <= now and frame.frame_id == 'left'
            assert frame.image.shape == (camera.model.height_px, camera.model.width_px, 3)
            assert frame.image.dtype == np.uint8 and frame.encoding == 'bgr8'
            seen.append(frame.stamp_ns)
    assert camera.finished and camera.next_due_ns() is None and camera.next(NOW_NS * 2) is None
    assert seen[0] == NOW_NS and len(seen) >= 5
    assert min(np.diff(seen)) > 0 and camera.dropped == 0


def test_of_several_due_frames_the_newest_wins_and_the_others_are_counted(camera: Camera) -> None:
    camera.start(NOW_NS)
    frame = camera.next(NOW_NS + 130_000_000)
    assert frame is not None and frame.stamp_ns > NOW_NS + 90_000_000
    assert camera.dropped == 3
    assert camera.next(NOW_NS + 130_000_000) is None


def test_the_first_look_starts_it(camera: Camera) -> None:
    assert camera.next_due_ns() is None
    frame = camera.next(NOW_NS)
    assert frame is not None and frame.stamp_ns == NOW_NS


def test_closed_is_finished_and_may_be_closed_again(camera: Camera) -> None:
    camera.start(NOW_NS)
    camera.next(NOW_NS)
    camera.close()
    camera.close()
    assert camera.finished and camera.next(NOW_NS + 10**9) is None


def test_a_second_start_begins_anew(camera: Camera) -> None:
    camera.start(NOW_NS)
    assert camera.next(NOW_NS) is not None
    camera.start(NOW_NS + 10**9)
    frame = camera.next(NOW_NS + 10**9)
    assert frame is not None and frame.stamp_ns == NOW_NS + 10**9


@pytest.mark.parametrize('kind', sorted(CAMERAS))
def test_every_parameter_is_described(kind: str) -> None:
    for p in registry.parameters(registry.load(CAMERAS, kind, 'camera').Config):
        assert p.description and (p.type is not float or p.low is not None), p.name


def test_an_unknown_camera_lists_the_known() -> None:
    with pytest.raises(ConfigError, match="camera 'webcam': unknown; there are: recording, synthetic, video"):
        create_camera('webcam', {})
