# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the files that ship with the package are: the source tree, or share/arsurg_ros of an installation."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from arsurg_ros.errors import DataError

PACKAGE = 'arsurg_ros'


def share_dir() -> Path:
    """Return the folder that holds config/, launch/, rviz/ and wasm/; raises DataError where none is found."""
    candidates = share_candidates()
    for folder in candidates:
        if (folder / 'package.xml').is_file():
            return folder
    raise DataError(f'{PACKAGE}: no share folder in {", ".join(map(str, candidates))}: install the package again')


def share_candidates() -> list[Path]:
    """Return the folders that may be the share folder, the likeliest first."""
    prefixes = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    return [Path(__file__).resolve().parents[1], *(Path(p) / 'share' / PACKAGE for p in prefixes if p)]


def kernel_path(name: str) -> Path:
    """Return the path of the committed kernel ``name`` (registration, tracking or overlay), whether or not it exists."""
    return share_dir() / 'wasm' / 'bin' / f'{name}.wasm'
