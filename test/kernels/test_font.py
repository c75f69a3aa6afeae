# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arsurg_ros.errors import ConfigError
from arsurg_ros.kernels import font


@pytest.mark.parametrize('bold', [False, True])
def test_every_character_has_an_advance_and_all_but_spaces_a_glyph(bold: bool) -> None:
    face, advances = font.face(20, bold), font.outlines(bold).advances
    assert set(advances) == font.CHARACTERS
    blank = {c for c in font.CHARACTERS if not face.glyph(c).cover.size or not face.glyph(c).cover.any()}
    assert blank == {' ', '\xa0'}


def test_a_glyph_is_as_large_as_the_font_says() -> None:
    face = font.face(100, False)
    for c in 'HEo8':
        glyph, scale = face.glyph(c), 100 / font.outlines(False).units
        assert glyph.cover.max() == 255
        assert glyph.cover.shape[1] <= font.outlines(False).advances[c] * scale + 2
    capital = font.face(100, False).size('H').capital_px
    assert font.face(100, False).glyph('H').cover.sum(axis=0).max() / 255 == pytest.approx(capital, abs=0.6)


def test_bold_is_bolder() -> None:
    plain, bold = (font.face(40, b).glyph('l').cover.sum() for b in (False, True))
    assert bold > 1.3 * plain


def test_pens_go_on_from_left_to_right() -> None:
    pens, end = font.face(30, False).pens('Tumour 12')
    assert len(pens) == 9 and pens[0] == 0 and np.all(np.diff([*pens, end]) > 0)


def test_a_missing_font_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    font.font_file.cache_clear()
    monkeypatch.setattr(font.importlib.util, 'find_spec', lambda _: None)
    monkeypatch.setattr(font, 'SYSTEM_FOLDERS', (tmp_path,))
    with pytest.raises(ConfigError, match=r'DejaVuSans.ttf is missing: install matplotlib, or the package fonts-dejavu-core'):
        font.font_file(False)
    (tmp_path / 'DejaVuSans.ttf').touch()
    assert font.font_file(False) == tmp_path / 'DejaVuSans.ttf'
    font.font_file.cache_clear()
