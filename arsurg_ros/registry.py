# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Registries: a dict of name -> 'module:Class', and each class's parameters as a documented frozen dataclass.

A class in a registry has ``Config``, a frozen dataclass whose fields are made by ``param``; nodes declare the same fields as
ROS parameters, so that a description, range or unit is written once.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Mapping
from typing import Any, get_type_hints

from arsurg_ros.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter: its Python type is bool, int, float, str, tuple[str, ...] or tuple[float, ...]."""

    name: str
    type: Any
    default: Any
    description: str
    unit: str = ''
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


def param(
    default: Any,
    description: str,
    *,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Return a dataclass field with its description, unit and closed range or choices."""
    meta = {'description': description, 'unit': unit, 'low': low, 'high': high, 'choices': choices}
    return dataclasses.field(default=default, metadata=meta)


def parameters(config: type) -> list[Parameter]:
    """Return the parameters of a Config dataclass, in its order."""
    hints = get_type_hints(config)
    return [Parameter(f.name, hints[f.name], f.default, **f.metadata) for f in dataclasses.fields(config)]


def load(registry: Mapping[str, str], kind: str, what: str) -> Any:
    """Return the class that a registry has under ``kind``; raises ConfigError naming the valid ones."""
    if kind not in registry:
        raise ConfigError(f'{what} {kind!r}: unknown; there are: {", ".join(sorted(registry))}')
    module, _, name = registry[kind].partition(':')
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as e:
        raise ConfigError(f'{what} {kind!r}: cannot be loaded here: {e}') from e


def build(registry: Mapping[str, str], kind: str, what: str, values: Mapping[str, Any]) -> Any:
    """Return an instance of what a registry has under ``kind``, configured by parameter values.

    Raises ConfigError for an unknown kind, an unknown parameter, a wrong type, or a value out of range.
    """
    cls = load(registry, kind, what)
    return cls(configure(cls.Config, values, f'{what} {kind!r}'))


def configure(config: type, values: Mapping[str, Any], where: str) -> Any:
    """Return a Config instance of checked values; what is left out keeps its default."""
    known = {p.name: p for p in parameters(config)}
    for name in values:
        if name not in known:
            raise ConfigError(f'{where}: no parameter {name!r}; there are: {", ".join(known)}')
    return config(**{name: _checked(known[name], value, where) for name, value in values.items()})


def _checked(p: Parameter, value: Any, where: str) -> Any:
    value = _converted(p, value, where)
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            _check_range(p, number, where)
    if p.choices and value not in p.choices:
        raise ConfigError(f'{where}: {p.name} {value!r}: one of {", ".join(p.choices)} is needed')
    return value


def _check_range(p: Parameter, number: float, where: str) -> None:
    too_low = p.low is not None and number < p.low
    too_high = p.high is not None and number > p.high
    if too_low or too_high or not math.isfinite(number):
        low, high = ('-inf' if p.low is None else p.low), ('inf' if p.high is None else p.high)
        raise ConfigError(f'{where}: {p.name} {number}: must lie in [{low}, {high}] {p.unit}'.rstrip())


def _converted(p: Parameter, value: Any, where: str) -> Any:
    """Return the value in the parameter's type: an int passes as float, a sequence as tuple; '' means no item."""
    try:
        if p.type is bool or p.type is str:
            if isinstance(value, p.type):
                return value
        elif p.type is int:
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        elif p.type is float:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return float(value)
        elif not isinstance(value, str):
            item = str if 'str' in str(p.type) else float
            return tuple(item(v) for v in value if v != '')
    except (TypeError, ValueError):
        pass
    raise ConfigError(f'{where}: {p.name} {value!r}: a {getattr(p.type, "__name__", p.type)} is needed')
