# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from arsurg_ros.kernels.raster import Rasteriser
from arsurg_ros.types import CameraModel, Mesh, MeshStyle


def read_ply(path: Path) -> Mesh:
    """Read an ASCII PLY with triangles, millimetres."""
    lines = path.read_text().splitlines()
    counts = [int(line.split()[-1]) for line in lines if line.startswith('element')]
    body = lines[lines.index('end_header') + 1 :]
    points = np.array([line.split()[:3] for line in body[: counts[0]]], float) * 1e-3
    faces = np.array([line.split()[1:4] for line in body[counts[0] : sum(counts)]], np.uint32)
    return Mesh('liver', points.astype(np.float32), faces)


def read_pose(path: Path) -> np.ndarray:
    """Read the upper rows of a pose in millimetres; its rotation is written with 15 digits."""
    T = np.vstack([np.loadtxt(path).reshape(-1, 4)[:3], (0, 0, 0, 1)])
    T[:3, 3] *= 1e-3
    return T


def fig06(shared_data: Path, backend: str) -> float:
    """Return the IoU of our silhouette with the independent rendering's (drawn over a white background)."""
    folder = shared_data / 'skvtk'
    picture = cv2.imread(str(folder / 'fig06_case1b.png'))
    height, width = picture.shape[:2]
    camera = CameraModel(width, height, np.loadtxt(folder / 'calib.left.intrinsics.txt'))
    raster = Rasteriser(width, height, [read_ply(folder / 'liver_sub.ply')], backend=backend)
    T = read_pose(folder / 'model_to_camera.txt')
    mask = raster.render(None, camera, [T], [MeshStyle((255, 0, 0))]).ids > 0
    wanted = (picture != picture[0, 0]).any(axis=2)
    return float((mask & wanted).sum() / (mask | wanted).sum())


@pytest.mark.parametrize('backend', ['wasm', 'numpy'])
def test_fig06_silhouette(shared_data: Path, backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    iou = fig06(shared_data, backend)
    with capsys.disabled():
        print(f'\nskvtk fig06 silhouette IoU ({backend}): {iou:.5f}')
    assert iou >= 0.99
