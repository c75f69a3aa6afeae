#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes wasm/golden/*.json: exact transforms where there are, else the numpy twins' answers. Run it on a new rule."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from arsurg_ros.geometry import se3  # noqa: E402
from arsurg_ros.kernels import reference  # noqa: E402
from arsurg_ros.kernels.golden import background, overlay_rows  # noqa: E402
from arsurg_ros.kernels.landmarks import REFUSALS  # noqa: E402
from arsurg_ros.kernels.poses import REFUSALS as POSE_REFUSALS  # noqa: E402
from arsurg_ros.kernels.reference_raster import ReferenceRasteriser  # noqa: E402
from arsurg_ros.types import F64, Mesh  # noqa: E402
from tools.golden_calibration import calibration  # noqa: E402
from tools.golden_distance import distance  # noqa: E402
from tools.golden_handeye import handeye  # noqa: E402
from tools.golden_landmarks import landmarks  # noqa: E402
from tools.golden_marks import marks  # noqa: E402
from tools.golden_surface import surface  # noqa: E402

RNG = np.random.default_rng(2026)
TOLERANCE = 1e-9
Case = dict[str, Any]


def flat(values: Any) -> list[Any]:
    """Return numbers as JSON takes them: what is not finite as a string."""
    return [float(v) if np.isfinite(v) else str(float(v)) for v in np.ravel(values)]


def registration() -> list[Case]:
    """Exact fits with known transforms, noisy and weighted fits by the twin, and every refusal."""
    solid = RNG.uniform(-0.1, 0.1, (8, 3))
    line = np.outer([0.0, 0.03, 0.05, 0.11], (0.6, 0.0, 0.8))
    flat_set = np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0.07, 0], [0.1, 0.07, 0]])
    cube = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * 0.05
    square = np.array([[0.1, 0.1, 0], [0.1, -0.1, 0], [-0.1, 0.1, 0], [-0.1, -0.1, 0]])
    bad = solid.copy()
    bad[3, 1] = np.nan
    noise = RNG.normal(0, 5e-4, solid.shape)
    found = [exact('eight points', solid), exact('three points', solid[:3]), exact('coplanar', flat_set)]
    found += [half_turn(axis, solid) for axis in np.eye(3)]
    found.append(exact('far from the origin', solid + 2.5))
    found += [
        by_twin('noisy', moved(solid) + noise, solid, np.ones(8)),
        by_twin('weighted', moved(solid) + noise, solid, np.array([1, 2, 0.5, 3, 0, 1, 1, 4.0])),
        by_twin('two points', solid[:2], solid[:2], np.ones(2)),
        by_twin('two weights', solid, solid, np.array([1, 1, 0, 0, 0, 0, 0, 0.0])),
        by_twin('not a number', bad, solid, np.ones(8)),
        by_twin('negative weight', solid, solid, np.array([1, 1, 1, 1, -1, 1, 1, 1.0])),
        by_twin('no weight', solid, solid, np.zeros(8)),
        by_twin('weight not a number', solid, solid, np.array([1, 1, 1, 1, np.nan, 1, 1, 1.0])),
        by_twin('one place', np.ones((4, 3)), np.ones((4, 3)), np.ones(4)),
        by_twin('a line', moved(line), line, np.ones(4)),
        by_twin('a line on one side', solid[:4], line, np.ones(4)),
        by_twin('mirrored', moved(solid * (-1, 1, 1)), solid, np.ones(8)),
        by_twin('nearly flat and noisy', moved(flat_set) + noise[:4], flat_set, np.ones(4)),
        by_twin('ambiguous', square[[0, 1, 3, 2]], square, np.ones(4)),
        exact('a cube', cube),
    ]
    return found


def moved(points: F64) -> F64:
    """Return points under a fixed motion."""
    return se3.transform(se3.exp([0.1, -0.2, 0.3, 0.5, -1.0, 0.7]), points)


def exact(name: str, moving: F64, T: F64 | None = None) -> Case:
    """Return a case whose transform is known and whose residuals are zero."""
    T = se3.exp(RNG.uniform(-1.5, 1.5, 6)) if T is None else T
    weights = np.ones(len(moving))
    fit = reference.solve_paired_points(se3.transform(T, moving), moving, weights)
    assert not isinstance(fit, int), name
    return {
        'name': name,
        'fixed': flat(se3.transform(T, moving)),
        'moving': flat(moving),
        'weights': flat(weights),
        'status': 0,
        'code': '',
        'transform': flat(T),
        'residuals': flat(np.zeros(moving.size)),
        'fre': [0.0],
        'spread': flat(fit.spread_m),
        'tolerance': TOLERANCE,
    }


def half_turn(axis: F64, moving: F64) -> Case:
    """Return a rotation of 180 degrees."""
    R = 2 * np.outer(axis, axis) - np.eye(3)
    return exact(f'half turn about {axis.astype(int).tolist()}', moving, se3.compose(R, [0.1, 0.2, -0.3]))


