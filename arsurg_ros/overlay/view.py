# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What of a scene is shown now: the surgeon's toggles, which change while the overlay runs. The scene itself does not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.overlay.modes import FILLS, WINDOWS
from arsurg_ros.overlay.scene import Scene
from arsurg_ros.types import F64, MeshStyle

# What 'on' fills a structure with that its style leaves open.
FILL_ON = 0.35


@dataclass(frozen=True)
class View:
    """``hidden`` names the structures that are not drawn; all of the others are.

    ``fill``: as the style has it, off (outlines alone), or on also where the style has none. ``window``: a see-through
    window that follows the tip, or stands in the picture's centre. ``depth_cue`` (0-1) darkens what is far away.
    """

    hidden: frozenset[str] = frozenset()
    fill: str = 'style'
    window: str = 'off'
    depth_cue: float = 0.0

    def __post_init__(self) -> None:
        """Raise ConfigError for a mode that is none, or a depth cue that is not from 0 to 1."""
        for name, value, valid in (('fill', self.fill, FILLS), ('window', self.window, WINDOWS)):
            if value not in valid:
                raise ConfigError(f'{name} {value!r}; valid: {", ".join(valid)}')
        if not 0 <= self.depth_cue <= 1:
            raise ConfigError(f'depth_cue {self.depth_cue}; valid: 0 to 1')

    def styles(self, scene: Scene) -> list[MeshStyle]:
        """Return how each structure of a scene is drawn now, in order."""
        return [self._style(a.mesh.name, a.style) for a in scene.anatomies]

    def _style(self, name: str, style: MeshStyle) -> MeshStyle:
        fills = {'style': style.fill, 'off': 0.0, 'on': style.fill or FILL_ON}
        return replace(style, visible=name not in self.hidden, fill=fills[self.fill])


def extent_m(scene: Scene) -> F64:
    """Return the corners (8, 3) of the box around all structures, ct, metres: where an error of pose shows most."""
    points = np.concatenate([mesh.vertices_m for mesh in scene.meshes]).astype(np.float64)
    ends = np.stack([points.min(axis=0), points.max(axis=0)])
    return np.array([[ends[i, 0], ends[j, 1], ends[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])


def view_of(
    scene: Scene,
    show: Sequence[str] = (),
    hide: Collection[str] = (),
    *,
    fill: str = 'style',
    window: str = 'off',
    depth_cue: float = 0.0,
) -> View:
    """Return the view of a scene: what ``show`` names, all that its file has visible where it names none, less ``hide``.

    Raises ConfigError for a structure that the scene has not, naming those that it has, and as View does.
    """
    names = [a.mesh.name for a in scene.anatomies]
    for parameter, given in (('show', show), ('hide', hide)):
        for name in given:
            if name not in names:
                raise ConfigError(f'{parameter} {name!r}: no such structure; valid: {", ".join(names)}')
    shown = set(show) or {a.mesh.name for a in scene.anatomies if a.style.visible}
    return View(frozenset(set(names) - shown | set(hide)), fill, window, depth_cue)
