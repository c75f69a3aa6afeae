# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg doctor``: what is here, what is wrong, and the remedy. Every check is a function without side effects."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arsurg_ros import environment
from arsurg_ros.errors import ArsurgError

if TYPE_CHECKING:
    from arsurg_ros.kernels.host import KernelInfo

OK, WARN, ERROR = 'ok', 'warn', 'error'
TF2_HASH = 'RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087'
#: Nodes of the demo and its monitor; each takes a shared-memory segment.
PARTICIPANTS = 7
RECEIVE_BUFFER_BYTES = 4 << 20


@dataclass(frozen=True)
class Check:
    """One line of the report: ``status`` is ok, warn (works, with a drawback) or error (does not work)."""

    name: str
    status: str
    found: str
    remedy: str = ''


def check_python() -> Check:
    """Python's version and where it is."""
    found = f'{platform.python_version()} ({sys.executable})'
    good = (3, 10) <= sys.version_info[:2] <= (3, 13)
    return Check('python', OK if good else ERROR, found, '' if good else 'use Python 3.10 to 3.13: make setup')


def probe_ros(environ: Mapping[str, str]) -> dict[str, Any]:
    """Let another process open a node in the environment that the nodes get; ``error`` says why it could not."""
    try:
        with environment.reserved_domain() as domain_id:
            isolated = environment.ros_environment(environ, isolated=True) | {'ROS_DOMAIN_ID': str(domain_id)}
            done = subprocess.run(
                [sys.executable, '-m', 'arsurg_ros.nodes.probe'],
                env=isolated, capture_output=True, text=True, timeout=60, check=False,
            )
        if done.returncode == 0:
            return parse_probe(done.stdout)
        said = done.stderr.strip().splitlines()
        return {'error': said[-1] if said else f'the probe ended with status {done.returncode}'}
    except (OSError, subprocess.TimeoutExpired, ValueError, ArsurgError) as error:
        return {'error': str(error)}


def parse_probe(text: str) -> dict[str, Any]:
    """Return the probe's object from its output, among which Fast DDS may have put words; raises ValueError."""
    found = [line for line in text.splitlines() if line.startswith('{')]
    if not found:
        raise ValueError(f'the probe said nothing that can be read: {text.strip()[:80]!r}')
    return dict(json.loads(found[-1]))


def check_ros(probe: Mapping[str, Any], environ: Mapping[str, str]) -> Check:
    """Which ROS 2, and whether it was sourced or came as wheels."""
    if 'error' in probe:
        return Check('ros', ERROR, str(probe['error']), 'make setup (or source ROS 2 Jazzy and make setup)')
    wheels = str(probe['rclpy_path']).startswith(sys.prefix)
    source = 'wheels' if wheels else f'sourced, {probe["rclpy_path"]}'
    distro = 'jazzy' if wheels else environ.get('ROS_DISTRO', 'unknown')
    return Check('ros', OK, f'{distro} ({source}), rclpy {probe["rclpy"]}')


def check_rmw(probe: Mapping[str, Any]) -> Check:
    """Which middleware carries the topics."""
    rmw = str(probe.get('rmw', 'unknown'))
    good = rmw.startswith('rmw_fastrtps')
    remedy = '' if good else 'big images were measured with rmw_fastrtps_cpp alone: unset RMW_IMPLEMENTATION'
    return Check('rmw', OK if good else WARN, rmw, remedy)


def check_profile(probe: Mapping[str, Any], environ: Mapping[str, str]) -> Check:
    """Whether the Fast DDS profile for big images took effect: by the segment that a real participant made."""
    chosen = environment.ros_environment(environ)[environment.PROFILE_VARIABLES[0]]
    own = not any(environ.get(name) for name in environment.PROFILE_VARIABLES)
    size = int(probe.get('segment_bytes', 0))
    found = f'{chosen} ({"shipped" if own else "yours"}), shared segment {size / 2**20:.1f} MiB'
    if size >= environment.SEGMENT_BYTES:
        return Check('profile', OK, found)
    remedy = 'free /dev/shm (see shared_memory)' if own else f'unset it, or follow {environment.profile_path()}'
    return Check('profile', WARN, found, f'{remedy}: big images get lost or late without it')


