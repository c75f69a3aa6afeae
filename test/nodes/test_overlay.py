# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Float64
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from arsurg_ros.errors import DataError
from arsurg_ros.geometry import se3
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.overlay import OverlayNode
from arsurg_ros.nodes.registration import RegistrationNode
from arsurg_ros.overlay.render import BLANK
from arsurg_ros.overlay.sized import SizedRenderer
from arsurg_ros.resources import share_dir
from arsurg_ros.synthetic import Scene
from arsurg_ros.types import DriftLevel, Frame, RegistrationResult

from .surgery import POINTS, landmarks_file

SCENE = Scene()
SCENE_FILE = str(share_dir() / 'config' / 'demo' / 'scene.yaml')
GREY = np.full((480, 640, 3), 90, np.uint8)
STEP_NS = 33_000_000
# The rows without the badge that tells the age of the data.
AGELESS = np.s_[60:]


class Room:
    """Camera, tracker and registration as the overlay sees them; each can be told to be silent or to lie."""

    def __init__(self, graph, **parameters):
        self.graph = graph
        self.shown = graph.listen(Image, '/arsurg/overlay/image_raw')
        self.states = graph.listen(DiagnosticArray, '/arsurg/overlay/state', qos.LATCHED)
        self.markers = graph.listen(MarkerArray, '/arsurg/overlay/markers', qos.LATCHED)
        # Without a budget: on a slow machine meshes would be coarser from one picture to the next.
        defaults = {'scene': SCENE_FILE, 'pose_wait_s': 0.1, 'frame_budget_ms': 0.0}
        self.node = graph.start(OverlayNode, **{**defaults, **parameters})
        self.image = graph.publisher(Image, '/arsurg/camera/image_raw')
        self.info = graph.publisher(CameraInfo, '/arsurg/camera/camera_info')
        self.tf = graph.publisher(TFMessage, '/tf', qos.TF)
        self.static = graph.publisher(TFMessage, '/tf_static', qos.LATCHED)
        self.result = graph.publisher(PoseWithCovarianceStamped, '/arsurg/registration/result', qos.LATCHED)
        self.static.publish(TFMessage(transforms=[msgs.transform_stamped(np.eye(4), 1, 'trk', 'cam')]))
        self.now_ns = graph.probe.get_clock().now().nanoseconds

    def register(self, frame='ref'):
        result = RegistrationResult(self.now_ns, frame, 'ct', SCENE.T_ref_ct, np.eye(6), 0.0, (), np.zeros(0))
        self.result.publish(msgs.registration_msg(result))
        self.graph.during(0.2)

    def frame(self, pose=True, image=GREY, info=True, encoding='bgr8'):
        """Send a frame and its pose; return its own overlay, not the last one's that is shown again, or None."""
        self.now_ns += STEP_NS
        before = len(self.shown)
        if info:
            self.info.publish(msgs.info_from_camera(SCENE.camera, self.now_ns, 'cam'))
        self.image.publish(msgs.image_from_frame(Frame(self.now_ns, 'cam', image, encoding)))
        if pose:
            T = SCENE.T_cam_ref(0.0)
            self.tf.publish(TFMessage(transforms=[msgs.transform_stamped(T, self.now_ns, 'trk', 'ref')]))
        self.graph.until(lambda: self._own(before) is not None, 2.0)
        return self._own(before)

    def _own(self, before):
        return next((m for m in self.shown[before:] if msgs.to_ns(m.header.stamp) == self.now_ns), None)

    def state(self):
        return {v.key: v.value for v in self.states[-1].status[0].values}['state'] if self.states else None


def pixels(msg):
    return msgs.frame_from_image(msg, 'overlay').image


def target_pixels(image):
    """Return how many pixels have the tumour's yellow."""
    inner = image[60:-100, 60:-60]  # borders and readouts have colours of their own
    b, g, r = inner.astype(int).transpose(2, 0, 1)
    return int(((r > 150) & (g > 130) & (b < 110)).sum())


def test_registered_and_tracked_is_live_at_the_images_stamp(graph):
    room = Room(graph)
    room.frame()
    room.register()
    shown = room.frame()
    assert msgs.to_ns(shown.header.stamp) == room.now_ns
    assert shown.header.frame_id == 'cam'
    assert graph.until(lambda: room.state() == 'live')
    assert target_pixels(pixels(shown)) > 50


