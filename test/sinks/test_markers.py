# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError
from arsurg_ros.sinks.markers import (
    ANATOMY_NS,
    INSTRUMENT_NS,
    LANDMARK_NAME_NS,
    LANDMARK_NS,
    LEAST_ALPHA,
    MARGIN_NS,
    STATE_NS,
    TIP_NS,
    TRAJECTORY_NS,
    MarkerAction,
    MarkerBody,
    MarkerFrames,
    MarkerPath,
    MarkerPoint,
    MarkerScene,
    MarkerSpec,
    MarkerType,
    MeshResource,
    package_uri,
    scene_markers,
)
from arsurg_ros.types import Mesh, MeshStyle

VERTICES = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], np.float32) * 0.01
MESH = Mesh('wedge', VERTICES, np.array([(0, 1, 2), (0, 3, 1)], np.uint32))
STYLE = MeshStyle((0, 255, 0))
HIDDEN = MeshStyle((0, 0, 0), visible=False)
PATH_M = np.array([(0.0, 0.0, 0.0), (0.0, 0.0, 0.05)])
SCENE = MarkerScene(
    anatomy=(
        MarkerBody(MESH, MeshStyle((255, 128, 0), fill=0.4)),
        MarkerBody(MESH, MeshStyle((0, 0, 255), fill=0.0), MeshResource('file:///tmp/a%20b.ply', 0.001)),
        MarkerBody(MESH, HIDDEN),
    ),
    margins=(MarkerBody(MESH, STYLE),),
    paths=(MarkerPath(PATH_M, STYLE, 0.002), MarkerPath(PATH_M, HIDDEN)),
    points=(
        MarkerPoint(np.array([0.1, 0.2, 0.3]), STYLE, 0.002, 'xiphoid'),
        MarkerPoint(np.array([0.0, 0.0, 0.1]), MeshStyle((255, 0, 0)), 0.002),
        MarkerPoint(np.array([0.0, 0.1, 0.0]), HIDDEN, 0.002, 'hidden'),
        MarkerPoint(np.array([0.0, 0.1, 0.0]), HIDDEN, 0.004, 'hidden and large'),
    ),
    instruments=(MarkerBody(MESH, STYLE), MarkerBody(MESH, STYLE, frame='drill_tip')),
)


def markers(live: bool = True, tip_live: bool = True, **kwargs: Any) -> dict[tuple[str, int], MarkerSpec]:
    found = scene_markers(SCENE, live=live, state='live' if live else 'lost', stamp_ns=5, tip_live=tip_live, **kwargs)
    out = {(m.ns, m.id): m for m in found}
    assert len(out) == len(found)
    return out


def test_live_adds_what_is_visible() -> None:
    found = markers()
    triangles, file, hidden = (found[ANATOMY_NS, i] for i in range(3))
    assert (triangles.type, triangles.action) == (MarkerType.TRIANGLE_LIST, MarkerAction.ADD)
    assert triangles.points_m is not None and triangles.points_m.dtype == np.float32
    assert np.array_equal(triangles.points_m, VERTICES[[0, 1, 2, 0, 3, 1]])
    assert triangles.rgba == pytest.approx((1.0, 128 / 255, 0.0, 0.8)) and triangles.scale_m == (1, 1, 1)
    assert (file.type, file.mesh_resource, file.points_m) == (MarkerType.MESH_RESOURCE, 'file:///tmp/a%20b.ply', None)
    assert file.rgba[3] == LEAST_ALPHA and file.scale_m == (0.001,) * 3
    assert hidden.action is MarkerAction.DELETE
    assert found[MARGIN_NS, 0].action is MarkerAction.ADD
    assert found[TIP_NS, 0].type is MarkerType.SPHERE and found[TIP_NS, 0].scale_m == (0.004,) * 3
    assert found[STATE_NS, 0].text == 'LIVE'


def test_a_path_is_a_line_as_wide_as_what_goes_along_it() -> None:
    line, hidden = (markers()[TRAJECTORY_NS, i] for i in range(2))
    assert line.type is MarkerType.LINE_STRIP and line.scale_m[0] == 0.002 and line.rgba == (0, 1, 0, 1)
    assert line.points_m is not None and np.allclose(line.points_m, PATH_M)
    assert hidden.action is MarkerAction.DELETE


