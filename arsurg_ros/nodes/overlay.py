# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The overlay node: an image, the poses at its stamp, the registration -> the composited image and the markers."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from sensor_msgs.msg import CameraInfo, Image
from visualization_msgs.msg import MarkerArray

from arsurg_ros.errors import ArsurgError, DataError
from arsurg_ros.files.progress import ProgressLines
from arsurg_ros.kernels.host import usable_kernel
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import StageNode, run
from arsurg_ros.nodes.markers import MarkerMeshes, marker_array
from arsurg_ros.nodes.quality import drift_status, largest_margin
from arsurg_ros.nodes.tf import TfListener
from arsurg_ros.overlay.render import OverlayRenderer, Readouts
from arsurg_ros.overlay.scene import load_scene
from arsurg_ros.overlay.state import OverlayDecision, OverlayLimits, OverlayState, PoseLookup, decide, look_up
from arsurg_ros.sinks.markers import MarkerFrames, scene_markers
from arsurg_ros.types import F64, CameraModel, DriftLevel, DriftStatus, Frame

CHECK_PERIOD_S = 0.005
# Images that wait at a time: more, and the oldest is shown as it is.
MAX_PENDING = 8
MARKERS_PERIOD_S = 0.5
WATCH_PERIOD_S = 0.05
# The registration node says every second whether it watches.
DRIFT_SILENT_S = 5.0
NOT_WATCHED = DriftStatus(DriftLevel.UNKNOWN, 'nobody watches the registration')


@dataclass
class _Pending:
    """An image that waits for the pose at its stamp.

    ``age_ns`` is its age when it came, ``received_ns`` on the monotonic clock, ``clock_ns`` on the node's.
    """

    frame: Frame
    age_ns: int
    received_ns: int
    clock_ns: int


