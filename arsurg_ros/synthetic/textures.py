# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Textures of the synthetic scene, baked once: light, folds and shadows stand still, only the camera and pointer move."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from arsurg_ros.geometry.boards import MarkerBoard
from arsurg_ros.synthetic.body import (
    TABLE_Z_M,
    on_surface,
    opening_distance_m,
    surface_height_m,
    surface_normal,
)
from arsurg_ros.synthetic.scene import LANDMARKS_XY_M, REFERENCE_BOARD, VIEW
from arsurg_ros.types import F32, F64, U8

LIGHT = np.array([-0.35, 0.30, 0.89]) / np.linalg.norm([-0.35, 0.30, 0.89])
GROUND_M = (-0.34, -0.40, 0.86, 1.02)
"""The baked ground: x and y of its lower corner, width and height, in ref."""
GROUND_PX_PER_M = 2000.0
PLATE_MARGIN_M = 0.006


@dataclass(frozen=True)
class Ground:
    """Drape and skin: colour (R, C, 3) bgr and height (R/4, C/4) metres over a grid of the reference plane."""

    colour: U8
    height_m: F32

    def texel(self, x_m: F32, y_m: F32, scale: float = 1.0) -> tuple[F32, F32]:
        """Return texture coordinates (column, row) of points of the plane; row 0 is the far edge."""
        x0, y0, _, tall = GROUND_M
        per_m = np.float32(GROUND_PX_PER_M * scale)
        half = np.float32(0.5)
        return (x_m - np.float32(x0)) * per_m - half, (np.float32(y0 + tall) - y_m) * per_m - half


@lru_cache(maxsize=2)
def ground(seed: int) -> Ground:
    """Return the baked ground of a seed."""
    rng = np.random.default_rng(seed)
    x, y = _grid(1.0)
    xs, ys = _grid(0.25)
    # The body is smooth: its normals on the coarse grid do, and the first frame comes two seconds sooner.
    normal = np.asarray(cv2.resize(surface_normal(xs, ys).astype(np.float32), x.shape[::-1]), dtype=np.float32)
    distance = opening_distance_m(x, y)
    lit = _drape(rng, x, normal, distance)
    opening = _bounds(distance < 0.001)
    cover = _step(distance[opening], 0.0, 0.0008)[..., None]
    lit[opening] = _skin(rng, x[opening], normal[opening]) * (1 - cover) + lit[opening] * cover
    lit *= _shadows(x, y, distance)[..., None]
    colour = np.clip(lit, 0, 255).astype(np.uint8)
    for number, xy in enumerate(LANDMARKS_XY_M.values(), start=1):
        _fiducial(colour, xy, number)
    return Ground(np.ascontiguousarray(colour), surface_height_m(xs, ys).astype(np.float32))


