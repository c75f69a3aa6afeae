# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the kernels' files are, and what their manifest says."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from arsurg_ros import resources
from arsurg_ros.errors import KernelError

_folder: Path | None = None


def use_folder(folder: Path | None) -> None:
    """Take the kernels from another folder (to check a new build), or from the package again with None."""
    global _folder
    _folder = folder
    kernel_file.cache_clear()


@functools.cache
def kernel_file(name: str) -> Path:
    """Return the file that the kernel ``name`` is taken from; asked at every call, so looked up once."""
    return resources.kernel_path(name) if _folder is None else _folder / f'{name}.wasm'


def read_kernel(path: Path) -> bytes:
    """Return the bytes of a .wasm file; raises KernelError where it is missing or no WebAssembly."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KernelError(f'kernel {path}: cannot be read: {error.strerror}') from None
    if data[:4] != b'\0asm':
        raise KernelError(f'kernel {path}: is no WebAssembly module (begins with {data[:4]!r})')
    return data


def manifest_sha256(folder: Path, name: str) -> str:
    """Return the SHA-256 that MANIFEST.json gives for a kernel; empty where it says nothing readable."""
    try:
        digest = json.loads((folder / 'MANIFEST.json').read_text())['kernels'][name]['sha256']
    except (OSError, ValueError, KeyError, TypeError):
        return ''
    return str(digest)
