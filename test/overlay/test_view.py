# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arsurg_ros.errors import ConfigError
from arsurg_ros.overlay.readouts import Readouts
from arsurg_ros.overlay.render import OverlayRenderer
from arsurg_ros.overlay.scene import Anatomy, Landmark, Scene, SceneLook, SceneWindow
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.overlay.style import Role
from arsurg_ros.overlay.view import FILL_ON, WINDOW, View, extent_m, view_of
from arsurg_ros.types import F64, U8, CameraModel, Mesh, MeshStyle


def body(name: str, **style) -> Anatomy:
    corners = np.array([[0, 0, 0], [0.01, 0, 0], [0, 0.02, 0], [0, 0, 0.03]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.uint32)
    return Anatomy(Mesh(name, corners, faces), MeshStyle((9, 9, 9), **style), Role.TARGET)


SCENE = Scene(
    (body('tumour'), body('vein', fill=0.0), body('skin', visible=False)),
    (Landmark('xiphoid', np.zeros(3), MeshStyle((9, 9, 9))),),
)


def shown(view: View) -> list[str]:
    scene = view.applied(SCENE)
    return [thing.name for thing in (*scene.anatomies, *scene.landmarks) if thing.style.visible]


@pytest.mark.parametrize(
    ('show', 'hide', 'expected'),
    [
        ((), (), ['tumour', 'vein', 'xiphoid']),
        (('skin',), (), ['skin']),
        (('skin', 'vein'), ('vein',), ['skin']),
        ((), ('tumour',), ['vein', 'xiphoid']),
        ((), ('tumour', 'vein', 'xiphoid'), []),
    ],
)
def test_what_is_shown(show: tuple[str, ...], hide: tuple[str, ...], expected: list[str]) -> None:
    assert shown(view_of(SCENE, show, hide)) == expected


def test_a_margin_goes_with_its_structure_unless_it_is_named() -> None:
    margin = replace(body('tumour margin'), role=Role.MARGIN, margin_of='tumour')
    scene = Scene((*SCENE.anatomies, margin))
    both = {'tumour', 'tumour margin'}
    assert not both & set(view_of(scene).hidden)
    assert both <= set(view_of(scene, hide=['tumour']).hidden)
    assert both & set(view_of(scene, hide=['tumour margin']).hidden) == {'tumour margin'}
    assert not both & set(view_of(scene, show=['tumour']).hidden)
    assert both & set(view_of(scene, show=['tumour margin']).hidden) == {'tumour'}


@pytest.mark.parametrize(('fill', 'expected'), [('style', [0.35, 0.0]), ('off', [0.0, 0.0]), ('on', [0.35, FILL_ON])])
def test_fills(fill: str, expected: list[float]) -> None:
    assert [a.style.fill for a in view_of(SCENE, fill=fill).applied(SCENE).anatomies][:2] == expected


def test_a_view_that_asks_for_nothing_changes_nothing() -> None:
    assert view_of(SCENE).applied(SCENE) == SCENE


def test_the_window_and_the_depth_cue_are_the_scenes_unless_a_toggle_says_otherwise() -> None:
    own = SceneLook(0.3, SceneWindow('tumour', 0.02))
    scene = Scene(SCENE.anatomies, look=own)
    assert view_of(scene).applied(scene).look == own
    assert view_of(scene, window='off', depth_cue=0.0).applied(scene).look == SceneLook(0.0, None)
    assert view_of(scene, window='tip').applied(scene).look == SceneLook(0.3, SceneWindow('tip', 0.02))
    assert view_of(SCENE, window='centre').applied(SCENE).look.window == SceneWindow('centre', WINDOW.radius_m)


@pytest.mark.parametrize(
    ('values', 'says'),
    [
        ({'show': ['spleen']}, "show 'spleen': nothing of the scene has that name; valid: tumour, vein, skin, xiphoid"),
        ({'hide': ['Tumour']}, "hide 'Tumour': nothing of the scene has that name"),
        ({'fill': 'half'}, "fill 'half'; valid: style, off, on"),
        ({'window': 'left'}, "window 'left'; valid: scene, off, tip, centre"),
        ({'depth_cue': -0.1}, 'depth_cue -0.1; valid: 0 to 1'),
        ({'depth_cue': float('nan')}, 'depth_cue nan'),
    ],
)
def test_what_is_none_is_refused(values: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        view_of(SCENE, **values)


def test_the_extent_holds_every_vertex() -> None:
    corners = extent_m(SCENE)
    assert corners.shape == (8, 3)
    assert np.allclose(corners.min(axis=0), 0) and np.allclose(corners.max(axis=0), [0.01, 0.02, 0.03])
    assert len({tuple(c) for c in corners}) == 8


def test_the_renderer_draws_the_view(scene: Scene, camera: CameraModel, frame: U8, T_cam_ct: F64, T_cam_tip: F64) -> None:
    renderer = OverlayRenderer(scene, 320, 240)
    names = [mesh.name for mesh in scene.meshes]
    targets_named = [a.name for a in scene.anatomies if a.role is Role.TARGET]
    everything = renderer.render(frame, camera, T_cam_ct, OverlayState.LIVE, Readouts(T_cam_tip))
    assert everything.distances and everything.ids is not None
    drawn = set(np.unique(everything.ids))
    others = {names.index(n) + 1 for n in names} - {names.index(n) + 1 for n in targets_named}
    assert others & drawn
    renderer.view = view_of(scene, show=targets_named)
    targets = renderer.render(frame, camera, T_cam_ct, OverlayState.LIVE, Readouts())
    assert targets.ids is not None and targets.ids.any() and not others & set(np.unique(targets.ids))
    renderer.view = view_of(scene, hide=targets_named)
    without = renderer.render(frame, camera, T_cam_ct, OverlayState.LIVE, Readouts(T_cam_tip))
    hidden = {names.index(n) + 1 for n in targets_named}
    assert {d.role for d in without.distances} == {Role.RISK} and without.ids is not None
    assert not hidden & set(np.unique(without.ids))


def test_a_picture_without_a_camera_is_refused(scene: Scene, frame: U8, T_cam_ct: F64, T_cam_tip: F64) -> None:
    out = OverlayRenderer(scene, 320, 240).render(frame, None, T_cam_ct, OverlayState.LIVE, Readouts(T_cam_tip))
    assert (out.state, out.reason, out.drawn, out.tip_drawn) == (OverlayState.REFUSED, 'no camera_info', False, False)


@pytest.mark.parametrize('state', list(OverlayState))
def test_rgb_is_the_same_picture(scene: Scene, camera: CameraModel, frame: U8, T_cam_ct: F64, state: OverlayState) -> None:
    renderer, readouts = OverlayRenderer(scene, 320, 240), Readouts(reason='why')
    coloured = frame.copy()
    coloured[:, :100] = (200, 30, 90)
    rgb = renderer.render(coloured[..., ::-1].copy(), camera, T_cam_ct, state, readouts, 'rgb8').image
    assert np.array_equal(rgb[..., ::-1], renderer.render(coloured, camera, T_cam_ct, state, readouts).image)
