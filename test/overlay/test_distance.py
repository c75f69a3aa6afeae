# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import DataError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.overlay.distance import TipDistances, nearest_of_each_role
from arsurg_ros.overlay.scene import make_scene
from arsurg_ros.overlay.style import Role
from arsurg_ros.types import F64, Mesh

ROLES = {'near': Role.TARGET, 'far': Role.TARGET, 'vein': Role.RISK, 'artery': Role.RISK}
CENTRES = {'near': (0.0, 0.0, 0.0), 'far': (0.1, 0.0, 0.0), 'vein': (0.0, 0.1, 0.0), 'artery': (0.0, -0.05, 0.0)}
EVERY = frozenset([*ROLES, 'organ'])


def boxes(cube_mesh: Mesh) -> dict[str, Mesh]:
    """Return a cube of 2 cm about each centre, and one of context about the first."""
    centres = {**CENTRES, 'organ': (0.0, 0.0, 0.0)}
    return {n: Mesh(n, cube_mesh.vertices_m + np.array(c, np.float32), cube_mesh.triangles) for n, c in centres.items()}


@pytest.fixture(params=BACKENDS)
def tip_distances(request: pytest.FixtureRequest, cube_mesh: Mesh) -> TipDistances:
    return TipDistances(make_scene(boxes(cube_mesh), ROLES).anatomies, request.param)


def tip_at(p_ct: object, T_cam_ct: F64) -> F64:
    return T_cam_ct @ se3.compose(se3.from_rotvec([0.1, 0.2, 0.3]), np.asarray(p_ct, float))


def test_targets_come_first_and_each_role_by_distance(tip_distances: TipDistances, T_cam_ct: F64) -> None:
    found = tip_distances.at(T_cam_ct, tip_at([0.08, -0.02, 0.0], T_cam_ct), EVERY)
    assert [d.name for d in found] == ['far', 'near', 'artery', 'vein']
    assert [d.role for d in found] == [Role.TARGET, Role.TARGET, Role.RISK, Role.RISK]
    expected = [np.hypot(0.01, 0.01), np.hypot(0.07, 0.01), np.hypot(0.07, 0.02), np.hypot(0.07, 0.11)]
    assert [d.distance_m for d in found] == pytest.approx(expected, abs=1e-8)
    assert not any(d.inside for d in found)
    assert found[0].closest_ct_m == pytest.approx([0.09, -0.01, 0.0], abs=1e-8)


def test_what_encloses_the_tip_is_the_nearest(cube_mesh: Mesh, T_cam_ct: F64) -> None:
    meshes = {'wide': cube_mesh, 'small': Mesh('small', cube_mesh.vertices_m / 100, cube_mesh.triangles)}
    meshes['small'] = Mesh('small', meshes['small'].vertices_m + np.float32(0.005), cube_mesh.triangles)
    scene = make_scene({n: Mesh(n, m.vertices_m, m.triangles) for n, m in meshes.items()}, dict.fromkeys(meshes, Role.RISK))
    found = TipDistances(scene.anatomies).at(T_cam_ct, tip_at([0.004, 0.004, 0.004], T_cam_ct), {'wide', 'small'})
    assert [(d.name, d.inside) for d in found] == [('wide', True), ('small', False)]
    assert found[0].distance_m > found[1].distance_m


def test_what_is_hidden_is_not_told_and_may_come_back(tip_distances: TipDistances, T_cam_ct: F64) -> None:
    tip = tip_at([0.0, 0.03, 0.0], T_cam_ct)
    assert [d.name for d in tip_distances.at(T_cam_ct, tip, {'far', 'vein'})] == ['far', 'vein']
    assert tip_distances.at(T_cam_ct, tip, ()) == ()
    assert len(tip_distances.at(T_cam_ct, tip, EVERY)) == 4


def test_a_scene_of_context_has_no_distances(cube_mesh: Mesh, T_cam_ct: F64) -> None:
    scene = make_scene({'cube': cube_mesh}, {})
    assert TipDistances(scene.anatomies).at(T_cam_ct, T_cam_ct, {'cube'}) == ()


@pytest.mark.parametrize('bad', [np.full((4, 4), np.nan), 2 * np.eye(4)], ids=['nan', 'scaled'])
def test_poses_that_are_none_have_no_distances(tip_distances: TipDistances, T_cam_ct: F64, bad: F64) -> None:
    assert tip_distances.at(T_cam_ct, bad, EVERY) == () and tip_distances.at(bad, T_cam_ct, EVERY) == ()


def test_a_tip_beyond_every_room_has_none(tip_distances: TipDistances, T_cam_ct: F64) -> None:
    assert tip_distances.at(T_cam_ct, tip_at([2e6, 0, 0], T_cam_ct), EVERY) == ()
    assert len(tip_distances.at(T_cam_ct, tip_at([2e5, 0, 0], T_cam_ct), EVERY)) == 4


def test_a_tip_on_the_surface_is_at_its_closest_point(tip_distances: TipDistances) -> None:
    corner = np.float32([0.01, 0.01, 0.01]).astype(float)
    found = tip_distances.at(np.eye(4), se3.compose(np.eye(3), corner), {'near'})
    assert found[0].distance_m == 0.0 and found[0].closest_ct_m.tolist() == corner.tolist()


def test_a_target_without_triangles_is_refused(cube_mesh: Mesh) -> None:
    empty = Mesh('empty', cube_mesh.vertices_m, np.zeros((0, 3), np.uint32))
    with pytest.raises(DataError, match="mesh 'empty': no triangles"):
        TipDistances(make_scene({'empty': empty}, {'empty': Role.RISK}).anatomies)


@settings(max_examples=40, deadline=None)
@given(twist=st.lists(st.floats(-1.0, 1.0), min_size=6, max_size=6))
def test_where_the_camera_stands_changes_nothing(cube_mesh: Mesh, twist: list[float]) -> None:
    measured = TipDistances(make_scene(boxes(cube_mesh), ROLES).anatomies)
    first, moved = (measured.at(T, tip_at([0.03, 0.04, -0.02], T), EVERY) for T in (np.eye(4), se3.exp(np.array(twist))))
    for a, b in zip(first, moved, strict=True):
        assert (a.name, a.inside) == (b.name, b.inside) and a.distance_m == pytest.approx(b.distance_m, abs=1e-12)
        assert a.closest_ct_m == pytest.approx(b.closest_ct_m, abs=1e-12)


def test_the_nearest_of_each_role(tip_distances: TipDistances, T_cam_ct: F64) -> None:
    found = tip_distances.at(T_cam_ct, tip_at([0.0, 0.0925, 0.0], T_cam_ct), EVERY)
    assert [(d.name, d.inside) for d in nearest_of_each_role(found)] == [('near', False), ('vein', True)]
    assert nearest_of_each_role(()) == []
