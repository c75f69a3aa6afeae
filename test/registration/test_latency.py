# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.files.poses import load_poses
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.registration.latency import OffsetEstimate, estimate_offset
from arsurg_ros.types import PoseSeries

EPOCH_S = 1_700_000_000


class Motion:
    """A hand's motion: splines through random knots every quarter of a second."""

    def __init__(self, rng: np.random.Generator, length_s: float) -> None:
        n = int(length_s / 0.25) + 30
        knots = 0.25 * np.arange(n) - 3.0
        self.w = CubicSpline(knots, np.cumsum(rng.normal(0, 0.12, (n, 3)), 0))
        self.p = CubicSpline(knots, rng.normal(0, 0.1, (n, 3)))

    def at(self, t: np.ndarray) -> np.ndarray:
        T = np.tile(np.eye(4), (len(t), 1, 1))
        T[:, :3, :3] = Rotation.from_rotvec(self.w(t)).as_matrix()
        T[:, :3, 3] = self.p(t)
        return T


def stream(
    rng: np.random.Generator, motion: Motion, length_s: float, rate_hz: float, clock_s: float = 0.0, noise: float = 0.0,
    dropout: float = 0.0, jitter: float = 0.0,
) -> PoseSeries:
    """Return what a device sees whose stamps are ``clock_s`` late; noise in rad and 0.3 m a rad, jitter in periods."""
    t = np.arange(rng.uniform(0, 0.3), length_s, 1 / rate_hz)
    t = t + rng.uniform(-jitter, jitter, len(t)) / rate_hz
    t = t[rng.random(len(t)) >= dropout]
    T = motion.at(t)
    T[:, :3, :3] = T[:, :3, :3] @ Rotation.from_rotvec(rng.normal(0, noise, (len(t), 3))).as_matrix()
    T[:, :3, 3] += rng.normal(0, 0.3 * noise, (len(t), 3))
    return PoseSeries(T, np.round((t + clock_s + EPOCH_S) * 1e9).astype(np.int64), 'made')


def pair(
    seed: int, rate_a_hz: float = 100.0, rate_b_hz: float = 30.0, length_s: float = 20.0, noise: float = 1e-3,
    dropout: float = 0.0,
) -> tuple[PoseSeries, PoseSeries, float]:
    """Return a, b in other frames (b inverted for odd seeds) and the true offset."""
    rng = np.random.default_rng(seed)
    motion, offset_s = Motion(rng, length_s), float(rng.uniform(-0.4, 0.4))
    a = stream(rng, motion, length_s, rate_a_hz, offset_s, noise / 3, dropout)
    b = stream(rng, motion, length_s, rate_b_hz, 0.0, noise, dropout, 0.2)
    left, right = se3.exp(rng.uniform(-2, 2, 6)), se3.exp(rng.uniform(-2, 2, 6))
    T_b = left @ b.T @ right
    return a, replace(b, T=se3.inverse(T_b) if seed % 2 else T_b), offset_s


def code_of(a: PoseSeries, b: PoseSeries, **options: object) -> str:
    with pytest.raises(RegistrationError) as caught:
        estimate_offset(a, b, **options)  # type: ignore[arg-type]
    assert '\n' not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    ('rates', 'noise', 'dropout'),
    [((60, 30), 1e-3, 0.05), ((400, 30), 3e-3, 0.1), ((100, 30), 3e-3, 0.2), ((60, 60), 1e-3, 0.0), ((25, 400), 1e-4, 0.0)],
)
def test_known_offsets_are_recovered_within_2_ms(rates: tuple[float, float], noise: float, dropout: float) -> None:
    errors, scores = [], []
    for seed in range(12):
        a, b, offset_s = pair(seed, *rates, noise=noise, dropout=dropout)
        found = estimate_offset(a, b)
        errors.append(found.offset_s - offset_s)
        scores.append(errors[-1] / found.sigma_s)
        assert found.correlation > 0.8
    assert np.abs(errors).max() < 2e-3
    assert 0.4 < np.sqrt(np.mean(np.square(scores))) < 2  # the standard error is of the errors' size


def test_the_standard_error_tells_the_errors() -> None:
    scores = []
    for seed in range(40):
        a, b, offset_s = pair(seed, 60, 60, 12.0, 1e-3)
        found = estimate_offset(a, b)
        scores.append((found.offset_s - offset_s) / found.sigma_s)
    assert 0.8 < np.std(scores) < 1.4
    assert np.mean(np.abs(scores) < 1.96) > 0.85


