# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The geometry of the synthetic pointer, in the frame of its tip, which is turned as the board; metres."""

from __future__ import annotations

import numpy as np

from arsurg_ros.synthetic.phantom import tube
from arsurg_ros.synthetic.scene import POINTER_BOARD, Scene
from arsurg_ros.synthetic.textures import plate_size_m
from arsurg_ros.types import F64, U32, Mesh

PLATE_THICKNESS_M = 0.004
POINT_RADIUS_M, ROD_RADIUS_M, GRIP_RADIUS_M = 0.0007, 0.0026, 0.0046
#: Parts of the length from the tip to the plate: where the cone ends, where the grip begins and ends.
NECK, GRIP = 0.22, (0.45, 0.80)


def pointer_meshes() -> list[Mesh]:
    """Return pointer: a rod with its grip and the marker plate, each closed and outward-facing."""
    rod, rod_triangles = _rod()
    plate, plate_triangles = _plate()
    vertices = np.concatenate([rod, plate]).astype(np.float32)
    triangles = np.concatenate([rod_triangles, plate_triangles + len(rod)]).astype(np.uint32)
    return [Mesh('pointer', vertices, triangles)]


def _rod() -> tuple[F64, U32]:
    """Return a tube from the tip to the plate's back, a cone at first and thicker at the grip."""
    head = np.array([0.0, 0.0, -PLATE_THICKNESS_M]) - Scene().p_tool_tip
    step = 1e-3
    along = np.array([0.0, NECK, GRIP[0] - step, GRIP[0], GRIP[1], GRIP[1] + step, 1.0])
    radius = np.array([POINT_RADIUS_M, *2 * [ROD_RADIUS_M], *2 * [GRIP_RADIUS_M], *2 * [ROD_RADIUS_M]])
    return tube(along[:, None] * head, radius, sides=16)


def _plate() -> tuple[F64, U32]:
    """Return a box whose front is in the board's plane."""
    w, h = plate_size_m(POINTER_BOARD) / 2
    corners = np.array([(x, y, z) for x in (-w, w) for y in (-h, h) for z in (-PLATE_THICKNESS_M, 0.0)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], dtype=np.uint32)
    return corners - Scene().p_tool_tip, triangles
