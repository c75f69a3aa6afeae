# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Translucent meshes over a camera image, with depth and ids: the rules are in wasm/overlay/src/lib.rs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.raster_rows import CameraRows, Rows, look_row, pose_rows, style_rows
from arsurg_ros.kernels.raster_wasm import Region, WasmRasteriser
from arsurg_ros.kernels.reference_raster import ReferenceRasteriser
from arsurg_ros.types import F32, F64, U8, U32, CameraModel, Look, Mesh, MeshStyle

MOST_MESHES = 254
PLAIN = Look()
MOST_THREADS, CORES_FOR_TWO = 8, 4
ENCODINGS = ('bgr8', 'rgb8')


@dataclass(frozen=True)
class RasterResult:
    """The caller's ``image`` (H, W, 3) uint8, drawn in place within ``region`` (x0, y0, x1, y1), or a new one.

    The rest are views into the rasteriser's memory, valid until its next render: copy what must last. ``depth_m`` (H, W)
    float32, z in the camera frame, inf where no mesh is; ``ids`` (H, W) uint8, 0 where no mesh is, k + 1 where mesh k is
    the nearest of the solid ones.
    """

    image: U8
    depth_m: F32
    ids: U8
    region: Region


def fitting_threads() -> int:
    """Return how many threads pay: two with at least four cores, one with fewer, which the rest of the system needs."""
    return 2 if len(os.sched_getaffinity(0)) >= CORES_FOR_TWO else 1


