# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Dwells: where the pointer's tip stood still, which is how a landmark is touched without a button."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from math import comb

import numpy as np

from arsurg_ros.errors import RegistrationError
from arsurg_ros.kernels.landmarks import solve_paired_points
from arsurg_ros.registration import evidence
from arsurg_ros.registration.landmarks import Landmarks
from arsurg_ros.types import F64

MAX_SUBSETS = 2_000


@dataclass(frozen=True)
class Dwell:
    """A rest of the tip in the reference frame: ``p_ref_m`` (3,) its mean, ``spread_m`` the rms about it."""

    start_ns: int
    end_ns: int
    p_ref_m: F64
    spread_m: float
    samples: int


@dataclass
class DwellDetector:
    """Feed tip positions in order of time; a dwell comes out when the tip leaves it.

    The tip rests while it stays within ``radius_m`` of its running mean; a rest shorter than ``min_duration_ns`` is
    forgotten, and so is one with a hole longer than ``max_gap_ns`` in it.
    """

    radius_m: float = 0.002
    min_duration_ns: int = 800_000_000
    max_gap_ns: int = 500_000_000
    _stamps_ns: list[int] = field(default_factory=list)
    _points_m: list[F64] = field(default_factory=list)
    _sum_m: F64 = field(default_factory=lambda: np.zeros(3))

    def add(self, stamp_ns: int, p_ref_m: F64) -> Dwell | None:
        """Add a tip position (3,), metres; return the dwell that it ended, if any."""
        if self._stamps_ns and self._continues(stamp_ns, p_ref_m):
            self._append(stamp_ns, p_ref_m)
            return None
        ended = self.current()
        self.reset()
        self._append(stamp_ns, p_ref_m)
        return ended

    def current(self) -> Dwell | None:
        """Return the dwell that is going on, if it is already long enough."""
        if not self._stamps_ns or self._stamps_ns[-1] - self._stamps_ns[0] < self.min_duration_ns:
            return None
        points = np.array(self._points_m)
        mean = points.mean(axis=0)
        spread = float(np.sqrt(((points - mean) ** 2).sum(axis=1).mean()))
        return Dwell(self._stamps_ns[0], self._stamps_ns[-1], mean, spread, len(points))

    def reset(self) -> None:
        """Forget the rest that may be going on."""
        self._stamps_ns.clear()
        self._points_m.clear()
        self._sum_m = np.zeros(3)

    def _continues(self, stamp_ns: int, p_ref_m: F64) -> bool:
        mean = self._sum_m / len(self._points_m)
        near = float(np.linalg.norm(p_ref_m - mean)) <= self.radius_m
        return near and 0 <= stamp_ns - self._stamps_ns[-1] <= self.max_gap_ns

    def _append(self, stamp_ns: int, p_ref_m: F64) -> None:
        self._stamps_ns.append(stamp_ns)
        self._points_m.append(p_ref_m)
        self._sum_m = self._sum_m + p_ref_m


def match_in_order(landmarks: Landmarks, dwells: list[Dwell], *, backend: str = 'wasm') -> list[Dwell]:
    """Return the dwells, one a landmark and in the landmarks' order, that fit best: idle rests are left out.

    Every subset in order is tried (at most 2,000), so the answer is the best one, not a good one.
    Raises RegistrationError: ``too_few_points``, or the code of the fit where no subset has one.
    """
    wanted, found = len(landmarks.names), len(dwells)
    if found < wanted:
        raise RegistrationError('too_few_points', f'{found} dwells for {wanted} landmarks')
    if comb(found, wanted) > MAX_SUBSETS:
        raise RegistrationError('ambiguous', f'{found} dwells for {wanted} landmarks: clear, and touch them again')
    points = np.array([d.p_ref_m for d in dwells])
    best: tuple[float, tuple[int, ...]] | None = None
    refused: RegistrationError | None = None
    for subset in combinations(range(found), wanted):
        try:
            fre_m = _fre_m(landmarks, points[list(subset)], backend)
        except RegistrationError as e:
            refused = e
            continue
        if best is None or fre_m < best[0]:
            best = (fre_m, subset)
    if best is None:
        assert refused is not None
        raise refused
    return [dwells[i] for i in best[1]]


def _fre_m(landmarks: Landmarks, p_ref_m: F64, backend: str) -> float:
    evidence.check_scale(landmarks.p_ct_m, p_ref_m)
    return solve_paired_points(p_ref_m, landmarks.p_ct_m, landmarks.weights, backend=backend).fre_m
