# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Readouts as marks: text on dark plates, borders, the tip. Every function returns marks and draws nothing.

Sizes go by the picture's height. At 1080 lines capitals are 25 px high, those of headings and of the number that counts
40 px: 12 mm on a 27 inch monitor, 20 minutes of arc from 2 m, as ISO 9241-303 has it for what must be read at a glance.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from arsurg_ros.kernels.marks import Disc, Mark, Plate, Polyline, Stripes, Text, text_size
from arsurg_ros.overlay.lines import BLACK, seen_px, with_halos
from arsurg_ros.types import F64, CameraModel

Rgb = tuple[int, int, int]
WHITE: Rgb = (255, 255, 255)
#: The font's size (em) in picture heights, and the least one that can be read at all.
EM, LEAST_EM_PX = 0.0315, 12.0
#: Sizes of lines relative to that.
HEADING = NUMBER = 1.6
#: A plate keeps this much of the picture's light; its padding, corners and the gaps of its lines and columns, in em.
KEEP, PADDING, CORNER, GAP, COLUMN = 0.25, 0.55, 0.3, 0.62, 0.9
MOST_LINES = 3
# In pixels of a picture of 480 lines.
RING_RADIUS, ARM, ARM_GAP = 9.0, 5.0, 3.0
Size = tuple[int, int]


@dataclass(frozen=True)
class Line:
    """A line of text; ``size`` is relative to the base size. Tabs part columns: the first to the left, others to the right.

    One that is too wide is made smaller, down to the base size, and then goes on below, unless it has columns.
    """

    text: str
    rgb: Rgb = WHITE
    size: float = 1.0
    bold: bool = False


@dataclass(frozen=True)
class Block:
    """Marks and the rectangle of whole pixels that they take: x, y of the top left, width and height."""

    marks: tuple[Mark, ...]
    x: int
    y: int
    width: int
    height: int


def scale_of(height_px: int) -> float:
    """Return the size of marks relative to a picture of 480 lines: they grow with it, and stay legible below."""
    return float(np.clip(height_px / 480, 0.6, 16.0))


def em_px(height_px: int) -> float:
    """Return the base size of text, in whole pixels."""
    return float(round(max(EM * height_px, LEAST_EM_PX)))


def text_block(
    size_px: Size, lines: Sequence[Line], corner: tuple[float, float], margin_px: float, widest: float = 1.0
) -> Block:
    """Return lines on a dark plate in a picture of (width, height); ``corner`` is 0-1 in x and y (0, 1 = lower left).

    ``margin_px`` is kept free all around, and the plate is no wider than ``widest`` (0-1) of what is left. Raises ConfigError
    where there is no font.
    """
    return _text_block(size_px, tuple(lines), corner, margin_px, widest)


@functools.lru_cache(64)
def _text_block(size_px: Size, lines: tuple[Line, ...], corner: tuple[float, float], margin_px: float, widest: float) -> Block:
    em = em_px(size_px[1])
    pad = round(PADDING * em)
    room = widest * (size_px[0] - 2 * margin_px) - 2 * pad
    rows = [_Row(row, em) for line in lines for row in _wrapped(line, em, room)]
    columns = _column_widths(rows, COLUMN * em)
    inner = max([sum(columns), *(row.width for row in rows if len(row.cells) == 1)])
    steps = [row.capital + (GAP * row.em if k else 0.0) for k, row in enumerate(rows)]
    width, height = round(inner + 2 * pad), round(sum(steps) + 2 * pad)
    x = round(margin_px + corner[0] * (size_px[0] - 2 * margin_px - width))
    y = round(margin_px + corner[1] * (size_px[1] - 2 * margin_px - height))
    marks: list[Mark] = [Plate(x, y, x + width, y + height, KEEP, CORNER * em)]
    baseline = float(y + pad)
    for row, step in zip(rows, steps, strict=True):
        baseline += step
        marks += row.marks(x + pad, baseline, columns)
    return Block(tuple(marks), x, y, width, height)


class _Row:
    """A line cut into its columns, and what they measure."""

    def __init__(self, line: Line, em: float) -> None:
        self.line, self.em = line, em * line.size
        self.cells = line.text.split('\t')
        self.sizes = [text_size(cell, self.em, line.bold) for cell in self.cells]
        self.capital, self.width = self.sizes[0].capital_px, self.sizes[0].width_px

    def marks(self, x: float, baseline: float, columns: Sequence[float]) -> list[Mark]:
        ends = np.cumsum(columns) if len(self.cells) > 1 else np.zeros(1)
        found: list[Mark] = []
        for k, (cell, size) in enumerate(zip(self.cells, self.sizes, strict=True)):
            left = x + float(ends[k]) - size.width_px if k else x
            found.append(Text(left, baseline, cell, self.line.rgb, self.em, self.line.bold))
        return found


