# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import DataError
from arsurg_ros.overlay.silhouette import centroid_px, compare_silhouettes, contour_distances_px, mask_iou


def disc(u: float, v: float, radius: float, shape: tuple[int, int] = (80, 100)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (x - u) ** 2 + (y - v) ** 2 <= radius**2


def test_a_mask_agrees_with_itself() -> None:
    mask = disc(50, 40, 20)
    error = compare_silhouettes(mask, mask)
    assert (error.iou, error.contour_max_px, error.centroid_px) == (1.0, 0.0, 0.0)


@settings(max_examples=30, deadline=None)
@given(du=st.integers(-15, 15), dv=st.integers(-15, 15))
def test_a_shift_is_measured(du: int, dv: int) -> None:
    error = compare_silhouettes(disc(50, 40, 20), disc(50 + du, 40 + dv, 20))
    shift = np.hypot(du, dv)
    assert error.centroid_px == pytest.approx(shift, abs=1e-9)
    assert error.contour_max_px == pytest.approx(shift, abs=1.5)
    assert error.contour_mean_px <= error.contour_p95_px <= error.contour_max_px <= shift + 1e-4
    assert (error.iou == 1.0) == (shift == 0)


@settings(max_examples=30, deadline=None)
@given(grow=st.integers(1, 10))
def test_a_ring_around_a_disc_is_as_far_as_it_is_wide(grow: int) -> None:
    a, b = disc(50, 40, 20), disc(50, 40, 20 + grow)
    assert compare_silhouettes(a, b) == compare_silhouettes(b, a)
    assert contour_distances_px(a, b).mean() == pytest.approx(grow, abs=0.6)
    assert mask_iou(a, b) == pytest.approx((20 / (20 + grow)) ** 2, abs=0.02)


def test_uint8_masks_and_disjoint_ones_are_taken() -> None:
    a, b = disc(20, 20, 5).astype(np.uint8) * 255, disc(70, 60, 5).astype(np.uint8)
    assert mask_iou(a, b) == 0.0
    assert compare_silhouettes(a, b).centroid_px == pytest.approx(np.hypot(50, 40))
    assert centroid_px(a) == pytest.approx([20, 20])


def test_where_the_picture_ends_is_no_contour() -> None:
    half = np.zeros((40, 40), bool)
    half[:, :20] = True
    wider = np.zeros((40, 40), bool)
    wider[:, :23] = True
    assert set(contour_distances_px(half, wider)) == {3.0}
    assert np.isfinite(contour_distances_px(np.ones((40, 40), bool), half)).all()


def test_other_sizes_and_empty_masks_are_refused() -> None:
    mask = disc(50, 40, 20)
    with pytest.raises(DataError, match=r'masks of \(80, 100\) and \(8, 8\)'):
        mask_iou(mask, np.ones((8, 8), bool))
    with pytest.raises(DataError, match='two of one size'):
        mask_iou(np.ones((2, 2, 3), bool), np.ones((2, 2, 3), bool))
    with pytest.raises(DataError, match='second mask is empty'):
        mask_iou(mask, np.zeros_like(mask))
    with pytest.raises(DataError, match='first mask is empty'):
        compare_silhouettes(np.zeros_like(mask), mask)
