# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the overlay passes on beside overlay/image_raw, and what its pixels say."""

import threading

import cv2
import numpy as np
import pytest
from rclpy.exceptions import InvalidParameterValueException
from sensor_msgs.msg import CompressedImage

from arsurg_ros.errors import DataError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.pixel_code import CameraCode, read_camera_code, read_overlay_code, strip_height_px, write_camera_code
from arsurg_ros.nodes import msgs, overlay_sinks
from arsurg_ros.nodes.overlay import OverlayNode
from arsurg_ros.photodiode import Photodiode
from arsurg_ros.sinks import record
from arsurg_ros.synthetic import Scene

from .test_overlay import GREY, SCENE, SCENE_FILE, Room, pixels

COMPRESSED = '/arsurg/overlay/image_raw/compressed'
T_CAM_CT = SCENE.T_cam_ref(0.0) @ SCENE.T_ref_ct


def coded(room, number):
    """Return a camera picture that says which it is: the one that the room sends next."""
    image = GREY.copy()
    write_camera_code(image, CameraCode(room.now_ns + 33_000_000, number))
    return image


def live(graph, **parameters):
    """Return a room whose next frame is live."""
    room = Room(graph, **parameters)
    room.frame()
    room.register()
    return room


def test_the_pixels_say_which_picture_and_which_pose_they_are(graph):
    room = live(graph, pixel_code=True)
    shown = pixels(room.frame(image=coded(room, 7)))
    code = read_overlay_code(shown)
    assert (code.stamp_ns, code.state) == (room.now_ns, 'live')
    assert abs(code.pose_stamp_ns - room.now_ns) < 1000
    assert np.abs(code.T_cam_ct[:3, 3] - T_CAM_CT[:3, 3]).max() < 1e-5
    assert se3.rotation_angle_rad(code.T_cam_ct[:3, :3].T @ T_CAM_CT[:3, :3]) < 1e-5
    assert read_camera_code(shown) == CameraCode(room.now_ns, 7)


def test_a_state_without_anatomy_says_so_in_pixels_under_its_border_too(graph):
    room = live(graph, pixel_code=True)
    room.frame(image=coded(room, 1))
    last_ns = room.now_ns
    for number in range(2, 20):
        shown = pixels(room.frame(image=coded(room, number), pose=False))
    code = read_overlay_code(shown)
    assert (code.state, code.T_cam_ct) == ('lost', None)
    assert abs(code.pose_stamp_ns - last_ns) < 1000
    assert read_camera_code(shown) == CameraCode(room.now_ns, 19)


def test_the_last_picture_shown_again_as_lost_keeps_its_stamp_in_the_pixels(graph):
    room = live(graph, pixel_code=True)
    room.frame(image=coded(room, 1))
    before = len(room.shown)
    assert graph.until(lambda: len(room.shown) > before, 2.0)
    code = read_overlay_code(pixels(room.shown[-1]))
    assert (code.stamp_ns, code.state) == (room.now_ns, 'lost')


def test_a_camera_without_a_code_gets_none(graph):
    shown = pixels(live(graph, pixel_code=True).frame())
    assert read_camera_code(shown) is None and read_overlay_code(shown).state == 'live'
    assert np.array_equal(shown[-strip_height_px(640) :, :200], GREY[-strip_height_px(640) :, :200])


def test_without_the_parameter_no_pixel_is_written(graph):
    shown = pixels(live(graph).frame())
    assert read_overlay_code(shown) is None
    assert np.array_equal(shown[-3:], GREY[-3:])


def test_readouts_stay_clear_of_the_code(graph):
    room = live(graph, pixel_code=True)
    strip = strip_height_px(640)
    shown = pixels(room.frame())
    assert (shown[-strip - 3 : -strip] == GREY[0, 0]).all()


