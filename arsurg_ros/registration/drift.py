# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a registration in use still holds: the reference's residuals against limits, and what touched landmarks said.

The residuals say whether the reference body is still the one that was calibrated and is seen as it was: a bent or loose
marker, a wrong detection. A body that was knocked over as a whole has the same residual as before: only a landmark that is
touched again shows that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.types import DriftLevel, DriftStatus

RANK = {DriftLevel.OK: 0, DriftLevel.UNKNOWN: 1, DriftLevel.WARN: 2, DriftLevel.ERROR: 3}
#: A level is left only below this share of its limit.
RELEASE = 0.8
MIN_SAMPLES = 3


@dataclass(frozen=True)
class Limits:
    """When a smoothed residual is too large, as such or above its value at acceptance; all in the residual's unit.

    ``shown`` is what it is multiplied by to be shown in ``unit``. Raises ConfigError unless 0 < warn <= error for both pairs.
    """

    warn: float
    error: float
    rise_warn: float
    rise_error: float
    unit: str = 'px'
    shown: float = 1.0

    def __post_init__(self) -> None:
        """Check the order; NaN fails as well."""
        for name, warn, error in (('', self.warn, self.error), ('rise ', self.rise_warn, self.rise_error)):
            if not 0 < warn <= error < float('inf'):
                raise ConfigError(f'drift {name}limits, {self.unit}: warn {warn}, error {error}: 0 < warn <= error is needed')


@dataclass(frozen=True)
class Times:
    """The window that a residual is smoothed over, when no data is too old, and how long a better level must last."""

    window_ns: int = 1_000_000_000
    stale_ns: int = 2_000_000_000
    hold_ns: int = 2_000_000_000


@dataclass
class ResidualCheck:
    """One residual: its running median against limits, with hysteresis.

    Worse counts at once; better once it has been below ``RELEASE`` of the limit for the hold time. The baseline is the
    median at acceptance, or the first one after it.
    """

    limits: Limits
    times: Times = field(default_factory=Times)
    level: DriftLevel = DriftLevel.OK
    baseline: float | None = None
    value: float | None = None
    _samples: deque[tuple[int, float]] = field(default_factory=deque)
    _heard: bool = False
    _better_since_ns: int | None = None

    @property
    def heard(self) -> bool:
        """Whether there was any sample at all: a tracker need not have this residual."""
        return self._heard

    def add(self, stamp_ns: int, value: float) -> None:
        """Add a sample; one that is not finite, or negative, is none."""
        if not (np.isfinite(value) and value >= 0):
            return
        self._samples.append((stamp_ns, value))
        self._heard = True

    def begin(self, now_ns: int) -> None:
        """Take what is measured now as how it should stay: a registration is accepted."""
        self.level, self._better_since_ns = DriftLevel.OK, None
        self.baseline = self._median(now_ns)

    def forget(self) -> None:
        """Forget the samples: the clock has jumped. Level and baseline stay."""
        self._samples.clear()
        self._better_since_ns = None

    def judge(self, now_ns: int) -> DriftLevel:
        """Return the level; UNKNOWN without fresh samples, but no silence takes a WARN or ERROR away."""
        self.value = self._median(now_ns)
        if self.value is None:
            self._better_since_ns = None
            return self.level if self.level is not DriftLevel.OK else DriftLevel.UNKNOWN
        if self.baseline is None:
            self.baseline = self.value
        self._step(self.value, now_ns)
        return self.level

    def reason(self, name: str) -> str:
        """Return why the level is what it is, in one line."""
        limits = self.limits
        if self.value is None:
            last = '' if self.level is DriftLevel.OK else f'; it was {self.level.value}'
            return f'{name}: no data{last}'
        text = f'{name} {self.value * limits.shown:.2f} {limits.unit}'
        return text if self.baseline is None else f'{text}, {self.baseline * limits.shown:.2f} at acceptance'

    def _step(self, value: float, now_ns: int) -> None:
        worse, better = self._level_of(value, 1.0), self._level_of(value, RELEASE)
        if RANK[worse] > RANK[self.level]:
            self.level, self._better_since_ns = worse, None
        elif RANK[better] >= RANK[self.level]:
            self._better_since_ns = None
        elif self._better_since_ns is None:
            self._better_since_ns = now_ns
        elif now_ns - self._better_since_ns >= self.times.hold_ns:
            self.level, self._better_since_ns = better, None

    def _level_of(self, value: float, share: float) -> DriftLevel:
        limits, rise = self.limits, value - (value if self.baseline is None else self.baseline)
        if value > share * limits.error or rise > share * limits.rise_error:
            return DriftLevel.ERROR
        return DriftLevel.WARN if value > share * limits.warn or rise > share * limits.rise_warn else DriftLevel.OK

    def _median(self, now_ns: int) -> float | None:
        samples, times = self._samples, self.times
        # A slow tracker's samples are further apart than the window: the last few are kept, unless they are too old.
        while samples and now_ns - samples[0][0] > (times.window_ns if len(samples) > MIN_SAMPLES else times.stale_ns):
            samples.popleft()
        if len(samples) < MIN_SAMPLES or now_ns - samples[-1][0] > times.stale_ns:
            return None
        return float(np.median([value for _, value in samples]))


