# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A folder that keeps the accepted registrations: they survive a kill at any moment, and their log cannot be silently edited.

=================== ====================================================================================================
``log.jsonl``       every event, a line each, chained by hashes (``chain.py``); an entry here has happened
``log.head``        how many entries there are, and the last one's hash
``accepted.json``   the accepted registrations after the last entry: the last is in use, those before can be reverted to
``lock``            held (flock) while a node writes here; it ends with the process, however that ends
``log.torn.*``      what a killed writer had begun to write, moved aside
=================== ====================================================================================================

An event is committed by its line in the log. The two small files are written and synced beforehand under other names, so that
only renames follow; opening the store rolls these forward. What does not fit together is refused and never guessed.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arsurg_ros import __version__
from arsurg_ros.errors import RegistrationError
from arsurg_ros.files import atomic
from arsurg_ros.registration.chain import Chain, Entry, canonical, head_of, line_of, next_entry, read_chain
from arsurg_ros.registration.journal import Journal, apply, replay, unix_ns
from arsurg_ros.registration.records import Record, record_json

SCHEMA = 'arsurg.store/1'
LOG, HEAD, ACCEPTED, LOCK = 'log.jsonl', 'log.head', 'accepted.json', 'lock'


def default_folder(ref_frame: str, ct_frame: str) -> Path:
    """Return $XDG_STATE_HOME/arsurg_ros/<ref>-<ct>, by default below ~/.local/state."""
    state = os.environ.get('XDG_STATE_HOME') or str(Path.home() / '.local' / 'state')
    name = f'{ref_frame}-{ct_frame}'.replace(os.sep, '_')
    return Path(state) / 'arsurg_ros' / name


def read_log(folder: Path) -> Chain:
    """Return a store's log, checked; takes no lock. Raises RegistrationError ``session_unreadable`` or ``log_broken``."""
    try:
        # The head first: a writer may add an entry between the two readings, and an older head is no error.
        head = (folder / HEAD).read_bytes() if (folder / HEAD).exists() else None
        log = (folder / LOG).read_bytes()
    except OSError as e:
        raise RegistrationError('session_unreadable', f'log {folder / LOG}: {e.strerror}') from e
    try:
        return read_chain(log, head)
    except RegistrationError as e:
        raise RegistrationError(e.code, f'{folder / LOG}: {e.text}') from None


@dataclass(frozen=True)
class Verified:
    """A store that was checked: its log, and the accepted registrations after its last entry."""

    chain: Chain
    history: tuple[Record, ...]
    notes: tuple[str, ...]


def verify(folder: Path, head: str = '') -> Verified:
    """Return a store's content, all of it checked; nothing is changed, and no lock taken.

    ``head`` is a hash that was kept elsewhere, or its first 16 or more digits: the log must have an entry with it. Raises
    RegistrationError ``session_unreadable``, ``log_broken`` or ``store_broken``.
    """
    path = folder / ACCEPTED
    try:
        found = path.read_bytes() if path.exists() else None
    except OSError as e:
        raise RegistrationError('session_unreadable', f'{path}: {e.strerror}') from e
    chain = read_log(folder)
    notes = chain.notes
    if chain.torn:
        notes += (f'an unfinished last line of {len(chain.torn)} bytes: a writer was stopped, or is at work',)
    if head:
        notes += _known_head(folder, chain, head)
    if not chain.entries:
        return Verified(chain, (), notes)
    # A writer may have added entries since accepted.json was read, or was stopped before it could be renamed.
    history, older = _replayed(folder, chain.entries), chain.entries
    while found != snapshot(older, _replayed(folder, older)):
        older = older[:-1]
        if not older or len(chain.entries) - len(older) > 2:
            if found is None and len(chain.entries) == 1:
                break
            raise _changed(path, found)
    return Verified(chain, history, notes)


