# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps in the picture itself: black and white cells at its lower edge, read again from whatever was shown.

A header can be lost, copied or wrong; what is in the pixels went the picture's own way. The strip has two codes: the
camera's (left: when the picture was taken, and which true pose it shows) and the overlay's (right: of which picture it is,
what state it shows and with which pose it drew). The bits of each, whitened and followed by a CRC-32, fill a grid whose
cells are sized by the picture's width alone and counted from its lower left corner: a picture may be scaled, or cropped
above, and is still read. Nothing is corrected: a code is read as it was written, or not at all.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry import se3
from arsurg_ros.types import F64, I64, U8

ROWS = 4
#: A row of cells is this part of the picture's width high.
ROW_HEIGHT = 1 / 160
#: Narrower, and a row is less than a pixel and a half high.
MIN_WIDTH_PX = 240
BLACK, WHITE = 16, 240
#: Less between the means of black and white, grey levels, is no code.
MIN_CONTRAST = 40.0
#: What an overlay can say of itself; a code holds the number.
STATES = ('live', 'drift', 'stale', 'lost', 'unregistered', 'refused', 'predicted')
HAS_POSE = 0x80
CAMERA, OVERLAY = struct.Struct('>BqI'), struct.Struct('>BBqi')
CAMERA_KIND, OVERLAY_KIND = 0xC5, 0xA7
NO_AGE = -(2**31)
# Six numbers of 20 bits: a rotation vector up to pi, a translation up to 8.3 m.
HALF_RANGE = 2**19 - 1
STEPS = np.array([np.pi / HALF_RANGE] * 3 + [16e-6] * 3)
POSE_BYTES = 15
# Where a cell is looked at: parts of its width and height; its rim blurs into its neighbours.
LOOKS = (0.35, 0.5, 0.65)
COLUMNS = 100


@dataclass(frozen=True)
class _Segment:
    """One code's columns of the grid; ``size`` bytes before its CRC-32 fill them exactly."""

    first: int
    columns: int
    size: int
    seed: int


_CAMERA = _Segment(0, 34, CAMERA.size, 1)
_OVERLAY = _Segment(34, 66, OVERLAY.size + POSE_BYTES, 2)


@dataclass(frozen=True)
class CameraCode:
    """What a camera writes: when the picture was taken, and the number of the true pose that it shows (32 bits)."""

    stamp_ns: int
    pose_id: int


@dataclass(frozen=True)
class OverlayCode:
    """What an overlay writes: the stamp of the picture under it, its state, and the pose that it drew with.

    ``pose_stamp_ns``, to the microsecond, is that of the newest pose it had; None without any, or 2147 s and more away.
    ``T_cam_ct`` (4, 4) is the pose drawn, to 8 um and 3 urad a component; None where nothing was drawn, or beyond 8.3 m.
    """

    stamp_ns: int
    state: str
    pose_stamp_ns: int | None = None
    T_cam_ct: F64 | None = None


def strip_height_px(width_px: int) -> int:
    """Return how many of the lowest rows of a picture the codes take."""
    return int(_edges(width_px, 0, 1)[0][-1])


def write_camera_code(image: U8, code: CameraCode) -> None:
    """Write into (H, W, 3) or (H, W) uint8, in place; raises ConfigError for a picture that is too small."""
    _write(image, _CAMERA, CAMERA.pack(CAMERA_KIND, code.stamp_ns, code.pose_id % 2**32))


def read_camera_code(image: U8) -> CameraCode | None:
    """Return the camera's code in (H, W, 3) or (H, W) uint8; None where there is none that can be read."""
    data = _read(image, _CAMERA)
    if data is None:
        return None
    kind, stamp_ns, pose_id = CAMERA.unpack(data)
    return CameraCode(stamp_ns, pose_id) if kind == CAMERA_KIND else None


def write_overlay_code(image: U8, code: OverlayCode) -> None:
    """Write into (H, W, 3) or (H, W) uint8, in place; raises ConfigError (picture too small, unknown state)."""
    if code.state not in STATES:
        raise ConfigError(f'pixel code: state {code.state!r}; valid: {", ".join(STATES)}')
    pose = _pose_bytes(code.T_cam_ct)
    state = STATES.index(code.state) | (HAS_POSE if pose else 0)
    _write(image, _OVERLAY, OVERLAY.pack(OVERLAY_KIND, state, code.stamp_ns, _age_us(code)) + pose.ljust(POSE_BYTES, b'\0'))


