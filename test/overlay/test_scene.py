# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.files.meshes import save_ply
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.geometry.decimation import distances_m
from arsurg_ros.geometry.mesh_checks import inspect_mesh
from arsurg_ros.kernels.distance import DistanceField
from arsurg_ros.kernels.raster import Rasteriser
from arsurg_ros.overlay.bodies import Bodies
from arsurg_ros.overlay.scene import (
    Anatomy,
    Instrument,
    Landmark,
    Scene,
    SceneLook,
    SceneWindow,
    load_scene,
    make_scene,
)
from arsurg_ros.overlay.scene_file import MAX_TRIANGLES, read_scene_file
from arsurg_ros.overlay.style import ANATOMY, DEFAULT_STYLE, OKABE_ITO, Role, for_height
from arsurg_ros.synthetic import POINTER_BOARD, phantom_meshes, render_frame
from arsurg_ros.synthetic import Scene as SyntheticScene
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
    assert scene.anatomies[0].style == DEFAULT_STYLE[Role.TARGET].mesh_style(OKABE_ITO['yellow'])
    risk = DEFAULT_STYLE[Role.RISK].mesh_style(OKABE_ITO['blue'])
    assert scene.anatomies[1].style == replace(risk, fill=0.0, outline=0.5)
    assert scene.anatomies[2].style.rgb == (10, 11, 12) and not scene.anatomies[2].style.visible
    assert scene.anatomies[3].style.rgb == (1, 2, 255)


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
    path = write(tmp_path, {'meshes': {'a': {'path': 'synthetic:liver'}}, 'instruments': {'i': {'mesh': 'synthetic:liver'}}})
    with pytest.raises(ConfigError, match="mesh i: path 'synthetic:liver'; valid: synthetic:pointer"):
        load_scene(path)
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
    (tmp_path / 'twice.yaml').write_text('meshes:\n  a: {path: b.ply}\n  a: {path: c.ply}\n')
    with pytest.raises(DataError, match=r"'a' is there more than once.*line 3"):
        load_scene(tmp_path / 'twice.yaml')
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


def test_a_target_and_an_instrument_count_twice_as_they_are_drawn_twice(cube_mesh: Mesh) -> None:
    style = MeshStyle((0, 0, 0))
    targets = tuple(Anatomy(replace(cube_mesh, name=str(i)), style, Role.TARGET) for i in range(126))
    tool = Instrument('tool', cube_mesh, style)
    assert len(Bodies(Scene(targets, instruments=(tool,))).meshes) == 254
    with pytest.raises(ConfigError, match='256 meshes; valid: 1 to 254, margins among them, targets and instruments twice'):
        Scene(targets, instruments=(tool, replace(tool, name='other')))


def test_meshes_in_memory_take_their_roles_styles(cube_mesh: Mesh) -> None:
    scene = make_scene({'cube': cube_mesh}, {'cube': Role.RISK})
    assert scene.anatomies[0].role is Role.RISK and scene.anatomies[0].style.fill == DEFAULT_STYLE[Role.RISK].fill


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
    assert dict((a.name, a.style.rgb) for a in scene.anatomies)['arteries'] == (255, 0, 0)
    assert all(np.ptp(m.vertices_m, axis=0).max() < 0.4 for m in scene.meshes)


def scene_of(folder: Path, **keys: Any) -> Path:
    return write(folder, {'meshes': {'a': {'path': 'meshes/cube.ply', 'role': 'risk'}}, **keys})


def test_lines_and_creases_are_styled_by_mesh(folder: Path) -> None:
    lines = {'crease': 0.5, 'line_px': 5, 'dashed': True}
    style = load_scene(write(folder, {'meshes': {'a': {'path': 'meshes/cube.ply', **lines}}})).anatomies[0].style
    assert (style.crease, style.width_px, style.dashed) == (0.5, 5.0, True)
    assert for_height(style, 540).width_px == 2.5


