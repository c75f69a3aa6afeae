# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Registrations that commands computed: each file here was written by the command itself, and changed where a test says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from arsurg_ros.cli import main
from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.registration import tre
from arsurg_ros.registration.chain import canonical
from arsurg_ros.registration.given import GivenResult, load_given
from arsurg_ros.registration.records import parse_record, record_json
from arsurg_ros.registration.session import LandmarkSession
from arsurg_ros.registration.store import SessionStore
from arsurg_ros.synthetic.organ import on_mesh, organ

TRUE = se3.exp([0.1, -0.2, 0.3, 0.4, -0.5, 0.6])  # T_ref_ct
CT_MM = np.random.default_rng(2).uniform(-80, 80, (8, 3)).round(3)
NAMES = [f'L{i}' for i in range(8)]
TARGET_MM = (10.0, 20.0, -30.0)
STEP_NS = 20_000_000


def table(path: Path, points_mm: np.ndarray, names: list[str] | None = None) -> str:
    rows = [','.join(repr(float(v)) for v in p) for p in points_mm]
    named = rows if names is None else [f'{n},{row}' for n, row in zip(names, rows, strict=True)]
    path.write_text('\n'.join([('name,' if names else '') + 'x,y,z', *named]) + '\n')
    return str(path)


def command(folder: Path, name: str, *words: str) -> Path:
    out = folder / name
    assert main(['register', *words, '--out', str(out)]) == 0
    return out


