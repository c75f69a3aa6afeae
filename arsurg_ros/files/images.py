# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sets of files by folder, pattern or name, in the order that people mean; pictures as grey values or bgr."""

from __future__ import annotations

import glob
import re
from pathlib import Path

import cv2
import numpy as np

from arsurg_ros.errors import DataError
from arsurg_ros.types import U8

IMAGES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.pgm', '.ppm', '.webp')


def list_files(source: str, suffixes: tuple[str, ...], what: str) -> list[Path]:
    """Return the files of a folder, of a pattern with ``*``, or the one file; view2 stands before view10.

    Raises DataError where there is none with one of the suffixes.
    """
    path = Path(source)
    if path.is_dir():
        found = [f for f in path.iterdir() if f.is_file()]
    else:
        found = [path] if path.is_file() else [Path(f) for f in glob.glob(source) if Path(f).is_file()]
    out = sorted((f for f in found if f.suffix.lower() in suffixes), key=natural)
    if not out:
        nothing = 'nothing is there; needed is a folder, a pattern or a file with'
        seen = f'{len(found)} files, none of them with' if found else nothing
        raise DataError(f'{what} {source}: {seen} {", ".join(suffixes)}')
    return out


def natural(path: Path) -> list[tuple[int, str]]:
    """Return a key that sorts numbers in names by value."""
    return [(int(part), '') if part.isdigit() else (0, part) for part in re.split(r'(\d+)', path.name) if part]


def read_grey(path: Path) -> U8:
    """Return a picture's grey values (H, W); raises DataError for a file that is no picture or breaks off."""
    return _read(path, cv2.IMREAD_GRAYSCALE)


def read_bgr(path: Path) -> U8:
    """Return a picture as (H, W, 3) bgr8; raises DataError for a file that is no picture or breaks off."""
    return _read(path, cv2.IMREAD_COLOR)


def _read(path: Path, how: int) -> U8:
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as e:
        raise DataError(f'image {path}: {e.strerror}') from e
    image = cv2.imdecode(data, how) if data.size else None
    if image is None:
        raise DataError(f'image {path}: not a picture that can be read ({data.size} bytes)')
    return np.asarray(image, dtype=np.uint8)
