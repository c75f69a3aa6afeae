# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Translucent meshes over a camera image, with depth and ids: the rules are in wasm/overlay/src/lib.rs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.geometry.se3 import is_rigid
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.field import field_radius
from arsurg_ros.kernels.host import Kernel, PerThread
from arsurg_ros.kernels.layouts import OVERLAY
from arsurg_ros.kernels.reference_raster import ReferenceRasteriser
from arsurg_ros.types import F32, F64, U8, CameraModel, Look, Mesh, MeshStyle

MOST_MESHES = 254
PLAIN = Look()


@dataclass(frozen=True)
class RasterResult:
    """The caller's ``image`` (H, W, 3) uint8, drawn in place within ``region`` (x0, y0, x1, y1), or a new one.

    The rest are views into the rasteriser's memory, valid until its next render: copy what must last. ``depth_m`` (H, W)
    float32, z in the camera frame, inf where no mesh is; ``ids`` (H, W) uint8, 0 where no mesh is, k + 1 where mesh k is
    the nearest.
    """

    image: U8
    depth_m: F32
    ids: U8
    region: tuple[int, int, int, int]


class Rasteriser:
    """Draws a fixed set of meshes, resident in the kernel, at one image size.

    A mesh's nearest surface is shaded by a headlight (|n . v|) and blended with ``style.fill``; over that, a line of
    two pixels inside its silhouette, and where its depth steps by 2 % or more, with ``style.outline``. Meshes are drawn
    in the order of their nearest vertex, farthest first. The two backends agree but for single pixels where two
    surfaces are as deep to 1e-6: ids elsewhere equal, depth to 1e-5 of itself, colours within 2.
    """

    def __init__(
        self,
        width_px: int,
        height_px: int,
        meshes: Sequence[Mesh],
        *,
        levels: Sequence[Sequence[Mesh]] | None = None,
        backend: str = 'wasm',
    ) -> None:
        """Check and upload the meshes; raises ConfigError (size, number, backend), DataError (a mesh), KernelError."""
        make = pick(backend, RASTERISERS)
        if not (1 <= width_px <= 16384 and 1 <= height_px <= 16384):
            raise ConfigError(f'rasteriser: size {width_px}x{height_px}; 1 to 16384 px each way are valid')
        if len(meshes) > MOST_MESHES:
            raise ConfigError(f'rasteriser: {len(meshes)} meshes; at most {MOST_MESHES} are valid')
        for mesh in meshes:
            check_mesh(mesh)
        self.width_px, self.height_px = width_px, height_px
        self.meshes = tuple(meshes)
        self._field: tuple[bytes, float] = (b'', 0.0)
        self._impl = make(width_px, height_px, self.meshes)

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
        """Draw every visible mesh in place over the image (H, W, 3) uint8, or over black; poses are (4, 4), metres.

        Nothing nearer than a millimetre is drawn. Raises DataError (image or camera of another size, a visible mesh's
        pose that is not rigid), ConfigError (styles, a camera without positive focal lengths), KernelError.
        """
        self._check_image(image, camera)
        poses, colours = self._pose_rows(T_cam_mesh, styles), self._style_rows(styles)
        if encoding == 'rgb8':
            colours[:, :3] = colours[:, 2::-1]
        drawn, depth, ids = self._impl.render(image, self._camera_row(camera), poses, colours)
        if image is None:
            image = drawn.copy()
        else:
            np.copyto(image, drawn)
        return RasterResult(image, depth, ids, (0, 0, self.width_px, self.height_px))

    def _check_image(self, image: U8 | None, camera: CameraModel) -> None:
        own = f'{self.width_px}x{self.height_px}'
        if (camera.width_px, camera.height_px) != (self.width_px, self.height_px):
            raise DataError(f'camera of {camera.width_px}x{camera.height_px} px; the rasteriser was made for {own}')
        if image is None:
            return
        if image.ndim != 3 or image.shape != (self.height_px, self.width_px, 3):
            found = 'x'.join(str(n) for n in (image.shape[1::-1] if image.ndim > 1 else image.shape) + image.shape[2:])
            raise DataError(f'image of {found}; the rasteriser was made for {own}x3 (bgr)')
        if image.dtype != np.uint8:
            raise DataError(f'image of {image.dtype}; uint8 is needed')

    def _pose_rows(self, T_cam_mesh: Sequence[F64], styles: Sequence[MeshStyle]) -> F64:
        n = len(self.meshes)
        if len(T_cam_mesh) != n or len(styles) != n:
            raise DataError(f'{len(T_cam_mesh)} poses and {len(styles)} styles for {n} meshes')
        rows = np.tile(np.eye(4), (n, 1, 1))
        for k, (T, style, mesh) in enumerate(zip(T_cam_mesh, styles, self.meshes, strict=True)):
            if not style.visible:
                continue  # never read by the kernel
            if not is_rigid(T):
                raise DataError(f'T_cam_mesh of mesh {mesh.name!r} is not a finite rigid transform (4, 4)')
            rows[k] = T
        return np.ascontiguousarray(rows[:, :3])

    def _style_rows(self, styles: Sequence[MeshStyle]) -> F32:
        rows = np.zeros((len(styles), 8), np.float32)
        for row, style, mesh in zip(rows, styles, self.meshes, strict=True):
            rgb = np.asarray(style.rgb, dtype=np.float64)
            if rgb.shape != (3,) or not ((rgb >= 0) & (rgb <= 255)).all():
                raise ConfigError(f'style of mesh {mesh.name!r}: rgb {style.rgb}; three numbers 0 to 255 are valid')
            for field in ('fill', 'outline'):
                value = getattr(style, field)
                if not 0.0 <= value <= 1.0:
                    raise ConfigError(f'style of mesh {mesh.name!r}: {field} {value}; 0 to 1 is valid')
            row[:6] = (*rgb, style.fill, style.outline, style.visible)
        return rows

    def _camera_row(self, camera: CameraModel) -> F64:
        K = np.asarray(camera.K, dtype=np.float64)
        row = np.array([K[0, 0], K[0, 1], K[0, 2], K[1, 1], K[1, 2], *camera.distortion])
        if not np.isfinite(row).all() or K[0, 0] <= 0 or K[1, 1] <= 0:
            raise ConfigError(f'camera: fx {K[0, 0]}, fy {K[1, 1]}: finite intrinsics and fx, fy above 0 are needed')
        key = row.tobytes()
        if self._field[0] != key:
            self._field = (key, field_radius(row, self.width_px, self.height_px))
        return np.array([*row, self._field[1]])


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