def test_unregistered_draws_no_anatomy_and_says_so(graph):
    room = Room(graph)
    shown = room.frame()
    assert graph.until(lambda: room.state() == 'unregistered')
    assert target_pixels(pixels(shown)) == 0
    assert not np.array_equal(pixels(shown), GREY)


def test_a_registration_taken_back_is_gone_from_the_picture(graph):
    room = Room(graph)
    room.frame()
    room.register()
    room.frame()
    room.result.publish(msgs.no_registration_msg(room.now_ns, 'ref'))
    graph.during(0.2)
    shown = room.frame()
    assert graph.until(lambda: room.state() == 'unregistered')
    assert target_pixels(pixels(shown)) == 0


def test_no_pose_at_the_stamp_is_never_drawn_with_an_older_one(graph):
    room = Room(graph)
    room.frame()
    room.register()
    room.frame()
    shown = room.frame(pose=False)
    assert graph.until(lambda: room.state() == 'stale')
    assert target_pixels(pixels(shown)) == 0
    for _ in range(16):
        shown = room.frame(pose=False)
    assert graph.until(lambda: room.state() == 'lost')
    assert target_pixels(pixels(shown)) == 0
    shown = room.frame()
    assert graph.until(lambda: room.state() == 'live')
    assert target_pixels(pixels(shown)) > 50


def test_a_camera_that_falls_silent_does_not_freeze_the_picture(graph):
    room = Room(graph)
    room.frame()
    room.register()
    shown = room.frame()
    assert target_pixels(pixels(shown)) > 50
    before = len(room.shown)
    assert graph.until(lambda: len(room.shown) > before, 2.0)
    again = room.shown[-1]
    assert msgs.to_ns(again.header.stamp) == msgs.to_ns(shown.header.stamp)  # not re-stamped
    assert target_pixels(pixels(again)) == 0
    assert graph.until(lambda: room.state() == 'lost')
    assert 'no usable image for' in room.states[-1].status[0].message
    assert graph.until(lambda: not [m for m in room.markers[-1].markers if m.ns == 'anatomy' and m.action == Marker.ADD])
    graph.during(0.6)
    assert len(room.shown) == before + 1  # said once
    room.frame()
    assert graph.until(lambda: room.state() == 'live')


def test_a_late_pose_is_waited_for(graph):
    room = Room(graph, pose_wait_s=1.0)
    room.frame()
    room.register()
    room.now_ns += STEP_NS
    before = len(room.shown)
    room.image.publish(msgs.image_from_frame(Frame(room.now_ns, 'cam', GREY)))
    graph.during(0.15)
    assert len(room.shown) == before
    T = SCENE.T_cam_ref(0.0)
    room.tf.publish(TFMessage(transforms=[msgs.transform_stamped(T, room.now_ns, 'trk', 'ref')]))
    assert graph.until(lambda: len(room.shown) > before)
    assert graph.until(lambda: room.state() == 'live')


def test_a_nan_pose_is_refused_and_the_node_lives(graph):
    room = Room(graph)
    room.frame()
    room.register()
    room.now_ns += STEP_NS
    bad = msgs.transform_stamped(SCENE.T_cam_ref(0.0), room.now_ns, 'trk', 'ref')
    bad.transform.translation.z = float('nan')
    room.tf.publish(TFMessage(transforms=[bad]))
    shown = room.frame(pose=False)
    assert target_pixels(pixels(shown)) == 0
    assert room.node.stats.counts['refused'] == 1
    room.frame()
    assert graph.until(lambda: room.state() == 'live')


def test_images_of_another_size_than_camera_infos_are_one_line_and_a_picture_that_says_so(graph, capfd):
    room = Room(graph)
    room.frame()
    room.register()
    room.frame()
    assert graph.until(lambda: room.state() == 'live')
    small = np.full((240, 320, 3), 90, np.uint8)
    for _ in range(3):
        shown = room.frame(image=small)
        assert (shown.width, shown.height, msgs.to_ns(shown.header.stamp)) == (320, 240, room.now_ns)
        assert not np.array_equal(pixels(shown), small)
    assert graph.until(lambda: room.state() == 'refused')
    assert graph.until(lambda: not [m for m in room.markers[-1].markers if m.ns == 'anatomy' and m.action == Marker.ADD])
    room.frame(image=np.zeros((480, 640), np.uint8), encoding='mono8')
    assert graph.until(lambda: room.state() == 'live')
    said = [line for line in capfd.readouterr().err.splitlines() if 'WARN' in line]
    assert len(said) == 1
    assert 'camera_info is for 640x480, the image is 320x240' in said[0]


