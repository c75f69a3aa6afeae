# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from rosgraph_msgs.msg import Clock

from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.clock import ClockNode

START_NS = 5_000_000_000


@pytest.fixture
def bag(tmp_path):
    """Write a bag of 0.2 s: five messages, 50 ms apart."""
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection('/x', 'std_msgs/msg/String', typestore=store)
        data = bytes(store.serialize_cdr(store.types['std_msgs/msg/String']('x'), 'std_msgs/msg/String'))
        for k in range(5):
            writer.write(connection, START_NS + k * 50_000_000, data)
    return str(tmp_path / 'bag')


def says(name, ready):
    return DiagnosticArray(status=[msgs.status(f'arsurg: {name}', '', DiagnosticStatus.OK, '', {'ready': ready})])


def test_time_runs_once_all_are_active_and_never_back(graph, bag):
    times = graph.listen(Clock, '/clock')
    node = graph.start(ClockNode, path=bag, loop=2, settle_s=0.0, wait_for=['camera', 'overlay'])
    tell = graph.publisher(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    tell.publish(says('camera', True))
    tell.publish(says('overlay', False))
    graph.during(0.4)
    assert not times
    assert 'waiting for arsurg: overlay' in node.health()[1]
    tell.publish(says('overlay', True))
    assert graph.until(lambda: node.health()[2]['finished'])
    # Two loops of 0.2 s and the interval to the next one.
    assert graph.until(lambda: abs(msgs.to_ns(times[-1].clock) - START_NS - 500_000_000) < 1000)
    stamps = [msgs.to_ns(m.clock) for m in times]
    assert stamps == sorted(stamps)
    assert START_NS <= stamps[0] < START_NS + 100_000_000


def test_a_bag_that_is_none_is_one_line(graph):
    node = graph.start(ClockNode, path='/nowhere')
    assert not node.active
    assert '/nowhere' in node.refusal and '\n' not in node.refusal
