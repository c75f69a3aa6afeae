# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of every state against committed ones; ARSURG_WRITE_GOLDEN=1 writes them anew, to be looked at and committed.

Lettering differs between builds of OpenCV, so that it is compared by how much of it there is, and the rest pixel by pixel.
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
# Where banner (top) and readouts (bottom left) lie: rows, columns.
LETTERING = (np.s_[:72, 40:280], np.s_[180:, :230])


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
    assert difference.mean() < 6.0
    elsewhere = np.ones(difference.shape, bool)
    for area in LETTERING:
        elsewhere[area] = False
        ours, theirs = (_lettering(picture[area], frame[area]) for picture in (image, golden))
        assert ours == pytest.approx(theirs, rel=0.35, abs=0.01)
    assert difference[elsewhere].mean() < 0.5
    assert (difference[elsewhere] > 40).mean() < 0.01


def _lettering(picture: U8, frame: U8) -> float:
    """Return the share of pixels that the overlay changed by more than a fifth of the range."""
    return float((np.abs(picture.astype(int) - frame).max(axis=2) > 50).mean())
