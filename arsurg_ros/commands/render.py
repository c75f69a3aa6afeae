# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg render``: one frame of meshes as a camera sees them, without ROS; also the way to try a style."""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from arsurg_ros.commands.camera_options import add_camera_options, read_camera
from arsurg_ros.commands.common import finish, lengths, unit_m
from arsurg_ros.commands.render_answer import Drawn, as_answer, as_text, look
from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.files.images import read_bgr
from arsurg_ros.files.meshes import load_mesh
from arsurg_ros.files.poses import load_poses
from arsurg_ros.files.progress import terminal_progress
from arsurg_ros.files.source import UNITS_M
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.mesh_checks import inspect_mesh, welded
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.raster import Rasteriser
from arsurg_ros.overlay.look import frame_look
from arsurg_ros.overlay.scene import SYNTHETIC, Scene, load_scene, make_scene
from arsurg_ros.overlay.style import ANATOMY, DEFAULT_STYLE, Role, load_style
from arsurg_ros.synthetic import phantom_meshes
from arsurg_ros.types import F32, F64, U8, CameraModel, Mesh

DESCRIPTION = """Draw meshes as a camera at a pose sees them, over a picture or black, as the overlay does.
A picture without anatomy is written too, with the reason, and the exit status is then 1."""
FIELDS = """fields of --json beside the common ones: T = T_cam_ct; width, height, K, distortion, distortion_model; meshes
[{name, role, id, triangles, pixels, place}] (pixels: where it is the nearest, 0 for a margin; place: drawn, hidden, outside,
behind or invisible); triangles; covered_px, covered (part of the picture); depth_min, depth_max in unit, null without anatomy;
kernel_ms (one frame, once its memory is warm); written (files); warnings. With --scene meshes have their own unit, and --units
is that of the pose and the answer."""
NOTHING_DRAWN = 1
#: Option -> the suffixes that it can be written with.
OUTPUTS = {'out': ('.png', '.jpg', '.jpeg'), 'mask': ('.png',), 'ids': ('.png',), 'depth': ('.npy',)}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.description, parser.epilog = DESCRIPTION, FIELDS
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    what = parser.add_argument_group('what is drawn')
    what.add_argument(
        '--mesh', action='append', default=[], metavar='[NAME=]PATH',
        help='.ply .vtk .vtp .stl .obj, or synthetic:liver (tumour, portal_vein, hepatic_vein); can be repeated; its name is '
        "the file's without its suffix",
    )  # fmt: skip
    what.add_argument('--scene', type=Path, metavar='YAML', help='a scene file instead: meshes, roles and styles')
    what.add_argument(
        '--role', action='append', default=[], metavar='NAME=ROLE',
        help=f'what a mesh is: {", ".join(r.value for r in ANATOMY)} (default context); can be repeated',
    )  # fmt: skip
    what.add_argument('--style', type=Path, metavar='YAML', help="a style sheet (default: the scene's, or the built-in one)")
    what.add_argument('--image', type=Path, help='the picture to draw on (default: black)')
    add_camera_options(parser)
    pose = parser.add_argument_group('pose')
    pose.add_argument(
        '--pose', required=True, metavar='T', help="T_cam_ct, from the meshes' frame to the camera's: one 4x4 (.txt .npy .json)"
    )
    pose.add_argument('--invert-pose', action='store_true', help='the file holds T_ct_cam')
    pose.add_argument('--units', choices=tuple(UNITS_M), default='mm', help='of --mesh, the pose and the answer (default mm)')
    out = parser.add_argument_group('answer')
    out.add_argument('--out', required=True, type=Path, metavar='PNG', help='the picture (.png, .jpg)')
    out.add_argument('--mask', type=Path, metavar='PNG', help='255 where there is anatomy, 0 elsewhere')
    out.add_argument('--ids', type=Path, metavar='PNG', help='k where the k-th mesh (from 1) is the nearest, 0 elsewhere')
    out.add_argument('--depth', type=Path, metavar='NPY', help='z in the camera frame, float32 metres, inf where there is none')
    out.add_argument('--json', action='store_true', help='print one JSON object instead of text')
    out.add_argument('--backend', choices=BACKENDS, default='wasm', help='what draws (default wasm)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw, write, print; return 0, or 1 where no anatomy is in the picture. Raises ArsurgError."""
    check_files(args)
    image = None if args.image is None else read_bgr(args.image)
    camera = read_camera(args, None if image is None else (image.shape[1], image.shape[0]))
    T_cam_ct, scene = read_pose(args), read_scene(args)
    drawn = draw(scene, camera, T_cam_ct, image, args.backend)
    shown = [look(a, k + 1, drawn.ids, camera, T_cam_ct) for k, a in enumerate(scene.anatomies)]
    written = write(args, drawn)
    answer = as_answer(camera, T_cam_ct, drawn, shown, scene, lengths(args)) | {'written': written}
    shut = argparse.Namespace(**{**vars(args), 'out': None, 'plot': None})  # --out is the picture here, not the answer
    finish(shut, 'render', 'overlay', answer, as_text(answer, args))
    return 0 if answer['covered_px'] else NOTHING_DRAWN


def draw(scene: Scene, camera: CameraModel, T_cam_ct: F64, image: U8 | None, backend: str) -> Drawn:
    """Draw a scene over an image (H, W, 3) bgr8 or black; raises what Rasteriser raises."""
    rasteriser = Rasteriser(camera.width_px, camera.height_px, scene.meshes, backend=backend)
    poses, styles = [T_cam_ct] * len(scene.anatomies), scene.styles_for(camera.height_px)
    look = frame_look(scene, camera, T_cam_ct)
    for _ in range(2 if backend == 'wasm' else 1):  # a first frame's time is that of memory which is touched for the first time
        drawn_on = None if image is None else image.copy()
        began_ns = time.perf_counter_ns()
        result = rasteriser.render(drawn_on, camera, poses, styles, look=look)
        ms = (time.perf_counter_ns() - began_ns) / 1e6
    return Drawn(np.array(result.image), np.array(result.depth_m), np.array(result.ids), ms)


def check_files(args: argparse.Namespace) -> None:
    """Raise ConfigError for an output that could not be written, before anything is read."""
    for name, valid in OUTPUTS.items():
        path: Path | None = getattr(args, name)
        if path is None:
            continue
        if path.suffix.lower() not in valid:
            raise ConfigError(f'--{name} {path}: suffix {path.suffix!r}; valid: {", ".join(valid)}')
        if not path.absolute().parent.is_dir():
            raise ConfigError(f'--{name} {path}: there is no folder {path.parent}')


def read_scene(args: argparse.Namespace) -> Scene:
    """Return what ``--scene``, or ``--mesh`` and ``--role``, describe; raises ConfigError, DataError."""
    if bool(args.mesh) == bool(args.scene):
        raise ConfigError(f'--mesh, --scene: {"both" if args.mesh else "neither"} given; one of them is needed')
    sheet = None if args.style is None else load_style(args.style)
    if args.scene is not None:
        if args.role:
            raise ConfigError(f'--role {args.role[0]}: the scene file says the roles')
        return load_scene(args.scene, progress=terminal_progress(), sheet=sheet)
    meshes = [read_mesh(text, args.units) for text in args.mesh]
    names = [m.name for m in meshes]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f'--mesh: {name!r} is there more than once: --mesh NAME=PATH gives another name')
    scene = make_scene({m.name: welded(m) for m in meshes}, read_roles(args.role, names), sheet or DEFAULT_STYLE)
    return replace(scene, warnings=tuple(line for m in meshes for line in inspect_mesh(m).warnings()))


