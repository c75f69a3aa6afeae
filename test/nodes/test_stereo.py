# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Two eyes, two overlay nodes, one registration: each draws what its own camera sees."""

import json

import cv2
import numpy as np
import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovarianceStamped
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model, project
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.overlay import OverlayNode
from arsurg_ros.overlay.silhouette import compare_silhouettes
from arsurg_ros.synthetic import Scene, phantom_meshes
from arsurg_ros.types import Frame, RegistrationResult

SCENE = Scene()
T_LEFT_RIGHT = se3.compose(se3.from_rotvec([0.004, -0.03, 0.01]), [0.006, 0.0005, -0.0003])
FRAMES = {'left': 'cam', 'right': 'cam_right'}
CAMERAS = {
    'left': SCENE.camera,
    'right': camera_model(640, 480, np.array([[430.0, 0, 310.0], [0, 425.0, 245.0], [0, 0, 1]])),
}
T_EYE_LEFT = {'left': np.eye(4), 'right': se3.inverse(T_LEFT_RIGHT)}
LIVER = next(m for m in phantom_meshes() if m.name == 'liver')
BLACK = np.zeros((480, 640, 3), np.uint8)


def stereo_file(tmp_path):
    T_mm = T_LEFT_RIGHT.copy()
    T_mm[:3, 3] *= 1e3
    path = tmp_path / 'pair.json'
    path.write_text(json.dumps({'command': 'calibrate camera', 'unit': 'mm', 'T': T_mm.tolist(), 'stereo': {'pairs': 12}}))
    return str(path)


def true_silhouette(eye):
    """Return the mask of the liver in an eye, by OpenCV's own polygons: every triangle filled, eight times as fine."""
    T = T_EYE_LEFT[eye] @ SCENE.T_cam_ref(0.0) @ SCENE.T_ref_ct
    uv = project(CAMERAS[eye], se3.transform(T, LIVER.vertices_m))
    mask = np.zeros((8 * 480, 8 * 640), np.uint8)
    for triangle in np.round((8 * (uv + 0.5) - 0.5) * 16).astype(np.int32)[LIVER.triangles]:
        cv2.fillConvexPoly(mask, triangle, 255, shift=4)
    return cv2.resize(mask, (640, 480), interpolation=cv2.INTER_AREA) > 127


def test_both_eyes_show_the_truth_and_decide_for_themselves(graph, tmp_path, monkeypatch):
    scene = {'meshes': {'liver': {'path': 'synthetic:liver', 'colour': 'white', 'fill': 1.0, 'outline': 0.0}}}
    (tmp_path / 'scene.yaml').write_text(yaml.safe_dump(scene))
    topics = {eye: f'/arsurg/overlay/{eye}' for eye in CAMERAS}
    shown = {eye: graph.listen(Image, f'{t}/image_raw') for eye, t in topics.items()}
    infos = {eye: graph.listen(CameraInfo, f'{t}/camera_info') for eye, t in topics.items()}
    states = {eye: graph.listen(DiagnosticArray, f'{t}/state', qos.LATCHED) for eye, t in topics.items()}
    markers = graph.listen(MarkerArray, '/arsurg/overlay/markers', qos.LATCHED)
    common = {'scene': str(tmp_path / 'scene.yaml'), 'instrument': '', 'pose_wait_s': 1.0, 'flag_s': 1.0, 'silent_s': 10.0}
    graph.start(OverlayNode, eye='left', **common)
    right = graph.start(OverlayNode, eye='right', stereo=stereo_file(tmp_path), **common)
    assert right.active and not right.ready()
    images = {eye: graph.publisher(Image, f'/arsurg/camera/{eye}/image_raw') for eye in CAMERAS}
    of = {eye: graph.publisher(CameraInfo, f'/arsurg/camera/{eye}/camera_info') for eye in CAMERAS}
    tf = graph.publisher(TFMessage, '/tf', qos.TF)
    graph.publisher(TFMessage, '/tf_static', qos.LATCHED).publish(
        TFMessage(transforms=[msgs.transform_stamped(np.eye(4), 1, 'trk', 'cam')])
    )
    result = RegistrationResult(1, 'ref', 'ct', SCENE.T_ref_ct, np.eye(6), 0.0, (), np.zeros(0))
    graph.publisher(PoseWithCovarianceStamped, '/arsurg/registration/result', qos.LATCHED).publish(
        msgs.registration_msg(result)
    )
    for eye, camera in CAMERAS.items():
        of[eye].publish(msgs.info_from_camera(camera, 1, FRAMES[eye]))
    graph.during(0.3)

    def state(eye):
        return states[eye][-1].status[0].values[0].value if states[eye] else None

    def look(eyes):
        now_ns = graph.probe.get_clock().now().nanoseconds
        before = {eye: len(shown[eye]) for eye in eyes}
        for eye in eyes:
            images[eye].publish(msgs.image_from_frame(Frame(now_ns, FRAMES[eye], BLACK)))
        tf.publish(TFMessage(transforms=[msgs.transform_stamped(SCENE.T_cam_ref(0.0), now_ns, 'trk', 'ref')]))
        assert graph.until(lambda: all(len(shown[eye]) > before[eye] for eye in eyes))
        return now_ns

    look(CAMERAS)
    now_ns = look(CAMERAS)
    assert graph.until(lambda: state('left') == state('right') == 'live')
    assert right.ready()
    silhouettes = {}
    for eye, camera in CAMERAS.items():
        last = shown[eye][-1]
        assert (msgs.to_ns(last.header.stamp), last.header.frame_id) == (now_ns, FRAMES[eye])
        assert np.allclose(np.array(infos[eye][-1].k).reshape(3, 3), camera.K)
        # At its rim the surface is shaded to some 60: half of that is half a pixel.
        drawn = msgs.frame_from_image(last, 'overlay').image.max(axis=2) > 30
        truth = true_silhouette(eye)
        for mask in (drawn, truth):
            mask[:60] = mask[400:, :260] = False  # the age of the data, the readouts
        error = compare_silhouettes(drawn, truth)
        assert error.iou > 0.99 and error.contour_mean_px < 0.5 and error.contour_p95_px <= 1.0, (eye, error)
        silhouettes[eye] = drawn
    # The eyes see it apart, as the baseline says, and not the same picture twice.
    assert compare_silhouettes(silhouettes['left'], silhouettes['right']).centroid_px > 5.0
    assert markers and {m.header.frame_id for m in markers[-1].markers if m.ns == 'state'} == {'cam'}
    # An eye that falls behind says so alone.
    right._silent_ns = 0
    look(['left'])
    assert graph.until(lambda: state('right') == 'lost')
    assert state('left') == 'live'


@pytest.mark.parametrize(
    ('parameters', 'says'),
    [
        ({'eye': 'left', 'stereo': 'x.json'}, "stereo 'x.json' with eye 'left'"),
        ({'stereo': 'x.json'}, "with eye ''"),
        ({'eye': 'right', 'stereo': '/nowhere/pair.json'}, '/nowhere/pair.json'),
    ],
)
def test_a_stereo_file_for_nobody_or_of_nothing_is_refused(graph, tmp_path, parameters, says):
    (tmp_path / 'scene.yaml').write_text(yaml.safe_dump({'meshes': {'liver': {'path': 'synthetic:liver'}}}))
    node = graph.start(OverlayNode, scene=str(tmp_path / 'scene.yaml'), **parameters)
    assert not node.active
    assert says in node.refusal and '\n' not in node.refusal
