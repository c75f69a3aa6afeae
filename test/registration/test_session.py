# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.registration.dwell import Dwell, DwellDetector, match_in_order
from arsurg_ros.registration.journal import Journal
from arsurg_ros.registration.landmarks import Landmarks
from arsurg_ros.registration.session import LandmarkSession, age_text
from arsurg_ros.registration.store import SessionStore, read_log

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


# The transaction.

HOUR_NS = 3_600_000_000_000


def hold(ses, place, stamp_ns=0):
    """Rest the tip on a place; return the time of its last sample."""
    for k in range(40):
        ses.observe(stamp_ns + k * STEP_NS, place)
    return stamp_ns + 39 * STEP_NS


def touch_all(ses, shift_m=0.0, start_ns=0):
    for k, place in enumerate(touched()):
        ses.capture(hold(ses, place + shift_m, start_ns + k * 100 * STEP_NS))


def accept_one(ses, shift_m=0.0, stamp_ns=1):
    touch_all(ses, shift_m, stamp_ns * 1000 * STEP_NS)
    ses.compute(stamp_ns)
    return ses.accept(stamp_ns)


def code_of(call):
    with pytest.raises(RegistrationError) as caught:
        call()
    assert '\n' not in str(caught.value)
    return caught.value.code


def test_a_candidate_is_not_in_use_until_it_is_accepted_and_then_is_none():
    ses = session('manual')
    first = accept_one(ses)
    assert code_of(ses.candidate) == 'not_computed' and code_of(lambda: ses.accept(2)) == 'not_computed'
    touch_all(ses, 0.01, 2000 * STEP_NS)
    candidate = ses.compute(5)
    assert ses.candidate() is candidate and ses.accepted is first
    assert np.linalg.norm(candidate.T_ref_ct[:3, 3] - first.T_ref_ct[:3, 3]) > 0.01
    assert ses.accept(6, {'instrument': 'pointer'}).provenance['instrument'] == 'pointer'
    assert ses.accepted.stamp_ns == 6


def test_a_new_set_begins_with_its_first_capture():
    ses = session('manual')
    accept_one(ses)
    assert code_of(lambda: ses.compute(2)) == 'too_few_points'  # these were accepted already
    ses.capture(hold(ses, touched()[0], 9000 * STEP_NS))
    assert len(ses.captured) == 1 and ses.accepted is not None


def test_reverts_go_back_one_by_one_and_then_say_that_there_is_none():
    ses = session('manual')
    assert code_of(ses.revert) == 'nothing_to_revert'
    results = [accept_one(ses, 0.01 * k, k + 1) for k in range(3)]
    assert ses.revert().stamp_ns == results[1].stamp_ns
    touch_all(ses, 0.05, 9000 * STEP_NS)
    ses.compute(9)
    assert ses.revert().stamp_ns == results[0].stamp_ns
    assert code_of(ses.candidate) == 'not_computed'
    with pytest.raises(RegistrationError, match='the first one: clear takes it back'):
        ses.revert()
    assert ses.accepted.stamp_ns == results[0].stamp_ns
    ses.clear()
    with pytest.raises(RegistrationError, match='none was accepted'):
        ses.revert()


def test_nothing_in_use_is_replaced_without_being_asked():
    ses = session()
    feed(ses, touched())
    first = ses.accepted
    touch_all(ses, 0.01, 90_000 * STEP_NS)
    assert len(ses.captured) == 4 and ses.try_dwells(5) is None and ses.accepted is first
    ses.compute(6)
    assert ses.accept(7) is ses.accepted is not first


