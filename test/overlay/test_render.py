# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import DataError, KernelError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.overlay.distance import tip_to_mesh_distance_m
from arsurg_ros.overlay.render import BANNERS, OverlayRenderer, Readouts, TargetDistance, readout_lines
from arsurg_ros.overlay.scene import Scene
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.types import F64, U8, CameraModel

LIVE = OverlayState.LIVE
NOT_DRAWN = [state for state in OverlayState if not state.draws]


@pytest.fixture(scope='module')
def renderer(scene: Scene, camera: CameraModel) -> OverlayRenderer:
    return OverlayRenderer(scene, camera.width_px, camera.height_px)


def test_live_draws_the_anatomy_where_it_projects(
    renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64, scene: Scene
) -> None:
    result = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts())
    assert result.drawn and result.state is LIVE and result.ids is not None
    where = np.argwhere(result.ids > 0)[:, ::-1]
    uv = project(camera, se3.transform(T_cam_ct, scene.meshes[0].vertices_m))
    assert where.min(axis=0) == pytest.approx(uv.min(axis=0), abs=1.5)
    assert where.max(axis=0) == pytest.approx(uv.max(axis=0), abs=1.5)
    # the outline reaches two pixels beyond the surface
    outside = cv2.dilate((result.ids > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    assert np.array_equal(result.image[outside], frame[outside])
    assert (result.image != frame).any(axis=2)[~outside].mean() > 0.9
    assert result.kernel_ms > 0 and result.composite_ms > 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(state=st.sampled_from(NOT_DRAWN), shift=st.floats(-0.02, 0.02), fre_m=st.none() | st.floats(0, 0.01))
def test_no_anatomy_at_all_unless_it_may_be_drawn(
    renderer: OverlayRenderer,
    camera: CameraModel,
    frame: U8,
    T_cam_ct: F64,
    state: OverlayState,
    shift: float,
    fre_m: float | None,
) -> None:
    T = T_cam_ct.copy()
    T[0, 3] += shift
    with_pose = renderer.render(frame, camera, T, state, Readouts(fre_m=fre_m, reason='why'))
    without = renderer.render(frame, camera, None, state, Readouts(fre_m=fre_m, reason='why'))
    assert not with_pose.drawn and with_pose.ids is None and with_pose.target is None
    assert np.array_equal(with_pose.image, without.image)
    # Border, banner and readouts apart, the picture is the camera's own.
    assert np.array_equal(with_pose.image[80:200, 20:-20], frame[80:200, 20:-20])


@pytest.mark.parametrize('pose', [None, np.full((4, 4), np.nan), 2 * np.eye(4)], ids=['none', 'nan', 'scaled'])
def test_live_without_a_usable_pose_is_refused(
    renderer: OverlayRenderer, camera: CameraModel, frame: U8, pose: F64 | None
) -> None:
    result = renderer.render(frame, camera, pose, LIVE, Readouts())
    assert result.state is OverlayState.REFUSED and not result.drawn and 'pose' in result.reason
    refused = renderer.render(frame, camera, None, OverlayState.REFUSED, Readouts(reason=result.reason))
    assert np.array_equal(result.image, refused.image)


def test_a_failing_kernel_is_a_refusal_and_no_crash(
    scene: Scene, camera: CameraModel, frame: U8, T_cam_ct: F64, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = OverlayRenderer(scene, camera.width_px, camera.height_px)

    def trap(*_: Any) -> None:
        raise KernelError('overlay: trapped')

    monkeypatch.setattr(renderer._rasteriser, 'render', trap)
    result = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts())
    assert (result.state, result.drawn, result.reason) == (OverlayState.REFUSED, False, 'overlay: trapped')
    assert np.array_equal(result.image[80:200, 20:-20], frame[80:200, 20:-20])


def test_states_cannot_be_mistaken(renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64) -> None:
    pictures = {s: renderer.render(frame, camera, T_cam_ct, s, Readouts(reason='no marker')).image for s in OverlayState}
    for a, b in combinations(pictures.values(), 2):
        assert np.abs(a.astype(int) - b).mean() > 2.0
    # In grey as well: each border has a width or a lean of its own.
    assert len({(b.width, b.slope) for b in BANNERS.values()}) == len(BANNERS)
    assert len({b.heading for b in BANNERS.values()}) == len(BANNERS) == len(OverlayState) - 1
    assert max(BANNERS, key=lambda s: BANNERS[s].width) is OverlayState.LOST


def test_the_reason_is_in_the_banner(renderer: OverlayRenderer, camera: CameraModel, frame: U8) -> None:
    a, b = (renderer.render(frame, camera, None, OverlayState.LOST, Readouts(reason=r)).image for r in ('', 'no marker'))
    rows = np.argwhere((a != b).any(axis=(1, 2))).ravel()
    assert len(rows) and rows.max() < 80


def test_grey_frames_become_colour(renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64) -> None:
    grey = np.ascontiguousarray(frame[:, :, 2])
    result = renderer.render(grey, camera, T_cam_ct, LIVE, Readouts())
    same = renderer.render(np.repeat(grey[:, :, None], 3, axis=2), camera, T_cam_ct, LIVE, Readouts())
    assert np.array_equal(result.image, same.image) and result.image.shape == (*grey.shape, 3)


@pytest.mark.parametrize('state', list(OverlayState))
def test_the_picture_is_the_callers_and_the_frame_stays(
    renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64, state: OverlayState
) -> None:
    mine = frame.copy()
    mine.flags.writeable = False
    first = renderer.render(mine, camera, T_cam_ct, state, Readouts())
    kept = first.image.copy(), None if first.ids is None else first.ids.copy()
    renderer.render(255 - frame, camera, se3.compose(np.eye(3), [0, 0, 0.2]), state, Readouts())
    assert np.array_equal(mine, frame) and np.array_equal(first.image, kept[0])
    assert kept[1] is None or np.array_equal(first.ids, kept[1])  # type: ignore[arg-type]
    assert not np.shares_memory(first.image, mine) and first.image.flags.writeable


def test_wrong_sizes_name_both(renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64) -> None:
    with pytest.raises(DataError, match='image 300x240: the overlay is 320x240'):
        renderer.render(np.ascontiguousarray(frame[:, :300]), camera, T_cam_ct, LIVE, Readouts())
    with pytest.raises(DataError, match='image 320x200: the overlay is 320x240'):
        renderer.render(frame[:200], camera, None, OverlayState.LOST, Readouts())
    with pytest.raises(DataError, match='camera 640x240: the overlay is 320x240'):
        renderer.render(frame, replace(camera, width_px=640), T_cam_ct, LIVE, Readouts())


@pytest.mark.parametrize('shape', [(240, 320, 4), (240, 320, 1), (240,)])
def test_wrong_kinds_of_image_are_refused(renderer: OverlayRenderer, camera: CameraModel, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match='uint8 of'):
        renderer.render(np.zeros(shape, np.uint8), camera, None, LIVE, Readouts())
    with pytest.raises(DataError, match='float32: uint8 of'):
        renderer.render(np.zeros((240, 320, 3), np.float32), camera, None, LIVE, Readouts())  # type: ignore[arg-type]


def test_the_tip_and_its_distance(
    renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64, T_cam_tip: F64, scene: Scene
) -> None:
    result = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts(T_cam_tip, np.array([0.05, -0.05, 0.0])))
    p_ct = se3.transform(se3.inverse(T_cam_ct), T_cam_tip[:3, 3])
    tumour = scene.targets[0]
    assert result.target == TargetDistance('tumour', tip_to_mesh_distance_m(tumour, p_ct), False)
    assert result.tip_drawn
    centre = T_cam_ct @ se3.compose(np.eye(3), [0.002, 0.0, 0.0])
    inside = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts(centre)).target
    assert inside is not None and inside.inside and inside.distance_m == pytest.approx(0.008, abs=1e-6)


