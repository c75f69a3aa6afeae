# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far the instrument's tip is from the structures that matter: targets and risks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.kernels.distance import FARTHEST_M, DistanceField
from arsurg_ros.overlay.scene import Anatomy
from arsurg_ros.overlay.style import Role
from arsurg_ros.types import F64

MEASURED = (Role.TARGET, Role.RISK)


@dataclass(frozen=True)
class StructureDistance:
    """The tip's distance to one structure's surface, metres, never negative; ``inside``: the structure encloses the tip.

    ``closest_ct_m`` (3,) is the nearest point of the surface.
    """

    name: str
    role: Role
    distance_m: float
    inside: bool
    closest_ct_m: F64


class TipDistances:
    """The targets and risks of a scene, hidden ones too, made ready for a question a frame."""

    def __init__(self, anatomies: Sequence[Anatomy], backend: str = 'wasm') -> None:
        """Build the search trees; raises DataError, ConfigError or KernelError as DistanceField does."""
        self._measured = [a for a in anatomies if a.role in MEASURED]
        meshes = [a.mesh for a in self._measured]
        self._field = DistanceField(meshes, backend=backend) if meshes else None

    def at(self, T_cam_ct: F64, T_cam_tip: F64, visible: Collection[str]) -> tuple[StructureDistance, ...]:
        """Return the tip's distances to the structures whose names are ``visible``: targets first, each role nearest first.

        A tip inside a structure is nearer to it than to any that it is outside of. There is none for poses that are not rigid
        or a tip farther than 1000 km; raises KernelError.
        """
        if self._field is None or not (se3.is_rigid(T_cam_ct) and se3.is_rigid(T_cam_tip)):
            return ()
        p_ct = se3.transform(se3.inverse(T_cam_ct), T_cam_tip[:3, 3])
        if not (np.abs(p_ct) <= FARTHEST_M).all():
            return ()
        d = self._field.query(p_ct[None])
        rows = zip(self._measured, d.distance_m[0], d.inside[0], d.closest_m[0], strict=True)
        found = [StructureDistance(a.name, a.role, float(m), bool(i), p) for a, m, i, p in rows if a.name in visible]
        return tuple(sorted(found, key=lambda s: (MEASURED.index(s.role), -s.distance_m if s.inside else s.distance_m)))


def nearest_of_each_role(distances: Sequence[StructureDistance]) -> list[StructureDistance]:
    """Return the nearest target and then the nearest risk, of what ``TipDistances.at`` returned."""
    first: dict[Role, StructureDistance] = {}
    for distance in distances:
        first.setdefault(distance.role, distance)
    return list(first.values())
