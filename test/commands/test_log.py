# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from arsurg_ros import cli
from arsurg_ros.geometry import se3
from arsurg_ros.registration.landmarks import Landmarks
from arsurg_ros.registration.session import LandmarkSession
from arsurg_ros.registration.store import ACCEPTED, HEAD, LOG, SessionStore, read_log

POINTS = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.08, 0], [0.02, 0.03, 0.06]])
LANDMARKS = Landmarks(('a', 'b', 'c', 'd'), POINTS, se3.transform(se3.exp([0.1, 0.2, 0, 0, 0.3, 0]), POINTS))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Give a store with two acceptances, a check, a revert, a save that was loaded, and a clear."""
    session = LandmarkSession(LANDMARKS, 'ref', 'ct', mode='file', journal=SessionStore(tmp_path / 'store', 'ref', 'ct'))
    for k in range(2):
        session.compute(k)
        session.accept(k)
    assert LANDMARKS.p_ref_m is not None
    for k in range(40):
        session.observe(k * 33_000_000, LANDMARKS.p_ref_m[1] + [0.004, 0, 0])
    session.log_check(session.validate(39 * 33_000_000))
    session.revert()
    session.save(tmp_path / 'session.json')
    session.clear()
    session.load(tmp_path / 'session.json', 10**15)
    session.journal.close()
    return tmp_path / 'store'


def arsurg(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = cli.main(list(map(str, words)))
    said = capsys.readouterr()
    return status, said.out, said.err


def test_entries_are_listed_and_the_head_said(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = arsurg(capsys, 'log', 'verify', store)
    lines, head = out.splitlines(), read_log(store).head
    assert status == 0
    assert [line.split()[2] for line in lines[:7]] == [
        'created', 'accepted', 'accepted', 'validated', 'reverted', 'cleared', 'loaded'
    ]
    assert 'FRE 0.000 mm over 4 landmarks' in lines[1]
    assert 'b (used) 4.00 mm off: FAILED' in lines[3]
    assert 'asked to' in lines[5] and '1 registrations; in use: FRE' in lines[6]
    assert lines[7:] == ['in use  FRE 0.000 mm', f'head    {head}', f'{store}: 7 entries, the chain is whole']


def test_json(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = arsurg(capsys, 'log', 'verify', store, '--json')
    found = json.loads(out)
    assert status == 0 and set(found) == {'command', 'folder', 'entries', 'head', 'in_use', 'notes'}
    assert len(found['entries']) == 7 and found['entries'][-1]['sha256'] == found['head']
    assert np.array(found['in_use']['registration']['T_ref_ct']).shape == (4, 4)


def test_a_head_that_was_kept(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = read_log(store).entries[2].sha256
    assert 'the head that was kept is entry 3; 4 entries follow' in arsurg(capsys, 'log', 'verify', store, '--head', kept)[1]
    assert arsurg(capsys, 'log', 'verify', store, '--head', kept[:16])[0] == 0
    for head, says in (('0' * 64, 'rewritten or cut'), (kept[:8], '16 hexadecimal'), ('x' * 20, '16 hexadecimal')):
        status, _, err = arsurg(capsys, 'log', 'verify', store, '--head', head)
        assert status == 2 and says in err


def test_a_broken_chain_is_status_2_and_names_the_line(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = store / LOG
    path.write_bytes(path.read_bytes().replace(b'"passed":false', b'"passed":true '))
    status, out, err = arsurg(capsys, 'log', 'verify', store, '--json')
    assert status == 2 and 'line 4' in err and json.loads(out)['error']['code'] == 'log_broken'


def test_a_changed_snapshot_is_seen_and_one_that_lags_is_not(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (store / ACCEPTED).read_bytes()
    (store / ACCEPTED).write_bytes(whole.replace(b'"dof":', b'"dof": '))
    assert 'is not what the log says' in arsurg(capsys, 'log', 'verify', store)[2]
    (store / ACCEPTED).unlink()
    assert 'is missing' in arsurg(capsys, 'log', 'verify', store)[2]
    (store / ACCEPTED).write_bytes(whole)
    with (store / LOG).open('ab') as log:
        log.write(b'{"data":')
    assert 'an unfinished last line of 8 bytes' in arsurg(capsys, 'log', 'verify', store)[1]
    store_again = SessionStore(store, 'ref', 'ct')
    store_again.commit('cleared', {'reason': 'test'})
    store_again.close()
    (store / ACCEPTED).write_bytes(whole)  # as if a writer was stopped before the rename
    assert arsurg(capsys, 'log', 'verify', store)[0] == 0


def test_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = arsurg(capsys, 'log', 'verify', tmp_path)
    assert status == 2 and 'session_unreadable' in err
    (tmp_path / LOG).write_bytes(b'')
    assert '0 entries' in arsurg(capsys, 'log', 'verify', tmp_path)[1]
    (tmp_path / ACCEPTED).mkdir()
    assert 'Is a directory' in arsurg(capsys, 'log', 'verify', tmp_path)[2]
    assert not (tmp_path / HEAD).exists()