def _known_head(folder: Path, chain: Chain, head: str) -> tuple[str, ...]:
    if len(head) < 16 or set(head) - set('0123456789abcdef'):
        raise RegistrationError('log_broken', f'head {head!r}: at least 16 hexadecimal digits of a hash are needed')
    for entry in chain.entries:
        if entry.sha256.startswith(head):
            later = len(chain.entries) - entry.sequence
            return (f'the head that was kept is entry {entry.sequence}; {later} entries follow',)
    raise RegistrationError('log_broken', f'{folder / LOG}: no entry has the hash {head}: the log was rewritten or cut')


def _replayed(folder: Path, entries: Sequence[Entry]) -> tuple[Record, ...]:
    try:
        return replay(entries)
    except RegistrationError as e:
        raise RegistrationError('store_broken', f'{folder / LOG}: {e.text}') from None


def _changed(path: Path, found: bytes | None) -> RegistrationError:
    what = 'is missing' if found is None else 'is not what the log says'
    text = f'{path}: it {what}: it was changed; move it aside with log and head, and register again'
    return RegistrationError('store_broken', text)


def snapshot(entries: Sequence[Entry], history: Sequence[Record]) -> bytes:
    """Return the content of accepted.json after the entries."""
    last, created = entries[-1], entries[0].data
    return canonical(
        {
            'schema': SCHEMA,
            'store': created['store'],
            'ref_frame': created['ref_frame'],
            'ct_frame': created['ct_frame'],
            'log': {'sequence': last.sequence, 'sha256': last.sha256},
            'history': [record_json(record) for record in history],
        }
    ) + b'\n'


