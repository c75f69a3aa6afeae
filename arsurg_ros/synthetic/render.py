# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The synthetic camera: draws the scene at a time as a bgr8 picture.

Ground (drape and skin) by one texture look-up per pixel through a ray and height field intersection; boards by homography,
supersampled, with pixel centres at integer coordinates, so that detected corners are true to about a tenth of a pixel.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.boards import MarkerBoard
from arsurg_ros.geometry.camera import project
from arsurg_ros.synthetic.body import surface_height_m
from arsurg_ros.synthetic.pointer import GRIP, GRIP_RADIUS_M, NECK, POINT_RADIUS_M, ROD_RADIUS_M
from arsurg_ros.synthetic.scene import POINTER_BOARD, REFERENCE_BOARD, Scene
from arsurg_ros.synthetic.textures import LIGHT, cloth_texture, ground, plate_size_m, plate_texture
from arsurg_ros.types import F32, F64, U8

CELL_PX = 8
SUPERSAMPLE = 3
SLIDE_S = 0.12


def render_frame(scene: Scene, t_s: float) -> U8:
    """Return the picture (H, W, 3) bgr8 of the scene at a time; the same picture for the same arguments."""
    T_cam_ref = scene.T_cam_ref(t_s)
    image = _draw_ground(scene, T_cam_ref)
    _draw_plate(image, scene, T_cam_ref, REFERENCE_BOARD, 0.005)
    _draw_cloth(image, scene, T_cam_ref, t_s)
    _draw_pointer(image, scene, T_cam_ref, scene.T_ref_tool(t_s))
    return _add_noise(image, scene, t_s)


def _draw_ground(scene: Scene, T_cam_ref: F64) -> U8:
    g = ground(scene.seed)
    x, y = _hit(scene, T_cam_ref)
    column, row = g.texel(x, y)
    maps = []
    for coarse in (column, row):
        # Resized maps keep pixel centres; the rim of one cell all round makes the border exact too.
        full = cv2.resize(coarse, None, fx=CELL_PX, fy=CELL_PX, interpolation=cv2.INTER_LINEAR)
        maps.append(full[CELL_PX : CELL_PX + scene.height_px, CELL_PX : CELL_PX + scene.width_px])
    fixed = cv2.convertMaps(maps[0], maps[1], cv2.CV_16SC2)  # a third faster in all than float maps
    return np.asarray(cv2.remap(g.colour, *fixed, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), dtype=np.uint8)


