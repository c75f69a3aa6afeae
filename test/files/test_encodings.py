# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from arsurg_ros.errors import DataError
from arsurg_ros.files.encodings import ENCODINGS, bgr, decode, grey

RNG = np.random.default_rng(3)


@dataclass
class Message:
    """What sensor_msgs/Image has."""

    height: int
    width: int
    encoding: str
    step: int
    data: bytes
    is_bigendian: int = 0


def colours() -> np.ndarray:
    """Return a bgr picture of blocks of 2 x 2, which share their colour in every YUV encoding."""
    return RNG.integers(40, 210, (4, 6, 3)).repeat(2, axis=0).repeat(2, axis=1)


def yuv(image: np.ndarray) -> np.ndarray:
    """Return BT.601's Y, U, V in video range, by the standard's own formula and not by OpenCV."""
    b, g, r = image.transpose(2, 0, 1) / 255.0
    y = 16 + 65.481 * r + 128.553 * g + 24.966 * b
    u = 128 - 37.797 * r - 74.203 * g + 112.0 * b
    v = 128 + 112.0 * r - 93.786 * g - 18.214 * b
    return np.round(np.stack([y, u, v], axis=2)).astype(np.uint8)


def packed(encoding: str, image: np.ndarray) -> np.ndarray:
    """Return the rows (N, bytes) of a bgr picture in an encoding."""
    height, width = image.shape[:2]
    y, u, v = yuv(image).transpose(2, 0, 1)
    alpha = np.full((height, width, 1), 9, np.uint8)
    u2, v2 = u[:, ::2], v[:, ::2]
    rows = {
        'bgr8': image,
        'rgb8': image[..., ::-1],
        'bgra8': np.concatenate([image, alpha], axis=2),
        'rgba8': np.concatenate([image[..., ::-1], alpha], axis=2),
        'mono8': y,
        'yuv422': np.stack([u2, y[:, ::2], v2, y[:, 1::2]], axis=2),
        'yuv422_yuy2': np.stack([y[:, ::2], u2, y[:, 1::2], v2], axis=2),
        'nv12': np.concatenate([y, np.stack([u2, v2], axis=2)[::2].reshape(height // 2, width)]),
        'nv21': np.concatenate([y, np.stack([v2, u2], axis=2)[::2].reshape(height // 2, width)]),
    }
    found = rows[{'uyvy': 'yuv422', 'yuyv': 'yuv422_yuy2'}.get(encoding, encoding)]
    return found.reshape(len(found), -1).astype(np.uint8)


def message(encoding: str, image: np.ndarray, padding: int = 0, big: int = 0) -> Message:
    rows = packed(encoding, image)
    padded = np.concatenate([rows, np.full((len(rows), padding), 77, np.uint8)], axis=1)
    return Message(image.shape[0], image.shape[1], encoding, padded.shape[1], padded.tobytes(), big)


@pytest.mark.parametrize('padding', [0, 10])
@pytest.mark.parametrize('encoding', ENCODINGS)
def test_every_encoding_shows_its_colours(encoding: str, padding: int) -> None:
    image = colours().astype(np.uint8)
    for big in (0, 1):  # a sample has one byte: its order changes nothing
        picture = decode(message(encoding, image, padding, big))
        assert picture.encoding == (encoding if encoding in ('bgr8', 'rgb8', 'mono8') else 'bgr8')
        assert picture.image.flags.c_contiguous and picture.image.dtype == np.uint8
        if encoding == 'mono8':
            assert np.array_equal(picture.image, yuv(image)[..., 0])
        else:
            off = np.abs(bgr(picture.image, picture.encoding).astype(int) - image)
            assert off.max() <= (3 if 'yuv' in encoding or 'uy' in encoding or 'nv' in encoding else 0)


def test_a_picture_without_padding_is_not_copied() -> None:
    data = np.arange(4 * 6 * 3, dtype=np.uint8)
    for encoding in ('bgr8', 'rgb8'):
        assert np.shares_memory(decode(Message(4, 6, encoding, 18, data)).image, data)
    assert np.shares_memory(bgr(data.reshape(4, 6, 3), 'bgr8'), data)


def test_brightness_knows_red_from_blue() -> None:
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 2] = 255
    assert grey(red, 'bgr8')[0, 0] == grey(red[..., ::-1].copy(), 'rgb8')[0, 0] == 76
    assert grey(red[..., 2], 'mono8') is not None and grey(red[..., 2], 'mono8')[0, 0] == 255


@pytest.mark.parametrize(
    ('encoding', 'changed', 'says'),
    [
        ('bgr8', {'encoding': 'bayer_rggb8'}, r"^image encoding 'bayer_rggb8'; valid: bgr8, rgb8, mono8, .*nv21$"),
        ('bgr8', {'encoding': 'mono16'}, "encoding 'mono16'"),
        ('bgr8', {'width': 0}, 'image 0x8 bgr8, step 36: 288 bytes of data do not fit'),
        ('bgr8', {'step': 30}, 'step 30'),
        ('bgr8', {'height': 9}, 'do not fit'),
        ('nv12', {'data': bytes(100)}, '100 bytes of data do not fit'),
        ('nv12', {'height': 7}, 'even is needed'),
        ('yuyv', {'width': 11}, '11x8 yuyv: its colours are shared'),
    ],
)
def test_what_is_no_picture_is_said_in_one_line(encoding: str, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        decode(replace(message(encoding, colours().astype(np.uint8)), **changed))
    assert '\n' not in str(caught.value)
