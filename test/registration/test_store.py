# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The store against kills, full disks, other writers and changed files; the killed writers are real processes."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from arsurg_ros.errors import RegistrationError
from arsurg_ros.files import atomic
from arsurg_ros.registration.journal import KEPT, Journal, apply, replay
from arsurg_ros.registration.store import ACCEPTED, HEAD, LOG, SessionStore, default_folder, read_log

from .conftest import accepted


def open_store(folder: Path) -> SessionStore:
    return SessionStore(folder, 'ref', 'ct')


def stamps(store: Journal) -> list[int]:
    return [record.result.stamp_ns for record in store.history]


def filled(folder: Path, count: int = 3) -> None:
    store = open_store(folder)
    for k in range(count):
        store.commit('accepted', accepted(k))
    store.close()


def refused(folder: Path, code: str) -> str:
    with pytest.raises(RegistrationError) as caught:
        open_store(folder)
    assert caught.value.code == code and '\n' not in str(caught.value)
    return str(caught.value)


def test_what_was_accepted_is_there_again(tmp_path: Path) -> None:
    store = open_store(tmp_path / 'new' / 'store')
    for k in range(3):
        store.commit('accepted', accepted(k))
    store.commit('reverted', {})
    head = store.head
    store.close()
    again = open_store(tmp_path / 'new' / 'store')
    assert stamps(again) == [0, 1] and again.head == head and again.notes == ()
    assert [e.event for e in again.entries] == ['created', 'accepted', 'accepted', 'accepted', 'reverted']
    content = json.loads((again.folder / ACCEPTED).read_bytes())
    assert [row['registration']['stamp_ns'] for row in content['history']] == [0, 1]
    assert content['log'] == {'sequence': 5, 'sha256': head}


def test_memory_and_disk_do_the_same(tmp_path: Path) -> None:
    events = [('accepted', accepted(1)), ('accepted', accepted(2)), ('reverted', {}), ('validated', {}), ('cleared', {})]
    memory, disk = Journal(), open_store(tmp_path)
    for event, data in events:
        memory.commit(event, data)
        disk.commit(event, data)
        assert stamps(memory) == stamps(disk) == [r.result.stamp_ns for r in replay(disk.entries)]
    assert memory.head == '' and len(disk.head) == 64


def test_impossible_events_are_refused_and_change_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    before = (tmp_path / LOG).read_bytes()
    for event, data in (('reverted', {}), ('exploded', {}), ('accepted', {}), ('loaded', {'history': [{'units': 'mm'}]})):
        with pytest.raises(RegistrationError, match='session_broken'):
            store.commit(event, data)
    assert (tmp_path / LOG).read_bytes() == before


def test_only_so_many_are_kept() -> None:
    history: tuple = ()
    for k in range(KEPT + 5):
        history = apply(history, 'accepted', accepted(k))
    assert len(history) == KEPT and history[0].result.stamp_ns == 5


def test_two_writers_are_one_too_many(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    said = refused(tmp_path, 'store_busy')
    assert f'process {os.getpid()} writes here' in said
    store.close()
    open_store(tmp_path).close()
    assert len(read_log(tmp_path).entries) == 1


def test_other_frames_are_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    with pytest.raises(RegistrationError, match='it is of ref -> ct, this session of femur -> ct') as caught:
        SessionStore(tmp_path, 'femur', 'ct')
    assert caught.value.code == 'store_mismatch'
    open_store(tmp_path).close()  # the refused one has let go of the lock


def test_the_default_folder_is_of_the_frames(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    assert default_folder('ref', 'a/b') == tmp_path / 'arsurg_ros' / 'ref-a_b'
    monkeypatch.delenv('XDG_STATE_HOME')
    assert default_folder('ref', 'ct') == Path.home() / '.local' / 'state' / 'arsurg_ros' / 'ref-ct'


# What was changed is refused.


def edit(path: Path, old: bytes, new: bytes) -> None:
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))


