# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg calibrate spin``: a tool's axis from poses while it turns about it.

JSON, beside what commands/common.py names: ``poses``, ``source``, ``dropped``; ``axis`` (unit) and ``point`` (on it, nearest
to the tool's origin, in ``unit``) in the tool frame; ``direction`` and ``centre`` in the tracker's; ``T`` = ``T_tool_tip``: z
along the axis, at ``--tip`` or else at ``point``; ``tip`` (null without ``--tip``) and ``tip_off_axis_mm``; ``wobble_deg``
and ``radial_mm`` (rms; of the axis' direction and of its calmest point), ``wobbles_deg``, ``radials_mm``, ``turns_deg``
(every pose); ``turn_deg``; ``axis_sigmas_deg`` (2); ``warnings``.

Errors: those of registration/spin.py.
"""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

import numpy as np

from arsurg_ros.commands.common import (
    MM_PER_M,
    Lengths,
    add_common,
    check_outputs,
    finish,
    lengths,
    point,
    require_positive,
    unit_m,
    with_warnings,
)
from arsurg_ros.files.poses import load_poses
from arsurg_ros.registration.spin import MIN_TURN_RAD, calibrate_spin
from arsurg_ros.types import SpinCalibration

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    described = "Find a tool's axis from poses of the tool while it turns about it in a divot or collet."
    parser = parsers.add_parser('spin', help="a tool's axis, from poses while it turns about it", description=described)
    parser.add_argument('--poses', required=True, metavar='P', help='T_tracker_tool: folder of 4x4 texts, CSV, NPZ, .mha, bag')
    parser.add_argument('--tip', type=point, metavar='X,Y,Z', help='the tip of a pivot calibration, tool frame, in --units')
    parser.add_argument(
        '--min-turn', type=float, default=math.degrees(MIN_TURN_RAD), metavar='DEG',
        help='least turn about the axis, degrees (default %(default).0f)',
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Calibrate, print, write; raises ArsurgError."""
    check_outputs(args)
    require_positive(args, {'min_turn': 'degrees'})
    poses = load_poses(args.poses, unit_m(args))
    tip = None if args.tip is None else np.array(args.tip) * unit_m(args)
    found = calibrate_spin(poses, tip_m=tip, min_turn_rad=math.radians(args.min_turn), backend=args.backend)
    unit = lengths(args)
    answer = {
        'poses': len(poses.T),
        'source': poses.source,
        'dropped': poses.dropped,
        'axis': found.axis,
        'point': unit.p(found.point_m),
        'direction': found.direction,
        'centre': unit.p(found.centre_m),
        'T': unit.T(found.T_tool_tip),
        'T_tool_tip': unit.T(found.T_tool_tip),
        'tip': None if tip is None else unit.p(tip),
        'tip_off_axis_mm': None if found.tip_off_axis_m is None else MM_PER_M * found.tip_off_axis_m,
        'wobble_deg': math.degrees(found.wobble_rad),
        'radial_mm': MM_PER_M * found.radial_m,
        'turn_deg': math.degrees(found.turn_rad),
        'wobbles_deg': np.degrees(found.wobbles_rad),
        'radials_mm': MM_PER_M * found.radials_m,
        'turns_deg': np.degrees(found.turns_rad),
        'axis_sigmas_deg': np.degrees(found.axis_sigmas_rad),
        'warnings': list(found.warnings),
    }

    def draw(figure: Figure) -> None:
        from arsurg_ros.plots.spin import draw_spin

        draw_spin(figure, found)

    return finish(args, 'calibrate spin', 'calibration', answer, _text(found, unit), draw)


def _text(found: SpinCalibration, unit: Lengths) -> str:
    axis, direction = (', '.join(f'{v:.5f}' for v in a) for a in (found.axis, found.direction))
    sigma = math.degrees(found.axis_sigmas_rad.max())
    lines = [
        f'axis      ({axis}) in the tool frame, sigma {sigma:.3f} deg',
        f'through   {unit.text(found.point_m)}, in the tool frame',
        f'held at   {unit.text(found.centre_m)} along ({direction}), in the tracker frame',
        f'residual  wobble {math.degrees(found.wobble_rad):.3f} deg rms, distance {MM_PER_M * found.radial_m:.3f} mm rms',
        f'motion    turned {math.degrees(found.turn_rad):.1f} deg, {len(found.turns_rad)} poses',
    ]
    if found.tip_off_axis_m is not None:
        lines.append(f'tip       {MM_PER_M * found.tip_off_axis_m:.3f} mm off the axis')
    return with_warnings(lines, found.warnings)
