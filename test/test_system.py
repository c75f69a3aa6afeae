# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import yaml

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.registration.landmarks import load_landmarks
from arsurg_ros.resources import share_dir
from arsurg_ros.synthetic import Scene
from arsurg_ros.system import DEMO, EXECUTABLES, OR, REPLAY, SYSTEMS, load_profile, profile_nodes, replay_profile

PROFILES = sorted((share_dir() / 'config').glob('**/*.yaml'))


def test_demo_nodes_in_the_order_of_the_data():
    specs = DEMO.build({'epoch_ns': '123'})
    assert [s.executable for s in specs] == ['camera', 'tracker', 'instrument', 'registration', 'overlay']
    assert all(s.parameters['autostart'] is True for s in specs)
    assert specs[0].parameters['epoch_ns'] == 123


def test_the_demos_landmarks_are_the_scenes():
    found = load_landmarks(share_dir() / 'config' / 'demo' / 'landmarks.yaml')
    truth = Scene().landmarks_ct
    assert found.names == tuple(truth)
    assert np.allclose(found.p_ct_m, np.array(list(truth.values())), atol=1e-6)


def test_the_demos_tip_is_the_scenes():
    (instrument,) = (s for s in DEMO.build({}) if s.executable == 'instrument')
    assert np.allclose(instrument.parameters['tip_m'], Scene().p_tool_tip)


def test_every_shipped_profile_loads():
    names = {p.stem for p in PROFILES if 'nodes' in yaml.safe_load(p.read_text())}
    assert names >= {'system', 'bard_multipattern', 'plus_eight_landmarks'}
    for path in PROFILES:
        if 'nodes' in yaml.safe_load(path.read_text()):
            load_profile(path)


def bag(tmp_path, name='bard_multipattern'):
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_replay_fills_in_the_bag_and_follows_its_clock(tmp_path):
    folder = bag(tmp_path)
    specs = REPLAY.build({'bag': str(folder), 'loop': '3'})
    assert specs[0].executable == 'clock'
    assert specs[0].parameters['wait_for'] == [s.name for s in specs[1:]]
    camera = specs[1]
    assert camera.parameters['path'] == str(folder)
    assert camera.parameters['loop'] == 3
    assert all(s.parameters['use_sim_time'] is True for s in specs[1:])


def test_a_profile_beside_the_bag_comes_first(tmp_path):
    folder = bag(tmp_path)
    own = folder / 'arsurg.yaml'
    own.write_text('nodes: {camera: {}}')
    assert replay_profile(folder) == own
    assert str(replay_profile(folder, 'x.yaml')) == 'x.yaml'


def test_a_bag_without_profile_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match=r'--profile FILE.*shipped profiles: bard_multipattern'):
        replay_profile(bag(tmp_path, 'mystery'))
    with pytest.raises(DataError, match='no such file or folder'):
        replay_profile(tmp_path / 'gone')
    with pytest.raises(ConfigError, match='bag is needed'):
        REPLAY.build({})
    with pytest.raises(ConfigError, match='a number is needed'):
        REPLAY.build({'bag': str(bag(tmp_path)), 'rate': 'fast'})


def test_or_with_the_drivers_own_topics():
    specs = OR.build({'camera': 'topic', 'image_topic': '/endoscope/image_raw', 'boards': 'ref=a.txt,pointer=b.txt'})
    by_name = {s.name: s for s in specs}
    assert list(by_name) == ['tracker', 'instrument', 'registration', 'overlay']
    remap = {'camera/image_raw': '/endoscope/image_raw', 'camera/camera_info': '/endoscope/camera_info'}
    assert by_name['tracker'].remappings == by_name['overlay'].remappings == remap
    assert by_name['tracker'].parameters['boards'] == ['ref=a.txt', 'pointer=b.txt']


def test_or_keeps_its_registrations_where_it_is_told_to():
    given = {'store': '/srv/or1', 'reload': 'never', 'session_file': 's.json', 'robust': 'true', 'reference': 'pelvis'}
    by_name = {s.name: s for s in OR.build(given)}
    found = by_name['registration'].parameters
    assert given | {'robust': True} == {key: found[key] for key in given}
    assert OR.build({})[2].parameters['store'] == 'auto'  # the log is kept, and nothing is reloaded without being asked


def test_or_with_a_foreign_tracker():
    specs = OR.build({'camera': 'video', 'camera_path': 'x.mp4', 'tracker': 'topic', 'tool_topic': '/ndi/probe'})
    by_name = {s.name: s for s in specs}
    assert list(by_name) == ['camera', 'instrument', 'registration', 'overlay']
    assert by_name['instrument'].remappings == {'tracker/pointer/measured_cp': '/ndi/probe'}


