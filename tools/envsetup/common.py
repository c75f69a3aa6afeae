# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every part of the set-up shares: the folders, the error, the environment and the steps that it shows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]

#: What would make a child use other packages than the environment's own, or skip the wheels' library path.
FOREIGN = (
    'PYTHONHOME', 'PYTHONSTARTUP', 'PYTHONUSERBASE', 'VIRTUAL_ENV', '__PYVENV_LAUNCHER__',
    '_ROS_WHEELS_BOOTSTRAP_COMPLETE', 'PIP_TARGET', 'PIP_PREFIX', 'PIP_ROOT', 'PIP_USER', 'PIP_REQUIREMENT',
    'PIP_CONSTRAINT', 'PIP_NO_BINARY', 'PIP_DRY_RUN', 'PIP_PYTHON', 'PIP_EDITABLE',
)


class SetupError(Exception):
    """What stops the set-up, in one line with the remedy."""


@dataclass(frozen=True)
class Places:
    """The folders of one set-up; tests give their own."""

    repo: Path = REPO

    @property
    def venv(self) -> Path:
        """The environment."""
        return self.repo / '.venv'

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.venv / 'bin' / 'python'

    @property
    def stamp(self) -> Path:
        """Written last: without it the environment is unfinished."""
        return self.venv / 'arsurg-setup.json'

    @property
    def log(self) -> Path:
        """Everything that pip and the compiler said."""
        return self.venv / 'setup.log'

    @property
    def requirements(self) -> Path:
        """The folder of the pinned requirements."""
        return self.repo / 'requirements'


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CACHE_HOME/arsurg_ros`, by default below `~/.cache`."""
    base = environ.get('XDG_CACHE_HOME', '')
    return (Path(base) if Path(base).is_absolute() else Path.home() / '.cache') / 'arsurg_ros'


def clean_environ(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return ``environ`` without what would lead a child elsewhere; a sourced ROS 2 keeps its PYTHONPATH."""
    drop = FOREIGN if environ.get('ROS_DISTRO') else (*FOREIGN, 'PYTHONPATH', 'AMENT_PREFIX_PATH')
    kept = {key: value for key, value in environ.items() if key not in drop}
    return {**kept, 'PYTHONNOUSERSITE': '1', 'PIP_DISABLE_PIP_VERSION_CHECK': '1', 'PIP_NO_INPUT': '1'}


def run(command: Sequence[str | Path], log: Path, lock: int | None = None, **environ: str) -> None:
    """Run ``command`` with its words in ``log``; SetupError with the last telling line when it fails.

    The child inherits the lock: should this process be killed, the next set-up waits until the child is gone.
    """
    words = [str(word) for word in command]
    with log.open('a', encoding='utf-8') as out:
        print('$', *words, file=out, flush=True)
        start = out.tell()
        result = subprocess.run(
            words, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False,
            env={**clean_environ(), **environ}, pass_fds=() if lock is None else (lock,),
        )
    if result.returncode:
        said = log.read_text(encoding='utf-8', errors='replace').encode()[start:].decode(errors='replace').splitlines()
        errors = [line for line in said if 'error' in line.lower()] or said or [f'exit status {result.returncode}']
        raise SetupError(f'{" ".join(words[:4])} ... failed: {errors[-1].strip()} (all of it in {log})')


@dataclass
class Progress:
    """Shows numbered steps with their seconds."""

    total: int
    done: int = 0

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Name the step before it starts and its seconds when it has ended well."""
        self.done += 1
        started = time.monotonic()
        print(f'[{self.done}/{self.total}] {what} ...', end=' ', flush=True)
        try:
            yield
        except BaseException:
            print('failed', flush=True)
            raise
        print(f'{time.monotonic() - started:.1f} s', flush=True)
        sys.stdout.flush()
