# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`make setup`: refusals in one line, a stamp that is trusted only when it may be, healing after an interruption."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO / 'tools'))

from envsetup import main as setup  # noqa: E402
from envsetup import ros, stamp, tf2  # noqa: E402
from envsetup.common import Places, SetupError, cache_dir, clean_environ, run  # noqa: E402


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Give a folder with what the set-up reads, a cache of its own and no ROS 2."""
    repo = tmp_path / 'a clone'
    for name in ('tools', 'requirements'):
        shutil.copytree(REPO / name, repo / name, ignore=shutil.ignore_patterns('__pycache__'))
    shutil.copy(REPO / 'setup.cfg', repo)
    (repo / 'arsurg_ros').mkdir()
    for name in ('ROS_DISTRO', 'ROS_VERSION', 'CC', 'CXX'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return Places(repo)


class Host:
    """Stands in for pip, venv and the compiler: does in no time what they leave behind, and may be cut off."""

    def __init__(self, places: Places) -> None:
        """Count the commands of one set-up; ``dies_at`` cuts off before the command of that number."""
        self.places, self.commands, self.dies_at = places, list[list[str]](), -1

    def run(self, command: Sequence[str | Path], log: Path, lock: int | None = None, **environ: str) -> None:
        """Do what ``command`` would."""
        words = [str(word) for word in command]
        if len(self.commands) == self.dies_at:
            raise KeyboardInterrupt
        self.commands.append(words)
        if 'venv' in words:
            version = f'{sys.version_info[0]}.{sys.version_info[1]}'
            (self.places.venv / 'bin').mkdir()
            self.places.python.symlink_to(sys.executable)
            (self.places.venv / 'lib' / f'python{version}' / 'site-packages').mkdir(parents=True)
            (self.places.venv / 'pyvenv.cfg').write_text(f'version = {".".join(map(str, sys.version_info[:3]))}\n')
        if words[1].endswith('build.py'):
            for part in ('lib', 'site/tf2_msgs', 'share'):
                (Path(words[2]) / part).mkdir(parents=True)
            (Path(words[2]) / 'site' / 'tf2_msgs' / '__init__.py').touch()

    def ran(self, word: str) -> int:
        """Count the commands that hold ``word``."""
        return sum(any(word in part for part in command) for command in self.commands)


@pytest.fixture
def host(places: Places, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Put a quick host in the place of the real one."""
    host = Host(places)
    monkeypatch.setattr(setup, 'run', host.run)
    monkeypatch.setattr(tf2, 'run', host.run)
    return host


def whole(places: Places) -> bool:
    """Whether the environment is finished, by its stamp and by what it must hold."""
    site = next((places.venv / 'lib').glob('python3.*/site-packages'))
    parts = [site / 'arsurg_ros', site / 'tf2_msgs', places.venv / 'bin' / 'arsurg']
    return stamp.finished(places, '', False) is not None and all(part.exists() for part in parts)


def test_a_finished_environment_costs_no_command(places: Places, host: Host) -> None:
    setup.bring_up(places, ['test'], False)
    assert whole(places)
    count = len(host.commands)
    setup.bring_up(places, ['test'], False)
    setup.bring_up(places, [], False)
    assert len(host.commands) == count


@pytest.mark.parametrize('dies_at', range(9))
def test_an_interrupted_set_up_heals(places: Places, host: Host, dies_at: int) -> None:
    host.dies_at = dies_at
    try:
        setup.bring_up(places, [], False)
        assert dies_at >= len(host.commands)
    except KeyboardInterrupt:
        assert stamp.finished(places, '', False) is None
    host.dies_at = -1
    setup.bring_up(places, [], False)
    assert whole(places)
    assert not list(places.repo.glob('.venv.old-*'))


def test_every_moment_of_a_set_up_was_cut(places: Places, host: Host) -> None:
    setup.bring_up(places, [], False)
    assert len(host.commands) <= 9, 'test_an_interrupted_set_up_heals does not reach the last command'


