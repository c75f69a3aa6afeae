# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arsurg_ros.errors import RegistrationError
from arsurg_ros.files.points import Points, load_points
from arsurg_ros.files.poses import load_poses
from arsurg_ros.geometry import se3
from arsurg_ros.registration import pairing
from arsurg_ros.registration.landmarks import Landmarks, register
from arsurg_ros.types import PoseSeries

TIP_M = (0.108565, 0.007774, 0.002539)
#: The README of the recordings: where the stylus rests on #1..#8.
WINDOWS = ((77, 162), (172, 254), (271, 353), (361, 457), (530, 613), (624, 716), (726, 820), (832, 930))
BASELINE_MM = np.array([
    [-0.00479115, 0.00329566, -0.999983, 22.7064],
    [-0.0127965, 0.999912, 0.00335674, -39.7536],
    [0.999907, 0.0128124, -0.00474856, 25.6504],
    [0, 0, 0, 1],
])


def points(names: tuple[str, ...], named: bool = True, source: str = 'a.csv') -> Points:
    return Points(np.arange(3.0 * len(names)).reshape(-1, 3), names, source, named)


def test_names_pair_in_any_order_and_moving_leads() -> None:
    found = pairing.pair_by_name_or_order(points(('c', 'a', 'b')), points(('a', 'b', 'c')))
    assert found.fixed.tolist() == [1, 2, 0]
    assert found.moving.tolist() == [0, 1, 2]
    assert found.how == 'by name'


def test_names_on_one_side_alone_are_no_names() -> None:
    found = pairing.pair_by_name_or_order(points(('c', 'a')), points(('0', '1'), named=False))
    assert found.fixed.tolist() == found.moving.tolist() == [0, 1]
    assert found.how == 'by order'


def test_what_has_no_partner_is_named() -> None:
    with pytest.raises(RegistrationError, match=r'no partner of the same name for d of a.csv, b of b.csv') as caught:
        pairing.pair_by_name_or_order(points(('a', 'd')), points(('a', 'b'), source='b.csv'))
    assert caught.value.code == 'count_mismatch'
    with pytest.raises(RegistrationError, match=r'2 points in a.csv, 3 in b.csv: .* or --unordered') as caught:
        pairing.pair_by_name_or_order(points(('0', '1'), False), points(('0', '1', '2'), False, 'b.csv'))
    assert caught.value.code == 'count_mismatch'


def touching(p_m: np.ndarray, tip_m: np.ndarray) -> PoseSeries:
    """Return poses at 20 Hz of a tool whose tip rests a second on every point and takes half a second between them."""
    rng, poses = np.random.default_rng(2), []
    for p in p_m:
        for _ in range(20):
            R = se3.from_rotvec(rng.uniform(-0.3, 0.3, 3))
            poses.append(se3.compose(R, p + rng.normal(0, 1e-4, 3) - R @ tip_m))
        poses += [se3.compose(np.eye(3), p + rng.uniform(0.05, 0.5, 3)) for _ in range(10)]
    return PoseSeries(np.array(poses), np.arange(len(poses), dtype=np.int64) * 50_000_000, 'a recording')


def test_the_tips_rests_are_found() -> None:
    p_m = np.random.default_rng(1).uniform(-0.1, 0.1, (5, 3))
    dwells = pairing.tip_dwells(touching(p_m, np.array(TIP_M)), TIP_M, 0.002, 0.8)
    assert np.abs(np.array([d.p_ref_m for d in dwells]) - p_m).max() < 2e-4
    moving = Points(p_m[[0, 1, 3, 4]], ('a', 'b', 'c', 'd'), 'm', True)
    chosen = pairing.pair_dwells(dwells, moving, 'wasm')
    assert chosen.fixed.tolist() == [0, 1, 3, 4]
    assert 'idle rests left out' in chosen.how


def test_poses_without_time_have_no_rests() -> None:
    series = PoseSeries(np.eye(4)[None], None, 'poses.txt')
    with pytest.raises(RegistrationError, match=r'poses.txt has no stamps') as caught:
        pairing.tip_dwells(series, TIP_M, 0.002, 0.8)
    assert caught.value.code == 'no_stamps'


@pytest.mark.parametrize(('radius_m', 'rest_s'), [(0.0, 0.8), (0.002, -1.0), (float('nan'), 0.8), (0.002, float('inf'))])
def test_rests_need_a_radius_and_a_duration(radius_m: float, rest_s: float) -> None:
    series = PoseSeries(np.eye(4)[None], np.zeros(1, np.int64), 'p')
    with pytest.raises(RegistrationError) as caught:
        pairing.tip_dwells(series, TIP_M, radius_m, rest_s)
    assert caught.value.code == 'bad_threshold'


