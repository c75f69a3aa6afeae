# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The options that say which camera it is, and what they mean together."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from arsurg_ros.acquisition.calibration import calibrated_size, load_camera_model
from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.files.answers import load_answer
from arsurg_ros.files.source import parse_source, read_text, require_whole
from arsurg_ros.geometry.camera import DISTORTION_MODELS, camera_model
from arsurg_ros.types import F64, CameraModel

#: Where a pixel's coordinates count from -> what is added to a principal point to have OpenCV's.
PIXEL_ORIGINS = {'centre': 0.0, 'corner': -0.5}
Size = tuple[int, int]


def size(text: str) -> Size:
    """Return width and height of ``WxH``, for argparse; its ArgumentTypeError says what is needed."""
    width, _, height = text.lower().partition('x')
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f'{text!r}: WIDTHxHEIGHT in pixels is needed, as 1920x1080')
    return int(width), int(height)


def add_camera_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``read_camera`` reads."""
    group = parser.add_argument_group('camera')
    group.add_argument(
        '--intrinsics', required=True, metavar='K',
        help='a text with the 3 rows of K (a fourth: distortion), ROS camera_info YAML, or the JSON of calibrate camera '
        '(FILE#right: the right camera of a pair); the last two know size and distortion too',
    )  # fmt: skip
    group.add_argument('--distortion', type=Path, metavar='D', help='a text with k1 k2 p1 p2 [k3] (default: no distortion)')
    group.add_argument(
        '--model', choices=tuple(DISTORTION_MODELS), help='of --distortion (default plumb_bob; equidistant: k1 k2 k3 k4)'
    )
    group.add_argument('--size', type=size, metavar='WxH', help='of the picture, px (default: that of --image or --intrinsics)')
    group.add_argument(
        '--pixel-origin', choices=tuple(PIXEL_ORIGINS), default='centre',
        help="from where K's cx, cy count: the top left pixel's centre (OpenCV, ROS; default) or its corner (VTK, "
        'scikit-surgery); the two differ by half a pixel',
    )  # fmt: skip


def read_camera(args: argparse.Namespace, picture: Size | None) -> CameraModel:
    """Return the camera that the options describe; ``picture`` is the size of the image to draw on, if there is one.

    Raises ConfigError where options contradict one another or no size is known, DataError and RegistrationError for files.
    """
    if args.size and picture and args.size != picture:
        raise ConfigError(f'--size {_text(args.size)}: --image is {_text(picture)}')
    camera = _calibrated(args.intrinsics, picture or args.size)
    camera = _distorted(camera, args.distortion, args.model)
    K = np.array(camera.K)
    K[:2, 2] += PIXEL_ORIGINS[args.pixel_origin]
    return replace(camera, K=K)


def _calibrated(source: str, wanted: Size | None) -> CameraModel:
    found = parse_source(source)
    if found.path.suffix.lower() == '.json':
        return _sized(_of_answer(found.path, found.name), wanted, f'--intrinsics {source}')
    require_whole(found, '--intrinsics')
    size = wanted or calibrated_size(found.path)
    if size is None:
        raise ConfigError(f'--size: needed, as {source} holds none and there is no --image')
    return load_camera_model(found.path, *size)


def _of_answer(path: Path, side: str) -> CameraModel:
    answer = load_answer(path, 'calibrate camera')
    if side not in ('', 'left', 'right'):
        raise ConfigError(f'--intrinsics {path}#{side}: valid: #left, #right')
    if side == 'right':
        answer = replace(answer, fields=answer.field('right'))
    width, height = (int(answer.numbers(name)) for name in ('image_width', 'image_height'))
    return camera_model(width, height, answer.numbers('K', (3, 3)), answer.numbers('distortion', (5,)))


def _sized(camera: CameraModel, wanted: Size | None, where: str) -> CameraModel:
    own = camera.width_px, camera.height_px
    if wanted and wanted != own:
        raise DataError(f'{where}: it is for {_text(own)} images, these are {_text(wanted)}')
    return camera


def _distorted(camera: CameraModel, path: Path | None, model: str | None) -> CameraModel:
    if path is None:
        if model:
            raise ConfigError(f'--model {model}: of which coefficients? --distortion is not given')
        return camera
    if np.any(camera.distortion):
        raise ConfigError(f'--distortion {path}: --intrinsics has distortion already: give one of them')
    try:
        return camera_model(camera.width_px, camera.height_px, camera.K, _coefficients(path), model or 'plumb_bob')
    except ConfigError as e:
        raise DataError(f'--distortion {path}: {e}') from e


def _coefficients(path: Path) -> F64:
    lines = [line for line in read_text(path).splitlines() if not line.lstrip().startswith('#')]
    try:
        values = np.array([float(v) for v in ' '.join(lines).replace(',', ' ').split()])
    except ValueError as e:
        raise DataError(f'--distortion {path}: not a number: {e}') from e
    if not len(values):
        raise DataError(f'--distortion {path}: it holds no numbers')
    return values


def _text(size: Size) -> str:
    return f'{size[0]}x{size[1]}'
