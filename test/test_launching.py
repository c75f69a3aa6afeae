# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Launch files start what the arsurg command starts; all but the last section runs without ROS 2's launch."""

from __future__ import annotations

import configparser
import importlib.util
import os
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from arsurg_ros import launching
from arsurg_ros.environment import PROFILE_VARIABLES
from arsurg_ros.errors import ArsurgError, ConfigError
from arsurg_ros.nodes.params import PARAMS, check
from arsurg_ros.runner import node_command, write_parameters
from arsurg_ros.system import SYSTEMS, NodeSpec

REPO = Path(__file__).resolve().parents[1]
LAUNCH_FILES = sorted((REPO / 'launch').glob('*.launch.py'))
REPLAYS = [p for p in sorted((REPO / 'config' / 'replay').glob('*.yaml')) if 'nodes' in yaml.safe_load(p.read_text())]
# As a user may choose them: the branches of the system `or` are all walked.
OR_CHOICES: tuple[dict[str, str], ...] = (
    {},
    {'tracker': 'topic', 'tool_topic': '/ndi/pointer', 'namespace': 'or1', 'use_sim_time': 'true'},
    {'camera': 'video', 'camera_path': 'a.mp4', 'boards': 'ref=a,pointer=b', 'rviz': 'true', 'ref_frame': 'skull'},
    {'camera': 'synthetic', 'tracker': 'synthetic', 'tip_m': '0,0.1,1', 'namespace': ''},
    {'camera': 'recording', 'tracker': 'recording', 'tracker_topics': 'ref=/a', 'tracker_path': '1'},
    {'tracker': 'recording', 'camera_pose': 'c.json', 'tip': 't.json', 'mode': 'result', 'registration': 'r.json'},
)
CASES = [
    ('demo', {}),
    ('demo', {'epoch_ns': '1700000000000000000', 'rviz': 'true'}),
    *(('or', choice) for choice in OR_CHOICES),
    *(('replay', {'bag': path.stem, 'loop': '3', 'rviz': 'true'}) for path in REPLAYS),
]


@pytest.fixture(params=CASES, ids=lambda case: f'{case[0]}-{"-".join(case[1].values())}'.replace('/', '_'))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, str]]:
    """Give a system and the arguments that a user typed."""
    return with_bag(request.param, tmp_path)


def with_bag(case: tuple[str, dict[str, str]], folder: Path) -> tuple[str, dict[str, str]]:
    """Return a case whose bag, where it has one, is an empty folder of that name."""
    name, given = case
    if 'bag' not in given:
        return case
    bag = folder / given['bag']
    bag.mkdir(exist_ok=True)
    return name, {**given, 'bag': str(bag)}


def build(name: str, given: Mapping[str, str]) -> tuple[NodeSpec, ...]:
    """Return the nodes that the arsurg command would start."""
    own = {argument.name for argument in SYSTEMS[name].arguments}
    return SYSTEMS[name].build({k: v for k, v in given.items() if k in own})


def entry_points() -> dict[str, str]:
    """Return executable -> module:function as setup.cfg installs them."""
    config = configparser.ConfigParser()
    config.read(REPO / 'setup.cfg', encoding='utf-8')
    lines = config['options.entry_points']['console_scripts'].strip().splitlines()
    return dict(line.replace(' ', '').split('=') for line in lines)


@pytest.fixture
def fake_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for launch and launch_ros: an action keeps its arguments, and its kind."""

    def module(name: str, *kinds: str) -> None:
        made = ModuleType(name)
        for kind in kinds:
            setattr(made, kind, lambda *args, kind=kind, **kwargs: SimpleNamespace(kind=kind, args=args, **kwargs))
        monkeypatch.setitem(sys.modules, name, made)

    module('launch', 'LaunchDescription')
    module('launch.actions', 'DeclareLaunchArgument', 'OpaqueFunction')
    module('launch_ros')
    module('launch_ros.actions', 'LifecycleNode', 'Node')


@pytest.fixture
def no_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take launch away, where it is there."""
    for name in ('launch', 'launch.actions', 'launch_ros', 'launch_ros.actions'):
        monkeypatch.setitem(sys.modules, name, None)


