# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.sinks.jpeg import encode_jpeg


@pytest.mark.parametrize('shape', [(48, 64, 3), (48, 64)])
def test_a_jpeg_holds_the_picture(shape: tuple[int, ...]) -> None:
    v, u = np.mgrid[:48, :64]
    image = np.zeros(shape, np.uint8)
    image[...] = (2 * u + v)[(...,) + (None,) * (len(shape) - 2)]
    back = cv2.imdecode(np.frombuffer(encode_jpeg(image, 95), np.uint8), cv2.IMREAD_UNCHANGED)
    assert back is not None and back.shape == shape
    assert np.abs(back.astype(int) - image).mean() < 2


def test_less_quality_is_less_data() -> None:
    image = np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    assert len(encode_jpeg(image, 20)) < len(encode_jpeg(image, 95))


@pytest.mark.parametrize('quality', [0, 101])
def test_quality_has_limits(quality: int) -> None:
    with pytest.raises(ConfigError, match=f'quality {quality}; valid: 1 to 100'):
        encode_jpeg(np.zeros((4, 4), np.uint8), quality)


@pytest.mark.parametrize(
    'image', [np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4)), np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8)]
)
def test_what_is_no_picture_is_refused(image: np.ndarray) -> None:
    with pytest.raises(DataError, match='uint8 of'):
        encode_jpeg(image)
