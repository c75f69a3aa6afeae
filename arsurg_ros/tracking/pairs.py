# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters that are lists of name=value texts."""

from __future__ import annotations

from collections.abc import Sequence

from arsurg_ros.errors import ConfigError


def named_pairs(parameter: str, texts: Sequence[str]) -> dict[str, str]:
    """Return {name: value}; raises ConfigError for a text that is not name=value, or a name given twice."""
    out: dict[str, str] = {}
    for text in texts:
        name, sep, value = text.partition('=')
        if not (sep and name and value):
            raise ConfigError(f'{parameter} {text!r}: name=value is needed')
        if name in out:
            raise ConfigError(f'{parameter}: {name!r} is given twice')
        out[name] = value
    return out
