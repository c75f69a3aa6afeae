# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin

from arsurg_ros.acquisition import create_camera
from arsurg_ros.acquisition.recording import recording_topics
from arsurg_ros.errors import ConfigError, DataError


def camera(path: Path, **values: Any) -> Any:
    return create_camera('recording', {'path': str(path), **values})


def with_info(kit: Any, path: Path, images: list[Any], plugin: StoragePlugin = StoragePlugin.MCAP, **info: Any) -> Path:
    messages = [('/cam/image_raw', kit.stamp(k), m) for k, m in enumerate(images)]
    return kit.bag(path, [*messages, ('/cam/camera_info', kit.stamp(0), kit.info(kit.stamp(0), **info))], plugin)


def test_it_plays_as_if_captured_live(five_frames: Path, play: Any, kit: Any) -> None:
    c = camera(five_frames)
    frames = play(c, start_ns=10**12)
    assert [f.stamp_ns - 10**12 for f in frames] == [k * kit.step_ns for k in range(5)]
    assert [int(f.image[0, 0, 0]) for f in frames] == list(range(5))
    assert c.model.K[0, 0] == 100.0


def test_kept_stamps_are_the_recordings_own(five_frames: Path, play: Any, kit: Any) -> None:
    frames = play(camera(five_frames, keep_stamps=True), start_ns=kit.start_ns)
    assert [f.stamp_ns for f in frames] == [kit.stamp(k) for k in range(5)]


def test_loops_go_on_with_the_same_interval(five_frames: Path, play: Any, kit: Any) -> None:
    c = camera(five_frames, loop=3, keep_stamps=True)
    frames = play(c, start_ns=kit.start_ns)
    assert len(frames) == 15 and c.finished
    assert np.abs(np.diff([f.stamp_ns for f in frames]) - kit.step_ns).max() < 10


def test_the_rate_is_the_speed(five_frames: Path, play: Any, kit: Any) -> None:
    frames = play(camera(five_frames, rate=2.0))
    assert set(np.diff([f.stamp_ns for f in frames])) == {kit.step_ns // 2}


@pytest.mark.parametrize('plugin', list(StoragePlugin))
def test_both_storages_are_read(plugin: StoragePlugin, tmp_path: Path, play: Any, kit: Any) -> None:
    bag = with_info(kit, tmp_path / 'b', [kit.image(kit.stamp(k), kit.numbered(k)) for k in range(3)], plugin)
    assert len(play(camera(bag))) == 3


def test_colours_are_what_was_recorded(tmp_path: Path, play: Any, kit: Any) -> None:
    picture = kit.numbered(7)
    images = [
        kit.image(kit.stamp(0), picture),
        kit.image(kit.stamp(1), np.ascontiguousarray(picture[..., ::-1]), 'rgb8'),
        kit.image(kit.stamp(2), np.ascontiguousarray(picture[..., 1]), 'mono8'),
        kit.image(kit.stamp(3), cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_YUY2), 'yuv422_yuy2', step=128),
        kit.image(kit.stamp(4), np.full((72, 64), 128, np.uint8), 'nv12', height=48),
    ]
    frames = play(camera(with_info(kit, tmp_path / 'b', images)))
    np.testing.assert_array_equal(frames[0].image, picture)
    np.testing.assert_array_equal(frames[1].image[..., ::-1], picture)
    np.testing.assert_array_equal(frames[2].image, picture[..., 1])
    assert np.abs(frames[3].image.astype(int) - picture).max() <= 3
    assert frames[4].image.shape == (48, 64, 3) and np.ptp(frames[4].image) == 0
    assert [f.encoding for f in frames] == ['bgr8', 'rgb8', 'mono8', 'bgr8', 'bgr8']


def test_padded_rows_are_unpadded(tmp_path: Path, play: Any, kit: Any) -> None:
    padded = np.zeros((48, 200), dtype=np.uint8)
    padded[:, :192] = kit.numbered(9).reshape(48, 192)
    bag = with_info(kit, tmp_path / 'b', [kit.image(kit.stamp(0), kit.numbered(9), step=200, data=padded.ravel())])
    np.testing.assert_array_equal(play(camera(bag))[0].image, kit.numbered(9))


def test_compressed_images_are_decoded_with_the_infos_of_their_namespace(tmp_path: Path, play: Any, kit: Any) -> None:
    data = cv2.imencode('.jpg', kit.numbered(90))[1]
    messages = [('/a/image_raw/compressed', kit.stamp(k), kit.compressed(kit.stamp(k), data)) for k in range(2)]
    infos = [
        (f'/{n}/camera_info', kit.stamp(0), kit.info(kit.stamp(0), k=[f, 0, 1, 0, f, 1, 0, 0, 1]))
        for n, f in (('a', 7), ('b', 9))
    ]
    c = camera(kit.bag(tmp_path / 'b', messages + infos))
    frame = play(c)[0]
    assert c.model.K[0, 0] == 7
    assert np.abs(frame.image.astype(int) - kit.numbered(90)).max() < 6


