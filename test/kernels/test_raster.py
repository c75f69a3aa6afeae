# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.raster import Rasteriser, RasterResult
from arsurg_ros.types import CameraModel, Mesh, MeshStyle

SOLID = MeshStyle((255, 255, 255), fill=1.0, outline=0.0)
HALF = MeshStyle((250, 100, 0), fill=0.5, outline=1.0)
QUAD = Mesh(
    'quad',
    np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32) * np.float32(0.1),
    np.array([[0, 1, 2], [0, 2, 3]], np.uint32),
)


def ahead(z_m: float, x_m: float = 0.0, y_m: float = 0.0) -> np.ndarray:
    return se3.compose(np.eye(3), [x_m, y_m, z_m])


def draw(
    meshes: Sequence[Mesh],
    camera: CameraModel,
    poses: Sequence[np.ndarray],
    styles: Sequence[MeshStyle],
    backend: str,
    image: np.ndarray | None = None,
) -> RasterResult:
    raster = Rasteriser(camera.width_px, camera.height_px, meshes, backend=backend)
    result = raster.render(None if image is None else image.copy(), camera, poses, styles)
    return replace(result, depth_m=result.depth_m.copy(), ids=result.ids.copy())


def random_scene(rng: np.random.Generator) -> tuple:
    """Soups and a quad, some across the near plane or beside the view, under random intrinsics."""
    distortion = rng.uniform(-1, 1, 5) * (0.25, 0.05, 0.005, 0.005, 0.02)
    f = rng.uniform(30, 90)
    K = np.array([[f, rng.uniform(-2, 2), 31.5], [0, f * rng.uniform(0.8, 1.2), 23.5], [0, 0, 1]])
    soups = [
        Mesh('soup', rng.uniform(-0.1, 0.1, (40, 3)).astype(np.float32), rng.integers(0, 40, (30, 3)).astype(np.uint32))
        for _ in range(2)
    ]
    poses = [se3.exp([*rng.uniform(-0.05, 0.05, 2), rng.uniform(0.0, 0.4), *rng.uniform(-2, 2, 3)]) for _ in range(3)]
    styles = [MeshStyle(tuple(rng.integers(0, 256, 3).tolist()), *rng.uniform(0, 1, 2)) for _ in range(3)]
    image = rng.integers(0, 256, (48, 64, 3), np.uint8)
    return [*soups, QUAD], CameraModel(64, 48, K, distortion), poses, styles, image


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_twins_agree(seed: int) -> None:
    meshes, camera, poses, styles, image = random_scene(np.random.default_rng(seed))
    a, b = (draw(meshes, camera, poses, styles, backend, image) for backend in BACKENDS)
    tied = a.ids != b.ids
    assert tied.mean() < 1e-3
    assert np.allclose(a.depth_m, b.depth_m, rtol=1e-5)
    off = np.abs(a.image.astype(int) - b.image).max(axis=2) > 3
    assert off.mean() < 1e-3


