# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, DataError, KernelError
from arsurg_ros.kernels import mark_atlas
from arsurg_ros.kernels.mark_rows import MARK, Rows, line_regions, to_rows
from arsurg_ros.kernels.marks import Disc, Mark, Marks, Plate, Polyline, Stripes, Text, WasmMarks, text_size
from arsurg_ros.types import U8

W, H = 150, 100
WHITE, RED = (255, 255, 255), (250, 40, 10)
WASM, TWIN = Marks(W, H), Marks(W, H, backend='numpy')

coordinates = st.one_of(st.floats(-40, 190), st.sampled_from([-1e9, 1e9, -1e4, 3e3, 0.0, 0.5]))
alphas = st.floats(0, 1)
colours = st.tuples(*[st.integers(0, 255)] * 3)
boxes = st.tuples(coordinates, coordinates, coordinates, coordinates)
plates = st.builds(lambda box, keep, r: Plate(*box, keep, r), boxes, alphas, st.floats(0, 30))
discs = st.builds(Disc, st.tuples(coordinates, coordinates), st.floats(0.1, 40), colours, alphas)
stripes = st.builds(
    lambda box, rgb, period, slope, alpha, share, ground: Stripes(
        *box, rgb, period, slope, 1.0 if ground else alpha, share, ground
    ),
    boxes, colours, st.integers(1, 60), st.integers(-3, 3), alphas, alphas, st.none() | colours,
)  # fmt: skip
lines = st.builds(
    Polyline,
    st.lists(st.tuples(coordinates, coordinates), max_size=5).map(lambda p: np.array(p, float).reshape(-1, 2)),
    colours,
    st.floats(0.1, 12),
    st.floats(0, 5),
    alphas,
    st.none() | st.tuples(st.floats(0, 30), st.floats(1, 30)),
    st.booleans(),
)
texts = st.builds(Text, coordinates, coordinates, st.text(max_size=8), colours, st.integers(6, 40), st.booleans())
some_marks = st.lists(plates | discs | stripes | lines | texts, max_size=5)


def noise() -> U8:
    return np.random.default_rng(5).integers(0, 256, (H, W, 3)).astype(np.uint8)


def drawn(*marks: Mark, on: int = 0) -> U8:
    image = np.full((H, W, 3), on, np.uint8)
    WASM.draw(image, marks)
    return image


@settings(deadline=None, max_examples=150)
@given(marks=some_marks)
def test_the_backends_agree_over_the_whole_picture(marks: list[Mark]) -> None:
    """The twin knows no regions: what the kernel's side does not copy is not to be drawn on."""
    ours, twins = noise(), noise()
    WASM.draw(ours, marks)
    TWIN.draw(twins, marks)
    assert np.abs(ours.astype(int) - twins).max() <= 1


@settings(deadline=None, max_examples=40)
@given(marks=some_marks)
def test_rgb_is_bgr_turned_round(marks: list[Mark]) -> None:
    bgr, rgb = noise(), noise()[:, :, ::-1].copy()
    WASM.draw(bgr, marks, 'bgr8')
    WASM.draw(rgb, marks, 'rgb8')
    assert np.array_equal(bgr, rgb[:, :, ::-1])


@settings(deadline=None, max_examples=60)
@given(points=st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=6), reach=st.floats(1, 20))
def test_regions_hold_every_point_of_a_line(points: list[tuple[float, float]], reach: float) -> None:
    line = np.array(points, float)
    regions = np.array(line_regions(line, reach, W, H)).reshape(-1, 4)
    for a, b in pairwise(line):
        for p in a + np.linspace(0, 1, 50)[:, None] * (b - a):
            x, y = np.round(p)
            inside = (regions[:, 0] <= x) & (x < regions[:, 2]) & (regions[:, 1] <= y) & (y < regions[:, 3])
            assert inside.any() or not (0 <= x < W and 0 <= y < H)


def test_a_long_line_copies_a_small_part_of_the_picture() -> None:
    regions = line_regions(np.array([(0.0, 0.0), (1919.0, 1079.0)]), 4.0, 1920, 1080)
    assert 10 < len(regions) < 40
    assert sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in regions) < 0.1 * 1920 * 1080