def by_twin(name: str, fixed: F64, moving: F64, weights: F64) -> Case:
    """Return a case that the twin answers."""
    fit = reference.solve_paired_points(fixed, moving, weights)
    case: Case = {'name': name, 'fixed': flat(fixed), 'moving': flat(moving), 'weights': flat(weights)}
    if isinstance(fit, int):
        return {**case, 'status': fit, 'code': REFUSALS[fit][0]}
    values = {'transform': fit.T_fixed_moving, 'residuals': fit.residuals_m, 'fre': fit.fre_m, 'spread': fit.spread_m}
    return {**case, 'status': 0, 'code': '', **{k: flat(v) for k, v in values.items()}, 'tolerance': TOLERANCE}


def tracking() -> list[Case]:
    """Screws known in closed form, random pairs by the twin, and refusals."""
    start = se3.exp([0.1, 0.2, 0.3, 0.4, -0.5, 0.6])
    cases = []
    for name, twist in (
        ('translation', [0.1, -0.2, 0.3, 0, 0, 0]),
        ('rotation', [0, 0, 0, 0, 0, 1.2]),
        ('screw', [0.05, 0.1, 0.2, 1.0, -0.7, 0.4]),
        ('tiny', [1e-3, 0, 0, 1e-7, 2e-7, 0]),
        ('nothing', [0, 0, 0, 0, 0, 0]),
        ('nearly half a turn', [0.1, 0, 0.2, 0, np.pi - 1e-6, 0]),
    ):
        cases += [screw(f'{name} at {x}', start, np.array(twist, float), x) for x in (0.0, 0.25, 0.5, 1.0, 1.5, -0.5)]
    scaled, reflected, nan = start.copy(), start.copy(), start.copy()
    scaled[:3, :3] *= 1.001
    reflected[:3, 0] *= -1
    nan[0, 3] = np.nan
    for name, T in (('scaled', scaled), ('reflected', reflected), ('not a number', nan)):
        cases.append(refused(name, start, T, 0.5))
    return [*cases, refused('alpha not finite', start, start, np.inf)]


def screw(name: str, T0: F64, twist: F64, alpha: float) -> Case:
    """Return a case whose answer is T0 exp(alpha twist)."""
    T1, out = T0 @ se3.exp(twist), T0 @ se3.exp(alpha * twist)
    case = {'name': name, 't0': flat(T0), 't1': flat(T1), 'alpha': [alpha], 'status': 0, 'index': 0, 'refused': ''}
    return {**case, 'out': flat(out), 'tolerance': TOLERANCE}


def refused(name: str, T0: F64, T1: F64, alpha: float) -> Case:
    """Return a batch of two of which the second is refused."""
    answer = reference.interpolate_poses(np.stack([T0, T0]), np.stack([T0, T1]), np.array([0.5, alpha]))
    assert isinstance(answer, tuple), name
    case = {'name': name, 't0': flat([T0, T0]), 't1': flat([T0, T1]), 'alpha': flat([0.5, alpha])}
    return {**case, 'status': answer[0], 'index': answer[1], 'refused': f'index {answer[1]} {POSE_REFUSALS[answer[0]]}'}


