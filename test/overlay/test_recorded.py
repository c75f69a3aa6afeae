# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg render`` against recordings: another renderer's picture of a laparoscopic case, and a photograph of a chessboard."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from arsurg_ros.cli import main
from arsurg_ros.files.meshes import save_ply
from arsurg_ros.files.poses import load_poses
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model, project
from arsurg_ros.overlay.silhouette import SilhouetteError, compare_silhouettes
from arsurg_ros.types import F64, U8, Mesh

# Of the discs on the chessboard's corners: some 18 px across in the photograph.
RADIUS_M, SIDES = 0.6e-3, 24


def mask_of(folder: Path, tmp_path: Path, *words: str) -> U8:
    out = tmp_path / 'mask.png'
    assert main(['render', *words, '--out', str(tmp_path / 'out.png'), '--mask', str(out)]) == 0
    return np.asarray(cv2.imread(str(out), cv2.IMREAD_GRAYSCALE))


def fig06(folder: Path, tmp_path: Path, origin: str, backend: str) -> SilhouetteError:
    """Compare with the rendering of fig. 6, which VTK made over white."""
    theirs = cv2.imread(str(folder / 'fig06_case1b.png'))
    words = ['--mesh', str(folder / 'liver_sub.ply'), '--intrinsics', str(folder / 'calib.left.intrinsics.txt')]
    words += ['--pose', str(folder / 'model_to_camera.txt'), '--size', f'{theirs.shape[1]}x{theirs.shape[0]}']
    ours = mask_of(folder, tmp_path, *words, '--pixel-origin', origin, '--backend', backend)
    return compare_silhouettes((theirs < 255).any(axis=2), ours > 0)


@pytest.mark.parametrize('backend', ['wasm', 'numpy'])
def test_the_silhouette_is_that_of_an_independent_renderer(backend: str, shared_data: Path, tmp_path: Path) -> None:
    error = fig06(shared_data / 'skvtk', tmp_path, 'corner', backend)
    assert error.iou >= 0.9999
    assert error.contour_mean_px <= 0.02
    assert error.contour_max_px <= 1.0


def test_what_the_pixel_origin_changes_is_half_a_pixel(shared_data: Path, tmp_path: Path) -> None:
    error = fig06(shared_data / 'skvtk', tmp_path, 'centre', 'wasm')
    assert error.iou == pytest.approx(0.9986, abs=2e-4)
    assert error.contour_mean_px == pytest.approx(0.51, abs=0.02)


def test_drawn_discs_lie_on_the_corners_of_the_photograph(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / 'skvtk' / 'chessboard1095'
    corners, seen = (np.loadtxt(folder / f) for f in ('chessboard_14_10_3_no_ID.txt', 'left-1095-undistorted.png.points.txt'))
    save_ply(discs(corners * 1e-3), tmp_path / 'discs.ply')
    words = ['--mesh', str(tmp_path / 'discs.ply'), '--intrinsics', str(folder / 'calib.left.intrinsic.txt')]
    photograph = folder / 'left-1095-undistorted.png'
    words += ['--pose', str(folder / 'left-1095.extrinsic.txt'), '--image', str(photograph)]
    count, _, _, centres = cv2.connectedComponentsWithStats(mask_of(folder, tmp_path, *words))
    assert count == 1 + len(seen) == 141
    off_px = np.linalg.norm(centres[1:, None] - seen[None], axis=2).min(axis=0)
    # Centres of discs are good to some hundredths of a pixel.
    assert np.sqrt((off_px**2).mean()) == pytest.approx(0.605, abs=0.01)
    assert off_px.max() == pytest.approx(1.63, abs=0.1)
    difference = cv2.absdiff(cv2.imread(str(tmp_path / 'out.png')), cv2.imread(str(photograph)))
    assert 100 < np.count_nonzero(difference.max(axis=2)) < 140 * 26 * 26


def test_the_projection_is_as_good_as_its_calibration(shared_data: Path) -> None:
    folder = shared_data / 'skvtk' / 'chessboard1095'
    corners, seen = (np.loadtxt(folder / f) for f in ('chessboard_14_10_3_no_ID.txt', 'left-1095-undistorted.png.points.txt'))
    camera = camera_model(1920, 1080, np.loadtxt(folder / 'calib.left.intrinsic.txt'))
    T_cam_board = load_poses(str(folder / 'left-1095.extrinsic.txt'), 1e-3).T[0]
    off_px = np.linalg.norm(project(camera, se3.transform(T_cam_board, corners * 1e-3)) - seen, axis=1)
    assert np.sqrt((off_px**2).mean()) == pytest.approx(0.605, abs=5e-4)
    assert off_px.max() == pytest.approx(1.63, abs=5e-3)


def discs(p_m: F64) -> Mesh:
    """Return a small disc around each point, in the board's plane."""
    angle = 2 * np.pi * np.arange(SIDES) / SIDES
    around = RADIUS_M * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    fan = np.array([(0, k + 1, k) for k in range(1, SIDES - 1)])
    triangles = SIDES * np.arange(len(p_m))[:, None, None] + fan
    return Mesh('discs', (p_m[:, None] + around).reshape(-1, 3).astype(np.float32), triangles.reshape(-1, 3).astype(np.uint32))
