# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A scene's markers as messages: what RViz is told, and where it finds the meshes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip('rclpy', reason='no rclpy here: make setup, or source a ROS 2')

from visualization_msgs.msg import Marker

from arsurg_ros.files.meshes import load_mesh, save_ply
from arsurg_ros.nodes import markers as module
from arsurg_ros.nodes.markers import HOW, MarkerMeshes, marker_array
from arsurg_ros.nodes.overlay import OverlayNode
from arsurg_ros.nodes.params import PARAMS
from arsurg_ros.overlay.scene import Scene, load_scene
from arsurg_ros.sinks.markers import scene_markers
from arsurg_ros.synthetic import phantom_meshes


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """An installed package, organs, with a mesh in its share folder."""
    folder = tmp_path / 'install' / 'share' / 'organs'
    folder.mkdir(parents=True)
    save_ply(phantom_meshes()[1], folder / 'tumour.ply')
    return folder


@pytest.fixture
def scene(share: Path) -> Scene:
    path = share.parents[2] / 'scene.yaml'
    meshes = {
        'tumour': {'path': str(share / 'tumour.ply'), 'role': 'target', 'margin': 3},
        'liver': {'path': 'synthetic:liver'},
    }
    parts = {
        'landmarks': {'points': {'a': [1, 2, 3], 'b': [4, 5, 6]}},
        'trajectories': {'t': {'entry': [0, 0, 0], 'target': [0, 0, 40], 'radius': 2}},
        'instruments': {'pointer': {'shaft': {'radius': 2, 'length': 100}}},
    }
    path.write_text(yaml.safe_dump({'meshes': meshes, **parts}, sort_keys=False))
    return load_scene(path)


def told(meshes: MarkerMeshes, live: bool = True) -> dict[tuple[str, int], Marker]:
    specs = scene_markers(meshes.scene, live=live, state='live', stamp_ns=7, tip_live=live)
    return {(m.ns, m.id): m for m in marker_array(specs).markers}


def test_the_parameter_has_the_ways_there_are() -> None:
    (parameter,) = [p for p in PARAMS['overlay'] if p.name == 'marker_meshes']
    assert parameter.choices == HOW and parameter.default == 'file'


def test_files_are_in_metres_with_the_margin_inflated_and_go_with_the_node(scene: Scene) -> None:
    meshes = MarkerMeshes(scene)
    found = told(meshes)
    of = {key: Path(m.mesh_resource.removeprefix('file://')) for key, m in found.items() if m.type == Marker.MESH_RESOURCE}
    assert set(of) == {('anatomy', 0), ('anatomy', 1), ('margin', 0), ('instrument', 0)}
    tumour, shell = (np.ptp(load_mesh(of[key], unit='m').vertices_m, axis=0) for key in (('anatomy', 0), ('margin', 0)))
    assert shell - tumour == pytest.approx([0.006] * 3, rel=0.1)
    assert found['anatomy', 0].scale.x == 1.0
    meshes.remove()
    assert not any(path.exists() for path in of.values())


def test_a_package_s_meshes_are_named_and_others_travel(scene: Scene, share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefixes = {'organs': str(share.parents[1]), 'other': '/nowhere'}
    monkeypatch.setattr(module, 'get_packages_with_prefixes', lambda: prefixes)
    meshes = MarkerMeshes(scene, 'package')
    found = told(meshes)
    assert found['anatomy', 0].mesh_resource == 'package://organs/tumour.ply' and found['anatomy', 0].scale.x == 0.001
    for key in (('anatomy', 1), ('margin', 0), ('instrument', 0)):
        assert found[key].type == Marker.TRIANGLE_LIST and len(found[key].points) % 3 == 0 and found[key].points
    meshes.remove()


def test_triangles_that_travel_are_few(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'MOST_TRIANGLES', 600)
    found = told(MarkerMeshes(scene, 'triangles'))
    assert all(not m.mesh_resource for m in found.values())
    assert len(found['anatomy', 1].points) == 3 * scene.anatomies[1].levels[-1].triangles < 3 * 600  # a level that is there
    assert len(found['anatomy', 0].points) <= 3 * 600  # one that is made
    shell, tumour = (np.array([(p.x, p.y, p.z) for p in found[ns, 0].points]) for ns in ('margin', 'anatomy'))
    assert np.ptp(shell, axis=0) - np.ptp(tumour, axis=0) == pytest.approx([0.006] * 3, rel=0.1)


def test_lines_points_and_names(scene: Scene) -> None:
    found = told(MarkerMeshes(scene, 'triangles'))
    line = found['trajectory', 0]
    assert line.type == Marker.LINE_STRIP and line.scale.x == pytest.approx(0.004) and len(line.points) == 2
    assert line.points[1].z == pytest.approx(0.04) and line.header.frame_id == 'ct'
    spheres = found['landmark', 0]
    assert spheres.type == Marker.SPHERE_LIST and len(spheres.points) == len(spheres.colors) == 2
    assert [found['landmark name', i].text for i in range(2)] == ['a', 'b']
    assert all(m.lifetime.sec + m.lifetime.nanosec > 0 for m in found.values())
    assert found['instrument', 0].header.frame_id == 'tip'


def test_styles_may_change_from_message_to_message(scene: Scene) -> None:
    meshes = MarkerMeshes(scene, 'triangles')
    styles = [replace(s, rgb=(10 * k, 0, 0), visible=k != 1) for k, s in enumerate(a.style for a in scene.anatomies)]
    specs = scene_markers(meshes.styled(styles), live=True, state='live', stamp_ns=7)
    found = {(m.ns, m.id): m for m in marker_array(specs).markers}
    assert found['anatomy', 1].action == Marker.DELETE and found['anatomy', 0].action == Marker.ADD
    assert found['margin', 0].color.r == pytest.approx(20 / 255, abs=1e-6)
    assert told(meshes)['anatomy', 1].action == Marker.ADD


def test_what_is_not_live_or_hidden_is_deleted(scene: Scene) -> None:
    meshes = MarkerMeshes(scene, 'triangles')
    gone = told(meshes, live=False)
    assert {m.action for (ns, _), m in gone.items() if ns != 'state'} == {Marker.DELETE}
    meshes.show(scene.with_visible({'liver': False, 'b': False, 't': False, 'pointer': False}))
    found = told(meshes)
    hidden = [('anatomy', 1), ('landmark name', 1), ('trajectory', 0), ('instrument', 0)]
    assert [key for key, m in found.items() if m.action == Marker.DELETE] == [hidden[0], hidden[2], hidden[1], hidden[3]]
    assert len(found['landmark', 0].points) == 1


def test_the_node_says_once_what_is_wrong_with_a_mesh_and_draws_it(
    graph, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    liver = phantom_meshes()[0]
    save_ply(replace(liver, triangles=liver.triangles[1:]), tmp_path / 'open.ply')
    (tmp_path / 'scene.yaml').write_text('meshes: {liver: {path: open.ply}}')
    node = graph.start(OverlayNode, scene=str(tmp_path / 'scene.yaml'), marker_meshes='triangles')
    assert node.active
    assert capfd.readouterr().err.count('mesh liver: 3 open edges') == 1
    assert 'mesh liver: 3 open edges' in str(node.health()[2]['scene_warning.1'])
    (body,) = node._markers.meshes.scene.anatomy
    assert body.resource is None and len(body.mesh.triangles) == 5119
