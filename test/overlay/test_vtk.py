# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The same scenes by VTK, an independent renderer, in many poses and cameras: where anatomy is, and how deep.

For lenses VTK's larger and finer picture is taken to the distorted one by OpenCV's own inverse of the model: nothing of our
projection has a part in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from arsurg_ros.files.meshes import load_mesh
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.raster import Rasteriser
from arsurg_ros.synthetic import phantom_meshes
from arsurg_ros.synthetic.organ import organ
from arsurg_ros.types import F32, F64, CameraModel, Mesh, MeshStyle

from .vtk_peer import Peer

WIDTH_PX, HEIGHT_PX = 320, 240
CASES = 50
# How much finer the picture is that is taken to a distorted one.
FINER = 6
# Depths of neighbouring pixels that are farther apart are of two surfaces, or of one that is seen edge on.
EDGE_M = 6e-3
NOWHERE_M = np.float32(1e9)
STRICT = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 500, 1e-12)


@pytest.fixture(scope='module')
def peer() -> Peer:
    return Peer()


def synthetic_meshes() -> dict[str, list[Mesh]]:
    vertices, triangles = organ(48)
    lumpy = Mesh('organ', vertices.astype(np.float32), triangles.astype(np.uint32))
    phantom = phantom_meshes()
    return {'organ': [lumpy], 'phantom': phantom, 'vessels': phantom[2:]}


def recorded_meshes(folder: Path) -> dict[str, list[Mesh]]:
    names = ('liver', 'portal_vein', 'hepatic_veins', 'liver_tumours')
    parts = [load_mesh(folder / 'Liver' / f'{name}.vtk') for name in names]
    middle = parts[0].vertices_m.mean(axis=0)
    parts = [Mesh(p.name, p.vertices_m - middle, p.triangles) for p in parts]
    return {'fig06': [load_mesh(folder / 'liver_sub.ply')], 'liver': parts[:1], 'inner parts': parts[1:]}


@pytest.fixture(scope='module')
def rasterisers() -> dict[str, Rasteriser]:
    return {}


@dataclass(frozen=True)
class Case:
    """A camera at a pose, before a scene: the scene's middle is somewhere in the picture."""

    camera: CameraModel
    T_cam_ct: F64


def random_case(
    rng: np.random.Generator, meshes: list[Mesh], distortion: F64, model: str, reaches: tuple[float, float] = (0.9, 4.0)
) -> Case:
    fx = WIDTH_PX * rng.uniform(0.5, 1.5)
    K = np.array([[fx, rng.uniform(-8, 8), 0.0], [0, fx * rng.uniform(0.6, 1.6), 0.0], [0, 0, 1]])
    K[:2, 2] = rng.uniform(0.2, 0.8, 2) * (WIDTH_PX, HEIGHT_PX)
    p = np.concatenate([m.vertices_m for m in meshes]).astype(np.float64)
    middle, reach = p.mean(axis=0), np.linalg.norm(p - p.mean(axis=0), axis=1).max()
    uv = rng.uniform(0.25, 0.75, 2) * (WIDTH_PX, HEIGHT_PX)
    z = reach * rng.uniform(*reaches)  # from within the anatomy's reach to well before it
    at = np.linalg.solve(K, [*uv, 1.0]) * z
    q = rng.normal(size=4)
    R = se3.from_quaternion([0, 0, 0], q / np.linalg.norm(q))[:3, :3]
    return Case(CameraModel(WIDTH_PX, HEIGHT_PX, K, distortion, model), se3.compose(R, at - R @ middle))


def ours_depth_m(rasterisers: dict[str, Rasteriser], name: str, meshes: list[Mesh], case: Case) -> F32:
    if name not in rasterisers:
        rasterisers[name] = Rasteriser(WIDTH_PX, HEIGHT_PX, meshes)
    styles = [MeshStyle((255, 255, 255))] * len(meshes)
    result = rasterisers[name].render(None, case.camera, [case.T_cam_ct] * len(meshes), styles)
    assert (np.isfinite(result.depth_m) == (result.ids > 0)).all()
    return np.array(result.depth_m)


def around(depth_m: F32) -> tuple[F32, F32]:
    """Return the nearest and the farthest depth of the nine pixels around each, of those where there is something."""
    square, there = np.ones((3, 3), np.uint8), np.isfinite(depth_m)
    return cv2.erode(np.where(there, depth_m, NOWHERE_M), square), cv2.dilate(np.where(there, depth_m, -NOWHERE_M), square)


