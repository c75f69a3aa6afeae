# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PointStamped
from tf2_msgs.msg import TFMessage

from arsurg_ros.geometry import se3
from arsurg_ros.nodes import msgs, qos

from .surgery import POINTS, T_REF_CT, Surgeon, call, given, landmarks_file, start


def test_touched_landmarks_register(graph, tmp_path):
    frames = graph.listen(TFMessage, '/tf', qos.TF)
    touched = graph.listen(PointStamped, '/arsurg/registration/digitized')
    quality = graph.listen(DiagnosticArray, '/arsurg/registration/quality', qos.LATCHED)
    _, results = start(graph, tmp_path)
    surgeon = Surgeon(graph)
    for p in se3.transform(T_REF_CT, POINTS):
        surgeon.hold(p)
    surgeon.hold(np.array([0.5, 0.5, 0.5]), samples=5)
    assert graph.until(lambda: given(results) and len(touched) == 4 and quality)
    T = msgs.matrix_from_pose(given(results)[0].pose.pose, '')
    assert np.allclose(T, T_REF_CT, atol=1e-6)
    assert given(results)[0].header.frame_id == 'ref'
    values = {v.key: v.value for v in quality[-1].status[0].values}
    assert float(values['fre_mm']) < 1e-3
    assert {'residual_mm.p0', 'provenance.kernel_sha256', 'provenance.software'} <= set(values)
    assert graph.until(lambda: any(t.child_frame_id == 'ct' for m in frames for t in m.transforms))
    ct = next(t for m in frames for t in m.transforms if t.child_frame_id == 'ct')
    assert ct.header.frame_id == 'ref'
    assert np.allclose(msgs.matrix_from_transform(ct), T_REF_CT, atol=1e-6)


def test_ct_follows_every_reference_pose_at_its_stamp(graph, tmp_path):
    frames = graph.listen(TFMessage, '/tf', qos.TF)
    _, results = start(graph, tmp_path, mode='file', landmarks=landmarks_file(tmp_path, se3.transform(T_REF_CT, POINTS)))
    assert graph.until(lambda: given(results))
    surgeon = Surgeon(graph)
    surgeon.hold(POINTS[0], samples=5)
    assert graph.until(
        lambda: ('ct', surgeon.now_ns)
        in [(t.child_frame_id, msgs.to_ns(t.header.stamp)) for m in frames for t in m.transforms]
    )


def test_manual_registration_by_services(graph, tmp_path):
    node, results = start(graph, tmp_path, mode='manual')
    surgeon = Surgeon(graph)
    refused = call(graph, 'capture')
    assert not refused.success and 'hold the tip still' in refused.message
    assert 'compute first' in call(graph, 'accept').message
    assert 'too_few_points' in call(graph, 'compute').message
    for k, p in enumerate(se3.transform(T_REF_CT, POINTS)):
        surgeon.hold(p)
        answer = call(graph, 'capture')
        assert answer.success and f'landmark {k + 1} captured' in answer.message
    assert call(graph, 'compute').success
    assert not given(results)
    assert call(graph, 'accept').success
    assert graph.until(lambda: given(results))
    assert call(graph, 'clear').success
    assert graph.until(lambda: results[-1] not in given(results))
    p = results[-1].pose.pose.position
    assert np.isnan([p.x, p.y, p.z]).all()  # taken back, and not identity
    assert node.health()[0] == DiagnosticStatus.WARN


def test_a_tip_without_reference_is_no_landmark(graph, tmp_path):
    node, _ = start(graph, tmp_path)
    surgeon = Surgeon(graph)
    surgeon.hold(POINTS[0], tf=False)
    surgeon.hold(POINTS[1], samples=3, tf=False)
    graph.during(0.3)
    assert node._session.captured == []


def test_collinear_landmarks_in_a_file_are_refused_in_one_line(graph, tmp_path, capfd):
    quality = graph.listen(DiagnosticArray, '/arsurg/registration/quality', qos.LATCHED)
    line = np.outer(np.arange(4.0), [0.03, 0.01, 0.02])
    _, results = start(graph, tmp_path, mode='file', landmarks=landmarks_file(tmp_path, line))
    assert graph.until(lambda: quality)
    assert quality[0].status[0].level == DiagnosticStatus.ERROR
    assert quality[0].status[0].message.startswith('collinear:')
    graph.during(0.3)
    assert not given(results)


@pytest.mark.parametrize(
    ('parameters', 'says'),
    [
        ({'landmarks': '/nowhere.yaml'}, 'landmarks file /nowhere.yaml: No such file'),
        ({'mode': 'file'}, 'no ref coordinates'),
        ({'mode': 'guess'}, "mode 'guess'; valid: file, dwell, manual"),
        ({'backend': 'cuda'}, "backend 'cuda'; valid: wasm, numpy"),
    ],
)
def test_a_refused_configuration_is_on_diagnostics(graph, tmp_path, parameters, says):
    heard = graph.listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    node, _ = start(graph, tmp_path, **parameters)
    assert not node.active

    def told():
        return [s for m in heard for s in m.status if s.level == DiagnosticStatus.ERROR and says in s.message]

    assert graph.until(told)
    assert '\n' not in told()[0].message


def test_a_node_that_is_configured_anew_takes_its_old_registration_back(graph, tmp_path):
    both = landmarks_file(tmp_path, se3.transform(T_REF_CT, POINTS))
    node, results = start(graph, tmp_path, mode='file', landmarks=both)
    assert graph.until(lambda: given(results))
    node.trigger_deactivate()
    node.trigger_cleanup()
    node.trigger_configure()
    assert graph.until(lambda: results[-1] not in given(results))


def test_a_rest_that_ended_unseen_is_no_landmark(graph, tmp_path):
    node, _ = start(graph, tmp_path, mode='manual')
    Surgeon(graph).hold(POINTS[0])
    graph.during(0.8)
    assert 'hold the tip still' in call(graph, 'capture').message
    assert node._session.captured == []


def test_services_of_an_inactive_node_say_so(graph, tmp_path):
    node, _ = start(graph, tmp_path)
    node.trigger_deactivate()
    answer = call(graph, 'compute')
    assert not answer.success and 'not active' in answer.message
