# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError
from arsurg_ros.overlay.state import OverlayDecision, OverlayLimits, OverlayState, PoseLookup, decide
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


@given(
    T=st.sampled_from([None, np.eye(4), np.full((4, 4), np.nan), 2 * np.eye(4)]),
    age_ns=st.none() | st.integers(-(10**9), 10**9),
    validity=st.sampled_from(list(Validity)),
    registered=st.booleans(),
    refusal=st.sampled_from(['', 'FRE']),
    stale_s=st.floats(0, 0.5),
    level=st.sampled_from(list(DriftLevel)),
)
def test_anatomy_means_a_fresh_valid_rigid_pose_and_a_registration_that_holds(
    T: np.ndarray | None,
    age_ns: int | None,
    validity: Validity,
    registered: bool,
    refusal: str,
    stale_s: float,
    level: DriftLevel,
) -> None:
    lookup, limits = PoseLookup(T, age_ns, '', validity), OverlayLimits(stale_s)
    decision = decide(lookup, registered, limits, refusal=refusal, drift=DriftStatus(level))
    fresh = age_ns is not None and abs(age_ns) * 1e-9 <= stale_s
    usable = T is not None and np.array_equal(T, np.eye(4))
    holds = registered and not refusal and level is not DriftLevel.ERROR
    assert decision.draws == (usable and fresh and validity is Validity.VALID and holds)
    assert (decision.state is OverlayState.LIVE) != bool(decision.reason)
    assert level is not DriftLevel.WARN or decision.state is not OverlayState.LIVE
