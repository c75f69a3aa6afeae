# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Starts a system's nodes as processes of their own, as launch does, watches them, and ends them."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import yaml

from arsurg_ros.errors import ArsurgError
from arsurg_ros.system import NodeSpec

TERM_WAIT_S = 5.0
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def node_command(spec: NodeSpec, parameter_file: Path) -> list[str]:
    """Return the command line of a node: the same module that ``ros2 run arsurg_ros <executable>`` starts."""
    remaps = [arg for a, b in spec.remappings.items() for arg in ('-r', f'{a}:={b}')]
    return [
        *(sys.executable, '-m', f'arsurg_ros.nodes.{spec.executable}', '--ros-args'),
        *('-r', f'__node:={spec.name}', '-r', f'__ns:=/{spec.namespace}'),
        *remaps,
        *('--params-file', str(parameter_file)),
    ]


def write_parameters(spec: NodeSpec, folder: Path) -> Path:
    """Write a node's parameters as the YAML that ROS reads; return its path."""
    path = folder / f'{spec.name}.yaml'
    path.write_text(yaml.safe_dump({'/**': {'ros__parameters': dict(spec.parameters)}}), encoding='utf-8')
    return path


class SystemRunner:
    """The processes of one run; use it as a context, so that none outlives it."""

    def __init__(self, specs: Sequence[NodeSpec], environment: Mapping[str, str], folder: Path) -> None:
        """Prepare; parameters and logs go to ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._specs = specs
        self._environment = dict(environment)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._peaks_mib: dict[str, float] = {}

    def __enter__(self) -> SystemRunner:
        """Start every node."""
        for spec in self._specs:
            self.start(spec.name, node_command(spec, write_parameters(spec, self.folder)))
        return self

    def __exit__(self, *error: object) -> None:
        """End every process."""
        self.stop()

    def start(self, name: str, command: Sequence[str], stdout: IO[bytes] | int | None = None) -> subprocess.Popen[bytes]:
        """Start one more process beside the nodes; its output goes to its log unless ``stdout`` is given."""
        with self.log_path(name).open('wb') as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout or log, stderr=log, env=self._environment,
                start_new_session=True, preexec_fn=_end_with_parent,
            )
        self._processes[name] = process
        return process

    def log_path(self, name: str) -> Path:
        """Return a process's log."""
        return self.folder / f'{name}.log'

    def check(self) -> None:
        """Raise ArsurgError, with the last line that it said, where a node has ended by itself."""
        for spec in self._specs:
            status = self._processes[spec.name].poll()
            if status is not None:
                said = self.log_path(spec.name).read_text(encoding='utf-8', errors='replace').strip().splitlines()
                raise ArsurgError(f'{spec.name} ended with status {status}: {said[-1] if said else "no word"}')

    def peaks_mib(self) -> dict[str, float]:
        """Return every process's peak resident memory so far, MiB, as the kernel counts it."""
        for name, process in self._processes.items():
            peak = _peak_mib(process.pid)
            if peak is not None:
                self._peaks_mib[name] = round(peak, 1)
        return dict(self._peaks_mib)

    def complaints(self) -> list[str]:
        """Return one line for every log that holds warnings or errors: how many, and the last."""
        lines = []
        for name in self._processes:
            said = self.log_path(name).read_text(encoding='utf-8', errors='replace').splitlines()
            bad = [line for line in said if '[WARN]' in line or '[ERROR]' in line]
            if bad:
                lines.append(f'{name}: {len(bad)} warnings ({self.log_path(name)}), the last: {bad[-1]}')
        return lines

    def stop(self) -> None:
        """Ask every process to end, and end those that do not."""
        running = [p for p in self._processes.values() if p.poll() is None]
        for process in running:
            process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + TERM_WAIT_S
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _end_with_parent() -> None:
    # Nodes whose arsurg was killed would go on for ever, and hold their shared memory.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _peak_mib(pid: int) -> float | None:
    try:
        status = Path(f'/proc/{pid}/status').read_text(encoding='ascii')
    except OSError:
        return None
    rows = [line.split() for line in status.splitlines() if line.startswith('VmHWM')]
    return float(rows[0][1]) / 1024 if rows else None
