# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.kernels.marks import Disc, Mark, Marks, Plate, Polyline, Stripes, Text, text_size
from arsurg_ros.overlay import draw
from arsurg_ros.overlay.draw import Block, Line, age_badge, border, em_px, margin_line, text_block, tip_marks
from arsurg_ros.overlay.readouts import BANNER_WIDTH
from arsurg_ros.types import F64, U8, CameraModel

SHAFT_M = np.array([0.03, -0.03, 0.0])
SIZE = (320, 240)
CORNERS = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.0)]


def drawn(marks: tuple[Mark, ...], size: tuple[int, int] = SIZE) -> U8:
    image = np.full((size[1], size[0], 3), 200, np.uint8)
    Marks(*size).draw(image, marks)
    return image


def touched(marks: tuple[Mark, ...], size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.argwhere((drawn(marks, size) != 200).any(axis=2))[:, ::-1]


def texts(block: Block) -> list[Text]:
    return [mark for mark in block.marks if isinstance(mark, Text)]


def test_the_tip_is_marked_where_it_is(camera: CameraModel, T_cam_tip: F64) -> None:
    at = project(camera, T_cam_tip[None, :3, 3])[0]
    marked = touched(tip_marks(camera, T_cam_tip))
    assert marked.mean(axis=0) == pytest.approx(at, abs=0.5)
    assert np.abs(marked - at).max() < 15


def test_no_dark_part_of_the_tip_lies_over_a_white_one(camera: CameraModel, T_cam_tip: F64) -> None:
    whites = [mark.rgb == draw.WHITE for mark in tip_marks(camera, T_cam_tip) if isinstance(mark, Polyline)]
    assert whites == sorted(whites) and 0 < sum(whites) < len(whites)


@pytest.mark.parametrize(
    't_m', [(0.0, 0.0, -0.1), (0.0, 0.0, 0.0), (5.0, 0.0, 0.1), (0.0, 1e9, 0.1)], ids=['behind', 'at', 'beside', 'far']
)
def test_a_tip_out_of_sight_has_no_marks(camera: CameraModel, t_m: tuple[float, float, float]) -> None:
    assert tip_marks(camera, se3.compose(np.eye(3), t_m)) == ()


def test_a_tip_that_the_lens_maps_back_into_the_picture_has_no_marks(camera: CameraModel, T_cam_tip: F64) -> None:
    bent = replace(camera, distortion=np.array([-0.3, 0, 0, 0, 0]))
    beside = np.array([[0.175, 0.0, 0.1]])  # 60 degrees off the axis
    assert 0 < project(bent, beside)[0, 0] < camera.width_px
    assert tip_marks(bent, se3.compose(np.eye(3), beside[0])) == ()
    assert tip_marks(bent, T_cam_tip) != ()


@pytest.mark.parametrize('corner', CORNERS)
def test_text_stays_in_its_corner(corner: tuple[float, float]) -> None:
    block = text_block(SIZE, [Line('tip to tumour: 12.3 mm'), Line('FRE 0.45 mm')], corner, 8)
    area = touched(block.marks)
    assert area.min(axis=0).tolist() == [block.x, block.y]
    assert (area.max(axis=0) + 1).tolist() == [block.x + block.width, block.y + block.height]
    for k, (size, at, extent) in enumerate(((320, block.x, block.width), (240, block.y, block.height))):
        assert at == pytest.approx(8 + corner[k] * (size - 16 - extent), abs=1)
    assert drawn(block.marks).max() == 255


@pytest.mark.parametrize('size', [(320, 240), (640, 480), (1920, 1080), (3840, 2160)])
def test_padding_is_the_same_all_around(size: tuple[int, int]) -> None:
    block = text_block(size, [Line('HEADING', size=1.6, bold=True), Line('Hmm'), Line('HH')], (0.5, 0.5), 10)
    image = drawn(block.marks, size)
    y, x = np.argwhere(image.max(axis=2) > 205).T
    pad = draw.PADDING * em_px(size[1])
    around = (x.min() - block.x, y.min() - block.y, block.x + block.width - 1 - x.max(), block.y + block.height - 1 - y.max())
    assert around == pytest.approx([pad] * 4, abs=0.12 * em_px(size[1]) + 1)


def test_text_can_be_read_from_two_metres_and_leaves_room_in_a_small_picture() -> None:
    """Capitals on a 27 inch monitor of 0.31 mm a pixel: 20 minutes of arc at 2 m is 12 mm for what counts."""
    large, plain = (text_size('H', em_px(1080) * size).capital_px for size in (draw.HEADING, 1.0))
    assert 0.31 * large > 11.5 and plain > 23
    lines = [Line('tip to tumour: 12.3 mm', size=draw.NUMBER, bold=True), Line('FRE 0.45 mm')]
    block = text_block((640, 480), lines, (0, 1), 8)
    assert block.width * block.height < 0.1 * 640 * 480


def test_columns_are_aligned_and_numbers_end_at_one_place() -> None:
    lines = [margin_line(*known, inside=False) for known in (('tumour', 0.0123, 0.0012), ('portal_vein', 0.1041, 0.0021))]
    lines.append(Line('a heading'))
    block = text_block((1920, 1080), lines, (0, 0), 10)
    found = texts(block)
    ends = [t.x_px + text_size(t.text, t.size_px, t.bold).width_px for t in found]
    assert [t.text for t in found] == ['tumour', '12.3 mm', '± 1.2', 'portal vein', '104.1 mm', '± 2.1', 'a heading']
    assert ends[1] == pytest.approx(ends[4]) and ends[2] == pytest.approx(ends[5]) and found[0].x_px == found[3].x_px
    assert max(ends) == pytest.approx(block.x + block.width - round(draw.PADDING * em_px(1080)), abs=1)
    assert min(b.x_px - a for a, b in ((ends[0], found[1]), (ends[3], found[4]))) > 10


def test_a_margin_says_what_is_known() -> None:
    assert margin_line('a_vein', 0.003, None, inside=True).text == 'a vein\tinside 3.0 mm'
    assert margin_line('a_vein', 0.003, 0.001, inside=False).text == 'a vein\t3.0 mm\t± 1.0'


def test_a_long_line_goes_on_below_and_ends_in_dots() -> None:
    reason = 'the registration was refused because the fiducials do not fit the anatomy that they were matched with'
    block = text_block(SIZE, [Line(reason)], (0.5, 0.0), 8)
    assert 1 < len(texts(block)) <= draw.MOST_LINES
    assert ' '.join(t.text for t in texts(block)).startswith('the registration was refused because the fiducials')
    long = texts(text_block(SIZE, [Line(reason + reason + reason)], (0.5, 0.0), 8))
    assert len(long) == draw.MOST_LINES and long[-1].text.endswith('…')


def test_a_banner_leaves_room_for_the_badge() -> None:
    long = [Line('OVERLAY REFUSED', size=draw.HEADING, bold=True), Line('the fiducials do not fit the anatomy ' * 4)]
    for size in ((1920, 1080), (1280, 720), (640, 480)):
        banner, badge = text_block(size, long, (0.5, 0.0), 20, BANNER_WIDTH), age_badge(size, '23 ms', (0, 158, 115), 20)
        assert banner.x + banner.width < badge.x


@pytest.mark.parametrize('text', ['x' * 500, 'pose \u6f22\n' + 'x' * 500])
def test_a_word_that_is_too_long_is_cut(text: str) -> None:
    block = text_block(SIZE, [Line(text)], (0.5, 0.0), 8)
    assert block.x >= 8 and block.x + block.width <= 312 and texts(block)[-1].text.endswith('…')


def test_a_large_line_shrinks_before_it_is_torn() -> None:
    found = texts(text_block(SIZE, [Line('tip to tumour: inside, 119.5 mm', size=1.6, bold=True)], (0, 1), 20))
    assert len(found) == 1 and em_px(240) <= found[0].size_px < 1.6 * em_px(240)


@pytest.mark.parametrize('slope', [-1, 0, 1, 2])
def test_a_border_covers_the_edges_alone(slope: int) -> None:
    marks = border(SIZE, (10, 20, 30), 12, slope)
    image = drawn(marks)
    assert all(isinstance(mark, Stripes) for mark in marks)
    assert (image[12:-12, 12:-12] == 200).all()
    edge = np.ones(image.shape[:2], bool)
    edge[12:-12, 12:-12] = False
    assert (image[edge] <= 30).all()
    assert ((image[edge] == 0).all(axis=1).mean() > 0.2) == (slope != 0)


def test_stripes_go_on_round_the_corner() -> None:
    whole, marks = Stripes(0, 0, *SIZE, (250, 0, 0), 24, 1, ground=draw.BLACK), border(SIZE, (250, 0, 0), 30, 1)
    edge = np.ones((240, 320), bool)
    edge[30:-30, 30:-30] = False
    assert np.array_equal(drawn(marks)[edge], drawn((whole,))[edge])


def test_an_age_badge_stands_at_the_upper_right_with_its_dot() -> None:
    block = age_badge((1920, 1080), '23 ms', (0, 158, 115), 18)
    assert [type(m) for m in block.marks] == [Plate, Disc, Text]
    assert (block.x + block.width, block.y) == (1920 - 18, 18)
    area = touched(block.marks, (1920, 1080))
    assert area.min(axis=0).tolist() == [block.x, block.y]
    assert (area.max(axis=0) + 1).tolist() == [block.x + block.width, block.y + block.height]
    dot = block.marks[1]
    assert isinstance(dot, Disc)
    u, v = np.round(dot.centre_px).astype(int)
    assert drawn(block.marks, (1920, 1080))[v, u].tolist() == [115, 158, 0]
