# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg register surface``: points on a surface to its mesh or cloud."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from arsurg_ros.commands.common import (
    Lengths,
    add_common,
    check_outputs,
    finish,
    lengths,
    matrix_text,
    point,
    require_positive,
    unit_m,
    with_warnings,
)
from arsurg_ros.errors import ConfigError
from arsurg_ros.files.answers import SUFFIXES, find_answer
from arsurg_ros.files.meshes import Surface, load_surface
from arsurg_ros.files.points import load_points
from arsurg_ros.files.poses import load_poses
from arsurg_ros.files.source import UNITS_M
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.icp import LOSSES, METHODS, IcpSettings
from arsurg_ros.registration.surface import SurfaceTarget, align
from arsurg_ros.registration.surface_fit import SurfaceFit
from arsurg_ros.types import F64

FIELDS = """fields of --json beside the common ones: T = T_target_source; method; rms_mm (point to surface, inliers), noise_mm,
inliers, points, overlap; iterations, converged; covariance (6x6: x y z rx ry rz, m and rad), sd_mm, sd_deg; weakest
{information 0..1, shift, turn, text}; starts, agreeing, runner_up {T_target_source, rms_mm, apart_mm} or null; coarse;
max_distance_mm, voxel_mm; residuals_mm {before, after: p50, p95, max}; targets [{name, p, tre_rms_mm, margin95_mm}]; warnings.

refusals: too_few_points, too_many_points, not_finite, empty_mesh, bad_face, bad_voxel, coincident, collinear, wrong_unit,
mirrored, no_overlap, degenerate; without --init and without --accept-coarse: ambiguous (another pose fits nearly as well),
no_consensus (fewer than three starts came to the pose), poor_fit (residuals more than three times --sigma). With --init these
are warnings, beside local_minimum (the start given led to a worse pose than a nudged one)."""


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = parsers.add_parser(
        'surface',
        help='points of a surface onto its mesh or cloud (ICP)',
        description='Find T_target_source, which takes points of a surface onto its mesh or point cloud.',
        epilog=FIELDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--target', required=True, type=Path, help='mesh: .ply .vtk .vtp .stl .obj, or cloud: .ply')
    parser.add_argument('--source', required=True, help='points: .csv .txt .npy .npz .yaml .xml, or a mesh or cloud')
    parser.add_argument(
        '--init', help='T_target_source to start from: a 4x4 text, or what register landmarks --out wrote (default: search)'
    )
    parser.add_argument('--method', choices=METHODS, default='point_to_plane', help='default point_to_plane')
    parser.add_argument(
        '--voxel', type=float, default=0.0, metavar='EDGE',
        help='edge of the voxels that thin both clouds, in --units (default: none)',
    )
    parser.add_argument(
        '--max-distance', type=float, metavar='D',
        help='farthest partner, in --units (default 4 voxels, or a tenth of the target)',
    )
    parser.add_argument('--loss', choices=LOSSES, default='none', help='robust against points off the surface (default none)')
    parser.add_argument(
        '--sigma', type=float, default=0.0, metavar='SD',
        help="points' sd, in --units, for --loss and poor_fit (default: unknown)",
    )
    parser.add_argument('--multi-start', type=int, metavar='N', help='starts tried: up to 13 with --init (7), or 408 (408)')
    parser.add_argument('--accept-coarse', action='store_true', help='without --init: answer though in doubt')
    parser.add_argument('--any-size', action='store_true', help='a mesh below 5 mm or beyond 5 m is meant')
    parser.add_argument(
        '--target-point', type=point, action='append', default=[], metavar='X,Y,Z',
        help='a place of the target where the error is to be known, in --units; can be repeated'
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Register; returns the exit status."""
    check_outputs(args)
    require_positive(args, {'max_distance': args.units})
    require_positive(args, {'voxel': args.units, 'sigma': args.units}, zero=True)
    unit, to_m = lengths(args), unit_m(args)
    shape = load_surface(args.target, unit=args.units)
    source, twice = distinct(load_points(args.source, to_m).p_m, 'source')
    vertices, twice_there = (shape.vertices_m, []) if len(shape.triangles) else distinct(shape.vertices_m, 'target')
    init = None if args.init is None else load_init(args.init, to_m)
    target = SurfaceTarget.prepare(vertices, shape.triangles, voxel_m=args.voxel * to_m, backend=args.backend)
    how = IcpSettings(
        args.method,
        args.loss,
        args.sigma * to_m,
        math.inf if args.max_distance is None else args.max_distance * to_m,
    )
    places = {f'{i}': tuple(v * to_m for v in p) for i, p in enumerate(args.target_point)}
    fit = align(
        target, source, init, settings=how, multi_start=args.multi_start, targets_m=places, accept_coarse=args.accept_coarse,
        any_size=args.any_size,
    )  # fmt: skip
    fit = replace(fit, warnings=(*fit.warnings, *twice, *twice_there))
    title = f'{Path(args.source).name} on {args.target.name}: {fit.method}, rms {fit.rms_m * 1e3:.3g} mm'

    def draw(figure: Any) -> None:
        from arsurg_ros.plots.surface import draw_surface

        points, vertices = (p / to_m for p in (se3.transform(fit.T_target_source, source), shape.vertices_m))
        before_mm, after_mm = fit.start_distance_m * 1e3, fit.distance_m * 1e3
        draw_surface(figure, vertices, shape.triangles, points, before_mm, after_mm, args.units, title)

    answer = as_answer(fit, unit, source, args.voxel * to_m)
    return finish(args, 'register surface', 'surface', answer, as_text(fit, unit, answer, shape), draw)


def distinct(points_m: F64, which: str) -> tuple[F64, list[str]]:
    """Return points (N, 3) without those that coincide exactly with another, in their order, and a warning where there are.

    A scanner writes the same point, often its origin, where it has seen nothing.
    """
    _, first = np.unique(points_m, axis=0, return_index=True)
    left_out = len(points_m) - len(first)
    if not left_out or len(first) < 2:  # one place alone is refused as such
        return points_m, []
    return points_m[np.sort(first)], [f'duplicates: {left_out} points of the {which} are the same as another and were left out']


def load_init(path: str, to_m: float) -> F64:
    """Return the one pose of a file of poses, or the ``T`` of what another command wrote with --out, in its own unit.

    Raises ConfigError where it holds another number of poses, DataError for what cannot be read, RegistrationError for an
    answer that cannot be used (files/answers.py).
    """
    file = Path(path)
    if file.suffix.lower() in SUFFIXES and (answer := find_answer(file)) is not None:
        return answer.matrix_m('T')
    found = load_poses(path, to_m)
    if len(found.T) != 1:
        raise ConfigError(f'--init {path}: {len(found.T)} poses; one 4x4 is needed')
    return np.asarray(found.T[0])


def as_answer(fit: SurfaceFit, unit: Lengths, source: F64, voxel_m: float) -> dict[str, Any]:
    """Return the fields of the JSON object."""
    sd = np.sqrt(np.diag(fit.covariance))
    return {
        'T': unit.T(fit.T_target_source),
        'T_target_source': unit.T(fit.T_target_source),
        'method': fit.method,
        'rms_mm': fit.rms_m * 1e3,
        'noise_mm': fit.noise_m * 1e3,
        'inliers': fit.inliers,
        'points': fit.points,
        'overlap': fit.overlap,
        'iterations': fit.iterations,
        'converged': fit.converged,
        'covariance': fit.covariance,
        'sd_mm': sd[:3] * 1e3,
        'sd_deg': np.degrees(sd[3:]),
        'weakest': {
            'information': fit.weakest.information,
            'shift': fit.weakest.shift,
            'turn': fit.weakest.turn,
            'text': fit.weakest.text,
        },
        'starts': fit.starts,
        'agreeing': fit.agreeing,
        'runner_up': _runner_up(fit, unit, source),
        'coarse': fit.coarse,
        'max_distance_mm': fit.max_distance_m * 1e3,
        'voxel_mm': voxel_m * 1e3,
        'residuals_mm': {'before': _spread(fit.start_distance_m), 'after': _spread(fit.distance_m)},
        'targets': [
            {'name': t.name, 'p': unit.p(t.p_ct_m), 'tre_rms_mm': t.tre_rms_m * 1e3, 'margin95_mm': t.margin95_m * 1e3}
            for t in fit.targets
        ],
        'warnings': list(fit.warnings),
    }


def _runner_up(fit: SurfaceFit, unit: Lengths, source: F64) -> dict[str, Any] | None:
    if fit.runner_up is None or fit.runner_up_rms_m is None:
        return None
    gap = se3.transform(fit.runner_up, source) - se3.transform(fit.T_target_source, source)
    apart_mm = float(np.sqrt((gap**2).sum(axis=1).mean())) * 1e3
    return {'T_target_source': unit.T(fit.runner_up), 'rms_mm': fit.runner_up_rms_m * 1e3, 'apart_mm': apart_mm}


def _spread(distance_m: F64) -> dict[str, float]:
    mm = distance_m[np.isfinite(distance_m)] * 1e3
    if not len(mm):
        return dict.fromkeys(('p50', 'p95', 'max'), math.nan)
    p50, p95 = np.percentile(mm, (50, 95))
    return {'p50': float(p50), 'p95': float(p95), 'max': float(mm.max())}


def as_text(fit: SurfaceFit, unit: Lengths, answer: dict[str, Any], shape: Surface) -> str:
    """Return what the command prints."""
    kind = f'mesh of {len(shape.triangles)} triangles' if len(shape.triangles) else f'cloud of {len(shape.vertices_m)} points'
    before, after = answer['residuals_mm']['before'], answer['residuals_mm']['after']
    sd_mm, sd_deg = answer['sd_mm'], answer['sd_deg']
    runner = answer['runner_up']
    elsewhere = 'none ended elsewhere' if runner is None else f'the best elsewhere: rms {runner["rms_mm"]:.3f} mm'
    agree = 'came here, most were dropped early' if fit.coarse else 'agree'
    state = 'converged' if fit.converged else 'not converged'
    lines = [
        f'surface registration onto a {kind}, {fit.method}',
        f'T_target_source ({unit.unit}):',
        matrix_text(fit.T_target_source, unit),
        f'rms to surface    {fit.rms_m * 1e3:.3f} mm over {fit.inliers} of {fit.points} points (overlap {fit.overlap:.1%})',
        f'distance          p50 {after["p50"]:.3f} mm, p95 {after["p95"]:.3f} mm; at the start p50 {before["p50"]:.3f} mm',
        f'standard dev.     x {sd_mm[0]:.3f}, y {sd_mm[1]:.3f}, z {sd_mm[2]:.3f} mm; '
        f'turns {sd_deg[0]:.4f}, {sd_deg[1]:.4f}, {sd_deg[2]:.4f} deg (first order, independent noise)',
        f'held least        {fit.weakest.text}: {fit.weakest.information:.3f} of 1',
        f'starts            {fit.agreeing} of {fit.starts} {agree}; {elsewhere}; {fit.iterations} iterations, {state}',
    ]
    for t in answer['targets']:
        place = unit.text(np.array(t['p']) * UNITS_M[unit.unit])
        lines.append(f'error at {place}: TRE {t["tre_rms_mm"]:.3f} mm rms, within {t["margin95_mm"]:.3f} mm 95 times in 100')
    return with_warnings(lines, fit.warnings)
