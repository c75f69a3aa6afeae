# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg calibrate sphere``: a sphere through points of its surface.

JSON, beside what commands/common.py names: ``points`` (how many), ``source``; ``centre`` and ``radius`` in ``unit``;
``rms_mm``, ``max_mm``; ``noise_mm``, ``dof``; ``covariance_mm2`` (4x4, of centre and radius), ``centre_sigma_mm`` (3),
``radius_sigma_mm``, ``centre_margin95_mm``; ``condition`` (1/3 for a whole sphere, 0 for none). Residuals are in the picture:
points are many.

Errors: those of registration/sphere.py.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np

from arsurg_ros.commands.common import MM_PER_M, add_common, check_outputs, finish, lengths, unit_m
from arsurg_ros.files.points import load_points
from arsurg_ros.registration.sphere import fit_sphere

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    described = 'Find the sphere of least squared distances from points of its surface.'
    parser = parsers.add_parser('sphere', help='centre and radius, from points of the surface', description=described)
    parser.add_argument('--points', required=True, metavar='P', help='CSV, NPZ, YAML, or a mesh, whose vertices are taken')
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fit, print, write; raises ArsurgError."""
    check_outputs(args)
    points = load_points(args.points, unit_m(args))
    found = fit_sphere(points.p_m, source=points.source, backend=args.backend)
    unit = lengths(args)
    sigmas = MM_PER_M * np.sqrt(np.diag(found.covariance_m2))
    answer = {
        'points': len(points.p_m),
        'source': points.source,
        'centre': unit.p(found.centre_m),
        'radius': found.radius_m / unit_m(args),
        'rms_mm': MM_PER_M * found.rms_m,
        'max_mm': MM_PER_M * found.max_m,
        'noise_mm': MM_PER_M * found.noise_m,
        'dof': found.dof,
        'covariance_mm2': MM_PER_M**2 * found.covariance_m2,
        'centre_sigma_mm': sigmas[:3],
        'radius_sigma_mm': sigmas[3],
        'centre_margin95_mm': MM_PER_M * found.margin95_m,
        'condition': found.condition,
    }
    digits = 3 if unit.unit == 'mm' else 6
    text = '\n'.join([
        f'centre    {unit.text(found.centre_m)}, within {MM_PER_M * found.margin95_m:.4f} mm, 95 % (for independent points)',
        f'radius    {found.radius_m / unit_m(args):.{digits}f} {unit.unit}, sigma {sigmas[3]:.4f} mm',
        f'residual  rms {MM_PER_M * found.rms_m:.4f} mm, max {MM_PER_M * found.max_m:.4f} mm, {len(points.p_m)} points',
    ])

    def draw(figure: Figure) -> None:
        from arsurg_ros.plots.sphere import draw_sphere

        draw_sphere(figure, found, points.p_m)

    return finish(args, 'calibrate sphere', 'calibration', answer, text, draw)
