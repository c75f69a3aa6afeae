# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import wasmtime

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location('build_wasm', REPO / 'tools' / 'build_wasm.py')
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules['build_wasm'] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REPO / 'wasm' / 'bin', tmp_path / 'bin'))


@pytest.fixture
def run(tool: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the tool on a copy of the committed kernels; ``built`` stands for what the compiler gives."""

    def call(*arguments: str, same: bool = True, built: dict[str, bytes] | None = None) -> int:
        manifest = json.loads((folder / 'MANIFEST.json').read_text())
        made = manifest['toolchain']
        version = made['rustc'] if same else 'rustc 9.9.9'
        chain = tool.Toolchain(made['recipe'], 'cargo', 'rustc', None, version, made['linker'])
        fresh = {n: (REPO / 'wasm' / 'bin' / f'{n}.wasm').read_bytes() for n in tool.KERNELS} | (built or {})
        monkeypatch.setattr(tool, 'find_rustup', lambda: None)
        monkeypatch.setattr(tool, 'find_debian', lambda: chain)
        monkeypatch.setattr(tool, 'build', lambda *_: fresh)
        monkeypatch.setattr(tool, 'python', lambda: sys.executable)
        monkeypatch.setattr(sys, 'argv', ['build_wasm.py', '--out', str(folder), *arguments])
        return int(tool.main())

    return call


def test_the_manifest_is_the_committed_kernels(tool: ModuleType) -> None:
    folder = REPO / 'wasm' / 'bin'
    manifest = tool.read_manifest(folder)
    for name in tool.KERNELS:
        data = tool.committed_bytes(name, manifest, folder)
        assert tool.borders(data)[0] == []
        assert manifest['kernels'][name]['size'] == len(data)
    assert manifest['abi'] == tool.abi_version() == 1


def test_borders_are_those_that_wasmtime_sees(tool: ModuleType) -> None:
    for path in (REPO / 'wasm' / 'bin').glob('*.wasm'):
        module = wasmtime.Module(wasmtime.Engine(), path.read_bytes())
        assert tool.borders(path.read_bytes()) == ([], sorted(e.name for e in module.exports))
    with_import = wasmtime.wat2wasm('(module (import "env" "now" (func)) (memory (export "memory") 1))')
    assert tool.borders(bytes(with_import)) == (['1 imports'], ['memory'])


def test_equal_bytes_pass(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run('--check') == 0
    assert 'bytes equal' in capsys.readouterr().out


def test_other_bytes_fail_and_name_the_file(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run('--check', built={'tracking': b'other'}) == 1
    error = capsys.readouterr().err
    assert 'tracking.wasm: differs' in error
    assert 'overlay.wasm' not in error


def test_a_kernel_that_is_not_the_manifests_fails(
    run: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / 'overlay.wasm').write_bytes(b'x')
    assert run('--check') == 1
    assert 'overlay.wasm: SHA-256 differs from MANIFEST.json' in capsys.readouterr().err
    (folder / 'overlay.wasm').unlink()
    assert run('--check') == 1
    assert 'overlay.wasm is missing' in capsys.readouterr().err


def test_another_compiler_is_checked_by_golden_vectors(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run('--check', same=False) == 0
    out = capsys.readouterr().out
    assert 'bytes NOT compared' in out
    assert 'rustc 9.9.9' in out
    assert 'bytes equal' not in out


def test_another_compilers_kernel_without_its_exports_fails(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    empty = bytes(wasmtime.wat2wasm('(module (memory (export "memory") 1))'))
    assert run('--check', same=False, built={'overlay': empty}) == 1
    assert 'overlay: the rebuilt kernel' in capsys.readouterr().err


def test_another_compilers_wrong_kernel_fails_its_golden_vectors(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    data = (REPO / 'wasm' / 'bin' / 'tracking.wasm').read_bytes()
    names = [e.name for e in wasmtime.Module(wasmtime.Engine(), data).exports if e.name != 'memory']
    functions = ''.join(f'(func (export "{n}") (result i32) i32.const 1)' for n in names if not n.startswith('__'))
    globals_ = ''.join(f'(global (export "{n}") i32 (i32.const 0))' for n in names if n.startswith('__'))
    wrong = wasmtime.wat2wasm(f'(module (memory (export "memory") 1) {functions} {globals_})')
    assert run('--check', same=False, built={'tracking': bytes(wrong)}) == 1
    assert 'fail their golden vectors' in capsys.readouterr().err


def test_a_build_writes_kernels_and_manifest(run: Callable[..., int], folder: Path, tool: ModuleType) -> None:
    assert run(built={'tracking': b'new'}) == 0
    assert (folder / 'tracking.wasm').read_bytes() == b'new'
    assert tool.committed_bytes('tracking', tool.read_manifest(folder), folder) == b'new'


def test_a_broken_manifest_is_one_line(
    run: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str], tool: ModuleType
) -> None:
    (folder / 'MANIFEST.json').write_text('{')
    with pytest.raises(tool.BuildError, match=r'MANIFEST.json'):
        tool.read_manifest(folder)


def test_no_toolchain_says_what_is_missing(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ('find_rustup', 'find_debian', 'may_sudo'):
        monkeypatch.setattr(tool, name, lambda: None)
    monkeypatch.setattr(sys, 'argv', ['build_wasm.py'])
    assert tool.main() == 1
    assert 'rustup target add wasm32-unknown-unknown, or Debian' in capsys.readouterr().err.replace('`', '')
    monkeypatch.setattr(tool.os, 'getuid', lambda: 1000)
    monkeypatch.setattr(sys, 'argv', ['build_wasm.py', '--install-toolchain'])
    assert tool.main() == 1
    assert 'missing: rustc-web cargo-web rust-web-src lld' in capsys.readouterr().err


def test_the_users_settings_do_not_reach_the_compiler(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('RUSTFLAGS', '-Copt-level=0')
    monkeypatch.setenv('CARGO_PROFILE_RELEASE_DEBUG', 'true')
    monkeypatch.setenv('CARGO_HOME', '/somewhere/else')
    chain = tool.Toolchain('debian', 'cargo', 'rustc', 'wasm-ld', 'rustc 1', 'LLD 1')
    environment = tool.environment(chain, Path('/target'))
    assert 'RUSTFLAGS' not in environment
    assert 'CARGO_PROFILE_RELEASE_DEBUG' not in environment
    flags = environment['CARGO_ENCODED_RUSTFLAGS'].split('\x1f')
    assert '--remap-path-prefix=/somewhere/else=/cargo' in flags
    assert '-Ctarget-feature=+simd128' in flags
