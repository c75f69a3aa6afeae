# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arsurg_ros import cli
from arsurg_ros.commands.surface import distinct, load_init
from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.files.meshes import load_surface
from arsurg_ros.geometry import se3
from arsurg_ros.synthetic.organ import on_mesh, organ

T = se3.exp([0.1, -0.2, 0.3, 0.4, -0.5, 0.6])


def write_obj(path: Path, vertices_m: np.ndarray, faces: np.ndarray) -> Path:
    lines = [f'v {x:.6f} {y:.6f} {z:.6f}' for x, y, z in vertices_m * 1e3]
    path.write_text('\n'.join([*lines, *(f'f {a} {b} {c}' for a, b, c in faces + 1)]) + '\n')
    return path


def write_points(path: Path, points_m: np.ndarray, unit_m: float = 1e-3) -> str:
    np.savetxt(path, points_m / unit_m, delimiter=',', header='x,y,z', comments='')
    return str(path)


def write_pose(path: Path, T: np.ndarray, unit_m: float = 1e-3) -> str:
    rows = T.copy()
    rows[:3, 3] /= unit_m
    np.savetxt(path, rows)
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict[str, Any]:
    assert cli.main(['register', 'surface', *arguments, '--json']) == status
    return dict(json.loads(capsys.readouterr().out))


@pytest.fixture(scope='module')
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp('surface')
    vertices, faces = organ(16)
    rng = np.random.default_rng(1)
    points = se3.transform(se3.inverse(T), on_mesh(rng, vertices, faces, 120)) + rng.normal(0, 3e-4, (120, 3))
    start = se3.exp([0.002, 0.001, -0.002, 0.03, -0.02, 0.02]) @ T
    return {
        'mesh': str(write_obj(folder / 'organ.obj', vertices, faces)),
        'points': write_points(folder / 'points.csv', points),
        'metres': write_points(folder / 'metres.csv', points, 1.0),
        'init': write_pose(folder / 'init.txt', start),
        'folder': str(folder),
    }


