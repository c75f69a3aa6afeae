# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.registration.landmarks import Landmarks, register
from arsurg_ros.registration.records import Record, Touch
from arsurg_ros.registration.validation import Check, check_touch, expected95_m

from .conftest import NAMES, POINTS, TRUE, make_record

CHECKS = {'held': np.array([0.05, 0.05, 0.0])}
LIMITS = {'radius_m': 0.02, 'limit_m': 0.003}


def touch(p_ct: np.ndarray, off_m: float = 0.0) -> Check:
    p_ref = se3.transform(TRUE, p_ct) + np.array([0, off_m, 0])
    return check_touch(make_record(0), CHECKS, p_ref, **LIMITS)


def test_a_held_out_landmark_is_independent_evidence() -> None:
    check = touch(CHECKS['held'], 0.001)
    assert check.independent and check.passed and check.moved_m is None
    assert check.error_m == pytest.approx(0.001)
    said = check.text()
    assert 'passed: held (held out: independent evidence): 1.00 mm, limit 3.00 mm, expected within' in said


def test_a_landmark_that_was_used_is_not_and_says_how_far_it_moved() -> None:
    check = touch(POINTS[1], 0.004)
    assert not check.independent and not check.passed and check.moved_m == pytest.approx(0.004)
    assert check.text().startswith('FAILED: b (used for the registration: not independent): 4.00 mm')
    assert 'moved 4.00 mm since it was registered' in check.text()
    assert touch(POINTS[3]).independent  # d was rejected: it was not used


def test_a_landmark_far_away_is_no_check() -> None:
    with pytest.raises(RegistrationError, match=r'21\.0 mm from held, the nearest landmark') as caught:
        touch(CHECKS['held'], 0.021)
    assert caught.value.code == 'not_near'


def test_the_log_has_all_of_it() -> None:
    check = touch(POINTS[0], 0.001)
    assert check.json() | {'error_m': 0, 'moved_m': 0, 'expected95_m': 0} == {
        'landmark': 'a', 'independent': False, 'passed': True, 'p_ref_m': check.p_ref_m.tolist(),
        'error_m': 0, 'moved_m': 0, 'expected95_m': 0, 'limit_m': 0.003,
    }


def test_without_a_noise_nothing_is_expected() -> None:
    record = make_record(0)
    bare = Record(replace(record.result, noise_m=None), record.touches, 0)
    assert expected95_m(bare, POINTS[0]) is None
    assert 'expected' not in check_touch(bare, {}, se3.transform(TRUE, POINTS[0]), **LIMITS).text()


@pytest.mark.parametrize('noise_m', [0.0005, None])
def test_95_touches_in_100_are_within_what_is_expected(noise_m: float | None) -> None:
    """A held-out landmark touched once after each of many registrations, both with the same noise."""
    rng = np.random.default_rng(8)
    landmarks, inside, trials = Landmarks(NAMES, POINTS), 0, 1500
    true = se3.transform(TRUE, CHECKS['held'])
    for _ in range(trials):
        p_ref = se3.transform(TRUE, POINTS) + rng.normal(scale=0.0005, size=(4, 3))
        result = register(landmarks, p_ref, stamp_ns=0, ref_frame='ref', ct_frame='ct', noise_m=noise_m)
        record = Record(result, tuple(Touch(n, c, r) for n, c, r in zip(NAMES, POINTS, p_ref, strict=True)), 0)
        check = check_touch(record, CHECKS, true + rng.normal(scale=0.0005, size=3), **LIMITS)
        assert check.expected95_m is not None
        inside += check.error_m <= check.expected95_m
    assert 0.93 <= inside / trials <= 0.97


def test_a_check_at_the_place_of_a_landmark_that_was_used_is_not_independent() -> None:
    for name in ('other', 'b'):
        for p_ct, independent in ((POINTS[1] + 5e-5, False), (POINTS[1] + 0.001, True), (POINTS[3], True)):
            check = check_touch(make_record(0), {name: p_ct}, se3.transform(TRUE, p_ct), **LIMITS)
            assert check.independent is independent and check.passed, (name, p_ct)
