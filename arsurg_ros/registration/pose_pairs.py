# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Two streams of poses to pairs of the same instants: by index, or by interpolating the faster at the slower's stamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.poses import interpolate_poses
from arsurg_ros.types import F64, I64, PoseSeries

#: No pose is made up between samples that lie farther apart (as in the transform buffer).
MAX_GAP_S = 0.2
MAX_PAIRS = 2000
FEWEST = 3
#: A larger share of stamps that do not rise is no recording.
MOST_NOT_RISING = 0.1


@dataclass(frozen=True)
class PosePairs:
    """Poses ``a`` and ``b`` (N, 4, 4), metres, of the same instants; ``indices`` (N,) are those in the slower stream.

    ``method`` is ``index`` or ``interpolated``; ``candidates`` counts the pairs before thinning, ``in_gaps`` the stamps of
    the slower stream that had no pose of the other within reach. ``dropped`` counts the samples of a and of b that were not
    used at all: invalid in the file, or with a stamp that does not come after those before.
    """

    a: F64
    b: F64
    indices: I64
    method: str
    candidates: int
    in_gaps: int
    dropped: tuple[int, int]


def pair_poses(
    a: PoseSeries,
    b: PoseSeries,
    *,
    offset_s: float = 0.0,
    max_gap_s: float = MAX_GAP_S,
    max_pairs: int = MAX_PAIRS,
    backend: str = 'wasm',
) -> PosePairs:
    """Return pairs of the same instants: what b saw at its stamp t, a saw at t + ``offset_s`` (the sign of latency.py).

    Series of one length whose stamps are the same, or one of which has none, are paired by index. Else the faster one is
    interpolated along its screw at the slower one's stamps, never over a gap longer than ``max_gap_s``. More than
    ``max_pairs`` are thinned to a well-spread subset. Raises RegistrationError ``count_mismatch`` for different lengths
    without stamps, ``no_overlap`` where fewer than three instants are common, ``not_monotonic`` where they do not rise (a few
    that repeat are left out).
    """
    if a.stamps_ns is None or b.stamps_ns is None:
        return _thinned(_by_index(a, b), max_pairs)
    if offset_s == 0 and np.array_equal(a.stamps_ns, b.stamps_ns):
        return _thinned(_by_index(a, b), max_pairs)
    a, b = rising(a), rising(b)
    assert a.stamps_ns is not None and b.stamps_ns is not None
    shifted = b.stamps_ns + round(offset_s * 1e9)
    if _period_ns(a.stamps_ns) <= _period_ns(shifted):
        T, found = interpolated(a.T, a.stamps_ns, shifted, max_gap_s, backend)
        first, second, of = T, b.T[found], len(b.T)
    else:
        T, found = interpolated(b.T, shifted, a.stamps_ns, max_gap_s, backend)
        first, second, of = a.T[found], T, len(a.T)
    if len(found) < FEWEST:
        raise RegistrationError('no_overlap', _no_overlap(a, b, shifted, len(found), max_gap_s))
    dropped = a.dropped, b.dropped
    return _thinned(PosePairs(first, second, found, 'interpolated', len(found), of - len(found), dropped), max_pairs)


def interpolated(T: F64, stamps_ns: I64, at_ns: I64, max_gap_s: float, backend: str) -> tuple[F64, I64]:
    """Return T (M, 4, 4) at those of ``at_ns`` that lie between samples at most ``max_gap_s`` apart, and their indices (M,)."""
    if len(stamps_ns) < 2:
        return np.zeros((0, 4, 4)), np.zeros(0, dtype=np.int64)
    right = np.clip(np.searchsorted(stamps_ns, at_ns, side='left'), 1, len(stamps_ns) - 1)
    low, high = stamps_ns[right - 1], stamps_ns[right]
    inside = (at_ns >= low) & (at_ns <= high) & (high - low <= max_gap_s * 1e9)
    found = np.flatnonzero(inside).astype(np.int64)
    right, low, high = right[found], low[found], high[found]
    alpha = (at_ns[found] - low) / (high - low)
    return interpolate_poses(T[right - 1], T[right], alpha, backend=backend), found


