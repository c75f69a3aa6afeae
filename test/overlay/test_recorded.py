# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Against an independent rendering (VTK) of a recorded laparoscopic case."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from arsurg_ros.files.meshes import load_mesh
from arsurg_ros.geometry.camera import camera_model
from arsurg_ros.overlay.render import OverlayRenderer, Readouts
from arsurg_ros.overlay.scene import make_scene
from arsurg_ros.overlay.silhouette import SilhouetteError, compare_silhouettes
from arsurg_ros.overlay.state import OverlayState


def silhouette_error(folder: Path, half_px: float) -> SilhouetteError:
    """Compare with the rendering, the principal point moved by ``half_px`` both ways."""
    theirs = cv2.imread(str(folder / 'fig06_case1b.png'))
    assert theirs is not None
    K = np.loadtxt(folder / 'calib.left.intrinsics.txt')
    K[:2, 2] += half_px
    T = np.loadtxt(folder / 'model_to_camera.txt')
    T[:3, 3] *= 1e-3
    height_px, width_px = theirs.shape[:2]
    renderer = OverlayRenderer(make_scene({'liver': load_mesh(folder / 'liver_sub.ply')}, {}), width_px, height_px)
    camera = camera_model(width_px, height_px, K)
    ours = renderer.render(np.full_like(theirs, 128), camera, T, OverlayState.LIVE, Readouts())
    assert ours.ids is not None
    return compare_silhouettes((theirs < 255).any(axis=2), ours.ids > 0)


def test_the_silhouette_is_that_of_an_independent_renderer(shared_data: Path) -> None:
    error = silhouette_error(shared_data / 'skvtk', 0.0)
    assert error.iou >= 0.998
    assert error.contour_max_px <= 1.0


def test_what_differs_is_the_pixel_convention_alone(shared_data: Path) -> None:
    # VTK counts pixels from their corner, OpenCV from their centre.
    error = silhouette_error(shared_data / 'skvtk', -0.5)
    assert error.iou >= 0.9999
    assert error.contour_mean_px == pytest.approx(0.0, abs=0.02)
