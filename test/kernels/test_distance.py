# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, DataError, KernelError
from arsurg_ros.files.meshes import load_mesh
from arsurg_ros.kernels import distance, host
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.distance import DistanceField, Distances
from arsurg_ros.kernels.reference_distance import closest_on_triangles
from arsurg_ros.types import F64, Mesh

HALF_M = 0.01
coordinate = st.floats(-0.05, 0.05)
point = st.tuples(coordinate, coordinate, coordinate)


def cube(name: str = 'cube', half_m: float = HALF_M, centre_m: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Mesh:
    """Return a closed cube whose triangles face outwards."""
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return Mesh(name, (corners * half_m + centre_m).astype(np.float32), np.array(triangles, dtype=np.uint32))


def turned(mesh: Mesh, which: slice | F64 = np.s_[:]) -> Mesh:
    """Return the mesh with some triangles the other way round."""
    triangles = mesh.triangles.copy()
    triangles[which] = triangles[which][:, ::-1]
    return Mesh(mesh.name, mesh.vertices_m, triangles)


def joined(*meshes: Mesh) -> Mesh:
    """Return one mesh of several."""
    starts = np.cumsum([0, *(len(m.vertices_m) for m in meshes)])
    triangles = [m.triangles + np.uint32(s) for m, s in zip(meshes, starts, strict=False)]
    return Mesh('joined', np.concatenate([m.vertices_m for m in meshes]), np.concatenate(triangles))


def both(meshes: list[Mesh], p_m: F64) -> tuple[Distances, Distances]:
    """Return what the kernel and its twin answer."""
    wasm, twin = (DistanceField(meshes, backend=backend).query(p_m) for backend in ('wasm', 'numpy'))
    return wasm, twin


def check_agree(meshes: list[Mesh], p_m: F64, *, inside: bool = True) -> Distances:
    """Check that both backends find the same, each closest point on the triangle that it names; return the kernel's answer."""
    wasm, twin = both(meshes, p_m)
    assert np.abs(wasm.distance_m - twin.distance_m).max() <= 1e-9
    assert np.linalg.norm(wasm.closest_m - p_m[:, None], axis=2) == pytest.approx(wasm.distance_m, abs=1e-12)
    for k, mesh in enumerate(meshes):
        corners = mesh.vertices_m.astype(np.float64)[mesh.triangles[wasm.triangle[:, k]]]
        for i, p in enumerate(p_m):
            own = closest_on_triangles(corners[i : i + 1], p)[0]
            assert np.linalg.norm(own - p) == pytest.approx(twin.distance_m[i, k], abs=1e-9)
            on_it = closest_on_triangles(corners[i : i + 1], wasm.closest_m[i, k])[0]
            assert on_it == pytest.approx(wasm.closest_m[i, k], abs=1e-9)
    if inside:
        off = twin.distance_m > 1e-9
        assert np.array_equal(wasm.inside[off], twin.inside[off])
    return wasm


@pytest.mark.parametrize('backend', BACKENDS)
@settings(max_examples=100, deadline=None)
@given(p=point)
def test_a_cube_is_the_closed_form(backend: str, p: tuple[float, float, float]) -> None:
    found = _cube(backend).query([p])
    half = float(np.float32(HALF_M))
    q = np.abs(p) - half
    expected = np.linalg.norm(np.maximum(q, 0)) if q.max() > 0 else -q.max()
    assert found.distance_m[0, 0] == pytest.approx(expected, abs=1e-12)
    assert np.linalg.norm(found.closest_m[0, 0] - p) == pytest.approx(expected, abs=1e-12)
    if abs(q.max()) > 1e-7:
        assert found.inside[0, 0] == (q.max() < 0)


_FIELDS: dict[str, DistanceField] = {}


def _cube(backend: str) -> DistanceField:
    return _FIELDS.setdefault(backend, DistanceField([cube()], backend=backend))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 150), spread=st.sampled_from([1e-4, 0.01, 0.3]))
