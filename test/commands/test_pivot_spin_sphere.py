# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from arsurg_ros.cli import main
from arsurg_ros.files.calibrations import tip_transform
from arsurg_ros.geometry import se3

TIP, PIVOT, AXIS = np.array([-0.015, 0.15, -0.007]), np.array([0.1, -0.2, -1.5]), np.array([0.0, 1.0, 0.0])
PIVOT_KEYS = {
    'command', 'unit', 'software', 'kernel', 'poses', 'source', 'dropped', 'method', 'tip', 'tip_m', 'pivot', 'T', 'T_tool_tip',
    'inliers', 'outliers', 'rms_mm', 'axis_rms_mm', 'max_mm', 'residuals_mm', 'all_poses', 'range_deg', 'swings_deg',
    'directions', 'noise_mm', 'dof', 'tip_covariance_mm2', 'pivot_covariance_mm2', 'tip_sigma_mm', 'tip_margin95_mm',
    'pivot_margin95_mm', 'spin', 'warnings',
}
SPIN_KEYS = {
    'command', 'unit', 'software', 'kernel', 'poses', 'source', 'dropped', 'axis', 'point', 'direction', 'centre', 'T',
    'T_tool_tip', 'tip', 'tip_off_axis_mm', 'wobble_deg', 'radial_mm', 'wobbles_deg', 'radials_mm', 'turns_deg', 'turn_deg',
    'axis_sigmas_deg', 'warnings',
}
SPHERE_KEYS = {
    'command', 'unit', 'software', 'kernel', 'points', 'source', 'centre', 'radius', 'rms_mm', 'max_mm', 'noise_mm', 'dof',
    'covariance_mm2', 'centre_sigma_mm', 'radius_sigma_mm', 'centre_margin95_mm', 'condition',
}


def write_poses(path: Path, rotations: list[Any], unit_m: float = 1e-3, noise_m: float = 1e-4) -> str:
    rng = np.random.default_rng(1)
    T = np.array([se3.compose(R, PIVOT - R @ TIP + rng.normal(0, noise_m, 3)) for R in rotations])
    T[:, :3, 3] /= unit_m
    np.savetxt(path, T.reshape(-1, 16), delimiter=',', fmt='%.9f')
    return str(path)


@pytest.fixture
def pivot_file(tmp_path: Path) -> str:
    rng = np.random.default_rng(2)
    return write_poses(tmp_path / 'pivot.csv', [se3.from_rotvec(rng.uniform(-0.5, 0.5, 3)) for _ in range(40)])


