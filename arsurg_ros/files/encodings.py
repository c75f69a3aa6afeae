# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pixels of a sensor_msgs/Image, of a node or a recording: packed RGB, grey, and cameras' YUV.

YUV is taken as BT.601 in video range, as OpenCV and cv_bridge do. Frames stay in bgr8, rgb8 or mono8, whichever they came
in; every other encoding becomes bgr8. Encodings here have 8 bits a sample, so ``is_bigendian`` changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from arsurg_ros.errors import DataError
from arsurg_ros.types import U8

#: Bytes a pixel of the encodings that frames keep.
KEPT = {'bgr8': 3, 'rgb8': 3, 'mono8': 1}
_PACKED = {'bgra8': (4, cv2.COLOR_BGRA2BGR), 'rgba8': (4, cv2.COLOR_RGBA2BGR)}
# ROS calls UYVY yuv422, and YUYV yuv422_yuy2.
_YUV_422 = {
    'yuv422': cv2.COLOR_YUV2BGR_UYVY,
    'uyvy': cv2.COLOR_YUV2BGR_UYVY,
    'yuv422_yuy2': cv2.COLOR_YUV2BGR_YUY2,
    'yuyv': cv2.COLOR_YUV2BGR_YUY2,
}
# A plane of Y, and below it one of half the height with U and V, or V and U, in turn.
_YUV_420 = {'nv12': cv2.COLOR_YUV2BGR_NV12, 'nv21': cv2.COLOR_YUV2BGR_NV21}
ENCODINGS = (*KEPT, *_PACKED, *_YUV_422, *_YUV_420)


@dataclass(frozen=True)
class Picture:
    """``image`` (H, W, 3), or (H, W) where ``encoding`` is mono8; else it is bgr8 or rgb8."""

    image: U8
    encoding: str


def decode(message: Any) -> Picture:
    """Return the picture of a sensor_msgs/Image, without a copy where its rows have no padding and its encoding is kept.

    Raises DataError for an encoding that is none of ``ENCODINGS``, naming them, a size that its encoding cannot have, or
    data that do not fit.
    """
    encoding = str(message.encoding)
    if encoding not in ENCODINGS:
        raise DataError(f'image encoding {encoding!r}; valid: {", ".join(ENCODINGS)}')
    width, height = int(message.width), int(message.height)
    if encoding in _YUV_422:
        _check_even(encoding, width, height, width % 2)
        image = _rows(message, 2 * width, height).reshape(height, width, 2)
        return Picture(_converted(image, _YUV_422[encoding]), 'bgr8')
    if encoding in _YUV_420:
        _check_even(encoding, width, height, width % 2 or height % 2)
        return Picture(_converted(_rows(message, width, height * 3 // 2), _YUV_420[encoding]), 'bgr8')
    if encoding in _PACKED:
        channels, conversion = _PACKED[encoding]
        image = _rows(message, channels * width, height).reshape(height, width, channels)
        return Picture(_converted(image, conversion), 'bgr8')
    rows = _rows(message, KEPT[encoding] * width, height)
    return Picture(rows if encoding == 'mono8' else rows.reshape(height, width, 3), encoding)


def grey(image: U8, encoding: str) -> U8:
    """Return the brightness (H, W) of a picture of one of the encodings that frames keep."""
    if image.ndim == 2:
        return image
    code = cv2.COLOR_RGB2GRAY if encoding == 'rgb8' else cv2.COLOR_BGR2GRAY
    return np.asarray(cv2.cvtColor(image, code), dtype=np.uint8)


def bgr(image: U8, encoding: str) -> U8:
    """Return a picture (H, W, 3) in bgr8, the same array where it is that already."""
    codes = {'rgb8': cv2.COLOR_RGB2BGR, 'mono8': cv2.COLOR_GRAY2BGR}
    return _converted(image, codes[encoding]) if encoding in codes else image


def _converted(image: U8, code: int) -> U8:
    return np.asarray(cv2.cvtColor(image, code), dtype=np.uint8)


def _check_even(encoding: str, width: int, height: int, odd: int) -> None:
    if odd:
        raise DataError(f'image {width}x{height} {encoding}: its colours are shared by two pixels each way: even is needed')


def _rows(message: Any, length: int, count: int) -> U8:
    """Return (count, length) bytes: the rows without their padding."""
    step, data = int(message.step), np.frombuffer(message.data, dtype=np.uint8)
    if count < 1 or length < 1 or step < length or data.size < count * step:
        size = f'{message.width}x{message.height} {message.encoding}, step {step}'
        raise DataError(f'image {size}: {data.size} bytes of data do not fit')
    return np.ascontiguousarray(data[: count * step].reshape(count, step)[:, :length])
