# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import DescribeParameters
from rclpy.parameter import Parameter
from tf2_msgs.msg import TFMessage

from arsurg_ros.errors import ConfigError
from arsurg_ros.files.calibrations import tip_transform
from arsurg_ros.geometry import se3
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.instrument import InstrumentNode

TIP = [0.01, -0.02, 0.15]
POSE = se3.exp([0.1, 0.2, 0.3, 0.5, -0.4, 0.3])
STAMP_NS = 1_234_567_890_123_456_789


def test_the_tip_goes_out_at_the_tools_stamp(graph):
    tips = graph.listen(PoseStamped, '/arsurg/instrument/pointer/measured_cp')
    static = graph.listen(TFMessage, '/tf_static', qos.TF_STATIC_LISTEN)
    graph.start(InstrumentNode, tip_m=TIP)
    send = graph.publisher(PoseStamped, '/arsurg/tracker/pointer/measured_cp')
    send.publish(msgs.pose_stamped(POSE, STAMP_NS, 'trk'))
    assert graph.until(lambda: tips and static)
    assert msgs.to_ns(tips[0].header.stamp) == STAMP_NS
    assert tips[0].header.frame_id == 'trk'
    expected = POSE @ se3.compose(np.eye(3), TIP)
    assert np.allclose(msgs.matrix_from_pose(tips[0].pose, ''), expected, atol=1e-12)
    (frame,) = static[0].transforms
    assert (frame.header.frame_id, frame.child_frame_id) == ('tool', 'tip')
    assert np.allclose(msgs.matrix_from_transform(frame)[:3, 3], TIP)


def test_a_pose_that_is_none_is_not_passed_on_and_the_node_lives(graph):
    tips = graph.listen(PoseStamped, '/arsurg/instrument/pointer/measured_cp')
    node = graph.start(InstrumentNode, tip_m=TIP)
    send = graph.publisher(PoseStamped, '/arsurg/tracker/pointer/measured_cp')
    bad = msgs.pose_stamped(POSE, STAMP_NS, 'trk')
    bad.pose.position.x = float('nan')
    zero = msgs.pose_stamped(POSE, STAMP_NS, 'trk')
    zero.pose.orientation.x = zero.pose.orientation.y = zero.pose.orientation.z = zero.pose.orientation.w = 0.0
    for msg in (bad, zero, msgs.pose_stamped(POSE, STAMP_NS + 5, 'trk')):
        send.publish(msg)
    assert graph.until(lambda: tips)
    assert [msgs.to_ns(m.header.stamp) for m in tips] == [STAMP_NS + 5]
    assert node.stats.counts['refused'] == 2


def test_lifecycle_by_its_services(graph):
    graph.start(InstrumentNode, autostart=False, tip_m=TIP)

    def state():
        return graph.call(GetState, '/arsurg/instrument/get_state', GetState.Request()).current_state.id

    def change(transition_id):
        request = ChangeState.Request()
        request.transition.id = transition_id
        return graph.call(ChangeState, '/arsurg/instrument/change_state', request).success

    assert state() == State.PRIMARY_STATE_UNCONFIGURED
    assert change(1) and state() == State.PRIMARY_STATE_INACTIVE
    assert change(3) and state() == State.PRIMARY_STATE_ACTIVE
    assert change(4) and state() == State.PRIMARY_STATE_INACTIVE
    assert change(2) and state() == State.PRIMARY_STATE_UNCONFIGURED
    assert change(1) and change(3) and state() == State.PRIMARY_STATE_ACTIVE


def test_an_inactive_node_passes_nothing_on(graph):
    tips = graph.listen(PoseStamped, '/arsurg/instrument/pointer/measured_cp')
    node = graph.start(InstrumentNode, tip_m=TIP)
    node.trigger_deactivate()
    send = graph.publisher(PoseStamped, '/arsurg/tracker/pointer/measured_cp')
    send.publish(msgs.pose_stamped(POSE, STAMP_NS, 'trk'))
    graph.during(0.5)
    assert not tips


def test_parameters_describe_themselves(graph):
    graph.start(InstrumentNode, autostart=False)
    request = DescribeParameters.Request(names=['tip_m', 'tool'])
    tip, tool = graph.call(DescribeParameters, '/arsurg/instrument/describe_parameters', request).descriptors
    assert tip.description == 'the tip in the tool frame [m]'
    assert 'tracker/<tool>/measured_cp' in tool.description


@pytest.mark.parametrize('tip', [[0.1, 0.2], [float('nan'), 0.0, 0.0], [0.0, 0.0, 150.0]])
def test_a_tip_that_is_none_is_refused(tip):
    with pytest.raises(ConfigError, match='tip_m'):
        tip_transform(tip)


def test_a_refused_configuration_leaves_the_node_unconfigured_and_mendable(graph):
    node = graph.start(InstrumentNode, tip_m=[0.0, 0.0, 150.0])
    assert 'is it in mm' in node.refusal
    node.set_parameters([Parameter('tip_m', value=TIP)])
    node.autostart()
    assert node.active
    assert not node.refusal


def test_a_parameter_that_is_none_is_refused_and_a_change_takes_a_configuration(graph):
    node = graph.start(InstrumentNode, tip_mm=TIP)
    assert not node.active
    assert "unknown parameter 'tip_mm'; valid: " in node.refusal and 'tip_m' in node.refusal
    node = graph.start(InstrumentNode, tip_m=TIP)
    (result,) = node.set_parameters([Parameter('tip_m', value=[0.0, 0.0, 0.1])])
    assert not result.successful and 'takes effect on configure' in result.reason


def test_an_unexpected_error_is_told_and_not_swallowed(graph, monkeypatch):
    def broken(self, p):
        raise OSError('no space left')

    monkeypatch.setattr(InstrumentNode, 'build', broken)
    node = graph.start(InstrumentNode, tip_m=TIP)
    assert not node.active
    assert node.refusal == 'OSError: no space left'
