# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a command to the running system over real DDS: the command writes its answer, the node goes on with it."""

import json

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from tf2_msgs.msg import TFMessage

from arsurg_ros.cli import main
from arsurg_ros.geometry import se3
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.instrument import InstrumentNode
from arsurg_ros.nodes.registration import RegistrationNode
from arsurg_ros.nodes.tracker import TrackerNode
from arsurg_ros.synthetic.organ import on_mesh, organ

from .surgery import POINTS, RESULT, T_REF_CT, Surgeon, call, given, start

CT = np.array([*POINTS, [0.05, -0.04, 0.02], [-0.03, 0.02, 0.05]])
NOISE_M = 2e-4


def written(tmp_path, *words):
    out = tmp_path / 'answer.json'
    assert main([*map(str, words), '--out', str(out)]) == 0
    return str(out)


def points(path, points_m):
    np.savetxt(path, points_m * 1e3, delimiter=',', header='x,y,z', comments='')
    return path


def poses(path, T):
    rows = np.array(T)
    rows[:, :3, 3] *= 1e3
    np.savetxt(path, rows.reshape(-1, 16), delimiter=',', fmt='%.12g')
    return path


def by_landmarks(tmp_path):
    rng = np.random.default_rng(1)
    ref = points(tmp_path / 'ref.csv', se3.transform(T_REF_CT, CT) + rng.normal(0, NOISE_M, CT.shape))
    return written(tmp_path, 'register', 'landmarks', '--fixed', ref, '--moving', points(tmp_path / 'ct.csv', CT))


def by_surface(tmp_path):
    rng = np.random.default_rng(1)
    vertices, faces = organ(16)
    lines = [f'v {x:.6f} {y:.6f} {z:.6f}' for x, y, z in vertices * 1e3]
    (tmp_path / 'organ.obj').write_text('\n'.join([*lines, *(f'f {a} {b} {c}' for a, b, c in faces + 1)]) + '\n')
    touched = se3.transform(T_REF_CT, on_mesh(rng, vertices, faces, 120)) + rng.normal(0, NOISE_M, (120, 3))
    init = tmp_path / 'init.txt'
    np.savetxt(init, np.vstack([se3.inverse(T_REF_CT)[:3] * [1, 1, 1, 1e3], [[0, 0, 0, 1]]]))
    source = points(tmp_path / 'touched.csv', touched)
    return written(tmp_path, 'register', 'surface', '--target', tmp_path / 'organ.obj', '--source', source, '--init', init)


def landmarks_yaml(tmp_path):
    path = tmp_path / 'known.yaml'
    held = {'name': 'held', 'ct': [0.05, 0.05, 0.0]}
    content = {'unit': 'm', 'landmarks': [], 'checks': [held], 'targets': [{'name': 'tumour', 'ct': [0.03, 0.02, 0.05]}]}
    path.write_text(json.dumps(content))
    return str(path)


@pytest.mark.parametrize(('make', 'said'), [(by_landmarks, 'over 6 landmarks'), (by_surface, 'to the surface')])
def test_a_registration_goes_into_use_as_one_that_was_touched(graph, tmp_path, make, said):
    file = make(tmp_path)
    quality = graph.listen(DiagnosticArray, '/arsurg/registration/quality', qos.LATCHED)
    frames = graph.listen(TFMessage, '/tf', qos.TF)
    parameters = {'mode': 'result', 'registration': file, 'store': str(tmp_path / 'store'), 'dwell_s': 0.2}
    node, results = start(graph, tmp_path, landmarks=landmarks_yaml(tmp_path), **parameters)
    assert node.active, node.refusal
    assert graph.until(lambda: given(results) and quality)
    pose = given(results)[0].pose
    off = se3.inverse(T_REF_CT) @ msgs.matrix_from_pose(pose.pose, '')
    assert np.linalg.norm(off[:3, 3]) < 1e-3 and se3.rotation_angle_rad(off) < 0.02
    deviations = np.sqrt(np.diag(np.array(pose.covariance).reshape(6, 6)))
    assert (deviations > 1e-6).all() and deviations[:3].max() < 1e-3
    assert graph.until(lambda: any(t.child_frame_id == 'ct' for m in frames for t in m.transforms))
    values = {v.key: v.value for v in quality[-1].status[0].values}
    assert quality[-1].status[0].level == DiagnosticStatus.OK and values['accepted'] == 'True'
    assert 0.01 < float(values['fre_mm']) < 1.0 and 'tre95_mm.tumour' in values
    assert values['provenance.mode'] == 'result' and len(values['provenance.file_sha256']) == 64
    Surgeon(graph).hold(se3.transform(T_REF_CT, np.array([0.05, 0.05, 0.0])), samples=25)
    answer = call(graph, 'validate')
    assert answer.success and 'passed: held (held out: independent evidence)' in answer.message
    answer = call(graph, 'compute')
    assert answer.success and said in answer.message
    assert call(graph, 'accept').success and call(graph, 'revert').success and call(graph, 'clear').success
    assert graph.until(lambda: results[-1] not in given(results))


def test_landmarks_need_no_landmarks_file(graph, tmp_path):
    results = graph.listen(PoseWithCovarianceStamped, RESULT, qos.LATCHED)
    graph.start(RegistrationNode, mode='result', registration=by_landmarks(tmp_path))
    assert graph.until(lambda: given(results))


def test_a_registration_that_is_not_good_enough_is_not_used(graph, tmp_path):
    quality = graph.listen(DiagnosticArray, '/arsurg/registration/quality', qos.LATCHED)
    _, results = start(graph, tmp_path, mode='result', registration=by_landmarks(tmp_path), max_fre_m=1e-5)
    assert graph.until(lambda: quality)
    assert quality[0].status[0].level == DiagnosticStatus.ERROR
    assert quality[0].status[0].message.startswith('fre_too_large:')
    graph.during(0.2)
    assert not given(results)


