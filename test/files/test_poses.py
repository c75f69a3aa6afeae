# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from arsurg_ros.errors import ConfigError, DataError, RegistrationError
from arsurg_ros.files.poses import load_poses
from arsurg_ros.geometry import se3

STORE = get_typestore(Stores.ROS2_JAZZY)
RNG = np.random.default_rng(5)
POSES = np.array([se3.exp(RNG.uniform(-1, 1, 6)) for _ in range(4)])
MM = POSES.copy()
MM[:, :3, 3] *= 1e3
STAMPS_S = 1_700_000_000.0 + np.arange(4) * 0.25


def quaternions() -> np.ndarray:
    return np.array([[*T[:3, 3] * 1e3, *se3.to_quaternion(T)] for T in POSES])


def rows(values: np.ndarray, separator: str = ',') -> str:
    return '\n'.join(separator.join(repr(float(v)) for v in row) for row in values) + '\n'


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding='utf-8')
    return str(path)


def test_every_plain_file_gives_the_same_poses(tmp_path: Path) -> None:
    np.savez(tmp_path / 'a.npz', poses=MM)
    np.savez(tmp_path / 'two.npz', robot=MM, camera=MM)
    np.save(tmp_path / 'a.npy', MM)
    quaternion_rows = quaternions()
    pairs = [[a.tolist(), b.tolist()] for a, b in zip(MM[::-1], MM, strict=True)]
    sources = [
        write(tmp_path / 'stacked.txt', rows(MM.reshape(-1, 4), ' ')),
        write(tmp_path / 'sixteen.csv', rows(MM.reshape(-1, 16))),
        write(tmp_path / 'twelve.csv', rows(MM[:, :3].reshape(-1, 12))),
        write(tmp_path / 'seven.csv', rows(quaternion_rows)),
        write(tmp_path / 'named.csv', 'qw,x,y,z,qx,qy,qz\n' + rows(quaternion_rows[:, [6, 0, 1, 2, 3, 4, 5]])),
        str(tmp_path / 'a.npz'),
        f'{tmp_path / "two.npz"}#robot',
        str(tmp_path / 'a.npy'),
        write(tmp_path / 'a.json', json.dumps(MM.tolist())),
        f'{write(tmp_path / "pairs.json", json.dumps(pairs))}#1',
        f'{write(tmp_path / "object.json", json.dumps({"robot": MM.tolist()}))}#robot',
    ]
    for source in sources:
        series = load_poses(source, 1e-3)
        assert np.allclose(series.T, POSES, atol=1e-12), source
        assert series.stamps_ns is None and series.source == source and series.dropped == 0
        metres = load_poses(source, 1.0)
        assert np.allclose(metres.T[:, :3, 3], MM[:, :3, 3], atol=1e-9), source


def test_stamps_come_along(tmp_path: Path) -> None:
    stamped = np.column_stack([STAMPS_S, quaternions()])
    np.savez(tmp_path / 'a.npz', T=MM, stamps_s=STAMPS_S)
    np.savez(tmp_path / 'b.npz', T=MM, stamps_ns=np.round(STAMPS_S * 1e9).astype(np.int64))
    for source in (
        write(tmp_path / 'a.csv', rows(stamped)),
        write(tmp_path / 'b.csv', 'time,x,y,z,qx,qy,qz,qw\n' + rows(stamped)),
        write(tmp_path / 'c.csv', rows(np.column_stack([STAMPS_S, MM.reshape(-1, 16)]))),
        str(tmp_path / 'a.npz'),
        str(tmp_path / 'b.npz'),
    ):
        stamps_ns = load_poses(source, 1e-3).stamps_ns
        assert stamps_ns is not None and np.abs(stamps_ns - STAMPS_S * 1e9).max() < 1000, source


def test_a_folder_is_in_the_order_of_its_numbers_or_times(tmp_path: Path) -> None:
    for name, order in (('plain', (1, 2, 10, 11)), ('timed', tuple(1378476416417806000 + k for k in range(4)))):
        (tmp_path / name).mkdir()
        for k, T in zip(order, MM, strict=True):
            write(tmp_path / name / f'{"" if name == "timed" else "pose_"}{k}.txt', rows(T, ' '))
        (tmp_path / name / 'notes.md').write_text('no pose')
        series = load_poses(str(tmp_path / name), 1e-3)
        assert np.allclose(series.T, POSES, atol=1e-12)
        found = None if series.stamps_ns is None else tuple(series.stamps_ns.tolist())
        assert found == (None if name == 'plain' else order)