def test_a_deactivated_overlay_is_not_live(graph):
    room = Room(graph)
    room.frame()
    room.register()
    room.frame()
    assert graph.until(lambda: room.state() == 'live')
    room.node.trigger_deactivate()
    assert graph.until(lambda: room.state() == 'lost')
    assert graph.until(lambda: not [m for m in room.markers[-1].markers if m.ns == 'anatomy' and m.action == Marker.ADD])


def test_a_pose_from_the_future_does_not_push_the_true_ones_out(graph):
    room = Room(graph)
    room.frame()
    room.register()
    far = msgs.transform_stamped(SCENE.T_cam_ref(3.0), room.now_ns + 15_000_000_000, 'trk', 'ref')
    room.tf.publish(TFMessage(transforms=[far]))
    assert graph.until(lambda: room.node.stats.counts['refused'] == 1)
    room.frame()
    assert graph.until(lambda: room.state() == 'live')


def test_a_foreign_quality_message_is_one_line_and_the_node_lives(graph):
    room = Room(graph)
    quality = graph.publisher(DiagnosticArray, '/arsurg/registration/quality', qos.LATCHED)
    quality.publish(DiagnosticArray(status=[msgs.status('q', '', DiagnosticStatus.OK, '', {'accepted': True})]))
    assert graph.until(lambda: room.node.stats.counts['refused'] == 1)
    assert room.frame() is not None


def test_an_unknown_encoding_is_said_once_and_in_the_picture(graph, capfd):
    room = Room(graph)
    room.frame()
    room.register()
    room.frame()
    assert graph.until(lambda: room.state() == 'live')
    for _ in range(3):
        room.now_ns += STEP_NS
        msg = msgs.image_from_frame(Frame(room.now_ns, 'cam', GREY))
        msg.encoding = 'bayer_rggb8'
        room.image.publish(msg)
        assert graph.until(lambda: msgs.to_ns(room.shown[-1].header.stamp) == room.now_ns)
    assert graph.until(lambda: room.state() == 'refused')
    assert (room.shown[-1].width, room.shown[-1].height) == (640, 480)
    assert "encoding 'bayer_rggb8'; valid: bgr8, rgb8, mono8" in room.states[-1].status[0].message
    assert len([line for line in capfd.readouterr().err.splitlines() if 'bayer_rggb8' in line and 'WARN' in line]) == 1
    msg.width, msg.height = 2**20, 2**20  # no picture is made of a size that a message only claims
    room.image.publish(msg)
    graph.during(0.2)
    room.frame()
    assert graph.until(lambda: room.state() == 'live')


def test_rgb_stays_rgb(graph):
    room = Room(graph)
    room.frame()
    room.register()
    blue_left = GREY.copy()
    blue_left[:, :320] = (200, 40, 10)
    shown = room.frame(image=blue_left[..., ::-1].copy(), encoding='rgb8')
    assert graph.until(lambda: room.state() == 'live')
    assert shown.encoding == 'rgb8'
    expected = pixels(room.frame(image=blue_left))
    assert np.array_equal(pixels(shown)[AGELESS][..., ::-1], expected[AGELESS]) and target_pixels(expected) > 50


def test_yuv_is_shown_as_bgr(graph):
    room = Room(graph)
    room.frame()
    room.register()
    room.now_ns += STEP_NS
    msg = msgs.image_from_frame(Frame(room.now_ns, 'cam', np.full((480, 1280), 128, np.uint8), 'mono8'))
    msg.encoding, msg.width = 'yuv422', 640
    room.image.publish(msg)
    room.tf.publish(TFMessage(transforms=[msgs.transform_stamped(SCENE.T_cam_ref(0.0), room.now_ns, 'trk', 'ref')]))
    assert graph.until(lambda: room.shown and msgs.to_ns(room.shown[-1].header.stamp) == room.now_ns)
    assert graph.until(lambda: room.state() == 'live')
    assert (room.shown[-1].encoding, room.shown[-1].width) == ('bgr8', 640)
    assert target_pixels(pixels(room.shown[-1])) > 50


