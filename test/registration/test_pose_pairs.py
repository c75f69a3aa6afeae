# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.registration.pose_pairs import pair_poses, rising, well_spread
from arsurg_ros.types import F64, PoseSeries

SCREW = np.array([0.1, -0.2, 0.05, 0.3, 0.5, -0.2])


def at(t_s: F64) -> F64:
    """Return where a body on a constant screw is at a time: what interpolation must give back."""
    return np.array([se3.exp(SCREW * t) for t in t_s])


def series(t_s: F64, late_s: float = 0.0, source: str = 'made') -> PoseSeries:
    """Return the body at ``t_s``, stamped ``late_s`` too late."""
    return PoseSeries(at(t_s), np.round((t_s + late_s) * 1e9).astype(np.int64), source)


def test_series_without_stamps_are_paired_by_index() -> None:
    a, b = PoseSeries(at(np.arange(5.0)), None, 'a'), series(np.arange(5.0))
    pairs = pair_poses(a, b)
    assert (pairs.method, pairs.candidates, pairs.in_gaps) == ('index', 5, 0)
    assert pairs.a is a.T
    assert pairs.b is b.T
    with pytest.raises(RegistrationError, match=r'long: 6 poses, made: 5 poses; without stamps') as caught:
        pair_poses(PoseSeries(at(np.arange(6.0)), None, 'long'), b)
    assert caught.value.code == 'count_mismatch'


def test_the_same_stamps_need_no_interpolation() -> None:
    pairs = pair_poses(series(np.arange(5.0)), series(np.arange(5.0)))
    assert pairs.method == 'index'


@pytest.mark.parametrize('backend', ['wasm', 'numpy'])
@pytest.mark.parametrize('swapped', [False, True])
def test_the_faster_stream_is_interpolated_at_the_slower_ones_stamps(swapped: bool, backend: str) -> None:
    fast, slow = series(np.arange(0.0, 4.0, 0.01)), series(np.arange(-0.1, 4.2, 0.047))
    pairs = pair_poses(slow, fast, backend=backend) if swapped else pair_poses(fast, slow, backend=backend)
    t = np.arange(-0.1, 4.2, 0.047)
    inside = (t >= 0) & (t <= 3.99)
    assert pairs.method == 'interpolated'
    assert pairs.indices.tolist() == np.flatnonzero(inside).tolist()
    assert (pairs.candidates, pairs.in_gaps) == (inside.sum(), (~inside).sum())
    assert np.abs(pairs.a - at(t[inside])).max() < 1e-7
    assert np.abs(pairs.b - at(t[inside])).max() < 1e-7


def test_an_offset_is_added_to_the_second_ones_stamps() -> None:
    t = np.arange(0.5, 3.0, 0.05)
    fast = series(np.arange(0.0, 4.0, 0.01))
    for late_s in (0.03, -0.2):
        pairs = pair_poses(fast, series(t, late_s), offset_s=-late_s)
        assert np.abs(pairs.a - pairs.b).max() < 1e-7
        assert np.abs(pair_poses(fast, series(t, late_s)).a - pairs.b).max() > 1e-3
    slow_first = pair_poses(series(t, 0.03), fast, offset_s=0.03)
    assert np.abs(slow_first.a - slow_first.b).max() < 1e-7


def test_no_pose_is_made_up_in_a_gap() -> None:
    t = np.arange(0.0, 4.0, 0.01)
    fast = series(t[(t < 1.0) | (t > 1.5)])
    slow = series(np.arange(0.05, 3.9, 0.1))
    pairs = pair_poses(fast, slow)
    found = np.arange(0.05, 3.9, 0.1)[pairs.indices]
    assert pairs.in_gaps == 5
    assert not ((found > 1.0) & (found < 1.5)).any()
    assert pair_poses(fast, slow, max_gap_s=0.6).in_gaps == 0


def test_streams_that_share_no_time_are_refused() -> None:
    with pytest.raises(RegistrationError, match=r'0 common instants \(made from 0.000 to 1.900 s; made from 5.000') as caught:
        pair_poses(series(np.arange(0.0, 2.0, 0.1)), series(np.arange(5.0, 7.0, 0.25)))
    assert caught.value.code == 'no_overlap'
    with pytest.raises(RegistrationError, match='0 common instants'):
        pair_poses(series(np.array([0.0])), series(np.arange(0.1, 7.0, 0.25)))
    with pytest.raises(RegistrationError, match='0 common instants'):
        pair_poses(series(np.array([0.0])), series(np.array([0.1])))


def test_a_few_repeated_stamps_are_left_out_and_many_are_refused() -> None:
    t = np.arange(0.0, 4.0, 0.1)
    good = series(t)
    assert good.stamps_ns is not None
    stamps = good.stamps_ns.copy()
    stamps[7] = stamps[6]
    cleaned = rising(PoseSeries(good.T, stamps, 'x', 2))
    assert (len(cleaned.T), cleaned.dropped) == (39, 3)
    with pytest.raises(RegistrationError, match=r'x: 39 of 40 stamps do not rise, the first is that of pose 1') as caught:
        rising(PoseSeries(good.T, good.stamps_ns[::-1].copy(), 'x'))
    assert caught.value.code == 'not_monotonic'


def test_long_streams_are_thinned_to_poses_that_lie_far_apart() -> None:
    rng = np.random.default_rng(1)
    resting = np.repeat(np.eye(4)[None], 900, axis=0)
    moving = np.array([se3.exp(rng.normal(0, 0.5, 6)) for _ in range(100)])
    T = np.concatenate([resting, moving])
    chosen = well_spread(T, se3.inverse(T), 100)
    assert len(set(chosen.tolist())) == 100
    assert (np.diff(chosen) > 0).all()
    assert np.count_nonzero(chosen >= 900) > 50  # evenly in time it would be ten
    pairs = pair_poses(PoseSeries(T, None, 'a'), PoseSeries(T, None, 'b'), max_pairs=100)
    assert (len(pairs.a), pairs.candidates) == (100, 1000)
    assert (pairs.indices == chosen).all()
    assert np.array_equal(pairs.a, T[chosen])
