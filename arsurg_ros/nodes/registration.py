# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The registration node: touched landmarks, or a command's answer -> T_ref_ct on registration/result and /tf; its drift."""

from __future__ import annotations

import platform
from collections import deque
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PointStamped, PoseStamped, PoseWithCovarianceStamped
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

from arsurg_ros import __version__
from arsurg_ros.errors import RegistrationError, TransformLookupError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.host import usable_kernel
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import StageNode, run
from arsurg_ros.nodes.drift import DriftWatch
from arsurg_ros.nodes.quality import LEVELS, preview_frame, result_values, summary
from arsurg_ros.nodes.session_services import SERVICES, SessionServices
from arsurg_ros.nodes.tf import TfListener
from arsurg_ros.registration.dwell import Dwell, DwellDetector
from arsurg_ros.registration.given import load_given
from arsurg_ros.registration.journal import Journal
from arsurg_ros.registration.landmarks import load_landmarks
from arsurg_ros.registration.session import LandmarkSession, age_text
from arsurg_ros.registration.store import SessionStore, default_folder
from arsurg_ros.registration.tre import margin_m
from arsurg_ros.types import F64, DriftLevel, DriftStatus, RegistrationResult

# A tip waits this long for the reference's pose at its stamp.
PENDING_NS = 500_000_000
# tf2 users look T_ref_ct up at recent stamps; without a reference in sight it goes out at this period.
IDLE_PERIOD_S = 0.1
#: Warnings that are no reason to doubt the registration.
NOTES = {'fre_does_not_bound_tre'}
Found = Mapping[str, Mapping[str, Any]]