def test_or_goes_on_with_what_the_commands_wrote():
    given = {'tracker': 'recording', 'camera_pose': 'c.json', 'tip': 't.yaml', 'mode': 'result', 'registration': 'r.json'}
    by_name = {s.name: s.parameters for s in OR.build(given)}
    assert (by_name['tracker']['camera_pose'], by_name['tracker']['is_camera']) == ('c.json', False)
    assert by_name['instrument']['tip'] == 't.yaml'
    assert (by_name['registration']['mode'], by_name['registration']['registration']) == ('result', 'r.json')
    assert OR.build({})[0].parameters['camera_pose'] == ''


@pytest.mark.parametrize(
    ('given', 'says'),
    [
        ({'camera_pose': 'c.json'}, "camera_pose 'c.json': tracker:=aruco tracks with the camera itself"),
        ({'camera_pose': 'c.json', 'tracker': 'topic'}, 'publish trk -> cam on /tf_static'),
        ({'mode': 'guess'}, "mode 'guess'; valid: file, dwell, manual, result"),
        ({'camra': 'topic'}, "unknown argument 'camra'; valid: camera"),
        ({'camera': 'film'}, "camera 'film'; valid: topic, video"),
        ({'tip_m': '0,0,up'}, "tip_m 'up'"),
    ],
)
def test_wrong_arguments(given, says):
    with pytest.raises(ConfigError, match=says):
        OR.build(given)


def test_a_stereo_calibration_makes_an_overlay_for_each_eye():
    given = {'stereo': 'pair.json', 'image_topic': '/endo/left/image', 'right_image_topic': '/endo/right/image'}
    left, right = OR.build(given)[-2:]
    assert (left.name, right.name) == ('overlay_left', 'overlay_right')
    assert left.parameters['eye'] == 'left' and 'stereo' not in left.parameters
    assert right.parameters['eye'] == 'right' and right.parameters['stereo'] == 'pair.json'
    assert left.remappings == {
        'camera/left/image_raw': '/endo/left/image', 'camera/left/camera_info': '/endo/left/camera_info',
    }  # fmt: skip
    assert right.remappings['camera/right/camera_info'] == '/endo/right/camera_info'
    with pytest.raises(ConfigError, match="camera 'video' has one eye; valid: topic"):
        OR.build({**given, 'camera': 'video'})


def test_only_an_external_trackers_poses_are_predicted_unless_asked_for():
    def predict_s(**given):
        return OR.build(given)[-1].parameters['predict_s']

    assert predict_s() == 0.0 and predict_s(tracker='topic') == 0.03
    assert predict_s(predict_s='0.01') == 0.01 and predict_s(tracker='topic', predict_s='0') == 0.0
    with pytest.raises(ConfigError, match="predict_s 'often': a number is needed"):
        predict_s(predict_s='often')


@pytest.mark.parametrize(
    ('text', 'error', 'says'),
    [
        ('nodes: [', DataError, 'not YAML'),
        ('[]', ConfigError, 'key nodes'),
        ('nodes: {}\nmore: 1', ConfigError, "unknown key 'more'; valid: description, nodes, limits"),
        ('nodes: {robot: {}}', ConfigError, f"unknown node 'robot'; valid: {', '.join(EXECUTABLES)}"),
        ('nodes: {camera: 3}', ConfigError, 'node camera: a mapping'),
        ("nodes: {camera: {path: '{nope}'}}", ConfigError, "unknown placeholder 'nope'"),
    ],
)
def test_wrong_profiles(tmp_path, text, error, says):
    path = tmp_path / 'p.yaml'
    path.write_text(text)
    with pytest.raises(error, match=says):
        profile_nodes(path, {})


def test_a_missing_profile(tmp_path):
    with pytest.raises(DataError, match='No such file'):
        load_profile(tmp_path / 'none.yaml')


@pytest.mark.parametrize('system', SYSTEMS.values(), ids=SYSTEMS)
def test_every_argument_says_what_it_is(system):
    for argument in system.arguments:
        assert argument.description
        assert not argument.choices or argument.default in argument.choices


def test_the_or_may_keep_and_show_what_is_shown():
    def of(given):
        return {s.executable: s for s in OR.build({'landmarks': 'l.yaml', 'scene': 's.yaml', **given})}

    assert 'viewer' not in of({}) and of({})['overlay'].parameters['record'] == ''
    found = of({'window': 'true', 'record': 'kept.mp4'})
    assert found['viewer'].parameters == {'autostart': True}
    assert found['overlay'].parameters['record'] == 'kept.mp4'
