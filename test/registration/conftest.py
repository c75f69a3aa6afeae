# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Registrations to accept: cheap, and told apart by their stamp."""

from __future__ import annotations

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.registration.dwell import Dwell
from arsurg_ros.registration.records import Record, Touch, record_json
from arsurg_ros.types import RegistrationResult, TargetError

POINTS = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.08, 0], [0.02, 0.03, 0.06]])
TRUE = se3.exp([0.3, -0.2, 0.1, 0.4, 1.0, -0.7])
NAMES = ('a', 'b', 'c', 'd')


def make_record(k: int, accepted_unix_ns: int = 1_800_000_000_000_000_000) -> Record:
    """Return the k-th registration: its stamp is k."""
    target = TargetError('tumour', np.array([0.01, 0.0, 1 / 3]), 0.0004, 0.0009, np.eye(3) * 1e-7)
    result = RegistrationResult(
        k, 'ref', 'ct', TRUE, np.eye(6) * 1e-7, 0.0003 + k * 1e-7, NAMES, np.full(4, 0.0003),
        {'mode': 'manual', 'kernel_sha256': 'ab'}, ('d',), 0.0007, 0.0002, float('inf'), (target,), ('few_points',),
    )
    p_ref = se3.transform(TRUE, POINTS)
    touches = tuple(Touch(n, c, r, Dwell(1, 2, r, 1e-4, 30)) for n, c, r in zip(NAMES, POINTS, p_ref, strict=True))
    return Record(result, touches, accepted_unix_ns)


def accepted(k: int) -> dict[str, object]:
    """Return the data of the k-th acceptance."""
    return {'record': record_json(make_record(k))}
