# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The viewer node: overlay/image_raw in a window, which says so itself when no picture comes any more."""

from __future__ import annotations

import signal
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image

from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import StageNode, run
from arsurg_ros.sinks.viewer import Viewer, ViewerLimits
from arsurg_ros.sinks.window import Window

# The window's own events, and the seconds of a picture that stands still.
PUMP_PERIOD_S = 0.02


class ViewerNode(StageNode):
    """Shows every picture as it comes; a closed window ends the node."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('viewer', **kwargs)
        self.window: Window | None = None

    def build(self, p: dict[str, Any]) -> None:
        """Open the window; subscribe."""
        self._viewer = Viewer(ViewerLimits(silent_s=p['silent_s'], late_s=p['late_s']))
        self.window = Window('arsurg')
        self.listen(Image, 'overlay/image_raw', self.guard(self._on_image), qos.IMAGE_LISTEN)
        self.every(PUMP_PERIOD_S, self._pump, clock=self.steady)
        self._show()

    def release(self) -> None:
        """Close the window and drop the topic."""
        super().release()
        if self.window is not None:
            self.window.close()
            self.window = None

    def ready(self) -> bool:
        """Tell whether somebody publishes pictures."""
        return bool(self.count_publishers(self.resolve_topic_name('overlay/image_raw')))

    def health(self) -> tuple[bytes, str, dict[str, object]]:
        """Tell whether what is in the window is live."""
        problem = self._viewer.problem(time.monotonic_ns())
        return (DiagnosticStatus.WARN, problem.lower(), {}) if problem else (DiagnosticStatus.OK, 'showing', {})

    def _on_image(self, msg: Image, info: dict[str, int]) -> None:
        frame = msgs.bgr_frame(msg, 'overlay/image_raw')
        age_ns = self.age_ns(frame.stamp_ns, info)
        self._viewer.take(frame.image, frame.stamp_ns, time.monotonic_ns(), age_ns)
        self._show()
        self.stats.add('capture_to_window', self.age_ns(frame.stamp_ns, info))

    def _pump(self) -> None:
        assert self.window is not None
        self.window.pump()
        if self.window.closed:
            self.get_logger().info('viewer: the window was closed')
            signal.raise_signal(signal.SIGTERM)
            return
        self._show()

    def _show(self) -> None:
        assert self.window is not None
        image = self._viewer.picture(time.monotonic_ns())
        if image is not None:
            self.window.show(image)


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(ViewerNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
