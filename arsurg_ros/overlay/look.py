# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A scene's look in one frame: how deep the anatomy lies, where the see-through window is."""

from __future__ import annotations

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.overlay.lines import seen_px
from arsurg_ros.overlay.structures import Scene, SceneWindow
from arsurg_ros.types import F64, U8, CameraModel, Look, Window

NEAREST_M = 1e-3


def frame_look(
    scene: Scene, camera: CameraModel, T_cam_ct: F64, *, T_cam_tip: F64 | None = None, mask: U8 | None = None
) -> Look:
    """Return how a frame is drawn; ``T_cam_ct`` (4, 4), metres, and where it is tracked ``T_cam_tip``.

    Depth runs over the visible structures' boxes; without any it is not shown. The window is left out where its middle is
    behind the camera or far beside the picture or, about the tip, where that is not tracked.
    """
    depths = [z for z in depth_ranges_m(scene, T_cam_ct) if z is not None]
    window = None if scene.look.window is None else _window(scene, scene.look.window, camera, T_cam_ct, T_cam_tip)
    if not depths:
        return Look(window=window, mask=mask)
    near, far = min(z[0] for z in depths), max(z[1] for z in depths)
    return Look(scene.look.depth_cue, near, max(far, near + NEAREST_M), window, mask)


def depth_ranges_m(scene: Scene, T_cam_ct: F64) -> list[tuple[float, float] | None]:
    """Return the least and largest z of each structure's box in the camera, its margin included.

    None where it is hidden, or all of it behind the camera.
    """
    z = scene.boxes_ct_m @ T_cam_ct[2, :3] + T_cam_ct[2, 3]
    ranges = zip(np.maximum(z.min(axis=1), NEAREST_M).tolist(), z.max(axis=1).tolist(), strict=True)
    shown = (a.style.visible for a in scene.anatomies)
    return [(low, high) if visible and high > NEAREST_M else None for (low, high), visible in zip(ranges, shown, strict=True)]


def nearest_depths_m(scene: Scene, T_cam_ct: F64) -> list[float | None]:
    """Return how deep each structure's box begins, as ``FrameBudget.choose`` takes it: None where it is hidden or behind."""
    return [None if z is None else z[0] for z in depth_ranges_m(scene, T_cam_ct)]


def _window(scene: Scene, window: SceneWindow, camera: CameraModel, T_cam_ct: F64, T_cam_tip: F64 | None) -> Window | None:
    if window.around == 'centre':
        depths = [z for z in nearest_depths_m(scene, T_cam_ct) if z is not None]
        return _placed(window, camera, (camera.width_px - 1) / 2, (camera.height_px - 1) / 2, min(depths)) if depths else None
    if window.around == 'tip':
        if T_cam_tip is None:
            return None
        p_cam = T_cam_tip[:3, 3]
    else:
        box = next(a.box_ct_m for a in scene.anatomies if a.name == window.around)
        p_cam = se3.transform(T_cam_ct, box.mean(axis=0))
    u, v = seen_px(camera, p_cam[None])[0].tolist()
    return _placed(window, camera, u, v, float(p_cam[2])) if np.isfinite([u, v]).all() else None


def _placed(window: SceneWindow, camera: CameraModel, u: float, v: float, depth_m: float) -> Window:
    radius_px = float(camera.K[0, 0] * window.radius_m / depth_m)
    return Window(u, v, radius_px, window.rim * radius_px, window.keep)
