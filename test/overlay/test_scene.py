# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.files.meshes import save_ply
from arsurg_ros.overlay.scene import Anatomy, Scene, load_scene, make_scene
from arsurg_ros.overlay.scene_file import read_scene_file
from arsurg_ros.overlay.style import ANATOMY, DEFAULT_STYLE, OKABE_ITO, Role
from arsurg_ros.synthetic import phantom_meshes
from arsurg_ros.types import Mesh, MeshStyle

CONFIG = Path(__file__).resolve().parents[2] / 'config'


def write(folder: Path, data: object, name: str = 'scene.yaml') -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


@pytest.fixture
def folder(tmp_path: Path, cube_mesh: Mesh) -> Path:
    (tmp_path / 'meshes').mkdir()
    save_ply(cube_mesh, tmp_path / 'meshes' / 'cube.ply')
    save_ply(cube_mesh, tmp_path / 'metres.ply', unit='m')
    return tmp_path


def test_a_scene_is_read_in_order_with_paths_relative_to_it(folder: Path, cube_mesh: Mesh) -> None:
    meshes = {
        'tumour': {'path': 'meshes/cube.ply', 'role': 'target'},
        'vein': {'path': 'metres.ply', 'unit': 'm', 'role': 'risk', 'colour': 'blue', 'fill': 0, 'outline': 0.5},
        'liver': {'path': 'meshes/cube.ply', 'visible': False, 'colour': '#0a0B0c'},
        'spleen': {'path': 'meshes/cube.ply', 'colour': [1, 2, 255]},
    }
    scene = load_scene(write(folder, {'meshes': meshes}))
    assert [m.name for m in scene.meshes] == list(meshes)
    assert all(m.vertices_m == pytest.approx(cube_mesh.vertices_m) for m in scene.meshes)
    assert scene.styles[0] == DEFAULT_STYLE[Role.TARGET].mesh_style(OKABE_ITO['yellow'])
    risk = DEFAULT_STYLE[Role.RISK].mesh_style(OKABE_ITO['blue'])
    assert scene.styles[1] == replace(risk, fill=0.0, outline=0.5)
    assert scene.styles[2].rgb == (10, 11, 12) and not scene.styles[2].visible
    assert scene.styles[3].rgb == (1, 2, 255)
    assert [m.name for m in scene.targets] == ['tumour']


