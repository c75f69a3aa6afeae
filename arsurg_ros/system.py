# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The systems that run: which nodes, with which parameters. Launch files and the ``arsurg`` command both start these.

A system is a YAML profile: ``nodes: {executable: {parameter: value}}``, ``limits`` that a run must keep, and the
``baseline_mm``, a T_ref_ct (4x4, millimetres) that somebody else found, to compare with. In its texts
``{share}``, ``{profile}`` (the profile's own folder), ``{bag}`` and the system's arguments are filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.resources import share_dir

Value = bool | int | float | str | list[Any]
EXECUTABLES = ('clock', 'camera', 'tracker', 'instrument', 'registration', 'overlay', 'viewer')
PROFILE_KEYS = ('description', 'nodes', 'limits', 'baseline_mm')


@dataclass(frozen=True)
class Argument:
    """What a launch file or the command lets the user choose; the default is the text that he would type."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeSpec:
    """One node to start: its executable, its name, parameters and remappings."""

    executable: str
    name: str
    parameters: dict[str, Value]
    remappings: dict[str, str] = field(default_factory=dict)
    namespace: str = 'arsurg'


@dataclass(frozen=True)
class System:
    """A named system: ``build`` returns the nodes for the arguments' texts; it raises ConfigError or DataError."""

    name: str
    description: str
    arguments: tuple[Argument, ...]
    build: Callable[[Mapping[str, str]], tuple[NodeSpec, ...]]

    def resolve(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return all arguments with defaults filled in; raises ConfigError for an unknown one or a wrong choice."""
        by_name = {a.name: a for a in self.arguments}
        for name, value in given.items():
            if name not in by_name:
                raise ConfigError(f'{self.name}: unknown argument {name!r}; valid: {", ".join(by_name)}')
            choices = by_name[name].choices
            if choices and value not in choices:
                raise ConfigError(f'{self.name}: {name} {value!r}; valid: {", ".join(choices)}')
        return {a.name: given.get(a.name, a.default) for a in self.arguments}


def load_profile(path: Path) -> dict[str, Any]:
    """Return a profile's mapping; raises DataError or ConfigError naming the file and what is wrong in it."""
    try:
        data = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as e:
        raise DataError(f'profile {path}: {e.strerror}') from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise DataError(f'profile {path} is not YAML: {" ".join(str(e).split())}') from e
    if not isinstance(data, dict) or not isinstance(data.get('nodes'), dict):
        raise ConfigError(f'profile {path}: a mapping with the key nodes is needed')
    for key in data:
        if key not in PROFILE_KEYS:
            raise ConfigError(f'profile {path}: unknown key {key!r}; valid: {", ".join(PROFILE_KEYS)}')
    bounds = data.get('limits') or {}
    if not isinstance(bounds, dict) or not all(isinstance(b, dict) for b in bounds.values()):
        raise ConfigError(f'profile {path}: limits {bounds!r}: a mapping of figures to {{max: x}} or {{min: x}} is needed')
    for executable, parameters in data['nodes'].items():
        if executable not in EXECUTABLES:
            raise ConfigError(f'profile {path}: unknown node {executable!r}; valid: {", ".join(EXECUTABLES)}')
        if not isinstance(parameters, dict):
            raise ConfigError(f'profile {path}: node {executable}: a mapping of parameters is needed')
    return data


def profile_nodes(path: Path, values: Mapping[str, str], *, sim_time: bool = False) -> tuple[NodeSpec, ...]:
    """Return the nodes of a profile, with ``values`` filled in, in the order of the data's way."""
    nodes = load_profile(path)['nodes']
    filled = {**values, 'share': str(share_dir()), 'profile': str(path.resolve().parent)}
    common: dict[str, Value] = {'autostart': True, **({'use_sim_time': True} if sim_time else {})}
    return tuple(
        NodeSpec(name, name, {**common, **{k: _fill(v, filled, path) for k, v in nodes[name].items()}})
        for name in EXECUTABLES
        if name in nodes
    )


def _fill(value: Any, values: Mapping[str, str], path: Path) -> Value:
    if isinstance(value, list):
        return [_fill(v, values, path) for v in value]
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]
    try:
        filled = value.format_map(values)
    except (KeyError, IndexError, ValueError) as e:
        raise ConfigError(f'profile {path}: {value!r}: unknown placeholder {e}; valid: {", ".join(values)}') from e
    # A text that is one placeholder alone takes the type that its value has in YAML (epoch_ns is a number).
    alone = value.startswith('{') and value.endswith('}') and value.count('{') == 1
    typed = yaml.safe_load(filled) if alone else filled
    return typed if isinstance(typed, (bool, int, float)) else filled


def replay_profile(bag: Path, profile: str = '') -> Path:
    """Return the profile of a bag: the one named, one beside the data (arsurg.yaml), or the shipped one of its name.

    Raises DataError for a bag that is not there, ConfigError where no profile is found.
    """
    if not bag.exists():
        raise DataError(f'bag {bag}: no such file or folder')
    if profile:
        return Path(profile)
    folder = bag if bag.is_dir() else bag.parent
    name = bag.stem if bag.is_file() else bag.resolve().name
    shipped = share_dir() / 'config' / 'replay'
    for candidate in (folder / 'arsurg.yaml', shipped / f'{name}.yaml'):
        if candidate.is_file():
            return candidate
    known = ', '.join(sorted(p.stem for p in shipped.glob('*.yaml'))) or 'none'
    raise ConfigError(
        f'bag {bag}: no profile says which boards, landmarks and meshes belong to it: give --profile FILE, or put '
        f'arsurg.yaml beside it (shipped profiles: {known})'
    )


def demo_profile() -> Path:
    """Return the demo's profile."""
    return share_dir() / 'config' / 'demo' / 'system.yaml'


def _demo(given: Mapping[str, str]) -> tuple[NodeSpec, ...]:
    return profile_nodes(demo_profile(), DEMO.resolve(given))


def _replay(given: Mapping[str, str]) -> tuple[NodeSpec, ...]:
    values = REPLAY.resolve(given)
    if not values['bag']:
        raise ConfigError('replay: bag is needed: the folder or file of a rosbag2 recording')
    bag = Path(values['bag']).resolve()
    playing = profile_nodes(replay_profile(bag, values['profile']), {**values, 'bag': str(bag)}, sim_time=True)
    clock: dict[str, Value] = {
        'autostart': True,
        'path': str(bag),
        'loop': _number(values, 'loop', int),
        'rate': _number(values, 'rate', float),
        'wait_for': [spec.name for spec in playing],
    }
    return (NodeSpec('clock', 'clock', clock), *playing)


def _or(given: Mapping[str, str]) -> tuple[NodeSpec, ...]:
    values = OR.resolve(given)
    sim: dict[str, Value] = {'use_sim_time': True} if values['use_sim_time'] == 'true' else {}
    frames: dict[str, Value] = {k: values[k] for k in ('ref_frame', 'ct_frame')}
    camera_frame = values['camera_frame']
    image, info = values['image_topic'], values['image_topic'].rpartition('/')[0] + '/camera_info'
    remap = {'camera/image_raw': image, 'camera/camera_info': info} if values['camera'] == 'topic' else {}
    base: dict[str, Value] = {'autostart': True, **sim}
    specs = []
    if values['camera'] != 'topic':
        camera: dict[str, Value] = {
            'source': values['camera'],
            'path': values['camera_path'],
            'calibration': values['calibration'],
            'camera_frame': camera_frame,
        }
        specs.append(NodeSpec('camera', 'camera', {**base, **camera}))
    _check_camera_pose(values)
    if values['tracker'] != 'topic':
        tracker: dict[str, Value] = {
            'source': values['tracker'],
            'boards': _texts(values['boards']),
            'dictionary': values['dictionary'],
            'path': values['tracker_path'],
            'topics': _texts(values['tracker_topics']),
            'tool_frames': [f'{values["reference"]}={values["ref_frame"]}', f'{values["tool"]}={values["tool_frame"]}'],
            'camera_frame': camera_frame,
            'tracker_frame': values['tracker_frame'],
            'is_camera': values['tracker'] == 'aruco',
            'camera_pose': values['camera_pose'],
        }
        specs.append(NodeSpec('tracker', 'tracker', {**base, **tracker}, dict(remap)))
    tool_topic = f'tracker/{values["tool"]}/measured_cp'
    instrument: dict[str, Value] = {
        'instrument': values['instrument'],
        'tool': values['tool'],
        'tool_frame': values['tool_frame'],
        'tip_m': [_number({'tip_m': v}, 'tip_m', float) for v in values['tip_m'].split(',')],
        'tip': values['tip'],
    }
    tool_remap = {tool_topic: values['tool_topic']} if values['tool_topic'] else {}
    specs.append(NodeSpec('instrument', 'instrument', {**base, **instrument}, tool_remap))
    registration: dict[str, Value] = {
        'landmarks': values['landmarks'],
        'mode': values['mode'],
        'registration': values['registration'],
        'instrument': values['instrument'],
        'reference': values['reference'],
        'robust': values['robust'] == 'true',
        'store': values['store'],
        'reload': values['reload'],
        'session_file': values['session_file'],
    }
    specs.append(NodeSpec('registration', 'registration', {**base, **frames, **registration}))
    overlay: dict[str, Value] = {
        'scene': values['scene'],
        'instrument': values['instrument'],
        'camera_frame': camera_frame,
        'record': values['record'],
        **_prediction(values),
    }
    specs += _overlays(values, {**base, **frames, **overlay}, remap)
    if values['window'] == 'true':
        for eye in ('left', 'right') if values['stereo'] else ('',):
            shown = {'overlay/image_raw': eye_topic('overlay/image_raw', eye)} if eye else {}
            specs.append(NodeSpec('viewer', f'viewer_{eye}' if eye else 'viewer', base, shown))
    return tuple(specs)


def _prediction(values: Mapping[str, str]) -> dict[str, Value]:
    """Return how an image without its pose is dealt with: a tracker that is the camera has each one, late but exact."""
    if values['predict_s'] == 'auto':
        return {'predict_s': 0.0 if values['tracker'] == 'aruco' else 0.03}
    return {'predict_s': _number(values, 'predict_s', float)}


def _overlays(values: Mapping[str, str], overlay: dict[str, Value], remap: dict[str, str]) -> list[NodeSpec]:
    """Return the overlay's node or, with a stereo calibration, one for each eye."""
    if not values['stereo']:
        return [NodeSpec('overlay', 'overlay', overlay, dict(remap))]
    if values['camera'] != 'topic':
        raise ConfigError(f'stereo {values["stereo"]!r}: camera {values["camera"]!r} has one eye; valid: topic')
    specs = []
    for eye, image in (('left', values['image_topic']), ('right', values['right_image_topic'])):
        own = {'camera/image_raw': image, 'camera/camera_info': image.rpartition('/')[0] + '/camera_info'}
        remapped = {eye_topic(topic, eye): there for topic, there in own.items()}
        more: dict[str, Value] = {'eye': eye, 'record': _record_of(values['record'], eye)}
        if eye == 'right':
            more['stereo'] = values['stereo']
        specs.append(NodeSpec('overlay', f'overlay_{eye}', {**overlay, **more}, remapped))
    return specs


def _record_of(path: str, eye: str) -> str:
    """Return where an eye's pictures are kept: out_left.mp4 for out.mp4."""
    return str(Path(path).with_name(f'{Path(path).stem}_{eye}{Path(path).suffix}')) if path else ''


def eye_topic(topic: str, eye: str) -> str:
    """Return the topic of an eye: camera/left/image_raw for camera/image_raw, the same one for no eye."""
    folder, _, name = topic.rpartition('/')
    return f'{folder}/{eye}/{name}' if eye else topic


def _check_camera_pose(values: Mapping[str, str]) -> None:
    if not values['camera_pose']:
        return
    if values['tracker'] == 'aruco':
        raise ConfigError(f'camera_pose {values["camera_pose"]!r}: tracker:=aruco tracks with the camera itself; leave it out')
    if values['tracker'] == 'topic':
        trk, cam = values['tracker_frame'], values['camera_frame']
        said = f'with tracker:=topic no node of ours publishes it: publish {trk} -> {cam} on /tf_static beside the driver'
        raise ConfigError(f'camera_pose {values["camera_pose"]!r}: {said}')


def _texts(text: str) -> list[Any]:
    # ROS cannot declare an empty list: one empty text stands for none.
    return [part for part in text.split(',') if part] or ['']


def _number(values: Mapping[str, str], name: str, kind: type[int] | type[float]) -> int | float:
    try:
        return kind(values[name])
    except ValueError as e:
        raise ConfigError(f'{name} {values[name]!r}: a number is needed') from e


DEMO = System(
    'demo',
    'A synthetic operating room with known ground truth: phantom, marker board, moving pointer and camera.',
    (Argument('epoch_ns', '0', "the scene's time 0 on the system clock, ns; 0 = when the camera starts"),),
    _demo,
)
REPLAY = System(
    'replay',
    'A recording played on a simulated clock through the real nodes.',
    (
        Argument('bag', '', 'rosbag2 folder or file (MCAP or SQLite)'),
        Argument('profile', '', "YAML of the recording's nodes; empty = by the bag's name"),
        Argument('loop', '1', 'how often it plays; 0 = for ever'),
        Argument('rate', '1.0', 'speed against real time'),
    ),
    _replay,
)
OR = System(
    'or',
    'The operating room: your camera, your tracker, your landmarks and meshes.',
    (
        Argument('camera', 'topic', 'where images come from', ('topic', 'video', 'recording', 'synthetic')),
        Argument('image_topic', '/camera/image_raw', "camera:=topic: the driver's image; camera_info lies beside it"),
        Argument('camera_path', '', 'camera:=video or recording: the file'),
        Argument('calibration', '', 'camera:=video: camera_info YAML, or text of K and distortion'),
        Argument('stereo', '', 'camera:=topic, two eyes: what arsurg calibrate camera --right wrote with --out'),
        Argument('right_image_topic', '/camera_right/image_raw', "with stereo: the right eye's; image_topic is the left's"),
        Argument('tracker', 'aruco', 'what tracks', ('aruco', 'topic', 'recording', 'synthetic')),
        Argument('boards', '', 'tracker:=aruco: ref=FILE,pointer=FILE'),
        Argument('dictionary', 'DICT_ARUCO_ORIGINAL', 'tracker:=aruco: OpenCV marker dictionary'),
        Argument('tracker_path', '', 'tracker:=recording: the bag'),
        Argument('tracker_topics', '', 'tracker:=recording: ref=TOPIC,pointer=TOPIC'),
        Argument('reference', 'ref', "the tracker's name of the reference body"),
        Argument('tool', 'pointer', "the tracker's name of the pointer"),
        Argument('tool_topic', '', "tracker:=topic: the pointer's PoseStamped; the reference comes by /tf"),
        Argument('instrument', 'pointer', "the instrument's name"),
        Argument('tip_m', '0,0,0', 'the tip in the tool frame, metres: x,y,z'),
        Argument('tip', '', 'in place of tip_m: what arsurg calibrate pivot wrote with --out'),
        Argument('camera_pose', '', 'where the camera is: what arsurg calibrate camera-to-tracker or handeye wrote with --out'),
        Argument('landmarks', '', 'landmarks YAML; mode:=result does without it'),
        Argument(
            'mode', 'manual', 'how landmarks are measured; result: a registration is given',
            ('file', 'dwell', 'manual', 'result'),
        ),
        Argument('registration', '', 'mode:=result: what arsurg register landmarks or surface wrote with --out'),
        Argument('robust', 'false', 'leave out landmarks that do not agree with the others', ('true', 'false')),
        Argument('store', 'auto', 'folder of the accepted registrations and their log; auto: the state folder; empty: none'),
        Argument(
            'reload', 'auto', 'go on after a restart with what the store has; auto = where it is named',
            ('auto', 'always', 'never'),
        ),
        Argument('session_file', '', 'file of registration/save and registration/load'),
        Argument('scene', '', 'scene YAML'),
        Argument('record', '', 'keep what the overlay shows: a new .mp4 file, or a new folder (PNG); empty = do not'),
        Argument('window', 'false', 'also show the overlay in a window', ('true', 'false')),
        Argument('predict_s', 'auto', 'poses are predicted over this at most, s; auto: 0 with tracker:=aruco, else 0.03'),
        Argument('camera_frame', 'cam', 'optical frame of the camera'),
        Argument('tracker_frame', 'trk', 'frame of the tracker'),
        Argument('ref_frame', 'ref', 'frame of the reference body'),
        Argument('ct_frame', 'ct', 'frame of the anatomy'),
        Argument('tool_frame', 'tool', 'frame of the pointer'),
        Argument('use_sim_time', 'false', 'follow /clock, as under ros2 bag play --clock', ('true', 'false')),
    ),
    _or,
)
SYSTEMS: dict[str, System] = {s.name: s for s in (DEMO, OR, REPLAY)}