class WasmRasteriser:
    """The kernel's side: one instance a thread, each with the meshes in its memory."""

    def __init__(self, width_px: int, height_px: int, meshes: Sequence[Mesh]) -> None:
        self._shape = (height_px, width_px)
        self._meshes = meshes
        vertices = sum(len(m.vertices_m) for m in meshes)
        triangles = sum(len(m.triangles) for m in meshes)
        self._capacities = (width_px, height_px, max(vertices, 1), max(triangles, 1), max(len(meshes), 1))
        self._kernels = PerThread(OVERLAY, prepare=self._upload)
        self._kernels.get(*self._capacities)

    def _upload(self, kernel: Kernel) -> None:
        blocks, v, t = kernel.blocks, 0, 0
        for k, mesh in enumerate(self._meshes):
            nv, nt = len(mesh.vertices_m), len(mesh.triangles)
            blocks['table'][4 * k : 4 * k + 4] = v, nv, t, nt
            blocks['vertices'][3 * v : 3 * (v + nv)] = mesh.vertices_m.ravel()
            blocks['triangles'][3 * t : 3 * (t + nt)] = mesh.triangles.ravel()
            v, t = v + nv, t + nt
        blocks['state'][4] = len(self._meshes)
        kernel.call('prepare')

    def render(self, image: U8 | None, camera: F64, poses: F64, styles: F32) -> tuple[U8, F32, U8]:
        """Draw; camera (11,), poses (n, 3, 4), styles (n, 8) as in the kernel's arena."""
        kernel = self._kernels.get(*self._capacities)
        blocks, shape = kernel.blocks, self._shape
        frame: U8 = blocks['image'].reshape(*shape, 3)
        if image is None:
            frame[:] = 0
        else:
            np.copyto(frame, image)
        for name, values in (('camera', camera), ('poses', poses), ('styles', styles)):
            blocks[name][: values.size] = values.ravel()
        kernel.call('render')
        return frame, blocks['depth'].reshape(shape), blocks['ids'].reshape(shape)


Implementation = WasmRasteriser | ReferenceRasteriser
RASTERISERS: dict[str, Callable[[int, int, Sequence[Mesh]], Implementation]] = {
    'wasm': WasmRasteriser,
    'numpy': ReferenceRasteriser,
}
