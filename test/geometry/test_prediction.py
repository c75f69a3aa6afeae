# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, TransformLookupError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.prediction import PredictionLimits, predict
from arsurg_ros.geometry.transforms import TransformBuffer
from arsurg_ros.kernels.poses import interpolate_poses

MS = 1_000_000
LIMITS = PredictionLimits(horizon_s=0.03, error_m=0.002)
POINTS = np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.05]])
TWIST = np.array([0.1, -0.05, 0.02, 0.1, 0.3, -0.2])
START = se3.exp([0.1, 0.2, 0.5, 0.4, 0.0, 0.3])


def filled(rate_hz: float = 100.0, seconds: float = 0.2, twist=TWIST, bend=0.0, noise_m: float = 0.0, seed: int = 0):
    """Return trk -> cam at rest, and trk -> ref with a twist (and an acceleration of x) up to time 0."""
    out, rng = TransformBuffer(), np.random.default_rng(seed)
    out.put('trk', 'cam', 0, se3.exp([0.0, 0.1, 0.0, 0.2, 0.0, 0.1]), static=True)
    for k in range(-int(seconds * rate_hz), 1):
        t_s = k / rate_hz
        out.put('trk', 'ref', round(t_s * 1e9), truth(t_s, twist, bend, rng.normal(0.0, noise_m, 3)))
    return out


def truth(t_s: float, twist=TWIST, bend: float = 0.0, shift=np.zeros(3)) -> np.ndarray:  # noqa: B008
    T = START @ se3.exp(t_s * twist)
    T[:3, 3] += shift + np.array([0.5 * bend * t_s**2, 0, 0])
    return T


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), rate=st.sampled_from([30.0, 60.0, 100.0, 400.0]), ahead_ms=st.integers(1, 30))
def test_a_constant_twist_goes_on_as_the_screw_that_it_is(seed: int, rate: float, ahead_ms: int) -> None:
    twist = np.random.default_rng(seed).normal(size=6) * [0.2, 0.2, 0.2, 0.4, 0.4, 0.4]
    found = predict(filled(rate, twist=twist), 'trk', 'ref', ahead_ms * MS, POINTS, LIMITS)
    assert np.abs(found.T - truth(ahead_ms * 1e-3, twist)).max() < 1e-9
    assert found.error_m < 1e-6 and found.horizon_ns == ahead_ms * MS and found.poses >= 4


def test_of_two_frames_that_move_the_relative_motion_is_predicted() -> None:
    out = TransformBuffer(interpolate=partial(interpolate_poses, backend='numpy'))
    for k in range(-30, 1):
        t_s = k * 0.01
        out.put('trk', 'cam', k * 10 * MS, se3.exp([0, 0, 0, 0, 0.35 * t_s, 0]))
        # The other comes between: the newest that both have is that of the older.
        out.put('trk', 'ref', k * 10 * MS - 3 * MS, truth(t_s - 0.003))
    found = predict(out, 'cam', 'ref', 20 * MS, POINTS, LIMITS)
    expected = se3.inverse(se3.exp([0, 0, 0, 0, 0.35 * 0.02, 0])) @ truth(0.02)
    assert np.linalg.norm(se3.transform(found.T, POINTS) - se3.transform(expected, POINTS), axis=1).max() < 1e-4
    assert found.horizon_ns == 23 * MS


def test_the_error_to_expect_is_the_one_that_comes() -> None:
    """Noise alone, over many draws: the rms of what was wrong is what was said, within a fifth."""
    said, was = [], []
    for seed in range(300):
        found = predict(filled(noise_m=1e-4, seed=seed), 'trk', 'ref', 15 * MS, POINTS, PredictionLimits(0.03, 1.0))
        off = se3.transform(found.T, POINTS) - se3.transform(truth(0.015), POINTS)
        said.append(found.error_m)
        was.append(np.linalg.norm(off, axis=1).max())
    ratio = np.sqrt(np.mean(np.square(said)) / np.mean(np.square(was)))
    # The acceleration that noise alone seems to show is counted too.
    assert 0.9 < ratio < 1.8


