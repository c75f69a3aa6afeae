# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg calibrate camera-to-tracker``: where a camera is in a tracker's frame, from pictures of a board.

Two set-ups: the board is on a tracked body and the camera stands still (``--tracked board``: T_trk_cam), or the camera is on a
tracked body and the board stands still in the tracker's frame (``--tracked camera``: T_body_cam).

JSON, beside what every command has: ``T`` and ``T_trk_cam`` or ``T_body_cam``, ``T_body_board`` or ``T_trk_board``,
``board_known`` (given, not found), ``checked`` (``--check``: the transform was given), ``covariance`` (6x6: x y z rx ry rz, m
and rad, REP-103), ``tracker_noise_mm``, ``tracker_noise_deg`` (per axis, as the views show it and the covariance counts it;
null: it counts the corners' alone), ``margin95_mm``, ``margin95_deg`` (radii that hold the errors of position and rotation
95 times in 100), ``rms_px``, ``rms_mm`` (at the board), ``limit_px``, ``views``, ``views_used``, ``rejected``, ``per_view``
(file, corners, rms_px, max_px, rms_mm, used, reason), ``warnings``.
"""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from arsurg_ros.acquisition.calibration import load_camera_model
from arsurg_ros.commands import board_options
from arsurg_ros.commands.camera import left_out
from arsurg_ros.commands.common import (
    Lengths,
    add_common,
    check_outputs,
    finish,
    lengths,
    matrix_text,
    unit_m,
    with_warnings,
)
from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.files.points import load_points
from arsurg_ros.files.poses import load_poses
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.calibration_boards import CalibrationBoard
from arsurg_ros.kernels.landmarks import solve_paired_points
from arsurg_ros.registration.board_views import BoardViews
from arsurg_ros.registration.camera_tracker import judge_camera, place_camera
from arsurg_ros.types import F64, CameraModel, CameraPlacement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HELP = "a camera's pose in a tracker's frame, from pictures of a board"
TRACKED = {'board': ('T_trk_cam', 'T_body_board'), 'camera': ('T_body_cam', 'T_trk_board')}
#: Touched points of a board are believed to this rms; more is another board or another order.
TOUCHED_M = 0.005


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to its group."""
    parser = parsers.add_parser('camera-to-tracker', help=HELP, description=f'Finds {HELP}.')
    board_options.add_board_options(parser)
    parser.add_argument('--intrinsics', required=True, metavar='FILE', help='camera_info YAML, or K as text (and distortion)')
    parser.add_argument(
        '--poses', metavar='POSES', help='T_trk_body of the tracked body, one for every picture in order (default: the board '
        'is given in the tracker and nothing moves)',
    )
    parser.add_argument(
        '--tracked', choices=tuple(TRACKED), default='board', help='what the tracked body carries (default board)'
    )
    known = parser.add_mutually_exclusive_group()
    known.add_argument(
        '--board-pose', metavar='POSE', help="the board's pose on its body (T_body_board), or in the tracker (T_trk_board) "
        'with --tracked camera; unknown by default: found too, by hand-eye calibration',
    )
    known.add_argument(
        '--board-points', metavar='POINTS', help="the same by points of the board that were touched, in the body's or the "
        "tracker's frame, named by their number in the board, or all of them in order",
    )
    parser.add_argument('--check', metavar='POSE', help='judge this T_trk_cam (T_body_cam) instead of finding one')
    parser.add_argument('--no-reject', action='store_true', help='use every view with enough corners')
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Place the camera; return the exit status 0. Raises ArsurgError."""
    check_outputs(args)
    if args.poses is None and (args.board_pose is None and args.board_points is None):
        raise ConfigError('--poses: none given; without them --board-pose or --board-points must say where the board is')
    board, unit = board_options.read_board(args), lengths(args)
    T_carrier_board = board_pose(args, board)
    if args.check is not None and T_carrier_board is None:
        raise ConfigError('--check: --board-pose or --board-points is needed with it')
    poses = load_poses(args.poses, unit_m(args)).T if args.poses is not None else None
    found = board_options.read_views(args, board)
    camera = load_camera_model(args.intrinsics, found.width_px, found.height_px)
    carriers = carrier_poses(args, poses, len(found.views))
    if args.check is not None and T_carrier_board is not None:
        done = judge_camera(found, camera, carriers, T_carrier_board, one_pose(args, 'check'))
    else:
        done = place(args, found, camera, carriers, T_carrier_board)
    kernel = 'handeye' if T_carrier_board is None else None
    result = answer(args, done, unit, T_carrier_board is not None)
    return finish(args, 'calibrate camera-to-tracker', kernel, result, report(args, done, unit), _drawer(done, camera))


def _drawer(done: CameraPlacement, camera: CameraModel) -> Any:
    def draw(figure: Figure) -> None:
        from arsurg_ros.plots.camera import draw_placement

        draw_placement(figure, done, camera)

    return draw


def place(
    args: argparse.Namespace, found: BoardViews, camera: CameraModel, carriers: F64, T_carrier_board: F64 | None
) -> CameraPlacement:
    """Return the camera's place; says a ``wrong_setup`` of the hand-eye calibration behind it in this command's words."""
    try:
        return place_camera(
            found, camera, carriers, T_carrier_board, tracker_at_base=args.tracked == 'camera', reject=not args.no_reject,
            trust_order=args.corners is not None, backend=args.backend,
        )
    except RegistrationError as e:
        if e.code != 'wrong_setup':
            raise
        other = 'camera' if args.tracked == 'board' else 'board'
        said = f'--poses {args.poses}: as --tracked {args.tracked} they contradict the pictures, the other way round they fit'
        raise RegistrationError('wrong_setup', f'{said}: use --tracked {other}, or invert them if they are T_body_trk') from e


def carrier_poses(args: argparse.Namespace, poses: F64 | None, pictures: int) -> F64:
    """Return ``T_base_carrier`` (N, 4, 4): the body's pose where it has the board, its inverse where it has the camera."""
    if poses is None:
        return np.tile(np.eye(4), (pictures, 1, 1))
    return se3.inverse(poses) if args.tracked == 'camera' else poses


