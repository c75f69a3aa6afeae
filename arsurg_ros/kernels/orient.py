# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Triangles turned so that neighbours agree: what tells inside from outside sums over oriented surfaces."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from arsurg_ros.types import F32, I64, U32


def oriented(vertices_m: F32, triangles: U32) -> U32:
    """Return the triangles (F, 3), some of them turned over, so that two that share an edge run along it in opposite ways.

    Neighbours share an edge that has these two triangles alone; vertices in one place count as one. In each connected piece
    the fewer are turned (the smaller area), so that a cavity stays one, and a mesh that agrees with itself stays as it is;
    a piece that cannot be oriented (a Moebius strip) stays too.
    """
    edges, face = _edges(vertices_m, triangles)
    forth = edges[:, 0] < edges[:, 1]
    key = np.minimum(*edges.T) * len(vertices_m) + np.maximum(*edges.T)
    order = np.argsort(key, kind='stable')
    key, forth, face = key[order], forth[order], face[order]
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    first = starts[np.diff(np.r_[starts, len(key)]) == 2]
    same = forth[first] == forth[first + 1]
    if not same.any():
        return triangles
    turned = _turned(face[first], face[first + 1], same, _areas(vertices_m, triangles))
    return np.where(turned[:, None], triangles[:, ::-1], triangles)


def _edges(vertices_m: F32, triangles: U32) -> tuple[I64, I64]:
    """Return the directed edges (3F, 2) between places, and the triangle of each; none of one with corners in one place."""
    corners = _places(vertices_m)[triangles]
    real = np.flatnonzero((corners != np.roll(corners, 1, axis=1)).all(axis=1))
    corners = corners[real]
    return np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]), np.tile(real, 3)


def _places(vertices_m: F32) -> I64:
    """Return a number for each vertex that those in one place share."""
    order = np.lexsort(vertices_m.T)
    ordered = vertices_m[order]
    place = np.empty(len(order), np.int64)
    place[order] = np.cumsum(np.r_[False, (ordered[1:] != ordered[:-1]).any(axis=1)])
    return place


def _turned(a: I64, b: I64, same: NDArray[np.bool_], area: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which triangles to turn: each is there twice, as it is and turned, and is joined to those that agree with it."""
    n = len(area)
    rows, columns = np.concatenate([a, a + n]), np.concatenate([b + n * same, b + n * ~same])
    graph = scipy.sparse.coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(2 * n, 2 * n))
    _, piece = scipy.sparse.csgraph.connected_components(graph, directed=False)
    kept, turned = piece[:n], piece[n:]
    weight = np.bincount(kept, area, minlength=piece.max() + 1)
    lighter = weight[kept] < weight[turned]
    # of two halves that weigh the same one is turned
    return np.asarray((kept != turned) & (lighter | ((weight[kept] == weight[turned]) & (kept > turned))))


def _areas(vertices_m: F32, triangles: U32) -> NDArray[np.float64]:
    corners = vertices_m.astype(np.float64)[triangles]
    return np.asarray(np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2)
