# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Golden vectors of surface registration: the numpy twin's answers, and exact motions."""

from __future__ import annotations

from typing import Any

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.kernels.golden_surface import answer
from arsurg_ros.kernels.icp import IcpSettings
from arsurg_ros.synthetic.organ import cloud, on_mesh, organ
from arsurg_ros.types import F64

Case = dict[str, Any]
TOLERANCE = 1e-7
NEIGHBOURS = 6


def surface() -> list[Case]:
    """Clouds and a mesh, both methods, every loss, an exact motion, refusals."""
    rng = np.random.default_rng(2026)
    T = se3.exp([0.003, -0.002, 0.001, 0.02, -0.03, 0.01])
    points, (vertices, faces) = cloud(rng, 160), organ(5)
    sharp = se3.transform(se3.inverse(T), points[:60])
    on_it = se3.transform(se3.inverse(T), on_mesh(rng, vertices, faces, 60)) + rng.normal(0, 1e-4, (60, 3))
    near = IcpSettings(max_distance_m=0.03)
    found = [
        case('exact, cloud', points, None, sharp, near),
        case('exact, generalised', points, None, sharp, IcpSettings('gicp', max_distance_m=0.03)),
        case('mesh', vertices, faces, on_it, near),
        case('mesh, generalised', vertices, faces, on_it, IcpSettings('gicp', max_distance_m=0.03)),
        case('voxels', points, None, sharp, near, voxel_m=0.02),
    ]
    for loss in ('huber', 'cauchy', 'tukey'):
        found.append(case(loss, vertices, faces, on_it, IcpSettings('point_to_plane', loss, 1e-4, 0.03)))
    bad = sharp.copy()
    bad[3, 1] = np.nan
    found += [
        case('scale from the median', vertices, faces, on_it, IcpSettings('point_to_plane', 'huber', 0.0, 0.03)),
        case('a line', points, None, np.outer(np.arange(9.0), (1, 2, 3)), near),
        case('one place', points, None, np.ones((9, 3)), near),
        case('five points', points, None, sharp[:5], near),
        case('not a number', points, None, bad, near),
        case('apart', points, None, sharp + 3.0, near),
        case('voxels too small', points, None, sharp, near, voxel_m=1e-9),
        case('no triangle', vertices, faces[:0], on_it, near),
        case('a vertex that is not there', vertices[:9], faces, on_it, near),
        case('a plane', points * (1, 1, 0), None, points[:80] * (1, 1, 0), near),
    ]
    return found


def case(name: str, points: F64, faces: Any, source: F64, how: IcpSettings, voxel_m: float = 0.0) -> Case:
    """Return a case that the twin answers."""
    start = se3.exp([0.002, -0.001, 0.0, 0.015, -0.02, 0.005])
    out: Case = {
        'name': name,
        'points': _numbers(points),
        'faces': None if faces is None else np.ravel(faces).tolist(),
        'source': _numbers(source),
        'voxel': voxel_m,
        'neighbours': NEIGHBOURS,
        'method': how.method,
        'loss': how.loss,
        'sigma': how.sigma_m,
        'reach': how.max_distance_m,
        'iterations': how.max_iterations,
        'epsilon': [how.rotation_epsilon_rad, how.translation_epsilon_m],
        'start': _numbers(start),
        'tolerance': TOLERANCE,
    }
    status, found = answer(out, 'numpy')
    return {**out, 'status': status, **{k: v.tolist() if len(v) > 1 else float(v[0]) for k, v in found.items()}}


def _numbers(values: Any) -> list[Any]:
    return [float(v) if np.isfinite(v) else str(float(v)) for v in np.ravel(values)]