def load(path: Path) -> ModuleType:
    """Import a launch file as launch does."""
    spec = importlib.util.spec_from_file_location(path.name.replace('.', '_'), path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def started(description: Any, given: Mapping[str, str], environment: Mapping[str, str]) -> list[Any]:
    """Return the actions that a fake description starts with the arguments given."""
    *declared, start = description.args[0]
    values = {d.args[0]: d.default_value for d in declared} | dict(given)
    return list(start.function(SimpleNamespace(launch_configurations=values, environment=dict(environment))))


# One description of a system.


def test_every_system_has_a_launch_file() -> None:
    assert {path.name.removesuffix('.launch.py') for path in LAUNCH_FILES} == set(SYSTEMS)


@pytest.mark.parametrize('name', SYSTEMS)
def test_arguments_of_a_system_leave_room_for_the_common_ones(name: str) -> None:
    names = [argument.name for argument in launching.arguments(SYSTEMS[name])]
    assert sorted(set(names)) == sorted(names)
    assert {'namespace', 'rviz'} <= set(names)


@pytest.mark.usefixtures('fake_launch')
@pytest.mark.parametrize('path', LAUNCH_FILES, ids=lambda path: path.name)
def test_launch_file_declares_the_arguments_of_its_system(path: Path) -> None:
    *declared, start = load(path).generate_launch_description().args[0]
    system = SYSTEMS[path.name.removesuffix('.launch.py')]
    assert start.kind == 'OpaqueFunction'
    assert [d.kind for d in declared] == ['DeclareLaunchArgument'] * len(declared)
    assert [(d.args[0], d.default_value, d.description) for d in declared] == [
        (a.name, a.default, a.description) for a in (*system.arguments, *launching.COMMON)
    ]
    for action, argument in zip(declared, launching.arguments(system), strict=True):
        assert getattr(action, 'choices', []) == list(argument.choices)


@pytest.mark.usefixtures('fake_launch')
def test_launch_starts_what_the_command_starts(case: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    name, given = case
    fixed = {**given, 'epoch_ns': given.get('epoch_ns') or '5'} if name == 'demo' else given
    specs = build(name, fixed)
    actions = started(launching.launch_description(name), fixed, {})
    nodes = [action for action in actions if action.kind == 'LifecycleNode']
    assert len(nodes) == len(specs) > 0
    for node, spec in zip(nodes, specs, strict=True):
        command = node_command(spec, write_parameters(spec, tmp_path))
        assert entry_points()[node.executable] == f'{command[2]}:main'
        assert f'__node:={node.name}' in command
        assert node.namespace == '/' + given.get('namespace', 'arsurg')
        assert [f'{a}:={b}' for a, b in node.remappings] == [c for c in command if ':=' in c and not c.startswith('__')]
        written = yaml.safe_load((tmp_path / f'{spec.name}.yaml').read_text(encoding='utf-8'))
        assert node.parameters == [written['/**']['ros__parameters']]
    assert [action.package for action in actions[len(nodes) :]] == ['rviz2'] * (given.get('rviz') == 'true')


def test_every_executable_is_installed(case: tuple[str, dict[str, str]]) -> None:
    installed = entry_points()
    for spec in build(*case):
        assert spec.executable in installed
        assert (REPO / f'{installed[spec.executable].split(":")[0].replace(".", "/")}.py').is_file()


def test_every_parameter_is_declared_and_valid(case: tuple[str, dict[str, str]]) -> None:
    for spec in build(*case):
        declared = {param.name: param for param in PARAMS[spec.executable]}
        assert set(spec.parameters) - {'use_sim_time'} <= set(declared), spec.executable
        for key, value in spec.parameters.items():
            if key in declared:
                default = declared[key].default
                # An empty list is how a list of numbers without a default is declared.
                assert kind_of(value) == kind_of([0.0] if default == [] else default), f'{spec.executable}: {key}'
                check(declared[key], value)


def kind_of(value: Any) -> tuple[type, ...]:
    """Return the type of a value, of a list with its items': ROS takes neither an int for a float nor mixed lists."""
    return (list, *{type(v) for v in value}) if isinstance(value, list) else (type(value),)


def test_nodes_start_by_themselves(case: tuple[str, dict[str, str]]) -> None:
    assert {spec.parameters.get('autostart') for spec in build(*case)} == {True}


# What launch adds.


@pytest.mark.usefixtures('fake_launch')
def test_nodes_get_the_profile_for_big_images() -> None:
    for action in started(launching.launch_description('or'), {}, {'HOME': '/x'}):
        assert set(action.additional_env) == set(PROFILE_VARIABLES)
        assert all(Path(value).is_file() for value in action.additional_env.values())


@pytest.mark.usefixtures('fake_launch')
def test_the_users_own_profile_stays() -> None:
    for action in started(launching.launch_description('or'), {}, {PROFILE_VARIABLES[0]: '/mine.xml'}):
        assert action.additional_env == {}


def test_rviz_looks_at_this_system() -> None:
    specs = build('or', {'ref_frame': 'skull', 'use_sim_time': 'true', 'image_topic': '/endo/image_raw'})
    action = launching.rviz_action(specs, 'or1', {'A': 'b'})
    assert action['arguments'][:1] == ['-d'] and Path(action['arguments'][1]).is_file()
    assert action['arguments'][2:] == ['-f', 'skull']
    assert action['parameters'] == [{'use_sim_time': True}]
    assert action['additional_env'] == {'A': 'b'}
    assert dict(action['remappings']) == {
        '/arsurg/camera/image_raw': '/endo/image_raw',
        '/arsurg/camera/camera_info': '/endo/camera_info',
        '/arsurg/overlay/image_raw': '/or1/overlay/image_raw',
        '/arsurg/overlay/markers': '/or1/overlay/markers',
        '/arsurg/registration/result': '/or1/registration/result',
    }


def test_rviz_needs_no_remapping_by_default() -> None:
    assert launching.rviz_action(build('or', {'camera': 'synthetic'}), 'arsurg', {})['remappings'] == []


@pytest.mark.parametrize(
    ('name', 'namespace', 'said'),
    [('a/b', '', '/a/b'), ('a', 'n', '/n/a'), ('a', '/n/', '/n/a'), ('/a', 'n', '/a'), ('', '', '/'), ('n', '', '/n')],
)
def test_absolute_names(name: str, namespace: str, said: str) -> None:
    assert launching.absolute(name, namespace) == said


# What goes wrong.


@pytest.mark.usefixtures('fake_launch')
@pytest.mark.parametrize(
    ('name', 'given', 'said'),
    [
        ('replay', {}, 'bag is needed'),
        ('replay', {'bag': '/nowhere'}, 'bag /nowhere: no such file or folder'),
        ('or', {'tip_m': 'a,b,c'}, "tip_m 'a': a number is needed"),
        ('or', {'camera': 'x'}, "camera 'x'; valid: topic, video, recording, synthetic"),
    ],
)
def test_a_wrong_argument_is_one_line(name: str, given: dict[str, str], said: str) -> None:
    description = launching.launch_description(name)
    with pytest.raises(ArsurgError) as caught:
        started(description, given, {})
    assert said in str(caught.value) and '\n' not in str(caught.value)


def test_an_unknown_system_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"system 'x'; valid: demo, or, replay"):
        launching.launch_description('x')


@pytest.mark.usefixtures('no_launch')
def test_without_launch_the_description_says_what_it_needs() -> None:
    with pytest.raises(ArsurgError) as caught:
        launching.launch_description('demo')
    assert str(caught.value) == launching.NEEDS_ROS
    assert 'source /opt/ros/jazzy/setup.bash' in launching.NEEDS_ROS


@pytest.mark.usefixtures('no_launch')
@pytest.mark.parametrize('path', LAUNCH_FILES, ids=lambda path: path.name)
def test_run_with_python_a_launch_file_says_what_it_needs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(path), run_name='__main__')
    assert end.value.code == 2
    assert capsys.readouterr() == ('', f'{launching.NEEDS_ROS}\n')


