# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`arsurg doctor`: every check on a made-up host, and the whole on this one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from arsurg_ros import doctor, environment
from arsurg_ros.doctor import ERROR, OK, WARN, Check
from arsurg_ros.kernels.host import KernelInfo

GOOD: dict[str, Any] = {
    'rclpy': '7.1.6', 'rclpy_path': '/opt/ros/jazzy/lib/python3.12/site-packages/rclpy', 'rmw': 'rmw_fastrtps_cpp',
    'tf2_hash': doctor.TF2_HASH, 'segment_bytes': environment.SEGMENT_BYTES,
}


def test_a_sourced_ros_is_named_with_its_place() -> None:
    found = doctor.check_ros(GOOD, {'ROS_DISTRO': 'jazzy'})
    assert found.status == OK
    assert found.found == 'jazzy (sourced, /opt/ros/jazzy/lib/python3.12/site-packages/rclpy), rclpy 7.1.6'


def test_wheels_are_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, 'prefix', '/opt/ros')
    assert doctor.check_ros(GOOD, {}).found == 'jazzy (wheels), rclpy 7.1.6'


def test_no_ros_is_an_error_with_the_remedy() -> None:
    found = doctor.check_ros({'error': "No module named 'rclpy'"}, {})
    assert (found.status, found.found) == (ERROR, "No module named 'rclpy'")
    assert 'make setup' in found.remedy


@pytest.mark.parametrize(
    ('rmw', 'status'), [('rmw_fastrtps_cpp', OK), ('rmw_fastrtps_dynamic_cpp', OK), ('rmw_zenoh_cpp', WARN)]
)
def test_rmw(rmw: str, status: str) -> None:
    assert doctor.check_rmw(GOOD | {'rmw': rmw}).status == status


def test_profile_by_what_a_participant_took() -> None:
    assert doctor.check_profile(GOOD, {}).status == OK
    small = doctor.check_profile(GOOD | {'segment_bytes': 549408}, {})
    assert (small.status, '(shipped)' in small.found) == (WARN, True)
    own = doctor.check_profile(GOOD | {'segment_bytes': 549408}, {'FASTRTPS_DEFAULT_PROFILES_FILE': '/mine.xml'})
    assert own.status == WARN
    assert '/mine.xml (yours)' in own.found


def test_a_wrong_tf_type_is_an_error() -> None:
    assert doctor.check_tf2(GOOD).status == OK
    assert doctor.check_tf2(GOOD | {'tf2_hash': 'RIHS01_00'}).status == ERROR


def test_the_probe_is_found_among_other_words() -> None:
    assert doctor.parse_probe('[RTPS Error] no\n{"a": 1}\nbye\n') == {'a': 1}
    with pytest.raises(ValueError, match='said nothing'):
        doctor.parse_probe('[RTPS Error] no')


def test_a_probe_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor.sys, 'executable', str(tmp_path / 'python'))
    assert 'No such file' in doctor.probe_ros({})['error']
    script = tmp_path / 'python'
    script.write_text('#!/bin/sh\necho first >&2\necho "ImportError: librcl.so" >&2\nexit 1\n')
    script.chmod(0o755)
    assert doctor.probe_ros({}) == {'error': 'ImportError: librcl.so'}


def test_an_opencv_without_the_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_opencv().status == OK
    monkeypatch.setitem(doctor.sys.modules, 'cv2', SimpleNamespace(__version__='4.6.0', aruco=SimpleNamespace()))
    found = doctor.check_opencv()
    assert (found.status, found.found) == (ERROR, '4.6.0, without ArucoDetector')
    monkeypatch.setitem(doctor.sys.modules, 'cv2', None)
    assert doctor.check_opencv().status == ERROR


def test_a_missing_package_is_named() -> None:
    found = doctor.check_packages(('json', 'no_such_package'))
    assert (found.status, found.remedy) == (ERROR, 'pip install no_such_package')
    assert 'missing no_such_package' in found.found


def test_one_core_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.os, 'sched_getaffinity', lambda pid: {0})
    assert doctor.check_cores().status == WARN
    monkeypatch.setattr(doctor.os, 'sched_getaffinity', lambda pid: {0, 1})
    assert doctor.check_cores().status == OK


@pytest.mark.parametrize(
    ('user', 'priority', 'locked', 'status'), [(1000, 0, 8 << 20, WARN), (1000, 98, -1, OK), (0, 0, 8 << 20, OK)]
)
def test_realtime(monkeypatch: pytest.MonkeyPatch, user: int, priority: int, locked: int, status: str) -> None:
    limits = {doctor.resource.RLIMIT_RTPRIO: (priority, 99), doctor.resource.RLIMIT_MEMLOCK: (locked, locked)}
    monkeypatch.setattr(doctor.resource, 'getrlimit', limits.__getitem__)
    monkeypatch.setattr(doctor.os, 'geteuid', lambda: user)
    found = doctor.check_realtime()
    assert found.status == status
    assert f'rtprio {priority}' in found.found


