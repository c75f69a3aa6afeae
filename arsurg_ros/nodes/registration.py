# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The registration node: touched landmarks -> T_ref_ct on registration/result and on /tf."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PointStamped, PoseStamped, PoseWithCovarianceStamped
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

from arsurg_ros import __version__
from arsurg_ros.errors import ArsurgError, RegistrationError, TransformLookupError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.host import usable_kernel
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import StageNode, run
from arsurg_ros.nodes.tf import TfListener
from arsurg_ros.registration.dwell import Dwell, DwellDetector
from arsurg_ros.registration.landmarks import load_landmarks
from arsurg_ros.registration.session import LandmarkSession
from arsurg_ros.types import F64, RegistrationResult

# A tip waits this long for the reference's pose at its stamp.
PENDING_NS = 500_000_000
# tf2 users look T_ref_ct up at recent stamps; without a reference in sight it goes out at this period.
IDLE_PERIOD_S = 0.1


class RegistrationNode(StageNode):
    """The session's shell: observes the tip in ref, serves capture/compute/accept/clear, publishes the result."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('registration', **kwargs)
        self._tf: TfListener | None = None
        self._pending: deque[tuple[int, str, F64]] = deque()
        self._last_tf_ns = 0

    def build(self, p: dict[str, Any]) -> None:
        """Load the landmarks; make topics and services."""
        self._ref, self._ct = p['ref_frame'], p['ct_frame']
        self._session = LandmarkSession(
            load_landmarks(Path(p['landmarks'])),
            self._ref,
            self._ct,
            mode=p['mode'],
            max_fre_m=p['max_fre_m'],
            backend=p['backend'],
            detector=DwellDetector(p['dwell_radius_m'], int(p['dwell_s'] * 1e9)),
        )
        self._tip_topic = f'instrument/{p["instrument"]}/measured_cp'
        self._provenance = {'software': f'arsurg_ros {__version__}', 'backend': p['backend']}
        if p['backend'] == 'wasm':
            self._provenance['kernel_sha256'] = usable_kernel('registration').sha256
        self._make_topics()

    def start(self) -> None:
        """In mode file the evidence is complete: register at once."""
        if self._session.mode == 'file':
            try:
                self._session.compute(self.now_ns())
                self._accepted(self._session.accept(self.now_ns()))
            except RegistrationError as e:
                self.get_logger().error(f'registration: {e}')
                self._publish_quality(DiagnosticStatus.ERROR, str(e), self._session.computed)

    def stop(self) -> None:
        """Forget the rest that may be going on: nobody looks any more."""
        self._pending.clear()
        self._session.detector.reset()

    def release(self) -> None:
        """Drop topics and services."""
        super().release()
        self._pending.clear()
        self._last_tf_ns = 0
        if self._tf is not None:
            self._tf.destroy()
            self._tf = None

    def forget(self) -> None:
        """Forget the rest that may be going on and the moving frames; what is captured and accepted stays."""
        self._pending.clear()
        self._last_tf_ns = 0
        if self._tf is not None:
            self._tf.buffer.clear()
            self._session.detector.reset()

    def health(self) -> tuple[bytes, str, dict[str, object]]:
        """Tell the state of the session."""
        session = self._session
        values: dict[str, object] = {'captured': len(session.captured), 'landmarks': len(session.landmarks.names)}
        if session.accepted is None:
            return DiagnosticStatus.WARN, f'not registered, {len(session.captured)} captured', values
        values['fre_mm'] = f'{session.accepted.fre_m * 1e3:.3f}'
        return DiagnosticStatus.OK, f'registered, FRE {session.accepted.fre_m * 1e3:.2f} mm', values

    # Topics.

    def _make_topics(self) -> None:
        self._result = self.publisher(PoseWithCovarianceStamped, 'registration/result', qos.LATCHED)
        self._quality = self.publisher(DiagnosticArray, 'registration/quality', qos.LATCHED)
        self._digitized = self.publisher(PointStamped, 'registration/digitized', qos.STREAM)
        self._tf_out = self.publisher(TFMessage, '/tf', qos.TF)
        # Whatever a session before this one has published does not hold any more.
        self._result.publish(msgs.no_registration_msg(self.now_ns(), self._ref))
        self.listen(PoseStamped, self._tip_topic, self.guard(self._on_tip), qos.STREAM)
        self.every(IDLE_PERIOD_S, self._idle)
        for name, action in (
            ('capture', self._capture),
            ('compute', self._compute),
            ('accept', self._accept),
            ('clear', self._clear),
        ):
            self.serve(Trigger, f'registration/{name}', self._answer(action))
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
            result = self._session.try_dwells(self.now_ns())
        except RegistrationError as e:
            self.warn(str(e))
            return
        if result is not None:
            self._accepted(result)

    def _digitize(self, dwell: Dwell) -> None:
        msg = PointStamped(header=msgs.header(dwell.end_ns, self._ref))
        msg.point.x, msg.point.y, msg.point.z = dwell.p_ref_m.tolist()
        self._digitized.publish(msg)
        count, spread_mm = len(self._session.captured), dwell.spread_m * 1e3
        self.get_logger().info(f'landmark {count} captured: {dwell.samples} samples, spread {spread_mm:.2f} mm')

    def _accepted(self, result: RegistrationResult) -> None:
        result.provenance.update(self._provenance)
        self._result.publish(msgs.registration_msg(result))
        self._publish_quality(DiagnosticStatus.OK, f'accepted, FRE {result.fre_m * 1e3:.3f} mm', result)
        self._publish_tf(self.now_ns())
        self.get_logger().info(f'registered {self._ct} to {self._ref}: FRE {result.fre_m * 1e3:.2f} mm')

    def _publish_quality(self, level: bytes, message: str, result: RegistrationResult | None) -> None:
        values: dict[str, object] = {}
        if result is not None:
            values = {'fre_mm': f'{result.fre_m * 1e3:.4f}'}
            values |= {f'residual_mm.{n}': f'{r * 1e3:.4f}' for n, r in zip(result.names, result.residuals_m, strict=True)}
            deviations = np.sqrt(np.diag(result.covariance))
            values['sigma_translation_mm'] = ' '.join(f'{v * 1e3:.4f}' for v in deviations[:3])
            values['sigma_rotation_deg'] = ' '.join(f'{np.degrees(v):.4f}' for v in deviations[3:])
            values |= {f'provenance.{k}': v for k, v in result.provenance.items()}
        values['accepted'] = result is not None and result is self._session.accepted
        array = DiagnosticArray(header=msgs.header(self.now_ns(), self._ref))
        array.status = [msgs.status('arsurg: registration quality', self._ref, level, message, values)]
        self._quality.publish(array)

    def _publish_tf(self, stamp_ns: int) -> None:
        accepted = self._session.accepted
        if accepted is None or stamp_ns <= self._last_tf_ns:
            return
        self._last_tf_ns = stamp_ns
        self._tf_out.publish(
            TFMessage(transforms=[msgs.transform_stamped(accepted.T_ref_ct, stamp_ns, self._ref, self._ct)])
        )

    def _idle(self) -> None:
        now_ns = self.now_ns()
        if self.active and now_ns - self._last_tf_ns > IDLE_PERIOD_S * 1e9:
            self._publish_tf(now_ns)

    # Services: an answer always says why.

    def _answer(self, action: Callable[[], str]) -> Callable[[Any, Any], Any]:
        def answer(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            try:
                if not self.active:
                    raise ArsurgError('the registration node is not active')
                response.success, response.message = True, action()
            except ArsurgError as e:
                response.success, response.message = False, str(e)
            return response

        return answer

    def _capture(self) -> str:
        dwell = self._session.capture(self.now_ns())
        self._digitize(dwell)
        if self._session.mode == 'dwell':
            self._try_dwells()
        return f'landmark {len(self._session.captured)} captured, spread {dwell.spread_m * 1e3:.2f} mm'

    def _compute(self) -> str:
        result = self._session.compute(self.now_ns())
        if self._session.accepted is None:  # the latched quality is that of the registration in use
            self._publish_quality(DiagnosticStatus.OK, f'computed, FRE {result.fre_m * 1e3:.3f} mm, not accepted', result)
        return f'FRE {result.fre_m * 1e3:.3f} mm; accept to use it'

    def _accept(self) -> str:
        self._accepted(self._session.accept(self.now_ns()))
        return 'accepted'

    def _clear(self) -> str:
        self._session.clear()
        self._result.publish(msgs.no_registration_msg(self.now_ns(), self._ref))
        self._publish_quality(DiagnosticStatus.WARN, 'cleared', None)
        return 'cleared'


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(RegistrationNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
