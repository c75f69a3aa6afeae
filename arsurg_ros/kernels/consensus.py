# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Outlier rejection and correspondence without chance: exact searches over at most 64 points a side.

Consensus: tree search after Chin, Purkait, Eriksson and Suter, *Efficient globally optimal consensus maximisation with tree
search*, CVPR 2015, with Lawson's weighted least squares as the proof that no motion maps a set. Matching: depth-first on
consistent distances. The numpy twins try every subset and every assignment, of at most 8 points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arsurg_ros.errors import RegistrationError
from arsurg_ros.kernels import reference_landmarks
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.landmarks import checked, loaded, refusal, rows_of_three
from arsurg_ros.types import F64

MOST_POINTS = 64
#: A motion counts as mapping a set within the threshold up to this share more.
SLACK = 1e-3


@dataclass(frozen=True)
class PointMatch:
    """Which moving point is which fixed one: index pairs ``fixed``, ``moving`` (K,), ascending in moving, and their fit's rms.

    No rigid motion and assignment map more pairs within the threshold. ``rival`` is the best assignment of as many pairs that
    needs another motion, as such index pairs (2, K), of those with an rms within ``searched_m`` (three thresholds, or one where
    that search was too large) and distances that agree within twice that; None: there is none. ``ratio`` is its rms over this
    one's.
    """

    fixed: NDArray[np.int64]
    moving: NDArray[np.int64]
    rms_m: float
    rival: NDArray[np.int64] | None
    rival_rms_m: float | None
    searched_m: float

    @property
    def ratio(self) -> float | None:
        """Return how many times worse the rival is; None without one, inf beside an exact fit."""
        if self.rival_rms_m is None:
            return None
        return self.rival_rms_m / self.rms_m if self.rms_m > 0 else math.inf


def find_consensus(
    fixed_m: ArrayLike, moving_m: ArrayLike, threshold_m: float, *, backend: str = 'wasm'
) -> NDArray[np.bool_]:
    """Return which pairs (N,) of points (N, 3), metres, belong to the largest set that one rigid motion maps.

    Guarantee: no rigid motion maps more pairs within the threshold, and one motion maps the set within threshold (1 + SLACK);
    of several such sets it is the one of least rms. (The least-squares fit of the set is another motion, and may leave a
    residual somewhat above.) Three pairs and more than half are needed. Raises RegistrationError: ``too_few_points``,
    ``too_many_points`` (over 64), ``count_mismatch``, ``not_finite``, ``bad_threshold``, ``no_consensus``, ``mirrored`` (as
    many pairs agree on a mirror image), ``ambiguous`` (an equally large set needs another motion, one of its pairs lying more
    than three thresholds off the first one's fit, and is more than 1 % as likely under normal noise of unknown size),
    ``search_too_large``.
    """
    run = pick(backend, {'wasm': _consensus, 'numpy': reference_landmarks.consensus})
    fixed, moving, _ = checked(fixed_m, moving_m, None)
    outcome = run(fixed, moving, float(threshold_m))
    if isinstance(outcome, int):
        raise refusal(outcome, len(fixed))
    return outcome


def match_unordered(fixed_m: ArrayLike, moving_m: ArrayLike, threshold_m: float, *, backend: str = 'wasm') -> PointMatch:
    """Return which moving point (M, 3) is which fixed one (N, 3), metres; either side may have points without partner.

    Guarantee: no rigid motion and assignment map more pairs within the threshold; of those of that size the one of least rms is
    given. Three pairs, and more than half of the smaller side, are needed. Raises RegistrationError with the codes of
    ``find_consensus``; ``ambiguous`` where the rival (see PointMatch) is more than 1 % as likely.
    """
    run = pick(backend, {'wasm': _match, 'numpy': reference_landmarks.match_unordered})
    fixed, moving = rows_of_three(fixed_m, 'fixed'), rows_of_three(moving_m, 'moving')
    outcome = run(fixed, moving, float(threshold_m))
    if isinstance(outcome, int):
        raise refusal(outcome, max(len(fixed), len(moving)))
    partner, rms_m, rival, rival_rms_m, searched_m, ambiguous = outcome
    if ambiguous:
        mm = f'rms {rms_m * 1e3:.3g} mm, another with rms {rival_rms_m * 1e3:.3g} mm'
        remedy = 'name them, or add one that breaks the symmetry'
        raise RegistrationError('ambiguous', f'the points fit in more than one order ({mm}): {remedy}')
    alone = math.isnan(rival_rms_m)
    fixed_ids, moving_ids = pairs_of(partner)
    others = None if alone else np.array(pairs_of(rival))
    return PointMatch(fixed_ids, moving_ids, rms_m, others, None if alone else rival_rms_m, searched_m)


def pairs_of(partner: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return fixed and moving indices of a list of partners (M,), -1 for none."""
    moving = np.flatnonzero(partner >= 0)
    return partner[moving], moving


def _consensus(fixed: F64, moving: F64, threshold_m: float) -> NDArray[np.bool_] | int:
    kernel = loaded(fixed, moving)
    kernel.blocks['more'][0] = threshold_m
    return kernel.call('consensus') or kernel.blocks['members'][: len(fixed)] == 1


def _match(fixed: F64, moving: F64, threshold_m: float) -> reference_landmarks.Matched | int:
    kernel = loaded(fixed, moving)
    kernel.blocks['more'][0] = threshold_m
    status = kernel.call('match_unordered')
    if status:
        return status
    rms, rival_rms, searched, ambiguous = kernel.blocks['more'][:4].tolist()
    partner, rival = kernel.blocks['members'].view(np.int32).astype(np.int64).reshape(2, -1)[:, : len(moving)]
    return partner, rms, rival, rival_rms, searched, ambiguous == 1
