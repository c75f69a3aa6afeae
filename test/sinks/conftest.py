# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Displays for windows: SDL's own that nobody sees, and a real X server without a screen."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

SIZE = (1280, 800)


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SDL draw into memory."""
    pytest.importorskip('pygame', reason='pygame-ce is not installed')
    monkeypatch.setenv('SDL_VIDEODRIVER', 'dummy')


@pytest.fixture
def x_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start Xvfb (Debian and Ubuntu: apt install xvfb) and return its display."""
    pytest.importorskip('pygame', reason='pygame-ce is not installed')
    xvfb = shutil.which('Xvfb')
    if xvfb is None:
        pytest.skip('no Xvfb here: apt install xvfb')
    read, write = os.pipe()
    screen = f'{SIZE[0]}x{SIZE[1]}x24'
    command = [xvfb, '-displayfd', str(write), '-screen', '0', screen, '-nolisten', 'tcp', '-terminate']
    server = subprocess.Popen(command, pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as said:
        number = said.readline().strip()  # ends too where the server does
    if not number:
        pytest.skip(f'Xvfb ended with status {server.wait(10)}')
    monkeypatch.setenv('DISPLAY', f':{number}')
    monkeypatch.setenv('SDL_VIDEODRIVER', 'x11')
    try:
        yield f':{number}'
    finally:
        server.terminate()
        server.wait(10)
