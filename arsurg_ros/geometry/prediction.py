# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A pose a little later than the newest one, with the error to expect of it, or the reason why there is none.

A constant twist is fitted by least squares to the logarithms of the last poses (Murray, Li and Sastry, 1994, section 2.3)
and goes on as a screw. Its error at the points that matter is what the fit's own scatter makes there, and what the
acceleration of a window twice as long would; a jump or an outlier in the window is large in both, and so refuses itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arsurg_ros.errors import ConfigError, TransformLookupError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.transforms import History, TransformBuffer
from arsurg_ros.types import F64

# A line through fewer poses has no scatter to judge it by.
MIN_POSES = 4
MIN_SPAN_S = 0.0075
# No two poses of a window are farther apart: of a tracker that slow, or that loses poses, nothing is predicted.
MAX_STEP_S = 0.05


@dataclass(frozen=True)
class PredictionLimits:
    """Nothing is predicted over more than ``horizon_s``, nor where an error above ``error_m`` (one sigma) is to be expected.

    ``window_s`` is how far back the fit goes, and farther where there are fewer than four poses in it. Raises ConfigError
    unless all are finite, window and error positive and the horizon not negative; a horizon of 0 predicts nothing.
    """

    horizon_s: float = 0.0
    error_m: float = 0.001
    window_s: float = 0.03

    def __post_init__(self) -> None:
        """Check; NaN fails as well."""
        if not (0 <= self.horizon_s < np.inf and 0 < self.error_m < np.inf and 0 < self.window_s < np.inf):
            said = f'horizon_s {self.horizon_s}, error_m {self.error_m}, window_s {self.window_s}'
            raise ConfigError(f'prediction: {said}: horizon_s >= 0, the others > 0 are needed')


@dataclass(frozen=True)
class Prediction:
    """``T_a_b`` (4, 4), metres, ``horizon_ns`` after the newest of the ``poses`` that it is fitted to.

    ``error_m`` is the standard deviation to expect of it at the worst of the points.
    """

    T: F64
    horizon_ns: int
    error_m: float
    poses: int


def predict(
    buffer: TransformBuffer, frame_a: str, frame_b: str, stamp_ns: int, points_m: F64, limits: PredictionLimits
) -> Prediction:
    """Return T_a_b at a stamp after the newest pose; ``points_m`` (K, 3) in b are where its error is judged.

    Raises TransformLookupError, kind ``unpredictable``, with the limit that does not hold.
    """
    newest_ns = buffer.latest_ns(frame_a, frame_b)
    if newest_ns is None:
        raise _refused('no pose yet')
    horizon_ns = stamp_ns - newest_ns
    if not 0 < horizon_ns <= round(limits.horizon_s * 1e9):
        raise _refused(f'{horizon_ns / 1e6:.1f} ms ahead, at most {1e3 * limits.horizon_s:.0f} ms is allowed')
    horizon_s = horizon_ns * 1e-9
    history = _history(buffer, frame_a, frame_b, limits.window_s)
    t_s: F64 = ((history.stamps_ns - history.stamps_ns[-1:]) * 1e-9).astype(np.float64)
    first, earlier = _beginning(t_s, limits.window_s), _beginning(t_s, 2 * limits.window_s)
    y = np.array([se3.log(se3.inverse(history.T[-1]) @ T) for T in history.T[earlier:]])
    fit = _line(t_s[first:], y[first - earlier :])
    points = np.atleast_2d(np.asarray(points_m, dtype=np.float64))
    error_m = _expected(t_s, y, points, fit, first, earlier, horizon_s)
    if not error_m <= limits.error_m:
        raise _refused(f'{1e3 * error_m:.1f} mm to expect, over {1e3 * limits.error_m:g} mm')
    T = _screw(buffer, history, float(t_s[first]), fit, horizon_s)
    return Prediction(T, horizon_ns, error_m, len(t_s) - first)


def _history(buffer: TransformBuffer, frame_a: str, frame_b: str, window_s: float) -> History:
    """Return twice the window, for the acceleration, or as much as four poses of the slowest tracker need."""
    history = buffer.recent(frame_a, frame_b, round(2e9 * window_s))
    if len(history.stamps_ns) < MIN_POSES:
        history = buffer.recent(frame_a, frame_b, round(MIN_POSES * MAX_STEP_S * 1e9))
    return history


def _refused(why: str) -> TransformLookupError:
    return TransformLookupError('unpredictable', f'not predicted: {why}')


def _beginning(t_s: F64, window_s: float) -> int:
    """Return where the window begins: four poses at least, none after a gap; t_s (N,) is 0 at the newest."""
    gaps = np.flatnonzero(np.diff(t_s) > MAX_STEP_S)
    usable = int(gaps[-1]) + 1 if len(gaps) else 0
    first = min(int(np.searchsorted(t_s, -window_s - 1e-9)), len(t_s) - MIN_POSES)
    if first < usable:
        raise _refused(f'{len(t_s) - usable} poses without a gap, {MIN_POSES} needed')
    if -t_s[first] < MIN_SPAN_S:
        raise _refused(f'poses of {-1e3 * t_s[first]:.1f} ms, {1e3 * MIN_SPAN_S:g} ms needed')
    return first


def _line(t_s: F64, y: F64) -> F64:
    """Return intercept and slope (2, 6) of the twists y (N, 6) over time."""
    return np.asarray(np.linalg.lstsq(np.stack([np.ones_like(t_s), t_s], axis=1), y, rcond=None)[0], dtype=np.float64)


def _moved_m(twists: F64, points_m: F64) -> F64:
    """Return how far small twists (N, 6) move points (K, 3): (N, K)."""
    moved = twists[:, None, :3] + np.cross(twists[:, None, 3:], points_m[None])
    return np.asarray(np.linalg.norm(moved, axis=2))


def _expected(t_s: F64, y: F64, points: F64, fit: F64, first: int, earlier: int, horizon_s: float) -> float:
    """Return the standard deviation of the prediction at the worst point: scatter, and acceleration that goes on."""
    t, long = t_s[first:], t_s[earlier:]
    left = y[first - earlier :] - fit[0] - t[:, None] * fit[1]
    scatter = np.sqrt((_moved_m(left, points) ** 2).sum(axis=0) / (len(t) - 2))
    mean = t.mean()
    spread = ((t - mean) ** 2).sum()
    noise = scatter * np.sqrt(1 / len(t) + (horizon_s - mean) ** 2 / spread)
    bend = np.linalg.lstsq(np.stack([np.ones_like(long), long, long**2], axis=1), y, rcond=None)[0][2]
    # What a line through a parabola misses ahead: the parabola's own term less what the line took up of it.
    missed = horizon_s**2 - np.polyval(np.polyfit(t, t**2, 1), horizon_s)
    bias = _moved_m(bend[None], points)[0] * missed
    return float(np.sqrt(noise**2 + bias**2).max())


def _screw(buffer: TransformBuffer, history: History, t0_s: float, fit: F64, horizon_s: float) -> F64:
    """Return the screw of the fit, from the window's first pose through its last one, at the horizon."""
    ends = [history.T[-1] @ se3.exp(fit[0] + t * fit[1]) for t in (t0_s, 0.0)]
    return np.asarray(buffer.interpolate(ends[0][None], ends[1][None], np.array([1 - horizon_s / t0_s]))[0])