def test_points_are_registered_to_a_mesh(files: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    places = ('--target-point', '10,20,30', '--target-point', '0,0,-40')
    outputs = ('--plot', str(tmp_path / 'a.png'), '--out', str(tmp_path / 'a.json'))
    found = run(capsys, '--target', files['mesh'], '--source', files['points'], '--init', files['init'], *places, *outputs)
    assert found['command'] == 'register surface' and found['unit'] == 'mm' and found['kernel']['name'] == 'surface'
    assert found['T'] == found['T_target_source']
    assert np.abs(np.array(found['T'])[:3, 3] - T[:3, 3] * 1e3).max() < 1.0
    assert found['rms_mm'] == pytest.approx(0.3, rel=0.2)
    assert found['overlap'] == 1.0 and found['converged'] and found['agreeing'] == found['starts'] == 7
    assert found['warnings'] == [] and found['runner_up'] is None and not found['coarse']
    assert [t['p'] for t in found['targets']] == [pytest.approx([10, 20, 30]), pytest.approx([0, 0, -40])]
    assert all(0.05 < t['tre_rms_mm'] < t['margin95_mm'] < 1 for t in found['targets'])
    assert found['residuals_mm']['after']['p50'] < found['residuals_mm']['before']['p50']
    assert json.loads((tmp_path / 'a.json').read_text()) == found
    assert (tmp_path / 'a.png').read_bytes().startswith(b'\x89PNG')


def test_units_backends_and_methods_agree(files: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    given = ('--target', files['mesh'], '--source', files['points'], '--init', files['init'], '--multi-start', '1')
    plain = run(capsys, *given)
    twin = run(capsys, *given, '--backend', 'numpy')
    assert np.abs(np.array(plain['T']) - twin['T']).max() < 1e-3 and twin['kernel']['sha256'] is None
    general = run(capsys, *given, '--method', 'gicp', '--loss', 'huber', '--sigma', '0.3', '--max-distance', '10')
    assert np.abs(np.array(plain['T'])[:3, 3] - np.array(general['T'])[:3, 3]).max() < 1.0
    assert general['method'] == 'gicp' and general['max_distance_mm'] == pytest.approx(10)


def test_the_text_says_it_all(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    given = ['register', 'surface', '--target', files['mesh'], '--source', files['points'], '--target-point', '1,2,3']
    assert cli.main(given) == 0
    text = capsys.readouterr().out
    for word in ('T_target_source (mm):', 'rms to surface', 'mm over 120 of 120 points', 'starts', 'best elsewhere: rms',
                 'error at (1.000, 2.000, 3.000) mm: TRE', 'warning: coarse_start'):  # fmt: skip
        assert word in text, word


def test_an_answer_of_another_command_is_a_start(
    files: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given = ('--target', files['mesh'], '--source', files['points'], '--multi-start', '1')
    first = run(capsys, *given, '--init', files['init'], '--out', str(tmp_path / 'first.yaml'))
    again = run(capsys, *given, '--init', str(tmp_path / 'first.yaml'))
    assert np.abs(np.array(first['T']) - again['T']).max() < 1e-2
    assert np.abs(load_init(str(tmp_path / 'first.yaml'), 1.0)[:3, 3] * 1e3 - np.array(first['T'])[:3, 3]).max() < 1e-9
    (tmp_path / 'list.json').write_text(json.dumps(T.tolist()))
    assert np.abs(load_init(str(tmp_path / 'list.json'), 1.0) - T).max() < 1e-12
    (tmp_path / 'bad.json').write_text('{"command": "x", "T": [1, 2]}')
    (tmp_path / 'broken.yaml').write_text('a: [')
    for name, word in (
        ('bad.json', 'answer_broken: .*T: 4 x 4 finite'), ('broken.yaml', 'answer_unreadable: .*is not YAML'),
        ('missing.json', 'answer_unreadable: .*No such file'),
    ):  # fmt: skip
        with pytest.raises(RegistrationError, match=word):
            load_init(str(tmp_path / name), 1e-3)


def test_a_start_that_is_no_pose_is_named(tmp_path: Path) -> None:
    for T, code in ((np.diag([2.0, 1, 1, 1]), 'not_rigid'), (np.full((4, 4), np.nan), 'answer_broken')):
        (tmp_path / 'a.json').write_text(json.dumps({'command': 'x', 'unit': 'mm', 'T': T.tolist()}))
        with pytest.raises(RegistrationError, match=r'a\.json') as caught:
            load_init(str(tmp_path / 'a.json'), 1e-3)
        assert caught.value.code == code


def test_lengths_are_named_as_they_were_given(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    given = ('--target', files['mesh'], '--source', files['points'])
    for option, value, least in (
        ('--voxel', '-1', 'zero or a positive'),
        ('--sigma', 'nan', 'zero or a positive'),
        ('--max-distance', 'nan', 'a positive'),
    ):
        error = run(capsys, *given, option, value, status=2)['error']
        assert error == {'code': 'bad_option', 'message': f'{option} {value}: {least} number of mm is needed'}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    return str(run(capsys, *arguments, status=2)['error']['code'])


def test_bad_input_is_refused_by_name(files: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    mesh = ('--target', files['mesh'], '--source')
    assert refused(capsys, *mesh, files['metres']) == 'wrong_unit'
    (tmp_path / 'cloud.obj').write_text('v 1 2 3\n' * 9)
    error = run(capsys, '--target', str(tmp_path / 'cloud.obj'), '--source', files['points'], status=2)['error']
    assert error['code'] == 'bad_data' and 'a cloud, points without triangles, is read from .ply alone' in error['message']
    few = write_points(tmp_path / 'few.csv', np.eye(3) * 0.1)
    assert refused(capsys, *mesh, few) == 'too_few_points'
    line = write_points(tmp_path / 'line.csv', np.outer(np.linspace(0, 0.1, 9), (1, 1, 0)))
    assert refused(capsys, *mesh, line) == 'collinear'
    one = write_points(tmp_path / 'one.csv', np.ones((9, 3)) * 0.1)
    assert refused(capsys, *mesh, one) == 'coincident'
    (tmp_path / 'nan.csv').write_text('x,y,z\n' + '1,2,3\n' * 8 + '1,nan,3\n')
    assert refused(capsys, *mesh, str(tmp_path / 'nan.csv')) == 'not_finite'
    apart = write_pose(tmp_path / 'apart.txt', se3.compose(np.eye(3), [2.0, 0, 0]))
    assert refused(capsys, *mesh, files['points'], '--init', apart) == 'no_overlap'
    np.savetxt(tmp_path / 'scaled.txt', np.diag([2.0, 2, 2, 1]))
    assert run(capsys, *mesh, files['points'], '--init', str(tmp_path / 'scaled.txt'), status=2)['error']['message']
    np.savetxt(tmp_path / 'two.txt', np.tile(np.eye(4), (2, 1)))
    with pytest.raises(ConfigError, match='2 poses; one 4x4 is needed'):
        load_init(str(tmp_path / 'two.txt'), 1e-3)


def test_a_doubtful_search_is_refused_unless_it_is_accepted(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ('--target', files['mesh'], '--source', files['points'], '--multi-start', '2')
    error = run(capsys, *given, status=2)['error']
    assert error['code'] == 'no_consensus' and '--accept-coarse' in error['message']
    found = run(capsys, *given, '--accept-coarse')
    assert found['coarse'] and any(w.startswith('no_consensus: ') for w in found['warnings'])


def test_the_lidar_pair_comes_to_its_truth(shared_data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = shared_data / 'small_gicp'
    truth = np.loadtxt(folder / 'T_target_source.txt')
    start = write_pose(tmp_path / 'eye.txt', np.eye(4))
    given = ('--target', str(folder / 'target.ply'), '--source', str(folder / 'source.ply'), '--units', 'm', '--voxel', '0.25')
    for method, limit_m in (('point_to_plane', 0.02), ('gicp', 0.01)):
        found = run(capsys, *given, '--init', start, '--method', method)
        error = se3.inverse(truth) @ np.array(found['T'])
        assert np.linalg.norm(error[:3, 3]) < limit_m, method
        assert se3.rotation_angle_rad(error) < np.radians(0.5), method
        assert found['overlap'] > 0.9 and found['converged'] and found['max_distance_mm'] == 1000


@pytest.mark.parametrize('part', [0.4, 1.0])
def test_digitised_points_find_the_liver(
    shared_data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, part: float
) -> None:
    path = shared_data / 'skvtk' / 'Liver' / 'liver.vtk'
    surface, rng = load_surface(path), np.random.default_rng(3)
    everywhere = on_mesh(rng, surface.vertices_m, surface.triangles, 4000)
    centre = surface.vertices_m.mean(axis=0)
    front = (everywhere - centre) @ (0.3, -0.9, 0.2)
    seen = everywhere[front >= np.quantile(front, 1 - part)][:200]
    source = se3.transform(se3.inverse(T), seen) + rng.normal(0, 5e-4, seen.shape)
    about = se3.compose(np.eye(3), centre)
    landmarks = about @ se3.exp([0.004, -0.003, 0.005, 0.05, -0.04, 0.06]) @ se3.inverse(about) @ T
    points, init = write_points(tmp_path / 'p.csv', source), write_pose(tmp_path / 'init.txt', landmarks)
    place = ','.join(f'{v * 1e3:.3f}' for v in centre)
    found = run(capsys, '--target', str(path), '--source', points, '--init', init, f'--target-point={place}')
    error = np.array(found['T']) @ [*(se3.transform(se3.inverse(T), centre) * 1e3), 1]
    assert np.linalg.norm(error[:3] - centre * 1e3) < found['targets'][0]['margin95_mm'] < 1.5
    assert found['rms_mm'] == pytest.approx(0.5, rel=0.15) and found['warnings'] == []


def test_points_that_are_there_twice_are_left_out_and_told() -> None:
    points = np.array([[1.0, 2, 3], [0, 0, 0], [4, 5, 6], [0, 0, 0], [0, 0, 0]])
    kept, said = distinct(points, 'source')
    assert kept.tolist() == [[1, 2, 3], [0, 0, 0], [4, 5, 6]]
    assert said == ['duplicates: 2 points of the source are the same as another and were left out']
    assert distinct(kept, 'source')[1] == []
    assert len(distinct(np.zeros((5, 3)), 'source')[0]) == 5
