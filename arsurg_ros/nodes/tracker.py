# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The tracker node: images or a device's stream -> tool poses, their errors, and the TF frames below the tracker."""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Float64
from tf2_msgs.msg import TFMessage

from arsurg_ros.errors import DataError
from arsurg_ros.files.calibrations import camera_in_tracker
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import StageNode, run
from arsurg_ros.nodes.due import DueTimer
from arsurg_ros.nodes.params import of_stage, pairs
from arsurg_ros.tracking import TRACKERS, ImageTracker, PolledTracker, create_tracker
from arsurg_ros.types import CameraModel, Pose, Validity

# A polled tracker that cannot say when its next pose is due is asked so often.
POLL_PERIOD_NS = 1_000_000


class TrackerNode(StageNode):
    """Publishes valid poses alone; what is wrong with the others is on /diagnostics."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('tracker', **kwargs)
        self._tracker: ImageTracker | PolledTracker | None = None
        self._reset()

    def _reset(self) -> None:
        self._due: DueTimer | None = None
        self._camera: CameraModel | None = None
        self._last: dict[str, Pose] = {}
        self._first_markers: dict[str, int] = {}

    def build(self, p: dict[str, Any]) -> None:
        """Make the tracker and its topics."""
        T_trk_cam = camera_in_tracker(p['is_camera'], p['camera_pose'])
        values = of_stage(TRACKERS, p['source'], 'tracker', p)
        sim_time = bool(self.get_parameter('use_sim_time').value)
        given = {'tracker_frame': p['tracker_frame'], 'keep_stamps': sim_time}
        values |= of_stage(TRACKERS, p['source'], 'tracker', given)
        self._tracker = create_tracker(p['source'], values)
        self._frames = {tool: tool for tool in self._tracker.tools} | pairs('tool_frames', p['tool_frames'])
        self._tf = self.publisher(TFMessage, '/tf', qos.TF)
        self._poses = {t: self.publisher(PoseStamped, f'tracker/{t}/measured_cp', qos.STREAM) for t in self._tracker.tools}
        self._errors = {
            t: self.publisher(Float64, f'tracker/{t}/registration_error', qos.STREAM) for t in self._tracker.tools
        }
        self._errors_px = {
            t: self.publisher(Float64, f'tracker/{t}/reprojection_error', qos.STREAM) for t in self._tracker.tools
        }
        if T_trk_cam is not None:
            static = self.publisher(TFMessage, '/tf_static', qos.LATCHED)
            camera = msgs.transform_stamped(T_trk_cam, self.now_ns(), p['tracker_frame'], p['camera_frame'])
            static.publish(TFMessage(transforms=[camera]))
        if isinstance(self._tracker, ImageTracker):
            self.listen(CameraInfo, 'camera/camera_info', self._on_info, qos.STREAM)
            self.listen(Image, 'camera/image_raw', self.guard(self._on_image), qos.IMAGE_LISTEN)

    def start(self) -> None:
        """Begin to poll, where the tracker is polled."""
        if isinstance(self._tracker, PolledTracker):
            self._tracker.start(self.now_ns())
            self._due = DueTimer(self, self._poll)

    def stop(self) -> None:
        """Stop polling."""
        if self._due is not None:
            self._due.destroy()
            self._due = None

    def release(self) -> None:
        """Close the tracker and drop the topics."""
        self.stop()
        super().release()
        if self._tracker is not None:
            self._tracker.close()
            self._tracker = None
        self._reset()

    def ready(self) -> bool:
        """Tell whether the camera is there, where one is needed."""
        return not isinstance(self._tracker, ImageTracker) or self.has_camera()

    def health(self) -> tuple[bytes, str, dict[str, object]]:
        """Tell every tool's validity, markers, error and, where it is not valid, the reason."""
        values: dict[str, object] = {f'first_markers.{t}': n for t, n in self._first_markers.items()}
        reasons = []
        for tool, pose in self._last.items():
            values[f'{tool}.validity'] = pose.validity.value
            values[f'{tool}.markers'] = pose.markers
            if pose.error_px is not None:
                values[f'{tool}.error_px'] = f'{pose.error_px:.3f}'
            if pose.validity is not Validity.VALID:
                reasons.append(f'{tool} {pose.validity.value}: {pose.reason}')
        if not self._last:
            return DiagnosticStatus.WARN, 'no pose yet', values
        return (DiagnosticStatus.WARN if reasons else DiagnosticStatus.OK), '; '.join(reasons) or 'tracking', values

    def _on_info(self, msg: CameraInfo, info: dict[str, int]) -> None:
        self._camera = msgs.camera_from_info(msg)

    def _on_image(self, msg: Image, info: dict[str, int]) -> None:
        if self._camera is None:
            raise DataError('camera/camera_info: none yet, so no pose can be computed')
        frame = msgs.frame_from_image(msg, 'camera/image_raw')
        age_ns, began_ns = self.age_ns(frame.stamp_ns, info), time.monotonic_ns()
        self.stats.add('transport', age_ns)
        assert isinstance(self._tracker, ImageTracker)
        poses = self._tracker.track(frame, self._camera)
        self.stats.add('detect', time.monotonic_ns() - began_ns)
        self._publish(poses)
        self.stats.add('capture_to_tf', age_ns + time.monotonic_ns() - began_ns)

    def _poll(self, now_ns: int) -> int | None:
        assert isinstance(self._tracker, PolledTracker)
        poses = self._tracker.poll(now_ns)
        self._publish(poses)
        for pose in poses:
            if pose.validity is Validity.VALID and not self.get_parameter('use_sim_time').value:
                self.stats.add('capture_to_tf', self.now_ns() - pose.stamp_ns)
        if self._tracker.finished:
            return None
        return self._tracker.next_due_ns() or now_ns + POLL_PERIOD_NS

    def _publish(self, poses: list[Pose]) -> None:
        transforms = []
        for pose in poses:
            self._last[pose.child] = pose
            self._first_markers.setdefault(pose.child, pose.markers)
            self.stats.counts[f'{pose.child}.{pose.validity.value}'] += 1
            if pose.validity is not Validity.VALID or pose.T is None:
                continue
            self._poses[pose.child].publish(msgs.pose_stamped(pose.T, pose.stamp_ns, pose.parent))
            if pose.error_m is not None:
                self._errors[pose.child].publish(Float64(data=pose.error_m))
            if pose.error_px is not None:
                self._errors_px[pose.child].publish(Float64(data=pose.error_px))
            transforms.append(msgs.transform_stamped(pose.T, pose.stamp_ns, pose.parent, self._frames[pose.child]))
        if transforms:
            self._tf.publish(TFMessage(transforms=transforms))


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(TrackerNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
