# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A surgeon with a tracked pointer, for the tests of the registration node."""

import numpy as np
import yaml
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

from arsurg_ros.geometry import se3
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.registration import RegistrationNode

POINTS = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.08, 0], [0.02, 0.03, 0.06]])
T_REF_CT = se3.exp([0.1, 0.0, 0.2, 0.3, -0.2, 0.5])
T_TRK_REF = se3.exp([0.0, 0.1, 1.0, 0.0, 0.6, 0.1])
STEP_NS = 20_000_000
RESULT = '/arsurg/registration/result'


def landmarks_file(tmp_path, p_ref=None, **more):
    rows = [{'name': f'p{k}', 'ct': p.tolist()} for k, p in enumerate(POINTS)]
    if p_ref is not None:
        rows = [row | {'ref': p.tolist()} for row, p in zip(rows, p_ref, strict=True)]
    path = tmp_path / 'landmarks.yaml'
    path.write_text(yaml.safe_dump({'unit': 'm', 'landmarks': rows, **more}))
    return str(path)


class Surgeon:
    """Moves the tracked pointer: sends the reference's transform and the tip's pose at the same stamps."""

    def __init__(self, graph):
        self.graph = graph
        self.tf = graph.publisher(TFMessage, '/tf', qos.TF)
        self.tip = graph.publisher(PoseStamped, '/arsurg/instrument/pointer/measured_cp')
        self.now_ns = graph.probe.get_clock().now().nanoseconds

    def hold(self, p_ref, samples=50, tf=True):
        for _ in range(samples):
            self.now_ns = self.graph.probe.get_clock().now().nanoseconds
            tip = se3.compose(np.eye(3), se3.transform(T_TRK_REF, p_ref))
            # The tip comes first: it has to wait for the reference.
            self.tip.publish(msgs.pose_stamped(tip, self.now_ns, 'trk'))
            if tf:
                self.tf.publish(TFMessage(transforms=[msgs.transform_stamped(T_TRK_REF, self.now_ns, 'trk', 'ref')]))
            self.graph.during(STEP_NS / 1e9)


def start(graph, tmp_path, **parameters):
    results = graph.listen(PoseWithCovarianceStamped, RESULT, qos.LATCHED)
    parameters.setdefault('landmarks', None)
    parameters['landmarks'] = parameters['landmarks'] or landmarks_file(tmp_path)
    node = graph.start(RegistrationNode, **parameters)
    return node, results


def given(results):
    """Return the registrations among the results: the others take one back."""
    return [r for r in results if r.pose.pose.position.x == r.pose.pose.position.x]


def call(graph, name):
    return graph.call(Trigger, f'/arsurg/registration/{name}', Trigger.Request())