def test_an_uncalibrated_camera_is_one_line_and_the_node_lives(graph, capfd):
    room = Room(graph)
    bare = msgs.info_from_camera(SCENE.camera, 1, 'cam')
    bare.k = np.zeros(9)
    room.info.publish(bare)
    assert graph.until(lambda: room.node.stats.counts['refused'] == 1)
    assert 'is it calibrated' in capfd.readouterr().err
    assert room.frame() is not None


def test_an_image_before_camera_info_says_so(graph):
    room = Room(graph)
    shown = room.frame(info=False)
    assert not np.array_equal(pixels(shown), GREY)
    assert graph.until(lambda: room.state() == 'refused')
    assert 'none yet' in room.states[-1].status[0].message
    assert room.node.stats.counts['refused'] == 1


def test_a_registration_for_another_body_is_not_used(graph):
    room = Room(graph)
    room.frame()
    room.register(frame='femur')
    room.frame()
    assert graph.until(lambda: room.state() == 'unregistered')


def test_a_refused_registration_says_why(graph):
    room = Room(graph)
    quality = graph.publisher(DiagnosticArray, '/arsurg/registration/quality', qos.LATCHED)
    bad = msgs.status('q', 'ref', DiagnosticStatus.ERROR, 'collinear: the points lie on a line', {})
    quality.publish(DiagnosticArray(status=[bad]))
    graph.during(0.2)
    shown = room.frame()
    assert graph.until(lambda: room.state() == 'refused')
    assert target_pixels(pixels(shown)) == 0
    assert 'collinear' in room.states[-1].status[0].message


def drift(level, reason=''):
    values = {'drift': level, 'reason': reason}
    return DiagnosticArray(status=[msgs.status('arsurg: registration drift', 'ref', DiagnosticStatus.OK, reason, values)])


def test_drift_warns_over_the_anatomy_and_then_takes_it_away(graph):
    room = Room(graph)
    said = graph.publisher(DiagnosticArray, '/arsurg/registration/drift', qos.LATCHED)
    room.frame()
    room.register()
    live = pixels(room.frame())
    assert graph.until(lambda: room.state() == 'live')
    said.publish(drift('warn', 'xiphoid touched again: 4.10 mm off'))
    graph.during(0.2)
    warned = pixels(room.frame())
    assert graph.until(lambda: room.state() == 'drift')
    assert room.states[-1].status[0].message == 'xiphoid touched again: 4.10 mm off'
    assert room.states[-1].status[0].level == DiagnosticStatus.WARN and room.node.health()[0] == DiagnosticStatus.WARN
    assert target_pixels(warned) > 50
    assert (warned[:8] != live[:8]).any(axis=2).mean() > 0.9  # the border
    assert graph.until(lambda: [m for m in room.markers[-1].markers if m.ns == 'anatomy' and m.action == Marker.ADD])
    assert graph.until(lambda: 'DRIFT: xiphoid' in next(m for m in room.markers[-1].markers if m.ns == 'state').text)
    said.publish(drift('error', 'xiphoid touched again: 9.00 mm off'))
    graph.during(0.2)
    gone = pixels(room.frame())
    assert graph.until(lambda: room.state() == 'refused')
    assert target_pixels(gone) == 0 and '9.00 mm' in room.states[-1].status[0].message
    said.publish(drift('ok'))
    graph.during(0.2)
    room.frame()
    assert graph.until(lambda: room.state() == 'live')


def test_from_the_trackers_residual_to_the_picture(graph, tmp_path):
    """The real registration node beside the overlay: a residual that grows is a banner, and then no anatomy."""
    room = Room(graph)
    truth = landmarks_file(tmp_path, se3.transform(SCENE.T_ref_ct, POINTS), targets=[{'name': 'tumour', 'ct': [0.0, 0.0, 0.0]}])
    graph.start(RegistrationNode, mode='file', landmarks=truth, noise_m=0.0003, drift_window_s=0.3, drift_hold_s=0.1)
    residual = graph.publisher(Float64, '/arsurg/tracker/ref/reprojection_error')
    seen = []
    for value_px, wanted in ((0.3, 'live'), (2.0, 'drift'), (5.0, 'refused'), (0.3, 'live')):
        for _ in range(100):
            residual.publish(Float64(data=value_px))
            shown = room.frame()
            if room.state() == wanted and shown is not None:
                break
        seen.append((room.state(), target_pixels(pixels(shown)) > 50))
    assert seen == [('live', True), ('drift', True), ('refused', False), ('live', True)]
    assert [name for name, _ in room.node._registered.margins] == ['tumour']


