# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arsurg_ros.geometry.camera import project
from arsurg_ros.kernels.marks import Disc, Marks, Polyline, Text, text_size
from arsurg_ros.overlay.guides import guide_marks
from arsurg_ros.overlay.lines import HIDDEN_ALPHA
from arsurg_ros.overlay.scene import Landmark, Scene, Trajectory
from arsurg_ros.types import F32, F64, CameraModel, MeshStyle

STYLE = MeshStyle((10, 20, 30), width_px=3.0)
IN_CAMERA = np.eye(4)


def nothing(camera: CameraModel) -> F32:
    return np.full((camera.height_px, camera.width_px), np.inf, np.float32)


def with_point(scene: Scene, p_m: tuple[float, float, float], radius_m: float = 0.002) -> Scene:
    return replace(scene, landmarks=(Landmark('xiphoid', np.array(p_m), STYLE, radius_m),))


def disc_of(scene: Scene, camera: CameraModel, depth_m: F32 | None = None, T: F64 = IN_CAMERA) -> Disc | None:
    marks = guide_marks(scene, camera, T, nothing(camera) if depth_m is None else depth_m)
    return next((m for m in marks if isinstance(m, Disc) and m.rgb == STYLE.rgb), None)


def test_a_landmark_is_where_it_is_as_large_as_it_is_with_its_name(scene: Scene, camera: CameraModel) -> None:
    p = (0.01, -0.02, 0.1)
    disc = disc_of(with_point(scene, p), camera)
    assert disc is not None
    assert disc.centre_px == pytest.approx(tuple(project(camera, np.array([p]))[0])) and disc.radius_px == pytest.approx(6.0)
    marks = guide_marks(with_point(scene, p), camera, IN_CAMERA, nothing(camera))
    assert [m.text for m in marks if isinstance(m, Text)] == ['xiphoid']


def test_a_landmark_behind_anatomy_is_dimmer(scene: Scene, camera: CameraModel) -> None:
    surface = np.full_like(nothing(camera), 0.05)
    found = [disc_of(with_point(scene, (0.0, 0.0, z)), camera, surface) for z in (0.04, 0.06)]
    assert [disc.alpha for disc in found if disc is not None] == [1.0, HIDDEN_ALPHA]


@pytest.mark.parametrize('z_m', [1e-9, 1e-6, 9e-4])
def test_nothing_nearer_than_the_near_plane_is_marked(scene: Scene, camera: CameraModel, z_m: float) -> None:
    assert guide_marks(with_point(scene, (0.0, 0.0, z_m)), camera, IN_CAMERA, nothing(camera)) == ()


def test_a_landmark_right_before_the_camera_does_not_cover_the_picture(scene: Scene, camera: CameraModel) -> None:
    close = with_point(scene, (0.0, 0.0, 1.1e-3), radius_m=0.05)
    disc = disc_of(close, camera)
    assert disc is not None and disc.radius_px <= camera.height_px / 16
    image = np.zeros((camera.height_px, camera.width_px, 3), np.uint8)
    Marks(camera.width_px, camera.height_px).draw(image, guide_marks(close, camera, IN_CAMERA, nothing(camera)))
    assert 0 < np.count_nonzero(image.any(axis=2)) < image.size / 30


def test_what_the_lens_maps_back_into_the_picture_is_not_marked(scene: Scene, camera: CameraModel) -> None:
    bent = replace(camera, distortion=np.array([-0.3, 0, 0, 0, 0]))
    p = np.array([0.175, 0.0, 0.1])  # 60 degrees off the axis
    assert 0 < project(bent, p[None])[0, 0] < camera.width_px
    path = Trajectory('biopsy', np.array([[0.175, 0.0, 0.1], [0.175, 0.0, 0.101]]), STYLE)
    beside = replace(with_point(scene, (0.175, 0.0, 0.1)), trajectories=(path,))
    assert guide_marks(beside, bent, IN_CAMERA, nothing(camera)) == ()
    seen = replace(beside, landmarks=(), trajectories=(replace(path, points_ct_m=path.points_ct_m * [0.1, 1.0, 1.0]),))
    assert any(isinstance(m, Polyline) for m in guide_marks(seen, bent, IN_CAMERA, nothing(camera)))


@pytest.mark.parametrize(('entry_x_m', 'side'), [(-0.02, -1), (0.02, 1)])
def test_a_plans_name_is_on_the_side_away_from_its_path(scene: Scene, camera: CameraModel, entry_x_m: float, side: int) -> None:
    plan = Trajectory('plan', np.array([[entry_x_m, 0.0, 0.13], [0.0, 0.0, 0.13]]), STYLE)
    marks = guide_marks(replace(scene, trajectories=(plan,)), camera, IN_CAMERA, nothing(camera))
    (text,) = [m for m in marks if isinstance(m, Text)]
    middle = text.x_px + text_size('plan', text.size_px).width_px / 2
    assert np.sign(middle - project(camera, plan.points_ct_m[:1])[0, 0]) == side
