# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Hand-eye and robot-world calibration of pairs of poses: transforms with covariance, margins, residuals and doubts.

| set-up | robot gives | camera gives | found |
|---|---|---|---|
| eye-in-hand | T_base_gripper | T_cam_target | **T_gripper_cam**, T_base_target |
| eye-to-hand | T_base_gripper | T_cam_target | **T_base_cam**, T_gripper_target |
| robot-world | T_base_gripper | T_cam_world | **T_base_world**, T_gripper_cam |
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import NDArray

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.handeye import off_axis_rad, solve_handeye
from arsurg_ros.kernels.reference_handeye import FEWEST_FOR_BOTH, LEAST_MOTION_RAD, residuals
from arsurg_ros.registration import handeye_checks, handeye_noise, tre
from arsurg_ros.registration.components import Mixed
from arsurg_ros.registration.handeye_checks import Reading
from arsurg_ros.types import F64, ClosedForm, HandEyeFit

#: Below these, warnings.
GOOD_MOTION_RAD = math.radians(15.0)
GOOD_COUNT = 10
#: A closed form that lies farther off, in margins, is told.
DISAGREEMENT = 3.0
#: The camera's end is only believed where it keeps this share of the target's pairs.
AS_MANY = 0.95


@dataclass(frozen=True)
class Setup:
    """Names of what the kernel's X and Z are, the main one, and whether the robot's poses enter inverted."""

    x: str
    z: str
    main: str
    robot_inverted: bool


SETUPS = {
    'eye-in-hand': Setup('T_gripper_cam', 'T_base_target', 'T_gripper_cam', False),
    'eye-to-hand': Setup('T_base_cam', 'T_gripper_target', 'T_base_cam', True),
    'robot-world': Setup('T_gripper_cam', 'T_base_world', 'T_base_world', False),
}


@dataclass(frozen=True)
class Estimate:
    """A transform ``T`` (4, 4), metres, with its 6x6 ``covariance`` (x y z rx ry rz; m, rad; REP-103) and 95 % margins.

    ``margin95_m`` is the radius about the translation, ``margin95_rad`` the angle about the rotation, that hold the true
    one 95 times in 100.
    """

    T: F64
    covariance: F64
    margin95_m: float
    margin95_rad: float


@dataclass(frozen=True)
class Disagreement:
    """A closed form's main transform, and how far from the refined one it lies; all None where it has no answer."""

    T: F64 | None
    off_m: float | None
    off_rad: float | None


@dataclass(frozen=True)
class Motion:
    """How the robot turned: rms rotation (3,) between two poses about principal axes, rad; away from the first; largest."""

    about_rad: F64
    off_axis_rad: float
    largest_rad: float
    axes: int


@dataclass(frozen=True)
class HandEyeResult:
    """A calibration of N pairs. ``transforms`` by name (``T_gripper_cam``, ...), ``main`` is the one that was asked for.

    ``translation_m`` (N, 3), ``rotation_rad`` (N, 3) are the residuals of every pair, along the axes of the closing frame's
    parent (base; eye-to-hand: gripper); ``inliers`` (N,) those that were used; ``rms_m``, ``rms_rad`` are over these.
    ``scatter_m`` is the rms distance of the target's positions from their mean. ``noise_m``, ``noise_rad`` are per axis.
    ``noise_at``: the end of the chain at which translations and rotations vary independently, ``target`` or ``camera``.
    ``correlation_samples``: how many neighbours of a stream count as one independent sample (1 for single captures).
    """

    setup: str
    main: str
    transforms: dict[str, Estimate]
    translation_m: F64
    rotation_rad: F64
    inliers: NDArray[np.bool_]
    rms_m: float
    rms_rad: float
    scatter_m: float
    noise_m: float
    noise_rad: float
    noise_at: str
    motion: Motion
    closed: dict[str, Disagreement]
    warnings: tuple[str, ...]
    readings: tuple[Reading, ...] = ()
    correlation_samples: float = 1.0