def test_what_cannot_be_written_is_not_accepted(tmp_path, monkeypatch):
    ses = session('manual', journal=SessionStore(tmp_path, 'ref', 'ct'))
    first = accept_one(ses)
    touch_all(ses, 0.01, 5000 * STEP_NS)
    ses.compute(2)
    with monkeypatch.context() as patch:
        patch.setattr('os.write', lambda *_: (_ for _ in ()).throw(OSError(28, 'No space left on device')))
        assert code_of(lambda: ses.accept(3)) == 'store_unwritable'
        assert ses.accepted.stamp_ns == first.stamp_ns and ses.computed is not None
        assert code_of(ses.clear) == 'store_unwritable'
        assert ses.accepted is None  # taken back whatever the disk says
    ses = session('dwell', journal=ses.journal)
    with monkeypatch.context() as patch:
        patch.setattr('os.write', lambda *_: (_ for _ in ()).throw(OSError(28, 'No space left on device')))
        with pytest.raises(RegistrationError, match='store_unwritable'):
            feed(ses, touched())


# Check, keep, go on.


def test_validate_checks_where_the_tip_rests():
    held = Landmarks(LANDMARKS.names, POINTS, checks={'held': np.array([0.05, 0.05, 0.0])})
    ses = LandmarkSession(held, 'ref', 'ct', mode='manual')
    assert code_of(lambda: ses.validate(0)) == 'not_registered'
    accept_one(ses)
    assert code_of(lambda: ses.validate(10**15)) == 'not_still'
    now = hold(ses, se3.transform(TRUE, held.checks['held']) + np.array([0.001, 0, 0]), 9000 * STEP_NS)
    check = ses.validate(now)
    assert check.independent and check.passed and check.error_m == pytest.approx(0.001)
    assert code_of(lambda: ses.validate(now)) == 'not_still'  # each check is a rest of its own
    failed = ses.validate(hold(ses, touched()[1] + [0.005, 0, 0], 9500 * STEP_NS))
    assert failed.name == 'b' and not failed.passed and failed.moved_m == pytest.approx(0.005)


def test_a_check_is_logged(tmp_path):
    ses = session('manual', journal=SessionStore(tmp_path, 'ref', 'ct'))
    accept_one(ses)
    ses.log_check(ses.validate(hold(ses, touched()[2], 9000 * STEP_NS)))
    entry = read_log(tmp_path).entries[-1]
    assert (entry.event, entry.data['landmark'], entry.data['passed']) == ('validated', 'c', True)


def test_saved_and_loaded(tmp_path):
    path = tmp_path / 'session.json'
    ses = session('manual')
    assert code_of(lambda: ses.save(path)) == 'nothing_to_save'
    for k in range(2):
        ses.capture(hold(ses, touched()[k], k * 100 * STEP_NS))
    assert ses.save(path) == '2 captured landmarks and 0 accepted registrations'
    other = session('manual')
    assert other.load(path, HOUR_NS) == '2 captured landmarks and 0 accepted registrations'
    assert np.array_equal(other.captured[1].p_ref_m, ses.captured[1].p_ref_m) and other.accepted is None
    for k in (2, 3):
        other.capture(hold(other, touched()[k], k * 100 * STEP_NS))
    other.compute(1)
    result = other.accept(2)
    other.save(path)
    third = session('manual', journal=SessionStore(tmp_path / 'store', 'ref', 'ct'))
    third.load(path, HOUR_NS)
    assert np.array_equal(third.accepted.T_ref_ct, result.T_ref_ct) and third.accepted.stamp_ns == 2
    assert read_log(tmp_path / 'store').entries[-1].event == 'loaded'
    assert code_of(lambda: third.load(path, HOUR_NS)) == 'not_clear'
    third.clear()
    assert code_of(lambda: third.load(path, 0)) == 'too_old'
    assert third.accepted is None


def change(path, **values):
    """Change fields of a session file and hash it anew: as somebody who means it would."""
    from arsurg_ros.registration.chain import canonical, digest

    data = {**json.loads(path.read_bytes()), **values}
    data.pop('sha256')
    path.write_bytes(canonical({**data, 'sha256': digest(data)}))


