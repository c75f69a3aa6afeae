# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A timer on the node's clock that fires when something is due, instead of asking again and again."""

from __future__ import annotations

from collections.abc import Callable

from arsurg_ros.nodes.base import StageNode

# A timer may not have the period 0.
SOONEST_NS = 50_000


class DueTimer:
    """Calls ``action(now_ns)`` at once, and again at the time that it returns; None ends it. Follows a simulated clock."""

    def __init__(self, node: StageNode, action: Callable[[int], int | None]) -> None:
        """Begin."""
        self._node = node
        self._action = action
        self._timer = node.create_timer(SOONEST_NS / 1e9, self._fire)

    def destroy(self) -> None:
        """End."""
        self._node.destroy_timer(self._timer)

    def _fire(self) -> None:
        due_ns = self._action(self._node.now_ns())
        if due_ns is None:
            self._timer.cancel()
            return
        self._timer.timer_period_ns = max(due_ns - self._node.now_ns(), SOONEST_NS)
        self._timer.reset()