def read_mesh(text: str, unit: str) -> Mesh:
    """Return the mesh of ``PATH`` or ``NAME=PATH``; a path that exists with the ``=`` in it is taken whole."""
    name, found, path = text.partition('=')
    if not found or Path(text).exists():
        name, path = '', text
    if not path.startswith(SYNTHETIC):
        return load_mesh(path, unit=unit, name=name or None)
    meshes = {SYNTHETIC + m.name: m for m in phantom_meshes()}
    if path not in meshes:
        raise ConfigError(f'--mesh {path!r}; valid: {", ".join(meshes)}')
    mesh = meshes[path]
    return Mesh(name or mesh.name, mesh.vertices_m, mesh.triangles)


def read_roles(texts: list[str], names: list[str]) -> dict[str, Role]:
    """Return the roles of ``NAME=ROLE``; raises ConfigError for a mesh that is not there or no such role."""
    roles = {}
    for text in texts:
        name, _, role = text.rpartition('=')
        if name not in names:
            raise ConfigError(f'--role {text}: mesh {name!r}; valid: NAME=ROLE with {", ".join(names)}')
        if role not in [r.value for r in ANATOMY]:
            raise ConfigError(f'--role {text}: role {role!r}; valid: {", ".join(r.value for r in ANATOMY)}')
        roles[name] = Role(role)
    return roles


def read_pose(args: argparse.Namespace) -> F64:
    """Return T_cam_ct (4, 4), metres; raises ConfigError where the file holds another number of poses, and as load_poses."""
    found = load_poses(args.pose, unit_m(args))
    if len(found.T) != 1:
        raise ConfigError(f'--pose {args.pose}: {len(found.T)} poses; one 4x4 is needed')
    T: F64 = found.T[0]
    return se3.inverse(T) if args.invert_pose else T


def write(args: argparse.Namespace, drawn: Drawn) -> list[str]:
    """Write the files that were asked for and return their names; raises DataError where one cannot be written."""
    contents: dict[str, Callable[[], bytes]] = {
        'out': lambda: _encoded(args.out, drawn.image),
        'mask': lambda: _encoded(args.mask, np.where(drawn.ids > 0, 255, 0).astype(np.uint8)),
        'ids': lambda: _encoded(args.ids, drawn.ids),
        'depth': lambda: _npy(drawn.depth_m),
    }
    written = []
    for name, content in contents.items():
        path: Path | None = getattr(args, name)
        if path is None:
            continue
        try:
            path.write_bytes(content())
        except OSError as e:
            raise DataError(f'--{name} {path}: {e.strerror}') from e
        written.append(str(path))
    return written


def _encoded(path: Path, image: U8) -> bytes:
    return bytes(cv2.imencode(path.suffix.lower(), image)[1])


def _npy(values: F32) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    return stream.getvalue()
