# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every node through its whole life, more than once: nothing is left over, and it works again."""

import pytest
from rclpy.lifecycle import TransitionCallbackReturn

from arsurg_ros.nodes.camera import CameraNode
from arsurg_ros.nodes.instrument import InstrumentNode
from arsurg_ros.nodes.overlay import OverlayNode
from arsurg_ros.nodes.registration import RegistrationNode
from arsurg_ros.nodes.tracker import TrackerNode
from arsurg_ros.nodes.viewer import ViewerNode
from arsurg_ros.resources import share_dir

DEMO = share_dir() / 'config' / 'demo'
NODES = {
    'camera': (CameraNode, {}),
    'tracker': (TrackerNode, {'boards': ['ref=synthetic:reference']}),
    'polled tracker': (TrackerNode, {'source': 'synthetic'}),
    'instrument': (InstrumentNode, {}),
    'registration': (RegistrationNode, {'landmarks': str(DEMO / 'landmarks.yaml')}),
    'overlay': (OverlayNode, {'scene': str(DEMO / 'scene.yaml')}),
    'viewer': (ViewerNode, {}),
}


def need(make, monkeypatch):
    """Let a window be drawn into memory; skip where there is none."""
    if make is ViewerNode:
        pytest.importorskip('pygame', reason='pygame-ce is not installed')
        monkeypatch.setenv('SDL_VIDEODRIVER', 'dummy')


def held(node):
    """Return how many topics, timers and services a node has."""
    return [len(list(entities)) for entities in (node.publishers, node.subscriptions, node.timers, node.services)]


@pytest.mark.parametrize(('make', 'parameters'), NODES.values(), ids=NODES)
def test_again_and_again(graph, monkeypatch, make, parameters):
    need(make, monkeypatch)
    node = graph.start(make, autostart=False, **parameters)
    empty, full = held(node), None
    for _ in range(3):
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        graph.during(0.1)
        full = full or held(node)
        assert held(node) == full
        assert node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        graph.during(0.05)
        assert node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
        assert held(node) == empty


@pytest.mark.parametrize(('make', 'parameters'), NODES.values(), ids=NODES)
def test_shutdown_from_any_state(graph, monkeypatch, make, parameters):
    need(make, monkeypatch)
    for steps in ((), ('configure',), ('configure', 'activate')):
        node = graph.start(make, autostart=False, **parameters)
        for step in steps:
            assert getattr(node, f'trigger_{step}')() == TransitionCallbackReturn.SUCCESS
        assert node.trigger_shutdown() == TransitionCallbackReturn.SUCCESS
        graph.during(0.05)
        graph.stop(node)
