# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`make setup`: nothing to do in a blink, else a new `.venv` from the start, in numbered steps."""

from __future__ import annotations

import configparser
import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

from envsetup import ros, stamp, tf2
from envsetup.common import Places, Progress, SetupError, run

#: A script that starts with the environment's python wherever it lies, with blanks in the path or not.
SCRIPT = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys

from {module} import {function}

sys.exit({function}())
"""


def check_host(distro: str) -> None:
    """Raise in one line where the host cannot carry the environment."""
    for name in ('venv', 'ensurepip'):
        if importlib.util.find_spec(name) is None:
            version = f'{sys.version_info[0]}.{sys.version_info[1]}'
            raise SetupError(f'{sys.executable} has no {name} module: sudo apt install python{version}-venv')
    if distro:
        return
    libc, version = platform.libc_ver()
    if (sys.platform, platform.machine(), libc) != ('linux', 'x86_64', 'glibc') or tuple(
        map(int, version.split('.')[:2])
    ) < (2, 28):
        raise SetupError(
            'ROS 2 comes as wheels for Linux x86-64 with glibc 2.28 or later alone, this is '
            f'{sysconfig.get_platform()} {libc} {version}: source a ROS 2 Jazzy first'
        )


def clear(places: Places) -> None:
    """Take an old or half-made environment away: renamed first, so that no half of it can be taken for one."""
    if places.venv.is_symlink():
        places.venv.unlink()
    elif places.venv.exists():
        known = [places.venv / name for name in ('pyvenv.cfg', 'bin', 'lib', 'setup.log')]
        if any(places.venv.iterdir()) and not any(path.exists() for path in known):
            raise SetupError(f'{places.venv} is no virtual environment: move it away')
        places.venv.rename(places.repo / f'.venv.old-{os.getpid()}-{time.time_ns()}')
    for old in places.repo.glob('.venv.old-*'):
        shutil.rmtree(old, ignore_errors=True)


def make_venv(places: Places, base: str, distro: str, lock: int) -> None:
    """Make the bare environment, on top of the ROS installation's packages where there is one."""
    places.venv.mkdir()
    places.log.touch()
    flags = ['--system-site-packages'] if distro else []
    run([base, '-m', 'venv', *flags, '--prompt', 'arsurg_ros', places.venv], places.log, lock)


def pip_install(places: Places, names: Sequence[str], lock: int, without: Sequence[str] = ()) -> None:
    """Install whole requirement files, wheels alone and nothing that they do not name."""
    command: list[str | Path] = [places.python, '-m', 'pip', 'install', '--no-deps', '--only-binary', ':all:']
    for name in names:
        wanted = places.requirements / f'{name}.txt'
        lines = [line for line in wanted.read_text().splitlines() if line.split('==')[0] not in without]
        chosen = places.venv / f'{name}.txt'
        chosen.write_text('\n'.join(lines) + '\n')
        command += ['-r', chosen]
    run(command, places.log, lock)


def install_tf2(places: Places, lock: int) -> None:
    """Put tf2_msgs into the environment, from the cache where that holds a good one."""
    built = tf2.cached(places, sysconfig.get_config_var('SOABI'))
    for _ in range(2):
        if not built.is_dir():
            try:
                tf2.build(places, built, lock)
            except PermissionError:
                built = places.venv / 'tf2_msgs'  # a cache that cannot be written costs a second, not the set-up
                tf2.build(places, built, lock)
        try:
            tf2.install(places, built)
            return tf2.verify(places, lock)
        except (SetupError, OSError) as error:
            shutil.rmtree(built, ignore_errors=True)
            failure = error
    raise SetupError(str(failure))


def link_package(places: Places) -> None:
    """Lay this package into the environment as `colcon build --symlink-install` would: edits count at once."""
    site = next((places.venv / 'lib').glob('python3.*/site-packages'))
    share = places.venv / 'share' / 'arsurg_ros'
    marker = places.venv / 'share' / 'ament_index' / 'resource_index' / 'packages' / 'arsurg_ros'
    for folder in (share, marker.parent, places.venv / 'lib' / 'arsurg_ros'):
        folder.mkdir(parents=True, exist_ok=True)
    marker.touch()
    for link in (site / 'arsurg_ros', *(share / name for name in ('package.xml', 'launch', 'rviz', 'config', 'wasm'))):
        link.unlink(missing_ok=True)
        link.symlink_to(places.repo / link.name)
    for name, module, function in console_scripts(places.repo / 'setup.cfg'):
        folder = places.venv / ('bin' if name == 'arsurg' else 'lib/arsurg_ros')
        script = folder / name
        script.write_text(SCRIPT.format(python=places.python, module=module, function=function))
        script.chmod(0o755)