@pytest.fixture
def spin_file(tmp_path: Path) -> str:
    return write_poses(tmp_path / 'spin.csv', [se3.from_rotvec(AXIS * t) for t in np.linspace(0, 4, 30)])


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict[str, Any]:
    assert main([*arguments, '--json']) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_recorded_pivot_by_the_command(shared_data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    poses, picture = str(shared_data / 'pivot_skscal' / 'PivotCalibration'), tmp_path / 'pivot.png'
    plain = answer(capsys, 'calibrate', 'pivot', '--poses', poses, '--method', 'algebraic')
    assert np.abs(np.array(plain['tip']) - (-14.473, 394.634, -7.407)).max() < 2e-3
    assert np.abs(np.array(plain['pivot']) - (-804.742, -85.474, -2112.131)).max() < 2e-3
    assert plain['rms_mm'] == pytest.approx(3.050, abs=1e-3)
    assert plain['max_mm'] == pytest.approx(12.26, abs=5e-3)
    robust = answer(capsys, 'calibrate', 'pivot', '--poses', poses, '--plot', str(picture))
    assert set(robust) == PIVOT_KEYS
    assert (robust['poses'], plain['inliers'], robust['inliers']) == (57, 57, 52)
    assert len(robust['outliers']) == 5
    assert robust['rms_mm'] < plain['rms_mm'] == pytest.approx(robust['all_poses']['rms_mm'])
    assert np.array(robust['T'])[:3, 3].tolist() == robust['tip']
    assert picture.stat().st_size > 20_000
    assert main(['calibrate', 'pivot', '--poses', poses]) == 0
    text = capsys.readouterr().out
    assert 'rms 2.067 mm' in text
    assert 'rms 3.050 mm, max 12.262 mm' in text
    assert '52 of 57 used' in text


def test_metres_given_for_millimetres_are_refused(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poses = str(shared_data / 'pivot_skscal' / 'PivotCalibration')
    refused = answer(capsys, 'calibrate', 'pivot', '--poses', poses, '--units', 'm', status=2)
    assert refused['error']['code'] == 'wrong_unit'


def test_the_written_tip_is_what_the_instrument_node_takes(
    pivot_file: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / 'tool.yaml'
    assert main(['calibrate', 'pivot', '--poses', pivot_file, '--out', str(out)]) == 0
    written = yaml.safe_load(out.read_text())
    assert np.abs(tip_transform(written['tip_m'])[:3, 3] - TIP).max() < 5e-4
    line = next(s for s in capsys.readouterr().out.splitlines() if 'tip_m' in s)
    assert yaml.safe_load(line.split('parameter:')[1])['tip_m'] == pytest.approx(written['tip_m'], abs=1e-6)


def test_units_change_the_geometry_alone(
    pivot_file: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rng = np.random.default_rng(2)
    in_m = write_poses(tmp_path / 'm.csv', [se3.from_rotvec(rng.uniform(-0.5, 0.5, 3)) for _ in range(40)], 1.0)
    mm = answer(capsys, 'calibrate', 'pivot', '--poses', pivot_file)
    m = answer(capsys, 'calibrate', 'pivot', '--poses', in_m, '--units', 'm')
    assert (mm['unit'], m['unit']) == ('mm', 'm')
    assert np.allclose(mm['tip'], 1e3 * np.array(m['tip']), atol=1e-4)
    assert np.allclose(mm['tip_m'], m['tip_m'], atol=1e-7)
    assert m['rms_mm'] == pytest.approx(mm['rms_mm'], abs=1e-4)
    assert m['kernel']['sha256']


def test_pivot_with_spin_gives_the_tip_frame(pivot_file: str, spin_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, 'calibrate', 'pivot', '--poses', pivot_file, '--spin', spin_file)
    T = np.array(found['T_tool_tip'])
    assert np.abs(T[:3, 2] - AXIS).max() < 5e-3
    assert T[:3, 3].tolist() == found['tip']
    assert found['spin']['turn_deg'] == pytest.approx(math.degrees(4), abs=0.1)
    assert main(['calibrate', 'pivot', '--poses', pivot_file, '--spin', spin_file]) == 0
    assert 'axis      (' in capsys.readouterr().out


def test_spin_by_the_command(spin_file: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture = tmp_path / 'spin.png'
    options = ('--tip', ','.join(str(1e3 * v) for v in TIP), '--plot', str(picture))
    found = answer(capsys, 'calibrate', 'spin', '--poses', spin_file, *options)
    assert set(found) == SPIN_KEYS
    assert np.abs(np.array(found['axis']) - AXIS).max() < 1e-6
    assert found['tip_off_axis_mm'] < 0.2
    assert np.abs(np.array(found['T'])[:3, 3] - 1e3 * TIP).max() < 1e-9
    assert picture.stat().st_size > 10_000
    assert main(['calibrate', 'spin', '--poses', spin_file]) == 0
    assert 'turned 229.2 deg' in capsys.readouterr().out
    refused = answer(capsys, 'calibrate', 'spin', '--poses', spin_file, '--min-turn', '300', status=2)
    assert refused['error']['code'] == 'insufficient_motion'


def test_the_recorded_sphere_by_the_command(shared_data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    points, picture = str(shared_data / 'sphere_ct' / 'CT_Level_1.vtp'), tmp_path / 'sphere.png'
    found = answer(capsys, 'calibrate', 'sphere', '--points', points, '--plot', str(picture))
    assert set(found) == SPHERE_KEYS
    assert np.abs(np.array(found['centre']) - (136.571, 151.973, -95.518)).max() < 1e-3
    assert found['radius'] == pytest.approx(8.119, abs=1e-3)
    assert found['points'] == 7142
    assert picture.stat().st_size > 20_000
    assert main(['calibrate', 'sphere', '--points', points]) == 0
    assert 'radius    8.119 mm' in capsys.readouterr().out


@pytest.mark.parametrize('what', ['pivot', 'spin'])
def test_one_pose_repeated_is_refused(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poses = write_poses(tmp_path / 'one.csv', [np.eye(3)] * 12, noise_m=0.0)
    assert answer(capsys, 'calibrate', what, '--poses', poses, status=2)['error']['code'] == 'repeated_pose'


@pytest.mark.parametrize('unit_m', [1.0, 1e-6])  # metres, or micrometres, read as millimetres
def test_another_unit_is_no_answer(unit_m: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(2)
    rocking = write_poses(tmp_path / 'p.csv', [se3.from_rotvec(rng.uniform(-0.5, 0.5, 3)) for _ in range(40)], unit_m)
    turning = write_poses(tmp_path / 's.csv', [se3.from_rotvec(AXIS * t) for t in np.linspace(0, 4, 30)], unit_m)
    ball = rng.normal(size=(50, 3))
    ball *= (0.008 if unit_m == 1 else 0.05) / unit_m / np.linalg.norm(ball, axis=1)[:, None]
    np.savetxt(tmp_path / 'b.csv', ball, delimiter=',')
    for words in (('pivot', '--poses', rocking), ('spin', '--poses', turning), ('sphere', '--points', str(tmp_path / 'b.csv'))):
        error = answer(capsys, 'calibrate', *words, status=2)['error']
        assert error['code'] == 'wrong_unit', words
        assert error['message'].endswith('metres given as mm?' if unit_m == 1 else 'are these millimetres?')


def test_a_tip_in_another_unit(spin_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = answer(capsys, 'calibrate', 'spin', '--poses', spin_file, '--tip', '-15000,150000,-7000', status=2)['error']
    assert error['code'] == 'wrong_unit'


def test_limits_are_named_as_they_were_given(pivot_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    for what, option in (('pivot', '--min-range'), ('spin', '--min-turn')):
        error = answer(capsys, 'calibrate', what, '--poses', pivot_file, option, '-20', status=2)['error']
        assert error == {'code': 'bad_option', 'message': f'{option} -20: a positive number of degrees is needed'}
