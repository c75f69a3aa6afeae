# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg calibrate pivot``: a tool's tip from poses while it rests in a divot.

JSON, beside what commands/common.py names: ``poses`` (how many), ``source``, ``dropped``; ``method``; ``tip`` and ``pivot``
(in ``unit``); ``tip_m`` (metres: the instrument node's parameter); ``T`` = ``T_tool_tip`` (with ``--spin``, z along the
tool's axis; else turned as the tool); ``inliers`` (how many), ``outliers`` (indices from 0); of the inliers ``rms_mm`` (3D),
``axis_rms_mm`` (3, the tracker's axes), ``max_mm``; ``residuals_mm`` (3D, every pose); ``all_poses``: tip, rms_mm,
axis_rms_mm, max_mm of the plain least squares of every pose; ``range_deg``, ``swings_deg`` (3, ascending) and ``directions``
(3x3, rows in the tool frame): the tip is worst known along the first; ``noise_mm`` (an axis), ``dof``;
``tip_covariance_mm2``, ``pivot_covariance_mm2`` (3x3), ``tip_sigma_mm`` (3), ``tip_margin95_mm``, ``pivot_margin95_mm``;
``spin`` (null, or ``axis``, ``wobble_deg``, ``turn_deg``, ``tip_off_axis_mm``); ``warnings``.

Errors: those of registration/pivot.py and, with ``--spin``, of registration/spin.py.
"""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from arsurg_ros.commands.common import (
    MM_PER_M,
    Lengths,
    add_common,
    check_outputs,
    finish,
    lengths,
    require_positive,
    unit_m,
    with_warnings,
)
from arsurg_ros.files.poses import load_poses
from arsurg_ros.registration.pivot import METHODS, MIN_RANGE_RAD, calibrate_pivot
from arsurg_ros.registration.spin import calibrate_spin
from arsurg_ros.types import PivotCalibration, SpinCalibration

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    described = "Find a tool's tip (T_tool_tip) from poses of the tool while its tip rests in a divot."
    parser = parsers.add_parser('pivot', help="a tool's tip, from poses about a divot", description=described)
    parser.add_argument('--poses', required=True, metavar='P', help='T_tracker_tool: folder of 4x4 texts, CSV, NPZ, .mha, bag')
    parser.add_argument('--method', choices=METHODS, default='robust', help='robust (default) leaves outliers out')
    parser.add_argument('--spin', metavar='Q', help="poses while the tool spins about its axis: gives the tip's frame its z")
    parser.add_argument(
        '--min-range', type=float, default=math.degrees(MIN_RANGE_RAD), metavar='DEG',
        help='least angle between two poses, degrees (default %(default).0f)',
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Calibrate, print, write; raises ArsurgError."""
    check_outputs(args)
    require_positive(args, {'min_range': 'degrees'})
    poses = load_poses(args.poses, unit_m(args))
    found = calibrate_pivot(
        poses, method=args.method, min_range_rad=math.radians(args.min_range), backend=args.backend
    )
    spin = None
    if args.spin is not None:
        spin = calibrate_spin(load_poses(args.spin, unit_m(args)), tip_m=found.tip_m, backend=args.backend)
    unit = lengths(args)
    answer = {'poses': len(poses.T), 'source': poses.source, 'dropped': poses.dropped, **_answer(found, spin, unit)}

    def draw(figure: Figure) -> None:
        from arsurg_ros.plots.pivot import draw_pivot

        draw_pivot(figure, found, poses.T)

    return finish(args, 'calibrate pivot', 'calibration', answer, _text(found, spin, unit, poses.dropped), draw)


def _answer(found: PivotCalibration, spin: SpinCalibration | None, unit: Lengths) -> dict[str, Any]:
    T = found.T_tool_tip if spin is None else spin.T_tool_tip
    everything = found.all_poses
    return {
        'method': found.method,
        'tip': unit.p(found.tip_m),
        'tip_m': found.tip_m,
        'pivot': unit.p(found.pivot_m),
        'T': unit.T(T),
        'T_tool_tip': unit.T(T),
        'inliers': int(found.inlier.sum()),
        'outliers': np.flatnonzero(~found.inlier),
        'rms_mm': MM_PER_M * found.rms_m,
        'axis_rms_mm': MM_PER_M * found.axis_rms_m,
        'max_mm': MM_PER_M * found.max_m,
        'residuals_mm': MM_PER_M * np.linalg.norm(found.residuals_m, axis=1),
        'all_poses': {
            'tip': unit.p(everything.tip_m),
            'rms_mm': MM_PER_M * everything.rms_m,
            'axis_rms_mm': MM_PER_M * everything.axis_rms_m,
            'max_mm': MM_PER_M * everything.max_m,
        },
        'range_deg': math.degrees(found.range_rad),
        'swings_deg': np.degrees(found.swings_rad),
        'directions': found.directions,
        'noise_mm': MM_PER_M * found.noise_m,
        'dof': found.dof,
        'tip_covariance_mm2': MM_PER_M**2 * found.tip_covariance_m2,
        'pivot_covariance_mm2': MM_PER_M**2 * found.pivot_covariance_m2,
        'tip_sigma_mm': MM_PER_M * np.sqrt(np.diag(found.tip_covariance_m2)),
        'tip_margin95_mm': MM_PER_M * found.tip_margin95_m,
        'pivot_margin95_mm': MM_PER_M * found.pivot_margin95_m,
        'spin': None if spin is None else spin_part(spin),
        'warnings': _warnings(found, spin),
    }


def _warnings(found: PivotCalibration, spin: SpinCalibration | None) -> list[str]:
    return [*found.warnings, *(spin.warnings if spin else ())]


def spin_part(spin: SpinCalibration) -> dict[str, Any]:
    """Return what pivot's answer says of the axis."""
    off = None if spin.tip_off_axis_m is None else MM_PER_M * spin.tip_off_axis_m
    return {
        'axis': spin.axis,
        'wobble_deg': math.degrees(spin.wobble_rad),
        'turn_deg': math.degrees(spin.turn_rad),
        'tip_off_axis_mm': off,
    }


def _text(found: PivotCalibration, spin: SpinCalibration | None, unit: Lengths, dropped: int) -> str:
    count, inliers, everything = len(found.inlier), int(found.inlier.sum()), found.all_poses
    x, y, z = MM_PER_M * found.axis_rms_m
    worst, worst_of_all = MM_PER_M * found.max_m, MM_PER_M * everything.max_m
    sx, sy, sz = MM_PER_M * np.sqrt(np.diag(found.tip_covariance_m2))
    axis = ', '.join(f'{v:.2f}' for v in found.directions[0])
    lines = [
        f'tip       {unit.text(found.tip_m)}, in the tool frame',
        f'pivot     {unit.text(found.pivot_m)}, in the tracker frame',
        f'error     tip within {MM_PER_M * found.tip_margin95_m:.3f} mm, 95 % (sigma {sx:.3f}, {sy:.3f}, {sz:.3f} mm)',
        f'residual  rms {MM_PER_M * found.rms_m:.3f} mm (axes {x:.3f}, {y:.3f}, {z:.3f} mm), max {worst:.3f} mm, '
        f'{found.method}',
        f'          all poses by plain least squares: rms {MM_PER_M * everything.rms_m:.3f} mm, max {worst_of_all:.3f} mm',
        f'poses     {inliers} of {count} used' + (f'; {dropped} more were not valid' if dropped else ''),
        f'motion    {math.degrees(found.range_rad):.1f} deg between two poses; '
        f'least swing {math.degrees(found.swings_rad[0]):.1f} deg rms, of the direction ({axis})',
    ]
    if spin is not None:
        tip_axis = ', '.join(f'{v:.5f}' for v in spin.axis)
        lines.append(
            f'axis      ({tip_axis}) in the tool frame; wobble {math.degrees(spin.wobble_rad):.2f} deg rms, '
            f'turned {math.degrees(spin.turn_rad):.0f} deg'
        )
    numbers = ', '.join(f'{v:.6f}' for v in found.tip_m)
    lines.append(f'instrument node, parameter:  tip_m: [{numbers}]')
    return with_warnings(lines, _warnings(found, spin))
