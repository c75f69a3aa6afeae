# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import yaml

from arsurg_ros.errors import ConfigError, DataError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.registration import tre
from arsurg_ros.registration.evidence import WARNINGS, span_m
from arsurg_ros.registration.landmarks import Landmarks, load_landmarks, parse_landmarks, register
from arsurg_ros.registration.pairs import Covariances

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


@pytest.mark.parametrize(
    ('p_ref', 'p_ct', 'says'),
    [
        (POINTS * 1000, POINTS, r'in ct and 1\d\d.* m in ref: is one of them in mm'),
        (POINTS, POINTS / 1000, 'in mm'),
        (POINTS * 1000, POINTS * 1000, '0.005 m to 3 m is valid: mm given as m'),
        (POINTS / 1000, POINTS / 1000, '0.005 m to 3 m is valid'),
    ],
)
def test_millimetres_for_metres_are_refused(p_ref, p_ct, says):
    with pytest.raises(RegistrationError, match=says) as caught:
        register(Landmarks(NAMES, p_ct), p_ref, stamp_ns=0, ref_frame='ref', ct_frame='ct')
    assert caught.value.code == 'wrong_unit'


@pytest.mark.parametrize('size', [0.006, 2.9])
def test_what_is_on_a_patient_is_taken(size):
    p = POINTS / span_m(POINTS) * size
    register(Landmarks(NAMES, p), p, stamp_ns=0, ref_frame='ref', ct_frame='ct')


def noisy(seed=3, sigma=5e-4):
    return se3.transform(TRUE, POINTS) + np.random.default_rng(seed).normal(0, sigma, POINTS.shape)


@pytest.mark.parametrize('backend', ['wasm', 'numpy'])
def test_the_leave_one_out_error_is_that_of_fits_without_each(backend):
    p_ref = noisy()
    squared = []
    for i in range(5):
        rest = [k for k in range(5) if k != i]
        T = register(
            Landmarks(tuple(NAMES[k] for k in rest), POINTS[rest]), p_ref[rest], stamp_ns=0, ref_frame='r', ct_frame='c'
        ).T_ref_ct
        squared.append(((p_ref[i] - se3.transform(T, POINTS[i])) ** 2).sum())
    assert run(p_ref, backend=backend).loo_tre_m == pytest.approx(np.sqrt(np.mean(squared)), rel=1e-9)


def test_three_landmarks_have_no_leave_one_out_error_and_a_warning():
    result = register(Landmarks(NAMES[:3], POINTS[:3]), noisy()[:3], stamp_ns=0, ref_frame='r', ct_frame='c')
    assert result.loo_tre_m is None
    assert result.warnings == ('few_points',)
    assert result.dof == 3


def test_a_landmark_without_weight_is_left_out_and_named():
    p_ref = noisy()
    p_ref[1] += 0.5
    landmarks = Landmarks(NAMES, POINTS, weights=np.array([1, 0, 1, 1, 2.0]))
    result = register(landmarks, p_ref, stamp_ns=0, ref_frame='r', ct_frame='c')
    assert result.rejected == ('b',)
    assert 'outliers_rejected' not in result.warnings  # it was not meant to be used
    assert result.fre_m < 1e-3
    assert result.residuals_m[1] > 0.8
    assert result.dof == 6


@pytest.mark.parametrize('backend', ['wasm', 'numpy'])
def test_robust_registration_rejects_and_names_outliers(backend):
    p_ref = noisy()
    p_ref[3] += (0.02, 0, 0.01)
    result = run(p_ref, robust=True, backend=backend)
    assert result.rejected == ('d',)
    assert 'outliers_rejected' in result.warnings
    assert result.provenance['rejection'] == 'consensus within 4 mm'
    without = [0, 1, 2, 4]
    alone = register(
        Landmarks(tuple(NAMES[k] for k in without), POINTS[without]), p_ref[without], stamp_ns=0, ref_frame='r', ct_frame='c'
    )
    assert np.allclose(result.T_ref_ct, alone.T_ref_ct, atol=1e-9)
    assert np.allclose(result.covariance, alone.covariance)
    assert result.fre_m == pytest.approx(alone.fre_m)
    assert result.loo_tre_m == pytest.approx(alone.loo_tre_m)


