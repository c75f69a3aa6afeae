# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from arsurg_ros.kernels import golden, golden_landmarks
from arsurg_ros.kernels.backends import BACKENDS

CASES = [(family, i) for family in golden.CHECKS for i in range(len(golden.cases(family)))]


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize(('family', 'index'), CASES, ids=[f'{f}-{golden.cases(f)[i]["name"]}' for f, i in CASES])
def test_golden_vector(family: str, index: int, backend: str) -> None:
    assert golden.CHECKS[family](golden.cases(family)[index], backend) == ''


def test_every_refusal_has_a_vector() -> None:
    codes = {case['code'] for case in golden.cases('registration')}
    assert codes >= {'too_few_points', 'not_finite', 'bad_weight', 'coincident', 'collinear', 'mirrored', 'ambiguous'}


def test_every_refusal_of_the_landmark_kernels_that_takes_few_points_has_a_vector() -> None:
    codes = {case['code'] for case in golden.cases('landmarks')}
    assert codes >= {'too_few_points', 'not_finite', 'bad_weight', 'bad_covariance', 'no_consensus', 'bad_threshold'}
    assert codes >= {'mirrored', 'ambiguous'}
    assert {case['kernel'] for case in golden.cases('landmarks')} == set(golden_landmarks.KERNELS)


def test_a_wrong_answer_of_the_landmark_kernels_is_told() -> None:
    case = next(c for c in golden.cases('landmarks') if c['kernel'] == 'consensus' and not c['code'])
    flipped = [1 - v for v in case['members']]
    assert 'members: off by 1' in golden.check_landmarks({**case, 'members': flipped}, 'wasm')
    assert golden.check_landmarks({**case, 'code': 'mirrored'}, 'wasm') == 'an answer, not mirrored'
    assert golden.check_landmarks({**case, 'tau': -1.0}, 'wasm') == 'code bad_threshold, not an answer'
    left_out = next(c for c in golden.cases('landmarks') if 'errors' in c)
    assert 'NaN' in golden.check_landmarks({**left_out, 'errors': ['nan'] * len(left_out['errors'])}, 'wasm')


def test_a_wrong_answer_is_told() -> None:
    fit = dict(golden.cases('registration')[0])
    assert 'off by' in golden.check_registration({**fit, 'fre': [1.0]}, 'wasm')
    assert golden.check_registration({**fit, 'code': 'mirrored'}, 'wasm') == 'a fit, not mirrored'
    refused = next(c for c in golden.cases('registration') if c['code'] == 'collinear')
    assert 'code collinear' in golden.check_registration({**refused, 'code': 'mirrored'}, 'wasm')
    pose = dict(golden.cases('tracking')[1])
    assert 'off by' in golden.check_tracking({**pose, 'out': list(np.zeros(16))}, 'wasm')
    assert golden.check_tracking({**pose, 'refused': 'x'}, 'wasm') == 'not refused'
    picture = dict(golden.cases('overlay')[0])
    assert 'ids differ' in golden.check_overlay({**picture, 'ids': [0] * len(picture['ids'])}, 'wasm')
    assert golden.check_overlay({**picture, 'depth': [0.5] * len(picture['depth'])}, 'wasm') == 'depth differs'
    assert 'colour' in golden.check_overlay({**picture, 'image': [0] * len(picture['image'])}, 'wasm')


def test_a_wrong_distance_is_told() -> None:
    case = dict(golden.cases('distance')[0])
    assert 'distance: off by' in golden.check_distance({**case, 'distance': [0.0] * len(case['distance'])}, 'wasm')
    assert 'closest: off by' in golden.check_distance({**case, 'closest': [0.0] * len(case['closest'])}, 'wasm')
    assert 'winding: off by' in golden.check_distance({**case, 'winding': [0.5] * len(case['winding'])}, 'numpy')
