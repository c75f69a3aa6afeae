# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Spin calibration: a tool's axis, from poses while it turns about it in a divot or collet; with a tip, the tip's frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from arsurg_ros.errors import ArsurgError, ConfigError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.calibration import SpinDemand, solve_spin
from arsurg_ros.kernels.calibration_results import Refused, SpinSolution
from arsurg_ros.kernels.reference_calibration import range_rad
from arsurg_ros.registration.pivot import LONGEST_TIP_M, check_limits, check_volume, checked_poses, motion_refusal
from arsurg_ros.types import F64, PoseSeries, SpinCalibration

MIN_TURN_RAD = np.radians(45.0)
MAX_WOBBLE_RAD = np.radians(3.0)
MAX_RADIAL_M = 0.005


def tip_frame(tip_m: ArrayLike, axis: ArrayLike) -> F64:
    """Return T_tool_tip (4, 4): z along the axis (3,), x as near as may be to the tool's x (to its y for an axis along x)."""
    z = np.asarray(axis, dtype=np.float64) / np.linalg.norm(axis)
    near = np.eye(3)[0 if abs(z[0]) < 0.9 else 1]
    x = near - z * (near @ z)
    x /= np.linalg.norm(x)
    return se3.compose(np.column_stack([x, np.cross(z, x), z]), tip_m)


def calibrate_spin(
    poses: PoseSeries,
    *,
    tip_m: ArrayLike | None = None,
    min_turn_rad: float = MIN_TURN_RAD,
    max_wobble_rad: float = MAX_WOBBLE_RAD,
    max_radial_m: float = MAX_RADIAL_M,
    backend: str = 'wasm',
) -> SpinCalibration:
    """Return the axis that T_trk_tool turned about; ``tip_m`` (3,) of a pivot calibration gives the tip's frame and the sign.

    Rotations that are orthonormal to 5e-3 are projected onto SO(3). Raises RegistrationError: ``too_few_poses`` below 4,
    ``not_finite``, ``not_rigid``, ``wrong_unit``, ``repeated_pose``, ``insufficient_motion`` for too little turn,
    ``not_a_spin`` where the axis wobbles or moves. Raises ConfigError for an unknown backend, a bad limit or tip; KernelError.
    """
    check_limits(min_turn_rad=min_turn_rad, max_wobble_rad=max_wobble_rad, max_radial_m=max_radial_m)
    tip = None if tip_m is None else np.asarray(tip_m, dtype=np.float64)
    if tip is not None and (tip.shape != (3,) or not np.isfinite(tip).all()):
        raise ConfigError(f'tip_m {tip.tolist()}: three finite numbers are needed')
    if tip is not None and np.linalg.norm(tip) > LONGEST_TIP_M:
        said = f'the tip is given {np.linalg.norm(tip):.4g} m from the tool; at most {LONGEST_TIP_M:g} m are expected'
        raise RegistrationError('wrong_unit', f'{said}: are these millimetres?')
    T = checked_poses(poses)
    demand = SpinDemand(min_turn_rad, max_wobble_rad, max_radial_m)
    found = solve_spin(T, demand, backend=backend)
    if isinstance(found, int):
        raise _refused(found, T, poses.source, demand, backend)
    check_volume(T, poses.source)
    return _with_tip(found, tip)


def _refused(status: int, T: F64, source: str, demand: SpinDemand, backend: str) -> ArsurgError:
    if status not in (Refused.INSUFFICIENT_MOTION, Refused.NOT_A_SPIN):
        return motion_refusal(status, source)
    loose = solve_spin(T, SpinDemand(1e-9, np.pi, 1e9), backend=backend)
    if isinstance(loose, int):
        angle = range_rad(T, np.ones(len(T), dtype=np.bool_))
        return RegistrationError('insufficient_motion', f'{source}: the tool turned by {np.degrees(angle):.2f} deg')
    if status == Refused.INSUFFICIENT_MOTION:
        said = f'the tool turned by {np.degrees(loose.turn_rad):.2f} deg about its axis'
        return RegistrationError('insufficient_motion', f'{source}: {said}; {np.degrees(demand.turn_rad):.4g} deg are needed')
    said = f'the axis wobbles by {np.degrees(loose.wobble_rad):.2f} deg and moves by {1e3 * loose.radial_m:.2f} mm rms'
    allowed = f'{np.degrees(demand.wobble_rad):.4g} deg and {1e3 * demand.radial_m:.4g} mm'
    return RegistrationError('not_a_spin', f'{source}: {said}; {allowed} are allowed: turn the tool about its own axis alone')


def _with_tip(found: SpinSolution, tip: F64 | None) -> SpinCalibration:
    sign, off, said = 1.0, None, []
    if tip is not None:
        along = float(tip @ found.axis)
        sign = -1.0 if along < 0 else 1.0
        off = float(np.linalg.norm(tip - found.point_m - found.axis * float((tip - found.point_m) @ found.axis)))
        if off > 0.005:
            said.append(f'the tip lies {1e3 * off:.1f} mm off the axis: is the tool bent, or was it spun in a larger hole?')
    count = len(found.wobbles_rad)
    # Two of the axis' and two of its mean direction's coordinates are fitted to two an image.
    variance = count * found.wobble_rad**2 / (2 * count - 4)
    sigmas = np.sqrt(variance / count) / found.swings_rad[1:]
    return SpinCalibration(
        axis=sign * found.axis,
        point_m=found.point_m,
        direction=sign * found.direction,
        centre_m=found.centre_m,
        T_tool_tip=tip_frame(found.point_m if tip is None else tip, sign * found.axis),
        wobble_rad=found.wobble_rad,
        radial_m=found.radial_m,
        turn_rad=found.turn_rad,
        wobbles_rad=found.wobbles_rad,
        radials_m=found.radials_m,
        turns_rad=found.turns_rad,
        axis_sigmas_rad=sigmas,
        tip_m=tip,
        tip_off_axis_m=off,
        warnings=tuple(said),
    )