@pytest.fixture(scope='module')
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return what the commands wrote."""
    folder = tmp_path_factory.mktemp('answers')
    rng = np.random.default_rng(1)
    ref_mm = se3.transform(TRUE, CT_MM / 1e3) * 1e3 + rng.normal(0, 0.2, CT_MM.shape)
    sides = ['landmarks', '--moving', table(folder / 'ct.csv', CT_MM, NAMES), '--target', '10,20,-30']
    good = [*sides, '--fixed', table(folder / 'ref.csv', ref_mm, NAMES)]
    ref_mm[5] += 9.0
    bad = [*sides, '--fixed', table(folder / 'bad.csv', ref_mm, NAMES), '--robust']
    vertices, faces = organ(16)
    lines = [f'v {x:.6f} {y:.6f} {z:.6f}' for x, y, z in vertices * 1e3]
    (folder / 'organ.obj').write_text('\n'.join([*lines, *(f'f {a} {b} {c}' for a, b, c in faces + 1)]) + '\n')
    touched = se3.transform(TRUE, on_mesh(rng, vertices, faces, 120)) + rng.normal(0, 3e-4, (120, 3))
    np.savetxt(folder / 'init.txt', np.vstack([se3.inverse(TRUE)[:3] * [1, 1, 1, 1e3], [[0, 0, 0, 1]]]))
    surface = ['surface', '--target', str(folder / 'organ.obj'), '--source', table(folder / 'touched.csv', touched * 1e3)]
    surface += ['--init', str(folder / 'init.txt'), '--multi-start', '1', '--target-point', '10,20,-30']
    return {
        'landmarks': command(folder, 'landmarks.json', *good),
        'known': command(folder, 'known.json', *good, '--noise', '0.2'),
        'directed': command(folder, 'directed.json', *good, '--fixed-noise', '0.2,0.2,0.6'),
        'twin': command(folder, 'twin.json', *good, '--backend', 'numpy'),
        'robust': command(folder, 'robust.yaml', *bad),
        'surface': command(folder, 'surface.yaml', *surface),
    }


def load(path: Path | str, landmarks: str = '') -> GivenResult:
    found = load_given('result', str(path), landmarks, 'ref', 'ct')
    assert found is not None
    return found


def yaml_of(folder: Path, **content: Any) -> str:
    path = folder / 'landmarks.yaml'
    path.write_text(yaml.safe_dump({'unit': 'mm', 'landmarks': [], **content}))
    return str(path)


def close(T: np.ndarray, m: float = 5e-4, rad: float = 5e-3) -> bool:
    off = se3.inverse(TRUE) @ T
    return bool(np.linalg.norm(off[:3, 3]) < m and se3.rotation_angle_rad(off) < rad)


def test_landmarks_are_what_the_command_found(files: dict[str, Path]) -> None:
    told = json.loads(files['landmarks'].read_text())
    found = load(files['landmarks'])
    r = found.result
    assert close(r.T_ref_ct) and (r.ref_frame, r.ct_frame) == ('ref', 'ct')
    assert r.fre_m * 1e3 == pytest.approx(told['fre_mm']) and r.dof == told['dof'] == 18
    assert (r.noise_m or 0) * 1e3 == pytest.approx(told['noise_mm'])
    assert (r.loo_tre_m or 0) * 1e3 == pytest.approx(told['loo_tre_mm'])
    assert r.residuals_m * 1e3 == pytest.approx([row['residual_mm'] for row in told['landmarks']])
    assert np.sqrt(np.diag(r.covariance))[:3] * 1e3 == pytest.approx(told['sigma_mm'])
    assert np.degrees(np.sqrt(np.diag(r.covariance))[3:]) == pytest.approx(told['sigma_deg'])
    assert r.names == tuple(NAMES) and r.rejected == () and r.warnings == ('fre_does_not_bound_tre',) * (
        told['targets'][0]['tre_rms_mm'] > told['fre_mm']
    )
    assert [t.name for t in found.touches] == NAMES
    assert np.allclose([t.p_ct_m for t in found.touches], CT_MM / 1e3)
    (target,) = r.targets
    assert np.allclose(target.p_ct_m * 1e3, TARGET_MM)
    assert target.tre_rms_m * 1e3 == pytest.approx(told['targets'][0]['tre_rms_mm'])
    assert target.margin95_m * 1e3 == pytest.approx(told['targets'][0]['margin95_mm'])


def test_who_computed_it_is_known_and_where_it_lay_is_not(files: dict[str, Path]) -> None:
    told = json.loads(files['landmarks'].read_text())
    found = load(files['landmarks']).candidate(7, 'arsurg_ros x')
    assert found.stamp_ns == 7
    assert found.provenance == {
        'method': 'paired landmarks', 'mode': 'result', 'software': told['software'], 'backend': 'wasm',
        'kernel_sha256': told['kernel']['sha256'], 'file_sha256': hashlib.sha256(files['landmarks'].read_bytes()).hexdigest(),
        'taken_by': 'arsurg_ros x',
    }
    assert 'kernel_sha256' not in load(files['twin']).result.provenance
    assert load(files['surface']).result.provenance['method'] == 'surface, point_to_plane'


def test_a_given_noise_has_no_degrees_of_freedom_and_directions_count(files: dict[str, Path]) -> None:
    assert load(files['known']).result.dof == float('inf')
    directed = load(files['directed']).result
    assert directed.dof == float('inf') and close(directed.T_ref_ct)


def test_a_rejected_landmark_stays_rejected(files: dict[str, Path]) -> None:
    r = load(files['robust']).result
    assert r.rejected == ('L5',) and 'outliers_rejected' in r.warnings
    assert r.residuals_m[5] > 0.01 > 0.001 > r.fre_m


def test_a_surface_is_turned_round_with_its_error(files: dict[str, Path]) -> None:
    told = yaml.safe_load(files['surface'].read_text())
    found = load(files['surface'])
    r = found.result
    assert close(r.T_ref_ct, 1e-3, 1e-2) and found.touches == () and r.names == ()
    assert np.allclose(se3.inverse(r.T_ref_ct)[:3, :3], np.array(told['T'])[:3, :3])
    assert r.fre_m * 1e3 == pytest.approx(told['rms_mm']) and (r.noise_m or 0) * 1e3 == pytest.approx(told['noise_mm'])
    assert r.dof == told['inliers'] - 6
    # A place of the image errs as far in ref as the command has it in the mesh, by the same length of another vector.
    (target,) = r.targets
    assert np.allclose(target.p_ct_m * 1e3, TARGET_MM)
    assert target.tre_rms_m * 1e3 == pytest.approx(told['targets'][0]['tre_rms_mm'], rel=1e-6)
    assert target.margin95_m * 1e3 == pytest.approx(told['targets'][0]['margin95_mm'], rel=1e-4)


def perturbed(T: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Return a pose with an error (x y z rx ry rz) as REP-103 has it: turned about the parent's axes, moved along them."""
    return se3.compose(se3.from_rotvec(error[3:]) @ T[:3, :3], T[:3, 3] + error[:3])