STYLE = {
    'fill': 0.5, 'outline': 1.0, 'visible': 1.0, 'crease': 0.0, 'width': 2.0, 'dashed': 0.0, 'occluder': 0.0, 'inflate': 0.0,
    'shell': 0.0,
}  # fmt: skip
PLAIN = (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def overlay() -> list[Case]:
    """Small scenes by the twin."""
    plain = [40.0, 0, 15.5, 39.0, 11.5, 0, 0, 0, 0, 0, 1.0]
    bent = [40.0, 1.5, 15.0, 39.0, 12.0, -0.25, 0.05, 0.002, -0.001, 0.01, 0.8]
    shell, core = ball(0.05, 7), ball(0.02, 5)
    quad = ([[-0.1, -0.1, 0], [0.1, -0.1, 0], [0.1, 0.1, 0], [-0.1, 0.1, 0]], [[0, 1, 2], [0, 2, 3]])
    upright = np.eye(4)
    ahead = se3.exp([0.0, 0.0, 0.2, 0.3, 0.2, 0.1])
    beside = se3.exp([0.08, 0.03, 0.15, 0.0, 0.5, 0.0])
    flat_on = upright.copy()
    flat_on[:3, 3] = (0, 0, 0.3)
    floor = se3.compose([[1, 0, 0], [0, 0, -1], [0, 1, 0]], [0, 0.03, 0.05])
    fisheye = [9.0, 0.2, 15.5, 9.5, 11.5, 0.02, -0.01, 0.003, -0.001, 0.0, 20.0, 1.0]
    cut = se3.exp([0.0, 0.0, 0.2, 0.0, 1.2, 0.0])
    lines = {'fill': 0.35, 'outline': 0.9}
    mask = np.clip(40.0 * (np.arange(32) - 14.0), 0, 255) * np.ones((24, 1))
    box = cube(0.05)
    return [
        scene('quad', plain, [quad], [flat_on], [{}]),
        scene('shell and core', plain, [shell, core], [ahead, ahead], [lines, {'fill': 0.9, 'outline': 0.5}]),
        scene('distortion and skew', bent, [shell, core], [ahead, beside], [lines, {}]),
        scene('through the near plane', plain, [quad], [floor], [{}]),
        scene('behind the camera', plain, [shell], [se3.compose(np.eye(3), [0, 0, -0.3])], [{}]),
        scene('one hidden by its style', plain, [shell, core], [ahead, ahead], [{'visible': 0.0}, {'fill': 1.0}]),
        scene('eye inside', plain, [shell], [se3.compose(np.eye(3), [0, 0, 0.01])], [{}]),
        scene('fisheye', fisheye, [quad, shell], [flat_on, beside], [{'fill': 0.8}, lines]),
        scene('surfaces that cross', plain, [quad, core], [cut, flat_on @ ahead], [{'fill': 0.7}, {'outline': 0.0}]),
        scene('creases, dashed, inflated', plain, [box, core], [ahead, beside], [
            {'crease': 0.7, 'outline': 0.8, 'width': 3.0, 'dashed': 1.0, 'fill': 0.2}, {'inflate': 0.01, 'width': 1.0}
        ]),
        scene('depth cue and window', plain, [shell, core], [ahead, beside], [lines, {}],
              (0.8, 0.1, 0.25, 1.0, 14.0, 11.0, 8.0, 3.0, 0.5)),
        scene('mask and occluder', plain, [shell, core], [ahead, beside], [lines, {'occluder': 1.0}], PLAIN, mask),
        scene('shells have neither depth nor id', plain, [shell, core, shell], [ahead, ahead, beside],
              [lines | {'shell': 1.0}, {'fill': 0.6}, {'shell': 1.0, 'inflate': 0.005, 'dashed': 1.0}]),
    ]  # fmt: skip


def cube(half_m: float) -> tuple[F64, list[list[int]]]:
    """Return a cube of twelve triangles, its sides outward."""
    points = half_m * np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    sides = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    return points, [t for a, b, c, d in sides for t in ([a, b, c], [a, c, d])]


def ball(radius_m: float, n: int) -> tuple[F64, list[list[int]]]:
    """Return a sphere of 2 n (2 n) triangles, its poles included."""
    u, v = np.meshgrid(np.linspace(0, np.pi, n + 1), np.linspace(0, 2 * np.pi, 2 * n, endpoint=False), indexing='ij')
    points = radius_m * np.stack([np.sin(u) * np.cos(v), np.sin(u) * np.sin(v), np.cos(u)], axis=-1).reshape(-1, 3)
    triangles = []
    for i in range(n):
        for j in range(2 * n):
            a, b = 2 * n * i + j, 2 * n * i + (j + 1) % (2 * n)
            triangles += [[a, b, a + 2 * n], [b, b + 2 * n, a + 2 * n]]
    return points, triangles


def scene(
    name: str,
    camera: list[float],
    meshes: list[Any],
    poses: list[F64],
    styles: list[dict[str, float]],
    look: tuple[float, ...] = PLAIN,
    mask: Any = None,
) -> Case:
    """Return one picture of 32x24; ``look`` is the kernel's row."""
    width, height = 32, 24
    kept = [Mesh('golden', np.asarray(v, np.float32), np.asarray(t, np.uint32)) for v, t in meshes]
    colours = [(40, 90, 220), (90, 180, 40), (200, 60, 120)]
    rows = np.zeros((len(meshes), 16), np.float32)
    for row, colour, style in zip(rows, colours, styles, strict=False):
        row[:12] = (*colour, *(STYLE | style).values())
    case = {
        'name': name,
        'width': width,
        'height': height,
        'camera': [*camera, 0.0][:12],
        'meshes': [{'vertices': m.vertices_m.ravel().tolist(), 'triangles': m.triangles.ravel().tolist()} for m in kept],
        'poses': flat(np.array([T[:3] for T in poses])),
        'styles': flat(rows),
        'look': [*look, float(mask is not None)],
        'mask': [] if mask is None else np.asarray(mask, np.uint8).ravel().tolist(),
    }
    image = background(width, height)
    depth, ids, _ = ReferenceRasteriser(width, height, len(kept), kept).render(image, overlay_rows(case))
    return case | {
        'ids': ids.ravel().tolist(),
        'depth': [float(f'{v:.8g}') for v in np.where(np.isinf(depth), 0, depth).ravel()],
        'image': image.ravel().tolist(),
    }


def main() -> None:
    """Write the files, one a family."""
    for family in (registration, calibration, tracking, overlay, landmarks, handeye, surface, distance, marks):
        path = ROOT / 'wasm' / 'golden' / f'{family.__name__}.json'
        lines = ',\n'.join(json.dumps(case) for case in family())
        path.write_text(f'{{"made_by": "tools/make_golden.py", "cases": [\n{lines}\n]}}\n')
        print(path)


if __name__ == '__main__':
    main()
