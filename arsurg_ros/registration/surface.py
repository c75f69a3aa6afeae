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
from arsurg_ros.registration.starts import MOST_COARSE, MOST_NUDGED, WHOLE, coarse_starts, nudged_starts, spread_over, thinned
from arsurg_ros.registration.surface_fit import Direction, SurfaceFit
from arsurg_ros.registration.surface_search import apart_m, is_same, search
from arsurg_ros.types import F64, TargetError

# Points on a body are no larger than it, and no digitisation is as small as a two hundredth of it.
LARGEST_RATIO, SMALLEST_RATIO = 20.0, 1 / 200
# Without a greatest distance: this many voxels, or this share of the target's diagonal.
REACH_VOXELS, REACH_SHARE = 4.0, 0.1
# Points that stand for the target's surface where starts are laid on it.
SAMPLE = 1024
# A pose fits as well as another where its residuals (rms) are within this factor, or within their own chance.
AS_GOOD = 1.1
# A pose that was searched for is only believed where so many starts came to it and the next best is worse by such a factor; any
# pose where its residuals are within this many times the noise that was stated.
FEWEST_AGREEING, CLEARLY_WORSE, FAR_ABOVE = 3, 1.25, 3.0
LEAST_OVERLAP = 0.2
WEAK = 1e-2
# Residuals beyond this share of the target's size are no noise; mirrored: the mirror image leaves less than this share of them.
BAD, MIRRORED = 0.01, 0.5
# Nothing in a body is larger or smaller.
LARGEST_M, SMALLEST_M = 5.0, 5e-3


@dataclass(frozen=True)
class SurfaceTarget:
    """A surface that stays prepared in the kernel's memory; make it with ``prepare``.

    ``sample_m`` (S, 3) are points spread over it; ``voxel_m`` is the edge of the voxels that clouds are downsampled with, zero:
    not at all.
    """

    kernel: IcpTarget
    sample_m: F64
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
        sample = thinned(p, SAMPLE) if faces is None else spread_over(p, faces, SAMPLE)
        return cls(kernel, sample, faces is not None, voxel_m, float(np.linalg.norm(np.ptp(used, axis=0))))


def align(
    target: SurfaceTarget,
    source_m: ArrayLike,
    init: F64 | None = None,
    *,
    settings: IcpSettings | None = None,
    multi_start: int | None = None,
    targets_m: Mapping[str, Sequence[float]] | None = None,
    least_overlap: float = LEAST_OVERLAP,
    accept_coarse: bool = False,
    any_size: bool = False,
) -> SurfaceFit:
    """Return T_target_source of points (N, 3), metres, refined from ``init`` (4x4) or, without it, searched for.

    ``multi_start`` poses are tried: up to 13 about ``init`` (default 7), or without it up to 408 (default), see
    ``starts.coarse_starts``. ``settings.max_distance_m`` of infinity means four voxels, or without voxels a tenth of the
    target's diagonal. ``targets_m``: places (3,) of the target whose error is asked for. A source meets the same voxels as its
    target. A pose that was searched for and is in doubt is refused, unless ``accept_coarse``: then the doubts are warnings, as
    with an ``init``.

    Raises RegistrationError: ``too_few_points``, ``not_finite``, ``coincident``, ``collinear``, ``bad_voxel``, ``wrong_unit``
    (the sizes differ by more than 20 times or less than a two hundredth, or a mesh is below 5 mm or beyond 5 m and not
    ``any_size``), ``mirrored`` (a bad fit, and the points' mirror image fits well), ``no_overlap`` (no start finds six
    partners, or less than ``least_overlap`` of the points lie on the target), ``degenerate`` (the surface slides: a
    direction is free); without ``init``: ``ambiguous`` (another pose fits nearly as well), ``no_consensus`` (fewer than
    three starts came to the pose), ``poor_fit`` (residuals far above ``settings.sigma_m``). ConfigError for a start or
    number that cannot be used.
    """
    source = surface.rows_of_three(source_m, 'source')
    _check_size(target, source, any_size)
    how = _with_reach(target, settings or IcpSettings())
    starts = _starts(target, source, init, multi_start)
    fits, first, agreeing = _found(target, source, starts, how, init is None)
    if not fits:
        raise refusal(NO_OVERLAP, _nowhere(target, source, None if init is None else starts[0], how))
    best = fits[0]
    _check_fit(best, least_overlap, how)
    if best.rms_m > BAD * target.diagonal_m:
        _check_mirrored(target, source, best, how)
    runner_up = next((f for f in fits if not is_same(best, f, source)), None)
    doubts = _doubts(best, runner_up, source, how, None if init is not None else (agreeing, len(starts)))
    if doubts and init is None and not accept_coarse:
        code, why = doubts[0]
        raise RegistrationError(code, f'{why}; a start is needed (--init, as of register landmarks), or --accept-coarse')
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
        agreeing=agreeing,
        runner_up=None if runner_up is None else runner_up.T_target_source,
        runner_up_rms_m=None if runner_up is None else runner_up.score_m,
        coarse=init is None,
        targets=_targets(best, targets_m or {}),
        warnings=(*(f'{code}: {why}' for code, why in doubts), *_warnings(target, best, first, init is None, source)),
    )


def _nowhere(target: SurfaceTarget, source: F64, init: F64 | None, how: IcpSettings) -> str:
    """Return what was tried where nothing has a partner."""
    tried = f'source of {len(source)} points, {how.max_distance_m:.4g} m'
    if init is None:
        return tried
    gap = float(np.linalg.norm(se3.transform(init, source).mean(axis=0) - target.sample_m.mean(axis=0)))
    return f'{tried}, at an init that leaves the middles {gap:.4g} m apart (is it T_target_source, in the unit that is said?)'