def series(seed: int, stamps_ns: list[int] | None, source: str) -> PoseSeries:
    rng = np.random.default_rng(seed)
    n = 3 if stamps_ns is None else len(stamps_ns)
    T = np.array([se3.exp(rng.uniform(-1, 1, 6)) for _ in range(n)]).reshape(-1, 4, 4)
    return PoseSeries(T, None if stamps_ns is None else np.array(stamps_ns, np.int64), source, dropped=1)


@pytest.mark.parametrize('backend', ['wasm', 'numpy'])
def test_a_tool_is_seen_from_its_reference_at_its_own_stamps(backend: str) -> None:
    ms = 1_000_000
    tool = series(1, [-1 * ms, 0, 25 * ms, 100 * ms, 250 * ms, 501 * ms], 'tool')
    reference = series(2, [100 * ms, 0, 400 * ms, 500 * ms], 'reference')  # out of order, with a hole of 300 ms
    found = pairing.relative(tool, reference, backend)
    assert found.stamps_ns is not None
    assert found.stamps_ns.tolist() == [0, 25 * ms, 100 * ms]
    assert found.dropped == 4
    first, second = reference.T[1], reference.T[0]
    between = first @ se3.exp(0.25 * se3.log(se3.inverse(first) @ second))
    for T, T_ref, i in zip(found.T, (first, between, second), (1, 2, 3), strict=True):
        assert np.allclose(T, se3.inverse(T_ref) @ tool.T[i], atol=1e-9)


@pytest.mark.parametrize(
    ('code', 'tool', 'reference'),
    [
        ('no_stamps', None, [0, 1]),
        ('no_stamps', [0, 1], None),
        ('disjoint', [0, 1], [5]),
        ('disjoint', [0, 1], []),
        ('disjoint', [0, 1], [5, 6]),
        ('disjoint', [0, 1], [0, 0]),
    ],
)
def test_what_has_no_time_in_common_is_refused(code: str, tool: list[int] | None, reference: list[int] | None) -> None:
    with pytest.raises(RegistrationError) as caught:
        pairing.relative(series(1, tool, 'tool'), series(2, reference, 'reference'), 'wasm')
    assert caught.value.code == code


@pytest.fixture(scope='module')
def plus(shared_data: Path) -> tuple[PoseSeries, Points]:
    folder = shared_data / 'plus'
    poses = load_poses(f'{folder}/EightLandmarkPointsTrackedForPhantomRegistration.igs.mha#StylusToReference', 1e-3)
    return poses, load_points(f'{folder}/PlusDeviceSet_fCal_Sim_RecordPhantomLandmarks.xml', 1e-3)


def test_eight_landmarks_by_their_windows(plus: tuple[PoseSeries, Points]) -> None:
    """What an independent computation gave: FRE 0.260 mm, leave-one-out TRE 0.309 mm.

    The frames at the windows' borders are still in motion and count here as outside; a frame more or less on every side moves
    FRE by 0.03 mm.
    """
    poses, moving = plus
    tips = poses.T[:, :3, :3] @ np.array(TIP_M) + poses.T[:, :3, 3]
    p_ref_m = np.array([tips[a + 1 : b - 1].mean(axis=0) for a, b in WINDOWS])
    for backend in ('wasm', 'numpy'):
        result = register(Landmarks(moving.names, moving.p_m), p_ref_m, stamp_ns=0, ref_frame='', ct_frame='', backend=backend)
        assert result.fre_m == pytest.approx(0.260e-3, abs=2e-6)
        assert result.loo_tre_m == pytest.approx(0.309e-3, abs=2e-6)
        assert np.linalg.norm(result.T_ref_ct[:3, 3] * 1e3 - BASELINE_MM[:3, 3]) < 0.5
        assert np.degrees(se3.rotation_angle_rad(BASELINE_MM[:3, :3].T @ result.T_ref_ct[:3, :3])) < 0.2


def test_eight_landmarks_in_no_order_are_told_from_the_nearly_symmetric_one(plus: tuple[PoseSeries, Points]) -> None:
    poses, moving = plus
    rng = np.random.default_rng(0)
    rests = np.array([d.p_ref_m for d in pairing.tip_dwells(poses, TIP_M, 0.002, 0.8)])
    found = pairing.pair_by_distances(rng.permutation(rests), moving.p_m, 0.002, 'wasm')
    assert found.match is not None
    assert found.match.rms_m < 0.3e-3
    assert found.match.ratio is not None
    assert found.match.ratio > 10  # the phantom turned about by half a turn fits to 4 mm
