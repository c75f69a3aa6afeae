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

from arsurg_ros.errors import ConfigError, DataError, KernelError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.geometry.shapes import shaft
from arsurg_ros.overlay.bodies import Bodies
from arsurg_ros.overlay.distance import StructureDistance
from arsurg_ros.overlay.readouts import BANNERS, Readouts, error_margin_m, readout_lines
from arsurg_ros.overlay.render import BLANK, OverlayRenderer
from arsurg_ros.overlay.scene import Instrument, Scene
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.overlay.style import Role
from arsurg_ros.types import F64, U8, CameraModel, MeshStyle

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
    # A line lies on the contour, half of it outside.
    near = cv2.dilate((result.ids > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert np.array_equal(result.image[~near], frame[~near])
    assert (result.image != frame).any(axis=2)[result.ids > 0].mean() > 0.9
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
    assert not with_pose.drawn and with_pose.ids is None and with_pose.distances == ()
    assert np.array_equal(with_pose.image, without.image)
    # Border, banner and readouts apart, the picture is the camera's own; a stale one is hatched all over.
    changed = with_pose.image[80:200, 20:-20] != frame[80:200, 20:-20]
    assert (0.3 < changed.mean() < 0.8) if state is OverlayState.STALE else not changed.any()


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

    def trap(*_: Any, **__: Any) -> None:
        raise KernelError('overlay: trapped')

    monkeypatch.setattr(renderer._rasteriser, 'render', trap)
    result = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts())
    assert (result.state, result.drawn, result.reason) == (OverlayState.REFUSED, False, 'overlay: trapped')
    said = renderer.render(frame, camera, None, OverlayState.REFUSED, Readouts(reason='overlay: trapped'))
    assert np.array_equal(result.image, said.image) and not np.array_equal(result.image[:70], frame[:70])
    assert np.array_equal(result.image[80:200, 20:-20], frame[80:200, 20:-20])


@pytest.mark.parametrize('state', list(OverlayState))
def test_without_marks_nothing_looks_live(
    scene: Scene, camera: CameraModel, frame: U8, T_cam_ct: F64, T_cam_tip: F64, state: OverlayState
) -> None:
    """A kernel that refuses its input, for any state: grey and REFUSED, and the next picture is whole again."""
    renderer = OverlayRenderer(scene, camera.width_px, camera.height_px)
    readouts = Readouts(T_cam_tip, reason='why')
    wanted = renderer.render(frame, camera, T_cam_ct, state, readouts)
    kernel = renderer._marks._impl._kernel(renderer._marks._impl._room)  # type: ignore[union-attr]
    call = kernel.call

    def spoilt(export: str) -> int:
        kernel.blocks['marks'][:] = np.nan
        return call(export)

    kernel.call = spoilt  # type: ignore[method-assign]
    result = renderer.render(frame, camera, T_cam_ct, state, readouts)
    assert (result.state, result.drawn, result.ids, result.distances) == (OverlayState.REFUSED, False, None, ())
    assert not result.tip_drawn and result.reason.startswith('kernel marks: draw: input out of range')
    assert (result.image == BLANK).all()
    kernel.call = call  # type: ignore[method-assign]
    assert np.array_equal(renderer.render(frame, camera, T_cam_ct, state, readouts).image, wanted.image)


def test_a_marks_kernel_that_traps_is_replaced(scene: Scene, camera: CameraModel, frame: U8, T_cam_ct: F64) -> None:
    renderer = OverlayRenderer(scene, camera.width_px, camera.height_px)
    wanted = renderer.render(frame, camera, T_cam_ct, OverlayState.LOST, Readouts(reason='why'))
    kernel = renderer._marks._impl._kernel(renderer._marks._impl._room)  # type: ignore[union-attr]
    call = kernel.call

    def trap(export: str) -> int:
        kernel.alive = False
        return call(export)

    kernel.call = trap  # type: ignore[method-assign]
    broken = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts(fre_m=0.001))
    assert broken.state is OverlayState.REFUSED and 'trapped' in broken.reason and (broken.image == BLANK).all()
    again = renderer.render(frame, camera, T_cam_ct, OverlayState.LOST, Readouts(reason='why'))
    assert np.array_equal(again.image, wanted.image)


def test_states_cannot_be_mistaken(renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64) -> None:
    pictures = {s: renderer.render(frame, camera, T_cam_ct, s, Readouts(reason='no marker')).image for s in OverlayState}
    for a, b in combinations(pictures.values(), 2):
        assert np.abs(a.astype(int) - b).mean() > 2.0
    # In grey as well: each border has a width or a lean of its own.
    assert len({(b.width, b.slope) for b in BANNERS.values()}) == len(BANNERS)
    # A predicted pose has no heading: it draws broken lines and a badge.
    assert len({b.heading for b in BANNERS.values()}) == len(BANNERS) == len(OverlayState) - 1
    assert [s for s, b in BANNERS.items() if not b.heading] == [OverlayState.PREDICTED]
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
    kept = first.image.copy()
    renderer.render(255 - frame, camera, se3.compose(np.eye(3), [0, 0, 0.2]), state, Readouts())
    assert np.array_equal(mine, frame) and np.array_equal(first.image, kept)
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


