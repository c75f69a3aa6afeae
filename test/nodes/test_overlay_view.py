# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the overlay node does with predicted poses, masks of instruments and toggles, over real topics."""

import numpy as np
import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker

from arsurg_ros.geometry import se3
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.overlay import OverlayNode
from arsurg_ros.overlay.render import OverlayRenderer
from arsurg_ros.types import Frame

from .test_overlay import AGELESS, GREY, SCENE, SCENE_FILE, STEP_NS, Room, drift, pixels, target_pixels

MS = 1_000_000
TRACKER_STEP_NS = 10 * MS


def pose(t_ns, jump=0.0):
    """Return the reference as it drifts to the right by 50 mm/s."""
    return se3.compose(np.eye(3), [5e-11 * t_ns + jump, 0, 0]) @ SCENE.T_cam_ref(0.0)


class MovingRoom(Room):
    """As the room, with an external tracker of 100 Hz whose poses are ``behind_ns`` older than the images."""

    def __init__(self, graph, **parameters):
        # A test's machine may be slow: predicted pictures live longer here.
        defaults = {'predict_s': 0.03, 'predict_wait_s': 0.0, 'predict_error_m': 0.002, 'pose_wait_s': 0.2, 'flag_s': 1.0}
        super().__init__(graph, **{'silent_s': 5.0, **defaults, **parameters})
        self.zero_ns = self.now_ns
        self.told_ns = self.now_ns - 300 * MS
        self.jump = 0.0

    def begin(self):
        self.frame()
        self.register()
        self.told_ns = self.now_ns

    def track(self, until_ns):
        """Send every pose up to a stamp."""
        while self.told_ns + TRACKER_STEP_NS <= until_ns:
            self.told_ns += TRACKER_STEP_NS
            T = pose(self.told_ns - self.zero_ns, self.jump)
            self.tf.publish(TFMessage(transforms=[msgs.transform_stamped(T, self.told_ns, 'trk', 'ref')]))

    def moving_frame(self, behind_ns):
        """Send an image stamped now, and before it the poses up to ``behind_ns`` before its stamp."""
        now_ns = self.graph.probe.get_clock().now().nanoseconds
        self.told_ns = max(self.told_ns, now_ns - 200 * MS)
        self.track(now_ns - behind_ns)
        self.graph.during(0.02)
        self.now_ns = now_ns
        before = len(self.shown)
        self.image.publish(msgs.image_from_frame(Frame(now_ns, 'cam', GREY)))
        assert self.graph.until(lambda: len(self.shown) > before, 2.0)
        return self.shown[-1]


def test_a_pose_that_is_late_is_predicted_and_said_to_be(graph):
    room = MovingRoom(graph)
    room.begin()
    shown = room.moving_frame(15 * MS)
    assert graph.until(lambda: room.state() == 'predicted')
    assert msgs.to_ns(shown.header.stamp) == room.now_ns
    status = room.states[-1].status[0]
    assert 'pose predicted' in status.message and status.level == DiagnosticStatus.WARN
    assert target_pixels(pixels(shown)) > 50
    assert graph.until(lambda: [m for m in room.markers[-1].markers if m.ns == 'anatomy' and m.action == Marker.ADD])


def test_without_predict_s_nothing_is_predicted(graph):
    room = MovingRoom(graph, predict_s=0.0, pose_wait_s=0.02)
    room.begin()
    shown = room.moving_frame(15 * MS)
    assert graph.until(lambda: room.state() == 'stale')
    assert target_pixels(pixels(shown)) == 0


def test_an_exact_pose_that_comes_in_time_is_taken_instead(graph):
    room = MovingRoom(graph, predict_wait_s=0.5, pose_wait_s=1.0)
    room.begin()
    now_ns = graph.probe.get_clock().now().nanoseconds
    room.told_ns = now_ns - 200 * MS
    room.track(now_ns - 15 * MS)
    before = len(room.shown)
    room.image.publish(msgs.image_from_frame(Frame(now_ns, 'cam', GREY)))
    graph.during(0.1)
    assert len(room.shown) == before
    room.track(now_ns + 2 * TRACKER_STEP_NS)
    assert graph.until(lambda: len(room.shown) > before)
    assert graph.until(lambda: room.state() == 'live')


def test_a_predicted_picture_is_flagged_though_no_other_image_comes(graph):
    room = MovingRoom(graph, silent_s=8.0, flag_s=0.5)
    room.begin()
    room.moving_frame(15 * MS)
    assert graph.until(lambda: room.states and 'since the prediction' in room.states[-1].status[0].message)
    told = [{v.key: v.value for v in s.status[0].values} for s in room.states]
    assert [t['state'] for t in told][-2:] == ['predicted', 'stale']
    assert float(told[-1]['pose_age_ms']) >= 500
    assert graph.until(lambda: target_pixels(pixels(room.shown[-1])) == 0)
    assert msgs.to_ns(room.shown[-1].header.stamp) == room.now_ns  # not re-stamped