class RegistrationNode(SessionServices, StageNode):
    """The session's shell: observes the tip in ref, serves the transaction, publishes the result and its drift."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('registration', **kwargs)
        self._tf: TfListener | None = None
        self._journal: Journal | None = None
        self._reset()

    def _reset(self) -> None:
        self._pending: deque[tuple[int, str, F64]] = deque()
        self._last_tf_ns = 0
        self._begun = False
        self._preview: RegistrationResult | None = None
        self._said = ''

    def build(self, p: dict[str, Any]) -> None:
        """Load the landmarks, open the store; make topics and services."""
        self._p = p
        self._ref, self._ct = p['ref_frame'], p['ct_frame']
        provenance = self._software()
        margin_m(np.eye(3), 6.0)  # SciPy loads at its first use: now, and not while a registration is waited for
        given = load_given(p['mode'], p['registration'], p['landmarks'], self._ref, self._ct)
        landmarks = load_landmarks(Path(p['landmarks'])) if given is None else given.landmarks
        folder = default_folder(self._ref, self._ct) if p['store'] == 'auto' else Path(p['store']).expanduser()
        self._journal = SessionStore(folder, self._ref, self._ct) if p['store'] else Journal()
        for note in self._journal.notes:
            self.get_logger().warning(f'store {folder}: {note}')
        self._session = LandmarkSession(
            landmarks,
            self._ref,
            self._ct,
            mode=p['mode'],
            max_fre_m=p['max_fre_m'],
            backend=p['backend'],
            robust=p['robust'],
            noise_m=p['noise_m'] or None,
            detector=DwellDetector(p['dwell_radius_m'], int(p['dwell_s'] * 1e9)),
            journal=self._journal,
            provenance=provenance,
            given=given,
        )
        self._tip_topic = f'instrument/{p["instrument"]}/measured_cp'
        self._make_topics()

    def _software(self) -> dict[str, str]:
        """Return what computes, for the provenance; raises KernelError for a kernel that cannot be used."""
        versions = {'python': platform.python_version(), 'numpy': metadata.version('numpy')}
        if self._p['backend'] == 'wasm':
            versions['wasmtime'] = metadata.version('wasmtime')
            versions['kernel_sha256'] = usable_kernel('registration').sha256
        return {'software': f'arsurg_ros {__version__}', 'backend': self._p['backend'], **versions}

    def start(self) -> None:
        """Go on with a registration of before, if that is wanted; in modes file and result register at once."""
        if self._begun:
            return
        self._begun = True
        before, found = self._session.accepted, self._session.journal.found
        try:
            self._go_on()
            if self._session.at_once and self._session.accepted is None:
                self._session.compute(self.now_ns())
                result = self._session.accept(self.now_ns())
                # A restart does not clear what the very same registration was found to be.
                same = before is not None and np.allclose(before.T_ref_ct, result.T_ref_ct, rtol=0, atol=1e-6)
                self._accepted(result, found if same else {})
        except RegistrationError as e:
            self.get_logger().error(f'registration: {e}')
            self._publish_quality(DiagnosticStatus.ERROR, str(e), self._session.computed)

    def _go_on(self) -> None:
        """Take the store's registration up again, announced as one to be checked, or take it back in its log."""
        session, p = self._session, self._p
        wanted = p['reload'] == 'always' or (p['reload'] == 'auto' and p['store'] not in ('', 'auto'))
        if session.at_once or not wanted:
            session.clear('not reloaded: ' + (f'mode {session.mode} registers anew' if session.at_once else 'not asked to'))
            return
        try:
            result = session.resume(int(p['reload_max_age_s'] * 1e9))
        except RegistrationError as e:
            self.get_logger().warning(f'registration: not reloaded: {e}')
            self._publish_quality(DiagnosticStatus.WARN, f'not reloaded: {e}', None)
            return
        if result is not None:
            self._use(result, 'reloaded', f'reloaded, accepted {age_text(session.age_ns)} ago: validate it')

    def stop(self) -> None:
        """Forget the rest that may be going on: nobody looks any more, and nobody watches for drift."""
        self._pending.clear()
        self._session.detector.reset()
        self._drift.pause()

    def release(self) -> None:
        """Drop topics and services; give the store up."""
        super().release()
        if self._tf is not None:
            self._tf.destroy()
            self._tf = None
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        self._reset()

    def forget(self) -> None:
        """Forget the rest that may be going on and the moving frames; what is captured and accepted stays."""
        self._pending.clear()
        self._last_tf_ns = 0
        if self._tf is not None:
            self._tf.buffer.clear()
            self._session.detector.reset()
            self._drift.monitor.forget()

    def health(self) -> tuple[bytes, str, dict[str, object]]:
        """Tell the state of the session, and its drift."""
        session = self._session
        values: dict[str, object] = {'captured': len(session.captured), 'landmarks': len(session.landmarks.names)}
        if session.accepted is None:
            return DiagnosticStatus.WARN, f'not registered, {len(session.captured)} captured', values
        values['fre_mm'] = f'{session.accepted.fre_m * 1e3:.3f}'
        values['accepted_age_s'] = session.age_ns // 1_000_000_000
        status = self._drift.status
        values |= self._drift.values()
        text = f'registered, FRE {session.accepted.fre_m * 1e3:.2f} mm'
        if status.level is DriftLevel.OK:
            return DiagnosticStatus.OK, text, values
        level = DiagnosticStatus.ERROR if status.level is DriftLevel.ERROR else DiagnosticStatus.WARN
        return level, f'{text}; drift {status.level.value}: {status.reason}', values

    # Topics.

    def _make_topics(self) -> None:
        self._result = self.publisher(PoseWithCovarianceStamped, 'registration/result', qos.LATCHED)
        self._quality = self.publisher(DiagnosticArray, 'registration/quality', qos.LATCHED)
        self._candidate = self.publisher(PoseWithCovarianceStamped, 'registration/preview', qos.LATCHED)
        self._candidate_quality = self.publisher(DiagnosticArray, 'registration/preview_quality', qos.LATCHED)
        self._digitized = self.publisher(PointStamped, 'registration/digitized', qos.STREAM)
        self._tf_out = self.publisher(TFMessage, '/tf', qos.TF)
        # Whatever a session before this one has published does not hold any more.
        for publisher in (self._result, self._candidate):
            publisher.publish(msgs.no_registration_msg(self.now_ns(), self._ref))
        self.listen(PoseStamped, self._tip_topic, self.guard(self._on_tip), qos.STREAM)
        self.every(IDLE_PERIOD_S, self._idle)
        self._drift = DriftWatch(self, self._p, self._on_drift)
        for name in SERVICES:
            self.serve(Trigger, f'registration/{name}', self._answer(getattr(self, f'_{name}_service')))
        self._tf = TfListener(self, self._session.backend, self._on_tf)

    def _on_tip(self, msg: PoseStamped, info: dict[str, int]) -> None:
        T_trk_tip = msgs.matrix_from_pose(msg.pose, self._tip_topic)
        self._pending.append((msgs.to_ns(msg.header.stamp), msg.header.frame_id, T_trk_tip[:3, 3]))
        self._observe_pending()

    def _on_tf(self, rows: list[tuple[str, str, int]]) -> None:
        if not self.active:
            return
        stamps = [stamp_ns for _, child, stamp_ns in rows if child == self._ref]
        if stamps:
            self._publish_tf(stamps[-1])
            self._observe_pending()

    def _observe_pending(self) -> None:
        assert self._tf is not None
        buffer = self._tf.buffer
        while self._pending:
            stamp_ns, trk, p_trk = self._pending[0]
            latest_ns = buffer.latest_ns(self._ref, trk)
            if latest_ns is None or latest_ns < stamp_ns:
                if self.now_ns() - stamp_ns < PENDING_NS and len(self._pending) < 1000:
                    return
                self.stats.counts['tips_without_reference'] += 1
            else:
                self._observe(stamp_ns, trk, p_trk)
            self._pending.popleft()

    def _observe(self, stamp_ns: int, trk: str, p_trk: F64) -> None:
        assert self._tf is not None
        try:
            T_ref_trk = self._tf.buffer.lookup(self._ref, trk, stamp_ns)
        except TransformLookupError:
            self.stats.counts['tips_without_reference'] += 1
            return
        dwell = self._session.observe(stamp_ns, se3.transform(T_ref_trk, p_trk))
        if dwell is not None:
            self._digitize(dwell)
            self._try_dwells()

    # The session.

    def _try_dwells(self) -> None:
        try:
            result = self._session.try_dwells(self.now_ns(), self._tool())
        except RegistrationError as e:
            self.warn(str(e))
            self._publish_quality(DiagnosticStatus.ERROR, str(e), self._session.computed)
            return
        finally:
            if self._preview is not self._session.computed:  # what is looked at is what accept takes
                self._end_preview()
        if result is not None:
            self._accepted(result)
        elif (candidate := self._session.computed) is not None and self._session.accepted is None:
            self._publish_quality(DiagnosticStatus.WARN, f'computed, not accepted: {summary(candidate)}', candidate)

    def _digitize(self, dwell: Dwell) -> None:
        msg = PointStamped(header=msgs.header(dwell.end_ns, self._ref))
        msg.point.x, msg.point.y, msg.point.z = dwell.p_ref_m.tolist()
        self._digitized.publish(msg)
        count, spread_mm = len(self._session.captured), dwell.spread_m * 1e3
        self.get_logger().info(f'landmark {count} captured: {dwell.samples} samples, spread {spread_mm:.2f} mm')

    def _tool(self) -> dict[str, str]:
        """Return what touches, for the provenance: the instrument and, where /tf_static has it, its tip in the tool's frame."""
        if self._session.at_once:
            return {}
        out, tip = {'instrument': self._p['instrument']}, self._p['tip_frame']
        assert self._tf is not None
        tool = self._tf.buffer.edges().get(tip)
        if tool is not None:
            try:
                p = self._tf.buffer.lookup(tool, tip, self.now_ns())[:3, 3]
            except TransformLookupError:
                return out
            out |= {'tool_frame': tool, 'tip_m': ' '.join(f'{v:.6f}' for v in p)}
        return out

    def _accepted(self, result: RegistrationResult, found: Found | None = None) -> None:
        doubt = 'accepted, with landmarks captured before they were loaded: validate it' if self._session.carried else ''
        self._use(result, f'accepted, FRE {result.fre_m * 1e3:.3f} mm', doubt, found)

    def _use(self, result: RegistrationResult, said: str, unvalidated: str = '', found: Found | None = None) -> None:
        """Publish a registration as the one in use, and watch it from now on."""
        self._end_preview()
        self._said = said
        # The worse is said first: neither the new registration nor the one before is shown as better than it is.
        worse = self._drift.begin(unvalidated, self._session.journal.found if found is None else found)
        if worse:
            self._drift.tell()
        self._result.publish(msgs.registration_msg(result))
        if not worse:
            self._drift.tell()
        self._publish_in_use()
        self._publish_tf(self.now_ns())
        text = f'registered {self._ct} to {self._ref}: {unvalidated or said}; FRE {result.fre_m * 1e3:.2f} mm'
        self._log(f'{text}{self._log_head()}', doubtful=bool(unvalidated))

    def _log(self, text: str, *, doubtful: bool) -> None:
        # rclpy wants one severity a line of source.
        if doubtful:
            self.get_logger().warning(text)
        else:
            self.get_logger().info(text)

    def _publish_in_use(self) -> None:
        """Publish the quality of the registration in use, its level the worst of its warnings and drift."""
        result, status = self._session.accepted, self._drift.status
        level, message = DiagnosticStatus.OK, self._said
        if status.level in (DriftLevel.WARN, DriftLevel.ERROR):
            level, message = LEVELS[status.level], f'{self._said}; drift {status.level.value}: {status.reason}'
        elif result is not None and (warnings := set(result.warnings) - NOTES):
            level, message = DiagnosticStatus.WARN, f'{self._said}; {", ".join(sorted(warnings))}'
        self._publish_quality(level, message, result)

    def _publish_quality(self, level: bytes, message: str, result: RegistrationResult | None) -> None:
        values: dict[str, object] = {} if result is None else result_values(result)
        in_use = result is not None and result is self._session.accepted
        if in_use:
            values |= {'drift': self._drift.status.level.value, 'drift_reason': self._drift.status.reason}
            values |= {'accepted_age_s': self._session.age_ns // 1_000_000_000, 'unvalidated': self._drift.monitor.unvalidated}
        if self._session.journal.head:
            values['log_head'] = self._session.journal.head
        values['accepted'] = in_use
        self._tell(self._quality, 'arsurg: registration quality', level, message, values)

    def _tell(self, publisher: Any, name: str, level: bytes, message: str, values: dict[str, object]) -> None:
        array = DiagnosticArray(header=msgs.header(self.now_ns(), self._ref))
        array.status = [msgs.status(name, self._ref, level, message, values)]
        publisher.publish(array)

    def _publish_tf(self, stamp_ns: int) -> None:
        shown = [(self._session.accepted, self._ct), (self._preview, preview_frame(self._ct))]
        transforms = [
            msgs.transform_stamped(result.T_ref_ct, stamp_ns, self._ref, frame) for result, frame in shown if result is not None
        ]
        if not transforms or stamp_ns <= self._last_tf_ns:
            return
        self._last_tf_ns = stamp_ns
        self._tf_out.publish(TFMessage(transforms=transforms))

    def _idle(self) -> None:
        now_ns = self.now_ns()
        if self.active and now_ns - self._last_tf_ns > IDLE_PERIOD_S * 1e9:
            self._publish_tf(now_ns)

    def _on_drift(self, before: DriftStatus, now: DriftStatus) -> None:
        if self._session.accepted is None:
            return
        text = f'drift {before.level.value} -> {now.level.value} {now.reason}'.rstrip()
        self._log(text, doubtful=now.level is not DriftLevel.OK)
        self._publish_in_use()


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(RegistrationNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
