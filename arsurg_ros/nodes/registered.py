# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the registration's topics say: where the anatomy is, how well that is known, and whether it still holds."""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped

from arsurg_ros.errors import DataError
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.quality import drift_status, margins_of
from arsurg_ros.overlay.readouts import Margins
from arsurg_ros.types import F64, DriftLevel, DriftStatus

# The registration node says every second whether it watches.
DRIFT_SILENT_S = 5.0
NOT_WATCHED = DriftStatus(DriftLevel.UNKNOWN, 'nobody watches the registration')


class Registered:
    """Listens to the registration; ``T_ref_ct`` (4, 4), metres, is None as long as there is none."""

    def __init__(self, node: Any, ref_frame: str) -> None:
        """Subscribe by ``node.listen``; a registration in another frame than ``ref_frame`` is none."""
        self._ref_frame = ref_frame
        self.T_ref_ct: F64 | None = None
        self.fre_m: float | None = None
        self.margins: Margins = ()
        self._refusal = ''
        self._drift, self._drift_heard_s = NOT_WATCHED, 0.0
        node.listen(PoseWithCovarianceStamped, 'registration/result', self._on_result, qos.LATCHED)
        node.listen(DiagnosticArray, 'registration/quality', self._on_quality, qos.LATCHED)
        node.listen(DiagnosticArray, 'registration/drift', self._on_drift, qos.LATCHED)

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
        self.T_ref_ct = None  # a registration taken back, or one that is none, leaves the anatomy undrawn
        if msg.header.frame_id != self._ref_frame:
            raise DataError(f'registration/result: frame {msg.header.frame_id!r}, not {self._ref_frame!r}')
        position = msg.pose.pose.position
        if position.x != position.x:
            self.fre_m, self.margins = None, ()
            return
        self.T_ref_ct = msgs.matrix_from_pose(msg.pose.pose, 'registration/result')

    def _on_quality(self, msg: DiagnosticArray, info: dict[str, int]) -> None:
        values = {v.key: v.value for status in msg.status for v in status.values}
        level = msg.status[0].level if msg.status else DiagnosticStatus.OK
        self._refusal = msg.status[0].message if level == DiagnosticStatus.ERROR else ''
        if values.get('accepted') != 'True':
            return
        self.fre_m, self.margins = None, ()
        self.margins = margins_of(values)
        try:
            self.fre_m = float(values['fre_mm']) * 1e-3
        except (KeyError, ValueError) as e:
            raise DataError(f'registration/quality: fre_mm {values.get("fre_mm")!r}: a number is needed') from e

    def _on_drift(self, msg: DiagnosticArray, info: dict[str, int]) -> None:
        if self._drift.level is DriftLevel.OK:  # a message that is none takes no warning away
            self._drift = NOT_WATCHED
        self._drift = drift_status({v.key: v.value for status in msg.status for v in status.values})
        self._drift_heard_s = time.monotonic()
