# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arsurg_ros.cli import main
from arsurg_ros.geometry import se3

TRUE = se3.exp([0.05, 0.02, -0.1, 0.5, 1.0, -0.3])
MOVING_MM = np.random.default_rng(2).uniform(-80, 80, (10, 3))
FIXED_MM = se3.transform(TRUE, MOVING_MM / 1e3) * 1e3 + np.random.default_rng(3).normal(0, 0.3, (10, 3))
NAMES = [f'L{i}' for i in range(10)]
BASELINE_MM = np.array([
    [-0.00479115, 0.00329566, -0.999983, 22.7064],
    [-0.0127965, 0.999912, 0.00335674, -39.7536],
    [0.999907, 0.0128124, -0.00474856, 25.6504],
    [0, 0, 0, 1],
])
Run = Callable[..., dict[str, Any]]


def table(path: Path, points: np.ndarray, names: list[str] | None = None) -> Path:
    rows = [','.join(repr(float(v)) for v in p) for p in points]
    rows = rows if names is None else [f'{n},{row}' for n, row in zip(names, rows, strict=True)]
    path.write_text('\n'.join([('name,' if names else '') + 'x,y,z', *rows]) + '\n')
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command with --json and return its object."""

    def call(*arguments: object, status: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        assert main(['register', 'landmarks', '--json', *map(str, arguments)]) == status
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    return table(tmp_path / 'fixed.csv', FIXED_MM), table(tmp_path / 'moving.csv', MOVING_MM)


def off(answer: dict[str, Any], scale: float = 1e-3) -> tuple[float, float]:
    """Return how far T is from the truth, mm and degrees."""
    T = np.array(answer['T'])
    T[:3, 3] *= scale
    return float(np.linalg.norm(T[:3, 3] - TRUE[:3, 3])) * 1e3, float(np.degrees(se3.rotation_angle_rad(se3.inverse(TRUE) @ T)))


@pytest.mark.parametrize('backend', ['wasm', 'numpy'])
def test_points_in_order(run: Run, sides: tuple[Path, Path], backend: str) -> None:
    answer = run('--fixed', sides[0], '--moving', sides[1], '--target', '10,20,-30', '--target=-5,0,0', '--backend', backend)
    assert max(off(answer)) < 0.5
    assert answer['T'] == answer['T_fixed_moving']
    assert (answer['command'], answer['unit'], answer['pairing']) == ('register landmarks', 'mm', 'by order')
    assert (answer['points'], answer['used'], answer['dof'], answer['rejected']) == (10, 10, 24.0, [])
    assert answer['kernel']['backend'] == backend
    assert 0.1 < answer['fre_mm'] < answer['loo_tre_mm'] < 1
    assert answer['noise_mm'] == pytest.approx(0.3, rel=0.4)
    assert np.array(answer['covariance_mm_rad']).shape == (6, 6)
    assert np.sqrt(np.diag(answer['covariance_mm_rad'])[:3]) == pytest.approx(answer['sigma_mm'])
    assert np.degrees(np.sqrt(np.diag(answer['covariance_mm_rad'])[3:])) == pytest.approx(answer['sigma_deg'])
    residuals = np.array([row['residual_mm'] for row in answer['landmarks']])
    assert np.sqrt((residuals**2).mean()) == pytest.approx(answer['fre_mm'])
    first, second = answer['targets']
    assert first['moving'] == [10, 20, -30]
    assert first['fixed'] == pytest.approx(np.array(answer['T']) @ [10, 20, -30, 1] @ np.eye(4, 3))
    assert 0 < second['tre_rms_mm'] < second['margin95_mm'] < 1
    assert np.sqrt(np.trace(second['covariance_mm2'])) == pytest.approx(second['tre_rms_mm'])
    assert answer['ambiguity'] is None
    assert answer['threshold_mm'] is None


def test_names_pair_whatever_their_order(run: Run, tmp_path: Path) -> None:
    order = np.random.default_rng(4).permutation(10)
    fixed = table(tmp_path / 'f.csv', FIXED_MM[order], [NAMES[i] for i in order])
    moving = table(tmp_path / 'm.csv', MOVING_MM, NAMES)
    answer = run('--fixed', fixed, '--moving', moving)
    assert answer['pairing'] == 'by name'
    assert max(off(answer)) < 0.5
    assert [row['name'] for row in answer['landmarks']] == [row['fixed_name'] for row in answer['landmarks']] == NAMES
    short = table(tmp_path / 'short.csv', FIXED_MM[:9], NAMES[:9])
    error = run('--fixed', short, '--moving', moving, status=2)['error']
    assert error['code'] == 'count_mismatch'
    assert 'L9' in error['message']


def test_metres_are_metres(run: Run, tmp_path: Path) -> None:
    fixed, moving = table(tmp_path / 'f.csv', FIXED_MM / 1e3), table(tmp_path / 'm.csv', MOVING_MM / 1e3)
    answer = run('--fixed', fixed, '--moving', moving, '--units', 'm', '--target', '0.01,0.02,-0.03')
    assert answer['unit'] == 'm'
    assert max(off(answer, 1.0)) < 0.5
    assert answer['targets'][0]['moving'] == [0.01, 0.02, -0.03]
    assert 0.1 < answer['fre_mm'] < 1
    in_mm = table(tmp_path / 'a.csv', FIXED_MM), table(tmp_path / 'b.csv', MOVING_MM)
    for units, files in (('mm', (fixed, moving)), ('m', in_mm)):
        error = run('--fixed', files[0], '--moving', files[1], '--units', units, status=2)['error']
        assert error['code'] == 'wrong_unit'
        assert 'in moving' in error['message']


def test_points_in_no_order(run: Run, tmp_path: Path) -> None:
    order = np.random.default_rng(5).permutation(10)[:9]
    fixed = table(tmp_path / 'f.csv', np.vstack([FIXED_MM[order], [[500, 500, 500]]]))
    moving = table(tmp_path / 'm.csv', MOVING_MM)
    answer = run('--fixed', fixed, '--moving', moving, '--unordered', '--threshold', 1.5)
    assert answer['pairing'] == 'by distances alone'
    assert max(off(answer)) < 0.5
    found = {int(row['name']): int(row['fixed_name']) for row in answer['landmarks']}
    assert found == {int(j): i for i, j in enumerate(order)}
    assert answer['unpaired_fixed'] == ['9']
    assert answer['unpaired_moving'] == [str(j) for j in range(10) if j not in order]
    assert answer['threshold_mm'] == 1.5
    assert answer['ambiguity'] == {
        'rms_mm': pytest.approx(answer['fre_mm']), 'rival_rms_mm': None, 'ratio': None, 'searched_mm': 4.5, 'rival': None
    }


def test_a_rival_correspondence_is_told(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nearly = np.array([[100, 104, 0], [100, -100, 0], [-100, -100, 0], [-100, 100, 0]])
    side = table(tmp_path / 'p.csv', nearly)
    answer = run('--fixed', side, '--moving', side, '--unordered', '--noise', 0.25)
    assert 1 < answer['ambiguity']['rival_rms_mm'] < 3
    assert answer['ambiguity']['ratio'] is None or answer['ambiguity']['ratio'] > 100
    assert len(answer['ambiguity']['rival']) == 4
    assert main(['register', 'landmarks', '--fixed', str(side), '--moving', str(side), '--unordered', '--noise', '0.25']) == 0
    assert 'the best other correspondence leaves' in capsys.readouterr().out
    square = table(tmp_path / 's.csv', nearly - [[0, 4, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    assert run('--fixed', square, '--moving', square, '--unordered', status=2)['error']['code'] == 'ambiguous'


def test_outliers_are_rejected_and_named(run: Run, sides: tuple[Path, Path], tmp_path: Path) -> None:
    wrong = FIXED_MM.copy()
    wrong[[1, 4, 8]] += np.random.default_rng(6).normal(0, 30, (3, 3))
    fixed = table(tmp_path / 'wrong.csv', wrong)
    answer = run('--fixed', fixed, '--moving', sides[1], '--robust', '--noise', 0.3)
    assert max(off(answer)) < 0.5
    assert answer['rejected'] == ['1', '4', '8']
    assert [row['name'] for row in answer['landmarks'] if not row['used']] == ['1', '4', '8']
    assert (answer['used'], answer['dof'], answer['threshold_mm']) == (7, None, pytest.approx(1.2))
    assert 'outliers_rejected' in answer['warnings']
    by_axis = ('--fixed-noise', '0.2,0.2,0.5', '--moving-noise', '0.1,0.1,0.1')
    known = run('--fixed', fixed, '--moving', sides[1], '--robust', *by_axis)
    assert known['rejected'] == ['1', '4', '8']
    assert max(off(known)) < 0.5
    assert known['threshold_mm'] == pytest.approx(4 * known['noise_mm'])
    assert known['noise_mm'] == pytest.approx(np.sqrt((0.04 + 0.04 + 0.25) / 3 + 0.01))


def test_weights_by_order_and_by_name(run: Run, sides: tuple[Path, Path], tmp_path: Path) -> None:
    weights = [1.0, 2, 0, 1, 1, 1, 1, 1, 0.5, 1]
    (tmp_path / 'w.txt').write_text('\n'.join(map(str, weights)))
    by_order = run('--fixed', sides[0], '--moving', sides[1], '--weights', tmp_path / 'w.txt')
    assert [row['weight'] for row in by_order['landmarks']] == weights
    assert by_order['rejected'] == ['2']
    rows = [f'{n},{w}' for n, w in zip(NAMES, weights, strict=True)]
    (tmp_path / 'n.csv').write_text('\n'.join(reversed(rows)))
    named = [table(tmp_path / f'{k}.csv', p, NAMES) for k, p in (('f', FIXED_MM), ('m', MOVING_MM))]
    by_name = run('--fixed', named[0], '--moving', named[1], '--weights', tmp_path / 'n.csv')
    assert np.allclose(by_name['T'], by_order['T'])
    (tmp_path / 'other.csv').write_text('\n'.join(rows).replace('L3', 'L33'))
    error = run('--fixed', named[0], '--moving', named[1], '--weights', tmp_path / 'other.csv', status=2)['error']
    assert error['code'] == 'count_mismatch'
    assert error['message'].endswith(f'weights {tmp_path / "other.csv"}: none for L3')
    (tmp_path / 'few.txt').write_text('1\n2\n')
    error = run('--fixed', sides[0], '--moving', sides[1], '--weights', tmp_path / 'few.txt', status=2)['error']
    assert error['code'] == 'count_mismatch'
    assert '2 x 1 numbers for 10 points' in error['message']


@pytest.mark.parametrize(
    ('code', 'fixed', 'moving', 'options'),
    [
        ('too_few_points', FIXED_MM[:2], MOVING_MM[:2], ()),
        ('count_mismatch', FIXED_MM, MOVING_MM[:9], ()),
        ('collinear', FIXED_MM, MOVING_MM * (1, 0, 0), ()),
        ('coincident', FIXED_MM, MOVING_MM * 0, ()),
        ('mirrored', FIXED_MM, MOVING_MM * (1, 1, -1), ()),
        ('mirrored', FIXED_MM, MOVING_MM * (1, 1, -1), ('--robust',)),
        ('mirrored', FIXED_MM[::-1], MOVING_MM * (1, 1, -1), ('--unordered', '--threshold', '1.5')),
        ('no_consensus', FIXED_MM[::-1], MOVING_MM, ('--robust',)),
        ('not_finite', FIXED_MM, np.where(MOVING_MM[3, 1] == MOVING_MM, np.nan, MOVING_MM), ()),
        ('bad_noise', FIXED_MM, MOVING_MM, ('--noise', '-1')),
        ('bad_noise', FIXED_MM, MOVING_MM, ('--fixed-noise', '1,-1,1')),
        ('bad_threshold', FIXED_MM, MOVING_MM, ('--robust', '--threshold', '0')),
        ('bad_threshold', FIXED_MM, MOVING_MM, ('--tip', '0,0,0', '--dwell-radius', 'nan')),
        ('bad_option', FIXED_MM, MOVING_MM, ('--dwell-s', '1')),
        ('wrong_unit', FIXED_MM / 1e3, MOVING_MM / 1e3, ()),
        ('wrong_unit', FIXED_MM / 1e3, MOVING_MM / 1e3, ('--units', 'm', '--target', '60,60,-80')),
        ('bad_option', FIXED_MM, MOVING_MM, ('--threshold', '2')),
        ('bad_option', FIXED_MM, MOVING_MM, ('--reference', 'poses.csv')),
        ('bad_option', FIXED_MM, MOVING_MM, ('--noise', '1', '--fixed-noise', '1,1,1')),
        ('bad_option', FIXED_MM, MOVING_MM, ('--plot', 'picture.txt')),
        ('bad_covariance', FIXED_MM, MOVING_MM, ('--fixed-noise', '1,1,0')),
    ],
)
def test_refusals(run: Run, tmp_path: Path, code: str, fixed: np.ndarray, moving: np.ndarray, options: tuple[str, ...]) -> None:
    sides = table(tmp_path / 'f.csv', fixed), table(tmp_path / 'm.csv', moving)
    error = run('--fixed', sides[0], '--moving', sides[1], *options, status=2)['error']
    assert error['code'] == code
    assert '\n' not in error['message']


def test_refusals_name_option_value_and_unit(run: Run, sides: tuple[Path, Path], tmp_path: Path) -> None:
    def said(*options: str, of: tuple[Path, Path] = sides) -> str:
        return str(run('--fixed', of[0], '--moving', of[1], *options, status=2)['error']['message'])

    assert said('--noise', '-1') == '--noise -1: a positive number of mm is needed'
    assert said('--moving-noise', '1,-2,1') == '--moving-noise 1,-2,1: a standard deviation, mm, is never negative'
    assert said('--dwell-radius', '3') == '--dwell-radius: only with --tip'
    assert said('--target', '9000,0,0').startswith('--target 9000,0,0 mm: 9')
    metres = table(tmp_path / 'f.csv', FIXED_MM / 1e3), table(tmp_path / 'm.csv', MOVING_MM / 1e3)
    assert said(of=metres).endswith('m given as mm?')


def test_text_is_for_people(sides: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    wrong = FIXED_MM.copy()
    wrong[2] += 40
    fixed = table(tmp_path / 'w.csv', wrong)
    arguments = ['register', 'landmarks', '--fixed', str(fixed), '--moving', str(sides[1]), '--robust', '--target', '1,2,3']
    assert main([*arguments, '--plot', str(tmp_path / 'p.png'), '--out', str(tmp_path / 'a.yaml')]) == 0
    out = capsys.readouterr().out
    for part in ('paired by order: 10 landmarks, 9 used', 'T_fixed_moving (mm):', ' mm rms', 'degrees of freedom', 'rejected'):
        assert part in out
    assert 'TRE at target 1' in out
    assert out.splitlines()[-1].startswith('warning: outliers_rejected: ')
    assert (tmp_path / 'p.png').stat().st_size > 10_000
    assert 'fre_mm' in (tmp_path / 'a.yaml').read_text()
    unordered = ['--unordered', '--threshold', '1.5']
    assert main(['register', 'landmarks', '--fixed', str(sides[0]), '--moving', str(sides[1]), *unordered]) == 0
    assert 'no other correspondence fits within 4.5 mm' in capsys.readouterr().out
    three = [str(table(tmp_path / f'{k}3.csv', p[:3])) for k, p in (('f', FIXED_MM), ('m', MOVING_MM))]
    assert main(['register', 'landmarks', '--fixed', three[0], '--moving', three[1], '--noise', '0.3']) == 0
    out = capsys.readouterr().out
    assert 'the others have no fit' in out
    assert '(given)' in out


PLUS_TIP = ('--tip', '108.565,7.774,2.539')


@pytest.mark.parametrize('source', ['mha', 'bag'])
def test_eight_landmarks_of_a_recording_by_one_command(run: Run, shared_data: Path, source: str) -> None:
    folder = shared_data / 'plus'
    recorded: tuple[object, ...] = (f'{folder}/EightLandmarkPointsTrackedForPhantomRegistration.igs.mha#StylusToReference',)
    if source == 'bag':
        bag = shared_data / 'bags' / 'plus_eight_landmarks'
        recorded = (f'{bag}#/tracker/stylus/measured_cp', '--reference', f'{bag}#/tracker/reference/measured_cp')
    answer = run('--fixed', *recorded, *PLUS_TIP, '--moving', folder / 'PlusDeviceSet_fCal_Sim_RecordPhantomLandmarks.xml')
    assert answer['pairing'] == 'in the order of touching, idle rests left out'
    assert answer['fre_mm'] < 0.5
    assert answer['loo_tre_mm'] == pytest.approx(0.31, abs=0.02)
    assert [row['name'] for row in answer['landmarks']] == [f'#{i}' for i in range(1, 9)]
    assert answer['unpaired_fixed'] == ['rest 1', 'rest 10']
    T = np.array(answer['T'])
    assert np.linalg.norm(T[:3, 3] - BASELINE_MM[:3, 3]) < 0.5
    assert np.degrees(se3.rotation_angle_rad(BASELINE_MM[:3, :3].T @ T[:3, :3])) < 0.2


def test_the_same_in_no_order(run: Run, shared_data: Path) -> None:
    folder = shared_data / 'plus'
    recorded = f'{folder}/EightLandmarkPointsTrackedForPhantomRegistration.igs.mha#StylusToReference'
    moving = folder / 'PlusDeviceSet_fCal_Sim_RecordPhantomLandmarks.xml'
    answer = run('--fixed', recorded, *PLUS_TIP, '--moving', moving, '--unordered')
    assert answer['fre_mm'] < 0.5
    assert answer['ambiguity']['ratio'] > 10
    assert answer['unpaired_fixed'] == ['rest 1', 'rest 10']


def test_poses_without_time_have_no_rests(run: Run, sides: tuple[Path, Path], tmp_path: Path) -> None:
    np.savetxt(tmp_path / 'poses.txt', np.vstack([np.eye(4)] * 3))
    error = run('--fixed', tmp_path / 'poses.txt', '--tip', '0,0,1', '--moving', sides[1], status=2)['error']
    assert error['code'] == 'no_stamps'
