# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Float64
from tf2_msgs.msg import TFMessage

from arsurg_ros.geometry import se3
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.camera import CameraNode
from arsurg_ros.nodes.tracker import TrackerNode
from arsurg_ros.synthetic import Scene, render_frame
from arsurg_ros.types import Frame

BOARDS = {'boards': ['ref=synthetic:reference', 'pointer=synthetic:pointer'], 'tool_frames': ['pointer=tool']}
SCENE = Scene()
REF = '/arsurg/tracker/ref/measured_cp'


def test_synthetic_camera_delivers_stamped_images_and_their_calibration(graph):
    images = graph.listen(Image, '/arsurg/camera/image_raw')
    infos = graph.listen(CameraInfo, '/arsurg/camera/camera_info')
    graph.start(CameraNode, source='synthetic', rate_hz=20.0, camera_frame='scope')
    assert graph.until(lambda: len(images) >= 5 and len(infos) >= 5)
    stamps = [msgs.to_ns(m.header.stamp) for m in images]
    assert stamps == sorted(set(stamps))
    assert images[0].header.frame_id == 'scope'
    assert np.allclose(np.array(infos[0].k).reshape(3, 3), SCENE.camera.K)
    assert (infos[0].width, images[0].width, images[0].encoding) == (640, 640, 'bgr8')


@pytest.mark.parametrize(
    ('parameters', 'says'),
    [
        ({'source': 'film'}, "source 'film'; valid: recording, video, synthetic"),
        ({'source': 'video', 'path': '/nowhere.mp4', 'calibration': '/nowhere.yaml'}, '/nowhere'),
        ({'source': 'recording', 'path': '/nowhere'}, '/nowhere'),
        ({'source': 'synthetic', 'dropouts_s': [1.0]}, 'dropouts_s'),
    ],
)
def test_a_camera_that_cannot_be_opened_says_why_in_one_line(graph, parameters, says):
    node = graph.start(CameraNode, **parameters)
    assert not node.active
    assert says in node.refusal and '\n' not in node.refusal


class Eye:
    """Shows pictures of the scene to a tracker node."""

    def __init__(self, graph, **parameters):
        self.graph = graph
        self.poses = graph.listen(PoseStamped, REF)
        self.errors = graph.listen(Float64, '/arsurg/tracker/ref/registration_error')
        self.errors_px = graph.listen(Float64, '/arsurg/tracker/ref/reprojection_error')
        self.tf = graph.listen(TFMessage, '/tf', qos.TF)
        self.static = graph.listen(TFMessage, '/tf_static', qos.TF_STATIC_LISTEN)
        self.node = graph.start(TrackerNode, **{'source': 'aruco', **BOARDS, **parameters})
        self.image = graph.publisher(Image, '/arsurg/camera/image_raw')
        self.info = graph.publisher(CameraInfo, '/arsurg/camera/camera_info')
        self.now_ns = graph.probe.get_clock().now().nanoseconds

    def show(self, image):
        self.now_ns += 33_000_000
        done = self.node.stats.stages.get('detect', ())
        before = len(done) + self.node.stats.counts['refused']
        self.info.publish(msgs.info_from_camera(SCENE.camera, self.now_ns, 'cam'))
        self.graph.during(0.05)
        self.image.publish(msgs.image_from_frame(Frame(self.now_ns, 'cam', image)))
        assert self.graph.until(
            lambda: len(self.node.stats.stages.get('detect', ())) + self.node.stats.counts['refused'] > before
        )
        self.graph.during(0.05)

    def health(self):
        level, message, values = self.node.health()
        return level, message, values


def test_boards_in_the_picture_become_poses_errors_and_frames(graph):
    eye = Eye(graph)
    eye.show(render_frame(SCENE, 0.0))
    assert graph.until(lambda: eye.poses and eye.errors and eye.tf and eye.static)
    T = msgs.matrix_from_pose(eye.poses[0].pose, '')
    truth = SCENE.T_cam_ref(0.0)
    assert np.linalg.norm(T[:3, 3] - truth[:3, 3]) < 0.0005
    assert np.degrees(se3.rotation_angle_rad(se3.inverse(truth) @ T)) < 0.3
    assert msgs.to_ns(eye.poses[0].header.stamp) == eye.now_ns
    assert 0 < eye.errors[0].data < 0.001
    assert graph.until(lambda: eye.errors_px)
    # The same residual, in the picture and at the board's distance.
    assert eye.errors[0].data == pytest.approx(eye.errors_px[0].data * T[2, 3] / SCENE.camera.K[0, 0], rel=0.01)
    assert [(t.header.frame_id, t.child_frame_id) for t in eye.tf[0].transforms] == [('trk', 'ref'), ('trk', 'tool')]
    (same,) = eye.static[0].transforms
    assert (same.header.frame_id, same.child_frame_id) == ('trk', 'cam')
    assert eye.health()[0] == DiagnosticStatus.OK


