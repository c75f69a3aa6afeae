# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.parametrize(('number', 'times'), [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGINT, 2000)])
def test_a_node_ends_cleanly_however_often_it_is_told(ros_domain, tmp_path, number, times):
    log = tmp_path / 'log'
    with log.open('wb') as out:
        command = [sys.executable, '-m', 'arsurg_ros.nodes.instrument', '--ros-args', '-p', 'autostart:=true', '-p', 'tool:=x']
        process = subprocess.Popen(command, env=ros_domain, stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 30
        # Told before DDS is there, it would have nothing to clean up.
        while time.monotonic() < deadline and 'fastrtps' not in Path(f'/proc/{process.pid}/maps').read_text():
            time.sleep(0.05)
        time.sleep(0.5)
        for _ in range(times):
            if process.poll() is not None:
                break
            process.send_signal(number)
            time.sleep(0.002)
        assert process.wait(20) == 0, log.read_text()
        assert 'Traceback' not in log.read_text()
    finally:
        process.kill()


def test_wrong_parameters_are_one_line_and_status_2(ros_domain):
    command = [sys.executable, '-m', 'arsurg_ros.nodes.overlay', '--ros-args', '-p', 'stale_s:=7.0']
    done = subprocess.run(command, env=ros_domain, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith('error: ') and 'stale_s' in line and '1.0' in line