@dataclass
class DriftMonitor:
    """All checks of the registration in use: residuals by name, and landmarks that were touched again.

    ``unvalidated`` is why a registration must be checked before it is trusted (it is of an earlier run): a WARN.
    """

    residuals: Mapping[str, ResidualCheck]
    watching: bool = False
    unvalidated: str = ''
    touched: dict[str, DriftStatus] = field(default_factory=dict)

    def add(self, name: str, stamp_ns: int, value: float) -> None:
        """Add a sample of a residual."""
        self.residuals[name].add(stamp_ns, value)

    def begin(self, now_ns: int, unvalidated: str = '') -> None:
        """Watch the registration that is in use from now on."""
        self.watching, self.unvalidated = True, unvalidated
        self.touched.clear()
        for check in self.residuals.values():
            check.begin(now_ns)

    def end(self) -> None:
        """There is no registration to watch any more."""
        self.watching, self.unvalidated = False, ''
        self.touched.clear()

    def touch(self, name: str, level: DriftLevel, reason: str) -> None:
        """Take what a touched landmark said; a later touch of the same one counts instead."""
        self.touched[name] = DriftStatus(level, reason)
        if level is DriftLevel.OK:
            self.unvalidated = ''

    def forget(self) -> None:
        """Forget the samples: the clock has jumped."""
        for check in self.residuals.values():
            check.forget()

    def judge(self, now_ns: int) -> DriftStatus:
        """Return the worst of all checks; no residual with data, or one that fell silent, is UNKNOWN."""
        if not self.watching:
            return DriftStatus(DriftLevel.UNKNOWN, 'no registration')
        found = [DriftStatus(check.judge(now_ns), check.reason(name)) for name, check in self.residuals.items() if check.heard]
        if not found:
            found = [DriftStatus(DriftLevel.UNKNOWN, f'no data of {", ".join(self.residuals) or "any residual"}')]
        found += self.touched.values()
        if self.unvalidated:
            found.append(DriftStatus(DriftLevel.WARN, self.unvalidated))
        level = max((status.level for status in found), key=RANK.__getitem__)
        reasons = '; '.join(status.reason for status in found if status.level is level)
        return DriftStatus(level, '' if level is DriftLevel.OK else reasons)

    def values(self) -> dict[str, object]:
        """Return what was last judged, for a diagnostic status."""
        out: dict[str, object] = {}
        for name, check in self.residuals.items():
            key = f'{name.replace(" ", "_")}_{check.limits.unit}'
            for suffix, value in (('', check.value), ('.baseline', check.baseline)):
                if value is not None:
                    out[key + suffix] = f'{value * check.limits.shown:.4f}'
        return out
