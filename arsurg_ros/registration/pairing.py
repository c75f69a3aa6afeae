# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which fixed point belongs to which moving one: by name, by order, by distances alone, or as a pointer touched them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arsurg_ros.errors import RegistrationError
from arsurg_ros.files.points import Points
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.consensus import PointMatch, match_unordered
from arsurg_ros.kernels.poses import interpolate_poses
from arsurg_ros.registration.dwell import Dwell, DwellDetector, match_in_order
from arsurg_ros.registration.landmarks import Landmarks
from arsurg_ros.types import F64, PoseSeries

MAX_GAP_NS = 200_000_000


@dataclass(frozen=True)
class Pairing:
    """Index pairs ``fixed``, ``moving`` (K,) and how they were found; ``match`` is the ambiguity report of unordered points."""

    fixed: NDArray[np.int64]
    moving: NDArray[np.int64]
    how: str
    match: PointMatch | None = None


def pair_by_name_or_order(fixed: Points, moving: Points) -> Pairing:
    """Return pairs by name where both sides have names, else by order.

    Raises RegistrationError ``count_mismatch`` naming what has no partner.
    """
    if fixed.named and moving.named:
        sides = ((fixed, moving), (moving, fixed))
        alone = [f'{n} of {a.source}' for a, b in sides for n in a.names if n not in b.names]
        if alone:
            raise RegistrationError('count_mismatch', f'no partner of the same name for {", ".join(alone)}')
        order = np.array([fixed.names.index(n) for n in moving.names], dtype=np.int64)
        return Pairing(order, np.arange(len(order)), 'by name')
    if len(fixed.names) != len(moving.names):
        counts = f'{len(fixed.names)} points in {fixed.source}, {len(moving.names)} in {moving.source}'
        raise RegistrationError('count_mismatch', f'{counts}: as many of each are needed, or names, or --unordered')
    every = np.arange(len(moving.names))
    return Pairing(every, every, 'by order')


def pair_by_distances(fixed_m: F64, moving_m: F64, threshold_m: float, backend: str) -> Pairing:
    """Return pairs of points (N, 3), (M, 3) in no order; raises RegistrationError as ``match_unordered`` does."""
    match = match_unordered(fixed_m, moving_m, threshold_m, backend=backend)
    return Pairing(match.fixed, match.moving, 'by distances alone', match)


def relative(tool: PoseSeries, reference: PoseSeries, backend: str) -> PoseSeries:
    """Return the tool's poses in the reference body's frame, of two series of one tracker and clock.

    The reference is interpolated at the tool's stamps (screw motion), never over more than 0.2 s and never extrapolated; stamps
    without it are dropped and counted. Raises RegistrationError ``no_stamps``, ``disjoint`` where nothing is left.
    """
    if tool.stamps_ns is None or reference.stamps_ns is None:
        raise RegistrationError('no_stamps', f'{tool.source} and {reference.source}: both need stamps')
    order = np.argsort(reference.stamps_ns, kind='stable')
    known, T = reference.stamps_ns[order], reference.T[order]
    if len(known) < 2:
        raise RegistrationError('disjoint', f'{reference.source}: {len(known)} poses; two or more are needed')
    after = np.clip(np.searchsorted(known, tool.stamps_ns), 1, len(known) - 1)
    t0, t1 = known[after - 1], known[after]
    span = t1 - t0
    good = (t0 <= tool.stamps_ns) & (tool.stamps_ns <= t1) & (span > 0) & (span <= MAX_GAP_NS)
    if not good.any():
        raise RegistrationError('disjoint', f'{tool.source} and {reference.source} have no time in common')
    alpha = (tool.stamps_ns - t0)[good] / span[good]
    T_trk_ref = interpolate_poses(T[after - 1][good], T[after][good], alpha, backend=backend)
    dropped = tool.dropped + int((~good).sum())
    return PoseSeries(se3.inverse(T_trk_ref) @ tool.T[good], tool.stamps_ns[good], tool.source, dropped)


def tip_dwells(poses: PoseSeries, tip_m: ArrayLike, radius_m: float, rest_s: float) -> list[Dwell]:
    """Return the rests of a tip (3,), metres, along poses of its tool.

    Raises RegistrationError ``no_stamps`` for poses without time, ``bad_threshold`` for a radius or duration that is none.
    """
    if poses.stamps_ns is None:
        raise RegistrationError('no_stamps', f'{poses.source} has no stamps: how long the tip rests cannot be told')
    if not (0 < radius_m < math.inf and 0 < rest_s < math.inf):
        raise RegistrationError('bad_threshold', f'dwell radius {radius_m} m, duration {rest_s} s: positive numbers are needed')
    tip = np.asarray(tip_m, dtype=np.float64)
    detector = DwellDetector(radius_m, round(rest_s * 1e9))
    path_m = poses.T[:, :3, :3] @ tip + poses.T[:, :3, 3]
    ended = [detector.add(int(t), p) for t, p in zip(poses.stamps_ns, path_m, strict=True)]
    return [d for d in (*ended, detector.current()) if d is not None]


def pair_dwells(dwells: list[Dwell], moving: Points, backend: str) -> Pairing:
    """Return the dwells that fit the moving points best, in their order; raises RegistrationError as ``match_in_order``."""
    chosen = match_in_order(Landmarks(moving.names, moving.p_m), dwells, backend=backend)
    places = [next(i for i, d in enumerate(dwells) if d is c) for c in chosen]
    return Pairing(np.array(places, dtype=np.int64), np.arange(len(places)), 'in the order of touching, idle rests left out')
