# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, DataError, RegistrationError
from arsurg_ros.files.meshes import save_ply
from arsurg_ros.files.points import load_points
from arsurg_ros.types import Mesh

POINTS = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 10]])
PLUS = '<PlusConfiguration><PhantomDefinition><Landmarks>{}</Landmarks></PhantomDefinition></PlusConfiguration>'
CLOUD = (
    'ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\nend_header\n'
    '1 2 3\n4 5 6\n7 8 10\n'
)


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding='utf-8')
    return str(path)


def test_every_kind_of_file_gives_the_same_points(tmp_path: Path, cube_mesh: Mesh) -> None:
    np.savez(tmp_path / 'a.npz', ct=POINTS, other=np.zeros(3))
    np.savez(tmp_path / 'two.npz', ct=POINTS, ref=POINTS + 1)
    np.save(tmp_path / 'a.npy', POINTS)
    sources = [
        write(tmp_path / 'a.csv', '1,2,3\n4,5,6\n7,8,10\n'),
        write(tmp_path / 'b.csv', 'name,z,y,x\na,3,2,1\nb,6,5,4\nc,10,8,7\n'),
        write(tmp_path / 'a.txt', '1 2 3\n4 5 6\n7 8 10\n'),
        str(tmp_path / 'a.npz'),
        f'{tmp_path / "two.npz"}#ct',
        str(tmp_path / 'a.npy'),
        write(tmp_path / 'a.ply', CLOUD),
    ]
    for source in sources:
        assert np.allclose(load_points(source, 1e-3).p_m, POINTS * 1e-3, rtol=1e-6), source
        assert np.allclose(load_points(source, 1.0).p_m, POINTS, rtol=1e-6), source


def test_names_are_kept_and_made_up(tmp_path: Path) -> None:
    named = load_points(write(tmp_path / 'a.csv', '#1,1,2,3\n#2,4,5,6\n'), 1.0)
    assert (named.names, named.named) == (('#1', '#2'), True)
    plain = load_points(write(tmp_path / 'b.csv', '1,2,3\n4,5,6\n'), 1.0)
    assert (plain.names, plain.named) == (('0', '1'), False)


def test_landmark_yaml_has_its_own_unit(tmp_path: Path) -> None:
    text = 'unit: mm\nlandmarks:\n  - {name: a, ct: [1, 2, 3], ref: [4, 5, 6]}\n'
    source = write(tmp_path / 'a.yaml', text)
    assert np.allclose(load_points(source, 1.0).p_m, [[1e-3, 2e-3, 3e-3]])
    assert np.allclose(load_points(f'{source}#ref', 1.0).p_m, [[4e-3, 5e-3, 6e-3]])


def test_plus_is_in_millimetres(tmp_path: Path) -> None:
    text = PLUS.format('<Landmark Name="#1" Position="104.3 5 20"/><Landmark Name="#2" Position="0 1 2"/>')
    points = load_points(write(tmp_path / 'a.xml', text), 1.0)
    assert points.names == ('#1', '#2')
    assert np.allclose(points.p_m[0], [0.1043, 0.005, 0.02])


def test_a_mesh_gives_its_vertices(tmp_path: Path, cube_mesh: Mesh) -> None:
    save_ply(cube_mesh, tmp_path / 'cube.ply', unit='mm')
    assert np.allclose(load_points(str(tmp_path / 'cube.ply'), 1e-3).p_m, cube_mesh.vertices_m, atol=1e-7)


@pytest.mark.parametrize(
    ('name', 'text', 'said'),
    [
        ('a.csv', '1,2\n', '2 numbers a row; x y z are needed'),
        ('a.csv', 'a,1,2,3\na,4,5,6\n', "the name 'a' is there more than once"),
        ('a.yaml', 'unit: [', 'is not YAML'),
        ('a.yaml', 'landmarks: []', 'no unit'),
        ('a.yaml', 'unit: inch\nlandmarks: []', "unit 'inch'; valid: mm, m"),
        ('a.yaml', 'unit: mm\nlandmarks: [{name: a}]', 'no ct'),
        ('a.yaml', 'unit: mm\nlandmarks: [{name: a, ct: [1, 2]}]', 'must be three numbers'),
        ('a.xml', '<a', 'not a PLUS configuration'),
        ('a.xml', '<a><Landmark Name="x"/></a>', 'not a PLUS configuration'),
        ('a.xml', '<a/>', '0 <Landmark> elements'),
        ('a.xml', '<a><Landmark Name="x" Position="1 2"/></a>', 'three numbers'),
        ('a.npy', 'no array', 'not a readable NumPy file'),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        load_points(write(tmp_path / name, text), 1e-3)


def test_an_unknown_kind_lists_the_valid_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'.fcsv'; valid: .csv"):
        load_points(write(tmp_path / 'a.fcsv', '1,2,3'), 1e-3)


def test_a_point_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistrationError, match=r'point 1 \(from 0\) is not finite, 1 in all') as caught:
        load_points(write(tmp_path / 'a.csv', '1,2,3\n4,nan,6\n'), 1e-3)
    assert caught.value.code == 'not_finite'


def test_arrays_must_be_told_apart(tmp_path: Path) -> None:
    np.savez(tmp_path / 'two.npz', ct=POINTS, ref=POINTS)
    with pytest.raises(DataError, match=r'name it with #NAME; there are: ct \(3, 3\), ref \(3, 3\)'):
        load_points(str(tmp_path / 'two.npz'), 1.0)
    with pytest.raises(DataError, match="no array 'x'; there are: ct, ref"):
        load_points(f'{tmp_path / "two.npz"}#x', 1.0)


def test_landmarks_may_be_none(tmp_path: Path) -> None:
    assert load_points(write(tmp_path / 'a.yaml', 'unit: mm\nlandmarks: []'), 1e-3).p_m.shape == (0, 3)


def test_a_folder_and_a_part_that_is_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'a folder; valid: \.csv'):
        load_points(str(tmp_path), 1e-3)
    with pytest.raises(ConfigError, match=r'#x picks nothing here: a\.csv has no named parts'):
        load_points(f'{write(tmp_path / "a.csv", "1,2,3")}#x', 1e-3)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    np.save(tmp_path / 'a.npy', np.array([{'a': 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match='not a readable NumPy file'):
        load_points(str(tmp_path / 'a.npy'), 1.0)
