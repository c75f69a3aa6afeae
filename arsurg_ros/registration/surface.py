# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Points on a surface to T_target_source: refined from a start or searched for, with what speaks for and against it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels import surface
from arsurg_ros.kernels.icp import NO_OVERLAP, Closest, IcpFit, IcpSettings, IcpTarget, refusal
from arsurg_ros.registration import tre
from arsurg_ros.registration.starts import MOST_COARSE, MOST_NUDGED, coarse_starts, nudged_starts
from arsurg_ros.registration.surface_fit import Direction, SurfaceFit
from arsurg_ros.types import F64, TargetError

# Points on a body are no larger than it, and no digitisation is as small as a two hundredth of it.
LARGEST_RATIO, SMALLEST_RATIO = 20.0, 1 / 200
# Without a greatest distance: this many voxels, or this share of the target's diagonal.
REACH_VOXELS, REACH_SHARE, COARSE_SHARE = 4.0, 0.1, 0.5
# Two poses are different where they take the source's points apart by this share of its radius (rms).
APART = 0.05
# A pose fits as well as another where its residuals (rms) are within this factor, or within their own chance.
AS_GOOD = 1.1
LEAST_OVERLAP = 0.2
WEAK = 1e-2


@dataclass(frozen=True)
class SurfaceTarget:
    """A surface that stays prepared in the kernel's memory; make it with ``prepare``.

    ``vertices_m`` (V, 3); ``triangles`` (F, 3), None for a cloud; ``voxel_m`` is the edge of the voxels that clouds are
    downsampled with, zero: not at all.
    """

    kernel: IcpTarget
    vertices_m: F64
    is_mesh: bool
    voxel_m: float
    diagonal_m: float

    @classmethod
    def prepare(
        cls,
        vertices_m: ArrayLike,
        triangles: ArrayLike | None = None,
        *,
        voxel_m: float = 0.0,
        neighbours: int = surface.NEIGHBOURS,
        backend: str = 'wasm',
    ) -> SurfaceTarget:
        """Prepare a mesh, or a cloud where ``triangles`` is None or empty; raises as ``kernels.surface.prepare_target``."""
        p = surface.rows_of_three(vertices_m, 'target')
        faces = None if triangles is None or not np.size(triangles) else np.asarray(triangles)
        kernel = surface.prepare_target(p, faces, voxel_m=voxel_m, neighbours=neighbours, backend=backend)
        used = p if faces is None else p[np.unique(faces)]
        return cls(kernel, used, faces is not None, voxel_m, float(np.linalg.norm(np.ptp(used, axis=0))))