def console_scripts(setup_cfg: Path) -> list[tuple[str, str, str]]:
    """Read (name, module, function) of every executable from where setup.py has them too."""
    config = configparser.ConfigParser()
    config.read(setup_cfg, encoding='utf-8')
    lines = config['options.entry_points']['console_scripts'].strip().splitlines()
    words = [line.replace('=', ':').replace(' ', '').split(':') for line in lines]
    return [(name, module, function) for name, module, function in words]


def make(places: Places, distro: str, groups: Sequence[str], only_this_python: bool, lock: int) -> None:
    """Make the whole environment anew and write the stamp last."""
    check_host(distro)
    base = ros.matching_python(distro, only_this_python) if distro else sys.executable
    if not distro and not tf2.cached(places, sysconfig.get_config_var('SOABI')).is_dir():
        tf2.need_compiler()
    progress = Progress(4 if distro else 5)
    with progress.step(f'.venv of {base}, {"on ROS 2 " + distro if distro else "without ROS 2"}'):
        clear(places)
        make_venv(places, base, distro, lock)
    with progress.step(f'packages ({", ".join(["run", *groups])})'):
        # The compiled messages of an installed ROS 2 are tied to the numpy that is installed with it.
        kept = ('numpy',) if distro and ros.lacks(base, ('numpy',)) == [] else ()
        pip_install(places, ['run', *groups], lock, without=kept)
    if not distro:
        with progress.step('ROS 2 Jazzy'):
            pip_install(places, ['ros'], lock)
        with progress.step('tf2_msgs'):
            install_tf2(places, lock)
    with progress.step('arsurg_ros'):
        link_package(places)
        check = 'import sys, rclpy, numpy, cv2, wasmtime, rosbags, tf2_msgs.msg; print("Python", sys.version)'
        run([places.python, '-c', check], places.log, lock)
    version = next(line for line in (places.venv / 'pyvenv.cfg').read_text().splitlines() if line.startswith('version'))
    stamp.write(
        places,
        stamp.Stamp(
            stamp.environment_key(places, distro), version.split('=')[1].strip(), stamp.interpreter(places.python),
            {group: stamp.group_key(places, group) for group in (*groups, stamp.LINKS)},
        ),
    )


def bring_up(places: Places, groups: Sequence[str], only_this_python: bool) -> None:
    """Make or complete the environment where it needs it."""
    distro = ros.sourced()
    found = stamp.finished(places, distro, only_this_python)
    if found and not stamp.missing_groups(places, found, groups):
        return
    with stamp.lock(places) as lock:
        found = stamp.finished(places, distro, only_this_python)  # another one may just have finished
        if not found:
            make(places, distro, groups, only_this_python, lock)
        elif missing := stamp.missing_groups(places, found, groups):
            if stamp.LINKS in missing:
                link_package(places)
            if wanted := [group for group in missing if group != stamp.LINKS]:
                with Progress(1).step(f'packages ({", ".join(wanted)})'):
                    pip_install(places, wanted, lock)
            added = {group: stamp.group_key(places, group) for group in missing}
            stamp.write(places, stamp.Stamp(found.key, found.version, found.interpreter, {**found.groups, **added}))


def main(arguments: Sequence[str], only_this_python: bool) -> int:
    """Set up with the named groups; 2 and one line where that cannot be."""
    unknown = [word for word in arguments if word not in stamp.GROUPS]
    try:
        if unknown:
            raise SetupError(f'unknown group {unknown[0]!r}: one of {", ".join(stamp.GROUPS)}')
        bring_up(Places(), list(dict.fromkeys(arguments)), only_this_python)
    except SetupError as error:
        print(f'setup: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('setup: interrupted; the next call starts it again', file=sys.stderr)
        return 130
    return 0
