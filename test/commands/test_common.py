# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from arsurg_ros.commands.common import (
    add_common,
    check_outputs,
    finish,
    join_points,
    lengths,
    matrix_text,
    plain,
    point,
    save_plot,
    unit_m,
    write_answer,
)
from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.geometry import se3


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_common(parser)
    return parser.parse_args(given)


def test_units_of_answers() -> None:
    T = se3.exp([0.1, 0.2, 0.3, 0, 0, 0.5])
    mm, m = arguments(), arguments('--units', 'm')
    assert (unit_m(mm), unit_m(m)) == (1e-3, 1.0)
    assert np.allclose(np.array(lengths(mm).T(T))[:3, 3], T[:3, 3] * 1e3)
    assert np.allclose(lengths(m).T(T), T)
    assert lengths(mm).p(np.array([0.001, 0, 0])) == [1.0, 0, 0]
    assert lengths(mm).text(np.array([0.001, 0, 0])) == '(1.000, 0.000, 0.000) mm'
    assert lengths(m).text(np.array([0.001, 0, 0])) == '(0.001000, 0.000000, 0.000000) m'
    assert len(matrix_text(T, lengths(mm)).splitlines()) == 4


def test_the_answer_goes_to_all_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, picture = tmp_path / 'a.yaml', tmp_path / 'a.png'
    args = arguments('--json', '--out', str(out), '--plot', str(picture))
    result = {'rms_mm': np.float64(0.5), 'T': np.eye(4), 'unknown': float('nan'), 'flags': (np.bool_(True),)}
    assert finish(args, 'calibrate x', 'registration', result, 'text', lambda f: None) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed['command'] == 'calibrate x' and printed['unit'] == 'mm' and printed['software'].startswith('arsurg_ros ')
    assert printed['rms_mm'] == 0.5 and printed['unknown'] is None and printed['flags'] == [True]
    assert len(printed['kernel']['sha256']) == 64 and printed['kernel']['backend'] == 'wasm'
    assert yaml.safe_load(out.read_text()) == printed
    assert picture.read_bytes().startswith(b'\x89PNG')


def test_text_is_the_default_and_numpy_has_no_digest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'a.json'
    assert finish(arguments('--backend', 'numpy', '--out', str(out)), 'c', 'registration', {}, 'hello') == 0
    assert capsys.readouterr().out == 'hello\n'
    assert json.loads(out.read_text())['kernel'] == {'name': 'registration', 'backend': 'numpy', 'sha256': None}
    assert finish(arguments('--out', str(out)), 'c', None, {}, '') == 0
    assert 'kernel' not in json.loads(out.read_text())


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        (('--out', 'a.txt'), "suffix '.txt'; valid: .json, .yaml, .yml"),
        (('--plot', 'a.bmp'), "suffix '.bmp'; valid: .png"),
        (('--out', '/no/such/folder/a.json'), 'there is no folder /no/such/folder'),
    ],
)
def test_outputs_are_checked_before_work(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_outputs(arguments(*given))


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / 'a.json').mkdir()
    (tmp_path / 'a.png').mkdir()
    with pytest.raises(DataError, match='Is a directory'):
        write_answer(tmp_path / 'a.json', {})
    with pytest.raises(DataError, match='Is a directory'):
        save_plot(tmp_path / 'a.png', lambda f: None)


@pytest.mark.parametrize('text', ['1,2', 'a,b,c', '1,2,nan', ''])
def test_a_point_needs_three_numbers(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match='three finite numbers'):
        point(text)


def test_plain_values() -> None:
    assert point('1,-2.5,3e1') == (1.0, -2.5, 30.0)
    assert plain({'a': [np.int64(1), (np.float32(0.5),)], 2: {'b': np.array([[np.inf]])}}) == {
        'a': [1, [0.5]],
        '2': {'b': [[None]]},
    }


def test_a_point_may_begin_with_a_minus() -> None:
    joined = join_points(['--tip', '-1,2,3', '--json', '--tip', '-.5,0,0', '-5', '--a=1', '-1,2,3'])
    assert joined == ['--tip=-1,2,3', '--json', '--tip=-.5,0,0', '-5', '--a=1', '-1,2,3']
