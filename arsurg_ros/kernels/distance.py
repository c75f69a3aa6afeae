# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Exact distances from points to triangle meshes, and which meshes enclose them.

Inside is told by the generalised winding number (Jacobson, Kavan and Sorkine-Hornung, SIGGRAPH 2013), which also has a good
answer for meshes with holes, crossings and slivers; the kernel sums far triangles as dipoles (Barill et al., SIGGRAPH 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.host import Kernel, PerThread
from arsurg_ros.kernels.layouts import DISTANCE
from arsurg_ros.kernels.orient import oriented
from arsurg_ros.kernels.raster import MOST_MESHES, check_mesh
from arsurg_ros.kernels.reference_distance import Found, ReferenceField
from arsurg_ros.types import F32, F64, U32, Mesh

MOST_TRIANGLES = 2_000_000
FARTHEST_M = 1e6
#: Building the trees of two million triangles takes seconds, on a busy machine more.
DEADLINE_S = 30.0
_CHUNK = 256


@dataclass(frozen=True)
class Distances:
    """Of N points to M meshes: ``distance_m`` (N, M) >= 0 to the surface, ``closest_m`` (N, M, 3) the nearest point on it.

    ``inside`` (N, M) bool tells whether the mesh encloses the point, and of a point on the surface says nothing;
    ``triangle`` (N, M) uint32 is the index of a triangle that holds the nearest point.
    """

    distance_m: F64
    closest_m: F64
    inside: NDArray[np.bool_]
    triangle: U32


class DistanceField:
    """Meshes made ready for many queries, all in one frame, metres; the searches are exact, in f64.

    A closed mesh's inside does not depend on how its triangles are oriented: where neighbours disagree, the fewer are turned.
    Of an open one the inside is where it covers more than half of the view, within its box. The backends agree in distances
    to 1e-9 m or 1e-6 of themselves, and in ``inside`` but where an open mesh covers half of the view to within a few percent.
    """

    def __init__(self, meshes: Sequence[Mesh], *, backend: str = 'wasm') -> None:
        """Check the meshes and build their trees.

        Raises ConfigError (no mesh, too many meshes or triangles, an unknown backend), DataError (a mesh that the
        rasteriser refuses too, or one without triangles), KernelError.
        """
        make = pick(backend, FIELDS)
        if not 1 <= len(meshes) <= MOST_MESHES:
            raise ConfigError(f'distances: {len(meshes)} meshes; 1 to {MOST_MESHES} are valid')
        for mesh in meshes:
            check_mesh(mesh)
            if not len(mesh.triangles):
                raise DataError(f'mesh {mesh.name!r}: no triangles; one or more are needed')
        total = sum(len(mesh.triangles) for mesh in meshes)
        if total > MOST_TRIANGLES:
            raise ConfigError(f'distances: {total} triangles in all; at most {MOST_TRIANGLES} are valid')
        self.names = tuple(mesh.name for mesh in meshes)
        self._impl = make([_corners(mesh) for mesh in meshes])

    def query(self, p_m: ArrayLike) -> Distances:
        """Return the distances of points (N, 3), in the meshes' frame; raises DataError for what is none, KernelError."""
        p: F64 = np.asarray(p_m, dtype=np.float64)
        if p.ndim != 2 or p.shape[1] != 3:
            raise DataError(f'points have the shape {p.shape}; (N, 3) is needed')
        wrong = ~(np.abs(p) <= FARTHEST_M).all(axis=1)
        if wrong.any():
            i = int(wrong.argmax())
            raise DataError(f'point {i} is {p[i].tolist()}: three finite numbers within 1000 km are needed (metres)')
        found = self._impl.query(p)
        return Distances(found.distance_m, found.closest_m, np.abs(found.winding) > 0.5, found.triangle)


def _corners(mesh: Mesh) -> F32:
    """Return the corners (F, 3, 3) of a mesh's triangles, neighbours turned alike."""
    vertices = np.asarray(mesh.vertices_m, dtype=np.float32)
    return vertices[oriented(vertices, np.asarray(mesh.triangles))]


class WasmField:
    """The kernel's side: one instance a thread, each with the trees in its memory."""

    def __init__(self, corners: Sequence[F32]) -> None:
        """Build the trees once, so that what is wrong is told here."""
        self._corners = tuple(corners)
        self._capacities = (sum(map(len, corners)), len(corners), _CHUNK)
        self._kernels = PerThread(DISTANCE, prepare=self._prepare, deadline_s=DEADLINE_S)
        self._kernels.get(*self._capacities)

    def _prepare(self, kernel: Kernel) -> None:
        blocks, first = kernel.blocks, 0
        for k, corners in enumerate(self._corners):
            blocks['table'][5 * k] = len(corners)
            blocks['raw'][first : first + corners.size] = corners.ravel()
            first += corners.size
        blocks['control'][0] = len(self._corners)
        kernel.call('prepare')

    def query(self, p_m: F64) -> Found:
        """Return what the kernel finds, a few hundred points a call."""
        n, m = len(p_m), len(self._corners)
        answers, triangle, winding = np.empty((n, m, 4)), np.empty((n, m), np.uint32), np.empty((n, m))
        kernel = self._kernels.get(*self._capacities)
        blocks = kernel.blocks
        for i in range(0, n, _CHUNK):
            part = p_m[i : i + _CHUNK]
            rows, stop = len(part) * m, i + len(part)
            blocks['points'][: part.size] = part.ravel()
            blocks['control'][1] = len(part)
            kernel.call('query')
            answers[i:stop] = blocks['answers'][: 4 * rows].reshape(-1, m, 4)
            triangle[i:stop] = blocks['index'][:rows].reshape(-1, m)
            winding[i:stop] = blocks['winding'][:rows].reshape(-1, m)
        return Found(answers[..., 3], answers[..., :3], winding, triangle)


FIELDS: dict[str, Callable[[Sequence[F32]], WasmField | ReferenceField]] = {'wasm': WasmField, 'numpy': ReferenceField}