def test_landmarks_are_spheres_of_their_colours_with_names_where_they_are_shown() -> None:
    found = markers()
    spheres = found[LANDMARK_NS, 0]
    assert spheres.type is MarkerType.SPHERE_LIST and spheres.scale_m == (0.004,) * 3
    assert spheres.points_m is not None and np.allclose(spheres.points_m, [[0.1, 0.2, 0.3], [0, 0, 0.1]])
    assert spheres.rgbas is not None and np.allclose(spheres.rgbas, [[0, 1, 0, 1], [1, 0, 0, 1]])
    assert found[LANDMARK_NS, 1].action is MarkerAction.DELETE  # all of them hidden
    names = [found[LANDMARK_NAME_NS, i] for i in range(4)]
    assert [m.action for m in names] == [MarkerAction.ADD, *[MarkerAction.DELETE] * 3]
    assert names[0].text == 'xiphoid' and names[0].T_frame_marker[:2, 3] == pytest.approx([0.1, 0.2])
    assert names[0].T_frame_marker[2, 3] > 0.302 and names[0].scale_m[2] > 0


def test_an_instrument_is_there_while_its_own_frame_is_tracked() -> None:
    def added(**kwargs: Any) -> list[bool]:
        found = markers(**kwargs)
        return [found[INSTRUMENT_NS, i].action is MarkerAction.ADD for i in range(2)]

    assert [markers()[INSTRUMENT_NS, i].frame_id for i in range(2)] == ['tip', 'drill_tip']
    assert added() == [True, False] and added(tip_live=False) == [False, False]
    assert added(live_frames=['drill_tip'], tip_live=False) == [False, True]
    assert added(live=False, live_frames={'drill_tip'}) == [True, True]  # an instrument needs no registration


def test_not_live_deletes_the_scene_and_says_why() -> None:
    found = markers(live=False, tip_live=False, reason='no marker')
    gone = [m for m in found.values() if m.ns != STATE_NS]
    assert all(m.action is MarkerAction.DELETE and m.points_m is None for m in gone)
    assert len(gone) == 3 + 1 + 2 + 2 + 4 + 2 + 1
    state = found[STATE_NS, 0]
    assert (state.action, state.text) == (MarkerAction.ADD, 'LOST: no marker')
    assert state.rgba != markers()[STATE_NS, 0].rgba


@given(live=st.booleans(), tip_live=st.booleans(), lifetime_s=st.floats(1e-3, 100))
def test_the_same_things_are_said_in_every_state_and_all_expire(live: bool, tip_live: bool, lifetime_s: float) -> None:
    found = markers(live, tip_live, lifetime_s=lifetime_s)
    assert set(found) == set(markers())
    for marker in found.values():
        assert marker.stamp_ns == 5
        if marker.action is MarkerAction.ADD:
            assert marker.lifetime_ns == round(lifetime_s * 1e9) > 0
            assert all(0 <= c <= 1 for c in marker.rgba) and marker.rgba[3] > 0
        assert marker.type is markers()[marker.ns, marker.id].type


def test_frames_are_those_asked_for() -> None:
    found = markers(frame_ids=MarkerFrames('scan', 'needle', 'world'), tip_live=True)
    of = {m.ns: m.frame_id for m in found.values() if m.ns != INSTRUMENT_NS}
    in_ct = dict.fromkeys((ANATOMY_NS, MARGIN_NS, TRAJECTORY_NS, LANDMARK_NS, LANDMARK_NAME_NS), 'scan')
    assert of == {**in_ct, TIP_NS: 'needle', STATE_NS: 'world'}
    assert found[INSTRUMENT_NS, 0].frame_id == 'needle' and found[INSTRUMENT_NS, 0].action is MarkerAction.ADD


@pytest.mark.parametrize('lifetime_s', [0.0, -1.0, float('nan'), float('inf')])
def test_markers_that_would_stay_for_ever_are_refused(lifetime_s: float) -> None:
    with pytest.raises(ConfigError, match='must be positive and finite'):
        markers(lifetime_s=lifetime_s)


def test_a_mesh_of_an_installed_package_has_a_package_uri(tmp_path: Path) -> None:
    share, elsewhere = tmp_path / 'install/share/organs', tmp_path / 'src'
    for folder in (share / 'meshes', elsewhere):
        folder.mkdir(parents=True)
        (folder / 'a liver.stl').touch()
    (share / 'meshes/linked.ply').symlink_to(elsewhere / 'a liver.stl')
    shares = {'other': tmp_path / 'install/share/other', 'organs': share}
    assert package_uri(share / 'meshes/a liver.stl', shares) == 'package://organs/meshes/a%20liver.stl'
    assert package_uri(share / 'meshes/linked.ply', shares) == 'package://organs/meshes/linked.ply'
    assert package_uri(elsewhere / 'a liver.stl', shares) is None
    assert package_uri(share / 'meshes/liver.vtk', shares) is None  # RViz does not read it
    (tmp_path / 'link').symlink_to(tmp_path / 'install')
    assert package_uri(share / 'meshes/a liver.stl', {'organs': tmp_path / 'link/share/organs'}) is not None
