# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How well two silhouettes agree: overlap, distance of the contours, offset of the centroids."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from arsurg_ros.errors import DataError
from arsurg_ros.types import F64, U8

Mask = NDArray[np.bool_] | U8


@dataclass(frozen=True)
class SilhouetteError:
    """``iou`` 0-1 (Jaccard); contour distances, both ways together; distance of the centroids; pixels."""

    iou: float
    contour_mean_px: float
    contour_p95_px: float
    contour_max_px: float
    centroid_px: float


def compare_silhouettes(a: Mask, b: Mask) -> SilhouetteError:
    """Return how two masks (H, W), nonzero inside, differ; raises DataError for other sizes or an empty mask."""
    a, b = _checked(a, b)
    d = contour_distances_px(a, b)
    offset = float(np.linalg.norm(centroid_px(a) - centroid_px(b)))
    return SilhouetteError(mask_iou(a, b), float(d.mean()), float(np.percentile(d, 95)), float(d.max()), offset)


def mask_iou(a: Mask, b: Mask) -> float:
    """Return the intersection over the union of two masks; raises DataError for other sizes or an empty mask."""
    a, b = _checked(a, b)
    return float(np.count_nonzero(a & b) / np.count_nonzero(a | b))


def contour_distances_px(a: Mask, b: Mask) -> F64:
    """Return for each boundary pixel of either mask how far the other's boundary is, pixels (Euclidean, exact)."""
    edge_a, edge_b = (_boundary(m) for m in _checked(a, b))
    there = [_distance_to(edge_b)[edge_a], _distance_to(edge_a)[edge_b]]
    return np.concatenate(there).astype(np.float64)


def centroid_px(mask: Mask) -> F64:
    """Return the centroid (u, v) of a mask that is not empty."""
    v, u = np.nonzero(mask)
    return np.array([u.mean(), v.mean()])


def _checked(a: Mask, b: Mask) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    if a.shape != b.shape or a.ndim != 2:
        raise DataError(f'masks of {a.shape} and {b.shape}: two of one size (H, W) are needed')
    if not (a.any() and b.any()):
        raise DataError(f'{"first" if not a.any() else "second"} mask is empty: nothing to compare')
    return a.astype(bool), b.astype(bool)


def _boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask with a 4-neighbour outside; the picture's border counts as inside.

    What the picture cuts off has no contour there.
    """
    eroded = cv2.erode(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    edge = mask & (eroded == 0)
    # A mask that fills the picture has no contour at all: its frame stands in.
    return edge if edge.any() else _frame(mask)


def _frame(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    frame = np.zeros_like(mask)
    frame[[0, -1]] = frame[:, [0, -1]] = True
    return frame


def _distance_to(edge: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.asarray(cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