def test_a_plate_darkens_and_keeps_its_corners_round() -> None:
    image = drawn(Plate(10, 20, 60, 70, 0.25, 12), on=200)
    assert image[45, 10:60].tolist() == [[50] * 3] * 50
    assert image[20, 10, 0] == 200 and image[69, 59, 0] == 200 and image[20, 35, 0] == 50
    assert (image[:20] == 200).all() and (image[70:] == 200).all()
    assert np.array_equal(image[20:70, 10:60], image[20:70, 10:60][::-1, ::-1])


def test_stripes_lean_by_their_slope_and_fill_their_share() -> None:
    left, right = (drawn(Stripes(0, 0, W, H, WHITE, 20, slope, share=0.6)) for slope in (1, -1))
    assert np.array_equal(left[1:, :-1], left[:-1, 1:]) and np.array_equal(right[1:, 1:], right[:-1, :-1])
    assert left.mean() / 255 == pytest.approx(0.6, abs=0.02)
    assert (drawn(Stripes(0, 0, W, H, WHITE, 20, 0)) == 255).all()
    assert set(np.unique(left)) - {0, 255}, 'edges are soft'


def test_stripes_with_a_ground_hide_the_picture() -> None:
    over = [Stripes(0, 0, W, 40, RED, 20, 1, ground=(1, 2, 3))]
    a, b = noise(), np.zeros((H, W, 3), np.uint8)
    WASM.draw(a, over)
    WASM.draw(b, over)
    assert np.array_equal(a[:40], b[:40]) and np.array_equal(a[40:], noise()[40:])
    assert {(3, 2, 1), (10, 40, 250)} <= {tuple(c) for c in a[:40].reshape(-1, 3).tolist()}


def test_colours_are_rgb_in_either_order() -> None:
    image = drawn(Disc((50, 50), 20, RED))
    assert image[50, 50].tolist() == [10, 40, 250]
    rgb = np.zeros((H, W, 3), np.uint8)
    WASM.draw(rgb, [Disc((50, 50), 20, RED)], 'rgb8')
    assert rgb[50, 50].tolist() == [250, 40, 10]


def test_later_marks_lie_over_earlier_ones() -> None:
    assert drawn(Disc((50, 50), 20, WHITE), Disc((50, 50), 10, RED))[50, [50, 65]].tolist() == [[10, 40, 250], [255] * 3]


@pytest.mark.parametrize('bold', [False, True])
@pytest.mark.parametrize('size_px', [13, 34, 54, 90])
def test_a_text_lies_in_its_size(size_px: int, bold: bool) -> None:
    canvas = Marks(700, 200)
    image = np.zeros((200, 700, 3), np.uint8)
    canvas.draw(image, [Text(50, 120, 'HgÅ|jy 10', WHITE, size_px, bold)])
    y, x = np.argwhere(image.any(axis=2)).T
    size = text_size('HgÅ|jy 10', size_px, bold)
    slack = 1 + 0.06 * size_px
    assert 50 - slack <= x.min() and x.max() <= 50 + size.width_px + slack and x.max() > 50 + 0.9 * size.width_px
    assert 120 - 0.95 * size_px - 1 <= y.min() and y.max() <= 120 + 0.25 * size_px + 1


def test_capitals_stand_on_the_baseline_as_high_as_told() -> None:
    image = drawn(Text(10, 80, 'HHH', WHITE, 50))
    rows = np.flatnonzero(image.any(axis=(1, 2)))
    assert rows.max() == 79 and rows.max() + 1 - rows.min() == pytest.approx(text_size('H', 50).capital_px, abs=1)


def test_digits_have_one_width_and_letters_are_kerned() -> None:
    assert len({text_size(d, 34).width_px for d in '0123456789'}) == 1
    assert text_size('11.1', 34).width_px == text_size('88.8', 34).width_px
    for pair in ('To', 'AV', 'LT'):
        assert text_size(pair, 34).width_px < sum(text_size(c, 34).width_px for c in pair) - 1
    assert text_size('', 34).width_px == 0


def test_sizes_are_rounded_to_pixels() -> None:
    assert text_size('abc', 33.6) == text_size('abc', 34) != text_size('abc', 33)


@pytest.mark.parametrize('character', 'µ±°–→⚠é')
def test_signs_have_glyphs_of_their_own(character: str) -> None:
    sign, unknown = (drawn(Text(20, 70, c, WHITE, 50)) for c in (character, '?'))
    assert sign.any() and not np.array_equal(sign, unknown)


