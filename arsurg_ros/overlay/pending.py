# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images that wait for the pose at their stamp: how long, and which can be drawn on at all. Pure: no clock, no topic."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arsurg_ros.types import CameraModel, Frame

#: A picture that says why an image cannot be shown is no larger.
MOST_PIXELS = 40_000_000
#: Of so many steps between poses the least is their period.
STEPS = 8


@dataclass(frozen=True, eq=False)
class PendingImage:
    """An image; ``age_ns`` is its age when it came, ``received_ns`` when on a steady clock, ``clock_ns`` on the node's."""

    frame: Frame
    age_ns: int
    received_ns: int
    clock_ns: int

    def waited_ns(self, now_ns: int) -> int:
        """Return for how long it has been here, at a time of the steady clock."""
        return now_ns - self.received_ns

    def captured_ns(self, now_ns: int) -> int:
        """Return how long ago it was captured."""
        return self.age_ns + self.waited_ns(now_ns)

    def on_clock_ns(self, clock_ns: int) -> int:
        """Return the same at a time of the node's clock, which may stand still."""
        return self.age_ns + clock_ns - self.clock_ns


@dataclass(frozen=True)
class Waits:
    """For its pose an image waits ``pose_ns``, and ``predict_ns`` where a prediction will do; not longer than ``flag_ns``.

    That is the time within which the picture says that the last valid pose is gone.
    """

    pose_ns: int
    predict_ns: int
    flag_ns: int

    def overdue(self, image: PendingImage, now_ns: int, latest_ns: int | None, drawn: bool) -> bool:
        """Tell whether to wait no longer: what is ``drawn`` must not outlive the last valid pose by the flag's limit.

        ``latest_ns`` is the stamp of the newest pose, None where there never was one.
        """
        # An image that is old when it comes cannot keep that promise: it waits like any other.
        if drawn and latest_ns is not None and image.age_ns < self.flag_ns:
            return image.frame.stamp_ns - latest_ns + image.captured_ns(now_ns) >= self.flag_ns
        return image.waited_ns(now_ns) >= self.pose_ns

    def may_predict(self, image: PendingImage, now_ns: int) -> bool:
        """Tell whether it has waited long enough for its exact pose to be drawn with a predicted one."""
        return image.waited_ns(now_ns) >= self.predict_ns

    def outlived(self, image: PendingImage, clock_ns: int, latest_ns: int | None, period_ns: int, predicted: bool) -> bool:
        """Tell whether the last picture, which has anatomy, has to go, though no image comes that would replace it.

        ``clock_ns`` is the node's clock: a recording that is paused does not grow older. The limit counts from the newest
        pose, ``latest_ns``, whatever the camera's rate. Poses that come more slowly than the flag's limit, every
        ``period_ns``, as from a camera of 5 Hz that tracks, cannot keep it: they are missed when two are overdue, as the
        picture would else come and go at every one. What is predicted never outlives the limit.
        """
        if latest_ns is None:
            return True
        if image.age_ns >= self.flag_ns:
            return False  # it was too old when it came, as in ``overdue``; silence takes it away
        limit_ns = self.flag_ns if predicted else max(self.flag_ns, 2 * period_ns)
        return image.frame.stamp_ns - latest_ns + image.on_clock_ns(clock_ns) >= limit_ns

    def left_s(self, image: PendingImage, now_ns: int) -> float:
        """Return how long until the flag's limit, seconds, not below 0: no prediction may reach further."""
        return max(0.0, (self.flag_ns - image.captured_ns(now_ns)) * 1e-9)


def camera_problem(camera: CameraModel | None, frame: Frame, topic: str, camera_frames: Sequence[str] = ()) -> str:
    """Return why nothing can be drawn on an image with the calibration of ``topic``, '' where something can.

    An image that says a frame which is none of ``camera_frames`` is another camera's: no pose of this one is its own.
    """
    if camera is None:
        return f'{topic}: none yet that can be used'
    if camera_frames and frame.frame_id and frame.frame_id not in camera_frames:
        return f'the image is of frame {frame.frame_id!r}, the camera of {camera_frames[0]!r}: is its frame parameter right?'
    own, needed = (camera.width_px, camera.height_px), frame.image.shape[1::-1]
    return '' if own == needed else f'camera_info is for {own[0]}x{own[1]}, the image is {needed[0]}x{needed[1]}'


class PosePeriod:
    """How far apart the newest poses are: the least of the last steps, so that one that is left out does not count."""

    def __init__(self) -> None:
        """Know none."""
        self._latest_ns: int | None = None
        self._steps_ns: deque[int] = deque(maxlen=STEPS)

    def heard(self, latest_ns: int | None) -> None:
        """Note the newest pose's stamp, which may be the one before."""
        if latest_ns is not None and self._latest_ns is not None and latest_ns > self._latest_ns:
            self._steps_ns.append(latest_ns - self._latest_ns)
        if latest_ns is not None:
            self._latest_ns = latest_ns

    @property
    def period_ns(self) -> int:
        """The period; 0 before there were two poses."""
        return min(self._steps_ns, default=0)


def blank(stamp_ns: int, frame_id: str, width_px: int, height_px: int) -> Frame:
    """Return a black picture in the place of an image that cannot be read; of one pixel where it would be too large."""
    size = (height_px, width_px) if 0 < width_px * height_px <= MOST_PIXELS else (1, 1)
    return Frame(stamp_ns, frame_id, np.zeros((*size, 3), np.uint8))
