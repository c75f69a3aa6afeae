# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Golden vectors of the marks kernel: the numpy twin's pictures, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from arsurg_ros.errors import KernelError
from arsurg_ros.kernels.golden import background, mark_rows
from arsurg_ros.kernels.mark_rows import BOX, LINE, MARK, STRIPES, TEXT
from arsurg_ros.kernels.reference_marks import ReferenceMarks

WIDTH, HEIGHT = 37, 24
#: Two glyphs: a wedge of 5 x 4 and a block of 3 x 6.
ATLAS = [*range(10, 210, 10), *([255] * 18)]
RED = (30, 60, 250)
Case = dict[str, Any]
ZIGZAG = [(4, 4), (31, 7), (6, 20), (34, 21)]


def marks() -> list[Case]:
    """Every kind of mark inside, across the edges and outside of the picture, several together, and every refusal."""
    box, line = (3.4, 4.5, 28.2, 21.0), (1.5, 1.0, 0.7)
    dashed = row(LINE, *line, 6.0, 4.5, 0.0, count=4)
    text = row(TEXT, count=3)
    glyphs = [[0, 5, 4, 10, 6], [20, 3, 6, 13, 4], [0, 5, 4, -2, 21]]
    stripes = row(STRIPES, -4, 3, 40, 29, 9, 2, 0.6)
    far = [(-1e6, 10.0), (1e6, 12.0), (20.5, -1e5), (20.5, 1e5)]
    return [
        case('box', [row(BOX, *box, 6.0)]),
        case('box, opaque, over the edge', [row(BOX, -5, -3, 70, 9, 0, alpha=1.0), row(BOX, 40, 20, 99, 99, 12, alpha=0.3)]),
        case('box inside out', [row(BOX, 20, 20, 10, 10, 4)]),
        case('line', [row(LINE, *line, count=4)], ZIGZAG),
        case('line, closed, thin', [row(LINE, 0.3, 0, 0, 0, 0, 1, count=4)], ZIGZAG),
        case('line, dashed', [dashed], ZIGZAG),
        case('line, dots, closed', [row(LINE, 1.2, 0, 0, 0.0, 5.0, 1.0, count=4)], ZIGZAG),
        case('disc', [row(LINE, 7.3, count=1)], [(32.2, 10.7)]),
        case('line that goes far', [row(LINE, *line, count=2), row(LINE, *line, 3.0, 5.0, count=2, first=2)], far, segments=64),
        case('line outside', [row(LINE, *line, count=2)], [(-20, 5), (20, -90)]),
        case('point twice', [row(LINE, *line, count=2)], [(9, 9), (9, 9)]),
        case('no points', [row(LINE, *line, count=0)]),
        case('stripes', [stripes, row(STRIPES, 30, 2, 46, 12, 5, -1, 0.5, alpha=1.0)]),
        case('stripes with a ground', [row(STRIPES, 2, 2, 46, 30, 7, -2, 0.6, 1, 10 + (20 << 8) + (30 << 16), alpha=1.0)]),
        case('stripes without a slope', [row(STRIPES, 2, 2, 46, 12, 7, 0, 0.6)]),
        case('text', [text], glyphs=glyphs),
        case('all together', [stripes, dashed, row(BOX, *box, 6.0), text], ZIGZAG, glyphs),
        case('nothing', []),
        case('a number that is none', [row(BOX, np.nan, 0, 9, 9)]),
        case('no such kind', [row(7)]),
        case('points that are not there', [row(LINE, *line, count=5)], ZIGZAG),
        case('points before the first', [row(LINE, *line, first=-1, count=2)], ZIGZAG),
        case('dashes too short', [row(LINE, *line, 0.2, 0.3, count=4)], ZIGZAG),
        case('stripes too long', [row(STRIPES, 0, 0, 9, 9, 5000, 1, 0.6)]),
        case('stripes too short', [row(STRIPES, 0, 0, 9, 9, 0, 1, 0.6)]),
        case('glyph outside of the atlas', [row(TEXT, count=1)], glyphs=[[30, 5, 4, 0, 0]]),
        case('glyph of negative size', [row(TEXT, count=1)], glyphs=[[0, -5, 4, 0, 0]]),
        case('glyphs that are not there', [row(TEXT, count=4)], glyphs=glyphs),
    ]


def row(kind: int, *own: float, alpha: float = 0.6, first: int = 0, count: int = 0) -> list[float]:
    """Return one mark in red."""
    values = [float(kind), *RED, alpha, first, count, *own]
    return values + [0.0] * (MARK - len(values))


def case(name: str, rows: list[list[float]], points: Any = (), glyphs: Any = (), segments: int = 512) -> Case:
    """Return one picture, or that it is refused."""
    flat = [v if np.isfinite(v) else str(v) for v in np.ravel(rows).tolist()]
    found: Case = {'name': name, 'width': WIDTH, 'height': HEIGHT, 'segments': segments, 'marks': flat}
    found |= {'points': np.ravel(points).tolist(), 'glyphs': np.ravel(glyphs).astype(int).tolist(), 'atlas': ATLAS}
    image = background(WIDTH, HEIGHT)
    try:
        ReferenceMarks(WIDTH, HEIGHT).draw(image, mark_rows(found))
    except KernelError:
        return {**found, 'refused': True, 'image': []}
    return {**found, 'refused': False, 'image': image.ravel().tolist()}