@pytest.mark.parametrize('seed', range(4))
def test_both_backends_agree(seed: int) -> None:
    a, b, _ = pair(seed, length_s=10.0, dropout=0.1)
    one, two = (estimate_offset(a, b, backend=backend) for backend in BACKENDS)
    assert one.offset_s == pytest.approx(two.offset_s, abs=1e-7)
    assert one.sigma_s == pytest.approx(two.sigma_s, rel=1e-4)
    assert one.correlation == pytest.approx(two.correlation, abs=1e-6)
    assert np.abs(one.curve - two.curve).max() < 1e-9
    assert (one.outliers, len(one.pairs)) == (two.outliers, len(two.pairs))


def test_exchanging_the_streams_changes_the_sign() -> None:
    a, b, _ = pair(5)
    one, other = estimate_offset(a, b), estimate_offset(b, a)
    assert one.offset_s == pytest.approx(-other.offset_s, abs=1e-9)
    assert (one.slow, other.slow) == ('b', 'a')
    for found in (one, other):  # the curve is over offsets, whichever stream is the slower
        offsets, curve = found.curve_of_offsets()
        assert (np.diff(offsets) > 0).all()
        assert offsets[np.argmax(curve)] == pytest.approx(found.offset_s, abs=found.window_s / 4)


def test_later_stamps_of_b_take_as_much_off_the_offset() -> None:
    a, b, _ = pair(6)
    assert b.stamps_ns is not None
    plain = estimate_offset(a, b)
    later = estimate_offset(a, replace(b, stamps_ns=b.stamps_ns + 20_000_000))
    assert later.offset_s == pytest.approx(plain.offset_s - 0.02, abs=2e-5)


def test_the_distance_gone_serves_where_nothing_turns() -> None:
    rng = np.random.default_rng(7)
    motion = Motion(rng, 20)
    a, b = stream(rng, motion, 20, 100, 0.123), stream(rng, motion, 20, 30, 0.0, 1e-4)
    still = [replace(s, T=np.array([se3.compose(np.eye(3), T[:3, 3]) for T in s.T])) for s in (a, b)]
    found = estimate_offset(*still, signal='translation')
    assert found.offset_s == pytest.approx(0.123, abs=2e-3)
    assert found.unit == 'm/s'
    assert code_of(*still) == 'no_motion'


