# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg render``: one frame of meshes as a camera sees them, without ROS; also the way to try a style."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from arsurg_ros.commands.camera_options import add_camera_options, read_camera
from arsurg_ros.commands.common import check_files, finish, lengths
from arsurg_ros.commands.render_answer import Drawn, as_answer, as_text
from arsurg_ros.commands.render_inputs import Asked, read_asked, read_pose, read_scene
from arsurg_ros.errors import DataError, KernelError
from arsurg_ros.files.images import read_bgr
from arsurg_ros.files.source import UNITS_M
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.overlay.modes import FILLS, WINDOWS
from arsurg_ros.overlay.render import OverlayRenderer, RenderedOverlay
from arsurg_ros.overlay.scene import Scene
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.overlay.style import ANATOMY
from arsurg_ros.types import F32, F64, U8, CameraModel

DESCRIPTION = """Draw a scene as a camera at a pose sees it, over a picture or black, exactly as the overlay does.
A picture without anatomy is written too, with the reason, and the exit status is then 1, unless --state asked for it."""
FIELDS = """fields of --json beside the common ones: T = T_cam_ct; width, height, K, distortion, distortion_model; state,
reason; meshes [{name, role, id, triangles, pixels, place}] (pixels: where it is the nearest; place: drawn, hidden, outside,
behind, invisible, or withheld by the state); triangles; covered_px, covered (part of the picture); depth_min, depth_max in
unit, null without anatomy; tip_drawn; distances of the tip [{name, role, distance_mm, inside, closest (in ct), margin95_mm}];
kernel_ms (the rasteriser, one frame, once its memory is warm; null without anatomy); written (files); warnings. With --scene
meshes have their own unit, and --units is that of the poses and the answer."""
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
    _add_overlay(parser)
    add_camera_options(parser)
    pose = parser.add_argument_group('pose')
    pose.add_argument(
        '--pose', required=True, metavar='T', help="T_cam_ct, from the meshes' frame to the camera's: one 4x4 (.txt .npy .json)"
    )
    pose.add_argument('--invert-pose', action='store_true', help='the file holds T_ct_cam')
    pose.add_argument('--units', choices=tuple(UNITS_M), default='mm', help='of --mesh, the poses and the answer (default mm)')
    out = parser.add_argument_group('answer')
    out.add_argument('--out', required=True, type=Path, metavar='PNG', help='the picture (.png, .jpg)')
    out.add_argument('--mask', type=Path, metavar='PNG', help='255 where there is anatomy (not its margins), 0 elsewhere')
    out.add_argument('--ids', type=Path, metavar='PNG', help='k where the k-th mesh (from 1) is the nearest, 0 elsewhere')
    out.add_argument('--depth', type=Path, metavar='NPY', help='z in the camera frame, float32 metres, inf where there is none')
    out.add_argument('--json', action='store_true', help='print one JSON object instead of text')
    out.add_argument('--backend', choices=BACKENDS, default='wasm', help='what draws (default wasm)')
    parser.set_defaults(run=run)


def _add_overlay(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('as the overlay shows it (by default: live, and nothing written)')
    states = [s.value for s in OverlayState]
    group.add_argument('--state', choices=states, default=OverlayState.LIVE.value, help='the state to show (default live)')
    group.add_argument('--reason', default='', metavar='TEXT', help="what the state's banner says below its heading")
    group.add_argument(
        '--tip', action='append', default=[], metavar='[NAME=]T',
        help="T_cam_tip, one 4x4: shows the tip, the scene's instruments in front of all, and the tip's distances; NAME= of an "
        'instrument that has a frame of its own',
    )  # fmt: skip
    group.add_argument(
        '--margin', action='append', default=[], metavar='NAME=MM',
        help="the radius that holds a target's or risk's error 95 times in 100: a shell, and beside its distance",
    )  # fmt: skip
    group.add_argument('--age-ms', type=float, metavar='MS', help='the age of the data, for its badge')
    group.add_argument('--show', action='append', default=[], metavar='NAME', help='show nothing of the scene but these')
    group.add_argument('--hide', action='append', default=[], metavar='NAME', help='hide it; can be repeated, as --show')
    group.add_argument('--fill', choices=FILLS, default='style', help='of the surfaces (default: as the style has it)')
    group.add_argument('--window', choices=WINDOWS, default='scene', help='the see-through one (default: as the scene has it)')


def run(args: argparse.Namespace) -> int:
    """Draw, write, print; return 0, or 1 where anatomy was to be drawn and is not in the picture. Raises ArsurgError."""
    check_files(args, OUTPUTS)
    image = None if args.image is None else read_bgr(args.image)
    camera = read_camera(args, None if image is None else (image.shape[1], image.shape[0]))
    T_cam_ct, scene = read_pose(args), read_scene(args)
    asked = read_asked(args, scene)
    drawn = draw(scene, camera, T_cam_ct, image, asked, args.backend)
    written = write(args, drawn)
    answer = as_answer(camera, T_cam_ct, drawn, asked, scene, lengths(args)) | {'written': written}
    shut = argparse.Namespace(**{**vars(args), 'out': None, 'plot': None})  # --out is the picture here, not the answer
    finish(shut, 'render', 'overlay', answer, as_text(answer, args))
    return 0 if answer['covered_px'] or not asked.state.draws else NOTHING_DRAWN


def draw(scene: Scene, camera: CameraModel, T_cam_ct: F64, image: U8 | None, asked: Asked, backend: str) -> Drawn:
    """Draw a scene over an image (H, W, 3) bgr8 or black.

    Raises KernelError where the overlay would say REFUSED unasked, and what OverlayRenderer raises.
    """
    renderer = OverlayRenderer(scene, camera.width_px, camera.height_px, backend=backend)
    frame = np.zeros((camera.height_px, camera.width_px, 3), np.uint8) if image is None else image
    renderer.view = asked.view
    # a first frame's time is that of memory which is touched for the first time
    for _ in range(1 if backend == 'numpy' else 2):
        out = renderer.render(frame, camera, T_cam_ct, asked.state, asked.readouts)
        _check(out, asked)
    ids = np.zeros(frame.shape[:2], np.uint8) if out.ids is None else out.ids
    depth_m = np.full(frame.shape[:2], np.inf, np.float32) if out.depth_m is None else out.depth_m
    return Drawn(out, depth_m, ids)


def _check(out: RenderedOverlay, asked: Asked) -> None:
    if (out.state, out.reason) != (asked.state, asked.readouts.reason):
        raise KernelError(out.reason)


def write(args: argparse.Namespace, drawn: Drawn) -> list[str]:
    """Write the files that were asked for and return their names; raises DataError where one cannot be written."""
    contents: dict[str, Callable[[], bytes]] = {
        'out': lambda: _encoded(args.out, drawn.overlay.image),
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
