# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where anatomy was drawn, by the pixels alone: what the overlay changed in the camera's picture against a silhouette."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from arsurg_ros.overlay.silhouette import mask_iou
from arsurg_ros.types import U8

# Only the anatomy's neighbourhood is compared.
NEIGHBOURHOOD_PX = 12
# Both pictures come without loss: what was not drawn over is the same to the bit. Context's fill changes a few greys.
CHANGED_GREY = 2
# Plates of text keep a quarter of the picture's light in all colours, and over an area: anatomy never does.
PLATE_LIGHT, PLATE_PX = 0.4, 15
# Pixels at the pointer's rim, half its own and half the anatomy's, tell of neither.
RIM_PX = 3
# A line is centred on the contour, and has a dark casing: so much of it lies outside, at 480 lines.
LINE_PX = 1
# Blurred so far, two silhouettes may be some 10 px apart and still be aligned.
ALIGN_BLUR_PX = 15
LEAST_POINTER_PX = 50


@dataclass(frozen=True)
class Silhouette:
    """What is true of a picture, (H, W) bool each: the anatomy, all of it; the pointer; where the tip's cross is drawn."""

    anatomy: NDArray[np.bool_]
    pointer: NDArray[np.bool_]
    cross: NDArray[np.bool_]


@dataclass(frozen=True)
class DrawnAgreement:
    """How the pixels that were drawn agree with the true silhouette.

    ``iou`` 0-1 and ``shift_px``, the translation that lays one upon the other (inf where none does), outside of what the
    pointer, the tip's cross and plates of text cover. ``over_pointer`` is the share of the pointer's own pixels over the
    anatomy that were drawn over, None where it covers next to none of it.
    """

    iou: float
    shift_px: float
    over_pointer: float | None = None


def drawn_agreement(camera_image: U8, overlay_image: U8, true: Silhouette) -> DrawnAgreement:
    """Compare the pixels that the overlay (H, W, 3) changed in the camera's picture with the true silhouette, near it.

    Structures may be drawn as outlines alone: what they enclose belongs to them. What lies under other marks is not compared.
    """
    changed = np.abs(camera_image.astype(np.int16) - overlay_image).max(axis=2) > CHANGED_GREY
    plates = _plates(camera_image, overlay_image)
    hidden = _grown(true.pointer, RIM_PX) | true.cross | plates
    near = _grown(true.anatomy, NEIGHBOURHOOD_PX)
    lined = _grown(true.anatomy, LINE_PX)
    drawn = _enclosed(changed & near, hidden, near)
    anatomy, seen = lined & ~hidden, near & ~hidden
    over = _over_pointer(changed, true, plates)
    if not drawn.any() or not anatomy.any():
        return DrawnAgreement(0.0, float('inf'), over)
    return DrawnAgreement(mask_iou(drawn, anatomy), _shift_px(drawn, lined, seen), over)


def _plates(camera_image: U8, overlay_image: U8) -> NDArray[np.bool_]:
    """Return the rectangles around what is much darker in all colours, over an area."""
    dark = (overlay_image <= PLATE_LIGHT * camera_image.astype(np.float32)).all(axis=2) & (camera_image.max(axis=2) > 0)
    dark = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    dark = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((PLATE_PX, PLATE_PX), np.uint8))
    out = np.zeros(dark.shape, np.uint8)
    for x, y, w, h, _ in cv2.connectedComponentsWithStats(dark)[2][1:].tolist():
        if min(w, h) >= PLATE_PX:
            out[y : y + h, x : x + w] = 1
    return _grown(out > 0, RIM_PX)


def _enclosed(
    changed: NDArray[np.bool_], hidden: NDArray[np.bool_], near: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return what was changed and what that encloses; what is hidden is a wall too, and not in it."""
    lines = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0
    # A frame around the picture, so that what lies around is one piece even where the anatomy reaches the border.
    free = np.pad(~(lines | hidden), 1, constant_values=True).astype(np.uint8)
    _, pieces = cv2.connectedComponents(free, connectivity=4)
    around = np.unique(pieces[np.pad(~near, 1, constant_values=True) & (free > 0)])
    drawn = ~np.isin(pieces, around)[1:-1, 1:-1] & near & ~hidden
    return cv2.morphologyEx(drawn.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0


def _shift_px(drawn: NDArray[np.bool_], true: NDArray[np.bool_], seen: NDArray[np.bool_]) -> float:
    """Return how far the true silhouette is to be moved onto the drawn one, by what is seen (Evangelidis and Psarakis 2008)."""
    # What is not seen is taken to be true, and what the blur brings from there is not looked at.
    completed = np.where(seen, drawn, true).astype(np.float32)
    core = cv2.erode(seen.astype(np.uint8), np.ones((ALIGN_BLUR_PX // 2,) * 2, np.uint8))
    start = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-4)
    try:
        _, move = cv2.findTransformECC(
            true.astype(np.float32), completed, start, cv2.MOTION_TRANSLATION, stop, core, ALIGN_BLUR_PX
        )
    except cv2.error:
        return float('inf')
    return float(np.linalg.norm(move[:, 2]))


def _over_pointer(changed: NDArray[np.bool_], true: Silhouette, plates: NDArray[np.bool_]) -> float | None:
    inner = cv2.erode(true.pointer.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    there = inner & true.anatomy & ~true.cross & ~plates
    return None if np.count_nonzero(there) < LEAST_POINTER_PX else float(np.count_nonzero(changed & there) / there.sum())


def _grown(mask: NDArray[np.bool_], by_px: int) -> NDArray[np.bool_]:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * by_px + 1,) * 2, np.uint8)) > 0
