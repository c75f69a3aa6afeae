# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.prediction import PredictionLimits
from arsurg_ros.geometry.transforms import TransformBuffer
from arsurg_ros.overlay.state import OverlayDecision, OverlayLimits, OverlayState, PoseLookup, decide, look_up
from arsurg_ros.types import DriftLevel, DriftStatus, Validity

LIMITS = OverlayLimits(0.1, 0.5)
MS = 1_000_000


def state(lookup: PoseLookup, registered: bool = True, refusal: str = '') -> OverlayState:
    return decide(lookup, registered, LIMITS, refusal=refusal).state


@pytest.mark.parametrize(
    ('age_ms', 'expected'),
    [
        (0, OverlayState.LIVE),
        (100, OverlayState.LIVE),
        (101, OverlayState.STALE),
        (500, OverlayState.STALE),
        (501, OverlayState.LOST),
        (-101, OverlayState.STALE),
        (-501, OverlayState.LOST),
    ],
)
def test_age_decides_both_ways(age_ms: int, expected: OverlayState) -> None:
    assert state(PoseLookup(np.eye(4), age_ms * MS)) is expected


def test_a_late_pose_is_stale_and_then_lost() -> None:
    assert state(PoseLookup(None, 60 * MS, 'late')) is OverlayState.STALE
    assert state(PoseLookup(None, 600 * MS, 'late')) is OverlayState.LOST


@pytest.mark.parametrize('lookup', [PoseLookup(None), PoseLookup(None, None), PoseLookup(np.eye(4), None)])
def test_no_pose_or_no_age_is_lost(lookup: PoseLookup) -> None:
    assert decide(lookup, True, LIMITS) == OverlayDecision(OverlayState.LOST, 'no marker')


def test_the_trackers_word_counts() -> None:
    T = np.eye(4)
    assert state(PoseLookup(T, validity=Validity.LOST)) is OverlayState.LOST
    assert state(PoseLookup(T, validity=Validity.STALE)) is OverlayState.STALE
    assert decide(PoseLookup(T, 0, 'rms 3 mm', Validity.POOR), True, LIMITS) == OverlayDecision(
        OverlayState.REFUSED, 'rms 3 mm'
    )


@pytest.mark.parametrize('T', [np.full((4, 4), np.nan), np.zeros((4, 4)), np.diag([1.0, 1, -1, 1]), np.eye(3)])
def test_a_pose_that_is_not_rigid_is_refused(T: np.ndarray) -> None:
    assert state(PoseLookup(T)) is OverlayState.REFUSED


def test_unregistered_says_what_else_is_missing() -> None:
    assert decide(PoseLookup(np.eye(4)), False, LIMITS) == OverlayDecision(OverlayState.UNREGISTERED, 'no registration')
    both = decide(PoseLookup(None), False, LIMITS)
    assert both == OverlayDecision(OverlayState.UNREGISTERED, 'no registration; lost: no marker')


def test_a_refused_registration_comes_first() -> None:
    decision = decide(PoseLookup(np.eye(4)), False, LIMITS, refusal='FRE 8 mm')
    assert decision == OverlayDecision(OverlayState.REFUSED, 'FRE 8 mm')


@pytest.mark.parametrize('limits', [(-0.1, 0.5), (0.6, 0.5), (float('nan'), 0.5), (0.1, float('nan')), (0.1, float('inf'))])
def test_limits_that_make_no_sense_are_refused(limits: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match='0 <= stale_s <= lost_s'):
        OverlayLimits(*limits)


@pytest.mark.parametrize(
    ('level', 'expected'),
    [
        (DriftLevel.OK, OverlayState.LIVE),
        (DriftLevel.UNKNOWN, OverlayState.LIVE),
        (DriftLevel.WARN, OverlayState.DRIFT),
        (DriftLevel.ERROR, OverlayState.REFUSED),
    ],
)
def test_drift_warns_and_then_takes_the_anatomy_away(level: DriftLevel, expected: OverlayState) -> None:
    decision = decide(PoseLookup(np.eye(4)), True, LIMITS, drift=DriftStatus(level, 'why'))
    assert decision == OverlayDecision(expected, '' if expected is OverlayState.LIVE else 'why')
    assert decide(PoseLookup(np.eye(4)), False, LIMITS, drift=DriftStatus(level, 'why')).state is OverlayState.UNREGISTERED


def test_a_drift_without_a_reason_has_one_all_the_same() -> None:
    for level in (DriftLevel.WARN, DriftLevel.ERROR):
        assert decide(PoseLookup(np.eye(4)), True, LIMITS, drift=DriftStatus(level)).reason


def test_tracking_that_is_lost_comes_before_a_drift_warning_but_not_before_an_error() -> None:
    assert decide(PoseLookup(None), True, LIMITS, drift=DriftStatus(DriftLevel.WARN, 'w')).state is OverlayState.LOST
    error = decide(PoseLookup(None), True, LIMITS, drift=DriftStatus(DriftLevel.ERROR, 'e'))
    assert error == OverlayDecision(OverlayState.REFUSED, 'e; lost: no marker')


AHEAD = OverlayLimits(0.1, 0.5, PredictionLimits(0.03))


def predicted(age_ms: float, **more) -> PoseLookup:
    return PoseLookup(np.eye(4), round(age_ms * MS), predicted=True, error_m=0.0004, **more)


