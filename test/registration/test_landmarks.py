# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import yaml

from arsurg_ros.errors import ConfigError, DataError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.registration.landmarks import Landmarks, load_landmarks, parse_landmarks, register

POINTS = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.08, 0], [0.02, 0.03, 0.06], [0.09, 0.07, 0.01]])
NAMES = ('a', 'b', 'c', 'd', 'e')
TRUE = se3.exp([0.3, -0.2, 0.1, 0.4, 1.0, -0.7])


def run(p_ref, **kwargs):
    return register(Landmarks(NAMES, POINTS), p_ref, stamp_ns=7, ref_frame='ref', ct_frame='ct', **kwargs)


@pytest.mark.parametrize('backend', ['wasm', 'numpy'])
def test_exact_points_give_the_exact_registration(backend):
    result = run(se3.transform(TRUE, POINTS), backend=backend, provenance={'who': 'test'})
    assert np.allclose(result.T_ref_ct, TRUE, atol=1e-9)
    assert result.fre_m < 1e-9
    assert (result.names, result.stamp_ns, result.ref_frame, result.provenance) == (NAMES, 7, 'ref', {'who': 'test'})


def test_covariance_is_what_repeated_noise_does():
    rng = np.random.default_rng(5)
    sigma = 0.0005
    exact = se3.transform(TRUE, POINTS)
    deltas, predicted = [], []
    for _ in range(1500):
        result = run(exact + rng.normal(scale=sigma, size=exact.shape))
        turn = se3.to_rotvec(result.T_ref_ct[:3, :3] @ TRUE[:3, :3].T)
        deltas.append(np.concatenate([result.T_ref_ct[:3, 3] - TRUE[:3, 3], turn]))
        predicted.append(result.covariance)
    empirical = np.cov(np.array(deltas).T)
    ratio = np.diag(np.mean(predicted, axis=0)) / np.diag(empirical)
    # 1500 trials: a variance is known to about 4 %.
    assert np.all((ratio > 0.85) & (ratio < 1.15)), ratio


def test_millimetres_for_metres_are_refused():
    with pytest.raises(RegistrationError, match='in mm') as caught:
        run(se3.transform(TRUE, POINTS) * 1000)
    assert caught.value.code == 'wrong_unit'


@pytest.mark.parametrize(
    ('p_ref', 'code'),
    [
        (np.outer(np.arange(5.0), [0.05, 0.02, 0.01]), 'collinear'),
        (np.full((5, 3), 0.3), 'coincident'),
        (np.full((5, 3), np.nan), 'not_finite'),
        (POINTS[:4], 'count_mismatch'),
        (POINTS * [1, 1, -1], 'mirrored'),
    ],
)
def test_degenerate_points_are_refused(p_ref, code):
    with pytest.raises(RegistrationError) as caught:
        run(p_ref)
    assert caught.value.code == code


def write(tmp_path, data):
    path = tmp_path / 'landmarks.yaml'
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data))
    return path


def test_file_with_both_sides(tmp_path):
    rows = [{'name': n, 'ct': (p * 1e3).tolist(), 'ref': (p * 2e3).tolist()} for n, p in zip(NAMES, POINTS, strict=True)]
    found = load_landmarks(write(tmp_path, {'unit': 'mm', 'landmarks': rows}))
    assert found.names == NAMES
    assert np.allclose(found.p_ct_m, POINTS)
    assert np.allclose(found.p_ref_m, POINTS * 2)


def test_file_with_one_side(tmp_path):
    found = load_landmarks(write(tmp_path, {'unit': 'm', 'landmarks': [{'name': 'a', 'ct': [1, 2, 3]}]}))
    assert found.p_ref_m is None
    assert found.p_ct_m.tolist() == [[1, 2, 3]]


ONE = {'name': 'a', 'ct': [1, 2, 3]}


@pytest.mark.parametrize(
    ('data', 'says'),
    [
        ([], 'keys unit, landmarks'),
        ({'unit': 'mm'}, 'keys unit, landmarks'),
        ({'unit': 'inch', 'landmarks': [ONE]}, "unit 'inch': one of m, mm"),
        ({'landmarks': [ONE]}, 'unit None'),
        ({'unit': 'mm', 'landmarks': [ONE], 'colour': 'red'}, "unknown key 'colour'; valid: unit, landmarks"),
        ({'unit': 'mm', 'landmarks': [{'name': 'a'}]}, 'landmark 0: name and ct'),
        ({'unit': 'mm', 'landmarks': ['a']}, 'landmark 0: name and ct'),
        ({'unit': 'mm', 'landmarks': [ONE | {'red': 1}]}, "landmark a: unknown key 'red'"),
        ({'unit': 'mm', 'landmarks': [{'name': 'a', 'ct': [1, 2]}]}, 'three finite numbers'),
        ({'unit': 'mm', 'landmarks': [{'name': 'a', 'ct': [1, 2, float('nan')]}]}, 'three finite numbers'),
        ({'unit': 'mm', 'landmarks': [{'name': 'a', 'ct': [1, 2, True]}]}, 'three finite numbers'),
        ({'unit': 'mm', 'landmarks': [ONE, ONE]}, 'names must differ: a, a'),
        ({'unit': 'mm', 'landmarks': [ONE, ONE | {'name': 'b', 'ref': [1, 2, 3]}]}, 'missing for: a'),
    ],
)
def test_what_is_wrong_in_a_file_is_named(data, says):
    with pytest.raises(ConfigError, match=says):
        parse_landmarks(data, 'here')


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match='No such file'):
        load_landmarks(tmp_path / 'none.yaml')
    with pytest.raises(DataError, match='not YAML'):
        load_landmarks(write(tmp_path, '{unit: [mm'))
