# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numpy twin of what the overlay kernel prepares once a mesh: welded vertices, normals, edges, and what kind it is."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from arsurg_ros.types import F32, F64, I64, Mesh

WELD, CREASE_COS = 1e7, 0.766044443118978


@dataclass(frozen=True)
class Edge:
    """Vertices ``ends`` as ``face`` runs through them, the ``other`` face (None: a boundary).

    ``same``: the other face runs the same way, against the rule. ``sharp``: a crease.
    """

    ends: tuple[int, int]
    face: int
    other: int | None
    same: bool
    sharp: bool


@dataclass(frozen=True)
class Prepared:
    """``normals`` (V, 3), unit; ``edges``; ``closed`` 1 for a closed surface that faces outward, -1 inward, else 0."""

    normals: F32
    edges: tuple[Edge, ...]
    closed: int


def prepare(mesh: Mesh) -> Prepared:
    """Return what is known of a mesh before its first frame."""
    v, t = mesh.vertices_m.astype(np.float64), mesh.triangles.astype(np.int64)
    canon = weld(v)
    faces = np.cross(v[t[:, 1]] - v[t[:, 0]], v[t[:, 2]] - v[t[:, 0]])
    edges, closed = find_edges(t, canon, faces)
    volume = float(np.sum(v[t[:, 0]] * np.cross(v[t[:, 1]], v[t[:, 2]])))
    return Prepared(vertex_normals(t, canon, faces), edges, int(np.sign(volume)) if closed else 0)


def weld(v: F64) -> I64:
    """Return the first vertex (V,) of each one's place, told apart to a tenth of a micrometre."""
    if not len(v):
        return np.zeros(0, np.int64)
    _, first, inverse = np.unique(np.floor(v * WELD + 0.5), axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[inverse.ravel()], dtype=np.int64)


def vertex_normals(t: I64, canon: I64, faces: F64) -> F32:
    """Return unit normals (V, 3): the area-weighted mean of the faces' normals, zero where there is no area."""
    sums = np.zeros((len(canon), 3), np.float32)
    np.add.at(sums, canon[t].ravel(), np.repeat(faces.astype(np.float32), 3, axis=0))
    length = np.sqrt(np.sum(sums.astype(np.float64) ** 2, axis=1, keepdims=True))
    unit = np.divide(sums, length, out=np.zeros_like(length).repeat(3, 1), where=length > 0)
    return np.asarray(unit[canon], dtype=np.float32)


def find_edges(t: I64, canon: I64, faces: F64) -> tuple[tuple[Edge, ...], bool]:
    """Return the edges, ordered by their ends, and whether each has two faces that run opposite ways."""
    groups: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for f, corners in enumerate(t.tolist()):
        a, b, c = (int(canon[i]) for i in corners)
        if len({a, b, c}) < 3:
            continue
        for k in range(3):
            p, q = corners[k], corners[(k + 1) % 3]
            low, high = sorted((int(canon[p]), int(canon[q])))
            groups[low, high].append((f, k))
    edges, closed = [], len(t) > 0
    for _, sides in sorted(groups.items()):
        runs = [tuple(t[f, [k, (k + 1) % 3]].tolist()) for f, k in sides]
        ways = [tuple(canon[list(run)].tolist()) for run in runs]
        closed &= len(sides) == 2 and ways[0] != ways[1]
        for i in range(max(len(sides), 2) - 1):
            face, paired = sides[i][0], i + 1 < len(sides)
            same = paired and ways[i] == ways[i + 1]
            other = sides[i + 1][0] if paired else None
            edges.append(Edge(runs[i], face, other, same, paired and sharp(faces[face], faces[sides[i + 1][0]], same)))
    return tuple(edges), closed


def sharp(m: F64, n: F64, same: bool) -> bool:
    """Tell whether two faces' normals are more than 40 degrees apart."""
    lengths = np.sqrt((m @ m) * (n @ n))
    return bool(lengths > 0 and (-(m @ n) if same else m @ n) < CREASE_COS * lengths)
