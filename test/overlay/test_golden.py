# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of every state against committed ones; ARSURG_WRITE_GOLDEN=1 writes them anew, to be looked at and committed.

Every pixel counts. Marks are the same on every machine but for their glyphs, which Pillow's FreeType draws at four times
their size: another version may move an edge by a sixteenth of a pixel, 16 of 255.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from arsurg_ros.overlay.readouts import Readouts
from arsurg_ros.overlay.render import OverlayRenderer
from arsurg_ros.overlay.scene import Scene
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.types import F64, U8, CameraModel

GOLDEN = Path(__file__).parent / 'golden'
REASONS = {
    OverlayState.LIVE: '',
    OverlayState.PREDICTED: 'pose predicted 18 ms ahead, about 0.4 mm',
    OverlayState.DRIFT: 'xiphoid: 4.1 mm off',
    OverlayState.STALE: 'pose 230 ms old',
    OverlayState.LOST: 'no marker',
    OverlayState.UNREGISTERED: 'no registration',
    OverlayState.REFUSED: 'FRE 8.2 mm, limit 3.0 mm',
}
#: Levels of 255 that a glyph's edge may be off, and the rasteriser's colours; the part of pixels that may be off by more.
EDGE, COLOUR, FEW = 24, 2, 5e-4


@pytest.mark.parametrize('state', list(OverlayState), ids=lambda s: s.value)
def test_a_state_looks_as_it_did(
    state: OverlayState, scene: Scene, camera: CameraModel, frame: U8, T_cam_ct: F64, T_cam_tip: F64
) -> None:
    # The margin as LIVE and DRIFT show it; the older pictures were made without one.
    margin = ('tumour', 0.0013) if state is OverlayState.DRIFT else None
    readouts = Readouts(T_cam_tip, np.array([0.06, -0.05, -0.01]), 0.00045, REASONS[state], margin)
    image = OverlayRenderer(scene, 320, 240).render(frame, camera, T_cam_ct, state, readouts).image
    path = GOLDEN / f'{state.value}.png'
    if os.environ.get('ARSURG_WRITE_GOLDEN'):
        cv2.imwrite(str(path), image)
    golden = cv2.imread(str(path))
    assert golden is not None, f'{path} is missing: run with ARSURG_WRITE_GOLDEN=1'
    difference = np.abs(image.astype(int) - golden).max(axis=2)
    assert difference.max() <= EDGE or (difference > EDGE).mean() < FEW
    assert (difference > COLOUR).mean() < 0.02 and difference.mean() < 0.1
