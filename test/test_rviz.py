# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""rviz/arsurg.rviz against what the nodes publish (topics, types, quality of service) and RViz's own plugins."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from arsurg_ros import frames
from arsurg_ros.launching import rviz_topics
from arsurg_ros.sinks import markers

REPO = Path(__file__).resolve().parents[1]
CONFIG = REPO / 'rviz' / 'arsurg.rviz'
#: Display plugins of rviz_default_plugins (Jazzy) that may be used here, and the message that each takes.
DISPLAYS = {
    'Axes': None,
    'Camera': 'Image',
    'CameraInfo': 'CameraInfo',
    'Grid': None,
    'Image': 'Image',
    'Marker': 'Marker',
    'MarkerArray': 'MarkerArray',
    'PointStamped': 'PointStamped',
    'Pose': 'PoseStamped',
    'PoseWithCovariance': 'PoseWithCovarianceStamped',
    'TF': None,
}
TOOLS = {'FocusCamera', 'Interact', 'Measure', 'MoveCamera', 'PublishPoint', 'Select', 'SetGoal', 'SetInitialPose'}
VIEWS = {'FPS', 'Orbit', 'ThirdPersonFollower', 'TopDownOrtho', 'XYOrbit'}
PANELS = {f'rviz_common/{name}' for name in ('Displays', 'Selection', 'Time', 'Tool Properties', 'Views')}
RELIABILITY = {'Reliable', 'Best Effort'}
DURABILITY = {'Transient Local', 'Volatile'}


@pytest.fixture(scope='module')
def config() -> dict[str, Any]:
    loaded = yaml.safe_load(CONFIG.read_text(encoding='utf-8'))
    assert set(loaded) == {'Panels', 'Visualization Manager', 'Window Geometry'}
    return dict(loaded)


def shown() -> list[dict[str, Any]]:
    """Return the displays that subscribe to a topic."""
    loaded = yaml.safe_load(CONFIG.read_text(encoding='utf-8'))
    return [display for display in loaded['Visualization Manager']['Displays'] if 'Topic' in display]


def published() -> Iterator[tuple[str, str, str]]:
    """Yield the topic, message type and name in qos.py of every publisher in the nodes' sources."""
    for path in sorted((REPO / 'arsurg_ros' / 'nodes').glob('*.py')):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(('.create_publisher', '.publisher')):
                kind, topic, profile = node.args[:3]
                if isinstance(topic, ast.Call) and ast.unparse(topic.func) == 'self._topic':  # one for each eye
                    topic = topic.args[0]
                if isinstance(topic, ast.Constant):
                    yield str(topic.value), ast.unparse(kind), ast.unparse(profile).removeprefix('qos.')


def plugin(name: str) -> str:
    """Return the last word of a class of rviz_default_plugins."""
    package, _, last = name.partition('/')
    assert package == 'rviz_default_plugins', name
    return last


def test_every_class_is_one_of_rvizs_own(config: dict[str, Any]) -> None:
    manager = config['Visualization Manager']
    assert {panel['Class'] for panel in config['Panels']} <= PANELS
    assert {plugin(d['Class']) for d in manager['Displays']} <= set(DISPLAYS)
    assert {plugin(tool['Class']) for tool in manager['Tools']} <= TOOLS
    assert plugin(manager['Views']['Current']['Class']) in VIEWS
    assert plugin(manager['Transformation']['Current']['Class']) == 'TF'


def test_the_view_shows_camera_overlay_markers_registration_and_tf(config: dict[str, Any]) -> None:
    manager = config['Visualization Manager']
    classes = [plugin(display['Class']) for display in manager['Displays']]
    assert {'Camera', 'Grid', 'Image', 'MarkerArray', 'PoseWithCovariance', 'TF'} == set(classes)
    assert all(display['Enabled'] is True and display['Name'] for display in manager['Displays'])
    assert manager['Global Options']['Fixed Frame'] == frames.REF


def test_every_namespace_of_the_markers_can_be_switched(config: dict[str, Any]) -> None:
    displays = config['Visualization Manager']['Displays']
    (anatomy,) = [display for display in displays if plugin(display['Class']) == 'MarkerArray']
    assert anatomy['Namespaces'] == {getattr(markers, name): True for name in vars(markers) if name.endswith('_NS')}


def test_the_cameras_visibility_names_the_displays(config: dict[str, Any]) -> None:
    displays = config['Visualization Manager']['Displays']
    (camera,) = [display for display in displays if plugin(display['Class']) == 'Camera']
    assert set(camera['Visibility']) - {'Value'} == {d['Name'] for d in displays} - {camera['Name']}


@pytest.mark.parametrize('display', shown(), ids=lambda display: display['Name'])
def test_a_display_gets_what_a_node_publishes(display: dict[str, Any]) -> None:
    qos = pytest.importorskip('arsurg_ros.nodes.qos', reason='no rclpy here: make setup, or source a ROS 2')
    from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

    topic = display['Topic']
    assert topic['Reliability Policy'] in RELIABILITY and topic['Durability Policy'] in DURABILITY
    assert topic['History Policy'] == 'Keep Last' and topic['Depth'] > 0
    found = [(kind, profile) for name, kind, profile in published() if f'/arsurg/{name}' == topic['Value']]
    assert found, f'{topic["Value"]}: no node publishes it'
    for kind, profile_name in found:
        profile = getattr(qos, profile_name)
        assert kind == DISPLAYS[plugin(display['Class'])]
        assert topic['Reliability Policy'] == 'Best Effort' or profile.reliability == ReliabilityPolicy.RELIABLE
        # What is sent once must reach an RViz that comes later; what is not kept cannot be asked for.
        latched = profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
        assert topic['Durability Policy'] == ('Transient Local' if latched else 'Volatile')


def test_topics_of_the_file_are_found() -> None:
    assert set(rviz_topics(CONFIG)) == {
        '/arsurg/camera/camera_info',
        '/arsurg/camera/image_raw',
        '/arsurg/overlay/image_raw',
        '/arsurg/overlay/markers',
        '/arsurg/registration/result',
    }


def test_the_cameras_info_is_published_too() -> None:
    names = {name for name, _, _ in published()}
    assert {topic.removeprefix('/arsurg/') for topic in rviz_topics(CONFIG)} <= names
