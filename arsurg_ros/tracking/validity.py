# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One validity model for what devices send: every way in which the field says "no data" becomes a pose that says why.

Stamp zero (cisst), NaN (NDI drivers), a frozen pose (OptiTrack), silence (PLUS), an error too large, a matrix that is no
rotation: none of them leaves here as valid, and none with a transform.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.types import F64, Pose, Validity

RIGID_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Sample:
    """What a device sent for a tool: ``T_parent_tool`` (4x4, metres) may be anything, None where it says "not in view"."""

    stamp_ns: int
    parent: str
    tool: str
    T: F64 | None
    error_m: float | None = None
    reason: str = 'not in view'


@dataclass(frozen=True)
class Limits:
    """When a sample is not believed; 0 switches a limit off."""

    frozen_ns: int = 250_000_000
    silent_ns: int = 500_000_000
    max_error_m: float = 0.0


@dataclass
class _History:
    parent: str
    T: F64
    changed_ns: int
    stamp_ns: int
    heard_ns: int
    silence_told: bool = False


class Judge:
    """Turns samples into poses; remembers for each tool when its pose last changed and when it was last heard."""

    def __init__(self, limits: Limits) -> None:
        """Judge by the given limits."""
        self._limits = limits
        self._history: dict[str, _History] = {}

    def judge(self, sample: Sample, now_ns: int) -> Pose:
        """Return the pose of a sample that came at ``now_ns``; one that is not valid has no transform."""
        validity, reason = self._verdict(sample)
        self._remember(sample, now_ns)
        if validity is Validity.VALID and (frozen := self._frozen(sample)):
            validity, reason = Validity.STALE, frozen
        T = sample.T if validity is Validity.VALID else None
        # Stamp 0 means none: a pose that is refused for it carries the time at which it came.
        stamp_ns = sample.stamp_ns or now_ns
        return Pose(stamp_ns, sample.parent, sample.tool, T, validity, sample.error_m, reason=reason)

    def silences(self, now_ns: int) -> list[Pose]:
        """Return one STALE pose for each tool that has fallen silent since it was last heard."""
        return [p for tool in self._history if (p := self._silence(tool, now_ns))]

    def _verdict(self, sample: Sample) -> tuple[Validity, str]:
        if sample.T is None:
            return Validity.LOST, sample.reason
        if sample.stamp_ns <= 0:
            return Validity.LOST, f'stamp {sample.stamp_ns}: the device has no data'
        problem = matrix_problem(sample.T)
        if problem:
            return Validity.LOST, problem
        known = self._history.get(sample.tool)
        if known and sample.stamp_ns < known.stamp_ns:
            return Validity.STALE, f'stamp ran back by {(known.stamp_ns - sample.stamp_ns) / 1e6:.1f} ms'
        if sample.error_m is not None and not 0 <= sample.error_m <= (self._limits.max_error_m or np.inf):
            most = self._limits.max_error_m * 1e3
            return Validity.POOR, f'marker error {sample.error_m * 1e3:.2f} mm, at most {most:g} allowed'
        return Validity.VALID, ''

    def _remember(self, sample: Sample, now_ns: int) -> None:
        if sample.T is None or sample.stamp_ns <= 0:
            if sample.tool in self._history:
                self._history[sample.tool].heard_ns = now_ns
                self._history[sample.tool].silence_told = False
            return
        known = self._history.get(sample.tool)
        same = known is not None and np.array_equal(known.T, sample.T, equal_nan=True)
        changed = known.changed_ns if known is not None and same else sample.stamp_ns
        newest = max(sample.stamp_ns, known.stamp_ns) if known else sample.stamp_ns
        self._history[sample.tool] = _History(sample.parent, sample.T, changed, newest, now_ns)

    def _frozen(self, sample: Sample) -> str:
        held_ns = sample.stamp_ns - self._history[sample.tool].changed_ns
        if not self._limits.frozen_ns or held_ns < self._limits.frozen_ns:
            return ''
        return f'frozen: the very same pose for {held_ns / 1e9:.2f} s'

    def _silence(self, tool: str, now_ns: int) -> Pose | None:
        known = self._history[tool]
        silent_ns = now_ns - known.heard_ns
        if not self._limits.silent_ns or silent_ns < self._limits.silent_ns or known.silence_told:
            return None
        known.silence_told = True
        return Pose(now_ns, known.parent, tool, None, Validity.STALE, reason=f'silent for {silent_ns / 1e9:.2f} s')


def matrix_problem(T: F64) -> str:
    """Return why a 4x4 is no pose, '' where it is one."""
    if T.shape != (4, 4):
        return f'a {T.shape} array is no 4x4 transform'
    if not np.isfinite(T).all():
        return 'not finite: the device sent NaN or infinity'
    if not se3.is_rigid(T, RIGID_TOLERANCE):
        return f'not rigid: determinant {np.linalg.det(T[:3, :3]):.4f}, a rotation has 1 and orthonormal columns'
    return ''
