# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every node shares: lifecycle, parameters, diagnostics, and a way out of every error."""

from __future__ import annotations

import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterUninitializedException,
)
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions

from arsurg_ros.errors import ArsurgError, ConfigError
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.params import LIVE_PARAMS, PARAMS, check
from arsurg_ros.registry import Parameter as ParameterInfo
from arsurg_ros.stats import StageStats

NAMESPACE = 'arsurg'
WARN_EVERY_S = 1.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Between 'how is this node' messages; also how long a client waits to see a node's state.
DIAGNOSTICS_PERIOD_S = 0.5


class StageNode(LifecycleNode):
    """A lifecycle node of one stage. Subclasses give build, and optionally start, stop, release and health."""

    def __init__(self, executable: str, **kwargs: Any) -> None:
        """Declare the parameters of ``executable`` and begin to report; ``kwargs`` go to rclpy's node."""
        super().__init__(executable, namespace=NAMESPACE, **kwargs)
        self.executable = executable
        self.stats = StageStats()
        self.active = self.configured = False
        self.refusal = ''
        self._entities: list[tuple[Callable[[Any], Any], Any]] = []
        for param in PARAMS[executable]:
            default = Parameter.Type.DOUBLE_ARRAY if param.default == [] else param.default
            self.declare_parameter(param.name, default, descriptor(param))
        self.add_on_set_parameters_callback(self._on_set)
        self.add_post_set_parameters_callback(self._on_was_set)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
        # Steady: a paused simulation clock must not silence the node.
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(DIAGNOSTICS_PERIOD_S, self.report, clock=self.steady)
        back = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=False)
        self._jump_handle = self.get_clock().create_jump_callback(back, post_callback=self._on_jump)

    # What a stage fills in.

    def build(self, p: dict[str, Any]) -> None:
        """Make the core and the topics from the parameters; raise ArsurgError where they cannot be used."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin to work."""

    def stop(self) -> None:
        """Pause."""

    def release(self) -> None:
        """Undo build; also called where build failed half-way, so it takes what is there. Call this one too."""
        while self._entities:
            destroy, entity = self._entities.pop()
            destroy(entity)

    def ready(self) -> bool:
        """Tell whether everything is there that the node listens to: a recording waits for it."""
        return True

    def has_camera(self, image: str = 'camera/image_raw', info: str = 'camera/camera_info') -> bool:
        """Tell whether somebody publishes the camera's topics."""
        return all(self.count_publishers(self.resolve_topic_name(name)) for name in (image, info))

    def check_live(self, values: dict[str, Any]) -> None:
        """Raise ArsurgError where the values of the parameters that may change while the node runs cannot be used."""

    def apply_live(self, values: dict[str, Any]) -> None:
        """Take new values of the parameters that may change while the node runs; ``check_live`` has passed them."""

    def forget(self) -> None:
        """Drop what was measured: the clock has jumped back, as a looping `ros2 bag play` makes it."""

    def health(self) -> tuple[bytes, str, dict[str, object]]:
        """Return the level, one line and the values for /diagnostics while active."""
        return DiagnosticStatus.OK, 'active', {}

    # Lifecycle.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters and build; a refusal is one line, and leaves the node unconfigured."""
        values = {p.name: self.value_of(p) for p in PARAMS[self.executable]}
        try:
            self._check_names()
            for param in PARAMS[self.executable]:
                check(param, values[param.name])
            self.build(values)
        except ArsurgError as e:
            return self._refuse(e)
        except Exception as e:  # rclpy would swallow it without a word
            self.get_logger().error(traceback.format_exc())
            return self._refuse(ArsurgError(f'{type(e).__name__}: {" ".join(str(e).split())}'))
        self.refusal, self.configured = '', True
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start."""
        result = super().on_activate(state)
        self.active = True
        try:
            self.start()
        except ArsurgError as e:
            self.active = False
            self.stop()
            return self._refuse(e, release=False)
        self.refusal = ''
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop."""
        self.active = False
        self.stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything."""
        self.refusal, self.configured = '', False
        self.release()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything."""
        self.active = False
        self.release()
        return TransitionCallbackReturn.SUCCESS

    def autostart(self) -> None:
        """Configure and activate, where the parameter says so."""
        if not self.get_parameter('autostart').value:
            return
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()
        self.report()

    def _refuse(self, error: ArsurgError, *, release: bool = True) -> TransitionCallbackReturn:
        self.refusal = str(error)
        self.get_logger().error(f'{self.executable}: {error}')
        if release:
            self.release()
        return TransitionCallbackReturn.FAILURE

    # Help for the stages.

    def publisher(self, kind: type, topic: str, profile: QoSProfile) -> Any:
        """Return a publisher that lives until release."""
        return self._keep(self.destroy_publisher, self.create_publisher(kind, topic, profile))

    def listen(self, kind: type, topic: str, callback: Callable[..., None], profile: QoSProfile) -> Any:
        """Subscribe until release. The callback takes (message, info); its ArsurgError is a warning and not a crash."""
        return self._keep(
            self.destroy_subscription, self.create_subscription(kind, topic, self._tolerant(callback), profile)
        )

    def serve(self, kind: type, name: str, callback: Callable[[Any, Any], Any]) -> Any:
        """Serve until release."""
        return self._keep(self.destroy_service, self.create_service(kind, name, callback))

    def every(self, period_s: float, action: Callable[[], None], **kwargs: Any) -> Any:
        """Return a timer that lives until release; ``kwargs`` go to rclpy's create_timer."""
        return self._keep(self.destroy_timer, self.create_timer(period_s, action, **kwargs))

    def _keep(self, destroy: Callable[[Any], Any], entity: Any) -> Any:
        self._entities.append((destroy, entity))
        return entity

    def value_of(self, param: ParameterInfo) -> Any:
        """Return a parameter's value; its default where it was declared without one and never set."""
        try:
            return self.get_parameter(param.name).value
        except ParameterUninitializedException:
            return param.default

    def now_ns(self) -> int:
        """Return the node's clock."""
        return int(self.get_clock().now().nanoseconds)

    def age_ns(self, stamp_ns: int, info: dict[str, int] | None) -> int:
        """Return how long ago a message's content was captured.

        By the stamp on the node's clock; on a simulated clock, which advances in steps, by the moment it was sent.
        """
        if info is not None and self.get_parameter('use_sim_time').value:
            return time.time_ns() - info['source_timestamp']
        return self.now_ns() - stamp_ns

    def guard(self, callback: Callable[..., None]) -> Callable[..., None]:
        """Return the callback for messages that count only while the node is active."""

        def guarded(message: Any, info: Any) -> None:
            if self.active:
                callback(message, info)

        return guarded

    def _tolerant(self, callback: Callable[..., None]) -> Callable[[Any, Any], None]:
        def call(message: Any, info: Any) -> None:
            try:
                callback(message, info)
            except ArsurgError as e:
                self.warn(str(e))

        return call

    def warn(self, text: str) -> None:
        """Count a bad input and log it, at most once a second."""
        self.stats.counts['refused'] += 1
        self.get_logger().warning(f'{self.executable}: {text}', throttle_duration_sec=WARN_EVERY_S)

    def report(self) -> None:
        """Publish this node's state on /diagnostics."""
        if self.refusal:
            level, message, values = DiagnosticStatus.ERROR, self.refusal, {'configured': False}
        elif not self.active:
            level, message, values = DiagnosticStatus.WARN, 'inactive', {}
        else:
            level, message, values = self.health()
        values['ready'] = self.active and self.ready()
        for stage, p in self.stats.summary().items():
            for key, value in (('p50', p.p50_ms), ('p95', p.p95_ms), ('p99', p.p99_ms), ('max', p.max_ms)):
                values[f'{stage}.{key}_ms'] = f'{value:.3f}'
            values[f'{stage}.n'] = p.n
        values.update(self.stats.counts)
        name = f'{NAMESPACE}: {self.executable}'
        array = DiagnosticArray(header=msgs.header(time.time_ns(), ''))
        array.status = [msgs.status(name, self.get_fully_qualified_name(), level, message, values)]
        self._diagnostics.publish(array)

    def _check_names(self) -> None:
        """Raise ConfigError for a parameter that was given and is none: a slip of the pen must not run with the default."""
        own = [p.name for p in PARAMS[self.executable]]
        for name in self._parameter_overrides:
            if name not in own and not self.has_parameter(name) and not name.startswith('qos_overrides.'):
                raise ConfigError(f'unknown parameter {name!r}; valid: {", ".join(own)}')

    def _on_jump(self, jump: TimeJump) -> None:
        self.stats.counts['clock_jumps'] += 1
        self.get_logger().warning(f'{self.executable}: the clock jumped back by {-jump.delta.nanoseconds / 1e9:.3f} s')
        self.forget()

    def _on_set(self, parameters: list[Parameter]) -> SetParametersResult:
        by_name = {p.name: p for p in PARAMS[self.executable]}
        live = LIVE_PARAMS.get(self.executable, ())
        try:
            for parameter in parameters:
                if parameter.name in by_name:
                    if self.configured and parameter.name not in live:
                        now = f' (while it runs: {", ".join(live)})' if live else ''
                        raise ConfigError(f'{parameter.name} takes effect on configure: deactivate and clean up first{now}')
                    check(by_name[parameter.name], parameter.value)
            if self.configured:
                self.check_live(self._live_values() | {p.name: p.value for p in parameters if p.name in live})
        except ArsurgError as e:
            return SetParametersResult(successful=False, reason=str(e))
        return SetParametersResult(successful=True)

    def _on_was_set(self, parameters: list[Parameter]) -> None:
        if self.configured and any(p.name in LIVE_PARAMS.get(self.executable, ()) for p in parameters):
            self.apply_live(self._live_values())

    def _live_values(self) -> dict[str, Any]:
        live = LIVE_PARAMS.get(self.executable, ())
        return {p.name: self.value_of(p) for p in PARAMS[self.executable] if p.name in live}