@pytest.mark.parametrize(
    ('change', 'code', 'says'),
    [
        (lambda f: edit(f / ACCEPTED, b'0.0003', b'0.0001'), 'store_broken', 'is not'),
        (lambda f: (f / ACCEPTED).unlink(), 'store_broken', 'is missing'),
        (lambda f: (f / HEAD).unlink(), 'log_broken', 'the head file is missing'),
        (lambda f: (f / LOG).unlink(), 'log_broken', 'ends with line 0'),
        (lambda f: [(f / n).unlink() for n in (LOG, HEAD)], 'store_broken', 'there were some'),
        (lambda f: (f / LOG).write_bytes((f / LOG).read_bytes()[:-1]), 'log_broken', 'unfinished line 4'),
        (lambda f: edit(f / LOG, b'manual', b'dwell_'), 'log_broken', 'line 2'),
    ],
)
def test_changed_files_are_refused(tmp_path: Path, change: Callable[[Path], object], code: str, says: str) -> None:
    filled(tmp_path)
    change(tmp_path)
    assert says in refused(tmp_path, code)


def test_a_log_that_is_not_there() -> None:
    with pytest.raises(RegistrationError, match=r'session_unreadable.*No such file'):
        read_log(Path('/nowhere'))


# The disk does not take it.


@pytest.mark.parametrize('folder', ['/proc/arsurg', '/dev/null/store', '/sys/kernel/arsurg'])
def test_a_folder_that_cannot_be_written_is_named(folder: str) -> None:
    assert folder.split('/')[1] in refused(Path(folder), 'store_unwritable')


def test_a_full_disk_changes_nothing_and_is_named(tmp_path: Path) -> None:
    """A limit on the size of files, as a full disk: the line is written in part, and taken back."""
    filled(tmp_path, 2)
    size = (tmp_path / LOG).stat().st_size
    code = (
        'import resource, sys\n'
        'from test_support import accepted, open_store\n'
        f'store = open_store({str(tmp_path)!r})\n'
        f'resource.setrlimit(resource.RLIMIT_FSIZE, ({size} + 500, resource.RLIM_INFINITY))\n'
        'try:\n    store.commit("validated", {"text": "x" * 2000})\n'
        'except Exception as e:\n    print(type(e).__name__, e)\n'
        'resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n'
        'store.commit("accepted", accepted(7))\n'
        'print([r.result.stamp_ns for r in store.history])\n'
    )
    support = tmp_path / 'support'
    support.mkdir()
    (support / 'test_support.py').write_text(
        'import importlib.util, sys\nfrom pathlib import Path\nfrom arsurg_ros.registration.store import SessionStore\n'
        f'spec = importlib.util.spec_from_file_location("c", {str(Path(__file__).with_name("conftest.py"))!r})\n'
        'c = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(c)\naccepted = c.accepted\n'
        'def open_store(folder):\n    return SessionStore(Path(folder), "ref", "ct")\n'
    )
    path = os.pathsep.join([str(support), str(Path(__file__).resolve().parents[2])])
    done = subprocess.run([sys.executable, '-c', code], env={**os.environ, 'PYTHONPATH': path}, capture_output=True, text=True)
    first, second = done.stdout.splitlines()
    assert first.startswith('RegistrationError store_unwritable:') and 'File too large; nothing was changed' in first
    assert second == '[0, 1, 7]'
    store = open_store(tmp_path)
    assert stamps(store) == [0, 1, 7] and store.notes == ()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_disk_that_fails_at_any_step_changes_nothing_or_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every system call in turn says that there is no space; what the store says afterwards is what it loads."""
    outcomes = set()
    for step in range(30):
        folder = tmp_path / str(step)
        filled(folder, 1)
        store = open_store(folder)
        left = [step]
        with monkeypatch.context() as patch:
            for name in ('write', 'fsync', 'replace'):
                patch.setattr(os, name, _failing(getattr(os, name), left))
            try:
                store.commit('accepted', accepted(1))
            except RegistrationError as e:
                assert e.code == 'store_unwritable'
        held = stamps(store)
        store.close()
        again = open_store(folder)
        assert stamps(again) == held
        again.close()
        outcomes.add((tuple(held), left[0] < 0))
        if left[0] >= 0:
            break
    assert outcomes == {((0,), True), ((0, 1), True), ((0, 1), False)}


def _failing(call: Callable[..., object], left: list[int]) -> Callable[..., object]:
    def fails(*args: object) -> object:
        left[0] -= 1
        if left[0] == -1:
            raise OSError(28, 'No space left on device')
        return call(*args)

    return fails


def test_a_clear_that_cannot_be_written_holds_and_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, 2)
    store = open_store(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, 'write', _failing(os.write, [0]))
        with pytest.raises(RegistrationError, match='No space left'):
            store.drop({'reason': 'asked to'})
    assert stamps(store) == []
    store.commit('accepted', accepted(5))
    assert [e.event for e in store.entries][-2:] == ['cleared', 'accepted']
    store.close()
    assert stamps(open_store(tmp_path)) == [5]


# Killed.


def child(work: Callable[[], None]) -> int:
    """Run ``work`` in a process of its own; return its id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    return pid


