# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numpy and SciPy twin of the time offset: the same rules, another algorithm for the refinement."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import scipy
from numpy.typing import NDArray

from arsurg_ros.kernels.calibration_results import Refused, ShiftFit, SpeedCorrelation
from arsurg_ros.types import F64

LEAST_PAIRS, STRETCH, CUT, HUBER = 20, 1.5, 2.0, 1.345
NEAR, APART = 1 / 16, 0.5
MAD_TO_SIGMA = 1.482602218505602


class _Stream:
    """Rows (N, 5) that can be asked how fast they move between two times."""

    def __init__(self, rows: F64, gap_s: float, mode: int) -> None:
        """Mode 0 compares angles, 1 distances."""
        self.t, self.gap_s = rows[:, 0], gap_s
        transform = scipy.spatial.transform
        self._turn = None if mode else transform.Slerp(self.t, transform.Rotation.from_quat(rows[:, 1:]))
        self._p = rows[:, 1:4]

    def speeds(self, start: F64, end: F64) -> F64:
        """Return speeds between times (M,) and (M,); NaN outside of the stream and in its gaps."""
        known = self._known(start) & self._known(end)
        a, b = (np.clip(t, self.t[0], self.t[-1]) for t in (start, end))
        if self._turn is None:
            first, last = (np.stack([np.interp(t, self.t, c) for c in self._p.T], axis=1) for t in (a, b))
            moved = np.linalg.norm(last - first, axis=1)
        else:
            moved = (self._turn(a).inv() * self._turn(b)).magnitude()
        return np.asarray(np.where(known, moved / (end - start), np.nan), dtype=np.float64)

    def _known(self, t: F64) -> NDArray[np.bool_]:
        last = len(self.t) - 1
        k = np.clip(np.searchsorted(self.t, t), 0, last)
        between = (np.diff(self.t, prepend=-np.inf)[k] <= self.gap_s) | (self.t[k] == t)
        return np.asarray((t >= self.t[0]) & (t <= self.t[-1]) & between)


def correlate(fast: F64, slow: F64, lags_s: F64, window: tuple[float, float, float], mode: int) -> SpeedCorrelation:
    """Return what the kernel's ``correlate`` returns."""
    length_s, fast_gap_s, slow_gap_s = window
    stream = _Stream(fast, fast_gap_s, mode)
    start, end = _pairs(slow[:, 0], length_s, slow_gap_s)
    speed = _Stream(slow, np.inf, mode).speeds(start, end) if len(start) else start
    pairs = np.stack([start, end, speed, np.zeros_like(start), np.ones_like(start)], axis=1)
    cut = CUT * _busy(stream, start, end, speed, lags_s)
    curve, counts = np.zeros(len(lags_s)), np.zeros(len(lags_s))
    for i, lag in enumerate(lags_s):
        x = stream.speeds(start + lag, end + lag)
        known = np.isfinite(x)
        counts[i] = known.sum()
        curve[i] = _pearson(np.minimum(x[known], cut), np.minimum(speed[known], cut))
    return SpeedCorrelation(lags_s, curve, counts, pairs)