def test_bad_frames_are_counted_and_say_why_and_the_others_come(tmp_path: Path, play: Any, kit: Any) -> None:
    good = kit.numbered(1)
    images = [
        kit.image(kit.stamp(0), good),
        kit.image(kit.stamp(1), kit.numbered(1, 32, 24)),
        kit.image(kit.stamp(2), good, 'bayer_rggb8'),
        kit.image(kit.stamp(3), good, data=good.ravel()[:100]),
        kit.image(kit.stamp(4), good),
    ]
    c = camera(with_info(kit, tmp_path / 'b', images))
    assert [f.stamp_ns for f in play(c, start_ns=0)] == [0, 4 * kit.step_ns]
    reasons = [str(f) for f in c.faults.recent]
    assert len(c.faults) == c.dropped == 3
    assert 'image is 32x24, camera_info says 64x48' in reasons[0]
    assert "encoding 'bayer_rggb8'" in reasons[1] and 'bgr8, rgb8, mono8' in reasons[1]
    assert '100 bytes of data do not fit' in reasons[2]
    assert c.faults[-1].stamp_ns == 3 * kit.step_ns


def test_a_broken_jpeg_is_a_fault(tmp_path: Path, kit: Any, play: Any) -> None:
    broken = [kit.compressed(kit.stamp(k), d) for k, d in enumerate([np.full(50, 7, np.uint8), np.zeros(0, np.uint8)])]
    messages = [('/a/compressed', kit.stamp(k), m) for k, m in enumerate(broken)]
    c = camera(kit.bag(tmp_path / 'b', [*messages, ('/a/camera_info', kit.stamp(0), kit.info(kit.stamp(0)))]))
    assert play(c) == [] and len(c.faults) == 2
    assert 'cannot be decoded' in str(c.faults[-1])


def test_stamps_that_run_back_are_not_handed_out(tmp_path: Path, play: Any, kit: Any) -> None:
    stamps = [kit.stamp(0), kit.stamp(2), kit.stamp(1), kit.stamp(3)]
    c = camera(with_info(kit, tmp_path / 'b', [kit.image(s, kit.numbered(0)) for s in stamps]))
    frames = play(c, start_ns=0)
    assert [f.stamp_ns for f in frames] == [0, 2 * kit.step_ns, 3 * kit.step_ns]
    assert 'stamp runs back by 40.000 ms' in str(c.faults[-1])


def test_several_image_topics_are_listed(tmp_path: Path, kit: Any) -> None:
    messages = [(f'/{n}/image_raw', kit.stamp(0), kit.image(kit.stamp(0), kit.numbered(0))) for n in 'ab']
    bag = kit.bag(tmp_path / 'b', messages)
    with pytest.raises(ConfigError, match=r'image_topic: .* 2 topics .*: /a/image_raw, /b/image_raw; name one'):
        camera(bag)
    assert [t.name for t in recording_topics(bag)] == ['/a/image_raw', '/b/image_raw']


def test_a_topic_of_the_wrong_type_is_refused(five_frames: Path) -> None:
    with pytest.raises(ConfigError, match="image_topic '/cam/camera_info': is a sensor_msgs/msg/CameraInfo"):
        camera(five_frames, image_topic='/cam/camera_info')
    with pytest.raises(ConfigError, match="info_topic '/cam/image_raw': is a sensor_msgs/msg/Image"):
        camera(five_frames, info_topic='/cam/image_raw')


def test_without_camera_info_it_tells_how_to_go_on(tmp_path: Path, kit: Any, calibration: Path, play: Any) -> None:
    bag = kit.bag(tmp_path / 'b', [('/a', kit.stamp(0), kit.image(kit.stamp(0), kit.numbered(0)))])
    with pytest.raises(ConfigError, match=r'0 CameraInfo topics .* set info_topic, or a camera_info YAML'):
        camera(bag)
    c = camera(bag, calibration=str(calibration))
    assert (c.model.width_px, c.model.height_px) == (64, 48) and len(play(c)) == 1


@pytest.mark.parametrize(
    ('info', 'message'),
    [
        ({'k': [float('nan'), 0, 1, 0, 1, 1, 0, 0, 1]}, 'finite 3x3'),
        ({'k': [0.0] * 9}, 'is it calibrated'),
        ({'model': 'thin_prism'}, 'thin_prism'),
    ],
)
def test_a_camera_info_that_is_no_calibration_is_refused(tmp_path: Path, kit: Any, info: Any, message: str) -> None:
    bag = with_info(kit, tmp_path / 'b', [kit.image(kit.stamp(0), kit.numbered(0))], **info)
    with pytest.raises(DataError, match=f'recording .*, /cam/camera_info: .*{message}'):
        camera(bag)


def test_a_missing_recording_is_named() -> None:
    with pytest.raises(DataError, match="recording '/no/such/bag': there is no such file"):
        camera(Path('/no/such/bag'))


def test_the_real_recording_has_ten_frames(shared_data: Path, play: Any) -> None:
    c = camera(shared_data / 'bags' / 'bard_multipattern', loop=2)
    frames = play(c)
    assert len(frames) == 20 and not len(c.faults)
    assert c.model.K[0, 0] == pytest.approx(608.67179504)
    assert np.abs(np.diff([f.stamp_ns for f in frames]) - 33_333_333).max() < 100
