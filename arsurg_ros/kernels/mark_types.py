# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What can be drawn over a picture. Pixels, an integer coordinate is a pixel's centre; rgb 0-255, opacities 0-1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Union

import numpy as np

from arsurg_ros.errors import DataError
from arsurg_ros.types import F64

Rgb = tuple[int, int, int]
Box = tuple[float, float, float, float]
#: How dark a halo is, of its line's opacity.
HALO = 0.75
LONGEST_PERIOD_PX = 4096
LEAST_DASH_PX = 1.0
FARTHEST_PX = 1e9


@dataclass(frozen=True)
class Plate:
    """Darkens the box x0, y0 to x1, y1 (exclusive, rounded to pixels) to ``keep`` (0-1) of itself; round corners."""

    x0: float
    y0: float
    x1: float
    y1: float
    keep: float
    radius_px: float = 0.0

    def __post_init__(self) -> None:
        """Check; raises DataError."""
        _box(self, (self.x0, self.y0, self.x1, self.y1))
        _within(self, 'keep', self.keep, 0.0, 1.0)
        _within(self, 'radius_px', self.radius_px, 0.0, FARTHEST_PX)


@dataclass(frozen=True, eq=False)
class Polyline:
    """A line through points (N, 2), ends and joins round, over a dark halo of ``halo_px`` to each side.

    ``dash_px`` are the lengths of a dash and the gap, at least 1 px together, measured along the line without its round
    ends. One point alone is a disc.
    """

    points_px: F64
    rgb: Rgb
    width_px: float
    halo_px: float = 0.0
    alpha: float = 1.0
    dash_px: tuple[float, float] | None = None
    closed: bool = False

    def __post_init__(self) -> None:
        """Check; raises DataError."""
        points = np.asarray(self.points_px, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2:
            raise DataError(f'Polyline: points_px of shape {points.shape}; (N, 2) is valid')
        if not (np.abs(points) <= FARTHEST_PX).all():
            raise DataError(f'Polyline: points_px: a point is not finite, or farther than {FARTHEST_PX:.0e} px')
        object.__setattr__(self, 'points_px', points)
        _ink(self, self.rgb, self.alpha)
        _width(self, 'width_px', self.width_px)
        _within(self, 'halo_px', self.halo_px, 0.0, 1000.0)
        if self.dash_px is not None:
            on, off = self.dash_px
            if not (0 <= on < math.inf and 0 < off < math.inf and on + off >= LEAST_DASH_PX):
                raise DataError(f'Polyline: dash_px {self.dash_px}; a dash >= 0 and a gap > 0, together >= 1 px, are valid')


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    centre_px: tuple[float, float]
    radius_px: float
    rgb: Rgb
    alpha: float = 1.0

    def __post_init__(self) -> None:
        """Check; raises DataError."""
        _place(self, 'centre_px', *self.centre_px)
        _width(self, 'radius_px', self.radius_px)
        _ink(self, self.rgb, self.alpha)


@dataclass(frozen=True)
class Text:
    """One line of text; x, y is the left end of its baseline, ``size_px`` the font's size (em), rounded to pixels."""

    x_px: float
    y_px: float
    text: str
    rgb: Rgb
    size_px: float
    bold: bool = False

    def __post_init__(self) -> None:
        """Check; raises DataError. The size is the font's to judge."""
        _place(self, 'x_px, y_px', self.x_px, self.y_px)
        _ink(self, self.rgb, 1.0)


@dataclass(frozen=True)
class Stripes:
    """Stripes along x + slope y in a box (as Plate's); slope 0: the whole box.

    ``period_px`` and ``slope`` are rounded to whole pixels; ``share`` (0-1) of a period is coloured. Between the stripes is
    ``ground``, all opaque then, or nothing.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    rgb: Rgb
    period_px: float
    slope: float
    alpha: float = 1.0
    share: float = 0.6
    ground: Rgb | None = None

    def __post_init__(self) -> None:
        """Check; raises DataError."""
        _box(self, (self.x0, self.y0, self.x1, self.y1))
        _ink(self, self.rgb, self.alpha)
        _within(self, 'period_px', self.period_px, 1.0, LONGEST_PERIOD_PX)
        _within(self, 'slope', self.slope, -64.0, 64.0)
        _within(self, 'share', self.share, 0.0, 1.0)
        if self.ground is not None:
            _ink(self, self.ground, self.alpha)
            _within(self, 'alpha of stripes with a ground', self.alpha, 1.0, 1.0)


Mark = Union[Plate, Polyline, Disc, Text, Stripes]  # noqa: UP007 (evaluated at run time, Python 3.10)


def _said(mark: object) -> str:
    return type(mark).__name__


def _within(mark: object, name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise DataError(f'{_said(mark)}: {name} {value}; {low:g} to {high:g} is valid')


def _width(mark: object, name: str, value: float) -> None:
    if not 0 < value <= 1000:
        raise DataError(f'{_said(mark)}: {name} {value}; above 0, to 1000 is valid')


def _place(mark: object, name: str, x: float, y: float) -> None:
    if not (abs(x) <= FARTHEST_PX and abs(y) <= FARTHEST_PX):
        raise DataError(f'{_said(mark)}: {name} {x}, {y}; finite, to {FARTHEST_PX:.0e} px is valid')


def _box(mark: object, box: Box) -> None:
    for name, value in zip(('x0', 'y0', 'x1', 'y1'), box, strict=True):
        _within(mark, name, value, -FARTHEST_PX, FARTHEST_PX)


def _ink(mark: object, rgb: Rgb, alpha: float) -> None:
    if len(rgb) != 3 or not all(0 <= v <= 255 for v in rgb):
        raise DataError(f'{_said(mark)}: rgb {tuple(rgb)}; three numbers 0 to 255 are valid')
    _within(mark, 'alpha', alpha, 0.0, 1.0)