def test_a_drift_that_is_not_watched_is_written_beside_the_fre(graph, monkeypatch):
    room = Room(graph)
    said = graph.publisher(DiagnosticArray, '/arsurg/registration/drift', qos.LATCHED)
    room.frame()
    room.register()
    unwatched = pixels(room.frame())
    said.publish(drift('ok'))
    graph.during(0.2)
    watched = pixels(room.frame())
    assert graph.until(lambda: room.state() == 'live')
    assert (unwatched[-60:, :200] != watched[-60:, :200]).any()
    monkeypatch.setattr('arsurg_ros.nodes.registered.DRIFT_SILENT_S', 0.1)
    graph.during(0.2)
    assert np.array_equal(pixels(room.frame())[-60:, :200], unwatched[-60:, :200])
    said.publish(drift('error', 'broken'))
    graph.during(0.4)
    room.frame()
    assert graph.until(lambda: room.state() == 'refused')  # silence takes no error away


def test_the_margins_are_the_registrations_and_go_with_it(graph):
    room = Room(graph)
    quality = graph.publisher(DiagnosticArray, '/arsurg/registration/quality', qos.LATCHED)
    values = {'accepted': True, 'fre_mm': 0.4, 'tre95_mm.tumour': 1.25, 'tre95_mm.vein': 0.8}
    said = DiagnosticArray(status=[msgs.status('q', 'ref', DiagnosticStatus.OK, '', {**values, 'result_stamp_ns': 7})])
    quality.publish(said)  # of the registration before
    room.frame()
    room.register()
    room.frame()
    assert graph.until(lambda: room.state() == 'live')
    assert room.node._registered.fre_m is None and room.node._registered.margins == ()
    quality.publish(DiagnosticArray(status=[msgs.status('q', 'ref', DiagnosticStatus.OK, '', values)]))
    assert graph.until(lambda: room.node._registered.fre_m is not None)
    assert room.node._registered.margins == (('tumour', pytest.approx(0.00125)), ('vein', pytest.approx(0.0008)))
    room.result.publish(msgs.no_registration_msg(room.now_ns, 'ref'))
    graph.during(0.2)
    assert room.node._registered.margins == () and room.node._registered.fre_m is None
    ours = {**values, 'result_stamp_ns': room.now_ns}
    quality.publish(DiagnosticArray(status=[msgs.status('q', 'ref', DiagnosticStatus.OK, '', ours)]))
    room.register()  # whichever of the two comes first
    assert graph.until(lambda: room.node._registered.fre_m == pytest.approx(0.0004))
    bad = {'accepted': True, 'fre_mm': 0.4, 'tre95_mm.tumour': 'large'}
    quality.publish(DiagnosticArray(status=[msgs.status('q', 'ref', DiagnosticStatus.OK, '', bad)]))
    assert graph.until(lambda: room.node.stats.counts['refused'] == 1)


def test_a_foreign_drift_message_is_one_line_and_no_ok(graph):
    room = Room(graph)
    said = graph.publisher(DiagnosticArray, '/arsurg/registration/drift', qos.LATCHED)
    said.publish(drift('ok'))
    said.publish(drift('fine'))
    assert graph.until(lambda: room.node.stats.counts['refused'] == 1)
    assert room.node._registered.drift.reason == 'nobody watches the registration'
    said.publish(drift('error', 'broken'))
    assert graph.until(lambda: room.node._registered.drift.level is DriftLevel.ERROR)
    said.publish(drift('fine'))
    assert graph.until(lambda: room.node.stats.counts['refused'] == 2)
    assert room.node._registered.drift.reason == 'broken'  # a message that is none takes no error away


