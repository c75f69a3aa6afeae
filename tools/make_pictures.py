#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Make the overlay's pictures in docs/ anew: the demo's scene over the synthetic camera's picture, by `arsurg render`.

Every command is printed; nothing else draws. The synthetic world knows where all is, so the poses are the true ones.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from arsurg_ros.cli import main as arsurg  # noqa: E402
from arsurg_ros.geometry import se3  # noqa: E402
from arsurg_ros.synthetic import Scene, render_frame  # noqa: E402
from arsurg_ros.types import F64, U8  # noqa: E402

SCENE = ROOT / 'config/demo/scene.yaml'
#: Width, height and focal length, px; seconds into the scene: when the tip is over the vessels, and over the tumour.
Moment = tuple[int, int, float, float]
LIVE: Moment = (1280, 720, 1500.0, 16.5)
WINDOW: Moment = (1280, 720, 1800.0, 16.2)
TILE: Moment = (640, 360, 750.0, 16.5)
TOLD = ['--margin', 'tumour=1.3', '--margin', 'portal_vein=1.1']
AGE = ['--age-ms', '31']
#: Every state but live -> what is told of it.
STATES = {
    'predicted': ['--age-ms', '47'],
    'drift': [*AGE, '--reason', 'xiphoid: 4.1 mm off'],
    'stale': ['--reason', 'pose 230 ms old'],
    'lost': ['--reason', 'no marker of the reference is seen'],
    'unregistered': ['--reason', 'no registration'],
    'refused': ['--reason', 'FRE 8.2 mm, limit 3.0 mm'],
}
GAP_PX, PAPER = 8, 255
#: Thin coloured lines need their colour at every pixel.
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 80, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]


class Taken:
    """A moment of the synthetic operating room as files: the camera's picture and K, the anatomy's and the tip's pose."""

    def __init__(self, folder: Path, moment: Moment) -> None:
        """Write them into a folder that is there; lengths in millimetres."""
        width, height, focal_px, at_s = moment
        scene = Scene(width_px=width, height_px=height, focal_px=focal_px, noise_grey=0.0)
        self.folder = folder
        cv2.imwrite(str(folder / 'frame.png'), render_frame(scene, at_s))
        np.savetxt(folder / 'K.txt', scene.camera.K)
        T_tool_tip = se3.compose(np.eye(3), scene.p_tool_tip)
        self._write('T_cam_ct', scene.T_cam_ref(at_s) @ scene.T_ref_ct)
        self._write('T_cam_tip', scene.T_cam_tool(at_s) @ T_tool_tip)

    def _write(self, name: str, T: F64) -> None:
        in_mm = np.array(T)
        in_mm[:3, 3] *= 1e3
        np.savetxt(self.folder / f'{name}.txt', in_mm)

    def render(self, *more: str) -> U8:
        """Return the picture that the command draws."""
        out, files = self.folder / 'out.png', {'image': 'frame.png', 'intrinsics': 'K.txt', 'pose': 'T_cam_ct.txt'}
        files |= {'tip': 'T_cam_tip.txt', 'out': out.name}
        places = [w for option, name in files.items() for w in (f'--{option}', str(self.folder / name))]
        words = ['render', '--scene', str(SCENE), *places, *more]
        print('arsurg', shlex.join(words))
        if status := arsurg(words):
            raise SystemExit(f'arsurg render: exit status {status}')
        picture = cv2.imread(str(out))
        assert picture is not None
        return np.asarray(picture, dtype=np.uint8)


def sheet(tiles: Sequence[U8], columns: int) -> U8:
    """Return pictures of one size in a grid."""
    h, w = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    out = np.full((rows * (h + GAP_PX) - GAP_PX, columns * (w + GAP_PX) - GAP_PX, 3), PAPER, np.uint8)
    for k, tile in enumerate(tiles):
        row, column = divmod(k, columns)
        y, x = row * (h + GAP_PX), column * (w + GAP_PX)
        out[y : y + h, x : x + w] = tile
    return out


def main(words: Sequence[str] | None = None) -> int:
    """Make the pictures and return 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('--out', type=Path, default=ROOT / 'docs', metavar='FOLDER', help='default docs/')
    folder = parser.parse_args(words).out
    with tempfile.TemporaryDirectory() as temporary:
        live, window, tile = (_taken(Path(temporary) / str(k), m) for k, m in enumerate((LIVE, WINDOW, TILE)))
        pictures = {
            'overlay': live.render(*TOLD, *AGE),
            'overlay_window': window.render(*TOLD, *AGE, '--window', 'tip'),
            'overlay_states': sheet([tile.render('--state', state, *TOLD, *told) for state, told in STATES.items()], 2),
        }
    for name, picture in pictures.items():
        cv2.imwrite(str(folder / f'{name}.jpg'), picture, JPEG)
    return 0


def _taken(folder: Path, moment: Moment) -> Taken:
    folder.mkdir()
    return Taken(folder, moment)


if __name__ == '__main__':
    raise SystemExit(main())
