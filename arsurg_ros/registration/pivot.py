# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pivot calibration: where a tool's tip is, from poses of the tool while its tip rests in a divot.

``robust`` (the default) leaves out the poses that do not agree with the others; ``algebraic`` takes all. The covariance
holds for independent poses with the same noise in every direction; poses taken faster than the noise changes count for
less than their number.
"""

from __future__ import annotations

import numpy as np

from arsurg_ros.errors import ArsurgError, ConfigError, KernelError, RegistrationError
from arsurg_ros.files.poses import rigid
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.calibration import PivotDemand, solve_pivot
from arsurg_ros.kernels.calibration_results import PivotSolution, Refused
from arsurg_ros.kernels.reference_calibration import LEAST_POSES, range_rad, swings_rad
from arsurg_ros.registration.tre import margin_m
from arsurg_ros.types import F64, PivotCalibration, PlainPivot, PoseSeries

METHODS = ('robust', 'algebraic')
MIN_RANGE_RAD = np.radians(20.0)
#: Least rms swing of every direction of the tool: rocking about one axis alone leaves the tip along it open.
MIN_SWING_RAD = np.radians(2.0)
MAX_RMS_M = 0.01
WORKING_VOLUME_M = 10.0
#: Nothing is tracked nearer than this; poses that never leave it are metres read as millimetres.
LEAST_VOLUME_M = 0.01
LONGEST_TIP_M = 2.0


def calibrate_pivot(
    poses: PoseSeries,
    *,
    method: str = 'robust',
    min_range_rad: float = MIN_RANGE_RAD,
    min_swing_rad: float = MIN_SWING_RAD,
    max_rms_m: float = MAX_RMS_M,
    backend: str = 'wasm',
) -> PivotCalibration:
    """Return tip and pivot for T_trk_tool.

    Rotations that are orthonormal to 5e-3 are projected onto SO(3). Raises RegistrationError: ``too_few_poses`` below 4,
    ``not_finite``, ``not_rigid``, ``repeated_pose``, ``insufficient_motion`` below the range between two poses or the swing of
    some direction, ``wrong_unit`` for poses beyond 10 m or all within 10 mm or a tip beyond 2 m, ``not_a_pivot`` above
    ``max_rms_m``. Raises ConfigError for an unknown method or backend or a bad limit, KernelError.
    """
    check_limits(min_range_rad=min_range_rad, min_swing_rad=min_swing_rad, max_rms_m=max_rms_m)
    if method not in METHODS:
        raise ConfigError(f'method: {method!r} is unknown; valid: {", ".join(METHODS)}')
    T = checked_poses(poses)
    demand = PivotDemand(min_range_rad, min_swing_rad)
    found = solve_pivot(T, demand, robust=method == 'robust', backend=backend)
    if isinstance(found, int):
        raise _refused(found, T, poses.source, demand)
    check_volume(T, poses.source)
    _check_size(found, poses.source, max_rms_m)
    everything = solve_pivot(T, demand, robust=False, backend=backend)
    assert not isinstance(everything, int)  # robust asks for no less
    return _with_errors(found, everything, method)


def check_limits(**limits: float) -> None:
    """Raise ConfigError for a limit that is no positive number."""
    for name, value in limits.items():
        if not 0 < value < np.inf:
            raise ConfigError(f'{name}: {value} must be a positive number')


def checked_poses(poses: PoseSeries) -> F64:
    """Return rigid poses (N, 4, 4); raises RegistrationError for too few, not finite, not rigid, or of a wrong unit."""
    T = np.asarray(poses.T, dtype=np.float64)
    if len(T) < LEAST_POSES:
        raise RegistrationError('too_few_poses', f'{poses.source}: {len(T)} poses; at least {LEAST_POSES} are needed')
    T = rigid(T, poses.source)
    farthest = float(np.linalg.norm(T[:, :3, 3], axis=1).max())
    if farthest > WORKING_VOLUME_M:
        said = f'{poses.source}: a pose is {farthest:.4g} m from the tracker; at most {WORKING_VOLUME_M:g} m are expected'
        raise RegistrationError('wrong_unit', f'{said}: are these millimetres?')
    return T


def check_volume(T: F64, source: str) -> None:
    """Raise RegistrationError ``wrong_unit`` where poses (N, 4, 4) never leave 10 mm about the tracker's origin."""
    farthest = float(np.linalg.norm(T[:, :3, 3], axis=1).max())
    if farthest < LEAST_VOLUME_M:
        said = f'{source}: all poses lie within {1e3 * farthest:.4g} mm of the tracker'
        said += f', {1e3 * LEAST_VOLUME_M:g} mm is the least'
        raise RegistrationError('wrong_unit', f'{said}: are these metres given as mm?')


