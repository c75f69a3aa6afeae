# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Hand-eye calibration of 50 pairs with all its checks, beside OpenCV's quickest closed form, the Python call included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.kernels.handeye import solve_handeye
from arsurg_ros.registration.handeye import calibrate
from bench.timing import Entry, alternate, growth

PAIRS = 50
NOISE = (5e-4, 2e-3)


def pairs(n: int, outliers: int = 0, seed: int = 1) -> tuple[Any, Any, Any]:
    """Return robot and camera poses (n, 4, 4) with noise, and the true T_gripper_cam."""
    rng = np.random.default_rng(seed)

    def motions(count: int, t: float, r: float) -> Any:
        return np.array([se3.exp([*rng.normal(0, t, 3), *rng.normal(0, r, 3)]) for _ in range(count)]).reshape(-1, 4, 4)

    X, Z, arm = motions(1, 0.1, 1.0)[0], motions(1, 0.4, 1.0)[0], motions(n, 0.15, 0.5)
    seen = se3.inverse(arm @ X) @ Z @ motions(n, *NOISE)
    seen[:outliers] = seen[:outliers] @ motions(outliers, 0.1, 0.5)
    return arm, seen, X


def opencv(arm: Any, seen: Any) -> Any:
    """Return T_gripper_cam by Park and Martin's closed form."""
    (R_a, t_a), (R_b, t_b) = ((list(T[:, :3, :3]), list(T[:, :3, 3])) for T in (arm, seen))
    R, t = cv2.calibrateHandEye(R_a, t_a, R_b, t_b, method=cv2.CALIB_HAND_EYE_PARK)
    return se3.compose(R, np.ravel(t))


def run(calls: int) -> list[Entry]:
    """Return the rows without and with 30 % of outliers."""
    return [_row(outliers, max(20, calls // 10)) for outliers in (0, 15)]


def _row(outliers: int, calls: int) -> Entry:
    arm, seen, X = pairs(PAIRS, outliers)
    ours, theirs = alternate(lambda: calibrate(arm, seen), lambda: opencv(arm, seen), calls)
    errors = {
        'ours_mm': _error_mm(calibrate(arm, seen).transforms['T_gripper_cam'].T, X),
        'peer_mm': _error_mm(opencv(arm, seen), X),
    }
    name = f'hand-eye, {PAIRS} pairs' + (f', {outliers} outliers' if outliers else '')
    return Entry(name, ours, 'OpenCV calibrateHandEye (Park)', theirs, 'p99_ms', 20.0, errors)


def grow(calls: int) -> dict[str, dict[str, list[float]]]:
    """Return the cost over the number of pairs."""

    def make(n: int) -> Callable[[], Any]:
        arm, seen, _ = pairs(n)
        return lambda: solve_handeye(arm, seen)

    return {'hand-eye': growth(make, [100, 400, 1600, 6400], calls)}


def _error_mm(T: Any, truth: Any) -> float:
    return float(np.linalg.norm(T[:3, 3] - truth[:3, 3]) * 1e3)
