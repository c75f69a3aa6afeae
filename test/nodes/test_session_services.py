# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The transaction over real DDS: every service, the store across restarts and kills, and drift."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from std_msgs.msg import Float64
from tf2_msgs.msg import TFMessage

from arsurg_ros.environment import DOMAIN_VARIABLE
from arsurg_ros.geometry import se3
from arsurg_ros.nodes import qos
from arsurg_ros.registration.store import SessionStore, read_log

from .surgery import POINTS, RESULT, T_REF_CT, Surgeon, call, given, landmarks_file, start


def shifted(p_ct, x_m):
    """Return where points of ct lie in ref, moved along its x axis."""
    return se3.transform(T_REF_CT, p_ct) + np.array([x_m, 0, 0])


CHECK = np.array([0.05, 0.05, 0.0])
CHECKS = {'checks': [{'name': 'held', 'ct': CHECK.tolist()}], 'targets': [{'name': 'tumour', 'ct': [0.03, 0.02, 0.05]}]}
REPO = Path(__file__).resolve().parents[2]


class Session:
    """A registration node in mode manual and what it says."""

    def __init__(self, graph, tmp_path, **parameters):
        self.graph = graph
        self.quality = graph.listen(DiagnosticArray, '/arsurg/registration/quality', qos.LATCHED)
        self.drift = graph.listen(DiagnosticArray, '/arsurg/registration/drift', qos.LATCHED)
        self.previews = graph.listen(PoseWithCovarianceStamped, '/arsurg/registration/preview', qos.LATCHED)
        self.frames = graph.listen(TFMessage, '/tf', qos.TF)
        parameters = {'mode': 'manual', 'dwell_s': 0.2, **parameters}
        parameters.setdefault('landmarks', None)
        parameters['landmarks'] = parameters['landmarks'] or landmarks_file(tmp_path, **CHECKS)
        self.node, self.results = start(graph, tmp_path, **parameters)
        self.surgeon = Surgeon(graph)

    def call(self, name):
        return call(self.graph, name)

    def ok(self, name):
        answer = self.call(name)
        assert answer.success, answer.message
        return answer.message

    def refused(self, name):
        answer = self.call(name)
        assert not answer.success and '\n' not in answer.message
        return answer.message

    def touch(self, p_ref):
        self.surgeon.hold(np.array([1.0, 1.0, 1.0]), samples=2)
        self.surgeon.hold(p_ref, samples=14)

    def register(self, shift_m=0.0):
        for p in shifted(POINTS, shift_m):
            self.touch(p)
            self.ok('capture')
        self.ok('compute')
        return self.ok('accept')

    def values(self, heard):
        return {v.key: v.value for v in heard[-1].status[0].values} if heard else {}

    def says(self, heard, **values):
        """Wait until the newest message has these values."""
        return self.graph.until(lambda: values.items() <= self.values(heard).items())

    def x(self):
        return self.results[-1].pose.pose.position.x if self.results else float('nan')


def test_preview_accept_revert_clear(graph, tmp_path):
    ses = Session(graph, tmp_path)
    assert 'nothing to revert to: none was accepted' in ses.refused('revert')
    assert 'not_computed' in ses.refused('preview')
    ses.register()
    assert graph.until(lambda: given(ses.results))
    first = ses.x()
    for p in shifted(POINTS, 0.02):
        ses.touch(p)
        ses.ok('capture')
    ses.ok('compute')
    said = ses.ok('preview')
    assert 'not in use' in said and 'TRE95 tumour' in said and 'ct_preview' in said
    assert graph.until(lambda: given(ses.previews))
    assert given(ses.previews)[-1].pose.pose.position.x == pytest.approx(first + 0.02, abs=1e-5)
    assert graph.until(lambda: {'ct', 'ct_preview'} <= {t.child_frame_id for m in ses.frames[-3:] for t in m.transforms})
    assert ses.x() == first  # looked at, and not used
    ses.ok('accept')
    assert graph.until(lambda: ses.x() == pytest.approx(first + 0.02, abs=1e-5))
    assert graph.until(lambda: ses.previews[-1] not in given(ses.previews))
    seen = len(ses.frames)
    graph.during(0.3)
    assert 'ct_preview' not in {t.child_frame_id for m in ses.frames[seen + 2 :] for t in m.transforms}
    assert 'reverted to the registration accepted' in ses.ok('revert')
    assert graph.until(lambda: ses.x() == first)
    assert 'the first one' in ses.refused('revert')
    ses.ok('clear')
    assert graph.until(lambda: ses.x() != ses.x())
    assert 'none was accepted' in ses.refused('revert')


