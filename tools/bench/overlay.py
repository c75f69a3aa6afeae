# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The overlay's rasteriser against VTK off screen: a translucent organ with its silhouettes over a frame, and back in numpy.

Both get a new frame and a new pose every time, and end with the picture as a numpy array. The peer draws the frame as a
background texture, the organ translucent with back faces culled (ours draws the nearest surface alone), its silhouettes by
vtkPolyDataSilhouette, two pixels wide; once with depth peeling, which is right for any mesh, and once with plain blending.
Its software renderer may use every core; ours uses one thread, or two where it says so. Ours draws into the frame itself;
frames take turns, so that none is warm in the cache. What the kernel costs is compared with the same module built natively
(bench/native.py), without copies.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model
from arsurg_ros.kernels.host import Kernel
from arsurg_ros.kernels.raster import Rasteriser
from arsurg_ros.synthetic.organ import organ
from arsurg_ros.types import F64, U8, CameraModel, Mesh, MeshStyle
from bench.native import Native, build
from bench.timing import Entry, alternate, in_turn

HD, UHD = (1920, 1080), (3840, 2160)
TRIANGLES = (1000, 5000, 20_000, 80_000)
COVERED = (0.05, 0.25, 0.60)
STYLE = MeshStyle((240, 228, 66), fill=0.35, outline=1.0)
POSES, FRAMES = 16, 4
MOST_OF_VTK, MOST_MS, MOST_OF_HD, MOST_OF_NATIVE = 0.1, 6.0, 4.0, 1.4


@dataclass(frozen=True)
class Scene:
    """One organ, a camera and poses of a small motion, with the mean part of the picture that it covers."""

    mesh: Mesh
    camera: CameraModel
    poses: list[F64]
    covered: float

    @property
    def text(self) -> str:
        """Return what it is."""
        size = f'{self.camera.width_px}x{self.camera.height_px}'
        return f'{size}, {len(self.mesh.triangles)} triangles, {100 * self.covered:.0f} % covered'


def make_mesh(triangles: int) -> Mesh:
    """Return a closed organ of at least this many triangles, without symmetry, 0.2 m across."""
    n = int(np.ceil((1 + np.sqrt(1 + triangles)) / 2))
    vertices, faces = organ(n)
    return Mesh('organ', vertices.astype(np.float32), faces.astype(np.uint32))


