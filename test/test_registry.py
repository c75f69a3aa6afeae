# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from arsurg_ros import registry
from arsurg_ros.errors import ConfigError
from arsurg_ros.registry import param


@dataclass(frozen=True)
class SampleConfig:
    """Parameters."""

    flag: bool = param(False, 'a flag')
    count: int = param(1, 'a count', low=0, high=9)
    size_m: float = param(0.5, 'a size', unit='m', low=0.0)
    name: str = param('a', 'a name', choices=('a', 'b'))
    names: tuple[str, ...] = param((), 'names')
    values: tuple[float, ...] = param((), 'values')


def check(**values: Any) -> SampleConfig:
    config: SampleConfig = registry.configure(SampleConfig, values, "camera 'x'")
    return config


def test_what_is_left_out_keeps_its_default() -> None:
    assert check() == SampleConfig()


def test_values_are_converted_to_the_parameters_types() -> None:
    config = check(flag=True, count=3, size_m=2, names=['u', '', 'v'], values=[1, 2.5])
    assert config == SampleConfig(True, 3, 2.0, 'a', ('u', 'v'), (1.0, 2.5))
    assert isinstance(config.size_m, float)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'other': 1}, "no parameter 'other'; there are: flag, count, size_m"),
        ({'count': 10}, r'count 10: must lie in \[0, 9\]'),
        ({'count': -1}, r'count -1: must lie in \[0, 9\]'),
        ({'count': 1.5}, 'count 1.5: a int is needed'),
        ({'count': True}, 'count True: a int is needed'),
        ({'size_m': -0.1}, r'size_m -0.1: must lie in \[0.0, inf\] m'),
        ({'size_m': float('nan')}, 'size_m nan'),
        ({'size_m': 'x'}, "size_m 'x': a float is needed"),
        ({'flag': 1}, 'flag 1: a bool is needed'),
        ({'name': 'c'}, "name 'c': one of a, b is needed"),
        ({'names': 'abc'}, "names 'abc'"),
        ({'values': ['x']}, 'values'),
        ({'values': [float('inf')]}, 'values inf'),
    ],
)
def test_a_wrong_value_names_field_value_and_what_is_valid(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        check(**values)
    assert str(caught.value).startswith("camera 'x': ")


def test_an_unknown_kind_lists_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match="camera 'c': unknown; there are: a, b"):
        registry.load({'b': 'x:Y', 'a': 'x:Z'}, 'c', 'camera')


def test_an_absent_module_is_told_only_when_it_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="camera 'a': cannot be loaded here: No module named 'no_such_sdk'"):
        registry.load({'a': 'no_such_sdk:Camera'}, 'a', 'camera')


def test_parameters_carry_description_unit_and_range() -> None:
    by_name = {p.name: p for p in registry.parameters(SampleConfig)}
    assert (by_name['size_m'].unit, by_name['size_m'].low, by_name['size_m'].description) == ('m', 0.0, 'a size')
    assert by_name['count'].type is int