def test_a_margin_is_a_dashed_shell_of_its_own_after_all_structures(folder: Path) -> None:
    meshes = {
        'vein': {'path': 'metres.ply', 'unit': 'm', 'role': 'risk', 'margin': 5, 'colour': 'orange'},
        'none': {'path': 'meshes/cube.ply', 'margin': 0},
        'liver': {'path': 'meshes/cube.ply', 'margin': 2, 'visible': False},
    }
    scene = load_scene(write(folder, {'meshes': meshes}))
    assert [m.name for m in scene.meshes] == ['vein', 'none', 'liver', 'vein margin', 'liver margin']
    shell = scene.anatomies[3]
    assert shell.role is Role.MARGIN and shell.margin_of == 'vein'
    assert not shell.style.solid and scene.anatomies[0].style.solid
    assert shell.style.inflate_m == pytest.approx(0.005)  # in the scene's unit, not the mesh's
    assert shell.style.dashed and shell.style.fill == 0 and shell.style.rgb == OKABE_ITO['orange'] and shell.style.visible
    assert not scene.anatomies[4].style.visible
    assert shell.mesh.vertices_m is scene.meshes[0].vertices_m  # the renderer inflates it
    sheet = write(folder, {'margin': {'colours': ['white'], 'dashed': False}}, 'margins.yaml')
    other = load_scene(write(folder, {'style': sheet.name, 'meshes': meshes})).anatomies[3].style
    assert other.rgb == (255, 255, 255) and not other.dashed


def test_landmarks_are_inline_or_a_file(folder: Path) -> None:
    scene = load_scene(scene_of(folder, landmarks={'points': {'tip': [1, 2, 3], 'end': [4, 5, 6.5]}, 'radius': 2}))
    assert [p.name for p in scene.landmarks] == ['tip', 'end']
    assert scene.landmarks[1].p_ct_m == pytest.approx([0.004, 0.005, 0.0065])
    assert scene.landmarks[0].radius_m == pytest.approx(0.002) and scene.landmarks[0].label
    assert scene.landmarks[0].style.rgb == DEFAULT_STYLE[Role.LANDMARK].colours[0]
    (folder / 'points.csv').write_text('name,x,y,z\nxiphoid,10,20,30\n')
    scene = load_scene(scene_of(folder, landmarks={'file': 'points.csv', 'labels': False, 'colour': 'blue', 'visible': False}))
    (point,) = scene.landmarks
    assert point.name == 'xiphoid' and point.p_ct_m == pytest.approx([0.01, 0.02, 0.03])
    assert not point.label and point.style.rgb == OKABE_ITO['blue'] and not point.style.visible
    landmarks = {'file': str(CONFIG / 'demo/landmarks.yaml')}
    assert [p.name for p in load_scene(scene_of(folder, landmarks=landmarks)).landmarks][:2] == ['costal_right', 'xiphoid']


def test_trajectories_run_from_entry_to_target_or_through_points(folder: Path) -> None:
    scene = load_scene(
        scene_of(
            folder,
            trajectories={
                'biopsy': {'entry': [0, 0, 0], 'target': [0, 30, 40], 'radius': 0.8},
                'drill': {'points': [[0, 0, 0], [0, 0.01, 0], [0, 0.01, 0.02]], 'unit': 'm', 'role': 'target', 'dashed': True},
            },
        )
    )
    biopsy, drill = scene.trajectories
    assert biopsy.points_ct_m == pytest.approx(np.array([[0, 0, 0], [0, 0.03, 0.04]]))
    assert biopsy.length_m == pytest.approx(0.05) and biopsy.radius_m == pytest.approx(0.0008)
    assert biopsy.role is Role.TRAJECTORY and biopsy.style.rgb == DEFAULT_STYLE[Role.TRAJECTORY].colours[0]
    assert drill.length_m == pytest.approx(0.03) and drill.radius_m is None
    assert drill.role is Role.TARGET and drill.style.dashed and drill.style.rgb == DEFAULT_STYLE[Role.TARGET].colours[0]


def test_instruments_are_shafts_or_meshes_in_the_frame_of_their_tip(folder: Path) -> None:
    scene = load_scene(
        scene_of(
            folder,
            instruments={
                'pointer': {'shaft': {'radius': 2, 'length': 120, 'axis': [1, 0, 0]}},
                'drill': {'mesh': 'meshes/cube.ply', 'frame': 'drill_tip', 'colour': 'white'},
            },
        )
    )
    pointer, drill = scene.instruments
    assert pointer.frame == '' and np.ptp(pointer.mesh.vertices_m, axis=0) == pytest.approx([0.12, 0.004, 0.004], rel=1e-3)
    assert pointer.style.rgb == DEFAULT_STYLE[Role.INSTRUMENT].colours[0]
    assert drill.frame == 'drill_tip' and drill.mesh.name == 'drill' and len(drill.mesh.triangles) == 12
    assert drill.source is not None and drill.source.path.name == 'cube.ply' and drill.style.rgb == (255, 255, 255)