def align(
    target: SurfaceTarget,
    source_m: ArrayLike,
    init: F64 | None = None,
    *,
    settings: IcpSettings | None = None,
    multi_start: int | None = None,
    targets_m: Mapping[str, Sequence[float]] | None = None,
    least_overlap: float = LEAST_OVERLAP,
) -> SurfaceFit:
    """Return T_target_source of points (N, 3), metres, refined from ``init`` (4x4) or, without it, searched for.

    ``multi_start`` poses are tried: up to 13 about ``init`` (default 7), or up to 24 (default) that lay the principal axes of
    both sides upon each other, which finds the pose only where the points cover most of it. ``settings.max_distance_m``
    of infinity means four voxels, or without voxels a tenth of the target's diagonal. ``targets_m``: places (3,) of the
    target whose error is asked for. A source meets the same voxels as its target.

    Raises RegistrationError: ``too_few_points``, ``not_finite``, ``coincident``, ``collinear``, ``bad_voxel``, ``wrong_unit``
    (the sizes differ by more than 20 times or less than a two hundredth), ``no_overlap`` (no start finds six partners, or
    less than ``least_overlap`` of the points lie on the target), ``degenerate`` (the surface slides: a direction is free).
    ConfigError for a start or number that cannot be used.
    """
    source = surface.rows_of_three(source_m, 'source')
    _check_size(target, source)
    how = _with_reach(target, settings or IcpSettings())
    starts = _starts(target, source, init, multi_start)
    found = _run(target, source, starts, how, coarse=init is None)
    fits = [f for f in found if f is not None]
    if not fits:
        raise refusal(NO_OVERLAP, f'source of {len(source)} points, {how.max_distance_m:.4g} m')
    order = sorted(range(len(fits)), key=lambda i: fits[i].score_m)
    best = fits[order[0]]
    _check_fit(best, least_overlap, how)
    elsewhere = [fits[i] for i in order if _apart_m(best, fits[i], source) > APART * best.arm_m]
    runner_up = elsewhere[0] if elsewhere else None
    now = target.kernel.closest(source, best.T_target_source, how.max_distance_m)
    return SurfaceFit(
        T_target_source=best.T_target_source,
        method=how.method,
        rms_m=best.rms_m,
        noise_m=best.noise_m,
        inliers=best.inliers,
        points=best.points,
        overlap=best.inliers / best.points,
        iterations=best.iterations,
        converged=best.converged,
        covariance=best.covariance,
        dof=float(max(best.inliers - 6, 0)),
        distance_m=_to_surface_m(now, se3.transform(best.T_target_source, source)),
        start_distance_m=_to_surface_m(target.kernel.closest(source, starts[0], math.inf), se3.transform(starts[0], source)),
        p_closest_m=now.p_target_m,
        max_distance_m=how.max_distance_m,
        weakest=_direction(best, 0),
        starts=len(starts),
        agreeing=len(fits) - len(elsewhere),
        runner_up=None if runner_up is None else runner_up.T_target_source,
        runner_up_rms_m=None if runner_up is None else runner_up.score_m,
        coarse=init is None,
        targets=_targets(best, targets_m or {}),
        warnings=tuple(_warnings(best, runner_up, found[0], init is None, source)),
    )


def _check_size(target: SurfaceTarget, source: F64) -> None:
    size = float(np.linalg.norm(np.ptp(source, axis=0))) if len(source) else 0.0
    ratio = size / target.diagonal_m if target.diagonal_m > 0 else 1.0
    if size > 0 and not SMALLEST_RATIO <= ratio <= LARGEST_RATIO and np.isfinite(ratio):
        raise RegistrationError(
            'wrong_unit', f'the source spans {size:.4g} m and the target {target.diagonal_m:.4g} m: is one of them in mm?'
        )


def _with_reach(target: SurfaceTarget, settings: IcpSettings) -> IcpSettings:
    if math.isfinite(settings.max_distance_m):
        return settings
    in_voxels = not target.is_mesh and target.voxel_m > 0
    reach = REACH_VOXELS * target.voxel_m if in_voxels else REACH_SHARE * target.diagonal_m
    return replace(settings, max_distance_m=reach)


def _starts(target: SurfaceTarget, source: F64, init: F64 | None, count: int | None) -> list[F64]:
    most = MOST_COARSE if init is None else MOST_NUDGED
    count = (most if init is None else 7) if count is None else count
    if not 1 <= count <= most:
        raise ConfigError(f'multi_start: {count}: 1 to {most} starts are valid {"without" if init is None else "with"} an init')
    if init is not None and not se3.is_rigid(init, 1e-4):
        raise ConfigError('init: a rigid 4x4 (orthonormal, right-handed, last row 0 0 0 1) is needed')
    start = np.eye(4) if init is None else np.asarray(init, dtype=np.float64)
    if len(source) < 3 or not np.isfinite(source).all():  # the kernel says what is wrong
        return [start]
    return coarse_starts(target.vertices_m, source, count) if init is None else nudged_starts(start, source, count)


def _run(target: SurfaceTarget, source: F64, starts: list[F64], how: IcpSettings, coarse: bool) -> list[IcpFit | None]:
    """Return the fit of every start, None where it finds no partners."""
    if coarse:
        rough = replace(
            how,
            max_distance_m=max(COARSE_SHARE * target.diagonal_m, how.max_distance_m),
            max_iterations=30,
            rotation_epsilon_rad=1e-3,
            translation_epsilon_m=1e-4 * target.diagonal_m,
        )
        found = target.kernel.align(source, target.voxel_m, starts, rough)
        starts = [f.T_target_source for f in found if isinstance(f, IcpFit)]
    return [f if isinstance(f, IcpFit) else None for f in target.kernel.align(source, target.voxel_m, starts, how)]


