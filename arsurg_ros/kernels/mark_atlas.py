# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The glyphs that texts have needed so far, one after the other in one array that only grows, and texts laid out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.kernels import font
from arsurg_ros.types import U8

#: Beyond these an atlas starts anew: numbers that change with every frame must not fill the memory.
MOST_BYTES, MOST_RUNS = 8 << 20, 4096
GLYPH = 5
I32 = NDArray[np.int32]
Style = tuple[int, bool]


@dataclass(frozen=True)
class Run:
    """A text's ``glyphs`` (n, 5): offset, width, height, left and top from the left end of the baseline; their ``box``."""

    glyphs: I32
    box: tuple[int, int, int, int]


class Atlas:
    """Coverage of glyphs, ``data[:used]``; ``generation`` counts how often it started anew."""

    def __init__(self) -> None:
        """Begin empty."""
        self.data: U8 = np.zeros(1 << 16, np.uint8)
        self.used = 0
        self.generation = 0
        self._glyphs: dict[tuple[str, Style], tuple[int, ...]] = {}
        self._runs: dict[tuple[str, Style], Run] = {}

    def start_anew_if_full(self) -> None:
        """Forget everything where there is too much of it; between two pictures, never while one is put together."""
        if self.used > MOST_BYTES or len(self._runs) > MOST_RUNS:
            self.used, self.generation = 0, self.generation + 1
            self._glyphs.clear()
            self._runs.clear()

    def run(self, text: str, size_px: float, bold: bool) -> Run:
        """Return a text laid out; raises ConfigError for its size."""
        style = (font.whole_px(size_px), bold)
        found = self._runs.get((text, style))
        if found is None:
            found = self._runs[text, style] = self._laid_out(font.known(text), style)
        return found

    def _laid_out(self, text: str, style: Style) -> Run:
        pens, _ = font.face(*style).pens(text)
        rows = []
        for c, pen in zip(text, pens, strict=True):
            offset, width, height, left, top = self._placed(c, style)
            if width:
                rows.append((offset, width, height, left + math.floor(pen + 0.5), top))
        glyphs = np.array(rows, np.int32).reshape(-1, GLYPH)
        if not rows:
            return Run(glyphs, (0, 0, 0, 0))
        low, high = glyphs[:, 3:].min(axis=0), (glyphs[:, 3:] + glyphs[:, 1:3]).max(axis=0)
        return Run(glyphs, (int(low[0]), int(low[1]), int(high[0]), int(high[1])))

    def _placed(self, character: str, style: Style) -> tuple[int, ...]:
        key = (character, style)
        if key not in self._glyphs:
            glyph = font.face(*style).glyph(character)
            height, width = glyph.cover.shape
            self._glyphs[key] = (self._append(glyph.cover.ravel()), width, height, glyph.left_px, glyph.top_px)
        return self._glyphs[key]

    def _append(self, cover: U8) -> int:
        start, self.used = self.used, self.used + cover.size
        if self.used > self.data.size:
            self.data = np.concatenate([self.data, np.zeros(max(self.data.size, cover.size), np.uint8)])
        self.data[start : self.used] = cover
        return start