def test_unknown_characters_become_question_marks() -> None:
    assert np.array_equal(drawn(Text(5, 70, 'a\n漢', WHITE, 30)), drawn(Text(5, 70, 'a??', WHITE, 30)))


@pytest.mark.parametrize('size_px', [5.4, 401, float('nan'), float('inf')])
def test_a_text_of_no_size_is_refused_and_the_picture_stays(size_px: float) -> None:
    image = noise()
    with pytest.raises(ConfigError, match='6 to 400 px are valid'):
        WASM.draw(image, [Disc((50, 50), 9, WHITE), Text(9, 9, 'x', WHITE, size_px)])
    assert np.array_equal(image, noise())


BAD: list[tuple[Any, str]] = [
    (lambda: Plate(0, 0, float('nan'), 1, 0.5), 'Plate: x1 nan'),
    (lambda: Plate(0, 0, 1, 1, 1.5), 'Plate: keep 1.5; 0 to 1 is valid'),
    (lambda: Plate(0, 0, 1, 1, 0.5, -1), 'Plate: radius_px -1'),
    (lambda: Polyline(np.zeros((3, 3)), WHITE, 1), r'Polyline: points_px of shape \(3, 3\)'),
    (lambda: Polyline(np.array([(0, np.nan)]), WHITE, 1), 'a point is not finite'),
    (lambda: Polyline(np.array([(0, 2e9)]), WHITE, 1), 'farther than 1e.09 px'),
    (lambda: Polyline(np.zeros((2, 2)), WHITE, 0), 'Polyline: width_px 0; above 0'),
    (lambda: Polyline(np.zeros((2, 2)), WHITE, 1, -1), 'Polyline: halo_px -1'),
    (lambda: Polyline(np.zeros((2, 2)), WHITE, 1, dash_px=(0.2, 0.5)), 'Polyline: dash_px'),
    (lambda: Polyline(np.zeros((2, 2)), WHITE, 1, dash_px=(float('inf'), 1)), 'Polyline: dash_px'),
    (lambda: Polyline(np.zeros((2, 2)), WHITE, 1, alpha=float('nan')), 'Polyline: alpha nan'),
    (lambda: Disc((0, float('inf')), 1, WHITE), 'Disc: centre_px 0, inf'),
    (lambda: Disc((0, 0), -1, WHITE), 'Disc: radius_px -1'),
    (lambda: Disc((0, 0), 1, (0, 0, 256)), r'Disc: rgb \(0, 0, 256\)'),
    (lambda: Text(float('nan'), 0, 'x', WHITE, 20), 'Text: x_px, y_px nan'),
    (lambda: Text(0, 0, 'x', (1, 2), 20), 'Text: rgb'),  # type: ignore[arg-type]
    (lambda: Stripes(0, 0, 9, 9, WHITE, 0.5, 1), 'Stripes: period_px 0.5'),
    (lambda: Stripes(0, 0, 9, 9, WHITE, 5, 99), 'Stripes: slope 99'),
    (lambda: Stripes(0, 0, 9, 9, WHITE, 5, 1, share=2), 'Stripes: share 2'),
    (lambda: Stripes(0, 0, 9, 9, WHITE, 5, 1, 0.5, ground=WHITE), 'alpha of stripes with a ground'),
    (lambda: Stripes(0, 0, 9, 9, WHITE, 5, 1, ground=(0, 0, -1)), 'Stripes: rgb'),
]