def test_markers_come_and_go_with_the_state(graph):
    room = Room(graph)
    room.frame()
    room.register()
    room.frame()

    def anatomy(action):
        return room.markers and [m for m in room.markers[-1].markers if m.ns == 'anatomy' and m.action == action]

    assert graph.until(lambda: anatomy(Marker.ADD))
    mesh = anatomy(Marker.ADD)[0]
    assert mesh.header.frame_id == 'ct'
    assert mesh.lifetime.sec + mesh.lifetime.nanosec > 0
    assert mesh.mesh_resource.startswith('file:///')
    for _ in range(3):
        room.frame(pose=False)
    assert graph.until(lambda: anatomy(Marker.DELETE))
    assert not anatomy(Marker.ADD)


@pytest.mark.parametrize(
    ('parameters', 'says'),
    [
        ({'scene': '/nowhere.yaml'}, '/nowhere.yaml'),
        ({'scene': SCENE_FILE, 'stale_s': 0.6, 'lost_s': 0.5}, 'stale_s'),
    ],
)
def test_a_refused_scene(graph, parameters, says):
    node = graph.start(OverlayNode, **parameters)
    assert not node.active
    assert says in node.refusal and '\n' not in node.refusal


def test_release_leaves_no_files_behind(graph):
    room = Room(graph)
    folder = room.node._markers.meshes._folder
    assert list(folder.iterdir())
    graph.stop(room.node)
    assert not folder.exists()


def test_the_lookup_follows_a_moving_camera(graph):
    """Poses between the images: the overlay is drawn where the reference is at the stamp, not at the last sample."""
    room = Room(graph)
    room.frame()
    room.register()
    stamp_ns = room.now_ns + STEP_NS
    for offset_ns in (-10_000_000, 10_000_000):
        shift = se3.compose(np.eye(3), [0.02 * np.sign(offset_ns), 0, 0])
        T = shift @ SCENE.T_cam_ref(0.0)
        room.tf.publish(TFMessage(transforms=[msgs.transform_stamped(T, stamp_ns + offset_ns, 'trk', 'ref')]))
    graph.during(0.1)
    between = pixels(room.frame(pose=False)).astype(int)
    assert graph.until(lambda: room.state() == 'live')
    middle = pixels(room.frame()).astype(int)
    assert np.abs(between - middle).mean() < 0.5


def clocked_room(graph):
    """Return a room on a clock of its own, at 100 s, and what sets that clock."""
    clock = graph.probe.create_publisher(Clock, '/clock', qos.STREAM)
    room = Room(graph, use_sim_time=True)
    assert graph.until(lambda: clock.get_subscription_count() > 0)

    def tick(ns):
        clock.publish(Clock(clock=msgs.to_time(ns)))
        assert graph.until(lambda: room.node.now_ns() == ns)

    room.now_ns = 100_000_000_000
    tick(room.now_ns)
    return room, tick


def test_a_clock_that_jumps_back_takes_the_poses_with_it(graph):
    """As under a looping `ros2 bag play --clock`: a pose of the loop before is no pose of this one."""
    room, tick = clocked_room(graph)
    room.frame()
    room.register()
    room.frame()
    assert graph.until(lambda: room.state() == 'live')
    room.now_ns = 99_000_000_000
    tick(room.now_ns)
    assert room.node.stats.counts['clock_jumps'] == 1
    shown = room.frame(pose=False)
    assert graph.until(lambda: room.state() == 'lost')
    assert target_pixels(pixels(shown)) == 0
    room.frame()
    assert graph.until(lambda: room.state() == 'live')


def test_a_clock_that_jumps_back_does_not_keep_a_silent_camera_live(graph):
    room, tick = clocked_room(graph)
    room.frame()
    tick(50_000_000_000)
    assert room.node._last.clock_ns == 50_000_000_000
    tick(50_300_000_000)
    assert graph.until(lambda: room.state() == 'lost', 3.0)


def live_room(graph, **parameters):
    """Return a room that shows a live picture, and goes on to until it is told otherwise."""
    room = Room(graph, **{'silent_s': 9.0, **parameters})
    room.frame()
    room.register()
    room.frame()
    assert graph.until(lambda: room.state() == 'live')
    return room


