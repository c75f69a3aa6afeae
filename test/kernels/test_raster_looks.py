# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lines, translucency, looks, levels and lenses of the rasteriser, on either backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, DataError, KernelError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model, project
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.raster import Rasteriser
from arsurg_ros.kernels.reference_mesh import prepare
from arsurg_ros.types import CameraModel, Look, Mesh, MeshStyle, Window

SOLID = MeshStyle((255, 255, 255), fill=1.0, outline=0.0)
LINE = MeshStyle((255, 255, 255), fill=0.0, outline=1.0)
QUAD = Mesh(
    'quad',
    np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32) * np.float32(0.1),
    np.array([[0, 1, 2], [0, 2, 3]], np.uint32),
)
MakeBall, MakeCamera = Callable[..., Mesh], Callable[..., CameraModel]


def ahead(z_m: float, x_m: float = 0.0, y_m: float = 0.0) -> np.ndarray:
    return se3.compose(np.eye(3), [x_m, y_m, z_m])


def cube(half_m: float) -> Mesh:
    points = half_m * np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
    sides = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    return Mesh('cube', points, np.array([t for a, b, c, d in sides for t in ([a, b, c], [a, c, d])], np.uint32))


def inside_out(mesh: Mesh) -> Mesh:
    return replace(mesh, triangles=np.ascontiguousarray(mesh.triangles[:, ::-1]))


