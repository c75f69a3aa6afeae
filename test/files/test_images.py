# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from arsurg_ros.errors import DataError
from arsurg_ros.files.images import IMAGES, list_files, read_grey


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ('view10.png', 'view2.png', 'view1.JPG', 'notes.txt'):
        (tmp_path / name).write_bytes(b'x')
    return tmp_path


def test_numbers_in_names_sort_by_value(folder: Path) -> None:
    assert [f.name for f in list_files(str(folder), IMAGES, '--images')] == ['view1.JPG', 'view2.png', 'view10.png']


def test_a_pattern_or_one_file(folder: Path) -> None:
    assert [f.name for f in list_files(f'{folder}/*.png', IMAGES, '--images')] == ['view2.png', 'view10.png']
    assert [f.name for f in list_files(f'{folder}/view2.png', IMAGES, '--images')] == ['view2.png']


@pytest.mark.parametrize(('what', 'said'), [('none', 'nothing is there'), ('*.txt', '1 files, none of them with .png')])
def test_no_picture_is_said(folder: Path, what: str, said: str) -> None:
    with pytest.raises(DataError, match=f'--images .*{said}'):
        list_files(f'{folder}/{what}', IMAGES, '--images')


def test_colours_become_grey(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((4, 6, 3), 100, dtype=np.uint8))
    grey = read_grey(tmp_path / 'a.png')
    assert grey.shape == (4, 6)
    assert (grey == 100).all()


@pytest.mark.parametrize('content', [b'', b'no picture'])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / 'a.png').write_bytes(content)
    with pytest.raises(DataError, match=r'a\.png: not a picture'):
        read_grey(tmp_path / 'a.png')


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'a\.png: No such file'):
        read_grey(tmp_path / 'a.png')