def test_a_camera_beside_a_robot_gets_its_frame(graph, tmp_path):
    rng = np.random.default_rng(1)
    truth, T_gripper_target = se3.exp([0.5, 0.1, 0.9, 2.0, 0.2, 0.1]), se3.exp([0.03, -0.02, 0.08, 0.1, 1.2, -0.4])
    arm = np.array([se3.exp([*rng.normal(0, 0.15, 3), *rng.normal(0, 0.5, 3)]) for _ in range(15)])
    noise = np.array([se3.exp(rng.normal(0, 2e-4, 6)) for _ in range(15)])
    seen = se3.inverse(truth) @ arm @ T_gripper_target @ noise
    files = ['--robot', poses(tmp_path / 'robot.csv', arm), '--camera', poses(tmp_path / 'camera.csv', seen)]
    file = written(tmp_path, 'calibrate', 'handeye', '--setup', 'eye-to-hand', *files)
    static = graph.listen(TFMessage, '/tf_static', qos.TF_STATIC_LISTEN)
    frames = {'tracker_frame': 'base', 'camera_frame': 'scope'}
    node = graph.start(TrackerNode, source='synthetic', is_camera=False, camera_pose=file, **frames)
    assert node.active, node.refusal
    assert graph.until(lambda: static)
    (frame,) = static[0].transforms
    assert (frame.header.frame_id, frame.child_frame_id) == ('base', 'scope')
    T = msgs.matrix_from_transform(frame)
    assert np.allclose(T[:3], np.array(json.loads((tmp_path / 'answer.json').read_text())['T'])[:3] * [1, 1, 1, 1e-3])
    off = se3.inverse(truth) @ T
    assert np.linalg.norm(off[:3, 3]) < 2e-3 and se3.rotation_angle_rad(off) < 2e-3
    both = graph.start(TrackerNode, source='synthetic', camera_pose=file)
    assert not both.active and 'is_camera true and camera_pose' in both.refusal and '\n' not in both.refusal


def test_a_pivoted_tip_is_the_tip(graph, tmp_path):
    tip, pivot, axis = np.array([-0.015, 0.15, -0.007]), np.array([0.1, -0.2, -1.5]), np.array([0.0, 1.0, 0.0])
    rng = np.random.default_rng(2)

    def resting(name, rotations):
        T = [se3.compose(R, pivot - R @ tip + rng.normal(0, 1e-4, 3)) for R in rotations]
        return poses(tmp_path / name, T)

    still = resting('pivot.csv', [se3.from_rotvec(rng.uniform(-0.5, 0.5, 3)) for _ in range(40)])
    turning = resting('spin.csv', [se3.from_rotvec(axis * t) for t in np.linspace(0, 4, 30)])
    file = written(tmp_path, 'calibrate', 'pivot', '--poses', still, '--spin', turning)
    tips = graph.listen(PoseStamped, '/arsurg/instrument/pointer/measured_cp')
    static = graph.listen(TFMessage, '/tf_static', qos.TF_STATIC_LISTEN)
    node = graph.start(InstrumentNode, tip=file)
    assert node.active, node.refusal
    tool = se3.exp([0.1, 0.2, 0.3, 0.5, -0.4, 0.3])
    graph.publisher(PoseStamped, '/arsurg/tracker/pointer/measured_cp').publish(msgs.pose_stamped(tool, 5, 'trk'))
    assert graph.until(lambda: tips and static)
    T_tool_tip = msgs.matrix_from_transform(static[0].transforms[0])
    assert np.linalg.norm(T_tool_tip[:3, 3] - tip) < 5e-4
    assert abs(T_tool_tip[:3, 2] @ axis) > 0.999  # z lies along the tool's axis
    assert np.allclose(msgs.matrix_from_pose(tips[0].pose, ''), tool @ T_tool_tip, atol=1e-9)
    both = graph.start(InstrumentNode, tip=file, tip_m=[0.0, 0.0, 0.1])
    assert not both.active and 'give one of them' in both.refusal and '\n' not in both.refusal


@pytest.mark.parametrize(
    ('make', 'parameters', 'says'),
    [
        (InstrumentNode, {'tip': '/nowhere.json'}, 'answer_unreadable: /nowhere.json: No such file'),
        (TrackerNode, {'source': 'synthetic', 'is_camera': False, 'camera_pose': '{file}'}, 'answer_mismatch: '),
        (InstrumentNode, {'tip': '{file}'}, 'answer_mismatch: '),
    ],
)
def test_another_file_is_one_line_and_the_node_stays_unconfigured(graph, tmp_path, make, parameters, says):
    (tmp_path / 'a.json').write_text('{"command": "calibrate sphere"}')
    filled = {k: v.format(file=tmp_path / 'a.json') if isinstance(v, str) else v for k, v in parameters.items()}
    node = graph.start(make, **filled)
    assert not node.active and says in node.refusal and '\n' not in node.refusal


@pytest.mark.parametrize(
    ('parameters', 'says'),
    [
        ({'mode': 'result'}, 'parameter registration names no file'),
        ({'mode': 'result', 'registration': '/nowhere.json'}, 'answer_unreadable: /nowhere.json: No such file'),
        ({'registration': '/nowhere.json'}, 'only mode result takes it, the mode is dwell'),
    ],
)
def test_a_registration_that_cannot_be_used_is_one_line(graph, tmp_path, parameters, says):
    node, _ = start(graph, tmp_path, **parameters)
    assert not node.active and says in node.refusal and '\n' not in node.refusal
