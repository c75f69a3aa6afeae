# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from arsurg_ros.errors import RegistrationError
from arsurg_ros.files.answers import find_answer, load_answer
from arsurg_ros.geometry import se3

T = se3.exp([0.1, -0.2, 0.3, 0.4, -0.5, 0.6])
COMMAND = 'register surface'


def in_mm(T: np.ndarray) -> list[list[float]]:
    return [[float(v) for v in row] for row in np.vstack([T[:3] * [1, 1, 1, 1e3], T[3:]])]


def answer(**more: Any) -> dict[str, Any]:
    return {'command': COMMAND, 'unit': 'mm', 'T_a_b': in_mm(T), 'small': 1e-05, 'unknown': None, **more}


def write(path: Path, fields: Any) -> Path:
    path.write_text(json.dumps(fields) if path.suffix == '.json' else yaml.safe_dump(fields))
    return path


@pytest.mark.parametrize('name', ['a.json', 'a.yaml', 'a.yml'])
def test_an_answer_is_read_in_metres(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, answer())
    found = load_answer(path, 'register landmarks', COMMAND)
    assert np.abs(found.matrix_m('T_a_b') - T).max() < 1e-12
    assert found.number('small') == 1e-05 and found.number('unknown') is None
    assert (found.command, found.unit_m, found.sha256) == (COMMAND, 1e-3, hashlib.sha256(path.read_bytes()).hexdigest())
    in_metres = load_answer(write(tmp_path / name, answer(unit='m', T_a_b=T.tolist())), COMMAND)
    assert np.array_equal(in_metres.matrix_m('T_a_b'), T)


@pytest.mark.parametrize(
    ('name', 'text', 'code', 'says'),
    [
        ('none.json', None, 'answer_unreadable', 'No such file'),
        ('a.json', '{"command": ', 'answer_unreadable', 'is not JSON'),
        ('a.yaml', 'a: [\nb', 'answer_unreadable', 'is not YAML'),
        ('a.yaml', b'\xff\xfe\x00', 'answer_unreadable', 'is not YAML'),
        ('a.json', '[' * 100_000, 'answer_unreadable', 'is not JSON'),
        ('a.json', '{"error": {"code": "collinear", "message": "a\\nline"}}', 'answer_refused', 'collinear: a line'),
        ('a.json', '[1, 2]', 'answer_mismatch', 'no answer of arsurg; what arsurg register surface wrote with --out is needed'),
        ('a.json', '{"T": 1}', 'answer_mismatch', 'no answer of arsurg'),
        ('a.json', '{"command": "calibrate spin"}', 'answer_mismatch', 'an answer of arsurg calibrate spin; what arsurg'),
    ],
)
def test_what_is_no_answer_is_refused_by_name(tmp_path: Path, name: str, text: Any, code: str, says: str) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RegistrationError) as caught:
        load_answer(path, COMMAND)
    assert caught.value.code == code and says in str(caught.value)
    assert '\n' not in str(caught.value) and name in str(caught.value)


def test_a_folder_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(RegistrationError, match=r'answer_unreadable: .*Is a directory'):
        find_answer(tmp_path)
    assert find_answer(write(tmp_path / 'a.yaml', [1])) is None


@pytest.mark.parametrize(
    ('change', 'code', 'says'),
    [
        ({'T_a_b': None}, 'answer_broken', 'T_a_b: 4 x 4 finite numbers are needed'),
        ({'T_a_b': [[1, 2], [3]]}, 'answer_broken', '4 x 4'),
        ({'T_a_b': {'x': 1}}, 'answer_broken', '4 x 4'),
        ({'T_a_b': [[10**400] * 4] * 4}, 'answer_broken', '4 x 4'),
        ({'T_a_b': [[None] * 4] * 4}, 'answer_broken', 'finite'),
        ({'T_a_b': np.diag([2.0, 1, 1, 1]).tolist()}, 'not_rigid', 'T_a_b is not rigid'),
        ({'T_a_b': np.diag([-1.0, 1, 1, 1]).tolist()}, 'not_rigid', 'right-handed'),
        ({'unit': 'cm'}, 'wrong_unit', "unit 'cm'; valid: mm, m"),
        ({'unit': ['mm']}, 'wrong_unit', 'valid: mm, m'),
        ({'unit': 'm'}, 'wrong_unit', 'over 20 m: is its unit mm?'),
    ],
)
def test_a_transform_that_is_none_is_refused_by_name(tmp_path: Path, change: Any, code: str, says: str) -> None:
    found = load_answer(write(tmp_path / 'a.json', answer(**change)), COMMAND)
    with pytest.raises(RegistrationError) as caught:
        found.matrix_m('T_a_b')
    assert caught.value.code == code and says in str(caught.value)
    assert f'a.json ({COMMAND}): ' in str(caught.value) and '\n' not in str(caught.value)


def test_a_field_that_is_missing_is_named_beside_those_that_are_there(tmp_path: Path) -> None:
    found = load_answer(write(tmp_path / 'a.json', {'command': COMMAND, 'T': 1, 'word': 'x'}), COMMAND)
    for name in ('unit_m', 'fre_mm'):
        with pytest.raises(RegistrationError, match=f'{name.removesuffix("_m")} is missing; there are: command, T, word'):
            _ = found.unit_m if name == 'unit_m' else found.number(name)
    with pytest.raises(RegistrationError, match=r'answer_broken: .*word: a finite number is needed'):
        found.number('word')