def one_pose(args: argparse.Namespace, name: str) -> F64:
    """Return the one pose of an option's file; raises RegistrationError ``count_mismatch`` for more."""
    source = getattr(args, name)
    T = load_poses(source, unit_m(args)).T
    if len(T) != 1:
        raise RegistrationError('count_mismatch', f'--{name.replace("_", "-")} {source}: {len(T)} poses; one is needed')
    out: F64 = T[0]
    return out


def board_pose(args: argparse.Namespace, board: CalibrationBoard) -> F64 | None:
    """Return the board's pose on its carrier, given or from touched points, or None where it is unknown.

    Raises RegistrationError ``count_mismatch``, ``no_consensus`` where the points are not the board's, and those of landmarks.
    """
    if args.board_pose is not None:
        return one_pose(args, 'board_pose')
    if args.board_points is None:
        return None
    points, where = load_points(args.board_points, unit_m(args)), f'--board-points {args.board_points}'
    total = len(board.p_board_m)
    if not points.named and len(points.p_m) != total:
        raise RegistrationError('count_mismatch', f'{where}: {len(points.p_m)} points without numbers, the board has {total}')
    if any(not n.isdigit() or int(n) >= total for n in points.names):
        names = ', '.join(points.names[:8])
        raise ConfigError(f'{where}: names must be numbers of points of the board, 0 to {total - 1}: {names}')
    touched = board.p_board_m[[int(n) for n in points.names]]
    fit = solve_paired_points(points.p_m, touched, backend=args.backend)
    if fit.fre_m > TOUCHED_M:
        raise RegistrationError(
            'no_consensus', f'{where}: {1e3 * fit.fre_m:.1f} mm rms off the board, {1e3 * TOUCHED_M:.0f} mm allowed: unit, '
            'board or numbers are wrong'
        )
    return fit.T_fixed_moving


def answer(
    args: argparse.Namespace, done: CameraPlacement, unit: Lengths, board_known: bool
) -> dict[str, Any]:
    """Return the fields of the JSON object."""
    camera, board = TRACKED[args.tracked]
    judged = args.check is not None
    return {
        'T': unit.T(done.T_base_cam),
        camera: unit.T(done.T_base_cam),
        board: unit.T(done.T_carrier_board),
        'board_known': board_known,
        'checked': judged,
        'covariance': None if judged else done.covariance,
        'tracker_noise_mm': None if done.noise is None else 1e3 * done.noise[0],
        'tracker_noise_deg': None if done.noise is None else math.degrees(done.noise[1]),
        'margin95_mm': None if judged else 1e3 * done.margin95_m,
        'margin95_deg': None if judged else math.degrees(done.margin95_rad),
        'rms_px': done.rms_px,
        'rms_mm': 1e3 * done.rms_m,
        'limit_px': done.limit_px,
        'views': len(done.views),
        'views_used': sum(v.used for v in done.views),
        'rejected': [v.name for v in done.views if not v.used],
        'per_view': [
            {
                'file': v.name,
                'corners': len(v.uv_px),
                'rms_px': v.rms_px,
                'max_px': float(np.linalg.norm(v.residuals_px, axis=1).max()) if len(v.uv_px) else None,
                'rms_mm': 1e3 * v.rms_m,
                'used': v.used,
                'reason': v.reason or None,
            }
            for v in done.views
        ],
        'warnings': list(done.warnings),
    }


def report(args: argparse.Namespace, done: CameraPlacement, unit: Lengths) -> str:
    """Return the answer as lines of text."""
    camera, board = TRACKED[args.tracked]
    used = [v for v in done.views if v.used]
    largest = max(float(np.linalg.norm(v.residuals_px, axis=1).max()) for v in used)
    lines = [f'{camera} ({unit.unit})', matrix_text(done.T_base_cam, unit)]
    if done.board_covariance is not None:
        lines += [f'{board} ({unit.unit})', matrix_text(done.T_carrier_board, unit)]
    lines += [
        f'views         {len(used)} of {len(done.views)} used, {sum(len(v.uv_px) for v in used)} corners',
        f'error         {done.rms_px:.3f} px rms, {largest:.3f} px at most; {1e3 * done.rms_m:.3f} mm rms at the board',
    ]
    if args.check is None:
        margins = f'{1e3 * done.margin95_m:.3f} mm, {math.degrees(done.margin95_rad):.3f} deg'
        of = 'of the corners alone'
        if done.noise is not None:
            noise = f'{1e3 * done.noise[0]:.3f} mm, {math.degrees(done.noise[1]):.3f} deg'
            of = f'tracker noise {noise} per axis'
        lines.append(f'margin        {margins} (95 %, {of})')
    lines += left_out([(v.name, v.reason) for v in done.views if not v.used])
    return with_warnings(lines, done.warnings)
