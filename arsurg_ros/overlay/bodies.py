# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What of a scene the rasteriser draws: the anatomy, a shell of the expected error around each target, instruments.

An instrument is there twice: once as what nothing is drawn over, and once for its outline, whose outer half then shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from arsurg_ros.geometry import se3
from arsurg_ros.overlay.budget import Detail
from arsurg_ros.overlay.look import nearest_depths_m
from arsurg_ros.overlay.readouts import Readouts, error_margin_m
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.overlay.structures import Anatomy, Scene
from arsurg_ros.overlay.style import Role, for_height
from arsurg_ros.types import F64, Mesh, MeshStyle

#: The shell of a target's 95 % margin: no fill, a thin broken line.
SHELL_OUTLINE, SHELL_LINE_PX = 0.9, 2.0
#: A wider shell says nothing, and one narrower in the picture than so many of its lines runs into the target's outline.
WIDEST_SHELL_M, NARROWEST_SHELL_LINES = 0.1, 2.0


@dataclass(frozen=True)
class Placed:
    """The rows of one frame, in the order of ``Bodies.meshes``; ``near_m`` are the depths that ``FrameBudget.choose`` takes."""

    poses: list[F64]
    styles: list[MeshStyle]
    near_m: list[float | None]


class Bodies:
    """A scene's meshes in the rasteriser's order: anatomies (margins among them), targets' shells, instruments twice."""

    def __init__(self, scene: Scene) -> None:
        """List them; a shell has the triangles of its target."""
        self._targets = [k for k, a in enumerate(scene.anatomies) if a.role is Role.TARGET]
        shells = [scene.anatomies[k] for k in self._targets]
        self.meshes: list[Mesh] = [
            *scene.meshes,
            *(replace(a.mesh, name=f'{a.name} error') for a in shells),
            *(i.mesh for i in scene.instruments),
            *(replace(i.mesh, name=f'{i.name} outline') for i in scene.instruments),
        ]
        whole = 2 * [Detail((len(i.mesh.triangles),), (0.0,)) for i in scene.instruments]
        self.levels: list[list[Mesh]] = [*scene.levels, *(scene.levels[k] for k in self._targets), *([] for _ in whole)]
        self.details: list[Detail] = [*scene.details, *(scene.details[k] for k in self._targets), *whole]

    def placed(
        self, shown: Scene, height_px: int, focal_px: float, T_cam_ct: F64, state: OverlayState, readouts: Readouts
    ) -> Placed:
        """Return the frame's rows for the scene as it is shown; a predicted pose's lines are all broken."""
        near = nearest_depths_m(shown, T_cam_ct)
        anatomies = [for_height(a.style, height_px) for a in shown.anatomies]
        shells = [self._shell(shown.anatomies[k], height_px, focal_px, near[k], readouts) for k in self._targets]
        instruments = 2 * [self._instrument_pose(i.name, i.frame, readouts) for i in shown.instruments]
        lines = [for_height(i.style, height_px) for i in shown.instruments]
        lines = [replace(style, visible=style.visible and T is not None) for style, T in zip(lines, instruments, strict=False)]
        styles = [*anatomies, *shells]
        if state is OverlayState.PREDICTED:
            styles = [replace(style, dashed=True) for style in styles]
        styles += [replace(style, occluder=True) for style in lines] + [replace(style, solid=False) for style in lines]
        poses = [T_cam_ct] * (len(anatomies) + len(shells)) + [T_cam_ct if T is None else T for T in instruments]
        near += [near[k] for k in self._targets] + [None] * len(instruments)
        return Placed(poses, styles, near)

    @staticmethod
    def _shell(
        target: Anatomy, height_px: int, focal_px: float, near_m: float | None, readouts: Readouts
    ) -> MeshStyle:
        """Return the style; invisible where the margin cannot be shown as a shell: the number is said all the same."""
        margin_m = error_margin_m(target.name, readouts.margins) or 0.0
        margin_m = margin_m if 0 < margin_m <= WIDEST_SHELL_M else 0.0  # False for NaN
        style = MeshStyle(
            target.style.rgb,
            fill=0.0,
            outline=SHELL_OUTLINE,
            visible=target.style.visible and near_m is not None and margin_m > 0,
            width_px=SHELL_LINE_PX,
            dashed=True,
            inflate_m=margin_m,
            solid=False,
        )
        style = for_height(style, height_px)
        wide = near_m is not None and margin_m * focal_px / near_m >= NARROWEST_SHELL_LINES * style.width_px
        return replace(style, visible=style.visible and wide)

    @staticmethod
    def _instrument_pose(name: str, frame: str, readouts: Readouts) -> F64 | None:
        T = readouts.T_cam_instruments.get(name) if frame else readouts.T_cam_tip
        return T if T is not None and se3.is_rigid(T) else None

