# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The watch over a registration in use: the tracker's residuals of the reference in, registration/drift out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import Float64

from arsurg_ros.errors import ConfigError
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import StageNode
from arsurg_ros.nodes.quality import LEVELS, drift_values
from arsurg_ros.registration.drift import RANK, DriftMonitor, Limits, ResidualCheck, Times
from arsurg_ros.registration.validation import Check
from arsurg_ros.types import DriftLevel, DriftStatus

WATCH_PERIOD_S = 0.2
# The overlay takes a node that has not said for some seconds that it watches as one that does not.
HEARTBEAT_NS = 1_000_000_000
#: Residual -> its topic below tracker/<reference>, the unit of its parameters, what it is shown in and by which factor.
RESIDUALS = {
    'marker residual': ('registration_error', 'm', 'mm', 1e3),
    'board reprojection': ('reprojection_error', 'px', 'px', 1.0),
}


def drift_monitor(p: dict[str, Any]) -> DriftMonitor:
    """Return the monitor of the node's parameters; raises ConfigError for limits in a wrong order."""
    times = Times(*(int(p[f'drift_{name}_s'] * 1e9) for name in ('window', 'stale', 'hold')))
    checks = {}
    for name, (_, unit, shown_unit, factor) in RESIDUALS.items():
        limits = (p[f'drift_{key}_{unit}'] for key in ('warn', 'error', 'rise_warn', 'rise_error'))
        checks[name] = ResidualCheck(Limits(*limits, unit=shown_unit, shown=factor), times)
    if p['max_validation_m'] > p['validation_error_m']:
        raise ConfigError(
            f'max_validation_m {p["max_validation_m"]}: at most validation_error_m {p["validation_error_m"]} is needed'
        )
    return DriftMonitor(checks)


class DriftWatch:
    """Judges five times a second while the node is active; ``on_change`` is called with the old and the new status."""

    def __init__(self, node: StageNode, p: dict[str, Any], on_change: Callable[[DriftStatus, DriftStatus], None]) -> None:
        """Make topics and timer on behalf of ``node``; raises ConfigError as ``drift_monitor`` does."""
        self.monitor = drift_monitor(p)
        self.status = DriftStatus(DriftLevel.UNKNOWN, 'not watched yet')
        self._node, self._on_change = node, on_change
        self._frame, self._error_m = p['ref_frame'], p['validation_error_m']
        self._told_ns = 0
        self._publisher = node.publisher(DiagnosticArray, 'registration/drift', qos.LATCHED)
        for name, (topic, *_) in RESIDUALS.items():
            heard = node.guard(partial(self._on_residual, name))
            node.listen(Float64, f'tracker/{p["reference"]}/{topic}', heard, qos.STREAM)
        # Steady: a paused simulation clock must not silence the watch.
        node.every(WATCH_PERIOD_S, self._watch, clock=node.steady)

    def begin(self, unvalidated: str = '', found: Mapping[str, Mapping[str, Any]] | None = None) -> bool:
        """Watch the registration that is in use from now on; return whether it is worse than the one before.

        ``unvalidated`` says why it is in doubt until it is checked, ``found`` what it was found to be before (``Check.json``
        by landmark): what failed counts. ``tell`` says it.
        """
        before, now_ns = self.status, self._node.now_ns()
        self.monitor.begin(now_ns, unvalidated)
        for name, check in (found or {}).items():
            if not check.get('passed'):
                self._touched(name, float(check.get('error_m', 'inf')), False, ' before')
        self.status = self.monitor.judge(now_ns)
        return RANK[self.status.level] > RANK[before.level]

    def end(self) -> None:
        """There is no registration to watch any more."""
        self.monitor.end()
        self._judge_and_tell()

    def pause(self) -> None:
        """Nobody watches: the node is not active. That takes no WARN or ERROR away."""
        level, reason = self.status.level, 'the registration node is not active'
        if level in (DriftLevel.WARN, DriftLevel.ERROR):
            self.status = DriftStatus(level, f'{self.status.reason}; {reason}')
        else:
            self.status = DriftStatus(DriftLevel.UNKNOWN, reason)
        self.tell()

    def checked(self, check: Check) -> None:
        """Take what a touched landmark said."""
        self._touched(check.name, check.error_m, check.passed)
        self._judge_and_tell()

    def _touched(self, name: str, error_m: float, passed: bool, when: str = '') -> None:
        level = DriftLevel.OK if passed else DriftLevel.WARN
        if error_m > self._error_m:
            level = DriftLevel.ERROR
        self.monitor.touch(name, level, f'{name} touched again{when}: {error_m * 1e3:.2f} mm off')

    def values(self) -> dict[str, object]:
        """Return the status for a diagnostic message."""
        return drift_values(self.status, self.monitor.values())

    def _on_residual(self, name: str, msg: Float64, info: dict[str, int]) -> None:
        self.monitor.add(name, self._node.now_ns(), msg.data)

    def _judge_and_tell(self) -> None:
        self.status = self.monitor.judge(self._node.now_ns())
        self.tell()

    def _watch(self) -> None:
        if not self._node.active:
            return
        before, self.status = self.status, self.monitor.judge(self._node.now_ns())
        changed = self.status.level is not before.level
        if changed or self._node.steady.now().nanoseconds - self._told_ns >= HEARTBEAT_NS:
            self.tell()
        if changed:
            self._on_change(before, self.status)

    def tell(self) -> None:
        """Publish the status."""
        self._told_ns = self._node.steady.now().nanoseconds
        level, message = LEVELS[self.status.level], self.status.reason or 'ok'
        array = DiagnosticArray(header=msgs.header(self._node.now_ns(), self._frame))
        array.status = [msgs.status('arsurg: registration drift', self._frame, level, message, self.values())]
        self._publisher.publish(array)