def plus(frames: list[dict[str, str]]) -> str:
    lines = ['ObjectType = Image', 'NDims = 3']
    for i, fields in enumerate(frames):
        lines += [f'Seq_Frame{i:04}_{key} = {value}' for key, value in fields.items()]
    return '\n'.join([*lines, 'ElementDataFile = LOCAL', '\x00\x01'])


def frame(k: int, status: str = 'OK') -> dict[str, str]:
    numbers = ' '.join(repr(float(v)) for v in MM[k].ravel())
    back = ' '.join(repr(float(v)) for v in (MM[k] @ MM[0]).ravel())
    return {
        'StylusToTrackerTransform': numbers,
        'StylusToTrackerTransformStatus': status,
        'ReferenceToTrackerTransform': back,
        'ReferenceToTrackerTransformStatus': 'OK',
        'Timestamp': str(10.0 + k * 0.02),
    }


def test_plus_sequences_are_millimetres_and_compose(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.igs.mha', plus([frame(0), frame(1), frame(2)]))
    direct = load_poses(f'{path}#StylusToTracker', 1.0)
    assert np.allclose(direct.T, POSES[:3], atol=1e-12)
    assert direct.stamps_ns is not None and np.diff(direct.stamps_ns).tolist() == [20_000_000, 20_000_000]
    composed = load_poses(f'{path}#StylusToReferenceTransform', 1.0).T
    assert np.allclose(composed, se3.inverse(POSES[0]), atol=1e-9)
    assert np.allclose(load_poses(f'{path}#TrackerToStylus', 1.0).T, se3.inverse(POSES[:3]), atol=1e-9)


def test_an_invalid_frame_of_plus_never_comes_out(tmp_path: Path) -> None:
    statuses = ['OK', 'INVALID', 'OUT_OF_VIEW', 'MISSING']
    path = write(tmp_path / 'a.mha', plus([frame(k, s) for k, s in enumerate(statuses)]))
    series = load_poses(f'{path}#StylusToTracker', 1.0)
    assert (len(series.T), series.dropped) == (1, 3)
    assert len(load_poses(f'{path}#StylusToReference', 1.0).T) == 1
    assert len(load_poses(f'{path}#ReferenceToTracker', 1.0).T) == 4
    none = write(tmp_path / 'b.mha', plus([frame(0, 'INVALID')]))
    with pytest.raises(DataError, match=r'none is valid \(1 were left out\)'):
        load_poses(f'{none}#StylusToTracker', 1.0)


def test_plus_files_that_cannot_be_used(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.mha', plus([frame(0)]))
    with pytest.raises(ConfigError, match='recorded are: StylusToTracker, ReferenceToTracker'):
        load_poses(path, 1.0)
    with pytest.raises(ConfigError, match='none that leads there; there are: StylusToTracker'):
        load_poses(f'{path}#StylusToPhantom', 1.0)
    for text, said in (
        ('no header at all', 'no MetaImage header'),
        ('NDims = 3\nA = b\n', 'no MetaImage header that ends'),
        ('NDims = 3\nElementDataFile = LOCAL\n', 'no frame with a time stamp'),
        (plus([frame(0) | {'StylusToTrackerTransform': '1 2 3'}]), 'frame 0'),
    ):
        with pytest.raises(DataError, match=said):
            load_poses(write(tmp_path / 'b.mha', text) + '#StylusToTracker', 1.0)


def test_recorded_plus_data(shared_data: Path) -> None:
    series = load_poses(f'{shared_data / "plus" / "TransformInterpolationTest.igs.mha"}#ProbeToTracker', 1.0)
    assert (len(series.T), series.dropped) == (499, 1)


KINDS = STORE.types


def stamped_pose(T: np.ndarray, stamp_ns: int, kind: str) -> object:
    header = KINDS['std_msgs/msg/Header'](KINDS['builtin_interfaces/msg/Time'](stamp_ns // 10**9, stamp_ns % 10**9), 'trk')
    q = KINDS['geometry_msgs/msg/Quaternion'](*se3.to_quaternion(T) if np.isfinite(T).all() else [np.nan] * 4)
    if kind == 'PoseStamped':
        pose = KINDS['geometry_msgs/msg/Pose'](KINDS['geometry_msgs/msg/Point'](*T[:3, 3]), q)
        return KINDS['geometry_msgs/msg/PoseStamped'](header, pose)
    if kind == 'PoseWithCovarianceStamped':
        pose = KINDS['geometry_msgs/msg/Pose'](KINDS['geometry_msgs/msg/Point'](*T[:3, 3]), q)
        both = KINDS['geometry_msgs/msg/PoseWithCovariance'](pose, np.zeros(36))
        return KINDS['geometry_msgs/msg/PoseWithCovarianceStamped'](header, both)
    transform = KINDS['geometry_msgs/msg/Transform'](KINDS['geometry_msgs/msg/Vector3'](*T[:3, 3]), q)
    return KINDS['geometry_msgs/msg/TransformStamped'](header, 'tool', transform)


def bag(path: Path, kind: str, poses: np.ndarray, plugin: StoragePlugin = StoragePlugin.MCAP) -> Path:
    full = f'geometry_msgs/msg/{kind}'
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        link = writer.add_connection('/tool', full, typestore=STORE)
        for k, T in enumerate(poses):
            stamp_ns = 10**18 + k * 10**7
            writer.write(link, stamp_ns, STORE.serialize_cdr(stamped_pose(T, stamp_ns, kind), full))
    return path


@pytest.mark.parametrize('kind', ['PoseStamped', 'PoseWithCovarianceStamped', 'TransformStamped'])
def test_bags_are_metres_whatever_the_unit(tmp_path: Path, kind: str) -> None:
    lost = np.full((4, 4), np.nan)
    path = bag(tmp_path / 'bag', kind, np.array([POSES[0], lost, POSES[1]]))
    for source in (str(path), f'{path}#/tool'):
        series = load_poses(source, 1e-3)
        assert np.allclose(series.T, POSES[:2], atol=1e-12)
        assert series.dropped == 1
        assert series.stamps_ns is not None and np.diff(series.stamps_ns).tolist() == [2 * 10**7]
    with pytest.raises(ConfigError, match="'/none': not in"):
        load_poses(f'{path}#/none', 1.0)


def test_a_frame_of_tf_in_a_recorded_bag(shared_data: Path, tmp_path: Path) -> None:
    full = 'tf2_msgs/msg/TFMessage'
    with Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        link = writer.add_connection('/tf', full, typestore=STORE)
        message = KINDS[full]([stamped_pose(POSES[2], 10**18, 'TransformStamped')])
        writer.write(link, 10**18, STORE.serialize_cdr(message, full))
    series = load_poses(f'{tmp_path / "bag"}#/tf:trk:tool', 1.0)
    assert np.allclose(series.T, POSES[2:3], atol=1e-12)
    with pytest.raises(DataError, match='none is valid'):
        load_poses(f'{tmp_path / "bag"}#/tf:trk:nobody', 1.0)
    assert len(load_poses(f'{shared_data / "bags" / "plus_eight_landmarks"}#/tracker/stylus/measured_cp', 1.0).T) == 1000


def test_rotations_of_few_digits_are_made_whole(tmp_path: Path) -> None:
    rough = np.round(MM, 4)
    series = load_poses(write(tmp_path / 'a.csv', rows(rough.reshape(-1, 16))), 1e-3)
    assert all(se3.is_rigid(T, 1e-12) for T in series.T)
    assert np.abs(series.T[:, :3, :3] - POSES[:, :3, :3]).max() < 1e-4


def bent(change: str) -> np.ndarray:
    out = MM.copy()
    if change == 'scaled':
        out[2, :3, :3] *= 1.01
    elif change == 'mirrored':
        out[2, :3, 0] *= -1
    elif change == 'transposed':
        out[2] = out[2].T
    else:
        out[2, 0, 3] = np.nan
    return out


@pytest.mark.parametrize(
    ('change', 'code'), [('scaled', 'not_rigid'), ('mirrored', 'not_rigid'), ('transposed', 'not_rigid'), ('nan', 'not_finite')]
)
def test_what_is_no_pose_is_named(tmp_path: Path, change: str, code: str) -> None:
    with pytest.raises(RegistrationError, match=r'pose 2 \(from 0\)') as caught:
        load_poses(write(tmp_path / 'a.csv', rows(bent(change).reshape(-1, 16))), 1e-3)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ('name', 'text', 'said'),
    [
        ('a.csv', '1,2,3\n', '1 rows of 3 numbers'),
        ('a.txt', '1 0 0 0\n0 1 0 0\n0 0 1 0\n', '3 rows of 4 numbers.*four rows a pose'),
        ('a.csv', f'1.7e18,{"0," * 6}1\n', r'time stamp is 1.7e\+18: seconds are needed'),
        ('a.json', '{', 'is not JSON'),
        ('a.json', '{"a": []}', 'name one of its keys with #KEY: a'),
        ('a.json', '[[1, 2], [3, 4]]', r'shape \(2, 2\)'),
        ('a.json', '["x"]', 'not nested lists of numbers'),
        ('a.json', json.dumps([[MM[0].tolist(), MM[0].tolist()]]), 'pick a side with #0 or #1'),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        load_poses(write(tmp_path / name, text), 1e-3)


def test_further_refusals(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'\.xml'; valid: a folder"):
        load_poses(write(tmp_path / 'a.xml', ''), 1.0)
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match=r'no \.csv'):
        load_poses(str(tmp_path / 'empty'), 1.0)
    (tmp_path / 'two').mkdir()
    write(tmp_path / 'two' / 'a.txt', rows(MM[:2].reshape(-1, 4), ' '))
    with pytest.raises(DataError, match='2 poses; in a folder every file holds one'):
        load_poses(str(tmp_path / 'two'), 1.0)
    with pytest.raises(RegistrationError, match=r'has norm 2\.0000'):
        load_poses(write(tmp_path / 'q.csv', '0,0,0,0,0,0,2\n'), 1.0)
    with pytest.raises(RegistrationError, match='time stamp is not finite'):
        load_poses(write(tmp_path / 't.csv', 'nan,0,0,0,0,0,0,1\n'), 1.0)
    np.savez(tmp_path / 'stamps.npz', T=MM, stamps_s=np.zeros(2))
    with pytest.raises(DataError, match=r'stamps_s \(2,\) for 4 poses'):
        load_poses(str(tmp_path / 'stamps.npz'), 1.0)


@pytest.mark.parametrize(
    ('name', 'stamps', 'said'),
    [
        ('stamps_s', np.array(list('abcd')), 'stamps_s holds <U1; numbers are needed'),
        ('stamps_s', np.full(4, np.nan), 'not_finite: .*stamps_s: a time stamp is not finite'),
        ('stamps_ns', np.full(4, np.inf), 'not_finite: .*stamps_ns: a time stamp is not finite'),
        ('stamps_s', STAMPS_S * 1e9, 'stamps_s: a time stamp is 1.7e.18: seconds are needed'),
    ],
)
def test_stamps_of_an_npz_that_are_none(tmp_path: Path, name: str, stamps: np.ndarray, said: str) -> None:
    np.savez(tmp_path / 'a.npz', **{'T': MM, name: stamps})  # type: ignore[arg-type]
    with pytest.raises((DataError, RegistrationError), match=said):
        load_poses(str(tmp_path / 'a.npz'), 1e-3)


def test_what_makes_a_matrix_no_pose_is_told(tmp_path: Path) -> None:
    with pytest.raises(RegistrationError, match='left-handed'):
        load_poses(write(tmp_path / 'a.csv', rows(bent('mirrored').reshape(-1, 16))), 1e-3)
    with pytest.raises(RegistrationError, match=r'its last row is .*, not 0 0 0 1 \(is it written by columns'):
        load_poses(write(tmp_path / 'a.csv', rows(bent('transposed').reshape(-1, 16))), 1e-3)


def test_a_part_of_what_has_no_parts_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'folder').mkdir()
    write(tmp_path / 'folder' / 'a.txt', rows(MM[0], ' '))
    sources = (
        write(tmp_path / 'a.csv', rows(MM.reshape(-1, 16))), str(tmp_path / 'folder'),
        write(tmp_path / 'a.json', json.dumps(MM.tolist())),
    )
    for source in sources:
        assert load_poses(source, 1e-3).stamps_ns is None
        with pytest.raises(ConfigError, match='#1 picks nothing here'):
            load_poses(f'{source}#1', 1e-3)
