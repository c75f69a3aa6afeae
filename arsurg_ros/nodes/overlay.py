# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The overlay node: an image, the poses at its stamp, the registration -> the composited image and the markers."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from arsurg_ros.errors import ArsurgError, ConfigError, DataError
from arsurg_ros.files.calibrations import load_stereo
from arsurg_ros.files.progress import ProgressLines
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.pixel_code import (
    CameraCode,
    OverlayCode,
    read_camera_code,
    strip_height_px,
    write_camera_code,
    write_overlay_code,
)
from arsurg_ros.geometry.prediction import PredictionLimits
from arsurg_ros.kernels.host import usable_kernel
from arsurg_ros.kernels.raster import fitting_threads
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import StageNode, run
from arsurg_ros.nodes.markers import MarkerMeshes, marker_array
from arsurg_ros.nodes.overlay_sinks import OverlaySinks
from arsurg_ros.nodes.params import texts
from arsurg_ros.nodes.quality import drift_status, margins_of
from arsurg_ros.nodes.tf import TfListener
from arsurg_ros.overlay.readouts import Margins, Readouts
from arsurg_ros.overlay.render import OverlayRenderer, RenderedOverlay
from arsurg_ros.overlay.scene import load_scene
from arsurg_ros.overlay.state import OverlayDecision, OverlayLimits, OverlayState, PoseLookup, decide, look_up
from arsurg_ros.overlay.view import View, extent_m, view_of
from arsurg_ros.sinks.markers import MarkerFrames, scene_markers
from arsurg_ros.system import eye_topic
from arsurg_ros.types import F64, U8, CameraModel, DriftLevel, DriftStatus, Frame