def test_a_jump_is_not_predicted_over(graph):
    room = MovingRoom(graph, pose_wait_s=0.04, flag_s=0.4, silent_s=5.0)
    room.begin()
    room.moving_frame(15 * MS)
    assert graph.until(lambda: room.state() in ('predicted', 'stale'))
    now_ns = graph.probe.get_clock().now().nanoseconds
    room.told_ns = now_ns - 200 * MS
    room.track(now_ns - 40 * MS)
    room.jump = 0.02
    room.track(now_ns - 15 * MS)
    before = len(room.shown)
    room.image.publish(msgs.image_from_frame(Frame(now_ns, 'cam', GREY)))
    assert graph.until(lambda: len(room.shown) > before and room.state() == 'stale')
    assert 'not predicted' in room.states[-1].status[0].message
    assert target_pixels(pixels(room.shown[-1])) == 0


def test_drift_is_not_hidden_by_a_prediction(graph):
    room = MovingRoom(graph)
    said = graph.publisher(DiagnosticArray, '/arsurg/registration/drift', qos.LATCHED)
    room.begin()
    said.publish(drift('warn', 'xiphoid 4 mm off'))
    graph.during(0.1)
    room.moving_frame(15 * MS)
    assert graph.until(lambda: room.state() == 'drift')
    assert 'xiphoid 4 mm off; pose predicted' in room.states[-1].status[0].message


def health(room):
    return room.node.health()


def send_mask(room, mask, stamp_ns, encoding='mono8'):
    publisher = room.graph.publisher(Image, '/arsurg/overlay/instrument_mask')
    publisher.publish(msgs.image_from_frame(Frame(stamp_ns, 'cam', mask, encoding)))
    room.graph.during(0.1)


@pytest.fixture
def seen(monkeypatch):
    """Return the readouts that the renderer got, in order."""
    got, render = [], OverlayRenderer.render

    def spy(self, frame, camera, T_cam_ct, state, readouts, encoding='bgr8'):
        got.append(readouts)
        return render(self, frame, camera, T_cam_ct, state, readouts, encoding)

    monkeypatch.setattr(OverlayRenderer, 'render', spy)
    return got


def test_the_mask_of_an_image_or_of_its_neighbour_is_used_and_no_older_one(graph, seen):
    room = Room(graph, mask_age_s=0.04, silent_s=5.0)
    room.frame()
    room.register()
    assert seen[-1].instrument_mask is None and 'instrument_mask' in health(room)[2]
    mask = np.zeros((480, 640), np.uint8)
    mask[100:200, 100:200] = 255
    send_mask(room, mask, room.now_ns + STEP_NS)
    room.frame()
    assert np.array_equal(seen[-1].instrument_mask, mask)
    assert health(room)[2]['instrument_mask'] == 'used'
    room.frame()  # one image later: within the limit
    assert np.array_equal(seen[-1].instrument_mask, mask)
    room.frame()
    assert seen[-1].instrument_mask is None
    assert seen[-1].notes[-1] == 'instrument mask: under 100 ms old, not used'
    assert graph.until(lambda: room.state() == 'live')
    assert health(room)[0] == DiagnosticStatus.WARN and 'not used' in health(room)[1]


@pytest.mark.parametrize(
    ('mask', 'encoding', 'says'),
    [
        (np.zeros((240, 320), np.uint8), 'mono8', 'instrument mask: 320x240, the image is 640x480: not used'),
        (GREY, 'bgr8', "overlay/instrument_mask: encoding 'bgr8'; valid: mono8"),
    ],
)
def test_a_mask_that_does_not_fit_is_one_line_and_not_used(graph, seen, capfd, mask, encoding, says):
    room = Room(graph, silent_s=5.0)
    room.frame()
    room.register()
    send_mask(room, mask, room.now_ns + STEP_NS, encoding)
    for _ in range(2):
        room.frame()
    assert seen[-1].instrument_mask is None and seen[-1].notes[-1].startswith('instrument mask: ')
    assert len([line for line in capfd.readouterr().err.splitlines() if says in line]) == 1


def test_the_readouts_tell_the_age_of_the_data_as_they_are_shown(graph, seen):
    room = Room(graph, lost_s=10.0, silent_s=5.0)
    room.frame()
    room.register()
    room.frame(pose=False)
    assert seen[-1].pose_age_s == pytest.approx(0.1 + STEP_NS * 1e-9, abs=2.0)
    stamp_ns = room.now_ns - 8_000_000_000  # an image that comes 8 s late, and its pose before it
    room.tf.publish(TFMessage(transforms=[msgs.transform_stamped(SCENE.T_cam_ref(0.0), stamp_ns, 'trk', 'ref')]))
    graph.during(0.1)
    room.now_ns = stamp_ns - STEP_NS
    room.frame(pose=False)
    assert graph.until(lambda: any(r.pose_age_s == pytest.approx(8.0, abs=2.0) for r in seen if r.pose_age_s is not None))


