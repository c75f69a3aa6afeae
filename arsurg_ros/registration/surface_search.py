# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Surface registration without a start: many short alignments of few points, the best of them refined with all points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.kernels.icp import IcpFit, IcpSettings, IcpTarget
from arsurg_ros.registration.starts import WHOLE, thinned
from arsurg_ros.types import F64

# Two poses are different where they take the source's points apart by this share of its radius (rms).
APART = 0.05
# So many points are enough to rank minima; so many steps to see which starts are hopeless, and to bring the rest home.
FEW_POINTS, SHORT, LONG = 64, 6, 40
SURVIVORS, REFINED = 80, 12
REACH_SHARE = 0.5


@dataclass(frozen=True)
class Found:
    """The ``refined`` fits with all points, best first, all different; ``ends``: where the starts that survived came to."""

    refined: list[IcpFit]
    ends: list[IcpFit]

    def agreeing(self, source_m: F64) -> int:
        """Return how many ends are the best fit."""
        best = self.refined[0]
        return sum(is_same(best, end, source_m) for end in self.ends)


def apart_m(a: IcpFit, b: IcpFit, source_m: F64) -> float:
    """Return how far apart two poses take points (N, 3), rms, metres."""
    gap = se3.transform(a.T_target_source, source_m) - se3.transform(b.T_target_source, source_m)
    return float(np.sqrt((gap**2).sum(axis=1).mean()))


def is_same(a: IcpFit, b: IcpFit, source_m: F64) -> bool:
    """Return whether two fits are one pose."""
    return apart_m(a, b, source_m) <= APART * a.arm_m


def search(
    target: IcpTarget, source_m: F64, starts: Sequence[F64], how: IcpSettings, voxel_m: float, diagonal_m: float
) -> Found:
    """Return the best minima that ``starts`` lead to; both lists are empty where no start finds partners.

    The first 24 starts always survive the short alignments, of the others the best 80.
    """
    few = thinned(source_m, FEW_POINTS)
    rough = replace(
        how,
        method='point_to_plane',  # generalised ICP takes normals from neighbours, which few points do not have
        max_distance_m=max(REACH_SHARE * diagonal_m, how.max_distance_m),
        max_iterations=SHORT,
        rotation_epsilon_rad=1e-3,
        translation_epsilon_m=1e-4 * diagonal_m,
    )
    whole = _fits(target, few, starts[:WHOLE], rough)
    others = sorted(_fits(target, few, starts[WHOLE:], rough), key=lambda f: f.score_m)[:SURVIVORS]
    halfway = [f.T_target_source for f in (*whole, *others)]
    ends = sorted(_fits(target, few, halfway, replace(rough, max_iterations=LONG)), key=lambda f: f.score_m)
    poses = [f.T_target_source for f in _different(ends, few)[:REFINED]]
    return Found(sorted(_fits(target, source_m, poses, how, voxel_m), key=lambda f: f.score_m), ends)


def _fits(target: IcpTarget, source_m: F64, starts: Sequence[F64], how: IcpSettings, voxel_m: float = 0.0) -> list[IcpFit]:
    return [f for f in target.align(source_m, voxel_m, list(starts), how) if isinstance(f, IcpFit)]


def _different(fits: Sequence[IcpFit], source_m: F64) -> list[IcpFit]:
    out: list[IcpFit] = []
    for fit in fits:
        if not any(is_same(known, fit, source_m) for known in out):
            out.append(fit)
    return out
