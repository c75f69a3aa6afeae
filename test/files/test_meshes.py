# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.files.meshes import (
    EXTENSIONS,
    MOST_BYTES,
    MOST_TRIANGLES,
    checked_mesh,
    declared_triangles,
    load_mesh,
    load_surface,
    save_ply,
)
from arsurg_ros.types import Mesh

OBJ = 'v 0 0 0\nv 10 0 0\nv 10 10 0\nv 0 10 0\nf 1 2 3 4\n'
STL = 'solid s\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 10 0 0\nvertex 0 10 0\nendloop\nendfacet\nendsolid\n'
VTK = (
    '# vtk DataFile Version 3.0\nquad\nASCII\nDATASET POLYDATA\nPOINTS 4 float\n0 0 0 10 0 0 10 10 0 0 10 0\n'
    'POLYGONS 1 5\n4 0 1 2 3\n'
)
VTP = (
    '<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian" header_type="UInt64"><PolyData>'
    '<Piece NumberOfPoints="4" NumberOfVerts="0" NumberOfLines="0" NumberOfStrips="0" NumberOfPolys="1">'
    '<Points><DataArray type="Float32" NumberOfComponents="3" format="ascii">0 0 0 10 0 0 10 10 0 0 10 0</DataArray>'
    '</Points><Polys><DataArray type="Int64" Name="connectivity" format="ascii">0 1 2 3</DataArray>'
    '<DataArray type="Int64" Name="offsets" format="ascii">4</DataArray></Polys></Piece></PolyData></VTKFile>'
)
PLY = (
    'ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n'
    'element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n10 0 0\n10 10 0\n0 10 0\n4 0 1 2 3\n'
)
TEXTS = {'.obj': OBJ, '.stl': STL, '.vtk': VTK, '.vtp': VTP, '.ply': PLY}


def write(folder: Path, extension: str, text: str) -> Path:
    path = folder / f'quad{extension}'
    path.write_text(text)
    return path


