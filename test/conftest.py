# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures that more than one test file uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from arsurg_ros.environment import DOMAIN_VARIABLE, remove_stale_segments, reserved_domain, ros_environment

REPO = Path(__file__).resolve().parents[1]


def pytest_sessionstart() -> None:
    """Give back what nodes that earlier tests killed left in shared memory; it would add up to gigabytes."""
    remove_stale_segments()


def find_shared_data() -> Path | None:
    """Return the folder of reference recordings: ARSURG_DATA, else ../shared/data beside the repository."""
    named = os.environ.get('ARSURG_DATA')
    folder = Path(named) if named else REPO.parent / 'shared' / 'data'
    return folder if folder.is_dir() else None


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Return the folder of reference recordings; skips where there is none."""
    folder = find_shared_data()
    if folder is None:
        pytest.skip('no reference recordings: set ARSURG_DATA, or put them into ../shared/data beside the repository')
    return folder


@pytest.fixture
def ros_domain() -> Iterator[dict[str, str]]:
    """Give the environment of a domain that no other run is on, for the child processes of one test."""
    with reserved_domain() as domain_id:
        yield ros_environment(os.environ, isolated=True) | {DOMAIN_VARIABLE: str(domain_id)}
