# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.registration.dwell import Dwell, DwellDetector, match_in_order
from arsurg_ros.registration.landmarks import Landmarks
from arsurg_ros.registration.session import LandmarkSession

POINTS = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.08, 0], [0.02, 0.03, 0.06]])
TRUE = se3.exp([0.3, -0.2, 0.1, 0.4, 1.0, -0.7])
LANDMARKS = Landmarks(('a', 'b', 'c', 'd'), POINTS)
STEP_NS = 33_000_000


def walk(places, rest_samples=40, noise_m=0.0003, seed=0):
    """Yield (stamp_ns, point): rests at every place, quick moves between them, and a last move away."""
    rng = np.random.default_rng(seed)
    stamp = 0
    for a, b in zip(places, [*places[1:], places[-1] + 0.2], strict=True):
        for _ in range(rest_samples):
            yield stamp, a + rng.normal(scale=noise_m, size=3)
            stamp += STEP_NS
        for s in np.linspace(0.1, 0.9, 8):
            yield stamp, a + s * (b - a)
            stamp += STEP_NS


def session(mode='dwell', **kwargs):
    return LandmarkSession(LANDMARKS, 'ref', 'ct', mode=mode, **kwargs)


def touched():
    return list(se3.transform(TRUE, POINTS))


def feed(ses, places):
    results = []
    for stamp, p in walk(places):
        if ses.observe(stamp, p) is not None:
            results.append(ses.try_dwells(stamp))
    return [r for r in results if r is not None]


def test_dwells_register():
    ses = session()
    (result,) = feed(ses, touched())
    assert result is ses.accepted
    assert np.linalg.norm(result.T_ref_ct[:3, 3] - TRUE[:3, 3]) < 0.0003
    assert result.provenance['mode'] == 'dwell'


def test_idle_rests_are_left_out():
    ses = session(max_fre_m=0.002)
    idle = [np.array([0.0, 0.4, 0.2]), *touched()[:2], np.array([0.5, 0.5, 0.1]), *touched()[2:]]
    (result,) = feed(ses, idle)
    assert result.fre_m < 0.0005
    assert len(ses.captured) == 6


def test_no_more_is_captured_once_registered():
    ses = session()
    feed(ses, touched())
    count = len(ses.captured)
    feed(ses, touched())
    assert len(ses.captured) == count


def test_manual_capture_compute_accept_clear():
    ses = session('manual')
    for place in touched():
        with pytest.raises(RegistrationError, match='hold the tip still'):
            ses.capture(0)
        for k in range(40):
            assert ses.observe(k * STEP_NS, place) is None
        with pytest.raises(RegistrationError, match='hold the tip still'):
            ses.capture(40 * STEP_NS + ses.detector.max_gap_ns)
        ses.capture(40 * STEP_NS)
    with pytest.raises(RegistrationError, match='all 4 landmarks'):
        ses.capture(0)
    with pytest.raises(RegistrationError, match='compute first'):
        ses.accept(1)
    assert ses.compute(5).fre_m < 1e-9
    assert ses.accepted is None
    assert ses.accept(9).stamp_ns == 9
    with pytest.raises(RegistrationError, match='hold the tip still'):
        ses.capture(0)
    assert len(ses.captured) == 4  # a capture that was refused has not begun a new set
    ses.clear()
    assert (ses.captured, ses.computed, ses.accepted) == ([], None, None)


def test_file_mode():
    both = Landmarks(LANDMARKS.names, POINTS, se3.transform(TRUE, POINTS))
    ses = LandmarkSession(both, 'ref', 'ct', mode='file')
    assert np.allclose(ses.compute(0).T_ref_ct, TRUE)
    with pytest.raises(RegistrationError, match='takes no captures'):
        ses.capture(0)
    with pytest.raises(ConfigError, match='no ref coordinates'):
        session('file')


def test_a_bad_fit_is_not_accepted():
    ses = session('manual', max_fre_m=0.001)
    bent = se3.transform(TRUE, POINTS)
    bent[0, 0] += 0.02
    ses.captured = [Dwell(0, 1, p, 0.0, 9) for p in bent]
    ses.compute(0)
    with pytest.raises(RegistrationError, match='over the limit') as caught:
        ses.accept(0)
    assert caught.value.code == 'fre_too_large'
    assert ses.try_dwells(0) is None


def test_too_few_captures():
    ses = session()
    with pytest.raises(RegistrationError) as caught:
        ses.compute(0)
    assert caught.value.code == 'too_few_points'
    assert ses.try_dwells(0) is None


def test_collinear_captures_are_refused_and_the_old_result_is_gone():
    ses = session('manual')
    line = np.outer(np.arange(4.0), [0.03, 0.01, 0.02])
    ses.captured = [Dwell(0, 1, p, 0.0, 9) for p in line]
    with pytest.raises(RegistrationError) as caught:
        ses.compute(0)
    assert caught.value.code == 'collinear'
    assert ses.computed is None


def test_too_many_dwells_are_ambiguous_and_not_a_hang():
    dwells = [Dwell(k, k + 1, np.random.default_rng(k).normal(size=3), 0.0, 9) for k in range(60)]
    with pytest.raises(RegistrationError, match='touch them again') as caught:
        match_in_order(LANDMARKS, dwells)
    assert caught.value.code == 'ambiguous'


def test_unknown_mode_and_too_few_landmarks():
    with pytest.raises(ConfigError, match='valid: file, dwell, manual'):
        session('guess')
    with pytest.raises(ConfigError, match='2 given, at least 3'):
        LandmarkSession(Landmarks(('a', 'b'), POINTS[:2]), 'ref', 'ct')


def test_a_short_rest_and_a_rest_with_a_hole_are_no_dwells():
    detector = DwellDetector(min_duration_ns=10 * STEP_NS, max_gap_ns=3 * STEP_NS)
    place, away = np.zeros(3), np.ones(3)
    for k in range(9):
        assert detector.add(k * STEP_NS, place) is None
    assert detector.add(9 * STEP_NS, away) is None  # too short
    detector.reset()
    for k in (*range(8), *range(20, 28)):
        assert detector.add(k * STEP_NS, place) is None
    assert detector.current() is None  # neither part is long enough


def test_a_dwell_tells_where_and_how_well():
    detector = DwellDetector(min_duration_ns=10 * STEP_NS)
    rng = np.random.default_rng(1)
    for k in range(100):
        detector.add(k * STEP_NS, 0.1 + rng.normal(scale=0.0002, size=3))
    dwell = detector.add(100 * STEP_NS, np.ones(3))
    assert np.allclose(dwell.p_ref_m, 0.1, atol=1e-4)
    assert dwell.spread_m == pytest.approx(0.0002 * 3**0.5, rel=0.2)
    assert (dwell.samples, dwell.start_ns, dwell.end_ns) == (100, 0, 99 * STEP_NS)
