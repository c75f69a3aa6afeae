# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a scene is made of: anatomy with its margins, landmarks, planned trajectories, instruments. In ct, metres."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.overlay.budget import Detail
from arsurg_ros.overlay.levels import Level
from arsurg_ros.overlay.style import Role
from arsurg_ros.types import F64, Mesh, MeshStyle

# The rasteriser's ids are 8 bit, 0 for nothing.
MOST_MESHES = 254
LANDMARK_RADIUS_M = 0.0015


@dataclass(frozen=True)
class MeshSource:
    """The file that a mesh was read from, as it is, and the unit of its coordinates."""

    path: Path
    unit: str


@dataclass(frozen=True)
class Anatomy:
    """One structure: its mesh in ct, how it is drawn, what it means.

    ``levels`` are the mesh itself and coarser ones, none where they were not built. A safety margin is a structure of its
    own, role margin, with the mesh of ``margin_of`` and a style that inflates it.
    """

    mesh: Mesh
    style: MeshStyle
    role: Role = Role.CONTEXT
    levels: tuple[Level, ...] = ()
    margin_of: str = ''
    source: MeshSource | None = None

    @property
    def name(self) -> str:
        """The mesh's name."""
        return self.mesh.name

    @cached_property
    def box_ct_m(self) -> F64:
        """The corners (8, 3) of the box around it, a margin's shell included."""
        grown_m = self.style.inflate_m
        low, high = self.mesh.vertices_m.min(axis=0) - grown_m, self.mesh.vertices_m.max(axis=0) + grown_m
        return np.array(list(itertools.product(*zip(low, high, strict=True))), dtype=np.float64)


@dataclass(frozen=True)
class Landmark:
    """A point (3,) in ct, metres; a point is drawn in the style's colour, with its name where ``label``."""

    name: str
    p_ct_m: F64
    style: MeshStyle
    radius_m: float = LANDMARK_RADIUS_M
    label: bool = True


@dataclass(frozen=True)
class Trajectory:
    """A planned path: points (N, 3), N >= 2, in ct from the entry to the target; ``radius_m`` of what goes along it, or None.

    The role says whose colours it takes: trajectory, or that of what it belongs to.
    """

    name: str
    points_ct_m: F64
    style: MeshStyle
    radius_m: float | None = None
    role: Role = Role.TRAJECTORY

    @property
    def length_m(self) -> float:
        """How long the path is."""
        return float(np.linalg.norm(np.diff(self.points_ct_m, axis=0), axis=1).sum())


@dataclass(frozen=True)
class Instrument:
    """A tracked instrument's geometry: ``mesh`` in its tip frame, metres.

    ``frame`` is that frame's name in TF; empty for the overlay's own tip frame. Anatomy is never drawn over what it covers,
    and its outline is drawn in ``style``. The tip is at the frame's origin; a shaft lies along -z unless its axis says
    otherwise, as a spin calibration's tip frame has z along the axis from the handle out of the tip.
    """

    name: str
    mesh: Mesh
    style: MeshStyle
    frame: str = ''
    source: MeshSource | None = None


@dataclass(frozen=True)
class SceneWindow:
    """A see-through window of ``radius_m``: ``around`` the tip, a structure's middle (its name), or the picture's centre.

    Its soft rim is ``rim`` (0-1) of the radius; inside, ``keep`` (0-1) of the picture's brightness is kept.
    """

    around: str
    radius_m: float
    rim: float = 0.2
    keep: float = 0.6


@dataclass(frozen=True)
class SceneLook:
    """How a frame is drawn whatever the structure: see ``types.Look``, and ``look.frame_look`` that makes one for a frame."""

    depth_cue: float = 0.25
    window: SceneWindow | None = None


