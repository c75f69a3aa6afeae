# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The overlay node: an image, the poses at its stamp, the registration -> the composited image and the markers."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from arsurg_ros.errors import ArsurgError, ConfigError, DataError
from arsurg_ros.files.progress import ProgressLines
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.pixel_code import CameraCode, OverlayCode, read_camera_code, strip_height_px
from arsurg_ros.geometry.prediction import PredictionLimits
from arsurg_ros.kernels.host import usable_kernel
from arsurg_ros.kernels.raster import fitting_threads
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import StageNode, run
from arsurg_ros.nodes.overlay_markers import OverlayMarkers
from arsurg_ros.nodes.overlay_sinks import OverlaySinks
from arsurg_ros.nodes.overlay_told import StateTopic, overlay_health, place_right_camera
from arsurg_ros.nodes.params import texts
from arsurg_ros.nodes.registered import Registered
from arsurg_ros.nodes.tf import TfListener
from arsurg_ros.overlay.budget import LevelChoice
from arsurg_ros.overlay.codes import overlay_code, write_codes
from arsurg_ros.overlay.masks import MaskBuffer, MaskChoice
from arsurg_ros.overlay.pending import MOST_PIXELS, PendingImage, PosePeriod, Waits, blank, camera_problem
from arsurg_ros.overlay.readouts import Readouts
from arsurg_ros.overlay.render import BLANK, RenderedOverlay
from arsurg_ros.overlay.scene import load_scene
from arsurg_ros.overlay.sized import SizedRenderer
from arsurg_ros.overlay.state import OverlayDecision, OverlayLimits, OverlayState, PoseLookup, decide, look_up
from arsurg_ros.overlay.view import View, extent_m, view_of
from arsurg_ros.system import eye_topic
from arsurg_ros.types import F64, CameraModel, DriftLevel, Frame

CHECK_PERIOD_S = 0.005
# Images that wait at a time: more, and the oldest is shown as it is.
MAX_PENDING = 8
MARKERS_PERIOD_S = 0.5
# Fine enough for a flag of 80 ms to be shown within 100 ms.
WATCH_PERIOD_S = 0.01


