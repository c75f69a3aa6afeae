# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The time offset between two streams: correlation of their speeds over lags, and its refinement below a sample.

Streams are rows (N, 5): (t s, qx, qy, qz, qw) for ``rotation``, (t s, x m, y m, z m, 0) for ``translation``; stamps rise
strictly. Pearson's correlation for the search; then Huber's loss by Gauss-Newton (wasm) or the root of its score by Brent's
method, with a reweighted line at each shift (numpy twin). Standard errors after Newey and West, Econometrica 55(3), 1987.
"""

from __future__ import annotations

from dataclasses import dataclass

from arsurg_ros.kernels import reference_offset
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.calibration_results import ShiftFit, SpeedCorrelation
from arsurg_ros.kernels.host import Kernel, PerThread, room
from arsurg_ros.kernels.layouts import CALIBRATION
from arsurg_ros.types import F64

_SMALLEST = 256
#: A search over an hour of samples takes its time; nobody waits for it with a picture.
_kernels = PerThread(CALIBRATION, deadline_s=60.0)


@dataclass(frozen=True)
class Window:
    """Speeds are taken over ``length_s``; intervals longer than the gaps are not interpolated, nor bridged."""

    length_s: float
    fast_gap_s: float
    slow_gap_s: float


def correlate(
    fast: F64, slow: F64, lags_s: F64, window: Window, *, signal: str = 'rotation', backend: str = 'wasm'
) -> SpeedCorrelation:
    """Return the correlation of the slow stream's speed at t with the fast one's at t + lag, for lags (K,), seconds.

    0 where a lag has no correlation. Raises ConfigError for an unknown backend or signal, KernelError.
    """
    run = pick(backend, {'wasm': _correlate, 'numpy': reference_offset.correlate})
    return run(fast, slow, lags_s, (window.length_s, window.fast_gap_s, window.slow_gap_s), _mode(signal))


def refine(
    fast: F64, pairs: F64, start_s: float, reach_s: float, fast_gap_s: float, *, signal: str = 'rotation', backend: str = 'wasm'
) -> ShiftFit | int:
    """Return the best shift within ``reach_s`` of ``start_s`` for pairs of ``correlate``, or the refusal's status."""
    run = pick(backend, {'wasm': _refine, 'numpy': reference_offset.refine})
    return run(fast, pairs, (start_s, reach_s, fast_gap_s), _mode(signal))


def _mode(signal: str) -> int:
    return pick(signal, {'rotation': 0, 'translation': 1}, 'signal')


def _correlate(fast: F64, slow: F64, lags_s: F64, window: tuple[float, float, float], mode: int) -> SpeedCorrelation:
    n, m, k = len(fast), len(slow), len(lags_s)
    kernel = _room(n, m, k)
    blocks = kernel.blocks
    blocks['control'][:4] = n, m, k, mode
    blocks['params'][:3] = window
    blocks['a'][: 5 * n] = fast.ravel()
    blocks['b'][: 5 * m] = slow.ravel()
    blocks['lags'][:k] = lags_s
    kernel.call('correlate')
    pairs = blocks['pairs'][: 5 * int(blocks['control'][4])].reshape(-1, 5).copy()
    return SpeedCorrelation(lags_s, blocks['curve'][:k].copy(), blocks['counts'][:k].copy(), pairs)


def _refine(fast: F64, pairs: F64, search: tuple[float, float, float], mode: int) -> ShiftFit | int:
    n, m = len(fast), len(pairs)
    kernel = _room(n, m, 1)
    blocks = kernel.blocks
    blocks['control'][:5] = n, 0, 0, mode, m
    blocks['params'][1], blocks['params'][3:5] = search[2], search[:2]
    blocks['a'][: 5 * n] = fast.ravel()
    blocks['pairs'][: 5 * m] = pairs.ravel()
    status = kernel.call('refine')
    if status:
        return status
    shift, sigma, gain, level, correlation, noise, outliers = (float(v) for v in blocks['fit'][:7])
    used = blocks['pairs'][: 5 * int(blocks['control'][4])].reshape(-1, 5).copy()
    return ShiftFit(shift, sigma, gain, level, correlation, noise, int(outliers), used)


def _room(*sizes: int) -> Kernel:
    return _kernels.get(*(room(n, _SMALLEST) for n in sizes))
