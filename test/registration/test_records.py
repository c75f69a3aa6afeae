# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from arsurg_ros.errors import RegistrationError
from arsurg_ros.registration.chain import canonical
from arsurg_ros.registration.records import Record, parse_record, read, record_json

from .conftest import make_record


def test_a_record_comes_back_to_the_last_bit() -> None:
    record = make_record(3)
    data = json.loads(canonical(record_json(record)))
    again = parse_record(data)
    assert canonical(record_json(again)) == canonical(record_json(record))
    assert again.result.dof == float('inf') and np.array_equal(again.result.T_ref_ct, record.result.T_ref_ct)
    assert again.result.targets[0].p_ct_m[2] == 1 / 3
    assert again.touches[2].rest is not None and again.touches[2].rest.samples == 30
    assert data['units'] == {'length': 'm', 'angle': 'rad', 'time': 'ns'}


def test_no_word_is_kept_but_names_of_landmarks_frames_targets_and_tools() -> None:
    """What the folder says about who and where: nothing. Every key is known here, and a new one must be thought about."""
    keys: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            keys.update(value)
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk({**record_json(make_record(0)), 'registration': {**record_json(make_record(0))['registration'], 'provenance': {}}})
    assert keys == {
        'units', 'length', 'angle', 'time', 'accepted_unix_ns', 'registration', 'landmarks', 'name', 'p_ct_m', 'p_ref_m',
        'rest', 'start_ns', 'end_ns', 'spread_m', 'samples', 'stamp_ns', 'ref_frame', 'ct_frame', 'T_ref_ct', 'covariance',
        'fre_m', 'names', 'residuals_m', 'rejected', 'loo_tre_m', 'noise_m', 'dof', 'targets', 'warnings', 'provenance',
        'tre_rms_m', 'margin95_m', 'covariance_m2',
    }


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (lambda d: d.update(units={'length': 'mm'}), "units {'length': 'mm'}"),
        (lambda d: d.pop('landmarks'), "'landmarks' is missing"),
        (lambda d: d['registration'].update(T_ref_ct=np.zeros((4, 4)).tolist()), 'T_ref_ct is not rigid'),
        (lambda d: d['registration'].update(T_ref_ct=[[1, 2], [3, 4]]), r'T_ref_ct: \(4, 4\) finite'),
        (lambda d: d['registration'].update(covariance=[['nan'] * 6] * 6), 'covariance'),
        (lambda d: d['registration'].update(residuals_m=[0.1]), 'residuals_m'),
        (lambda d: d['landmarks'][0].update(p_ct_m='here'), 'here'),
        (lambda d: d['landmarks'][0]['rest'].update(p_ref_m=[1, 2]), 'p_ref_m'),
        (lambda d: d.update(landmarks=3), 'not iterable'),
    ],
)
def test_what_is_not_as_it_was_written_is_refused(change: Callable[[dict[str, Any]], object], says: str) -> None:
    data = copy.deepcopy(record_json(make_record(0)))
    change(data)
    with pytest.raises(RegistrationError, match=says) as caught:
        read(parse_record, data, 'record')
    assert caught.value.code == 'session_broken' and '\n' not in str(caught.value)
    assert isinstance(read(parse_record, record_json(make_record(0)), ''), Record)
