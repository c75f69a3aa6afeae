# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import signal

import numpy as np
import pytest
from sensor_msgs.msg import Image

from arsurg_ros.geometry.pixel_code import OverlayCode, write_overlay_code
from arsurg_ros.nodes import msgs
from arsurg_ros.nodes.viewer import ViewerNode
from arsurg_ros.photodiode import Photodiode
from arsurg_ros.types import Frame


@pytest.fixture
def viewer(graph, monkeypatch):
    pytest.importorskip('pygame', reason='pygame-ce is not installed')
    monkeypatch.setenv('SDL_VIDEODRIVER', 'dummy')
    return graph.start(ViewerNode, silent_s=0.25, late_s=60.0)


def send(graph, stamp_ns):
    image = np.full((480, 640, 3), 90, np.uint8)
    write_overlay_code(image, OverlayCode(stamp_ns, 'live', stamp_ns, np.eye(4)))
    graph.publisher(Image, '/arsurg/overlay/image_raw').publish(msgs.image_from_frame(Frame(stamp_ns, 'cam', image)))
    return image


def test_the_window_has_the_picture_and_says_itself_when_none_comes(graph, viewer):
    graph.publisher(Image, '/arsurg/overlay/image_raw')
    stamp_ns = graph.probe.get_clock().now().nanoseconds
    image = send(graph, stamp_ns)
    assert graph.until(lambda: np.array_equal(viewer.window.grab(), image))
    assert viewer.stats.summary()['capture_to_window'].n == 1
    assert Photodiode().see(viewer.window.grab(), 0).overlay.state == 'live'
    assert graph.until(lambda: Photodiode().see(viewer.window.grab(), 0).overlay.state == 'lost', 3.0)
    assert viewer.health()[1].startswith('no picture for')
    image = send(graph, graph.probe.get_clock().now().nanoseconds)
    assert graph.until(lambda: np.array_equal(viewer.window.grab(), image))
    assert viewer.health()[1] == 'showing'


def test_red_is_red_whatever_the_order_of_the_colours(graph, viewer):
    image = np.zeros((480, 640, 3), np.uint8)
    image[..., 0] = 200
    frame = Frame(graph.probe.get_clock().now().nanoseconds, 'cam', image, 'rgb8')
    graph.publisher(Image, '/arsurg/overlay/image_raw').publish(msgs.image_from_frame(frame))
    assert graph.until(lambda: np.array_equal(viewer.window.grab(), image[..., ::-1]))


def test_before_anything_comes_it_says_so(graph, viewer):
    assert viewer.health()[1] == 'no picture yet' and not viewer.ready()
    assert viewer.window.grab().any()


def test_a_closed_window_ends_the_node(graph, viewer, monkeypatch):
    raised = []
    monkeypatch.setattr(signal, 'raise_signal', raised.append)
    viewer.window.closed = True
    assert graph.until(lambda: raised)
    assert raised[0] == signal.SIGTERM


def test_without_a_display_it_is_refused_and_lives(graph, monkeypatch):
    pytest.importorskip('pygame', reason='pygame-ce is not installed')
    for name in ('DISPLAY', 'WAYLAND_DISPLAY', 'SDL_VIDEODRIVER'):
        monkeypatch.delenv(name, raising=False)
    node = graph.start(ViewerNode)
    assert node.refusal.startswith('window: no display that can be opened') and node.window is None