@pytest.mark.parametrize('extension', EXTENSIONS)
def test_every_extension_gives_triangles_in_metres(tmp_path: Path, extension: str) -> None:
    mesh = load_mesh(write(tmp_path, extension, TEXTS[extension]))
    assert mesh.name == 'quad'
    assert mesh.vertices_m.dtype == np.float32 and mesh.triangles.dtype == np.uint32
    assert np.ptp(mesh.vertices_m, axis=0) == pytest.approx([0.01, 0.01, 0.0])
    a, b, c = (mesh.vertices_m[mesh.triangles[:, k]] for k in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()
    assert area == pytest.approx(0.5e-4 if extension == '.stl' else 1e-4)


def test_unit_and_name_are_taken(tmp_path: Path) -> None:
    mesh = load_mesh(write(tmp_path, '.obj', OBJ), unit='m', name='plate')
    assert mesh.name == 'plate' and mesh.vertices_m.max() == 10.0


@pytest.mark.parametrize('extension', EXTENSIONS)
def test_missing_empty_and_truncated_files_are_one_line_errors(
    tmp_path: Path, extension: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f'quad{extension}'
    with pytest.raises(DataError, match='No such file'):
        load_mesh(path)
    path.write_bytes(b'')
    with pytest.raises(DataError, match='empty'):
        load_mesh(path)
    path.write_text(TEXTS[extension][: len(TEXTS[extension]) // 3])
    with pytest.raises(DataError) as error:
        load_mesh(path)
    assert str(path) in str(error.value) and '\n' not in str(error.value)
    path.write_bytes(bytes(range(256)) * 4)
    with pytest.raises(DataError) as error:
        load_mesh(path)
    assert '\n' not in str(error.value) and str(error.value).isprintable()
    out = capfd.readouterr()
    assert out.out == '' and out.err == ''


def test_vtk_speaks_again_after_a_mesh_is_read(tmp_path: Path) -> None:
    core = importlib.import_module('vtkmodules.vtkCommonCore')
    before = core.vtkLogger.GetCurrentVerbosityCutoff(), core.vtkOutputWindow.GetInstance()
    load_mesh(write(tmp_path, '.obj', OBJ))
    assert (core.vtkLogger.GetCurrentVerbosityCutoff(), core.vtkOutputWindow.GetInstance()) == before


def test_a_folder_is_not_a_mesh(tmp_path: Path) -> None:
    (tmp_path / 'a.ply').mkdir()
    with pytest.raises(DataError, match='directory'):
        load_mesh(tmp_path / 'a.ply')


def test_unknown_extension_and_unit_list_the_valid_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'.glb'; valid: .*\.vtk.*\.ply"):
        load_mesh(tmp_path / 'a.glb')
    with pytest.raises(ConfigError, match="unit 'cm'; valid: mm, m"):
        load_mesh(tmp_path / 'a.ply', unit='cm')
    with pytest.raises(ConfigError, match="unit 'cm'; valid: mm, m"):
        save_ply(Mesh('m', np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.uint32)), tmp_path / 'a.ply', unit='cm')


@pytest.mark.parametrize('index', [4, 8, 99_999_999])
@pytest.mark.parametrize('extension', ['.obj', '.ply', '.vtk', '.vtp'])
def test_an_index_out_of_range_is_named(tmp_path: Path, extension: str, index: int) -> None:
    broken = {
        '.obj': OBJ.replace('f 1 2 3 4', f'f 1 2 3 {index + 1}'),
        '.ply': PLY.replace('4 0 1 2 3', f'4 0 1 2 {index}'),
        '.vtk': VTK.replace('4 0 1 2 3', f'4 0 1 2 {index}'),
        '.vtp': VTP.replace('>0 1 2 3<', f'>0 1 2 {index}<'),
    }
    with pytest.raises(DataError, match=f'vertex index {index}, valid: 0 to 3'):
        load_mesh(write(tmp_path, extension, broken[extension]))


def test_a_negative_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='vertex index -2'):
        load_mesh(write(tmp_path, '.ply', PLY.replace('4 0 1 2 3', '4 0 1 2 -2')))


@pytest.mark.parametrize('value', ['nan', 'inf'])
def test_vertices_that_are_not_finite_are_named(tmp_path: Path, value: str) -> None:
    with pytest.raises(DataError, match='vertex 2 is not finite'):
        load_mesh(write(tmp_path, '.ply', PLY.replace('10 10 0', f'{value} 10 0')))


def test_a_mesh_of_another_unit_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='is the unit wrong'):
        load_mesh(write(tmp_path, '.ply', PLY.replace('10', '1e7')))


@pytest.mark.parametrize('extension', ['.vtk', '.obj', '.ply'])
def test_points_without_triangles_are_refused(tmp_path: Path, extension: str) -> None:
    bare = {
        '.vtk': VTK[: VTK.index('POLYGONS')],
        '.obj': OBJ[: OBJ.index('f ')],
        '.ply': PLY.replace('element face 1', 'element face 0').replace('4 0 1 2 3\n', ''),
    }
    with pytest.raises(DataError, match='no triangles'):
        load_mesh(write(tmp_path, extension, bare[extension]))


def test_strips_become_triangles(tmp_path: Path) -> None:
    strips = VTK.replace('POLYGONS 1 5\n4 0 1 2 3', 'TRIANGLE_STRIPS 1 5\n4 0 1 3 2')
    assert len(load_mesh(write(tmp_path, '.vtk', strips)).triangles) == 2


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_ply_round_trip(tmp_path: Path, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 30))
    finite = st.floats(-1, 1, width=32)
    vertices = np.array(data.draw(st.lists(st.tuples(finite, finite, finite), min_size=count, max_size=count)), np.float32)
    assume(np.ptp(vertices, axis=0).any())  # all at one place is no mesh
    corner = st.integers(0, count - 1)
    triangles = np.array(data.draw(st.lists(st.tuples(corner, corner, corner), min_size=1, max_size=40)), np.uint32)
    unit = data.draw(st.sampled_from(['mm', 'm']))
    path = tmp_path / 'round.ply'
    save_ply(Mesh('round', vertices, triangles), path, unit=unit)
    again = load_mesh(path, unit=unit)
    assert np.array_equal(again.triangles, triangles)
    assert again.vertices_m == pytest.approx(vertices, abs=1e-7, rel=1e-6)


def test_a_mesh_that_cannot_be_written_says_why(tmp_path: Path, cube_mesh: Mesh) -> None:
    with pytest.raises(DataError, match='No such file'):
        save_ply(cube_mesh, tmp_path / 'none' / 'a.ply')


def test_checked_mesh_names_its_place() -> None:
    with pytest.raises(DataError, match='here: no triangles'):
        checked_mesh('m', np.zeros((3, 3)), np.zeros((0, 3), int), where='here')


