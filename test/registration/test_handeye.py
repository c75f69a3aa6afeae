# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Hand-eye calibration on simulated robots: set-ups, doubts, and whether its error is what it says."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.handeye import solve_handeye
from arsurg_ros.registration.handeye import SETUPS, calibrate, correlation_time, margin95
from arsurg_ros.types import F64

NOISE = (5e-4, 2e-3)
HAND_EYE = {
    'tsai': cv2.CALIB_HAND_EYE_TSAI, 'park': cv2.CALIB_HAND_EYE_PARK, 'horaud': cv2.CALIB_HAND_EYE_HORAUD,
    'andreff': cv2.CALIB_HAND_EYE_ANDREFF, 'daniilidis': cv2.CALIB_HAND_EYE_DANIILIDIS,
}
WORLD = {'shah': cv2.CALIB_ROBOT_WORLD_HAND_EYE_SHAH, 'li': cv2.CALIB_ROBOT_WORLD_HAND_EYE_LI}


def motions(rng: np.random.Generator, n: int, t: float, r: float) -> F64:
    """Return n rigid motions with normal translations and rotation vectors, all at once."""
    w = rng.normal(0, r, (n, 3))
    angle = np.linalg.norm(w, axis=1)[:, None, None] + 1e-300
    K = np.zeros((n, 3, 3))
    K[:, 0, 1], K[:, 0, 2], K[:, 1, 2] = -w[:, 2], w[:, 1], -w[:, 0]
    K = (K - np.swapaxes(K, 1, 2)) / angle
    T = np.tile(np.eye(4), (n, 1, 1))
    T[:, :3, :3] += np.sin(angle) * K + (1 - np.cos(angle)) * (K @ K)
    T[:, :3, 3] = rng.normal(0, t, (n, 3))
    return T


def robot(rng: np.random.Generator, n: int, setup: str = 'eye-in-hand', noise: tuple[float, float] = NOISE) -> tuple[F64, ...]:
    """Return robot and camera poses, and the true X and Z, of a camera 0.5 m from its target."""
    X, Z = motions(rng, 1, 0.1, 1.0)[0], motions(rng, 1, 0.4, 1.0)[0]
    arm = motions(rng, n, 0.15, 0.5)
    chain = se3.inverse(arm) if setup == 'eye-to-hand' else arm
    return arm, se3.inverse(chain @ X) @ Z @ motions(rng, n, *noise), X, Z


def error(T: F64, true: F64) -> F64:
    """Return translation and rotation vector (6,) of an estimate against the truth, along the parent's axes."""
    return np.concatenate([T[:3, 3] - true[:3, 3], se3.to_rotvec(T[:3, :3] @ true[:3, :3].T)])


def norms(T: F64, true: F64) -> tuple[float, float]:
    e = error(T, true)
    return float(np.linalg.norm(e[:3])), float(np.linalg.norm(e[3:]))


def rms(values: list[tuple[float, float]]) -> F64:
    return np.asarray(np.sqrt((np.array(values) ** 2).mean(axis=0)))


@pytest.mark.parametrize('setup', SETUPS)
@pytest.mark.parametrize('backend', ['wasm', 'numpy'])
def test_each_set_up_names_what_it_found(setup: str, backend: str) -> None:
    arm, seen, X, Z = robot(np.random.default_rng(1), 12, setup)
    result = calibrate(arm, seen, setup, backend=backend)
    kind = SETUPS[setup]
    assert list(result.transforms) == [kind.x, kind.z]
    assert result.main in result.transforms
    for name, true in ((kind.x, X), (kind.z, Z)):
        far_m, far_rad = norms(result.transforms[name].T, true)
        assert far_m < 2 * result.transforms[name].margin95_m
        assert far_rad < 2 * result.transforms[name].margin95_rad
        assert result.transforms[name].covariance.shape == (6, 6)
    assert result.noise_m == pytest.approx(NOISE[0], rel=0.3)
    assert result.rms_rad == pytest.approx(NOISE[1] * math.sqrt(3), rel=0.3)
    # the scatter about the mean position is the residual about the fitted one
    assert result.scatter_m == pytest.approx(result.rms_m, rel=0.05)
    assert (result.motion.axes, result.noise_at) == (3, 'target')
    assert (result.readings, result.correlation_samples) == ((), 1.0)


