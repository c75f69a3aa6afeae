# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Planned trajectories and landmarks as marks: what lies behind anatomy is dashed or dimmer, never left out."""

from __future__ import annotations

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.kernels.mark_types import HALO
from arsurg_ros.kernels.marks import Disc, Mark, Plate, Polyline, Text, text_size
from arsurg_ros.overlay.draw import KEEP, WHITE, Rgb, em_px, scale_of, shown
from arsurg_ros.overlay.lines import BEHIND_M, BLACK, HIDDEN_ALPHA, LineStyle, projected_line, seen_px
from arsurg_ros.overlay.structures import Landmark, Scene, Trajectory
from arsurg_ros.overlay.style import for_height
from arsurg_ros.types import F32, F64, CameraModel

#: In pixels of a picture of 480 lines: the halo, a point's least and largest radius, the gap before a name.
HALO_PX, LEAST_RADIUS, MOST_RADIUS, GAP = 1.0, 3.0, 24.0, 5.0
NAME_SIZE = 0.85


def guide_marks(scene: Scene, camera: CameraModel, T_cam_ct: F64, depth_m: F32) -> tuple[Mark, ...]:
    """Return the visible trajectories and landmarks of a scene; ``depth_m`` (H, W) is the anatomy's, inf where none is."""
    marks: list[Mark] = []
    for trajectory in scene.trajectories:
        if trajectory.style.visible:
            marks += _path(trajectory, camera, T_cam_ct, depth_m)
    for landmark in scene.landmarks:
        if landmark.style.visible:
            marks += _point(landmark, camera, T_cam_ct, depth_m)
    return tuple(marks)


def _path(trajectory: Trajectory, camera: CameraModel, T_cam_ct: F64, depth_m: F32) -> list[Mark]:
    """Return the line, a ring at the entry and a dot at the target, and the name at the entry."""
    s, style = scale_of(camera.height_px), for_height(trajectory.style, camera.height_px)
    points = se3.transform(T_cam_ct, trajectory.points_ct_m)
    dash = 3.0 * style.width_px
    line = LineStyle(style.rgb, style.width_px, HALO_PX * s, (dash, dash))
    marks = list(projected_line(camera, points, line, depth_m))
    ends = seen_px(camera, points[[0, -1]])
    radius = 1.5 * style.width_px + LEAST_RADIUS * s
    if _near(ends[0], camera):
        around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ring = ends[0] + radius * np.stack([np.cos(around), np.sin(around)], axis=1)
        marks.append(Polyline(ring, style.rgb, style.width_px, HALO_PX * s, closed=True))
        # On the side away from the path, and so from what it leads to.
        marks += _name(trajectory.name, ends[0], radius, camera, left=bool(ends[1, 0] > ends[0, 0]))
    if _near(ends[1], camera):
        marks += _dot(ends[1], 0.6 * radius, style.rgb, 1.0, s)
    return marks


def _point(landmark: Landmark, camera: CameraModel, T_cam_ct: F64, depth_m: F32) -> list[Mark]:
    p_cam = se3.transform(T_cam_ct, landmark.p_ct_m)
    uv = seen_px(camera, p_cam[None])[0]
    if not _near(uv, camera):
        return []
    s = scale_of(camera.height_px)
    radius = float(np.clip(camera.K[0, 0] * landmark.radius_m / p_cam[2], LEAST_RADIUS * s, MOST_RADIUS * s))
    alpha = HIDDEN_ALPHA if _behind(uv, float(p_cam[2]), depth_m) else 1.0
    marks = _dot(uv, radius, landmark.style.rgb, alpha, s)
    return marks + (_name(landmark.name, uv, radius, camera) if landmark.label else [])


def _dot(uv: F64, radius: float, rgb: Rgb, alpha: float, s: float) -> list[Mark]:
    centre = (float(uv[0]), float(uv[1]))
    return [Disc(centre, radius + HALO_PX * s, BLACK, alpha * HALO), Disc(centre, radius, rgb, alpha)]


def _name(name: str, uv: F64, radius: float, camera: CameraModel, *, left: bool = False) -> list[Mark]:
    """Return a name to the right, or ``left``, of a point, on a plate."""
    s, em = scale_of(camera.height_px), NAME_SIZE * em_px(camera.height_px)
    size = text_size(shown(name), em)
    away = radius + GAP * s
    x = float(uv[0]) + (-away - size.width_px if left else away)
    baseline = float(uv[1]) + size.capital_px / 2
    pad = 0.3 * em
    plate = Plate(x - pad, baseline - size.capital_px - pad, x + size.width_px + pad, baseline + pad, KEEP, pad)
    return [plate, Text(x, baseline, shown(name), WHITE, em)]


def _near(uv: F64, camera: CameraModel) -> bool:
    """Tell whether a pixel lies in the picture."""
    return bool(np.isfinite(uv).all() and (uv >= 0).all() and uv[0] < camera.width_px and uv[1] < camera.height_px)


def _behind(uv: F64, z_m: float, depth_m: F32) -> bool:
    height, width = depth_m.shape
    x, y = min(round(float(uv[0])), width - 1), min(round(float(uv[1])), height - 1)
    return bool(z_m > depth_m[y, x] + BEHIND_M)
