# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from arsurg_ros.acquisition import create_camera
from arsurg_ros.errors import ConfigError, DataError


def test_frames_come_at_the_files_rate_loop_after_loop(video: Path, calibration: Path, play: Any) -> None:
    c = create_camera('video', {'path': str(video), 'calibration': str(calibration), 'loop': 2})
    frames = play(c, start_ns=777)
    assert [f.stamp_ns for f in frames] == [777 + k * 40_000_000 for k in range(24)]
    blue = [float(f.image[..., 0].mean()) for f in frames]
    np.testing.assert_allclose(blue, [20 * k for k in range(12)] * 2, atol=8)
    assert not len(c.faults)


def test_a_given_frame_rate_replaces_the_files(video: Path, calibration: Path, play: Any) -> None:
    c = create_camera('video', {'path': str(video), 'calibration': str(calibration), 'fps_hz': 50.0, 'rate': 0.5})
    assert set(np.diff([f.stamp_ns for f in play(c)])) == {40_000_000}


def test_a_cut_video_plays_what_there_is_and_says_so(tmp_path: Path, calibration: Path, play: Any) -> None:
    path = tmp_path / 'noise.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 25.0, (320, 240))
    rng = np.random.default_rng(1)
    for _ in range(12):
        writer.write(rng.integers(0, 255, (240, 320, 3), dtype=np.uint8))
    writer.release()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    c = create_camera('video', {'path': str(path), 'calibration': str(calibration)})
    frames = play(c)
    assert 5 <= len(frames) <= 8 and c.finished
    if len(c.faults):  # some readers rebuild the frame count from what is there
        assert f'ends after {len(frames)} of 12 frames' in str(c.faults[-1])


def test_a_file_that_ends_early_is_a_fault(video: Path, calibration: Path, play: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr('arsurg_ros.acquisition.video._announced', lambda capture: 20)
    c = create_camera('video', {'path': str(video), 'calibration': str(calibration)})
    assert len(play(c)) == 12
    assert 'ends after 12 of 20 frames: cut short or corrupt' in str(c.faults[-1])


@pytest.mark.parametrize('content', [b'', b'RIFF....AVI hello', b'some text\n' * 100], ids=['empty', 'head', 'text'])
def test_what_is_no_video_is_one_line(tmp_path: Path, calibration: Path, content: bytes) -> None:
    path = tmp_path / 'bad.avi'
    path.write_bytes(content)
    with pytest.raises(DataError, match=r'video .*bad\.avi: (no video stream|not one frame)'):
        create_camera('video', {'path': str(path), 'calibration': str(calibration)})


@pytest.mark.parametrize('path', ['', '/no/such/film.avi'])
def test_a_missing_video_is_named(path: str, calibration: Path) -> None:
    with pytest.raises(DataError, match=f"video '{path}': there is no such file"):
        create_camera('video', {'path': path, 'calibration': str(calibration)})


def test_a_video_needs_a_calibration_and_says_which(video: Path) -> None:
    with pytest.raises(ConfigError, match='calibration: none given; a camera_info YAML, or a text file'):
        create_camera('video', {'path': str(video)})


def test_a_calibration_of_another_size_is_refused(video: Path, tmp_path: Path) -> None:
    path = tmp_path / 'c.yaml'
    path.write_text(
        'image_width: 640\nimage_height: 480\ncamera_matrix: {rows: 3, cols: 3, data: [9, 0, 1, 0, 9, 1, 0, 0, 1]}\n'
    )
    with pytest.raises(DataError, match='it is for 640x480 images, these are 64x48'):
        create_camera('video', {'path': str(video), 'calibration': str(path)})


def test_the_real_video_is_read(shared_data: Path, play: Any) -> None:
    folder = shared_data / 'aruco_bard'
    c = create_camera('video', {'path': str(folder / 'output.avi'), 'calibration': str(folder / 'calibration.txt')})
    assert len(play(c)) == 10 and not len(c.faults)
    assert c.model.distortion[0] == pytest.approx(0.1)
