# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError
from arsurg_ros.sinks.markers import (
    ANATOMY_NS,
    LEAST_ALPHA,
    STATE_NS,
    TIP_NS,
    MarkerAction,
    MarkerBody,
    MarkerFrames,
    MarkerSpec,
    MarkerType,
    scene_markers,
)
from arsurg_ros.types import Mesh, MeshStyle

VERTICES = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], np.float32) * 0.01
MESH = Mesh('wedge', VERTICES, np.array([(0, 1, 2), (0, 3, 1)], np.uint32))
BODIES = (
    MarkerBody(MESH, MeshStyle((255, 128, 0), fill=0.4)),
    MarkerBody(MESH, MeshStyle((0, 0, 255), fill=0.0), Path('/tmp/a b.ply')),
    MarkerBody(MESH, MeshStyle((0, 0, 0), visible=False)),
)


def markers(live: bool = True, tip_live: bool = True, **kwargs: object) -> dict[tuple[str, int], MarkerSpec]:
    found = scene_markers(BODIES, live=live, state='live' if live else 'lost', stamp_ns=5, tip_live=tip_live, **kwargs)  # type: ignore[arg-type]
    out = {(m.ns, m.id): m for m in found}
    assert len(out) == len(found)
    return out


def test_live_adds_what_is_visible() -> None:
    found = markers()
    triangles, file, hidden = (found[ANATOMY_NS, i] for i in range(3))
    assert (triangles.type, triangles.action) == (MarkerType.TRIANGLE_LIST, MarkerAction.ADD)
    assert triangles.points_m is not None and triangles.points_m.dtype == np.float32
    assert np.array_equal(triangles.points_m, VERTICES[[0, 1, 2, 0, 3, 1]])
    assert triangles.rgba == pytest.approx((1.0, 128 / 255, 0.0, 0.8))
    assert (file.type, file.mesh_resource, file.points_m) == (MarkerType.MESH_RESOURCE, 'file:///tmp/a%20b.ply', None)
    assert file.rgba[3] == LEAST_ALPHA
    assert hidden.action is MarkerAction.DELETE
    assert found[TIP_NS, 0].type is MarkerType.SPHERE and found[TIP_NS, 0].scale_m == (0.004,) * 3
    assert found[STATE_NS, 0].text == 'LIVE'


def test_not_live_deletes_the_anatomy_and_says_why() -> None:
    found = markers(live=False, tip_live=False, reason='no marker')
    gone = [m for m in found.values() if m.ns != STATE_NS]
    assert len(gone) == 4 and all(m.action is MarkerAction.DELETE and m.points_m is None for m in gone)
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
    found = markers(frame_ids=MarkerFrames('scan', 'needle', 'world'))
    assert {m.ns: m.frame_id for m in found.values()} == {ANATOMY_NS: 'scan', TIP_NS: 'needle', STATE_NS: 'world'}


@pytest.mark.parametrize('lifetime_s', [0.0, -1.0, float('nan'), float('inf')])
def test_markers_that_would_stay_for_ever_are_refused(lifetime_s: float) -> None:
    with pytest.raises(ConfigError, match='must be positive and finite'):
        markers(lifetime_s=lifetime_s)