def motion_refusal(status: int, source: str) -> ArsurgError:
    """Return the error of the refusals that pivot and spin share; KernelError for a status that neither has."""
    if status == Refused.REPEATED:
        return RegistrationError('repeated_pose', f'{source}: all poses are one and the same; the tool must move about its tip')
    codes: dict[int, str] = {Refused.TOO_FEW: 'too_few_poses', Refused.NOT_FINITE: 'not_finite', Refused.NOT_RIGID: 'not_rigid'}
    if status not in codes:
        return KernelError(f'kernel calibration: unknown status {status}')
    code = codes[status]
    return RegistrationError(code, f'{source}: the kernel refuses its poses')


def _refused(status: int, T: F64, source: str, demand: PivotDemand) -> ArsurgError:
    if status != Refused.INSUFFICIENT_MOTION:
        return motion_refusal(status, source)
    angle = range_rad(T, np.ones(len(T), dtype=np.bool_))
    swings, directions = swings_rad(T)
    if angle < demand.range_rad:
        said = f'the largest angle between two poses is {np.degrees(angle):.2f} deg'
        return RegistrationError('insufficient_motion', f'{source}: {said}; {np.degrees(demand.range_rad):.4g} deg are needed')
    if swings[0] < demand.swing_rad:
        axis = ', '.join(f'{v:.2f}' for v in directions[0])
        said = f'the direction ({axis}) of the tool swings by {np.degrees(swings[0]):.2f} deg rms, the tip along it is open'
        needed = f'{np.degrees(demand.swing_rad):.4g} deg are needed: rock the tool about a second axis'
        return RegistrationError('insufficient_motion', f'{source}: {said}; {needed}')
    said = 'the poses that agree with one another do not move enough; the others are outliers'
    return RegistrationError('insufficient_motion', f'{source}: {said}')


def _check_size(found: PivotSolution, source: str, max_rms_m: float) -> None:
    if found.rms_m > max_rms_m:
        said = f'{source}: the tip leaves its place by {1e3 * found.rms_m:.2f} mm rms; {1e3 * max_rms_m:g} mm are allowed'
        raise RegistrationError('not_a_pivot', f'{said}: did it stay in the divot?')
    length = float(np.linalg.norm(found.tip_m))
    if length > LONGEST_TIP_M:
        said = f'{source}: the tip is {length:.4g} m from the tool; at most {LONGEST_TIP_M:g} m are expected'
        raise RegistrationError('wrong_unit', f'{said}: are these millimetres?')


def _with_errors(found: PivotSolution, everything: PivotSolution, method: str) -> PivotCalibration:
    dof = 3 * found.inliers - 6
    variance = found.rms_m**2 * found.inliers / dof
    tip = variance * found.inverse
    pivot = variance / found.inliers * np.eye(3) + found.mean_rotation @ tip @ found.mean_rotation.T
    return PivotCalibration(
        tip_m=found.tip_m,
        pivot_m=found.pivot_m,
        T_tool_tip=se3.compose(np.eye(3), found.tip_m),
        method=method,
        rms_m=found.rms_m,
        axis_rms_m=found.axis_rms_m,
        max_m=found.max_m,
        residuals_m=found.residuals_m,
        inlier=found.inlier,
        all_poses=PlainPivot(everything.tip_m, everything.rms_m, everything.axis_rms_m, everything.max_m),
        range_rad=found.range_rad,
        swings_rad=found.swings_rad,
        directions=found.directions,
        noise_m=float(np.sqrt(variance)),
        dof=dof,
        tip_covariance_m2=tip,
        pivot_covariance_m2=pivot,
        tip_margin95_m=margin_m(tip, dof),
        pivot_margin95_m=margin_m(pivot, dof),
        warnings=_warnings(found),
    )


def _warnings(found: PivotSolution) -> tuple[str, ...]:
    said = []
    poses, outliers = len(found.inlier), len(found.inlier) - found.inliers
    if outliers > 0.3 * poses:
        said.append(f'{outliers} of {poses} poses do not agree: did the tip slip?')
    if poses < 20:
        said.append(f'{poses} poses are few: 50 and more give a steadier tip')
    if float(np.linalg.norm(found.tip_m)) < 1e-3:
        said.append("the tip is less than 1 mm from the tool's origin: is the unit metres (--units m)?")
    return tuple(said)