def _busy(stream: _Stream, start: F64, end: F64, speed: F64, lags_s: F64) -> float:
    if not len(speed):
        return 0.0
    slow = float(np.quantile(speed, 0.9, method='lower'))
    busy, count = slow, 0
    for i in range(9):
        lag = lags_s[i * (len(lags_s) - 1) // 8]
        x = stream.speeds(start + lag, end + lag)
        x = x[np.isfinite(x)]
        if len(x) > count:
            busy, count = min(slow, float(np.quantile(x, 0.9, method='lower'))), len(x)
    return busy


def _pairs(t: F64, length_s: float, gap_s: float) -> tuple[F64, F64]:
    last = np.searchsorted(t, t + length_s * (1 - 1e-6))
    first = np.flatnonzero(last < len(t))
    last = last[first]
    too_long = np.concatenate([[0], np.cumsum(np.diff(t) > gap_s)])
    good = (t[last] - t[first] <= STRETCH * length_s) & (too_long[first] == too_long[last])
    return t[first[good]], t[last[good]]


def _pearson(x: F64, y: F64) -> float:
    if len(x) == 0 or np.var(x) <= 1e-12 * np.mean(x * x) or np.var(y) <= 1e-12 * np.mean(y * y):
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def refine(fast: F64, pairs: F64, search: tuple[float, float, float], mode: int) -> ShiftFit | int:
    """Return what the kernel's ``refine`` returns: the root of Huber's score by Brent's method."""
    start_s, reach_s, gap_s = search
    stream = _Stream(fast, gap_s, mode)
    x_at = [stream.speeds(pairs[:, 0] + d, pairs[:, 1] + d) for d in start_s + reach_s * np.linspace(-2, 2, 9)]
    kept = pairs[np.isfinite(x_at).all(axis=0)]
    if len(kept) < LEAST_PAIRS:
        return int(Refused.TOO_FEW)
    t0, t1, y = kept[:, 0], kept[:, 1], kept[:, 2]

    def slope(d: float, share: float) -> F64:
        half = share * (t1 - t0)
        after, before = (stream.speeds(t0 + d + h, t1 + d + h) for h in (half, -half))
        return np.nan_to_num((after - before) / (2 * half))

    def score(d: float, noise: float) -> float:
        x = stream.speeds(t0 + d, t1 + d)
        gain, level = _line(x, y, noise)
        e = y - gain * x - level
        return float(np.nansum(_weights(e, noise) * e * slope(d, APART)))

    shift, noise = start_s, 0.0
    for _ in range(30):
        x = stream.speeds(t0 + shift, t1 + shift)
        gain, level = _line(x, y, noise)
        e = np.abs(y - gain * x - level)
        noise = MAD_TO_SIGMA * float(np.quantile(e[np.isfinite(e)], 0.5, method='lower'))
        before, shift = shift, _root(partial(score, noise=noise), shift, start_s, reach_s)
        if abs(shift - before) < 1e-9:
            break
    x = stream.speeds(t0 + shift, t1 + shift)
    gain, level = _line(x, y, noise)
    e = y - gain * x - level
    # A fast sample missing between the places asked above: the pair has no say.
    w = np.where(np.isfinite(e), _weights(e, noise), 0.0)
    x, e = np.nan_to_num(x), np.nan_to_num(e)
    rows, instrument = (np.stack([gain * slope(shift, s), x, np.ones_like(x)], axis=1) for s in (NEAR, APART))
    information = (instrument * w[:, None]).T @ rows
    if np.linalg.matrix_rank(information) < 3:
        return int(Refused.FLAT)
    sigma = _newey_west(t0, t1, instrument @ np.linalg.inv(information)[0] * e * w)
    correlation = float(np.cov(x, y, aweights=w)[0, 1] / np.sqrt(np.cov(x, aweights=w) * np.cov(y, aweights=w)))
    out = np.stack([t0, t1, y, x, w], axis=1)
    return ShiftFit(shift, sigma, gain, level, correlation, noise, int((w < 0.5).sum()), out)


def _root(score: Callable[[float], float], near: float, start_s: float, reach_s: float) -> float:
    """Return where the score falls through zero, nearest to a shift; the end of the range where it never does."""
    at = start_s + reach_s * np.linspace(-1, 1, 21)
    values = np.array([score(float(d)) for d in at])
    falls = np.flatnonzero((values[:-1] > 0) & (values[1:] <= 0))
    if not len(falls):
        return float(at[-1] if values[-1] > 0 else at[0])
    k = falls[np.argmin(np.abs(at[falls] - near))]
    return float(scipy.optimize.brentq(score, at[k], at[k + 1], xtol=1e-12))


def _line(x: F64, y: F64, noise: float) -> tuple[float, float]:
    """Return gain and level of Huber's line; the plain one where the noise is not known yet."""
    known = np.isfinite(x)
    x, y = x[known], y[known]
    rows, w = np.stack([x, np.ones_like(x)], axis=1), np.ones_like(x)
    gain, level = 0.0, 0.0
    for _ in range(200 if noise > 0 else 1):
        root = np.sqrt(w)
        found, *_ = np.linalg.lstsq(rows * root[:, None], y * root, rcond=None)
        step = abs(found[0] - gain) + abs(found[1] - level)
        gain, level = float(found[0]), float(found[1])
        if step < 1e-12:
            break
        w = _weights(y - gain * x - level, noise)
    return gain, level


def _weights(e: F64, noise: float) -> F64:
    return np.asarray(np.minimum(1.0, HUBER * noise / np.maximum(np.abs(e), 1e-300)), dtype=np.float64)


def _newey_west(t0: F64, t1: F64, score: F64) -> float:
    length = 2 * (t1 - t0)
    total = float(score @ score)
    for i in range(len(score)):
        near = slice(i + 1, int(np.searchsorted(t0, t0[i] + length[i])))
        total += 2 * float(score[i] * ((1 - (t0[near] - t0[i]) / length[i]) @ score[near]))
    return float(np.sqrt(max(total, 0.0)))