def test_no_marker_is_no_pose_and_says_so(graph):
    eye = Eye(graph)
    eye.show(np.full((480, 640, 3), 120, np.uint8))
    level, message, _ = eye.health()
    assert level == DiagnosticStatus.WARN
    assert 'ref lost: no marker of 12' in message
    assert not eye.poses and not eye.tf


def test_two_markers_of_a_board_are_no_pose_and_say_so(graph):
    eye = Eye(graph)
    image = render_frame(SCENE, 0.0)
    corners = se3.transform(SCENE.T_cam_ref(0.0), eye.node._tracker._boards[0].corners_m)
    from arsurg_ros.geometry.camera import project

    for tag in range(2, 12):
        u, v = project(SCENE.camera, corners[tag]).mean(axis=0)
        image[int(v) - 11 : int(v) + 12, int(u) - 11 : int(u) + 12] = 255
    eye.show(image)
    assert 'ref lost: only 2 markers of 12, 3 needed' in eye.health()[1]
    assert not eye.poses


def test_an_image_of_another_size_is_no_pose_and_the_node_lives(graph):
    eye = Eye(graph)
    eye.show(np.zeros((240, 320, 3), np.uint8))
    assert 'image is 320x240, the calibration is for 640x480' in eye.health()[1]
    eye.show(render_frame(SCENE, 0.0))
    assert graph.until(lambda: eye.poses)


def test_camera_info_without_calibration_is_refused(graph, capfd):
    eye = Eye(graph)
    bare = msgs.info_from_camera(SCENE.camera, 1, 'cam')
    bare.k = np.zeros(9)
    eye.info.publish(bare)
    assert graph.until(lambda: eye.node.stats.counts['refused'] == 1)
    assert 'is it calibrated' in capfd.readouterr().err


@pytest.mark.parametrize(
    ('parameters', 'says'),
    [
        ({'boards': ['']}, 'boards'),
        ({'boards': ['ref']}, "'ref'"),
        ({'boards': ['ref=/nowhere.txt']}, '/nowhere.txt'),
        ({'dictionary': 'DICT_7'}, 'DICT_7'),
        ({'tool_frames': ['pointer']}, "tool_frames 'pointer': name=value"),
    ],
)
def test_a_tracker_that_cannot_be_made_says_why_in_one_line(graph, parameters, says):
    node = graph.start(TrackerNode, **{'source': 'aruco', **BOARDS, **parameters})
    assert not node.active
    assert says in node.refusal and '\n' not in node.refusal


def test_a_synthetic_tracker_streams_without_a_camera(graph):
    poses = graph.listen(PoseStamped, REF)
    heard = graph.listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    graph.start(TrackerNode, source='synthetic', rate_hz=100.0)
    assert graph.until(lambda: len(poses) > 20)
    stamps = np.array([msgs.to_ns(m.header.stamp) for m in poses])
    assert np.allclose(np.diff(stamps), 1e7, atol=2)

    def latency():
        return [v for m in heard for s in m.status for v in s.values if v.key == 'capture_to_tf.p95_ms']

    assert graph.until(latency)


def test_lies_of_a_tracker_never_go_out(graph):
    poses = graph.listen(PoseStamped, REF)
    node = graph.start(
        TrackerNode, source='synthetic', rate_hz=50.0, nan_s=[0.2, 0.4], skewed_s=[0.4, 0.6], zero_stamp_s=[0.6, 0.8]
    )
    assert graph.until(lambda: len(poses) > 40)
    stamps_ns = np.array([msgs.to_ns(m.header.stamp) for m in poses])
    assert (np.diff(stamps_ns) > 0).all()
    # The first poses may come before somebody listens: the hole is found by its length, and one lie would split it.
    assert np.diff(stamps_ns).max() > 0.58e9
    assert node.stats.counts['ref.lost'] >= 20