def _column_widths(rows: Sequence[_Row], gap: float) -> list[float]:
    """Return the widths of columns, with the gap before each but the first."""
    count = max(len(row.cells) for row in rows)
    widths = [0.0] * count
    for row in rows:
        for k, size in enumerate(row.sizes if len(row.cells) > 1 else []):
            widths[k] = max(widths[k], size.width_px + (gap if k else 0.0))
    return widths


def _wrapped(line: Line, em: float, width_px: float) -> list[Line]:
    """Return a line as up to three that fit; the last one ends in dots where more would be needed."""

    def measured(text: str) -> float:
        return text_size(text, em * line.size, line.bold).width_px

    if '\t' in line.text or measured(line.text) <= width_px:
        return [line]
    if line.size > 1:  # no number is torn from its unit where smaller letters hold them together
        return _wrapped(replace(line, size=max(1.0, line.size * min(0.97, width_px / measured(line.text)))), em, width_px)
    found, words = [''], line.text.split()
    while words:
        longer = f'{found[-1]} {words[0]}'.strip()
        if measured(longer) <= width_px or not found[-1]:
            found[-1] = longer
            words.pop(0)
        elif len(found) < MOST_LINES:
            found.append('')
        else:
            found[-1] += '…'
            break
    return [Line(_cut(text, measured, width_px), line.rgb, line.size, line.bold) for text in found]


def _cut(text: str, measured: Callable[[str], float], width_px: float) -> str:
    """Return a text without its end where it is too wide."""
    if measured(text) <= width_px:
        return text
    while len(text) > 1 and measured(text + '…') > width_px:
        text = text[:-1].rstrip(' …')
    return text + '…'


def margin_line(name: str, distance_m: float, margin95_m: float | None, *, inside: bool) -> Line:
    """Return a structure's distance in columns, with the radius that holds its error 95 times in 100 where it is known."""
    within = 'inside ' if inside else ''
    doubt = '' if margin95_m is None else f'\t± {1e3 * margin95_m:.1f}'
    return Line(f'{shown(name)}\t{within}{1e3 * distance_m:.1f} mm{doubt}', size=NUMBER, bold=True)


def shown(name: str) -> str:
    """Return a structure's name as people write it."""
    return name.replace('_', ' ')


@functools.lru_cache(64)
def border(size_px: Size, rgb: Rgb, width_px: int, slope: int) -> tuple[Mark, ...]:
    """Return stripes, ``rgb`` and black, along the picture's edges, leaning by ``slope``'s sign; 0 is all ``rgb``."""
    (w, h), b = size_px, width_px
    period = max(8, round(0.1 * h))
    sides = ((0, 0, w, b), (0, h - b, w, h), (0, b, b, h - b), (w - b, b, w, h - b))
    return tuple(Stripes(*side, rgb, period, slope, ground=BLACK) for side in sides)


def age_badge(size_px: Size, text: str, rgb: Rgb, margin_px: float, below: Block | None = None) -> Block:
    """Return a small plate at the upper right: a dot of a colour that tells, and a text such as '23 ms'.

    It goes down where it would lie over the block that it is to stay ``below`` of.
    """
    em = em_px(size_px[1])
    size = text_size(text, em)
    pad, dot = round(PADDING * em), 0.36 * em
    width, height = round(size.width_px + 2 * dot + 0.4 * em + 2 * pad), round(size.capital_px + 2 * pad)
    x, y = round(size_px[0] - margin_px - width), round(margin_px)
    if below is not None and x < below.x + below.width:
        y = round(below.y + below.height + 0.4 * em)
    centre = (x + pad + dot - 0.5, y + height / 2 - 0.5)
    marks = (
        Plate(x, y, x + width, y + height, KEEP, height / 2),
        Disc(centre, dot, rgb),
        Text(x + pad + 2 * dot + 0.4 * em, y + pad + size.capital_px, text, WHITE, em),
    )
    return Block(marks, x, y, width, height)


def tip_marks(camera: CameraModel, T_cam_tip: F64) -> tuple[Mark, ...]:
    """Return the tip as a cross in a ring; nothing where it is not in front of the camera or far outside the picture."""
    tip = seen_px(camera, T_cam_tip[None, :3, 3])[0]
    size = np.array([camera.width_px, camera.height_px], dtype=np.float64)
    if not (np.nan_to_num(np.abs(tip - size / 2), nan=np.inf) < 2 * size).all():
        return ()
    return _cross(tip, scale_of(camera.height_px))


def _cross(tip: F64, s: float) -> tuple[Mark, ...]:
    radius, gap, halo = RING_RADIUS * s, ARM_GAP * s, 1.2 * s
    arms = [tip + np.outer([gap, radius + ARM * s], d) for d in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    around = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    ring = tip + radius * np.stack([np.cos(around), np.sin(around)], axis=1)
    width = 1.8 * s
    return with_halos([Polyline(ring, WHITE, width, closed=True), *(Polyline(arm, WHITE, width) for arm in arms)], halo)

