# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the WebAssembly kernels: the only file that knows wasmtime.

A kernel imports nothing, exports functions without arguments over one arena, and is checked before its first call. A
call that traps or passes its deadline raises KernelError and spoils its instance alone; the next call makes a new one.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import math
import platform
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import wasmtime
from numpy.typing import NDArray

from arsurg_ros.errors import ArsurgError, KernelError
from arsurg_ros.kernels import aot
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.deadline import TICK_S, Ticker
from arsurg_ros.kernels.files import kernel_file, manifest_sha256, read_kernel
from arsurg_ros.kernels.layouts import ABI_VERSION, LAYOUTS, Layout

MEMORY_LIMIT_BYTES = 512 << 20
DEADLINE_S = 1.0
CONFIG_KEY = f'{platform.machine()}-epoch-simd-1'
MAGIC = int.from_bytes(b'ARSG', 'little')
STATUSES = {1: 'not configured', 2: 'configured twice', 3: 'a capacity is too large', 4: 'input out of range'}
KINDS = {1: 'u1', 2: 'i4', 3: 'u4', 4: 'f4', 5: 'f8'}
_HEADER_WORDS, _MAX_CAPACITIES = 6, 8


@functools.cache
def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.epoch_interruption = True
    config.wasm_simd = True
    config.wasm_relaxed_simd = False
    config.wasm_threads = False
    config.wasm_memory64 = False
    return wasmtime.Engine(config)


@functools.cache
def _ticker() -> Ticker:
    return Ticker(_engine().increment_epoch)