def test_jpeg_is_what_image_transport_writes_at_the_original_stamp(graph):
    room = live(graph, pixel_code=True, silent_s=10.0)
    heard = graph.listen(CompressedImage, COMPRESSED)
    graph.during(0.3)
    shown = room.frame(image=coded(room, 3))
    assert graph.until(lambda: heard)
    msg = heard[-1]
    assert msg.format == 'bgr8; jpeg compressed bgr8'
    assert (msgs.to_ns(msg.header.stamp), msg.header.frame_id) == (room.now_ns, 'cam')
    seen = cv2.imdecode(np.frombuffer(msg.data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(seen.astype(int) - pixels(shown)).mean() < 3
    reading = Photodiode().see(seen, 0, lambda stamp_ns: room.now_ns + 5 - stamp_ns, header_ns=msgs.to_ns(msg.header.stamp))
    assert reading.faults == () and reading.age_ns == 5 and reading.camera.pose_id == 3


def test_a_jpeg_that_cannot_be_made_is_one_line_and_the_picture_is_there(graph, monkeypatch, capfd):
    def broken(image, quality):
        raise DataError('jpeg: no')

    monkeypatch.setattr(overlay_sinks, 'encode_jpeg', broken)
    room = live(graph)
    graph.listen(CompressedImage, COMPRESSED)
    graph.during(0.3)
    assert room.frame() and graph.until(lambda: room.frame() and room.node.stats.counts['refused'])
    assert 'overlay/image_raw/compressed: jpeg: no' in capfd.readouterr().err


def test_quality_is_the_users(graph):
    sizes = []
    for quality in (20, 95):
        room = live(graph, jpeg_quality=quality, silent_s=10.0)
        heard = graph.listen(CompressedImage, COMPRESSED)
        graph.during(0.3)
        room.frame(image=np.random.default_rng(0).integers(0, 256, GREY.shape, dtype=np.uint8))
        assert graph.until(lambda: heard and msgs.to_ns(heard[-1].header.stamp) == room.now_ns)  # noqa: B023
        sizes.append(len(heard[-1].data))
        graph.stop(room.node)
    assert sizes[1] > 2 * sizes[0]


def test_nobody_listening_nothing_is_encoded(graph):
    room = live(graph)
    room.frame()
    assert room.node._sinks.counts()['jpeg'] == 0


def test_what_is_shown_is_kept_with_stamp_and_state_and_complete_at_the_end(graph, tmp_path):
    room = live(graph, record=str(tmp_path / 'shown'), pixel_code=True, silent_s=10.0)
    stamps = [room.now_ns]
    for number in range(3):
        room.frame(image=coded(room, number))
        stamps.append(room.now_ns)
    graph.stop(room.node)
    files = sorted((tmp_path / 'shown').iterdir())
    assert [f.name for f in files] == [
        *(f'{k:06d}-{stamp}-{"unregistered" if k == 0 else "live"}.png' for k, stamp in enumerate(stamps)),
        f'{len(stamps):06d}-{stamps[-1]}-lost.png',  # a recording does not end with a live picture
    ]
    diode = Photodiode()
    for file in files:
        assert diode.see(cv2.imread(str(file)), 0, header_ns=int(file.name.split('-')[1])).faults == ()


def test_an_mp4_is_closed_when_the_node_is_released(graph, tmp_path):
    room = live(graph, record=str(tmp_path / 'shown.mp4'), silent_s=10.0)
    for _ in range(4):
        room.frame()
    shown = len(room.shown)
    graph.stop(room.node)
    capture = cv2.VideoCapture(str(tmp_path / 'shown.mp4'))
    assert sum(ok for ok, _ in iter(capture.read, (False, None))) == shown + 1  # the last one again, as lost


def test_a_disk_that_is_behind_is_counted_and_said(graph, tmp_path, monkeypatch, capfd):
    gate = threading.Event()
    monkeypatch.setattr(record, 'BACKLOG', 1)
    monkeypatch.setattr(record, '_save', lambda item: gate.wait(10))
    room = live(graph, record=str(tmp_path / 'shown'))
    for _ in range(5):
        room.frame()
    gate.set()
    assert room.node._sinks.counts()['record_dropped'] >= 3
    assert 'pictures left out so far' in capfd.readouterr().err


@pytest.mark.parametrize(('path', 'says'), [('/nowhere/at/all.mp4', 'no folder'), ('a.avi', "suffix '.avi'")])
def test_a_recording_that_cannot_be_is_refused(graph, path, says):
    node = graph.start(OverlayNode, scene=SCENE_FILE, record=path)
    assert says in node.refusal and not node.configured


def test_a_quality_out_of_range_is_refused(graph):
    with pytest.raises(InvalidParameterValueException, match='jpeg_quality'):
        graph.start(OverlayNode, scene=SCENE_FILE, jpeg_quality=0)


def test_a_picture_too_small_for_a_code_is_shown_without(graph):
    room = Room(graph, pixel_code=True)
    room.info.publish(msgs.info_from_camera(Scene(width_px=160, height_px=120).camera, room.now_ns, 'cam'))
    assert graph.until(lambda: room.node._camera is not None)
    room.frame(image=np.ascontiguousarray(GREY[:120, :160]), info=False)
    assert room.shown and read_overlay_code(pixels(room.shown[-1])) is None
    assert room.node.stats.counts['refused'] == 1
