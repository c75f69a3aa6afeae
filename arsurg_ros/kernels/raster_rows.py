# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A frame's wishes as the rasteriser's arrays: checked rows of cameras, styles, poses and the look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.geometry.camera import DISTORTION_MODELS
from arsurg_ros.geometry.se3 import is_rigid
from arsurg_ros.kernels.field import field_radius, straight_px
from arsurg_ros.types import F32, F64, U8, U32, CameraModel, Look, Mesh, MeshStyle, Window

STYLE = 16
WIDTHS_PX = (0.5, 6.0)
_UNIT = ('fill', 'outline', 'crease')


@dataclass(frozen=True)
class Rows:
    """``camera`` (12,), ``poses`` (n, 3, 4), ``styles`` (n, 16), ``look`` (10,), ``select`` (n,): a row of the table each.

    The layout of each is in wasm/overlay/src (camera.rs, lib.rs, look.rs); ``mask`` (H, W) or None.
    """

    camera: F64
    poses: F64
    styles: F32
    look: F64
    select: U32
    mask: U8 | None


class CameraRows:
    """Camera rows; the last one's field is remembered."""

    def __init__(self) -> None:
        self._last: tuple[tuple[bytes, int, int], tuple[float, float]] = ((b'', 0, 0), (0.0, 0.0))

    def row(self, camera: CameraModel) -> F64:
        """Return the kernel's row; raises ConfigError for a focal length that is not positive or an unknown distortion."""
        K = np.asarray(camera.K, dtype=np.float64)
        if camera.distortion_model not in DISTORTION_MODELS:
            raise ConfigError(f'camera: distortion_model {camera.distortion_model!r}; valid: {", ".join(DISTORTION_MODELS)}')
        fisheye = float(camera.distortion_model == 'equidistant')
        row = np.array([K[0, 0], K[0, 1], K[0, 2], K[1, 1], K[1, 2], *camera.distortion, 0.0, fisheye, 0.0])
        if not np.isfinite(row).all() or K[0, 0] <= 0 or K[1, 1] <= 0:
            raise ConfigError(f'camera: fx {K[0, 0]}, fy {K[1, 1]}: finite intrinsics and fx, fy above 0 are needed')
        key = (row.tobytes(), camera.width_px, camera.height_px)
        if self._last[0] != key:
            radius = field_radius(row, camera.width_px, camera.height_px)
            self._last = (key, (radius, straight_px(row, radius)))
        row[10], row[12] = self._last[1]
        return row


def pose_rows(meshes: Sequence[Mesh], T_cam_mesh: Sequence[F64], styles: Sequence[MeshStyle]) -> F64:
    """Return (n, 3, 4); raises DataError for other numbers of them, or a visible mesh's pose that is not rigid."""
    n = len(meshes)
    if len(T_cam_mesh) != n or len(styles) != n:
        raise DataError(f'{len(T_cam_mesh)} poses and {len(styles)} styles for {n} meshes')
    rows = np.tile(np.eye(4), (n, 1, 1))
    sound: set[int] = set()  # all of a scene's structures have one and the same pose
    for k, (T, style, mesh) in enumerate(zip(T_cam_mesh, styles, meshes, strict=True)):
        if not style.visible:
            continue  # never read by the kernel
        if id(T) not in sound and not is_rigid(T):
            raise DataError(f'T_cam_mesh of mesh {mesh.name!r} is not a finite rigid transform (4, 4)')
        sound.add(id(T))
        rows[k] = T
    return np.ascontiguousarray(rows[:, :3])


def style_rows(meshes: Sequence[Mesh], styles: Sequence[MeshStyle], encoding: str) -> F32:
    """Return (n, 16), colours in the image's order; raises ConfigError naming the mesh and the value."""
    rows = np.zeros((len(styles), STYLE), np.float32)
    for row, style, mesh in zip(rows, styles, meshes, strict=True):
        where = f'style of mesh {mesh.name!r}'
        rgb = np.asarray(style.rgb, dtype=np.float64)
        if rgb.shape != (3,) or not ((rgb >= 0) & (rgb <= 255)).all():
            raise ConfigError(f'{where}: rgb {style.rgb}; three numbers 0 to 255 are valid')
        for field in _UNIT:
            if not 0.0 <= getattr(style, field) <= 1.0:
                raise ConfigError(f'{where}: {field} {getattr(style, field)}; 0 to 1 is valid')
        if not WIDTHS_PX[0] <= style.width_px <= WIDTHS_PX[1]:
            raise ConfigError(f'{where}: width_px {style.width_px}; {WIDTHS_PX[0]} to {WIDTHS_PX[1]} is valid')
        if not abs(style.inflate_m) <= 1.0:
            raise ConfigError(f'{where}: inflate_m {style.inflate_m}; -1 to 1 m is valid')
        row[:3] = rgb if encoding == 'rgb8' else rgb[::-1]
        row[3:12] = (style.fill, style.outline, style.visible, style.crease, style.width_px, style.dashed,
                     style.occluder, style.inflate_m, not style.solid)  # fmt: skip
    return rows


def look_row(look: Look, width_px: int, height_px: int) -> F64:
    """Return (10,); raises ConfigError for a depth cue or window that is not usable, DataError for another mask's size."""
    if not 0.0 <= look.depth_cue <= 1.0:
        raise ConfigError(f'look: depth_cue {look.depth_cue}; 0 to 1 is valid')
    if not (np.isfinite([look.near_m, look.far_m]).all() and look.far_m > look.near_m):
        raise ConfigError(f'look: near_m {look.near_m}, far_m {look.far_m}: finite, and far beyond near, are needed')
    mask = look.mask
    if mask is not None and (mask.shape != (height_px, width_px) or mask.dtype != np.uint8):
        found = 'x'.join(map(str, mask.shape[::-1]))
        raise DataError(f'look: mask of {found} {mask.dtype}; {width_px}x{height_px} uint8 (mono8) is needed')
    w = look.window
    return np.array([look.depth_cue, look.near_m, look.far_m, *_window(w), mask is not None], dtype=np.float64)


def _window(window: Window | None) -> tuple[float, ...]:
    if window is None:
        return (0.0,) * 6
    values = (window.u_px, window.v_px, window.radius_px, window.rim_px, window.keep)
    if not np.isfinite(values).all() or max(abs(window.u_px), abs(window.v_px), window.radius_px) > 1e6:
        raise ConfigError(f'look: window at {window.u_px}, {window.v_px} px: finite numbers up to 1e6 are needed')
    if not (window.radius_px > 0 and 0 < window.rim_px <= window.radius_px and 0.0 <= window.keep <= 1.0):
        raise ConfigError(
            f'look: window of radius_px {window.radius_px}, rim_px {window.rim_px}, keep {window.keep}: '
            '0 < rim_px <= radius_px and keep 0 to 1 are valid'
        )
    return (1.0, *values)