@pytest.mark.parametrize(
    ('spoil', 'code', 'says'),
    [
        (lambda p: p.unlink(), 'session_unreadable', 'No such file'),
        (lambda p: p.write_text('{'), 'session_broken', 'no JSON'),
        (lambda p: p.write_text('[]'), 'session_mismatch', 'schema None; valid: arsurg.session/1'),
        (lambda p: p.write_bytes(p.read_bytes().replace(b'"samples":40', b'"samples":41')), 'session_broken', 'was changed'),
        (lambda p: change(p, schema='arsurg.session/9'), 'session_mismatch', 'arsurg.session/9'),
        (lambda p: change(p, units={'length': 'mm'}), 'session_mismatch', 'units'),
        (lambda p: change(p, ref_frame='femur'), 'session_mismatch', 'it is of femur -> ct, this session of ref -> ct'),
        (lambda p: change(p, landmarks=[]), 'session_mismatch', 'not those of the landmarks file'),
        (lambda p: change(p, captured=[{}]), 'session_broken', "'p_ref_m' is missing"),
        (lambda p: change(p, history=[{'units': 1}]), 'session_broken', 'units 1'),
    ],
)
def test_a_session_file_that_does_not_fit_is_refused(tmp_path, spoil, code, says):
    path = tmp_path / 'session.json'
    ses = session('manual')
    ses.capture(hold(ses, touched()[0]))
    ses.save(path)
    spoil(path)
    other = session('manual')
    with pytest.raises(RegistrationError, match=says) as caught:
        other.load(path, HOUR_NS)
    assert caught.value.code == code and other.captured == []


def test_a_session_of_another_software_says_so_and_a_folder_cannot_be_written(tmp_path):
    path = tmp_path / 'session.json'
    ses = session('manual')
    ses.capture(hold(ses, touched()[0]))
    ses.save(path)
    change(path, software='arsurg_ros 9.9')
    assert 'written by arsurg_ros 9.9 (this is' in session('manual').load(path, HOUR_NS)
    assert code_of(lambda: ses.save(tmp_path / 'none' / 'session.json')) == 'store_unwritable'


def restarted(tmp_path, **kwargs):
    return session('manual', journal=SessionStore(tmp_path, 'ref', 'ct'), **kwargs)


def test_a_restart_goes_on_where_it_was(tmp_path):
    ses = restarted(tmp_path)
    assert ses.resume(HOUR_NS) is None
    results = [accept_one(ses, 0.01 * k, k + 1) for k in range(2)]
    ses.journal.close()
    again = restarted(tmp_path)
    assert again.resume(HOUR_NS).stamp_ns == results[1].stamp_ns and again.age_ns < HOUR_NS
    assert again.revert().stamp_ns == results[0].stamp_ns
    assert [e.event for e in read_log(tmp_path).entries] == ['created', 'accepted', 'accepted', 'reloaded', 'reverted']


def test_a_registration_that_is_too_old_or_of_other_landmarks_is_taken_back(tmp_path, monkeypatch):
    ses = restarted(tmp_path)
    accept_one(ses)
    ses.journal.close()
    again = restarted(tmp_path)
    monkeypatch.setattr('arsurg_ros.registration.session.unix_ns', lambda: again.journal.history[-1].accepted_unix_ns - HOUR_NS)
    with pytest.raises(RegistrationError, match='60 min from now: the system clock was set back'):
        again.resume(10 * HOUR_NS)
    monkeypatch.undo()
    assert again.accepted is None and read_log(tmp_path).entries[-1].event == 'cleared'
    assert 'too_old' in read_log(tmp_path).entries[-1].data['reason']
    again.journal.close()
    third = restarted(tmp_path)
    accept_one(third)
    third.journal.close()
    other = LandmarkSession(
        Landmarks(LANDMARKS.names, POINTS + 0.001), 'ref', 'ct', journal=SessionStore(tmp_path, 'ref', 'ct')
    )
    assert code_of(lambda: other.resume(HOUR_NS)) == 'session_mismatch'
    assert other.accepted is None
    assert code_of(lambda: restarted(tmp_path)) == 'store_busy'


