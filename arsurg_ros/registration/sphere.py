# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A sphere through surface points: fiducial spheres in CT, a ball probed by hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from arsurg_ros.errors import ArsurgError, KernelError, RegistrationError
from arsurg_ros.kernels.calibration import solve_sphere
from arsurg_ros.kernels.calibration_results import Refused
from arsurg_ros.kernels.reference_calibration import LEAST_POINTS
from arsurg_ros.registration.tre import margin_m
from arsurg_ros.types import SphereFit

LARGEST_M, SMALLEST_M = 10.0, 2e-4
#: rms of the distances over the radius: above it the points are no sphere's.
MAX_ROUGHNESS = 0.2


def fit_sphere(points_m: ArrayLike, *, source: str = 'points', backend: str = 'wasm') -> SphereFit:
    """Return the sphere of least squared distances from points (N, 3), metres.

    Raises RegistrationError: ``too_few_points`` below 5, ``count_mismatch`` for another shape, ``not_finite``, ``coincident``,
    ``coplanar`` (or on a line), ``ill_conditioned`` for a patch too small or flat, ``not_a_sphere`` where the scatter is above
    a fifth of the radius, ``wrong_unit`` for a radius beyond 10 m or below 0.2 mm. Raises ConfigError for an unknown backend,
    KernelError.
    """
    p = np.asarray(points_m, dtype=np.float64)
    if p.size and (p.ndim != 2 or p.shape[1] != 3):
        raise RegistrationError('count_mismatch', f'{source}: points have the shape {p.shape}; (N, 3) is needed')
    found = solve_sphere(p.reshape(-1, 3), backend=backend)
    if isinstance(found, int):
        raise _refused(found, source, len(p))
    if found.rms_m > MAX_ROUGHNESS * found.radius_m:
        said = f'{source}: the points scatter by {1e3 * found.rms_m:.4g} mm about a sphere of {1e3 * found.radius_m:.4g} mm'
        raise RegistrationError('not_a_sphere', f'{said}; at most a fifth of the radius is allowed')
    if found.radius_m > LARGEST_M:
        said = f'{source}: the radius is {found.radius_m:.4g} m; at most {LARGEST_M:g} m are expected'
        raise RegistrationError('wrong_unit', f'{said}: are these millimetres?')
    if found.radius_m < SMALLEST_M:
        said = f'{source}: the radius is {1e3 * found.radius_m:.4g} mm; at least {1e3 * SMALLEST_M:g} mm are expected'
        raise RegistrationError('wrong_unit', f'{said}: are these metres given as mm?')
    dof = len(p) - 4
    variance = found.rms_m**2 * len(p) / dof
    covariance = variance * found.inverse
    return SphereFit(
        centre_m=found.centre_m,
        radius_m=found.radius_m,
        rms_m=found.rms_m,
        max_m=found.max_m,
        residuals_m=found.residuals_m,
        noise_m=float(np.sqrt(variance)),
        dof=dof,
        covariance_m2=covariance,
        margin95_m=margin_m(covariance[:3, :3], dof),
        condition=found.condition,
    )


def _refused(status: int, source: str, count: int) -> ArsurgError:
    refusals: dict[int, tuple[str, str]] = {
        Refused.TOO_FEW: ('too_few_points', f'at least {LEAST_POINTS} points are needed'),
        Refused.NOT_FINITE: ('not_finite', 'a coordinate is not a finite number, or beyond 1e9 m'),
        Refused.REPEATED: ('coincident', 'the points lie within a micrometre of each other'),
        Refused.COPLANAR: ('coplanar', 'the points lie in a plane or on a line (third singular value below 1e-3 of the first)'),
        Refused.ILL_CONDITIONED: ('ill_conditioned', 'the points cover too small a patch to tell centre and radius apart'),
    }
    if status not in refusals:
        return KernelError(f'kernel calibration: sphere: unknown status {status}')
    code, why = refusals[status]
    return RegistrationError(code, f'{source}: {why}; {count} points given')