def contour_rms_px(a: Any, b: Any) -> float:
    """Return the rms of how far either outline is from the other's, or from the picture's border, where outlines end.

    0 where there is none: the anatomy fills the picture.
    """
    v, u = np.mgrid[: a.shape[0], : a.shape[1]]
    border = np.minimum(np.minimum(u, a.shape[1] - 1 - u), np.minimum(v, a.shape[0] - 1 - v)) + 1
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    edges = [m & (cv2.erode(m.astype(np.uint8), cross) == 0) for m in (a, b)]
    away = [np.minimum(cv2.distanceTransform((~e).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), border) for e in edges]
    squared = np.concatenate([away[1][edges[0]], away[0][edges[1]]]) ** 2
    return float(np.sqrt(squared.sum() / max(squared.size, 1)))


@dataclass(frozen=True)
class Agreement:
    """How two depth pictures agree: masks by IoU and rms of the outline, depths away from edges."""

    iou: float
    contour_rms_px: float
    depth_p99_m: float
    depth_max_m: float


def agreement(ours_m: F32, theirs_m: F32) -> Agreement:
    """Compare; at an edge, where a surface ends or falls away from the eye, either may have another one's depth."""
    mine, other = np.isfinite(ours_m), np.isfinite(theirs_m)
    assert other.sum() > 300, 'the peer drew next to nothing: the case says nothing'
    both = mine & other
    nearest, farthest = around(theirs_m)
    inner = cv2.erode(both.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & (farthest - nearest < EDGE_M)
    assert inner.sum() > 0.1 * both.sum()
    off_m = np.abs(ours_m[inner].astype(np.float64) - theirs_m[inner])
    return Agreement(
        float((mine & other).sum() / (mine | other).sum()),
        contour_rms_px(mine, other),
        float(np.percentile(off_m, 99)),
        float(off_m.max()),
    )


@pytest.mark.parametrize('seed', range(CASES))
def test_a_random_camera_at_a_random_pose_sees_the_same(seed: int, peer: Peer, rasterisers: dict[str, Rasteriser]) -> None:
    scenes = synthetic_meshes()
    name = list(scenes)[seed % len(scenes)]
    case = random_case(np.random.default_rng(seed), scenes[name], np.zeros(5), 'plumb_bob')
    theirs_m = peer.depth_m(scenes[name], case.T_cam_ct, case.camera.K, WIDTH_PX, HEIGHT_PX)
    found = agreement(ours_depth_m(rasterisers, name, scenes[name], case), theirs_m)
    assert found.iou >= 0.99
    assert found.contour_rms_px <= 0.5
    assert found.depth_max_m <= 0.5e-3


@pytest.mark.parametrize('seed', range(3))
def test_the_numpy_twin_sees_the_same(seed: int, peer: Peer) -> None:
    meshes = list(synthetic_meshes().values())[seed]
    case = random_case(np.random.default_rng(seed), meshes, np.zeros(5), 'plumb_bob')
    twin = {'twin': Rasteriser(WIDTH_PX, HEIGHT_PX, meshes, backend='numpy')}
    theirs_m = peer.depth_m(meshes, case.T_cam_ct, case.camera.K, WIDTH_PX, HEIGHT_PX)
    found = agreement(ours_depth_m(twin, 'twin', meshes, case), theirs_m)
    assert found.iou >= 0.99
    assert found.contour_rms_px <= 0.5
    assert found.depth_max_m <= 0.5e-3


@pytest.mark.parametrize('seed', range(12))
def test_recorded_anatomy_is_seen_the_same(
    seed: int, peer: Peer, rasterisers: dict[str, Rasteriser], shared_data: Path
) -> None:
    scenes = recorded_meshes(shared_data / 'skvtk')
    name = list(scenes)[seed % len(scenes)]
    case = random_case(np.random.default_rng(1000 + seed), scenes[name], np.zeros(5), 'plumb_bob')
    theirs_m = peer.depth_m(scenes[name], case.T_cam_ct, case.camera.K, WIDTH_PX, HEIGHT_PX)
    found = agreement(ours_depth_m(rasterisers, name, scenes[name], case), theirs_m)
    assert found.iou >= 0.99
    assert found.contour_rms_px <= 0.5
    assert found.depth_max_m <= 0.5e-3


#: Name of a lens -> distortion model, coefficients, focal lengths as a part of the picture's width.
LENSES = {
    'barrel': ('plumb_bob', (-0.30, 0.10, 0.002, -0.003, -0.012), (0.75, 0.80)),
    'pincushion': ('plumb_bob', (0.25, 0.10, -0.004, 0.003, 0.02), (0.90, 0.80)),
    'decentred': ('plumb_bob', (-0.10, 0.02, 0.02, -0.015, 0.0), (0.80, 0.85)),
    'fisheye': ('equidistant', (0.05, -0.02, 0.004, -0.001, 0.0), (0.55, 0.52)),
}


def normalised(camera: CameraModel) -> F64:
    """Return x/z, y/z (H, W, 2) of every pixel, by OpenCV's inverse of the model; checks that OpenCV's projection agrees."""
    v, u = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    uv = np.stack([u, v], axis=-1).reshape(-1, 1, 2).astype(np.float64)
    zero = np.zeros(3)
    if camera.distortion_model == 'equidistant':
        d = camera.distortion[:4]
        xy = cv2.fisheye.undistortPoints(uv, camera.K, d, criteria=STRICT)
        rays = np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1)
        again, _ = cv2.fisheye.projectPoints(rays, zero, zero, camera.K, d)
    else:
        xy = cv2.undistortPointsIter(uv, camera.K, camera.distortion, None, None, STRICT)
        rays = np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1)
        again, _ = cv2.projectPoints(rays, zero, zero, camera.K, camera.distortion)
    assert np.abs(again.reshape(-1, 2) - uv[:, 0]).max() < 0.01
    return np.asarray(xy.reshape(HEIGHT_PX, WIDTH_PX, 2))


