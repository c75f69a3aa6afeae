# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ``arsurg render`` says of a frame."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np

from arsurg_ros.commands.common import MM_PER_M, Lengths, with_warnings
from arsurg_ros.commands.render_inputs import Asked
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.overlay.distance import StructureDistance
from arsurg_ros.overlay.readouts import Margins, error_margin_m
from arsurg_ros.overlay.render import RenderedOverlay
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
    """A frame; ``depth_m`` (H, W) float32 (inf: nothing), ``ids`` (H, W), 0 for nothing, of the structures without shells."""

    overlay: RenderedOverlay
    depth_m: F32
    ids: U8


@dataclass(frozen=True)
class Shown:
    """A mesh in a frame: in how many ``pixels`` it is the nearest.

    Its ``place`` is drawn, invisible, withheld (by the state) or one of PLACES.
    """

    anatomy: Anatomy
    pixels: int
    place: str


def look(anatomy: Anatomy, number: int, drawn: Drawn, camera: CameraModel, T_cam_ct: F64) -> Shown:
    """Return where a mesh is in a frame; ``number`` is its id."""
    pixels = int(np.count_nonzero(drawn.ids == number))
    if pixels or not anatomy.style.visible:
        return Shown(anatomy, pixels, 'drawn' if pixels else 'invisible')
    if not drawn.overlay.state.draws:
        return Shown(anatomy, 0, 'withheld')
    p_cam = se3.transform(T_cam_ct, anatomy.mesh.vertices_m.astype(np.float64))
    in_front = p_cam[:, 2] > NEAR_M
    if not in_front.any():
        return Shown(anatomy, 0, 'behind')
    uv = project(camera, p_cam[in_front])
    inside = ((uv > -0.5) & (uv < np.array([camera.width_px, camera.height_px]) - 0.5)).all(axis=1)
    return Shown(anatomy, 0, 'hidden' if inside.any() else 'outside')


def as_answer(camera: CameraModel, T_cam_ct: F64, drawn: Drawn, asked: Asked, scene: Scene, unit: Lengths) -> dict[str, Any]:
    """Return the fields of the JSON object."""
    out, viewed = drawn.overlay, asked.view.applied(scene)
    structures = [a for a in viewed.anatomies if not a.margin_of]  # margins come last, so that ids stay
    shown = [look(a, k + 1, drawn, camera, T_cam_ct) for k, a in enumerate(structures)]
    covered = int(np.count_nonzero(drawn.ids))
    depth_m = drawn.depth_m[np.isfinite(drawn.depth_m)].astype(np.float64)
    return {
        'T': unit.T(T_cam_ct),
        'width': camera.width_px,
        'height': camera.height_px,
        'K': camera.K,
        'distortion': camera.distortion,
        'distortion_model': camera.distortion_model,
        'state': out.state.value,
        'reason': out.reason,
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
        'tip_drawn': out.tip_drawn,
        'distances': [_distance(d, asked.readouts.margins, unit) for d in out.distances],
        'kernel_ms': out.kernel_ms if out.drawn else None,
        'warnings': [*warnings(shown, out, covered), *unplaced(viewed, asked, out), *scene.warnings],
    }


def _distance(found: StructureDistance, margins: Margins, unit: Lengths) -> dict[str, Any]:
    margin_m = error_margin_m(found.name, margins)
    return {
        'name': found.name,
        'role': found.role.value,
        'distance_mm': MM_PER_M * found.distance_m,
        'inside': found.inside,
        'closest': unit.p(found.closest_ct_m),
        'margin95_mm': None if margin_m is None else MM_PER_M * margin_m,
    }


def warnings(shown: list[Shown], out: RenderedOverlay, covered: int) -> list[str]:
    """Return what a user should know of a picture's anatomy, the worst first."""
    found = ['no anatomy is in the picture'] if out.drawn and not covered else []
    for s in shown:
        if s.place in PLACES and not (covered and s.place == 'hidden'):
            found.append(f'{s.anatomy.mesh.name}: {PLACES[s.place]}')
    return found


def unplaced(viewed: Scene, asked: Asked, out: RenderedOverlay) -> list[str]:
    """Return what else would be in the picture, were it told where."""
    readouts = asked.readouts
    found = ['--tip: the tip is not in the picture'] if readouts.T_cam_tip is not None and not out.tip_drawn else []
    for i in viewed.instruments:
        if i.style.visible and (i.name not in readouts.T_cam_instruments if i.frame else readouts.T_cam_tip is None):
            found.append(f'instrument {i.name} is not drawn: where it is, --tip {i.name + "=" if i.frame else ""}T says')
    window = viewed.look.window
    if window is not None and window.around == 'tip' and readouts.T_cam_tip is None:
        found.append('the window about the tip is not drawn: where that is, --tip T says')
    return found


def as_text(answer: dict[str, Any], args: argparse.Namespace) -> str:
    """Return the answer as lines."""
    lines = [_summary(answer, args)]
    if answer['distances']:
        lines.append(f'tip to {", ".join(map(_distance_text, answer["distances"]))}')
    lines.append(f'written: {", ".join(answer["written"])}')
    return with_warnings(lines, answer['warnings'])


def _summary(answer: dict[str, Any], args: argparse.Namespace) -> str:
    meshes = answer['meshes']
    size = f'{answer["width"]}x{answer["height"]} px'
    if answer['kernel_ms'] is None:
        return f'{size}, {answer["state"]}: a state without anatomy'
    count = f'{len(meshes)} mesh{"es" if len(meshes) > 1 else ""}, {answer["triangles"]} triangles'
    span = 'no depth'
    if answer['covered_px']:
        digits = 1 if args.units == 'mm' else 4
        span = f'depth {answer["depth_min"]:.{digits}f} to {answer["depth_max"]:.{digits}f} {args.units}'
    covered = f'{answer["covered_px"]} px covered ({100 * answer["covered"]:.1f} %)'
    return f'{size}, {count}: {covered}, {span}, {args.backend} {answer["kernel_ms"]:.1f} ms'


def _distance_text(found: dict[str, Any]) -> str:
    margin = '' if found['margin95_mm'] is None else f' ± {found["margin95_mm"]:.1f}'
    return f'{found["name"]} {"inside " if found["inside"] else ""}{found["distance_mm"]:.1f} mm{margin}'