class SessionStore(Journal):
    """The journal of a session on disk; one writer at a time.

    Raises RegistrationError: ``store_busy`` where another process writes there, ``store_unwritable``, ``store_mismatch`` for
    other frames, ``store_broken`` or ``log_broken`` for files that were changed.
    """

    def __init__(self, folder: Path, ref_frame: str, ct_frame: str) -> None:
        """Open the folder, or make it; mend what a killed writer left, and say so in ``notes``."""
        super().__init__()
        self.folder = folder
        self._lock = self._log = -1
        self._spoilt = ''
        self._unwritten_clear: dict[str, Any] | None = None
        try:
            self._open(ref_frame, ct_frame)
        except OSError as e:
            self.close()
            raise self._unwritable(e) from e
        except RegistrationError:
            self.close()
            raise

    @property
    def head(self) -> str:
        """The hash of the last log entry, hexadecimal."""
        return self._entries[-1].sha256

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries of the log."""
        return tuple(self._entries)

    def commit(self, event: str, data: dict[str, Any]) -> None:
        """Append an event to the log and bring accepted.json up to it, or leave all as it was.

        Raises RegistrationError ``store_unwritable`` where the disk does not take it.
        """
        if self._spoilt:
            raise RegistrationError('store_unwritable', f'{self.folder}: {self._spoilt}; configure the node again')
        if self._unwritten_clear is not None:
            self._write('cleared', self._unwritten_clear)
            self._unwritten_clear = None
        self._write(event, data)

    def drop(self, data: dict[str, Any]) -> None:
        """Take what is in use back; where that cannot be written now, it is before the next event."""
        try:
            super().drop(data)
        except RegistrationError:
            self._unwritten_clear = data
            raise

    def _write(self, event: str, data: dict[str, Any]) -> None:
        history = apply(self.history, event, data)
        entry = next_entry(self._entries, event, data, unix_ns())
        prepared: list[Path] = []
        try:
            prepared.append(atomic.prepare(self.folder / ACCEPTED, snapshot([*self._entries, entry], history)))
            prepared.append(atomic.prepare(self.folder / HEAD, head_of(entry)))
            self._append(line_of(entry))
        except OSError as e:
            for path in prepared:
                path.unlink(missing_ok=True)
            raise self._unwritable(e) from e
        self._entries.append(entry)
        self.history = history
        self.remember(event, data)
        try:
            atomic.publish(*prepared)
        except OSError as e:  # it has happened; the next opening will rename
            self._spoilt = f'entry {entry.sequence} is in the log, but {e.filename}: {e.strerror}'

    def close(self) -> None:
        """Close the files and give the lock up."""
        for descriptor in (self._log, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._log = self._lock = -1

    # Opening.

    def _open(self, ref_frame: str, ct_frame: str) -> None:
        atomic.make_folder(self.folder)
        self._take_lock()
        self._log = os.open(self.folder / LOG, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        for name in (ACCEPTED, HEAD):
            (self.folder / (name + atomic.SUFFIX)).unlink(missing_ok=True)
        chain = read_log(self.folder)
        self._entries = list(chain.entries)
        if chain.torn:
            self._move_torn(chain.torn)
        self.notes += chain.notes
        if not self._entries:
            self._create(ref_frame, ct_frame)
            return
        self._check_created(ref_frame, ct_frame)
        self.history = _replayed(self.folder, self._entries)
        for entry in self._entries:
            self.remember(entry.event, entry.data)
        self._roll_forward()

    def _take_lock(self) -> None:
        self._lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._lock, 20).decode('ascii', 'replace').strip() or 'unknown'
            raise RegistrationError(
                'store_busy', f'{self.folder}: process {pid} writes here: give every registration node a store of its own'
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f'{os.getpid()}\n'.encode('ascii'), 0)

    def _create(self, ref_frame: str, ct_frame: str) -> None:
        if any((self.folder / name).exists() for name in (ACCEPTED, HEAD)):
            raise RegistrationError('store_broken', f'{self.folder}: {LOG} has no entries, but there were some: it was changed')
        created = {
            'schema': SCHEMA,
            'store': uuid.uuid4().hex,
            'ref_frame': ref_frame,
            'ct_frame': ct_frame,
            'software': f'arsurg_ros {__version__}',
        }
        self.commit('created', created)

    def _check_created(self, ref_frame: str, ct_frame: str) -> None:
        created = self._entries[0].data
        if self._entries[0].event != 'created' or created.get('schema') != SCHEMA:
            raise RegistrationError('store_mismatch', f'{self.folder}: schema {created.get("schema")!r}; valid: {SCHEMA}')
        found, wanted = (created.get('ref_frame'), created.get('ct_frame')), (ref_frame, ct_frame)
        if found != wanted:
            ours, its = (f'{ref} -> {ct}' for ref, ct in (wanted, found))
            raise RegistrationError('store_mismatch', f'{self.folder}: it is of {its}, this session of {ours}')

    def _roll_forward(self) -> None:
        """Bring accepted.json and the head to the last entry where a killed writer did not."""
        path, entries = self.folder / ACCEPTED, self._entries
        now = snapshot(entries, self.history)
        found = path.read_bytes() if path.exists() else None
        before = snapshot(entries[:-1], _replayed(self.folder, entries[:-1])) if len(entries) > 1 else None
        if found not in (now, before):
            raise _changed(path, found)
        if found != now or self.notes:
            atomic.publish(atomic.prepare(path, now), atomic.prepare(self.folder / HEAD, head_of(entries[-1])))

    def _move_torn(self, torn: bytes) -> None:
        aside = self.folder / f'log.torn.{unix_ns()}'
        atomic.write(aside, torn)
        os.ftruncate(self._log, os.fstat(self._log).st_size - len(torn))
        os.fsync(self._log)
        self.notes += (f'an unfinished last line of {len(torn)} bytes was moved to {aside.name}: its event did not happen',)

    # Writing.

    def _append(self, line: bytes) -> None:
        size = os.fstat(self._log).st_size
        try:
            atomic.write_all(self._log, line)
            os.fsync(self._log)
        except OSError:
            try:
                os.ftruncate(self._log, size)
                os.fsync(self._log)
            except OSError as e:
                self._spoilt = f'{LOG} ends in an unfinished line: {e.strerror}'
            raise

    def _unwritable(self, e: OSError) -> RegistrationError:
        where = e.filename or self.folder
        return RegistrationError('store_unwritable', f'{where}: {e.strerror}; nothing was changed')