@pytest.mark.parametrize('left', ['', 'bin', 'lib/python3.11/site-packages', 'setup.log'])
def test_half_an_environment_is_made_anew(places: Places, host: Host, left: str) -> None:
    (places.venv / left).mkdir(parents=True)
    (places.repo / '.venv.old-1').mkdir()
    setup.bring_up(places, [], False)
    assert whole(places)
    assert not (places.repo / '.venv.old-1').exists()


def test_a_folder_that_is_no_environment_is_not_removed(places: Places, host: Host) -> None:
    (places.venv / 'photos').mkdir(parents=True)
    with pytest.raises(SetupError, match='no virtual environment'):
        setup.bring_up(places, [], False)
    assert (places.venv / 'photos').is_dir()


def test_the_build_of_tf2_msgs_outlives_the_environment(places: Places, host: Host) -> None:
    setup.bring_up(places, [], False)
    shutil.rmtree(places.venv)
    setup.bring_up(places, [], False)
    assert whole(places)
    assert host.ran('build.py') == 1


def test_a_spoilt_build_of_tf2_msgs_is_made_again(places: Places, host: Host) -> None:
    setup.bring_up(places, [], False)
    shutil.rmtree(next(cache_dir().glob('tf2_msgs-*')) / 'site')
    shutil.rmtree(places.venv)
    setup.bring_up(places, [], False)
    assert whole(places)
    assert host.ran('build.py') == 2


def test_a_group_is_added_to_an_environment_that_stands(places: Places, host: Host) -> None:
    setup.bring_up(places, [], False)
    setup.bring_up(places, ['test'], False)
    assert host.ran('venv') and host.commands[-1][-1].endswith('test.txt')
    count = len(host.commands)
    (places.requirements / 'test.txt').write_text('pytest==9.9\n')
    setup.bring_up(places, ['test', 'check'], False)
    assert len(host.commands) == count + 1
    assert whole(places)


def test_a_new_executable_needs_no_new_environment(places: Places, host: Host) -> None:
    setup.bring_up(places, [], False)
    count = len(host.commands)
    with (places.repo / 'setup.cfg').open('a') as file:
        file.write('    robot = arsurg_ros.nodes.robot:main\n')
    setup.bring_up(places, [], False)
    assert len(host.commands) == count
    assert (places.venv / 'lib' / 'arsurg_ros' / 'robot').is_file()
    assert whole(places)


def change_pins(places: Places) -> None:
    (places.requirements / 'ros.txt').write_text('ros-rclpy==9\n')


def change_interpreter(places: Places) -> None:
    other = places.repo / 'python-other'
    shutil.copy(Path(sys.executable).resolve(), other)
    places.python.unlink()
    places.python.symlink_to(other)


def lose_interpreter(places: Places) -> None:
    places.python.unlink()
    places.python.symlink_to('/nowhere/python')


def spoil_stamp(places: Places) -> None:
    places.stamp.write_text('{"key": "x"')


def old_stamp(places: Places) -> None:
    places.stamp.write_text('{"key": "x"}')


@pytest.mark.parametrize('change', [change_pins, change_interpreter, lose_interpreter, spoil_stamp, old_stamp])
def test_what_it_was_made_from_counts(places: Places, host: Host, change: Callable[[Places], None]) -> None:
    setup.bring_up(places, [], False)
    change(places)
    assert stamp.finished(places, '', False) is None
    setup.bring_up(places, [], False)
    assert whole(places)
    assert host.ran('venv') >= 2


def test_another_folder_ros_or_chosen_python_is_another_environment(places: Places, host: Host) -> None:
    setup.bring_up(places, [], False)
    assert stamp.finished(places, '', True) is not None
    assert stamp.finished(places, 'jazzy', False) is None
    moved = Places(places.repo.with_name('moved'))
    places.repo.rename(moved.repo)
    assert stamp.finished(moved, '', False) is None