def killed(pid: int) -> bool:
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def test_killed_before_every_single_system_call(tmp_path: Path) -> None:
    """Kill -9 before, and in the middle of, each write, sync, rename and cut of one acceptance: the old state or the new."""
    seen = set()
    for half in (False, True):
        for step in range(30):
            folder = tmp_path / f'{step}-{half}'
            filled(folder, 2)
            alive = not killed(child(lambda: _accept_and_die(folder, step, half)))  # noqa: B023
            assert len(read_log(folder).entries) in (3, 4)
            store = open_store(folder)
            assert stamps(store) in ([0, 1], [0, 1, 9])
            seen.add((len(stamps(store)), bool(store.notes)))
            store.commit('accepted', accepted(10))
            store.close()
            again = open_store(folder)
            assert stamps(again)[-1] == 10 and again.notes == ()
            again.close()
            if alive:
                break
        assert alive
    assert {(2, False), (3, True), (3, False), (2, True)} == seen  # (2, True): the line was torn


def _accept_and_die(folder: Path, step: int, half: bool) -> None:
    store = open_store(folder)
    left = [step]

    def deadly(call: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object) -> object:
            left[0] -= 1
            if left[0] == -1:
                if half and call is write:
                    write(args[0], args[1][: len(args[1]) // 2])  # type: ignore[arg-type, index]
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args)

        return run

    write = os.write
    for name in ('write', 'fsync', 'replace', 'ftruncate'):
        setattr(os, name, deadly(getattr(os, name)))
    store.commit('accepted', accepted(9))


def test_killed_at_random_moments_of_a_loop_of_accepts(tmp_path: Path) -> None:
    """What was acknowledged is there; at most one more; the log verifies; again and again in the same folder."""
    rng = random.Random(5)
    moments = 0
    for _ in range(40):
        pipe_read, pipe_write = os.pipe()
        first = len(read_log(tmp_path).entries) if (tmp_path / LOG).exists() else 0
        pid = child(lambda: _accept_on(tmp_path, first, pipe_write))  # noqa: B023
        os.close(pipe_write)
        assert os.read(pipe_read, 1) == b'.'  # it is at work
        time.sleep(rng.uniform(0.0, 0.02))
        os.kill(pid, signal.SIGKILL)
        assert killed(pid)
        acknowledged = 1
        while chunk := os.read(pipe_read, 4096):
            acknowledged += len(chunk)
        os.close(pipe_read)
        chain = read_log(tmp_path)
        accepts = [e for e in chain.entries[first:] if e.event == 'accepted']
        assert acknowledged <= len(accepts) <= acknowledged + 1
        store = open_store(tmp_path)
        assert store.history[-1].result.stamp_ns == accepts[-1].data['record']['registration']['stamp_ns']
        moments += acknowledged
        store.close()
    assert moments > 40
    assert read_log(tmp_path).torn == b''


def _accept_on(folder: Path, first: int, pipe: int) -> None:
    store = open_store(folder)
    k = first
    while True:
        store.commit('accepted', accepted(k))
        os.write(pipe, b'.')
        k += 1


def test_every_new_folder_is_put_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store whose folder's name is lost with the power has lost what was accepted."""
    synced = []
    monkeypatch.setattr(atomic, 'sync_folder', synced.append)
    open_store(tmp_path / 'a' / 'b' / 'store').close()
    assert {tmp_path, tmp_path / 'a', tmp_path / 'a' / 'b', tmp_path / 'a' / 'b' / 'store'} <= set(synced)
