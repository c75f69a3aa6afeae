# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Surface registration against small_gicp: raw source points to pose, the target prepared before, one thread.

The data are small_gicp's own LiDAR pair where the reference recordings are there (ARSURG_DATA or ../shared/data), else a
made-up scene. Both thin to 0.25 m, match within 1 m, start at the identity and stop at 0.1 deg and 1 mm. The peer takes its
defaults (10 neighbours for a normal, no loss), and so do we in the rows that say so; in the others we take ours: 6 neighbours
(gicp), or 8 and Huber's loss (point-to-plane). Point-to-plane needs no
normals of the source: the row's peer leaves them out too; ``preprocess_ms`` is what its whole preprocessing takes.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.kernels.icp import IcpFit, IcpSettings
from arsurg_ros.kernels.surface import prepare_target
from arsurg_ros.types import F64
from bench.timing import Entry, alternate, growth

VOXEL_M, REACH_M = 0.25, 1.0
TURN_RAD, SHIFT_M, ITERATIONS = float(np.radians(0.1)), 1e-3, 20


def _settings(method: str, loss: str) -> IcpSettings:
    return IcpSettings(method, loss, 0.0, REACH_M, ITERATIONS, TURN_RAD, SHIFT_M)


#: Name of the row -> settings, neighbours of a normal, the peer's registration type.
KINDS = {
    "gicp, the peer's settings": (_settings('gicp', 'none'), 10, 'GICP'),
    "point-to-plane, the peer's settings": (_settings('point_to_plane', 'none'), 10, 'PLANE_ICP'),
    'gicp': (_settings('gicp', 'none'), 6, 'GICP'),
    'point-to-plane': (_settings('point_to_plane', 'huber'), 8, 'PLANE_ICP'),
}
GROWN = ('gicp', 'point-to-plane')
MOST_RATIO = 1.4


def pair() -> tuple[F64, F64, F64, str]:
    """Return target, source (N, 3), T_target_source and what they are."""
    named = os.environ.get('ARSURG_DATA')
    data = Path(named) if named else Path(__file__).resolve().parents[3] / 'shared' / 'data'
    folder = data / 'small_gicp'
    if not folder.is_dir():
        return *synthetic(70_000), 'made-up scene'
    from arsurg_ros.files.meshes import load_surface

    target, source = (load_surface(folder / f'{name}.ply', unit='m').vertices_m for name in ('target', 'source'))
    return target, source, np.loadtxt(folder / 'T_target_source.txt'), 'small_gicp LiDAR pair'


def synthetic(n: int, seed: int = 1) -> tuple[F64, F64, F64]:
    """Return two scans (n, 3) of one street from two places, with 2 cm of noise, and T_target_source."""
    rng = np.random.default_rng(seed)
    T = se3.exp([0.45, 0.12, -0.03, 0.002, -0.003, 0.012])
    target = _scan(rng, n, np.eye(4))
    return target, _scan(rng, n, T), T


def _scan(rng: np.random.Generator, n: int, T_world_sensor: F64) -> F64:
    """Return what a turning scanner 1.8 m above uneven ground sees between walls, in its own frame."""
    azimuth, down = rng.uniform(0, 2 * np.pi, n), np.radians(rng.uniform(-24, 12, n))
    rays = np.column_stack([np.cos(down) * np.cos(azimuth), np.cos(down) * np.sin(azimuth), np.sin(down)])
    rays = rays @ T_world_sensor[:3, :3].T
    origin = T_world_sensor[:3, 3]
    t: F64 = np.full(n, np.inf)
    planes = [((0, 0, 1), -1.8), ((1, 0, 0), 14), ((1, 0.1, 0), -11), ((0, 1, 0.02), 22), ((0.1, -1, 0), 18), ((1, 1, 0), -17)]
    for normal, offset in planes:
        v = np.asarray(normal, float) / np.linalg.norm(normal)
        with np.errstate(divide='ignore'):
            hit = (offset - origin @ v) / (rays @ v)
        t = np.where(hit > 0, np.minimum(t, hit), t)
    for x, y, r in rng.permutation(np.array([(5, 6, 1.2), (-6, 3, 0.8), (3, -9, 1.5), (-4, -7, 1.0), (9, -3, 0.6)])):
        to = np.array([x, y]) - origin[:2]
        along = rays[:, :2] @ to / (rays[:, :2] ** 2).sum(axis=1)
        gap2 = ((along[:, None] * rays[:, :2] - to) ** 2).sum(axis=1)
        hit = along - np.sqrt(np.maximum(r**2 - gap2, 0) / (rays[:, :2] ** 2).sum(axis=1))
        t = np.where((gap2 < r**2) & (hit > 0), np.minimum(t, hit), t)
    points = origin + np.where(np.isfinite(t) & (t < 60), t, 60.0)[:, None] * rays
    points += rng.normal(0, 0.02, (n, 3))
    return se3.transform(se3.inverse(T_world_sensor), points)


