# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`make check`: every part that is not pytest. All run, whatever fails before; the end names each with its outcome.

A part whose tools are missing and may not be installed here is named as NOT CHECKED; with CI=true that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import build_wasm

REPO = Path(__file__).resolve().parents[1]
OK, FAILED, SKIPPED = 'ok', 'FAILED', 'NOT CHECKED'
#: What tools/build_wasm.py says when another toolchain than the kernels' own had to do.
NOT_COMPARED = 'bytes NOT compared'


@dataclass(frozen=True)
class Part:
    """One command; ``missing`` is why it cannot run here, ``partly`` words of its output that mean half done."""

    name: str
    command: Sequence[str]
    folder: Path = REPO
    environ: Mapping[str, str] = field(default_factory=dict)
    missing: str = ''
    partly: str = ''


@dataclass(frozen=True)
class Outcome:
    """What came of a part."""

    name: str
    status: str
    detail: str


def cargo_test() -> Part:
    """Return the native tests of the kernels, by the toolchain that builds them where there is one."""
    command = ['test', '--workspace', '--locked', '--quiet']
    try:
        toolchain = build_wasm.find_toolchain(None, build_wasm.read_manifest(build_wasm.WASM / 'bin'))
        rustdoc = Path(toolchain.rustc).with_name('rustdoc')
        # Another toolchain's rustdoc, first on PATH, could not read what this rustc compiled.
        tools = {'RUSTC': toolchain.rustc, **({'RUSTDOC': str(rustdoc)} if rustdoc.exists() else {})}
        targets = [] if rustdoc.exists() else ['--lib', '--bins', '--tests']
        return Part('cargo test', [toolchain.cargo, *command, *targets], build_wasm.WASM, tools)
    except build_wasm.BuildError as error:
        cargo = shutil.which('cargo')
        usable = bool(cargo and build_wasm.output(cargo, '--version') and build_wasm.output('rustc', '--version'))
        return Part('cargo test', [cargo or 'cargo', *command], build_wasm.WASM, missing='' if usable else str(error))


def install_toolchain() -> Outcome:
    """Install what builds the kernels, where that may be done."""
    try:
        build_wasm.install_toolchain()
        found = build_wasm.find_toolchain(None, build_wasm.read_manifest(build_wasm.WASM / 'bin'))
        return Outcome('rust toolchain', OK, f'{found.recipe}: {found.rustc_version}')
    except build_wasm.BuildError as error:
        return Outcome('rust toolchain', SKIPPED, str(error))


def check(part: Part) -> Outcome:
    """Run a part and show its words as they come."""
    if part.missing:
        return Outcome(part.name, SKIPPED, part.missing)
    print(f'--- {part.name}: {" ".join(part.command)}', flush=True)
    started, said = time.monotonic(), []
    process = subprocess.Popen(
        part.command, cwd=part.folder, env={**os.environ, **part.environ}, text=True, errors='replace',
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end='', flush=True)
        said.append(line.rstrip())
    status = process.wait()
    seconds = f'{time.monotonic() - started:.1f} s'
    if status:
        return Outcome(part.name, FAILED, f'status {status}, {seconds}')
    half = next((line for line in said if part.partly and part.partly in line), '')
    return Outcome(part.name, SKIPPED, half) if half else Outcome(part.name, OK, seconds)


def verdict(outcomes: Sequence[Outcome], ci: bool) -> int:
    """Return the exit status: a failure counts always, a part that was not checked in CI."""
    bad = (FAILED, SKIPPED) if ci else (FAILED,)
    return int(any(outcome.status in bad for outcome in outcomes))


def main() -> int:
    """Run all parts and say how each went."""
    python, builder = sys.executable, str(Path(__file__).with_name('build_wasm.py'))
    outcomes = [check(Part('ruff', [python, '-m', 'ruff', 'check', '.'])), check(Part('mypy', [python, '-m', 'mypy']))]
    toolchain = install_toolchain()
    missing = '' if toolchain.status == OK else toolchain.detail
    outcomes += [toolchain, check(cargo_test())]
    outcomes.append(check(Part('kernel bytes', [python, builder, '--check'], missing=missing, partly=NOT_COMPARED)))
    print('\nmake check:')
    for outcome in outcomes:
        print(f'  {outcome.status:12} {outcome.name:14} {outcome.detail}')
    return verdict(outcomes, os.environ.get('CI', '').lower() in ('1', 'true', 'yes'))


if __name__ == '__main__':
    sys.exit(main())
