# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The environment in which the nodes start: the Fast DDS profile, a domain of their own, leftovers in shared memory.

Standard library only, since it acts before rclpy is imported: Fast DDS reads its profile once, at the first import.
"""

from __future__ import annotations

import errno
import fcntl
import random
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from arsurg_ros.errors import ArsurgError
from arsurg_ros.resources import share_dir

PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
DOMAIN_VARIABLE = 'ROS_DOMAIN_ID'
RANGE_VARIABLE = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
#: Domains whose ports lie below Linux's ephemeral ones; 0 is everybody's default and is left to them.
DOMAINS = range(1, 102)
SHARED_MEMORY = Path('/dev/shm')
#: What one participant with config/fastdds.xml takes in /dev/shm, all of it at its start.
SEGMENT_BYTES = 70_255_136


def profile_path() -> Path:
    """Return the shipped Fast DDS profile for big images; raises DataError without a share folder."""
    return share_dir() / 'config' / 'fastdds.xml'


def ros_environment(base: Mapping[str, str], *, isolated: bool = False) -> dict[str, str]:
    """Return ``base`` with the Fast DDS profile, unless it names one; the RMW is left alone.

    ``isolated`` keeps discovery on this host and off other people's peers and servers, for a demo or a test.
    """
    environment = dict(base)
    if not any(environment.get(name) for name in PROFILE_VARIABLES):
        environment.update(dict.fromkeys(PROFILE_VARIABLES, str(profile_path())))
    if isolated:
        for name in ('ROS_STATIC_PEERS', 'ROS_DISCOVERY_SERVER', 'ROS_LOCALHOST_ONLY'):
            environment.pop(name, None)
        environment[RANGE_VARIABLE] = 'LOCALHOST'
    return environment


def domain_ports(domain_id: int) -> tuple[int, int]:
    """Return a domain's UDP discovery ports: multicast and the first participant's (DDSI-RTPS 9.6.2.3)."""
    base = 7400 + 250 * domain_id
    return base, base + 10


def in_use(domain_id: int) -> bool:
    """Whether a participant of this host, ours or not, is on the domain."""
    return any(not _can_bind(port) for port in domain_ports(domain_id))


def _can_bind(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.bind(('', port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
        return True


def _claim(domain_id: int) -> socket.socket | None:
    # An abstract socket: one owner a host, no file to be left behind, gone with the process however it ends.
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f'\0arsurg_ros/domain/{domain_id}')
    except OSError:
        claim.close()
        return None
    return claim


def claim_domain(candidates: Sequence[int] = DOMAINS) -> tuple[int, socket.socket]:
    """Return an unused domain and the claim that keeps it from other runs until it is closed; raises ArsurgError."""
    for domain_id in random.sample(candidates, len(candidates)):
        claim = _claim(domain_id)
        if claim is None:
            continue
        if not in_use(domain_id):
            return domain_id, claim
        claim.close()
    raise ArsurgError(
        f'{DOMAIN_VARIABLE}: none of the {len(candidates)} domains tried is free here: end other ROS 2 runs, or set it'
    )


@contextmanager
def reserved_domain(candidates: Sequence[int] = DOMAINS) -> Iterator[int]:
    """Hold an unused domain for the length of a ``with``; raises ArsurgError where none is free."""
    domain_id, claim = claim_domain(candidates)
    with closing(claim):
        yield domain_id


_held: list[socket.socket] = []


def free_domain_id() -> int:
    """Return an unused domain that stays claimed until this process ends; raises ArsurgError where none is free."""
    domain_id, claim = claim_domain()
    _held.append(claim)
    return domain_id


@dataclass(frozen=True)
class Segment:
    """A Fast DDS shared-memory segment whose process is gone, and its size in bytes."""

    path: Path
    size_bytes: int


def stale_segments(folder: Path = SHARED_MEMORY, older_than_s: float = 10.0) -> tuple[Segment, ...]:
    """Return the segments that killed processes left: each has a lock file that its owner holds while it lives."""
    found = []
    for lock in sorted(folder.glob('fastrtps_*_el')) + sorted(folder.glob('fastdds_*_el')):
        segment = lock.with_name(lock.name.removesuffix('_el'))
        try:
            aged = time.time() - lock.stat().st_mtime >= older_than_s
            if aged and not _is_locked(lock):
                found.append(Segment(segment, segment.stat().st_size))
        except OSError:
            continue  # gone meanwhile, or another user's
    return tuple(found)


def _is_locked(path: Path) -> bool:
    with path.open('rb') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def remove_stale_segments(folder: Path = SHARED_MEMORY) -> int:
    """Remove what killed processes left in shared memory, where it is ours; return the bytes given back."""
    freed = 0
    for segment in stale_segments(folder):
        try:
            segment.path.unlink()
            freed += segment.size_bytes
            segment.path.with_name(f'{segment.path.name}_el').unlink(missing_ok=True)
        except OSError:
            continue
    return freed
