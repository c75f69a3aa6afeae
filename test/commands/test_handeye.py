# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`arsurg calibrate handeye`: recorded rows, made-up files, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arsurg_ros.cli import main
from arsurg_ros.geometry import se3
from arsurg_ros.types import F64

FIELDS = {
    'command', 'unit', 'software', 'kernel', 'setup', 'main', 'T', 'T_gripper_cam', 'T_base_target', 'covariance',
    'margin95_mm', 'margin95_deg', 'poses', 'inliers', 'rejected', 'residual_mm', 'residual_deg', 'rms_mm', 'rms_deg',
    'scatter_mm', 'noise_mm', 'noise_deg', 'noise_at', 'motion', 'closed_forms', 'readings', 'warnings', 'pairing',
}


def calibrate(*words: object) -> int:
    return main(['calibrate', 'handeye', *map(str, words)])


def answer(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert calibrate(*words, '--json') == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[str, str]:
    assert calibrate(*words, '--json') == 2
    said = capsys.readouterr()
    error = json.loads(said.out)['error']
    assert said.err.startswith('error: ') and said.err.endswith(f'{error["message"]}\n')
    return error['code'], error['message']


X, Z = se3.exp([0.03, -0.02, 0.08, 0.1, 1.2, -0.4]), se3.exp([0.5, 0.1, 0.0, 2.0, 0.2, 0.1])


def smooth(t_s: F64) -> F64:
    """Return an arm's poses at times."""
    rates = np.array([0.9, 1.3, 0.7, 1.1, 1.7, 0.6])
    size = np.array([0.1, 0.15, 0.1, 0.5, 0.4, 0.6])
    return np.array([se3.exp(size * np.sin(rates * t + np.arange(6))) for t in t_s])


def write(path: Path, T: F64, stamps_s: F64 | None = None, factor: float = 1e3) -> Path:
    """Write poses as rows of 16 numbers (in mm), after their stamps where there are some."""
    out = T.copy()
    out[:, :3, 3] *= factor
    rows = out.reshape(-1, 16)
    np.savetxt(path, rows if stamps_s is None else np.column_stack([stamps_s, rows]), delimiter=',', fmt='%.12g')
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return robot.csv and camera.csv, mm: fifteen pairs of which the fifth is off."""
    rng = np.random.default_rng(1)
    arm = np.array([se3.exp([*rng.normal(0, 0.15, 3), *rng.normal(0, 0.5, 3)]) for _ in range(15)])
    seen = se3.inverse(arm @ X) @ Z @ np.array([se3.exp(rng.normal(0, 5e-4, 6)) for _ in range(15)])
    seen[4] = seen[4] @ se3.exp([0.1, 0, 0, 0, 0.3, 0])
    return write(tmp_path / 'robot.csv', arm), write(tmp_path / 'camera.csv', seen)


def test_moveit_samples(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = shared_data / 'moveit_calibration' / 'pose_samples.json'
    words = ['--units', 'm', '--robot', f'{samples}#0', '--camera', f'{samples}#1']
    found = answer(capsys, *words, '--setup', 'eye-to-hand')
    assert (found['poses'], found['rejected'], found['main'], found['unit']) == (50, [], 'T_base_cam', 'm')
    t = np.array(found['T'])[:3, 3]
    assert t == pytest.approx([0.659, -0.249, 0.830], rel=0.01)
    assert found['T'] == found['T_base_cam']
    assert found['scatter_mm'] == pytest.approx(4.6, abs=0.1)
    for form in found['closed_forms'].values():
        assert form['off_mm'] < 0.5
    assert found['warnings'] == []
    assert found['noise_at'] in ('target', 'camera')
    code, said = refusal(capsys, *words)
    assert code == 'wrong_setup'
    assert 'use --setup eye-to-hand' in said
    assert 'as eye-to-hand the target scatters by 4.19 mm' in said
    code, said = refusal(capsys, *words[2:], '--setup', 'eye-to-hand')
    assert (code, 'are its metres given as mm' in said) == ('wrong_unit', True)


@pytest.mark.parametrize('offset', ['auto', '0.025'])
def test_vicon_and_camera(offset: str, shared_data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = shared_data / 'ethz_vicon_camera' / 'prime_sense_1'
    files = [next(folder.glob(f'*{name}*.csv')) for name in ('vicon', 'camera')]
    words = ['--units', 'm', '--robot', files[0], '--camera', files[1], '--offset-s', offset]
    found = answer(capsys, *words, '--invert-camera', '--plot', tmp_path / 'plot.png')
    assert found['pairing']['method'] == 'interpolated'
    assert found['pairing']['offset_s'] == pytest.approx(0.03, abs=0.01)
    assert found['pairing']['robot_dropped'] > 0  # stamps that repeat
    assert found['pairing']['camera_dropped'] == 0
    # The depth of a camera whose size of target or focal length is a little off is not known better than 6 mm at a metre.
    far_mm = np.linalg.norm(np.array(found['T'])[:3, 3] - [0.0745, 0.0433, 0.0288]) * 1e3
    assert far_mm < min(6.0, 1.1 * found['margin95_mm']['T_gripper_cam'])
    assert found['scatter_mm'] == pytest.approx(11.7, abs=2.5)
    assert found['poses'] == found['pairing']['candidates'] > 1500
    assert found['pairing']['correlation_samples'] > 2
    assert (tmp_path / 'plot.png').stat().st_size > 10_000
    code, said = refusal(capsys, *words)
    assert (code, '--invert-camera' in said) == ('wrong_setup', True)


def test_the_object_is_whole_and_in_the_chosen_unit(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, '--robot', files[0], '--camera', files[1])
    assert set(found) == FIELDS
    assert (found['command'], found['unit'], found['setup']) == ('calibrate handeye', 'mm', 'eye-in-hand')
    assert np.array(found['T'])[:3, 3] == pytest.approx(X[:3, 3] * 1e3, abs=1.5)
    assert np.array(found['T_base_target'])[:3, 3] == pytest.approx(Z[:3, 3] * 1e3, abs=1.5)
    assert found['rejected'] == [4]
    assert found['inliers'][4] is False
    assert found['residual_mm'][4] > 50
    assert np.array(found['covariance']['T_gripper_cam']).shape == (6, 6)
    assert set(found['closed_forms']) == {'park', 'daniilidis', 'shah'}
    assert found['motion']['axes'] == 3
    assert found['kernel']['name'] == 'handeye'
    assert len(found['kernel']['sha256']) == 64
    kept = answer(capsys, '--robot', files[0], '--camera', files[1], '--keep-all')
    assert kept['rejected'] == []
    assert kept['rms_mm'] > 5 * found['rms_mm']


def test_the_twin_gives_the_same(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    words = ['--robot', files[0], '--camera', files[1]]
    wasm, numpy = (answer(capsys, *words, '--backend', b) for b in ('wasm', 'numpy'))
    assert np.array(wasm['T']) == pytest.approx(np.array(numpy['T']), abs=1e-4)
    assert numpy['kernel'] == {'name': 'handeye', 'backend': 'numpy', 'sha256': None}


def test_words(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out, plot = tmp_path / 'a.yaml', tmp_path / 'a.png'
    assert calibrate('--robot', files[0], '--camera', files[1], '--out', out, '--plot', plot) == 0
    said = capsys.readouterr().out
    assert said.startswith('eye-in-hand: 14 of 15 pairs\nT_gripper_cam (mm), true within')
    assert 'shah' in said
    assert 'warning: 1 of 15 pairs do not fit the others and were left out' in said
    assert 'setup: eye-in-hand' in out.read_text()
    assert plot.read_bytes().startswith(b'\x89PNG')


def test_files_that_hold_the_inverse(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plain = answer(capsys, '--robot', files[0], '--camera', files[1])
    for k, option in ((0, '--invert-robot'), (1, '--invert-camera')):
        table = np.loadtxt(files[k], delimiter=',').reshape(-1, 4, 4)
        inverted = write(tmp_path / f'inverse{k}.csv', se3.inverse(table), factor=1.0)
        names = [inverted if i == k else f for i, f in enumerate(files)]
        found = answer(capsys, '--robot', names[0], '--camera', names[1], option)
        assert np.array(found['T']) == pytest.approx(np.array(plain['T']), abs=1e-3)
        assert refusal(capsys, '--robot', names[0], '--camera', names[1])[0] == 'wrong_setup'


def test_streams_of_different_rates(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    t, late = np.arange(0.0, 30.0, 0.01), np.arange(0.5, 29.0, 0.05)
    rng = np.random.default_rng(2)
    seen = se3.inverse(smooth(late) @ X) @ Z @ np.array([se3.exp(rng.normal(0, 3e-4, 6)) for _ in late])
    words = ['--robot', write(tmp_path / 'robot.csv', smooth(t), t), '--camera', write(tmp_path / 'c.csv', seen, late - 0.08)]
    found = answer(capsys, *words, '--offset-s', '0.08', '--max-pairs', '300')
    assert found['poses'] == 300
    assert found['pairing']['candidates'] == len(late)
    assert np.array(found['T'])[:3, 3] == pytest.approx(X[:3, 3] * 1e3, abs=0.3)
    auto = answer(capsys, *words, '--offset-s', 'auto')
    assert auto['pairing']['offset'] == 'estimated'
    assert auto['pairing']['offset_s'] == pytest.approx(0.08, abs=3e-3)
    assert auto['pairing']['offset_sigma_s'] < 3e-3
    without = answer(capsys, *words)
    assert without['rms_mm'] > 5 * auto['rms_mm']
    assert calibrate(*words, '--offset-s', '0.08') == 0
    assert 'interpolated; 0 stamps lie in gaps; offset 0.0800 s given' in capsys.readouterr().out


def test_refusals(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ['--robot', files[0], '--camera', files[1]]
    assert refusal(capsys, *words, '--offset-s', 'soon')[1].endswith('a finite number of seconds, or auto, is needed')
    assert refusal(capsys, *words, '--offset-s', '0.1')[0] == 'no_stamps'
    assert refusal(capsys, *words, '--offset-s', 'auto')[0] == 'no_stamps'
    assert '--max-pairs 2: three or more' in refusal(capsys, *words, '--max-pairs', 2)[1]
    assert '--max-gap-s nan: a positive' in refusal(capsys, *words, '--max-gap-s', 'nan')[1]
    assert refusal(capsys, *words, '--units', 'm')[0] == 'wrong_unit'
    table = np.loadtxt(files[0], delimiter=',')
    few, bad, same = (tmp_path / n for n in ('few.csv', 'bad.csv', 'same.csv'))
    np.savetxt(few, table[:2], delimiter=',')
    np.savetxt(bad, np.where(np.arange(16) == 3, np.nan, table), delimiter=',')
    np.savetxt(same, np.repeat(table[:1], 15, axis=0), delimiter=',')
    assert refusal(capsys, '--robot', few, '--camera', few)[0] == 'too_few_poses'
    assert refusal(capsys, '--robot', few, '--camera', files[1])[0] == 'count_mismatch'
    assert refusal(capsys, '--robot', bad, '--camera', files[1])[0] == 'not_finite'
    assert refusal(capsys, '--robot', same, '--camera', files[1])[0] == 'repeated_pose'
    bent = np.where(np.arange(16) == 0, 1.5, table)
    np.savetxt(bad, bent, delimiter=',')
    assert refusal(capsys, '--robot', bad, '--camera', files[1])[0] == 'not_rigid'