def well_spread(a: F64, b: F64, count: int) -> I64:
    """Return the indices (count,), rising, of poses that lie far from one another, in rotation and in translation alike.

    Farthest-point sampling (Gonzalez, Theor. Comput. Sci. 38, 1985) of every n-th half of what there is: the other half is
    spread in time, so that single far-off (bad) poses do not make up the subset.
    """
    n = len(a)
    even = np.unique(np.linspace(0, n - 1, count - count // 2).astype(np.int64))
    features = np.concatenate([_features(a), _features(b)], axis=1)
    nearest = np.full(n, np.inf)
    for i in even:
        nearest = np.minimum(nearest, ((features - features[i]) ** 2).sum(axis=1))
    chosen = list(even)
    while len(chosen) < count:
        far = int(np.argmax(nearest))
        chosen.append(far)
        nearest = np.minimum(nearest, ((features - features[far]) ** 2).sum(axis=1))
    return np.sort(np.array(chosen, dtype=np.int64))


def _features(T: F64) -> F64:
    spread = float(np.sqrt(T[:, :3, 3].var(axis=0).sum())) or 1.0
    R = T[:, :3, :3].reshape(-1, 9)
    turn = float(np.sqrt(R.var(axis=0).sum())) or 1.0
    return np.concatenate([T[:, :3, 3] / spread, R / turn], axis=1)


def _by_index(a: PoseSeries, b: PoseSeries) -> PosePairs:
    if len(a.T) != len(b.T):
        why = 'without stamps of both they are paired by order, and as many of each are needed'
        raise RegistrationError('count_mismatch', f'{a.source}: {len(a.T)} poses, {b.source}: {len(b.T)} poses; {why}')
    return PosePairs(a.T, b.T, np.arange(len(a.T), dtype=np.int64), 'index', len(a.T), 0, (a.dropped, b.dropped))


def _thinned(pairs: PosePairs, max_pairs: int) -> PosePairs:
    if len(pairs.a) <= max_pairs:
        return pairs
    chosen = well_spread(pairs.a, se3.inverse(pairs.b), max_pairs)
    kept = pairs.a[chosen], pairs.b[chosen], pairs.indices[chosen]
    return PosePairs(*kept, pairs.method, pairs.candidates, pairs.in_gaps, pairs.dropped)


def rising(series: PoseSeries) -> PoseSeries:
    """Return a series without the samples whose stamp does not come after those before; they are counted as dropped.

    Recorders repeat a stamp now and then. Raises RegistrationError ``not_monotonic`` where more than a tenth would go.
    """
    assert series.stamps_ns is not None
    stamps = series.stamps_ns
    before = np.concatenate([[np.iinfo(np.int64).min], np.maximum.accumulate(stamps)[:-1]])
    keep = stamps > before
    lost = int(np.count_nonzero(~keep))
    if lost > len(stamps) * MOST_NOT_RISING:
        i = int(np.argmin(keep))
        why = f'{lost} of {len(stamps)} stamps do not rise, the first is that of pose {i} (from 0), {stamps[i]} ns'
        raise RegistrationError('not_monotonic', f'{series.source}: {why}')
    return PoseSeries(series.T[keep], stamps[keep], series.source, series.dropped + lost)


def _period_ns(stamps_ns: I64) -> float:
    return float(np.median(np.diff(stamps_ns))) if len(stamps_ns) > 1 else float('inf')


def _no_overlap(a: PoseSeries, b: PoseSeries, shifted: I64, found: int, max_gap_s: float) -> str:
    assert a.stamps_ns is not None
    spans = [f'{s.source} from {t[0] / 1e9:.3f} to {t[-1] / 1e9:.3f} s' for s, t in ((a, a.stamps_ns), (b, shifted))]
    return f'{found} common instants ({"; ".join(spans)}; gaps over {max_gap_s} s are not bridged); {FEWEST} are needed'
