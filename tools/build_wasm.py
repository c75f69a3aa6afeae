#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Builds wasm/bin/*.wasm and MANIFEST.json, or checks that the sources still give those bytes. Standard library only.

Toolchains: rustup's where its wasm32-unknown-unknown target is installed, or Debian's rustc-web, cargo-web,
rust-web-src and lld, which build core themselves. The one that made the committed bytes (MANIFEST.json) is taken where
it is there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WASM = ROOT / 'wasm'
KERNELS = ('calibration', 'distance', 'handeye', 'marks', 'overlay', 'registration', 'surface', 'tracking')
TARGET = 'wasm32-unknown-unknown'
PACKAGES = ('rustc-web', 'cargo-web', 'rust-web-src', 'lld')
LINKERS = ('wasm-ld-14', 'wasm-ld')
COMMON = ('-Ctarget-feature=+simd128', '-Zunstable-options', '-Zlocation-detail=none')
RECIPES = {
    'debian': ((*COMMON, '-Cpanic=immediate-abort'), ('-Zbuild-std=core,alloc',)),
    'rustup': ((*COMMON, '-Cpanic=abort'), ()),
}


class BuildError(Exception):
    """One line that says what is missing or different."""


@dataclass(frozen=True)
class Toolchain:
    """A way to build: ``recipe`` of RECIPES, the tools, and what identifies the bytes that they give."""

    recipe: str
    cargo: str
    rustc: str
    linker: str | None
    rustc_version: str
    linker_version: str

    def identity(self) -> dict[str, Any]:
        """Return what must be equal for bytes to be comparable."""
        flags, arguments = RECIPES[self.recipe]
        return {
            'recipe': self.recipe,
            'rustc': self.rustc_version,
            'linker': self.linker_version,
            'flags': [*flags, *arguments],
        }


def output(*command: str) -> str:
    """Return a command's standard output, empty where it fails or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=WASM).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ''


def find_rustup() -> Toolchain | None:
    """Return rustup's active toolchain if its WebAssembly target is installed."""
    sysroot = output('rustc', '--print', 'sysroot')
    cargo = shutil.which('cargo')
    if not sysroot or not cargo or not (Path(sysroot) / 'lib' / 'rustlib' / TARGET).is_dir():
        return None
    rustc = str(Path(sysroot) / 'bin' / 'rustc')
    return Toolchain('rustup', cargo, rustc, None, output(rustc, '--version'), 'rust-lld')


def find_debian() -> Toolchain | None:
    """Return Debian's toolchain if rustc, cargo, the library's sources and a linker are there."""
    cargo, rustc = Path('/usr/bin/cargo'), Path('/usr/bin/rustc')
    linker = next((found for name in LINKERS if (found := shutil.which(name))), None)
    sysroot = output(str(rustc), '--print', 'sysroot') if rustc.exists() else ''
    sources = Path(sysroot) / 'lib' / 'rustlib' / 'src' / 'rust' / 'library' / 'core'
    if not (cargo.exists() and sysroot and linker and sources.is_dir()):
        return None
    version = output(str(rustc), '--version')
    return Toolchain('debian', str(cargo), str(rustc), linker, version, output(linker, '--version'))


def find_toolchain(wanted: str | None, manifest: dict[str, Any]) -> Toolchain:
    """Return the toolchain asked for, else the manifest's, else the first there is; raises BuildError for none."""
    found = [t for t in (find_rustup(), find_debian()) if t and wanted in (None, t.recipe)]
    if not found:
        raise BuildError(
            f'no toolchain: needs rustup with `rustup target add {TARGET}`, or Debian packages {" ".join(PACKAGES)} '
            '(tools/build_wasm.py --install-toolchain)'
        )
    return next((t for t in found if t.identity() == manifest.get('toolchain')), found[0])


def build(toolchain: Toolchain, target_dir: Path) -> dict[str, bytes]:
    """Return the bytes of every kernel."""
    _, arguments = RECIPES[toolchain.recipe]
    packages = [part for name in KERNELS for part in ('-p', f'module-{name}')]
    command = [toolchain.cargo, 'build', '--release', '--locked', '--target', TARGET, *arguments, *packages]
    print('building:', ' '.join(command), f'({toolchain.rustc_version})', flush=True)
    done = subprocess.run(command, cwd=WASM, env=environment(toolchain, target_dir), check=False)
    if done.returncode:
        raise BuildError(f'cargo failed with status {done.returncode}')
    return {name: (target_dir / TARGET / 'release' / f'{name}.wasm').read_bytes() for name in KERNELS}


