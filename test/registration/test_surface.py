# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.icp import IcpFit, IcpSettings
from arsurg_ros.registration import tre
from arsurg_ros.registration.starts import (
    AXIS_TURNS,
    KEEPING,
    MOST_COARSE,
    coarse_starts,
    far_apart,
    nudged_starts,
    patches,
    principal_axes,
    spread_over,
    thinned,
)
from arsurg_ros.registration.surface import SurfaceTarget, align
from arsurg_ros.synthetic.organ import cloud, on_mesh, organ

VERTICES, FACES = organ(16)
T = se3.exp([0.1, -0.2, 0.3, 0.7, -0.4, 0.5])
TRUE_TARGET = np.array([0.02, 0.03, 0.01])


@pytest.fixture(scope='module')
def target() -> SurfaceTarget:
    return SurfaceTarget.prepare(VERTICES, FACES)


def digitised(n: int, noise_m: float = 0.0, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return se3.transform(se3.inverse(T), on_mesh(rng, VERTICES, FACES, n)) + rng.normal(0, noise_m, (n, 3))


def off(turn_rad: float, shift_m: float) -> np.ndarray:
    about = se3.compose(np.eye(3), VERTICES.mean(axis=0))
    return about @ se3.exp([shift_m, -shift_m, shift_m, turn_rad, turn_rad, -turn_rad]) @ se3.inverse(about) @ T


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_landmark_registration_is_refined(backend: str) -> None:
    source = digitised(60, 3e-4)
    fit = align(SurfaceTarget.prepare(VERTICES, FACES, backend=backend), source, off(0.06, 3e-3), multi_start=3)
    error = fit.T_target_source @ se3.inverse(T)
    assert se3.rotation_angle_rad(error) < np.radians(0.5)
    assert fit.rms_m == pytest.approx(3e-4, rel=0.3) and fit.noise_m == pytest.approx(3e-4, rel=0.3)
    assert fit.converged and not fit.coarse and fit.warnings == ()
    assert (fit.inliers, fit.points, fit.overlap, fit.starts, fit.agreeing) == (60, 60, 1.0, 3, 3)
    assert fit.runner_up is None and fit.runner_up_rms_m is None
    assert np.median(fit.distance_m) < 3e-4 < np.median(fit.start_distance_m)
    moved = se3.transform(fit.T_target_source, source)
    assert np.abs(np.linalg.norm(fit.p_closest_m - moved, axis=1) - fit.distance_m).max() < 1e-9


def test_without_a_start_the_search_finds_a_lopsided_organ(target: SurfaceTarget) -> None:
    fit = align(target, digitised(400, 2e-4))
    assert np.abs(fit.T_target_source - T).max() < 2e-3
    assert fit.coarse and fit.starts == 408 and fit.agreeing > 3 and 'coarse_start' in fit.warnings[0]
    assert fit.runner_up_rms_m is not None and fit.runner_up_rms_m > 5 * fit.rms_m


def test_a_symmetric_body_is_ambiguous() -> None:
    box = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * (0.05, 0.04, 0.03)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    rng = np.random.default_rng(2)
    source = on_mesh(rng, box, np.array(faces), 300) + rng.normal(0, 2e-4, (300, 3))
    box_target = SurfaceTarget.prepare(box, faces)
    with pytest.raises(RegistrationError, match=r'another pose, .* fits as well: .*--init.*--accept-coarse') as caught:
        align(box_target, source)
    assert caught.value.code == 'ambiguous'
    fit = align(box_target, source, accept_coarse=True)
    assert fit.warnings[0].startswith('ambiguous: another pose, ')
    assert fit.runner_up is not None and fit.runner_up_rms_m is not None
    assert se3.rotation_angle_rad(fit.runner_up @ se3.inverse(fit.T_target_source)) == pytest.approx(np.pi, abs=0.01)
    assert fit.runner_up_rms_m < 1.2 * fit.rms_m


def part_of(share: float, seed: int, n: int = 150, noise_m: float = 5e-4) -> tuple[np.ndarray, np.ndarray]:
    """Return a pose, and n noisy points of one side of the organ, moved by it."""
    rng = np.random.default_rng(seed)
    pose, side = se3.exp(rng.uniform(-1, 1, 6) * (0.3, 0.3, 0.3, 2, 2, 2)), rng.normal(size=3)
    p = on_mesh(rng, VERTICES, FACES, 4000)
    seen = p[p @ side >= np.quantile(p @ side, 1 - share)][:n]
    return pose, se3.transform(se3.inverse(pose), seen) + rng.normal(0, noise_m, seen.shape)


def test_points_of_a_part_in_any_pose_are_found_without_a_start(target: SurfaceTarget) -> None:
    for seed, share in enumerate((0.25, 0.4)):
        pose, source = part_of(share, seed)
        fit = align(target, source)
        gap = se3.transform(fit.T_target_source, source) - se3.transform(pose, source)
        assert np.sqrt((gap**2).sum(axis=1).mean()) < 2e-3, (seed, share)
        assert fit.agreeing >= 3 and fit.runner_up_rms_m is not None and fit.runner_up_rms_m > 1.25 * fit.rms_m


def test_a_part_without_features_is_refused_and_never_answered_in_silence(target: SurfaceTarget) -> None:
    """So few, so noisy points of so little fit nearly everywhere."""
    _, source = part_of(0.1, 7, n=20, noise_m=4e-3)
    with pytest.raises(RegistrationError) as caught:
        align(target, source)
    assert caught.value.code == 'ambiguous'
    assert any(w.startswith('ambiguous: ') for w in align(target, source, accept_coarse=True).warnings)


def test_what_one_start_alone_found_is_no_consensus(target: SurfaceTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    _, source = part_of(0.4, 1)
    found = align(target, source).agreeing
    monkeypatch.setattr('arsurg_ros.registration.surface.FEWEST_AGREEING', found + 1)
    with pytest.raises(RegistrationError, match=f'{found} of 408 starts came to this pose, {found + 1} are needed') as caught:
        align(target, source)
    assert caught.value.code == 'no_consensus'
    assert align(target, source, accept_coarse=True).warnings[0].startswith('no_consensus: ')
    with pytest.raises(RegistrationError, match='of 1 starts came to this pose'):
        align(target, digitised(200, 2e-4), multi_start=1)


def test_residuals_far_above_the_noise_stated_are_refused_or_told(target: SurfaceTarget) -> None:
    _, source = part_of(0.6, 2, noise_m=1e-3)
    assert align(target, source, settings=IcpSettings(sigma_m=1e-3)).noise_m < 1.5e-3
    with pytest.raises(RegistrationError, match=r'where sigma says 0\.200 mm') as caught:
        align(target, source, settings=IcpSettings(sigma_m=2e-4))
    assert caught.value.code == 'poor_fit'
    near = align(target, digitised(60, 1e-3), T, settings=IcpSettings(sigma_m=2e-4), multi_start=1)
    assert near.warnings[0].startswith('poor_fit: ')


def test_starts_of_parts_lie_on_patches_as_large_as_they() -> None:
    sample = spread_over(VERTICES, FACES, 1024)
    _, source = part_of(0.3, 3)
    starts = coarse_starts(sample, source, MOST_COARSE)
    assert len(starts) == MOST_COARSE == 408 and all(se3.is_rigid(s) for s in starts)
    size = np.sqrt(((source - source.mean(axis=0)) ** 2).sum(axis=1).mean())
    found = patches(sample, source)
    assert len(found) == 24
    for patch in found:
        assert np.sqrt(((patch - patch.mean(axis=0)) ** 2).sum(axis=1).mean()) == pytest.approx(size, rel=0.05)
    middle = se3.transform(starts[24], source).mean(axis=0)
    assert np.abs(middle - found[0].mean(axis=0)).max() < 1e-9


def test_samples_are_even() -> None:
    square = np.array([[0, 0, 0], [1.0, 0, 0], [1, 1, 0], [0, 1, 0]])
    even = spread_over(square, np.array([[0, 1, 2], [0, 2, 3]]), 400)
    counts, *_ = np.histogram2d(even[:, 0], even[:, 1], bins=4, range=((0, 1), (0, 1)))
    assert counts.min() > 15 and counts.max() < 35 and np.abs(even[:, 2]).max() == 0
    assert np.array_equal(spread_over(square, np.array([[0, 1, 1]]), 10), square)
    corners = even[far_apart(even, 4)]
    assert all(np.abs(corners[:, :2] - c).sum(axis=1).min() < 0.15 for c in square[:, :2])
    few = thinned(np.vstack([even, [[50.0, 0, 0]]]), 64)
    assert len(few) == 64 and (few[:, 0] > 2).sum() <= 1
    assert len(thinned(square, 64)) == 4


def test_a_start_in_a_worse_minimum_is_told_and_left(target: SurfaceTarget) -> None:
    source, far = digitised(200, 2e-4), off(1.0, 0.0)
    stuck = align(target, source, far, multi_start=1)
    assert stuck.rms_m > 2e-3 and stuck.starts == 1
    fit = align(target, source, far, multi_start=13)
    assert fit.rms_m < 3e-4 and np.abs(fit.T_target_source - T).max() < 2e-3
    assert any(w.startswith('local_minimum: the start given came to ') for w in fit.warnings)
    assert fit.agreeing < 13 and fit.runner_up_rms_m is not None


def test_a_start_too_far_for_partners_is_told(target: SurfaceTarget) -> None:
    body = align(target, digitised(200), off(0.02, 1e-3), settings=IcpSettings(max_distance_m=0.01))
    assert body.overlap == 1.0
    # half a turn about an axis beside the organ: some nudged start may find it, the first finds nothing
    with pytest.raises(RegistrationError, match=r'init that leaves the middles 2\.9\d+ m apart .* in the unit') as caught:
        align(target, digitised(200), se3.compose(np.eye(3), [3.0, 0, 0]) @ T)
    assert caught.value.code == 'no_overlap'


@pytest.mark.parametrize('loss', ['huber', 'cauchy', 'tukey'])
def test_a_robust_loss_bears_points_off_the_surface(target: SurfaceTarget, loss: str) -> None:
    rng = np.random.default_rng(5)
    source = digitised(200, 2e-4)
    clean = align(target, source, off(0.02, 1e-3), multi_start=1)
    source[:40] += rng.uniform(-6e-3, 6e-3, (40, 3)) + 4e-3
    plain = align(target, source, off(0.02, 1e-3), multi_start=1)
    robust = align(target, source, off(0.02, 1e-3), settings=IcpSettings(loss=loss), multi_start=1)
    there = se3.transform(se3.inverse(T), TRUE_TARGET)
    fits = (clean, plain, robust)
    error = [np.linalg.norm(se3.transform(f.T_target_source, there) - TRUE_TARGET) for f in fits]
    assert error[2] < 0.3 * error[1]
    assert error[2] < error[0] + 3e-4


def test_half_a_surface_with_points_beyond_it_says_the_overlap(target: SurfaceTarget) -> None:
    source = digitised(300)
    source[:90] += (0.3, 0, 0)
    fit = align(target, source, T, settings=IcpSettings(max_distance_m=5e-3), multi_start=1)
    assert fit.inliers == 210 and fit.overlap == pytest.approx(0.7)
    assert np.isinf(fit.distance_m[:90]).all() and fit.distance_m[90:].max() < 1e-9
    with pytest.raises(RegistrationError, match=r'210 of 300 points \(70%\) lie within 0\.005 m') as caught:
        align(target, source, T, settings=IcpSettings(max_distance_m=5e-3), multi_start=1, least_overlap=0.8)
    assert caught.value.code == 'no_overlap'


@pytest.mark.parametrize('factor', [1e3, 1e-3])
def test_millimetres_given_as_metres_are_told(target: SurfaceTarget, factor: float) -> None:
    with pytest.raises(RegistrationError, match='is one of them in mm') as caught:
        align(target, digitised(60) * factor)
    assert caught.value.code == 'wrong_unit'


@pytest.mark.parametrize('factor', [1e3, 1e-3])
def test_both_sides_in_the_wrong_unit_are_told(factor: float) -> None:
    both = SurfaceTarget.prepare(VERTICES * factor, FACES)
    start = T.copy()
    start[:3, 3] *= factor
    with pytest.raises(RegistrationError, match=r'the target spans .* m, 0\.005 m to 5 m is valid') as caught:
        align(both, digitised(60) * factor, start, multi_start=1)
    assert caught.value.code == 'wrong_unit'
    assert align(both, digitised(60) * factor, start, multi_start=1, any_size=True).rms_m < 1e-3 * factor


def test_mirrored_points_are_refused(target: SurfaceTarget) -> None:
    mirrored = digitised(300) * (1, -1, 1)
    for init in (None, T):
        with pytest.raises(RegistrationError, match='the points are mirrored: their mirror image fits to ') as caught:
            align(target, mirrored, init, accept_coarse=True, settings=IcpSettings(max_distance_m=0.1))
        assert caught.value.code == 'mirrored'


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_sphere_turns_freely_and_a_plane_slides(backend: str) -> None:
    rng = np.random.default_rng(6)
    d = rng.normal(size=(3000, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    with pytest.raises(RegistrationError) as caught:
        align(SurfaceTarget.prepare(0.1 * d, backend=backend), 0.1 * d[::4], np.eye(4), multi_start=1)
    assert caught.value.code == 'degenerate' and str(caught.value).count('turn about') == 3
    flat = np.column_stack([rng.uniform(-0.1, 0.1, (1000, 2)), np.zeros(1000)])
    with pytest.raises(RegistrationError) as caught:
        align(SurfaceTarget.prepare(flat, backend=backend), flat[::4], np.eye(4), multi_start=1)
    assert str(caught.value).count('shift along') == 2 and 'turn about (0.00, 0.00, 1.00)' in str(caught.value)


BAD = [
    ('too_few_points', np.zeros((0, 3))),
    ('too_few_points', digitised(5)),
    ('not_finite', np.where(np.arange(180).reshape(60, 3) == 44, np.nan, digitised(60))),
    ('coincident', np.ones((20, 3))),
    ('collinear', np.outer(np.linspace(0, 0.1, 20), (1.0, 2, 3))),
    ('count_mismatch', np.ones((20, 2))),
]


@pytest.mark.parametrize(('code', 'source'), BAD)
@pytest.mark.parametrize('init', [None, np.eye(4)])
def test_bad_points_are_refused(target: SurfaceTarget, code: str, source: np.ndarray, init: np.ndarray | None) -> None:
    with pytest.raises(RegistrationError) as caught:
        align(target, source, init)
    assert caught.value.code == code


def test_an_empty_mesh_is_a_cloud_and_no_points_at_all_are_refused() -> None:
    assert not SurfaceTarget.prepare(VERTICES, np.zeros((0, 3), int)).is_mesh
    with pytest.raises(RegistrationError) as caught:
        SurfaceTarget.prepare(np.zeros((0, 3)), np.zeros((0, 3), int))
    assert caught.value.code == 'too_few_points'
    with pytest.raises(RegistrationError) as caught:
        SurfaceTarget.prepare(VERTICES, [[0, 0, 0]])
    assert caught.value.code == 'empty_mesh'


def test_starts_and_inits_that_cannot_be_used_are_named(target: SurfaceTarget) -> None:
    for arguments, word in (
        ({'init': np.eye(4) * 2}, 'init'),
        ({'init': np.eye(3)}, 'init'),
        ({'init': T, 'multi_start': 14}, '1 to 13'),
        ({'multi_start': 409}, '1 to 408'),
        ({'multi_start': 0}, 'multi_start'),
    ):
        with pytest.raises(ConfigError, match=word):
            align(target, digitised(60), **arguments)


def test_starts_are_proper_distinct_and_in_order() -> None:
    assert len(AXIS_TURNS) == 24 and len(KEEPING) == 4
    assert len({tuple(M.ravel()) for M in AXIS_TURNS}) == 24
    assert all(np.linalg.det(M) == pytest.approx(1) for M in AXIS_TURNS)
    source = digitised(100)
    starts = nudged_starts(T, source, 13)
    assert np.array_equal(starts[0], T)
    centre = source.mean(axis=0)
    for start in starts:
        assert se3.is_rigid(start)
        assert np.abs(se3.transform(start, centre) - se3.transform(T, centre)).max() < 1e-12
    axes = principal_axes(source)
    assert np.linalg.det(axes) == pytest.approx(1) and np.ptp(source @ axes[:, 0]) > np.ptp(source @ axes[:, 2])


def test_what_does_not_come_to_rest_is_told(target: SurfaceTarget) -> None:
    fit = align(target, digitised(60), off(0.1, 4e-3), settings=IcpSettings(max_iterations=1), multi_start=1)
    assert not fit.converged and any(w.startswith('not_converged') for w in fit.warnings)


def test_a_surface_that_hardly_holds_is_told() -> None:
    rng = np.random.default_rng(7)
    angle, along = rng.uniform(0, 2 * np.pi, 6000), rng.uniform(-0.1, 0.1, 6000)
    r = 0.05 + 0.004 * along / 0.1 + 0.004 * np.cos(2 * angle)
    cone = np.column_stack([r * np.cos(angle), r * np.sin(angle), along])
    fit = align(SurfaceTarget.prepare(cone, neighbours=12), cone[::6], np.eye(4), multi_start=1)
    assert 1e-3 < fit.weakest.information < 1e-2
    assert 'shift along' in fit.weakest.text and any(w.startswith('weak: ') for w in fit.warnings)


def test_the_error_at_a_target_is_that_of_the_covariance(target: SurfaceTarget) -> None:
    source = digitised(60, 3e-4)
    fit = align(target, source, T, multi_start=1, targets_m={'tumour': TRUE_TARGET})
    (found,) = fit.targets
    assert found.name == 'tumour' and np.array_equal(found.p_ct_m, TRUE_TARGET)
    arm = TRUE_TARGET - fit.T_target_source[:3, 3]
    J = np.hstack([np.eye(3), -se3.skew(arm)])
    assert np.allclose(found.covariance_m2, J @ fit.covariance @ J.T)
    assert 1e-4 < found.tre_rms_m < found.margin95_m < 1e-3


TRIALS = 10_000


@pytest.fixture(scope='module')
def trials() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Errors (N, 6), predicted variances (N, 6), errors at a target and their margins, of small noisy problems."""
    vertices, faces = organ(24)
    rng, kernel = np.random.default_rng(11), SurfaceTarget.prepare(vertices, faces).kernel
    base = se3.transform(se3.inverse(T), on_mesh(rng, vertices, faces, 40))
    how, there = IcpSettings(max_distance_m=0.05), se3.transform(se3.inverse(T), TRUE_TARGET)
    rows, margin = [], 0.0
    for i in range(TRIALS):
        (fit,) = kernel.align(base + rng.normal(0, 2e-4, base.shape), 0.0, [T], how)
        assert isinstance(fit, IcpFit)
        X = fit.T_target_source
        error = np.concatenate([X[:3, 3] - T[:3, 3], se3.to_rotvec(X[:3, :3] @ T[:3, :3].T)])
        missed = np.linalg.norm(se3.transform(X, there) - TRUE_TARGET)
        C = tre.position_covariance(X, fit.covariance, there)
        size = np.sqrt(np.trace(C))
        if i % 100 == 0:  # a margin is as long as the rms; its shape hardly changes from trial to trial
            exact = tre.margin_m(C, fit.inliers - 6) / size
            assert i == 0 or exact == pytest.approx(margin, rel=0.02)
            margin = exact if i == 0 else margin
        rows.append((error, np.diag(fit.covariance), missed, margin * size))
    errors, variances, missed, margins = (np.array(v) for v in zip(*rows, strict=True))
    return errors, variances, missed, margins


def test_the_predicted_deviation_is_the_empirical_one(trials: tuple[np.ndarray, ...]) -> None:
    errors, variances, _, _ = trials
    ratio = np.sqrt(variances.mean(axis=0)) / np.sqrt((errors**2).mean(axis=0))
    assert np.abs(ratio - 1).max() < 0.03, ratio


def test_a_margin_of_95_holds_95_times_in_100(trials: tuple[np.ndarray, ...]) -> None:
    _, _, missed, margins = trials
    assert 0.93 <= (missed <= margins).mean() <= 0.97


def test_a_cloud_serves_as_target_too() -> None:
    rng = np.random.default_rng(8)
    dense = cloud(rng, 20_000)
    target = SurfaceTarget.prepare(dense, voxel_m=3e-3)
    source = se3.transform(se3.inverse(T), cloud(rng, 3000)) + rng.normal(0, 2e-4, (3000, 3))
    for method in ('point_to_plane', 'gicp'):
        fit = align(target, source, off(0.03, 1e-3), settings=IcpSettings(method))
        assert np.abs(fit.T_target_source - T).max() < 5e-4
        assert fit.points < 3000 == len(fit.distance_m)
        assert np.median(fit.distance_m) < 3e-4 < np.median(fit.start_distance_m)
    assert fit.max_distance_m == pytest.approx(0.012)
    assert dataclasses.is_dataclass(fit)