@functools.cache
def make_scene(triangles: int, covered: float, size: tuple[int, int]) -> Scene:
    """Return a scene whose organ covers a part of the picture, found by moving it along the axis."""
    mesh, (width, height) = make_mesh(triangles), size
    K = np.array([[1.1 * width, 0, 0.5 * width], [0, 1.1 * width, 0.5 * height], [0, 0, 1]])
    camera = camera_model(width, height, K, np.array([-0.1, 0.03, 0.0005, -0.0005, 0.0]))
    small = camera_model(width // 8, height // 8, np.diag([0.125, 0.125, 1.0]) @ K, camera.distortion)
    rasteriser = Rasteriser(small.width_px, small.height_px, [mesh])

    def part(T: F64) -> float:
        return float((rasteriser.render(None, small, [T], [STYLE]).ids > 0).mean())

    near, far = 0.15, 3.0
    for _ in range(24):
        z = np.sqrt(near * far)
        near, far = (z, far) if part(motion(z)[0]) > covered else (near, z)
    poses = motion(float(np.sqrt(near * far)))
    return Scene(mesh, camera, poses, float(np.mean([part(T) for T in poses])))


def motion(z_m: float) -> list[F64]:
    """Return poses that swing by some degrees."""
    turns = 2 * np.pi * np.arange(POSES) / POSES
    return [se3.compose(se3.from_rotvec([0.4 + 0.05 * np.sin(a), 0.1 * np.cos(a), 0.2]), [0, 0, z_m]) for a in turns]


@functools.cache
def frames(size: tuple[int, int]) -> list[U8]:
    """Return tissue-like frames (H, W, 3) bgr8, the same ones for all."""
    v, u = np.mgrid[: size[1], : size[0]]
    red = 150 + 30 * np.sin(u / 90.0) * np.cos(v / 70.0)
    return [np.stack([0.45 * red + k, 0.5 * red, red], axis=2).astype(np.uint8) for k in range(FRAMES)]


def ours(scene: Scene, threads: int = 1) -> tuple[Callable[[], Any], Rasteriser]:
    """Return a call that draws the next pose over the next frame, in place, and what it draws with."""
    camera, pictures = scene.camera, itertools.cycle(frames((scene.camera.width_px, scene.camera.height_px)))
    rasteriser = Rasteriser(camera.width_px, camera.height_px, [scene.mesh], threads=threads)
    poses = itertools.cycle(scene.poses)

    def draw() -> U8:
        image = next(pictures)
        drawn = rasteriser.render(image, camera, [next(poses)], [STYLE]).image
        if drawn is not image:
            np.copyto(image, drawn)
        return image

    return draw, rasteriser


def peer(scene: Scene, peeling: bool) -> Callable[[], Any]:
    """Return the same of VTK."""
    from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersHybrid import vtkPolyDataSilhouette
    from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer, vtkTexture

    from bench.vtk_scene import as_polydata, offscreen_window, place, support

    width, height = scene.camera.width_px, scene.camera.height_px
    window, renderer = offscreen_window(), vtkRenderer()
    window.SetSize(width, height)
    window.SetAlphaBitPlanes(1)
    window.AddRenderer(renderer)
    renderer.SetUseDepthPeeling(peeling)
    renderer.SetMaximumNumberOfPeels(8)
    renderer.SetOcclusionRatio(0.0)
    picture, texture, pixels = vtkImageData(), vtkTexture(), vtkUnsignedCharArray()
    picture.SetDimensions(width, height, 1)
    texture.SetInputData(picture)
    renderer.SetBackgroundTexture(texture)
    renderer.SetTexturedBackground(True)
    data, silhouette = as_polydata(scene.mesh), vtkPolyDataSilhouette()
    silhouette.SetInputData(data)
    silhouette.SetCamera(renderer.GetActiveCamera())
    silhouette.SetEnableFeatureAngle(0)
    for source, alpha in ((None, STYLE.fill), (silhouette, STYLE.outline)):
        mapper, actor = vtkPolyDataMapper(), vtkActor()
        if source is None:
            mapper.SetInputData(data)
        else:
            mapper.SetInputConnection(source.GetOutputPort())
        actor.SetMapper(mapper)
        look = actor.GetProperty()
        look.SetColor(*(c / 255 for c in STYLE.rgb))
        look.SetOpacity(alpha)
        look.SetBackfaceCulling(source is None)
        look.SetLineWidth(2)
        renderer.AddActor(actor)
    shown, poses = itertools.cycle(frames((width, height))), itertools.cycle(scene.poses)
    keep: list[Any] = []

    def draw() -> U8:
        keep[:] = [np.ascontiguousarray(next(shown)[::-1, :, ::-1])]
        picture.GetPointData().SetScalars(support.numpy_to_vtk(keep[0].reshape(-1, 3)))
        picture.Modified()
        place(renderer.GetActiveCamera(), next(poses), scene.camera.K, width, height)
        window.Render()
        window.GetPixelData(0, 0, width - 1, height - 1, 1, pixels, 0)
        rgb = support.vtk_to_numpy(pixels).reshape(height, width, 3)
        return np.ascontiguousarray(rgb[::-1, :, ::-1], dtype=np.uint8)

    return draw


def instance(rasteriser: Rasteriser) -> Kernel:
    """Return the kernel of a rasteriser on this thread, with the meshes and the last frame in it."""
    implementation: Any = rasteriser._impl
    kernel: Kernel = implementation._kernels[0].get(*implementation._capacities)
    return kernel


def against_native(scene: Scene, count: int) -> list[Entry]:
    """Return a row of the kernel alone against its native build; none, and says so, where there is no Rust."""
    library = build('overlay')
    if library is None:
        print('overlay kernel against native: not measured: no Rust')
        return []
    draw, rasteriser = ours(scene)
    draw()
    kernel = instance(rasteriser)
    native = Native(library, kernel)
    frame = [name for name in kernel.layout.exports if name != 'prepare']

    def draw_once(side: Kernel | Native) -> list[int]:
        return [side.call(name) for name in frame]

    both = [functools.partial(draw_once, side) for side in (kernel, native)]
    assert [call() for call in both] == [[0] * len(frame)] * 2
    differing = {n: float((native.blocks[n] != kernel.blocks[n]).sum()) for n in ('image', 'depth', 'ids')}
    found = in_turn(both, count)
    errors = {f'{name}_differs': number for name, number in differing.items()}
    return [Entry(f'overlay kernel alone, {scene.text}', found[0], 'native Rust', found[1], 'ratio', MOST_OF_NATIVE, errors)]


def against_vtk(scene: Scene, draw: Callable[[], Any], count: int) -> list[Entry]:
    """Return the rows against VTK; none, and says so, where it cannot draw."""
    rows = []
    for name, peeling, limit in (('VTK, depth peeling', True, MOST_OF_VTK), ('VTK, plain blending', False, None)):
        try:
            theirs = peer(scene, peeling)
        except RuntimeError as e:
            print(f'overlay against {name}: not measured: {e}')
            continue
        found = alternate(draw, theirs, count, warm=3)
        rows.append(Entry(f'overlay, {scene.text}', found[0], name, found[1], 'ratio', limit, {}))
    return rows


def run(calls: int) -> list[Entry]:
    """Return the rows: against VTK, 1080p itself, 4K against 1080p, against native."""
    count, scene = min(max(calls // 20, 20), 100), make_scene(20_000, 0.25, HD)
    draw, _ = ours(scene)
    rows = against_vtk(scene, draw, max(count // 2, 15))
    large = make_scene(20_000, 0.25, UHD)
    found = alternate(ours(large)[0], draw, count)
    assert found[1] is not None
    two = alternate(ours(scene, threads=2)[0], draw, count)
    rows.append(Entry(f'overlay on two threads, {scene.text}', two[0], 'ours on one', two[1], 'p50_ms', MOST_MS, {}))
    rows.append(Entry(f'overlay, {large.text}', found[0], 'ours at 1080p', found[1], 'ratio', MOST_OF_HD, {}))
    return rows + against_native(scene, count)


def grow(calls: int) -> dict[str, dict[str, list[float]]]:
    """Return the cost over triangles, for each part of a 1080p picture that is covered."""
    return {f'overlay, {100 * covered:.0f} % of 1080p': cost(covered, max(5, calls)) for covered in COVERED}


def cost(covered: float, calls: int) -> dict[str, list[float]]:
    """Return triangles, p50, and the exponent from the smallest to the largest."""
    scenes = [make_scene(n, covered, HD) for n in TRIANGLES]
    found = in_turn([ours(scene)[0] for scene in scenes], calls, warm=3)
    n, p50 = [float(len(s.mesh.triangles)) for s in scenes], [t.p50_ms for t in found]
    return {'n': n, 'p50_ms': p50, 'exponent': [float(np.polyfit(np.log(n), np.log(p50), 1)[0])]}