def test_quality_has_margins_noise_and_leave_one_out(graph, tmp_path):
    ses = Session(graph, tmp_path, noise_m=0.0004)
    ses.register()
    assert ses.says(ses.quality, accepted='True', noise_mm='0.4000', noise_dof='inf', rejected='')
    values = ses.values(ses.quality)
    assert 0.2 < float(values['tre_mm.tumour']) < float(values['tre95_mm.tumour']) < 2
    assert {'loo_tre_mm', 'warnings', 'drift', 'accepted_age_s', 'provenance.numpy', 'provenance.wasmtime'} <= set(values)
    assert values['provenance.instrument'] == 'pointer'
    assert 'log_head' not in values


def test_validate_tells_independent_evidence_and_drift_follows(graph, tmp_path):
    ses = Session(graph, tmp_path, drift_stale_s=600.0)
    residual = graph.publisher(Float64, '/arsurg/tracker/ref/registration_error')
    assert 'not_registered' in ses.refused('validate')
    ses.register()
    for _ in range(5):
        residual.publish(Float64(data=0.0002))
    assert ses.says(ses.drift, drift='ok')
    ses.touch(np.array([0.5, 0.5, 0.5]))
    assert 'not_near' in ses.refused('validate')
    ses.touch(shifted(CHECK, 0.001))
    assert 'passed: held (held out: independent evidence): 1.00 mm' in ses.ok('validate')
    ses.touch(shifted(POINTS[1], 0.004))
    assert 'validation_failed: FAILED: p1 (used for the registration' in ses.refused('validate')
    assert ses.says(ses.drift, drift='warn', reason='p1 touched again: 4.00 mm off')
    assert ses.node.health()[0] == DiagnosticStatus.WARN
    assert ses.says(ses.quality, drift='warn', accepted='True')
    ses.touch(shifted(POINTS[1], 0.008))
    ses.refused('validate')
    assert ses.says(ses.drift, drift='error')
    assert ses.drift[-1].status[0].level == DiagnosticStatus.ERROR and ses.node.health()[0] == DiagnosticStatus.ERROR
    ses.touch(se3.transform(T_REF_CT, POINTS[1]))
    ses.ok('validate')
    assert ses.says(ses.drift, drift='ok')


@pytest.mark.parametrize(
    ('topic', 'good', 'bad', 'says'),
    [
        ('registration_error', 0.0002, 0.0012, 'marker residual 1.20 mm'),
        ('reprojection_error', 0.3, 4.0, 'board reprojection 4.00 px'),
    ],
)
def test_a_residual_that_jumps_is_drift_and_silence_is_unknown(graph, tmp_path, topic, good, bad, says):
    times = {'drift_window_s': 0.3, 'drift_stale_s': 0.8, 'drift_hold_s': 0.2}
    ses = Session(graph, tmp_path, mode='file', landmarks=landmarks_file(tmp_path, se3.transform(T_REF_CT, POINTS)), **times)
    residual = graph.publisher(Float64, f'/arsurg/tracker/ref/{topic}')
    assert ses.says(ses.drift, drift='unknown')
    assert 'no data' in ses.drift[-1].status[0].message and ses.drift[-1].status[0].level == DiagnosticStatus.STALE

    def send(value, until):
        def told():
            residual.publish(Float64(data=value))
            return until()

        assert graph.until(told)

    send(good, lambda: ses.values(ses.drift).get('drift') == 'ok')
    send(bad, lambda: ses.values(ses.drift).get('drift') in ('warn', 'error'))
    assert says in ses.drift[-1].status[0].message and 'at acceptance' in ses.drift[-1].status[0].message
    send(good, lambda: ses.values(ses.drift).get('drift') == 'ok')
    assert ses.says(ses.drift, drift='unknown')
    ses.node.trigger_deactivate()
    assert ses.says(ses.drift, drift='unknown', reason='the registration node is not active')