def test_the_tip_and_its_distances(
    renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64, T_cam_tip: F64
) -> None:
    result = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts(T_cam_tip))
    assert result.tip_drawn
    p_ct = se3.transform(se3.inverse(T_cam_ct), T_cam_tip[:3, 3])
    tumour, vessel = result.distances
    assert (tumour.name, tumour.role, tumour.inside) == ('tumour', Role.TARGET, False)
    assert tumour.distance_m == pytest.approx(np.linalg.norm(np.maximum(np.abs(p_ct) - 0.01, 0)), abs=1e-8)
    assert (vessel.name, vessel.role, vessel.inside) == ('vessel', Role.RISK, False)
    to_vessel = np.abs(p_ct - (0.024, 0.0, -0.012)) - 0.004
    assert vessel.distance_m == pytest.approx(np.linalg.norm(np.maximum(to_vessel, 0)), abs=1e-8)
    for d in result.distances:
        assert np.linalg.norm(d.closest_ct_m - p_ct) == pytest.approx(d.distance_m, abs=1e-12)


def test_a_tip_inside_is_told_with_its_depth(renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64) -> None:
    tip = T_cam_ct @ se3.compose(np.eye(3), [0.002, 0.0, 0.0])
    tumour, vessel = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts(tip)).distances
    assert tumour.inside and tumour.distance_m == pytest.approx(0.008, abs=1e-6) and not vessel.inside
    assert tumour.closest_ct_m == pytest.approx([0.01, 0.0, 0.0], abs=1e-6)


def test_a_kernel_of_distances_that_fails_is_a_refusal(
    scene: Scene, camera: CameraModel, frame: U8, T_cam_ct: F64, T_cam_tip: F64, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = OverlayRenderer(scene, camera.width_px, camera.height_px)

    def trap(*_: Any) -> None:
        raise KernelError('distance: trapped')

    monkeypatch.setattr(renderer._tip_distances, 'at', trap)
    result = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts(T_cam_tip))
    assert (result.state, result.drawn, result.reason) == (OverlayState.REFUSED, False, 'distance: trapped')
    refused = renderer.render(frame, camera, None, OverlayState.REFUSED, Readouts(T_cam_tip, reason='distance: trapped'))
    assert result.distances == () and np.array_equal(result.image, refused.image)


@pytest.mark.parametrize('state', NOT_DRAWN)
def test_no_distance_unless_anatomy_is_drawn(
    renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64, T_cam_tip: F64, state: OverlayState
) -> None:
    result = renderer.render(frame, camera, T_cam_ct, state, Readouts(T_cam_tip))
    assert result.distances == () and result.tip_drawn


def test_a_tip_that_is_no_pose_is_not_drawn(renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64) -> None:
    result = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts(np.full((4, 4), np.nan)))
    bare = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts())
    assert not result.tip_drawn and result.distances == ()
    assert np.array_equal(result.image, bare.image)


def test_numbers_are_shown_only_beside_anatomy(
    renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64
) -> None:
    for state in OverlayState:
        numbers = Readouts(fre_m=0.00045, margins=(('tumour', 0.002),), notes=('a note',), pose_age_s=0.02)
        a, b = (renderer.render(frame, camera, T_cam_ct, state, r).image for r in (Readouts(), numbers))
        assert (not np.array_equal(a, b)) == state.draws


def distance(name: str, role: Role, distance_m: float, inside: bool = False) -> StructureDistance:
    return StructureDistance(name, role, distance_m, inside, np.zeros(3))


def test_readouts_say_the_nearest_target_and_the_nearest_risk_and_inside_in_words() -> None:
    found = [
        distance('the_tumour', Role.TARGET, 0.0123),
        distance('another', Role.TARGET, 0.02),
        distance('portal_vein', Role.RISK, 0.0042),
        distance('artery', Role.RISK, 0.005),
    ]
    lines = readout_lines(Readouts(fre_m=0.00045), found)
    assert [line.text for line in lines] == ['tip to', 'the tumour\t12.3 mm', 'portal vein\t4.2 mm', 'FRE 0.45 mm']
    within = readout_lines(Readouts(), [distance('portal_vein', Role.RISK, 0.003, True)])
    assert [line.text for line in within] == ['tip to', 'portal vein\tinside 3.0 mm']
    assert readout_lines(Readouts(), ()) == []


