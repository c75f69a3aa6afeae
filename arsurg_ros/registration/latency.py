# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The time offset between two streams that watch the same moving body, without a registration between them.

THE SIGN: ``offset_s`` is ADDED TO B'S STAMPS. What b saw at its stamp t, a saw at its stamp t + offset_s. A positive
offset means that b's stamps are early against a's (or a's late: a is the slower device).

How fast a body turns is the same in every frame fixed to it and seen from every frame at rest, so angular speeds compare
without hand-eye or registration. The speeds are taken over three periods of the slower stream, correlated over lags,
and the peak is refined below a sample by a robust fit (kernels/offset.py). ``signal='translation'`` compares how far a
point goes instead; then both streams must give the same point of the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from arsurg_ros.errors import ArsurgError, ConfigError, KernelError, RegistrationError
from arsurg_ros.kernels.calibration_results import Refused, SpeedCorrelation
from arsurg_ros.kernels.offset import Window, correlate, refine
from arsurg_ros.types import F64, I64, OffsetEstimate, PoseSeries

MAX_OFFSET_S = 1.0
#: How it is set, for messages.
MAX_OFFSET_OPTION = '--max-offset of arsurg estimate latency'
#: Speeds are taken over this many periods of the slower stream: its noise falls, and what is left is still sharp.
WINDOW_PERIODS = 3.0
#: An interval longer than this many median periods is a gap: not interpolated.
GAP_PERIODS = 5.0
LEAST_SAMPLES = 20
#: 95 % of the speeds below these: the stream rests (rad/s, m/s).
REST = {'rotation': 0.03, 'translation': 0.005}
MIN_CORRELATION = 0.4
#: A second peak above this share of the first one: motion that repeats.
MAX_SECOND = 0.9
#: The main peak ends where the correlation has fallen to this share of it.
LOBE = 0.7
MAX_LAGS = 40_000
UNITS = {'rotation': 'rad/s', 'translation': 'm/s'}


@dataclass(frozen=True)
class _Stream:
    name: str
    T: F64
    t_s: F64
    period_s: float
    dropped: int
    source: str

    def rows(self, signal: str) -> F64:
        if signal == 'translation':
            return np.column_stack([self.t_s, self.T[:, :3, 3], np.zeros(len(self.T))])
        return np.column_stack([self.t_s, scipy.spatial.transform.Rotation.from_matrix(self.T[:, :3, :3]).as_quat()])


def estimate_offset(
    a: PoseSeries,
    b: PoseSeries,
    *,
    max_offset_s: float = MAX_OFFSET_S,
    signal: str = 'rotation',
    window_s: float | None = None,
    backend: str = 'wasm',
) -> OffsetEstimate:
    """Return what to add to b's stamps (seconds), searched within +-``max_offset_s``.

    a and b are T_x_y (metres) of one moving body seen by two devices, in whatever frames and either way round; their rates
    may differ, samples may be missing. Raises RegistrationError: ``no_stamps``; ``not_monotonic`` for stamps that go back;
    ``not_finite``; ``too_few_samples`` below 20 samples or speeds; ``no_overlap`` where the streams share no such time;
    ``no_motion`` where one rests or its speed never changes; ``no_correlation`` where they do not move together;
    ``ambiguous_offset`` where the motion repeats itself; ``offset_out_of_range`` where the best offset lies at the end of the
    search. Raises ConfigError for an unknown backend or signal or a bad ``max_offset_s`` or ``window_s``; KernelError.
    """
    for name, value in (('max_offset_s', max_offset_s), ('window_s', 1.0 if window_s is None else window_s)):
        if not 0 < value < np.inf:
            raise ConfigError(f'{name}: {value} must be a positive number of seconds')
    epoch_ns = _epoch(a, b)
    first, second = _stream('a', a, epoch_ns), _stream('b', b, epoch_ns)
    slow, fast = (first, second) if first.period_s > second.period_s else (second, first)
    length_s = window_s or WINDOW_PERIODS * slow.period_s
    window = Window(length_s, GAP_PERIODS * fast.period_s, GAP_PERIODS * slow.period_s)
    found = _search(fast, slow, window, max_offset_s, signal, backend)
    best, ratio = _peak(found, max_offset_s)
    step_s = float(found.lags_s[1] - found.lags_s[0])
    fit = refine(
        fast.rows(signal), found.pairs, float(found.lags_s[best]), 2 * step_s, window.fast_gap_s, signal=signal, backend=backend
    )
    if isinstance(fit, int):
        raise _refused(fit, found)
    sign = 1.0 if slow.name == 'b' else -1.0
    return OffsetEstimate(
        offset_s=sign * fit.shift_s,
        sigma_s=fit.sigma_s,
        correlation=fit.correlation,
        second=ratio,
        signal=signal,
        unit=UNITS[signal],
        window_s=length_s,
        rate_a_hz=1 / first.period_s,
        rate_b_hz=1 / second.period_s,
        slow=slow.name,
        epoch_ns=epoch_ns,
        lags_s=found.lags_s,
        curve=found.curve,
        pairs=fit.pairs,
        outliers=fit.outliers,
        gain=fit.gain,
        noise=fit.noise,
        dropped=(first.dropped, second.dropped),
        warnings=_warnings(fit.sigma_s, fit.gain, fit.outliers, len(fit.pairs)),
    )


def _epoch(a: PoseSeries, b: PoseSeries) -> int:
    for name, series in (('a', a), ('b', b)):
        if series.stamps_ns is None:
            raise RegistrationError('no_stamps', f'{name} ({series.source}): its poses have no stamps; every one needs one')
        if len(series.stamps_ns) != len(series.T):
            counts = f'{len(series.T)} poses, {len(series.stamps_ns)} stamps'
            raise RegistrationError('count_mismatch', f'{name} ({series.source}): {counts}: as many of each are needed')
        if len(series.T) < LEAST_SAMPLES:
            said = f'{name} ({series.source}): {len(series.T)} samples; at least {LEAST_SAMPLES} are needed'
            raise RegistrationError('too_few_samples', said)
    assert a.stamps_ns is not None
    return int(a.stamps_ns[0])


def _stream(name: str, series: PoseSeries, epoch_ns: int) -> _Stream:
    stamps: I64 = np.asarray(series.stamps_ns, dtype=np.int64)
    if not np.isfinite(series.T).all():
        i = int(np.argmin(np.isfinite(series.T).all(axis=(1, 2))))
        raise RegistrationError('not_finite', f'{name} ({series.source}): pose {i} (from 0) is not finite')
    steps = np.diff(stamps)
    if (steps < 0).any():
        i = int(np.argmax(steps < 0)) + 1
        back_s = -float(steps[i - 1]) / 1e9
        said = f'{name} ({series.source}): the stamp of sample {i} (from 0) goes back by {back_s:.6f} s; stamps must rise'
        raise RegistrationError('not_monotonic', said)
    kept = np.concatenate([[True], steps > 0])
    t_s = (stamps[kept] - epoch_ns).astype(np.float64) / 1e9
    if len(t_s) < LEAST_SAMPLES:
        said = f'{name} ({series.source}): {len(t_s)} samples with different stamps; at least {LEAST_SAMPLES} are needed'
        raise RegistrationError('too_few_samples', said)
    # Stamps that a driver rounds alternate between two steps: the mean of the common steps is the period.
    gaps = np.diff(t_s)
    period_s = float(np.mean(gaps[gaps <= 1.7 * np.median(gaps)]))
    return _Stream(name, series.T[kept], t_s, period_s, int((~kept).sum()), series.source)


def _search(
    fast: _Stream, slow: _Stream, window: Window, max_offset_s: float, signal: str, backend: str
) -> SpeedCorrelation:
    reach = max_offset_s + window.length_s  # a peak at the very end is told from a slope that goes on
    step_s = window.length_s / 4
    half = int(np.ceil(reach / step_s))
    if 2 * half + 1 > MAX_LAGS:
        said = f'max_offset_s: {max_offset_s:g} is too far to search in steps of {step_s:.4g} s'
        raise ConfigError(f'{said}; valid: up to {MAX_LAGS / 2 * step_s:.0f}')
    lags: F64 = step_s * np.arange(-half, half + 1, dtype=np.float64)
    found = correlate(fast.rows(signal), slow.rows(signal), lags, window, signal=signal, backend=backend)
    if len(found.pairs) < LEAST_SAMPLES:
        said = f'{slow.name} ({slow.source}): {len(found.pairs)} speeds over {window.length_s:.3g} s without a gap'
        raise RegistrationError('too_few_samples', f'{said}; at least {LEAST_SAMPLES} are needed')
    if found.counts.max() < LEAST_SAMPLES:
        spans = [f'{s.name} lasts {s.t_s[0]:.3f} to {s.t_s[-1]:.3f} s' for s in sorted((fast, slow), key=lambda s: s.name)]
        said = f'{spans[0]}, {spans[1]} (after the first stamp of a)'
        raise RegistrationError('no_overlap', f'{said}: within +-{max_offset_s:g} s they share too little time')
    _check_motion(fast, slow, window, signal, found)
    return found


def _check_motion(fast: _Stream, slow: _Stream, window: Window, signal: str, found: SpeedCorrelation) -> None:
    own = correlate(fast.rows(signal), fast.rows(signal), np.zeros(1), _same(window, fast), signal=signal)
    for stream, pairs in ((slow, found.pairs), (fast, own.pairs)):
        speed = float(np.quantile(pairs[:, 2], 0.95)) if len(pairs) else 0.0
        if speed < REST[signal]:
            said = f'{stream.name} ({stream.source}) rests: 95 % of its speeds are below {speed:.3g} {UNITS[signal]}'
            raise RegistrationError('no_motion', f'{said}; at least {REST[signal]} is needed: move the body to and fro')


def _same(window: Window, stream: _Stream) -> Window:
    gap = GAP_PERIODS * stream.period_s
    return Window(window.length_s, gap, gap)


def _peak(found: SpeedCorrelation, max_offset_s: float) -> tuple[int, float]:
    """Return the index of the highest correlation and the next peak's share of it."""
    # Where few pairs are left, chance correlates well.
    curve = np.where(found.counts >= max(LEAST_SAMPLES, 0.5 * found.counts.max()), found.curve, -1.0)
    best = int(np.argmax(curve))
    top, at_s = float(curve[best]), float(found.lags_s[best])
    if top < MIN_CORRELATION:
        said = f'the speeds of a and b correlate by {top:.2f} at most ({MIN_CORRELATION} needed)'
        why = f'{said}: do both see the same body, at most {max_offset_s:g} s apart?'
        raise RegistrationError('no_correlation', why)
    low, high = best, best
    while low > 0 and curve[low - 1] >= LOBE * top:
        low -= 1
    while high < len(curve) - 1 and curve[high + 1] >= LOBE * top:
        high += 1
    inner = np.flatnonzero((curve[1:-1] >= curve[:-2]) & (curve[1:-1] >= curve[2:])) + 1
    others = [i for i in inner if not low <= i <= high]
    second = max((float(curve[i]) / top for i in others), default=0.0)
    if abs(at_s) > max_offset_s:
        said = f'the best offset lies beyond +-{max_offset_s:g} s'
        raise RegistrationError('offset_out_of_range', f'{said}: search farther ({MAX_OFFSET_OPTION})')
    if second > MAX_SECOND:
        i = max(others, key=lambda k: float(curve[k]))
        said = f'the motion repeats itself: offsets {abs(found.lags_s[i] - at_s):.3f} s apart fit as well ({second:.2f})'
        raise RegistrationError('ambiguous_offset', f'{said}: move irregularly, or search less far ({MAX_OFFSET_OPTION})')
    return best, max(second, 0.0)


def _refused(status: int, found: SpeedCorrelation) -> ArsurgError:
    if status == Refused.FLAT:
        return RegistrationError('no_motion', 'the speed does not change with time: move the body irregularly')
    if status != Refused.TOO_FEW:
        return KernelError(f'kernel calibration: refine: unknown status {status}')
    said = f'at the best offset fewer than {LEAST_SAMPLES} of {len(found.pairs)} speeds lie in both streams'
    return RegistrationError('no_overlap', said)


def _warnings(sigma_s: float, gain: float, outliers: int, count: int) -> tuple[str, ...]:
    said = []
    if sigma_s > 5e-3:
        said.append(f'the standard error of {1e3 * sigma_s:.1f} ms is large: record longer, with quicker, less regular motion')
    if not 0.5 < gain < 2:
        said.append(f'one stream moves {gain:.2f} times as fast as the other: is it the same body, in the same unit?')
    if outliers > 0.3 * count:
        said.append(f'{outliers} of {count} speeds do not fit: one of the streams is noisy or slips')
    return tuple(said)