def test_save_and_load(graph, tmp_path):
    path = tmp_path / 'session.json'
    ses = Session(graph, tmp_path, session_file=str(path))
    assert 'nothing was captured' in ses.refused('save')
    ses.register()
    x = ses.x()
    assert f'1 accepted registrations to {path}' in ses.ok('save')
    assert 'clear first' in ses.refused('load')
    ses.ok('clear')
    assert 'validate it' in ses.ok('load')
    assert graph.until(lambda: ses.x() == x)
    assert ses.says(ses.drift, drift='warn')
    assert 'loaded from a file, accepted' in ses.drift[-1].status[0].message
    path.write_bytes(path.read_bytes().replace(b'"samples":', b'"sample":'))
    ses.ok('clear')
    assert 'session_broken' in ses.refused('load')


def test_without_a_session_file_save_says_so(graph, tmp_path):
    ses = Session(graph, tmp_path)
    assert 'parameter session_file is empty' in ses.refused('save')


def test_a_restart_reloads_and_says_that_it_is_to_be_validated(graph, tmp_path):
    store = tmp_path / 'store'
    ses = Session(graph, tmp_path, store=str(store))
    said = ses.register()
    head = read_log(store).head
    assert said == f'accepted; log {head}'
    assert ses.says(ses.quality, log_head=head)
    x = ses.x()
    graph.stop(ses.node)
    again = Session(graph, tmp_path, store=str(store), drift_stale_s=600.0)
    assert graph.until(lambda: given(again.results) and again.x() == x)
    assert again.says(again.drift, drift='warn')
    assert 'reloaded, accepted' in again.drift[-1].status[0].message
    assert again.quality[-1].status[0].level == DiagnosticStatus.WARN
    assert again.values(again.quality)['unvalidated'].endswith('validate it')
    level, message, _ = again.node.health()
    assert level == DiagnosticStatus.WARN and 'ago: validate it' in message
    again.touch(se3.transform(T_REF_CT, CHECK))
    assert 'log ' in again.ok('validate')
    assert again.says(again.quality, unvalidated='')
    assert again.values(again.drift)['drift'] == 'unknown'  # nobody sends a residual here
    assert [e.event for e in read_log(store).entries] == ['created', 'accepted', 'reloaded', 'validated']


@pytest.mark.parametrize(
    ('parameters', 'says'),
    [
        ({'reload_max_age_s': 0.0}, 'not reloaded: too_old'),
        ({'reload': 'never'}, None),
        ({'landmarks': 'other'}, 'not reloaded: session_mismatch'),
    ],
)
def test_a_restart_that_does_not_reload_takes_it_back_in_the_log(graph, tmp_path, parameters, says):
    store = tmp_path / 'store'
    ses = Session(graph, tmp_path, store=str(store))
    ses.register()
    graph.stop(ses.node)
    if 'landmarks' in parameters:
        other = tmp_path / 'other'
        other.mkdir()
        rows = [{'name': f'p{k}', 'ct': (p + 0.001).tolist()} for k, p in enumerate(POINTS)]
        parameters = {'landmarks': landmarks_file(other, landmarks=rows)}
    before = len(ses.results)
    again = Session(graph, tmp_path, store=str(store), **parameters)
    graph.during(0.5)
    assert not given(again.results[before:]) and again.node.active
    assert [e.event for e in read_log(store).entries] == ['created', 'accepted', 'cleared']
    if says:
        assert says in again.quality[-1].status[0].message
    assert again.node.health()[0] == DiagnosticStatus.WARN


