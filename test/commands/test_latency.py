# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from arsurg_ros.cli import main
from arsurg_ros.commands import latency
from arsurg_ros.files.poses import load_poses

KEYS = {
    'command', 'unit', 'software', 'kernel', 'offset_s', 'sigma_s', 'meaning', 'correlation', 'second_peak', 'signal',
    'window_s', 'rate_a_hz', 'rate_b_hz', 'slower', 'speeds', 'outliers', 'gain', 'noise', 'noise_unit', 'dropped_a',
    'dropped_b', 'curve', 'source_a', 'source_b', 'warnings',
}


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict[str, Any]:
    assert main(['estimate', 'latency', *arguments, '--json']) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def streams(tmp_path: Path) -> tuple[str, str]:
    """Write two streams of one motion: b's stamps are 40 ms late against a's."""
    rng = np.random.default_rng(1)
    turn = CubicSpline(0.25 * np.arange(60) - 1, np.cumsum(rng.normal(0, 0.15, (60, 3)), 0))
    for name, rate_hz, late_s in (('a', 100, 0.0), ('b', 30, 0.04)):
        t = np.arange(0, 12, 1 / rate_hz)
        rows = np.column_stack([t + late_s, np.zeros((len(t), 3)), Rotation.from_rotvec(turn(t)).as_quat()])
        np.savetxt(tmp_path / f'{name}.csv', rows, delimiter=',', fmt='%.9f')
    return str(tmp_path / 'a.csv'), str(tmp_path / 'b.csv')


def test_the_recorded_pair_by_the_command(shared_data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder, picture = shared_data / 'ethz_vicon_camera' / 'prime_sense_1', tmp_path / 'latency.png'
    a, b = (str(folder / f'2017-04-09-18-13-10_{n}.csv') for n in ('vicon_prime_sense', 'W_camera_rgb_image_raw'))
    found = answer(capsys, '--a', a, '--b', b, '--units', 'm', '--plot', str(picture))
    assert set(found) == KEYS
    assert found['offset_s'] == pytest.approx(0.03, abs=5e-3)
    assert found['rate_a_hz'] == pytest.approx(100, abs=0.5)
    assert (found['slower'], found['dropped_a']) == ('b', 5)
    assert picture.stat().st_size > 20_000
    assert main(['estimate', 'latency', '--a', a, '--b', b, '--units', 'm']) == 0
    text = capsys.readouterr().out
    assert "to add to b's stamps" in text
    assert 'dropped   5 samples of a' in text


def test_the_sign(streams: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    a, b = streams
    found = answer(capsys, '--a', a, '--b', b)
    assert found['offset_s'] == pytest.approx(-0.04, abs=1e-3)  # b is late: take something off its stamps
    assert "add offset_s to b's stamps" in found['meaning']
    assert answer(capsys, '--a', b, '--b', a)['offset_s'] == pytest.approx(0.04, abs=1e-3)
    assert main(['estimate', 'latency', '--a', a, '--b', b]) == 0
    assert "b's are late against a's" in capsys.readouterr().out


def test_refusals_and_options(streams: tuple[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    a, b = streams
    assert answer(capsys, '--a', a, '--b', b, '--signal', 'translation', status=2)['error']['code'] == 'no_motion'
    for option, value in (('--max-offset', '-1'), ('--window', 'nan')):
        error = answer(capsys, '--a', a, '--b', b, option, value, status=2)['error']
        assert error == {'code': 'bad_option', 'message': f'{option} {value}: a positive number of seconds is needed'}
    np.save(tmp_path / 'bare.npy', np.tile(np.eye(4), (50, 1, 1)))
    assert answer(capsys, '--a', a, '--b', str(tmp_path / 'bare.npy'), status=2)['error']['code'] == 'no_stamps'
    assert answer(capsys, '--a', a, '--b', b, '--window', '0.2', '--backend', 'numpy')['window_s'] == 0.2


def test_samples_that_are_not_valid_are_told_in_words_too(
    streams: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, 'load_poses', lambda source, unit_m: replace(load_poses(source, unit_m), dropped=3))
    words = ('--a', streams[0], '--b', streams[1])
    assert answer(capsys, *words)['dropped_b'] == 3
    assert main(['estimate', 'latency', *words]) == 0
    assert 'dropped   3 samples of a, 3 of b that are not valid' in capsys.readouterr().out
