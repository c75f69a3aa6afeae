# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Least squares where several sources of noise of unknown size mix: variance components and what they leave in doubt.

Restricted maximum likelihood by Fisher scoring: Patterson and Thompson, Biometrika 58(3), 1971; the covariance of the answer
with the components' own doubt in it: Kenward and Roger, Biometrics 53(3), 1997; degrees of freedom of a part of it:
Satterthwaite, Biometrics Bull. 2(6), 1946.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from arsurg_ros.types import F64

STEPS, STILL = 50, 1e-5
# A component falls by no more than so much a step, and is nothing below this share of the largest it could be.
FALL, NOTHING = 0.1, 1e-5


def _product(a: F64, b: F64) -> F64:
    """Return the sum of a_i^T b_i over rows of (N, D, P)."""
    out: F64 = a.reshape(-1, a.shape[2]).T @ b.reshape(-1, b.shape[2])
    return out


@dataclass(frozen=True)
class Mixed:
    """The ``step`` (P,) that the answer has to take, its ``covariance`` (P, P), and the ``variances`` (K,) of the sources.

    ``slopes`` (K, P, P) are the covariance's derivatives by the variances, ``doubt`` (K, K) is the variances' covariance.
    """

    step: F64
    covariance: F64
    variances: F64
    slopes: F64
    doubt: F64

    def dof(self, part: slice) -> float:
        """Return the degrees of freedom with which the trace of a part of the covariance is known."""
        slopes = np.trace(self.slopes[:, part, part], axis1=1, axis2=2)
        variance = float(slopes @ self.doubt @ slopes)
        trace = float(np.trace(self.covariance[part, part]))
        return max(2 * trace**2 / variance, 1.0) if variance > 0 else math.inf


def mixed(off: F64, G: F64, sources: F64, start: F64, own: F64 | None = None) -> Mixed:
    """Return the most likely answer of deviations (N, D) whose change with the parameters is ``G`` (N, D, P).

    Their covariance is the sum of ``sources`` (K, N, D, D) times unknown variances, ``start`` (K,) at first, and of ``own``
    (N, D, D), which is known. Linear in the parameters: to be called again from where the step leads.
    """
    known = np.zeros(G.shape[:2] + G.shape[1:2]) if own is None else own
    theta = np.maximum(start, 1e-30)
    least, size = NOTHING * theta, theta
    parameters = G.shape[2]
    for _ in range(STEPS):
        V = np.linalg.inv(np.tensordot(theta, sources, 1) + known)
        VG, KV = V @ G, sources @ V
        KVG = sources @ VG  # (K, N, D, P)
        C = np.linalg.pinv(_product(G, VG))
        step = C @ (VG * off[..., None]).sum(axis=(0, 1))
        q = (V @ (off - G @ step)[..., None])[..., 0]
        A = np.array([_product(VG, k) for k in KVG])
        VKVG = V @ KVG
        flat = KVG.reshape(len(theta), -1, parameters)
        B = np.swapaxes(flat, 1, 2)[:, None] @ VKVG.reshape(flat.shape)[None]  # (K, K, P, P)
        CA = C @ A
        squares = ((sources @ q[..., None])[..., 0] * q).sum(axis=(1, 2))
        score = 0.5 * (squares - np.trace(KV, axis1=2, axis2=3).sum(axis=1) + np.trace(CA, axis1=1, axis2=2))
        across = np.swapaxes(KV, 2, 3).reshape(len(theta), -1)
        I = 0.5 * (  # noqa: E741
            KV.reshape(len(theta), -1) @ across.T
            - 2 * np.trace(C @ B, axis1=2, axis2=3)
            + CA.reshape(len(theta), -1) @ np.swapaxes(CA, 1, 2).reshape(len(theta), -1).T
        )
        free = (theta > 1.01 * least) | (score > 0)
        move = np.zeros_like(theta)
        unit = np.where(free, size, 0.0)
        move = unit * np.linalg.lstsq(I * np.outer(unit, unit), score * unit, rcond=1e-12)[0]
        after = np.maximum(theta + move, np.maximum(FALL * theta, least))
        if (np.abs(after - theta) <= STILL * size).all():
            break
        theta = after
    doubt = np.outer(unit, unit) * np.linalg.pinv(I * np.outer(unit, unit), rcond=1e-12)
    slopes = CA @ C
    widened = C + 2 * C @ np.tensordot(doubt, B - A[:, None] @ CA[None], 2) @ C
    return Mixed(-step, 0.5 * (widened + widened.T), theta, slopes, doubt)