class OverlayNode(StageNode):
    """Images are shown in order; each waits a bounded time for its pose, and is never drawn with another's."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('overlay', **kwargs)
        self._tf: TfListener | None = None
        self._markers: OverlayMarkers | None = None
        self._sinks: OverlaySinks | None = None
        self._reset()

    def _reset(self) -> None:
        self._pending: deque[PendingImage] = deque()
        self._camera: CameraModel | None = None
        self._reason = ''
        self._renderer: SizedRenderer | None = None
        self._state: OverlayState | None = None
        self._last: PendingImage | None = None
        self._tip_seen = self._predicted = False
        self._live_frames: frozenset[str] = frozenset()
        self._masks, self._mask = MaskBuffer(0), MaskChoice()
        self._complaint = ''
        self._pose_period = PosePeriod()
        self._detail: LevelChoice | None = None

    def build(self, p: dict[str, Any]) -> None:
        """Load the scene; make the topics."""
        prediction = PredictionLimits(horizon_s=p['predict_s'], error_m=p['predict_error_m'])
        self._limits = OverlayLimits(stale_s=p['stale_s'], lost_s=p['lost_s'], prediction=prediction)
        if p['backend'] == 'wasm':
            for kernel in ('overlay', 'marks', 'distance', 'tracking'):
                usable_kernel(kernel)
        progress = ProgressLines(self.get_logger().info)
        self._scene = load_scene(p['scene'], root=p['scene_root'], progress=progress, levels=p['frame_budget_ms'] > 0)
        for warning in self._scene.warnings:
            self.get_logger().warning(warning)
        self._extent_m = extent_m(self._scene)
        self._renderer = SizedRenderer(
            self._scene, p['backend'], p['frame_budget_ms'] or None, p['threads'] or fitting_threads()
        )
        self._renderer.view = view = self._view_of(p)
        self._p, self._eye = p, p['eye']
        self._camera_frame = p['right_camera_frame'] if p['eye'] == 'right' else p['camera_frame']
        # Both images of a stereo pair may carry the left one's frame, as image_pipeline has it.
        self._image_frames = tuple(dict.fromkeys((self._camera_frame, p['camera_frame'])))
        self._waits = Waits(*(int(p[k] * 1e9) for k in ('pose_wait_s', 'predict_wait_s', 'flag_s')))
        self._silent_ns = int(p['silent_s'] * 1e9)
        self._masks = MaskBuffer(int(p['mask_age_s'] * 1e9))
        self._image = self.publisher(Image, self._topic('overlay/image_raw'), qos.STREAM)
        self._info = self.publisher(CameraInfo, self._topic('overlay/camera_info'), qos.STREAM)
        self._sinks = OverlaySinks(self, p, self._topic('overlay/image_raw'))
        self._states = StateTopic(self, self._topic('overlay/state'), self._camera_frame)
        self._markers = OverlayMarkers(self, p, view.applied(self._scene), self._camera_frame)
        place_right_camera(self, p)
        # Configured but inactive, the latched registration must be kept: only images wait for activation.
        self.listen(CameraInfo, self._topic('camera/camera_info'), self._on_info, qos.STREAM)
        self.listen(Image, self._topic('camera/image_raw'), self.guard(self._on_image), qos.IMAGE_LISTEN)
        self.listen(Image, self._topic('overlay/instrument_mask'), self.guard(self._on_mask), qos.IMAGE_LISTEN)
        self._registered = Registered(self, p['ref_frame'], self._on_other_registration)
        # Poses farther apart than one that is stale give no pose between them: it would be drawn as live.
        self._tf = TfListener(self, p['backend'], self._on_poses, max_gap_ns=round(p['stale_s'] * 1e9))
        self._check_timer = self.every(CHECK_PERIOD_S, self._check, clock=self.steady, autostart=False)
        self.every(MARKERS_PERIOD_S, self._publish_markers, clock=self.steady)
        self.every(WATCH_PERIOD_S, self._watch, clock=self.steady)

    def _topic(self, name: str) -> str:
        return eye_topic(name, self._eye)

    def stop(self) -> None:
        """Let go of the images that wait, and show the last one as lost: who keeps it must not keep it as live."""
        self._pending.clear()
        if self._last is not None:
            self._show_bare(self._last, OverlayDecision(OverlayState.LOST, 'the overlay is not active'))
        elif self._state is not None:
            self._tell(OverlayState.LOST, 0, None, 'the overlay is not active')
        self._state = self._last = None

    def release(self) -> None:
        """Finish the recording; drop the topics and all that was received."""
        if self._sinks is not None:
            self.stop()  # a signal ends the node without deactivating it
            self._sinks.close()
            self._sinks = None
        super().release()
        if self._tf is not None:
            self._tf.destroy()
            self._tf = None
        if self._markers is not None:
            self._markers.meshes.remove()
            self._markers = None
        self._reset()

    def forget(self) -> None:
        """Poses of a time to come are none: the images that wait, the masks and the moving frames go."""
        self._pending.clear()
        self._masks.forget()
        self._pose_period = PosePeriod()
        if self._tf is not None:
            self._tf.buffer.clear()
        if self._last is not None:  # else it would lie in a time to come, and the camera never be silent
            self._last = replace(self._last, clock_ns=self.now_ns())

    def ready(self) -> bool:
        """Tell whether the camera is there."""
        return self.has_camera(self._topic('camera/image_raw'), self._topic('camera/camera_info'))

    def health(self) -> tuple[bytes, str, dict[str, object]]:
        """Tell the overlay's state."""
        counts = self._sinks.counts() if self._sinks is not None else {}
        return overlay_health(self._state, self._mask, self._detail, self._scene.warnings, counts)

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
        view = self._view_of(values)
        if self._renderer is not None and self._markers is not None:
            self._renderer.view = view
            self._markers.meshes.show(view.applied(self._scene))
        self._publish_markers()

    # Inputs.

    def _on_info(self, msg: CameraInfo, info: dict[str, int]) -> None:
        self._camera = None  # nothing is drawn with the calibration before one that cannot be used
        self._camera = msgs.camera_from_info(msg)

    def _on_poses(self, rows: list[tuple[str, str, int]]) -> None:
        self._pose_period.heard(self._latest_pose_ns())
        self._resolve()

    def _on_other_registration(self) -> None:
        """Take the anatomy of the registration before out of the picture now: no image may come that would."""
        if self._last is None or self._state is None or not self._state.draws:
            return
        what = 'taken back' if self._registered.T_ref_ct is None else 'replaced, and no image since'
        self._show_bare(self._last, OverlayDecision(OverlayState.UNREGISTERED, f'the registration was {what}'))

    def _on_image(self, msg: Image, info: dict[str, int]) -> None:
        stamp_ns = msgs.to_ns(msg.header.stamp)
        arrival = (self.age_ns(stamp_ns, info), time.monotonic_ns(), self.now_ns())
        try:
            frame = msgs.frame_from_image(msg, self._topic('camera/image_raw'))
        except DataError as e:
            self._refuse_image(msg, PendingImage(blank(stamp_ns, msg.header.frame_id, msg.width, msg.height), *arrival), str(e))
            return
        self._pending.append(PendingImage(frame, *arrival))
        self.stats.add('transport', self._pending[-1].age_ns)
        if len(self._pending) > MAX_PENDING:
            self._show(self._pending.popleft())
        self._resolve()
        self._check()
        if self._pending:
            self._check_timer.reset()

    def _refuse_image(self, msg: Image, pending: PendingImage, reason: str) -> None:
        """Say in the picture and on overlay/state that an image cannot be read: a frozen picture would lie."""
        self._complain(reason)
        self._pending.clear()
        decision = OverlayDecision(OverlayState.REFUSED, reason)
        if 0 < msg.width * msg.height <= MOST_PIXELS:
            self._show_bare(pending, decision)
        elif self._state is not OverlayState.REFUSED:
            self._tell(OverlayState.REFUSED, pending.frame.stamp_ns, None, reason)

    def _complain(self, reason: str) -> None:
        """Warn of what is wrong with the images once, not at every one, until it is another thing or gone."""
        if reason != self._complaint:
            self.warn(reason)
        self._complaint = reason

    def _on_mask(self, msg: Image, info: dict[str, int]) -> None:
        topic = self._topic('overlay/instrument_mask')
        self._masks.heard()
        self._masks.put(msgs.frame_from_image(msg, topic), topic, msg.encoding)

    def _mask_of(self, frame: Frame) -> MaskChoice:
        """Choose an image's mask, and warn once of what is wrong with it."""
        before, self._mask = self._mask.problem, self._masks.choose(frame)
        if self._mask.problem and self._mask.problem != before:
            self.warn(self._mask.problem)
        return self._mask

    # The way of an image: wait for its pose, look up, draw, publish.

    def _resolve(self) -> None:
        latest_ns = self._latest_pose_ns()
        while self._pending and latest_ns is not None and latest_ns >= self._pending[0].frame.stamp_ns:
            self._show(self._pending.popleft())

    def _check(self) -> None:
        while self._pending and (self._overdue(self._pending[0]) or self._predictable(self._pending[0])):
            self._show(self._pending.popleft())
        if not self._pending:
            self._check_timer.cancel()  # awake only while something waits

    def _predictable(self, pending: PendingImage) -> bool:
        """Tell whether an image has waited long enough for its pose and may be drawn with a predicted one."""
        if self._p['predict_s'] <= 0 or not self._waits.may_predict(pending, time.monotonic_ns()):
            return False
        return self._lookup(self._p['ref_frame'], pending).predicted

    def _flag_age(self, last: PendingImage) -> None:
        """Take the last picture's anatomy away when no pose has come in time, though no image comes that would."""
        latest_ns, clock_ns = self._latest_pose_ns(), self.now_ns()
        if self._state is None or not self._state.draws:
            return
        if self._waits.outlived(last, clock_ns, latest_ns, self._pose_period.period_ns, self._predicted):
            behind_ns = None if latest_ns is None else last.frame.stamp_ns - latest_ns
            since = '' if behind_ns is None else f' for {(behind_ns + last.on_clock_ns(clock_ns)) / 1e6:.0f} ms'
            reason = 'no pose since the prediction' if self._predicted else f'no pose{since}'
            self._show_bare(last, OverlayDecision(OverlayState.STALE, reason), behind_ns)

    def _overdue(self, pending: PendingImage) -> bool:
        drawn = self._state is not None and self._state.draws
        return self._waits.overdue(pending, time.monotonic_ns(), self._latest_pose_ns(), drawn)

    def _watch(self) -> None:
        """Without images the picture would freeze: show the last one again, at its own stamp, without anatomy and LOST.

        Before that, anatomy is taken away as STALE when its pose grows too old. Both are on the node's clock: a recording that
        is paused or slowed down is not silent.
        """
        last = self._last
        if not self.active or last is None or self._state is OverlayState.LOST or self._pending:
            return
        silent_ns = self.now_ns() - last.clock_ns
        if silent_ns < self._silent_ns:
            self._flag_age(last)
            return
        reason = f'no usable image for {silent_ns / 1e6:.0f} ms'
        self._show_bare(last, OverlayDecision(OverlayState.LOST, reason))

    def _show_bare(self, last: PendingImage, decision: OverlayDecision, age_ns: int | None = None) -> None:
        """Show an image without anatomy; ``age_ns`` is its stamp less that of the newest pose."""
        self._predicted = False
        try:
            self._present(last, PoseLookup(None, age_ns), decision, Readouts(reason=decision.reason))
        except ArsurgError as e:
            self._show_grey(last, decision.state, f'{decision.reason}: {e}', age_ns)

    def _show_grey(self, pending: PendingImage, state: OverlayState, reason: str, age_ns: int | None = None) -> None:
        """Show a flat grey picture in the place of one that cannot be made: the one before would stand there as live."""
        self._complain(reason)
        self._predicted = self._tip_seen = False
        self._live_frames = frozenset()
        frame = pending.frame
        grey = Frame(frame.stamp_ns, frame.frame_id, np.full((*frame.image.shape[:2], 3), BLANK, np.uint8))
        self._hand_out(grey, pending, None, OverlayDecision(state, reason), age_ns)

    def _latest_pose_ns(self) -> int | None:
        assert self._tf is not None
        return self._tf.buffer.latest_ns(self._camera_frame, self._p['ref_frame'])

    def _show(self, pending: PendingImage) -> None:
        try:
            self._draw(pending)
        except ArsurgError as e:
            self._show_grey(pending, OverlayState.REFUSED, str(e))

    def _draw(self, pending: PendingImage) -> None:
        assert self._tf is not None
        self.stats.add('pose_wait', pending.waited_ns(time.monotonic_ns()))
        ref = self._lookup(self._p['ref_frame'], pending)
        tip = self._lookup(self._p['tip_frame'], pending) if self._p['instrument'] else None
        instruments = self._instruments(pending)
        decision = self._decide(ref, tip, instruments)
        if problem := self._camera_problem(pending.frame):
            self._complain(problem)
            decision = OverlayDecision(OverlayState.REFUSED, problem)
        else:
            self._complaint = ''
        T_cam_ct = ref.T @ self._registered.T_ref_ct if ref.T is not None and self._registered.T_ref_ct is not None else None
        mask = self._mask_of(pending.frame)
        notes = ('drift: not watched' if self._registered.drift.level is DriftLevel.UNKNOWN else '', mask.problem)
        readouts = Readouts(
            T_cam_tip=tip.T if tip else None,
            fre_m=self._registered.fre_m,
            reason=decision.reason,
            margins=self._registered.margins,
            T_cam_instruments={name: found.T for name, found in instruments.items() if found.T is not None},
            notes=tuple(note for note in notes if note),
            instrument_mask=mask.mask,
            pose_age_s=None if ref.age_ns is None else (ref.age_ns + pending.captured_ns(time.monotonic_ns())) * 1e-9,
        )
        used = (ref, tip, *instruments.values())
        self._predicted = decision.draws and any(found is not None and found.predicted for found in used)
        self._present(pending, ref, decision, readouts, T_cam_ct)

    def _camera_problem(self, frame: Frame) -> str:
        return camera_problem(self._camera, frame, self._topic('camera/camera_info'), self._image_frames)

    def _present(
        self, pending: PendingImage, ref: PoseLookup, decision: OverlayDecision, readouts: Readouts, T_cam_ct: F64 | None = None
    ) -> None:
        """Draw, and hand out what was drawn."""
        assert self._renderer is not None
        frame = pending.frame
        camera = None if self._camera_problem(frame) else self._camera
        of_camera = None
        if self._p['pixel_code']:
            of_camera = read_camera_code(frame.image)  # before anything is drawn over it
            readouts = replace(readouts, keep_bottom_px=strip_height_px(frame.image.shape[1]))
        out = self._renderer.of(frame).render(frame.image, camera, T_cam_ct, decision.state, readouts, frame.encoding)
        if self._p['pixel_code']:
            self._write_codes(out, of_camera, overlay_code(frame.stamp_ns, out, ref.age_ns, T_cam_ct))
        if pending is not self._last:
            self.stats.add('kernel', int(out.kernel_ms * 1e6))
            self.stats.add('composite', int(out.composite_ms * 1e6))
        self._tip_seen, self._detail = readouts.T_cam_tip is not None, out.detail
        self._live_frames = frozenset(i.frame for i in self._scene.instruments if i.name in readouts.T_cam_instruments)
        encoding = 'rgb8' if frame.encoding == 'rgb8' else 'bgr8'
        shown = Frame(frame.stamp_ns, frame.frame_id, out.image, encoding)
        self._hand_out(shown, pending, camera, OverlayDecision(out.state, out.reason), ref.age_ns)

    def _hand_out(
        self, shown: Frame, pending: PendingImage, camera: CameraModel | None, said: OverlayDecision, age_ns: int | None
    ) -> None:
        """Tell a change of state, publish a finished picture and pass it to the sinks."""
        self.stats.counts[f'state.{said.state.value}'] += 1
        self._reason = said.reason
        if said.state is not self._state:
            self._change_state(said.state, pending, age_ns, said.reason)
        self._publish(shown, pending, camera)
        if self._sinks is not None:
            self._sinks.show(shown, said.state.value)
        self._last = pending

    def _write_codes(self, out: RenderedOverlay, of_camera: CameraCode | None, of_overlay: OverlayCode) -> None:
        try:
            write_codes(out, of_camera, of_overlay)
        except ConfigError as e:
            self.warn(str(e))  # too small for a code is not too small to be shown

    def _decide(self, ref: PoseLookup, tip: PoseLookup | None, instruments: dict[str, PoseLookup]) -> OverlayDecision:
        known, there = self._registered, self._registered.T_ref_ct is not None
        return decide(
            ref, there, self._limits, refusal=known.refusal, drift=known.drift, tip=tip, instruments=instruments
        )

    def _publish(self, frame: Frame, pending: PendingImage, camera: CameraModel | None) -> None:
        began_ns = time.monotonic_ns()
        self._image.publish(msgs.image_from_frame(frame))
        if camera is not None:
            self._info.publish(msgs.info_from_camera(camera, frame.stamp_ns, frame.frame_id))
        if pending is self._last:
            return  # the last image once more: a state, not a frame, and not in the figures
        done_ns = time.monotonic_ns()
        self.stats.add('publish', done_ns - began_ns)
        self.stats.add('capture_to_published', pending.captured_ns(done_ns))
        self.stats.counts['frames'] += 1

    def _lookup(self, frame_id: str, pending: PendingImage) -> PoseLookup:
        """Look a pose up, or predict it: never so far that its picture would outlive the flag's limit as it goes out."""
        assert self._tf is not None
        ahead = self._limits.prediction
        ahead = replace(ahead, horizon_s=min(ahead.horizon_s, self._waits.left_s(pending, time.monotonic_ns())))
        drawn = frame_id == self._p['ref_frame'] and self._registered.T_ref_ct is not None
        points_m = se3.transform(self._registered.T_ref_ct, self._extent_m) if drawn else None
        camera, stamp_ns = self._camera_frame, pending.frame.stamp_ns
        return look_up(self._tf.buffer, camera, frame_id, stamp_ns, prediction=ahead, points_m=points_m)

    def _instruments(self, pending: PendingImage) -> dict[str, PoseLookup]:
        """Return where the scene's instruments are that have a frame of their own."""
        return {i.name: self._lookup(i.frame, pending) for i in self._scene.instruments if i.frame}

    # What is told on change.

    def _change_state(self, state: OverlayState, pending: PendingImage, age_ns: int | None, reason: str) -> None:
        shown_ns = None if age_ns is None else age_ns + pending.captured_ns(time.monotonic_ns())
        self._tell(state, pending.frame.stamp_ns, shown_ns, reason)

    def _tell(self, state: OverlayState, stamp_ns: int, pose_age_ns: int | None, reason: str) -> None:
        """Say a new state on overlay/state, in the log and by the markers."""
        self._states.tell(self._state, state, stamp_ns, pose_age_ns, reason)
        self._state, self._reason = state, reason
        self._publish_markers()

    def _publish_markers(self) -> None:
        if self._state is not None and self._markers is not None:
            self._markers.publish(self._state, self._reason, tip_live=self._tip_seen, live_frames=self._live_frames)


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(OverlayNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