def test_what_cannot_be_drawn_is_refused_and_where_nothing_can_it_is_grey(graph, monkeypatch):
    room = live_room(graph)

    def broken(self, frame):
        raise DataError('no renderer')

    monkeypatch.setattr(SizedRenderer, 'of', broken)
    shown = room.frame()
    assert (pixels(shown) == BLANK).all() and msgs.to_ns(shown.header.stamp) == room.now_ns
    assert graph.until(lambda: room.state() == 'refused')
    assert room.states[-1].status[0].message == 'no renderer'
    assert graph.until(lambda: not [m for m in room.markers[-1].markers if m.ns == 'anatomy' and m.action == Marker.ADD])
    room.node.trigger_deactivate()
    assert graph.until(lambda: room.state() == 'lost') and 'no renderer' in room.states[-1].status[0].message


def test_a_calibration_that_cannot_be_used_takes_the_one_before_away(graph):
    room = live_room(graph)
    bare = msgs.info_from_camera(SCENE.camera, 1, 'cam')
    bare.k = np.zeros(9)
    room.info.publish(bare)
    assert graph.until(lambda: room.node.stats.counts['refused'] == 1)
    shown = room.frame(info=False)
    assert graph.until(lambda: room.state() == 'refused')
    assert target_pixels(pixels(shown)) == 0


@pytest.mark.parametrize('way', ['deactivate', 'release'])
def test_the_last_picture_is_lost_before_the_topics_go(graph, way):
    room = live_room(graph)
    before = len(room.shown)
    if way == 'deactivate':
        room.node.trigger_deactivate()
    else:
        graph.stop(room.node)  # as after a signal
    assert graph.until(lambda: len(room.shown) == before + 1, 2.0)
    assert msgs.to_ns(room.shown[-1].header.stamp) == room.now_ns
    assert target_pixels(pixels(room.shown[-1])) == 0


def test_between_poses_that_are_too_far_apart_nothing_is_live(graph):
    room = live_room(graph)
    stamp_ns = room.now_ns + 2 * STEP_NS
    for offset_ns in (-60_000_000, 60_000_000):
        pose = msgs.transform_stamped(SCENE.T_cam_ref(0.0), stamp_ns + offset_ns, 'trk', 'ref')
        room.tf.publish(TFMessage(transforms=[pose]))
    graph.during(0.1)
    room.now_ns = stamp_ns - STEP_NS
    # The pose of the room's own frame before is nearer than 100 ms to neither.
    shown = room.frame(pose=False)
    assert graph.until(lambda: room.state() == 'stale')
    assert '120 ms apart' in room.states[-1].status[0].message and target_pixels(pixels(shown)) == 0


def test_an_image_of_another_camera_is_refused(graph):
    room = live_room(graph)
    room.now_ns += STEP_NS
    room.image.publish(msgs.image_from_frame(Frame(room.now_ns, 'endoscope_2', GREY)))
    assert graph.until(lambda: room.state() == 'refused')
    assert "of frame 'endoscope_2', the camera of 'cam'" in room.states[-1].status[0].message
    assert graph.until(lambda: target_pixels(pixels(room.shown[-1])) == 0)


@pytest.mark.parametrize('other', [False, True])
def test_a_registration_that_goes_takes_the_anatomy_out_of_the_last_picture(graph, other):
    room = live_room(graph, flag_s=1.0)
    before = len(room.shown)
    T = se3.compose(np.eye(3), [0.01, 0, 0]) @ SCENE.T_ref_ct
    result = RegistrationResult(room.now_ns, 'ref', 'ct', T, np.eye(6), 0.0, (), np.zeros(0))
    room.result.publish(msgs.registration_msg(result) if other else msgs.no_registration_msg(room.now_ns, 'ref'))
    assert graph.until(lambda: len(room.shown) > before, 2.0) and target_pixels(pixels(room.shown[-1])) == 0
    assert graph.until(lambda: room.state() == 'unregistered')


def test_camera_and_tracker_that_fall_silent_are_flagged_by_the_last_pose(graph):
    room = live_room(graph)
    for _ in range(4):
        room.now_ns = graph.probe.get_clock().now().nanoseconds - STEP_NS
        room.frame()
    assert graph.until(lambda: room.state() == 'live')
    assert graph.until(lambda: room.state() == 'stale', 2.0)
    told = {v.key: v.value for v in room.states[-1].status[0].values}
    assert room.states[-1].status[0].message.startswith('no pose for ') and float(told['pose_age_ms']) >= 80
    assert graph.until(lambda: target_pixels(pixels(room.shown[-1])) == 0)
