# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Installs the package where ament looks for it; the executables are in setup.cfg."""

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 'arsurg_ros'
#: What goes into share/arsurg_ros, folder by folder, under the same names as here.
SHARED = ('launch/**/*.py', 'rviz/**/*.rviz', 'config/**/*', 'wasm/bin/*.wasm', 'wasm/bin/MANIFEST.json')


def data_files() -> list[tuple[str, list[str]]]:
    """List the ament index marker, package.xml and every shared file with its folder."""
    folders: dict[str, list[str]] = {f'share/{PACKAGE}': ['package.xml']}
    for pattern in SHARED:
        for path in sorted(Path().glob(pattern)):
            if path.is_file() and '__pycache__' not in path.parts:
                folders.setdefault(f'share/{PACKAGE}/{path.parent.as_posix()}', []).append(path.as_posix())
    return [('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']), *folders.items()]


setup(
    name=PACKAGE,
    version='0.1.0',
    description="Augmented reality for surgery on ROS 2: the patient's anatomy on the surgeon's view.",
    author='The arsurg_ros authors',
    maintainer='The arsurg_ros authors',
    maintainer_email='arsurg-ros@example.org',
    license='Apache-2.0',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    data_files=data_files(),
    python_requires='>=3.10',
    install_requires=['setuptools'],
    zip_safe=True,
)
