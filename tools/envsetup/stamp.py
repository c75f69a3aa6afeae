# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the environment is finished and still the right one: a stamp written last, atomically, and a lock."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from envsetup.common import Places, SetupError

#: Requirement files that a target may add to an environment that stands.
GROUPS = ('test', 'check', 'bench')
#: The package's own executables and shared files, which cost nothing to lay anew.
LINKS = 'links'


def digest(parts: Iterable[str | Path]) -> str:
    """Hash words and the contents of files, in order."""
    sha = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        sha.update(len(content).to_bytes(8, 'little') + content)
    return sha.hexdigest()


def sources(folder: Path) -> list[Path]:
    """Every file below ``folder`` that is part of the project."""
    return sorted(path for path in folder.rglob('*') if path.is_file() and '__pycache__' not in path.parts)


def environment_key(places: Places, ros: str) -> str:
    """Hash what the environment is made from; another folder, ROS or requirement makes another key."""
    tools = [*sources(places.repo / 'tools' / 'envsetup'), *sources(places.repo / 'tools' / 'tf2_msgs')]
    pins = [places.requirements / f'{name}.txt' for name in ('run', 'ros', 'tf2_msgs')]
    return digest([str(places.repo), ros, *pins, *tools])


def group_key(places: Places, group: str) -> str:
    """Hash what a group, or the links, are made from."""
    return digest([places.repo / 'setup.cfg' if group == LINKS else places.requirements / f'{group}.txt'])


def interpreter(python: Path) -> list[str | int]:
    """Identify the base interpreter, so that an upgraded or removed one is noticed."""
    real = python.resolve(strict=True)
    status = real.stat()
    return [str(real), status.st_size, status.st_mtime_ns]


@dataclass(frozen=True)
class Stamp:
    """What a finished environment is."""

    key: str
    version: str
    interpreter: list[str | int]
    groups: dict[str, str]


def read(places: Places) -> Stamp | None:
    """Return the stamp, or None where there is none, it cannot be read, or its interpreter is gone."""
    try:
        stamp = Stamp(**json.loads(places.stamp.read_text(encoding='utf-8')))
        return stamp if stamp.interpreter == interpreter(places.python) else None
    except (OSError, ValueError, TypeError):
        return None


def write(places: Places, stamp: Stamp) -> None:
    """Put the stamp in place in one step."""
    new = places.stamp.with_suffix('.new')
    new.write_text(json.dumps(asdict(stamp), indent=1), encoding='utf-8')
    os.replace(new, places.stamp)


def finished(places: Places, ros: str, only_this_python: bool) -> Stamp | None:
    """Return the stamp of an environment that is whole and made from what is here now."""
    stamp = read(places)
    if stamp is None or stamp.key != environment_key(places, ros):
        return None
    wanted = '.'.join(map(str, sys.version_info[:3]))
    return None if only_this_python and stamp.version != wanted else stamp


def missing_groups(places: Places, stamp: Stamp, groups: Iterable[str]) -> list[str]:
    """Return the groups, and the links, that the environment lacks or has of another making."""
    return [group for group in (*groups, LINKS) if stamp.groups.get(group) != group_key(places, group)]


@contextmanager
def lock(places: Places) -> Iterator[int]:
    """Hold the folder's one set-up at a time; say so when another has it."""
    try:
        descriptor = os.open(places.repo / '.venv.lock', os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise SetupError(f'cannot write in {places.repo}: {error.strerror}; clone into a folder of your own') from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print('setup: another one runs in this folder; waiting for it', flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