def opened(mesh: Mesh) -> Mesh:
    """Return the mesh without a triangle, so that nothing of it is culled."""
    return replace(mesh, triangles=np.delete(mesh.triangles, len(mesh.triangles) // 4, axis=0))


@pytest.mark.parametrize('backend', BACKENDS)
class TestBoth:
    """What either backend must do."""

    def test_surfaces_that_cross_are_ordered_pixel_by_pixel(self, backend: str, make_camera: MakeCamera) -> None:
        # two quads turned against one another about the picture's middle column
        poses = [se3.compose(se3.from_rotvec([0, a, 0]), [0, 0, 0.3]) for a in (0.5, -0.5)]
        styles = [MeshStyle((255, 0, 0), 0.5, 0.0), MeshStyle((0, 255, 0), 0.5, 0.0)]
        raster = Rasteriser(64, 48, [QUAD, QUAD], backend=backend)
        result = raster.render(None, make_camera(), poses, styles)
        left, right = result.image[24, 26].astype(int), result.image[24, 37].astype(int)
        assert {result.ids[24, 26], result.ids[24, 37]} == {1, 2}
        for pixel, identity in ((left, result.ids[24, 26]), (right, result.ids[24, 37])):
            near, far = (pixel[2], pixel[1]) if identity == 1 else (pixel[1], pixel[2])
            assert near == pytest.approx(2 * far, rel=0.1)  # half of it, over half of a half

    def test_the_edge_is_as_dark_as_it_is_covered(self, backend: str, make_camera: MakeCamera) -> None:
        camera = replace(make_camera(40, 30, 100.0), K=np.array([[100, 0, 20.3], [0, 100, 15.0], [0, 0, 1]]))
        row = Rasteriser(40, 30, [QUAD], backend=backend).render(None, camera, [ahead(1.0)], [SOLID]).image[15, :, 0]
        full = int(row[20])
        # from u = 10.3 on: pixel 10 spans 9.5 to 10.5
        assert row[9] == 0
        assert row[10] / full == pytest.approx(0.2, abs=0.02)
        assert row[11] / full == pytest.approx(1.0, abs=0.01)
        assert row[30] / full == pytest.approx(0.8, abs=0.02)
        assert row[31] == 0

    @pytest.mark.parametrize('width_px', [1.0, 2.0, 3.5, 6.0])
    def test_a_line_is_as_wide_as_asked_all_round(
        self, backend: str, width_px: float, make_ball: MakeBall, make_camera: MakeCamera
    ) -> None:
        style = replace(LINE, width_px=width_px)
        image = Rasteriser(96, 96, [make_ball(0.05, 24)], backend=backend).render(
            None, make_camera(96, 96, 120.0), [ahead(0.2)], [style]
        ).image[..., 0].astype(float)  # fmt: skip
        v, u = np.mgrid[:96, :96] - 47.5
        angle, radius = np.arctan2(v, u), np.hypot(u, v)
        sums = [(image / 255)[(angle >= a) & (angle < a + np.pi / 8)].sum() for a in np.arange(-8, 8) * np.pi / 8]
        contour = (radius * image).sum() / image.sum()
        assert np.allclose(sums, width_px * contour * np.pi / 8, rtol=0.12)

    def test_a_closed_mesh_has_no_lines_inside_and_hidden_ones_are_hidden(
        self, backend: str, make_ball: MakeBall, make_camera: MakeCamera
    ) -> None:
        ball = make_ball(0.05, 16)
        # one mesh of two balls, the smaller behind the greater
        both = Mesh(
            'two',
            np.concatenate([ball.vertices_m, ball.vertices_m * np.float32(0.4) + np.float32([0, 0, 0.1])]),
            np.concatenate([ball.triangles, ball.triangles + np.uint32(len(ball.vertices_m))]),
        )
        camera = make_camera(96, 96, 120.0)
        alone = Rasteriser(96, 96, [ball], backend=backend).render(None, camera, [ahead(0.2)], [LINE]).image
        hidden = Rasteriser(96, 96, [both], backend=backend).render(None, camera, [ahead(0.2)], [LINE]).image
        assert np.array_equal(alone, hidden)
        before = np.eye(4)
        before[:3, :3] = np.diag([1.0, -1, -1])
        before[2, 3] = 0.2  # turned round: the smaller is before the greater
        seen = Rasteriser(96, 96, [both], backend=backend).render(None, camera, [before], [LINE]).image
        v, u = np.mgrid[:96, :96] - 47.5
        ring = (np.hypot(u, v) > 20) & (np.hypot(u, v) < 28)
        assert not alone[ring].any()
        assert seen[ring, 0].max() == 255

    def test_creases_are_drawn_where_asked(self, backend: str, make_camera: MakeCamera) -> None:
        T = se3.compose(se3.from_rotvec([0.5, 0.6, 0.0]), [0, 0, 0.3])
        raster = Rasteriser(96, 96, [cube(0.05)], backend=backend)
        styles = [replace(LINE, crease=c) for c in (0.0, 1.0)]
        images = [raster.render(None, make_camera(96, 96, 200.0), [T], [s]).image[30:66, 30:66] for s in styles]
        counts = [int((image > 128).sum()) for image in images]
        assert counts[0] == 0  # no outline in the middle, and no diagonal of a side is a crease
        assert 100 < counts[1] / 3 < 400

    def test_a_dashed_line_is_about_half(self, backend: str, make_camera: MakeCamera) -> None:
        raster, camera = Rasteriser(96, 96, [QUAD], backend=backend), make_camera(96, 96, 100.0)
        drawn = [
            raster.render(None, camera, [ahead(0.3)], [replace(LINE, dashed=d)]).image.astype(int).sum() for d in (False, True)
        ]
        assert 0.5 < drawn[1] / drawn[0] < 0.7

    def test_a_shell_is_as_much_larger(self, backend: str, make_ball: MakeBall, make_camera: MakeCamera) -> None:
        raster = Rasteriser(96, 96, [make_ball(0.03, 24)], backend=backend)
        depth = raster.render(None, make_camera(96, 96), [ahead(0.2)], [replace(SOLID, inflate_m=0.01)]).depth_m
        assert depth[48, 48] == pytest.approx(0.16, abs=2e-4)

    def test_a_shell_is_drawn_but_has_neither_depth_nor_id(
        self, backend: str, make_ball: MakeBall, make_camera: MakeCamera
    ) -> None:
        ball, camera = make_ball(0.03, 16), make_camera(96, 96)
        shell = MeshStyle((0, 200, 0), fill=0.5, inflate_m=0.01, solid=False)
        alone = Rasteriser(96, 96, [ball], backend=backend).render(None, camera, [ahead(0.2)], [SOLID])
        raster = Rasteriser(96, 96, [ball, ball], backend=backend)
        as_solid = raster.render(None, camera, 2 * [ahead(0.2)], [replace(shell, solid=True), SOLID]).image.copy()
        result = raster.render(None, camera, 2 * [ahead(0.2)], [shell, SOLID])
        assert np.array_equal(result.image, as_solid)
        assert result.image[48, 48, 1] > result.image[48, 48, 0] > 0  # it lies over the ball
        assert np.array_equal(result.ids, 2 * alone.ids)
        assert np.array_equal(result.depth_m, alone.depth_m)
        bare = raster.render(None, camera, 2 * [ahead(0.2)], [shell, replace(SOLID, visible=False)])
        assert bare.image.any() and not bare.ids.any() and np.isinf(bare.depth_m).all()

    def test_the_depth_cue_darkens_what_is_far(self, backend: str, make_camera: MakeCamera) -> None:
        raster, camera = Rasteriser(64, 48, [QUAD], backend=backend), make_camera()
        look = Look(depth_cue=0.6, near_m=0.1, far_m=0.5)
        shares = []
        for z in (0.1, 0.3, 0.5, 0.9):
            plain, cued = (raster.render(None, camera, [ahead(z)], [SOLID], look=w).image[24, 32, 0] for w in (Look(), look))
            shares.append(int(cued) / int(plain))
        assert np.allclose(shares, [1.0, 0.7, 0.4, 0.4], atol=0.02)

    def test_a_window_darkens_and_fills_inside_alone(self, backend: str, make_camera: MakeCamera) -> None:
        look = Look(window=Window(32, 24, 10, 2, 0.5))
        image = np.full((48, 64, 3), 200, np.uint8)
        style = MeshStyle((0, 0, 255), fill=0.5, outline=0.0)
        Rasteriser(64, 48, [QUAD], backend=backend).render(image, make_camera(), [ahead(0.3)], [style], look=look)
        assert np.abs(image[24, 32].astype(int) - (170, 50, 50)).max() <= 3
        assert (image[24, 43] == 200).all()
        assert (image[4] == 200).all()

    def test_a_mask_keeps_the_picture(self, backend: str, make_camera: MakeCamera) -> None:
        mask = np.zeros((48, 64), np.uint8)
        mask[:, 32:] = 255
        mask[:, 30:32] = 128
        image = np.full((48, 64, 3), 100, np.uint8)
        look = Look(mask=mask, window=Window(32, 24, 20, 2, 0.0))
        ids = Rasteriser(64, 48, [QUAD], backend=backend).render(image, make_camera(), [ahead(0.3)], [SOLID], look=look).ids
        assert (image[:, 32:] == 100).all()
        assert (image[20:28, 20:30] > 230).all()
        assert np.abs(image[24, 30:32].astype(int) - 173).max() <= 6
        assert (ids[10:40, 15:50] == 1).all()

    def test_nothing_is_drawn_over_an_occluder(self, backend: str, make_ball: MakeBall, make_camera: MakeCamera) -> None:
        camera, instrument = make_camera(), replace(SOLID, occluder=True)
        image = np.full((48, 64, 3), 100, np.uint8)
        raster = Rasteriser(64, 48, [QUAD, make_ball(0.02)], backend=backend)
        result = raster.render(image, camera, [ahead(0.2), ahead(0.5)], [SOLID, instrument])  # behind, and yet
        assert (image[24, 32] == 100).all()
        assert (image[24, 20] > 210).all()
        assert set(np.unique(result.ids)) == {0, 1} or (result.ids == 1).all()
        assert result.depth_m[24, 32] == pytest.approx(0.2)
        image[:] = 100
        alone = raster.render(image, camera, [ahead(0.2)] * 2, [replace(SOLID, visible=False), instrument])
        assert (alone.image == 100).all()
        assert not alone.ids.any()
        assert np.isinf(alone.depth_m).all()

    def test_levels_are_picked(self, backend: str, make_ball: MakeBall, make_camera: MakeCamera) -> None:
        camera = make_camera()
        raster = Rasteriser(64, 48, [make_ball(0.03), QUAD], levels=[[make_ball(0.02), cube(0.01)], []], backend=backend)
        poses, styles = [ahead(0.2), ahead(0.4)], [SOLID, SOLID]
        areas = [int((raster.render(None, camera, poses, styles, level=[k, 0]).ids == 1).sum()) for k in range(3)]
        assert areas[0] > areas[1] > areas[2] > 0
        wrong = {(3, 0): "level 3 of mesh 'ball'; 0 to 2", (0, -1): "level -1 of mesh 'quad'; 0 to 0", (0,): 'of 1 meshes; 2'}
        for level, says in wrong.items():
            with pytest.raises(ConfigError, match=says):
                raster.render(None, camera, poses, styles, level=level)
        with pytest.raises(ConfigError, match='levels of 1 meshes; 2 are needed'):
            Rasteriser(64, 48, [QUAD, QUAD], levels=[[]], backend=backend)

    def test_rgb8_is_drawn_as_rgb(self, backend: str, make_camera: MakeCamera) -> None:
        style = MeshStyle((250, 100, 0), 1.0, 0.0)
        raster = Rasteriser(64, 48, [QUAD], backend=backend)
        bgr = raster.render(None, make_camera(), [ahead(0.3)], [style]).image
        rgb = raster.render(None, make_camera(), [ahead(0.3)], [style], encoding='rgb8').image
        assert rgb[24, 32, 0] > rgb[24, 32, 2] == 0
        assert np.array_equal(rgb, bgr[..., ::-1])
        with pytest.raises(ConfigError, match="encoding 'mono8'; valid: bgr8, rgb8"):
            raster.render(None, make_camera(), [ahead(0.3)], [style], encoding='mono8')

    def test_only_the_region_is_touched(self, backend: str, make_ball: MakeBall, make_camera: MakeCamera) -> None:
        camera, raster = make_camera(200, 150), Rasteriser(200, 150, [make_ball(0.01)], backend=backend)
        image = np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)
        before = image.copy()
        x0, y0, x1, y1 = raster.render(image, camera, [ahead(0.2, 0.1)], [LINE]).region
        changed = (image != before).any(axis=2)
        assert changed.any() and (x1 - x0) < 20 and (y1 - y0) < 20
        changed[y0:y1, x0:x1] = False
        assert not changed.any()
        x0, y0, x1, y1 = raster.render(image, camera, [ahead(-0.2)], [LINE]).region
        assert x1 <= x0 and y1 <= y0

    def test_a_fisheye_shows_85_degrees(self, backend: str, make_ball: MakeBall) -> None:
        K = np.array([[30.0, 0, 47.5], [0, 33.0, 47.5], [0, 0, 1]])
        camera = camera_model(96, 96, K, np.array([0.02, -0.01, 0.003, 0.0]), 'equidistant')
        place = 0.3 * np.array([np.sin(np.radians(84)), 0, np.cos(np.radians(84))])
        ids = Rasteriser(96, 96, [make_ball(0.005)], backend=backend).render(
            None, camera, [se3.compose(np.eye(3), place)], [SOLID]
        ).ids  # fmt: skip
        wanted = project(camera, place[None])[0]
        v, u = np.nonzero(ids)
        assert np.hypot(u.mean() - wanted[0], v.mean() - wanted[1]) < 1.0

    @pytest.mark.parametrize('model', ['plumb_bob', 'equidistant'])
    def test_long_edges_bend_as_the_lens_does(self, backend: str, model: str) -> None:
        K = np.array([[110.0, 0, 79.5], [0, 110.0, 59.5], [0, 0, 1]])
        d = np.array([-0.25, 0.05, 0.0, 0.0]) if model == 'plumb_bob' else np.array([0.05, 0.0, 0.0, 0.0])
        camera, T = camera_model(160, 120, K, d, model), se3.compose(se3.from_rotvec([0.2, 0.3, 0.1]), [0, 0, 0.2])
        ids = Rasteriser(160, 120, [QUAD], backend=backend).render(None, camera, [T], [SOLID]).ids > 0
        corners = QUAD.vertices_m.astype(float)
        s = np.linspace(0, 1, 300, endpoint=False)[:, None]
        rim = np.concatenate([a + s * (b - a) for a, b in zip(corners, corners[[1, 2, 3, 0]], strict=True)])
        contour = project(camera, se3.transform(T, rim)).astype(np.float32)
        straight = contour[[0, 300]].mean(axis=0).tolist()
        assert abs(cv2.pointPolygonTest(contour, straight, True)) > 3  # that much is at stake
        inside = np.array([[cv2.pointPolygonTest(contour, (u, v), True) for u in range(160)] for v in range(120)])
        assert np.abs(inside[ids != (inside > 0)]).max(initial=0) < 0.3
        assert ids.any() and not ids.all()

    @pytest.mark.parametrize(
        ('look', 'error', 'says'),
        [
            (Look(depth_cue=1.5), ConfigError, 'depth_cue 1.5; 0 to 1'),
            (Look(depth_cue=0.5, near_m=1.0, far_m=0.5), ConfigError, 'far beyond near'),
            (Look(mask=np.zeros((48, 63), np.uint8)), DataError, 'mask of 63x48 uint8; 64x48 uint8'),
            (Look(mask=np.zeros((48, 64), bool)), DataError, 'mask of 64x48 bool'),
            (Look(window=Window(float('nan'), 0, 5)), ConfigError, 'window at nan'),
            (Look(window=Window(5, 5, 0)), ConfigError, 'radius_px 0'),
            (Look(window=Window(5, 5, 9, 12)), ConfigError, 'rim_px 12'),
            (Look(window=Window(5, 5, 20, 5, 2.0)), ConfigError, 'keep 2.0'),
        ],
    )
    def test_a_bad_look_is_refused(
        self, backend: str, look: Look, error: type[Exception], says: str, make_camera: MakeCamera
    ) -> None:
        with pytest.raises(error, match=says):
            Rasteriser(64, 48, [QUAD], backend=backend).render(None, make_camera(), [ahead(0.3)], [SOLID], look=look)

    @pytest.mark.parametrize(
        ('style', 'says'),
        [
            (replace(SOLID, crease=-0.1), 'crease -0.1; 0 to 1'),
            (replace(SOLID, width_px=0.0), 'width_px 0.0; 0.5 to 6.0'),
            (replace(SOLID, inflate_m=float('nan')), 'inflate_m nan; -1 to 1 m'),
        ],
    )
    def test_a_bad_line_is_refused(self, backend: str, style: MeshStyle, says: str, make_camera: MakeCamera) -> None:
        with pytest.raises(ConfigError, match=says):
            Rasteriser(64, 48, [QUAD], backend=backend).render(None, make_camera(), [ahead(0.3)], [style])

    def test_a_read_only_image_and_an_unknown_lens_are_refused(self, backend: str, make_camera: MakeCamera) -> None:
        image = np.zeros((48, 64, 3), np.uint8)
        image.flags.writeable = False
        raster = Rasteriser(64, 48, [QUAD], backend=backend)
        with pytest.raises(DataError, match='read-only'):
            raster.render(image, make_camera(), [ahead(0.3)], [SOLID])
        with pytest.raises(ConfigError, match="distortion_model 'omni'; valid: plumb_bob, equidistant"):
            raster.render(None, replace(make_camera(), distortion_model='omni'), [ahead(0.3)], [SOLID])


def test_culling_changes_nothing(make_ball: MakeBall, make_camera: MakeCamera) -> None:
    camera = make_camera(200, 150, 200.0)
    rng = np.random.default_rng(5)
    for mesh in (make_ball(0.05, 20), inside_out(make_ball(0.05, 20)), cube(0.04)):
        assert prepare(mesh).closed != 0 and prepare(opened(mesh)).closed == 0
        # one far triangle that cannot be seen makes the same mesh an open one
        v = np.concatenate([mesh.vertices_m, np.float32([[0, 0, -9], [0, 1, -9], [1, 0, -9]])])
        n = len(mesh.vertices_m)
        open_mesh = Mesh('open', v, np.concatenate([mesh.triangles, np.uint32([[n, n + 1, n + 2]])]))
        culled, whole = (Rasteriser(200, 150, [m]) for m in (mesh, open_mesh))
        for _ in range(20):
            T = se3.exp([*rng.uniform(-0.05, 0.05, 2), rng.uniform(0.15, 0.3), *rng.uniform(-2, 2, 3)])
            style = MeshStyle((200, 150, 50), 0.5, float(rng.uniform()), crease=0.5)
            a, b = culled.render(None, camera, [T], [style]), whole.render(None, camera, [T], [style])
            assert np.array_equal(a.ids, b.ids)
            assert np.allclose(a.depth_m, b.depth_m, rtol=1e-5)
            assert (np.abs(a.image.astype(int) - b.image).max(axis=2) > 3).mean() < 1e-3


def test_what_a_mesh_is_made_of_does_not_matter(make_ball: MakeBall, make_camera: MakeCamera) -> None:
    """Triangles that share no vertex, as in STL, have the same lines as those that do."""
    ball = make_ball(0.05, 12)
    corners = ball.vertices_m[ball.triangles].reshape(-1, 3)
    soup = Mesh('soup', corners, np.arange(len(corners), dtype=np.uint32).reshape(-1, 3))
    style = MeshStyle((9, 99, 200))
    images = [Rasteriser(64, 48, [m]).render(None, make_camera(), [ahead(0.2)], [style]).image for m in (ball, soup)]
    assert np.abs(images[0].astype(int) - images[1]).max() <= 1


def test_what_does_not_fit_is_refused_with_the_limit() -> None:
    huge = Mesh('huge', np.zeros((3, 3), np.float32), np.zeros((5_000_000, 3), np.uint32))
    with pytest.raises(KernelError, match='5000000 triangles, 3 vertices at 64x48 px, levels included, need more than 512 MiB'):
        Rasteriser(64, 48, [huge])


def test_a_mesh_of_which_too_much_is_clipped_is_refused(make_camera: MakeCamera) -> None:
    # every triangle spans the whole field and the near plane, and becomes a polygon of many corners
    rng = np.random.default_rng(0)
    n = 3000
    mesh = Mesh('wild', rng.uniform(-9, 9, (3 * n, 3)).astype(np.float32), np.arange(3 * n, dtype=np.uint32).reshape(-1, 3))
    raster = Rasteriser(64, 48, [mesh] * 4)
    with pytest.raises(KernelError, match='too many triangles cross the border'):
        raster.render(None, make_camera(f_px=6.0, distortion=(0.1, 0, 0, 0, 0)), [ahead(0.5)] * 4, [SOLID] * 4)