def _bounds(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the rows and columns that a mask (R, C) takes."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _grid(scale: float) -> tuple[F32, F32]:
    x0, y0, wide, tall = GROUND_M
    step = 1.0 / (GROUND_PX_PER_M * scale)
    x = (x0 + step * (np.arange(round(wide / step)) + 0.5)).astype(np.float32)
    y = (y0 + tall - step * (np.arange(round(tall / step)) + 0.5)).astype(np.float32)
    xx, yy = np.meshgrid(x, y)
    return xx, yy


def _noise(rng: np.random.Generator, shape: tuple[int, ...], cell_px: float) -> F32:
    """Return smooth noise of unit deviation with features of about ``cell_px``."""
    small = tuple(max(4, round(n / cell_px)) for n in shape)
    coarse = rng.standard_normal(small).astype(np.float32)
    out = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(out / (out.std() + 1e-6), dtype=np.float32)


def _step(value: F32, at: float, width: float) -> F32:
    s = np.clip((value - at) / width * 0.5 + 0.5, 0, 1)
    return np.asarray(s * s * (3 - 2 * s), dtype=np.float32)


def _lambert(normal: F32, ambient: float) -> F32:
    return np.asarray(ambient + (1 - ambient) * np.clip(normal @ LIGHT.astype(np.float32), 0, 1), dtype=np.float32)


def _gloss(normal: F32, power: float) -> F32:
    half = (LIGHT + VIEW) / np.linalg.norm(LIGHT + VIEW)
    return np.asarray(np.clip(normal @ half.astype(np.float32), 0, 1) ** power, dtype=np.float32)


def _bumped(normal: F32, bump: F32) -> F32:
    """Tilt normals by the slope of a bump map given in texture pixels."""
    out = normal.copy()
    out[..., 0] -= np.asarray(cv2.Sobel(bump, cv2.CV_32F, 1, 0, scale=0.125), dtype=np.float32)
    out[..., 1] += np.asarray(cv2.Sobel(bump, cv2.CV_32F, 0, 1, scale=0.125), dtype=np.float32)
    return np.asarray(out / np.linalg.norm(out, axis=-1, keepdims=True), dtype=np.float32)


def _skin(rng: np.random.Generator, x: F32, normal: F32) -> F32:
    bump = 0.05 * _noise(rng, x.shape, 4) + 0.25 * _noise(rng, x.shape, 22)
    n = _bumped(normal, bump)
    mottle = 1.0 + 0.018 * _noise(rng, x.shape, 60) + 0.012 * _noise(rng, x.shape, 9)
    base = np.array([134, 164, 214], dtype=np.float32) * mottle[..., None]
    base[..., 2] += 4 * _noise(rng, x.shape, 90)
    return np.asarray(base * (_lambert(n, 0.30) ** 1.3)[..., None] + 62 * _gloss(n, 26)[..., None], dtype=np.float32)


def _drape(rng: np.random.Generator, x: F32, normal: F32, distance: F32) -> F32:
    along = _noise(rng, (x.shape[0] // 6, x.shape[1]), 70)  # folds run down the body
    folds = cv2.resize(along, x.shape[::-1], interpolation=cv2.INTER_CUBIC)
    ridge = 9.0 * np.abs(folds) ** 0.75 + 5.0 * _noise(rng, x.shape, 120)
    hem = 7.0 * np.exp(-(((distance - 0.006) / 0.003) ** 2))
    n = _bumped(normal, (ridge + hem + 0.10 * _noise(rng, x.shape, 2)).astype(np.float32))
    base = np.array([112, 110, 22], dtype=np.float32)
    return np.asarray(base * (_lambert(n, 0.22) ** 1.5)[..., None] + 26 * _gloss(n, 9)[..., None], dtype=np.float32)


def _shadows(x: F32, y: F32, distance: F32) -> F32:
    """Return the light that is left: under the drape's hem, under the board, and towards the picture's corners."""
    hem = 1 - 0.45 * np.exp(-np.clip(-distance, 0, None) / 0.004) * (distance < 0)
    drop = -LIGHT[:2] / LIGHT[2] * (0.0 - TABLE_Z_M)
    half = plate_size_m(REFERENCE_BOARD) / 2
    outside = np.maximum(np.abs(x - drop[0]) - half[0], np.abs(y - drop[1]) - half[1])
    board = 1 - 0.62 * _step(-outside.astype(np.float32), 0.0, 0.012)
    lamp = 0.42 + 0.66 * np.exp(-((x - 0.17) ** 2 + (y - 0.01) ** 2) / (2 * 0.23**2))
    return np.asarray(hem * board * lamp, dtype=np.float32)


def _fiducial(colour: U8, xy: tuple[float, float], number: int) -> None:
    """Draw a skin fiducial: a pale ring with a dark centre, and its number beside it in ink."""
    x0, y0, _, tall = GROUND_M
    s = GROUND_PX_PER_M
    centre = np.array([(xy[0] - x0) * s - 0.5, (y0 + tall - xy[1]) * s - 0.5])
    at = tuple(int(v) for v in np.round(centre * 16))
    shade = float(np.clip(surface_normal(*on_surface(*xy)[:2]) @ LIGHT, 0.4, 1))
    rings = ((0.0074, (70, 92, 128)), (0.0066, (226, 236, 238)), (0.0031, (50, 44, 40)), (0.0012, (230, 236, 238)))
    for radius, bgr in rings:
        cv2.circle(colour, at, round(radius * s * 16), tuple(shade * c for c in bgr), -1, cv2.LINE_AA, 4)
    where = (int(centre[0]) + 15, int(centre[1]) - 11)
    cv2.putText(colour, str(number), where, cv2.FONT_HERSHEY_SIMPLEX, 0.62, (110, 50, 46), 2, cv2.LINE_AA)


def plate_size_m(board: MarkerBoard) -> F64:
    """Return width and height of the plate that carries a board centred on its origin, metres."""
    extent = np.abs(board.corners_m[..., :2]).reshape(-1, 2).max(axis=0)
    return np.asarray(2 * (extent + PLATE_MARGIN_M), dtype=np.float64)


def plate_texture(board: MarkerBoard, px_per_m: float = 4000.0) -> U8:
    """Return the picture (R, C) of an axis-parallel planar board, white margin, pixel centres at (i + 0.5) / px_per_m."""
    size = np.round(plate_size_m(board) * px_per_m).astype(int)
    out = np.full((size[1], size[0]), 236, dtype=np.uint8)
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    for tag, corners in zip(board.ids, board.corners_m, strict=True):
        # Corner positions are pixel EDGES of the texture, hence no half pixel here.
        left, top = np.round(corners[0, :2] * [1, -1] * px_per_m + size / 2).astype(int)
        right, bottom = np.round(corners[2, :2] * [1, -1] * px_per_m + size / 2).astype(int)
        side = min(right - left, bottom - top)
        out[top : top + side, left : left + side] = 22 + 0.84 * cv2.aruco.generateImageMarker(dictionary, tag, int(side))
    return out


def cloth_texture(seed: int, size_m: F64, px_per_m: float = 1500.0) -> U8:
    """Return the picture (R, C, 3) of the cloth that covers the board in a drop-out."""
    rng = np.random.default_rng(seed + 1)
    shape = (round(size_m[1] * px_per_m), round(size_m[0] * px_per_m))
    bump = 6 * np.abs(_noise(rng, shape, 40)) + 0.1 * _noise(rng, shape, 2)
    flat = np.zeros((*shape, 3), dtype=np.float32)
    flat[..., 2] = 1
    shade = _lambert(_bumped(flat, bump.astype(np.float32)), 0.35)
    return np.clip(np.array([196, 176, 120], dtype=np.float32) * shade[..., None], 0, 255).astype(np.uint8)