def one_line(error: BaseException) -> str:
    """Return the first line of an error that says something."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


_modules: dict[str, wasmtime.Module] = {}
_modules_lock = threading.Lock()


def _module(data: bytes, path: Path) -> wasmtime.Module:
    digest = hashlib.sha256(data).hexdigest()
    with _modules_lock:
        if digest not in _modules:
            _modules[digest] = _compiled(data, digest, path)
        return _modules[digest]


def _compiled(data: bytes, digest: str, path: Path) -> wasmtime.Module:
    def load(code: bytes) -> wasmtime.Module:
        try:
            return wasmtime.Module.deserialize(_engine(), code)
        except wasmtime.WasmtimeError as error:
            raise ValueError(one_line(error)) from None

    try:
        name = f'{digest}-{importlib.metadata.version("wasmtime")}-{CONFIG_KEY}'
        return aot.load_or_make(name, load, lambda: wasmtime.Module(_engine(), data), lambda m: bytes(m.serialize()))
    except wasmtime.WasmtimeError as error:
        raise KernelError(f'kernel {path}: does not compile: {one_line(error)}') from None


def _check_borders(module: wasmtime.Module, layout: Layout, path: Path) -> None:
    imports = [f'{i.module}.{i.name}' for i in module.imports]
    if imports:
        raise KernelError(f'kernel {path}: imports {", ".join(imports)}; a kernel may import nothing')
    found = {e.name: e.type for e in module.exports}
    if not isinstance(found.get('memory'), wasmtime.MemoryType):
        raise KernelError(f'kernel {path}: does not export its memory')
    for name in ('abi_version', 'layout', 'configure', *layout.exports):
        kind = found.get(name)
        if not isinstance(kind, wasmtime.FuncType) or kind.params or [str(r) for r in kind.results] != ['i32']:
            raise KernelError(f'kernel {path}: export {name}: a function without arguments that returns i32 is needed')


class Kernel:
    """One configured instance, for one thread at a time; ``blocks`` are views into its memory, which never moves."""

    def __init__(
        self,
        layout: Layout,
        capacities: tuple[int, ...],
        path: Path | None = None,
        *,
        deadline_s: float = DEADLINE_S,
        memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
    ) -> None:
        """Load, check, configure; raises KernelError, one line that names the file and what is wrong."""
        self.path = kernel_file(layout.name) if path is None else path
        self.layout = layout
        self.capacities = capacities
        self.alive = True
        self._deadline_s = deadline_s
        module = _module(read_kernel(self.path), self.path)
        _check_borders(module, layout, self.path)
        self._store = wasmtime.Store(_engine())
        self._store.set_limits(memory_size=memory_limit_bytes, instances=1, memories=1, tables=1)
        instance = self._guarded('instantiation', lambda: wasmtime.Instance(self._store, module, []), deadline_s)
        self._exports = {e.name: instance.exports(self._store)[e.name] for e in module.exports}
        self._configure()

    def call(self, export: str, deadline_s: float | None = None) -> int:
        """Run one export; returns its status, raises KernelError for a trap, a passed deadline or a common refusal.

        ``deadline_s`` stands in for the instance's, for what is done once.
        """
        status = self._run(export, deadline_s)
        if status in STATUSES:
            raise KernelError(f'kernel {self.layout.name}: {export}: {STATUSES[status]} (capacities {self._sizes()})')
        return status

    def _run(self, export: str, deadline_s: float | None = None) -> int:
        function = self._exports[export]
        return int(self._guarded(export, lambda: function(self._store), deadline_s or self._deadline_s))

    def _sizes(self) -> str:
        return ', '.join(f'{n} {v}' for n, v in zip(self.layout.capacities, self.capacities, strict=True))

    def _guarded(self, what: str, run: Callable[[], Any], deadline_s: float) -> Any:
        if not self.alive:
            raise KernelError(f'kernel {self.layout.name}: {what}: this instance trapped before')
        self._store.set_epoch_deadline(math.ceil(deadline_s / TICK_S) + 1)
        try:
            with _ticker().watching():
                return run()
        except wasmtime.Trap as trap:
            self.alive = False
            if trap.trap_code is wasmtime.TrapCode.INTERRUPT:
                why = f'deadline of {deadline_s} s passed'
            else:
                why = f'trapped ({trap.trap_code.name.lower() if trap.trap_code else one_line(trap)})'
            raise KernelError(f'kernel {self.layout.name}: {what}: {why}') from None
        except wasmtime.WasmtimeError as error:
            self.alive = False
            raise KernelError(f'kernel {self.path}: {what}: {one_line(error)}') from None

    def _configure(self) -> None:
        version = self._run('abi_version')
        if version != ABI_VERSION:
            raise KernelError(f'kernel {self.path}: ABI version {version}, this package needs {ABI_VERSION}')
        address = self._run('layout') & 0xFFFFFFFF
        self._check_header(self._words(address))
        self._words(address)[_HEADER_WORDS : _HEADER_WORDS + len(self.capacities)] = self.capacities
        self.call('configure')
        self.blocks = self._views(self._words(address))

    def _memory(self) -> NDArray[np.uint8]:
        memory = self._exports['memory']
        buffer = memory.get_buffer_ptr(self._store)
        buffer.owner = self._store  # a view that outlives this object keeps the memory mapped
        return np.frombuffer(buffer, np.uint8)

    def _words(self, address: int) -> NDArray[np.uint32]:
        size = 4 * (_HEADER_WORDS + _MAX_CAPACITIES + 3 * len(self.layout.blocks))
        memory = self._memory()
        if address % 4 or address + size > memory.size:
            raise KernelError(f'kernel {self.path}: header at {address}, outside of its memory of {memory.size} bytes')
        return memory[address : address + size].view(np.uint32)

    def _check_header(self, words: NDArray[np.uint32]) -> None:
        magic, abi, version, capacities, blocks = (int(w) for w in words[:5])
        if magic != MAGIC or abi != ABI_VERSION:
            raise KernelError(f'kernel {self.path}: header {magic:#x}, ABI {abi}; {MAGIC:#x}, {ABI_VERSION} needed')
        needed = (self.layout.version, len(self.layout.capacities), len(self.layout.blocks))
        if (version, capacities, blocks) != needed:
            found = (version, capacities, blocks)
            raise KernelError(f'kernel {self.path}: layout, capacities and blocks {found}; {needed} needed')

    def _views(self, words: NDArray[np.uint32]) -> dict[str, NDArray[Any]]:
        memory = self._memory()
        table = words[_HEADER_WORDS + _MAX_CAPACITIES :].reshape(-1, 3)
        views = {}
        for (name, dtype), (offset, length, kind) in zip(self.layout.blocks, table.tolist(), strict=True):
            end = offset + length * np.dtype(dtype).itemsize
            if KINDS.get(kind) != dtype or end > memory.size:
                raise KernelError(f'kernel {self.path}: block {name}: kind {kind}, {offset}..{end} of {memory.size} B')
            views[name] = memory[offset:end].view(dtype)
        return views


class PerThread:
    """One instance a thread, made on demand with room for what is asked, replaced after a trap."""

    def __init__(
        self,
        layout: Layout,
        path: Path | None = None,
        prepare: Callable[[Kernel], None] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """``prepare`` fills what stays resident, for every new instance; ``deadline_s`` bounds every call."""
        self._layout = layout
        self._deadline_s = deadline_s
        self._path = path
        self._prepare = prepare
        self._local = threading.local()

    def get(self, *capacities: int) -> Kernel:
        """Return this thread's instance; its capacities are at least those asked. Raises KernelError."""
        kernel: Kernel | None = getattr(self._local, 'kernel', None)
        path = self._path or kernel_file(self._layout.name)
        if kernel is None or not self._fits(kernel, capacities, path):
            self._local.kernel = None
            kernel = Kernel(self._layout, capacities, path, deadline_s=self._deadline_s)
            if self._prepare:
                self._prepare(kernel)
            self._local.kernel = kernel
        return kernel

    @staticmethod
    def _fits(kernel: Kernel, capacities: tuple[int, ...], path: Path) -> bool:
        room = all(a <= b for a, b in zip(capacities, kernel.capacities, strict=True))
        return kernel.alive and room and kernel.path == path