def environment(toolchain: Toolchain, target_dir: Path) -> dict[str, str]:
    """Return an environment in which neither the user's settings nor any path reaches the bytes."""
    groups = ('CARGO_BUILD_', 'CARGO_PROFILE_', 'CARGO_TARGET_')
    kept = {k: v for k, v in os.environ.items() if not k.startswith(groups)}
    for name in ('RUSTFLAGS', 'RUSTC_WRAPPER', 'RUSTC_WORKSPACE_WRAPPER', 'RUSTUP_TOOLCHAIN', 'CARGO_INCREMENTAL'):
        kept.pop(name, None)
    flags = [*RECIPES[toolchain.recipe][0], *(f'--remap-path-prefix={a}={b}' for a, b in remaps(toolchain))]
    if toolchain.linker:
        flags.append(f'-Clinker={toolchain.linker}')
    added = {
        'RUSTC_BOOTSTRAP': '1',
        'RUSTC': toolchain.rustc,
        'CARGO_TARGET_DIR': str(target_dir),
        'CARGO_ENCODED_RUSTFLAGS': '\x1f'.join(flags),
    }
    return {**kept, **added}


def remaps(toolchain: Toolchain) -> Iterator[tuple[str, str]]:
    """Yield the path prefixes that differ between machines, and what stands in their place."""
    home = os.environ.get('CARGO_HOME') or os.path.join(os.path.expanduser('~'), '.cargo')
    yield home, '/cargo'
    yield str(WASM), '/kernels'
    yield os.path.join(output(toolchain.rustc, '--print', 'sysroot'), 'lib', 'rustlib', 'src', 'rust'), '/rust'


def borders(data: bytes) -> tuple[list[str], list[str]]:
    """Return the names of a module's imports and exports (WebAssembly core specification, section 5.5)."""
    names: dict[int, list[str]] = {2: [], 7: []}
    at = 8
    while at < len(data):
        section, (size, at) = data[at], leb128(data, at + 1)
        if section == 2:
            names[2].append(f'{leb128(data, at)[0]} imports')
        elif section == 7:
            names[7] = export_names(data, at)
        at += size
    return names[2], names[7]


def export_names(data: bytes, at: int) -> list[str]:
    """Return the sorted names in the export section that begins at ``at``."""
    count, at = leb128(data, at)
    names = []
    for _ in range(count):
        length, at = leb128(data, at)
        names.append(data[at : at + length].decode())
        _, at = leb128(data, at + length + 1)
    return sorted(names)


