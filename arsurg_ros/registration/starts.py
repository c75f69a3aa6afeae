# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where surface registration starts: fixed sets of poses, the same every time."""

from __future__ import annotations

import itertools

import numpy as np

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
MOST_COARSE = len(AXIS_TURNS)
MOST_NUDGED = 1 + 6 * len(NUDGES_RAD)


def principal_axes(points_m: F64) -> F64:
    """Return a right-handed rotation (3, 3) whose columns are the principal axes of points (N, 3), the longest first."""
    _, _, axes = np.linalg.svd(points_m - points_m.mean(axis=0), full_matrices=False)
    R = np.asarray(axes.T)
    return R if np.linalg.det(R) > 0 else R * (1, 1, -1)


def coarse_starts(target_m: F64, source_m: F64, count: int) -> list[F64]:
    """Return up to 24 poses: centroid on centroid, principal axes on principal axes, the four likely ones first."""
    to, own = principal_axes(target_m), principal_axes(source_m)
    ordered = [*KEEPING, *(M for M in AXIS_TURNS if np.count_nonzero(np.diag(M)) != 3)]
    turns = [to @ M @ own.T for M in ordered[:count]]
    return [se3.compose(R, target_m.mean(axis=0) - R @ source_m.mean(axis=0)) for R in turns]


def nudged_starts(init: F64, source_m: F64, count: int) -> list[F64]:
    """Return up to 13 poses: ``init``, then turned by 12 and 25 degrees either way about the source's principal axes."""
    centre, axes = source_m.mean(axis=0), principal_axes(source_m)
    to_centre = se3.compose(np.eye(3), centre)
    out = [init]
    for angle, axis, sign in itertools.product(NUDGES_RAD, range(3), (1.0, -1.0)):
        turn = se3.compose(se3.from_rotvec(sign * angle * axes[:, axis]), np.zeros(3))
        out.append(init @ to_centre @ turn @ se3.inverse(to_centre))
    return out[:count]