def ours(target: F64, kind: str) -> Callable[[F64], F64]:
    """Return raw source points -> T_target_source, against the prepared target."""
    settings, neighbours, _ = KINDS[kind]
    prepared = prepare_target(target, voxel_m=VOXEL_M, neighbours=neighbours)

    def run(source: F64) -> F64:
        (fit,) = prepared.align(source, VOXEL_M, [np.eye(4)], settings)
        assert isinstance(fit, IcpFit)
        return fit.T_target_source

    return run


def peer(target: F64, kind: str) -> Callable[[F64], F64]:
    """Return the same of small_gicp, with what its method needs of the source and no more."""
    import small_gicp

    name = KINDS[kind][2]
    to, tree = small_gicp.preprocess_points(target, downsampling_resolution=VOXEL_M, num_threads=1)

    def run(source: F64) -> F64:
        if name == 'GICP':
            own, _ = small_gicp.preprocess_points(source, downsampling_resolution=VOXEL_M, num_threads=1)
        else:
            own = small_gicp.voxelgrid_sampling(source, VOXEL_M, num_threads=1)
        found = small_gicp.align(
            to, own, tree, registration_type=name, num_threads=1, max_correspondence_distance=REACH_M, max_iterations=ITERATIONS
        )
        return np.asarray(found.T_target_source)

    return run


def run(calls: int) -> list[Entry]:
    """Return a row for each method; errors against the truth: shift, turn, and rms over the source's points."""
    target, source, truth, what = pair()
    count, rows = min(max(calls // 20, 20), 100), []
    for kind in KINDS:
        mine, theirs = ours(target, kind), peer(target, kind)
        times = alternate(functools.partial(mine, source), functools.partial(theirs, source), count, warm=3)
        errors = {**_error('ours', mine(source), truth, source), **_error('peer', theirs(source), truth, source)}
        errors['preprocess_ms'] = _preprocess_ms(source)
        name = f'{kind}, {what}, {len(source)} points'
        rows.append(Entry(name, times[0], 'small_gicp 1 thread', times[1], 'ratio', MOST_RATIO, errors))
    return rows


def grow(calls: int) -> dict[str, dict[str, list[float]]]:
    """Return the cost over the number of raw points, at one density of what is kept: the scene grows with n."""
    found = {}
    for kind in GROWN:

        def make(n: int, kind: str = kind) -> Callable[[], Any]:
            target, source, _ = _sheet(n)
            mine = ours(target, kind)
            return lambda: mine(source)

        found[f'surface, {kind}'] = growth(make, [4000, 16_000, 64_000, 256_000], max(3, calls // 4))
    return found


def _sheet(n: int) -> tuple[F64, F64, F64]:
    """Return hilly ground of n points, two a voxel, seen twice."""
    rng, side = np.random.default_rng(n), np.sqrt(n / 2) * VOXEL_M
    T = se3.exp([0.05, -0.04, 0.03, 0.0, 0.0, 0.5 / side])

    def seen() -> F64:
        xy = rng.uniform(-side / 2, side / 2, (n, 2))
        z = np.sin(0.7 * xy[:, 0]) + np.cos(0.5 * xy[:, 1] + 0.3 * xy[:, 0])
        return np.column_stack([xy, z]) + rng.normal(0, 0.01, (n, 3))

    return seen(), se3.transform(se3.inverse(T), seen()), T


def _error(name: str, T: F64, truth: F64, source: F64) -> dict[str, float]:
    off = se3.inverse(truth) @ T
    gap = se3.transform(T, source) - se3.transform(truth, source)
    return {
        f'{name}_shift_mm': float(np.linalg.norm(off[:3, 3])) * 1e3,
        f'{name}_turn_deg': float(np.degrees(se3.rotation_angle_rad(off))),
        f'{name}_points_mm': float(np.sqrt((gap**2).sum(axis=1).mean())) * 1e3,
    }


def _preprocess_ms(source: F64, calls: int = 10) -> float:
    import small_gicp

    samples = []
    for _ in range(calls):
        began = time.perf_counter_ns()
        small_gicp.preprocess_points(source, downsampling_resolution=VOXEL_M, num_threads=1)
        samples.append(time.perf_counter_ns() - began)
    return float(np.median(samples)) / 1e6
