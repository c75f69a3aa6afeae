# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from arsurg_ros.errors import ConfigError
from arsurg_ros.nodes.params import PARAMS, check, pairs
from arsurg_ros.system import DEMO, EXECUTABLES, OR


def test_every_executable_has_parameters_and_each_is_named_once():
    assert set(PARAMS) == set(EXECUTABLES)
    for parameters in PARAMS.values():
        names = [p.name for p in parameters]
        assert len(names) == len(set(names))
        assert all(p.description for p in parameters)


@pytest.mark.parametrize('specs', [DEMO.build({}), OR.build({'camera': 'video', 'tracker': 'aruco'})])
def test_systems_give_only_declared_parameters_of_the_declared_type(specs):
    for spec in specs:
        declared = {p.name: p.default for p in PARAMS[spec.executable]}
        for name, value in spec.parameters.items():
            if name != 'use_sim_time':
                assert isinstance(value, type(declared[name])), (spec.name, name)


def test_defaults_are_valid():
    for parameters in PARAMS.values():
        for p in parameters:
            check(p, p.default)


def test_out_of_range_and_not_a_choice():
    by_name = {p.name: p for p in PARAMS['overlay']}
    with pytest.raises(ConfigError, match=r'stale_s 2\.0: from 0\.0 to 1\.0 s'):
        check(by_name['stale_s'], 2.0)
    with pytest.raises(ConfigError, match='stale_s nan'):
        check(by_name['stale_s'], float('nan'))
    with pytest.raises(ConfigError, match="backend 'gpu'; valid: wasm, numpy"):
        check(by_name['backend'], 'gpu')


def test_pairs():
    assert pairs('boards', ['']) == {}
    assert pairs('boards', ['a=b=c', 'd=e']) == {'a': 'b=c', 'd': 'e'}
    for wrong, says in ((['a'], "'a'"), (['=b'], "'=b'"), (['a=1', 'a=2'], 'twice')):
        with pytest.raises(ConfigError, match=says):
            pairs('boards', wrong)
