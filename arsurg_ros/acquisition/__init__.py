# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras: where images come from. They are pulled, never block, and leave the clock to their caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from arsurg_ros import registry
from arsurg_ros.acquisition.faults import FaultLog
from arsurg_ros.types import CameraModel, Frame

CAMERAS = {
    'recording': 'arsurg_ros.acquisition.recording:RecordingCamera',
    'video': 'arsurg_ros.acquisition.video:VideoCamera',
    'synthetic': 'arsurg_ros.acquisition.synthetic:SyntheticCamera',
}


@runtime_checkable
class Camera(Protocol):
    """A source of frames stamped with their capture time on the caller's clock.

    ``dropped`` counts frames that came but were never handed out: overtaken by a newer one, lost on purpose, or bad; why a
    bad one was bad is in ``faults``.
    """

    model: CameraModel
    dropped: int
    faults: FaultLog
    finished: bool

    def start(self, now_ns: int) -> None:
        """Begin at a time of the caller's clock; the first ``next`` does so where nobody has."""

    def next(self, now_ns: int) -> Frame | None:
        """Return the newest frame due at ``now_ns`` that has not been handed out; None where there is none yet."""

    def next_due_ns(self) -> int | None:
        """Return when the next frame is due; None before the start and when finished."""

    def close(self) -> None:
        """Let go of devices and files; finished after that."""


def create_camera(kind: str, values: Mapping[str, Any]) -> Camera:
    """Return the camera ``kind``; raises ConfigError naming valid kinds or parameters, DataError for a bad file."""
    camera: Camera = registry.build(CAMERAS, kind, 'camera', values)
    return camera