def descriptor(param: ParameterInfo) -> ParameterDescriptor:
    """Return what `ros2 param describe` shows: meaning, unit, range, valid values."""
    unit = f' [{param.unit}]' if param.unit else ''
    out = ParameterDescriptor(name=param.name, description=param.description + unit)
    if param.choices:
        out.additional_constraints = f'one of: {", ".join(param.choices)}'
    if param.low is None and param.high is None:
        return out
    if isinstance(param.default, int):
        low, high = param.low or 0, param.high if param.high is not None else 2**62
        out.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
    else:
        low, high = param.low or 0.0, param.high if param.high is not None else sys.float_info.max
        out.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
    return out


def told_to_stop() -> threading.Event:
    """Return an event that SIGINT or SIGTERM sets, however often it comes, instead of breaking into what runs.

    rclpy's own handler invalidates the context in the middle of a callback, whose publish then raises; and Ctrl-C under launch
    comes twice, from the terminal and from launch: the second must not kill the process while it cleans up. Goes with
    ``SignalHandlerOptions.NO``.
    """
    stopping = threading.Event()
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def run(make: Callable[[], StageNode], args: list[str] | None = None) -> int:
    """Spin a node until it is told to stop; return the exit status. Wrong parameters are one line and status 2."""
    stopping = told_to_stop()
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = make()
    except (InvalidParameterValueException, InvalidParameterTypeException) as e:
        print(f'error: {" ".join(str(e).split())}', file=sys.stderr)
        rclpy.try_shutdown()
        return 2
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        node.autostart()
        while not stopping.is_set():  # the diagnostics timer wakes it
            executor.spin_once()
    except ExternalShutdownException:
        pass
    finally:
        # Python gives a handler of its own back to the system when it ends, which would then kill it: ignored, it is not.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        node.release()
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
    return 0
