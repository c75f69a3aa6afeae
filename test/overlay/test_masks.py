# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from arsurg_ros.errors import DataError
from arsurg_ros.overlay.masks import MOST_MASKS, MaskBuffer, MaskChoice
from arsurg_ros.types import Frame

MS = 1_000_000


def image(stamp_ms: int, shape: tuple[int, ...] = (4, 6, 3)) -> Frame:
    return Frame(stamp_ms * MS, 'cam', np.zeros(shape, np.uint8))


def mask(stamp_ms: int, value: int = 255, shape: tuple[int, int] = (4, 6), encoding: str = 'mono8') -> Frame:
    return Frame(stamp_ms * MS, 'cam', np.full(shape, value, np.uint8), encoding)


def buffer(*masks: Frame) -> MaskBuffer:
    out = MaskBuffer(40 * MS)
    for m in masks:
        out.put(m, 'topic')
    return out


def value(choice: MaskChoice) -> int | None:
    return None if choice.mask is None else int(choice.mask[0, 0])


def test_without_masks_there_is_no_problem() -> None:
    assert buffer().choose(image(0)) == MaskChoice(None, '', 'none')


def test_an_images_own_mask_or_its_nearest_neighbours_is_used() -> None:
    masks = buffer(mask(0, 1), mask(33, 2), mask(66, 3))
    assert [value(masks.choose(image(t))) for t in (0, 33, 40, 60, 106)] == [1, 2, 2, 3, 3]
    assert masks.choose(image(106)).state == 'used' and masks.choose(image(106)).problem == ''


@pytest.mark.parametrize(('at_ms', 'says'), [(41, 'under 50 ms'), (50, 'under 100 ms'), (1000, 'over 1 s')])
def test_one_that_is_too_old_is_none_and_said_in_steps(at_ms: int, says: str) -> None:
    choice = buffer(mask(0)).choose(image(at_ms))
    assert choice.mask is None and choice.problem == choice.state == f'instrument mask: {says} old, not used'
    assert buffer(mask(at_ms)).choose(image(0)).problem == choice.problem  # of the future as well


def test_one_of_another_size_is_none() -> None:
    choice = buffer(mask(0, shape=(2, 3))).choose(image(0))
    assert choice.mask is None and choice.problem == 'instrument mask: 3x2, the image is 6x4: not used'


def test_what_is_no_mask_is_refused_and_known_of() -> None:
    masks = buffer()
    with pytest.raises(DataError, match=r"^topic: encoding 'rgb8'; valid: mono8$"):
        masks.put(mask(0, encoding='bgr8'), 'topic', 'rgb8')
    assert masks.choose(image(0)).problem == 'instrument mask: not usable'
    unread = buffer()
    unread.heard()
    assert unread.choose(image(0)).problem == 'instrument mask: not usable'


def test_few_are_kept_and_all_go_when_time_jumps_back() -> None:
    masks = buffer(*(mask(100 * k, k) for k in range(MOST_MASKS + 1)))
    assert masks.choose(image(0)).mask is None and value(masks.choose(image(100))) == 1
    masks.forget()
    assert masks.choose(image(100)).problem == 'instrument mask: not usable'