CHECK_PERIOD_S = 0.005
# Images that wait at a time: more, and the oldest is shown as it is.
MAX_PENDING = 8
MARKERS_PERIOD_S = 0.5
WATCH_PERIOD_S = 0.05
# The registration node says every second whether it watches.
DRIFT_SILENT_S = 5.0
# Masks that are kept: a segmentation may be a few images behind.
MAX_MASKS = 4
# A picture that says why an image cannot be shown is no larger.
MOST_PIXELS = 40_000_000
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
        self._sinks: OverlaySinks | None = None
        self._reset()

    def _reset(self) -> None:
        self._pending: deque[_Pending] = deque()
        self._camera: CameraModel | None = None
        self._T_ref_ct: F64 | None = None
        self._fre_m: float | None = None
        self._margins: Margins = ()
        self._drift, self._drift_heard_s = NOT_WATCHED, 0.0
        self._reason = ''
        self._refusal = ''
        self._renderer: tuple[tuple[int, int], OverlayRenderer] | None = None
        self._state: OverlayState | None = None
        self._last: _Pending | None = None
        self._tip_seen = self._predicted = False
        self._masks: deque[Frame] = deque(maxlen=MAX_MASKS)
        self._mask_heard = False
        self._mask_problem = self._mask_warned = self._complaint = ''
        self._mask_state = 'none'

    def build(self, p: dict[str, Any]) -> None:
        """Load the scene; make the topics."""
        prediction = PredictionLimits(horizon_s=p['predict_s'], error_m=p['predict_error_m'])
        self._limits = OverlayLimits(stale_s=p['stale_s'], lost_s=p['lost_s'], prediction=prediction)
        if p['backend'] == 'wasm':
            for kernel in ('overlay', 'tracking'):
                usable_kernel(kernel)
        self._scene = load_scene(p['scene'], root=p['scene_root'], progress=ProgressLines(self.get_logger().info))
        for warning in self._scene.warnings:
            self.get_logger().warning(warning)
        self._extent_m = extent_m(self._scene)
        self._view = self._view_of(p)
        self._meshes = MarkerMeshes(self._view.applied(self._scene), p['marker_meshes'])
        self._p, self._eye = p, p['eye']
        self._camera_frame = p['right_camera_frame'] if p['eye'] == 'right' else p['camera_frame']
        self._wait_ns, self._flag_ns, self._silent_ns = (int(p[k] * 1e9) for k in ('pose_wait_s', 'flag_s', 'silent_s'))
        self._predict_wait_ns, self._mask_age_ns = (int(p[k] * 1e9) for k in ('predict_wait_s', 'mask_age_s'))
        self._image = self.publisher(Image, self._topic('overlay/image_raw'), qos.STREAM)
        self._info = self.publisher(CameraInfo, self._topic('overlay/camera_info'), qos.STREAM)
        self._sinks = OverlaySinks(self, p, self._topic('overlay/image_raw'))
        self._states = self.publisher(DiagnosticArray, self._topic('overlay/state'), qos.LATCHED)
        # RViz shows one scene, whatever the eyes: the left one's node, or the only one, says what is in it.
        self._markers = None if self._eye == 'right' else self.publisher(MarkerArray, 'overlay/markers', qos.LATCHED)
        self._place_right_camera(p['stereo'])
        # Configured but inactive, the latched registration must be kept: only images wait for activation.
        self.listen(CameraInfo, self._topic('camera/camera_info'), self._on_info, qos.STREAM)
        self.listen(Image, self._topic('camera/image_raw'), self.guard(self._on_image), qos.IMAGE_LISTEN)
        self.listen(Image, self._topic('overlay/instrument_mask'), self.guard(self._on_mask), qos.IMAGE_LISTEN)
        self.listen(PoseWithCovarianceStamped, 'registration/result', self._on_registration, qos.LATCHED)
        self.listen(DiagnosticArray, 'registration/quality', self._on_quality, qos.LATCHED)
        self.listen(DiagnosticArray, 'registration/drift', self._on_drift, qos.LATCHED)
        self._tf = TfListener(self, p['backend'], lambda rows: self._resolve())
        self._check_timer = self.every(CHECK_PERIOD_S, self._check, clock=self.steady, autostart=False)
        self.every(MARKERS_PERIOD_S, self._publish_markers, clock=self.steady)
        self.every(WATCH_PERIOD_S, self._watch, clock=self.steady)

    def _topic(self, name: str) -> str:
        return eye_topic(name, self._eye)

    def _place_right_camera(self, path: str) -> None:
        """Publish where the right camera is, if a file says so; raises ConfigError for another eye, and as load_stereo."""
        if not path:
            return
        if self._eye != 'right':
            raise ConfigError(f'stereo {path!r} with eye {self._eye!r}: it places the right camera; give it to eye right')
        T_left_right = load_stereo(Path(path).expanduser())
        static = self.publisher(TFMessage, '/tf_static', qos.LATCHED)
        right = msgs.transform_stamped(T_left_right, self.now_ns(), self._p['camera_frame'], self._camera_frame)
        static.publish(TFMessage(transforms=[right]))

    def stop(self) -> None:
        """Let go of the images that wait, and say that nothing is shown live any more."""
        self._pending.clear()
        if self._state is not None:
            self._tell(OverlayState.LOST, 0, None, 'the overlay is not active')
        self._state = self._last = None

    def release(self) -> None:
        """Finish the recording; drop the topics and all that was received."""
        if self._sinks is not None:
            self._sinks.close()
            self._sinks = None
        super().release()
        if self._tf is not None:
            self._tf.destroy()
            self._tf = None
        if self._meshes is not None:
            self._meshes.remove()
            self._meshes = None
        self._reset()

    def forget(self) -> None:
        """Poses of a time to come are none: the images that wait, the masks and the moving frames go."""
        self._pending.clear()
        self._masks.clear()
        if self._tf is not None:
            self._tf.buffer.clear()

    def ready(self) -> bool:
        """Tell whether the camera is there."""
        return self.has_camera(self._topic('camera/image_raw'), self._topic('camera/camera_info'))

    def health(self) -> tuple[bytes, str, dict[str, object]]:
        """Tell the overlay's state."""
        sinks = dict(self._sinks.counts()) if self._sinks is not None else {}
        if self._state is None:
            return DiagnosticStatus.WARN, 'no image yet', sinks
        live = self._state is OverlayState.LIVE and not self._mask_problem
        said = '; '.join(text for text in (self._state.value, self._mask_problem) if text)
        mask = self._mask_problem or self._mask_state
        values: dict[str, object] = {'state': self._state.value, 'instrument_mask': mask, **sinks}
        return DiagnosticStatus.OK if live else DiagnosticStatus.WARN, said, values

    # Toggles that change while it runs.

    def _view_of(self, p: dict[str, Any]) -> View:
        names = texts(p['show']), texts(p['hide'])
        cue = p['depth_cue'] if p['depth_cue'] >= 0 else None
        return view_of(self._scene, *names, fill=p['fill'], window=p['window'], depth_cue=cue)

    def check_live(self, values: dict[str, Any]) -> None:
        """Raise ConfigError for a structure that the scene has not."""
        self._view_of(values)

    def apply_live(self, values: dict[str, Any]) -> None:
        """Show the next picture so."""
        self._view = self._view_of(values)
        if self._meshes is not None:
            self._meshes.show(self._view.applied(self._scene))
        if self._renderer is not None:
            self._renderer[1].view = self._view
        self._publish_markers()

    # Inputs.

    def _on_info(self, msg: CameraInfo, info: dict[str, int]) -> None:
        self._camera = msgs.camera_from_info(msg)

    def _on_registration(self, msg: PoseWithCovarianceStamped, info: dict[str, int]) -> None:
        self._T_ref_ct = None  # a registration taken back, or one that is none, leaves the anatomy undrawn
        if msg.header.frame_id != self._p['ref_frame']:
            raise DataError(f'registration/result: frame {msg.header.frame_id!r}, not {self._p["ref_frame"]!r}')
        position = msg.pose.pose.position
        if position.x != position.x:
            self._fre_m, self._margins = None, ()
            return
        self._T_ref_ct = msgs.matrix_from_pose(msg.pose.pose, 'registration/result')

    def _on_quality(self, msg: DiagnosticArray, info: dict[str, int]) -> None:
        values = {v.key: v.value for status in msg.status for v in status.values}
        level = msg.status[0].level if msg.status else DiagnosticStatus.OK
        self._refusal = msg.status[0].message if level == DiagnosticStatus.ERROR else ''
        if values.get('accepted') == 'True':
            self._fre_m, self._margins = None, ()
            self._margins = margins_of(values)
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
        stamp_ns = msgs.to_ns(msg.header.stamp)
        arrival = (self.age_ns(stamp_ns, info), time.monotonic_ns(), self.now_ns())
        try:
            frame = msgs.frame_from_image(msg, self._topic('camera/image_raw'))
        except DataError as e:
            self._refuse_image(msg, _Pending(_blank(msg, stamp_ns), *arrival), str(e))
            return
        self._pending.append(_Pending(frame, *arrival))
        self.stats.add('transport', self._pending[-1].age_ns)
        if len(self._pending) > MAX_PENDING:
            self._show(self._pending.popleft())
        self._resolve()
        self._check()
        if self._pending or self._predicted:
            self._check_timer.reset()

    def _refuse_image(self, msg: Image, pending: _Pending, reason: str) -> None:
        """Say in the picture and on overlay/state that an image cannot be read: a frozen picture would lie."""
        self._complain(reason)
        self._pending.clear()
        decision = OverlayDecision(OverlayState.REFUSED, reason)
        if 0 < msg.width * msg.height <= MOST_PIXELS:
            self._show_bare(pending, decision, Readouts(reason=reason))
        elif self._state is not OverlayState.REFUSED:
            self._tell(OverlayState.REFUSED, pending.frame.stamp_ns, None, reason)

    def _complain(self, reason: str) -> None:
        """Warn of what is wrong with the images once, not at every one, until it is another thing or gone."""
        if reason != self._complaint:
            self.warn(reason)
        self._complaint = reason

    def _on_mask(self, msg: Image, info: dict[str, int]) -> None:
        self._mask_heard = True
        topic = self._topic('overlay/instrument_mask')
        mask = msgs.frame_from_image(msg, topic)
        if mask.encoding != 'mono8':
            raise DataError(f'{topic}: encoding {msg.encoding!r}; valid: mono8')
        self._masks.append(mask)

    def _mask_for(self, frame: Frame) -> U8 | None:
        """Return the mask of an image or, no farther away in time than the limit, of its nearest neighbour."""
        self._mask_problem, self._mask_state = '', 'used' if self._mask_heard else 'none'
        mask = min(self._masks, key=lambda m: abs(m.stamp_ns - frame.stamp_ns), default=None)
        if mask is None:
            self._mask_problem = 'instrument mask: not usable' if self._mask_heard else ''
            return None
        away_ns = abs(mask.stamp_ns - frame.stamp_ns)
        if away_ns > self._mask_age_ns:
            self._mask_problem = f'instrument mask: {_about(away_ns)} old, not used'
            return None
        if mask.image.shape != frame.image.shape[:2]:
            own, needed = (f'{i.shape[1]}x{i.shape[0]}' for i in (mask.image, frame.image))
            self._mask_problem = f'instrument mask: {own}, the image is {needed}: not used'
            return None
        return mask.image

    # The way of an image: wait for its pose, look up, draw, publish.

    def _resolve(self) -> None:
        latest_ns = self._latest_pose_ns()
        while self._pending and latest_ns is not None and latest_ns >= self._pending[0].frame.stamp_ns:
            self._show(self._pending.popleft())

    def _check(self) -> None:
        while self._pending and (self._overdue(self._pending[0]) or self._predictable(self._pending[0])):
            self._show(self._pending.popleft())
        if self._predicted and not self._pending and self._last is not None:
            self._flag_prediction(self._last)
        if not self._pending and not self._predicted:
            self._check_timer.cancel()  # awake only while something waits

    def _predictable(self, pending: _Pending) -> bool:
        """Tell whether an image has waited long enough for its pose and may be drawn with a predicted one."""
        waited_ns = time.monotonic_ns() - pending.received_ns
        if self._p['predict_s'] <= 0 or waited_ns < self._predict_wait_ns:
            return False
        return self._lookup(self._p['ref_frame'], pending).predicted

    def _flag_prediction(self, last: _Pending) -> None:
        """Take a predicted picture away when no pose has come in time, though no image comes that would."""
        latest_ns = self._latest_pose_ns()
        behind_ns = None if latest_ns is None else last.frame.stamp_ns - latest_ns
        age_ns = None if behind_ns is None else behind_ns + self._image_age_ns(last)
        if age_ns is None or age_ns >= self._flag_ns:
            stale = OverlayDecision(OverlayState.STALE, 'no pose since the prediction')
            readouts = Readouts(reason=stale.reason, pose_age_s=None if age_ns is None else age_ns * 1e-9)
            self._show_bare(last, stale, readouts, behind_ns)

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
        self._show_bare(last, OverlayDecision(OverlayState.LOST, reason), Readouts(reason=reason))

    def _show_bare(self, last: _Pending, decision: OverlayDecision, readouts: Readouts, age_ns: int | None = None) -> None:
        """Show an image without anatomy, or else say its state; ``age_ns`` is its stamp less that of the newest pose."""
        self._predicted = False
        try:
            self._present(last, PoseLookup(None, age_ns), decision, readouts)
        except ArsurgError as e:
            # It cannot be drawn, but it can be said.
            self.warn(str(e))
            self._tell(decision.state, last.frame.stamp_ns, None, f'{decision.reason}: {e}')

    def _latest_pose_ns(self) -> int | None:
        assert self._tf is not None
        return self._tf.buffer.latest_ns(self._camera_frame, self._p['ref_frame'])

    def _show(self, pending: _Pending) -> None:
        try:
            self._draw(pending)
        except ArsurgError as e:
            self.warn(str(e))

    def _draw(self, pending: _Pending) -> None:
        assert self._tf is not None
        self.stats.add('pose_wait', time.monotonic_ns() - pending.received_ns)
        ref = self._lookup(self._p['ref_frame'], pending)
        tip = self._lookup(self._p['tip_frame'], pending) if self._p['instrument'] else None
        decision = self._decide(ref, tip)
        if problem := self._camera_problem(pending.frame):
            self._complain(problem)
            decision = OverlayDecision(OverlayState.REFUSED, problem)
        else:
            self._complaint = ''
        T_cam_ct = ref.T @ self._T_ref_ct if ref.T is not None and self._T_ref_ct is not None else None
        mask = self._mask_for(pending.frame)
        if self._mask_problem and self._mask_problem != self._mask_warned:
            self.warn(self._mask_problem)
        self._mask_warned = self._mask_problem
        notes = ('drift: not watched' if self._drift_now().level is DriftLevel.UNKNOWN else '', self._mask_problem)
        readouts = Readouts(
            T_cam_tip=tip.T if tip else None,
            fre_m=self._fre_m,
            reason=decision.reason,
            margins=self._margins,
            T_cam_instruments=self._instrument_poses(pending),
            notes=tuple(note for note in notes if note),
            instrument_mask=mask,
            pose_age_s=None if ref.age_ns is None else (ref.age_ns + self._image_age_ns(pending)) * 1e-9,
        )
        self._predicted = decision.draws and (ref.predicted or (tip is not None and tip.predicted))
        self._present(pending, ref, decision, readouts, T_cam_ct)

    def _camera_problem(self, frame: Frame) -> str:
        """Return why nothing can be drawn on an image with the camera's calibration, '' where something can."""
        if self._camera is None:
            return f'{self._topic("camera/camera_info")}: none yet'
        own, needed = (self._camera.width_px, self._camera.height_px), (frame.image.shape[1], frame.image.shape[0])
        if own == needed:
            return ''
        return f'camera_info is for {own[0]}x{own[1]}, the image is {needed[0]}x{needed[1]}'

    def _image_age_ns(self, pending: _Pending) -> int:
        """Return how long ago an image was captured."""
        return pending.age_ns + time.monotonic_ns() - pending.received_ns

    def _present(
        self, pending: _Pending, ref: PoseLookup, decision: OverlayDecision, readouts: Readouts, T_cam_ct: F64 | None = None
    ) -> None:
        """Draw, tell a change of state, publish."""
        frame = pending.frame
        camera = None if self._camera_problem(frame) else self._camera
        of_camera = None
        if self._p['pixel_code']:
            of_camera = read_camera_code(frame.image)  # before anything is drawn over it
            readouts = replace(readouts, keep_bottom_px=strip_height_px(frame.image.shape[1]))
        out = self._renderer_for(frame).render(frame.image, camera, T_cam_ct, decision.state, readouts, frame.encoding)
        if self._p['pixel_code']:
            self._write_codes(out.image, of_camera, overlay_code(frame.stamp_ns, out, ref, T_cam_ct))
        if pending is not self._last:
            self.stats.add('kernel', int(out.kernel_ms * 1e6))
            self.stats.add('composite', int(out.composite_ms * 1e6))
        self._tip_seen = readouts.T_cam_tip is not None
        self.stats.counts[f'state.{out.state.value}'] += 1
        self._reason = out.reason
        if out.state is not self._state:
            self._change_state(out.state, pending, ref.age_ns, out.reason)
        encoding = 'rgb8' if frame.encoding == 'rgb8' else 'bgr8'
        shown = Frame(frame.stamp_ns, frame.frame_id, out.image, encoding)
        self._publish(shown, pending, camera)
        if self._sinks is not None:
            self._sinks.show(shown, out.state.value)
        self._last = pending

    def _write_codes(self, image: U8, of_camera: CameraCode | None, of_overlay: OverlayCode) -> None:
        """Write the overlay's code over a finished picture, and the camera's again, over which it may have drawn."""
        try:
            write_overlay_code(image, of_overlay)
            if of_camera is not None:
                write_camera_code(image, of_camera)
        except ConfigError as e:
            self.warn(str(e))  # too small for a code is not too small to be shown

    def _decide(self, ref: PoseLookup, tip: PoseLookup | None) -> OverlayDecision:
        registered = self._T_ref_ct is not None
        # A refused attempt does not take an accepted registration away.
        refusal = '' if registered else self._refusal
        return decide(ref, registered, self._limits, refusal=refusal, drift=self._drift_now(), tip=tip)

    def _publish(self, frame: Frame, pending: _Pending, camera: CameraModel | None) -> None:
        began_ns = time.monotonic_ns()
        self._image.publish(msgs.image_from_frame(frame))
        if camera is not None:
            self._info.publish(msgs.info_from_camera(camera, frame.stamp_ns, frame.frame_id))
        if pending is self._last:
            return  # the last image once more: a state, not a frame, and not in the figures
        done_ns = time.monotonic_ns()
        self.stats.add('publish', done_ns - began_ns)
        self.stats.add('capture_to_published', pending.age_ns + done_ns - pending.received_ns)
        self.stats.counts['frames'] += 1

    def _lookup(self, frame_id: str, pending: _Pending) -> PoseLookup:
        """Look a pose up, or predict it: never so far that its picture would outlive the flag's limit as it goes out."""
        assert self._tf is not None
        left_s = (self._flag_ns - self._image_age_ns(pending)) * 1e-9
        ahead = self._limits.prediction
        ahead = replace(ahead, horizon_s=max(0.0, min(ahead.horizon_s, left_s)))
        drawn = frame_id == self._p['ref_frame'] and self._T_ref_ct is not None
        points_m = se3.transform(self._T_ref_ct, self._extent_m) if drawn else None
        camera, stamp_ns = self._camera_frame, pending.frame.stamp_ns
        return look_up(self._tf.buffer, camera, frame_id, stamp_ns, prediction=ahead, points_m=points_m)

    def _renderer_for(self, frame: Frame) -> OverlayRenderer:
        size = (frame.image.shape[1], frame.image.shape[0])
        if self._renderer is None or self._renderer[0] != size:
            budget_ms = self._p['frame_budget_ms'] or None
            threads = self._p['threads'] or fitting_threads()
            renderer = OverlayRenderer(self._scene, *size, self._p['backend'], budget_ms, threads)
            renderer.view = self._view
            self._renderer = (size, renderer)
        return self._renderer[1]

    def _instrument_poses(self, pending: _Pending) -> dict[str, F64]:
        """Return where the scene's instruments are that have a frame of their own, as far as they are tracked."""
        found = ((i.name, self._lookup(i.frame, pending).T) for i in self._scene.instruments if i.frame)
        return {name: T for name, T in found if T is not None}

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
        array = DiagnosticArray(header=msgs.header(stamp_ns, self._camera_frame))
        array.status = [msgs.status('arsurg: overlay state', self._camera_frame, level, reason or state.value, values)]
        self._states.publish(array)
        self.get_logger().info(f'overlay {before.value if before else "none"} -> {state.value} {reason}'.rstrip())
        self._publish_markers()

    def _publish_markers(self) -> None:
        if self._state is None or self._meshes is None or self._markers is None:
            return
        specs = scene_markers(
            self._meshes.scene,
            live=self._state.draws,
            state=self._state.value,
            reason=self._reason,
            stamp_ns=self.now_ns(),
            tip_live=self._tip_seen,
            frame_ids=MarkerFrames(ct=self._p['ct_frame'], tip=self._p['tip_frame'], state=self._camera_frame),
        )
        self._markers.publish(marker_array(specs))


def _blank(msg: Image, stamp_ns: int) -> Frame:
    """Return a black picture in the place of an image that cannot be read."""
    size = (msg.height, msg.width) if 0 < msg.width * msg.height <= MOST_PIXELS else (1, 1)
    return Frame(stamp_ns, msg.header.frame_id, np.zeros((*size, 3), np.uint8))


def _about(duration_ns: int) -> str:
    """Return a duration in steps that a text need not change at every picture for."""
    limits_ms = (50, 100, 200, 500, 1000)
    ms = duration_ns / 1e6
    return next((f'under {limit} ms' for limit in limits_ms if ms < limit), 'over 1 s')
def overlay_code(stamp_ns: int, out: RenderedOverlay, ref: PoseLookup, T_cam_ct: F64 | None) -> OverlayCode:
    """Return what the pixels shall say: of which image they are, in what state, and with which pose they were drawn."""
    pose_stamp_ns = None if ref.age_ns is None else stamp_ns - ref.age_ns
    return OverlayCode(stamp_ns, out.state.value, pose_stamp_ns, T_cam_ct if out.drawn else None)


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(OverlayNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
