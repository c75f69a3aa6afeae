# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which implementation computes: always asked for by name, never fallen back to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from arsurg_ros.errors import ConfigError

T = TypeVar('T')
BACKENDS = ('wasm', 'numpy')


def pick(name: str, entries: Mapping[str, T], what: str = 'backend') -> T:
    """Return the entry of a name; raises ConfigError that lists the valid ones."""
    if name not in entries:
        raise ConfigError(f'{what}: {name!r} is unknown; valid: {", ".join(entries)}')
    return entries[name]
