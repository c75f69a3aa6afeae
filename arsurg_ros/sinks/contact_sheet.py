# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A run at a glance: pictures at even intervals in one labelled grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.types import U8

GAP_PX = 6
LABEL_PX = 22
PAPER = 24
STATE_RGB = {
    'live': (120, 220, 150),
    'predicted': (86, 220, 180),
    'drift': (255, 70, 200),
    'stale': (190, 190, 190),
    'lost': (255, 90, 70),
    'unregistered': (86, 180, 233),
    'refused': (240, 160, 0),
}


@dataclass(frozen=True)
class Tile:
    """A picture, bgr or grey, its time since the start, the overlay's state, and what else to say: an error, say."""

    image: U8
    time_s: float
    state: str = ''
    note: str = ''


class TileSampler:
    """Keeps at most ``2 * count`` pictures of a run of unknown length, evenly spread; ``tiles`` picks ``count``."""

    def __init__(self, count: int, width_px: int = 320) -> None:
        """Keep pictures of ``width_px``; raises ConfigError for fewer than one picture or pixel."""
        if count < 1 or width_px < 1:
            raise ConfigError(f'contact sheet: {count} pictures of {width_px} px: both must be at least 1')
        self._count, self._width = count, width_px
        self._stride, self._seen = 1, 0
        self._kept: list[Tile] = []

    def add(self, tile: Tile) -> None:
        """Offer the next picture; it is scaled down and copied where it is kept."""
        if self._seen % self._stride == 0:
            self._kept.append(Tile(shrink(tile.image, self._width), tile.time_s, tile.state, tile.note))
        self._seen += 1
        if len(self._kept) > 2 * self._count:
            self._kept = self._kept[::2]
            self._stride *= 2

    def tiles(self) -> list[Tile]:
        """Return up to ``count`` pictures from the first to the last kept."""
        indices = np.linspace(0, len(self._kept) - 1, min(self._count, len(self._kept))).round().astype(int)
        return [self._kept[i] for i in indices]


def shrink(image: U8, width_px: int) -> U8:
    """Return a bgr copy (H, W, 3) of a bgr or grey picture, ``width_px`` wide."""
    bgr = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    height_px = max(1, round(bgr.shape[0] * width_px / bgr.shape[1]))
    scaled = cv2.resize(bgr, (width_px, height_px), interpolation=cv2.INTER_AREA)
    return np.array(scaled, dtype=np.uint8)


def contact_sheet(tiles: Sequence[Tile], columns: int = 4, width_px: int = 320) -> U8:
    """Return the grid (H, W, 3) bgr of pictures, each ``width_px`` wide, under its label: time, state, note.

    Raises DataError for no picture, ConfigError for fewer than one column.
    """
    if not tiles:
        raise DataError('contact sheet: no pictures')
    if columns < 1:
        raise ConfigError(f'contact sheet: {columns} columns: at least 1')
    cells = [_cell(tile, width_px) for tile in tiles]
    columns = min(columns, len(cells))
    height = max(cell.shape[0] for cell in cells)
    rows = -(-len(cells) // columns)
    sheet = np.full((rows * (height + GAP_PX) + GAP_PX, columns * (width_px + GAP_PX) + GAP_PX, 3), PAPER, np.uint8)
    for i, cell in enumerate(cells):
        y, x = GAP_PX + i // columns * (height + GAP_PX), GAP_PX + i % columns * (width_px + GAP_PX)
        sheet[y : y + cell.shape[0], x : x + width_px] = cell
    return sheet


def save_contact_sheet(path: str | Path, tiles: Sequence[Tile], columns: int = 4, width_px: int = 320) -> None:
    """Write the grid as PNG; raises as ``contact_sheet`` does, and DataError where the file cannot be written."""
    done, data = cv2.imencode('.png', contact_sheet(tiles, columns, width_px))
    if not done:
        raise DataError(f'contact sheet {path}: OpenCV cannot encode it')
    try:
        Path(path).write_bytes(bytes(data))
    except OSError as e:
        raise DataError(f'contact sheet {path}: {e.strerror}') from e


def _cell(tile: Tile, width_px: int) -> U8:
    image = shrink(tile.image, width_px)
    label = np.full((LABEL_PX, width_px, 3), PAPER, np.uint8)
    x = _write(label, f'{tile.time_s:.2f} s', 2, (235, 235, 235))
    x = _write(label, tile.state.upper(), x, STATE_RGB.get(tile.state.lower(), (235, 235, 235)))
    _write(label, tile.note, x, (200, 200, 200))
    return np.vstack([label, image])


def _write(label: U8, text: str, x: int, rgb: tuple[int, int, int]) -> int:
    """Write text in place from ``x`` on; return where the next one begins."""
    if not text:
        return x
    plain = ''.join(c if ' ' <= c <= '~' else '?' for c in text)
    cv2.putText(label, plain, (x, LABEL_PX - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, rgb[::-1], 1, cv2.LINE_AA)
    return x + int(cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)[0][0]) + 10
