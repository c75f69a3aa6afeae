# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The geometry of the synthetic pointer, its rod and its marker plate, in the frame of its tip, turned as the board; metres."""

from __future__ import annotations

import numpy as np

from arsurg_ros.geometry.shapes import revolved
from arsurg_ros.synthetic.scene import POINTER_BOARD, Scene
from arsurg_ros.synthetic.textures import plate_size_m
from arsurg_ros.types import Mesh

PLATE_THICKNESS_M = 0.004
#: Where the rod ends, in the board's frame; radii of tip, rod and grip; where along it the neck ends and the grip is, 0-1.
HEAD_M = (0.0, 0.0, -0.004)
TIP_RADIUS_M, ROD_RADIUS_M, GRIP_RADIUS_M = 0.0007, 0.0026, 0.0046
NECK, GRIP = 0.22, (0.45, 0.80)


def pointer_meshes() -> list[Mesh]:
    """Return pointer_rod and pointer_board, both closed and outward-facing; the board's front is in its plane."""
    return [_rod(), _board()]


def _rod() -> Mesh:
    along = np.array(HEAD_M) - Scene().p_tool_tip
    rod, grip = ROD_RADIUS_M, GRIP_RADIUS_M
    profile = [(TIP_RADIUS_M, 0), (rod, NECK), (rod, GRIP[0]), (grip, GRIP[0]), (grip, GRIP[1]), (rod, GRIP[1]), (rod, 1)]
    return revolved('pointer_rod', np.array(profile) * [1.0, np.linalg.norm(along)], along)


def _board() -> Mesh:
    w, h = plate_size_m(POINTER_BOARD) / 2
    corners = np.array([(x, y, z) for x in (-w, w) for y in (-h, h) for z in (-PLATE_THICKNESS_M, 0.0)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], dtype=np.uint32)
    return Mesh('pointer_board', (corners - Scene().p_tool_tip).astype(np.float32), triangles)
