# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A system of ``arsurg_ros.system`` as a launch description: the same nodes and parameters that ``arsurg`` starts.

Nodes take themselves through configure and activate (their parameter ``autostart``), so no event chain is needed here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from arsurg_ros.environment import ros_environment
from arsurg_ros.errors import ArsurgError, ConfigError
from arsurg_ros.resources import PACKAGE, share_dir
from arsurg_ros.system import SYSTEMS, Argument, NodeSpec, System, eye_topic

NEEDS_ROS = (
    'launch files need a sourced ROS 2 (launch, launch_ros): source /opt/ros/jazzy/setup.bash; '
    'without ROS use: arsurg demo'
)
NAMESPACE = 'arsurg'
#: What every launch file takes beside its system's own arguments.
COMMON = (
    Argument('namespace', NAMESPACE, 'the namespace of all nodes'),
    Argument('rviz', 'false', 'also start RViz, with the view that ships with the package', ('true', 'false')),
)


def launch_description(system_name: str) -> Any:
    """Return the LaunchDescription of a system; raises ArsurgError without ROS 2's launch, ConfigError for its name."""
    system = find_system(system_name)
    actions = _module('launch.actions')
    _module('launch_ros.actions')  # without it nothing starts: say so before anything has
    declared = [actions.DeclareLaunchArgument(a.name, **declaration(a)) for a in arguments(system)]
    start = actions.OpaqueFunction(function=partial(_start, system))
    return _module('launch').LaunchDescription([*declared, start])


def find_system(name: str) -> System:
    """Return a system by its name; raises ConfigError that lists the valid ones."""
    if name not in SYSTEMS:
        raise ConfigError(f'system {name!r}; valid: {", ".join(SYSTEMS)}')
    return SYSTEMS[name]


def arguments(system: System) -> tuple[Argument, ...]:
    """Return all arguments of a system's launch file."""
    return (*system.arguments, *COMMON)


def declaration(argument: Argument) -> dict[str, Any]:
    """Return what DeclareLaunchArgument takes beside the name."""
    choices = {'choices': list(argument.choices)} if argument.choices else {}
    return {'default_value': argument.default, 'description': argument.description, **choices}


def node_action(spec: NodeSpec, namespace: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what LifecycleNode takes for ``spec``; ``environment`` is added to launch's own."""
    return {
        'package': PACKAGE,
        'executable': spec.executable,
        'name': spec.name,
        'namespace': absolute(namespace),
        'parameters': [dict(spec.parameters)],
        'remappings': list(spec.remappings.items()),
        'additional_env': dict(environment),
        'output': 'screen',
    }


def rviz_action(specs: Sequence[NodeSpec], namespace: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what Node takes for RViz: the shipped view, on the system's topics, reference frame and clock."""
    config = share_dir() / 'rviz' / 'arsurg.rviz'
    frame = [str(s.parameters['ref_frame']) for s in specs if 'ref_frame' in s.parameters][:1]
    return {
        'package': 'rviz2',
        'executable': 'rviz2',
        'name': 'rviz2',
        'arguments': ['-d', str(config), *(['-f', frame[0]] if frame else [])],
        'parameters': [{'use_sim_time': any(s.parameters.get('use_sim_time') is True for s in specs)}],
        'remappings': list(rviz_remappings(specs, namespace, rviz_topics(config)).items()),
        'additional_env': dict(environment),
        'output': 'screen',
    }


def rviz_topics(config: Path) -> tuple[str, ...]:
    """Return the topics that an RViz file subscribes to, the camera displays' camera_info among them."""
    displays = yaml.safe_load(config.read_text(encoding='utf-8'))['Visualization Manager']['Displays']
    topics = [d['Topic']['Value'] for d in displays if 'Topic' in d]
    cameras = [d['Topic']['Value'] for d in displays if d['Class'].endswith('/Camera')]
    return (*topics, *(f'{topic.rpartition("/")[0]}/camera_info' for topic in cameras))


def rviz_remappings(specs: Sequence[NodeSpec], namespace: str, topics: Sequence[str]) -> dict[str, str]:
    """Return how the shipped view's topics are named in this system: its namespace, and its nodes' remappings."""
    renamed = {a: b for spec in specs for a, b in spec.remappings.items()}
    if any(spec.parameters.get('eye') == 'left' for spec in specs):
        renamed |= {topic: eye_topic(topic, 'left') for topic in ('overlay/image_raw', 'overlay/camera_info')}
        renamed |= {topic: renamed[eye_topic(topic, 'left')] for topic in ('camera/image_raw', 'camera/camera_info')}
    out = {}
    for topic in topics:
        relative = topic.removeprefix(f'/{NAMESPACE}/')
        target = absolute(renamed.get(relative, relative), namespace)
        if topic != relative and target != topic:
            out[topic] = target
    return out


def absolute(name: str, namespace: str = '') -> str:
    """Return a namespace or topic with its leading slash, inside ``namespace`` unless it has one."""
    if name.startswith('/'):
        return name
    return '/' + '/'.join(part for part in (namespace.strip('/'), name) if part)


def explain(system_name: str) -> int:
    """Tell someone who ran a launch file with Python how to start it; return the exit status, 2."""
    try:
        launch_description(system_name)
        print(f'start it with: ros2 launch {PACKAGE} {system_name}.launch.py', file=sys.stderr)
    except ArsurgError as e:
        print(e, file=sys.stderr)
    return 2


def _start(system: System, context: Any) -> list[Any]:
    # An ArsurgError from here is one line: launch logs the text of an exception and ends with status 1.
    values = {a.name: context.launch_configurations[a.name] for a in arguments(system)}
    namespace, rviz = values['namespace'], values['rviz'] == 'true'
    specs = system.build({a.name: values[a.name] for a in system.arguments})
    before = context.environment
    added = {k: v for k, v in ros_environment(before).items() if before.get(k) != v}
    actions = _module('launch_ros.actions')
    nodes = [actions.LifecycleNode(**node_action(spec, namespace, added)) for spec in specs]
    return [*nodes, actions.Node(**rviz_action(specs, namespace, added))] if rviz else nodes


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as e:
        raise ArsurgError(NEEDS_ROS) from e