@pytest.mark.usefixtures('fake_launch')
@pytest.mark.parametrize('path', LAUNCH_FILES, ids=lambda path: path.name)
def test_run_with_python_beside_launch_it_says_how_to_start(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(path), run_name='__main__')
    assert end.value.code == 2
    assert capsys.readouterr().err == f'start it with: ros2 launch arsurg_ros {path.name}\n'


# With the real launch, where it is.


@pytest.fixture
def real_launch() -> Any:
    """Give ROS 2's launch; skips where there is none."""
    pytest.importorskip('launch_ros.actions', reason='no launch_ros here: source a ROS 2 to run this test')
    return pytest.importorskip('launch')


def test_real_launch_makes_the_nodes(real_launch: Any, tmp_path: Path) -> None:
    for name, given in (with_bag(case, tmp_path) for case in CASES):
        context = real_launch.LaunchContext()
        context.launch_configurations.update(given)
        out = [made for entity in launching.launch_description(name).entities for made in entity.visit(context) or ()]
        expected = [('arsurg_ros', spec.executable) for spec in build(name, given)]
        expected += [('rviz2', 'rviz2')] * (given.get('rviz') == 'true')
        assert [(n.node_package, n.node_executable) for n in out] == expected


def test_real_launch_keeps_every_parameter(real_launch: Any, tmp_path: Path) -> None:
    from launch_ros.utilities import evaluate_parameters, normalize_parameters

    context = real_launch.LaunchContext()
    for spec in (spec for case in CASES for spec in build(*with_bag(case, tmp_path))):
        action = launching.node_action(spec, 'arsurg', os.environ)
        (evaluated,) = evaluate_parameters(context, normalize_parameters(action['parameters']))
        kept = {k: list(v) if isinstance(v, tuple) else v for k, v in evaluated.items()}
        assert kept == spec.parameters
        assert {k: kind_of(v) for k, v in kept.items()} == {k: kind_of(v) for k, v in spec.parameters.items()}


def test_real_launch_refuses_a_wrong_choice(real_launch: Any) -> None:
    context = real_launch.LaunchContext()
    context.launch_configurations['rviz'] = 'maybe'
    with pytest.raises(RuntimeError, match=r'"rviz" provided value "maybe" is not valid'):
        for entity in launching.launch_description('demo').entities:
            entity.visit(context)
