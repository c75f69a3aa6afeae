# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""tf2_msgs, which no wheel brings: built once, kept in the user's cache, copied into the environment, checked."""

from __future__ import annotations

import os
import shutil
import sysconfig
import tempfile
from pathlib import Path

from envsetup.common import Places, SetupError, cache_dir, run
from envsetup.stamp import digest, sources

HASH = 'RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087'


def cached(places: Places, tag: str) -> Path:
    """Where the build for the interpreter of SOABI ``tag`` is kept: other pins or sources, another place."""
    pins = [places.requirements / f'{name}.txt' for name in ('run', 'ros', 'tf2_msgs')]
    key = digest([tag, sysconfig.get_platform(), *pins, *sources(places.repo / 'tools' / 'tf2_msgs')])
    return cache_dir() / f'tf2_msgs-{tag}-{key[:16]}'


def need_compiler() -> None:
    """Raise in one line where the build could not work."""
    for variable, names, package in (('CC', ('cc', 'gcc', 'clang'), 'C'), ('CXX', ('c++', 'g++', 'clang++'), 'C++')):
        chosen = os.environ.get(variable, '').split()[:1] or names
        if not any(shutil.which(name) for name in chosen):
            raise SetupError(
                f'no {package} compiler ({", ".join(chosen)}) on PATH, needed once to build tf2_msgs: '
                'sudo apt install build-essential'
            )
    include = Path(sysconfig.get_path('include'))
    if not (include / 'Python.h').is_file():
        raise SetupError(f'{include}/Python.h is missing, needed once to build tf2_msgs: sudo apt install python3-dev')


def build(places: Places, target: Path, lock: int) -> None:
    """Build into a folder beside ``target`` and rename it there, so that an interrupted build leaves nothing valid."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='tf2_msgs-', suffix='.tmp', dir=target.parent) as work:
        extra = Path(work) / 'packages'
        pip: list[str | Path] = [places.python, '-m', 'pip', 'install', '--no-deps', '--target', extra]
        words = (places.requirements / 'tf2_msgs.txt').read_text().split()
        pins = dict(word.split('==') for word in words if '==' in word)
        run([*pip, '--only-binary', ':all:', f'setuptools=={pins["setuptools"]}'], places.log, lock)
        path = {'PYTHONPATH': str(extra)}
        run([*pip, '--no-build-isolation', f'empy=={pins["empy"]}'], places.log, lock, **path)
        program = places.repo / 'tools' / 'tf2_msgs' / 'build.py'
        run([places.python, program, Path(work) / 'out'], places.log, lock, **path)
        try:
            (Path(work) / 'out').rename(target)
        except OSError:
            if not target.is_dir():  # else another set-up was faster, with the same build
                raise


def install(places: Places, built: Path) -> None:
    """Copy a build into the environment."""
    site = next((places.venv / 'lib').glob('python3.*/site-packages'))
    for part, folder in (('lib', places.venv / 'lib'), ('site', site), ('share', places.venv / 'share')):
        shutil.copytree(built / part, folder, dirs_exist_ok=True)


def verify(places: Places, lock: int) -> None:
    """Ask the built type itself for its hash, which peers compare on the wire."""
    run([places.python, places.repo / 'tools' / 'tf2_msgs' / 'type_hash.py', HASH], places.log, lock)
