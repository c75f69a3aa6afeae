# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What of a scene is shown now: the surgeon's toggles, which change while the overlay runs. The scene itself does not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.overlay.modes import FILLS, WINDOWS
from arsurg_ros.overlay.structures import Scene, SceneLook, SceneWindow
from arsurg_ros.types import F64, MeshStyle

# What 'on' fills a structure with that its style leaves open.
FILL_ON = 0.35
# A window that was asked for by a toggle, in a scene that has none.
WINDOW = SceneWindow('tip', 0.035)


@dataclass(frozen=True)
class View:
    """``hidden`` names what is not drawn; all else is.

    ``fill``: as the style has it, off (outlines alone), or on also where the style has none. ``window``: the see-through
    window as the scene has it, off, about the tip, or in the picture's centre. ``depth_cue`` (0-1) darkens what is far away;
    None: as the scene says.
    """

    hidden: frozenset[str] = frozenset()
    fill: str = 'style'
    window: str = 'scene'
    depth_cue: float | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for a mode that is none, or a depth cue that is not from 0 to 1."""
        for name, value, valid in (('fill', self.fill, FILLS), ('window', self.window, WINDOWS)):
            if value not in valid:
                raise ConfigError(f'{name} {value!r}; valid: {", ".join(valid)}')
        if self.depth_cue is not None and not 0 <= self.depth_cue <= 1:
            raise ConfigError(f'depth_cue {self.depth_cue}; valid: 0 to 1')

    def applied(self, scene: Scene) -> Scene:
        """Return the scene as it is shown now: visibilities, fills and look replaced."""
        shown = scene.with_visible({name: name not in self.hidden for name in scene.names})
        anatomies = tuple(replace(a, style=self._filled(a.style)) for a in shown.anatomies)
        return replace(shown, anatomies=anatomies, look=self._look(scene.look))

    def _filled(self, style: MeshStyle) -> MeshStyle:
        fills = {'style': style.fill, 'off': 0.0, 'on': style.fill or FILL_ON}
        return replace(style, fill=fills[self.fill])

    def _look(self, look: SceneLook) -> SceneLook:
        window = look.window
        if self.window == 'off':
            window = None
        elif self.window != 'scene':
            window = replace(window or WINDOW, around=self.window)
        return SceneLook(look.depth_cue if self.depth_cue is None else self.depth_cue, window)


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
    window: str = 'scene',
    depth_cue: float | None = None,
) -> View:
    """Return the view of a scene: what ``show`` names, all that its file has visible where it names none, less ``hide``.

    Raises ConfigError for a structure that the scene has not, naming those that it has, and as View does.
    """
    names = scene.names
    for parameter, given in (('show', show), ('hide', hide)):
        for name in given:
            if name not in names:
                raise ConfigError(f'{parameter} {name!r}: nothing of the scene has that name; valid: {", ".join(names)}')
    margins = {a.name: a.margin_of for a in scene.anatomies if a.margin_of}
    shown = set(show) | {name for name, of in margins.items() if of in show} or scene.visible
    hidden = set(names) - shown | set(hide)
    # A margin goes with its structure, unless it is named itself.
    hidden |= {name for name, of in margins.items() if of in hidden and name not in show}
    return View(frozenset(hidden), fill, window, depth_cue)
