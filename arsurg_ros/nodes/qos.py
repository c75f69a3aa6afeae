# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The quality of service of every topic, in one place (see interfaces in ARCHITECTURE.md)."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _reliable(depth: int, durability: DurabilityPolicy = DurabilityPolicy.VOLATILE) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE, durability=durability
    )


STREAM = _reliable(5)
LATCHED = _reliable(1, DurabilityPolicy.TRANSIENT_LOCAL)
TF = _reliable(100)
# Every latched sender has its own newest message kept for late joiners.
TF_STATIC_LISTEN = _reliable(100, DurabilityPolicy.TRANSIENT_LOCAL)
DIAGNOSTICS = _reliable(10)
# Our image readers keep up with reliable writers; a best-effort reader takes from any camera driver.
IMAGE_LISTEN = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.BEST_EFFORT
)
