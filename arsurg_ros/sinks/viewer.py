# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a window must show at a time: the newest picture, or, where none comes, that there is none. A still looks live."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry.pixel_code import MIN_WIDTH_PX, OverlayCode, read_overlay_code, strip_height_px, write_overlay_code
from arsurg_ros.types import U8

#: How often the seconds on a picture that stands still are renewed.
RENEW_NS = 100_000_000
RED = (48, 64, 255)
WHITE = (255, 255, 255)
DIMMED = 0.4
# Columns and rows of what is left of a picture that is not live.
COARSE = (32, 18)


@dataclass(frozen=True)
class ViewerLimits:
    """No new picture for ``silent_s``, or one that is older than ``late_s``, is not shown as if it were live.

    Raises ConfigError unless both are positive.
    """

    silent_s: float = 0.25
    late_s: float = 0.5

    def __post_init__(self) -> None:
        """Check; NaN fails as well."""
        if not (0 < self.silent_s < float('inf') and 0 < self.late_s < float('inf')):
            raise ConfigError(f'silent_s {self.silent_s}, late_s {self.late_s}: both must be positive')


class Viewer:
    """Holds the newest picture; times are of one steady clock. A picture that comes again is shown, but is not new."""

    def __init__(self, limits: ViewerLimits = ViewerLimits()) -> None:
        """Begin without a picture."""
        self._limits = limits
        self._image: U8 | None = None
        self._stamp_ns: int | None = None
        self._came_ns = self._age_ns = 0
        self._fresh = False
        self._renewed_ns: int | None = None

    def take(self, image: U8, stamp_ns: int, now_ns: int, age_ns: int = 0) -> None:
        """Take a picture (H, W, 3) bgr8 or (H, W) mono8, kept as it is, and how old it is as it comes."""
        self._image = image if image.ndim == 3 else np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
        self._fresh = True
        if stamp_ns != self._stamp_ns:
            self._stamp_ns, self._came_ns, self._age_ns = stamp_ns, now_ns, age_ns

    def problem(self, now_ns: int) -> str:
        """Return what is wrong with showing the newest picture as live, in capitals; empty for nothing."""
        if self._image is None:
            return 'NO PICTURE YET'
        silent_s = (now_ns - self._came_ns) / 1e9
        if silent_s > self._limits.silent_s:
            return f'NO PICTURE FOR {silent_s:.1f} s'
        old_s = silent_s + self._age_ns / 1e9
        return f'PICTURE {old_s:.1f} s OLD' if old_s > self._limits.late_s else ''

    def picture(self, now_ns: int) -> U8 | None:
        """Return what the window must show from now on; None where that is what it has."""
        problem = self.problem(now_ns)
        if not problem:
            fresh, self._fresh = self._fresh or self._renewed_ns is not None, False
            self._renewed_ns = None
            return self._image if fresh else None
        if self._renewed_ns is not None and now_ns - self._renewed_ns < RENEW_NS and not self._fresh:
            return None
        self._renewed_ns, self._fresh = now_ns, False
        return not_live(self._image if self._image is not None else np.zeros((480, 640, 3), np.uint8), problem)


def not_live(image: U8, problem: str) -> U8:
    """Return a picture (H, W, 3) bgr8 grey, dark and in a red frame, under a text; its pixel code, if any, says lost.

    It is so coarse that neither the anatomy nor a number that was drawn over it can be made out.
    """
    height, width = image.shape[:2]
    coarse = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), COARSE, interpolation=cv2.INTER_AREA)
    grey = cv2.resize(cv2.convertScaleAbs(coarse, alpha=DIMMED), (width, height), interpolation=cv2.INTER_LINEAR)
    out = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    cv2.rectangle(out, (0, 0), (width - 1, height - 1), RED, max(4, height // 15))
    _centred(out, problem, 0.5 * height, WHITE)
    code = read_overlay_code(image)
    if code is not None and width >= MIN_WIDTH_PX:
        write_overlay_code(out, OverlayCode(code.stamp_ns, 'lost', code.pose_stamp_ns))
    elif code is not None:
        out[height - strip_height_px(width) :] = 0
    return out


def _centred(image: U8, text: str, y_px: float, bgr: tuple[int, int, int]) -> None:
    """Write a line on a black plate across the picture, as large as it fits."""
    height, width = image.shape[:2]
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(2, height // 160)
    (w, h), _ = cv2.getTextSize(text, font, 1.0, thickness)
    size = min(0.8 * width / w, height / 10 / h)
    (w, h), _ = cv2.getTextSize(text, font, size, thickness)
    image[round(y_px - 1.2 * h) : round(y_px + 1.2 * h)] = 0
    at = (round((width - w) / 2), round(y_px + h / 2))
    cv2.putText(image, text, at, font, size, bgr, thickness, cv2.LINE_AA)
