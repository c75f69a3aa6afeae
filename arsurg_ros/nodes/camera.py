# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The camera node: a recording, a video or the synthetic scene -> images stamped when they were captured."""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CameraInfo, Image

from arsurg_ros.acquisition import CAMERAS, Camera, create_camera
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import StageNode, run
from arsurg_ros.nodes.due import DueTimer
from arsurg_ros.nodes.params import of_stage

POLL_PERIOD_NS = 1_000_000


class CameraNode(StageNode):
    """Publishes the newest frame that is due on the node's clock."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('camera', **kwargs)
        self._camera: Camera | None = None
        self._due: DueTimer | None = None
        self._began_ns = 0

    def build(self, p: dict[str, Any]) -> None:
        """Open the camera; make the topics."""
        values = of_stage(CAMERAS, p['source'], 'camera', p)
        sim_time = bool(self.get_parameter('use_sim_time').value)
        values |= of_stage(CAMERAS, p['source'], 'camera', {'camera_frame': p['camera_frame'], 'keep_stamps': sim_time})
        self._camera = create_camera(p['source'], values)
        self._image = self.publisher(Image, 'camera/image_raw', qos.STREAM)
        self._info = self.publisher(CameraInfo, 'camera/camera_info', qos.STREAM)

    def start(self) -> None:
        """Begin to deliver."""
        assert self._camera is not None
        self._began_ns = self.now_ns()
        self._camera.start(self._began_ns)
        self._due = DueTimer(self, self._deliver)

    def stop(self) -> None:
        """Pause."""
        if self._due is not None:
            self._due.destroy()
            self._due = None

    def release(self) -> None:
        """Close the camera and drop the topics."""
        self.stop()
        super().release()
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def health(self) -> tuple[bytes, str, dict[str, object]]:
        """Tell what was delivered, dropped and wrong."""
        assert self._camera is not None
        camera, faults = self._camera, self._camera.faults
        # A synthetic scene without an epoch begins with the camera: its truth needs to know when.
        epoch_ns = self.get_parameter('epoch_ns').value or self._began_ns
        values = {'epoch_ns': epoch_ns, 'dropped': camera.dropped, 'faults': faults.count, 'finished': camera.finished}
        if faults.count:
            return DiagnosticStatus.WARN, f'{faults.count} frames refused, the last: {faults.last_reason()}', values
        return DiagnosticStatus.OK, 'finished' if camera.finished else 'delivering', values

    def _deliver(self, now_ns: int) -> int | None:
        assert self._camera is not None
        began_ns = time.monotonic_ns()
        frame = self._camera.next(now_ns)
        if frame is not None:
            made_ns = time.monotonic_ns()
            self._info.publish(msgs.info_from_camera(self._camera.model, frame.stamp_ns, frame.frame_id))
            self._image.publish(msgs.image_from_frame(frame))
            self.stats.add('acquire', made_ns - began_ns)
            self.stats.add('publish', time.monotonic_ns() - made_ns)
            self.stats.counts['published'] += 1
        if self._camera.finished:
            return None
        return self._camera.next_due_ns() or now_ns + POLL_PERIOD_NS


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(CameraNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