def room(count: int, least: int) -> int:
    """Return a capacity for ``count`` rows: ``least``, or the next power of two, so that a few more need no new instance."""
    return max(least, 1 << max(count - 1, 0).bit_length())


@dataclass(frozen=True)
class KernelInfo:
    """One kernel file; ``problem`` is empty where it loads and is the one in MANIFEST.json."""

    name: str
    path: str
    sha256: str
    size_bytes: int
    abi: int
    layout: int
    in_manifest: bool
    problem: str


@overload
def kernel_info(name: str) -> KernelInfo: ...
@overload
def kernel_info(name: None = None) -> tuple[KernelInfo, ...]: ...
def kernel_info(name: str | None = None) -> KernelInfo | tuple[KernelInfo, ...]:
    """Return what is known about one kernel, or about every one; a bad file is told in ``problem``, never raised.

    Raises ConfigError for a name that is no kernel's.
    """
    return tuple(map(_info, LAYOUTS.values())) if name is None else _info(pick(name, LAYOUTS, 'kernel'))


def usable_kernel(name: str) -> KernelInfo:
    """Return what is known about a kernel; raises KernelError where it does not load or is not the manifest's."""
    info = kernel_info(name)
    if info.problem:
        raise KernelError(info.problem)
    return info


def _info(layout: Layout) -> KernelInfo:
    path, digest, size, known = '', '', 0, False
    try:
        file = kernel_file(layout.name)
        path = str(file)
        data = read_kernel(file)
        digest, size = hashlib.sha256(data).hexdigest(), len(data)
        known = manifest_sha256(file.parent, layout.name) == digest
        Kernel(layout, (1,) * len(layout.capacities), file)
        problem = '' if known else f'{file}: SHA-256 {digest[:16]} is not the one in MANIFEST.json: run make wasm'
    except ArsurgError as error:
        problem = str(error)
    return KernelInfo(layout.name, path, digest, size, ABI_VERSION, layout.version, known, problem)
