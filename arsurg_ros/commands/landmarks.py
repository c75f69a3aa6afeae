# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg register landmarks``: T_fixed_moving from pairs of points, with everything that is known of its error.

JSON beside the common fields: ``T`` = ``T_fixed_moving``; ``pairing``; ``points``, ``used``; ``fre_mm``, ``loo_tre_mm``,
``noise_mm`` (per axis), ``dof`` (null: the noise was given), ``covariance_mm_rad`` (6x6, x y z rx ry rz, rotation about fixed's
axes through moving's origin), ``sigma_mm`` and ``sigma_deg`` (its diagonal's roots), ``spread_mm``; ``landmarks`` (name,
fixed_name, fixed, moving, weight, residual_mm, used), ``rejected`` names, ``unpaired_fixed`` and ``unpaired_moving`` names;
``targets`` (name, moving, fixed, tre_rms_mm, margin95_mm, covariance_mm2 in fixed's axes); ``ambiguity`` of --unordered
(rms_mm, rival_rms_mm, ratio, searched_mm, rival as pairs of names); ``threshold_mm`` where one was used; ``warnings``
(codes of registration/evidence.py).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arsurg_ros.commands import common
from arsurg_ros.commands.landmarks_text import describe
from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.files.points import Points, load_points
from arsurg_ros.files.poses import load_poses
from arsurg_ros.files.source import MM, read_table, require_finite
from arsurg_ros.geometry import se3
from arsurg_ros.registration import pairing
from arsurg_ros.registration.evidence import LARGEST_SPAN_M
from arsurg_ros.registration.landmarks import Landmarks, register
from arsurg_ros.registration.pairs import OUTLIER_SIGMAS, USUAL_NOISE_M, Covariances
from arsurg_ros.types import F64, RegistrationResult

DWELL_MM, DWELL_S = 2.0, 0.8


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to its group."""
    about = 'register paired points: T_fixed_moving with its covariance, FRE, leave-one-out TRE and TRE at targets'
    p = parsers.add_parser('landmarks', help=about, description=about[0].upper() + about[1:] + '.')
    p.add_argument('--fixed', required=True, metavar='F', help='points to map to: a file, or with --tip poses of a pointer')
    p.add_argument('--moving', required=True, metavar='M', help='points to map, such as those of the image: a file')
    p.add_argument('--unordered', action='store_true', help='find out by distances which point is which; some may be missing')
    p.add_argument(
        '--target', type=common.point, action='append', default=[], metavar='X,Y,Z',
        help='where in moving the error is to be known, in --units; can be repeated (write --target=-1,2,3 before a minus)',
    )
    p.add_argument('--robust', action='store_true', help='reject outliers: keep the largest set that one motion maps')
    p.add_argument('--threshold', type=float, metavar='MM', help='largest residual of --robust, --unordered (default 4 noise)')
    p.add_argument('--noise', type=float, metavar='MM', help='standard deviation per axis of both sides together')
    for side in ('fixed', 'moving'):
        help_text = f'standard deviations along the axes of {side}, where they differ (in place of --noise)'
        p.add_argument(f'--{side}-noise', type=common.point, metavar='SX,SY,SZ', help=f'{help_text}, mm')
    p.add_argument('--weights', type=Path, metavar='FILE', help='a weight for every moving point, in its order or by its name')
    p.add_argument('--tip', type=common.point, metavar='X,Y,Z', help='the tip in the tool of --fixed: its rests are the points')
    p.add_argument('--reference', metavar='P', help='poses of the reference body, where those of --fixed are in the tracker')
    p.add_argument('--dwell-radius', type=float, metavar='MM', help=f'how far a resting tip may move (default {DWELL_MM:g})')
    p.add_argument('--dwell-s', type=float, metavar='S', help=f'how long it must rest (default {DWELL_S:g})')
    common.add_common(p)
    p.set_defaults(run=run)


@dataclass(frozen=True)
class Job:
    """What was read and how it was paired."""

    fixed: Points
    moving: Points
    pairs: pairing.Pairing

    def chosen(self) -> tuple[F64, F64, tuple[str, ...]]:
        """Return the paired points of both sides (K, 3) and the moving ones' names."""
        names = tuple(self.moving.names[j] for j in self.pairs.moving)
        return self.fixed.p_m[self.pairs.fixed], self.moving.p_m[self.pairs.moving], names


def run(args: argparse.Namespace) -> int:
    """Register and tell; returns the exit status."""
    common.check_outputs(args)
    check_options(args)
    job = pair(args)
    p_fixed_m, p_moving_m, names = job.chosen()
    weights = None if args.weights is None else load_weights(args.weights, job.moving)[job.pairs.moving]
    check_targets(args, p_moving_m)
    targets = {f'target {i}': np.array(p) * common.unit_m(args) for i, p in enumerate(args.target, 1)}
    result = register(
        Landmarks(names, p_moving_m, weights=weights, targets=targets),
        p_fixed_m,
        stamp_ns=0,
        ref_frame='fixed',
        ct_frame='moving',
        backend=args.backend,
        robust=args.robust,
        noise_m=None if args.noise is None else args.noise * MM,
        threshold_m=threshold(args) if args.robust else None,
        covariances=covariances(args),
    )
    answer = tell(args, job, result, np.ones(len(names)) if weights is None else weights)

    def draw(figure: Any) -> None:
        from arsurg_ros.plots.landmarks import draw_landmarks

        draw_landmarks(figure, result, p_fixed_m, p_moving_m)

    return common.finish(args, 'register landmarks', 'registration', answer, describe(answer, result, args), draw)


def pair(args: argparse.Namespace) -> Job:
    """Read both sides and pair them."""
    unit_m = common.unit_m(args)
    moving = load_points(args.moving, unit_m)
    if args.tip is None:
        fixed = load_points(args.fixed, unit_m)
        dwells = None
    else:
        poses = load_poses(args.fixed, unit_m)
        if args.reference is not None:
            poses = pairing.relative(poses, load_poses(args.reference, unit_m), args.backend)
        radius_mm, rest_s = args.dwell_radius or DWELL_MM, args.dwell_s or DWELL_S
        dwells = pairing.tip_dwells(poses, np.array(args.tip) * unit_m, radius_mm * MM, rest_s)
        p_m = np.array([d.p_ref_m for d in dwells]).reshape(-1, 3)
        fixed = Points(p_m, tuple(f'rest {i}' for i in range(1, len(dwells) + 1)), args.fixed, False)
    if args.unordered:
        pairs = pairing.pair_by_distances(fixed.p_m, moving.p_m, threshold(args), args.backend)
    elif dwells is not None:
        pairs = pairing.pair_dwells(dwells, moving, args.backend)
    else:
        pairs = pairing.pair_by_name_or_order(fixed, moving)
    return Job(fixed, moving, pairs)


def check_options(args: argparse.Namespace) -> None:
    """Raise RegistrationError for a number that cannot be, ConfigError where nothing uses it."""
    numbers = (('threshold', 'mm', 'bad_threshold'), ('noise', 'mm', 'bad_noise'), ('dwell_radius', 'mm', 'bad_threshold'),
               ('dwell_s', 's', 'bad_threshold'))
    for name, unit, code in numbers:
        value = getattr(args, name)
        if value is not None and not 0 < value < float('inf'):
            raise RegistrationError(code, f'--{name.replace("_", "-")} {value:g}: a positive number of {unit} is needed')
    for name in ('fixed', 'moving'):
        sigmas = getattr(args, f'{name}_noise')
        if sigmas is not None and min(sigmas) < 0:
            said = ','.join(f'{s:g}' for s in sigmas)
            raise RegistrationError('bad_noise', f'--{name}-noise {said}: a standard deviation, mm, is never negative')
    if args.threshold is not None and not (args.robust or args.unordered):
        raise ConfigError('--threshold: only --robust and --unordered use it')
    for name in ('reference', 'dwell_radius', 'dwell_s'):
        if args.tip is None and getattr(args, name) is not None:
            raise ConfigError(f'--{name.replace("_", "-")}: only with --tip')


def check_targets(args: argparse.Namespace, p_moving_m: F64) -> None:
    """Raise RegistrationError ``wrong_unit`` for a target that is nowhere near the landmarks."""
    for target in args.target if len(p_moving_m) else ():  # the fit refuses none
        away_m = float(np.linalg.norm(np.array(target) * common.unit_m(args) - p_moving_m.mean(axis=0)))
        if away_m > LARGEST_SPAN_M:  # false for NaN: the fit refuses those
            said = f'--target {",".join(f"{v:g}" for v in target)} {args.units}: {away_m:.4g} m from the landmarks'
            raise RegistrationError('wrong_unit', f'{said}; {LARGEST_SPAN_M:g} m is valid: mm given as m?')


def threshold(args: argparse.Namespace) -> float:
    """Return the threshold in metres of the exact searches: --threshold, or four standard deviations."""
    if args.threshold is not None:
        return float(args.threshold) * MM
    known = covariances(args)
    if known is not None:
        return OUTLIER_SIGMAS * known.sigma_m()
    return OUTLIER_SIGMAS * (USUAL_NOISE_M if args.noise is None else args.noise * MM)


def covariances(args: argparse.Namespace) -> Covariances | None:
    """Return the covariances of --fixed-noise and --moving-noise; raises ConfigError beside --noise."""
    given = (args.fixed_noise, args.moving_noise)
    if given == (None, None):
        return None
    if args.noise is not None:
        raise ConfigError('--noise: not beside --fixed-noise or --moving-noise')
    return Covariances(*(None if s is None else np.diag((np.array(s) * MM) ** 2) for s in given))


def load_weights(path: Path, moving: Points) -> F64:
    """Return a weight for every moving point (N,): a table of one number a row, in their order or with their names.

    Raises DataError for what cannot be read, RegistrationError ``count_mismatch`` where they are not as many.
    """
    table = read_table(path)
    require_finite(table.values, f'weights {path}')
    if table.values.shape[1] != 1 or len(table.values) != len(moving.names):
        shape = ' x '.join(str(n) for n in table.values.shape)
        raise RegistrationError('count_mismatch', f'weights {path}: {shape} numbers for {len(moving.names)} points')
    if not (table.labels and moving.named):
        return table.values[:, 0]
    known = dict(zip(table.labels, table.values[:, 0].tolist(), strict=True))
    missing = [n for n in moving.names if n not in known]
    if missing:
        raise RegistrationError('count_mismatch', f'weights {path}: none for {", ".join(missing)}')
    return np.array([known[n] for n in moving.names])


def tell(args: argparse.Namespace, job: Job, result: RegistrationResult, weights: F64) -> dict[str, Any]:
    """Return the command's fields."""
    unit = common.lengths(args)
    p_fixed_m, p_moving_m, names = job.chosen()
    sigma = np.sqrt(np.diag(result.covariance))
    to_mm = np.diag([1e3] * 3 + [1.0] * 3)
    landmarks = [
        {
            'name': name,
            'fixed_name': job.fixed.names[job.pairs.fixed[i]],
            'fixed': unit.p(p_fixed_m[i]),
            'moving': unit.p(p_moving_m[i]),
            'weight': weights[i],
            'residual_mm': result.residuals_m[i] / MM,
            'used': name not in result.rejected,
        }
        for i, name in enumerate(names)
    ]
    targets = [
        {
            'name': t.name,
            'moving': unit.p(t.p_ct_m),
            'fixed': unit.p(se3.transform(result.T_ref_ct, t.p_ct_m)),
            'tre_rms_mm': t.tre_rms_m / MM,
            'margin95_mm': t.margin95_m / MM,
            'covariance_mm2': t.covariance_m2 * 1e6,
        }
        for t in result.targets
    ]
    used_m = p_moving_m[[name not in result.rejected for name in names]]
    spread_m = np.linalg.svd(used_m - used_m.mean(axis=0), compute_uv=False) / np.sqrt(len(used_m))
    return {
        'T': unit.T(result.T_ref_ct),
        'T_fixed_moving': unit.T(result.T_ref_ct),
        'pairing': job.pairs.how,
        'points': len(names),
        'used': len(used_m),
        'fre_mm': result.fre_m / MM,
        'loo_tre_mm': None if result.loo_tre_m is None else result.loo_tre_m / MM,
        'noise_mm': None if result.noise_m is None else result.noise_m / MM,
        'dof': result.dof,
        'sigma_mm': sigma[:3] / MM,
        'sigma_deg': np.degrees(sigma[3:]),
        'covariance_mm_rad': to_mm @ result.covariance @ to_mm,
        'spread_mm': spread_m / MM,
        'landmarks': landmarks,
        'rejected': result.rejected,
        'unpaired_fixed': unpaired(job.fixed, job.pairs.fixed),
        'unpaired_moving': unpaired(job.moving, job.pairs.moving),
        'targets': targets,
        'threshold_mm': threshold(args) / MM if args.robust or args.unordered else None,
        'ambiguity': ambiguity(job),
        'warnings': result.warnings,
    }


def unpaired(points: Points, ids: Any) -> list[str]:
    """Return the names of the points that have no partner."""
    return [name for i, name in enumerate(points.names) if i not in ids]


def ambiguity(job: Job) -> dict[str, Any] | None:
    """Return how clear the correspondence of unordered points is."""
    match = job.pairs.match
    if match is None:
        return None
    rival = None if match.rival is None else [[job.fixed.names[a], job.moving.names[j]] for a, j in match.rival.T]
    return {
        'rms_mm': match.rms_m / MM,
        'rival_rms_mm': None if match.rival_rms_m is None else match.rival_rms_m / MM,
        'ratio': match.ratio,
        'searched_mm': match.searched_m / MM,
        'rival': rival,
    }