def _hit(scene: Scene, T_cam_ref: F64) -> tuple[F32, F32]:
    """Return x and y in ref where the rays of the coarse pixel grid meet the surface (fixed-point iteration)."""
    g = ground(scene.seed)
    T_ref_cam = se3.inverse(T_cam_ref)
    rays = _rays(scene) @ T_ref_cam[:3, :3].T.astype(np.float32)
    eye = T_ref_cam[:3, 3].astype(np.float32)
    z = np.zeros(rays.shape[:2], dtype=np.float32)
    slope_x, slope_y = rays[..., 0] / rays[..., 2], rays[..., 1] / rays[..., 2]
    for _ in range(7):
        x, y = eye[0] + (z - eye[2]) * slope_x, eye[1] + (z - eye[2]) * slope_y
        column, row = g.texel(x, y, 0.25)
        z = np.asarray(cv2.remap(g.height_m, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32)
    return eye[0] + (z - eye[2]) * slope_x, eye[1] + (z - eye[2]) * slope_y


@lru_cache(maxsize=4)
def _rays(scene: Scene) -> F32:
    K = scene.camera.K
    u = (np.arange(-1, -(-scene.width_px // CELL_PX) + 1) + 0.5) * CELL_PX - 0.5
    v = (np.arange(-1, -(-scene.height_px // CELL_PX) + 1) + 0.5) * CELL_PX - 0.5
    uu, vv = np.meshgrid(u, v)
    x, y = (uu - K[0, 2]) / K[0, 0], (vv - K[1, 2]) / K[1, 1]
    return np.stack([x, y, np.ones_like(x)], axis=-1).astype(np.float32)


@lru_cache(maxsize=4)
def _plate(board_name: str) -> U8:
    board = {b.name: b for b in (REFERENCE_BOARD, POINTER_BOARD)}[board_name]
    return plate_texture(board)


def _draw_plate(image: U8, scene: Scene, T_cam_board: F64, board: MarkerBoard, thick_m: float) -> None:
    w, h = plate_size_m(board) / 2
    rim = np.array([[-w, h, 0], [w, h, 0], [w, -h, 0], [-w, -h, 0]])
    under = project(scene.camera, se3.transform(T_cam_board, rim - [0, 0, thick_m]))
    top = project(scene.camera, se3.transform(T_cam_board, rim))
    _fill(image, _hull(np.concatenate([under, top])), (58, 56, 52))
    _paste(image, scene, T_cam_board, _plate(board.name), 2 * np.array([w, h]))


def _paste(image: U8, scene: Scene, T_cam_plane: F64, texture: U8, size_m: F64) -> None:
    """Draw a texture that covers a rectangle of ``size_m`` centred on a frame's origin, x right, y up."""
    w, h = size_m / 2
    rim = np.array([[-w, h, 0], [w, h, 0], [w, -h, 0], [-w, -h, 0]])
    outline = project(scene.camera, se3.transform(T_cam_plane, rim))
    box = _box(image, outline)
    if box is None or not np.isfinite(outline).all():
        return
    u0, v0, u1, v1 = box
    plane_texel = np.array([[size_m[0] / texture.shape[1], 0, -w], [0, -size_m[1] / texture.shape[0], h], [0, 0, 1.0]])
    plane_texel = plane_texel @ np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    s = SUPERSAMPLE
    fine_image = np.array([[s, 0, s * (0.5 - u0) - 0.5], [0, s, s * (0.5 - v0) - 0.5], [0, 0, 1.0]])
    M = fine_image @ scene.camera.K @ T_cam_plane[:3, [0, 1, 3]] @ plane_texel
    fine = cv2.warpPerspective(
        texture, M, (s * (u1 - u0), s * (v1 - v0)), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    over = cv2.resize(fine, (u1 - u0, v1 - v0), interpolation=cv2.INTER_AREA)
    if over.ndim == 2:
        over = cv2.cvtColor(over, cv2.COLOR_GRAY2BGR)
    _blend(image[v0:v1, u0:u1], np.asarray(over, dtype=np.uint8), outline - [u0, v0])


def _box(image: U8, outline: F64, margin: int = 1) -> tuple[int, int, int, int] | None:
    """Return the pixel box (u0, v0, u1, v1) around an outline, clipped to the picture; None where nothing is left."""
    if not np.isfinite(outline).all():
        return None
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - margin, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + margin + 1, [image.shape[1], image.shape[0]])
    return (int(low[0]), int(low[1]), int(high[0]), int(high[1])) if (high > low).all() else None


def _hull(points: F64) -> F64:
    if not np.isfinite(points).all():
        return points
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], dtype=np.float64)


def _fill(image: U8, outline: F64, bgr: tuple[float, float, float]) -> None:
    if np.isfinite(outline).all() and np.abs(outline).max() < 1e5:
        cv2.fillConvexPoly(image, np.round(outline * 16).astype(np.int32), bgr, cv2.LINE_AA, 4)


def _blend(region: U8, over: U8, outline: F64) -> None:
    mask = np.zeros(region.shape[:2], dtype=np.uint8)
    _fill(mask, outline, (255, 255, 255))
    weight = mask.astype(np.float32) / 255
    region[:] = cv2.blendLinear(np.ascontiguousarray(region), over, 1 - weight, weight)


@lru_cache(maxsize=2)
def _cloth(seed: int) -> tuple[U8, F64]:
    size = plate_size_m(REFERENCE_BOARD) + 0.03
    return cloth_texture(seed, size), size


def _draw_cloth(image: U8, scene: Scene, T_cam_ref: F64, t_s: float) -> None:
    """Draw the cloth where it lies: it slides in just before a drop-out and away just after."""
    away = min((max(a - t_s, t_s - b, 0.0) for a, b in scene.dropouts_s), default=np.inf) / SLIDE_S
    if away >= 1.0:
        return
    texture, size = _cloth(scene.seed)
    T = T_cam_ref @ se3.compose(se3.from_rotvec([0, 0, 0.06]), [-0.26 * away, 0.02 * away, 0.010])
    _paste(image, scene, T, texture, size)


def _draw_pointer(image: U8, scene: Scene, T_cam_ref: F64, T_ref_tool: F64) -> None:
    tip, head = se3.transform(T_ref_tool, np.array([scene.p_tool_tip, [0.0, 0.0, -0.004]]))
    _draw_shadow(image, scene, T_cam_ref, tip, head, T_ref_tool)
    along = head - tip
    neck = tip + NECK * along
    _draw_rod(image, scene, T_cam_ref, (tip, neck), (POINT_RADIUS_M, ROD_RADIUS_M))
    _draw_rod(image, scene, T_cam_ref, (neck, head), (ROD_RADIUS_M, ROD_RADIUS_M))
    _draw_rod(image, scene, T_cam_ref, (tip + GRIP[0] * along, tip + GRIP[1] * along), (GRIP_RADIUS_M, GRIP_RADIUS_M), 0.42)
    _draw_plate(image, scene, T_cam_ref @ T_ref_tool, POINTER_BOARD, 0.004)


def _draw_rod(
    image: U8, scene: Scene, T_cam_ref: F64, ends_ref: tuple[F64, F64], radii_m: tuple[float, float], bright: float = 1.0
) -> None:
    """Draw a shaded cylinder or cone as strips along its length, the lit side to the left."""
    ends = se3.transform(T_cam_ref, np.array(ends_ref))
    uv = project(scene.camera, ends)
    along = uv[1] - uv[0]
    if not np.isfinite(uv).all() or np.linalg.norm(along) < 1:
        return
    side = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    side *= np.sign(side @ [-0.6, -0.8]) or 1.0
    half = np.array(radii_m) * scene.camera.K[0, 0] / ends[:, 2]
    for low, high, grey in ((-1, 1, 70), (-0.62, 0.95, 128), (-0.2, 0.85, 172), (0.25, 0.68, 232)):
        strip = [uv[0] + side * half[0] * low, uv[0] + side * half[0] * high]
        strip += [uv[1] + side * half[1] * high, uv[1] + side * half[1] * low]
        g = grey * bright
        _fill(image, np.array(strip), (min(255.0, g * 1.02), g, g * 0.97))


def _draw_shadow(image: U8, scene: Scene, T_cam_ref: F64, tip: F64, head: F64, T_ref_tool: F64) -> None:
    w, h = plate_size_m(POINTER_BOARD) / 2
    rim = se3.transform(T_ref_tool, np.array([[-w, h, 0], [w, h, 0], [w, -h, 0], [-w, -h, 0]]))
    points = _cast(np.concatenate([[tip, head], rim]))
    uv = project(scene.camera, se3.transform(T_cam_ref, points))
    box = _box(image, uv, 8)
    if box is None:
        return
    u0, v0, u1, v1 = box
    mask = np.zeros((v1 - v0, u1 - u0), dtype=np.uint8)
    rod = np.round((uv[:2] - [u0, v0]) * 16).astype(np.int32)
    cv2.line(mask, tuple(rod[0].tolist()), tuple(rod[1].tolist()), 120, 5, cv2.LINE_AA, 4)
    _fill(mask, _hull(uv[2:] - [u0, v0]), (120, 120, 120))
    light = cv2.cvtColor(255 - cv2.blur(mask, (9, 9)), cv2.COLOR_GRAY2BGR)
    region = image[v0:v1, u0:u1]
    region[:] = cv2.multiply(region, light, scale=1 / 255)


def _cast(points: F64) -> F64:
    """Return where the light throws points (N, 3) of ref on the surface."""
    out = points.copy()
    for _ in range(4):
        drop = points[:, 2] - surface_height_m(out[:, 0], out[:, 1])
        out[:, :2] = points[:, :2] - np.maximum(drop, 0)[:, None] * (LIGHT[:2] / LIGHT[2])
    out[:, 2] = surface_height_m(out[:, 0], out[:, 1])
    return out


@lru_cache(maxsize=4)
def _noise_field(scene: Scene) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    rng = np.random.default_rng(scene.seed)
    shape = (scene.height_px + 128, scene.width_px + 128, 3)
    grain = rng.standard_normal(shape, dtype=np.float32) + 0.6 * rng.standard_normal((*shape[:2], 1), dtype=np.float32)
    return np.asarray(np.round(grain * scene.noise_grey), dtype=np.int16)


def _add_noise(image: U8, scene: Scene, t_s: float) -> U8:
    if scene.noise_grey <= 0:
        return image
    field = _noise_field(scene)
    offset = np.random.default_rng([scene.seed, abs(round(t_s * 1e6))]).integers(0, 128, 2)
    crop = field[offset[0] : offset[0] + scene.height_px, offset[1] : offset[1] + scene.width_px]
    return np.asarray(cv2.add(image, crop, dtype=cv2.CV_8U), dtype=np.uint8)
