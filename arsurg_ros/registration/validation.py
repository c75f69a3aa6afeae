# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A pointer check: the tip on a landmark whose place in the image is known, against where the registration puts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.registration import tre
from arsurg_ros.registration.records import Record
from arsurg_ros.types import F64

# A landmark is at the same place in two lists to the digits that people write.
SAME_PLACE_M = 1e-4


@dataclass(frozen=True)
class Check:
    """One touch: ``error_m`` is the distance of the tip from where the registration puts the landmark.

    ``independent``: the landmark, and any at its place, was held out of the registration, so that the error is one of a
    target (TRE); for one that was used it also holds what the fit gave way. ``moved_m`` is how far it lies from where it
    was touched for the registration, None for a held-out one: that is the reference's motion alone. ``expected95_m`` holds
    the error 95 times in 100 if nothing has moved, None where the registration has no covariance for it.
    """

    name: str
    independent: bool
    p_ref_m: F64
    error_m: float
    moved_m: float | None
    expected95_m: float | None
    limit_m: float

    @property
    def passed(self) -> bool:
        """Whether the error is within the limit."""
        return self.error_m <= self.limit_m

    def text(self) -> str:
        """Return the answer in one line."""
        kind = 'held out: independent evidence' if self.independent else 'used for the registration: not independent'
        verdict = 'passed' if self.passed else 'FAILED'
        expected = '' if self.expected95_m is None else f', expected within {self.expected95_m * 1e3:.2f} mm (95 %)'
        moved = '' if self.moved_m is None else f', moved {self.moved_m * 1e3:.2f} mm since it was registered'
        return (
            f'{verdict}: {self.name} ({kind}): {self.error_m * 1e3:.2f} mm, limit {self.limit_m * 1e3:.2f} mm'
            f'{expected}{moved}'
        )

    def json(self) -> dict[str, Any]:
        """Return it as JSON, for the log."""
        return {
            'landmark': self.name,
            'independent': self.independent,
            'passed': self.passed,
            'p_ref_m': self.p_ref_m.tolist(),
            'error_m': self.error_m,
            'moved_m': self.moved_m,
            'expected95_m': self.expected95_m,
            'limit_m': self.limit_m,
        }


def check_touch(
    record: Record, checks: Mapping[str, F64], p_ref_m: F64, *, radius_m: float, limit_m: float
) -> Check:
    """Return the check at the landmark nearest to the tip (3,), metres in ref: one of ``checks`` (ct) or of the record's.

    Raises RegistrationError ``not_near`` where none is within ``radius_m``.
    """
    places = {touch.name: touch.p_ct_m for touch in record.touches} | dict(checks)
    if not places:
        raise RegistrationError('not_near', 'no landmark is known to check at: name some in the landmarks file')
    result = record.result
    errors = {n: float(np.linalg.norm(se3.transform(result.T_ref_ct, p) - p_ref_m)) for n, p in places.items()}
    name = min(errors, key=errors.__getitem__)
    if errors[name] > radius_m:
        raise RegistrationError(
            'not_near',
            f'the tip is {errors[name] * 1e3:.1f} mm from {name}, the nearest landmark, and over the radius of '
            f'{radius_m * 1e3:.0f} mm: touch a landmark; if this is one, register again',
        )
    touched = {touch.name: touch.p_ref_m for touch in record.touches}
    # By place: a landmark of the fit that is also named as a check, or under another name, is no evidence of its own.
    away_m = [np.linalg.norm(t.p_ct_m - places[name]) for t in record.touches if t.name not in result.rejected]
    used = min(away_m, default=np.inf) <= SAME_PLACE_M
    moved_m = float(np.linalg.norm(touched[name] - p_ref_m)) if name in touched and name not in checks else None
    return Check(name, not used, p_ref_m, errors[name], moved_m, expected95_m(record, places[name]), limit_m)


def expected95_m(record: Record, p_ct_m: F64) -> float | None:
    """Return the radius that holds a touch of a point (3,) in ct 95 times in 100 if nothing has moved.

    The registration's own error there and the touch's noise, as the registration knows it (see ``tre.margin_m``).
    """
    result = record.result
    if result.noise_m is None:
        return None
    covariance = tre.position_covariance(result.T_ref_ct, result.covariance, p_ct_m) + result.noise_m**2 * np.eye(3)
    return tre.margin_m(covariance, result.dof)