def test_a_reload_that_cannot_be_written_is_none(tmp_path, monkeypatch):
    ses = restarted(tmp_path)
    accept_one(ses)
    ses.journal.close()
    again = restarted(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr('os.write', lambda *_: (_ for _ in ()).throw(OSError(28, 'No space left on device')))
        assert code_of(lambda: again.resume(HOUR_NS)) == 'store_unwritable'
    assert again.accepted is None


def test_ages_as_people_say_them():
    assert [age_text(int(s * 1e9)) for s in (-1, 5, 119, 700, 9000)] == ['0 s', '5 s', '119 s', '12 min', '2.5 h']


# Robust.


def test_robust_leaves_a_slipped_landmark_out_but_not_without_being_asked():
    points = np.vstack([POINTS, [[0.1, 0.08, 0.02], [0.06, 0.0, 0.05]]])
    six = Landmarks(('a', 'b', 'c', 'd', 'e', 'f'), points)
    ses = LandmarkSession(six, 'ref', 'ct', robust=True, noise_m=0.0005)
    places = se3.transform(TRUE, points)
    places[2] += [0.02, 0.01, 0.0]
    assert feed(ses, list(places)) == [] and ses.accepted is None
    assert ses.candidate().rejected == ('c',)
    result = ses.accept(1)
    assert result.rejected == ('c',) and 'outliers_rejected' in result.warnings and result.fre_m < 0.001
    assert result.dof == float('inf') and result.noise_m == 0.0005


# What is in doubt stays so.


@pytest.mark.parametrize('number', ['NaN', 'Infinity', '1e999'])
def test_a_session_file_with_no_number_is_refused_and_no_crash(tmp_path, number):
    path = tmp_path / 'session.json'
    ses = session('manual')
    ses.capture(hold(ses, touched()[0]))
    ses.save(path)
    path.write_text(path.read_text().replace('"samples":40', f'"samples":{number}'))
    assert code_of(lambda: session('manual').load(path, HOUR_NS)) == 'session_broken'


def test_captures_of_a_file_grow_old_too_and_are_in_doubt(tmp_path, monkeypatch):
    path, again = tmp_path / 'session.json', tmp_path / 'again.json'
    ses = session('manual')
    touch_all(ses)
    ses.save(path)
    saved_unix_ns = json.loads(path.read_bytes())['saved_unix_ns']
    other = session('manual')
    assert code_of(lambda: other.load(path, 0)) == 'too_old' and other.captured == []
    other.load(path, HOUR_NS)
    assert other.carried
    other.save(again)  # saving them once more makes them no younger
    assert json.loads(again.read_bytes())['saved_unix_ns'] == saved_unix_ns
    monkeypatch.setattr('arsurg_ros.registration.session.unix_ns', lambda: saved_unix_ns + 2 * HOUR_NS)
    assert code_of(lambda: session('manual').load(again, HOUR_NS)) == 'too_old'
    other.compute(1)
    other.accept(2)
    assert other.carried
    other.capture(hold(other, touched()[0], 9000 * STEP_NS))
    assert not other.carried  # a new set


def test_an_fre_that_is_no_number_is_over_every_limit():
    ses = session('manual')
    touch_all(ses)
    ses.computed = replace(ses.compute(1), fre_m=float('nan'))
    assert code_of(lambda: ses.accept(2)) == 'fre_too_large' and ses.accepted is None


@pytest.mark.parametrize('kept', [True, False])
def test_what_was_found_stays_with_its_registration(tmp_path, kept):
    journal = SessionStore(tmp_path, 'ref', 'ct') if kept else Journal()
    ses = session('manual', journal=journal)
    assert ses.journal.found == {}
    accept_one(ses)
    ses.log_check(ses.validate(hold(ses, touched()[1] + [0.008, 0, 0], 9000 * STEP_NS)))
    assert not ses.journal.found['b']['passed']
    accept_one(ses, 0.01, 20)
    assert ses.journal.found == {}
    ses.revert()
    assert list(ses.journal.found) == ['b']
    if kept:
        journal.close()
        ses = restarted(tmp_path)
        ses.resume(HOUR_NS)
        assert ses.journal.found['b']['error_m'] == pytest.approx(0.008)
    ses.clear()
    accept_one(ses, 0.0, 30)
    assert ses.journal.found == {}
