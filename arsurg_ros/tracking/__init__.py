# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trackers: they turn images or a device's stream into poses that say whether, and why not, they can be used.

There are two kinds. An image tracker has ``kind = 'image'`` and ``track``; a polled one has ``kind = 'polled'`` and ``poll``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from arsurg_ros import registry
from arsurg_ros.types import CameraModel, Frame, Pose

TRACKERS = {
    'aruco': 'arsurg_ros.tracking.aruco:ArucoTracker',
    'synthetic': 'arsurg_ros.tracking.synthetic:SyntheticTracker',
    'recording': 'arsurg_ros.tracking.recording:RecordingTracker',
}


@runtime_checkable
class ImageTracker(Protocol):
    """Finds its tools in an image; every configured tool gets a pose per image, valid or not, never an exception."""

    kind: ClassVar[str]
    tools: tuple[str, ...]

    def track(self, frame: Frame, camera: CameraModel) -> list[Pose]:
        """Return one pose per tool, in the tools' order, at the frame's stamp; child is the tool's name."""

    def close(self) -> None:
        """Let go of devices and files."""


@runtime_checkable
class PolledTracker(Protocol):
    """Streams poses on the node's clock; never blocks, and a bad sample is a pose that says why."""

    kind: ClassVar[str]
    tools: tuple[str, ...]
    finished: bool

    def start(self, now_ns: int) -> None:
        """Begin at a time of the node's clock; the first ``poll`` does so where nobody has."""

    def poll(self, now_ns: int) -> list[Pose]:
        """Return the poses that have come since the last call, oldest first; child is the tool's name."""

    def next_due_ns(self) -> int | None:
        """Return when the next pose is due; None when finished or not known."""

    def close(self) -> None:
        """Let go of devices and files."""


def create_tracker(kind: str, values: Mapping[str, Any]) -> ImageTracker | PolledTracker:
    """Return the tracker ``kind``; raises ConfigError naming valid kinds or parameters, DataError for a bad file."""
    tracker: ImageTracker | PolledTracker = registry.build(TRACKERS, kind, 'tracker', values)
    return tracker
