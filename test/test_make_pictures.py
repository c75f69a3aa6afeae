# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

PATH = Path(__file__).parents[1] / 'tools/make_pictures.py'
SPEC = importlib.util.spec_from_file_location('make_pictures', PATH)
assert SPEC is not None and SPEC.loader is not None
make_pictures = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_pictures)


def test_the_documents_pictures_are_made_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ('LIVE', 'WINDOW', 'TILE'):
        monkeypatch.setattr(make_pictures, name, (320, 180, 375.0, 16.5))
    assert make_pictures.main(['--out', str(tmp_path)]) == 0
    sizes = {name: cv2.imread(str(tmp_path / f'{name}.jpg')).shape for name in ('overlay', 'overlay_window', 'overlay_states')}
    gap = make_pictures.GAP_PX
    assert sizes == {
        'overlay': (180, 320, 3),
        'overlay_window': (180, 320, 3),
        'overlay_states': (3 * 180 + 2 * gap, 2 * 320 + gap, 3),
    }
    said = capsys.readouterr().out
    assert said.count('arsurg render --scene') == 2 + len(make_pictures.STATES)
    assert 'warning' not in said


def test_a_picture_that_cannot_be_drawn_ends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = make_pictures.Taken(tmp_path, (320, 180, 375.0, 16.5))
    with pytest.raises(SystemExit, match='exit status 2'):
        taken.render('--hide', 'spleen')
    assert "'spleen'" in capsys.readouterr().err


def test_a_sheet_has_its_pictures_in_rows() -> None:
    tiles = [np.full((4, 6, 3), 10 * k, np.uint8) for k in range(3)]
    found = make_pictures.sheet(tiles, 2)
    gap = make_pictures.GAP_PX
    assert found.shape == (8 + gap, 12 + gap, 3)
    assert (found[4 + gap :, :6] == 20).all() and (found[:4, 6 + gap :] == 10).all()
    assert (found[4 + gap :, 6:] == make_pictures.PAPER).all()