class Rasteriser:
    """Draws a fixed set of meshes and their levels of detail, resident in the kernel, at one image size.

    A mesh's nearest surface is shaded by a headlight (|n . v|) and blended with ``style.fill``, the meshes' surfaces at each
    pixel from the farthest on. Lines of ``style.width_px``, centred on silhouettes and boundaries, and on creases of over 40
    degrees, are anti-aliased. The two backends agree but for single pixels where two surfaces are as deep to 1e-6, or where
    a line's visibility turns: ids elsewhere equal, depth to 1e-5 of itself, colours within 3.
    """

    def __init__(
        self,
        width_px: int,
        height_px: int,
        meshes: Sequence[Mesh],
        *,
        levels: Sequence[Sequence[Mesh]] | None = None,
        backend: str = 'wasm',
        threads: int = 1,
    ) -> None:
        """Check and upload the meshes; ``levels[k]`` are coarser versions of mesh k, its levels 1, 2, ....

        Each of ``threads`` (1 to 8) has the meshes in a memory of its own and draws its share of the picture, the same to the
        bit; the twin has no use for more than one. Raises ConfigError (size, number, threads, backend), DataError (a mesh),
        KernelError (they need more than the memory limit).
        """
        make = pick(backend, RASTERISERS)
        if not (1 <= width_px <= 16384 and 1 <= height_px <= 16384):
            raise ConfigError(f'rasteriser: size {width_px}x{height_px}; 1 to 16384 px each way are valid')
        if not 1 <= threads <= MOST_THREADS:
            raise ConfigError(f'rasteriser: threads {threads}; 1 to {MOST_THREADS} are valid')
        if len(meshes) > MOST_MESHES:
            raise ConfigError(f'rasteriser: {len(meshes)} meshes; at most {MOST_MESHES} are valid')
        if levels is not None and len(levels) != len(meshes):
            raise ConfigError(f'rasteriser: levels of {len(levels)} meshes; {len(meshes)} are needed')
        self.width_px, self.height_px = width_px, height_px
        self.meshes = tuple(meshes)
        groups = [(mesh, *(levels[k] if levels else ())) for k, mesh in enumerate(meshes)]
        resident = [mesh for group in groups for mesh in group]
        for mesh in resident:
            check_mesh(mesh)
        self._levels = [len(group) for group in groups]
        self._first_row = np.concatenate([[0], np.cumsum(self._levels)[:-1]]).astype(np.int64)
        self._cameras = CameraRows()
        self._impl = make(width_px, height_px, len(meshes), resident, threads)

    def render(
        self,
        image: U8 | None,
        camera: CameraModel,
        T_cam_mesh: Sequence[F64],
        styles: Sequence[MeshStyle],
        *,
        look: Look = PLAIN,
        level: Sequence[int] | None = None,
        encoding: str = 'bgr8',
    ) -> RasterResult:
        """Draw every visible mesh in place over the image (H, W, 3) uint8, or over a new black one; poses (4, 4), metres.

        ``level`` picks each mesh's level of detail. Nothing nearer than a millimetre is drawn. Raises DataError (image, mask
        or camera of another size, a visible mesh's pose that is not rigid), ConfigError (styles, look, level, encoding, a
        camera without positive focal lengths), KernelError.
        """
        if encoding not in ENCODINGS:
            raise ConfigError(f'encoding {encoding!r}; valid: {", ".join(ENCODINGS)}')
        self._check_image(image, camera)
        rows = Rows(
            camera=self._cameras.row(camera),
            poses=pose_rows(self.meshes, T_cam_mesh, styles),
            styles=style_rows(self.meshes, styles, encoding),
            look=look_row(look, self.width_px, self.height_px),
            select=self._select(level),
            mask=look.mask,
        )
        target: U8 = np.zeros((self.height_px, self.width_px, 3), np.uint8) if image is None else image
        return RasterResult(target, *self._impl.render(target, rows))

    def _check_image(self, image: U8 | None, camera: CameraModel) -> None:
        own = f'{self.width_px}x{self.height_px}'
        if (camera.width_px, camera.height_px) != (self.width_px, self.height_px):
            raise DataError(f'camera of {camera.width_px}x{camera.height_px} px; the rasteriser was made for {own}')
        if image is None:
            return
        if image.ndim != 3 or image.shape != (self.height_px, self.width_px, 3):
            found = 'x'.join(str(n) for n in (image.shape[1::-1] if image.ndim > 1 else image.shape) + image.shape[2:])
            raise DataError(f'image of {found}; the rasteriser was made for {own}x3 (bgr8, rgb8)')
        if image.dtype != np.uint8:
            raise DataError(f'image of {image.dtype}; uint8 is needed')
        if not image.flags.writeable:
            raise DataError('image is read-only; it is drawn in place')

    def _select(self, level: Sequence[int] | None) -> U32:
        if level is None:
            return self._first_row.astype(np.uint32)
        if len(level) != len(self.meshes):
            raise ConfigError(f'level of {len(level)} meshes; {len(self.meshes)} are needed')
        for picked, count, mesh in zip(level, self._levels, self.meshes, strict=True):
            if not 0 <= picked < count:
                raise ConfigError(f'level {picked} of mesh {mesh.name!r}; 0 to {count - 1} are valid')
        return (self._first_row + np.asarray(level, dtype=np.int64)).astype(np.uint32)


def check_mesh(mesh: Mesh) -> None:
    """Raise DataError for a mesh with wrong shapes, vertices that are not finite, or indices out of range."""
    v, t = np.asarray(mesh.vertices_m), np.asarray(mesh.triangles)
    if v.ndim != 2 or v.shape[1] != 3 or t.ndim != 2 or t.shape[1] != 3:
        raise DataError(f'mesh {mesh.name!r}: vertices {v.shape} and triangles {t.shape}; (V, 3) and (F, 3) are needed')
    if not np.isfinite(v).all() or np.abs(v).max(initial=0.0) > 1e4:
        raise DataError(f'mesh {mesh.name!r}: a vertex is not finite, or farther than 10 km (metres are needed)')
    if t.size and (t.min() < 0 or t.max() >= len(v)):
        bad = t.max() if t.max() >= len(v) else t.min()
        raise DataError(f'mesh {mesh.name!r}: triangle index {bad}; 0 to {len(v) - 1} are valid')


Implementation = WasmRasteriser | ReferenceRasteriser
RASTERISERS: dict[str, Callable[[int, int, int, Sequence[Mesh], int], Implementation]] = {
    'wasm': WasmRasteriser,
    'numpy': ReferenceRasteriser,
}
