# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all, whenever the process or the machine stops.

The new content goes into a file beside the old one and to the disk (fsync), then takes its name (rename), then the folder
goes to the disk. Source: POSIX rename(2); T. S. Pillai et al., *All File Systems Are Not Created Equal* (OSDI 2014).
"""

from __future__ import annotations

import os
from pathlib import Path

SUFFIX = '.tmp'


def prepare(path: Path, data: bytes) -> Path:
    """Write what ``path`` shall hold beside it and to the disk; return that file. Raises OSError, and leaves nothing then."""
    beside = path.with_name(path.name + SUFFIX)
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return beside


def publish(*prepared: Path) -> None:
    """Give prepared files of one folder their names, and put the folder to the disk. Raises OSError."""
    for beside in prepared:
        os.replace(beside, beside.with_name(beside.name.removesuffix(SUFFIX)))
    sync_folder(prepared[0].parent)


def write(path: Path, data: bytes) -> None:
    """Replace a file's content, whole or not at all. Raises OSError."""
    publish(prepare(path, data))


def make_folder(folder: Path) -> None:
    """Make a folder with all above it, each new name to the disk: a file is no safer than its folder. Raises OSError."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in made:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put a folder's list of names to the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes, however many calls that takes. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