def test_the_threshold_follows_the_noise_and_can_be_said():
    assert run(noisy(), robust=True, noise_m=5e-4).provenance['rejection'] == 'consensus within 2 mm'
    assert run(noisy(), robust=True, threshold_m=0.0055).provenance['rejection'] == 'consensus within 5.5 mm'
    known = Covariances(np.eye(3) * 1e-6, np.eye(3) * 3e-6)
    assert run(noisy(), robust=True, covariances=known).provenance['rejection'] == 'consensus within 8 mm'
    with pytest.raises(RegistrationError) as caught:
        run(noisy(), robust=True, threshold_m=0.0)
    assert caught.value.code == 'bad_threshold'


def test_given_noise_makes_the_covariance_and_a_warning_where_it_is_exceeded():
    result = run(noisy(), noise_m=5e-4)
    assert result.dof == np.inf
    assert result.noise_m == 5e-4
    assert np.allclose(result.covariance, tre.pose_covariance(result.T_ref_ct, POINTS, 5e-4))
    assert 'noise_exceeded' not in result.warnings
    assert 'noise_exceeded' in run(noisy(), noise_m=5e-5).warnings
    assert 'noise_exceeded' in run(noisy(), covariances=Covariances(np.eye(3) * 25e-10)).warnings


@pytest.mark.parametrize('noise_m', [0.0, -1e-3, float('nan'), 5.0])
def test_noise_that_is_none_is_refused(noise_m):
    with pytest.raises(RegistrationError) as caught:
        run(noisy(), noise_m=noise_m)
    assert caught.value.code == 'bad_noise'


def test_round_covariances_are_the_same_as_given_noise():
    weights = np.array([1, 2, 0, 0.5, 1.5])
    landmarks = Landmarks(NAMES, POINTS, weights=weights, targets={'t': np.array([0.05, 0.0, 0.1])})
    given = {'stamp_ns': 0, 'ref_frame': 'r', 'ct_frame': 'c'}
    a = register(landmarks, noisy(), noise_m=2e-3, **given)
    b = register(landmarks, noisy(), covariances=Covariances(np.eye(3) * 1e-6, np.eye(3) * 3e-6), **given)
    assert np.allclose(a.T_ref_ct, b.T_ref_ct, atol=1e-9)
    # the arms are those of the corrected points there, of the measured ones here
    sigma = np.sqrt(np.diag(a.covariance))
    assert np.abs((a.covariance - b.covariance) / np.outer(sigma, sigma)).max() < 0.02
    assert b.noise_m == pytest.approx(2e-3)
    assert b.rejected == a.rejected == ('c',)
    assert b.loo_tre_m == pytest.approx(a.loo_tre_m, rel=1e-6)
    assert b.residuals_m == pytest.approx(a.residuals_m, abs=1e-9)
    assert b.targets[0].margin95_m == pytest.approx(a.targets[0].margin95_m, rel=0.02)


def test_three_landmarks_with_covariances_have_no_leave_one_out_error():
    landmarks = Landmarks(NAMES[:3], POINTS[:3])
    known = Covariances(np.eye(3) * 1e-6)
    assert register(landmarks, noisy()[:3], stamp_ns=0, ref_frame='', ct_frame='', covariances=known).loo_tre_m is None


def test_covariances_of_the_wrong_shape_are_refused():
    with pytest.raises(RegistrationError, match=r'\(4, 3, 3\)') as caught:
        run(noisy(), covariances=Covariances(np.ones((4, 3, 3))))
    assert caught.value.code == 'count_mismatch'


def test_targets_are_in_their_order_and_warn_where_fre_is_no_bound():
    landmarks = Landmarks(NAMES, POINTS, targets={'near': POINTS.mean(axis=0), 'far': np.array([0.0, 0.0, 0.9])})
    result = register(landmarks, noisy(), stamp_ns=0, ref_frame='r', ct_frame='c')
    near, far = result.targets
    assert (near.name, far.name) == ('near', 'far')
    assert far.tre_rms_m > 3 * near.tre_rms_m
    assert near.tre_rms_m < near.margin95_m
    assert far.tre_rms_m == pytest.approx(tre.fitzpatrick_west_tre_m(POINTS, far.p_ct_m, result.noise_m))
    assert np.sqrt(np.trace(far.covariance_m2)) == pytest.approx(far.tre_rms_m)
    assert 'fre_does_not_bound_tre' in result.warnings


def test_landmarks_nearly_on_a_line_warn():
    thin = POINTS * (1, 0.05, 0.05)
    result = register(Landmarks(NAMES, thin), thin, stamp_ns=0, ref_frame='r', ct_frame='c')
    assert 'nearly_collinear' in result.warnings


