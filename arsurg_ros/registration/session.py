# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The landmark session: capture, compute, accept, clear. Later versions make it a transaction on disk."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.registration.dwell import Dwell, DwellDetector, match_in_order
from arsurg_ros.registration.landmarks import Landmarks, register
from arsurg_ros.types import F64, RegistrationResult

MODES = {
    'file': 'both sides of every landmark are in the landmarks file',
    'dwell': 'the pointer rests on every landmark in turn; idle rests are told apart by the fit',
    'manual': 'the capture service takes the tip, one landmark after the other',
}


@dataclass
class LandmarkSession:
    """What the registration node does, without ROS.

    Raises ConfigError for an unknown mode, or ``file`` without measured landmarks.
    """

    landmarks: Landmarks
    ref_frame: str
    ct_frame: str
    mode: str = 'dwell'
    max_fre_m: float = 0.003
    backend: str = 'wasm'
    detector: DwellDetector = field(default_factory=DwellDetector)
    captured: list[Dwell] = field(default_factory=list)
    computed: RegistrationResult | None = None
    accepted: RegistrationResult | None = None

    def __post_init__(self) -> None:
        """Check the mode and the landmarks."""
        if self.mode not in MODES:
            raise ConfigError(f'registration mode {self.mode!r}; valid: {", ".join(MODES)}')
        if len(self.landmarks.names) < 3:
            raise ConfigError(f'landmarks: {len(self.landmarks.names)} given, at least 3 are needed')
        if self.mode == 'file' and self.landmarks.p_ref_m is None:
            raise ConfigError('registration mode file: the landmarks file gives no ref coordinates')

    def observe(self, stamp_ns: int, p_ref_m: F64) -> Dwell | None:
        """Take the tip (3,) in ref, metres, at a stamp; in mode dwell return the landmark it captured, if any."""
        dwell = self.detector.add(stamp_ns, p_ref_m)
        if dwell is None or self.mode != 'dwell' or self.accepted is not None:
            return None
        self.captured.append(dwell)
        return dwell

    def capture(self, now_ns: int) -> Dwell:
        """Capture the tip where it rests now. Raises RegistrationError ``not_still`` or ``too_many_points``."""
        if self.mode == 'file':
            raise RegistrationError('not_still', 'mode file takes no captures')
        if self.accepted is not None:
            raise RegistrationError('too_many_points', 'registered already: clear first')
        if self.mode == 'manual' and len(self.captured) >= len(self.landmarks.names):
            raise RegistrationError('too_many_points', f'all {len(self.captured)} landmarks are captured: compute or clear')
        dwell = self.detector.current()
        if dwell is None or now_ns - dwell.end_ns > self.detector.max_gap_ns:  # a rest that ended unseen is none
            rest_s = self.detector.min_duration_ns / 1e9
            raise RegistrationError('not_still', f'hold the tip still on the landmark for {rest_s:.1f} s')
        self.captured.append(dwell)
        self.detector.reset()
        return dwell

    def compute(self, stamp_ns: int) -> RegistrationResult:
        """Compute T_ref_ct from what was captured. Raises RegistrationError with the reason where there is none."""
        self.computed = None
        points, evidence = self._points()
        self.computed = register(
            self.landmarks,
            points,
            stamp_ns=stamp_ns,
            ref_frame=self.ref_frame,
            ct_frame=self.ct_frame,
            backend=self.backend,
            provenance={'method': 'paired landmarks', 'mode': self.mode, **evidence},
        )
        return self.computed

    def accept(self, stamp_ns: int) -> RegistrationResult:
        """Accept what was computed. Raises RegistrationError ``not_computed`` or ``fre_too_large``."""
        if self.computed is None:
            raise RegistrationError('not_computed', 'nothing to accept: compute first')
        if self.computed.fre_m > self.max_fre_m:
            fre_mm, limit_mm = self.computed.fre_m * 1e3, self.max_fre_m * 1e3
            raise RegistrationError('fre_too_large', f'FRE {fre_mm:.2f} mm is over the limit of {limit_mm:.2f} mm')
        self.accepted = replace(self.computed, stamp_ns=stamp_ns)
        return self.accepted

    def clear(self) -> None:
        """Forget captures, result and acceptance."""
        self.captured.clear()
        self.detector.reset()
        self.computed = self.accepted = None

    def try_dwells(self, stamp_ns: int) -> RegistrationResult | None:
        """Compute and accept if the dwells so far allow it, else None: more dwells may still come."""
        if len(self.captured) < len(self.landmarks.names):
            return None
        try:
            self.compute(stamp_ns)
            return self.accept(stamp_ns)
        except RegistrationError as e:
            if e.code == 'ambiguous':
                raise
            return None

    def _points(self) -> tuple[F64, dict[str, str]]:
        if self.mode == 'file':
            assert self.landmarks.p_ref_m is not None
            return self.landmarks.p_ref_m, {}
        dwells = match_in_order(self.landmarks, self.captured, backend=self.backend)
        return np.array([d.p_ref_m for d in dwells]), {'samples': ' '.join(str(d.samples) for d in dwells)}
