# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Paired-point registration against OpenCV's Umeyama, the same points, the Python call included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.kernels.landmarks import solve_paired_points
from bench.timing import Entry, alternate, growth

POINTS = 20
SIGMA_M = 5e-4


def pair(n: int, seed: int = 1) -> tuple[Any, Any, Any]:
    """Return fixed, moving (n, 3) with noise, and the true T_fixed_moving."""
    rng = np.random.default_rng(seed)
    moving, T = rng.uniform(-0.1, 0.1, (n, 3)), se3.exp(rng.uniform(-1, 1, 6))
    return se3.transform(T, moving) + rng.normal(0, SIGMA_M, (n, 3)), moving, T


def run(calls: int) -> list[Entry]:
    """Return the row of 20 points."""
    fixed, moving, T = pair(POINTS)
    ours, theirs = alternate(
        lambda: solve_paired_points(fixed, moving), lambda: cv2.estimateAffine3D(moving, fixed, force_rotation=True), calls, 200
    )
    rows, scale = cv2.estimateAffine3D(moving, fixed, force_rotation=True)
    errors = {
        'ours_mm': _error_mm(solve_paired_points(fixed, moving).T_fixed_moving, T, moving),
        'peer_mm': _error_mm(np.vstack([rows * [*[scale] * 3, 1], [0, 0, 0, 1]]), T, moving),
    }
    return [Entry(f'paired points, {POINTS}', ours, 'OpenCV estimateAffine3D (Umeyama)', theirs, 'p99_ms', 0.1, errors)]


def grow(calls: int) -> dict[str, dict[str, list[float]]]:
    """Return the cost over the number of points."""

    def make(n: int) -> Callable[[], Any]:
        fixed, moving, _ = pair(n)
        return lambda: solve_paired_points(fixed, moving)

    return {'paired points': growth(make, [1000, 4000, 16000, 64000], calls)}


def _error_mm(T: Any, truth: Any, moving: Any) -> float:
    return float(np.sqrt(((se3.transform(T, moving) - se3.transform(truth, moving)) ** 2).sum(axis=1).mean()) * 1e3)