@dataclass(frozen=True)
class Scene:
    """The structures, in the file's order, then their margins; names differ.

    ``warnings`` are what to tell about the meshes as they were read, one line each.
    """

    anatomies: tuple[Anatomy, ...]
    landmarks: tuple[Landmark, ...] = ()
    trajectories: tuple[Trajectory, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    look: SceneLook = field(default_factory=SceneLook)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ConfigError for no structure, too many, two of one name, or a window about none."""
        names = [a.name for a in self.anatomies]
        # As ``bodies`` has them: a target with the shell of its error, an instrument as what hides and as its outline.
        count = len(names) + sum(a.role is Role.TARGET for a in self.anatomies) + 2 * len(self.instruments)
        if not names or count > MOST_MESHES:
            valid = f'1 to {MOST_MESHES}, margins among them, targets and instruments twice'
            raise ConfigError(f'scene: {count} meshes; valid: {valid}')
        for what, found in (('mesh', names), *((k, [x.name for x in v]) for k, v in self._others().items())):
            if len(set(found)) != len(found):
                twice = next(n for n in found if found.count(n) > 1)
                raise ConfigError(f'scene: {what} {twice!r} is there more than once')
        window = self.look.window
        if window is not None and window.around not in ('tip', 'centre', *names):
            raise ConfigError(f'scene: look: window: around {window.around!r}; valid: tip, centre, {", ".join(names)}')

    def _others(self) -> dict[str, tuple[Landmark | Trajectory | Instrument, ...]]:
        return {'landmark': self.landmarks, 'trajectory': self.trajectories, 'instrument': self.instruments}

    @property
    def meshes(self) -> list[Mesh]:
        """The meshes of the anatomy, in order."""
        return [a.mesh for a in self.anatomies]

    @cached_property
    def boxes_ct_m(self) -> F64:
        """The corners (n, 8, 3) of the boxes around the structures, in order, margins included."""
        return np.stack([a.box_ct_m for a in self.anatomies])

    @property
    def levels(self) -> list[list[Mesh]]:
        """The coarser levels of each mesh, in order."""
        return [[level.mesh for level in a.levels[1:]] for a in self.anatomies]

    @property
    def details(self) -> list[Detail]:
        """The triangles and errors of each mesh's levels, as ``FrameBudget`` takes them."""
        levels = [a.levels or (Level(a.mesh, 0.0),) for a in self.anatomies]
        return [Detail(tuple(x.triangles for x in row), tuple(x.error_m for x in row)) for row in levels]

    @property
    def names(self) -> list[str]:
        """The names of everything that can be shown and hidden, each once."""
        return list(dict.fromkeys(thing.name for thing in self._things()))

    @property
    def visible(self) -> set[str]:
        """The names of what is shown."""
        return {thing.name for thing in self._things() if thing.style.visible}

    def _things(self) -> tuple[Thing, ...]:
        return (*self.anatomies, *self.landmarks, *self.trajectories, *self.instruments)

    def with_visible(self, visible: Mapping[str, bool]) -> Scene:
        """Return the scene with things of these names shown or hidden, and their margins unless these are named too.

        Raises ConfigError for a name that is not there.
        """
        names = self.names
        for name in visible:
            if name not in names:
                raise ConfigError(f'scene: nothing is named {name!r}; valid: {", ".join(names)}')
        return replace(
            self,
            anatomies=tuple(_toggled(a, visible) for a in self.anatomies),
            landmarks=tuple(_toggled(x, visible) for x in self.landmarks),
            trajectories=tuple(_toggled(x, visible) for x in self.trajectories),
            instruments=tuple(_toggled(x, visible) for x in self.instruments),
        )


Thing = Anatomy | Landmark | Trajectory | Instrument
T = TypeVar('T', Anatomy, Landmark, Trajectory, Instrument)


def _toggled(thing: T, visible: Mapping[str, bool]) -> T:
    owner = thing.margin_of if isinstance(thing, Anatomy) else ''
    shown = visible.get(thing.name, visible.get(owner, thing.style.visible))
    return replace(thing, style=replace(thing.style, visible=shown))
