# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The instrument node: a tracked tool and its tip offset -> the tip's pose and frame."""

from __future__ import annotations

from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from tf2_msgs.msg import TFMessage

from arsurg_ros.files.calibrations import tip_in_tool
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import StageNode, run


class InstrumentNode(StageNode):
    """tracker/<tool>/measured_cp -> instrument/<name>/measured_cp, at the same stamp, in the tracker's frame."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('instrument', **kwargs)

    def build(self, p: dict[str, Any]) -> None:
        """Make the topics."""
        self._T_tool_tip = tip_in_tool(p['tip_m'], p['tip'])
        self._topic = f'tracker/{p["tool"]}/measured_cp'
        self._publisher = self.publisher(PoseStamped, f'instrument/{p["instrument"]}/measured_cp', qos.STREAM)
        static = self.publisher(TFMessage, '/tf_static', qos.LATCHED)
        tip = msgs.transform_stamped(self._T_tool_tip, self.now_ns(), p['tool_frame'], p['tip_frame'])
        static.publish(TFMessage(transforms=[tip]))
        self.listen(PoseStamped, self._topic, self.guard(self._on_tool), qos.STREAM)

    def health(self) -> tuple[bytes, str, dict[str, object]]:
        """Tell how many poses passed."""
        count = self.stats.counts['poses']
        if count == 0:
            return DiagnosticStatus.WARN, f'no pose on {self._topic} yet', {}
        return DiagnosticStatus.OK, f'{count} poses', {}

    def _on_tool(self, msg: PoseStamped, info: dict[str, int]) -> None:
        T_trk_tool = msgs.matrix_from_pose(msg.pose, self._topic)
        stamp_ns = msgs.to_ns(msg.header.stamp)
        self._publisher.publish(msgs.pose_stamped(T_trk_tool @ self._T_tool_tip, stamp_ns, msg.header.frame_id))
        self.stats.counts['poses'] += 1
        self.stats.add('stamp_to_tip', self.age_ns(stamp_ns, info))


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(InstrumentNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