def calibrate(
    robot: F64,
    camera: F64,
    setup: str = 'eye-in-hand',
    *,
    reject: bool = True,
    stream: bool = False,
    noise: tuple[float, float] | None = None,
    least_motion_rad: float = LEAST_MOTION_RAD,
    working_volume_m: float = handeye_checks.WORKING_VOLUME_M,
    backend: str = 'wasm',
) -> HandEyeResult:
    """Return the calibration of T_base_gripper ``robot`` and T_cam_target (or T_cam_world) ``camera``, (N, 4, 4), metres.

    ``stream``: the pairs follow one another in time, so that their errors may be alike: covariance and margins grow by the
    correlation of the residuals. From six pairs on they are weighed with the noise of robot and camera, see
    ``handeye_noise``. ``noise``: standard deviation per axis of the closing frame's translation (m) and rotation
    (rad); None estimates it. The method is that of kernels.handeye. Raises RegistrationError: ``count_mismatch``,
    ``too_few_poses``, ``not_finite``, ``not_rigid``, ``repeated_pose``, ``insufficient_motion``, ``wrong_unit``,
    ``wrong_setup`` (another reading of the files fits far better), ``no_consensus``, ``not_converged``. Raises
    ConfigError for an unknown set-up or backend.
    """
    kind = pick(setup, SETUPS, 'setup')
    handeye_checks.check_input(robot, camera, working_volume_m)
    a = se3.inverse(robot) if kind.robot_inverted else robot
    found: tuple[HandEyeFit, str] | None = None
    refused: RegistrationError | None = None
    try:
        found = _at_better_end(a, camera, reject, noise, least_motion_rad, backend)
    except RegistrationError as error:
        if error.code not in ('no_consensus', 'not_converged'):
            raise
        refused = error
    readings: tuple[Reading, ...] = ()
    if found is None or handeye_checks.suspicious(a, camera, found[0]):
        readings = handeye_checks.check_readings(a, camera, found and found[0], setup, backend)
        handeye_checks.check_scale(a, camera)
    if found is None:
        assert refused is not None
        raise refused
    fit, end = found
    mixed: Mixed | None = None
    if noise is None and fit.inliers.sum() >= FEWEST_FOR_BOTH:
        fit, mixed = handeye_noise.weighed(a, camera, fit, kind.robot_inverted)
    fit, correlated = widened(fit, mixed is not None) if stream else (fit, 1.0)
    fit = replace(fit, residuals=residuals(a, camera, ClosedForm(fit.X, fit.Z)))
    result = _result(setup, kind, fit, a, camera, mixed, correlated)
    return replace(result, readings=readings, noise_at=end, correlation_samples=correlated)


def _at_better_end(
    a: F64, b: F64, reject: bool, noise: tuple[float, float] | None, least_motion_rad: float, backend: str
) -> tuple[HandEyeFit, str]:
    """Return the fit with the noise at that end of the chain at which it is likelier, and the end's name.

    A X B = Z compares where the target is; A^-1 Z B^-1 = X, the same loop, where the camera is. A camera's noise is that of
    the target before it; a robot's or tracker's turns the whole arm, so that at the target translations follow rotations and
    margins would be too small. The step between the two has a determinant of one: densities compare by their sigmas alone.
    """
    at_target = solve_handeye(a, b, reject=reject, noise=noise, least_motion_rad=least_motion_rad, backend=backend)
    if noise is not None or len(a) < FEWEST_FOR_BOTH:
        return at_target, 'target'
    try:
        turned = solve_handeye(
            se3.inverse(a), se3.inverse(b), reject=reject, least_motion_rad=least_motion_rad, backend=backend
        )
    except RegistrationError:
        return at_target, 'target'
    as_many = turned.inliers.sum() >= AS_MANY * at_target.inliers.sum()
    likelier = turned.noise_m * turned.noise_rad < at_target.noise_m * at_target.noise_rad
    return (_exchanged(turned), 'camera') if as_many and likelier else (at_target, 'target')