def test_meshes_may_lie_under_another_root(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = write(tmp_path_factory.mktemp('scene'), {'meshes': {'a': {'path': 'cube.ply'}}})
    with pytest.raises(DataError, match='No such file'):
        load_scene(elsewhere)
    assert load_scene(elsewhere, root=folder / 'meshes').meshes[0].name == 'a'
    assert load_scene(elsewhere, root=str(folder / 'meshes')).meshes[0].name == 'a'


def test_the_phantom_needs_no_file(tmp_path: Path) -> None:
    phantom = {mesh.name: mesh for mesh in phantom_meshes()}
    meshes = {f'my_{name}': {'path': f'synthetic:{name}'} for name in phantom}
    scene = load_scene(write(tmp_path, {'meshes': meshes}), root='/nowhere')
    assert [m.name for m in scene.meshes] == list(meshes)
    for mesh, truth in zip(scene.meshes, phantom.values(), strict=True):
        assert np.array_equal(mesh.vertices_m, truth.vertices_m) and np.array_equal(mesh.triangles, truth.triangles)
    path = write(tmp_path, {'meshes': {'a': {'path': 'synthetic:spleen'}}})
    with pytest.raises(ConfigError, match="mesh a: path 'synthetic:spleen'; valid: synthetic:liver, synthetic:tumour"):
        load_scene(path)


@pytest.mark.parametrize('path', sorted(CONFIG.rglob('scene.yaml')), ids=lambda p: p.parent.name)
def test_the_shipped_scenes_are_well_formed(path: Path) -> None:
    assert {e.role for e in read_scene_file(path).meshes} == set(ANATOMY)


def test_structures_of_one_role_differ_in_colour(folder: Path) -> None:
    meshes = {f'v{i}': {'path': 'meshes/cube.ply', 'role': 'risk'} for i in range(4)}
    meshes['own'] = {'path': 'meshes/cube.ply', 'role': 'risk', 'colour': 'white'}
    entries = read_scene_file(write(folder, {'meshes': meshes})).meshes
    assert len({e.style.rgb for e in entries[:3]}) == 3 and entries[3].style.rgb == entries[0].style.rgb
    assert entries[4].style.rgb == OKABE_ITO['white']


def test_invisible_targets_are_no_targets(cube_mesh: Mesh) -> None:
    hidden = Anatomy(cube_mesh, MeshStyle((0, 0, 0), visible=False), Role.TARGET)
    assert Scene((hidden,)).targets == []


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'colour': 'mauve'}, "mesh a: colour 'mauve'; valid: #rrggbb"),
        ({'colour': [0, 0, 256]}, r'colour \[0, 0, 256\]; valid'),
        ({'colour': [0.5, 0, 0]}, r'colour \[0.5, 0, 0\]; valid'),
        ({'colour': None}, 'colour None; valid'),
        ({'fill': 1.5}, 'fill 1.5; valid: a number from 0 to 1'),
        ({'fill': True}, 'fill True; valid'),
        ({'outline': 'thick'}, "outline 'thick'; valid"),
        ({'outline': float('nan')}, 'outline nan; valid'),
        ({'visible': 'yes'}, "visible 'yes'; valid: true, false"),
        ({'role': 'enemy'}, "role 'enemy'; valid: target, risk, context"),
        ({'unit': 'inch'}, "unit 'inch'; valid: mm, m"),
        ({'path': ''}, "path '': the path of a mesh file"),
        ({'path': 7}, 'path 7: the path of a mesh file'),
        ({'opacity': 1}, "mesh a: unknown key 'opacity'; valid: path, unit, role"),
    ],
)
def test_a_wrong_value_is_named_with_the_valid_ones(folder: Path, change: dict[str, object], message: str) -> None:
    path = write(folder, {'meshes': {'a': {'path': 'meshes/cube.ply', **change}}})
    with pytest.raises(ConfigError, match=message) as error:
        load_scene(path)
    assert str(path) in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        ([1], 'a mapping with the key meshes'),
        ({'meshes': {}}, 'at least one name'),
        ({'meshes': ['a.ply']}, 'at least one name'),
        ({'meshes': {'a': 'a.ply'}}, "mesh a: 'a.ply': a mapping with the key path"),
        ({'meshes': {'a': {'path': 'a.ply'}}, 'units': 'mm'}, "unknown key 'units'; valid: meshes, unit, style"),
        ({'meshes': {'a': {'path': 'a.ply'}}, 'unit': 3}, 'unit 3; valid: mm, m'),
        ({'meshes': {'a': {'path': 'a.ply'}}, 'style': 3}, 'style 3: the path'),
    ],
)
def test_a_wrong_scene_is_named(tmp_path: Path, data: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_scene(write(tmp_path, data))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='No such file'):
        load_scene(tmp_path / 'none.yaml')
    (tmp_path / 'broken.yaml').write_text('meshes: {a: [')
    with pytest.raises(DataError, match='is not YAML') as error:
        load_scene(tmp_path / 'broken.yaml')
    assert '\n' not in str(error.value)
    (tmp_path / 'binary.yaml').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(DataError, match='is not YAML'):
        load_scene(tmp_path / 'binary.yaml')
    with pytest.raises(DataError, match=r'none\.ply: No such file'):
        load_scene(write(tmp_path, {'meshes': {'a': {'path': 'none.ply'}}}))


def test_a_scene_needs_meshes_of_different_names(cube_mesh: Mesh) -> None:
    one = Anatomy(cube_mesh, MeshStyle((0, 0, 0)))
    with pytest.raises(ConfigError, match="'cube' is there more than once"):
        Scene((one, one))
    with pytest.raises(ConfigError, match='0 meshes; valid: 1 to'):
        Scene(())
    with pytest.raises(ConfigError, match='255 meshes; valid: 1 to'):
        Scene(
            tuple(
                Anatomy(Mesh(str(i), *[getattr(cube_mesh, k) for k in ('vertices_m', 'triangles')]), one.style)
                for i in range(255)
            )
        )


def test_meshes_in_memory_take_their_roles_styles(cube_mesh: Mesh) -> None:
    scene = make_scene({'cube': cube_mesh}, {'cube': Role.RISK})
    assert scene.anatomies[0].role is Role.RISK and scene.styles[0].fill == DEFAULT_STYLE[Role.RISK].fill


def test_a_recorded_scene_is_described_by_data_alone(shared_data: Path, tmp_path: Path) -> None:
    liver = shared_data / 'skvtk' / 'Liver'
    rows = [line.split(',') for line in (liver / 'colours.txt').read_text().splitlines() if line.strip()]
    roles = {'liver': 'context', 'liver_tumours': 'target'}
    meshes = {
        (name := Path(file).stem): {
            'path': str(liver / file),
            'role': roles.get(name, 'risk'),
            'colour': [round(255 * float(v)) for v in rgb],
        }
        for file, *rgb in rows
    }
    scene = load_scene(write(tmp_path, {'unit': 'mm', 'meshes': meshes}))
    assert len(scene.anatomies) == 9
    assert dict(zip([m.name for m in scene.meshes], [s.rgb for s in scene.styles], strict=True))['arteries'] == (255, 0, 0)
    assert all(np.ptp(m.vertices_m, axis=0).max() < 0.4 for m in scene.meshes)