def test_the_reference_liver_has_its_recorded_volume(shared_data: Path) -> None:
    volumes_ml = {}
    for name in ('liver', 'liver_tumours'):
        mesh = load_mesh(shared_data / 'skvtk' / 'Liver' / f'{name}.vtk')
        a, b, c = (mesh.vertices_m.astype(np.float64)[mesh.triangles[:, k]] for k in range(3))
        volumes_ml[name] = abs(float(np.einsum('ij,ij->', a, np.cross(b, c)))) / 6 * 1e6
    assert volumes_ml['liver'] == pytest.approx(2316, abs=1)
    assert volumes_ml['liver_tumours'] == pytest.approx(96.7, abs=0.1)


CLOUD = 'ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\nend_header\n{}'


def test_a_surface_is_a_mesh_or_a_cloud(tmp_path: Path, cube_mesh: Mesh) -> None:
    save_ply(cube_mesh, tmp_path / 'cube.ply', unit='mm')
    (tmp_path / 'cloud.ply').write_text(CLOUD.format(2, '1 2 3\n4 5 6\n'))
    (tmp_path / 'quad.obj').write_text(OBJ)
    mesh, cloud, quad = (load_surface(tmp_path / name) for name in ('cube.ply', 'cloud.ply', 'quad.obj'))
    assert np.allclose(mesh.vertices_m, cube_mesh.vertices_m, atol=1e-8) and len(mesh.triangles) == 12
    assert np.allclose(cloud.vertices_m, [[0.001, 0.002, 0.003], [0.004, 0.005, 0.006]]) and len(cloud.triangles) == 0
    assert (len(quad.vertices_m), len(quad.triangles)) == (4, 2)
    assert np.allclose(load_surface(tmp_path / 'cloud.ply', unit='m').vertices_m[0], [1, 2, 3])


def test_surfaces_that_cannot_be_used(tmp_path: Path) -> None:
    for text, said in (
        (CLOUD.format(0, ''), 'it has no point'),
        (CLOUD.format(2, '1 2 3\nnan 5 6\n'), 'point 1 is not finite'),
        (CLOUD.format(2, '1 2 3\n'), 'truncated'),
    ):
        (tmp_path / 'a.ply').write_text(text)
        with pytest.raises(DataError, match=said):
            load_surface(tmp_path / 'a.ply')
    with pytest.raises(ConfigError, match="unit 'inch'; valid: mm, m"):
        load_surface(tmp_path / 'a.ply', unit='inch')
    with pytest.raises(DataError, match='No such file'):
        load_surface(tmp_path / 'none.ply')


def test_a_mesh_without_extent_is_refused(tmp_path: Path) -> None:
    zero = PLY.replace('10', '0')
    with pytest.raises(DataError, match=r'all 4 vertices are at \[0.0, 0.0, 0.0\]: a mesh without extent'):
        load_mesh(write(tmp_path, '.ply', zero))


def test_too_many_triangles_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files hold far less than they say: reading them would be another error."""
    huge = MOST_TRIANGLES + 1
    path = write(tmp_path, '.ply', PLY.replace('element face 1', f'element face {huge}'))
    limit = f'{huge} triangles; at most {MOST_TRIANGLES} are read: decimate it first'
    with pytest.raises(DataError, match=limit):
        load_mesh(path)
    stl = tmp_path / 'huge.stl'
    with stl.open('wb') as file:  # sparse: a binary STL of that size on no disk at all
        file.write(b'\0' * 80 + huge.to_bytes(4, 'little'))
        file.truncate(84 + 50 * huge)
    with pytest.raises(DataError, match=limit):
        load_mesh(stl)
    obj = write(tmp_path, '.obj', OBJ)
    with obj.open('ab') as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(DataError, match=r'quad.obj: 4.0 GB; at most 4 GB are read'):
        load_mesh(obj)
    monkeypatch.setattr('arsurg_ros.files.meshes.MOST_TRIANGLES', 1)
    with pytest.raises(DataError, match='2 triangles; at most 1 are read'):
        load_mesh(write(tmp_path, '.vtk', VTK))


def test_what_files_say_of_their_triangles(tmp_path: Path) -> None:
    assert declared_triangles(write(tmp_path, '.ply', PLY)) == 1
    assert declared_triangles(write(tmp_path, '.ply', PLY.replace('element face 1\n', ''))) is None
    assert declared_triangles(write(tmp_path, '.stl', STL)) is None  # ASCII
    assert declared_triangles(write(tmp_path, '.vtk', VTK)) is None
    binary = tmp_path / 'b.stl'
    binary.write_bytes(b'\0' * 80 + (2).to_bytes(4, 'little') + b'\0' * 100)
    assert declared_triangles(binary) == 2