def test_a_distance_has_its_structures_margin_or_the_largest_that_is_known() -> None:
    found = [distance('a', Role.TARGET, 0.01), distance('b', Role.RISK, 0.02)]
    lines = readout_lines(Readouts(margins=(('a', 0.001), ('c', 0.003))), found)
    assert [line.text for line in lines[1:3]] == ['a\t10.0 mm\t± 1.0', 'b\t20.0 mm\t± 3.0']
    assert error_margin_m('a', ()) is None


def test_readouts_say_the_margin_beside_fre_and_the_notes_below() -> None:
    margins = (('a_tumour', 0.0013), ('b', 0.0009))
    lines = readout_lines(Readouts(fre_m=0.00045, margins=margins, notes=('drift: not watched',)), ())
    assert [line.text for line in lines] == ['FRE 0.45 mm   TRE95 a tumour 1.3 mm', 'drift: not watched']
    assert [line.text for line in readout_lines(Readouts(margins=(('t', 0.002),)), ())] == ['TRE95 t 2.0 mm']


def test_ids_and_depth_are_of_structures_alone(
    scene: Scene, camera: CameraModel, frame: U8, T_cam_ct: F64, T_cam_tip: F64
) -> None:
    """Neither an error shell about the target nor an instrument takes any."""
    tool = Instrument('pointer', shaft('pointer', 0.0015, 0.1), MeshStyle((0, 0, 0)))
    renderer = OverlayRenderer(replace(scene, instruments=(tool,)), camera.width_px, camera.height_px)
    bare = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts())
    assert bare.ids is not None and bare.depth_m is not None
    ids, depth_m = bare.ids.copy(), bare.depth_m.copy()
    assert set(np.unique(ids)) <= set(range(len(scene.anatomies) + 1)) and (ids == 1).any()
    result = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts(T_cam_tip, margins=(('tumour', 0.03),)))
    # so large a shell lies around everything
    assert (result.image != bare.image)[80:200, 20:-20].any()
    assert np.array_equal(result.ids, ids) and np.array_equal(result.depth_m, depth_m)


def test_drift_draws_the_same_anatomy_under_a_warning_that_cannot_be_missed(
    renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64
) -> None:
    live = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts())
    assert live.ids is not None
    ids = live.ids.copy()
    drift = renderer.render(frame, camera, T_cam_ct, OverlayState.DRIFT, Readouts(reason='xiphoid 4.1 mm off'))
    assert drift.drawn and drift.state is OverlayState.DRIFT and drift.ids is not None
    assert np.array_equal(drift.ids, ids)
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


@pytest.mark.parametrize('encoding', ['foo', 'mono8'])
def test_an_encoding_that_is_none_is_refused(renderer: OverlayRenderer, camera: CameraModel, frame: U8, encoding: str) -> None:
    with pytest.raises(ConfigError, match=f"encoding '{encoding}' of an image .*valid: bgr8, rgb8"):
        renderer.render(frame, camera, None, OverlayState.LOST, Readouts(), encoding)


def test_any_error_of_ours_in_drawing_is_a_refusal(
    renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64
) -> None:
    mask = np.zeros((2, 2), np.uint8)
    result = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts(instrument_mask=mask))
    assert (result.state, result.drawn) == (OverlayState.REFUSED, False) and 'mask of 2x2' in result.reason


@pytest.mark.parametrize(
    ('margin_m', 'shell'), [(0.003, True), (0.1, True), (0.101, False), (float('nan'), False), (-0.01, False), (0.0002, False)]
)
def test_a_shell_that_would_say_nothing_is_none(scene: Scene, T_cam_ct: F64, margin_m: float, shell: bool) -> None:
    bodies = Bodies(scene)
    readouts = Readouts(margins=(('tumour', margin_m),))
    placed = bodies.placed(scene, 240, 300.0, T_cam_ct, LIVE, readouts)
    style = placed.styles[[m.name for m in bodies.meshes].index('tumour error')]
    assert style.visible is shell
    assert readout_lines(readouts, ())  # the number is said all the same


def test_anatomy_out_of_view_is_said(renderer: OverlayRenderer, camera: CameraModel, frame: U8, T_cam_ct: F64) -> None:
    behind, beside = T_cam_ct.copy(), T_cam_ct.copy()
    behind[2, 3], beside[0, 3] = -0.2, 1.0
    for T in (behind, beside):
        result = renderer.render(frame, camera, T, LIVE, Readouts())
        assert result.drawn and result.state is LIVE and result.ids is not None and not result.ids.any()
        assert (result.image[-60:, :160] != frame[-60:, :160]).any()
        assert np.array_equal(result.image[:-60], frame[:-60])
    seen = renderer.render(frame, camera, T_cam_ct, LIVE, Readouts())
    assert np.array_equal(seen.image[-30:, :60], frame[-30:, :60])
