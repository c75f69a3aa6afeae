# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A rigid board of square fiducial tags: what a tracker looks for and what the synthetic camera draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.types import F64


@dataclass(frozen=True)
class MarkerBoard:
    """Tags ``ids`` (N) with ``corners_m`` (N, 4, 3) in the board's own frame, metres.

    Corners go round as OpenCV's aruco module gives them: top-left, top-right, bottom-right, bottom-left of the upright tag.
    """

    name: str
    ids: tuple[int, ...]
    corners_m: F64
    dictionary: str = 'DICT_4X4_50'

    def __post_init__(self) -> None:
        """Raise ConfigError for no tag, a shape that does not fit, NaN, a repeated id, or a tag without area."""
        where = f'board {self.name!r}'
        if not self.ids or self.corners_m.shape != (len(self.ids), 4, 3):
            raise ConfigError(f'{where}: {len(self.ids)} ids with corners {self.corners_m.shape}: (N, 4, 3) is needed, N > 0')
        repeated = sorted({i for i in self.ids if self.ids.count(i) > 1})
        if repeated:
            raise ConfigError(f'{where}: id {repeated[0]} is there more than once')
        if min(self.ids) < 0:
            raise ConfigError(f'{where}: id {min(self.ids)} is negative')
        if not np.isfinite(self.corners_m).all():
            bad = self.ids[int(np.argwhere(~np.isfinite(self.corners_m))[0, 0])]
            raise ConfigError(f'{where}: tag {bad} has a corner that is not a finite number')
        self._check_areas(where)

    def _check_areas(self, where: str) -> None:
        diagonals = self.corners_m[:, [2, 3]] - self.corners_m[:, [0, 1]]
        areas = 0.5 * np.linalg.norm(np.cross(diagonals[:, 0], diagonals[:, 1]), axis=1)
        if areas.min() < 1e-8:
            raise ConfigError(f'{where}: tag {self.ids[int(areas.argmin())]} has no area ({areas.min() * 1e6:.3g} mm^2)')

    def planarity_m(self) -> float:
        """Return how far the farthest corner lies from the board's best plane, metres."""
        points = self.corners_m.reshape(-1, 3)
        centred = points - points.mean(axis=0)
        normal = np.linalg.svd(centred, full_matrices=False)[2][2]
        return float(np.abs(centred @ normal).max())


def grid_board(
    name: str, columns: int, rows: int, size_m: float, pitch_m: float, first_id: int = 0, dictionary: str = 'DICT_4X4_50'
) -> MarkerBoard:
    """Return a flat grid of tags, ids row by row from the top left; origin at its centre, x right, y up, z to the viewer.

    Raises ConfigError for fewer than one row or column, or tags that overlap.
    """
    if columns < 1 or rows < 1 or not 0 < size_m <= pitch_m:
        raise ConfigError(f'board {name!r}: grid {columns}x{rows}, size {size_m} m, pitch {pitch_m} m: 0 < size <= pitch')
    h = size_m / 2
    tag = np.array([[-h, h, 0.0], [h, h, 0.0], [h, -h, 0.0], [-h, -h, 0.0]])
    x = (np.arange(columns) - (columns - 1) / 2) * pitch_m
    y = ((rows - 1) / 2 - np.arange(rows)) * pitch_m
    centres = np.array([(cx, cy, 0.0) for cy in y for cx in x])
    ids = tuple(range(first_id, first_id + columns * rows))
    return MarkerBoard(name, ids, centres[:, None] + tag[None], dictionary)
