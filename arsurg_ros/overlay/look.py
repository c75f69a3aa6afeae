# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A scene's look in one frame: how deep the anatomy lies, where the see-through window is."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.overlay.structures import Scene, SceneWindow
from arsurg_ros.types import F64, U8, CameraModel, Look, Mesh, Window

NEAREST_M = 1e-3
#: Least and largest x, y, z (2, 3) of a mesh, in its own frame.
Box = F64


def box_of(mesh: Mesh) -> Box:
    """Return a mesh's box; of none the origin."""
    points = mesh.vertices_m if len(mesh.vertices_m) else np.zeros((1, 3), np.float32)
    return np.stack([points.min(axis=0), points.max(axis=0)]).astype(np.float64)


def depth_range_m(box: Box, grown_m: float, T_cam_mesh: F64) -> tuple[float, float] | None:
    """Return the least and largest z in the camera of a box, grown all around; None where all of it is behind the camera."""
    z = se3.transform(T_cam_mesh, _corners(box, grown_m))[:, 2]
    return None if z.max() <= NEAREST_M else (max(float(z.min()), NEAREST_M), float(z.max()))


def frame_look(
    scene: Scene,
    boxes: Mapping[str, Box],
    camera: CameraModel,
    T_cam_ct: F64,
    *,
    T_cam_tip: F64 | None = None,
    mask: U8 | None = None,
) -> Look:
    """Return how a frame is drawn; ``boxes`` are the structures' by name, ``T_cam_ct`` (4, 4), and where tracked ``T_cam_tip``.

    Depth runs over the visible structures' boxes; without any it is not shown. The window is left out where its middle is
    behind the camera or, about the tip, where that is not tracked.
    """
    visible = [a for a in scene.anatomies if a.style.visible]
    depths = [z for a in visible if (z := depth_range_m(boxes[a.name], a.style.inflate_m, T_cam_ct)) is not None]
    if not depths:
        return Look(mask=mask)
    near, far = min(z[0] for z in depths), max(z[1] for z in depths)
    window = None
    if scene.look.window is not None:
        middle = _middle(scene.look.window, boxes, T_cam_ct, T_cam_tip, (near + far) / 2)
        window = _window(scene.look.window, camera, middle) if middle is not None and middle[2] > NEAREST_M else None
    return Look(scene.look.depth_cue, near, max(far, near + NEAREST_M), window, mask)


def _middle(
    window: SceneWindow, boxes: Mapping[str, Box], T_cam_ct: F64, T_cam_tip: F64 | None, depth_m: float
) -> F64 | None:
    """Return the window's middle (3,) in the camera's frame; x and y NaN for the picture's centre."""
    if window.around == 'tip':
        return None if T_cam_tip is None else np.asarray(T_cam_tip[:3, 3])
    if window.around == 'centre':
        return np.array([np.nan, np.nan, depth_m])
    return np.asarray(se3.transform(T_cam_ct, boxes[window.around].mean(axis=0)))


def _window(window: SceneWindow, camera: CameraModel, middle: F64) -> Window | None:
    if np.isnan(middle[0]):
        u, v = (camera.width_px - 1) / 2, (camera.height_px - 1) / 2
    else:
        u, v = project(camera, middle[None])[0].tolist()
    if not np.isfinite([u, v]).all():
        return None
    radius_px = float(camera.K[0, 0] * window.radius_m / middle[2])
    return Window(u, v, radius_px, window.rim * radius_px, window.keep)


def _corners(box: Box, grown_m: float) -> F64:
    return np.array(list(itertools.product(*zip(box[0] - grown_m, box[1] + grown_m, strict=True))))