def check_tf2(probe: Mapping[str, Any]) -> Check:
    """Whether /tf is of the type that RViz and tf2 know."""
    found = str(probe.get('tf2_hash', 'unknown'))
    good = found == TF2_HASH
    remedy = '' if good else f'{TF2_HASH} is the official one: make clean setup'
    return Check('tf2_msgs', OK if good else ERROR, found, remedy)


def check_opencv() -> Check:
    """Whether OpenCV has the ArUco detector of 4.7 and later."""
    try:
        import cv2
    except ImportError as error:
        return Check('opencv', ERROR, str(error), 'pip install "opencv-python-headless>=4.10,<5"')
    if not hasattr(getattr(cv2, 'aruco', None), 'ArucoDetector'):
        remedy = 'markers need ArucoDetector of 4.7 or later: pip install "opencv-python-headless>=4.10,<5"'
        return Check('opencv', ERROR, f'{cv2.__version__}, without ArucoDetector', remedy)
    return Check('opencv', OK, f'{cv2.__version__}, ArucoDetector')


def check_packages(names: Sequence[str] = ('numpy', 'scipy', 'wasmtime', 'rosbags', 'vtk', 'psutil', 'matplotlib')) -> Check:
    """Look for the other Python packages, with their versions."""
    missing = [name for name in names if util.find_spec(name) is None]
    versions = ', '.join(f'{name} {_version(name)}' for name in names if name not in missing)
    if missing:
        return Check('packages', ERROR, f'{versions}; missing {", ".join(missing)}', f'pip install {" ".join(missing)}')
    return Check('packages', OK, versions)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return '?'


def check_cores() -> Check:
    """How many processors this process may use."""
    cores = len(os.sched_getaffinity(0))
    remedy = '' if cores >= 2 else 'the chain runs as several processes: two cores or more'
    return Check('cores', OK if cores >= 2 else WARN, f'{cores} of {os.cpu_count()}, {platform.machine()}', remedy)


def check_realtime() -> Check:
    """Whether a node could ask for real-time priority and locked memory."""
    priority, locked = (resource.getrlimit(what)[0] for what in (resource.RLIMIT_RTPRIO, resource.RLIMIT_MEMLOCK))
    kernel = _read(Path('/sys/kernel/realtime')) == '1'
    endless = locked == resource.RLIM_INFINITY
    found = (
        f'rtprio {priority}, memlock {"unlimited" if endless else f"{locked >> 20} MiB"}, '
        f'{"PREEMPT_RT" if kernel else "ordinary"} kernel'
    )
    if os.geteuid() == 0 or (priority != 0 and endless):
        return Check('realtime', OK, found)
    remedy = 'in /etc/security/limits.d: "@realtime - rtprio 98", "@realtime - memlock unlimited"; join that group'
    return Check('realtime', WARN, f'{found}: fine for a demo', remedy)


def check_shared_memory(folder: Path = environment.SHARED_MEMORY) -> Check:
    """Whether /dev/shm holds the nodes' segments, and what killed processes left there."""
    if not folder.is_dir():
        return Check('shared_memory', WARN, f'{folder} is missing', f'mount a tmpfs on {folder}: images go by UDP now')
    usage = shutil.disk_usage(folder)
    stale = environment.stale_segments(folder)
    left = sum(segment.size_bytes for segment in stale)
    needed = PARTICIPANTS * environment.SEGMENT_BYTES
    found = f'{folder}: {usage.free >> 20} of {usage.total >> 20} MiB free, {len(stale)} left by killed processes'
    if usage.free + left < needed:
        remedy = f'{needed >> 20} MiB are needed: mount -o remount,size=1g {folder}; in a container --shm-size=1g'
        return Check('shared_memory', WARN, found, remedy)
    if stale:
        return Check('shared_memory', WARN, f'{found} ({left >> 20} MiB)', 'arsurg doctor --clean')
    return Check('shared_memory', OK, found)


