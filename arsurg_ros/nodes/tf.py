# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""/tf and /tf_static into a TransformBuffer, and out of the nodes, without tf2_ros.

Static frames go out by a latched publisher of the node's own with all of its static frames in one message: Jazzy's Python
StaticTransformBroadcaster keeps the first transform of a child for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from geometry_msgs.msg import TransformStamped
from tf2_msgs.msg import TFMessage

from arsurg_ros.errors import ArsurgError
from arsurg_ros.geometry.transforms import MAX_GAP_NS, TransformBuffer
from arsurg_ros.kernels.poses import interpolate_poses
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.nodes.base import StageNode

FUTURE_NS = 1_000_000_000


class TfListener:
    """Fills ``buffer`` and calls ``on_change`` with each /tf message's (parent, child, stamp_ns) rows."""

    def __init__(
        self,
        node: StageNode,
        backend: str,
        on_change: Callable[[list[tuple[str, str, int]]], None] | None = None,
        *,
        max_gap_ns: int = MAX_GAP_NS,
    ) -> None:
        """Subscribe on behalf of ``node``.

        Poses at most ``max_gap_ns`` apart are interpolated by the kernel, or its twin, of ``backend``.
        """
        self.buffer = TransformBuffer(max_gap_ns=max_gap_ns, interpolate=partial(interpolate_poses, backend=backend))
        self._node = node
        self._on_change = on_change
        self._subscriptions = [
            node.create_subscription(TFMessage, '/tf', self._on_tf, qos.TF),
            node.create_subscription(TFMessage, '/tf_static', self._on_tf_static, qos.TF_STATIC_LISTEN),
        ]

    def destroy(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _on_tf(self, msg: TFMessage) -> None:
        rows = [row for t in msg.transforms if (row := self._add(t, static=False)) is not None]
        if self._on_change is None or not rows:
            return
        try:
            self._on_change(rows)
        except ArsurgError as e:
            self._node.warn(str(e))

    def _on_tf_static(self, msg: TFMessage) -> None:
        for t in msg.transforms:
            self._add(t, static=True)

    def _add(self, t: TransformStamped, *, static: bool) -> tuple[str, str, int] | None:
        parent, child, stamp_ns = t.header.frame_id, t.child_frame_id, msgs.to_ns(t.header.stamp)
        now_ns = self._node.now_ns()
        # One pose from the future would push all true ones out. A simulated clock that has not begun yet says nothing.
        if not static and 0 < now_ns < stamp_ns - FUTURE_NS:
            self._node.warn(f'/tf refused: {parent} -> {child} is stamped {(stamp_ns - now_ns) / 1e9:.1f} s in the future')
            return None
        try:
            self.buffer.put(parent, child, stamp_ns, msgs.matrix_from_transform(t), static=static)
        except (ArsurgError, ValueError) as e:
            self._node.warn(f'/tf refused: {e}')
            return None
        return parent, child, stamp_ns
