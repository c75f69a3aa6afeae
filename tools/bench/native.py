# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A kernel's own module built for this machine, over a copy of a WebAssembly instance's memory: the same work, natively.

The module's exports take no argument and find everything by the header of their arena, so that nothing of a kernel's
interface is known here. Blocks are 32-bit addresses: the copy lies below 4 GiB. Built by ``cargo build --release`` with the
workspace's own profile and no further flags: the machine's baseline instruction set, as a distribution would.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import build_wasm
import numpy as np
from numpy.typing import NDArray

from arsurg_ros.kernels.host import Kernel

_PROTECT, _ANONYMOUS, _FIXED_NOREPLACE = 0x3, 0x22, 0x100000
_HEADER_WORDS, _CAPACITIES = 6, 8
_GIB = 1 << 30


def build(kernel: str) -> Path | None:
    """Return the shared library of a kernel's module, built now; None where there is no Rust.

    Raises RuntimeError where cargo fails.
    """
    found = next((t for t in (build_wasm.find_rustup(), build_wasm.find_debian()) if t), None)
    cargo = found.cargo if found else shutil.which('cargo')
    if cargo is None or not (found or build_wasm.output('rustc', '--version')):
        return None
    target = build_wasm.WASM / 'target' / 'native'
    kept = {k: v for k, v in os.environ.items() if k not in ('RUSTFLAGS', 'CARGO_ENCODED_RUSTFLAGS', 'RUSTC_WRAPPER')}
    added = {'CARGO_TARGET_DIR': str(target), **({'RUSTC': found.rustc} if found else {})}
    command = [cargo, 'build', '--release', '--locked', '--quiet', '-p', f'module-{kernel}']
    if subprocess.run(command, cwd=build_wasm.WASM, env={**kept, **added}, check=False).returncode:
        raise RuntimeError(f'{" ".join(command)} failed')
    return target / 'release' / f'lib{kernel}.so'


class Native:
    """A module's exports over its own copy of an instance's blocks."""

    def __init__(self, library: Path, kernel: Kernel) -> None:
        """Copy the instance's memory as it is now; raises OSError where there is no room below 4 GiB."""
        self._library = ctypes.CDLL(str(library))
        memory = kernel._memory()
        self._base = _low_memory(memory.size)
        self._copy = np.ctypeslib.as_array((ctypes.c_uint8 * memory.size).from_address(self._base))
        self._copy[:] = memory
        self.blocks = {n: self._view(v, memory) for n, v in kernel.blocks.items()}
        self._write_header(kernel)

    def call(self, export: str) -> int:
        """Run an export; return its status."""
        return int(self._library[export]())

    def _view(self, view: NDArray[Any], memory: NDArray[np.uint8]) -> NDArray[Any]:
        offset = view.ctypes.data - memory.ctypes.data
        return self._copy[offset : offset + view.nbytes].view(view.dtype)

    def _write_header(self, kernel: Kernel) -> None:
        theirs = kernel._words(kernel._run('layout') & 0xFFFFFFFF)
        address = self._header_address()
        ours = np.ctypeslib.as_array((ctypes.c_uint32 * theirs.size).from_address(address))
        if (ours[:5] != theirs[:5]).any():
            raise OSError(f'header at {address:#x}: {ours[:5].tolist()}, the instance has {theirs[:5].tolist()}')
        ours[5:] = theirs[5:]
        ours[_HEADER_WORDS + _CAPACITIES :: 3] += np.uint32(self._base)

    def _header_address(self) -> int:
        """Return where the header is: ``layout`` gives the lower half of its address, it lies within 2 GiB of the code."""
        code: int = int(ctypes.cast(self._library.layout, ctypes.c_void_p).value or 0)
        low = int(self._library.layout()) & 0xFFFFFFFF
        candidates = [(((code >> 32) + k) << 32) | low for k in (-1, 0, 1)]
        return min(candidates, key=lambda a: abs(a - code))


def _low_memory(size: int) -> int:
    """Return the address of zeroed memory that ends below 4 GiB; raises OSError."""
    mmap: Any = ctypes.CDLL(None, use_errno=True).mmap
    mmap.restype = ctypes.c_void_p
    mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    for start in range(_GIB, 4 * _GIB - size, _GIB // 8):
        found = mmap(start, size, _PROTECT, _ANONYMOUS | _FIXED_NOREPLACE, -1, 0)
        if found == start:
            return int(found)
    raise OSError(f'no {size} bytes are free below 4 GiB')