def test_landmarks_in_the_wrong_order_warn():
    assert 'poor_fit' not in run(noisy()).warnings
    wrong = noisy()[[1, 2, 3, 0, *range(4, len(POINTS))]]
    assert 'poor_fit' in run(wrong).warnings


def test_every_warning_has_a_text():
    known = {'few_points', 'nearly_collinear', 'outliers_rejected', 'fre_does_not_bound_tre', 'noise_exceeded', 'poor_fit'}
    assert set(WARNINGS) == known


@pytest.mark.parametrize(
    ('p_ref', 'code'),
    [
        (np.outer(np.arange(5.0), [0.05, 0.02, 0.01]), 'collinear'),
        (np.full((5, 3), 0.3), 'coincident'),
        (np.full((5, 3), np.nan), 'not_finite'),
        (POINTS[:4], 'count_mismatch'),
        (POINTS * [1, 1, -1], 'mirrored'),
        (np.zeros((0, 3)), 'count_mismatch'),
    ],
)
@pytest.mark.parametrize('robust', [False, True])
@pytest.mark.parametrize('covariances', [None, Covariances(np.diag([1e-6, 1e-6, 4e-6]))])
def test_degenerate_points_are_refused(p_ref, code, robust, covariances):
    with pytest.raises(RegistrationError) as caught:
        run(p_ref, robust=robust, covariances=covariances)
    wanted = {code} | ({'no_consensus'} if robust and code in ('collinear', 'coincident') else set())
    assert caught.value.code in wanted


def test_fewer_than_three_landmarks_are_refused():
    for robust in (False, True):
        with pytest.raises(RegistrationError) as caught:
            register(Landmarks(('a', 'b'), POINTS[:2]), POINTS[:2], stamp_ns=0, ref_frame='r', ct_frame='c', robust=robust)
        assert caught.value.code == 'too_few_points'


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


def test_file_with_weights_targets_and_checks(tmp_path):
    rows = [{'name': 'a', 'ct': [1, 2, 3], 'weight': 0.5}, {'name': 'b', 'ct': [4, 5, 6]}]
    places = {'targets': [{'name': 'tumour', 'ct': [10, 0, 0]}], 'checks': [{'name': 'nose', 'ct': [0, 20, 0]}]}
    found = load_landmarks(write(tmp_path, {'unit': 'mm', 'landmarks': rows} | places))
    assert found.weights.tolist() == [0.5, 1.0]
    assert found.targets['tumour'].tolist() == [0.01, 0, 0]
    assert found.checks['nose'].tolist() == [0, 0.02, 0]
    plain = load_landmarks(write(tmp_path, {'unit': 'm', 'landmarks': [{'name': 'a', 'ct': [1, 2, 3]}]}))
    assert (plain.weights, plain.targets, plain.checks) == (None, {}, {})


ONE = {'name': 'a', 'ct': [1, 2, 3]}


@pytest.mark.parametrize(
    ('data', 'says'),
    [
        ([], 'keys unit, landmarks'),
        ({'unit': 'mm'}, 'keys unit, landmarks'),
        ({'unit': 'inch', 'landmarks': [ONE]}, "unit 'inch': one of m, mm"),
        ({'landmarks': [ONE]}, 'unit None'),
        ({'unit': 'mm', 'landmarks': [ONE], 'colour': 'red'}, "unknown key 'colour'; valid: unit, landmarks, targets, checks"),
        ({'unit': 'mm', 'landmarks': [ONE | {'weight': -1}]}, 'landmark a: weight -1: a finite number, not negative'),
        ({'unit': 'mm', 'landmarks': [ONE | {'weight': 'heavy'}]}, "weight 'heavy'"),
        ({'unit': 'mm', 'landmarks': [ONE], 'targets': ONE}, 'targets: a list of name and ct'),
        ({'unit': 'mm', 'landmarks': [ONE], 'targets': [{'name': 't'}]}, 'targets: entry 0: name and ct'),
        ({'unit': 'mm', 'landmarks': [ONE], 'checks': [{'name': 't', 'ct': [1, 2]}]}, 'checks: entry 0: name and ct'),
        ({'unit': 'mm', 'landmarks': [ONE], 'checks': [ONE, ONE]}, 'checks: the name a is there more than once'),
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
