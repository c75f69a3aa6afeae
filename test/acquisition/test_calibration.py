# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arsurg_ros.acquisition.calibration import load_camera_model
from arsurg_ros.errors import ConfigError, DataError

YAML = """image_width: 64
image_height: 48
distortion_model: plumb_bob
camera_matrix: {rows: 3, cols: 3, data: [100, 0, 31, 0, 101, 23, 0, 0, 1]}
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, 0.2, 0.3, 0.4, 0.5]}
"""


def write(folder: Path, text: str, name: str = 'c.txt') -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_text_of_three_rows_has_no_distortion(tmp_path: Path) -> None:
    m = load_camera_model(write(tmp_path, '# K\n100, 0, 31\n0 101 23\n\n0 0 1\n'), 64, 48)
    np.testing.assert_array_equal(m.K, [[100, 0, 31], [0, 101, 23], [0, 0, 1]])
    np.testing.assert_array_equal(m.distortion, np.zeros(5))


def test_a_fourth_row_is_the_distortion(tmp_path: Path) -> None:
    m = load_camera_model(write(tmp_path, '100 0 31\n0 101 23\n0 0 1\n0.1 0.2 0.3 0.4\n'), 64, 48)
    np.testing.assert_array_equal(m.distortion, [0.1, 0.2, 0.3, 0.4, 0])


def test_yaml_of_camera_calibration(tmp_path: Path) -> None:
    m = load_camera_model(write(tmp_path, YAML, 'c.yaml'), 64, 48)
    assert (m.K[1, 1], m.distortion[4], m.width_px) == (101, 0.5, 64)


@pytest.mark.parametrize(
    ('text', 'name', 'message'),
    [
        ('', 'c.txt', '0 rows'),
        ('1 0 1\n0 1 1\n', 'c.txt', '2 rows'),
        ('1 0\n0 1 1\n0 0 1\n', 'c.txt', 'rows of'),
        ('1 0 x\n0 1 1\n0 0 1\n', 'c.txt', 'not a number'),
        ('nan 0 1\n0 1 1\n0 0 1\n', 'c.txt', 'finite 3x3'),
        ('-5 0 1\n0 1 1\n0 0 1\n', 'c.txt', 'must be positive'),
        ('1 0 1\n0 1 1\n0 0 1\n1 2\n', 'c.txt', '0, 4 or 5 finite numbers'),
        ('a: [', 'c.yaml', 'not YAML'),
        ('a: 1', 'c.yaml', 'no camera_info YAML'),
        ('[]', 'c.yaml', 'no camera_info YAML'),
        (YAML.replace('100,', '.nan,'), 'c.yaml', 'finite 3x3'),
        (YAML.replace('100, ', ''), 'c.yaml', 'K has 8 numbers'),
        (YAML.replace('plumb_bob', 'equidistant'), 'c.yaml', "'equidistant' with 5 coefficients: .*equidistant .* is needed"),
        (YAML.replace('plumb_bob', 'thin_prism'), 'c.yaml', "'thin_prism' with 5 coefficients: plumb_bob .* is needed"),
        (YAML.replace('0.5]', '0.5, 0.6]'), 'c.yaml', 'with 6 coefficients'),
        (YAML.replace('64', '65'), 'c.yaml', 'it is for 65x48 images, these are 64x48'),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(tmp_path: Path, text: str, name: str, message: str) -> None:
    path = write(tmp_path, text, name)
    with pytest.raises(DataError, match=message) as caught:
        load_camera_model(path, 64, 48)
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='No such file'):
        load_camera_model(tmp_path / 'none.txt', 64, 48)
    binary = tmp_path / 'b.txt'
    binary.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(DataError, match='not a text file'):
        load_camera_model(binary, 64, 48)


def test_no_path_tells_what_is_needed() -> None:
    with pytest.raises(ConfigError, match='calibration: none given'):
        load_camera_model('', 64, 48)