def check_buffers(path: Path = Path('/proc/sys/net/core/rmem_max')) -> Check:
    """Whether the kernel lets UDP keep a big image from another host."""
    text = _read(path)
    size = int(text) if text.isdigit() else 0
    if size >= RECEIVE_BUFFER_BYTES:
        return Check('udp_buffers', OK, f'net.core.rmem_max {size}')
    remedy = f'for images from other hosts: sudo sysctl -w net.core.rmem_max={RECEIVE_BUFFER_BYTES}'
    return Check('udp_buffers', WARN, f'net.core.rmem_max {text or "unknown"}: enough on one host', remedy)


def check_cameras(devices: Path = Path('/dev'), classes: Path = Path('/sys/class/video4linux')) -> Check:
    """List the V4L2 devices with their names, and whether they may be opened."""
    videos = sorted(devices.glob('video[0-9]*'))
    named = [f'{video} {_read(classes / video.name / "name") or "unnamed"}' for video in videos]
    closed = [str(video) for video in videos if not os.access(video, os.R_OK | os.W_OK)]
    if closed:
        found = f'{", ".join(named)}; no access to {", ".join(closed)}'
        return Check('cameras', WARN, found, 'sudo usermod -aG video $USER, then log in again')
    return Check('cameras', OK, ', '.join(named) or 'none (the demo and recordings need none)')


def check_kernels(kernels: Iterable[KernelInfo] | None = None) -> list[Check]:
    """Check every WebAssembly kernel: its hash against the manifest, and whether it loads."""
    if kernels is None:
        try:
            from arsurg_ros.kernels.host import kernel_info
        except ImportError as error:
            return [Check('kernels', ERROR, str(error), 'pip install wasmtime==50.0.1')]
        kernels = kernel_info()
    return [_kernel(kernel) for kernel in kernels]


def _kernel(kernel: KernelInfo) -> Check:
    name = f'kernel {kernel.name}'
    if kernel.problem:
        return Check(name, ERROR, kernel.problem, 'git checkout wasm/bin, or make wasm')
    return Check(name, OK, f'sha256 {kernel.sha256[:16]}, ABI {kernel.abi}, layout {kernel.layout}')


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8', errors='replace').strip()
    except OSError:
        return ''


def examine(environ: Mapping[str, str]) -> list[Check]:
    """Run every check; a few seconds, most of it the node that the probe opens."""
    probe = probe_ros(environ)
    ros = [check_ros(probe, environ)]
    if 'error' not in probe:
        ros += [check_rmw(probe), check_profile(probe, environ), check_tf2(probe)]
    return [
        check_python(), *ros, check_opencv(), check_packages(), *check_kernels(), check_cores(), check_realtime(),
        check_shared_memory(), check_buffers(), check_cameras(),
    ]


def as_text(checks: Sequence[Check]) -> str:
    """Lay the checks out for a terminal, each remedy below what it mends."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f'{check.status:5}  {check.name:{width}}  {check.found}')
        if check.remedy:
            lines.append(f'{"":5}  {"":{width}}  -> {check.remedy}')
    errors, warnings = (sum(check.status == what for check in checks) for what in (ERROR, WARN))
    lines.append(f'{errors} errors, {warnings} warnings')
    return '\n'.join(lines)


def as_json(checks: Sequence[Check]) -> str:
    """Return the one object of ``--json``: ``ok`` and ``checks`` (name, status, found, remedy)."""
    ok = all(check.status != ERROR for check in checks)
    return json.dumps({'ok': ok, 'checks': [asdict(check) for check in checks]}, indent=2)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``arsurg doctor``; 1 where something does not work."""
    parser = argparse.ArgumentParser(prog='arsurg doctor', description='What is here, what is wrong, and the remedy.')
    parser.add_argument('--json', metavar='FILE', help='write the checks as one JSON object; - for the standard output')
    parser.add_argument('--clean', action='store_true', help='first remove what killed processes left in shared memory')
    arguments = parser.parse_args(argv)
    if arguments.clean:
        print(f'{environment.remove_stale_segments() >> 20} MiB of shared memory given back', file=sys.stderr)
    checks = examine(os.environ)
    if arguments.json == '-':
        print(as_json(checks))
    else:
        print(as_text(checks))
        if arguments.json:
            Path(arguments.json).write_text(as_json(checks) + '\n', encoding='utf-8')
    return int(any(check.status == ERROR for check in checks))


if __name__ == '__main__':
    sys.exit(main())
