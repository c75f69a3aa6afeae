# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.overlay.look import depth_ranges_m, frame_look, nearest_depths_m
from arsurg_ros.overlay.scene import Scene, SceneLook, SceneWindow
from arsurg_ros.types import F64, CameraModel


def windowed(scene: Scene, around: str) -> Scene:
    return replace(scene, look=SceneLook(0.3, SceneWindow(around, 0.02, rim=0.25, keep=0.7)))


def test_depth_runs_over_all_that_is_visible(scene: Scene, camera: CameraModel, T_cam_ct: F64) -> None:
    look = frame_look(scene, camera, T_cam_ct)
    z = se3.transform(T_cam_ct, scene.meshes[0].vertices_m)[:, 2]
    assert look.depth_cue == scene.look.depth_cue and look.window is None and look.mask is None
    assert 0 < look.near_m <= z.min() < z.max() <= look.far_m < z.max() + 0.05
    cube = frame_look(scene.with_visible({'organ': False, 'vessel': False}), camera, T_cam_ct)
    assert look.near_m < cube.near_m < cube.far_m < look.far_m


def test_nothing_in_front_of_the_camera_has_no_depth(scene: Scene, camera: CameraModel) -> None:
    behind = se3.compose(np.eye(3), [0, 0, -1.0])
    assert depth_ranges_m(scene, behind) == [None] * 3
    assert frame_look(scene, camera, behind).depth_cue == 0
    assert frame_look(windowed(scene, 'tumour'), camera, behind).window is None
    through = frame_look(scene, camera, se3.compose(np.eye(3), [0, 0, 0.0]))
    assert 0 < through.near_m < through.far_m


def test_depths_for_the_budget_are_none_where_nothing_is_drawn(scene: Scene, camera: CameraModel, T_cam_ct: F64) -> None:
    depths = nearest_depths_m(scene, T_cam_ct)
    assert len(depths) == 3 and depths[0] == frame_look(scene, camera, T_cam_ct).near_m
    assert nearest_depths_m(scene.with_visible({'organ': False}), T_cam_ct) == [None, *depths[1:]]
    assert nearest_depths_m(scene, se3.compose(np.eye(3), [0, 0, -1.0])) == [None] * 3
    grown = replace(scene.anatomies[0], style=replace(scene.anatomies[0].style, inflate_m=0.01))
    near = depth_ranges_m(replace(scene, anatomies=(grown,)), T_cam_ct)[0]
    assert near is not None and depths[0] is not None and near[0] < depths[0] - 0.009


def test_the_window_is_about_a_structure_as_large_as_it_looks_there(scene: Scene, camera: CameraModel, T_cam_ct: F64) -> None:
    window = frame_look(windowed(scene, 'tumour'), camera, T_cam_ct).window
    assert window is not None
    centre = T_cam_ct[:3, 3]  # the tumour's middle is the origin
    assert (window.u_px, window.v_px) == pytest.approx(tuple(project(camera, centre[None])[0]), abs=1e-3)
    assert window.radius_px == pytest.approx(300 * 0.02 / centre[2]) and window.keep == 0.7
    assert window.rim_px == pytest.approx(0.25 * window.radius_px)


def test_a_window_about_the_tip_is_there_while_the_tip_is(
    scene: Scene, camera: CameraModel, T_cam_ct: F64, T_cam_tip: F64
) -> None:
    at_tip = windowed(scene, 'tip')
    window = frame_look(at_tip, camera, T_cam_ct, T_cam_tip=T_cam_tip).window
    assert window is not None
    assert (window.u_px, window.v_px) == pytest.approx(tuple(project(camera, T_cam_tip[None, :3, 3])[0]))
    assert frame_look(at_tip, camera, T_cam_ct).window is None


def test_a_tip_that_the_lens_maps_back_into_the_picture_has_no_window(
    scene: Scene, camera: CameraModel, T_cam_ct: F64, T_cam_tip: F64
) -> None:
    bent = replace(camera, distortion=np.array([-0.3, 0, 0, 0, 0]))
    beside = se3.compose(np.eye(3), [0.175, 0.0, 0.1])
    assert 0 < project(bent, beside[None, :3, 3])[0, 0] < camera.width_px
    assert frame_look(windowed(scene, 'tip'), bent, T_cam_ct, T_cam_tip=beside).window is None
    assert frame_look(windowed(scene, 'tip'), bent, T_cam_ct, T_cam_tip=T_cam_tip).window is not None


def test_the_mask_is_handed_on(scene: Scene, camera: CameraModel, T_cam_ct: F64) -> None:
    mask = np.ones((camera.height_px, camera.width_px), np.uint8)
    assert frame_look(scene, camera, T_cam_ct, mask=mask).mask is mask
