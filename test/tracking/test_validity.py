# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arsurg_ros.geometry import se3
from arsurg_ros.tracking.validity import Judge, Limits, Sample, matrix_problem
from arsurg_ros.types import F64, Validity

MS = 1_000_000
LIMITS = Limits(frozen_ns=100 * MS, silent_ns=200 * MS, max_error_m=0.001)


def at(x_m: float) -> F64:
    return se3.compose(np.eye(3), [x_m, 0, 0])


def sample(stamp_ns: int, T: F64 | None, **more: object) -> Sample:
    return Sample(stamp_ns, 'trk', 'tool', T, **more)  # type: ignore[arg-type]


def judge(*samples: Sample) -> list[tuple[Validity, str]]:
    j = Judge(LIMITS)
    out = []
    for s in samples:
        pose = j.judge(s, max(1, s.stamp_ns))
        assert (pose.T is not None) == (pose.validity is Validity.VALID) == (pose.reason == '')
        out.append((pose.validity, pose.reason))
    return out


def test_a_moving_pose_is_valid() -> None:
    assert judge(*(sample(k * MS, at(k * 1e-4)) for k in range(1, 500))) == [(Validity.VALID, '')] * 499


@pytest.mark.parametrize(
    ('bad', 'validity', 'reason'),
    [
        (sample(5, None), Validity.LOST, 'not in view'),
        (sample(0, at(1)), Validity.LOST, 'stamp 0: the device has no data'),
        (sample(5, np.full((4, 4), np.nan)), Validity.LOST, 'not finite'),
        (sample(5, np.zeros((4, 4))), Validity.LOST, 'not rigid'),
        (sample(5, np.diag([1.0, 1.0, -1.0, 1.0])), Validity.LOST, 'not rigid: determinant -1'),
        (sample(5, np.eye(3)), Validity.LOST, 'no 4x4'),
        (sample(5, at(1), error_m=0.002), Validity.POOR, 'marker error 2.00 mm, at most 1 allowed'),
        (sample(5, at(1), error_m=float('nan')), Validity.POOR, 'marker error nan'),
    ],
)
def test_every_way_to_say_no_data_is_not_valid(bad: Sample, validity: Validity, reason: str) -> None:
    ((got, why),) = judge(bad)
    assert got is validity and reason in why


def test_a_refused_stamp_zero_carries_the_time_it_came() -> None:
    assert Judge(LIMITS).judge(sample(0, at(0)), 777).stamp_ns == 777


def test_the_very_same_pose_for_too_long_is_stale_until_it_moves() -> None:
    verdicts = judge(*(sample(k * 20 * MS, at(0.5)) for k in range(1, 11)), sample(220 * MS, at(0.6)))
    assert [v for v, _ in verdicts] == [Validity.VALID] * 5 + [Validity.STALE] * 5 + [Validity.VALID]
    assert verdicts[5][1] == 'frozen: the very same pose for 0.10 s'


def test_a_stamp_that_runs_back_is_stale() -> None:
    verdicts = judge(sample(50 * MS, at(0)), sample(30 * MS, at(1)), sample(40 * MS, at(2)), sample(60 * MS, at(3)))
    assert [v for v, _ in verdicts] == [Validity.VALID, Validity.STALE, Validity.STALE, Validity.VALID]
    assert verdicts[1][1] == 'stamp ran back by 20.0 ms'


def test_silence_is_told_once_and_again_after_the_next_word() -> None:
    j = Judge(LIMITS)
    j.judge(sample(10 * MS, at(0)), 10 * MS)
    assert j.silences(209 * MS) == []
    (pose,) = j.silences(210 * MS)
    assert (pose.validity, pose.T, pose.parent, pose.child) == (Validity.STALE, None, 'trk', 'tool')
    assert pose.reason == 'silent for 0.20 s'
    assert j.silences(400 * MS) == []
    j.judge(sample(410 * MS, None), 410 * MS)
    assert len(j.silences(700 * MS)) == 1


def test_limits_of_zero_are_switched_off() -> None:
    j = Judge(Limits(frozen_ns=0, silent_ns=0))
    poses = [j.judge(sample(k * 10**9, at(0), error_m=1.0), k * 10**9) for k in range(1, 5)]
    assert all(p.validity is Validity.VALID for p in poses) and j.silences(10**12) == []


@given(arrays(np.float64, (4, 4), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_no_matrix_that_is_not_rigid_passes(T: F64) -> None:
    assert (matrix_problem(T) == '') == se3.is_rigid(T, 1e-3)
