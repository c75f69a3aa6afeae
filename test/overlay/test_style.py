# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.kernels.raster_rows import style_rows
from arsurg_ros.overlay.style import (
    ANATOMY,
    DEFAULT_STYLE,
    OKABE_ITO,
    THICKEST_PX,
    THINNEST_PX,
    Role,
    for_height,
    load_style,
    parse_colour,
)
from arsurg_ros.types import Mesh, MeshStyle

from .colour_vision import VISION, ciede2000, least_difference, seen_lab

STYLES = Path(__file__).resolve().parents[2] / 'config' / 'styles'
#: What lies under an overlay: liver, blood, mucosa, pale serosa, fat.
TISSUE = {
    **{'liver': (120, 50, 45), 'blood': (160, 40, 40), 'pink': (205, 120, 115)},
    **{'pale': (225, 170, 160), 'fat': (225, 190, 120)},
}
#: A CIEDE2000 of 1 is a just noticeable difference between large patches side by side; lines apart need many of them.
APART, APART_FROM_TISSUE, APART_FURTHER = 15.0, 9.0, 10.0
FIRST = {role: style.colours[0] for role, style in DEFAULT_STYLE.items() if style.colours}


def write(folder: Path, data: object) -> Path:
    path = folder / 'style.yaml'
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


@pytest.mark.parametrize(
    ('one', 'other', 'expected'),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.1848, -84.8006), (50, 0, -82.7485), 1.0000),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (50, 3.1736, 0.5854), 1.0),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_difference_is_that_of_sharma(one: tuple[float, ...], other: tuple[float, ...], expected: float) -> None:
    assert ciede2000(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


def test_the_simulation_leaves_greys_alone() -> None:
    for kind in VISION:
        assert seen_lab((255, 255, 255), kind) == pytest.approx([100, 0, 0], abs=0.1)
        assert np.hypot(*seen_lab((128, 128, 128), kind)[1:]) < 0.1
    assert least_difference((200, 60, 60), (100, 110, 50)) < 12  # red and green that a dichromat mixes up


def test_the_roles_stay_apart_for_every_eye() -> None:
    """But for landmarks and context, both white: points with names are no contours."""
    assert FIRST[Role.LANDMARK] == FIRST[Role.CONTEXT]
    for (a, one), (b, other) in itertools.combinations(FIRST.items(), 2):
        assert {a, b} == {Role.LANDMARK, Role.CONTEXT} or least_difference(one, other) >= APART, (a, b)


def test_the_roles_stay_apart_from_tissue_for_every_eye() -> None:
    for (role, colour), (name, tissue) in itertools.product(FIRST.items(), TISSUE.items()):
        assert least_difference(colour, tissue) >= APART_FROM_TISSUE, (role, name)


def test_no_colour_of_one_anatomy_is_mistaken_for_another_roles() -> None:
    for a, b in itertools.combinations(ANATOMY, 2):
        for one, other in itertools.product(DEFAULT_STYLE[a].colours, DEFAULT_STYLE[b].colours):
            assert least_difference(one, other) >= APART_FURTHER, (a, b)


def test_the_palette_is_okabe_and_itos_and_outlines_come_first() -> None:
    assert {c for s in DEFAULT_STYLE.values() for c in s.colours} <= set(OKABE_ITO.values())
    target, risk, context = (DEFAULT_STYLE[r] for r in ANATOMY)
    assert 0.5 > target.fill > risk.fill > context.fill > 0
    assert all(s.outline >= 0.9 and s.line_px >= 2.5 for s in DEFAULT_STYLE.values())  # legible at 1080 lines
    assert DEFAULT_STYLE[Role.MARGIN].dashed and DEFAULT_STYLE[Role.MARGIN].fill == 0


def test_lines_grow_with_the_picture() -> None:
    style = MeshStyle((0, 0, 0), width_px=4)
    assert [for_height(style, h).width_px for h in (1080, 1440, 540)] == [4, pytest.approx(16 / 3), 2]
    assert for_height(style, 10).width_px == THINNEST_PX and for_height(style, 100_000).width_px == THICKEST_PX


@pytest.mark.parametrize('height_px', [4, 240, 480, 1080, 2160, 4320, 16384])
def test_every_roles_lines_can_be_drawn_in_a_picture_of_any_height(height_px: int) -> None:
    widest = replace(DEFAULT_STYLE[Role.TARGET], line_px=THICKEST_PX)
    styles = [s.mesh_style((0, 0, 0)) for s in (*DEFAULT_STYLE.values(), widest)]
    one = Mesh('one', np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.uint32))
    rows = style_rows([one] * len(styles), [for_height(style, height_px) for style in styles], 'bgr8')
    assert (rows[:, 7] >= THINNEST_PX).all() and rows[:, 7].max() <= THICKEST_PX


@pytest.mark.parametrize('path', sorted(STYLES.glob('*.yaml')), ids=lambda p: p.stem)
def test_the_shipped_styles_load(path: Path) -> None:
    sheet = load_style(path)
    assert set(sheet) == set(Role) and sheet != DEFAULT_STYLE


def test_a_sheet_replaces_what_it_names_alone(tmp_path: Path) -> None:
    data = {'margin': {'colours': ['orange'], 'dashed': False}, 'target': {'line_px': 6, 'crease': 0.5}}
    sheet = load_style(write(tmp_path, data))
    margin, target = sheet[Role.MARGIN], sheet[Role.TARGET]
    assert margin.colours == (OKABE_ITO['orange'],) and not margin.dashed
    assert margin.line_px == DEFAULT_STYLE[Role.MARGIN].line_px
    assert (target.line_px, target.crease, target.colours) == (6.0, 0.5, DEFAULT_STYLE[Role.TARGET].colours)
    assert sheet[Role.RISK] == DEFAULT_STYLE[Role.RISK]


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (['target'], 'a mapping is needed; valid keys: target'),
        ({'tumor': {}}, "unknown key 'tumor'; valid: target, risk, context, instrument, trajectory, landmark, margin"),
        ({'target': 1}, 'target: 1: a mapping is needed; valid keys: colours, fill, outline'),
        ({'target': {'color': 1}}, "unknown key 'color'; valid: colours, fill, outline, crease, line_px, dashed"),
        ({'target': {'colours': []}}, 'colours .*: a list of at least one'),
        ({'target': {'colours': 'red'}}, 'colours .*: a list of at least one'),
        ({'target': {'colours': ['red']}}, "colours 'red'; valid"),
        ({'target': {'fill': -1}}, 'fill -1; valid: a number from 0 to 1'),
        ({'margin': {'line_px': 0}}, 'margin: line_px 0; valid: a number from 1 to 6'),
        ({'margin': {'dashed': 1}}, 'margin: dashed 1; valid: true, false'),
        ({'risk': {'crease': 'sharp'}}, "risk: crease 'sharp'; valid"),
    ],
)
def test_a_wrong_style_is_named(tmp_path: Path, data: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        load_style(write(tmp_path, data))
    assert '\n' not in str(error.value)


def test_a_sheet_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'none\.yaml: No such file'):
        load_style(tmp_path / 'none.yaml')


def test_colours_have_three_forms() -> None:
    assert parse_colour('orange', '') == parse_colour('#e69f00', '') == parse_colour([230, 159, 0], '')