def error_of(T: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.concatenate([T[:3, 3] - truth[:3, 3], se3.to_rotvec(T[:3, :3] @ truth[:3, :3].T)])


def random_covariance(seed: int) -> np.ndarray:
    A = np.random.default_rng(seed).normal(size=(6, 6)) * np.array([3e-4] * 3 + [2e-3] * 3)[:, None]
    return np.asarray(A @ A.T)


@pytest.mark.parametrize('seed', range(3))
def test_the_covariance_of_an_inverse_by_finite_differences(seed: int) -> None:
    T = se3.exp(np.random.default_rng(seed).normal(size=6))
    step, back = 1e-6, se3.inverse(T)
    columns = [error_of(se3.inverse(perturbed(T, step * e)), back) - error_of(se3.inverse(perturbed(T, -step * e)), back)
               for e in np.eye(6)]  # fmt: skip
    J = np.array(columns).T / (2 * step)
    C = random_covariance(seed)
    assert np.allclose(tre.inverse_covariance(T, C), J @ C @ J.T, rtol=1e-6, atol=1e-14)
    assert np.allclose(tre.inverse_covariance(back, tre.inverse_covariance(T, C)), C, rtol=1e-9, atol=1e-18)


def test_the_covariance_of_an_inverse_by_monte_carlo() -> None:
    T, C, rng = se3.exp([0.3, -0.5, 0.2, 0.7, -0.2, 1.1]), random_covariance(7), np.random.default_rng(8)
    errors = np.array([
        error_of(se3.inverse(perturbed(T, e)), se3.inverse(T)) for e in rng.multivariate_normal(np.zeros(6), C, 20_000)
    ])
    told = tre.inverse_covariance(T, C)
    size = np.sqrt(np.diag(told))
    assert np.abs((np.cov(errors.T) - told) / np.outer(size, size)).max() < 0.04
    assert not np.allclose(told, C, rtol=0.5)


def rows(names: list[str], p_mm: np.ndarray) -> list[dict[str, Any]]:
    return [{'name': n, 'ct': [float(v) for v in p]} for n, p in zip(names, p_mm, strict=True)]


def test_the_landmarks_file_adds_targets_and_what_had_no_part_to_check_at(files: dict[str, Path], tmp_path: Path) -> None:
    known = yaml_of(
        tmp_path,
        landmarks=[*rows(['L0', 'other name'], CT_MM[:2]), {'name': 'new', 'ct': [1, 2, 3]}],
        targets=[{'name': 'tumour', 'ct': [5, 6, 7]}],
        checks=[{'name': 'held', 'ct': [9, 9, 9]}, *rows(['L3'], CT_MM[3:4])],
    )
    found = load(files['landmarks'], known)
    assert [t.name for t in found.result.targets] == ['tumour']
    assert set(found.landmarks.checks) == {'new', 'held'}  # by place, whatever its name: what was fitted is no evidence
    on_surface = load(files['surface'], known)
    assert set(on_surface.landmarks.checks) == {'L0', 'other name', 'new', 'held', 'L3'}
    without = load(files['landmarks'], yaml_of(tmp_path))
    assert [t.name for t in without.result.targets] == ['target 1']
    moved = yaml_of(tmp_path, landmarks=rows(['L2'], CT_MM[2:3] + 1.0))
    with pytest.raises(RegistrationError, match=r'session_mismatch: .*L2 lies 1\.73 mm from L2 .*: another image\?'):
        load(files['landmarks'], moved)


def test_mode_and_file_go_together(files: dict[str, Path], tmp_path: Path) -> None:
    assert load_given('manual', '', '', 'ref', 'ct') is None
    with pytest.raises(ConfigError, match='only mode result takes it, the mode is manual'):
        load_given('manual', str(files['landmarks']), '', 'ref', 'ct')
    with pytest.raises(ConfigError, match='parameter registration names no file'):
        load_given('result', '', '', 'ref', 'ct')
    found = load(files['landmarks'])
    with pytest.raises(ConfigError, match='is given in mode result, and only there'):
        LandmarkSession(found.landmarks, 'ref', 'ct', mode='result')
    with pytest.raises(ConfigError, match='is given in mode result, and only there'):
        LandmarkSession(found.landmarks, 'ref', 'ct', mode='manual', given=found)


def put(**more: Any) -> Callable[[dict[str, Any]], None]:
    return lambda d: d.update(more)


def each(rows: str, /, **more: Any) -> Callable[[dict[str, Any]], None]:
    return lambda d: d[rows][0].update(more)


def move(d: dict[str, Any]) -> None:
    d['T_fixed_moving'][0][3] += 1.0


@pytest.mark.parametrize(
    ('name', 'change', 'code', 'says'),
    [
        ('landmarks', put(command='calibrate pivot'), 'answer_mismatch', 'register landmarks or register surface'),
        ('landmarks', lambda d: d.pop('T_fixed_moving'), 'answer_broken', 'T_fixed_moving is missing'),
        ('surface', lambda d: d.pop('T_target_source'), 'answer_broken', 'T_target_source is missing'),
        ('landmarks', put(T_fixed_moving=np.ones((4, 4)).tolist()), 'not_rigid', 'T_fixed_moving is not rigid'),
        ('surface', put(T_target_source=np.diag([1.0, 1, -1, 1]).tolist()), 'not_rigid', 'T_target_source'),
        ('landmarks', put(unit='m'), 'wrong_unit', 'is its unit mm?'),
        ('surface', put(unit='m'), 'wrong_unit', 'is its unit mm?'),
        ('surface', put(unit='inch'), 'wrong_unit', "unit 'inch'"),
        ('landmarks', lambda d: d.pop('unit'), 'answer_broken', 'unit is missing'),
        ('landmarks', move, 'answer_broken', 'it was changed'),
        ('landmarks', put(fre_mm=0.0), 'answer_broken', 'it was changed'),
        ('landmarks', each('landmarks', fixed=[1, 2, 3]), 'answer_broken', 'it was changed'),
        ('landmarks', lambda d: d['landmarks'][0].pop('used'), 'answer_broken', "KeyError('used')"),
        ('landmarks', each('landmarks', fixed=[1, 2]), 'answer_broken', 'three finite numbers'),
        ('landmarks', each('landmarks', moving=[1, 2, None]), 'answer_broken', 'three finite numbers'),
        ('landmarks', each('landmarks', name='L1'), 'answer_broken', 'names must differ'),
        ('landmarks', put(landmarks=3), 'answer_broken', 'name, fixed, moving and used'),
        ('landmarks', lambda d: [row.update(used=False) for row in d['landmarks'][2:]], 'answer_broken', '2 used, 3 are'),
        ('landmarks', put(covariance_mm_rad=[[0.0] * 6] * 5), 'answer_broken', '6 x 6'),
        ('landmarks', put(covariance_mm_rad=(-np.eye(6)).tolist()), 'answer_broken', 'symmetric and not negative'),
        ('surface', put(covariance=np.triu(np.ones((6, 6))).tolist()), 'answer_broken', 'symmetric and not negative'),
        ('surface', put(rms_mm=None), 'answer_broken', 'rms_mm: a finite number is needed'),
        ('surface', lambda d: d.pop('method'), 'answer_broken', 'method is missing'),
        ('landmarks', put(kernel=None), 'answer_broken', 'kernel None'),
        ('landmarks', put(warnings='weak'), 'answer_broken', "warnings 'weak'"),
        ('landmarks', each('targets', moving='here'), 'answer_broken', 'targets: name and moving'),
        ('surface', each('targets', p=[1, 2]), 'answer_broken', 'three finite numbers'),
        ('landmarks', lambda d: d.pop('dof'), 'answer_broken', 'dof is missing'),
        ('landmarks', put(dof=0.0), 'answer_broken', 'dof 0: 1 to'),
        ('landmarks', put(dof=1e300), 'answer_broken', 'dof 1e+300'),
        ('landmarks', put(noise_mm=-0.3), 'answer_broken', 'noise_mm -0.3: not negative'),
        ('surface', put(rms_mm=-1.0), 'answer_broken', 'rms_mm -1: not negative'),
    ],
)
def test_another_file_is_refused_by_name(
    files: dict[str, Path], tmp_path: Path, name: str, change: Callable[[Any], object], code: str, says: str
) -> None:
    content = yaml.safe_load(files['surface'].read_text()) if name == 'surface' else json.loads(files[name].read_text())
    change(content)
    path = tmp_path / 'changed.json'
    path.write_text(json.dumps(content))
    with pytest.raises(RegistrationError) as caught:
        load(path)
    assert caught.value.code == code and says in str(caught.value)
    assert '\n' not in str(caught.value) and 'changed.json' in str(caught.value)


def test_points_in_metres_that_are_called_mm_are_too_small(files: dict[str, Path], tmp_path: Path) -> None:
    content = json.loads(files['landmarks'].read_text())
    for row in content['landmarks']:
        for side in ('fixed', 'moving'):
            row[side] = [v / 1e3 for v in row[side]]
    (tmp_path / 'a.json').write_text(json.dumps(content))
    with pytest.raises(RegistrationError, match=r'wrong_unit: .*a\.json .*span .* in moving'):
        load(tmp_path / 'a.json')


def session(found: GivenResult, **more: Any) -> LandmarkSession:
    return LandmarkSession(found.landmarks, 'ref', 'ct', mode='result', given=found, **more)


def hold(ses: LandmarkSession, p_ref_m: np.ndarray) -> int:
    for k in range(50):
        ses.observe(k * STEP_NS, p_ref_m)
    return 49 * STEP_NS


@pytest.mark.parametrize('name', ['landmarks', 'surface'])
def test_it_goes_through_the_transaction(files: dict[str, Path], tmp_path: Path, name: str) -> None:
    found = load(files[name], yaml_of(tmp_path, checks=[{'name': 'held', 'ct': [9, 9, 9]}]))
    store = SessionStore(tmp_path / 'store', 'ref', 'ct')
    ses = session(found, journal=store)
    assert ses.compute(5) is ses.candidate() and ses.accepted is None
    assert ses.accept(6).stamp_ns == 6
    record = store.history[-1]
    again = parse_record(json.loads(canonical(record_json(record))))
    assert canonical(record_json(again)) == canonical(record_json(record))
    assert str(files[name]) not in (tmp_path / 'store' / 'log.jsonl').read_text()
    now_ns = hold(ses, se3.transform(TRUE, np.array([0.009, 0.009, 0.009])))
    check = ses.validate(now_ns)
    assert check.name == 'held' and check.independent and check.passed and check.expected95_m is not None
    with pytest.raises(RegistrationError, match='mode result takes no captures'):
        ses.capture(now_ns)
    ses.save(tmp_path / 's.json')
    ses.clear()
    assert ses.accepted is None and '1 accepted' in ses.load(tmp_path / 's.json', 10**12)
    store.close()


def test_a_used_landmark_is_no_independent_check(files: dict[str, Path]) -> None:
    ses = session(load(files['robust']))
    ses.compute(0)
    ses.accept(0)
    for index, independent in ((0, False), (5, True)):  # L5 was rejected
        check = ses.validate(hold(ses, se3.transform(TRUE, CT_MM[index] / 1e3)))
        assert (check.name, check.independent) == (NAMES[index], independent)


def test_a_surface_alone_has_no_landmark_to_check_at(files: dict[str, Path]) -> None:
    ses = session(load(files['surface']))
    ses.compute(0)
    ses.accept(0)
    with pytest.raises(RegistrationError, match='not_near: no landmark is known to check at'):
        ses.validate(hold(ses, np.zeros(3)))


def test_an_fre_over_the_limit_is_not_accepted(files: dict[str, Path]) -> None:
    ses = session(load(files['surface']), max_fre_m=1e-4)
    ses.compute(0)
    with pytest.raises(RegistrationError, match='fre_too_large'):
        ses.accept(0)
    assert ses.accepted is None
