# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The environment that the nodes start in: profile, domain, shared memory, and the type on /tf."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from arsurg_ros import environment
from arsurg_ros.doctor import TF2_HASH, parse_probe
from arsurg_ros.errors import ArsurgError

PROFILE = str(environment.profile_path())
#: One 1080p bgr8 image, and a queue of five of them.
IMAGE_BYTES = 1920 * 1080 * 3


def test_the_profile_is_named_to_both_generations_of_fast_dds() -> None:
    made = environment.ros_environment({'HOME': '/h'})
    assert made == {'HOME': '/h', **dict.fromkeys(environment.PROFILE_VARIABLES, PROFILE)}


@pytest.mark.parametrize('name', environment.PROFILE_VARIABLES)
def test_a_profile_of_the_users_own_stays_alone(name: str) -> None:
    base = {name: '/mine.xml', 'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp'}
    assert environment.ros_environment(base) == base


def test_isolation_keeps_discovery_on_this_host() -> None:
    base = {'ROS_STATIC_PEERS': '10.0.0.1', 'ROS_DISCOVERY_SERVER': 'x:1', 'ROS_LOCALHOST_ONLY': '0'}
    made = environment.ros_environment(base, isolated=True)
    assert made[environment.RANGE_VARIABLE] == 'LOCALHOST'
    assert not set(base) & set(made)


def test_the_input_is_not_changed() -> None:
    base: dict[str, str] = {}
    environment.ros_environment(base, isolated=True)
    assert base == {}


def test_the_profile_holds_a_queue_of_1080p_images() -> None:
    name = '{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}'
    root = ET.parse(PROFILE).getroot()
    sizes = {key: int(root.findtext(f'.//{name}{key}', '0')) for key in ('segment_size', 'maxMessageSize')}
    assert sizes['segment_size'] >= 5 * IMAGE_BYTES
    assert sizes['maxMessageSize'] >= IMAGE_BYTES


@pytest.mark.ros
def test_a_node_takes_the_profile_and_announces_the_official_tf_type(ros_domain: dict[str, str]) -> None:
    probe = [sys.executable, '-m', 'arsurg_ros.nodes.probe']
    done = subprocess.run(probe, env=ros_domain, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = parse_probe(done.stdout)
    assert found['tf2_hash'] == TF2_HASH
    if found['rmw'].startswith('rmw_fastrtps'):
        assert found['segment_bytes'] >= 64 << 20


@pytest.mark.ros
def test_a_node_without_the_profile_takes_a_small_segment(ros_domain: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / 'empty.xml'
    other.write_text('<dds xmlns="http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"><profiles/></dds>')
    chosen = ros_domain | dict.fromkeys(environment.PROFILE_VARIABLES, str(other))
    probe = [sys.executable, '-m', 'arsurg_ros.nodes.probe']
    done = subprocess.run(probe, env=chosen, capture_output=True, text=True, check=True)
    assert parse_probe(done.stdout)['segment_bytes'] < 64 << 20


def test_two_runs_never_get_the_same_domain() -> None:
    with environment.reserved_domain() as first, environment.reserved_domain() as second:
        assert first != second
        with pytest.raises(ArsurgError, match='none of the 2 domains'), environment.reserved_domain([first, second]):
            pass
    with environment.reserved_domain([first]) as again:
        assert again == first


def test_a_domain_with_a_participant_is_not_free() -> None:
    with environment.reserved_domain() as domain_id:
        for port in environment.domain_ports(domain_id):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as participant:
                participant.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                participant.bind(('', port))
                assert environment.in_use(domain_id)
        assert not environment.in_use(domain_id)


def test_a_free_domain_is_kept_until_the_process_ends() -> None:
    domain_id = environment.free_domain_id()
    assert domain_id in environment.DOMAINS
    with pytest.raises(ArsurgError), environment.reserved_domain([domain_id]):
        pass


def test_ports_follow_the_rtps_rule() -> None:
    assert environment.domain_ports(0) == (7400, 7410)
    assert environment.domain_ports(101) == (32650, 32660)


def make_segment(folder: Path, name: str, age_s: float) -> Path:
    """Write a segment and its lock file, ``age_s`` old."""
    segment, lock = folder / name, folder / f'{name}_el'
    segment.write_bytes(b'x' * 1000)
    lock.touch()
    old = lock.stat().st_mtime - age_s
    os.utime(lock, (old, old))
    return segment


def test_only_segments_that_nobody_holds_are_stale(tmp_path: Path) -> None:
    dead = make_segment(tmp_path, 'fastrtps_dead', 60)
    new = make_segment(tmp_path, 'fastrtps_new', 0)
    alive = make_segment(tmp_path, 'fastdds_alive', 60)
    with (tmp_path / 'fastdds_alive_el').open('rb') as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert environment.stale_segments(tmp_path) == (environment.Segment(dead, 1000),)
        assert environment.remove_stale_segments(tmp_path) == 1000
    assert not dead.exists()
    assert not (tmp_path / 'fastrtps_dead_el').exists()
    assert new.exists()
    assert alive.exists()
    assert environment.remove_stale_segments(tmp_path) == 1000  # now that its owner let go


def test_a_lock_without_its_segment_is_no_segment(tmp_path: Path) -> None:
    make_segment(tmp_path, 'fastrtps_gone', 60).unlink()
    assert environment.stale_segments(tmp_path) == ()
    assert environment.stale_segments(tmp_path / 'missing') == ()
