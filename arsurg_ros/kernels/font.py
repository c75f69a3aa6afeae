# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Anti-aliased glyphs of DejaVu Sans: wide, open letters, I l 1 and O 0 apart, digits of one width, Latin-1 and signs.

Glyphs are drawn by Pillow at four times their size and averaged, so that they hardly depend on FreeType's hinting;
advances and kerning are the font's own, in fractions of a pixel.
"""

from __future__ import annotations

import functools
import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.types import U8

FILES = {False: 'DejaVuSans.ttf', True: 'DejaVuSans-Bold.ttf'}
#: Where matplotlib's wheel, Debian's matplotlib and fonts-dejavu-core have them.
SYSTEM_FOLDERS = (Path('/usr/share/matplotlib/mpl-data/fonts/ttf'), Path('/usr/share/fonts/truetype/dejavu'))
SIGNS = '–—…µμσΔΩ←↑→↓≤≥≈•●▲△⚠✓✗'
CHARACTERS = frozenset([*map(chr, range(0x20, 0x7F)), *map(chr, range(0xA0, 0x100)), *SIGNS])
LEAST_PX, MOST_PX = 6, 400
SUPERSAMPLING = 4


@dataclass(frozen=True)
class TextSize:
    """A text's advance, pixels, and the height of its capitals and digits, by which legibility goes."""

    width_px: float
    capital_px: float


@dataclass(frozen=True)
class Glyph:
    """Coverage (h, w) of one character, 0-255; its top left is ``left_px``, ``top_px`` from the pen on the baseline."""

    cover: U8
    left_px: int
    top_px: int


@dataclass(frozen=True)
class Outlines:
    """What a font file says, in its own units: advances and kerning by character, the height of capitals."""

    units: float
    advances: dict[str, float]
    kerning: dict[tuple[str, str], float]
    capital: float


class Face:
    """One font at one size, in whole pixels."""

    def __init__(self, size_px: int, bold: bool) -> None:
        """Open the font; raises ConfigError where it is nowhere."""
        from PIL import ImageFont

        self._outlines = outlines(bold)
        self._scale = size_px / self._outlines.units
        # Basic layout: one glyph at a time needs no shaping, and libraqm is not everywhere.
        layout = ImageFont.Layout.BASIC
        self._font = ImageFont.truetype(str(font_file(bold)), SUPERSAMPLING * size_px, layout_engine=layout)
        self._glyphs: dict[str, Glyph] = {}

    def pens(self, text: str) -> tuple[list[float], float]:
        """Return where each character's pen stands and where the last one's ends, pixels from the first."""
        found, at, before = [], 0.0, ''
        advances, kerning = self._outlines.advances, self._outlines.kerning
        for c in text:
            at += kerning.get((before, c), 0.0)
            found.append(at * self._scale)
            at += advances[c]
            before = c
        return found, at * self._scale

    def size(self, text: str) -> TextSize:
        """Return what a text of known characters takes."""
        o, s = self._outlines, self._scale
        return TextSize(self.pens(text)[1], o.capital * s)

    def glyph(self, character: str) -> Glyph:
        """Return a character's coverage, drawn when first asked for."""
        if character not in self._glyphs:
            self._glyphs[character] = self._drawn(character)
        return self._glyphs[character]

    def _drawn(self, character: str) -> Glyph:
        n = SUPERSAMPLING
        mask, (left, top) = self._font.getmask2(character, mode='L', anchor='ls')
        width, height = mask.size
        if not width or not height:
            return Glyph(np.zeros((0, 0), np.uint8), 0, 0)
        left_px, top_px = math.floor(left / n), math.floor(top / n)
        right_px, bottom_px = math.ceil((left + width) / n), math.ceil((top + height) / n)
        fine = np.zeros((n * (bottom_px - top_px), n * (right_px - left_px)), np.uint32)
        y, x = top - n * top_px, left - n * left_px
        fine[y : y + height, x : x + width] = np.asarray(mask, dtype=np.uint8).reshape(height, width)
        cells = fine.reshape(bottom_px - top_px, n, right_px - left_px, n).sum(axis=(1, 3))
        return Glyph(((cells + n * n // 2) // (n * n)).astype(np.uint8), left_px, top_px)


@functools.cache
def face(size_px: int, bold: bool) -> Face:
    """Return a font at a size; raises ConfigError for one that is no glyph's, or where the font is nowhere."""
    if not LEAST_PX <= size_px <= MOST_PX:
        raise ConfigError(f'text of {size_px} px; {LEAST_PX} to {MOST_PX} px are valid')
    return Face(size_px, bold)


def known(text: str) -> str:
    """Return the text with a question mark for every character that has no glyph here."""
    return text if CHARACTERS.issuperset(text) else ''.join(c if c in CHARACTERS else '?' for c in text)


def text_size(text: str, size_px: float, bold: bool = False) -> TextSize:
    """Return the exact size of a text whose font size (em) is ``size_px``, rounded to whole pixels; raises ConfigError."""
    return face(whole_px(size_px), bold).size(known(text))


def whole_px(size_px: float) -> int:
    """Return a font size as it is drawn; raises ConfigError for one that is not finite."""
    if not math.isfinite(size_px):
        raise ConfigError(f'text of {size_px} px; {LEAST_PX} to {MOST_PX} px are valid')
    return math.floor(size_px + 0.5)


@functools.cache
def font_file(bold: bool) -> Path:
    """Return where the font is: matplotlib's copy, or the system's; raises ConfigError that names the package."""
    spec = importlib.util.find_spec('matplotlib')
    own = [Path(spec.origin).parent / 'mpl-data' / 'fonts' / 'ttf'] if spec and spec.origin else []
    for folder in (*own, *SYSTEM_FOLDERS):
        if (folder / FILES[bold]).is_file():
            return folder / FILES[bold]
    raise ConfigError(f'font {FILES[bold]} is missing: install matplotlib, or the package fonts-dejavu-core')


@functools.cache
def outlines(bold: bool) -> Outlines:
    """Return advances, kerning and reach of the font, as its tables have them."""
    from fontTools.ttLib import TTFont

    with TTFont(font_file(bold), lazy=True) as font:
        names = {c: name for c in CHARACTERS if (name := font.getBestCmap().get(ord(c)))}
        return Outlines(
            float(font['head'].unitsPerEm),
            {c: float(font['hmtx'][name][0]) for c, name in names.items()},
            _kerning(font, names),
            float(font['glyf']['H'].yMax),
        )


def _kerning(font: Any, names: dict[str, str]) -> dict[tuple[str, str], float]:
    """Return the kerning between letters; none between digits, whose columns must stay."""
    pairs = {p: float(v) for table in font['kern'].kernTables for p, v in table.kernTable.items()}
    letters = {name: c for c, name in names.items() if not c.isdigit()}
    return {(letters[a], letters[b]): v for (a, b), v in pairs.items() if a in letters and b in letters and v}
