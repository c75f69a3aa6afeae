# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of every state against committed ones; ARSURG_WRITE_GOLDEN=1 writes them anew, to be looked at and committed.

Every pixel counts. The kernels give the same bytes on every machine; glyphs come from Pillow's FreeType, at four times their
size, and are the same with Pillow 10.2 (FreeType 2.13.2) and 12.3 (2.14.3). The few pixels that may differ are for a version
that draws an edge differently: a moved or a changed letter has more.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from arsurg_ros.geometry.shapes import shaft
from arsurg_ros.overlay.readouts import Readouts
from arsurg_ros.overlay.render import OverlayRenderer
from arsurg_ros.overlay.scene import Anatomy, Instrument, Landmark, Scene, Trajectory
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.overlay.style import OKABE_ITO, Role
from arsurg_ros.types import F64, U8, CameraModel, MeshStyle

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
AGES_S = {state: 0.041 if state is OverlayState.PREDICTED else 0.023 for state in OverlayState}
#: Levels of 255 that no more than a few pixels may be off.
LEVELS, FEW = 2, 3e-4


def full(scene: Scene) -> Scene:
    """Return the scene with all that one can have: a safety margin, a plan, a landmark, an instrument."""
    vessel = next(a for a in scene.anatomies if a.name == 'vessel')
    shell = replace(vessel.style, fill=0.0, dashed=True, inflate_m=0.003, solid=False)
    margin = Anatomy(replace(vessel.mesh, name='vessel margin'), shell, Role.MARGIN, margin_of='vessel')
    line = MeshStyle(OKABE_ITO['blue'], width_px=4.0)
    plan = Trajectory('biopsy', np.array([[0.01, -0.06, -0.02], [0.0, 0.0, 0.0]]), line)
    point = Landmark('xiphoid', np.array([-0.034, -0.02, 0.0]), MeshStyle(OKABE_ITO['white']))
    tool = Instrument('pointer', shaft('pointer', 0.0015, 0.1), MeshStyle((0, 0, 0)))
    return Scene((*scene.anatomies, margin), (point,), (plan,), (tool,))


@pytest.mark.parametrize('state', list(OverlayState), ids=lambda s: s.value)
def test_a_state_looks_as_it_did(
    state: OverlayState, scene: Scene, camera: CameraModel, frame: U8, T_cam_ct: F64, T_cam_tip: F64
) -> None:
    margins = (('tumour', 0.0013),)
    readouts = Readouts(T_cam_tip, fre_m=0.00045, reason=REASONS[state], margins=margins, pose_age_s=AGES_S[state])
    image = OverlayRenderer(full(scene), 320, 240).render(frame, camera, T_cam_ct, state, readouts).image
    path = GOLDEN / f'{state.value}.png'
    if os.environ.get('ARSURG_WRITE_GOLDEN'):
        cv2.imwrite(str(path), image)
    golden = cv2.imread(str(path))
    assert golden is not None, f'{path} is missing: run with ARSURG_WRITE_GOLDEN=1'
    difference = np.abs(image.astype(int) - golden).max(axis=2)
    assert (difference > LEVELS).mean() < FEW
