# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Values of scene and style files: each is checked where it is read, and an error names place, value and valid ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.types import F64


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that is there twice: YAML's own loader would drop the first structure of a name without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: list[str] = []
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f'{key.value!r} is there more than once', key.start_mark)
            seen.append(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, where: str) -> Any:
    """Return a parsed YAML file; raises DataError naming ``where``, also for a key that is there twice."""
    try:
        return yaml.load(path.read_text(encoding='utf-8'), Loader=_UniqueKeys)
    except OSError as e:
        raise DataError(f'{where}: {e.strerror}') from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise DataError(f'{where} is not YAML: {" ".join(str(e).split())}') from e


def parse_mapping(value: Any, keys: Sequence[str], where: str) -> Mapping[str, Any]:
    """Return a mapping with no key but ``keys``; raises ConfigError."""
    if not isinstance(value, Mapping):
        raise ConfigError(f'{where}: {value!r}: a mapping is needed; valid keys: {", ".join(keys)}')
    for key in value:
        if key not in keys:
            raise ConfigError(f'{where}: unknown key {key!r}; valid: {", ".join(keys)}')
    return value


def parse_choice(value: Any, valid: Sequence[str], where: str) -> str:
    """Return one of ``valid``; raises ConfigError."""
    if isinstance(value, str) and value in valid:
        return value
    raise ConfigError(f'{where} {value!r}; valid: {", ".join(valid)}')


def parse_text(value: Any, what: str, where: str) -> str:
    """Return a text that is not empty; raises ConfigError that says ``what`` is needed."""
    if isinstance(value, str) and value:
        return value
    raise ConfigError(f'{where} {value!r}: {what} is needed')


def parse_bool(value: Any, where: str) -> bool:
    """Return true or false; raises ConfigError."""
    if isinstance(value, bool):
        return value
    raise ConfigError(f'{where} {value!r}; valid: true, false')


def parse_number(value: Any, low: float, high: float, where: str) -> float:
    """Return a number from ``low`` to ``high``; raises ConfigError."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    raise ConfigError(f'{where} {value!r}; valid: a number from {low:g} to {high:g}')


def parse_whole(value: Any, low: int, high: int, where: str) -> int:
    """Return a whole number from ``low`` to ``high``; raises ConfigError."""
    if type(value) is int and low <= value <= high:
        return value
    raise ConfigError(f'{where} {value!r}; valid: a whole number from {low} to {high}')


def parse_opacity(value: Any, where: str) -> float:
    """Return an opacity from 0 to 1; raises ConfigError."""
    return parse_number(value, 0, 1, where)


def parse_length_m(value: Any, unit_m: float, where: str, *, least_m: float = 0.0, most_m: float = 1.0) -> float:
    """Return a length given in units of ``unit_m`` metres, metres; raises ConfigError beyond the limits."""
    return parse_number(value, least_m / unit_m, most_m / unit_m, where) * unit_m


def parse_point_m(value: Any, unit_m: float, where: str) -> F64:
    """Return a point (3,), metres, of three finite numbers in units of ``unit_m`` metres; raises ConfigError."""
    numbers = isinstance(value, (list, tuple)) and len(value) == 3
    if numbers and all(isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < float('inf') for v in value):
        return np.array(value, dtype=np.float64) * unit_m
    raise ConfigError(f'{where} {value!r}; valid: three numbers [x, y, z]')
