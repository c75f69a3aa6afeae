# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How each role is drawn unless a scene says otherwise, and style sheets that replace this.

Outlines first, fill on request: what is filled hides the field, and silhouettes serve the judgement of distance better than
classical rendering in surgical AR (C. Hansen et al., *Illustrative visualization of 3D planning models for augmented reality
in liver surgery*, IJCARS 5, 2010). A target is filled moderately, as it is what is looked for; what is to be spared a little;
context hardly.

The palette is Okabe and Ito's, *Color Universal Design* (2008). The first colours of target (yellow), risk (sky blue),
context and landmarks (white), trajectory (blue) and instrument (black) are the five that stay apart from one another and
from tissue for every common kind of colour blindness (CIEDE2000 of at least 15 and 9 under Machado's matrices of 2009:
test/overlay/test_style.py). A role's further colours only stay apart from the other roles': name what they show. Colour
never stands alone: margins are dashed, trajectories are lines, landmarks points with names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from arsurg_ros.errors import ConfigError
from arsurg_ros.kernels.raster_rows import WIDTHS_PX
from arsurg_ros.overlay.values import parse_bool, parse_mapping, parse_number, parse_opacity, read_yaml
from arsurg_ros.types import MeshStyle

Rgb = tuple[int, int, int]

OKABE_ITO: dict[str, Rgb] = {
    'orange': (230, 159, 0),
    'sky_blue': (86, 180, 233),
    'bluish_green': (0, 158, 115),
    'yellow': (240, 228, 66),
    'blue': (0, 114, 178),
    'vermillion': (213, 94, 0),
    'reddish_purple': (204, 121, 167),
    'black': (0, 0, 0),
    'white': (255, 255, 255),
}
HEX = re.compile(r'#[0-9a-fA-F]{6}')
COLOUR_FORMS = f'#rrggbb, [r, g, b] of whole numbers 0-255, or {", ".join(OKABE_ITO)}'
STYLE_KEYS = ('colours', 'fill', 'outline', 'crease', 'line_px', 'dashed')
#: Line widths are given for a picture of so many lines, and grow and shrink with it.
LINES = 1080
THINNEST_PX, THICKEST_PX = 1.0, WIDTHS_PX[1]


class Role(str, Enum):
    """What a structure means to the surgeon."""

    TARGET = 'target'
    RISK = 'risk'
    CONTEXT = 'context'
    INSTRUMENT = 'instrument'
    TRAJECTORY = 'trajectory'
    LANDMARK = 'landmark'
    MARGIN = 'margin'


#: The roles that a mesh may be given.
ANATOMY = (Role.TARGET, Role.RISK, Role.CONTEXT)


@dataclass(frozen=True)
class RoleStyle:
    """How a role is drawn: its structures take ``colours`` in turn; without any (margins) that of what it belongs to.

    Opacities 0-1 of the fill, the outline and the creases; lines are ``line_px`` wide in a picture of 1080 lines.
    """

    colours: tuple[Rgb, ...]
    fill: float = 0.0
    outline: float = 1.0
    crease: float = 0.0
    line_px: float = 3.0
    dashed: bool = False

    def mesh_style(self, rgb: Rgb) -> MeshStyle:
        """Return the style of a mesh of this role; its width is that for 1080 lines (see ``for_height``)."""
        return MeshStyle(rgb, self.fill, self.outline, crease=self.crease, width_px=self.line_px, dashed=self.dashed)


StyleSheet = Mapping[Role, RoleStyle]


def _named(*names: str) -> tuple[Rgb, ...]:
    return tuple(OKABE_ITO[name] for name in names)


DEFAULT_STYLE: StyleSheet = {
    Role.TARGET: RoleStyle(_named('yellow', 'orange'), fill=0.4, line_px=4.0),
    Role.RISK: RoleStyle(_named('sky_blue', 'reddish_purple', 'vermillion'), fill=0.2, line_px=3.5),
    Role.CONTEXT: RoleStyle(_named('white', 'bluish_green'), fill=0.06, outline=0.9, line_px=2.5),
    Role.INSTRUMENT: RoleStyle(_named('black'), line_px=2.5),
    Role.TRAJECTORY: RoleStyle(_named('blue'), line_px=4.0),
    Role.LANDMARK: RoleStyle(_named('white'), line_px=3.0),
    Role.MARGIN: RoleStyle((), outline=0.9, line_px=2.5, dashed=True),
}


def for_height(style: MeshStyle, height_px: int) -> MeshStyle:
    """Return the style with its lines as wide as meant in a picture of ``height_px`` lines, at most what can be drawn."""
    return replace(style, width_px=min(max(style.width_px * height_px / LINES, THINNEST_PX), THICKEST_PX))


def load_style(path: str | Path) -> StyleSheet:
    """Return the style sheet of a YAML file: ``{role: {colours: [...], fill, outline, crease, line_px, dashed}}``.

    All of it is optional. Raises DataError for a file that is missing or not YAML, ConfigError for what is wrong in it.
    """
    where = f'style {path}'
    data = parse_mapping(read_yaml(Path(path), where), tuple(r.value for r in Role), where)
    return {**DEFAULT_STYLE, **{Role(name): _role_style(Role(name), value, where) for name, value in data.items()}}


def _role_style(role: Role, data: Any, where: str) -> RoleStyle:
    where = f'{where}: {role.value}'
    parse_mapping(data, STYLE_KEYS, where)
    colours = data.get('colours')
    if colours is not None and not (isinstance(colours, list) and colours):
        raise ConfigError(f'{where}: colours {colours!r}: a list of at least one is needed')
    base = DEFAULT_STYLE[role]
    rgbs = tuple(parse_colour(c, f'{where}: colours') for c in colours) if colours else base.colours
    return replace(with_lines(base, data, where), colours=rgbs)


def with_lines(base: RoleStyle, data: Mapping[str, Any], where: str) -> RoleStyle:
    """Return ``base`` with the keys of a file in its place, but for colours; raises ConfigError."""
    return replace(
        base,
        fill=parse_opacity(data.get('fill', base.fill), f'{where}: fill'),
        outline=parse_opacity(data.get('outline', base.outline), f'{where}: outline'),
        crease=parse_opacity(data.get('crease', base.crease), f'{where}: crease'),
        line_px=parse_number(data.get('line_px', base.line_px), THINNEST_PX, THICKEST_PX, f'{where}: line_px'),
        dashed=parse_bool(data.get('dashed', base.dashed), f'{where}: dashed'),
    )


def parse_colour(value: Any, where: str) -> Rgb:
    """Return (r, g, b), 0-255, of a name of the palette, '#rrggbb' or three whole numbers; raises ConfigError."""
    if isinstance(value, str) and value in OKABE_ITO:
        return OKABE_ITO[value]
    if isinstance(value, str) and HEX.fullmatch(value):
        return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)
    if isinstance(value, list) and len(value) == 3 and all(type(v) is int and 0 <= v <= 255 for v in value):
        return value[0], value[1], value[2]
    raise ConfigError(f'{where} {value!r}; valid: {COLOUR_FORMS}')
