# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Golden vectors of distances to meshes: the numpy twin's answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from arsurg_ros.kernels.golden_distance import answer
from arsurg_ros.synthetic.organ import organ
from arsurg_ros.types import F32, F64

Case = dict[str, Any]
TOLERANCE = 1e-9
#: Far triangles are summed as dipoles.
WINDING = 0.02


def distance() -> list[Case]:
    """Return an organ, turned over, with a hole, two that cross, slivers, what has no area, far points."""
    rng = np.random.default_rng(2026)
    vertices, faces = organ(8)
    closed = vertices.astype(np.float32)[faces]
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    about = rng.uniform(low - 0.02, high + 0.02, (40, 3))
    thin = rng.uniform(-0.05, 0.05, (40, 3, 3))
    thin[:, 2] = thin[:, 0] + (thin[:, 1] - thin[:, 0]) * rng.uniform(0, 1, (40, 1)) + 10.0 ** rng.uniform(-9, -4, (40, 1))
    flat = np.array([[(0, 0, 0), (0.01, 0, 0), (0.03, 0, 0)], [(0.05, 0, 0)] * 3])
    return [
        case('organ', [closed], about),
        case('turned over', [closed[:, ::-1]], about[:20]),
        case('with a hole', [closed[: 2 * len(closed) // 3]], about[:20]),
        case('two meshes and two that cross', [closed, np.concatenate([closed, closed + np.float32(0.01)])], about[:20]),
        case('slivers', [thin], about[:20]),
        case('no area', [flat], about[:10]),
        case('far', [closed, thin], 100 * about[:20]),
        case('on the surface', [closed], closed[::9].astype(np.float64).mean(axis=1), winding=False),
        case('one triangle', [closed[:1]], about[:10]),
    ]


def case(name: str, meshes: list[Any], points: F64, winding: bool = True) -> Case:
    """Return a case that the twin answers; on the surface itself the winding number is left to rounding."""
    corners: list[F32] = [np.asarray(mesh, np.float32) for mesh in meshes]
    out: Case = {
        'name': name,
        'meshes': [_digits(mesh, 9) for mesh in corners],
        'points': _digits(points, 9),
        'tolerance': TOLERANCE,
        'winding_tolerance': WINDING if winding else 1.0,
    }
    return {**out, **{key: _digits(values, 13) for key, values in answer(out, 'numpy').items()}}


def _digits(values: F32 | F64, count: int) -> list[float]:
    return [float(f'{v:.{count}g}') for v in values.ravel()]
