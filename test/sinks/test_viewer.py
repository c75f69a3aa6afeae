# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry.pixel_code import OverlayCode, read_overlay_code, write_overlay_code
from arsurg_ros.sinks.viewer import DIMMED, Viewer, ViewerLimits, not_live

MS = 1_000_000
COLOUR = np.full((480, 640, 3), (200, 40, 120), np.uint8)


def coded(width: int = 640, height: int = 480) -> np.ndarray:
    image = np.full((height, width, 3), (200, 40, 120), np.uint8)
    write_overlay_code(image, OverlayCode(7, 'live', 7, np.eye(4)))
    return image


def test_a_picture_is_shown_once_as_it_is() -> None:
    viewer = Viewer()
    viewer.take(COLOUR, 1, 0)
    assert viewer.problem(0) == ''
    shown = viewer.picture(0)
    assert shown is COLOUR
    assert viewer.picture(5 * MS) is None


def test_without_a_new_picture_the_window_says_so_within_the_limit_and_counts() -> None:
    viewer = Viewer()
    viewer.take(COLOUR, 1, 0)
    viewer.picture(0)
    assert viewer.picture(250 * MS) is None and viewer.problem(250 * MS) == ''
    lost = viewer.picture(251 * MS)
    assert lost is not None and viewer.problem(251 * MS) == 'NO PICTURE FOR 0.3 s'
    assert viewer.picture(300 * MS) is None
    later = viewer.picture(1351 * MS)
    assert later is not None and viewer.problem(1351 * MS) == 'NO PICTURE FOR 1.4 s'
    assert not np.array_equal(lost, later)


def test_the_next_new_picture_is_live_again_at_once() -> None:
    viewer = Viewer()
    viewer.take(COLOUR, 1, 0)
    assert viewer.picture(900 * MS) is not None
    fresh = COLOUR.copy()
    viewer.take(fresh, 2, 901 * MS)
    assert viewer.picture(901 * MS) is fresh


def test_the_same_picture_sent_again_and_again_is_shown_and_does_not_count_as_new() -> None:
    viewer = Viewer()
    for k in range(20):
        viewer.take(COLOUR, 1, k * 33 * MS)
        shown = viewer.picture(k * 33 * MS)
        assert shown is not None
        assert (shown is COLOUR) == (k * 33 <= 250)


def test_an_old_picture_is_not_live_though_new_ones_keep_coming() -> None:
    viewer = Viewer(ViewerLimits(late_s=0.5))
    for k in range(3):
        viewer.take(COLOUR, k, k * 33 * MS, age_ns=700 * MS)
        assert viewer.problem(k * 33 * MS) == 'PICTURE 0.7 s OLD'
        assert viewer.picture(k * 33 * MS) is not COLOUR
    viewer.take(COLOUR, 9, 99 * MS, age_ns=400 * MS)
    assert viewer.problem(99 * MS) == '' and viewer.picture(99 * MS) is COLOUR
    assert viewer.problem(210 * MS) == 'PICTURE 0.5 s OLD'


def test_before_the_first_picture_it_says_so() -> None:
    viewer = Viewer()
    assert viewer.problem(0) == 'NO PICTURE YET'
    shown = viewer.picture(0)
    assert shown is not None and shown.max() == 255


def test_a_grey_picture_is_shown_too() -> None:
    viewer = Viewer()
    viewer.take(np.full((48, 64), 9, np.uint8), 1, 0)
    shown = viewer.picture(0)
    assert shown is not None and shown.shape == (48, 64, 3) and (shown == 9).all()


@pytest.mark.parametrize('size', [(640, 480), (1920, 1080), (64, 48)])
def test_what_is_not_live_is_grey_dark_and_framed(size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), (200, 40, 120), np.uint8)
    before = image.copy()
    out = not_live(image, 'NO PICTURE FOR 1.2 s')
    assert np.array_equal(image, before)
    assert (out[0] == (48, 64, 255)).all() and (out[: size[1] // 4, -1] == (48, 64, 255)).all()
    b, g, r = out[size[1] // 4, size[0] // 2].astype(int)
    assert b == g == r <= DIMMED * 200


def test_nothing_that_was_drawn_can_be_made_out() -> None:
    plain = np.full((480, 640, 3), 90, np.uint8)
    drawn = plain.copy()
    cv2.circle(drawn, (320, 130), 60, (255, 255, 255), 2)
    cv2.putText(drawn, '12.3 mm', (40, 400), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 2)
    off = cv2.absdiff(not_live(drawn, 'x'), not_live(plain, 'x'))
    assert cv2.absdiff(drawn, plain).max() == 165 and 0 < off.max() < 30
    steps = np.abs(np.diff(off[..., 0].astype(int), axis=1))
    assert steps.max() <= 3  # no edge is left


def test_its_code_does_not_say_live() -> None:
    assert read_overlay_code(not_live(coded(), 'x')) == OverlayCode(7, 'lost', 7)
    half = np.ascontiguousarray(coded(400, 300)[::2, ::2])
    found = read_overlay_code(half)
    assert found is not None and found.state == 'live'
    assert read_overlay_code(not_live(half, 'x')) is None
    assert read_overlay_code(not_live(COLOUR, 'x')) is None


@pytest.mark.parametrize('limits', [{'silent_s': 0.0}, {'late_s': float('nan')}, {'silent_s': float('inf')}])
def test_wrong_limits_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match='both must be positive'):
        ViewerLimits(**limits)