def test_auto_is_the_users_state_folder_and_does_not_reload_by_itself(graph, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    ses = Session(graph, tmp_path, store='auto')
    ses.register()
    graph.stop(ses.node)
    assert len(read_log(tmp_path / 'arsurg_ros' / 'ref-ct').entries) == 2
    before = len(ses.results)
    again = Session(graph, tmp_path, store='auto')
    graph.during(0.3)
    assert not given(again.results[before:])
    assert read_log(tmp_path / 'arsurg_ros' / 'ref-ct').entries[-1].event == 'cleared'


@pytest.mark.parametrize(
    ('spoil', 'says'),
    [
        (lambda f: SessionStore(f, 'ref', 'ct'), 'store_busy'),
        (lambda f: (SessionStore(f, 'femur', 'ct').close()), 'it is of femur -> ct'),
        (lambda f: (SessionStore(f, 'ref', 'ct').close(), (f / 'log.jsonl').write_text('{}\n')), 'log_broken'),
    ],
)
def test_a_store_that_cannot_be_used_leaves_the_node_unconfigured(graph, tmp_path, spoil, says):
    kept = spoil(tmp_path / 'store')
    node, _ = start(graph, tmp_path, store=str(tmp_path / 'store'))
    assert not node.active and says in node.refusal and '\n' not in node.refusal
    del kept


def test_dwells_that_cannot_be_kept_are_refused_where_the_surgeon_looks(graph, tmp_path, monkeypatch):
    ses = Session(graph, tmp_path, mode='dwell', store=str(tmp_path / 'store'))

    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('arsurg_ros.files.atomic.write_all', full)
    for p in shifted(POINTS, 0.0):
        ses.touch(p)
    ses.touch(np.array([0.5, 0.5, 0.5]))
    assert graph.until(lambda: ses.quality and 'store_unwritable' in ses.quality[-1].status[0].message)
    assert ses.quality[-1].status[0].level == DiagnosticStatus.ERROR and not given(ses.results)


def test_dwells_that_only_agree_without_one_wait_for_the_surgeon(graph, tmp_path):
    ses = Session(graph, tmp_path, mode='dwell', robust=True, noise_m=0.0003, max_fre_m=0.001)
    points = shifted(POINTS, 0.0)
    points[1] += [0.004, 0, 0]
    for p in points:
        ses.touch(p)
    ses.touch(np.array([0.5, 0.5, 0.5]))
    assert graph.until(lambda: ses.quality and 'rejected: p1' in ses.quality[-1].status[0].message)
    assert ses.values(ses.quality)['accepted'] == 'False' and not given(ses.results)
    ses.ok('accept')
    assert ses.says(ses.quality, accepted='True', rejected='p1')


def test_wrong_limits_are_refused(graph, tmp_path):
    node, _ = start(graph, tmp_path, drift_warn_px=9.0)
    assert 'warn 9.0, error 3.0: 0 < warn <= error is needed' in node.refusal
    node, _ = start(graph, tmp_path, max_validation_m=0.05)
    assert 'at most validation_error_m' in node.refusal


def test_killed_and_started_again_the_real_node_goes_on(graph, tmp_path):
    """Kill -9 of the real process as soon as it has accepted; the next one has the registration and a log that verifies."""
    store = tmp_path / 'store'
    results = graph.listen(PoseWithCovarianceStamped, RESULT, qos.LATCHED)
    domain = str(graph.probe.context.get_domain_id())
    environment = {**os.environ, DOMAIN_VARIABLE: domain, 'PYTHONPATH': str(REPO)}
    parameters = {'autostart': True, 'mode': 'dwell', 'dwell_s': 0.2, 'store': str(store)}
    parameters['landmarks'] = landmarks_file(tmp_path)
    command = [sys.executable, '-m', 'arsurg_ros.nodes.registration', '--ros-args']
    for name, value in parameters.items():
        command += ['-p', f'{name}:={json.dumps(value) if isinstance(value, bool) else value}']
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as first:
        try:
            surgeon = Surgeon(graph)
            for p in se3.transform(T_REF_CT, POINTS):
                surgeon.hold(p, samples=14)
            surgeon.hold(np.array([0.5, 0.5, 0.5]), samples=3)
            assert graph.until(lambda: given(results))
        finally:
            first.send_signal(signal.SIGKILL)  # where it does not register, too: the test would wait for its end
    x = given(results)[-1].pose.pose.position.x
    assert [e.event for e in read_log(store).entries] == ['created', 'accepted']
    before = len(results)
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as second:
        try:
            assert graph.until(lambda: given(results[before:]))
        finally:
            second.send_signal(signal.SIGINT)
    assert given(results)[-1].pose.pose.position.x == x
    assert [e.event for e in read_log(store).entries] == ['created', 'accepted', 'reloaded']


def test_a_doubt_outlives_deactivation_acceptance_of_another_and_a_restart(graph, tmp_path):
    """A failed check takes the registration it is about out of use until that landmark passes, whatever happens between."""
    store = tmp_path / 'store'
    ses = Session(graph, tmp_path, store=str(store))
    ses.register()
    ses.touch(shifted(POINTS[1], 0.008))
    ses.refused('validate')
    assert ses.says(ses.drift, drift='error')
    ses.node.trigger_deactivate()
    assert graph.until(lambda: 'not active' in ses.values(ses.drift)['reason'])
    assert ses.values(ses.drift)['drift'] == 'error'
    ses.node.trigger_activate()
    ses.register(0.01)
    assert ses.says(ses.drift, drift='unknown')  # another registration; nobody sends a residual here
    ses.ok('revert')
    assert ses.says(ses.drift, drift='error', reason='p1 touched again before: 8.00 mm off')
    graph.stop(ses.node)
    again = Session(graph, tmp_path, store=str(store))
    assert graph.until(lambda: 'log_head' in again.values(again.quality))
    assert again.says(again.drift, drift='error', reason='p1 touched again before: 8.00 mm off')
    again.touch(shifted(POINTS[1], 0.0))
    again.ok('validate')
    assert again.says(again.drift, drift='unknown')


def test_a_revert_is_in_doubt_until_it_is_checked(graph, tmp_path):
    ses = Session(graph, tmp_path)
    ses.register()
    ses.register(0.02)
    ses.ok('revert')
    assert ses.says(ses.drift, drift='warn')
    assert 'reverted to one accepted' in ses.values(ses.drift)['reason']
    ses.touch(shifted(CHECK, 0.0))
    ses.ok('validate')
    assert ses.says(ses.drift, drift='unknown')


def test_a_registration_of_loaded_landmarks_is_in_doubt(graph, tmp_path):
    path = tmp_path / 'session.json'
    ses = Session(graph, tmp_path, session_file=str(path))
    for p in shifted(POINTS, 0.0):
        ses.touch(p)
        ses.ok('capture')
    ses.ok('save')
    ses.ok('clear')
    ses.ok('load')
    ses.ok('compute')
    ses.ok('accept')
    assert ses.says(ses.drift, drift='warn')
    assert 'captured before they were loaded: validate it' in ses.values(ses.drift)['reason']


def test_a_restart_that_registers_the_same_anew_does_not_clear_what_it_was_found_to_be(graph, tmp_path):
    store, both = tmp_path / 'store', landmarks_file(tmp_path, se3.transform(T_REF_CT, POINTS))
    for found, wanted in (({}, 'unknown'), ({'landmark': 'p1', 'passed': False, 'error_m': 0.02}, 'error')):
        if found:
            journal = SessionStore(store, 'ref', 'ct')
            journal.commit('validated', found)
            journal.close()
        ses = Session(graph, tmp_path, mode='file', landmarks=both, store=str(store))
        assert ses.says(ses.quality, accepted='True') and ses.node._drift.status.level.value == wanted
        graph.stop(ses.node)


def test_a_preview_ends_when_the_candidate_becomes_another(graph, tmp_path):
    ses = Session(graph, tmp_path, mode='dwell', robust=True, noise_m=0.0003, max_fre_m=0.001)
    points = shifted(POINTS, 0.0)
    points[1] += [0.004, 0, 0]
    for p in points:
        ses.touch(p)
    ses.touch(np.array([0.5, 0.5, 0.5]))
    assert graph.until(lambda: ses.node._session.computed is not None)
    ses.ok('preview')
    assert graph.until(lambda: given(ses.previews)) and ses.previews[-1] in given(ses.previews)
    looked_at = ses.node._session.computed
    ses.touch(np.array([0.3, 0.5, 0.5]))
    assert graph.until(lambda: ses.node._session.computed is not looked_at)
    assert graph.until(lambda: ses.previews[-1] not in given(ses.previews))
