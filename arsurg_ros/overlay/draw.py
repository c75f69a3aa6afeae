# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Marks over a bgr picture that stay legible on any background: lines with a dark halo, text on a dark plate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.types import F64, U8, CameraModel

Rgb = tuple[int, int, int]
WHITE: Rgb = (255, 255, 255)
BLACK: Rgb = (0, 0, 0)
FONT = cv2.FONT_HERSHEY_SIMPLEX
# Sub-pixel positions of cv2's drawing functions, bits.
SHIFT = 4
SHAFT_SAMPLES = 9
# In pixels of a picture of 480 lines.
RING_RADIUS = 9.0


@dataclass(frozen=True)
class Line:
    """A line of text: ``size`` is relative to the picture's base size."""

    text: str
    rgb: Rgb = WHITE
    size: float = 1.0
    bold: bool = False


@dataclass(frozen=True)
class Placed:
    """Where a block of text lies: x, y of the top left, its width and height, pixels."""

    x: int
    y: int
    width: int
    height: int


def scale_of(height_px: int) -> float:
    """Return the size of marks relative to a picture of 480 lines: they grow with it, and stay legible below."""
    return float(np.clip(height_px / 480, 0.6, 4.0))


def text_block(image: U8, lines: Sequence[Line], corner: tuple[float, float], margin_px: int) -> Placed:
    """Write lines on a dark plate; ``corner`` is 0-1 in x and y (0, 1 = lower left). Draws in place.

    A line wider than the picture is cut and ends in three dots.
    """
    height, width = image.shape[:2]
    s = scale_of(height)
    pad = round(7 * s)
    fitted = [_fit(line, s, width - 2 * (margin_px + pad)) for line in lines]
    sizes = [_size(line, s) for line in fitted]
    steps = [round(h * 1.7) for _, h in sizes]
    w, h = max(w for w, _ in sizes) + 2 * pad, sum(steps) + pad
    x = round(margin_px + corner[0] * (width - 2 * margin_px - w))
    y = round(margin_px + corner[1] * (height - 2 * margin_px - h))
    plate = image[max(y, 0) : y + h, max(x, 0) : x + w]
    np.right_shift(plate, 2, out=plate)
    baseline = y + pad // 2
    for line, (_, text_height), step in zip(fitted, sizes, steps, strict=True):
        baseline += step
        at = (x + pad, baseline - (step - text_height) // 2)
        cv2.putText(image, line.text, at, FONT, _font_scale(line, s), line.rgb[::-1], _thickness(line, s), cv2.LINE_AA)
    return Placed(x, y, w, h)


def _font_scale(line: Line, s: float) -> float:
    return 0.5 * s * line.size


def _thickness(line: Line, s: float) -> int:
    return max(1, round(s * line.size * (1.3 if line.bold else 1.0)))


def _size(line: Line, s: float) -> tuple[int, int]:
    (width, height), _ = cv2.getTextSize(line.text, FONT, _font_scale(line, s), _thickness(line, s))
    return width, height


def _fit(line: Line, s: float, width_px: int) -> Line:
    text = ''.join(c if ' ' <= c <= '~' else '?' for c in line.text)
    fitted = Line(text, line.rgb, line.size, line.bold)
    while _size(fitted, s)[0] > width_px and len(text) > 4:
        text = text[:-1]
        fitted = Line(text.rstrip() + '...', line.rgb, line.size, line.bold)
    return fitted


def border(image: U8, pattern: U8, width_px: int) -> None:
    """Copy the outermost ``width_px`` of ``pattern`` onto an image of the same size."""
    b = width_px
    for part in (np.s_[:b], np.s_[-b:], np.s_[b:-b, :b], np.s_[b:-b, -b:]):
        image[part] = pattern[part]


def stripes(width_px: int, height_px: int, rgb: Rgb, period_px: int, slope: int) -> U8:
    """Return a bgr picture of diagonal stripes, ``rgb`` and black, leaning by ``slope``'s sign; 0 is all ``rgb``."""
    v, u = np.mgrid[:height_px, :width_px]
    coloured = (u + slope * v) % period_px < (0.6 * period_px if slope else period_px)
    colours = np.array([BLACK, rgb[::-1]], dtype=np.uint8)
    return np.asarray(colours[coloured.astype(np.uint8)])


def draw_tip(image: U8, camera: CameraModel, T_cam_tip: F64, p_tip_shaft_m: F64 | None) -> bool:
    """Draw the tip as a cross in a ring and, to ``p_tip_shaft_m`` (3,) in the tip frame, the shaft.

    Returns False, and draws nothing, where the tip is not in front of the camera or far outside the picture.
    """
    tip = project(camera, T_cam_tip[None, :3, 3])
    if not _drawable(tip, image).all():
        return False
    s = scale_of(image.shape[0])
    if p_tip_shaft_m is not None:
        shaft = _shaft_px(image, camera, T_cam_tip, p_tip_shaft_m)
        _halo_lines(image, [_outside(shaft, RING_RADIUS * s)], round(2 * s), s)
    _draw_cross(image, tip[0], s)
    return True


def _outside(line: F64, radius_px: float) -> F64:
    """Return a line (N, 2) without what lies within a radius of its first point: the tip itself stays free."""
    from_tip = np.linalg.norm(line - line[0], axis=1)
    beyond = np.flatnonzero(from_tip > radius_px)
    if not len(beyond):
        return line[:0]
    k = int(beyond[0])
    step = (radius_px - from_tip[k - 1]) / (from_tip[k] - from_tip[k - 1])
    return np.concatenate([line[k - 1 : k] + step * (line[k] - line[k - 1]), line[k:]])


def _drawable(uv: F64, image: U8) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    size = np.array(image.shape[1::-1], dtype=np.float64)
    return np.asarray((np.nan_to_num(np.abs(uv - size / 2), nan=np.inf) < 2 * size).all(axis=1))


def _shaft_px(image: U8, camera: CameraModel, T_cam_tip: F64, p_tip_shaft_m: F64) -> F64:
    """Return the shaft's pixels (N, 2) from the tip on, up to where it leaves the picture's surroundings."""
    along = np.linspace(0.0, 1.0, SHAFT_SAMPLES)[:, None] * np.asarray(p_tip_shaft_m, dtype=np.float64)
    uv = project(camera, se3.transform(T_cam_tip, along))
    seen = _drawable(uv, image)
    return uv[: len(uv) if seen.all() else int(seen.argmin())]


def _draw_cross(image: U8, centre: F64, s: float) -> None:
    radius, gap = RING_RADIUS * s, 3 * s
    arms = [centre + np.outer([gap, radius + 5 * s], d) for d in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    around = np.linspace(0, 2 * np.pi, 33)
    ring = centre + radius * np.stack([np.cos(around), np.sin(around)], axis=1)
    _halo_lines(image, [*arms, ring], round(1.5 * s), s)


def _halo_lines(image: U8, lines: Sequence[F64], thickness: int, s: float) -> None:
    fixed = [np.round(line * (1 << SHIFT)).astype(np.int32)[:, None] for line in lines if len(line) > 1]
    for rgb, width in ((BLACK, thickness + 2 * max(1, round(s))), (WHITE, max(1, thickness))):
        cv2.polylines(image, fixed, False, rgb[::-1], width, cv2.LINE_AA, SHIFT)
