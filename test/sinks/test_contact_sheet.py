# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.sinks.contact_sheet import GAP_PX, LABEL_PX, PAPER, Tile, TileSampler, contact_sheet, save_contact_sheet


def tile(grey: int, state: str = 'live', note: str = '', time_s: float = 0.0) -> Tile:
    return Tile(np.full((30, 40, 3), grey, np.uint8), time_s, state, note)


@pytest.mark.parametrize(('count', 'columns', 'shape'), [(1, 4, (1, 1)), (4, 4, (1, 4)), (5, 4, (2, 4)), (6, 2, (3, 2))])
def test_pictures_lie_in_rows(count: int, columns: int, shape: tuple[int, int]) -> None:
    sheet = contact_sheet([tile(100 + i) for i in range(count)], columns, width_px=40)
    height = LABEL_PX + 30
    assert sheet.shape == (shape[0] * (height + GAP_PX) + GAP_PX, shape[1] * (40 + GAP_PX) + GAP_PX, 3)
    for i in range(count):
        y = GAP_PX + i // shape[1] * (height + GAP_PX) + LABEL_PX
        x = GAP_PX + i % shape[1] * (40 + GAP_PX)
        assert (sheet[y : y + 30, x : x + 40] == 100 + i).all()


def test_labels_carry_time_state_and_note() -> None:
    plain, noted, lost, later = (
        contact_sheet([t], 1, 320)[GAP_PX : GAP_PX + LABEL_PX]
        for t in (tile(9), tile(9, note='1.2 mm'), tile(9, state='lost'), tile(9, time_s=3.5))
    )
    assert (plain != PAPER).any()
    for other in (noted, lost, later):
        assert (plain != other).any()
    assert (lost[..., 2].astype(int) - lost[..., 0]).max() > 120


def test_mixed_sizes_and_grey_pictures_are_taken() -> None:
    tiles = [tile(50), Tile(np.full((90, 40), 70, np.uint8), 1.0, 'none', 'f\u00fcnf'), tile(60)]
    sheet = contact_sheet(tiles, 3, 40)
    assert sheet.shape[0] == LABEL_PX + 90 + 2 * GAP_PX
    assert (sheet[-GAP_PX - 1, GAP_PX + 40 + GAP_PX] == 70).all()


def test_the_png_is_what_was_made(tmp_path: Path) -> None:
    path = tmp_path / 'sheet.png'
    save_contact_sheet(path, [tile(1), tile(2)], 2, 64)
    read = cv2.imread(str(path))
    assert read is not None and np.array_equal(read, contact_sheet([tile(1), tile(2)], 2, 64))


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='no pictures'):
        contact_sheet([])
    with pytest.raises(ConfigError, match='0 columns'):
        contact_sheet([tile(1)], 0)
    with pytest.raises(ConfigError, match='0 pictures of 320 px'):
        TileSampler(0)
    with pytest.raises(DataError, match='No such file'):
        save_contact_sheet(tmp_path / 'none' / 'sheet.png', [tile(1)])


@given(count=st.integers(1, 12), total=st.integers(1, 300))
def test_a_run_of_any_length_is_sampled_evenly(count: int, total: int) -> None:
    sampler = TileSampler(count, width_px=4)
    small = np.zeros((3, 4, 3), np.uint8)
    for i in range(total):
        sampler.add(Tile(small, float(i)))
    times = [t.time_s for t in sampler.tiles()]
    assert len(times) == min(count, total) and times[0] == 0.0
    assert times == sorted(set(times))
    if len(times) > 1:
        assert times[-1] >= total - 1 - total / count
        assert np.diff(times).max() <= 2.5 * max(1.0, total / count)


def test_samples_are_copies() -> None:
    sampler = TileSampler(2, width_px=40)
    image = np.full((30, 40, 3), 5, np.uint8)
    sampler.add(Tile(image, 0.0))
    image[:] = 9
    assert (sampler.tiles()[0].image == 5).all()
