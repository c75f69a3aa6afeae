# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What each kernel exports and how its arena is laid out: the host's half of wasm/modules/*/src/lib.rs."""

from __future__ import annotations

from dataclasses import dataclass

ABI_VERSION = 1


@dataclass(frozen=True)
class Layout:
    """A kernel's name, the version and order of its capacities and blocks (name, numpy dtype), and its exports."""

    name: str
    version: int
    capacities: tuple[str, ...]
    blocks: tuple[tuple[str, str], ...]
    exports: tuple[str, ...]


REGISTRATION = Layout(
    'registration',
    2,
    ('points',),
    (
        ('control', 'u4'),
        ('fixed', 'f8'),
        ('moving', 'f8'),
        ('weights', 'f8'),
        ('residuals', 'f8'),
        ('fit', 'f8'),
        ('fixed_covariances', 'f8'),
        ('moving_covariances', 'f8'),
        ('more', 'f8'),
        ('members', 'u4'),
    ),
    ('solve', 'leave_one_out', 'solve_anisotropic', 'consensus', 'match_unordered'),
)

CALIBRATION = Layout(
    'calibration',
    1,
    ('rows_a', 'rows_b', 'lags'),
    (
        ('control', 'u4'),
        ('params', 'f8'),
        ('a', 'f8'),
        ('b', 'f8'),
        ('pairs', 'f8'),
        ('lags', 'f8'),
        ('curve', 'f8'),
        ('counts', 'f8'),
        ('residuals', 'f8'),
        ('scratch', 'f8'),
        ('fit', 'f8'),
    ),
    ('correlate', 'refine', 'pivot', 'spin', 'sphere'),
)

TRACKING = Layout(
    'tracking',
    1,
    ('poses',),
    (('control', 'u4'), ('t0', 'f8'), ('t1', 'f8'), ('alpha', 'f8'), ('out', 'f8')),
    ('interpolate',),
)

OVERLAY = Layout(
    'overlay',
    2,
    ('width', 'height', 'vertices', 'triangles', 'meshes', 'rows'),
    (
        ('image', 'u1'),
        ('depth', 'f4'),
        ('ids', 'u1'),
        ('mask', 'u1'),
        ('vertices', 'f4'),
        ('normals', 'f4'),
        ('triangles', 'u4'),
        ('edges', 'u4'),
        ('table', 'u4'),
        ('poses', 'f8'),
        ('styles', 'f4'),
        ('select', 'u4'),
        ('camera', 'f8'),
        ('look', 'f8'),
        ('corners', 'u4'),
        ('codes', 'u1'),
        ('facing', 'u1'),
        ('spans', 'u4'),
        ('extra', 'u4'),
        ('segments', 'u4'),
        ('words', 'u4'),
        ('floats', 'f4'),
        ('colours', 'u4'),
        ('state', 'i4'),
    ),
    ('prepare', 'project', 'render'),
)

SURFACE = Layout(
    'surface',
    1,
    ('target', 'triangles', 'source'),
    (
        ('control', 'u4'),
        ('params', 'f8'),
        ('state', 'f8'),
        ('result', 'f8'),
        ('raw', 'f8'),
        ('faces', 'u4'),
        ('target_points', 'f8'),
        ('target_normals', 'f8'),
        ('target_triangles', 'f8'),
        ('target_nodes', 'f4'),
        ('target_leaves', 'f4'),
        ('target_starts', 'u4'),
        ('source_points', 'f8'),
        ('source_normals', 'f8'),
        ('source_nodes', 'f4'),
        ('source_leaves', 'f4'),
        ('source_starts', 'u4'),
        ('scratch', 'f8'),
        ('words', 'u4'),
        ('points', 'f8'),
        ('normals', 'f8'),
        ('index', 'u4'),
        ('gaps', 'f4'),
    ),
    ('prepare_target', 'prepare_source', 'align', 'evaluate'),
)

HANDEYE = Layout(
    'handeye',
    1,
    ('poses',),
    (
        ('control', 'u4'),
        ('options', 'f8'),
        ('a', 'f8'),
        ('b', 'f8'),
        ('residuals', 'f8'),
        ('keep', 'f8'),
        ('scratch', 'f8'),
        ('transforms', 'f8'),
        ('figures', 'f8'),
    ),
    ('solve',),
)

LAYOUTS = {layout.name: layout for layout in (REGISTRATION, CALIBRATION, TRACKING, OVERLAY, HANDEYE, SURFACE)}
