# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from arsurg_ros.errors import ArsurgError
from arsurg_ros.runner import SystemRunner, node_command, write_parameters
from arsurg_ros.system import NodeSpec

SPEC = NodeSpec('tracker', 'eye', {'autostart': True, 'boards': ['a=b']}, {'camera/image_raw': '/x'}, 'room')


def test_command_and_parameters(tmp_path):
    command = node_command(SPEC, write_parameters(SPEC, tmp_path))
    assert command[:3] == [sys.executable, '-m', 'arsurg_ros.nodes.tracker']
    assert '__node:=eye' in command and '__ns:=/room' in command and 'camera/image_raw:=/x' in command
    written = yaml.safe_load((tmp_path / 'eye.yaml').read_text())
    assert written == {'/**': {'ros__parameters': {'autostart': True, 'boards': ['a=b']}}}


def script(text):
    return [sys.executable, '-c', text]


def test_processes_end_with_the_run_even_deaf_ones(tmp_path, monkeypatch):
    monkeypatch.setattr('arsurg_ros.runner.TERM_WAIT_S', 0.5)
    with SystemRunner((), {}, tmp_path) as runner:
        meek = runner.start('meek', script('import time; time.sleep(60)'))
        deaf = runner.start(
            'deaf', script('import signal, time; signal.signal(2, signal.SIG_IGN); print("up", flush=True); time.sleep(60)')
        )
        deadline = time.monotonic() + 10
        while 'up' not in runner.log_path('deaf').read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert runner.peaks_mib()['meek'] > 1
    assert meek.poll() is not None
    assert deaf.poll() == -9


def test_a_node_that_ended_by_itself_is_told_with_its_last_words(tmp_path, monkeypatch):
    ends = script('print("no such tool"); raise SystemExit(3)')
    monkeypatch.setattr('arsurg_ros.runner.node_command', lambda spec, path: ends)
    with SystemRunner((SPEC,), {}, tmp_path) as runner:
        runner._processes['eye'].wait()
        with pytest.raises(ArsurgError, match='eye ended with status 3: no such tool'):
            runner.check()


def test_complaints_are_counted(tmp_path):
    with SystemRunner((), {}, tmp_path) as runner:
        runner.start('a', script('print("[WARN] x\\n[INFO] y\\n[ERROR] z")')).wait()
        runner.start('b', script('print("[INFO] y")')).wait()
        (line,) = runner.complaints()
    assert line.startswith('a: 2 warnings') and line.endswith('[ERROR] z')


def runs(process):
    """Tell whether /proc/<pid> is a process that is not a zombie."""
    try:
        return (process / 'stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def test_nodes_do_not_outlive_an_arsurg_that_was_killed(tmp_path):
    parent = subprocess.Popen(
        script(
            'import sys, time; from pathlib import Path; from arsurg_ros.runner import SystemRunner\n'
            f'with SystemRunner((), {{}}, Path({str(tmp_path)!r})) as runner:\n'
            '    print(runner.start("n", [sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)\n'
            '    time.sleep(60)'
        ),
        stdout=subprocess.PIPE,
    )
    child = Path('/proc') / parent.stdout.readline().decode().strip()
    assert child.exists()
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while runs(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not runs(child)
