# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Flat boards that a camera is calibrated with: chessboard, ChArUco, and a grid of ArUco tags.

The board's frame is OpenCV's (since 4.6): x right, y down, z away from who looks at it. Its origin is the first inner corner
of a chessboard, and the top left corner of a ChArUco board or of the first tag of a grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.types import F64, I64

KINDS = ('chessboard', 'charuco', 'aruco')
MOST = 1000


@dataclass(frozen=True)
class CalibrationBoard:
    """A board of ``columns`` x ``rows``: inner corners (chessboard), squares (charuco) or tags (aruco).

    ``pitch_m`` is the distance of neighbours: the side of a square, or of a tag and its gap; ``tag_m`` the side of a tag.
    ``legacy`` is the ChArUco pattern of OpenCV before 4.6, which differs where ``rows`` is even.
    """

    kind: str
    columns: int
    rows: int
    pitch_m: float
    tag_m: float = 0.0
    dictionary: str = ''
    legacy: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigError for a board that cannot be."""
        where = f'board {self.kind} {self.columns}x{self.rows}'
        if self.kind not in KINDS:
            raise ConfigError(f'board {self.kind!r}: unknown; valid: {", ".join(KINDS)}')
        least = {'chessboard': 3, 'charuco': 3, 'aruco': 1}[self.kind]
        if not (least <= self.columns <= MOST and least <= self.rows <= MOST):
            raise ConfigError(f'{where}: both must be {least} to {MOST}')
        if not (math.isfinite(self.pitch_m) and self.pitch_m > 0):
            raise ConfigError(f'{where}: size {self.pitch_m:g} m: a positive length is needed')
        if self.kind != 'chessboard' and not 0 < self.tag_m < self.pitch_m:
            lengths = f'a tag of {self.tag_m:g} m every {self.pitch_m:g} m'
            raise ConfigError(f'{where}: {lengths}: a tag must be positive and smaller than its square')
        if self.legacy and self.kind != 'charuco':
            raise ConfigError(f'{where}: legacy: only a charuco board has such a pattern')

    @property
    def p_board_m(self) -> F64:
        """All points (N, 3) in the board's frame by their ids, row by row; of a tag its 4 corners round, from the top left."""
        if self.kind == 'aruco':
            tag = self.tag_m * np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
            return _flat((self._grid(self.columns, self.rows, 0)[:, None] + tag).reshape(-1, 2))
        if self.kind == 'charuco':
            return _flat(self._grid(self.columns - 1, self.rows - 1, 1))
        return _flat(self._grid(self.columns, self.rows, 0))

    def _grid(self, columns: int, rows: int, first: int) -> F64:
        y, x = np.mgrid[first : rows + first, first : columns + first]
        out: F64 = np.stack([x.ravel(), y.ravel()], axis=1) * self.pitch_m
        return out

    def symmetries(self) -> tuple[I64, ...]:
        """Return the orders of the points that look alike, the first as it is: only chessboards have more than one.

        A chessboard turned by 180 degrees looks the same where columns and rows are both even or both odd.
        """
        order = np.arange(len(self.p_board_m), dtype=np.int64)
        if self.kind != 'chessboard' or (self.columns + self.rows) % 2:
            return (order,)
        if self.columns != self.rows:
            return order, order[::-1].copy()
        grid = order.reshape(self.rows, self.columns)
        return tuple(np.rot90(grid, k).ravel() for k in range(4))

    def describe(self) -> str:
        """Return the board in words, with its unit."""
        count, pitch = f'{self.columns}x{self.rows}', f'{self.pitch_m * 1e3:g} mm'
        if self.kind == 'chessboard':
            return f'chessboard of {count} inner corners, squares of {pitch}'
        tag = f'tags of {self.tag_m * 1e3:g} mm, {self.dictionary}'
        if self.kind == 'aruco':
            return f'grid of {count} ArUco tags every {pitch}, {tag}'
        return f'ChArUco of {count} squares of {pitch}, {tag}{", legacy pattern" if self.legacy else ""}'


def _flat(xy: F64) -> F64:
    return np.concatenate([xy, np.zeros((len(xy), 1))], axis=1)
