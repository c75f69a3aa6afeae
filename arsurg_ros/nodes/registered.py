# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the registration's topics say: where the anatomy is, how well that is known, and whether it still holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped

from arsurg_ros.errors import DataError
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.quality import drift_status, margins_of
from arsurg_ros.overlay.readouts import Margins
from arsurg_ros.types import F64, DriftLevel, DriftStatus

# The registration node says every second whether it watches.
DRIFT_SILENT_S = 5.0
Number = TypeVar('Number', int, float)
NOT_WATCHED = DriftStatus(DriftLevel.UNKNOWN, 'nobody watches the registration')


@dataclass(frozen=True)
class _Quality:
    """What is known of the registration of a stamp."""

    stamp_ns: int
    fre_m: float
    margins: Margins


class Registered:
    """Listens to the registration; ``T_ref_ct`` (4, 4), metres, is None as long as there is none."""

    def __init__(self, node: Any, ref_frame: str, on_change: Callable[[], None] | None = None) -> None:
        """Subscribe by ``node.listen``; a registration in another frame than ``ref_frame`` is none.

        ``on_change`` is called when another registration, or none, has taken the place of the one before.
        """
        self._ref_frame = ref_frame
        self.T_ref_ct: F64 | None = None
        self._stamp_ns = 0
        self._quality: _Quality | None = None
        self._on_change = on_change
        self._refusal = ''
        self._drift, self._drift_heard_s = NOT_WATCHED, 0.0
        node.listen(PoseWithCovarianceStamped, 'registration/result', self._on_result, qos.LATCHED)
        node.listen(DiagnosticArray, 'registration/quality', self._on_quality, qos.LATCHED)
        node.listen(DiagnosticArray, 'registration/drift', self._on_drift, qos.LATCHED)

    @property
    def fre_m(self) -> float | None:
        """The registration's FRE, metres; None as long as its own is not known, and never that of the one before."""
        return self._own.fre_m if self._own is not None else None

    @property
    def margins(self) -> Margins:
        """The registration's margins; none as long as its own are not known."""
        return self._own.margins if self._own is not None else ()

    @property
    def _own(self) -> _Quality | None:
        known = self._quality
        return known if known is not None and self.T_ref_ct is not None and known.stamp_ns == self._stamp_ns else None

    @property
    def refusal(self) -> str:
        """Why the last attempt was refused; '' where a registration is there, which that does not take away."""
        return '' if self.T_ref_ct is not None else self._refusal

    @property
    def drift(self) -> DriftStatus:
        """What is known of the registration's drift: silence is not OK, and takes no warning away."""
        silent = time.monotonic() - self._drift_heard_s > DRIFT_SILENT_S
        return NOT_WATCHED if silent and self._drift.level is DriftLevel.OK else self._drift

    def _on_result(self, msg: PoseWithCovarianceStamped, info: dict[str, int]) -> None:
        before = self.T_ref_ct
        self.T_ref_ct = None  # a registration taken back, or one that is none, leaves the anatomy undrawn
        self._stamp_ns = msgs.to_ns(msg.header.stamp)
        try:
            self._take(msg)
        finally:
            same = before is not None and self.T_ref_ct is not None and np.array_equal(before, self.T_ref_ct)
            if before is not None and not same and self._on_change is not None:
                self._on_change()

    def _take(self, msg: PoseWithCovarianceStamped) -> None:
        if msg.header.frame_id != self._ref_frame:
            raise DataError(f'registration/result: frame {msg.header.frame_id!r}, not {self._ref_frame!r}')
        position = msg.pose.pose.position
        if position.x != position.x:
            return
        self.T_ref_ct = msgs.matrix_from_pose(msg.pose.pose, 'registration/result')

    def _on_quality(self, msg: DiagnosticArray, info: dict[str, int]) -> None:
        values = {v.key: v.value for status in msg.status for v in status.values}
        level = msg.status[0].level if msg.status else DiagnosticStatus.OK
        self._refusal = msg.status[0].message if level == DiagnosticStatus.ERROR else ''
        if values.get('accepted') != 'True':
            return
        self._quality = None
        margins, fre_m = margins_of(values), _number(values, 'fre_mm', float) * 1e-3
        # One that does not say whose it is is taken for that of the registration in use as it comes.
        stamp_ns = _number(values, 'result_stamp_ns', int) if 'result_stamp_ns' in values else self._stamp_ns
        self._quality = _Quality(stamp_ns, fre_m, margins)

    def _on_drift(self, msg: DiagnosticArray, info: dict[str, int]) -> None:
        if self._drift.level is DriftLevel.OK:  # a message that is none takes no warning away
            self._drift = NOT_WATCHED
        self._drift = drift_status({v.key: v.value for status in msg.status for v in status.values})
        self._drift_heard_s = time.monotonic()


def _number(values: Mapping[str, str], key: str, kind: type[Number]) -> Number:
    try:
        return kind(values[key])
    except (KeyError, ValueError) as e:
        raise DataError(f'registration/quality: {key} {values.get(key)!r}: a number is needed') from e
