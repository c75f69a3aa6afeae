# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from arsurg_ros.errors import RegistrationError
from arsurg_ros.registration.chain import GENESIS, Entry, canonical, digest, head_of, line_of, next_entry, read_chain


def make(count: int) -> list[Entry]:
    entries: list[Entry] = []
    for k in range(count):
        entries.append(next_entry(entries, 'accepted', {'fre_m': 0.1 * k, 'names': ['a', 'ä']}, 1_000 + k))
    return entries


ENTRIES = make(6)
LINES = [line_of(e) for e in ENTRIES]
LOG, HEAD = b''.join(LINES), head_of(ENTRIES[-1])


def broken(log: bytes, head: bytes | None) -> str:
    with pytest.raises(RegistrationError) as caught:
        read_chain(log, head)
    assert caught.value.code == 'log_broken' and '\n' not in str(caught.value)
    return str(caught.value)


def test_a_log_is_read_as_it_was_written() -> None:
    chain = read_chain(LOG, HEAD)
    assert chain.entries == tuple(ENTRIES)
    assert (chain.torn, chain.notes, chain.head) == (b'', (), ENTRIES[-1].sha256)
    assert read_chain(b'', None).head == GENESIS
    assert [e.sequence for e in chain.entries] == [1, 2, 3, 4, 5, 6]


@given(at=st.integers(0, len(LOG) - 1), bit=st.integers(0, 7))
def test_no_byte_of_the_log_can_be_changed(at: int, bit: int) -> None:
    changed = bytearray(LOG)
    changed[at] ^= 1 << bit
    said = broken(bytes(changed), HEAD)
    line = LOG[:at].count(b'\n') + 1
    # The changed line is named; a line end that is gone joins two lines, or leaves the last one unfinished.
    assert f'line {line} ' in said or f'line {line};' in said


@given(at=st.integers(0, len(HEAD) - 1), bit=st.integers(0, 7))
def test_no_byte_of_the_head_can_be_changed(at: int, bit: int) -> None:
    changed = bytearray(HEAD)
    changed[at] ^= 1 << bit
    broken(LOG, bytes(changed))


@given(order=st.lists(st.integers(0, 5), max_size=8))
def test_no_line_can_be_removed_repeated_or_moved(order: list[int]) -> None:
    assume(order != list(range(6)))
    broken(b''.join(LINES[k] for k in order), HEAD)


@given(size=st.integers(0, len(LOG) - 1))
def test_no_end_can_be_cut_off(size: int) -> None:
    broken(LOG[:size], HEAD)


@given(text=st.text(), at=st.integers(0, 6))
def test_no_line_can_be_put_in(text: str, at: int) -> None:
    broken(b''.join([*LINES[:at], text.encode() + b'\n', *LINES[at:]]), HEAD)


def test_a_line_that_is_hashed_anew_breaks_the_next_one() -> None:
    forged = next_entry(ENTRIES[:2], 'accepted', {'fre_m': 0.0}, 5)
    assert 'line 4 does not follow the line before it' in broken(b''.join([*LINES[:2], line_of(forged), *LINES[3:]]), HEAD)


def test_a_log_that_is_written_anew_does_not_fit_the_head() -> None:
    other = [next_entry([], 'cleared', {}, 0)]
    assert 'the log was rewritten' in broken(line_of(other[0]), head_of(ENTRIES[0]))
    assert 'the head file knows 1 of 6 lines' in broken(LOG, head_of(ENTRIES[0]))
    assert 'the head file is missing' in broken(LOG, None)


def test_another_way_to_write_the_same_entry_is_seen() -> None:
    spaced = json.dumps(json.loads(LINES[0])).encode() + b'\n'
    assert 'line 1 is no entry as the log writes it' in broken(spaced, None)
    wrong = {**json.loads(LINES[0]), 'sequence': 7}
    wrong['sha256'] = digest({k: v for k, v in wrong.items() if k != 'sha256'})
    assert 'line 1 says that it is entry 7' in broken(canonical(wrong) + b'\n', None)


def test_a_line_that_was_never_finished_is_torn_and_not_broken() -> None:
    chain = read_chain(LOG + LINES[0][:50], HEAD)
    assert chain.entries == tuple(ENTRIES) and chain.torn == LINES[0][:50]
    # The same after a line that the head knows to be whole is a cut.
    assert 'and an unfinished line 6; its head file knows 6' in broken(LOG[:-1], HEAD)


def test_a_head_that_is_one_behind_is_a_writer_that_was_stopped() -> None:
    chain = read_chain(LOG, head_of(ENTRIES[-2]))
    assert len(chain.entries) == 6 and 'line 6 was not in the head file yet' in chain.notes[0]
    assert len(read_chain(LINES[0], None).entries) == 1


def test_nan_is_not_written() -> None:
    with pytest.raises(ValueError, match='JSON compliant'):
        next_entry([], 'accepted', {'fre_m': float('nan')}, 0)
