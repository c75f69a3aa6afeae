# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What both backends of surface registration take and give: settings, a fit, the refusals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from arsurg_ros.errors import KernelError, RegistrationError
from arsurg_ros.types import F64

METHODS = ('point_to_plane', 'gicp')
LOSSES = ('none', 'huber', 'cauchy', 'tukey')
TOO_FEW, NOT_FINITE, EMPTY_MESH, COINCIDENT, COLLINEAR, NO_OVERLAP, DEGENERATE, BAD_VOXEL, BAD_FACE = range(16, 25)
REFUSALS = {
    TOO_FEW: ('too_few_points', 'at least six points are needed, after downsampling'),
    NOT_FINITE: ('not_finite', 'a coordinate is not a finite number, or beyond 1e9 m'),
    EMPTY_MESH: ('empty_mesh', 'there is no triangle with an area'),
    COINCIDENT: ('coincident', 'the points lie within a micrometre of each other'),
    COLLINEAR: ('collinear', 'the points lie on a line (second singular value below 1e-3 of the first)'),
    NO_OVERLAP: ('no_overlap', 'fewer than six points have a partner with a normal within the greatest distance'),
    BAD_VOXEL: ('bad_voxel', 'the edge of a voxel must be above a millionth of the largest coordinate'),
    BAD_FACE: ('bad_face', "a triangle's index is that of no vertex"),
}


@dataclass(frozen=True)
class IcpSettings:
    """How to align; ``sigma_m`` is the residuals' standard deviation for a robust loss, zero: from their median, as it goes.

    ``max_distance_m`` bounds the distance of partners. It has converged where a step turns by no more than
    ``rotation_epsilon_rad`` and shifts the source's centroid by no more than ``translation_epsilon_m``.
    """

    method: str = 'point_to_plane'
    loss: str = 'none'
    sigma_m: float = 0.0
    max_distance_m: float = math.inf
    max_iterations: int = 60
    rotation_epsilon_rad: float = 1e-7
    translation_epsilon_m: float = 1e-7


@dataclass(frozen=True)
class IcpFit:
    """One alignment: ``T_target_source``, its evidence, lengths in metres.

    ``rms_m`` is of the residuals along the surface's normal (point-to-surface) of the ``inliers``, ``rms_distance_m`` of the
    distances to the partners, ``score_m`` of all ``points`` where one without a partner counts the greatest distance.
    ``noise_m`` is the estimated standard deviation of a residual. ``information`` (6,), ascending, are the mean squares of
    the residuals' slopes along ``directions`` (6, 6: rows of shift and turn, turns measured at the radius ``arm_m`` about the
    source's centroid); below 1e-3 a direction is free and ``degenerate`` true. ``covariance`` is REP-103's.
    """

    T_target_source: F64
    iterations: int
    converged: bool
    inliers: int
    points: int
    rms_m: float
    rms_distance_m: float
    noise_m: float
    score_m: float
    arm_m: float
    sigma_m: float
    information: F64
    directions: F64
    covariance: F64
    degenerate: bool


@dataclass(frozen=True)
class Closest:
    """The partner ``p_target_m`` (N, 3) of each point moved into the target, and the surface's ``normal`` (N, 3) there.

    A normal that is not known is zero. ``distance_m`` (N,) is infinite where nothing lies within the greatest distance.
    """

    p_target_m: F64
    normal: F64
    distance_m: F64


class IcpTarget(Protocol):
    """A target that is prepared once: the points of a cloud, or a mesh's triangles."""

    @property
    def size(self) -> int:
        """Return how many points, after downsampling, or triangles it has."""
        ...

    def align(self, source_m: F64, voxel_m: float, starts: list[F64], settings: IcpSettings) -> list[IcpFit | int]:
        """Return a fit, or the status of its refusal, for each start; raises RegistrationError for the source."""
        ...

    def closest(self, source_m: F64, T_target_source: F64, max_distance_m: float) -> Closest:
        """Return the partners of every source point at a pose; raises RegistrationError for the source."""
        ...


def refusal(status: int, what: str) -> Exception:
    """Return the error of a status; ``what`` says which points, and how many."""
    if status not in REFUSALS:
        return KernelError(f'kernel surface: unknown status {status}')
    code, why = REFUSALS[status]
    return RegistrationError(code, f'{what}: {why}')
