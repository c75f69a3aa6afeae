# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from arsurg_ros.cli import main
from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry import se3
from arsurg_ros.overlay.render import OverlayRenderer, Readouts
from arsurg_ros.overlay.silhouette import compare_silhouettes
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.pipeline import pipeline_of
from arsurg_ros.resources import share_dir
from arsurg_ros.synthetic import Scene
from arsurg_ros.system import DEMO, REPLAY, NodeSpec
from arsurg_ros.types import Validity

SCENE = Scene()


@pytest.fixture(scope='module')
def demo():
    """Return the steps of the first 18.5 s of the demo, every camera frame of it, without ROS."""
    pipeline = pipeline_of(DEMO.build({'epoch_ns': '1000000000'}))
    steps = itertools.takewhile(lambda s: s.frame is None or s.frame.stamp_ns < 19_500_000_000, pipeline.run(1_000_000_000))
    kept = []
    for step in steps:
        # Pictures are large: keep what the tests look at.
        kept.append((step.frame.stamp_ns, step.overlay.state, step.registration, step.overlay.tip_drawn))
    pipeline.close()
    return kept


def test_the_demo_registers_once_and_well(demo):
    (result,) = [r for _, _, r, _ in demo if r is not None]
    off = se3.inverse(SCENE.T_ref_ct) @ result.T_ref_ct
    assert np.linalg.norm(off[:3, 3]) < 0.001
    assert np.degrees(se3.rotation_angle_rad(off)) < 0.5
    assert result.names == tuple(SCENE.landmarks_ct)


def test_the_demo_is_unregistered_then_live_then_lost_then_live(demo):
    states = [state for state, _ in itertools.groupby(state for _, state, _, _ in demo)]
    assert states == [
        OverlayState.UNREGISTERED,
        OverlayState.LIVE,
        OverlayState.STALE,
        OverlayState.LOST,
        OverlayState.LIVE,
    ]


def test_the_demo_flags_a_covered_board_with_its_first_frame(demo):
    first = next(stamp for stamp, state, _, _ in demo if state is OverlayState.STALE)
    assert (first - 1_000_000_000) / 1e9 == pytest.approx(16.0, abs=0.034)


def test_the_tip_is_drawn_nearly_always(demo):
    # A board that is seen too flat, or is partly outside of the picture, is no pose.
    assert np.mean([tip for *_, tip in demo]) > 0.9


def test_a_board_that_bends_after_the_registration_is_drift_and_then_takes_the_anatomy_away():
    pipeline = pipeline_of(DEMO.build({'epoch_ns': '1000000000'}))
    bend, track = [0.0], pipeline.tracker.track

    def bent(frame, camera):
        poses = track(frame, camera)
        return [replace(p, error_px=p.error_px + bend[0]) if p.child == 'ref' and p.error_px else p for p in poses]

    pipeline.tracker.track = bent
    states = []
    for step in pipeline.run(1_000_000_000):
        seconds = (step.frame.stamp_ns - 1_000_000_000) / 1e9
        if pipeline.session.accepted is not None:
            bend[0] = 0.0 if seconds < 13.0 else 1.0 if seconds < 14.5 else 4.0
            states.append(step.overlay.state)
        if seconds > 15.9:
            break
    pipeline.close()
    assert [s for s, _ in itertools.groupby(states)] == [OverlayState.LIVE, OverlayState.DRIFT, OverlayState.REFUSED]


def test_the_recorded_board_is_found_and_the_liver_registered_to_it(shared_data):
    specs = REPLAY.build({'bag': str(shared_data / 'bags' / 'bard_multipattern'), 'loop': '2'})
    pipeline = pipeline_of(specs)
    steps = list(pipeline.run(1_000_000_000_000))
    assert len(steps) == 20
    found = {p.child: p for p in steps[0].poses}
    assert found['ref'].validity is Validity.VALID
    expected_m = np.array([-80.62, 50.72, 250.27]) * 1e-3
    assert np.linalg.norm(found['ref'].T[:3, 3] - expected_m) < 0.002
    assert (found['ref'].markers, found['pointer'].markers) >= (11, 5)
    assert all(s.overlay.state is OverlayState.LIVE and s.overlay.drawn for s in steps)
    # The second loop shows the same frames: the same poses at later stamps, and the same pixels.
    again = {p.child: p for p in steps[10].poses}
    assert steps[10].frame.stamp_ns > steps[9].frame.stamp_ns
    assert np.allclose(again['ref'].T, found['ref'].T, atol=1e-9)
    assert np.array_equal(steps[10].overlay.image, steps[0].overlay.image)


def test_the_recorded_landmarks_register_like_the_baseline(shared_data):
    pipeline = pipeline_of(REPLAY.build({'bag': str(shared_data / 'bags' / 'plus_eight_landmarks')}))
    (result,) = [s.registration for s in pipeline.run(280_461_142_857) if s.registration is not None]
    assert result.fre_m < 0.0005
    rotation = [[-0.00479115, 0.00329566, -0.999983], [-0.0127965, 0.999912, 0.00335674], [0.999907, 0.0128124, -0.00474856]]
    assert np.linalg.norm(result.T_ref_ct[:3, 3] - np.array([22.7064, -39.7536, 25.6504]) * 1e-3) < 0.0005
    assert np.degrees(se3.rotation_angle_rad(np.array(rotation).T @ result.T_ref_ct[:3, :3])) < 0.2


