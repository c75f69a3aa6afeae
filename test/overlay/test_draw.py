# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.overlay.draw import Line, draw_tip, stripes, text_block
from arsurg_ros.types import F64, U8, CameraModel

SHAFT_M = np.array([0.03, -0.03, 0.0])


def grey(camera: CameraModel) -> U8:
    return np.full((camera.height_px, camera.width_px, 3), 128, np.uint8)


def changed(before: U8, after: U8) -> np.ndarray:
    return np.argwhere((before != after).any(axis=2))[:, ::-1]


def test_the_tip_is_marked_where_it_is(camera: CameraModel, T_cam_tip: F64) -> None:
    image = grey(camera)
    assert draw_tip(image, camera, T_cam_tip, None)
    at = project(camera, T_cam_tip[None, :3, 3])[0]
    marked = changed(grey(camera), image)
    assert marked.mean(axis=0) == pytest.approx(at, abs=0.5)
    assert np.abs(marked - at).max() < 15


def test_the_shaft_runs_from_the_ring_to_its_end(camera: CameraModel, T_cam_tip: F64) -> None:
    bare, image = grey(camera), grey(camera)
    draw_tip(bare, camera, T_cam_tip, None)
    draw_tip(image, camera, T_cam_tip, SHAFT_M)
    tip, end = project(camera, se3.transform(T_cam_tip, np.array([np.zeros(3), SHAFT_M])))
    along = (end - tip) / np.linalg.norm(end - tip)
    added = changed(bare, image)
    assert np.abs((added - tip) @ [-along[1], along[0]]).max() < 5
    assert (added @ along).max() == pytest.approx(end @ along, abs=3)
    assert np.linalg.norm(added - tip, axis=1).min() > 3


@pytest.mark.parametrize(
    't_m', [(0.0, 0.0, -0.1), (0.0, 0.0, 0.0), (5.0, 0.0, 0.1), (0.0, 1e9, 0.1)], ids=['behind', 'at', 'beside', 'far']
)
def test_a_tip_out_of_sight_draws_nothing(camera: CameraModel, t_m: tuple[float, float, float]) -> None:
    image = grey(camera)
    assert not draw_tip(image, camera, se3.compose(np.eye(3), t_m), SHAFT_M)
    assert np.array_equal(image, grey(camera))


@pytest.mark.parametrize('shaft_m', [(0.0, 0.0, -1.0), (1e6, 0.0, 0.0), (0.0, 0.0, 0.0), (1e-5, 0.0, 0.0)])
def test_a_shaft_that_leaves_the_picture_ends_there(
    camera: CameraModel, T_cam_tip: F64, shaft_m: tuple[float, float, float]
) -> None:
    assert draw_tip(grey(camera), camera, T_cam_tip, np.array(shaft_m))


@pytest.mark.parametrize('corner', [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.0)])
def test_text_stays_in_its_corner(corner: tuple[float, float]) -> None:
    image = np.full((240, 320, 3), 200, np.uint8)
    block = text_block(image, [Line('tip to tumour: 12.3 mm'), Line('FRE 0.45 mm')], corner, 8)
    touched = changed(np.full_like(image, 200), image)
    assert touched.min(axis=0).tolist() == [block.x, block.y]
    assert (touched.max(axis=0) + 1).tolist() == [block.x + block.width, block.y + block.height]
    for k, (size, at, extent) in enumerate(((320, block.x, block.width), (240, block.y, block.height))):
        assert at == pytest.approx(8 + corner[k] * (size - 16 - extent), abs=1)
    assert image.max() == 255


def test_long_and_foreign_text_is_cut_and_replaced() -> None:
    image = np.full((240, 320, 3), 200, np.uint8)
    block = text_block(image, [Line('pose \u00fc\n' + 'x' * 500)], (0.5, 0.0), 8)
    assert block.x >= 8 and block.x + block.width <= 312


def test_stripes_lean_by_their_sign() -> None:
    left, right, plain = (stripes(40, 30, (10, 20, 30), 8, slope) for slope in (1, -1, 0))
    assert not np.array_equal(left, right)
    assert np.array_equal(left[1:, :-1], left[:-1, 1:]) and np.array_equal(right[1:, 1:], right[:-1, :-1])
    assert (plain == (30, 20, 10)).all()
    assert {tuple(c) for c in left.reshape(-1, 3).tolist()} == {(0, 0, 0), (30, 20, 10)}