def test_residuals_are_of_the_loop() -> None:
    arm, seen, _, _ = robot(np.random.default_rng(2), 10)
    result = calibrate(arm, seen)
    loop = arm @ result.transforms['T_gripper_cam'].T @ seen
    assert result.translation_m == pytest.approx(loop[:, :3, 3] - result.transforms['T_base_target'].T[:3, 3], abs=1e-12)
    assert result.rms_m == pytest.approx(np.sqrt((result.translation_m**2).sum(axis=1).mean()))


@pytest.fixture(scope='module')
def trials() -> tuple[F64, F64, F64]:
    """Return errors (10000, 12), their predicted variances, and whether the four margins held."""
    rng = np.random.default_rng(3)
    errors, variances, held = [], [], []
    for _ in range(10_000):
        arm, seen, X, Z = robot(rng, 20)
        fit = solve_handeye(arm, seen, reject=False)
        e = np.concatenate([error(fit.X, X), error(fit.Z, Z)])
        parts = [slice(k, k + 3) for k in (0, 3, 6, 9)]
        dof = fit.dof_m, fit.dof_rad
        margins = [margin95(fit.covariance[p, p], fit.from_rotation[p, p], dof) for p in parts]
        errors.append(e)
        variances.append(np.diag(fit.covariance))
        held.append([np.linalg.norm(e[p]) <= m for p, m in zip(parts, margins, strict=True)])
    return np.array(errors), np.array(variances), np.array(held)


def test_the_covariance_is_that_of_the_errors(trials: tuple[F64, F64, F64]) -> None:
    errors, variances, _ = trials
    ratio = np.sqrt((errors**2).mean(axis=0) / variances.mean(axis=0))
    assert ratio == pytest.approx(np.ones(12), abs=0.03)


def test_margins_hold_95_times_in_100(trials: tuple[F64, F64, F64]) -> None:
    held = trials[2].mean(axis=0)
    assert ((held > 0.93) & (held < 0.97)).all(), held


def test_margins_hold_where_pairs_may_be_rejected() -> None:
    rng = np.random.default_rng(4)
    held, lost = [], 0
    for _ in range(600):
        arm, seen, X, _ = robot(rng, 15)
        result = calibrate(arm, seen)
        found = result.transforms['T_gripper_cam']
        m, rad = norms(found.T, X)
        held.append([m <= found.margin95_m, rad <= found.margin95_rad])
        lost += int((~result.inliers).sum())
    share = np.mean(held, axis=0)
    assert ((share > 0.93) & (share < 0.97)).all(), share
    assert lost < 9_000 * 1e-3


def test_noise_of_the_robot_is_seen_where_it_is() -> None:
    rng = np.random.default_rng(15)
    held, ours, park, ends = [], [], [], []
    for _ in range(300):
        arm, seen, X, _ = robot(rng, 20, noise=(0.0, 0.0))
        result = calibrate(arm @ motions(rng, 20, *NOISE), seen)
        found, closed = result.transforms['T_gripper_cam'], result.closed['park'].T
        assert closed is not None
        ends.append(result.noise_at)
        ours.append(norms(found.T, X))
        park.append(norms(closed, X))
        held.append([ours[-1][0] <= found.margin95_m, ours[-1][1] <= found.margin95_rad])
    share = np.mean(held, axis=0)
    assert ends.count('camera') > 285
    # The camera sits a hand's breadth from the gripper: a little of the coupling is left.
    assert ((share > 0.90) & (share < 0.98)).all(), share
    assert (rms(ours) < rms(park)).all()