def test_what_the_commands_wrote_is_the_chains(tmp_path):
    T_mm = se3.exp([0.1, -0.2, 0.3, 0.4, -0.5, 0.6])
    T_mm[:3, 3] *= 1e3
    pose = {'command': 'calibrate handeye', 'unit': 'mm', 'T_base_cam': T_mm.tolist()}
    tip = {'command': 'calibrate pivot', 'unit': 'mm', 'tip_m': [0.0, 0.0, 0.1], 'spin': None}
    tip['T_tool_tip'] = se3.compose(np.eye(3), [0, 0, 100]).tolist()
    for name, content in (('pose', pose), ('tip', tip)):
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
    for side, points in (('ct', SCENE.landmarks_ct.values()), ('ref', SCENE.landmarks_ref.values())):
        np.savetxt(tmp_path / f'{side}.csv', np.array(list(points)) * 1e3, delimiter=',', header='x,y,z', comments='')
    files = ['--moving', str(tmp_path / 'ct.csv'), '--fixed', str(tmp_path / 'ref.csv'), '--out', str(tmp_path / 'r.yaml')]
    assert main(['register', 'landmarks', *files]) == 0
    specs = [
        NodeSpec('tracker', 'tracker', {
            'source': 'synthetic', 'is_camera': False, 'camera_pose': str(tmp_path / 'pose.json'),
        }),
        NodeSpec('instrument', 'instrument', {'tip': str(tmp_path / 'tip.json')}),
        NodeSpec('registration', 'registration', {'mode': 'result', 'registration': str(tmp_path / 'r.yaml')}),
    ]  # fmt: skip
    pipeline = pipeline_of(specs)
    pipeline.start(1_000_000_000)
    assert np.allclose(pipeline.session.accepted.T_ref_ct, SCENE.T_ref_ct, atol=1e-4)
    assert np.allclose(pipeline.T_trk_cam[:3, 3] * 1e3, T_mm[:3, 3])
    assert np.array_equal(pipeline.T_tool_tip[:3, 3], [0.0, 0.0, 0.1])
    pipeline.close()


def test_what_is_needed_is_named():
    with pytest.raises(ConfigError, match='a tracker is needed; there are: camera'):
        pipeline_of([NodeSpec('camera', 'camera', {})])



def moving_pipeline(tmp_path, **tracker):
    """Return the pipeline of an external tracker, 15 ms late, whose poses are predicted; registered from the start."""
    rows = [
        {'name': n, 'ct': SCENE.landmarks_ct[n].tolist(), 'ref': p.tolist()} for n, p in SCENE.landmarks_ref.items()
    ]  # fmt: skip
    (tmp_path / 'landmarks.yaml').write_text(json.dumps({'unit': 'm', 'landmarks': rows}))
    specs = [
        NodeSpec('camera', 'camera', {'source': 'synthetic', 'rate_hz': 60.0, 'duration_s': 1.2, 'epoch_ns': 1_000_000_000}),
        NodeSpec('tracker', 'tracker', {
            'source': 'synthetic', 'rate_hz': 100.0, 'latency_s': 0.015, 'epoch_ns': 1_000_000_000, 'noise_m': 5e-5, **tracker,
        }),
        NodeSpec('instrument', 'instrument', {'tip_m': SCENE.p_tool_tip.tolist()}),
        NodeSpec('registration', 'registration', {'mode': 'file', 'landmarks': str(tmp_path / 'landmarks.yaml')}),
        NodeSpec('overlay', 'overlay', {'scene': str(share_dir() / 'config' / 'demo' / 'scene.yaml'), 'predict_s': 0.05}),
    ]  # fmt: skip
    return pipeline_of(specs)


def steps_with_a_frame(pipeline):
    """Yield time, frame and overlay of every frame; the tracker itself would go on for ever."""
    for step in pipeline.run(1_000_000_000):
        if step.overlay is not None:
            yield (step.frame.stamp_ns - 1_000_000_000) / 1e9, step.frame, step.overlay
        if pipeline.camera.finished:
            break
    pipeline.close()


def anatomy(pipeline, ids):
    return (ids > 0) & (ids <= len(pipeline.scene.anatomies))


def test_what_is_predicted_is_drawn_where_it_is(tmp_path):
    pipeline = moving_pipeline(tmp_path)
    truth = OverlayRenderer(pipeline.scene, 640, 480)
    states, p95 = [], []
    for t_s, frame, overlay in steps_with_a_frame(pipeline):
        if t_s < 0.3:
            continue  # a prediction needs a history
        states.append(overlay.state)
        if len(states) % 8 == 0:
            T = SCENE.T_cam_ref(t_s) @ SCENE.T_ref_ct
            T_cam_tip = SCENE.T_cam_tool(t_s) @ se3.compose(np.eye(3), SCENE.p_tool_tip)
            there = truth.render(frame.image, SCENE.camera, T, OverlayState.LIVE, Readouts(T_cam_tip=T_cam_tip)).ids
            p95.append(compare_silhouettes(anatomy(pipeline, overlay.ids), anatomy(pipeline, there)).contour_p95_px)
    assert set(states) == {OverlayState.PREDICTED} and len(states) > 50
    assert len(p95) >= 6 and max(p95) <= 1.5


def test_a_reference_that_the_tracker_calls_lost_is_not_predicted(tmp_path):
    pipeline = moving_pipeline(tmp_path, dropouts_s=(0.8, 2.0), faulty_tool='ref')
    seen = [(t, overlay.state) for t, _, overlay in steps_with_a_frame(pipeline)]
    assert {state for t, state in seen if 0.3 < t < 0.8} == {OverlayState.PREDICTED}
    # Its word comes 15 ms later; the horizon alone would end at 50 ms.
    assert {state for t, state in seen if 0.815 < t < 0.85} == {OverlayState.STALE}