def _exchanged(fit: HandEyeFit) -> HandEyeFit:
    """Return a fit of A^-1 Z B^-1 = X as one of A X B = Z; its residuals stay those at the camera."""
    order = np.r_[6:12, 0:6]
    return replace(
        fit,
        X=fit.Z,
        Z=fit.X,
        covariance=fit.covariance[np.ix_(order, order)],
        from_rotation=fit.from_rotation[np.ix_(order, order)],
        closed={k: None if c is None else ClosedForm(c.Z, c.X) for k, c in fit.closed.items()},
    )


def _result(
    setup: str, kind: Setup, fit: HandEyeFit, a: F64, camera: F64, mixed: Mixed | None, correlated: float
) -> HandEyeResult:
    used = fit.residuals[fit.inliers]
    places = (a @ fit.X @ camera)[fit.inliers, :3, 3]
    parts = {kind.x: (fit.X, 0), kind.z: (fit.Z, 6)}
    transforms = {
        name: _estimate(fit, T, slice(k, k + 6)) if mixed is None else _mixed_estimate(fit, mixed, correlated, T, k)
        for name, (T, k) in parts.items()
    }
    closed = {name: _disagreement(found, kind, transforms[kind.main].T) for name, found in fit.closed.items()}
    found = _motion(a[fit.inliers], fit.motion_a_rad)
    return HandEyeResult(
        setup=setup,
        main=kind.main,
        transforms=transforms,
        translation_m=fit.residuals[:, :3],
        rotation_rad=fit.residuals[:, 3:],
        inliers=fit.inliers,
        rms_m=float(np.sqrt((used[:, :3] ** 2).sum(axis=1).mean())),
        rms_rad=float(np.sqrt((used[:, 3:] ** 2).sum(axis=1).mean())),
        scatter_m=float(np.sqrt(((places - places.mean(axis=0)) ** 2).sum(axis=1).mean())),
        noise_m=fit.noise_m,
        noise_rad=fit.noise_rad,
        noise_at='target',
        motion=found,
        closed=closed,
        warnings=_warnings(fit, found, closed, transforms[kind.main]),
    )


def widened(fit: HandEyeFit, as_one: bool = False) -> tuple[HandEyeFit, float]:
    """Return a stream's fit with the covariance that correlated errors give, and how many samples count as one.

    The variance of a mean of correlated samples is that of independent ones times their integrated correlation time, of
    translations and of rotations each, or ``as_one``: the longer of both.
    """
    times = [correlation_time(fit.residuals[fit.inliers, k]) for k in (slice(0, 3), slice(3, 6))]
    if as_one:
        return replace(fit, covariance=fit.covariance * max(times)), max(times)
    turned = fit.from_rotation * times[1]
    covariance = (fit.covariance - fit.from_rotation) * times[0] + turned
    dof_m, dof_rad = fit.dof_m / times[0], fit.dof_rad / times[1]
    return replace(fit, covariance=covariance, from_rotation=turned, dof_m=dof_m, dof_rad=dof_rad), max(times)


def correlation_time(series: F64) -> float:
    """Return the integrated correlation time (samples, at least 1) of a series (N, k): 1 + 2 sum of its correlations.

    The sum ends where neighbouring lags cancel: Geyer's initial positive sequence, Statistical Science 7(4), 1992.
    """
    n = len(series)
    centred = series - series.mean(axis=0)
    spectrum = np.fft.rfft(centred, 2 * n, axis=0)
    rho = np.fft.irfft((spectrum * spectrum.conj()).sum(axis=1))[:n].real
    if rho[0] <= 0:
        return 1.0
    pairs = (rho[0 : n - n % 2 : 2] + rho[1 : n : 2]) / rho[0]
    end = int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else len(pairs)
    return max(2.0 * float(pairs[:end].sum()) - 1.0, 1.0)