def leb128(data: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned LEB128 number and the place behind it."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not data[at - 1] & 0x80:
            return value, at


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return MANIFEST.json, empty where there is none; raises BuildError where it cannot be parsed."""
    path = folder / 'MANIFEST.json'
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
        return manifest
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise BuildError(f'{path}: {error}') from None


def write(built: dict[str, bytes], toolchain: Toolchain, folder: Path) -> None:
    """Write the kernels and their manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in built.items():
        (folder / f'{name}.wasm').write_bytes(data)
    entries = {n: {'sha256': hashlib.sha256(d).hexdigest(), 'size': len(d)} for n, d in sorted(built.items())}
    manifest = {'abi': abi_version(), 'toolchain': toolchain.identity(), 'kernels': entries}
    (folder / 'MANIFEST.json').write_text(json.dumps(manifest, indent=2) + '\n')


def abi_version() -> int:
    """Return ABI_VERSION of the abi crate's source."""
    lines = (WASM / 'abi' / 'src' / 'lib.rs').read_text().splitlines()
    return next(int(line.split('=')[1].strip(' ;')) for line in lines if line.startswith('pub const ABI_VERSION'))


def check(toolchain: Toolchain, manifest: dict[str, Any], folder: Path) -> None:
    """Rebuild aside and compare; raises BuildError naming what differs."""
    committed = {name: committed_bytes(name, manifest, folder) for name in KERNELS}
    with tempfile.TemporaryDirectory(prefix='arsurg-wasm-') as scratch:
        built = build(toolchain, Path(scratch) / 'target')
        if toolchain.identity() == manifest.get('toolchain'):
            compare_bytes(built, committed, folder)
        else:
            compare_behaviour(built, committed, Path(scratch) / 'bin', toolchain, manifest)


def committed_bytes(name: str, manifest: dict[str, Any], folder: Path) -> bytes:
    """Return a committed kernel; raises BuildError where it is missing or is not the manifest's."""
    path = folder / f'{name}.wasm'
    if not path.is_file():
        raise BuildError(f'{path} is missing: run tools/build_wasm.py and commit what it writes')
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != manifest.get('kernels', {}).get(name, {}).get('sha256'):
        raise BuildError(f'{path}: SHA-256 differs from MANIFEST.json')
    return data


def compare_bytes(built: dict[str, bytes], committed: dict[str, bytes], folder: Path) -> None:
    """Raise BuildError for any difference."""
    wrong = [str(folder / f'{name}.wasm') for name in KERNELS if built[name] != committed[name]]
    if wrong:
        raise BuildError(f'{", ".join(wrong)}: differs from what the sources give: run tools/build_wasm.py and commit')
    print(f'{len(built)} kernels rebuilt with the toolchain of MANIFEST.json: bytes equal')


def compare_behaviour(
    built: dict[str, bytes], committed: dict[str, bytes], scratch: Path, toolchain: Toolchain, manifest: dict[str, Any]
) -> None:
    """Check another toolchain's kernels by their borders and golden vectors, and say that bytes were not compared."""
    print(f'bytes NOT compared: the committed kernels were made by {manifest.get("toolchain")}')
    print(f'                    this machine has {toolchain.identity()}')
    for name in KERNELS:
        imports, exports = borders(built[name])
        if imports or exports != borders(committed[name])[1]:
            raise BuildError(f'{name}: the rebuilt kernel has {imports or "no imports"} and the exports {exports}')
    write(built, toolchain, scratch)
    command = [python(), '-m', 'arsurg_ros.kernels.golden', str(scratch)]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise BuildError(f'the rebuilt kernels fail their golden vectors, or {command[0]} lacks wasmtime and numpy')
    print('golden vectors and exports of the rebuilt kernels fit')


def python() -> str:
    """Return the project's interpreter, or this one."""
    own = ROOT / '.venv' / 'bin' / 'python'
    return str(own) if own.exists() else sys.executable


def install_toolchain() -> None:
    """Install Debian's packages unless the kernels' own toolchain is there.

    Raises BuildError that says what is missing where that may not be done and no other toolchain could take its place.
    """
    found = [t for t in (find_rustup(), find_debian()) if t]
    if any(t.identity() == read_manifest(WASM / 'bin').get('toolchain') for t in found):
        return
    try:
        install_debian()
    except BuildError:
        if not found:
            raise


def install_debian() -> None:
    """Install the packages by apt-get; raises BuildError where that may not be done or fails."""
    prefix = [] if os.getuid() == 0 else ['sudo', '-n']
    apt = shutil.which('apt-get')
    if not apt or (prefix and not may_sudo()):
        raise BuildError(f'cannot install here (needs apt-get and root or sudo); missing: {" ".join(PACKAGES)}')
    env = ['env', 'DEBIAN_FRONTEND=noninteractive']
    subprocess.run([*prefix, *env, apt, 'update', '-q'], check=False)
    done = subprocess.run([*prefix, *env, apt, 'install', '-qy', '--no-install-recommends', *PACKAGES], check=False)
    if done.returncode or not find_debian():
        raise BuildError(f'apt-get could not install {" ".join(PACKAGES)}')


def may_sudo() -> bool:
    """Tell whether sudo works without asking."""
    return bool(shutil.which('sudo')) and subprocess.run(['sudo', '-n', 'true'], check=False).returncode == 0


def main() -> int:
    """Build or check; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('--check', action='store_true', help='rebuild aside and compare with the committed kernels')
    parser.add_argument('--install-toolchain', action='store_true', help='install Debian packages first, where allowed')
    parser.add_argument('--toolchain', choices=sorted(RECIPES), help="default: MANIFEST.json's where it is there")
    parser.add_argument('--out', type=Path, default=WASM / 'bin', help='folder of the kernels (default: wasm/bin)')
    arguments = parser.parse_args()
    try:
        if arguments.install_toolchain:
            install_toolchain()
        manifest = read_manifest(arguments.out)
        toolchain = find_toolchain(arguments.toolchain, manifest)
        if arguments.check:
            check(toolchain, manifest, arguments.out)
        else:
            write(build(toolchain, WASM / 'target' / f'wasm-{toolchain.recipe}'), toolchain, arguments.out)
            print(f'{", ".join(KERNELS)} and MANIFEST.json written to {arguments.out}')
    except BuildError as error:
        print(f'build_wasm: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
