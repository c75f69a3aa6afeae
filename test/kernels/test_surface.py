# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from arsurg_ros.errors import ConfigError, KernelError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.icp import IcpFit, IcpSettings, refusal
from arsurg_ros.kernels.surface import prepare_target
from arsurg_ros.synthetic.organ import cloud, on_mesh, organ

SEEDS = st.integers(0, 2**32 - 1)
PROPERTY = settings(max_examples=8, deadline=None)
both = pytest.mark.parametrize('backend', BACKENDS)
VERTICES, FACES = organ(14)
NEAR = IcpSettings(max_distance_m=0.03)


def small_motion(rng: np.random.Generator, size: float = 1.0) -> np.ndarray:
    return se3.exp(np.concatenate([rng.uniform(-4e-3, 4e-3, 3), rng.uniform(-0.05, 0.05, 3)]) * size)


def align(target, source, start=None, settings=NEAR, voxel_m=0.0) -> IcpFit:
    (fit,) = target.align(source, voxel_m, [np.eye(4) if start is None else start], settings)
    assert isinstance(fit, IcpFit), fit
    return fit


@PROPERTY
@given(seed=SEEDS, n=st.integers(6, 3000))
def test_the_nearest_point_is_the_one_that_scipy_finds(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 3)) * rng.uniform(0.01, 10, 3) + rng.uniform(-50, 50, 3)
    points[rng.integers(n, size=n // 4)] = points[0]  # duplicates too
    queries = np.concatenate([points[:3], points.mean(0) + rng.normal(size=(200, 3)) * rng.uniform(0.01, 20, 3)])
    found = prepare_target(points).closest(queries, np.eye(4), np.inf)
    distance, index = cKDTree(points).query(queries)
    reach = np.abs(points).max() + 20
    assert np.abs(found.distance_m - distance).max() < 1e-6 * reach
    clear = distance < cKDTree(np.unique(points, axis=0)).query(queries, k=2)[0][:, 1] - 1e-5 * reach
    assert np.abs(found.p_target_m - points[index])[clear].max(initial=0) < 1e-9


@PROPERTY
@given(seed=SEEDS, size=st.floats(0.001, 0.5))
def test_the_closest_point_of_a_mesh_is_that_of_all_its_triangles(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    queries = np.concatenate([VERTICES[:5], on_mesh(rng, VERTICES, FACES, 100) + rng.normal(size=(100, 3)) * size])
    ours, twin = (prepare_target(VERTICES, FACES, backend=b).closest(queries, np.eye(4), np.inf) for b in BACKENDS)
    assert np.abs(ours.distance_m - twin.distance_m).max() < 1e-12


@both
def test_nothing_lies_beyond_the_greatest_distance(backend: str) -> None:
    target = prepare_target(VERTICES, FACES, backend=backend)
    queries = np.concatenate([VERTICES[:6], [[1.0, 0, 0], [0, 0, 5.0]]])
    found = target.closest(queries, np.eye(4), 0.1)
    assert np.isfinite(found.distance_m).tolist() == [True] * 6 + [False] * 2
    assert np.isnan(found.p_target_m[6:]).all() and not found.normal[6:].any()


@both
@PROPERTY
@given(seed=SEEDS, method=st.sampled_from(['point_to_plane', 'gicp']), loss=st.sampled_from(['none', 'huber']))
def test_an_exact_motion_onto_a_cloud_is_recovered(backend: str, seed: int, method: str, loss: str) -> None:
    rng = np.random.default_rng(seed)
    points, T = cloud(rng, 1500), se3.exp(rng.uniform(-1, 1, 6))
    target = prepare_target(points, backend=backend)
    source = se3.transform(se3.inverse(T), points[rng.permutation(1500)[:500]])
    how = IcpSettings(method, loss, sigma_m=1e-3, max_distance_m=0.03)
    fit = align(target, source, small_motion(rng, 0.2) @ T, how)
    assert np.abs(fit.T_target_source - T).max() < 1e-8
    assert fit.converged and fit.inliers == 500 and fit.rms_m < 1e-9


@PROPERTY
@given(seed=SEEDS)
def test_an_exact_motion_onto_a_mesh_is_recovered(seed: int) -> None:
    rng = np.random.default_rng(seed)
    T = se3.exp(rng.uniform(-1, 1, 6))
    source = se3.transform(se3.inverse(T), on_mesh(rng, VERTICES, FACES, 300))
    fit = align(prepare_target(VERTICES, FACES), source, small_motion(rng, 0.5) @ T)
    assert np.abs(fit.T_target_source - T).max() < 1e-7


@both
@PROPERTY
@given(seed=SEEDS, mesh=st.booleans(), method=st.sampled_from(['point_to_plane', 'gicp']))
def test_the_fit_moves_with_both_sides(backend: str, seed: int, mesh: bool, method: str) -> None:
    rng = np.random.default_rng(seed)
    A, B = se3.exp(rng.uniform(-1, 1, 6)), se3.exp(rng.uniform(-1, 1, 6))
    points, faces = (VERTICES, FACES) if mesh else (cloud(rng, 1200), None)
    # far less noise than there is between two points of the cloud, so that rounding cannot change a partner
    source = (on_mesh(rng, VERTICES, FACES, 150) if mesh else points[:150]) + rng.normal(0, 2e-5, (150, 3))
    how, start = IcpSettings(method, max_distance_m=0.03), small_motion(rng, 0.05)
    plain = align(prepare_target(points, faces, backend=backend), source, start, how)
    moved = prepare_target(se3.transform(A, points), faces, backend=backend)
    fit = align(moved, se3.transform(B, source), A @ start @ se3.inverse(B), how)
    assert np.abs(fit.T_target_source @ B - A @ plain.T_target_source).max() < 2e-6
    assert fit.rms_m == pytest.approx(plain.rms_m, rel=1e-3)
    assert np.abs(fit.information - plain.information).max() < 1e-4


@both
@PROPERTY
@given(seed=SEEDS)
def test_order_does_not_matter(backend: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = cloud(rng, 1200)
    source = cloud(rng, 400) + rng.normal(0, 1e-4, (400, 3))
    plain = align(prepare_target(points, backend=backend), source, voxel_m=5e-3)
    mixed = align(prepare_target(rng.permutation(points), backend=backend), rng.permutation(source), voxel_m=5e-3)
    assert np.abs(plain.T_target_source - mixed.T_target_source).max() < 1e-7
    assert np.abs(plain.covariance - mixed.covariance).max() < 1e-6 * np.abs(plain.covariance).max()


@pytest.mark.parametrize('loss', ['none', 'huber', 'cauchy', 'tukey'])
@pytest.mark.parametrize('method', ['point_to_plane', 'gicp'])
@pytest.mark.parametrize('mesh', [False, True])
def test_both_backends_give_the_same_fit(loss: str, method: str, mesh: bool) -> None:
    rng = np.random.default_rng(7)
    T = small_motion(rng)
    points, faces = (VERTICES, FACES) if mesh else (cloud(rng, 2000), None)
    source = se3.transform(se3.inverse(T), on_mesh(rng, VERTICES, FACES, 400)) + rng.normal(0, 2e-4, (400, 3))
    how = IcpSettings(method, loss, max_distance_m=0.02)
    ours, twin = (align(prepare_target(points, faces, backend=b), source, None, how, 3e-3) for b in BACKENDS)
    assert np.abs(ours.T_target_source - twin.T_target_source).max() < 1e-7
    assert (ours.inliers, ours.points, ours.degenerate) == (twin.inliers, twin.points, twin.degenerate)
    for name in ('rms_m', 'rms_distance_m', 'noise_m', 'score_m', 'arm_m'):
        assert getattr(ours, name) == pytest.approx(getattr(twin, name), rel=1e-4), name
    assert np.abs(ours.information - twin.information).max() < 1e-5
    assert np.allclose(ours.covariance, twin.covariance, rtol=1e-3, atol=1e-4 * np.abs(twin.covariance).max())


@both
def test_downsampling_gives_the_means_of_cells(backend: str) -> None:
    rng = np.random.default_rng(8)
    points = cloud(rng, 30_000)
    cells = len(np.unique(np.floor(points / 4e-3), axis=0))
    assert prepare_target(points, voxel_m=4e-3, backend=backend).size == cells


def test_more_points_than_before_get_room_and_the_target_with_them() -> None:
    rng = np.random.default_rng(9)
    target = prepare_target(VERTICES, FACES)
    few, many = on_mesh(rng, VERTICES, FACES, 50), on_mesh(rng, VERTICES, FACES, 5000)
    assert align(target, few).points == 50
    assert align(target, many).points == 5000
    assert align(target, few).points == 50


GOOD = cloud(np.random.default_rng(10), 100)
NAN = np.where(np.arange(300).reshape(100, 3) == 44, np.nan, GOOD)
BAD_CLOUDS = [
    ('too_few_points', GOOD[:5]),
    ('too_few_points', np.zeros((0, 3))),
    ('not_finite', NAN),
    ('not_finite', GOOD + 1e10),
    ('coincident', np.ones((20, 3))),
    ('collinear', np.outer(np.linspace(0, 1, 20), (1.0, 2, 3))),
    ('count_mismatch', np.ones((20, 2))),
]


@both
@pytest.mark.parametrize(('code', 'points'), BAD_CLOUDS, ids=lambda v: v if isinstance(v, str) else '')
def test_bad_clouds_are_refused_on_either_side(backend: str, code: str, points: np.ndarray) -> None:
    with pytest.raises(RegistrationError) as caught:
        prepare_target(points, backend=backend)
    assert caught.value.code == code
    if code != 'count_mismatch':
        with pytest.raises(RegistrationError) as caught:
            prepare_target(GOOD, backend=backend).align(points, 0.0, [np.eye(4)], NEAR)
        assert caught.value.code == code


BAD_MESHES = [
    ('empty_mesh', VERTICES, np.zeros((0, 3), int)),
    ('empty_mesh', np.zeros((0, 3)), FACES),
    ('empty_mesh', VERTICES, np.zeros((5, 3), int)),
    ('not_finite', np.where(VERTICES[7] == VERTICES, np.nan, VERTICES), FACES),
    ('bad_face', VERTICES[:9], FACES),
    ('bad_face', VERTICES, -FACES),
    ('bad_face', VERTICES, FACES.astype(float)),
    ('bad_face', VERTICES, FACES[:, :2]),
]


@both
@pytest.mark.parametrize(('code', 'vertices', 'faces'), BAD_MESHES)
def test_bad_meshes_are_refused(backend: str, code: str, vertices: np.ndarray, faces: np.ndarray) -> None:
    with pytest.raises(RegistrationError) as caught:
        prepare_target(vertices, faces, backend=backend)
    assert caught.value.code == code


@both
def test_voxels_too_small_are_refused(backend: str) -> None:
    with pytest.raises(RegistrationError) as caught:
        prepare_target(GOOD, voxel_m=1e-9, backend=backend)
    assert caught.value.code == 'bad_voxel'
    with pytest.raises(RegistrationError) as caught:
        prepare_target(GOOD + 0.5, voxel_m=1.0, backend=backend)
    assert caught.value.code == 'too_few_points'


def test_too_many_points_are_refused() -> None:
    many = np.zeros((1_000_001, 3))
    for attempt in (lambda: prepare_target(many), lambda: prepare_target(GOOD).align(many, 0.0, [np.eye(4)], NEAR)):
        with pytest.raises(RegistrationError) as caught:
            attempt()
        assert caught.value.code == 'too_many_points'


@both
def test_what_lies_apart_has_the_status_no_overlap(backend: str) -> None:
    apart = se3.compose(np.eye(3), [1.0, 0, 0])
    outcome = prepare_target(GOOD, backend=backend).align(GOOD, 0.0, [apart, np.eye(4)], NEAR)
    assert outcome[0] == 21 and isinstance(outcome[1], IcpFit)
    assert 'no_overlap' in str(refusal(21, 'source'))


@both
@pytest.mark.parametrize(('shape', 'free'), [('sphere', 3), ('plane', 3), ('cylinder', 2)])
def test_surfaces_that_slide_are_degenerate(backend: str, shape: str, free: int) -> None:
    rng = np.random.default_rng(11)
    d = rng.normal(size=(4000, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    flat = np.column_stack([d[:, :2], np.zeros(len(d))])
    tube = np.column_stack([d[:, :2] / np.linalg.norm(d[:, :2], axis=1, keepdims=True), d[:, 2]])
    points = 0.1 * {'sphere': d, 'plane': flat, 'cylinder': tube}[shape]
    fit = align(prepare_target(points, backend=backend), points[::5])
    assert fit.degenerate
    assert (fit.information < 1e-3).sum() == free


def test_settings_that_cannot_be_used_are_named() -> None:
    target = prepare_target(GOOD)
    for how, word in (
        (IcpSettings('plane'), 'method'),
        (IcpSettings(loss='l1'), 'loss'),
        (IcpSettings(sigma_m=-1), 'sigma_m'),
        (IcpSettings(max_distance_m=0), 'max_distance_m'),
        (IcpSettings(max_iterations=0), 'max_iterations'),
    ):
        with pytest.raises(ConfigError, match=word):
            target.align(GOOD, 0.0, [np.eye(4)], how)
    for arguments, word in (({'neighbours': 2}, 'neighbours'), ({'voxel_m': -1.0}, 'voxel_m'), ({'backend': 'c'}, 'backend')):
        with pytest.raises(ConfigError, match=word):
            prepare_target(GOOD, **arguments)
    assert isinstance(refusal(99, 'x'), KernelError)