@pytest.mark.parametrize('setup', ['eye-in-hand', 'eye-to-hand'])
def test_margins_hold_where_robot_and_camera_are_noisy(setup: str) -> None:
    rng = np.random.default_rng(18)
    held, ours, at_one_end = [], [], []
    for _ in range(200):
        arm, seen, X, Z = robot(rng, 20, setup)
        arm = arm @ motions(rng, 20, *NOISE)
        found = calibrate(arm, seen, setup).transforms
        estimates = list(found.values())
        e = [*norms(estimates[0].T, X), *norms(estimates[1].T, Z)]
        margins = [m for f in estimates for m in (f.margin95_m, f.margin95_rad)]
        held.append([p <= q for p, q in zip(e, margins, strict=True)])
        ours.append(e[:2])
        a = se3.inverse(arm) if setup == 'eye-to-hand' else arm
        at_one_end.append(norms(solve_handeye(a, seen).X, X))
    share = np.mean(held, axis=0)
    assert ((share > 0.91) & (share < 0.985)).all(), share  # standard error 1.5 %; of one end's noise alone: 86 %
    assert (rms(ours) < 0.95 * rms(at_one_end)).all(), (rms(ours), rms(at_one_end))


def test_residuals_are_at_the_target_wherever_the_noise_is() -> None:
    rng = np.random.default_rng(16)
    arm, seen, _, _ = robot(rng, 20, noise=(0.0, 0.0))
    result = calibrate(arm @ motions(rng, 20, *NOISE), seen)
    assert result.noise_at == 'camera'
    assert result.rms_m > 1.3 * math.sqrt(3) * result.noise_m  # the target is at the far end of the lever
    assert result.scatter_m == pytest.approx(result.rms_m, rel=0.1)


@pytest.mark.parametrize('n', [10, 15, 50])
def test_a_third_of_gross_outliers_costs_less_than_half(n: int) -> None:
    rng = np.random.default_rng(5)
    clean, spoiled = [], []
    for _ in range(120):
        arm, seen, X, _ = robot(rng, n)
        clean.append(norms(solve_handeye(arm, seen).X, X))
        bad = rng.permutation(n)[: round(0.3 * n)]
        seen[bad] = seen[bad] @ motions(rng, len(bad), 0.1, 0.5)
        fit = solve_handeye(arm, seen)
        spoiled.append(norms(fit.X, X))
        assert not fit.inliers[bad].any()
    assert (rms(spoiled) < 1.5 * rms(clean)).all(), rms(spoiled) / rms(clean)


def opencv(arm: F64, seen: F64) -> dict[str, tuple[F64, F64 | None]]:
    """Return T_gripper_cam and T_base_target by OpenCV's solvers."""
    back = se3.inverse(arm)
    a, b, c = ([list(T[:, :3, :3]), list(T[:, :3, 3])] for T in (arm, seen, back))
    out: dict[str, tuple[F64, F64 | None]] = {}
    for name, method in HAND_EYE.items():
        R, t = cv2.calibrateHandEye(*a, *b, method=method)
        out[name] = se3.compose(R, t.ravel()), None
    for name, method in WORLD.items():
        R_wb, t_wb, R_cg, t_cg = cv2.calibrateRobotWorldHandEye(*b, *c, method=method)
        inverse = (se3.inverse(se3.compose(R, t.ravel())) for R, t in ((R_cg, t_cg), (R_wb, t_wb)))
        out[name] = next(inverse), next(inverse)
    return out


def test_more_pairs_are_never_worse_and_no_peer_is_better() -> None:
    rng = np.random.default_rng(6)
    ours: dict[int, list[tuple[float, float]]] = {n: [] for n in (15, 30, 60)}
    peers: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for _ in range(50):
        arm, seen, X, _ = robot(rng, 60)
        for n, found in ours.items():
            found.append(norms(solve_handeye(arm[:n], seen[:n]).X, X))
            for name, (T, _) in opencv(arm[:n], seen[:n]).items():
                peers.setdefault((n, name), []).append(norms(T, X))
    errors = {n: rms(found) for n, found in ours.items()}
    assert (errors[30] < 0.85 * errors[15]).all()
    assert (errors[60] < 0.85 * errors[30]).all()
    for (n, name), found in peers.items():
        # rotations alone: Park, Horaud, Shah average them as well as can be
        assert errors[n][0] < rms(found)[0], (n, name)
        assert errors[n][1] < 1.02 * rms(found)[1], (n, name)


