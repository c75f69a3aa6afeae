# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Corners of tags from lines through their four dark-to-bright edges.

The usual corner refinement minimises gradients around one corner; blur rounds an L-shaped corner and pulls it inwards by a
tenth of a pixel, which makes small tags too small and boards too far away. An edge's profile is symmetric under blur: the
centroid of its gradient is unbiased, and a line through a dozen of them averages the noise.
"""

from __future__ import annotations

import cv2
import numpy as np

from arsurg_ros.types import F64, U8

STATIONS = np.linspace(0.14, 0.86, 13)
OFFSETS = np.linspace(-1.0, 1.0, 13)
MIN_CONTRAST = 12.0
REACHES_MODULES = (0.75, 0.5)
"""How far the profile goes to either side; the second look is centred on what the first has found."""
MODULES = 7.0
"""Widest tag of the common families, in modules: the profile must end inside of the tag's border and quiet zone."""


def refine_corners(grey: U8, corners_px: F64) -> F64:
    """Return corners (N, 4, 2) of tags found at corners (N, 4, 2), px; a tag without four clear edges keeps its own."""
    refined = corners_px.copy()
    for reach in REACHES_MODULES:
        moved, clear = _once(grey, refined, reach)
        refined[clear] = moved[clear]
    return refined


def _once(grey: U8, corners: F64, reach_modules: float) -> tuple[F64, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    along = np.roll(corners, -1, axis=1) - corners
    length = np.linalg.norm(along, axis=2, keepdims=True)
    outward = np.stack([along[..., 1], -along[..., 0]], axis=2) / np.maximum(length, 1e-9)  # corners go clockwise
    reach = np.clip(length[..., 0] * reach_modules / MODULES, 1.5, 6.0)
    offset, contrast = _edge_offsets(_profiles(grey, corners, along, outward, reach), reach)
    begin, end, scatter = _line_ends(offset)
    a = corners + outward * begin[..., None]
    b = corners + along + outward * end[..., None]
    moved = _intersections(a, b)
    shift = np.linalg.norm(moved - corners, axis=2).max(axis=1)
    clear = (contrast.min(axis=(1, 2)) > MIN_CONTRAST) & (scatter.max(axis=1) < 0.5 * reach.min(axis=1))
    return moved, clear & (shift < reach.min(axis=1)) & np.isfinite(moved).all(axis=(1, 2))


def _profiles(grey: U8, corners: F64, along: F64, outward: F64, reach: F64) -> F64:
    """Return grey values (N, 4, S, O) across each edge, from the tag's inside to its outside."""
    station = corners[:, :, None] + along[:, :, None] * STATIONS[:, None]
    points = station[:, :, :, None] + outward[:, :, None, None] * (reach[:, :, None, None, None] * OFFSETS[:, None])
    flat = points.reshape(len(corners), -1, 2).astype(np.float32)
    # One row a tag: a remap's target may be no taller or wider than 32767.
    values = cv2.remap(grey, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(points.shape[:-1]).astype(np.float64)


def _edge_offsets(profile: F64, reach: F64) -> tuple[F64, F64]:
    """Return where across the edge it lies (N, 4, S), px outward, and the brightness step there."""
    gradient = np.maximum(np.diff(profile, axis=-1), 0.0)
    gradient = np.where(gradient < 0.12 * gradient.max(axis=-1, keepdims=True), 0.0, gradient)
    contrast = gradient.sum(axis=-1)
    middle = 0.5 * (OFFSETS[1:] + OFFSETS[:-1])
    return (gradient @ middle) / np.maximum(contrast, 1e-9) * reach[..., None], contrast


def _line_ends(offset: F64) -> tuple[F64, F64, F64]:
    """Return the fitted line's offsets at the edge's begin and end (N, 4), and the rms scatter about it."""
    design = np.stack([1 - STATIONS, STATIONS], axis=1)
    solution = offset @ np.linalg.pinv(design).T
    scatter = np.sqrt(((solution @ design.T - offset) ** 2).mean(axis=-1))
    return solution[..., 0], solution[..., 1], scatter


def _intersections(a: F64, b: F64) -> F64:
    """Return corners (N, 4, 2): corner k is where edge k-1 meets edge k, of edges through a and b."""
    one = np.ones((*a.shape[:2], 1))
    lines = np.cross(np.concatenate([a, one], axis=2), np.concatenate([b, one], axis=2))
    meet = np.cross(np.roll(lines, 1, axis=1), lines)
    with np.errstate(divide='ignore', invalid='ignore'):
        return np.asarray(meet[..., :2] / meet[..., 2:], dtype=np.float64)
