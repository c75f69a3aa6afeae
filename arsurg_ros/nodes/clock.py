# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The clock node: plays a recording's time on /clock once every node that it waits for is active."""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rosgraph_msgs.msg import Clock

from arsurg_ros.geometry.playback import bag_span
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import StageNode, run
from arsurg_ros.nodes.params import texts


class ClockNode(StageNode):
    """Sends /clock from the first stamp to the last, ``loop`` times without ever running back."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('clock', **kwargs)
        self._waiting: set[str] = set()
        self._begin_ns: int | None = None
        self._finished = False

    def build(self, p: dict[str, Any]) -> None:
        """Read the recording's span; subscribe to the nodes' states."""
        self._span = bag_span(p['path'])
        self._rate, self._loop = p['rate'], p['loop']
        self._begin_ns, self._finished = None, False
        self._settle_ns = int(p['settle_s'] * 1e9)
        self._waiting = {f'arsurg: {name}' for name in texts(p['wait_for'])}
        self._publisher = self.publisher(Clock, '/clock', qos.STREAM)
        self.listen(DiagnosticArray, '/diagnostics', self._on_diagnostics, qos.DIAGNOSTICS)
        self.every(1.0 / p['rate_hz'], self._tick, clock=self.steady)

    def health(self) -> tuple[bytes, str, dict[str, object]]:
        """Tell what it waits for, or how far it is."""
        if self._waiting:
            return DiagnosticStatus.WARN, f'waiting for {", ".join(sorted(self._waiting))}', {'finished': False}
        return DiagnosticStatus.OK, 'finished' if self._finished else 'playing', {'finished': self._finished}

    def _on_diagnostics(self, msg: DiagnosticArray, info: dict[str, int]) -> None:
        for status in msg.status:
            if any(v.key == 'ready' and v.value == 'True' for v in status.values):
                self._waiting.discard(status.name)

    def _tick(self) -> None:
        if not self.active or self._waiting:
            return
        if self._begin_ns is None:
            self._begin_ns = time.monotonic_ns() + self._settle_ns
        # It runs up to the first stamp while the nodes find each other: standing at it, the first frame would be due.
        played_ns = int((time.monotonic_ns() - self._begin_ns) * self._rate)
        total_ns = self._span.period_ns * self._loop
        if self._loop and played_ns >= total_ns:
            played_ns, self._finished = total_ns, True
        self._publisher.publish(Clock(clock=msgs.to_time(max(1, self._span.start_ns + played_ns))))


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(ClockNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
