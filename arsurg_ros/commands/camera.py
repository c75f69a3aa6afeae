# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg calibrate camera``: intrinsics and distortion of a camera, or of a stereo pair, from pictures of a board.

JSON, beside what every command has: ``T`` (null, or the right camera's T_left_right), ``board`` (in words), ``image_width``,
``image_height``, ``K`` (3x3), ``distortion`` (k1 k2 p1 p2 k3), ``std`` (by name: fx fy cx cy in px, the fitted coefficients),
``rms_px``,
``held_out_rms_px``, ``limit_px``, ``coverage`` and ``hull`` (parts of the picture), ``tilt_deg``, ``views``, ``views_used``,
``rejected`` (names), ``per_view`` (file, corners, rms_px, used, reason, T_cam_board), ``warnings``; with ``--right`` also
``right`` (the same for the right camera) and ``stereo`` (T_left_right, rms_px, epipolar_px, baseline_mm, pairs, rejected).
"""

from __future__ import annotations

import argparse
import json
import math
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arsurg_ros import __version__
from arsurg_ros.commands import board_options
from arsurg_ros.commands.common import (
    Lengths,
    add_common,
    check_outputs,
    finish,
    lengths,
    unit_m,
    with_warnings,
)
from arsurg_ros.errors import ConfigError, DataError, RegistrationError
from arsurg_ros.files.camera_info import camera_info, write_camera_info
from arsurg_ros.files.poses import load_poses
from arsurg_ros.registration.board_views import BoardViews
from arsurg_ros.registration.camera import FIXED, calibrate_camera
from arsurg_ros.types import F64, CameraCalibration, StereoCalibration

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION = (
    'Intrinsics and distortion of a camera from pictures of a chessboard, ChArUco board or grid of tags; views that do not fit '
    'the others are left out. --out camera.yaml is ROS camera_info, --out camera.json the whole answer.'
)


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to its group."""
    parser = parsers.add_parser('camera', help='intrinsics and distortion from pictures of a board', description=DESCRIPTION)
    board_options.add_board_options(parser)
    parser.add_argument('--right', metavar='DIR', help='pictures of the right camera of a stereo pair, in the same order')
    parser.add_argument(
        '--coefficients', type=int, choices=tuple(FIXED), default=5, metavar='N',
        help='distortion coefficients to fit: 0, 1 (k1), 2 (k2), 4 (p1 p2), 5 (k3; default)',
    )
    parser.add_argument('--no-reject', action='store_true', help='use every view with enough corners')
    parser.add_argument('--name', default='camera', help='camera_name in the YAML (default camera)')
    parser.add_argument(
        '--board-poses', type=Path, metavar='FILE', help='write T_cam_board of the used views, for calibrate handeye --camera '
        '(.json: a list of 4x4; .npz: T_cam_board, files)',
    )
    parser.add_argument(
        '--poses', metavar='POSES', help='poses of a tracker or robot, one for every picture in order: those of the used views '
        'go into --board-poses too, for calibrate handeye --robot (.json: pairs, #0 these, #1 the board; .npz: #poses)',
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Calibrate; return the exit status 0. Raises ArsurgError."""
    check_outputs(args)
    poses = read_poses(args)
    if args.right is not None and args.corners is not None:
        raise ConfigError('--right: it takes pictures, not --corners')
    board, unit = board_options.read_board(args), lengths(args)
    found = board_options.read_views(args, board)
    done = calibrate_camera(found, args.coefficients, reject=not args.no_reject)
    result, text = answer(done, found, unit), report(done, found)
    stereo = right = None
    if args.right is not None:
        from arsurg_ros.registration.stereo import calibrate_stereo

        found_right = board_options.read_views(args, board, args.right)
        right = calibrate_camera(found_right, args.coefficients, reject=not args.no_reject)
        stereo = calibrate_stereo(found, found_right, done, right)
        result |= {'T': unit.T(stereo.T_left_right), 'right': answer(right, found_right, unit)}
        result['stereo'] = stereo_answer(stereo, unit)
        text += f'\n\nright camera\n{report(right, found_right)}\n\n{stereo_report(stereo, unit)}'
    if args.board_poses is not None:
        write_poses(args.board_poses, done, unit, poses)
    return finish(_written(args, done, right, stereo), 'calibrate camera', None, result, text, _drawer(done, right))


def _drawer(left: CameraCalibration, right: CameraCalibration | None) -> Any:
    def draw(figure: Figure) -> None:
        from arsurg_ros.plots.camera import draw_calibration

        draw_calibration(figure, left, right)

    return draw


def _written(
    args: argparse.Namespace, done: CameraCalibration, right: CameraCalibration | None, stereo: StereoCalibration | None
) -> argparse.Namespace:
    """Write camera_info where ``--out`` is YAML; return the options for ``finish``, which writes JSON."""
    if args.out is None or args.out.suffix.lower() == '.json':
        return args
    rectified = {} if stereo is None else {'R': stereo.R_left, 'P': stereo.P_left}
    left = args.name if right is None else f'{args.name}_left'
    write_camera_info(args.out, camera_info(done.camera, left, **rectified), comment(done))
    if right is not None and stereo is not None:
        contents = camera_info(right.camera, f'{args.name}_right', stereo.R_right, stereo.P_right)
        write_camera_info(args.out.with_stem(f'{args.out.stem}_right'), contents, comment(right))
    out = copy(args)
    out.out = None
    return out


def comment(done: CameraCalibration) -> str:
    """Return one line that says where a file comes from."""
    used = sum(v.used for v in done.views)
    return f'arsurg_ros {__version__}, calibrate camera: {used} views, reprojection rms {done.rms_px:.3f} px'


def answer(done: CameraCalibration, found: BoardViews, unit: Lengths) -> dict[str, Any]:
    """Return the fields of a calibration."""
    corners = {v.name: len(v.ids) for v in found.views}
    return {
        'T': None,
        'board': found.board.describe(),
        'image_width': done.camera.width_px,
        'image_height': done.camera.height_px,
        'K': done.camera.K,
        'distortion': done.camera.distortion,
        'std': done.std,
        'rms_px': done.rms_px,
        'held_out_rms_px': done.held_out_rms_px,
        'limit_px': done.limit_px,
        'coverage': done.coverage,
        'hull': done.hull,
        'tilt_deg': math.degrees(done.tilt_rad),
        'views': len(done.views),
        'views_used': sum(v.used for v in done.views),
        'rejected': [v.name for v in done.views if not v.used],
        'per_view': [
            {
                'file': v.name,
                'corners': corners[v.name],
                'rms_px': v.rms_px,
                'used': v.used,
                'reason': v.reason or None,
                'T_cam_board': None if v.T_cam_board is None else unit.T(v.T_cam_board),
            }
            for v in done.views
        ],
        'warnings': list(done.warnings),
    }


def report(done: CameraCalibration, found: BoardViews) -> str:
    """Return the calibration as lines of text."""
    K, d, s = done.camera.K, done.camera.distortion, done.std
    used = [v for v in done.views if v.used]
    held = '' if done.held_out_rms_px is None else f', {done.held_out_rms_px:.3f} px on views held out'
    size = f'{done.camera.width_px}x{done.camera.height_px} px'
    lines = [
        f'board         {found.board.describe()}',
        f'views         {len(used)} of {len(done.views)} used, {sum(len(v.uv_px) for v in used)} corners, {size}',
        f'focal length  fx {K[0, 0]:.2f} +- {s["fx"]:.2f} px, fy {K[1, 1]:.2f} +- {s["fy"]:.2f} px',
        f'centre        cx {K[0, 2]:.2f} +- {s["cx"]:.2f} px, cy {K[1, 2]:.2f} +- {s["cy"]:.2f} px',
        'distortion    ' + ', '.join(f'{n} {v:.5f}' + (f' +- {s[n]:.5f}' if n in s else ' (fixed)')
                                     for n, v in zip(('k1', 'k2', 'p1', 'p2', 'k3'), d, strict=True)),
        f'error         {done.rms_px:.3f} px rms{held}',
        f'coverage      corners in {100 * done.coverage:.0f} % of the picture, {100 * done.hull:.0f} % of its area within '
        f'them; tilt up to {math.degrees(done.tilt_rad):.0f} deg',
    ]
    lines += left_out([(v.name, v.reason) for v in done.views if not v.used])
    return with_warnings(lines, done.warnings)


def left_out(rows: list[tuple[str, str]]) -> list[str]:
    """Return a line for each view that was not used."""
    width = max((len(n) for n, _ in rows), default=0)
    return [f'left out      {n:<{width}}  {reason}' for n, reason in rows]


def stereo_answer(stereo: StereoCalibration, unit: Lengths) -> dict[str, Any]:
    """Return the fields of a stereo pair."""
    return {
        'T_left_right': unit.T(stereo.T_left_right),
        'rms_px': stereo.rms_px,
        'epipolar_px': stereo.epipolar_px,
        'baseline_mm': 1e3 * float(np.linalg.norm(stereo.T_left_right[:3, 3])),
        'pairs': stereo.pairs,
        'rejected': list(stereo.rejected),
    }


def stereo_report(stereo: StereoCalibration, unit: Lengths) -> str:
    """Return a stereo pair as lines of text."""
    baseline = 1e3 * float(np.linalg.norm(stereo.T_left_right[:3, 3]))
    where = unit.text(stereo.T_left_right[:3, 3])
    return '\n'.join([
        f'stereo        {stereo.pairs} pairs, baseline {baseline:.3f} mm, right camera at {where}',
        f'error         {stereo.rms_px:.3f} px rms, {stereo.epipolar_px:.3f} px from the epipolar lines',
        *left_out([(name, 'does not fit the other pairs') for name in stereo.rejected]),
    ])


def read_poses(args: argparse.Namespace) -> F64 | None:
    """Return the poses of ``--poses`` (N, 4, 4), metres; raises ConfigError for a file of poses that could not be written."""
    path: Path | None = args.board_poses
    if path is not None and path.suffix.lower() not in ('.json', '.npz'):
        raise ConfigError(f'--board-poses {path}: suffix {path.suffix!r}; valid: .json, .npz')
    if args.poses is None:
        return None
    if path is None:
        raise ConfigError('--poses: they go into --board-poses FILE, which is not given')
    return load_poses(args.poses, unit_m(args)).T


def write_poses(path: Path, done: CameraCalibration, unit: Lengths, poses: F64 | None = None) -> None:
    """Write T_cam_board of the used views, in the unit, and the poses (N, 4, 4) that belong to them.

    Raises RegistrationError ``count_mismatch`` unless there is a pose for every picture, DataError.
    """
    if poses is not None and len(poses) != len(done.views):
        raise RegistrationError('count_mismatch', f'--poses: {len(poses)} for {len(done.views)} pictures: one each is needed')
    used = [(i, v.name, unit.T(v.T_cam_board)) for i, v in enumerate(done.views) if v.used and v.T_cam_board is not None]
    boards = [T for _, _, T in used]
    others = None if poses is None else [unit.T(poses[i]) for i, _, _ in used]
    try:
        if path.suffix.lower() == '.json':
            content = boards if others is None else [list(pair) for pair in zip(others, boards, strict=True)]
            path.write_text(json.dumps(content) + '\n', encoding='utf-8')
        else:
            more = {} if others is None else {'poses': np.array(others)}
            np.savez(path, T_cam_board=np.array(boards), files=np.array([n for _, n, _ in used]), **more)  # type: ignore[arg-type]
    except OSError as e:
        raise DataError(f'--board-poses {path}: {e.strerror}') from e
