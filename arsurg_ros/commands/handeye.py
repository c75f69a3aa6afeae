# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg calibrate handeye --robot A --camera B [--setup eye-in-hand|eye-to-hand|robot-world]``.

The fields of its JSON beside those of every command (commands.common), N pairs in the order in which they were paired:

- ``setup``; ``main``: the name of the transform that was asked for, also as ``T``; and both by name: ``T_gripper_cam`` and
  ``T_base_target`` (eye-in-hand), ``T_base_cam`` and ``T_gripper_target`` (eye-to-hand), ``T_base_world`` and
  ``T_gripper_cam`` (robot-world). 4x4 lists.
- ``covariance``: by the same names, 6x6 (x y z rx ry rz; m and rad; REP-103, about the parent's axes).
- ``margin95_mm``, ``margin95_deg``: by name, the radius and the angle that hold the true one 95 times in 100.
- ``poses``: N; ``inliers``: N booleans; ``rejected``: indices of those left out; ``residual_mm``, ``residual_deg``: N each.
- ``rms_mm``, ``rms_deg``: over the inliers; ``scatter_mm``: rms distance of the target's positions from their mean;
  ``noise_mm``, ``noise_deg``: standard deviation per axis, of the loop closed at ``noise_at`` (target or camera: the end at
  which translations and rotations vary independently).
- ``motion``: ``about_axes_deg`` (3, rms rotation between two poses about principal axes), ``off_axis_deg`` (away from the
  first), ``largest_deg`` (between any two), ``axes`` (how many turned enough), ``needed_deg``.
- ``closed_forms``: ``park``, ``daniilidis``, ``shah``: ``T`` (of the main transform), ``off_mm``, ``off_deg`` from the
  refined one; null where a form has no answer.
- ``readings``: where the fit was doubted, the set-ups tried, with ``setup``, ``median_mm``, ``median_deg`` (else empty).
- ``pairing``: ``method`` (index, interpolated), ``candidates``, ``in_gaps``, ``robot_dropped``, ``camera_dropped``,
  ``offset_s`` (added to the camera's stamps), ``offset`` (none, given, estimated), ``offset_sigma_s`` (of an estimated one,
  else null), ``correlation_samples`` (how many neighbours of a stream count as one; 1
  for pairs by index).
- ``warnings``: a list of sentences.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from typing import Any

import numpy as np

from arsurg_ros.commands.common import (
    add_common,
    check_outputs,
    finish,
    lengths,
    matrix_text,
    unit_m,
    with_warnings,
)
from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.files.poses import load_poses
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.reference_handeye import LEAST_MOTION_RAD
from arsurg_ros.registration.handeye import SETUPS, HandEyeResult, calibrate, turns
from arsurg_ros.registration.latency import estimate_offset
from arsurg_ros.registration.pose_pairs import MAX_GAP_S, MAX_PAIRS, PosePairs, pair_poses
from arsurg_ros.types import F64, PoseSeries

HELP = 'camera on a robot, beside it, or in a world: T_gripper_cam, T_base_cam, T_base_world'


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to its group."""
    parser = parsers.add_parser('handeye', help=HELP, description=f'Hand-eye and robot-world calibration: {HELP}.')
    parser.add_argument('--robot', required=True, metavar='FILE[#NAME]', help='poses T_base_gripper')
    parser.add_argument('--camera', required=True, metavar='FILE[#NAME]', help='poses T_cam_target, of the same instants')
    parser.add_argument('--setup', choices=tuple(SETUPS), default='eye-in-hand', help='default eye-in-hand')
    parser.add_argument('--invert-robot', action='store_true', help='the robot file holds T_gripper_base')
    parser.add_argument('--invert-camera', action='store_true', help='the camera file holds T_target_cam')
    parser.add_argument(
        '--offset-s', default='0', metavar='S|auto',
        help="seconds to add to the camera's stamps to have the robot's; auto: from their motion (default 0)",
    )
    parser.add_argument(
        '--max-gap-s', type=float, default=MAX_GAP_S, metavar='S', help=f'longest gap to interpolate over (default {MAX_GAP_S})'
    )
    parser.add_argument(
        '--max-pairs', type=int, default=MAX_PAIRS, metavar='N', help=f'thin longer streams to N pairs (default {MAX_PAIRS})'
    )
    parser.add_argument('--keep-all', action='store_true', help='reject no pair')
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Calibrate and answer; raises ArsurgError for what cannot be used."""
    check_outputs(args)
    if args.max_pairs < 3:
        raise ConfigError(f'--max-pairs {args.max_pairs}: three or more are needed')
    if not args.max_gap_s > 0:
        raise ConfigError(f'--max-gap-s {args.max_gap_s}: a positive number of seconds is needed')
    robot = _load(args.robot, args.invert_robot, unit_m(args))
    camera = _load(args.camera, args.invert_camera, unit_m(args))
    offset_s, sigma_s, how = _offset(args, robot, camera)
    pairs = pair_poses(
        robot, camera, offset_s=offset_s, max_gap_s=args.max_gap_s, max_pairs=args.max_pairs, backend=args.backend
    )
    stream = pairs.method != 'index'
    result = calibrate(pairs.a, pairs.b, args.setup, reject=not args.keep_all, stream=stream, backend=args.backend)
    pairing = {
        'method': pairs.method,
        'candidates': pairs.candidates,
        'in_gaps': pairs.in_gaps,
        'robot_dropped': pairs.dropped[0],
        'camera_dropped': pairs.dropped[1],
        'offset_s': offset_s,
        'offset_sigma_s': sigma_s,
        'offset': how,
        'correlation_samples': result.correlation_samples,
    }
    words = text(result, args, pairs, pairing)

    def draw(figure: Any) -> None:
        from arsurg_ros.plots.handeye import draw_handeye

        used, margin = int(result.inliers.sum()), result.transforms[result.main].margin95_m * 1e3
        title = f'{result.setup}: {result.main}, {used} of {len(pairs.a)} pairs, true within {margin:.2f} mm (95 %)'
        residual_mm, residual_deg = residuals(result)
        turned, off_axis = np.degrees(turns(pairs.a, result.inliers)), math.degrees(result.motion.off_axis_rad)
        draw_handeye(figure, title, residual_mm, residual_deg, result.inliers, turned, off_axis)

    return finish(args, 'calibrate handeye', 'handeye', answer(result, args) | {'pairing': pairing}, words, draw)


def _load(source: str, inverted: bool, unit: float) -> PoseSeries:
    series = load_poses(source, unit)
    return replace(series, T=se3.inverse(series.T)) if inverted else series


def _offset(args: argparse.Namespace, robot: PoseSeries, camera: PoseSeries) -> tuple[float, float | None, str]:
    """Return the offset, its standard error where it was estimated, and where it is from."""
    if args.offset_s == 'auto':
        found = estimate_offset(robot, camera, backend=args.backend)
        return found.offset_s, found.sigma_s, 'estimated'
    try:
        value = float(args.offset_s)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f'--offset-s {args.offset_s!r}: a finite number of seconds, or auto, is needed')
    if value and (robot.stamps_ns is None or camera.stamps_ns is None):
        missing = robot if robot.stamps_ns is None else camera
        raise RegistrationError('no_stamps', f'{missing.source}: its poses have no stamps, to which --offset-s could be added')
    return value, None, 'given' if value else 'none'


