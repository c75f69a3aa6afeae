# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where surface registration starts: fixed sets of poses, the same every time."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.geometry import se3
from arsurg_ros.types import F64

# A landmark registration is rarely off by more; a nudge beyond these is no neighbour any more.
NUDGES_RAD = (np.radians(12.0), np.radians(25.0))
#: Proper rotations that map the coordinate axes onto each other.
AXIS_TURNS = tuple(
    M
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1.0, -1.0), repeat=3)
    if np.linalg.det(M := np.eye(3)[list(order)] * np.array(signs)[:, None]) > 0
)
#: Those that keep each axis first: the four ways to lay one set of principal axes upon another.
KEEPING = tuple(M for M in AXIS_TURNS if np.count_nonzero(np.diag(M)) == 3)
#: Eight ways about the thinnest axis, which of a patch is its normal, of either face up.
FACE_TURNS = tuple(
    se3.from_rotvec(np.array([0.0, 0.0, angle])) @ np.diag(flip)
    for angle in np.radians(range(0, 360, 45))
    for flip in ((1.0, 1.0, 1.0), (1.0, -1.0, -1.0))
)
PATCHES, SMALLEST_PATCH = 24, 6
WHOLE = len(AXIS_TURNS)
MOST_COARSE = WHOLE + PATCHES * len(FACE_TURNS)
MOST_NUDGED = 1 + 6 * len(NUDGES_RAD)


def principal_axes(points_m: F64) -> F64:
    """Return a right-handed rotation (3, 3) whose columns are the principal axes of points (N, 3), the longest first."""
    _, _, axes = np.linalg.svd(points_m - points_m.mean(axis=0), full_matrices=False)
    R = np.asarray(axes.T)
    return R if np.linalg.det(R) > 0 else R * (1, 1, -1)


def coarse_starts(target_m: F64, source_m: F64, count: int) -> list[F64]:
    """Return up to 408 poses of source points (N, 3) on points spread evenly over the target (M, 3).

    24 lay centroid on centroid and principal axes on principal axes, the four likely ones first. The others lay the source so
    upon 24 patches of the target that are as large as it, in 16 turns each: points of a part belong there.
    """
    ordered = [*KEEPING, *(M for M in AXIS_TURNS if np.count_nonzero(np.diag(M)) != 3)]
    out = _laid(target_m, source_m, ordered)
    if count > WHOLE:
        for patch in patches(target_m, source_m):
            out += _laid(patch, source_m, FACE_TURNS)
    return out[:count]


def _laid(onto_m: F64, source_m: F64, turns: tuple[F64, ...] | list[F64]) -> list[F64]:
    to, own = principal_axes(onto_m), principal_axes(source_m)
    rotations = [to @ M @ own.T for M in turns]
    return [se3.compose(R, onto_m.mean(axis=0) - R @ source_m.mean(axis=0)) for R in rotations]


def patches(target_m: F64, source_m: F64) -> list[F64]:
    """Return 24 patches of target points (M, 3): about centres far from each other, of the source's rms radius."""
    size = float(((source_m - source_m.mean(axis=0)) ** 2).sum(axis=1).mean())
    out = []
    for centre in target_m[far_apart(target_m, PATCHES)]:
        outward = target_m[np.argsort(np.linalg.norm(target_m - centre, axis=1))]
        # the variance of the nearest 1, 2, 3 ... points
        counts, about = np.arange(1, len(outward) + 1), outward - centre
        means = np.cumsum(about, axis=0) / counts[:, None]
        spread = np.cumsum((about**2).sum(axis=1)) / counts - (means**2).sum(axis=1)
        enough = int(np.searchsorted(np.maximum.accumulate(spread), size))
        out.append(outward[: max(enough, SMALLEST_PATCH)])
    return out


def far_apart(points_m: F64, count: int) -> NDArray[np.int64]:
    """Return the indices of up to ``count`` points (N, 3), each the farthest from those before (Gonzalez 1985)."""
    gap = np.linalg.norm(points_m - points_m.mean(axis=0), axis=1)
    out = [int(gap.argmax())]
    gap = np.linalg.norm(points_m - points_m[out[0]], axis=1)
    while len(out) < min(count, len(points_m)):
        out.append(int(gap.argmax()))
        gap = np.minimum(gap, np.linalg.norm(points_m - points_m[out[-1]], axis=1))
    return np.array(out)


def thinned(points_m: F64, count: int) -> F64:
    """Return about ``count`` of the points (N, 3): halves along the widest side, of each the point next to its middle.

    Points far off count no more than others, as they would if the farthest were taken.
    """
    groups = [points_m]
    while 2 * len(groups) <= count and min(len(g) for g in groups) > 1:
        groups = [half for g in groups for half in _halves(g)]
    return np.array([g[np.linalg.norm(g - g.mean(axis=0), axis=1).argmin()] for g in groups])


def _halves(points_m: F64) -> tuple[F64, F64]:
    widest, middle = int(np.ptp(points_m, axis=0).argmax()), len(points_m) // 2
    order = np.argpartition(points_m[:, widest], middle)
    return points_m[order[:middle]], points_m[order[middle:]]


def spread_over(vertices_m: F64, triangles: NDArray[np.integer], count: int) -> F64:
    """Return points (count, 3) spread evenly over the area of a mesh's triangles (F, 3), the same every time.

    Inside the triangles they follow Roberts' R2 sequence. A mesh without area gives its vertices.
    """
    a, b, c = (vertices_m[triangles[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    if not (area.sum() > 0 and np.isfinite(area.sum())):
        return vertices_m
    at = (np.arange(count) + 0.5) / count
    pick = np.minimum(np.searchsorted(np.cumsum(area) / area.sum(), at), len(area) - 1)
    s, t = ((0.5 + np.arange(count) * step) % 1 for step in (0.7548776662466927, 0.5698402909980532))
    s, t = np.where(s + t > 1, 1 - s, s), np.where(s + t > 1, 1 - t, t)
    return np.asarray(a[pick] + s[:, None] * (b - a)[pick] + t[:, None] * (c - a)[pick])


def nudged_starts(init: F64, source_m: F64, count: int) -> list[F64]:
    """Return up to 13 poses: ``init``, then turned by 12 and 25 degrees either way about the source's principal axes."""
    centre, axes = source_m.mean(axis=0), principal_axes(source_m)
    to_centre = se3.compose(np.eye(3), centre)
    out = [init]
    for angle, axis, sign in itertools.product(NUDGES_RAD, range(3), (1.0, -1.0)):
        turn = se3.compose(se3.from_rotvec(sign * angle * axes[:, axis]), np.zeros(3))
        out.append(init @ to_centre @ turn @ se3.inverse(to_centre))
    return out[:count]
