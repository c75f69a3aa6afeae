# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Default colours and opacities for each role, and style sheets that replace them.

The palette is Okabe and Ito's, *Color Universal Design* (2008): its colours stay apart for every common kind of colour
blindness. Targets are yellow: of the palette it stands out most, in hue and in lightness, from red and pink tissue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from arsurg_ros.errors import ConfigError, DataError

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


class Role(str, Enum):
    """What a structure means to the surgeon."""

    TARGET = 'target'
    RISK = 'risk'
    CONTEXT = 'context'


@dataclass(frozen=True)
class RoleStyle:
    """How a role is drawn: its structures take ``colours`` in turn; opacities 0-1 of the fill and the outline."""

    colours: tuple[Rgb, ...]
    fill: float
    outline: float


StyleSheet = Mapping[Role, RoleStyle]


def _named(*names: str) -> tuple[Rgb, ...]:
    return tuple(OKABE_ITO[name] for name in names)


DEFAULT_STYLE: StyleSheet = {
    Role.TARGET: RoleStyle(_named('yellow', 'orange'), 0.8, 1.0),
    Role.RISK: RoleStyle(_named('sky_blue', 'reddish_purple', 'vermillion', 'blue'), 0.4, 1.0),
    Role.CONTEXT: RoleStyle(_named('white', 'bluish_green'), 0.1, 0.9),
}


def load_style(path: str | Path) -> StyleSheet:
    """Return the style sheet of a YAML file, ``{role: {colours: [...], fill: 0-1, outline: 0-1}}``; all are optional.

    Raises DataError for a file that is missing or not YAML, ConfigError for what is wrong in it.
    """
    where = f'style {path}'
    data = read_yaml(Path(path), where)
    if not isinstance(data, Mapping):
        raise ConfigError(f'{where}: a mapping of roles is needed')
    only_keys(data, tuple(r.value for r in Role), where)
    return {**DEFAULT_STYLE, **{Role(name): _role_style(Role(name), value, where) for name, value in data.items()}}


def _role_style(role: Role, data: Any, where: str) -> RoleStyle:
    where = f'{where}: {role.value}'
    if not isinstance(data, Mapping):
        raise ConfigError(f'{where}: {data!r}: a mapping of colours, fill, outline is needed')
    only_keys(data, ('colours', 'fill', 'outline'), where)
    base = DEFAULT_STYLE[role]
    colours = data.get('colours')
    if colours is not None and not (isinstance(colours, list) and colours):
        raise ConfigError(f'{where}: colours {colours!r}: a list of at least one is needed')
    rgbs = tuple(parse_colour(c, f'{where}: colours') for c in colours) if colours else base.colours
    fill = parse_opacity(data.get('fill', base.fill), f'{where}: fill')
    return RoleStyle(rgbs, fill, parse_opacity(data.get('outline', base.outline), f'{where}: outline'))


def parse_colour(value: Any, where: str) -> Rgb:
    """Return (r, g, b), 0-255, of a name of the palette, '#rrggbb' or three whole numbers; raises ConfigError."""
    if isinstance(value, str) and value in OKABE_ITO:
        return OKABE_ITO[value]
    if isinstance(value, str) and HEX.fullmatch(value):
        return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)
    if isinstance(value, list) and len(value) == 3 and all(type(v) is int and 0 <= v <= 255 for v in value):
        return value[0], value[1], value[2]
    raise ConfigError(f'{where} {value!r}; valid: {COLOUR_FORMS}')


def parse_opacity(value: Any, where: str) -> float:
    """Return an opacity from 0 to 1; raises ConfigError."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ConfigError(f'{where} {value!r}; valid: a number from 0 to 1')


def only_keys(data: Mapping[Any, Any], keys: tuple[str, ...], where: str) -> None:
    """Raise ConfigError for the first key that is not among ``keys``."""
    for key in data:
        if key not in keys:
            raise ConfigError(f'{where}: unknown key {key!r}; valid: {", ".join(keys)}')


def read_yaml(path: Path, where: str) -> Any:
    """Return a parsed YAML file; raises DataError naming ``where``."""
    try:
        return yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as e:
        raise DataError(f'{where}: {e.strerror}') from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise DataError(f'{where} is not YAML: {" ".join(str(e).split())}') from e
