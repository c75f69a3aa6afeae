# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The geometry of the synthetic pointer's marker plate, in the frame of its tip, which is turned as the board; metres."""

from __future__ import annotations

import numpy as np

from arsurg_ros.synthetic.scene import POINTER_BOARD, Scene
from arsurg_ros.synthetic.textures import plate_size_m
from arsurg_ros.types import Mesh

PLATE_THICKNESS_M = 0.004


def pointer_meshes() -> list[Mesh]:
    """Return pointer_board: a closed, outward-facing box, its front in the board's plane."""
    w, h = plate_size_m(POINTER_BOARD) / 2
    corners = np.array([(x, y, z) for x in (-w, w) for y in (-h, h) for z in (-PLATE_THICKNESS_M, 0.0)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], dtype=np.uint32)
    return [Mesh('pointer_board', (corners - Scene().p_tool_tip).astype(np.float32), triangles)]
