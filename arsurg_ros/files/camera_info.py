# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a camera's calibration as ROS camera_info YAML, the format of camera_calibration_parsers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from arsurg_ros.errors import DataError
from arsurg_ros.geometry.camera import coefficients
from arsurg_ros.types import F64, CameraModel


def camera_info(camera: CameraModel, name: str = 'camera', R: F64 | None = None, P: F64 | None = None) -> dict[str, Any]:
    """Return the file's contents; ``R`` (3, 3) and ``P`` (3, 4) are the rectification's, else those of one camera alone."""
    alone = np.concatenate([camera.K, np.zeros((3, 1))], axis=1)
    return {
        'image_width': camera.width_px,
        'image_height': camera.height_px,
        'camera_name': name,
        'camera_matrix': _matrix(camera.K),
        'distortion_model': camera.distortion_model,
        'distortion_coefficients': _matrix(coefficients(camera)[None]),
        'rectification_matrix': _matrix(np.eye(3) if R is None else R),
        'projection_matrix': _matrix(alone if P is None else P),
    }


def _matrix(M: F64) -> dict[str, Any]:
    return {'rows': M.shape[0], 'cols': M.shape[1], 'data': [float(v) for v in M.ravel()]}


def write_camera_info(path: Path, contents: dict[str, Any], comment: str = '') -> None:
    """Write ``camera_info`` to a file, behind one line of comment; raises DataError where it cannot be written."""
    text = yaml.safe_dump(contents, sort_keys=False, default_flow_style=None, width=1000)
    try:
        path.write_text((f'# {comment}\n' if comment else '') + text, encoding='utf-8')
    except OSError as e:
        raise DataError(f'camera_info {path}: {e.strerror}') from e
