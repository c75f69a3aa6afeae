# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Answers the golden vectors of the distance kernel (wasm/golden/distance.json)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.distance import FIELDS
from arsurg_ros.types import F64


def answer(case: Mapping[str, Any], backend: str) -> dict[str, F64]:
    """Return what a backend finds for a case's points and meshes, by the names that the case has; meshes are corners."""
    meshes = [np.array(corners, np.float32).reshape(-1, 3, 3) for corners in case['meshes']]
    found = pick(backend, FIELDS)(meshes).query(np.array(case['points'], np.float64).reshape(-1, 3))
    return {'distance': found.distance_m, 'closest': found.closest_m, 'winding': found.winding}
