# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from arsurg_ros.drawn import Silhouette, drawn_agreement


def rectangle(x0, y0, x1, y1):
    out = np.zeros((120, 160), bool)
    out[y0:y1, x0:x1] = True
    return out


NOWHERE = rectangle(0, 0, 0, 0)
BOX = Silhouette(rectangle(50, 40, 110, 90), NOWHERE, NOWHERE)
PAPER = np.full((120, 160, 3), 120, np.uint8)


def outlined(x0, y0, x1, y1):
    """Draw the outline as the overlay does: the line reaches a pixel beyond the contour."""
    return cv2.rectangle(PAPER.copy(), (x0 - 1, y0 - 1), (x1, y1), (90, 180, 90), 1)


def test_nothing_drawn_is_no_agreement():
    found = drawn_agreement(PAPER, PAPER, BOX)
    assert (found.iou, found.shift_px, found.over_pointer) == (0.0, float('inf'), None)
    assert drawn_agreement(PAPER, outlined(50, 40, 110, 90), Silhouette(NOWHERE, NOWHERE, NOWHERE)).iou == 0.0


def test_an_outline_counts_with_what_it_encloses_and_an_open_one_does_not():
    whole = outlined(50, 40, 110, 90)
    assert drawn_agreement(PAPER, whole, BOX).iou == 1.0
    whole[60:70, 105:115] = PAPER[60:70, 105:115]
    assert drawn_agreement(PAPER, whole, BOX).iou < 0.2


def test_a_plate_over_the_anatomy_is_not_taken_for_it():
    shown = outlined(50, 40, 110, 90)
    shown[70:110, 20:90] //= 4
    shown[75:80, 30:80] = 255  # its text
    found = drawn_agreement(PAPER, shown, BOX)
    assert found.iou == 1.0 and found.shift_px < 0.05
    moved = outlined(54, 40, 114, 90)
    moved[70:110, 20:90] //= 4
    found = drawn_agreement(PAPER, moved, BOX)
    assert found.iou < 0.9 and found.shift_px == pytest.approx(4.0, abs=0.6)


def test_what_is_drawn_over_the_pointer_is_told():
    true = Silhouette(BOX.anatomy, rectangle(80, 20, 100, 100), rectangle(85, 40, 90, 45))
    shown = outlined(50, 40, 110, 90)
    shown[true.pointer] = PAPER[true.pointer]
    found = drawn_agreement(PAPER, shown, true)
    assert found.iou == 1.0 and found.over_pointer == 0.0
    filled = np.where(BOX.anatomy[..., None], PAPER + 20, PAPER).astype(np.uint8)
    assert drawn_agreement(PAPER, filled, true).over_pointer == 1.0
    small = Silhouette(BOX.anatomy, rectangle(80, 40, 85, 45), NOWHERE)
    assert drawn_agreement(PAPER, filled, small).over_pointer is None
