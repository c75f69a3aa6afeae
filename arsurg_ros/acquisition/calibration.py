# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Calibration files and messages: scikit-surgery text (K, and optionally a fourth row of distortion), ROS camera_info."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.geometry.camera import camera_model
from arsurg_ros.types import CameraModel

MODELS = {'plumb_bob': 'plumb_bob', 'rational_polynomial': 'plumb_bob', '': 'plumb_bob', 'equidistant': 'equidistant'}
HINT = 'a camera_info YAML, or a text file with the 3 rows of K and optionally one row of distortion'


def load_camera_model(path: str | Path, width_px: int, height_px: int) -> CameraModel:
    """Return the camera of a calibration file for images of a size, px.

    Raises ConfigError where no path is given, DataError for a missing or malformed file, NaN, a camera without calibration,
    a distortion model that is neither plumb_bob nor equidistant, or another image size.
    """
    if not str(path):
        raise ConfigError(f'calibration: none given; {HINT} is needed')
    try:
        text = Path(path).read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f'calibration {path}: {getattr(e, "strerror", None) or "not a text file"}') from e
    if Path(path).suffix in ('.yaml', '.yml'):
        return _from_yaml(text, f'calibration {path}', width_px, height_px)
    return _from_text(text, f'calibration {path}', width_px, height_px)


def calibrated_size(path: str | Path) -> tuple[int, int] | None:
    """Return the image size that a camera_info YAML is for, px; None for a text, which knows none, or no such YAML."""
    if Path(path).suffix not in ('.yaml', '.yml'):
        return None
    try:
        data = yaml.safe_load(Path(path).read_text(encoding='utf-8'))
        return int(data['image_width']), int(data['image_height'])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None


def model_from_info(info: Any, where: str) -> CameraModel:
    """Return the camera of a sensor_msgs/CameraInfo message; raises DataError for one that is no calibration."""
    size = int(info.width), int(info.height)
    return _model(where, *size, np.array(info.k), np.array(info.d), str(info.distortion_model))


def _from_text(text: str, where: str, width_px: int, height_px: int) -> CameraModel:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith('#')]
    try:
        rows = [[float(v) for v in line.replace(',', ' ').split()] for line in lines]
    except ValueError as e:
        raise DataError(f'{where}: not a number: {e}; needed is {HINT}') from e
    if len(rows) not in (3, 4) or any(len(r) != 3 for r in rows[:3]):
        raise DataError(f'{where}: {len(rows)} rows of {[len(r) for r in rows]} numbers; needed is {HINT}')
    return _model(where, width_px, height_px, np.array(rows[:3]), np.array(rows[3] if len(rows) == 4 else []), 'plumb_bob')


def _from_yaml(text: str, where: str, width_px: int, height_px: int) -> CameraModel:
    try:
        data = yaml.safe_load(text)
        size = int(data['image_width']), int(data['image_height'])
        K = np.array(data['camera_matrix']['data'], dtype=np.float64)
        d = np.array(data.get('distortion_coefficients', {}).get('data', []), dtype=np.float64)
        kind = str(data.get('distortion_model', 'plumb_bob'))
    except yaml.YAMLError as e:
        raise DataError(f'{where}: not YAML: {" ".join(str(e).split())}') from e
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise DataError(f'{where}: no camera_info YAML (image_width, image_height, camera_matrix: data): {e!r}') from e
    if size != (width_px, height_px):
        raise DataError(f'{where}: it is for {size[0]}x{size[1]} images, these are {width_px}x{height_px}')
    return _model(where, *size, K, d, kind)


def _model(where: str, width_px: int, height_px: int, K: Any, d: Any, kind: str) -> CameraModel:
    model = MODELS.get(kind)
    most = 4 if model == 'equidistant' else 5
    if model is None or (d.size > most and np.any(d[most:] != 0)):
        raise DataError(
            f'{where}: distortion model {kind!r} with {d.size} coefficients: '
            'plumb_bob (k1 k2 p1 p2 k3) or equidistant (k1 k2 k3 k4) is needed'
        )
    if K.size != 9:
        raise DataError(f'{where}: K has {K.size} numbers, 9 needed')
    try:
        return camera_model(width_px, height_px, K.reshape(3, 3), d[:most], model)
    except ConfigError as e:
        raise DataError(f'{where}: {e}') from e