def test_peers_agree_on_exact_poses() -> None:
    arm, seen, X, Z = robot(np.random.default_rng(7), 15, noise=(0.0, 0.0))
    result = calibrate(arm, seen)
    assert np.abs(result.transforms['T_gripper_cam'].T - X).max() < 1e-9
    for name, (T, world) in opencv(arm, seen).items():
        assert np.abs(T - X).max() < 1e-3, name
        assert world is None or np.abs(world - Z).max() < 1e-3, name


@pytest.mark.parametrize('outliers', [0, 6])
@pytest.mark.parametrize('setup', SETUPS)
def test_the_wrong_set_up_is_told(setup: str, outliers: int) -> None:
    rng = np.random.default_rng(8)
    other = 'eye-in-hand' if setup == 'eye-to-hand' else 'eye-to-hand'
    arm, seen, _, _ = robot(rng, 20, setup)
    seen[:outliers] = seen[:outliers] @ motions(rng, outliers, 0.1, 0.5)
    assert calibrate(arm, seen, setup).setup == setup
    with pytest.raises(RegistrationError, match=rf'as {other} .*as .*scatters by .*use --setup eye-') as caught:
        calibrate(arm, seen, other)
    assert caught.value.code == 'wrong_setup'
    with pytest.raises(RegistrationError) as caught:
        calibrate(arm, se3.inverse(seen), setup)
    assert caught.value.code == 'wrong_setup'
    assert '--invert-camera' in str(caught.value)


def scaled(T: F64, factor: float) -> F64:
    out = T.copy()
    out[:, :3, 3] *= factor
    return out


ARM, SEEN, _, _ = robot(np.random.default_rng(9), 12)
FLAT = np.array([se3.exp([*t, 0, 0, w]) for t, w in zip(ARM[:, :3, 3], np.linspace(-1, 1, 12), strict=True)])


@pytest.mark.parametrize(
    ('code', 'arm', 'seen', 'said'),
    [
        ('too_few_poses', ARM[:2], SEEN[:2], '2 given'),
        ('count_mismatch', ARM, SEEN[:7], '12 robot and 7 camera poses'),
        ('not_finite', ARM * np.where(np.arange(12) == 3, np.nan, 1)[:, None, None], SEEN, 'pair 3'),
        ('not_rigid', ARM, SEEN * 1.01, 'pair 0'),
        ('repeated_pose', np.repeat(ARM[:1], 12, axis=0), SEEN, 'the 12 robot poses are one pose'),
        ('repeated_pose', ARM, np.repeat(SEEN[:1], 12, axis=0), 'the 12 camera poses are one pose'),
        ('insufficient_motion', FLAT, se3.inverse(FLAT) @ SEEN[0], 'deg are needed there'),
        ('wrong_unit', scaled(ARM, 1000), SEEN, 'the robot translations reach'),
        ('wrong_unit', ARM, scaled(SEEN, 1000), 'the camera translations reach'),
        ('wrong_unit', scaled(ARM, 1e-3), scaled(SEEN, 1e-3), 'the camera sees its target from'),
        ('wrong_unit', scaled(ARM, 1e-3), SEEN, 'the camera translations are 99'),
        ('wrong_unit', scaled(ARM, 1e-1), scaled(SEEN, 100), 'the camera translations reach'),
        ('no_consensus', ARM, motions(np.random.default_rng(10), 12, 0.3, 1.0), 'are they of the same instants?'),
    ],
)
def test_what_cannot_be_right_is_refused(code: str, arm: F64, seen: F64, said: str) -> None:
    with pytest.raises(RegistrationError, match=said) as caught:
        calibrate(arm, seen)
    assert caught.value.code == code
    assert '\n' not in str(caught.value)