def _estimate(fit: HandEyeFit, T: F64, part: slice) -> Estimate:
    covariance, turned = fit.covariance[part, part], fit.from_rotation[part, part]
    margins = [
        margin95(covariance[k, k], turned[k, k], (fit.dof_m, fit.dof_rad)) for k in (slice(0, 3), slice(3, 6))
    ]
    return Estimate(T, covariance, *margins)


def _mixed_estimate(fit: HandEyeFit, mixed: Mixed, correlated: float, T: F64, at: int) -> Estimate:
    parts = slice(at, at + 3), slice(at + 3, at + 6)
    margins = [tre.margin_m(fit.covariance[k, k], max(mixed.dof(k) / correlated, 1.0)) for k in parts]
    return Estimate(T, fit.covariance[at : at + 6, at : at + 6], *margins)


def margin95(covariance: F64, from_rotation: F64, dof: tuple[float, float]) -> float:
    """Return the radius that holds a Gaussian error of ``covariance`` (3, 3) 95 times in 100, its unit.

    The covariance is estimated: ``from_rotation`` (3, 3), the part that comes from the rotations' noise, with ``dof[1]``
    degrees of freedom, the rest with ``dof[0]``. Sums of chi-squares as one scaled chi-square, above and below the line of
    Fisher's F: Satterthwaite, Biometrics Bull. 2(6), 1946.
    """
    values = np.linalg.eigvalsh(covariance)
    total = float(values.sum())
    shape = total**2 / float((values**2).sum())
    turned = float(np.trace(from_rotation))
    doubt = turned**2 / dof[1] + (total - turned) ** 2 / dof[0]
    below = min(total**2 / doubt, 1e9) if doubt > 0 else 1e9
    return math.sqrt(total * float(scipy.special.fdtri(shape, below, 0.95)))


def _disagreement(found: ClosedForm | None, kind: Setup, refined: F64) -> Disagreement:
    if found is None:
        return Disagreement(None, None, None)
    T = found.X if kind.main == kind.x else found.Z
    off_m = float(np.linalg.norm(T[:3, 3] - refined[:3, 3]))
    return Disagreement(T, off_m, se3.rotation_angle_rad(T[:3, :3] @ refined[:3, :3].T))


def _motion(a: F64, about_rad: F64) -> Motion:
    q = np.array([se3.to_quaternion(T) for T in a])
    largest = 2 * math.acos(min(float(np.abs(q @ q.T).min()), 1.0))
    axes = int(np.count_nonzero(about_rad >= LEAST_MOTION_RAD / math.sqrt(2)))
    return Motion(about_rad, off_axis_rad(about_rad), largest, axes)


def turns(robot: F64, used: NDArray[np.bool_]) -> F64:
    """Return the rotation vectors (N, 3), rad, of poses (N, 4, 4) against the mean of those used, for a picture."""
    rotations = scipy.spatial.transform.Rotation.from_matrix(robot[:, :3, :3])
    return np.asarray((rotations[used].mean().inv() * rotations).as_rotvec(), dtype=np.float64)


def _warnings(fit: HandEyeFit, motion: Motion, closed: dict[str, Disagreement], main: Estimate) -> tuple[str, ...]:
    out = []
    used, given = int(fit.inliers.sum()), len(fit.inliers)
    if used < given:
        out.append(f'{given - used} of {given} pairs do not fit the others and were left out')
    if used < GOOD_COUNT:
        out.append(f'{used} pairs are few: {GOOD_COUNT} or more make the margins reliable')
    if motion.off_axis_rad < GOOD_MOTION_RAD:
        observed = f'{math.degrees(motion.off_axis_rad):.1f} deg away from the main axis (rms between two poses)'
        out.append(f'little rotation: {observed}, {math.degrees(GOOD_MOTION_RAD):.0f} deg or more are good')
    for name, found in closed.items():
        if found.off_m is not None and found.off_m > max(DISAGREEMENT * main.margin95_m, 1e-6):
            out.append(f'the closed form of {name} lies {found.off_m * 1e3:.2f} mm from the refined transform')
    return tuple(out)