def _check_fit(best: IcpFit, least_overlap: float, how: IcpSettings) -> None:
    share = best.inliers / best.points
    if share < least_overlap:
        raise RegistrationError(
            'no_overlap',
            f'{best.inliers} of {best.points} points ({share:.0%}) lie within {how.max_distance_m:.4g} m of the target; '
            f'{least_overlap:.0%} are needed',
        )
    if best.degenerate:
        free = [_direction(best, i).text for i in range(6) if best.information[i] < 1e-3]
        raise RegistrationError('degenerate', f'the surface slides: free is {"; ".join(free)}')


def _to_surface_m(closest: Closest, moved_m: F64) -> F64:
    along = np.abs(((closest.p_target_m - moved_m) * closest.normal).sum(axis=1))
    return np.where(closest.normal.any(axis=1), along, closest.distance_m)


def _direction(fit: IcpFit, i: int) -> Direction:
    shift, turn = fit.directions[i, :3], fit.directions[i, 3:]
    parts = []
    for name, v in (('shift along', shift), ('turn about', turn)):
        size = float(np.linalg.norm(v))
        if size > 0.3:
            u = v / size * (1.0 if v[np.abs(v).argmax()] > 0 else -1.0)
            parts.append(f'{name} ({u[0] + 0.0:.2f}, {u[1] + 0.0:.2f}, {u[2] + 0.0:.2f})')
    return Direction(float(fit.information[i]), shift, turn, ' with '.join(parts))


def _apart_m(a: IcpFit, b: IcpFit, source: F64) -> float:
    gap = se3.transform(a.T_target_source, source) - se3.transform(b.T_target_source, source)
    return float(np.sqrt((gap**2).sum(axis=1).mean()))


def _targets(fit: IcpFit, targets_m: Mapping[str, Sequence[float]]) -> tuple[TargetError, ...]:
    T, dof = fit.T_target_source, float(max(fit.inliers - 6, 1))
    out = []
    for name, p in targets_m.items():
        p_target = np.asarray(p, dtype=np.float64)
        there = tre.target_error(name, T, fit.covariance, se3.transform(se3.inverse(T), p_target), dof)
        out.append(replace(there, p_ct_m=p_target))
    return tuple(out)


def _as_good(fit: IcpFit, best: IcpFit) -> bool:
    chance = math.sqrt(1 + 3 * math.sqrt(2 / max(best.inliers - 6, 1)))
    return fit.score_m <= max(AS_GOOD, chance) * best.score_m + 1e-6 * best.arm_m


def _warnings(best: IcpFit, runner_up: IcpFit | None, first: IcpFit | None, coarse: bool, source: F64) -> list[str]:
    out = []
    if runner_up is not None and _as_good(runner_up, best):
        far = _apart_m(best, runner_up, source)
        out.append(
            f'ambiguous: another pose, {far * 1e3:.1f} mm away (rms), fits as well: '
            f'{runner_up.score_m * 1e3:.3f} mm against {best.score_m * 1e3:.3f} mm'
        )
    if not coarse and (first is None or _apart_m(best, first, source) > APART * best.arm_m):
        came = 'found no partners' if first is None else f'came to {first.score_m * 1e3:.3f} mm'
        out.append(f'local_minimum: the start given {came}; a nudged start came to {best.score_m * 1e3:.3f} mm and is taken')
    if coarse:
        out.append('coarse_start: no start was given; principal axes find the pose only where most of the surface is covered')
    if not best.converged:
        out.append(f'not_converged: after {best.iterations} iterations it still moved')
    if best.information[0] < WEAK:
        out.append(f'weak: {_direction(best, 0).text} is hardly held by the surface')
    return out
