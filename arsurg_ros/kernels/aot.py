# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The cache of compiled kernels: files that only this user can have written, named by what they were compiled from.

A compiled module is machine code, so a file is used only where it and its folder belong to this user, nobody else may
write them, and the SHA-256 kept beside it fits. Anything else counts as absent and is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar('T')


def cache_dir() -> Path:
    """Return $XDG_CACHE_HOME/arsurg_ros/aot, or the same below ~/.cache; it may not exist."""
    base = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    return Path(base) / 'arsurg_ros' / 'aot'


def load_or_make(name: str, load: Callable[[bytes], T], make: Callable[[], T], dump: Callable[[T], bytes]) -> T:
    """Return the cached object ``name``, or make it and cache it; ``load`` raises ValueError for bytes it refuses."""
    path = cache_dir() / f'{name}.cwasm'
    data = read_trusted(path)
    if data is not None:
        try:
            return load(data)
        except ValueError:
            pass  # of another processor, or damaged before its digest was taken: made again below
    made = make()
    store(path, dump(made))
    return made


def read_trusted(path: Path) -> bytes | None:
    """Return a file's bytes if it, its digest and their folder can only have been written by this user; else None."""
    try:
        if not _own(os.stat(path.parent)):
            return None
        data = _read_own(path)
        digest = _read_own(path.with_suffix('.sha256'))
    except OSError:
        return None
    if data is None or digest is None or digest.decode('ascii', 'replace').strip() != hashlib.sha256(data).hexdigest():
        return None
    return data


def _read_own(path: Path) -> bytes | None:
    with open(path, 'rb') as file:
        return file.read() if _own(os.fstat(file.fileno())) else None


def _own(status: os.stat_result) -> bool:
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def store(path: Path, data: bytes) -> None:
    """Write the bytes and their digest, each atomically; a folder that cannot be written means no cache."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(path, data)
        _replace(path.with_suffix('.sha256'), hashlib.sha256(data).hexdigest().encode())
    except OSError:
        return


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix='.tmp')
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
