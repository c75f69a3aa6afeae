# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest

from arsurg_ros.geometry.edges import refine_corners
from arsurg_ros.types import F64, U8

CORNERS = np.array([[30.3, 20.7], [71.8, 26.4], [66.1, 68.9], [25.4, 63.2]])


def picture(corners: F64, blur_px: float = 0.8, noise: float = 0.0) -> U8:
    """Draw a dark tag on white by 16 x 16 samples a pixel; integer coordinates are pixel centres."""
    v, u = (np.mgrid[0 : 96 * 16, 0 : 96 * 16] + 0.5) / 16 - 0.5
    inside = np.ones(u.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        inside &= (x1 - x0) * (v - y0) - (y1 - y0) * (u - x0) > 0
    coarse = np.where(inside, 25.0, 230.0).reshape(96, 16, 96, 16).mean(axis=(1, 3))
    blurred = cv2.GaussianBlur(coarse, (0, 0), blur_px) if blur_px else coarse
    grain = np.random.default_rng(3).normal(0, noise, blurred.shape)
    return np.clip(np.round(blurred + grain), 0, 255).astype(np.uint8)


@pytest.mark.parametrize('blur_px', [0.0, 0.6, 1.2])
@pytest.mark.parametrize('shift', [(0, 0), (0.25, -0.4), (-0.5, 0.5)])
def test_corners_are_true_to_a_fraction_of_a_pixel_whatever_the_blur(blur_px: float, shift: tuple[float, float]) -> None:
    true = CORNERS + shift
    rough = true + np.array([[0.8, -0.6], [-0.7, 0.9], [0.5, 0.7], [-0.9, -0.4]])
    refined = refine_corners(picture(true, blur_px), rough[None])[0]
    assert np.abs(refined - true).max() < 0.06


def test_noise_is_averaged() -> None:
    refined = refine_corners(picture(CORNERS, 0.8, noise=4.0), CORNERS[None] + 0.4)[0]
    assert np.abs(refined - CORNERS).max() < 0.12


def test_without_edges_the_corners_stay() -> None:
    flat = np.full((96, 96), 128, dtype=np.uint8)
    np.testing.assert_array_equal(refine_corners(flat, CORNERS[None])[0], CORNERS)


def test_a_bright_tag_on_dark_is_none() -> None:
    np.testing.assert_array_equal(refine_corners(255 - picture(CORNERS), CORNERS[None])[0], CORNERS)


def test_a_tag_at_the_rim_of_the_picture_does_no_harm() -> None:
    image = picture(CORNERS)[:, 28:]
    rim = CORNERS - [28, 0]
    refined = refine_corners(image, rim[None])[0]
    assert np.isfinite(refined).all() and np.abs(refined - rim).max() < 6.1


def test_many_tags_are_each_refined_alone() -> None:
    both = refine_corners(picture(CORNERS), np.stack([CORNERS + 0.5, CORNERS * 0.01 + 5]))
    assert np.abs(both[0] - CORNERS).max() < 0.06
    np.testing.assert_array_equal(both[1], CORNERS * 0.01 + 5)
