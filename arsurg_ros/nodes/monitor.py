# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The monitor: watches a run as any subscriber would, records it, measures it, and writes the report.

Not a stage: ``arsurg demo`` and ``arsurg replay`` start it beside the system. It tells its progress as JSON lines on
standard output.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PointStamped, PoseStamped, PoseWithCovarianceStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Float64
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from arsurg_ros import figures, report
from arsurg_ros.errors import ArsurgError, DataError
from arsurg_ros.geometry.transforms import TransformBuffer
from arsurg_ros.measure import OverlayMeasure
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import NAMESPACE, told_to_stop
from arsurg_ros.photodiode import Photodiode
from arsurg_ros.recording import RunRecorder
from arsurg_ros.report import DRAWN
from arsurg_ros.stats import StageStats
from arsurg_ros.types import Frame

PROGRESS_S = 0.5
# After the end: what is still under way may arrive.
DRAIN_S = 0.7
# Nothing at all for so long is an error of its own.
SILENCE_S = 20.0
# From the monitor's start until every node is ready.
START_S = 60.0


class Monitor(Node):
    """Subscribes to everything; ``finished`` or ``fault`` says when the run is over."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Take the run's configuration (see ``arsurg_ros.cli``)."""
        overrides = [Parameter('use_sim_time', value=bool(config['sim_time']))]
        super().__init__('monitor', namespace=NAMESPACE, parameter_overrides=overrides)
        self.config = config
        self.fault = ''
        self.finished = False
        self._ends_at: float | None = None
        self._ready_once = False
        self._began = self._last_sign = time.monotonic()
        self.stats = StageStats()
        self.buffer = TransformBuffer(keep_ns=10**15)
        self._tf_counts: Counter[str] = Counter()
        self._health: dict[str, dict[str, str]] = {}
        self._states: list[tuple[int, str]] = []
        self._overlays: list[tuple[int, float]] = []
        self._said: dict[int, str] = {}
        self._camera_stamps: list[int] = []
        self._quality: dict[str, str] = {}
        self._T_ref_ct: list[tuple[int, Any]] = []
        self._flags_ms: list[float] = []
        self._first_poses: dict[str, list[float]] = {}
        self.measure = OverlayMeasure(synthetic=config['system'] == 'demo')
        self.photodiode = Photodiode(self.measure.truth)
        self._start_ns: int | None = config.get('start_ns')
        self.recorder = RunRecorder(Path(config['out']), config['record'])
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
        self._subscribe()
        self.create_timer(PROGRESS_S, self._progress, clock=rclpy.clock.Clock(clock_type=rclpy.clock.ClockType.STEADY_TIME))

    # Subscriptions. All but the images are taken raw, so that the bag holds what was on the wire.

    def _subscribe(self) -> None:
        self._tap('camera/camera_info', CameraInfo, qos.STREAM, self._on_info)
        self._tap('/tf', TFMessage, qos.TF, self._on_tf)
        self._tap('/tf_static', TFMessage, qos.TF_STATIC_LISTEN, self._on_tf_static, latched=True)
        self._tap('/diagnostics', DiagnosticArray, qos.DIAGNOSTICS, self._on_diagnostics)
        self._tap('registration/result', PoseWithCovarianceStamped, qos.LATCHED, self._on_result, latched=True)
        self._tap('registration/quality', DiagnosticArray, qos.LATCHED, self._on_quality, latched=True)
        self._tap('registration/drift', DiagnosticArray, qos.LATCHED, latched=True)
        self._tap('registration/preview', PoseWithCovarianceStamped, qos.LATCHED, latched=True)
        self._tap('registration/preview_quality', DiagnosticArray, qos.LATCHED, latched=True)
        self._tap('registration/digitized', PointStamped, qos.STREAM)
        self._tap('overlay/state', DiagnosticArray, qos.LATCHED, self._on_state, latched=True)
        self._tap('overlay/markers', MarkerArray, qos.LATCHED, latched=True)
        for tool in self.config['tools']:
            self._tap(f'tracker/{tool}/measured_cp', PoseStamped, qos.STREAM, lambda m, t=tool: self._on_tool(t, m))
            self._tap(f'tracker/{tool}/registration_error', Float64, qos.STREAM)
            self._tap(f'tracker/{tool}/reprojection_error', Float64, qos.STREAM)
        for instrument in self.config['instruments']:
            self._tap(f'instrument/{instrument}/measured_cp', PoseStamped, qos.STREAM)
        self.create_subscription(Image, 'camera/image_raw', self._on_camera, qos.STREAM)
        self.create_subscription(Image, 'overlay/image_raw', self._on_overlay, qos.STREAM)

    def _tap(
        self,
        topic: str,
        kind: type,
        profile: QoSProfile,
        handler: Callable[[Any], None] | None = None,
        *,
        latched: bool = False,
    ) -> None:
        write = self.recorder.connection(self.resolve_topic_name(topic), kind, latched)

        def on_raw(data: bytes) -> None:
            write(self.get_clock().now().nanoseconds, data)
            if handler is not None:
                handler(deserialize_message(data, kind))

        self.create_subscription(kind, topic, on_raw, profile, raw=True)

    def _on_info(self, msg: CameraInfo) -> None:
        self._camera_stamps.append(msgs.to_ns(msg.header.stamp))
        try:
            self.measure.camera = self.photodiode.camera = msgs.camera_from_info(msg)
        except ArsurgError as e:
            self.fault = f'camera: {e}'

    def _on_tf(self, msg: TFMessage) -> None:
        for t in msg.transforms:
            self._tf_counts[t.child_frame_id] += 1
            self._set(t, static=False)

    def _on_tf_static(self, msg: TFMessage) -> None:
        for t in msg.transforms:
            self._set(t, static=True)

    def _set(self, t: Any, *, static: bool) -> None:
        try:
            T = msgs.matrix_from_transform(t)
            self.buffer.put(t.header.frame_id, t.child_frame_id, msgs.to_ns(t.header.stamp), T, static=static)
        except (DataError, ValueError) as e:
            self.fault = f'a transform that is none was published: {e}'

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            if status.name == f'{NAMESPACE}: monitor':
                continue
            self._last_sign = time.monotonic()
            name = status.name.removeprefix(f'{NAMESPACE}: ')
            values = {v.key: v.value for v in status.values}
            self._health[name] = values
            if values.get('configured') == 'False' and status.level == DiagnosticStatus.ERROR:
                self.fault = f'{name}: {status.message}'
            if name == 'camera' and 'epoch_ns' in values and not self.config['sim_time']:
                self._start_ns = int(values['epoch_ns'])
                self.measure.begins_at(self._start_ns)
            if name == 'clock' and values.get('finished') == 'True':
                self._end_soon()

    def _on_result(self, msg: PoseWithCovarianceStamped) -> None:
        try:
            T = msgs.matrix_from_pose(msg.pose.pose, 'registration/result')
        except DataError:
            T = None
        self._T_ref_ct.append((self.get_clock().now().nanoseconds, T))

    def _on_quality(self, msg: DiagnosticArray) -> None:
        values = {v.key: v.value for s in msg.status for v in s.values}
        if values.get('accepted') == 'True':
            self._quality = values

    def _on_state(self, msg: DiagnosticArray) -> None:
        values = {v.key: v.value for s in msg.status for v in s.values}
        before = self._states[-1][1] if self._states else ''
        self._states.append((int(values['image_stamp_ns']), values['state']))
        if before in DRAWN and values['state'] not in DRAWN and values.get('pose_age_ms'):
            self._flags_ms.append(float(values['pose_age_ms']))

    def _on_tool(self, tool: str, msg: PoseStamped) -> None:
        stamp_ns = msgs.to_ns(msg.header.stamp)
        period_ns = self.config.get('period_ns')
        # A recording loops: its first frame comes again after every period.
        first = period_ns is not None and (stamp_ns - self.config['start_ns']) % period_ns == 0
        if first and tool not in self._first_poses:
            p = msg.pose.position
            self._first_poses[tool] = [round(v * 1e3, 4) for v in (p.x, p.y, p.z)]

    def _on_camera(self, msg: Image, info: dict[str, int]) -> None:
        frame = msgs.bgr_frame(msg, 'camera/image_raw')
        self.measure.keep_camera(frame, info['source_timestamp'])
        self.recorder.camera(frame, self.get_clock().now().nanoseconds)

    def _on_overlay(self, msg: Image, info: dict[str, int]) -> None:
        now = time.monotonic()
        frame: Frame = msgs.bgr_frame(msg, 'overlay/image_raw')
        if not self._overlays:
            self._emit('first_frame', seconds=round(time.time() - self.config['began_s'], 3))
        seen = self.photodiode.see(frame.image, time.monotonic_ns(), self._age_ns, header_ns=frame.stamp_ns)
        if seen.overlay is not None:
            self._said.setdefault(frame.stamp_ns, seen.overlay.state)
        if self._overlays and frame.stamp_ns == self._overlays[-1][0]:
            self.recorder.overlay(frame)  # the last image again, as lost: a state, not a frame
            return
        self._overlays.append((frame.stamp_ns, now))
        state = self._said.get(frame.stamp_ns, self._states[-1][1] if self._states else '')
        self._add_latency(frame.stamp_ns, state)
        self.measure.keep_overlay(frame, state, self.get_clock().now().nanoseconds)
        self.recorder.overlay(frame)

    def _age_ns(self, stamp_ns: int) -> int | None:
        """Return how old a stamp is now; on a simulated clock since its camera frame was released."""
        if not self.config['sim_time']:
            return int(self.get_clock().now().nanoseconds) - stamp_ns
        released_ns = self.measure.released_ns(stamp_ns)
        return None if released_ns is None else time.time_ns() - released_ns

    def _add_latency(self, stamp_ns: int, state: str) -> None:
        age_ns = self._age_ns(stamp_ns)
        if age_ns is not None:
            self.stats.add('end_to_end', age_ns)
            if state in DRAWN:
                self.stats.add('end_to_end_live', age_ns)

    # Progress and end.

    def _tell_ready(self) -> None:
        """Say on /diagnostics that what is to be watched is there: a recording's clock waits for it."""
        ready = all(self.count_publishers(self.resolve_topic_name(topic)) for topic in self.config['expects'])
        status = msgs.status(f'{NAMESPACE}: monitor', '', DiagnosticStatus.OK, 'watching', {'ready': ready})
        self._diagnostics.publish(DiagnosticArray(header=msgs.header(time.time_ns(), ''), status=[status]))

    def _progress(self) -> None:
        self._tell_ready()
        seconds = self._now_in_run_s()
        total = self.config.get('duration_s')
        state = self._states[-1][1] if self._states else 'waiting'
        self._emit('progress', seconds=round(seconds, 1), total=total, frames=len(self._overlays), state=state)
        silent = time.monotonic() - self._last_sign
        if silent > SILENCE_S:
            self.fault = f'no node has said anything for {silent:.0f} s'
        waiting = [n for n, values in sorted(self._health.items()) if values.get('ready') != 'True']
        if waiting and not self._ready_once and time.monotonic() - self._began > START_S:
            self.fault = f'not ready after {START_S:.0f} s: {", ".join(waiting)}'
        self._ready_once |= bool(self._health) and not waiting
        if not self.config['sim_time'] and seconds >= self.config['duration_s']:
            self._end_soon()
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            self.finished = True

    def _now_in_run_s(self) -> float:
        return 0.0 if self._start_ns is None else (self.get_clock().now().nanoseconds - self._start_ns) / 1e9

    def _end_soon(self) -> None:
        if self._ends_at is None:
            self._ends_at = time.monotonic() + DRAIN_S

    @staticmethod
    def _emit(event: str, **values: object) -> None:
        print(json.dumps({'event': event, **values}), flush=True)

    # The report.

    def report(self) -> dict[str, Any]:
        """Close the files and return the report (see arsurg_ros.report), without memory and limits."""
        self._emit('closing')
        files = self.recorder.close(self._labels(), self._start_ns or 0)
        span_s = self._span_s()
        received = len(self._overlays)
        published, lost = self._camera_and_lost()
        accepted = [T for _, T in self._T_ref_ct if T is not None]
        out: dict[str, Any] = {
            'schema': report.SCHEMA,
            'system': self.config['system'],
            'duration_s': round(span_s, 3),
            'first_frame_s': None,
            'frames': {
                'camera': published,
                'overlay': received,
                'lost': lost,
                'before_first_overlay': sum(s < min(self._overlays)[0] for s in self._camera_stamps) if self._overlays else 0,
                'recorder_dropped': self.recorder.dropped,
                'states': self._state_counts(),
            },
            'fps': round((received - 1) / span_s, 2) if received > 1 else 0.0,
            'latency_ms': figures.latencies(self._health, self.stats),
            'tf_rate_hz': {c: round(n / span_s, 2) for c, n in sorted(self._tf_counts.items())} if span_s else {},
            'tf': self.buffer.edges(),
            'tf_roots': sorted({p for p in self.buffer.edges().values() if p not in self.buffer.edges()}),
            'markers_first_frame': figures.first_markers(self._health.get('tracker', {})),
            'pose_first_frame': self._first_poses,
            'registration': figures.registration(self._quality, accepted[-1], self.measure, self.config['baseline_mm'])
            if accepted
            else None,
            'overlay_error': self.measure.errors(self.buffer, self._T_ref_ct, self._state_at),
            'shown': self.photodiode.summary(),
            'lost_to_flag_ms': round(max(self._flags_ms), 1) if self._flags_ms else None,
            'warnings': figures.scene_warnings(self._health.get('overlay', {})),
            'peak_memory_mib': {},
            'files': files,
        }
        return out

    def _span_s(self) -> float:
        if len(self._overlays) > 1:
            return self._overlays[-1][1] - self._overlays[0][1]
        return time.monotonic() - self._began

    def _camera_and_lost(self) -> tuple[int, int]:
        """Return how many frames the camera published between the first and the last overlay, and how many had none.

        By camera_info, which is small and reliable: an image that the monitor itself missed does not count as lost.
        """
        shown = {stamp_ns for stamp_ns, _ in self._overlays}
        if not shown:
            return len(self._camera_stamps), len(self._camera_stamps)
        # An overlay that stops for good loses every frame from then on, but for those still under way.
        first, last = min(shown), max(max(shown), max(self._camera_stamps, default=0) - int(DRAIN_S * 1e9))
        between = {s for s in self._camera_stamps if first <= s <= last} | shown
        return len(between), len(between - shown)

    def _labels(self) -> dict[int, str]:
        return {stamp_ns: self._state_at(stamp_ns) for stamp_ns, _ in self._overlays}

    def _state_at(self, stamp_ns: int) -> str:
        """Return a picture's state: by its pixels or, without a code, the last one told of its stamp or an earlier one."""
        if stamp_ns in self._said:
            return self._said[stamp_ns]
        state = ''
        for since_ns, name in self._states:
            if since_ns <= stamp_ns:
                state = name
        return state

    def _state_counts(self) -> dict[str, int]:
        return dict(Counter(self._state_at(stamp_ns) for stamp_ns, _ in self._overlays))


def main(argv: list[str] | None = None) -> int:
    """Run the monitor; the report goes to the file that the configuration names."""
    parser = argparse.ArgumentParser(prog='monitor')
    parser.add_argument('config', type=Path)
    config = json.loads(parser.parse_args(argv).config.read_text(encoding='utf-8'))
    stopping = told_to_stop()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = Monitor(config)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not (node.finished or node.fault or stopping.is_set()):
            executor.spin_once(timeout_sec=0.2)
        if stopping.is_set():
            node.recorder.close({})
            return 130
        if node.fault:
            node.recorder.close({})
            print(json.dumps({'event': 'fault', 'message': node.fault}), flush=True)
            return 1
        report.write_json(node.report(), Path(config['report']))
    except ArsurgError as e:
        print(json.dumps({'event': 'fault', 'message': str(e)}), flush=True)
        return 1
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
