# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Inputs of a hand-eye calibration that cannot be right: a mistaken unit, a repeated pose, files read the wrong way round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels import reference_handeye
from arsurg_ros.kernels.handeye import solve_handeye
from arsurg_ros.types import F64, HandEyeFit

#: No robot or camera of an operating room sees farther.
WORKING_VOLUME_M = 10.0
#: No camera sees a target from nearer.
NEAREST_M = 5e-3
#: Poses within this of one another are one pose.
SAME_M, SAME_RAD = 1e-4, 2e-4
#: A fit with larger residuals than this share of the motion is looked at again.
SUSPICIOUS_SHARE = 0.05
#: Another reading is the right one where its scatter is below this share, in translation and in rotation.
FAR_BETTER = 1 / 3
#: A factor between the units of robot and camera, rounded: 1000 or 1/1000 within this.
UNIT_FACTOR, UNIT_WITHIN = 1000.0, 2.0


@dataclass(frozen=True)
class Reading:
    """A set-up that the files may be of, and how far the target scatters under it (median of all pairs; None: no fit)."""

    name: str
    scatter_m: float | None
    scatter_rad: float | None


def check_input(robot: F64, camera: F64, working_volume_m: float = WORKING_VOLUME_M) -> None:
    """Raise RegistrationError for what the poses (N, 4, 4), metres, show by themselves."""
    if len(robot) != len(camera):
        counts = f'{len(robot)} robot and {len(camera)} camera poses'
        raise RegistrationError('count_mismatch', f'{counts}: as many of each are needed')
    for name, T in (('robot', robot), ('camera', camera)):
        if not np.isfinite(T).all() or len(T) < 3:
            continue  # the kernel names it
        _check_volume(name, T, working_volume_m)
        _check_repeated(name, T)
    if len(camera) and float(np.abs(camera[:, :3, 3]).max()) < NEAREST_M:
        farthest = f'{np.abs(camera[:, :3, 3]).max() * 1e3:.3g} mm'
        raise RegistrationError(
            'wrong_unit', f'the camera sees its target from {farthest} at most: are its metres given as mm (see --units)?'
        )


def _check_volume(name: str, T: F64, working_volume_m: float) -> None:
    norms = np.linalg.norm(T[:, :3, 3], axis=1)
    i = int(np.argmax(np.where(np.isfinite(norms), norms, 0)))
    # One pose that is far off is an outlier; half of them are a unit.
    if np.median(norms) > working_volume_m:
        raise RegistrationError(
            'wrong_unit',
            f'the {name} translations reach {norms[i]:.4g} m (half of them beyond {np.median(norms):.4g} m), the working '
            f'volume is {working_volume_m:g} m: are its mm given as m (see --units)?',
        )


def _check_repeated(name: str, T: F64) -> None:
    moved = float(np.linalg.norm(T[:, :3, 3] - T[0, :3, 3], axis=1).max())
    turned = max(se3.rotation_angle_rad(T[0, :3, :3].T @ R) for R in T[:, :3, :3])
    if moved < SAME_M and turned < SAME_RAD:
        raise RegistrationError('repeated_pose', f'the {len(T)} {name} poses are one pose, repeated: move between captures')


def suspicious(a: F64, b: F64, fit: HandEyeFit) -> bool:
    """Tell whether the residuals are large beside the motion."""
    spread = max(float(np.sqrt(T[:, :3, 3].var(axis=0).sum())) for T in (a, b, se3.inverse(a), se3.inverse(b)))
    turned = float(np.linalg.norm(fit.motion_a_rad))
    return fit.noise_m > SUSPICIOUS_SHARE * spread or fit.noise_rad > SUSPICIOUS_SHARE * turned


def check_readings(a: F64, b: F64, fit: HandEyeFit | None, setup: str, backend: str) -> tuple[Reading, Reading]:
    """Return how both readings of the files fit; raise RegistrationError ``wrong_setup`` where the other is far better.

    There are two alone: A X B = Z and A^-1 X B = Z. The latter with X and Z exchanged is A X B^-1 = Z, so an inverted camera
    looks like an inverted robot or the other set-up; and files that are both inverted, or exchanged, fit as well as the right
    ones, so that no data can show it.
    """
    other = 'eye-in-hand' if setup == 'eye-to-hand' else 'eye-to-hand'
    found = _middle(fit), _middle(_try(se3.inverse(a), b, backend))
    own, another = (Reading(n, *(m or (None, None))) for n, m in zip((setup, other), found, strict=True))
    mine, theirs = found[0] or (np.inf, np.inf), found[1] or (np.inf, np.inf)
    if theirs[0] < FAR_BETTER * mine[0] and theirs[1] < FAR_BETTER * mine[1]:
        advice = f'use --setup {other}, or --invert-robot or --invert-camera if that file holds the inverse'
        raise RegistrationError('wrong_setup', f'{_words(own)}, {_words(another)}: {advice}')
    return own, another


def _try(a: F64, b: F64, backend: str) -> HandEyeFit | None:
    try:
        return solve_handeye(a, b, backend=backend)
    except RegistrationError:
        return None


def _middle(fit: HandEyeFit | None) -> tuple[float, float] | None:
    """Return the median residual over all pairs, m and rad, which a third of outliers does not move."""
    if fit is None:
        return None
    norms = (np.linalg.norm(fit.residuals[:, k], axis=1) for k in (slice(0, 3), slice(3, 6)))
    m, rad = (float(np.median(n)) for n in norms)
    return m, rad


def _words(reading: Reading) -> str:
    if reading.scatter_m is None or reading.scatter_rad is None:
        return f'as {reading.name} no transform fits'
    scatter = f'{reading.scatter_m * 1e3:.3g} mm and {np.degrees(reading.scatter_rad):.3g} deg'
    return f'as {reading.name} the target scatters by {scatter} (median)'


def check_scale(a: F64, b: F64) -> None:
    """Raise RegistrationError ``wrong_unit`` where one stream's translations are a thousand times the other's.

    With the rotation of Shah's closed form, which no unit touches, the loop A X B = Z is linear in the translations of X and
    Z and in a factor on those of B.
    """
    n = len(a)
    R_x = reference_handeye.shah(a, b).X[:3, :3]
    M = np.zeros((n, 3, 7))
    M[:, :, :3], M[:, :, 3:6] = a[:, :3, :3], -np.eye(3)
    M[:, :, 6] = (a[:, :3, :3] @ R_x @ b[:, :3, 3:])[:, :, 0]
    scale = np.abs(M).max(axis=(0, 1))
    N, rhs = M.reshape(3 * n, 7) / scale, -a[:, :3, 3].ravel()
    solution, _, rank, _ = np.linalg.lstsq(N, rhs, rcond=None)
    if rank < 7 or 3 * n <= 7:
        return
    variance = float(((N @ solution - rhs) ** 2).sum()) / (3 * n - 7)
    sd = float(np.sqrt(variance * np.linalg.inv(N.T @ N)[6, 6]))
    factor = abs(float(solution[6] / scale[6]))
    known = sd < 0.2 * abs(float(solution[6]))
    for wrong in (UNIT_FACTOR, 1 / UNIT_FACTOR):
        if known and wrong / UNIT_WITHIN < factor < wrong * UNIT_WITHIN:
            larger, smaller = ('robot', 'camera') if factor > 1 else ('camera', 'robot')
            ratio = f'{max(factor, 1 / factor):.4g} times'
            raise RegistrationError(
                'wrong_unit', f'the {larger} translations are {ratio} too large for those of the {smaller}: mm beside m?'
            )
