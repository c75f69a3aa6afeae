# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What surface registration returns."""

from __future__ import annotations

from dataclasses import dataclass

from arsurg_ros.types import F64, TargetError


@dataclass(frozen=True)
class Direction:
    """A way in which the surface may slide: ``information`` 1 is held by every point, 0 by none.

    ``shift`` (3,) and ``turn`` (3,) are its parts in the target's axes, together of length one; the turn is about the source's
    centroid and counts at its rms radius. ``text`` says it in words.
    """

    information: float
    shift: F64
    turn: F64
    text: str


@dataclass(frozen=True)
class SurfaceFit:
    """``T_target_source`` with its evidence; lengths in metres, everything in the target's axes.

    ``rms_m`` is point-to-surface, of the ``inliers`` among ``points`` (after downsampling) that lie within ``max_distance_m``
    of the target; ``overlap`` is their share. ``distance_m`` (N,) are the distances of all source points given to the surface
    (of a cloud: to the plane at the nearest point), infinite beyond that; ``p_closest_m`` (N, 3) their partners;
    ``start_distance_m`` the distances at the first start, without a limit. ``covariance`` (6, 6) is REP-103's (x y z rx ry
    rz), its scale from the residuals with ``dof`` degrees of freedom; it holds for independent noise, and knows nothing of
    other minima. ``weakest`` is the direction that is held least. Of ``starts`` poses ``agreeing`` ended here (of a search: of
    the 104 that were not dropped early); ``runner_up`` is
    the best that ended elsewhere, with ``runner_up_rms_m`` (None: there was none), of all points, one beyond reach counted at
    the greatest distance. ``coarse``: no start was given. ``targets`` are the errors to expect at places of the target.
    """

    T_target_source: F64
    method: str
    rms_m: float
    noise_m: float
    inliers: int
    points: int
    overlap: float
    iterations: int
    converged: bool
    covariance: F64
    dof: float
    distance_m: F64
    start_distance_m: F64
    p_closest_m: F64
    max_distance_m: float
    weakest: Direction
    starts: int
    agreeing: int
    runner_up: F64 | None
    runner_up_rms_m: float | None
    coarse: bool
    targets: tuple[TargetError, ...]
    warnings: tuple[str, ...]
