# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pairs of landmarks with what is known of their noise: fitted, judged, stripped of outliers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.anisotropic import AnisotropicFit, solve_anisotropic
from arsurg_ros.kernels.consensus import find_consensus
from arsurg_ros.kernels.landmarks import checked, leave_one_out, solve_paired_points
from arsurg_ros.registration import tre
from arsurg_ros.registration.evidence import Judged
from arsurg_ros.types import F64, PairedPointFit

# An outlier is farther off than four standard deviations (1 in 900 good landmarks is); 1 mm is what pointers achieve.
OUTLIER_SIGMAS, USUAL_NOISE_M = 4.0, 0.001


@dataclass(frozen=True)
class Covariances:
    """Localisation covariances (m^2) of landmarks of weight one, (3, 3) or one each (N, 3, 3); None: a side without error.

    ``ref_m2`` is in ref's axes, ``ct_m2`` in ct's.
    """

    ref_m2: F64 | None = None
    ct_m2: F64 | None = None

    def sigma_m(self) -> float:
        """Return the standard deviation per axis, both sides together, of the landmark that has the largest."""
        sides = (np.trace(c, axis1=-2, axis2=-1) for c in (self.ref_m2, self.ct_m2) if c is not None)
        return math.sqrt(float(np.max(sum(sides))) / 3)


@dataclass(frozen=True)
class Pairs:
    """Landmarks ``p_ref_m``, ``p_ct_m`` (N, 3) with weights (N,), of which zero leaves one out; noise as in ``register``."""

    p_ref_m: F64
    p_ct_m: F64
    weights: F64
    noise_m: float | None
    covariances: Covariances | None
    backend: str

    def threshold_m(self) -> float:
        """Return the distance from which on a landmark is an outlier, where none is said."""
        if self.covariances is not None:
            return OUTLIER_SIGMAS * self.covariances.sigma_m()
        return OUTLIER_SIGMAS * (self.noise_m or USUAL_NOISE_M)

    def within(self, threshold_m: float) -> Pairs:
        """Return these pairs with the weight of every outlier set to zero."""
        if not len(self.p_ref_m) == len(self.p_ct_m) == len(self.weights):
            return self  # the fit refuses them
        used = np.flatnonzero(self.weights)
        kept = used[find_consensus(self.p_ref_m[used], self.p_ct_m[used], threshold_m, backend=self.backend)]
        weights = np.zeros_like(self.weights)
        weights[kept] = self.weights[kept]
        return replace(self, weights=weights)

    def judge(self) -> Judged:
        """Return the fit and what it is worth."""
        if self.covariances is not None:
            return self._judge_anisotropic()
        fit = solve_paired_points(self.p_ref_m, self.p_ct_m, self.weights, backend=self.backend)
        noise_m, dof = self.noise_m, math.inf
        if noise_m is None:
            noise_m = tre.estimate_noise_m(fit.residuals_m, self.weights)
            dof = tre.degrees_of_freedom(np.count_nonzero(self.weights))
        covariance = tre.pose_covariance(fit.T_fixed_moving, self.p_ct_m, noise_m, self.weights)
        squared = float(self.weights @ (fit.residuals_m**2).sum(axis=1)) / noise_m**2 if noise_m else 0.0
        return Judged(fit, noise_m, dof, covariance, squared)

    def leave_one_out_m(self) -> float | None:
        """Return the rms of every used landmark's error under the fit of the others; None where some such fit is none."""
        if self.covariances is None:
            errors = leave_one_out(self.p_ref_m, self.p_ct_m, self.weights, backend=self.backend)[self.weights > 0]
        else:
            errors = np.array([self._error_without(i) for i in np.flatnonzero(self.weights)])
        squared = (errors**2).sum(axis=1)
        return float(np.sqrt(squared.mean())) if np.isfinite(squared).all() else None

    def _judge_anisotropic(self) -> Judged:
        checked(self.p_ref_m, self.p_ct_m, self.weights)
        used = np.flatnonzero(self.weights)
        found = self._fit_of(used)
        T = found.fit.T_fixed_moving
        residuals_m = self.p_ref_m - se3.transform(T, self.p_ct_m)
        fit = PairedPointFit(T, residuals_m, found.fit.fre_m, found.fit.spread_m)
        return Judged(fit, math.sqrt(float(self._variances()[used].mean())), math.inf, found.covariance, found.cost)

    def _error_without(self, index: int) -> F64:
        others = np.flatnonzero(self.weights)
        try:
            T = self._fit_of(others[others != index]).fit.T_fixed_moving
        except RegistrationError:
            return np.full(3, np.nan)
        return np.asarray(self.p_ref_m[index] - se3.transform(T, self.p_ct_m[index]))

    def _fit_of(self, which: NDArray[np.int64]) -> AnisotropicFit:
        of_ref, of_ct = (c[which] / self.weights[which, None, None] for c in self._sides())
        return solve_anisotropic(self.p_ref_m[which], self.p_ct_m[which], of_ref, of_ct, backend=self.backend)

    def _sides(self) -> tuple[F64, F64]:
        assert self.covariances is not None
        shape = (len(self.p_ct_m), 3, 3)
        given = [np.zeros((3, 3)) if c is None else c for c in (self.covariances.ref_m2, self.covariances.ct_m2)]
        if any(c.shape not in (shape, shape[1:]) for c in given):
            raise RegistrationError('count_mismatch', f'covariances {[c.shape for c in given]}: (3, 3) or {shape} is needed')
        return np.broadcast_to(given[0], shape), np.broadcast_to(given[1], shape)

    def _variances(self) -> F64:
        """Return the mean variance per axis (N,), both sides together, of weight one."""
        ref, ct = self._sides()
        return np.asarray(np.trace(ref + ct, axis1=1, axis2=2) / 3)