def through_lens(peer: Peer, meshes: list[Mesh], case: Case) -> F32:
    """Return the peer's depth as the lens shows it: its pinhole picture of the whole field, sampled by pixel."""
    xy = normalised(case.camera)
    low, high = xy.min(axis=(0, 1)), xy.max(axis=(0, 1))
    fine_px = FINER * np.diag(case.camera.K)[:2]
    size = np.ceil((high - low) * fine_px).astype(int) + 3
    K = np.array([[fine_px[0], 0, 1 - low[0] * fine_px[0]], [0, fine_px[1], 1 - low[1] * fine_px[1]], [0, 0, 1]])
    fine_m = peer.depth_m(meshes, case.T_cam_ct, K, *map(int, size))
    at = (xy * fine_px + K[:2, 2]).astype(np.float32)
    low_m, high_m = around(fine_m)
    nearest, low, high = (cv2.remap(z, at, None, cv2.INTER_NEAREST) for z in (fine_m, low_m, high_m))
    # On a plane 1/z is linear in a pinhole's picture: between pixels of one surface it is exact.
    between = cv2.remap(1 / fine_m, at, None, cv2.INTER_LINEAR)
    smooth = np.isfinite(nearest) & (high - low < EDGE_M)
    return np.where(smooth, 1 / np.where(smooth, between, 1), nearest)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('lens', list(LENSES))
def test_a_lens_bends_the_picture_as_opencv_says(lens: str, seed: int, peer: Peer, rasterisers: dict[str, Rasteriser]) -> None:
    model, coefficients, focal = LENSES[lens]
    scenes = synthetic_meshes()
    name = list(scenes)[seed % len(scenes)]
    case = random_case(np.random.default_rng(2000 + seed), scenes[name], np.array(coefficients), model, (1.3, 2.5))
    K = np.array([[focal[0] * WIDTH_PX, 0, 0.47 * WIDTH_PX], [0, focal[1] * WIDTH_PX, 0.54 * HEIGHT_PX], [0, 0, 1]])
    case = Case(CameraModel(WIDTH_PX, HEIGHT_PX, K, np.array(coefficients), model), case.T_cam_ct)
    found = agreement(ours_depth_m(rasterisers, name, scenes[name], case), through_lens(peer, scenes[name], case))
    assert found.iou >= 0.99
    assert found.contour_rms_px <= 0.5
    assert found.depth_p99_m <= 0.5e-3


@pytest.mark.parametrize(('shift_px', 'agrees'), [(0.0, True), (0.5, False)])
def test_half_a_pixel_would_be_seen(shift_px: float, agrees: bool, peer: Peer, rasterisers: dict[str, Rasteriser]) -> None:
    meshes = synthetic_meshes()['organ']
    case = random_case(np.random.default_rng(0), meshes, np.zeros(5), 'plumb_bob')
    K = case.camera.K + shift_px * np.array([[0, 0, 1], [0, 0, 1], [0, 0, 0]])
    theirs_m = peer.depth_m(meshes, case.T_cam_ct, K, WIDTH_PX, HEIGHT_PX)
    found = agreement(ours_depth_m(rasterisers, 'organ', meshes, case), theirs_m)
    assert (found.contour_rms_px <= 0.5) is agrees