@pytest.mark.parametrize(
    ('age_ms', 'expected'),
    [(12, OverlayState.PREDICTED), (30, OverlayState.PREDICTED), (31, OverlayState.STALE), (501, OverlayState.LOST)],
)
def test_a_prediction_is_said_and_ends_at_its_limit(age_ms: int, expected: OverlayState) -> None:
    decision = decide(predicted(age_ms), True, AHEAD)
    assert decision.state is expected and decision.draws == (expected is OverlayState.PREDICTED)
    if decision.draws:
        assert decision.reason == f'pose predicted {age_ms} ms ahead, about 0.4 mm'
    assert decide(predicted(age_ms), True, LIMITS).draws is False  # without a horizon there are none


def test_worse_news_than_a_prediction_come_first() -> None:
    warn, error = (DriftStatus(level, 'why') for level in (DriftLevel.WARN, DriftLevel.ERROR))
    decision = decide(predicted(12), True, AHEAD, drift=warn)
    assert decision == OverlayDecision(OverlayState.DRIFT, 'why; pose predicted 12 ms ahead, about 0.4 mm')
    assert decide(predicted(12), True, AHEAD, drift=error).state is OverlayState.REFUSED
    assert decide(predicted(12), False, AHEAD).state is OverlayState.UNREGISTERED
    assert decide(predicted(12, validity=Validity.POOR), True, AHEAD).state is OverlayState.REFUSED


def test_a_tip_that_is_predicted_is_said_too() -> None:
    now = PoseLookup(np.eye(4))
    assert decide(now, True, AHEAD, tip=predicted(7)) == OverlayDecision(
        OverlayState.PREDICTED, 'tip predicted 7 ms ahead, about 0.4 mm'
    )
    assert decide(now, True, AHEAD, tip=now).state is OverlayState.LIVE
    others = {'drill': predicted(7), 'saw': now}
    assert decide(now, True, AHEAD, instruments=others) == OverlayDecision(
        OverlayState.PREDICTED, 'drill predicted 7 ms ahead, about 0.4 mm'
    )
    assert decide(now, True, AHEAD, instruments={'saw': now}).state is OverlayState.LIVE
    assert decide(now, True, AHEAD, tip=PoseLookup(None, None, 'no such frame')).state is OverlayState.LIVE


@pytest.mark.parametrize('horizon_s', [0.11, 0.2])
def test_a_horizon_beyond_stale_is_refused(horizon_s: float) -> None:
    with pytest.raises(ConfigError, match='predict_s <= stale_s is needed'):
        OverlayLimits(0.1, 0.5, PredictionLimits(horizon_s))


def test_a_look_up_predicts_what_is_late_and_nothing_else() -> None:
    buffer = TransformBuffer()
    for k in range(10):
        buffer.put('cam', 'ref', k * 10 * MS, se3.compose(np.eye(3), [0.001 * k, 0, 0]))
    ahead = PredictionLimits(0.03)
    found = look_up(buffer, 'cam', 'ref', 100 * MS, prediction=ahead)
    assert found.predicted and found.age_ns == 10 * MS and found.T is not None and found.error_m is not None
    assert found.T[0, 3] == pytest.approx(0.010, abs=1e-9)
    assert not look_up(buffer, 'cam', 'ref', 85 * MS, prediction=ahead).predicted
    assert look_up(buffer, 'cam', 'ref', 100 * MS).T is None
    far = look_up(buffer, 'cam', 'ref', 130 * MS, prediction=ahead)
    assert far.T is None and far.age_ns == 40 * MS and 'at most 30 ms' in far.reason and 'after the last sample' in far.reason
    early = look_up(buffer, 'cam', 'ref', -5 * MS, prediction=ahead)
    assert early.T is None and 'before the first sample' in early.reason
    assert look_up(buffer, 'cam', 'tip', 0, prediction=ahead).age_ns is None


@given(
    T=st.sampled_from([None, np.eye(4), np.full((4, 4), np.nan), 2 * np.eye(4)]),
    age_ns=st.none() | st.integers(-(10**9), 10**9),
    validity=st.sampled_from(list(Validity)),
    registered=st.booleans(),
    refusal=st.sampled_from(['', 'FRE']),
    stale_s=st.floats(0, 0.5),
    level=st.sampled_from(list(DriftLevel)),
    ahead=st.booleans(),
)
def test_anatomy_means_a_fresh_valid_rigid_pose_and_a_registration_that_holds(
    T: np.ndarray | None,
    age_ns: int | None,
    validity: Validity,
    registered: bool,
    refusal: str,
    stale_s: float,
    level: DriftLevel,
    ahead: bool,
) -> None:
    lookup = PoseLookup(T, age_ns, '', validity, predicted=ahead)
    limits = OverlayLimits(stale_s, prediction=PredictionLimits(0.5 * stale_s))
    decision = decide(lookup, registered, limits, refusal=refusal, drift=DriftStatus(level))
    fresh = age_ns is not None and abs(age_ns) * 1e-9 <= (0.5 * stale_s if ahead else stale_s)
    usable = T is not None and np.array_equal(T, np.eye(4))
    holds = registered and not refusal and level is not DriftLevel.ERROR
    assert decision.draws == (usable and fresh and validity is Validity.VALID and holds)
    assert (decision.state is OverlayState.LIVE) != bool(decision.reason)
    assert level is not DriftLevel.WARN or decision.state not in (OverlayState.LIVE, OverlayState.PREDICTED)
    assert not (ahead and decision.draws) or decision.state is not OverlayState.LIVE
