# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A picture as JPEG, for CompressedImage and browsers."""

from __future__ import annotations

import cv2

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.types import U8


def encode_jpeg(image: U8, quality: int = 80) -> bytes:
    """Return the JPEG of (H, W, 3) bgr or (H, W) grey uint8; raises ConfigError (quality) or DataError (image)."""
    if not 1 <= quality <= 100:
        raise ConfigError(f'jpeg quality {quality}; valid: 1 to 100')
    channels = image.shape[2:] in ((), (3,))
    if image.dtype != 'uint8' or image.ndim not in (2, 3) or not channels or not image.size:
        raise DataError(f'jpeg: image {image.shape} {image.dtype}: uint8 of (H, W, 3) or (H, W) is needed')
    done, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise DataError(f'jpeg: OpenCV cannot encode an image of {image.shape}')
    return bytes(data)
