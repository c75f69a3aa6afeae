# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ``arsurg render`` says of a frame."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np

from arsurg_ros.commands.common import Lengths, with_warnings
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.overlay.scene import Anatomy, Scene
from arsurg_ros.types import F32, F64, U8, CameraModel

# What is nearer is not drawn.
NEAR_M = 1e-3
#: Where a mesh without a pixel of its own is -> in words.
PLACES = {
    'hidden': 'it is in the picture, but behind or inside of others, or smaller than a pixel',
    'outside': 'it is in front of the camera, but outside of the picture',
    'behind': 'it is behind the camera: is the pose T_cam_ct, or its inverse (--invert-pose), and in the unit of --units?',
}


@dataclass(frozen=True)
class Drawn:
    """A frame: ``image`` (H, W, 3) bgr8, ``depth_m`` (H, W) float32 (inf: nothing), ``ids`` (H, W), 0 for nothing."""

    image: U8
    depth_m: F32
    ids: U8
    kernel_ms: float


@dataclass(frozen=True)
class Shown:
    """A mesh in a frame: in how many ``pixels`` it is the nearest, and its ``place``: drawn, invisible or one of PLACES."""

    anatomy: Anatomy
    pixels: int
    place: str


def look(anatomy: Anatomy, number: int, ids: U8, camera: CameraModel, T_cam_ct: F64) -> Shown:
    """Return where a mesh is in a frame; ``number`` is its id."""
    pixels = int(np.count_nonzero(ids == number))
    if pixels or not anatomy.style.visible:
        return Shown(anatomy, pixels, 'drawn' if pixels else 'invisible')
    p_cam = se3.transform(T_cam_ct, anatomy.mesh.vertices_m.astype(np.float64))
    in_front = p_cam[:, 2] > NEAR_M
    if not in_front.any():
        return Shown(anatomy, 0, 'behind')
    uv = project(camera, p_cam[in_front])
    inside = ((uv > -0.5) & (uv < np.array([camera.width_px, camera.height_px]) - 0.5)).all(axis=1)
    in_picture = 'hidden' if anatomy.style.solid else 'drawn'  # a shell has no pixel of its own
    return Shown(anatomy, 0, in_picture if inside.any() else 'outside')


def as_answer(
    camera: CameraModel, T_cam_ct: F64, drawn: Drawn, shown: list[Shown], scene: Scene, unit: Lengths
) -> dict[str, Any]:
    """Return the fields of the JSON object."""
    covered = int(np.count_nonzero(drawn.ids))
    depth_m = drawn.depth_m[np.isfinite(drawn.depth_m)].astype(np.float64)
    return {
        'T': unit.T(T_cam_ct),
        'width': camera.width_px,
        'height': camera.height_px,
        'K': camera.K,
        'distortion': camera.distortion,
        'distortion_model': camera.distortion_model,
        'meshes': [
            {
                'name': s.anatomy.mesh.name,
                'role': s.anatomy.role.value,
                'id': k + 1,
                'triangles': len(s.anatomy.mesh.triangles),
                'pixels': s.pixels,
                'place': s.place,
            }
            for k, s in enumerate(shown)
        ],
        'triangles': sum(len(s.anatomy.mesh.triangles) for s in shown if s.anatomy.style.visible),
        'covered_px': covered,
        'covered': covered / drawn.ids.size,
        'depth_min': unit.p(depth_m.min(keepdims=True))[0] if len(depth_m) else None,
        'depth_max': unit.p(depth_m.max(keepdims=True))[0] if len(depth_m) else None,
        'kernel_ms': drawn.kernel_ms,
        'warnings': warnings(shown, scene, covered),
    }


def warnings(shown: list[Shown], scene: Scene, covered: int) -> list[str]:
    """Return what a user should know of a picture, the worst first."""
    out = [] if covered else ['no anatomy is in the picture']
    for s in shown:
        if s.place in PLACES and not (covered and s.place == 'hidden'):
            out.append(f'{s.anatomy.mesh.name}: {PLACES[s.place]}')
    others = {'landmarks': scene.landmarks, 'trajectories': scene.trajectories, 'instruments': scene.instruments}
    if left_out := [f'{name} ({len(things)})' for name, things in others.items() if things]:
        out.append(f'meshes alone are drawn: of this scene not {", ".join(left_out)}')
    return [*out, *scene.warnings]


def as_text(answer: dict[str, Any], args: argparse.Namespace) -> str:
    """Return the answer as lines."""
    meshes = answer['meshes']
    size = f'{answer["width"]}x{answer["height"]} px'
    count = f'{len(meshes)} mesh{"es" if len(meshes) > 1 else ""}, {answer["triangles"]} triangles'
    span = 'no depth'
    if answer['covered_px']:
        digits = 1 if args.units == 'mm' else 4
        span = f'depth {answer["depth_min"]:.{digits}f} to {answer["depth_max"]:.{digits}f} {args.units}'
    covered = f'{answer["covered_px"]} px covered ({100 * answer["covered"]:.1f} %)'
    lines = [
        f'{size}, {count}: {covered}, {span}, {args.backend} {answer["kernel_ms"]:.1f} ms',
        f'written: {", ".join(answer["written"])}',
    ]
    return with_warnings(lines, answer['warnings'])