@pytest.mark.parametrize('state', NOT_DRAWN)
def test_no_distance_unless_anatomy_is_drawn(
    renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64, T_cam_tip: F64, state: OverlayState
) -> None:
    result = renderer.render(frame, camera, T_cam_ct, state, Readouts(T_cam_tip))
    assert result.target is None and result.tip_drawn


def test_a_tip_that_is_no_pose_is_not_drawn(renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64) -> None:
    result = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts(np.full((4, 4), np.nan)))
    bare = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts())
    assert not result.tip_drawn and result.target is None
    assert np.array_equal(result.image, bare.image)


def test_fre_is_shown_only_of_a_registration_that_holds(
    renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64
) -> None:
    for state in OverlayState:
        a, b = (renderer.render(frame, camera, T_cam_ct, state, Readouts(fre_m=f)).image for f in (None, 0.00045))
        shown = state not in (OverlayState.UNREGISTERED, OverlayState.REFUSED)
        assert (not np.array_equal(a, b)) == shown


def test_readouts_say_millimetres_and_inside() -> None:
    lines = readout_lines(Readouts(fre_m=0.00045), TargetDistance('the_tumour', 0.0123, False))
    assert [line.text for line in lines] == ['tip to the tumour: 12.3 mm', 'FRE 0.45 mm']
    assert readout_lines(None, TargetDistance('tumour', 0.003, True))[0].text == 'tip to tumour: inside, 3.0 mm'
    assert readout_lines(None, None) == []


def test_readouts_say_the_margin_beside_fre_and_the_notes_below() -> None:
    lines = readout_lines(Readouts(fre_m=0.00045, margin=('a_tumour', 0.0013), notes=('drift: not watched',)), None)
    assert [line.text for line in lines] == ['FRE 0.45 mm   TRE95 a tumour 1.3 mm', 'drift: not watched']
    assert [line.text for line in readout_lines(Readouts(margin=('t', 0.002)), None)] == ['TRE95 t 2.0 mm']


def test_drift_draws_the_same_anatomy_under_a_warning_that_cannot_be_missed(
    renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64
) -> None:
    live = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts())
    drift = renderer.render(frame, camera, T_cam_ct, OverlayState.DRIFT, Readouts(reason='xiphoid 4.1 mm off'))
    assert drift.drawn and drift.state is OverlayState.DRIFT and drift.ids is not None and live.ids is not None
    assert np.array_equal(drift.ids, live.ids)
    assert np.array_equal(drift.image[80:200, 20:-20], live.image[80:200, 20:-20])
    edge = np.ones(drift.image.shape[:2], bool)
    edge[8:-8, 8:-8] = False
    assert (drift.image[edge] != live.image[edge]).any(axis=1).mean() > 0.95


def test_drift_without_a_usable_pose_is_refused(renderer: OverlayRenderer, camera: CameraModel, frame: U8) -> None:
    result = renderer.render(frame, camera, None, OverlayState.DRIFT, Readouts(reason='why'))
    assert result.state is OverlayState.REFUSED and not result.drawn


def test_the_backends_agree(scene: Scene, camera: CameraModel, frame: U8, T_cam_ct: F64) -> None:
    wasm, twin = (
        OverlayRenderer(scene, 320, 240, backend).render(frame, camera, T_cam_ct, LIVE, Readouts())
        for backend in ('wasm', 'numpy')
    )
    assert wasm.ids is not None and twin.ids is not None
    assert (wasm.ids != twin.ids).sum() < 20
    assert np.abs(wasm.image.astype(int) - twin.image).mean() < 0.5
