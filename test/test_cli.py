# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The arsurg command from end to end: real processes, real DDS, real recordings."""

import json
import os
import subprocess
import sys

import cv2
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from arsurg_ros import cli

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]


def arsurg(*words, **environment):
    """Run the command without a domain of the caller's; return its status, output and errors."""
    env = {k: v for k, v in os.environ.items() if k != 'ROS_DOMAIN_ID'} | environment
    done = subprocess.run([sys.executable, '-m', 'arsurg_ros.cli', *map(str, words)], env=env, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp('demo')
    status, said, errors = arsurg('demo', '--duration', '19', '--out', out, '--json', out / 'figures.json')
    assert (out / 'figures.json').exists(), said + errors
    return out, json.loads((out / 'figures.json').read_text()), status, said


def test_demo_draws_the_anatomy_where_it_is(demo):
    _, found, _, _ = demo
    assert found['schema'] == 'arsurg.report/1'
    assert found['frames']['states']['live'] > 20
    assert found['overlay_error']['px']['p95'] < 3
    assert found['overlay_error']['mm']['p95'] < 2
    assert found['overlay_error']['live_without_pose'] == 0
    assert found['overlay_error']['drawn_iou']['median'] > 0.95
    assert found['overlay_error']['drawn_shift_px']['median'] < 2
    assert found['overlay_error']['drawn_over_pointer']['p50'] < 0.05
    assert found['warnings'] == []
    assert found['registration']['error_mm'] < 1.5


def test_demo_by_its_pixels_alone_agrees_with_headers_and_poses(demo):
    _, found, _, _ = demo
    shown = found['shown']
    assert shown['pictures'] >= found['frames']['overlay'] > 100
    assert not {name for name, n in shown['faults'].items() if n} - {'frozen'}
    # Same clock, same moment; which frames count as live differs by one at a change of state.
    assert shown['age_drawn_ms']['p50'] == pytest.approx(found['latency_ms']['end_to_end_live']['p50'], rel=0.2)
    assert shown['px']['p50'] == pytest.approx(found['overlay_error']['px']['p50'], abs=0.1)
    assert shown['mm']['p50'] == pytest.approx(found['overlay_error']['mm']['p50'], abs=0.1)


def test_demo_has_one_whole_tree(demo):
    _, found, _, _ = demo
    assert found['tf'] == {'cam': 'trk', 'ref': 'trk', 'tool': 'trk', 'tip': 'tool', 'ct': 'ref'}
    assert found['tf_roots'] == ['trk']


def test_demo_says_lost_while_the_board_is_covered(demo):
    _, found, _, _ = demo
    assert found['frames']['states']['lost'] > 0
    assert found['lost_to_flag_ms'] is not None


def test_demo_prints_every_figure(demo):
    _, found, status, said = demo
    for word in ('fps', 'end_to_end', 'TF rate', 'overlay error', 'capture to shown', 'peak memory', 'first overlay'):
        assert word in said
    assert status == (0 if found['ok'] else 1)
    for stage in ('camera.acquire', 'tracker.detect', 'overlay.kernel', 'overlay.composite', 'end_to_end'):
        assert found['latency_ms'][stage]['n'] > 20, stage
    assert set(found['peak_memory_mib']) == {'camera', 'tracker', 'instrument', 'registration', 'overlay', 'monitor', 'total'}


def test_demo_writes_video_picture_and_bag(demo):
    out, found, _, _ = demo
    video = cv2.VideoCapture(found['files']['video'])
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    # A loaded machine may drop frames from the recording; they are counted.
    assert frames + found['frames']['recorder_dropped'] >= found['frames']['overlay'] > 100
    assert cv2.imread(found['files']['contact_sheet']).shape[1] > 1000
    with AnyReader([out / 'bag']) as bag:
        topics = {c.topic for c in bag.connections}
        assert {'/tf', '/tf_static', '/arsurg/camera/image_raw/compressed', '/arsurg/registration/result'} <= topics
        latched = next(c for c in bag.connections if c.topic == '/arsurg/registration/result')
        assert latched.ext.offered_qos_profiles[0].durability.name == 'TRANSIENT_LOCAL'


def test_the_demos_own_bag_can_be_replayed(demo, tmp_path):
    out, _, _, _ = demo
    status, said, errors = arsurg(
        'replay', out / 'bag', '--out', tmp_path / 'again', '--json', tmp_path / 'r.json', '--no-bag'
    )
    assert status == 0, said + errors
    found = json.loads((tmp_path / 'r.json').read_text())
    assert found['registration']['fre_mm'] < 1.0
    assert found['frames']['states']['live'] > 20
    assert 'bag' not in found['files']


def test_replay_of_the_recorded_boards(shared_data, tmp_path):
    _, said, errors = arsurg(
        'replay', shared_data / 'bags' / 'bard_multipattern', '--loop', 10, '--out', tmp_path, '--json', tmp_path / 'r.json'
    )
    found = json.loads((tmp_path / 'r.json').read_text())
    assert found['markers_first_frame']['ref'] >= 11, said + errors
    assert found['pose_first_frame']['ref'] == pytest.approx([-80.62, 50.72, 250.27], abs=2.0)
    assert found['tf_roots'] == ['trk']
    assert found['frames']['states']['live'] > 5
    assert found['registration']['fre_mm'] < 0.5


def test_replay_of_the_recorded_landmarks(shared_data, tmp_path):
    status, said, errors = arsurg(
        'replay', shared_data / 'bags' / 'plus_eight_landmarks', '--rate', 10, '--out', tmp_path, '--json', tmp_path / 'r.json'
    )
    assert status == 0, said + errors
    found = json.loads((tmp_path / 'r.json').read_text())['registration']
    assert found['fre_mm'] < 0.5
    assert found['baseline_mm'] < 0.5
    assert found['baseline_deg'] < 0.2
    assert len(found['residual_mm']) == 8


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        (['replay', '/nowhere'], 'bag /nowhere: no such file or folder'),
        (['demo', '--duration', '0'], '--duration 0.0: a positive number'),
        (['replay', '{bag}', '--loop', '0'], '--loop 0'),
        (['replay', '{bag}', '--profile', '/nowhere.yaml'], 'profile /nowhere.yaml: No such file'),
        (['replay', '{bag}'], 'no profile says which boards'),
        (['replay', '{bag}', '--profile', '{profile}'], 'corrupt or cut short'),
    ],
)
def test_wrong_words_are_one_line_and_status_2(words, says, tmp_path):
    bag, profile = tmp_path / 'broken', tmp_path / 'p.yaml'
    bag.mkdir()
    (bag / 'metadata.yaml').write_text('nonsense: [')
    profile.write_text("nodes: {camera: {source: recording, path: '{bag}'}}")
    filled = [w.format(bag=bag, profile=profile) for w in words]
    status, _, errors = arsurg(*filled, '--out', tmp_path / 'out')
    assert status == 2
    assert errors.startswith('error: ') and says in errors
    assert len(errors.strip().splitlines()) == 1


