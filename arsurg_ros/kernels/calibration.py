# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pivot, spin and sphere: least squares, and for the pivot the poses that agree.

Pivot: the one-step linear least squares that Yaniv compares in *Which pivot calibration?*, Proc. SPIE 9415, 2015; robust from
the least median of squares (Rousseeuw, JASA 79, 1984; wasm) or of absolute values (numpy twin), both ending where the poses
that lie within ``outlier_limit`` standard deviations of those that are held no longer change. Sphere: geometric least squares
by Levenberg-Marquardt (wasm) or SciPy's trust region (numpy twin).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import scipy

from arsurg_ros.kernels import reference_calibration as reference
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.calibration_results import PivotSolution, SphereSolution, SpinSolution
from arsurg_ros.kernels.host import Kernel, PerThread, room
from arsurg_ros.kernels.layouts import CALIBRATION
from arsurg_ros.types import F64

_SMALLEST = 64
_kernels = PerThread(CALIBRATION, deadline_s=30.0)


@dataclass(frozen=True)
class PivotDemand:
    """The least angle between some two poses, and the least rms swing of any direction of the tool, rad."""

    range_rad: float
    swing_rad: float


@dataclass(frozen=True)
class SpinDemand:
    """The least turn, the most rms wobble of the axis, rad, and the most rms distance from it, m."""

    turn_rad: float
    wobble_rad: float
    radial_m: float


def solve_pivot(T: F64, demand: PivotDemand, *, robust: bool, backend: str = 'wasm') -> PivotSolution | int:
    """Return tip and pivot for rigid T_trk_tool (N, 4, 4), metres, or the refusal's status.

    Raises ConfigError for an unknown backend, KernelError.
    """
    limits = (demand.range_rad, demand.swing_rad, outlier_limit(len(T)))
    return pick(backend, {'wasm': _pivot, 'numpy': reference.solve_pivot})(T, limits, robust)


def outlier_limit(poses: int) -> float:
    """Return how many standard deviations of an axis a good pose exceeds in one calibration of twenty, of so many poses."""
    return math.sqrt(3 * float(scipy.special.fdtri(3, max(3 * poses - 9, 3), 1 - 0.05 / max(poses, 1))))


def solve_spin(T: F64, demand: SpinDemand, *, backend: str = 'wasm') -> SpinSolution | int:
    """Return the axis that the tool T_trk_tool (N, 4, 4), metres, turned about, or the refusal's status."""
    limits = (demand.turn_rad, demand.wobble_rad, demand.radial_m)
    return pick(backend, {'wasm': _spin, 'numpy': reference.solve_spin})(T, limits)


def solve_sphere(points_m: F64, *, backend: str = 'wasm') -> SphereSolution | int:
    """Return the sphere through points (N, 3), metres, or the refusal's status."""
    return pick(backend, {'wasm': _sphere, 'numpy': reference.solve_sphere})(points_m)


def _loaded(rows: F64) -> Kernel:
    kernel = _kernels.get(room(len(rows), _SMALLEST), 1, 1)
    kernel.blocks['control'][0] = len(rows)
    kernel.blocks['a'][: rows.size] = rows.ravel()
    return kernel


def _pivot(T: F64, limits: tuple[float, float, float], robust: bool) -> PivotSolution | int:
    kernel, n = _loaded(T), len(T)
    blocks = kernel.blocks
    blocks['control'][3] = robust
    blocks['params'][:3] = limits
    status = kernel.call('pivot')
    if status:
        return status
    f = blocks['fit'][:43].copy()
    rows = blocks['residuals'][: 4 * n].reshape(n, 4).copy()
    return PivotSolution(
        tip_m=f[:3],
        pivot_m=f[3:6],
        rms_m=float(f[6]),
        axis_rms_m=f[7:10],
        max_m=float(f[10]),
        inliers=int(f[11]),
        range_rad=float(f[12]),
        swings_rad=f[13:16],
        directions=f[16:25].reshape(3, 3),
        inverse=f[25:34].reshape(3, 3),
        mean_rotation=f[34:43].reshape(3, 3),
        residuals_m=rows[:, :3],
        inlier=rows[:, 3] > 0,
    )


def _spin(T: F64, limits: tuple[float, float, float]) -> SpinSolution | int:
    kernel, n = _loaded(T), len(T)
    blocks = kernel.blocks
    blocks['params'][:3] = limits
    status = kernel.call('spin')
    if status:
        return status
    f = blocks['fit'][:18].copy()
    rows = blocks['residuals'][: 4 * n].reshape(n, 4).copy()
    lengths = (float(f[12]), float(f[13]), float(f[14]))
    return SpinSolution(f[:3], f[3:6], f[6:9], f[9:12], *lengths, f[15:18], rows[:, 0], rows[:, 1], rows[:, 2])


def _sphere(points_m: F64) -> SphereSolution | int:
    kernel, n = _loaded(points_m), len(points_m)
    blocks = kernel.blocks
    status = kernel.call('sphere')
    if status:
        return status
    f = blocks['fit'][:23].copy()
    numbers = (float(f[3]), float(f[4]), float(f[5]), float(f[6]))
    return SphereSolution(f[:3], *numbers, f[7:23].reshape(4, 4), blocks['residuals'][:n].copy())