def residuals(result: HandEyeResult) -> tuple[F64, F64]:
    """Return the residuals of every pair, mm and deg."""
    mm, deg = (np.linalg.norm(v, axis=1) for v in (result.translation_m * 1e3, np.degrees(result.rotation_rad)))
    return mm, deg


def answer(result: HandEyeResult, args: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of the JSON object."""
    unit, found = lengths(args), result.transforms
    residual_mm, residual_deg = residuals(result)
    motion = result.motion
    closed = {
        name: None
        if c.T is None or c.off_m is None or c.off_rad is None
        else {'T': unit.T(c.T), 'off_mm': c.off_m * 1e3, 'off_deg': math.degrees(c.off_rad)}
        for name, c in result.closed.items()
    }
    return {
        'setup': result.setup,
        'main': result.main,
        'T': unit.T(found[result.main].T),
        **{name: unit.T(e.T) for name, e in found.items()},
        'covariance': {name: e.covariance for name, e in found.items()},
        'margin95_mm': {name: e.margin95_m * 1e3 for name, e in found.items()},
        'margin95_deg': {name: math.degrees(e.margin95_rad) for name, e in found.items()},
        'poses': len(result.inliers),
        'inliers': result.inliers,
        'rejected': np.flatnonzero(~result.inliers),
        'residual_mm': residual_mm,
        'residual_deg': residual_deg,
        'rms_mm': result.rms_m * 1e3,
        'rms_deg': math.degrees(result.rms_rad),
        'scatter_mm': result.scatter_m * 1e3,
        'noise_mm': result.noise_m * 1e3,
        'noise_deg': math.degrees(result.noise_rad),
        'noise_at': result.noise_at,
        'motion': {
            'about_axes_deg': np.degrees(motion.about_rad),
            'off_axis_deg': math.degrees(motion.off_axis_rad),
            'largest_deg': math.degrees(motion.largest_rad),
            'axes': motion.axes,
            'needed_deg': math.degrees(LEAST_MOTION_RAD),
        },
        'closed_forms': closed,
        'readings': [_reading(r.name, r.scatter_m, r.scatter_rad) for r in result.readings],
        'warnings': list(result.warnings),
    }


def _reading(name: str, m: float | None, rad: float | None) -> dict[str, Any]:
    if m is None or rad is None:
        return {'setup': name, 'median_mm': None, 'median_deg': None}
    return {'setup': name, 'median_mm': m * 1e3, 'median_deg': math.degrees(rad)}


def text(result: HandEyeResult, args: argparse.Namespace, pairs: PosePairs, pairing: dict[str, Any]) -> str:
    """Return the answer in words."""
    unit, used = lengths(args), int(result.inliers.sum())
    lines = [f'{result.setup}: {used} of {len(result.inliers)} pairs']
    if pairs.method == 'interpolated':
        offset = f'offset {pairing["offset_s"]:.4f} s {pairing["offset"] if pairing["offset"] != "none" else ""}'.strip()
        lines[0] += f' (of {pairs.candidates} interpolated; {pairs.in_gaps} stamps lie in gaps; {offset})'
    names = sorted(result.transforms, key=lambda n: n != result.main)
    for name in names:
        found = result.transforms[name]
        margin = f'true within {found.margin95_m * 1e3:.2f} mm and {math.degrees(found.margin95_rad):.3f} deg (95 %)'
        lines += [f'{name} ({unit.unit}), {margin}', matrix_text(found.T, unit)]
    motion = result.motion
    about = ', '.join(f'{v:.1f}' for v in np.degrees(motion.about_rad))
    lines += [
        f'residuals     {result.rms_m * 1e3:.2f} mm, {math.degrees(result.rms_rad):.3f} deg rms; noise per axis '
        f'{result.noise_m * 1e3:.2f} mm, {math.degrees(result.noise_rad):.3f} deg (at the {result.noise_at})',
        f'motion        {about} deg rms about three axes, {math.degrees(motion.largest_rad):.0f} deg at most between two poses',
    ]
    for name, closed in result.closed.items():
        off = 'no answer'
        if closed.off_m is not None and closed.off_rad is not None:
            off = f'{closed.off_m * 1e3:.2f} mm, {math.degrees(closed.off_rad):.3f} deg from the refined transform'
        lines.append(f'{name:<13} {off}')
    return with_warnings(lines, result.warnings)