def read_overlay_code(image: U8) -> OverlayCode | None:
    """Return the overlay's code in (H, W, 3) or (H, W) uint8; None where there is none that can be read."""
    data = _read(image, _OVERLAY)
    if data is None:
        return None
    kind, state, stamp_ns, age_us = OVERLAY.unpack(data[: OVERLAY.size])
    number = state & ~HAS_POSE
    if kind != OVERLAY_KIND or number >= len(STATES):
        return None
    pose_stamp_ns = None if age_us == NO_AGE else stamp_ns - age_us * 1000
    T_cam_ct = _pose(data[OVERLAY.size :]) if state & HAS_POSE else None
    return OverlayCode(stamp_ns, STATES[number], pose_stamp_ns, T_cam_ct)


def _age_us(code: OverlayCode) -> int:
    age_us = NO_AGE if code.pose_stamp_ns is None else round((code.stamp_ns - code.pose_stamp_ns) / 1000)
    return age_us if abs(age_us) < 2**31 else NO_AGE


def _pose_bytes(T: F64 | None) -> bytes:
    if T is None or not se3.is_rigid(T):
        return b''
    steps = np.round(np.concatenate([se3.to_rotvec(T[:3, :3]), T[:3, 3]]) / STEPS).astype(int)
    if (np.abs(steps) > HALF_RANGE).any():
        return b''
    number = 0
    for step in steps.tolist():
        number = number << 20 | step + HALF_RANGE
    return number.to_bytes(POSE_BYTES, 'big')


def _pose(data: bytes) -> F64:
    number = int.from_bytes(data, 'big')
    steps = np.array([(number >> shift & 0xFFFFF) - HALF_RANGE for shift in range(100, -1, -20)])
    values = steps * STEPS
    return se3.compose(se3.from_rotvec(values[:3]), values[3:])


def _write(image: U8, segment: _Segment, data: bytes) -> None:
    height, width = image.shape[:2]
    if width < MIN_WIDTH_PX or height < strip_height_px(width):
        raise ConfigError(f'pixel code: picture {width}x{height}: at least {MIN_WIDTH_PX} px wide is needed')
    bits = np.unpackbits(np.frombuffer(data + zlib.crc32(data).to_bytes(4, 'big'), dtype=np.uint8)) ^ _whitening(segment)
    cells = np.where(bits, WHITE, BLACK).astype(np.uint8).reshape(ROWS, segment.columns)
    rows, columns = _edges(width, segment.first, segment.columns)
    lines = cells.repeat(np.diff(columns), axis=1)
    if image.ndim == 3:
        lines = lines[:, :, None].repeat(image.shape[2], axis=2)
    where = image[height - rows[-1] :, columns[0] : columns[-1]]
    for line, top, bottom in zip(lines, rows[:-1], rows[1:], strict=True):
        where[top:bottom] = line


def _read(image: U8, segment: _Segment) -> bytes | None:
    height, width = image.shape[:2]
    if width < MIN_WIDTH_PX // 2 or height < strip_height_px(width):
        return None
    rows, columns = _looks(width, segment.first, segment.columns)
    seen = image[(height - strip_height_px(width) + rows)[:, None], columns]
    grey = seen.reshape(ROWS, len(LOOKS), segment.columns, -1).mean(axis=(1, 3))
    middle = float(np.median(grey)) if grey.min() == grey.max() else 0.5 * float(grey.min() + grey.max())
    white = grey > middle
    if not white.any() or grey[white].mean() - grey[~white].mean() < MIN_CONTRAST:
        return None
    data = np.packbits(white.ravel() ^ _whitening(segment)).tobytes()
    return data[:-4] if zlib.crc32(data[:-4]).to_bytes(4, 'big') == data[-4:] else None


@lru_cache(maxsize=4)
def _whitening(segment: _Segment) -> U8:
    """Return bits that make as many white cells as black ones of any message, a plain picture's zeros among them."""
    bits = np.random.default_rng(segment.seed).integers(0, 2, ROWS * segment.columns)
    return np.asarray(bits, dtype=np.uint8)


@lru_cache(maxsize=64)
def _edges(width_px: int, first: int, columns: int) -> tuple[I64, I64]:
    """Return the pixel edges of the rows, from the strip's top, and of the columns."""
    rows = np.round(np.arange(ROWS + 1) * ROW_HEIGHT * width_px).astype(np.int64)
    return rows, np.round(np.arange(first, first + columns + 1) * width_px / COLUMNS).astype(np.int64)


@lru_cache(maxsize=64)
def _looks(width_px: int, first: int, columns: int) -> tuple[I64, I64]:
    """Return the pixel rows, from the strip's top, and columns at which the cells are looked at."""
    height = strip_height_px(width_px) - ROWS * ROW_HEIGHT * width_px
    row = (np.arange(ROWS)[:, None] + LOOKS).ravel() * ROW_HEIGHT * width_px + height
    column = (np.arange(first, first + columns)[:, None] + LOOKS).ravel() * width_px / COLUMNS
    return np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
