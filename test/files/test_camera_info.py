# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from arsurg_ros.acquisition.calibration import load_camera_model
from arsurg_ros.errors import DataError
from arsurg_ros.files.camera_info import camera_info, write_camera_info
from arsurg_ros.geometry.camera import camera_model

K = np.array([[600.1, 0, 320.2], [0, 601.3, 239.4], [0, 0, 1]])
CAMERA = camera_model(640, 480, K, np.array([-0.1, 0.2, 1e-3, -2e-3, 0.3]))


def test_what_is_written_is_read_exactly(tmp_path: Path) -> None:
    file = tmp_path / 'camera.yaml'
    write_camera_info(file, camera_info(CAMERA), 'by a test')
    found = load_camera_model(file, 640, 480)
    np.testing.assert_array_equal(found.K, CAMERA.K)
    np.testing.assert_array_equal(found.distortion, CAMERA.distortion)
    assert file.read_text().startswith('# by a test\nimage_width: 640\n')


def test_it_has_every_key_of_camera_calibration_parsers() -> None:
    R, P = np.diag([1.0, -1.0, -1.0]), np.arange(12.0).reshape(3, 4)
    found = yaml.safe_load(yaml.safe_dump(camera_info(CAMERA, 'left', R, P)))
    assert list(found) == sorted([
        'image_width', 'image_height', 'camera_name', 'camera_matrix', 'distortion_model', 'distortion_coefficients',
        'rectification_matrix', 'projection_matrix',
    ])
    assert found['camera_name'] == 'left'
    assert found['distortion_model'] == 'plumb_bob'
    shapes = {k: (v['rows'], v['cols'], len(v['data'])) for k, v in found.items() if isinstance(v, dict)}
    assert shapes == {
        'camera_matrix': (3, 3, 9), 'distortion_coefficients': (1, 5, 5), 'rectification_matrix': (3, 3, 9),
        'projection_matrix': (3, 4, 12),
    }
    assert found['rectification_matrix']['data'] == R.ravel().tolist()
    assert found['projection_matrix']['data'] == P.ravel().tolist()
    assert camera_info(CAMERA)['projection_matrix']['data'][:4] == [600.1, 0.0, 320.2, 0.0]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'camera_info .*No such file'):
        write_camera_info(tmp_path / 'none' / 'camera.yaml', camera_info(CAMERA))
