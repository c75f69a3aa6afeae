# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The rasteriser's kernel: instances of it that draw a picture together, each every n-th row of tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np

from arsurg_ros.errors import KernelError
from arsurg_ros.kernels.host import MEMORY_LIMIT_BYTES, Kernel, PerThread
from arsurg_ros.kernels.layouts import OVERLAY
from arsurg_ros.kernels.raster_rows import Rows
from arsurg_ros.types import F32, U8, Mesh

PREPARE_DEADLINE_S = 20.0
#: A tile's side (wasm/overlay/src/bins.rs).
TILE_PX = 64
Region = tuple[int, int, int, int]
# Entries of the state block: what the kernel left, what it is told, and what this wrapper keeps there.
_REGION, _COUNTS, _SHARE, _COPIED = np.s_[:4], np.s_[4:6], np.s_[8:10], np.s_[10:14]


class WasmRasteriser:
    """The kernel's side: for each calling thread as many instances as draw, each with the meshes in its memory.

    Each instance projects everything and draws its rows of tiles. The first one's depth and ids are those that are handed
    out: the others' rows are copied there.
    """

    def __init__(self, width_px: int, height_px: int, meshes: int, resident: Sequence[Mesh], threads: int = 1) -> None:
        """Make the instances; raises KernelError where the meshes need more than one's memory limit."""
        self._shape = (height_px, width_px)
        self._resident = resident
        vertices = sum(len(m.vertices_m) for m in resident)
        triangles = sum(len(m.triangles) for m in resident)
        counts = (vertices, triangles, meshes, len(resident))
        self._capacities = (width_px, height_px, *(max(n, 1) for n in counts))
        self._meshes = meshes
        self._kernels = [PerThread(OVERLAY, prepare=self._upload) for _ in range(threads)]
        self._pool = ThreadPoolExecutor(threads - 1, 'raster') if threads > 1 else None
        try:
            self._team()
        except KernelError as e:
            if 'too large' not in str(e):
                raise
            limit = f'{MEMORY_LIMIT_BYTES >> 20} MiB'
            raise KernelError(
                f'rasteriser: {triangles} triangles, {vertices} vertices at {width_px}x{height_px} px, levels included, need '
                f'more than {limit}; about 1,400,000 triangles fit at 3840x2160: decimate the meshes'
            ) from None

    def _team(self) -> list[Kernel]:
        return [kernels.get(*self._capacities) for kernels in self._kernels]

    def _upload(self, kernel: Kernel) -> None:
        blocks, v, t = kernel.blocks, 0, 0
        for k, mesh in enumerate(self._resident):
            nv, nt = len(mesh.vertices_m), len(mesh.triangles)
            blocks['table'][16 * k : 16 * k + 4] = v, nv, t, nt
            blocks['vertices'][3 * v : 3 * (v + nv)] = mesh.vertices_m.ravel()
            blocks['triangles'][3 * t : 3 * (t + nt)] = mesh.triangles.ravel()
            v, t = v + nv, t + nt
        blocks['state'][_COUNTS] = len(self._resident), self._meshes
        # a new instance's rows are all to be copied: another may have drawn there
        blocks['state'][_COPIED] = 0, 0, *self._shape[::-1]
        kernel.call('prepare', PREPARE_DEADLINE_S)

    def render(self, image: U8, rows: Rows) -> tuple[F32, U8, Region]:
        """Draw in place, or raise KernelError and leave the image; only what is touched is copied in and out."""
        team, shape = self._team(), self._shape
        self._all(lambda k: self._draw(team[k], k, image, rows))
        self._all(lambda k: self._copy_out(team[k], k, image, team[0]))
        blocks = team[0].blocks
        return blocks['depth'].reshape(shape), blocks['ids'].reshape(shape), _region(team[0])

    def _all(self, job: Callable[[int], None]) -> None:
        """Run a job for each instance at the same time; the first error is raised when all have ended."""
        if self._pool is None:
            job(0)
            return
        others = [self._pool.submit(job, k) for k in range(1, len(self._kernels))]
        try:
            job(0)
        finally:
            wait(others)
        for other in others:
            other.result()

    def _draw(self, kernel: Kernel, k: int, image: U8, rows: Rows) -> None:
        blocks, shape = kernel.blocks, self._shape
        for name in ('camera', 'poses', 'styles', 'look', 'select'):
            values = getattr(rows, name)
            blocks[name][: values.size] = values.ravel()
        if kernel.call('project'):
            raise KernelError('kernel overlay: project: too many triangles cross the border of what the camera sees')
        frame: U8 = blocks['image'].reshape(*shape, 3)
        mask = blocks['mask'][: shape[0] * shape[1]].reshape(shape)
        region = _region(kernel)
        for rectangle in self._own(region, k):
            np.copyto(frame[rectangle], image[rectangle])
            if rows.mask is not None:
                np.copyto(mask[rectangle], rows.mask[rectangle])
        state = blocks['state']
        state[_SHARE] = k, len(self._kernels)
        state[_COPIED] = _union(region, state[_COPIED].tolist())
        kernel.call('render')

    def _copy_out(self, kernel: Kernel, k: int, image: U8, first: Kernel) -> None:
        shape, region, state = self._shape, _region(kernel), kernel.blocks['state']
        frame = kernel.blocks['image'].reshape(*shape, 3)
        for rectangle in self._own(region, k):
            np.copyto(image[rectangle], frame[rectangle])
        if k:
            for name in ('depth', 'ids'):
                source, target = (b.blocks[name].reshape(shape) for b in (kernel, first))
                for rectangle in self._own(state[_COPIED].tolist(), k):
                    np.copyto(target[rectangle], source[rectangle])
            state[_COPIED] = region

    def _own(self, region: Sequence[int], k: int) -> Iterator[tuple[slice, slice]]:
        """Yield the rectangles of a region that the k-th instance draws."""
        x0, y0, x1, y1 = region
        if len(self._kernels) == 1:
            yield np.s_[y0:y1, x0:x1]
            return
        step = TILE_PX * len(self._kernels)
        for y in range(y0 // step * step + k * TILE_PX, y1, step):
            if y + TILE_PX > y0:
                yield np.s_[max(y, y0) : min(y + TILE_PX, y1), x0:x1]


def _region(kernel: Kernel) -> Region:
    x0, y0, x1, y1 = kernel.blocks['state'][_REGION].tolist()
    return x0, y0, x1, y1


def _union(a: Sequence[int], b: Sequence[int]) -> Sequence[int]:
    if a[2] <= a[0] or a[3] <= a[1]:
        return b
    if b[2] <= b[0] or b[3] <= b[1]:
        return a
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