@pytest.mark.parametrize('backend', BACKENDS)
class TestBoth:
    """What either backend must do."""

    def test_coverage_is_the_projected_rectangle(self, backend: str, make_camera: Callable[..., CameraModel]) -> None:
        camera = replace(make_camera(40, 30, 100.0), K=np.array([[100, 0, 20.0], [0, 100, 15.0], [0, 0, 1]]))
        ids = draw([QUAD], camera, [ahead(1.0)], [SOLID], backend).ids
        expected = np.zeros((30, 40), np.uint8)
        expected[5:25, 10:30] = 1  # corners on pixel centres: left and top edges belong, right and bottom ones do not
        assert np.array_equal(ids, expected)

    def test_depth_is_perspective_correct(self, backend: str, make_camera: Callable[..., CameraModel]) -> None:
        camera = make_camera(64, 48, 60.0)
        R = se3.from_rotvec([0.0, 1.0, 0.0])
        depth = draw([QUAD], camera, [se3.compose(R, [0, 0, 0.3])], [SOLID], backend).depth_m
        v, u = np.nonzero(np.isfinite(depth))
        assert len(v) > 100
        rays = np.stack([(u - camera.K[0, 2]) / 60.0, (v - camera.K[1, 2]) / 60.0, np.ones(len(u))])
        plane = 0.3 * R[2, 2] / (R[:, 2] @ rays)
        assert np.allclose(depth[v, u], plane, rtol=2e-3)  # the corners are snapped to 1/256 px

    def test_pixels_fall_where_opencv_projects(
        self, backend: str, make_ball: Callable[..., Mesh], make_camera: Callable[..., CameraModel]
    ) -> None:
        camera = make_camera(120, 90, 110.0, (-0.2, 0.05, 0.003, -0.002, 0.01))
        ball, T = make_ball(0.03, 16), se3.compose(se3.from_rotvec([0.3, 0.2, 0.1]), [0.03, -0.02, 0.25])
        ids = draw([ball], camera, [T], [SOLID], backend).ids
        uv = project(camera, se3.transform(T, ball.vertices_m.astype(float)))
        v, u = np.nonzero(ids)
        assert u.min() == pytest.approx(uv[:, 0].min(), abs=1)
        assert u.max() == pytest.approx(uv[:, 0].max(), abs=1)
        assert v.min() == pytest.approx(uv[:, 1].min(), abs=1)
        assert v.max() == pytest.approx(uv[:, 1].max(), abs=1)

    def test_the_nearest_mesh_has_the_id_whatever_the_order(
        self, backend: str, make_ball: Callable[..., Mesh], make_camera: Callable[..., CameraModel]
    ) -> None:
        camera, near, far = make_camera(), make_ball(0.02), make_ball(0.04)
        for meshes, poses, wanted in (
            ((near, far), (ahead(0.2), ahead(0.3)), 1),
            ((far, near), (ahead(0.3), ahead(0.2)), 2),
        ):
            result = draw(meshes, camera, poses, [HALF, HALF], backend)
            assert result.ids[24, 32] == wanted
            assert result.depth_m[24, 32] == pytest.approx(0.18, abs=1e-3)
            assert set(np.unique(result.ids)) == {0, 1, 2}

    def test_a_core_shows_through_its_shell(
        self, backend: str, make_ball: Callable[..., Mesh], make_camera: Callable[..., CameraModel]
    ) -> None:
        camera, shell, core = make_camera(), make_ball(0.06), make_ball(0.02)
        shell_style, core_style = MeshStyle((0, 0, 200), 0.35), MeshStyle((200, 0, 0), 0.9)
        both = draw([shell, core], camera, [ahead(0.25)] * 2, [shell_style, core_style], backend)
        alone = draw([shell], camera, [ahead(0.25)], [shell_style], backend)
        swapped = draw([core, shell], camera, [ahead(0.25)] * 2, [core_style, shell_style], backend)
        assert both.image[24, 32, 2] > 60  # red: the core under 35 % of shell
        assert alone.image[24, 32, 2] == 0
        assert both.image[24, 32, 0] > 60  # blue: the shell over it
        assert both.ids[24, 32] == 1
        assert np.array_equal(both.image, swapped.image)

    def test_blending_shading_and_outline(self, backend: str, make_camera: Callable[..., CameraModel]) -> None:
        camera = replace(make_camera(40, 30, 100.0), K=np.array([[100, 0, 20.0], [0, 100, 15.0], [0, 0, 1]]))
        image = np.full((30, 40, 3), 100, np.uint8)
        result = draw([QUAD], camera, [ahead(1.0)], [replace(HALF, outline=1.0)], backend, image)
        # half of 100, half of the colour, lit nearly straight on
        assert np.abs(result.image[15, 20].astype(int) - (50, 100, 175)).max() <= 2
        # a line of two pixels about the contour at u = 10, in a black casing of 0.7 px at half of its opacity: whole on
        # it, half of it and the whole casing a pixel away, a fifth of the casing two pixels away
        row = result.image[15].astype(int)
        assert (row[10] == (0, 100, 250)).all()
        assert np.abs(row[9] - (25, 75, 150)).max() <= 1
        assert np.abs(row[11] - (12, 75, 169)).max() <= 2
        assert np.abs(row[8] - 90).max() <= 1
        assert np.abs(row[12] - (45, 90, 158)).max() <= 2
        outside = np.ones((30, 40), bool)
        outside[3:28, 8:33] = False
        assert (result.image[outside] == 100).all()
        assert (image == 100).all()

    def test_the_image_border_is_no_outline(self, backend: str, make_camera: Callable[..., CameraModel]) -> None:
        result = draw([QUAD], make_camera(), [ahead(0.02)], [replace(HALF, fill=0.0)], backend)
        assert (result.ids == 1).all()
        assert not result.image.any()

    def test_edge_on_surfaces_are_darker(
        self, backend: str, make_ball: Callable[..., Mesh], make_camera: Callable[..., CameraModel]
    ) -> None:
        image = draw([make_ball()], make_camera(), [ahead(0.2)], [SOLID], backend).image
        assert image[24, 32].min() > 245
        rim = image[24][image[24].any(axis=1)][[1, -2]]  # the outermost are partly covered
        assert ((rim > 70) & (rim < 190)).all()

    def test_nothing_behind_the_camera_is_drawn(
        self, backend: str, make_ball: Callable[..., Mesh], make_camera: Callable[..., CameraModel]
    ) -> None:
        result = draw([make_ball()], make_camera(), [ahead(-0.2)], [SOLID], backend)
        assert not result.ids.any()
        assert np.isinf(result.depth_m).all()
        assert not result.image.any()

    def test_a_floor_through_the_camera_ends_at_the_horizon(
        self, backend: str, make_camera: Callable[..., CameraModel]
    ) -> None:
        huge = Mesh('floor', QUAD.vertices_m * 1000, QUAD.triangles)
        T = se3.compose(se3.from_rotvec([np.pi / 2, 0, 0]), [0, 0.05, 0])  # a plane 5 cm below, in front and behind
        depth = draw([huge], make_camera(), [T], [SOLID], backend).depth_m
        below = (np.arange(48) - 23.5) / 60.0
        expected = 0.05 / below[26:]
        assert np.allclose(depth[26:], expected[:, None], rtol=0.01)
        assert np.isinf(depth[:23]).all()

    def test_far_directions_do_not_fold_back(self, backend: str, make_camera: Callable[..., CameraModel]) -> None:
        camera = make_camera(64, 48, 60.0, (-0.3, 0.0, 0.0, 0.0, 0.0))
        # at x/z = 2 this barrel's cubic gives 2 (1 - 0.3 * 4) = -0.4: inside the image, on the wrong side
        folded = 2.0 * (1 - 0.3 * 4.0)
        assert abs(folded) * 60 < 32
        aside = Mesh('aside', QUAD.vertices_m * np.float32(0.2), QUAD.triangles)
        assert not draw([aside], camera, [ahead(0.5, 1.0)], [SOLID], backend).ids.any()

    def test_a_wall_wider_than_the_field_fills_the_image(self, backend: str, make_camera: Callable[..., CameraModel]) -> None:
        wall = Mesh('wall', QUAD.vertices_m * 500, QUAD.triangles)
        camera = make_camera(64, 48, 60.0, (-0.3, 0.05, 0.001, 0.001, 0.0))
        result = draw([wall], camera, [ahead(1.0)], [SOLID], backend)
        assert (result.ids == 1).all()
        assert np.allclose(result.depth_m, 1.0, rtol=1e-5)

    def test_an_invisible_mesh_is_not_there_and_needs_no_pose(
        self, backend: str, make_ball: Callable[..., Mesh], make_camera: Callable[..., CameraModel]
    ) -> None:
        camera, ball = make_camera(), make_ball()
        lost = np.full((4, 4), np.nan)
        hidden = draw([ball, QUAD], camera, [lost, ahead(0.3)], [replace(HALF, visible=False), HALF], backend)
        alone = draw([QUAD], camera, [ahead(0.3)], [HALF], backend)
        assert np.array_equal(hidden.image, alone.image)
        assert set(np.unique(hidden.ids)) == {0, 2}

    def test_no_mesh_and_an_empty_mesh_leave_the_image(self, backend: str, make_camera: Callable[..., CameraModel]) -> None:
        image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
        empty = Mesh('empty', np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint32))
        for meshes in ([], [empty], [replace(QUAD, triangles=np.zeros((0, 3), np.uint32))]):
            n = len(meshes)
            result = draw(meshes, make_camera(), [ahead(0.3)] * n, [HALF] * n, backend, image)
            assert np.array_equal(result.image, image)
            assert not result.ids.any()

    def test_a_frame_leaves_nothing_to_the_next(
        self, backend: str, make_ball: Callable[..., Mesh], make_camera: Callable[..., CameraModel]
    ) -> None:
        camera = make_camera()
        raster = Rasteriser(64, 48, [make_ball()], backend=backend)
        raster.render(np.full((48, 64, 3), 9, np.uint8), camera, [ahead(0.15)], [HALF])
        later = raster.render(None, camera, [ahead(0.3, 0.1)], [HALF])
        fresh = draw([make_ball()], camera, [ahead(0.3, 0.1)], [HALF], backend)
        assert np.array_equal(later.image, fresh.image)
        assert np.array_equal(later.ids, fresh.ids)
        assert np.array_equal(later.depth_m, fresh.depth_m)

    @pytest.mark.parametrize(
        ('change', 'says'),
        [
            ({'image': np.zeros((47, 64, 3), np.uint8)}, 'image of 64x47x3; .* 64x48x3'),
            ({'image': np.zeros((48, 64), np.uint8)}, 'image of 64x48; '),
            ({'image': np.zeros((48, 64, 3), np.float32)}, 'image of float32; uint8'),
            ({'poses': [np.full((4, 4), np.nan)]}, "T_cam_mesh of mesh 'quad' is not a finite rigid"),
            ({'poses': [np.diag([2.0, 2, 2, 1])]}, "T_cam_mesh of mesh 'quad' is not a finite rigid"),
            ({'poses': []}, '0 poses and 1 styles for 1 meshes'),
            ({'styles': []}, '1 poses and 0 styles for 1 meshes'),
        ],
    )
    def test_bad_data_is_refused(self, backend: str, change: dict, says: str, make_camera: Callable[..., CameraModel]) -> None:
        raster = Rasteriser(64, 48, [QUAD], backend=backend)
        given_ = {'image': None, 'poses': [ahead(0.3)], 'styles': [HALF], **change}
        with pytest.raises(DataError, match=says):
            raster.render(given_['image'], make_camera(), given_['poses'], given_['styles'])

    def test_a_camera_of_another_size_is_refused(self, backend: str, make_camera: Callable[..., CameraModel]) -> None:
        with pytest.raises(DataError, match='camera of 32x24 px; the rasteriser was made for 64x48'):
            Rasteriser(64, 48, [QUAD], backend=backend).render(None, make_camera(32, 24), [ahead(0.3)], [HALF])

    @pytest.mark.parametrize(
        ('style', 'says'),
        [
            (replace(HALF, fill=1.5), 'fill 1.5; 0 to 1'),
            (replace(HALF, outline=float('nan')), 'outline nan; 0 to 1'),
            (replace(HALF, rgb=(0, 0, 256)), 'rgb .*256.*; three numbers 0 to 255'),
            (replace(HALF, rgb=(0, 0)), '.*three numbers 0 to 255'),
        ],
    )
    def test_a_bad_style_is_refused(
        self, backend: str, style: MeshStyle, says: str, make_camera: Callable[..., CameraModel]
    ) -> None:
        with pytest.raises(ConfigError, match=f"style of mesh 'quad': {says}"):
            Rasteriser(64, 48, [QUAD], backend=backend).render(None, make_camera(), [ahead(0.3)], [style])

    @pytest.mark.parametrize('f_px', [0.0, -5.0, float('nan')])
    def test_a_bad_camera_is_refused(self, backend: str, f_px: float, make_camera: Callable[..., CameraModel]) -> None:
        with pytest.raises(ConfigError, match='camera: fx'):
            Rasteriser(64, 48, [QUAD], backend=backend).render(None, make_camera(f_px=f_px), [ahead(0.3)], [HALF])

    @pytest.mark.parametrize(
        ('mesh', 'says'),
        [
            (replace(QUAD, vertices_m=QUAD.vertices_m[:, :2]), r'vertices \(4, 2\)'),
            (replace(QUAD, vertices_m=np.full((4, 3), np.inf, np.float32)), 'not finite'),
            (replace(QUAD, vertices_m=QUAD.vertices_m * np.float32(1e6)), 'metres are needed'),
            (replace(QUAD, triangles=QUAD.triangles + np.uint32(1)), 'triangle index 4; 0 to 3'),
        ],
    )
    def test_a_bad_mesh_is_refused(self, backend: str, mesh: Mesh, says: str) -> None:
        with pytest.raises(DataError, match=says):
            Rasteriser(64, 48, [mesh], backend=backend)

    def test_bad_sizes_and_numbers_are_refused(self, backend: str) -> None:
        with pytest.raises(ConfigError, match='size 0x48'):
            Rasteriser(0, 48, [], backend=backend)
        with pytest.raises(ConfigError, match='255 meshes; at most 254'):
            Rasteriser(64, 48, [QUAD] * 255, backend=backend)


def test_an_unknown_backend_lists_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match="'vtk' is unknown; valid: wasm, numpy"):
        Rasteriser(64, 48, [], backend='vtk')


def test_a_view_outlives_its_rasteriser(make_camera: Callable[..., CameraModel]) -> None:
    result = Rasteriser(64, 48, [QUAD]).render(None, make_camera(), [ahead(0.3)], [HALF])
    assert result.ids.any()
    assert result.image.flags.c_contiguous


def test_two_threads_have_an_instance_each(make_camera: Callable[..., CameraModel]) -> None:
    raster, found = Rasteriser(64, 48, [QUAD]), []
    mine = raster.render(None, make_camera(), [ahead(0.3)], [HALF])

    def other() -> None:
        found.append(raster.render(None, make_camera(), [ahead(0.3)], [HALF]))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert np.array_equal(found[0].image, mine.image)
    assert not np.shares_memory(found[0].image, mine.image)
