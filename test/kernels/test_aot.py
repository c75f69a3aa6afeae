# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from arsurg_ros.errors import KernelError
from arsurg_ros.kernels import aot, host
from arsurg_ros.kernels.host import Kernel
from arsurg_ros.kernels.layouts import TRACKING


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return tmp_path / 'arsurg_ros' / 'aot'


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Load the tracking kernel as a new process would; return how often it was compiled."""
    made: list[int] = []
    original = host.wasmtime.Module

    class Counting(original):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: object) -> None:
            made.append(1)
            super().__init__(*arguments)

    monkeypatch.setattr(host.wasmtime, 'Module', Counting)

    def load() -> int:
        monkeypatch.setattr(host, '_modules', {})
        made.clear()
        assert Kernel(TRACKING, (4,)).call('interpolate') == 0
        return len(made)

    return load


def files(cache: Path) -> tuple[Path, Path]:
    (code,) = cache.glob('*.cwasm')
    return code, code.with_suffix('.sha256')


def test_a_second_start_does_not_compile(cache: Path, compiled: Callable[[], int]) -> None:
    assert compiled() == 1
    code, digest = files(cache)
    assert host.kernel_info('tracking').sha256 in code.name
    assert digest.is_file()
    assert oct(cache.stat().st_mode)[-3:] == '700'
    assert not list(cache.glob('*.tmp'))
    assert compiled() == 0


@pytest.mark.parametrize('which', [0, 1])
@pytest.mark.parametrize('content', [b'', b'garbage', None])
def test_a_damaged_cache_heals(cache: Path, compiled: Callable[[], int], which: int, content: bytes | None) -> None:
    compiled()
    victim = files(cache)[which]
    if content is None:
        victim.unlink()
    else:
        victim.write_bytes(content)
    assert compiled() == 1
    assert compiled() == 0


def test_code_that_wasmtime_refuses_is_compiled_again(cache: Path, compiled: Callable[[], int]) -> None:
    compiled()
    aot.store(files(cache)[0], b'a fitting digest, but no code')
    assert compiled() == 1
    assert compiled() == 0


@pytest.mark.parametrize('mode', [0o620, 0o602, 0o666])
@pytest.mark.parametrize('which', [0, 1])
def test_a_file_that_others_may_write_is_not_loaded(cache: Path, compiled: Callable[[], int], which: int, mode: int) -> None:
    compiled()
    files(cache)[which].chmod(mode)
    assert compiled() == 1


def test_a_folder_that_others_may_write_is_not_trusted(cache: Path, compiled: Callable[[], int]) -> None:
    compiled()
    cache.chmod(0o777)
    assert compiled() == 1


def test_a_file_of_another_user_is_not_loaded(
    cache: Path, compiled: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled()
    monkeypatch.setattr(aot.os, 'getuid', lambda: os.stat(cache).st_uid + 1)
    assert aot.read_trusted(files(cache)[0]) is None
    assert compiled() == 1


def test_without_a_writable_folder_there_is_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: Callable[[], int]
) -> None:
    blocked = tmp_path / 'file'
    blocked.write_text('no folder')
    monkeypatch.setenv('XDG_CACHE_HOME', str(blocked))
    assert compiled() == 1
    assert compiled() == 1


def test_a_failed_replacement_leaves_no_rubbish(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError('disk full')

    monkeypatch.setattr(aot.os, 'replace', refuse)
    aot.store(cache / 'x.cwasm', b'x')
    assert list(cache.iterdir()) == []


def test_the_home_folder_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    monkeypatch.setenv('HOME', str(tmp_path))
    assert aot.cache_dir() == tmp_path / '.cache' / 'arsurg_ros' / 'aot'


def test_a_broken_module_is_not_cached(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / 'broken.wasm'
    path.write_bytes(b'\0asm\1\0\0\0\7')
    with pytest.raises(KernelError, match='does not compile'):
        Kernel(TRACKING, (4,), path)
    assert not cache.exists()