def settle(room, **values):
    return [r.successful for r in room.node.set_parameters([Parameter(k, value=v) for k, v in values.items()])]


def test_an_instrument_with_a_frame_of_its_own_is_in_rviz_while_it_is_tracked(graph, tmp_path):
    drill = {'shaft': {'radius': 2, 'length': 80}, 'frame': 'drill_tip'}
    scene = {'meshes': {'tumour': {'path': 'synthetic:tumour', 'role': 'target'}}, 'instruments': {'drill': drill}}
    (tmp_path / 'scene.yaml').write_text(yaml.safe_dump(scene))
    room = Room(graph, scene=str(tmp_path / 'scene.yaml'), silent_s=5.0)

    def shown():
        found = [m for m in room.markers[-1].markers if m.ns == 'instrument'] if room.markers else []
        return [(m.header.frame_id, m.action == Marker.ADD) for m in found]

    room.frame()
    room.register()
    stamp_ns = room.now_ns + STEP_NS
    drill_pose = msgs.transform_stamped(SCENE.T_cam_ref(0.0) @ SCENE.T_ref_ct, stamp_ns, 'trk', 'drill_tip')
    room.tf.publish(TFMessage(transforms=[drill_pose]))
    graph.during(0.1)
    room.frame()
    assert graph.until(lambda: shown() == [('drill_tip', True)])
    for _ in range(6):  # until its last pose is too old to be drawn
        room.frame()
    assert graph.until(lambda: shown() == [('drill_tip', False)])
    assert graph.until(lambda: room.state() == 'live')


def test_the_level_of_detail_is_in_the_diagnostics(graph):
    room = Room(graph, silent_s=5.0, frame_budget_ms=0.01)
    room.frame()
    room.register()
    room.frame()
    level, line, values = health(room)
    assert values['detail_levels'].startswith('0 0 0') and values['detail_budget_held'] is True
    assert int(values['detail_triangles']) > 5000
    for _ in range(40):
        room.frame()
        level, line, values = health(room)
        if values.get('detail_budget_held') is False:  # a stale picture has no meshes, and no level
            break
    assert level == DiagnosticStatus.WARN and line.startswith('live; the frame takes ') and 'over 0.01 ms' in line
    assert set(values['detail_levels'].split()) != {'0'} and float(values['detail_error_px']) > 0


def drawn_pixels(image):
    """Return how many pixels are not the camera's, above the readouts."""
    return int((image != GREY).any(axis=2)[AGELESS][:-160].sum())


def structures(room):
    return {m.id for m in room.markers[-1].markers if m.ns == 'anatomy' and m.action == Marker.ADD}


def test_structures_come_and_go_while_it_runs(graph):
    room = Room(graph, silent_s=5.0)
    names = [a.mesh.name for a in room.node._scene.anatomies]
    room.frame()
    room.register()
    everything = pixels(room.frame())
    assert graph.until(lambda: room.state() == 'live')
    assert settle(room, hide=['tumour']) == [True]
    without = pixels(room.frame())
    assert target_pixels(everything) > 50 > target_pixels(without)
    assert graph.until(lambda: names.index('tumour') not in structures(room))
    assert settle(room, show=['tumour'], hide=['']) == [True, True]
    room.frame()
    assert graph.until(lambda: structures(room) == {names.index('tumour')})
    assert settle(room, show=[''], fill='off') == [True, True]
    outlines = pixels(room.frame())
    assert 0 < drawn_pixels(outlines) < 0.5 * drawn_pixels(everything)
    assert settle(room, fill='style') == [True]
    assert np.array_equal(pixels(room.frame())[AGELESS], everything[AGELESS])


@pytest.mark.parametrize(
    ('name', 'value', 'says'),
    [
        ('hide', ['spleen'], "hide 'spleen': nothing of the scene has that name; valid: "),
        ('show', ['spleen'], "show 'spleen': nothing of the scene has that name; valid: "),
        ('fill', 'red', "fill 'red'; valid: style, off, on"),
        ('window', 'round', "window 'round'; valid: scene, off, tip, centre"),
        ('depth_cue', 1.5, 'depth_cue'),
        ('flag_s', 0.05, 'takes effect on configure: deactivate and clean up first (while it runs: show, hide, fill, window'),
    ],
)
def test_toggles_that_are_none_are_refused_and_change_nothing(graph, name, value, says):
    room = Room(graph, silent_s=5.0)
    before = room.node._view
    result = room.node.set_parameters([Parameter(name, value=value)])[0]
    assert not result.successful and says in result.reason and '\n' not in result.reason
    assert room.node._view == before


def test_a_structure_that_is_none_is_refused_on_configure_too(graph):
    node = graph.start(OverlayNode, scene=SCENE_FILE, hide=['spleen'])
    assert not node.active and "hide 'spleen'" in node.refusal