@pytest.mark.parametrize(('make', 'said'), BAD, ids=[said for _, said in BAD])
def test_a_bad_mark_names_its_field(make: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        make()


def test_bad_sizes_backends_and_encodings_are_refused() -> None:
    for size in ((0, 9), (9, 16385)):
        with pytest.raises(ConfigError, match='1 to 16384 px each way'):
            Marks(*size)
    with pytest.raises(ConfigError, match="backend: 'gpu' is unknown; valid: wasm, numpy"):
        Marks(9, 9, backend='gpu')
    with pytest.raises(ConfigError, match="encoding: 'mono8' is unknown; valid: bgr8, rgb8"):
        WASM.draw(noise(), [], 'mono8')


@pytest.mark.parametrize('backend', [WASM, TWIN])
def test_a_picture_of_another_kind_is_refused(backend: Marks) -> None:
    fixed = noise()
    fixed.flags.writeable = False
    for image in (noise()[:50], noise()[:, :, 0], noise().astype(np.float32), fixed):
        with pytest.raises(DataError, match='marks are drawn in place on uint8 of'):
            backend.draw(image, [Disc((5, 5), 2, WHITE)])  # type: ignore[arg-type]


def test_a_part_of_a_larger_picture_can_be_drawn_on() -> None:
    large = np.zeros((2 * H, 2 * W, 3), np.uint8)
    WASM.draw(large[50 : 50 + H, 30 : 30 + W], [Disc((50, 50), 9, WHITE)])
    assert large[100, 80].all() and large.any(axis=2).sum() == drawn(Disc((50, 50), 9, WHITE)).any(axis=2).sum()


def test_a_refusal_leaves_the_picture_and_the_next_one_is_drawn() -> None:
    bad = np.zeros((1, MARK))
    bad[0, 0] = 9
    rows = Rows(bad, np.zeros((0, 2)), np.zeros((0, 5), np.int32), np.zeros(0, np.uint8), 1, [(0, 0, W, H)], set())
    for backend in (WASM, TWIN):
        image = noise()
        with pytest.raises(KernelError, match='marks: draw: input out of range'):
            backend._impl.draw(image, rows, 0)
        assert np.array_equal(image, noise())
        backend.draw(image, [Disc((50, 50), 9, WHITE)])
        assert not np.array_equal(image, noise())


def test_after_a_trap_the_next_picture_has_its_text_again() -> None:
    marks, text = Marks(W, H), [Text(5, 60, 'LOST', WHITE, 40, True)]
    first, second = noise(), noise()
    marks.draw(first, text)
    assert isinstance(marks._impl, WasmMarks)
    marks._impl._kernel(marks._impl._room).alive = False
    marks.draw(second, text)
    assert np.array_equal(first, second) and not np.array_equal(first, noise())


def test_many_marks_find_room() -> None:
    rng = np.random.default_rng(2)
    marks: list[Mark] = [Polyline(rng.uniform(0, 100, (40, 2)), WHITE, 1.5, dash_px=(1, 1)) for _ in range(80)]
    marks += [Text(*rng.uniform(0, 90, 2), 'twenty characters, no', WHITE, 12) for _ in range(80)]
    ours, twins = noise(), noise()
    WASM.draw(ours, marks)
    TWIN.draw(twins, marks[:1] + marks[-1:])
    assert (ours != noise()).mean() > (twins != noise()).mean() > 0


def test_only_new_glyphs_go_up_and_a_full_atlas_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = Marks(W, H)
    wanted = drawn(Text(5, 60, 'abc', WHITE, 30))
    used = []
    monkeypatch.setattr(mark_atlas, 'MOST_BYTES', 3000)
    for k in range(12):
        image = np.zeros((H, W, 3), np.uint8)
        marks.draw(image, [Text(5, 60, 'abc', WHITE, 30)])
        assert np.array_equal(image, wanted)
        marks.draw(image, [Text(5, 60, f'abc{chr(100 + k)}', WHITE, 30)])
        used.append((marks._atlas().generation, marks._atlas().used))
    assert used[-1][0] > 0 and max(n for _, n in used) < 4500
    assert used[1][1] > used[0][1]


def test_prepared_glyphs_are_there_when_they_are_drawn() -> None:
    marks, text = Marks(W, H), [Text(5, 60, 'age 23 ms', WHITE, 21)]
    marks.prepare(text)
    used = marks._atlas().used
    marks.draw(noise(), text)
    assert marks._atlas().used == used > 0


def test_every_thread_draws_the_same() -> None:
    marks, found = Marks(W, H), {}

    def draw(k: int) -> None:
        found[k] = noise()
        for _ in range(20):
            marks.draw(found[k], [Plate(0, 0, W, H, 0.0), Text(5, 60, f'thread {k % 2}', WHITE, 20)])

    threads = [threading.Thread(target=draw, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.array_equal(found[0], found[2]) and np.array_equal(found[1], found[3])
    assert not np.array_equal(found[0], found[1])


def test_rows_refer_to_what_is_there() -> None:
    rows = to_rows([Text(5, 60, 'ab', WHITE, 20), Disc((5, 5), 3, WHITE)], W, H, WASM._atlas(), bgr=True)
    assert rows.marks[:, 5:7].tolist() == [[0, 2], [0, 1]] and len(rows.glyphs) == 2 and len(rows.points) == 1