def test_spikes_do_not_pull_the_offset() -> None:
    a, b, offset_s = pair(8)
    rng = np.random.default_rng(8)
    T = b.T.copy()
    for i in rng.choice(len(T), len(T) // 20, replace=False):
        T[i, :3, :3] = Rotation.random(random_state=int(i)).as_matrix()
    found = estimate_offset(a, replace(b, T=T))
    assert found.offset_s == pytest.approx(offset_s, abs=3e-3)
    assert found.outliers > len(T) // 20


def test_a_pause_in_a_stream_is_not_bridged() -> None:
    a, b, offset_s = pair(9)
    assert a.stamps_ns is not None and b.stamps_ns is not None
    part = slice(500, 900)
    a = replace(a, T=np.delete(a.T, part, 0), stamps_ns=np.delete(a.stamps_ns, part))
    found = estimate_offset(a, b)
    assert found.offset_s == pytest.approx(offset_s, abs=2e-3)
    assert len(found.pairs) < len(b.T) - 100


def test_equal_stamps_are_dropped_and_told() -> None:
    a, b, offset_s = pair(10)
    assert a.stamps_ns is not None
    stamps = a.stamps_ns.copy()
    stamps[[50, 70, 71]] = stamps[[49, 69, 69]]
    found = estimate_offset(replace(a, stamps_ns=stamps), b)
    assert found.dropped == (3, 0)
    assert found.offset_s == pytest.approx(offset_s, abs=2e-3)


def test_the_recorded_pair_of_vicon_and_camera(shared_data: Path) -> None:
    folder = shared_data / 'ethz_vicon_camera' / 'prime_sense_1'
    vicon = load_poses(str(folder / '2017-04-09-18-13-10_vicon_prime_sense.csv'), 1.0)
    camera = load_poses(str(folder / '2017-04-09-18-13-10_W_camera_rgb_image_raw.csv'), 1.0)
    found = estimate_offset(vicon, camera)
    assert found.offset_s == pytest.approx(0.03, abs=5e-3)
    assert found.correlation > 0.85
    assert 5e-4 < found.sigma_s < 4e-3
    assert found.dropped[0] == 5


def periodic(rate_hz: float, shift_s: float) -> PoseSeries:
    t = np.arange(0, 20, 1 / rate_hz)
    T = np.array([se3.exp([0, 0, 0, 0, 0, np.sin(2 * np.pi * 1.5 * x)]) for x in t])
    return PoseSeries(T, np.round((t + shift_s) * 1e9).astype(np.int64), 'made')


def test_refusals() -> None:
    a, b, _ = pair(11)
    assert a.stamps_ns is not None and b.stamps_ns is not None
    nan = b.T.copy()
    nan[7, 0, 3] = np.nan
    back = a.stamps_ns.copy()
    back[40] = back[38] - 5
    still = replace(a, T=np.broadcast_to(a.T[0], a.T.shape))
    _, unrelated, _ = pair(12, length_s=60.0)
    assert code_of(replace(a, stamps_ns=None), b) == 'no_stamps'
    assert code_of(a, replace(b, stamps_ns=None)) == 'no_stamps'
    assert code_of(a, replace(b, stamps_ns=b.stamps_ns[:-1])) == 'count_mismatch'
    assert code_of(a, replace(b, T=nan)) == 'not_finite'
    assert code_of(replace(a, stamps_ns=back), b) == 'not_monotonic'
    assert code_of(replace(a, T=a.T[:19], stamps_ns=a.stamps_ns[:19]), b) == 'too_few_samples'
    assert code_of(replace(a, stamps_ns=np.full(len(a.T), 5)), b) == 'too_few_samples'
    assert code_of(a, replace(b, T=b.T[:21], stamps_ns=b.stamps_ns[:21])) == 'too_few_samples'
    assert code_of(a, replace(b, stamps_ns=b.stamps_ns + 10**11)) == 'no_overlap'
    assert code_of(still, b) == 'no_motion'
    assert code_of(a, replace(b, T=np.broadcast_to(b.T[0], b.T.shape))) == 'no_motion'
    assert code_of(pair(13, length_s=60.0)[0], unrelated) == 'no_correlation'
    assert code_of(periodic(100, 0.1), periodic(30, 0.0)) == 'ambiguous_offset'
    assert code_of(a, replace(b, stamps_ns=b.stamps_ns + 550_000_000), max_offset_s=0.1) in (
        'offset_out_of_range', 'no_correlation',
    )


def test_an_offset_just_outside_of_the_search_is_told() -> None:
    rng = np.random.default_rng(14)
    motion = Motion(rng, 20)
    a, b = stream(rng, motion, 20, 100, 0.27), stream(rng, motion, 20, 30)
    assert code_of(a, b, max_offset_s=0.2) == 'offset_out_of_range'
    assert estimate_offset(a, b, max_offset_s=0.3).offset_s == pytest.approx(0.27, abs=2e-3)


def test_a_short_search_leaves_one_of_the_repeated_offsets() -> None:
    assert estimate_offset(periodic(100, 0.1), periodic(30, 0.0), max_offset_s=0.12).offset_s == pytest.approx(0.1, abs=2e-3)


def test_constant_turning_has_no_offset() -> None:
    def turning(rate_hz: float) -> PoseSeries:
        t = np.arange(0, 10, 1 / rate_hz)
        T = np.array([se3.exp([0, 0, 0, 0, 0, x]) for x in t])
        return PoseSeries(T, np.round(t * 1e9).astype(np.int64), 'made')

    assert code_of(turning(100), turning(30)) in ('no_motion', 'no_correlation')


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'max_offset_s': 0.0}, 'max_offset_s: 0.0 must be a positive number of seconds'),
        ({'max_offset_s': float('nan')}, 'max_offset_s: nan must be'),
        ({'window_s': -1.0}, 'window_s: -1.0 must be'),
        ({'max_offset_s': 1e6}, 'max_offset_s: 1e+06 is too far to search'),
        ({'signal': 'sound'}, "signal: 'sound' is unknown; valid: rotation, translation"),
        ({'backend': 'cuda'}, "backend: 'cuda' is unknown; valid: wasm, numpy"),
    ],
)
def test_options_are_checked(options: dict[str, object], said: str) -> None:
    a, b, _ = pair(15, length_s=5.0)
    with pytest.raises((ConfigError, KeyError)) as caught:
        estimate_offset(a, b, **options)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_doubtful_answers_carry_a_warning() -> None:
    rng = np.random.default_rng(16)
    motion = Motion(rng, 20)
    a, b = stream(rng, motion, 20, 100), stream(rng, motion, 20, 30)
    larger = replace(a, T=np.array([se3.compose(np.eye(3), 3 * T[:3, 3]) for T in a.T]))
    found: OffsetEstimate = estimate_offset(larger, b, signal='translation')
    assert any('as fast as the other' in w for w in found.warnings)
    noisy = stream(rng, motion, 20, 30, 0.0, 0.03)
    assert any('standard error' in w for w in estimate_offset(a, noisy).warnings)