def test_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(total=1 << 30, free=1 << 30)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage)
    assert doctor.check_shared_memory(tmp_path).status == OK
    segment = environment.Segment(tmp_path / 'fastrtps_x', 70 << 20)
    monkeypatch.setattr(environment, 'stale_segments', lambda folder: (segment,))
    assert doctor.check_shared_memory(tmp_path).remedy == 'arsurg doctor --clean'
    usage.free = usage.total = 64 << 20
    found = doctor.check_shared_memory(tmp_path)
    assert (found.status, '--shm-size=1g' in found.remedy) == (WARN, True)
    assert doctor.check_shared_memory(tmp_path / 'none').status == WARN


@pytest.mark.parametrize(('text', 'status'), [('212992\n', WARN), ('4194304\n', OK), ('', WARN)])
def test_udp_buffers(tmp_path: Path, text: str, status: str) -> None:
    (tmp_path / 'rmem_max').write_text(text)
    assert doctor.check_buffers(tmp_path / 'rmem_max').status == status
    assert doctor.check_buffers(tmp_path / 'none').status == WARN


def test_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_cameras(tmp_path, tmp_path).found.startswith('none')
    (tmp_path / 'video0').touch()
    (tmp_path / 'video1').touch()
    classes = tmp_path / 'class'
    (classes / 'video0').mkdir(parents=True)
    (classes / 'video0' / 'name').write_text('Surgical Scope\n')
    found = doctor.check_cameras(tmp_path, classes)
    assert found == Check('cameras', OK, f'{tmp_path}/video0 Surgical Scope, {tmp_path}/video1 unnamed')
    monkeypatch.setattr(doctor.os, 'access', lambda path, mode: path.name != 'video1')
    closed = doctor.check_cameras(tmp_path, classes)
    assert closed.status == WARN
    assert f'no access to {tmp_path}/video1' in closed.found
    assert 'usermod -aG video' in closed.remedy


def kernel(problem: str = '') -> KernelInfo:
    """Make one kernel's facts up."""
    return KernelInfo('overlay', '/x/overlay.wasm', 'a' * 64, 1000, 1, 2, not problem, problem)


def test_kernels() -> None:
    good, bad = doctor.check_kernels([kernel(), kernel('overlay.wasm: trapped')])
    assert (good.status, good.found) == (OK, 'sha256 aaaaaaaaaaaaaaaa, ABI 1, layout 2')
    assert (bad.status, bad.name, bad.found) == (ERROR, 'kernel overlay', 'overlay.wasm: trapped')


def test_no_wasmtime_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.sys.modules, 'arsurg_ros.kernels.host', None)
    assert [(check.status, 'wasmtime' in check.remedy) for check in doctor.check_kernels()] == [(ERROR, True)]


def test_text_shows_every_remedy_below_its_check() -> None:
    checks = [Check('ros', ERROR, 'nothing', 'make setup'), Check('cores', OK, '8'), Check('cameras', WARN, 'c', 'r')]
    lines = doctor.as_text(checks).splitlines()
    assert lines[0].split() == ['error', 'ros', 'nothing']
    assert lines[1].split() == ['->', 'make', 'setup']
    assert lines[-1] == '1 errors, 1 warnings'


@pytest.mark.parametrize(('status', 'code'), [(OK, 0), (WARN, 0), (ERROR, 1)])
def test_exit_status_and_json_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], status: str, code: int
) -> None:
    monkeypatch.setattr(doctor, 'examine', lambda environ: [Check('ros', status, 'x')])
    assert doctor.main(['--json', str(tmp_path / 'd.json')]) == code
    assert 'x' in capsys.readouterr().out
    assert json.loads((tmp_path / 'd.json').read_text()) == {
        'ok': code == 0, 'checks': [{'name': 'ros', 'status': status, 'found': 'x', 'remedy': ''}],
    }
    assert doctor.main(['--json', '-']) == code
    assert json.loads(capsys.readouterr().out)['checks'][0]['status'] == status


def test_clean_gives_shared_memory_back(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, 'examine', lambda environ: [Check('ros', OK, 'x')])
    monkeypatch.setattr(environment, 'remove_stale_segments', lambda: 140 << 20)
    assert doctor.main(['--clean']) == 0
    assert '140 MiB' in capsys.readouterr().err


@pytest.mark.ros
def test_this_host_has_what_the_tests_need(ros_domain: dict[str, str]) -> None:
    found = {check.name: check for check in doctor.examine(ros_domain)}
    errors = {name: check.found for name, check in found.items() if check.status == ERROR}
    assert errors == {}
    assert {'python', 'ros', 'rmw', 'profile', 'tf2_msgs', 'opencv', 'cores', 'realtime', 'cameras'} <= set(found)
