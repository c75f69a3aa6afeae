# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Levels of detail: coarser versions of a mesh that are resident beside it, each with its error in space.

Built once, when a scene is loaded: a level is decimated from the one before (half, a quarter, a tenth of the triangles),
and its error is measured against the original.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arsurg_ros.files.progress import Progress, silent
from arsurg_ros.geometry.decimation import decimated, distances_m
from arsurg_ros.types import Mesh

SHARES = (0.5, 0.25, 0.1)
#: A mesh of so few triangles costs nothing, and a level of fewer would no longer look like it.
FEWEST_TRIANGLES = 400
#: The error is the largest over so many of the original's vertices: all of them in most meshes.
SAMPLES = 20_000


@dataclass(frozen=True)
class Level:
    """A version of a mesh; ``error_m`` is the largest distance of the original's vertices to its surface."""

    mesh: Mesh
    error_m: float

    @property
    def triangles(self) -> int:
        """How many triangles it has."""
        return len(self.mesh.triangles)


def build_levels(mesh: Mesh, shares: Sequence[float] = SHARES, progress: Progress = silent) -> tuple[Level, ...]:
    """Return the mesh itself, error 0, and its coarser levels, each with fewer triangles and no smaller an error.

    Small meshes have themselves alone. The error is exact at the vertices that are sampled: all of a mesh of up to 20,000,
    else 20,000 spread evenly over the file's order. Raises DataError as ``decimated`` does.
    """
    levels = [Level(mesh, 0.0)]
    samples = _samples(mesh)
    for share in shares:
        wanted = round(share * len(mesh.triangles))
        if wanted < FEWEST_TRIANGLES:
            break
        before = levels[-1]
        progress(f'levels of {mesh.name}', len(levels) / (len(shares) + 1))
        coarser = decimated(before.mesh, wanted)
        if len(coarser.triangles) >= before.triangles:
            break  # nothing can be collapsed without breaking the surface
        error_m = float(distances_m(coarser, samples).max())
        levels.append(Level(coarser, max(error_m, before.error_m)))
    progress(f'levels of {mesh.name}', 1.0)
    return tuple(levels)


def _samples(mesh: Mesh) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    count = len(mesh.vertices_m)
    picked = np.unique(np.linspace(0, count - 1, min(count, SAMPLES)).astype(np.int64))
    return np.asarray(mesh.vertices_m[picked], dtype=np.float64)


def shared_limits(triangles: Sequence[int], most: int) -> tuple[int, ...]:
    """Return how many triangles each mesh may keep so that all have ``most`` together: the largest give first.

    Every mesh keeps all it has up to one common limit.
    """
    left, limits = most, [0] * len(triangles)
    for n, k in enumerate(sorted(range(len(triangles)), key=triangles.__getitem__)):
        limits[k] = min(triangles[k], left // (len(triangles) - n))
        left -= limits[k]
    return tuple(limits)