def test_the_robot_in_mm_beside_a_camera_in_m_is_told() -> None:
    # a hand of 3 mm in a volume of 10 m: no single figure is out of range
    with pytest.raises(RegistrationError, match=r'the robot translations are .* times too large') as caught:
        calibrate(scaled(ARM, 20), scaled(SEEN, 0.02), working_volume_m=10.0)
    assert caught.value.code == 'wrong_unit'


def test_one_far_off_pose_is_an_outlier_not_a_unit() -> None:
    seen = SEEN.copy()
    seen[5, :3, 3] *= 1000
    assert calibrate(ARM, seen).inliers.tolist() == [i != 5 for i in range(12)]


def test_an_unknown_set_up_lists_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match="setup: 'eye' is unknown; valid: eye-in-hand, eye-to-hand, robot-world"):
        calibrate(ARM, SEEN, 'eye')


def test_warnings_name_what_is_weak() -> None:
    rng = np.random.default_rng(11)
    arm = motions(rng, 8, 0.15, 0.1)
    seen = se3.inverse(arm @ motions(rng, 1, 0.1, 1)[0]) @ motions(rng, 8, 1e-4, 1e-4)
    seen[2] = seen[2] @ se3.exp([0.1, 0, 0, 0, 0.3, 0])
    said = '\n'.join(calibrate(arm, seen).warnings)
    assert '1 of 8 pairs do not fit the others and were left out' in said
    assert '7 pairs are few' in said
    assert 'little rotation' in said
    assert calibrate(*robot(rng, 20)[:2]).warnings == ()


def test_a_closed_form_that_is_far_off_is_told() -> None:
    rng = np.random.default_rng(12)
    arm, seen, _, _ = robot(rng, 30, noise=(1e-5, 2e-2))
    assert any('closed form' in w for w in calibrate(arm, seen).warnings)


def test_margin_of_known_cases() -> None:
    known = (math.inf, math.inf)
    assert margin95(np.eye(3), np.zeros((3, 3)), known) == pytest.approx(2.7955, abs=1e-3)  # chi with 3
    assert margin95(np.diag([1.0, 0, 0]), np.zeros((3, 3)), known) == pytest.approx(1.95996, abs=1e-3)
    assert margin95(np.diag([1.0, 0, 0]), np.diag([1.0, 0, 0]), (1e9, 5.0)) == pytest.approx(2.5706, abs=1e-3)  # Student, 5


def alike(rng: np.random.Generator, n: int, k: int, rho: float) -> F64:
    """Return (n, k) of unit variance whose neighbours are correlated by rho (first-order autoregression)."""
    out = rng.normal(size=(n, k))
    for i in range(1, n):
        out[i] = rho * out[i - 1] + math.sqrt(1 - rho**2) * out[i]
    return out


def test_correlation_time() -> None:
    rng = np.random.default_rng(13)
    assert correlation_time(alike(rng, 20_000, 3, 0.8)) == pytest.approx(9.0, rel=0.15)  # (1 + rho) / (1 - rho)
    assert correlation_time(alike(rng, 20_000, 3, 0.0)) == pytest.approx(1.0, abs=0.1)
    assert correlation_time(np.zeros((10, 3))) == 1.0


def test_margins_of_a_stream_allow_for_errors_that_are_alike() -> None:
    rng = np.random.default_rng(14)
    held = {True: [], False: []}
    for _ in range(40):
        smooth = alike(rng, 300, 6, 0.9) * ([0.15] * 3 + [0.5] * 3)
        arm = np.array([se3.exp(x) for x in smooth])
        noise = np.array([se3.exp(x) for x in alike(rng, 300, 6, 0.8) * ([NOISE[0]] * 3 + [NOISE[1]] * 3)])
        X, Z = motions(rng, 1, 0.1, 1.0)[0], motions(rng, 1, 0.4, 1.0)[0]
        for stream, found in held.items():
            estimate = calibrate(arm, se3.inverse(arm @ X) @ Z @ noise, stream=stream).transforms['T_gripper_cam']
            found.append(norms(estimate.T, X)[1] <= estimate.margin95_rad)
    assert np.mean(held[True]) > 0.88 > 0.75 > np.mean(held[False])
