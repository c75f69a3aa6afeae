# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a triangle mesh: edges that are open or shared by more than two, orientation, doubled vertices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.types import I64, Mesh

#: Triangles at a time: what is computed of them stays in the cache.
BLOCK = 1 << 16


@dataclass(frozen=True)
class MeshReport:
    """The checks of one mesh; counts are of the mesh with vertices at one place taken as one.

    ``open_edges`` have one triangle, or three, ``non_manifold_edges`` more than two. ``degenerate_triangles`` have no area;
    ``zero_vertices`` lie at the origin exactly, where files put what was never set; ``unused_vertices`` are places of no
    triangle, as in a file that is cut off. ``oriented``: neighbours turn the same way round.
    ``volume_m3`` and ``outward`` (triangles are counter-clockwise from outside) are None unless closed and oriented.
    """

    name: str
    vertices: int
    triangles: int
    open_edges: int
    non_manifold_edges: int
    degenerate_triangles: int
    zero_vertices: int
    unused_vertices: int
    oriented: bool
    outward: bool | None
    volume_m3: float | None

    @property
    def closed(self) -> bool:
        """Whether every edge has two triangles or, where parts touch, an even number of them."""
        return self.open_edges == 0

    def warnings(self) -> tuple[str, ...]:
        """Return what makes a drawing or a distance doubtful, one line each."""
        found = [
            (self.open_edges, 'open edges: the surface is not closed, so inside and outside are not told apart'),
            (self.non_manifold_edges, 'edges with more than two triangles'),
            (self.degenerate_triangles, 'triangles without area'),
            (self.zero_vertices if self.zero_vertices > 1 else 0, 'vertices at the origin exactly: never set?'),
            (self.unused_vertices, 'vertices of no triangle: is the file whole?'),
        ]
        lines = [f'mesh {self.name}: {count} {text}' for count, text in found if count]
        if not self.oriented:
            lines.append(f'mesh {self.name}: triangles that turn against their neighbours')
        if self.outward is False:
            lines.append(f'mesh {self.name}: its triangles face inwards')
        return tuple(lines)


def inspect_mesh(mesh: Mesh) -> MeshReport:
    """Return the checks of a mesh whose indices are in range."""
    same = same_places(mesh.vertices_m)
    t = same[mesh.triangles.astype(np.int64)]
    collapsed = (t[:, 0] == t[:, 1]) | (t[:, 1] == t[:, 2]) | (t[:, 2] == t[:, 0])
    edges = _edges(t[~collapsed], len(mesh.vertices_m))
    solid = edges.open == 0 and edges.oriented
    flat, signed_m3 = _areas_and_volume(mesh.vertices_m, t)
    volume = signed_m3 if solid else None
    return MeshReport(
        name=mesh.name,
        vertices=len(mesh.vertices_m),
        triangles=len(t),
        open_edges=edges.open,
        non_manifold_edges=edges.shared,
        degenerate_triangles=flat,
        zero_vertices=int(np.count_nonzero((mesh.vertices_m == 0).all(axis=1))),
        unused_vertices=len(np.setdiff1d(same, t)),
        oriented=edges.oriented,
        outward=None if volume is None else volume > 0,
        volume_m3=None if volume is None else abs(volume),
    )


def welded(mesh: Mesh) -> Mesh:
    """Return the mesh with vertices at one place made one, and without the triangles that this, or the file, collapsed.

    STL has no shared vertices and texture seams double them: without this every such edge is open. A mesh that needs none
    of it is returned as it is.
    """
    same = same_places(mesh.vertices_m)
    t = same[mesh.triangles.astype(np.int64)]
    kept = (t[:, 0] != t[:, 1]) & (t[:, 1] != t[:, 2]) & (t[:, 2] != t[:, 0])
    first = same == np.arange(len(same))
    if first.all() and kept.all():
        return mesh
    index = np.cumsum(first) - 1
    return Mesh(mesh.name, np.ascontiguousarray(mesh.vertices_m[first]), index[t[kept]].astype(np.uint32))


def same_places(vertices: NDArray[np.float32]) -> I64:
    """Return for each vertex (V, 3) the index of the first one at the same place."""
    order = np.lexsort(vertices.T)
    ordered = vertices[order]
    new = np.ones(len(vertices), dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    group = np.cumsum(new) - 1
    # lexsort is stable: the first of a group is the one that comes first in the mesh.
    out = np.empty(len(vertices), dtype=np.int64)
    out[order] = order[new][group]
    return out


def _areas_and_volume(vertices: NDArray[np.float32], t: I64) -> tuple[int, float]:
    """Return how many triangles have no area, and the signed volume that they enclose: negative where they face inwards."""
    about = vertices - vertices[t[0, 0]].astype(np.float64)
    flat, volume6 = 0, 0.0
    for part in range(0, len(t), BLOCK):
        a, b, c = (about[t[part : part + BLOCK, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        flat += int(np.count_nonzero(~(np.einsum('ij,ij->i', normal, normal) > 0)))
        volume6 += float(np.einsum('ij,ij->', a, normal))
    return flat, volume6 / 6.0


@dataclass(frozen=True)
class _Edges:
    open: int
    shared: int
    oriented: bool


def _edges(t: I64, vertices: int) -> _Edges:
    a, b = t.ravel(), t[:, [1, 2, 0]].ravel()
    if not len(a):
        return _Edges(0, 0, True)
    # One sort of whole numbers, the way the edge is run as the last bit: millions of triangles in a second.
    ways = np.sort(2 * (np.minimum(a, b) * vertices + np.maximum(a, b)) + (a < b))
    starts = np.flatnonzero(np.diff(ways >> 1, prepend=-1))
    counts = np.diff(starts, append=len(ways))
    # Along an edge of two triangles one runs each way; where more meet, as many run each way.
    forth = np.add.reduceat(ways & 1, starts)
    even = counts % 2 == 0
    return _Edges(int((~even).sum()), int((counts > 2).sum()), bool((2 * forth == counts)[even].all()))