class OverlayNode(StageNode):
    """Images are shown in order; each waits a bounded time for its pose, and is never drawn with another's."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('overlay', **kwargs)
        self._tf: TfListener | None = None
        self._meshes: MarkerMeshes | None = None
        self._reset()

    def _reset(self) -> None:
        self._pending: deque[_Pending] = deque()
        self._camera: CameraModel | None = None
        self._T_ref_ct: F64 | None = None
        self._fre_m: float | None = None
        self._margin: tuple[str, float] | None = None
        self._drift, self._drift_heard_s = NOT_WATCHED, 0.0
        self._reason = ''
        self._refusal = ''
        self._renderer: tuple[tuple[int, int], OverlayRenderer] | None = None
        self._state: OverlayState | None = None
        self._last: _Pending | None = None
        self._tip_seen = False

    def build(self, p: dict[str, Any]) -> None:
        """Load the scene; make the topics."""
        self._limits = OverlayLimits(stale_s=p['stale_s'], lost_s=p['lost_s'])
        if p['backend'] == 'wasm':
            for kernel in ('overlay', 'tracking'):
                usable_kernel(kernel)
        self._scene = load_scene(p['scene'], root=p['scene_root'], progress=ProgressLines(self.get_logger().info))
        for warning in self._scene.warnings:
            self.get_logger().warning(warning)
        self._meshes = MarkerMeshes(self._scene, p['marker_meshes'])
        self._p = p
        self._wait_ns, self._flag_ns, self._silent_ns = (int(p[k] * 1e9) for k in ('pose_wait_s', 'flag_s', 'silent_s'))
        self._image = self.publisher(Image, 'overlay/image_raw', qos.STREAM)
        self._info = self.publisher(CameraInfo, 'overlay/camera_info', qos.STREAM)
        self._markers = self.publisher(MarkerArray, 'overlay/markers', qos.LATCHED)
        self._states = self.publisher(DiagnosticArray, 'overlay/state', qos.LATCHED)
        # Configured but inactive, the latched registration must be kept: only images wait for activation.
        self.listen(CameraInfo, 'camera/camera_info', self._on_info, qos.STREAM)
        self.listen(Image, 'camera/image_raw', self.guard(self._on_image), qos.IMAGE_LISTEN)
        self.listen(PoseWithCovarianceStamped, 'registration/result', self._on_registration, qos.LATCHED)
        self.listen(DiagnosticArray, 'registration/quality', self._on_quality, qos.LATCHED)
        self.listen(DiagnosticArray, 'registration/drift', self._on_drift, qos.LATCHED)
        self._tf = TfListener(self, p['backend'], lambda rows: self._resolve())
        self._check_timer = self.every(CHECK_PERIOD_S, self._check, clock=self.steady, autostart=False)
        self.every(MARKERS_PERIOD_S, self._publish_markers, clock=self.steady)
        self.every(WATCH_PERIOD_S, self._watch, clock=self.steady)

    def stop(self) -> None:
        """Let go of the images that wait, and say that nothing is shown live any more."""
        self._pending.clear()
        if self._state is not None:
            self._tell(OverlayState.LOST, 0, None, 'the overlay is not active')
        self._state = self._last = None

    def release(self) -> None:
        """Drop the topics and all that was received."""
        super().release()
        if self._tf is not None:
            self._tf.destroy()
            self._tf = None
        if self._meshes is not None:
            self._meshes.remove()
            self._meshes = None
        self._reset()

    def forget(self) -> None:
        """Poses of a time to come are none: the images that wait and the moving frames go."""
        self._pending.clear()
        if self._tf is not None:
            self._tf.buffer.clear()

    def ready(self) -> bool:
        """Tell whether the camera is there."""
        return self.has_camera()

    def health(self) -> tuple[bytes, str, dict[str, object]]:
        """Tell the overlay's state."""
        if self._state is None:
            return DiagnosticStatus.WARN, 'no image yet', {}
        live = self._state is OverlayState.LIVE
        return DiagnosticStatus.OK if live else DiagnosticStatus.WARN, self._state.value, {'state': self._state.value}

    # Inputs.

    def _on_info(self, msg: CameraInfo, info: dict[str, int]) -> None:
        self._camera = msgs.camera_from_info(msg)

    def _on_registration(self, msg: PoseWithCovarianceStamped, info: dict[str, int]) -> None:
        self._T_ref_ct = None  # a registration taken back, or one that is none, leaves the anatomy undrawn
        if msg.header.frame_id != self._p['ref_frame']:
            raise DataError(f'registration/result: frame {msg.header.frame_id!r}, not {self._p["ref_frame"]!r}')
        position = msg.pose.pose.position
        if position.x != position.x:
            self._fre_m = self._margin = None
            return
        self._T_ref_ct = msgs.matrix_from_pose(msg.pose.pose, 'registration/result')

    def _on_quality(self, msg: DiagnosticArray, info: dict[str, int]) -> None:
        values = {v.key: v.value for status in msg.status for v in status.values}
        level = msg.status[0].level if msg.status else DiagnosticStatus.OK
        self._refusal = msg.status[0].message if level == DiagnosticStatus.ERROR else ''
        if values.get('accepted') == 'True':
            self._fre_m = self._margin = None
            self._margin = largest_margin(values)
            try:
                self._fre_m = float(values['fre_mm']) * 1e-3
            except (KeyError, ValueError) as e:
                raise DataError(f'registration/quality: fre_mm {values.get("fre_mm")!r}: a number is needed') from e

    def _on_drift(self, msg: DiagnosticArray, info: dict[str, int]) -> None:
        if self._drift.level is DriftLevel.OK:  # a message that is none takes no warning away
            self._drift = NOT_WATCHED
        self._drift = drift_status({v.key: v.value for status in msg.status for v in status.values})
        self._drift_heard_s = time.monotonic()

    def _drift_now(self) -> DriftStatus:
        """Return what is known of the registration's drift: silence is not OK, and takes no warning away."""
        silent = time.monotonic() - self._drift_heard_s > DRIFT_SILENT_S
        return NOT_WATCHED if silent and self._drift.level is DriftLevel.OK else self._drift

    def _on_image(self, msg: Image, info: dict[str, int]) -> None:
        frame = msgs.frame_from_image(msg, 'camera/image_raw')
        self._pending.append(_Pending(frame, self.age_ns(frame.stamp_ns, info), time.monotonic_ns(), self.now_ns()))
        self.stats.add('transport', self._pending[-1].age_ns)
        if len(self._pending) > MAX_PENDING:
            self._show(self._pending.popleft())
        self._resolve()
        if self._pending:
            self._check_timer.reset()

    # The way of an image: wait for its pose, look up, draw, publish.

    def _resolve(self) -> None:
        latest_ns = self._latest_pose_ns()
        while self._pending and latest_ns is not None and latest_ns >= self._pending[0].frame.stamp_ns:
            self._show(self._pending.popleft())

    def _check(self) -> None:
        while self._pending and self._overdue(self._pending[0]):
            self._show(self._pending.popleft())
        if not self._pending:
            self._check_timer.cancel()  # awake only while something waits

    def _overdue(self, pending: _Pending) -> bool:
        """Tell whether to wait no longer: what is shown live must not outlive the last valid pose by the flag's limit."""
        waited_ns = time.monotonic_ns() - pending.received_ns
        latest_ns = self._latest_pose_ns()
        # An image that is old when it comes cannot keep that promise: it waits like any other.
        if self._state is not None and self._state.draws and latest_ns is not None and pending.age_ns < self._flag_ns:
            return pending.frame.stamp_ns - latest_ns + pending.age_ns + waited_ns >= self._flag_ns
        return waited_ns >= self._wait_ns

    def _watch(self) -> None:
        """Without images the picture would freeze: show the last one again, at its own stamp, without anatomy and LOST.

        Silence is on the node's clock: a recording that is paused or slowed down is not silent.
        """
        last = self._last
        if not self.active or last is None or self._state is OverlayState.LOST or self._pending:
            return
        silent_ns = self.now_ns() - last.clock_ns
        if silent_ns < self._silent_ns:
            return
        reason = f'no usable image for {silent_ns / 1e6:.0f} ms'
        try:
            self._present(last, PoseLookup(None, None), OverlayDecision(OverlayState.LOST, reason), Readouts(reason=reason))
        except ArsurgError as e:
            # It cannot be drawn, but it can be said.
            self.warn(str(e))
            self._tell(OverlayState.LOST, last.frame.stamp_ns, None, f'{reason}: {e}')

    def _latest_pose_ns(self) -> int | None:
        assert self._tf is not None
        return self._tf.buffer.latest_ns(self._p['camera_frame'], self._p['ref_frame'])

    def _show(self, pending: _Pending) -> None:
        try:
            self._draw(pending)
        except ArsurgError as e:
            self.warn(str(e))

    def _draw(self, pending: _Pending) -> None:
        assert self._tf is not None
        frame = pending.frame
        self.stats.add('pose_wait', time.monotonic_ns() - pending.received_ns)
        ref = self._lookup(self._p['ref_frame'], frame.stamp_ns)
        tip = self._lookup(self._p['tip_frame'], frame.stamp_ns) if self._p['instrument'] else None
        decision = self._decide(ref)
        T_cam_ct = ref.T @ self._T_ref_ct if ref.T is not None and self._T_ref_ct is not None else None
        readouts = Readouts(
            T_cam_tip=tip.T if tip else None,
            fre_m=self._fre_m,
            reason=decision.reason,
            margin=self._margin,
            notes=('drift: not watched',) if self._drift_now().level is DriftLevel.UNKNOWN else (),
        )
        self._present(pending, ref, decision, readouts, T_cam_ct)

    def _present(
        self, pending: _Pending, ref: PoseLookup, decision: OverlayDecision, readouts: Readouts, T_cam_ct: F64 | None = None
    ) -> None:
        """Draw, tell a change of state, publish."""
        if self._camera is None:
            raise DataError('camera/camera_info: none yet, so no image can be drawn on')
        frame = pending.frame
        out = self._renderer_for(frame).render(frame.image, self._camera, T_cam_ct, decision.state, readouts)
        if pending is not self._last:
            self.stats.add('kernel', int(out.kernel_ms * 1e6))
            self.stats.add('composite', int(out.composite_ms * 1e6))
        self._tip_seen = readouts.T_cam_tip is not None
        self.stats.counts[f'state.{out.state.value}'] += 1
        self._reason = out.reason
        if out.state is not self._state:
            self._change_state(out.state, pending, ref.age_ns, out.reason)
        self._publish(Frame(frame.stamp_ns, frame.frame_id, out.image), pending)
        self._last = pending

    def _decide(self, ref: PoseLookup) -> OverlayDecision:
        registered = self._T_ref_ct is not None
        # A refused attempt does not take an accepted registration away.
        return decide(ref, registered, self._limits, refusal='' if registered else self._refusal, drift=self._drift_now())

    def _publish(self, frame: Frame, pending: _Pending) -> None:
        began_ns = time.monotonic_ns()
        self._image.publish(msgs.image_from_frame(frame))
        assert self._camera is not None
        self._info.publish(msgs.info_from_camera(self._camera, frame.stamp_ns, frame.frame_id))
        if pending is self._last:
            return  # the last image once more: a state, not a frame, and not in the figures
        done_ns = time.monotonic_ns()
        self.stats.add('publish', done_ns - began_ns)
        self.stats.add('capture_to_published', pending.age_ns + done_ns - pending.received_ns)
        self.stats.counts['frames'] += 1

    def _lookup(self, frame_id: str, stamp_ns: int) -> PoseLookup:
        assert self._tf is not None
        return look_up(self._tf.buffer, self._p['camera_frame'], frame_id, stamp_ns)

    def _renderer_for(self, frame: Frame) -> OverlayRenderer:
        size = (frame.image.shape[1], frame.image.shape[0])
        if self._renderer is None or self._renderer[0] != size:
            self._renderer = (size, OverlayRenderer(self._scene, *size, backend=self._p['backend']))
        return self._renderer[1]

    # What is told on change.

    def _change_state(self, state: OverlayState, pending: _Pending, age_ns: int | None, reason: str) -> None:
        waited_ns = pending.age_ns + time.monotonic_ns() - pending.received_ns
        self._tell(state, pending.frame.stamp_ns, None if age_ns is None else age_ns + waited_ns, reason)

    def _tell(self, state: OverlayState, stamp_ns: int, pose_age_ns: int | None, reason: str) -> None:
        """Publish a new state on overlay/state, in the log and by the markers."""
        before, self._state, self._reason = self._state, state, reason
        values: dict[str, object] = {'state': state.value, 'image_stamp_ns': stamp_ns}
        if pose_age_ns is not None:
            values['pose_age_ms'] = f'{pose_age_ns / 1e6:.1f}'
        level = DiagnosticStatus.OK if state is OverlayState.LIVE else DiagnosticStatus.WARN
        array = DiagnosticArray(header=msgs.header(stamp_ns, self._p['camera_frame']))
        array.status = [msgs.status('arsurg: overlay state', self._p['camera_frame'], level, reason or state.value, values)]
        self._states.publish(array)
        self.get_logger().info(f'overlay {before.value if before else "none"} -> {state.value} {reason}'.rstrip())
        self._publish_markers()

    def _publish_markers(self) -> None:
        if self._state is None or self._meshes is None:
            return
        specs = scene_markers(
            self._meshes.scene,
            live=self._state.draws,
            state=self._state.value,
            reason=self._reason,
            stamp_ns=self.now_ns(),
            tip_live=self._tip_seen,
            frame_ids=MarkerFrames(ct=self._p['ct_frame'], tip=self._p['tip_frame'], state=self._p['camera_frame']),
        )
        self._markers.publish(marker_array(specs))


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(OverlayNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
