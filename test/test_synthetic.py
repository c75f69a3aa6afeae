# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.kernels.raster import Rasteriser
from arsurg_ros.synthetic import POINTER_BOARD, REFERENCE_BOARD, Scene, phantom_meshes, pointer_meshes, render_frame
from arsurg_ros.synthetic.body import surface_height_m
from arsurg_ros.types import F64, Mesh, MeshStyle

SCENE = Scene()
TIMES_S = np.arange(0.0, 30.0, 1 / 15)


@pytest.fixture(scope='module')
def meshes() -> dict[str, Mesh]:
    return {m.name: m for m in phantom_meshes()}


def volume_m3(mesh: Mesh) -> float:
    a, b, c = (mesh.vertices_m[mesh.triangles[:, k]].astype(np.float64) for k in range(3))
    return float(np.einsum('ij,ij->', a, np.cross(b, c)) / 6)


def winding(mesh: Mesh, point: F64) -> float:
    """Return how often a closed mesh goes round a point (van Oosterom and Strackee 1983)."""
    a, b, c = (mesh.vertices_m[mesh.triangles[:, k]].astype(np.float64) - point for k in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    top = np.einsum('ij,ij->i', a, np.cross(b, c))
    low = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
    return float(np.arctan2(top, low).sum() / (2 * np.pi))


@pytest.mark.parametrize('name', ['liver', 'tumour', 'portal_vein', 'hepatic_vein'])
def test_every_mesh_is_closed_and_faces_outwards(meshes: dict[str, Mesh], name: str) -> None:
    triangles = meshes[name].triangles.astype(int)
    directed = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    forth = {tuple(e) for e in directed.tolist()}
    assert len(forth) == len(directed)
    assert {(b, a) for a, b in forth} == forth
    assert volume_m3(meshes[name]) > 0
    assert np.isfinite(meshes[name].vertices_m).all() and triangles.max() < len(meshes[name].vertices_m)


def test_the_organ_has_a_plausible_size_and_count(meshes: dict[str, Mesh]) -> None:
    assert 3000 <= len(meshes['liver'].triangles) <= 6000
    assert 0.14 < np.ptp(meshes['liver'].vertices_m, axis=0).max() < 0.18
    assert 2e-6 < volume_m3(meshes['tumour']) < 2e-5


@pytest.mark.parametrize('name', ['tumour', 'portal_vein', 'hepatic_vein'])
def test_what_belongs_inside_of_the_liver_is_inside(meshes: dict[str, Mesh], name: str) -> None:
    points = meshes[name].vertices_m[::17].astype(np.float64)
    assert all(winding(meshes['liver'], p) == pytest.approx(1.0, abs=1e-3) for p in points)


def test_the_anatomy_lies_under_the_skin(meshes: dict[str, Mesh]) -> None:
    for mesh in meshes.values():
        p = se3.transform(SCENE.T_ref_ct, mesh.vertices_m)
        assert (surface_height_m(p[:, 0], p[:, 1]) - p[:, 2]).min() > 0.01


def test_landmarks_lie_on_the_skin_and_are_the_same_in_both_frames() -> None:
    assert 6 <= len(SCENE.landmarks_ct) <= 8
    for name, p_ct in SCENE.landmarks_ct.items():
        p_ref = se3.transform(SCENE.T_ref_ct, p_ct)
        np.testing.assert_allclose(p_ref, SCENE.landmarks_ref[name], atol=1e-12)
        assert p_ref[2] == pytest.approx(float(surface_height_m(p_ref[0], p_ref[1])), abs=1e-12)


def test_transforms_are_rigid_and_ref_is_not_ct() -> None:
    for t_s in TIMES_S[::20]:
        assert se3.is_rigid(SCENE.T_cam_ref(t_s), 1e-9) and se3.is_rigid(SCENE.T_cam_tool(t_s), 1e-9)
    assert se3.is_rigid(SCENE.T_ref_ct, 1e-9) and se3.rotation_angle_rad(SCENE.T_ref_ct) > 0.5
    np.testing.assert_array_equal(SCENE.T_trk_cam, np.eye(4))


def test_the_tip_is_where_the_plan_says() -> None:
    for t_s in TIMES_S:
        tip = se3.transform(SCENE.T_ref_tool(t_s), SCENE.p_tool_tip)
        np.testing.assert_allclose(tip, SCENE.pointer_plan(t_s).tip_ref_m, atol=1e-12)


def test_the_pointer_rests_a_second_on_every_landmark_in_turn_before_twelve_seconds() -> None:
    assert [d.name for d in SCENE.dwells] == list(SCENE.landmarks_ct)
    assert SCENE.dwells[0].start_s >= 1.0 and SCENE.dwells[-1].end_s < 12.0
    for dwell in SCENE.dwells:
        assert dwell.end_s - dwell.start_s >= 1.0
        for t_s in np.linspace(dwell.start_s, dwell.end_s - 1e-6, 7):
            plan = SCENE.pointer_plan(t_s)
            assert (plan.phase, plan.landmark) == ('dwell', dwell.name)
            np.testing.assert_array_equal(plan.tip_ref_m, SCENE.landmarks_ref[dwell.name])


def test_the_pointer_never_dives_under_the_skin_nor_jumps() -> None:
    t = np.arange(0.0, 25.0, 1e-3)
    tips = np.array([SCENE.pointer_plan(s).tip_ref_m for s in t])
    assert (tips[:, 2] - surface_height_m(tips[:, 0], tips[:, 1])).min() > -1e-12
    assert np.linalg.norm(np.diff(tips, axis=0), axis=1).max() * 1e3 < 0.5


def test_after_the_landmarks_it_traces_the_skin_over_the_anatomy() -> None:
    for t_s in np.arange(SCENE.dwells[-1].end_s + 1.3, 25.0, 0.2):
        plan = SCENE.pointer_plan(t_s)
        assert plan.phase == 'trace'
        assert plan.tip_ref_m[2] == pytest.approx(float(surface_height_m(*plan.tip_ref_m[:2])), abs=1e-12)


def test_the_camera_moves_smoothly_and_as_much_as_a_hand() -> None:
    T = [SCENE.T_cam_ref(t) for t in np.arange(0, 20, 0.01)]
    deg_s = np.degrees([se3.rotation_angle_rad(se3.inverse(a) @ b) for a, b in pairwise(T)]) / 0.01
    assert 3 < deg_s.max() < 12
    assert np.abs(np.diff(deg_s)).max() < 1.0
    still = Scene(motion=0.0)
    np.testing.assert_allclose(still.T_cam_ref(0.0), still.T_cam_ref(9.0), atol=1e-12)


@pytest.mark.parametrize(('board', 'margin_px'), [(REFERENCE_BOARD, 20), (POINTER_BOARD, 8)], ids=['reference', 'pointer'])
def test_boards_and_landmarks_stay_in_the_picture(board: object, margin_px: float) -> None:
    for t_s in TIMES_S:
        T = SCENE.T_cam_ref(t_s) if board is REFERENCE_BOARD else SCENE.T_cam_tool(t_s)
        points = [project(SCENE.camera, se3.transform(T, board.corners_m.reshape(-1, 3)))]  # type: ignore[attr-defined]
        points.append(project(SCENE.camera, se3.transform(SCENE.T_cam_ref(t_s), np.array(list(SCENE.landmarks_ref.values())))))
        uv = np.concatenate(points)
        assert uv.min() > margin_px
        assert (uv < [SCENE.width_px - 1 - margin_px, SCENE.height_px - 1 - margin_px]).all()


def test_a_picture_is_reproducible_and_its_noise_is_not_frozen() -> None:
    first = render_frame(SCENE, 1.25)
    assert first.shape == (480, 640, 3) and first.dtype == np.uint8 and first.flags['C_CONTIGUOUS']
    np.testing.assert_array_equal(first, render_frame(SCENE, 1.25))
    still = Scene(motion=0.0)
    corner_a, corner_b = (render_frame(still, t)[-40:, :40].astype(int) for t in (1.3, 1.4))
    assert 1.0 < np.std(corner_a - corner_b) < 6.0


def test_no_noise_means_none() -> None:
    still = Scene(motion=0.0, noise_grey=0.0)
    np.testing.assert_array_equal(render_frame(still, 1.3)[-40:, :40], render_frame(still, 1.4)[-40:, :40])


def test_a_drawn_fiducial_lies_where_its_landmark_projects() -> None:
    scene = Scene(noise_grey=0.0)
    image = render_frame(scene, 0.0).astype(float).sum(axis=2)
    T = scene.T_cam_ref(0.0)
    for name in ('costal_right', 'umbilicus', 'flank_right'):
        u, v = project(scene.camera, se3.transform(T, scene.landmarks_ref[name][None]))[0]
        patch = image[round(v) - 5 : round(v) + 6, round(u) - 5 : round(u) + 6]
        dark = np.maximum(patch.mean() - patch, 0)
        rows, columns = np.mgrid[-5:6, -5:6]
        centre = np.array([(dark * columns).sum(), (dark * rows).sum()]) / dark.sum()
        assert np.abs(np.add(centre, (round(u) - u, round(v) - v))).max() < 1.2, name


def test_the_cloth_covers_the_board_in_a_dropout_alone() -> None:
    scene = Scene(dropouts_s=((2.0, 2.5),))
    assert [scene.board_covered(t) for t in (1.99, 2.0, 2.49, 2.5)] == [False, True, True, False]
    u, v = np.round(project(scene.camera, scene.T_cam_ref(2.2)[None, :3, 3])[0]).astype(int)
    region = np.s_[v - 20 : v + 20, u - 30 : u + 30]
    covered, bare = render_frame(scene, 2.2)[region], render_frame(Scene(), 2.2)[region]
    assert bare.astype(float).std() > 2 * covered.astype(float).std()
    np.testing.assert_array_equal(render_frame(scene, 1.0), render_frame(Scene(), 1.0))


def test_another_size_draws_the_same_scene_larger() -> None:
    large = Scene(width_px=960, height_px=720, noise_grey=0.0)
    small = render_frame(Scene(noise_grey=0.0), 3.0).astype(float)
    shrunk = render_frame(large, 3.0).astype(float).reshape(240, 3, 320, 3, 3).mean(axis=(1, 3))
    halved = small.reshape(240, 2, 320, 2, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - halved).mean() < 4.0


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'dropouts_s': ((2.0, 1.0),)}, 'dropouts_s'),
        ({'rate_hz': 0.0}, 'rate_hz'),
        ({'width_px': 10}, 'image size'),
    ],
)
def test_a_scene_that_cannot_be_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Scene(**values)  # type: ignore[arg-type]


def test_the_pointers_geometry_covers_the_pointer_in_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """So nothing of the anatomy is drawn over it."""
    scene, t_s = Scene(noise_grey=0.0), 16.5
    monkeypatch.setattr('arsurg_ros.synthetic.render._draw_shadow', lambda *_: None)
    pointer = render_frame(scene, t_s).astype(int)
    monkeypatch.setattr('arsurg_ros.synthetic.render._draw_pointer', lambda *_: None)
    drawn = np.abs(pointer - render_frame(scene, t_s)).max(axis=2) > 60
    T_cam_tip = scene.T_cam_tool(t_s) @ se3.compose(np.eye(3), scene.p_tool_tip)
    solid = [MeshStyle((255, 255, 255), fill=1.0)] * 2
    covered = Rasteriser(640, 480, pointer_meshes()).render(None, scene.camera, [T_cam_tip] * 2, solid).ids > 0
    assert drawn.sum() > 1000
    assert (drawn & ~cv2.dilate(covered.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)).sum() == 0
    assert (covered & ~cv2.dilate(drawn.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)).mean() < 0.002
