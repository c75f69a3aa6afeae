# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Instances of the rasteriser that draw a picture together draw it as one does, to the bit."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, KernelError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.host import Kernel
from arsurg_ros.kernels.raster import Rasteriser, RasterResult, fitting_threads
from arsurg_ros.kernels.raster_wasm import WasmRasteriser
from arsurg_ros.types import F64, U8, CameraModel, Look, Mesh, MeshStyle, Window

WIDTH_PX, HEIGHT_PX = 200, 300  # five rows of tiles, the last one not whole
STYLES = [
    MeshStyle((250, 100, 0), 0.4, width_px=3.0),
    MeshStyle((0, 200, 90), 0.7, crease=0.5),
    MeshStyle((0, 0, 255), 0.0, inflate_m=0.01, solid=False, dashed=True),
    MeshStyle((0, 0, 0), occluder=True),
]
MakeBall, MakeCamera = Callable[..., Mesh], Callable[..., CameraModel]


def poses(step: int) -> list[F64]:
    """Return poses that move over the picture and out of it."""
    x, y = 0.06 * np.cos(step), 0.02 * step - 0.06
    return [se3.compose(np.eye(3), t) for t in ([x, y, 0.2], [0, y, 0.17], [x, y, 0.2], [x + 0.02, 0, 0.12])]


def looks(step: int) -> Look:
    mask: U8 = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    mask[step * 30 : step * 30 + 90, 60:90] = 255
    plain = Look(0.5, 0.1, 0.3)
    return replace(plain, window=Window(90.0, 40.0 * step, 60.0)) if step % 2 else replace(plain, mask=mask)


class Pair:
    """One instance, and ``threads`` of them, that are given the same frames."""

    def __init__(self, ball: Mesh, camera: CameraModel, threads: int) -> None:
        meshes = [ball, replace(ball, vertices_m=ball.vertices_m * np.float32(0.5)), ball, ball]
        self.one, self.many = (Rasteriser(WIDTH_PX, HEIGHT_PX, meshes, threads=n) for n in (1, threads))
        self.camera = camera

    def draw(self, raster: Rasteriser, step: int, image: U8) -> RasterResult:
        return raster.render(image, self.camera, poses(step), STYLES, look=looks(step))

    def check(self, step: int) -> None:
        image = np.random.default_rng(step).integers(0, 255, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)
        wanted, found = (self.draw(raster, step, image.copy()) for raster in (self.one, self.many))
        assert (wanted.image != image).any() and wanted.ids.any() and wanted.region == found.region
        for name in ('image', 'ids', 'depth_m'):
            assert np.array_equal(getattr(found, name), getattr(wanted, name)), (step, name)

    def team(self) -> list[Kernel]:
        assert isinstance(self.many._impl, WasmRasteriser)
        return self.many._impl._team()


@pytest.mark.parametrize('threads', [2, 3, 8])
def test_many_draw_as_one(threads: int, make_ball: MakeBall, make_camera: MakeCamera) -> None:
    pair = Pair(make_ball(0.04, 24), make_camera(WIDTH_PX, HEIGHT_PX, 220.0), threads)
    for step in range(7):
        pair.check(step)  # what a frame before left is gone too


@pytest.mark.parametrize('spoilt', [0, 1, 2])
def test_where_one_traps_the_frame_fails_and_the_next_is_whole(
    spoilt: int, make_ball: MakeBall, make_camera: MakeCamera
) -> None:
    pair = Pair(make_ball(0.04, 24), make_camera(WIDTH_PX, HEIGHT_PX, 220.0), 3)
    pair.check(1)
    before = pair.team()
    before[spoilt].blocks['table'][1] = 1 << 30  # so many vertices are not there
    image: U8 = np.full((HEIGHT_PX, WIDTH_PX, 3), 90, np.uint8)
    with pytest.raises(KernelError, match='kernel overlay: project: trapped'):
        pair.draw(pair.many, 3, image)
    assert (image == 90).all()
    pair.check(4)
    assert [a is b for a, b in zip(before, pair.team(), strict=True)] == [k != spoilt for k in range(3)]


@pytest.mark.parametrize('threads', [0, 9])
def test_a_number_of_threads_that_is_not_valid(threads: int, make_ball: MakeBall) -> None:
    with pytest.raises(ConfigError, match=f'threads {threads}; 1 to 8 are valid'):
        Rasteriser(8, 8, [make_ball(0.04, 4)], threads=threads)


@pytest.mark.parametrize(('cores', 'threads'), [(1, 1), (3, 1), (4, 2), (64, 2)])
def test_two_threads_where_there_are_cores_for_them(cores: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: set(range(cores)))
    assert fitting_threads() == threads