def _check_size(target: SurfaceTarget, source: F64, any_size: bool) -> None:
    size = float(np.linalg.norm(np.ptp(source, axis=0))) if len(source) else 0.0
    ratio = size / target.diagonal_m if target.diagonal_m > 0 else 1.0
    if size > 0 and not SMALLEST_RATIO <= ratio <= LARGEST_RATIO and np.isfinite(ratio):
        raise RegistrationError(
            'wrong_unit', f'the source spans {size:.4g} m and the target {target.diagonal_m:.4g} m: is one of them in mm?'
        )
    if target.is_mesh and not any_size and not _is_of_a_body(target):
        valid = f'{SMALLEST_M:g} m to {LARGEST_M:g} m is valid'
        raise RegistrationError(
            'wrong_unit', f'the target spans {target.diagonal_m:.4g} m, {valid}: is the unit right? (--any-size where it is)'
        )


def _is_of_a_body(target: SurfaceTarget) -> bool:
    return SMALLEST_M <= target.diagonal_m <= LARGEST_M


def _check_mirrored(target: SurfaceTarget, source: F64, best: IcpFit, how: IcpSettings) -> None:
    """Raise RegistrationError ``mirrored`` where the points' mirror image fits far better than the points."""
    mirror = source * (-1.0, 1.0, 1.0)
    found = search(target.kernel, mirror, coarse_starts(target.sample_m, mirror, WHOLE), how, target.voxel_m, target.diagonal_m)
    if found.refined and found.refined[0].rms_m < MIRRORED * best.rms_m and found.refined[0].inliers >= best.inliers // 2:
        fits = f'their mirror image fits to {1e3 * found.refined[0].rms_m:.3f} mm, they to {1e3 * best.rms_m:.3f} mm'
        raise RegistrationError('mirrored', f'the points are mirrored: {fits} (an axis flipped, left and right exchanged?)')


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
    return coarse_starts(target.sample_m, source, count) if init is None else nudged_starts(start, source, count)


def _found(
    target: SurfaceTarget, source: F64, starts: list[F64], how: IcpSettings, coarse: bool
) -> tuple[list[IcpFit], IcpFit | None, int]:
    """Return the fits, best first, that of the first start (None where it has no partners), and how many are the best."""
    if coarse:
        target.kernel.align(source, target.voxel_m, [], how)  # so that all points are checked, not some
        found = search(target.kernel, source, starts, how, target.voxel_m, target.diagonal_m)
        return found.refined, None, found.agreeing(source) if found.refined else 0
    each = [f if isinstance(f, IcpFit) else None for f in target.kernel.align(source, target.voxel_m, starts, how)]
    fits = sorted((f for f in each if f is not None), key=lambda f: f.score_m)
    return fits, each[0], sum(is_same(fits[0], f, source) for f in fits)


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


def _targets(fit: IcpFit, targets_m: Mapping[str, Sequence[float]]) -> tuple[TargetError, ...]:
    T, dof = fit.T_target_source, float(max(fit.inliers - 6, 1))
    out = []
    for name, p in targets_m.items():
        p_target = np.asarray(p, dtype=np.float64)
        there = tre.target_error(name, T, fit.covariance, se3.transform(se3.inverse(T), p_target), dof)
        out.append(replace(there, p_ct_m=p_target))
    return tuple(out)


def _doubts(
    best: IcpFit, runner_up: IcpFit | None, source: F64, how: IcpSettings, searched: tuple[int, int] | None
) -> list[tuple[str, str]]:
    """Return codes and texts of what speaks against a pose; ``searched``: how many starts agree, of how many."""
    out = []
    chance = math.sqrt(1 + 3 * math.sqrt(2 / max(best.inliers - 6, 1)))
    factor = max(CLEARLY_WORSE if searched else AS_GOOD, chance)
    if runner_up is not None and runner_up.score_m <= factor * best.score_m + 1e-6 * best.arm_m:
        far_mm, theirs_mm, ours_mm = (1e3 * v for v in (apart_m(best, runner_up, source), runner_up.score_m, best.score_m))
        fits = f'fits as well: {theirs_mm:.3f} mm against {ours_mm:.3f} mm'
        out.append(('ambiguous', f'another pose, {far_mm:.1f} mm away (rms), {fits}'))
    if searched and searched[0] < FEWEST_AGREEING:
        out.append(('no_consensus', f'{searched[0]} of {searched[1]} starts came to this pose, {FEWEST_AGREEING} are needed'))
    if how.sigma_m > 0 and best.noise_m > FAR_ABOVE * how.sigma_m:
        out.append(('poor_fit', f'residuals of {best.noise_m * 1e3:.3f} mm where sigma says {how.sigma_m * 1e3:.3f} mm'))
    return out


def _warnings(
    target: SurfaceTarget, best: IcpFit, first: IcpFit | None, coarse: bool, source: F64
) -> list[str]:
    out = []
    if not target.is_mesh and not _is_of_a_body(target):  # a cloud may be of a room, a mesh here is of a body
        out.append(f'size: the target spans {target.diagonal_m:.4g} m: are both in the unit that is said?')
    if not coarse and (first is None or not is_same(best, first, source)):
        came = 'found no partners' if first is None else f'came to {first.score_m * 1e3:.3f} mm'
        out.append(f'local_minimum: the start given {came}; a nudged start came to {best.score_m * 1e3:.3f} mm and is taken')
    if coarse:
        out.append('coarse_start: no start was given; the pose was searched for: check it at a place that was not used')
    if not best.converged:
        out.append(f'not_converged: after {best.iterations} iterations it still moved')
    if best.information[0] < WEAK:
        out.append(f'weak: {_direction(best, 0).text} is hardly held by the surface')
    return out