def test_an_acceleration_that_goes_on_is_in_it() -> None:
    bend = 4.0
    found = predict(filled(bend=bend), 'trk', 'ref', 20 * MS, POINTS[:1], PredictionLimits(0.03, 1.0))
    off_m = np.linalg.norm(found.T[:3, 3] - truth(0.02, bend=bend)[:3, 3])
    assert off_m > 0.001
    assert found.error_m == pytest.approx(off_m, rel=0.15)


@pytest.mark.parametrize(
    ('change', 'stamp_ms', 'says'),
    [
        ({}, 31, '31.0 ms ahead, at most 30 ms is allowed'),
        ({}, 0, '0.0 ms ahead'),
        ({'bend': 40.0}, 20, 'mm to expect, over 2 mm'),
        ({'seconds': 0.02}, 10, '0 poses|3 poses'),
        ({'rate_hz': 15.0, 'seconds': 1.0}, 10, 'poses without a gap, 4 needed'),
        ({'rate_hz': 2000.0, 'seconds': 0.004}, 10, 'poses of 4.0 ms, 7.5 ms needed'),
    ],
)
def test_what_is_not_predicted(change: dict[str, float], stamp_ms: int, says: str) -> None:
    with pytest.raises(TransformLookupError, match=says) as caught:
        predict(filled(**change), 'cam', 'ref', stamp_ms * MS, POINTS, LIMITS)
    assert caught.value.kind == 'unpredictable'


@pytest.mark.parametrize('rate_hz', [60.0, 100.0, 400.0])
@pytest.mark.parametrize('at', [-1, -2, 0])
def test_a_jump_in_the_window_refuses_itself(rate_hz: float, at: int) -> None:
    buffer = filled(rate_hz)
    stamp_ns = round(at / rate_hz * 1e9)
    buffer.put('trk', 'ref', stamp_ns, truth(at / rate_hz, shift=np.array([0.01, 0.0, 0.0])))
    with pytest.raises(TransformLookupError, match='mm to expect'):
        predict(buffer, 'cam', 'ref', 15 * MS, POINTS, LIMITS)


def test_nothing_is_predicted_from_before_a_gap_or_a_loss() -> None:
    buffer = filled(100.0)
    buffer.lose('ref', 5 * MS)
    with pytest.raises(TransformLookupError, match='0 poses'):
        predict(buffer, 'cam', 'ref', 15 * MS, POINTS, LIMITS)
    buffer = filled(100.0)
    for k in (30, 31, 32):  # back after 300 ms
        buffer.put('trk', 'ref', k * 10 * MS, truth(k * 0.01))
    with pytest.raises(TransformLookupError, match='3 poses without a gap'):
        predict(buffer, 'cam', 'ref', 330 * MS, POINTS, LIMITS)
    buffer.put('trk', 'ref', 330 * MS, truth(0.33))
    assert predict(buffer, 'cam', 'ref', 340 * MS, POINTS, LIMITS).poses == 4
    buffer.lose('nobody', 0)  # a frame that was never seen has nothing to lose


def test_what_stands_still_has_no_future() -> None:
    buffer = filled()
    buffer.put('cam', 'eye', 0, np.eye(4), static=True)
    with pytest.raises(TransformLookupError, match='at most 30 ms'):
        predict(buffer, 'cam', 'eye', 10 * MS, POINTS, LIMITS)
    assert len(buffer.recent('cam', 'eye', 100 * MS).stamps_ns) == 0
    with pytest.raises(TransformLookupError, match='no pose yet'):
        predict(buffer, 'cam', 'nobody', 10 * MS, POINTS, LIMITS)


@pytest.mark.parametrize('values', [(-0.1,), (np.nan,), (np.inf,), (0.1, 0.0), (0.1, np.nan), (0.1, 0.1, 0.0)])
def test_limits_that_are_none(values: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match='the others > 0 are needed'):
        PredictionLimits(*values)