def test_the_backends_agree_on_any_soup_of_triangles(seed: int, count: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    middle = rng.uniform(-0.1, 0.1, (count, 1, 3))
    corners = (middle + rng.normal(0, spread, (count, 3, 3)) * rng.uniform(0, 1, (count, 1, 1)) ** 4).astype(np.float32)
    soup = Mesh('soup', corners.reshape(-1, 3), np.arange(3 * count, dtype=np.uint32).reshape(-1, 3))
    on_it = corners[:5].astype(np.float64)
    p = np.concatenate(
        [rng.uniform(-0.15, 0.15, (10, 3)), rng.normal(0, 10, (5, 3)), on_it[:, 0], on_it[:, :2].mean(1), on_it.mean(1)]
    )
    # open soups cover half of the view on whole surfaces: near them the dipoles may decide otherwise
    check_agree([soup], p, inside=False)


def test_several_meshes_are_asked_at_once(make_ball: Callable[..., Mesh]) -> None:
    rng = np.random.default_rng(3)
    meshes = [make_ball(0.05, 40), cube(), make_ball(0.02, 3, 'coarse'), cube('far', 0.5, (7.0, -8.0, 9.0))]
    surface = meshes[0].vertices_m.astype(np.float64)[meshes[0].triangles[::97]]
    p = np.concatenate(
        [
            rng.uniform(-0.07, 0.07, (60, 3)),
            rng.normal(0, 6, (30, 3)),
            surface[:, 0],
            surface[:, :2].mean(axis=1),
            surface.mean(axis=1),
            cube().vertices_m.astype(np.float64),
            [(0.001, 0.002, -0.003), (6.9, -8.1, 9.2)],
        ]
    )
    found = check_agree(meshes, p)
    assert found.distance_m.shape == found.inside.shape == found.triangle.shape == (len(p), 4)
    assert found.inside.any(axis=0).all() and (~found.inside).any(axis=0).all()


def test_points_on_the_surface_have_no_distance(make_ball: Callable[..., Mesh]) -> None:
    mesh = make_ball(0.05, 20)
    found = DistanceField([mesh]).query(mesh.vertices_m)
    assert found.distance_m.max() == 0.0 and np.array_equal(found.closest_m[:, 0], mesh.vertices_m.astype(np.float64))


def test_far_points_and_slivers() -> None:
    rng = np.random.default_rng(5)
    base = rng.uniform(-0.05, 0.05, (300, 3))
    along = rng.normal(0, 0.02, (300, 3))
    width = 10.0 ** rng.uniform(-12, -3, (300, 1))
    corners = np.stack([base, base + along, base + along * rng.uniform(0, 1, (300, 1)) + width], axis=1).astype(np.float32)
    slivers = Mesh('slivers', corners.reshape(-1, 3), np.arange(900, dtype=np.uint32).reshape(-1, 3))
    directions = rng.normal(0, 1, (100, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    check_agree([slivers], np.concatenate([10 * directions, 0.06 * directions, 1e-3 * directions]), inside=False)


@pytest.mark.parametrize('backend', BACKENDS)
def test_just_off_a_sliver_its_face_is_the_nearest(backend: str) -> None:
    rng = np.random.default_rng(6)
    for width in (1e-3, 1e-5, 1e-6):
        corners = np.array([(0, 0, 0), (0.05, 0, 0), (0.02, width, 0)], np.float32)
        field = DistanceField([Mesh('sliver', corners, np.array([[0, 1, 2]], np.uint32))], backend=backend)
        share = rng.uniform(0, 0.5, (20, 2))
        p = share @ corners[1:].astype(np.float64)
        p[:, 2] = 10.0 ** rng.uniform(-9, -2, 20)
        assert field.query(p).distance_m[:, 0] == pytest.approx(p[:, 2], abs=1e-9)


@pytest.mark.parametrize('backend', BACKENDS)
def test_triangles_without_area_are_segments_and_points(backend: str) -> None:
    vertices = np.array([(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0)], np.float32)
    for triangle, nearest in (((0, 1, 2), (1.5, 0, 0)), ((3, 3, 3), (3, 0, 0)), ((0, 2, 0), (1.5, 0, 0))):
        mesh = Mesh('flat', vertices, np.array([triangle], np.uint32))
        found = DistanceField([mesh], backend=backend).query([(1.5, 2.0, 0.0)])
        assert found.closest_m[0, 0] == pytest.approx(nearest) and not found.inside[0, 0]


@pytest.mark.parametrize('backend', BACKENDS)
class TestInside:
    """Every kind of mesh, against what is known of it."""

    def test_the_orientation_does_not_matter(self, backend: str, make_ball: Callable[..., Mesh]) -> None:
        rng = np.random.default_rng(7)
        p = rng.uniform(-0.06, 0.06, (200, 3))
        ball = make_ball(0.05, 24)
        field = DistanceField([ball, turned(ball), turned(ball, rng.choice(len(ball.triangles), 500, False))], backend=backend)
        radius = np.linalg.norm(p, axis=1)
        # between the ball and its facets nothing is said
        sure = (radius < 0.0493) | (radius > 0.05)
        assert sure.sum() > 150
        for k in range(3):
            assert np.array_equal(field.query(p).inside[sure, k], radius[sure] < 0.0493)

    def test_a_cavity_is_outside_in_either_orientation(self, backend: str) -> None:
        shell = joined(cube(), turned(cube(half_m=0.004)))
        found = DistanceField([shell, turned(shell)], backend=backend).query([(0.007, 0, 0), (0.002, 0, 0), (0.012, 0, 0)])
        assert found.inside.tolist() == [[True, True], [False, False], [False, False]]

    def test_two_that_cross_are_their_union(self, backend: str) -> None:
        crossed = joined(cube(), cube(centre_m=(0.01, 0.003, 0.002)))
        p = [(-0.005, 0, 0), (0.005, 0.003, 0.002), (0.015, 0.003, 0.002), (-0.005, 0.0115, 0.0)]
        found = DistanceField([crossed, turned(crossed)], backend=backend).query(p)
        assert found.inside.tolist() == [[True] * 2, [True] * 2, [True] * 2, [False] * 2]

    def test_an_open_one_holds_what_it_covers_for_the_most_part(self, backend: str) -> None:
        box = cube()
        lidless = Mesh('open', box.vertices_m, box.triangles[:-2])
        p = np.array([(-0.005, 0, 0), (0, 0, 0), (0.0, 0.0, 0.0099), (0.0, 0.0, 0.02), (-0.02, 0.0, 0.0)])
        found = DistanceField([lidless], backend=backend).query(p)
        # seen from just below the missing lid half of the view is open: the box says yes there or no, not this test
        assert found.inside[:, 0].tolist()[:2] == [True, True] and found.inside[:, 0].tolist()[3:] == [False, False]

    def test_a_half_ball_and_a_sheet(self, backend: str, make_ball: Callable[..., Mesh]) -> None:
        ball = make_ball(0.05, 24)
        centre = ball.vertices_m[ball.triangles].mean(axis=1)
        bowl = Mesh('bowl', ball.vertices_m, ball.triangles[centre[:, 2] < 0.02])
        sheet = Mesh('sheet', ball.vertices_m, ball.triangles[centre[:, 2] > 0.045])
        found = DistanceField([bowl, sheet], backend=backend).query([(0, 0, -0.03), (0, 0, 0.0), (0.0, 0, 0.06), (0, 0, 0.0)])
        assert found.inside[:, 0].tolist() == [True, True, False, True] and not found.inside[:, 1].any()

    def test_triangles_without_area_and_doubled_vertices_change_nothing(self, backend: str) -> None:
        box = cube()
        loose = box.vertices_m[box.triangles].reshape(-1, 3)
        flat = np.array([(0, 1, 1), (2, 2, 2), (5, 7, 5)], np.uint32)
        mesh = Mesh('loose', loose, np.concatenate([np.arange(36, dtype=np.uint32).reshape(-1, 3), flat]))
        p = [(0.0, 0.0, 0.0), (0.009, 0.009, -0.009), (0.011, 0.0, 0.0)]
        for found in (DistanceField([m], backend=backend).query(p) for m in (mesh, turned(mesh, np.arange(0, 12, 5)))):
            assert found.inside[:, 0].tolist() == [True, True, False]
            assert found.distance_m[:, 0] == pytest.approx([0.01, 0.001, 0.001], abs=1e-8)

    def test_a_thin_wall(self, backend: str) -> None:
        corners = cube().vertices_m * np.array([1, 1, 1e-3], np.float32)
        plate = Mesh('plate', corners, cube().triangles)
        p = [(0, 0, 0), (0.005, 0.003, 8e-6), (0.005, 0.003, 1.2e-5), (0, 0, -1.2e-5)]
        assert DistanceField([plate], backend=backend).query(p).inside[:, 0].tolist() == [True, True, False, False]


def test_dipoles_are_near_the_solid_angle(make_ball: Callable[..., Mesh]) -> None:
    rng = np.random.default_rng(11)
    ball = make_ball(0.05, 40)
    rough = Mesh('rough', ball.vertices_m * rng.uniform(0.9, 1.1, (len(ball.vertices_m), 1)).astype(np.float32), ball.triangles)
    bowl = Mesh('bowl', ball.vertices_m, ball.triangles[: len(ball.triangles) // 3])
    p = np.concatenate([rng.uniform(-0.06, 0.06, (150, 3)), rng.normal(0, 0.002, (30, 3)) + ball.vertices_m[700]])
    wasm, twin = (DistanceField([ball, rough, bowl], backend=b)._impl.query(p) for b in ('wasm', 'numpy'))
    error = np.abs(wasm.winding - twin.winding)[twin.distance_m > 1e-9]
    assert 1e-6 < error.max() < 0.03


@pytest.mark.parametrize('backend', BACKENDS)
def test_no_points_are_no_distances(backend: str) -> None:
    found = DistanceField([cube(), cube('b')], backend=backend).query(np.zeros((0, 3)))
    assert found.distance_m.shape == (0, 2) and found.closest_m.shape == (0, 2, 3)


def test_many_points_go_in_several_calls() -> None:
    p = np.random.default_rng(1).uniform(-0.03, 0.03, (2 * distance._CHUNK + 7, 3))
    field = DistanceField([cube(), cube('b', 0.002)])
    whole = field.query(p)
    for i in (0, distance._CHUNK - 1, distance._CHUNK, len(p) - 1):
        one = field.query(p[i : i + 1])
        assert one.distance_m[0].tolist() == whole.distance_m[i].tolist()
        assert one.triangle[0].tolist() == whole.triangle[i].tolist()


def test_what_is_returned_is_the_callers() -> None:
    field = DistanceField([cube()])
    first = field.query([(0.0, 0.0, 0.0)])
    kept = first.distance_m.copy(), first.closest_m.copy(), first.triangle.copy()
    field.query([(0.05, 0.04, 0.03)])
    assert all(np.array_equal(a, b) for a, b in zip(kept, (first.distance_m, first.closest_m, first.triangle), strict=True))


@pytest.mark.parametrize('p', [(0.0, np.nan, 0.0), (np.inf, 0.0, 0.0), (0.0, 0.0, -2e6)])
def test_a_point_that_is_none_is_named(p: tuple[float, ...]) -> None:
    with pytest.raises(DataError, match=r'point 1 is .*: three finite numbers within 1000 km'):
        DistanceField([cube()]).query([(0.0, 0.0, 0.0), p])


@pytest.mark.parametrize('shape', [(3,), (2, 2), (1, 3, 3)])
def test_points_of_a_wrong_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match='points have the shape'):
        DistanceField([cube()]).query(np.zeros(shape))


def test_meshes_that_cannot_be_measured_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match='0 meshes; 1 to 254'):
        DistanceField([])
    with pytest.raises(ConfigError, match='255 meshes'):
        DistanceField([cube()] * 255)
    with pytest.raises(ConfigError, match=r"backend: 'gpu' is unknown; valid: wasm, numpy"):
        DistanceField([cube()], backend='gpu')
    with pytest.raises(DataError, match="mesh 'empty': no triangles"):
        DistanceField([cube(), Mesh('empty', cube().vertices_m, np.zeros((0, 3), np.uint32))])
    with pytest.raises(DataError, match='triangle index 99'):
        DistanceField([Mesh('bad', cube().vertices_m, np.array([[0, 1, 99]], np.uint32))])
    with pytest.raises(DataError, match='not finite'):
        DistanceField([Mesh('bad', np.full((3, 3), np.nan, np.float32), np.array([[0, 1, 2]], np.uint32))])
    monkeypatch.setattr(distance, 'MOST_TRIANGLES', 20)
    with pytest.raises(ConfigError, match='24 triangles in all; at most 20'):
        DistanceField([cube(), cube('b')])


def test_memory_that_does_not_suffice_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DistanceField([cube()])
    kernel = host.Kernel

    def small(*args: object, **options: object) -> host.Kernel:
        return kernel(*args, **options, memory_limit_bytes=2 << 20)  # type: ignore[arg-type]

    monkeypatch.setattr(host, 'Kernel', small)
    many = Mesh('many', cube().vertices_m, np.tile(cube().triangles, (2000, 1)))
    with pytest.raises(KernelError, match=r'a capacity is too large .*triangles 24000, meshes 1'):
        DistanceField([many])


def test_every_triangle_in_one_place_is_still_answered() -> None:
    many = Mesh('many', cube().vertices_m, np.tile(cube().triangles, (500, 1)))
    found = DistanceField([many]).query([(0.0, 0.0, 0.03), (0.002, 0.0, 0.0)])
    assert found.distance_m[:, 0] == pytest.approx([0.02, 0.008], abs=1e-8)


class TestTheKernelItself:
    """What the host's checks keep away from it."""

    def kernel(self) -> host.Kernel:
        kernel = host.Kernel(distance.DISTANCE, (12, 1, 4))
        kernel.blocks['raw'][:108] = cube().vertices_m[cube().triangles].ravel()
        kernel.blocks['table'][0] = 12
        kernel.blocks['control'][0] = 1
        return kernel

    def test_nothing_prepared(self) -> None:
        kernel = self.kernel()
        kernel.blocks['control'][1] = 1
        with pytest.raises(KernelError, match='query: input out of range'):
            kernel.call('query')

    @pytest.mark.parametrize(
        ('block', 'at', 'value'), [('table', 0, 0), ('table', 0, 13), ('control', 0, 2), ('raw', 5, np.nan)]
    )
    def test_what_cannot_be_prepared(self, block: str, at: int, value: float) -> None:
        kernel = self.kernel()
        kernel.blocks[block][at] = value
        with pytest.raises(KernelError, match='prepare: input out of range'):
            kernel.call('prepare')

    @pytest.mark.parametrize(('block', 'at', 'value'), [('control', 1, 5), ('points', 1, np.nan), ('points', 2, 1e7)])
    def test_what_cannot_be_asked(self, block: str, at: int, value: float) -> None:
        kernel = self.kernel()
        assert kernel.call('prepare') == 0
        kernel.blocks['points'][:] = 0.0
        kernel.blocks['control'][1] = 1
        assert kernel.call('query') == 0
        kernel.blocks[block][at] = value
        with pytest.raises(KernelError, match='query: input out of range'):
            kernel.call('query')


def test_a_broken_kernel_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / 'distance.wasm'
    path.write_bytes(b'\0asm')
    with pytest.raises(KernelError, match='does not compile'):
        host.Kernel(distance.DISTANCE, (1, 1, 1), path)


@settings(max_examples=50, deadline=None)
@given(corners=st.lists(point, min_size=3, max_size=3), p=point)
def test_no_sample_of_a_triangle_is_nearer(corners: list[tuple[float, float, float]], p: tuple[float, ...]) -> None:
    a, b, c = np.array(corners)
    nearest = closest_on_triangles(np.array([corners]), np.array(p))[0]
    s, t = np.meshgrid(np.linspace(0, 1, 15), np.linspace(0, 1, 15))
    s, t = s[s + t <= 1], t[s + t <= 1]
    samples = a + s[:, None] * (b - a) + t[:, None] * (c - a)
    assert np.linalg.norm(nearest - p) <= np.linalg.norm(samples - p, axis=1).min() + 1e-9


def signed_by_vtk(mesh: Mesh, p_m: F64) -> F64:
    """Return VTK's distances (N,), negative inside: of meshes that face outwards, its sign is from the normal there."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    points, cells, data, function = vtkPoints(), vtkCellArray(), vtkPolyData(), vtkImplicitPolyDataDistance()
    points.SetData(numpy_to_vtk(mesh.vertices_m, deep=True))
    cells.SetData(3, numpy_to_vtkIdTypeArray(mesh.triangles.astype(np.int64).ravel(), deep=True))
    data.SetPoints(points)
    data.SetPolys(cells)
    function.SetInput(data)
    return np.array([function.EvaluateFunction(p) for p in p_m])


def test_recorded_anatomy_is_as_vtk_and_the_twin_have_it(shared_data: Path) -> None:
    meshes = [load_mesh(path, name=path.stem) for path in sorted((shared_data / 'skvtk' / 'Liver').glob('*.vtk'))]
    rng = np.random.default_rng(0)
    vertices = np.concatenate([m.vertices_m for m in meshes]).astype(np.float64)
    near = np.concatenate([m.vertices_m[rng.integers(0, len(m.vertices_m), 25)] for m in meshes])
    p = np.concatenate([near + rng.normal(0, 5e-4, near.shape), rng.uniform(vertices.min(0), vertices.max(0), (60, 3))])
    found = DistanceField(meshes).query(p)
    twin = DistanceField(meshes, backend='numpy').query(p[::7])
    assert len(meshes) == 9 and found.inside.any(axis=0).all()
    assert np.abs(found.distance_m[::7] - twin.distance_m).max() <= 1e-9
    assert np.array_equal(found.inside[::7], twin.inside)
    for k, mesh in enumerate(meshes):
        signed = signed_by_vtk(mesh, p)
        assert np.abs(np.abs(signed) - found.distance_m[:, k]).max() <= 1e-9
        assert np.array_equal(signed < 0, found.inside[:, k])
