# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The package as ROS 2 sees it: package.xml, setup.py, setup.cfg, and what an installation holds."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest

import arsurg_ros

REPO = Path(__file__).resolve().parents[1]
#: Keys of rosdistro's python.yaml or packages of ROS 2 Jazzy; wasmtime and vtk have none.
ROSDEP = {
    'rclpy', 'std_msgs', 'geometry_msgs', 'sensor_msgs', 'visualization_msgs', 'diagnostic_msgs', 'tf2_msgs',
    'std_srvs', 'lifecycle_msgs', 'rosgraph_msgs', 'builtin_interfaces', 'rcl_interfaces', 'launch', 'launch_ros',
    'ament_index_python', 'python3-matplotlib', 'python3-numpy', 'python3-opencv', 'python3-pil', 'python3-psutil',
    'python3-pygame', 'python3-rosbags-pip', 'python3-scipy', 'python3-yaml',
}
EXECUTABLES = {'arsurg', 'camera', 'tracker', 'instrument', 'registration', 'overlay', 'viewer', 'clock'}
IMPORTED_ROS = re.compile(r'^\s*(?:from|import) (\w+(?:_msgs|_srvs|_interfaces)|rclpy|launch|launch_ros)\b', re.M)


@pytest.fixture(scope='module')
def manifest() -> ET.Element:
    return ET.parse(REPO / 'package.xml').getroot()


def shipped() -> set[str]:
    """Return what must end up in share/arsurg_ros, as paths below it."""
    found = {'package.xml'}
    for folder in ('launch', 'rviz', 'config', 'wasm/bin'):
        found |= {path.relative_to(REPO).as_posix() for path in (REPO / folder).rglob('*') if path.is_file()}
    return {name for name in found if '__pycache__' not in name and not name.endswith(('.md', '/.gitignore'))}


def test_package_xml_is_format_3_ament_python(manifest: ET.Element) -> None:
    assert (manifest.tag, manifest.get('format')) == ('package', '3')
    assert manifest.findtext('export/build_type') == 'ament_python'
    assert manifest.findtext('license') == 'Apache-2.0'
    assert '@' in (manifest.find('maintainer').get('email') or '')  # type: ignore[union-attr]
    assert 'Apache License' in (REPO / 'LICENSE').read_text(encoding='utf-8')


def test_rosdep_knows_every_key(manifest: ET.Element) -> None:
    assert {depend.text for depend in manifest.iter('exec_depend')} == ROSDEP


def test_every_ros_import_is_declared() -> None:
    sources = [*(REPO / 'arsurg_ros').rglob('*.py'), *(REPO / 'launch').rglob('*.py')]
    imported = {name for path in sources for name in IMPORTED_ROS.findall(path.read_text(encoding='utf-8'))}
    assert imported <= ROSDEP


def test_one_version(manifest: ET.Element) -> None:
    stated = re.search(r"version='([^']+)'", (REPO / 'setup.py').read_text(encoding='utf-8'))
    assert stated
    assert manifest.findtext('version') == stated[1] == arsurg_ros.__version__


def test_executables_exist() -> None:
    config = configparser.ConfigParser()
    config.read(REPO / 'setup.cfg', encoding='utf-8')
    lines = config['options.entry_points']['console_scripts'].strip().splitlines()
    targets = dict(line.replace(' ', '').split('=') for line in lines)
    assert set(targets) == EXECUTABLES
    for name, target in targets.items():
        module, function = target.split(':')
        source = (REPO / f'{module.replace(".", "/")}.py').read_text(encoding='utf-8')
        assert re.search(rf'^def {function}\(', source, re.MULTILINE), f'{name}: no {function} in {module}'


@pytest.fixture(scope='module')
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the sources aside, so that a build leaves nothing here."""
    target = tmp_path_factory.mktemp('package') / 'source'
    skip = shutil.ignore_patterns('.venv*', '.git', 'out', 'build', 'target', 'test', '__pycache__', '*.egg-info')
    shutil.copytree(REPO, target, ignore=skip)
    return target


def run(command: list[str], folder: Path) -> None:
    """Run a build step; its words are the failure's message."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, 'PYTHONPATH': ''})
    assert done.returncode == 0, done.stdout + done.stderr


def test_install_lands_where_ament_looks(copy: Path, tmp_path: Path) -> None:
    options = ['--prefix', '/opt/x', '--root', str(tmp_path), '--single-version-externally-managed', '--record', 'r']
    run([sys.executable, 'setup.py', '-q', 'install', *options], copy)
    prefix = tmp_path / 'opt' / 'x'
    assert (prefix / 'share/ament_index/resource_index/packages/arsurg_ros').is_file()
    assert {path.name for path in (prefix / 'lib/arsurg_ros').iterdir()} == EXECUTABLES
    share = prefix / 'share' / 'arsurg_ros'
    assert {path.relative_to(share).as_posix() for path in share.rglob('*') if path.is_file()} == shipped()
    modules = {path.relative_to(REPO).as_posix() for path in (REPO / 'arsurg_ros').rglob('*.py')}
    site = next(prefix.glob('lib/python3.*/site-packages'))
    assert modules <= {path.relative_to(site).as_posix() for path in site.rglob('*.py')}


def test_wheel_holds_the_shared_files_and_the_command(copy: Path, tmp_path: Path) -> None:
    pip = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '-w', str(tmp_path), '.']
    run(pip, copy)
    with zipfile.ZipFile(next(tmp_path.glob('arsurg_ros-*.whl'))) as wheel:
        names = wheel.namelist()
        entry_points = wheel.read(next(name for name in names if name.endswith('entry_points.txt'))).decode()
    data = {name.split('.data/data/')[1] for name in names if '.data/data/' in name}
    assert data == {f'share/arsurg_ros/{name}' for name in shipped()} | {
        'share/ament_index/resource_index/packages/arsurg_ros'
    }
    assert 'arsurg = arsurg_ros.cli:main' in entry_points