def test_the_look_is_read(folder: Path) -> None:
    assert load_scene(scene_of(folder)).look == SceneLook()
    look = load_scene(scene_of(folder, look={'depth_cue': 0.2, 'window': {'around': 'a', 'radius': 30, 'keep': 0.5}})).look
    assert look == SceneLook(0.2, SceneWindow('a', pytest.approx(0.03), keep=0.5))
    assert load_scene(scene_of(folder, look={'window': {'radius': 30}})).look.window == SceneWindow('tip', pytest.approx(0.03))


def test_everything_can_be_shown_and_hidden_by_name(folder: Path) -> None:
    scene = load_scene(
        scene_of(
            folder,
            landmarks={'points': {'p': [0, 0, 0]}},
            trajectories={'t': {'entry': [0, 0, 0], 'target': [0, 0, 1]}},
            instruments={'i': {'shaft': {'radius': 1, 'length': 50}}},
        )
    )
    hidden = scene.with_visible(dict.fromkeys('apti', False))
    things = (*hidden.anatomies, *hidden.landmarks, *hidden.trajectories, *hidden.instruments)
    assert len(things) == 4 and not any(thing.style.visible for thing in things)
    assert hidden.with_visible({'a': True}).anatomies == scene.anatomies
    with pytest.raises(ConfigError, match="nothing is named 'b'; valid: a, p, t, i"):
        scene.with_visible({'b': True})


def test_a_margin_goes_with_its_structure_unless_it_is_named(tmp_path: Path) -> None:
    scene = load_scene(write(tmp_path, {'meshes': {'a': {'path': 'synthetic:tumour', 'margin': 2}}}))

    def shown(**visible: bool) -> list[bool]:
        return [a.style.visible for a in scene.with_visible({k.replace('_', ' '): v for k, v in visible.items()}).anatomies]

    assert (shown(a=False), shown(a=False, a_margin=True), shown(a_margin=False)) == (
        [False, False],
        [False, True],
        [True, False],
    )


def test_a_sheet_may_stand_in_for_the_files_own(folder: Path) -> None:
    sheet = {**DEFAULT_STYLE, Role.RISK: replace(DEFAULT_STYLE[Role.RISK], fill=0.9, line_px=6)}
    style = load_scene(scene_of(folder, style='none.yaml'), sheet=sheet).anatomies[0].style
    assert (style.fill, style.width_px) == (0.9, 6)


def test_meshes_over_the_limit_are_decimated_largest_first_and_it_is_said(tmp_path: Path) -> None:
    told: list[str] = []
    meshes = {name: {'path': f'synthetic:{name}'} for name in ('liver', 'tumour')}  # 5120 and 1280 triangles
    path = write(tmp_path, {'meshes': meshes, 'max_triangles': 3000})
    scene = load_scene(path, progress=lambda what, share: told.append(what))
    assert [len(m.triangles) for m in scene.meshes] == pytest.approx([1720, 1280], abs=4)
    assert scene.warnings == (f'mesh liver: decimated from 5120 to {len(scene.meshes[0].triangles)} triangles',)
    assert 'decimating liver from 5120 to 1720 triangles' in told
    assert load_scene(write(tmp_path, {'meshes': meshes})).warnings == ()
    assert sum(len(m.triangles) for m in scene.meshes) < MAX_TRIANGLES


def test_levels_are_built_and_handed_on(tmp_path: Path) -> None:
    meshes = {name: {'path': f'synthetic:{name}', 'margin': 2} for name in ('liver', 'tumour')}
    scene = load_scene(write(tmp_path, {'meshes': meshes}))
    assert [len(row) for row in scene.levels] == [3, 1, 3, 1]
    assert {level.mesh.name for level in scene.anatomies[2].levels} == {'liver margin'}
    assert [len(d.triangles) for d in scene.details] == [4, 2, 4, 2] and scene.details[0].error_m[0] == 0
    made = make_scene({'m': scene.meshes[0]}, {})
    assert made.levels == [[]] and made.details[0].triangles == (5120,)


def test_an_open_mesh_is_drawn_and_warned_of(tmp_path: Path, cube_mesh: Mesh) -> None:
    save_ply(replace(cube_mesh, triangles=cube_mesh.triangles[1:]), tmp_path / 'open.ply')
    scene = load_scene(write(tmp_path, {'meshes': {'box': {'path': 'open.ply'}}}))
    assert len(scene.meshes[0].triangles) == 11
    assert scene.warnings == ('mesh box: 3 open edges: the surface is not closed, so inside and outside are not told apart',)