def test_nothing_of_others_is_replaced(tmp_path):
    bag = short_bag(tmp_path)
    files = {p: p.read_bytes() for p in bag.iterdir()}
    for words in (['replay', bag, '--out', tmp_path], ['demo', '--out', tmp_path]):
        status, _, errors = arsurg(*words)
        assert status == 2
        assert errors.startswith('error: --out') and len(errors.strip().splitlines()) == 1
    assert {p: p.read_bytes() for p in bag.iterdir()} == files


@pytest.mark.parametrize('option', ['--out', '--json'])
def test_a_file_for_a_folder_and_a_folder_for_a_file(tmp_path, option):
    file = tmp_path / 'file'
    file.write_text('x')
    status, _, errors = arsurg('demo', '--out', tmp_path / 'out', option, file if option == '--out' else tmp_path)
    assert status == 2
    assert errors.startswith('error: ') and len(errors.strip().splitlines()) == 1


def short_bag(tmp_path):
    """Write a bag of 0.2 s that nobody listens to."""
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection('/x', 'std_msgs/msg/String', typestore=store)
        for k in range(3):
            data = store.serialize_cdr(store.types['std_msgs/msg/String']('x'), 'std_msgs/msg/String')
            writer.write(connection, 10**9 + k * 10**8, bytes(data))
    return tmp_path / 'bag'


def test_a_node_that_refuses_ends_the_run_with_its_reason(tmp_path):
    profile = tmp_path / 'p.yaml'
    profile.write_text("nodes: {registration: {landmarks: '{profile}/gone.yaml'}}")
    status, _, errors = arsurg('replay', short_bag(tmp_path), '--profile', profile, '--out', tmp_path / 'out')
    assert status == 2
    assert errors.strip() == f'error: registration: landmarks file {tmp_path}/gone.yaml: No such file or directory'


def test_collinear_landmarks_are_a_missed_limit_and_say_why(tmp_path):
    profile = tmp_path / 'p.yaml'
    profile.write_text("nodes: {registration: {mode: file, landmarks: '{profile}/line.yaml'}}")
    rows = [f'{{name: p{k}, ct: [{10 * k}, 0, 0], ref: [{10 * k}, 0, 0]}}' for k in range(4)]
    (tmp_path / 'line.yaml').write_text(f'unit: mm\nlandmarks: [{", ".join(rows)}]\n')
    status, said, _ = arsurg('replay', short_bag(tmp_path), '--profile', profile, '--out', tmp_path / 'out', '--no-bag')
    assert status == 1
    assert 'MISS registration/fre_mm = none' in said
    assert 'collinear: the points of one set lie on a line' in said


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(['--version'])
    assert ended.value.code == 0
    assert 'arsurg_ros' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        (['register', 'landmarks', '--fixed', 'f.csv'], 'landmarks: the following arguments are required: --moving'),
        (['register', 'landmarks', '--fixed', 'f', '--moving', 'm', '--target', '1,2'], 'x,y,z with three finite numbers'),
        (['calibrate', 'pivot', '--poses', 'p', '--method', 'best'], "argument --method: invalid choice: 'best'"),
        (['calibrate', 'sphere', '--points', 'p', '--nonsense'], 'unrecognized arguments: --nonsense'),
        (['calibrate'], 'arguments are required: WHAT (see arsurg calibrate --help)'),
    ],
)
def test_words_that_no_command_knows_are_one_line_and_json(words, says, capsys):
    assert cli.main(words) == 2
    said = capsys.readouterr()
    assert said.out == '' and said.err.startswith('error: ') and says in said.err
    assert len(said.err.splitlines()) == 1
    assert cli.main([*words, '--json']) == 2
    error = json.loads(capsys.readouterr().out)['error']
    assert error['code'] == 'bad_option' and says in error['message'].replace(' --json', '')


def test_a_file_behind_json_is_not_standard_output(capsys):
    assert cli.main(['demo', '--nonsense', '--json', 'out.json']) == 2
    assert capsys.readouterr().out == ''