def test_a_chosen_python_of_another_version_is_taken(
    places: Places, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.bring_up(places, [], False)
    monkeypatch.setattr(sys, 'version_info', (3, 12, 99))
    assert stamp.finished(places, '', False) is not None
    assert stamp.finished(places, '', True) is None


def test_two_set_ups_at_once_take_turns(places: Places) -> None:
    code = (
        f'import sys; sys.path.insert(0, {str(REPO / "tools")!r}); from pathlib import Path;'
        'from envsetup import stamp; from envsetup.common import Places;'
        f'lock = stamp.lock(Places(Path({str(places.repo)!r}))); lock.__enter__(); print("mine", flush=True)'
    )
    with stamp.lock(places):
        other = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert 'waiting' in other.stdout.readline()
    assert other.stdout.readline() == 'mine\n'
    assert other.wait() == 0
    other.stdout.close()


def test_a_killed_set_up_keeps_the_lock_until_its_child_is_gone(places: Places) -> None:
    with stamp.lock(places) as lock:
        child = subprocess.Popen(['cat'], stdin=subprocess.PIPE, pass_fds=(lock,))
    with (places.repo / '.venv.lock').open('rb') as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    child.communicate()
    with stamp.lock(places):
        pass


def test_the_executables_are_those_of_the_package(places: Places, host: Host) -> None:
    setup.bring_up(places, [], False)
    assert {path.name for path in (places.venv / 'lib' / 'arsurg_ros').iterdir()} == {
        'camera', 'tracker', 'instrument', 'registration', 'overlay', 'viewer', 'clock',
    }
    source = (places.venv / 'bin' / 'arsurg').read_text()
    assert 'from arsurg_ros.cli import main' in source
    assert os.access(places.venv / 'bin' / 'arsurg', os.X_OK)
    package = places.repo / 'arsurg_ros'
    (package / '__init__.py').touch()
    (package / 'cli.py').write_text('def main():\n    print("started", __file__)\n    return 3\n')
    # A blank in the path breaks an ordinary #! line.
    done = subprocess.run(
        [places.venv / 'bin' / 'arsurg'], capture_output=True, text=True, check=False,
        env={**clean_environ(), 'PYTHONPATH': str(places.repo)},
    )
    assert (done.returncode, done.stdout.split()[:1]) == (3, ['started']), done.stderr


def entry(arguments: Sequence[str], before: str = '', **environ: str) -> subprocess.CompletedProcess[str]:
    """Run tools/setup_env.py in a process of its own, after the statements of ``before``."""
    program = f'{before}\nimport sys, runpy; sys.argv = ["setup_env.py", *{list(arguments)!r}]'
    program += f'\nrunpy.run_path({str(REPO / "tools" / "setup_env.py")!r}, run_name="__main__")'
    command = [sys.executable, '-I', '-c', program]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


OLD = 'import sys; sys.version_info = (3, 9, 1, "final", 0)'


def test_an_unsupported_python_says_so_in_one_line(tmp_path: Path) -> None:
    done = entry(['test'], OLD, PATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count('\n')) == (2, '', 1)
    assert 'Python 3.9' in done.stderr
    assert 'make PYTHON=' in done.stderr


def fake(folder: Path, name: str, script: str) -> None:
    """Put an executable shell script on the PATH of a test."""
    (folder / name).write_text(f'#!/bin/sh\n{script}\n')
    (folder / name).chmod(0o755)


def test_another_python_on_the_path_takes_over(tmp_path: Path) -> None:
    fake(tmp_path, 'python3', 'exit 1')
    fake(tmp_path, 'python3.12', '[ "$1" = -c ] || echo took over: "$@"')
    done = entry(['test'], OLD, PATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:2] == ['took', 'over:']
    assert done.stdout.split()[-1] == 'test'


def test_a_python_that_was_asked_for_is_not_replaced(tmp_path: Path) -> None:
    fake(tmp_path, 'python3.12', 'echo took over')
    done = entry(['--only-this-python'], OLD, PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.startswith('setup: Python 3.9')


def test_make_without_a_python_says_so_in_one_line(tmp_path: Path) -> None:
    make = shutil.which('make')
    if not make:
        pytest.skip('no make on PATH')
    command = [make, '-s', '-C', str(REPO), 'setup', 'PYTHON=no-such-python']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if not line.startswith('make')]
    assert done.returncode != 0
    assert len(said) == 1
    assert 'no no-such-python on PATH' in said[0]


def test_an_unknown_group_is_named() -> None:
    done = entry(['tset'])
    assert (done.returncode, done.stderr) == (2, "setup: unknown group 'tset': one of test, check, bench\n")


@pytest.mark.parametrize(
    ('tools', 'said'),
    [([], 'no C compiler'), (['cc'], 'no C++ compiler')],
)
def test_a_missing_compiler_says_so_before_anything_is_done(
    places: Places, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: list[str], said: str
) -> None:
    bin_dir = tmp_path / 'bin'
    bin_dir.mkdir()
    for name in tools:
        fake(bin_dir, name, 'exit 0')
    monkeypatch.setenv('PATH', str(bin_dir))
    with pytest.raises(SetupError) as caught:
        setup.bring_up(places, [], False)
    assert said in str(caught.value)
    assert 'apt install build-essential' in str(caught.value)
    assert '\n' not in str(caught.value)
    assert not host.commands
    assert not places.venv.exists()


def test_a_compiler_is_not_needed_once_tf2_msgs_is_built(
    places: Places, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.bring_up(places, [], False)
    shutil.rmtree(places.venv)
    monkeypatch.setenv('PATH', str(tmp_path))
    setup.bring_up(places, [], False)
    assert whole(places)


def test_a_compiler_that_was_named_is_looked_for(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('CXX', 'no-such-c++ -O2')
    with pytest.raises(SetupError, match=r'no C\+\+ compiler \(no-such-c\+\+\)'):
        tf2.need_compiler()


def test_missing_python_headers_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf2.sysconfig, 'get_path', lambda name: str(tmp_path))
    with pytest.raises(SetupError, match=r'Python\.h is missing.*python3-dev'):
        tf2.need_compiler()


def test_a_python_without_venv_says_so(places: Places, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup.importlib.util, 'find_spec', lambda name: None if name == 'ensurepip' else object())
    with pytest.raises(SetupError, match=r'no ensurepip module: sudo apt install python3\.\d+-venv'):
        setup.bring_up(places, [], False)
    assert not places.venv.exists()


@pytest.mark.parametrize(
    ('machine', 'libc'), [('aarch64', ('glibc', '2.36')), ('x86_64', ('', '')), ('x86_64', ('glibc', '2.27'))]
)
def test_a_host_without_wheels_says_so(monkeypatch: pytest.MonkeyPatch, machine: str, libc: tuple[str, str]) -> None:
    monkeypatch.setattr(setup.platform, 'machine', lambda: machine)
    monkeypatch.setattr(setup.platform, 'libc_ver', lambda: libc)
    with pytest.raises(SetupError, match='source a ROS 2 Jazzy first'):
        setup.check_host('')
    setup.check_host('jazzy')


def test_a_failing_command_is_told_with_its_error(tmp_path: Path) -> None:
    log = tmp_path / 'log'
    code = 'import sys; print("much"); print("ERROR: no such package", file=sys.stderr); print("bye"); sys.exit(1)'
    with pytest.raises(SetupError, match=r'failed: ERROR: no such package \(all of it in .*log\)') as caught:
        run([sys.executable, '-c', code], log)
    assert '\n' not in str(caught.value)
    assert 'much' in log.read_text()


@pytest.mark.parametrize('distro', ['humble', 'foxy'])
def test_an_old_ros_says_so(distro: str) -> None:
    with pytest.raises(SetupError, match=f'ROS_DISTRO={distro} is sourced and too old: source ROS 2 Jazzy'):
        ros.sourced({'ROS_DISTRO': distro, 'ROS_VERSION': '2'})


def test_ros_1_says_so() -> None:
    with pytest.raises(SetupError, match='too old'):
        ros.sourced({'ROS_DISTRO': 'noetic', 'ROS_VERSION': '1'})


def test_a_sourced_ros_is_seen() -> None:
    assert ros.sourced({'ROS_DISTRO': 'jazzy', 'ROS_VERSION': '2'}) == 'jazzy'
    assert ros.sourced({}) == ''


@pytest.mark.parametrize(
    ('answers', 'said'),
    [
        ({}, r'ROS_DISTRO=jazzy is set but no Python'),
        ({'/usr/bin/python3': ['rclpy']}, r'ROS_DISTRO=jazzy is set but no Python'),
        ({'/usr/bin/python3': ['tf2_msgs', 'std_srvs']}, r'lacks tf2_msgs, std_srvs: .* ros-jazzy-tf2-msgs ros-jazzy'),
    ],
)
def test_a_ros_that_cannot_be_used_says_so(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], said: str) -> None:
    monkeypatch.setattr(ros, 'lacks', lambda python, names: answers.get(python))
    with pytest.raises(SetupError, match=said):
        ros.matching_python('jazzy', False)


def test_the_python_of_the_ros_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {sys.executable: ['rclpy'], 'python3.12': list[str]()}
    monkeypatch.setattr(ros, 'lacks', lambda python, names: answers.get(python))
    assert ros.matching_python('jazzy', False) == 'python3.12'


def test_imports_are_really_asked_for() -> None:
    assert ros.lacks(sys.executable, ('json', 'no_such_module')) == ['no_such_module']
    assert ros.lacks('/nowhere/python3', ('json',)) is None


def test_on_ros_nothing_of_ros_is_installed(places: Places, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DISTRO', 'jazzy')
    monkeypatch.setattr(ros, 'lacks', lambda python, names: [])
    setup.bring_up(places, ['test'], False)
    assert stamp.finished(places, 'jazzy', False) is not None
    assert host.ran('--system-site-packages') == 1
    assert host.ran('ros.txt') == host.ran('build.py') == 0
    assert 'numpy==' not in (places.venv / 'run.txt').read_text()


def test_foreign_paths_do_not_reach_a_child() -> None:
    base = {
        'PATH': '/bin', 'PYTHONPATH': '/evil', 'PYTHONHOME': '/evil', 'PIP_TARGET': '/evil', 'PIP_INDEX_URL': 'u',
        '_ROS_WHEELS_BOOTSTRAP_COMPLETE': '1',
    }
    made = clean_environ(base)
    assert '/evil' not in made.values()
    assert '_ROS_WHEELS_BOOTSTRAP_COMPLETE' not in made
    assert made['PIP_INDEX_URL'] == 'u'
    assert clean_environ({**base, 'ROS_DISTRO': 'jazzy'})['PYTHONPATH'] == '/evil'


def test_the_cache_follows_xdg(tmp_path: Path) -> None:
    assert cache_dir({'XDG_CACHE_HOME': str(tmp_path)}) == tmp_path / 'arsurg_ros'
    assert cache_dir({'XDG_CACHE_HOME': 'relative'}) == cache_dir({}) == Path.home() / '.cache' / 'arsurg_ros'


def test_every_requirement_is_pinned() -> None:
    for path in (REPO / 'requirements').glob('*.txt'):
        lines = [line for line in path.read_text().splitlines() if line and not line.startswith('#')]
        assert lines
        assert [line for line in lines if '==' not in line.split(';')[0] or '*' in line] == []