def test_vertices_at_one_place_become_one(tmp_path: Path, cube_mesh: Mesh) -> None:
    corners = cube_mesh.vertices_m[cube_mesh.triangles.ravel()]
    save_ply(Mesh('stl', corners, np.arange(36, dtype=np.uint32).reshape(-1, 3)), tmp_path / 'seams.ply')
    scene = load_scene(write(tmp_path, {'meshes': {'box': {'path': 'seams.ply'}}}))
    assert len(scene.meshes[0].vertices_m) == 8 and scene.warnings == ()


@pytest.mark.parametrize(
    ('keys', 'message'),
    [
        ({'max_triangles': 10}, 'max_triangles 10; valid: a whole number from 1000 to 2000000'),
        ({'max_triangles': 1e5}, 'max_triangles 100000.0; valid'),
        ({'landmarks': 3}, 'landmarks: 3: a mapping is needed; valid keys: points, file'),
        ({'landmarks': {}}, 'landmarks: one of points .* and file is needed'),
        ({'landmarks': {'points': {}, 'file': 'a.csv'}}, 'landmarks: one of points .* and file is needed'),
        ({'landmarks': {'points': [1]}}, r'landmarks: points \[1\]: a mapping of names'),
        ({'landmarks': {'points': {'a': [1, 2]}}}, r'point a \[1, 2\]; valid: three numbers'),
        ({'landmarks': {'points': {'a': [1, 2, float('inf')]}}}, 'point a .*; valid: three numbers'),
        ({'landmarks': {'points': {}, 'size': 2}}, "landmarks: unknown key 'size'; valid: points"),
        ({'landmarks': {'points': {}, 'radius': 0}}, 'landmarks: radius 0; valid: a number from 0.1 to 1000'),
        ({'landmarks': {'points': {}, 'labels': 'yes'}}, "landmarks: labels 'yes'; valid: true, false"),
        ({'landmarks': {'file': 3}}, 'landmarks: file 3: the path of a points file is needed'),
        ({'trajectories': [1]}, r'trajectories \[1\]: a mapping of names'),
        ({'trajectories': {'t': {'entry': [0, 0, 0]}}}, 'trajectory t: entry and target, or points'),
        ({'trajectories': {'t': {'points': 3}}}, 'trajectory t: entry and target, or points'),
        ({'trajectories': {'t': {'points': [[0, 0, 0]]}}}, 'trajectory t: entry and target, or points'),
        ({'trajectories': {'t': {'points': [[0, 0, 0], [0, 0, 0]]}}}, 'trajectory t: two points in a row'),
        ({'trajectories': {'t': {'points': [[0, 0, 0], [0, 0, 'x']]}}}, 'trajectory t: point 1 .*three numbers'),
        ({'trajectories': {'t': {'entry': [0, 0, 0], 'target': [1, 0, 0], 'points': []}}}, 'entry and target, or points'),
        ({'trajectories': {'t': {'entry': [0, 0, 0], 'target': [1, 0, 0], 'radius': -1}}}, 'trajectory t: radius -1; valid'),
        ({'trajectories': {'t': {'points': [[0, 0, 0], [1, 0, 0]], 'role': 'margin'}}}, "role 'margin'; valid: trajectory"),
        ({'instruments': {'i': {}}}, 'instrument i: one of mesh .* and shaft'),
        ({'instruments': {'i': {'mesh': 'a.stl', 'shaft': {}}}}, 'instrument i: one of mesh .* and shaft'),
        ({'instruments': {'i': {'shaft': {'length': 10}}}}, 'instrument i: shaft: radius None; valid: a number from 0.1'),
        ({'instruments': {'i': {'shaft': {'radius': 1, 'length': 1}}}}, 'shaft i: radius 0.001 m, length 0.001 m'),
        ({'instruments': {'i': {'shaft': {'radius': 1, 'length': 9, 'axis': [0, 0, 0]}}}}, 'shaft i: axis'),
        ({'instruments': {'i': {'shaft': {'radius': 1, 'length': 9, 'cap': 'cone'}}}}, "cap 'cone'; valid: round, flat"),
        ({'instruments': {'i': {'shaft': {'radius': 1, 'length': 9}, 'frame': ''}}}, "frame '': the name of the TF frame"),
        ({'look': {'glow': 1}}, "look: unknown key 'glow'; valid: depth_cue, window"),
        ({'look': {'depth_cue': 2}}, 'look: depth_cue 2; valid: a number from 0 to 1'),
        ({'look': {'window': {'radius': 0}}}, 'look: window: radius 0; valid'),
        ({'look': {'window': {'radius': 5, 'around': 'b'}}}, "window: around 'b'; valid: tip, centre, a"),
    ],
)
def test_a_wrong_part_is_named(folder: Path, keys: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        load_scene(scene_of(folder, **keys))
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('keys', 'message'),
    [
        ({'margin': -1}, 'mesh a: margin -1; valid: a number from 0 to 100'),
        ({'margin': '5 mm'}, "mesh a: margin '5 mm'; valid"),
        ({'line_px': 100}, 'mesh a: line_px 100; valid: a number from 1 to 6'),
        ({'role': 'margin'}, "role 'margin'; valid: target, risk, context"),
        ({'crease': 2}, 'mesh a: crease 2; valid: a number from 0 to 1'),
        ({'dashed': 'on'}, "mesh a: dashed 'on'; valid: true, false"),
    ],
)
def test_a_wrong_line_is_named(folder: Path, keys: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_scene(write(folder, {'meshes': {'a': {'path': 'meshes/cube.ply', **keys}}}))


def test_names_are_there_once(cube_mesh: Mesh) -> None:
    one = Anatomy(cube_mesh, MeshStyle((0, 0, 0)))
    tool = Instrument('i', cube_mesh, one.style)
    with pytest.raises(ConfigError, match="instrument 'i' is there more than once"):
        Scene((one,), instruments=(tool, tool))
    point = Landmark('p', np.zeros(3), one.style)
    with pytest.raises(ConfigError, match="landmark 'p' is there more than once"):
        Scene((one,), landmarks=(point, point))


def test_the_demos_plan_reaches_the_tumour_clear_of_the_veins() -> None:
    scene = load_scene(CONFIG / 'demo/scene.yaml')
    meshes = {a.name: a.mesh for a in scene.anatomies}
    (path,) = scene.trajectories
    along = path.points_ct_m[0] + np.linspace(0, 1, 100)[:, None] * (path.points_ct_m[1] - path.points_ct_m[0])
    assert DistanceField([meshes['tumour']]).query(np.atleast_2d(path.points_ct_m[1])).inside[0, 0]
    clear = [float(distances_m(meshes[name], along).min()) for name in ('portal_vein', 'hepatic_vein')]
    assert min(clear) > 0.003 > (path.radius_m or 1)


def test_the_demos_pointer_covers_what_the_synthetic_pictures_show_of_it() -> None:
    (pointer,) = load_scene(CONFIG / 'demo/scene.yaml').instruments
    assert inspect_mesh(pointer.mesh).warnings() == ()
    truth, t_s = SyntheticScene(noise_grey=0.0), 15.0
    T_cam_tip = truth.T_cam_tool(t_s) @ se3.compose(np.eye(3), truth.p_tool_tip)
    solid = [MeshStyle((255, 255, 255), fill=1.0, outline=0.0)]
    covered = Rasteriser(640, 480, [pointer.mesh]).render(None, truth.camera, [T_cam_tip], solid).ids > 0
    tip = project(truth.camera, T_cam_tip[None, :3, 3])[0]
    board = project(truth.camera, se3.transform(truth.T_cam_tool(t_s), POINTER_BOARD.corners_m.reshape(-1, 3)))
    assert all(covered[v, u] for u, v in board.round().astype(int))
    rim = np.argwhere(covered)[:, ::-1]
    assert np.linalg.norm(rim - tip, axis=1).min() < 1.5
    # Rod and plate are grey; drape and skin are not, but for the darkest shadow.
    picture = render_frame(truth, t_s).astype(int)
    grey = np.ptp(picture, axis=2) < 12
    assert grey[covered].mean() > 0.93
    around = (cv2.dilate(covered.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0) & ~covered
    assert (grey & (picture.max(axis=2) > 60))[around].mean() < 0.1


def test_levels_are_built_where_they_are_wanted_alone() -> None:
    path = CONFIG / 'demo/scene.yaml'
    with_levels, without = load_scene(path), load_scene(path, levels=False)
    assert any(with_levels.levels) and not any(without.levels)
    for a, b in zip(with_levels.anatomies, without.anatomies, strict=True):
        assert (a.name, a.style, a.role) == (b.name, b.style, b.role)
        assert np.array_equal(a.mesh.vertices_m, b.mesh.vertices_m)
        assert [(x.triangles, x.error_m) for x in b.levels] == [(len(b.mesh.triangles), 0.0)]
