# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The landmark session, a transaction: capture, compute a candidate, look at it, accept it or not, revert, clear.

What is in use changes by ``accept``, ``revert``, ``clear``, ``load`` and ``resume`` alone, and each of them is first written to
the journal: where that fails nothing has changed, but for ``clear``, which takes a registration back whatever the disk says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from arsurg_ros import __version__
from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.registration.dwell import Dwell, DwellDetector, match_in_order
from arsurg_ros.registration.given import GivenResult
from arsurg_ros.registration.journal import Journal, unix_ns
from arsurg_ros.registration.landmarks import Landmarks, register
from arsurg_ros.registration.records import Record, Touch, record_json
from arsurg_ros.registration.session_file import load_session, same_landmarks, save_session
from arsurg_ros.registration.validation import Check, check_touch
from arsurg_ros.types import F64, RegistrationResult

MODES = {
    'file': 'both sides of every landmark are in the landmarks file',
    'dwell': 'the pointer rests on every landmark in turn; idle rests are told apart by the fit',
    'manual': 'the capture service takes the tip, one landmark after the other',
    'result': 'the registration was computed before, by arsurg register landmarks or surface',
}
#: Modes that need no pointer: they register at once, and anew after a restart.
AT_ONCE = ('file', 'result')
# A system clock may be set by so much between two runs.
CLOCK_SLACK_NS = 60_000_000_000
# More dwells may still make a registration of these.
WAITING = ('too_few_points', 'coincident', 'collinear', 'mirrored', 'wrong_unit', 'no_consensus', 'fre_too_large')


@dataclass
class LandmarkSession:
    """What the registration node does, without ROS. ``provenance`` is kept with every registration.

    ``robust`` and ``noise_m`` go to ``landmarks.register``; ``given`` is what mode ``result`` takes, with its ``landmarks``.
    Raises ConfigError for an unknown mode, ``file`` without measured landmarks or ``result`` without ``given``.
    """

    landmarks: Landmarks
    ref_frame: str
    ct_frame: str
    mode: str = 'dwell'
    max_fre_m: float = 0.003
    backend: str = 'wasm'
    robust: bool = False
    noise_m: float | None = None
    detector: DwellDetector = field(default_factory=DwellDetector)
    captured: list[Dwell] = field(default_factory=list)
    computed: RegistrationResult | None = None
    journal: Journal = field(default_factory=Journal)
    provenance: dict[str, str] = field(default_factory=dict)
    given: GivenResult | None = None
    _touches: tuple[Touch, ...] = ()
    #: The captures belong to a registration that was accepted: the next one begins a new set.
    _spent: bool = False
    #: Some captures are from a file that was saved then: the patient may have moved since.
    _carried_unix_ns: int | None = None

    def __post_init__(self) -> None:
        """Check the mode and the landmarks."""
        if self.mode not in MODES:
            raise ConfigError(f'registration mode {self.mode!r}; valid: {", ".join(MODES)}')
        if (self.mode == 'result') != (self.given is not None):
            raise ConfigError(f'registration mode {self.mode}: a registration is given in mode result, and only there')
        if self.given is None and len(self.landmarks.names) < 3:
            raise ConfigError(f'landmarks: {len(self.landmarks.names)} given, at least 3 are needed')
        if self.mode == 'file' and self.landmarks.p_ref_m is None:
            raise ConfigError('registration mode file: the landmarks file gives no ref coordinates')

    @property
    def at_once(self) -> bool:
        """Whether the mode registers without a pointer."""
        return self.mode in AT_ONCE

    @property
    def accepted(self) -> RegistrationResult | None:
        """The registration in use."""
        return self.journal.history[-1].result if self.journal.history else None

    # Capture.

    def observe(self, stamp_ns: int, p_ref_m: F64) -> Dwell | None:
        """Take the tip (3,) in ref, metres, at a stamp; in mode dwell return the landmark it captured, if any."""
        dwell = self.detector.add(stamp_ns, p_ref_m)
        if dwell is None or self.mode != 'dwell' or self.accepted is not None:
            return None
        self.captured.append(dwell)
        return dwell

    def capture(self, now_ns: int) -> Dwell:
        """Capture the tip where it rests now. Raises RegistrationError ``not_still`` or ``too_many_points``.

        After an acceptance the first capture begins a new set; what is accepted stays in use until another is.
        """
        if self.at_once:
            raise RegistrationError('not_still', f'mode {self.mode} takes no captures')
        count = 0 if self._spent else len(self.captured)
        if self.mode == 'manual' and count >= len(self.landmarks.names):
            raise RegistrationError('too_many_points', f'all {count} landmarks are captured: compute or clear')
        dwell = self._resting(now_ns)
        if self._spent:
            self.captured.clear()
            self._spent, self._carried_unix_ns = False, None
        self.captured.append(dwell)
        self.detector.reset()
        return dwell

    def _resting(self, now_ns: int) -> Dwell:
        dwell = self.detector.current()
        if dwell is None or now_ns - dwell.end_ns > self.detector.max_gap_ns:  # a rest that ended unseen is none
            rest_s = self.detector.min_duration_ns / 1e9
            raise RegistrationError('not_still', f'hold the tip still on the landmark for {rest_s:.1f} s')
        return dwell

    # Compute, accept, revert, clear.

    def compute(self, stamp_ns: int) -> RegistrationResult:
        """Compute a candidate T_ref_ct from what was captured. Raises RegistrationError with the reason where there is none."""
        self.computed = None
        if self.given is not None:
            self.computed = self.given.candidate(stamp_ns, f'arsurg_ros {__version__}')
            self._touches = self.given.touches
            return self.computed
        points, rests = self._points()
        evidence = {'samples': ' '.join(str(d.samples) for d in rests)} if rests else {}
        self.computed = register(
            self.landmarks,
            points,
            stamp_ns=stamp_ns,
            ref_frame=self.ref_frame,
            ct_frame=self.ct_frame,
            backend=self.backend,
            provenance={'method': 'paired landmarks', 'mode': self.mode, **evidence, **self.provenance},
            robust=self.robust,
            noise_m=self.noise_m,
        )
        of_rest: Sequence[Dwell | None] = rests or [None] * len(points)
        rows = zip(self.landmarks.names, self.landmarks.p_ct_m, points, of_rest, strict=True)
        self._touches = tuple(Touch(*row) for row in rows)
        return self.computed

    def candidate(self) -> RegistrationResult:
        """Return what was computed and not accepted yet. Raises RegistrationError ``not_computed``."""
        if self.computed is None:
            raise RegistrationError('not_computed', 'there is no candidate: compute first')
        return self.computed

    def accept(self, stamp_ns: int, provenance: Mapping[str, str] | None = None) -> RegistrationResult:
        """Make the candidate the registration in use, its ``provenance`` added to.

        Raises RegistrationError ``not_computed``, ``fre_too_large``, or the journal's: then what was in use still is.
        """
        candidate = self.candidate()
        if not candidate.fre_m <= self.max_fre_m:  # NaN is over any limit
            fre_mm, limit_mm = candidate.fre_m * 1e3, self.max_fre_m * 1e3
            raise RegistrationError('fre_too_large', f'FRE {fre_mm:.2f} mm is over the limit of {limit_mm:.2f} mm')
        known = {**candidate.provenance, **(provenance or {})}
        record = Record(replace(candidate, stamp_ns=stamp_ns, provenance=known), self._touches, unix_ns())
        self.journal.commit('accepted', {'record': record_json(record)})
        self.computed, self._spent = None, True
        return self._in_use()

    def revert(self) -> RegistrationResult:
        """Go back to the registration accepted before the one in use. Raises RegistrationError ``nothing_to_revert``."""
        history = self.journal.history
        if len(history) < 2:
            what = 'the registration in use is the first one: clear takes it back' if history else 'none was accepted'
            raise RegistrationError('nothing_to_revert', f'nothing to revert to: {what}')
        self.journal.commit('reverted', {'accepted_unix_ns': history[-2].accepted_unix_ns})
        self.computed = None
        return self._in_use()

    def clear(self, reason: str = 'asked to') -> None:
        """Forget captures and candidate, and take the registration back, with all that could be reverted to.

        Raises RegistrationError where the journal could not write it: it is taken back all the same.
        """
        self.captured.clear()
        self.detector.reset()
        self.computed, self._spent, self._carried_unix_ns = None, False, None
        if self.journal.history:
            self.journal.drop({'reason': reason})

    def try_dwells(self, stamp_ns: int, provenance: Mapping[str, str] | None = None) -> RegistrationResult | None:
        """Compute and accept if the dwells so far allow it, else None: more dwells may still come.

        Nothing that is in use is replaced, and no landmark left out, without being asked. Raises RegistrationError for what
        no further dwell mends.
        """
        if self.accepted is not None or len(self.captured) < len(self.landmarks.names):
            return None
        try:
            if 'outliers_rejected' in self.compute(stamp_ns).warnings:
                return None
            return self.accept(stamp_ns, provenance)
        except RegistrationError as e:
            if e.code in WAITING:
                return None
            raise

    # Check.

    def validate(self, now_ns: int, *, radius_m: float = 0.02, limit_m: float = 0.003) -> Check:
        """Check the registration in use at the landmark on which the tip rests now.

        Raises RegistrationError ``not_registered``, ``not_still`` or ``not_near``; ``log_check`` logs what it found.
        """
        if not self.journal.history:
            raise RegistrationError('not_registered', 'there is no registration to check')
        p_ref_m = self._resting(now_ns).p_ref_m
        record, checks = self.journal.history[-1], self.landmarks.checks
        check = check_touch(record, checks, p_ref_m, radius_m=radius_m, limit_m=limit_m)
        self.detector.reset()
        return check

    def log_check(self, check: Check) -> None:
        """Write a check to the journal; raises RegistrationError where that fails: the check holds all the same."""
        self.journal.commit('validated', check.json())

    # Keep.

    def save(self, path: Path) -> str:
        """Write captures and accepted registrations to a file; return what was saved.

        Raises RegistrationError ``nothing_to_save`` or ``store_unwritable``.
        """
        if not self.captured and not self.journal.history:
            raise RegistrationError('nothing_to_save', 'nothing was captured or accepted')
        frames = (self.ref_frame, self.ct_frame)
        saved_unix_ns = unix_ns() if self._carried_unix_ns is None else self._carried_unix_ns
        save_session(path, self.landmarks, frames, self.captured, self.journal.history, saved_unix_ns)
        return self._contents()

    def load(self, path: Path, max_age_ns: int) -> str:
        """Take captures and accepted registrations from a file; return what was loaded.

        Raises RegistrationError ``not_clear`` where something would be lost, ``too_old``, or as ``load_session`` does.
        """
        if self.captured or self.journal.history:
            raise RegistrationError('not_clear', f'{self._contents()} would be lost: clear first')
        saved = load_session(path, self.landmarks, (self.ref_frame, self.ct_frame))
        if saved.history:
            check_age(saved.history[-1].accepted_unix_ns, max_age_ns)
            self.journal.commit('loaded', {'history': [record_json(record) for record in saved.history]})
        else:
            check_age(saved.saved_unix_ns, max_age_ns, 'saved')
        self.captured, self._spent = list(saved.captured), bool(saved.history)
        self._carried_unix_ns = saved.saved_unix_ns if self.captured else None
        self.computed = None
        ours = f'arsurg_ros {__version__}'
        return self._contents() + ('' if saved.software == ours else f', written by {saved.software} (this is {ours})')

    def resume(self, max_age_ns: int) -> RegistrationResult | None:
        """Go on with the registration that the journal has from an earlier run; None where it has none.

        Raises RegistrationError ``too_old``, ``session_mismatch`` (other landmarks) or the journal's: it is taken back then.
        """
        if not self.journal.history:
            return None
        record = self.journal.history[-1]
        try:
            check_age(record.accepted_unix_ns, max_age_ns)
            if not same_landmarks([t.name for t in record.touches], [t.p_ct_m for t in record.touches], self.landmarks):
                raise RegistrationError('session_mismatch', 'it is of other landmarks than those of the landmarks file')
            self.journal.commit('reloaded', {'accepted_unix_ns': record.accepted_unix_ns})
        except RegistrationError as e:
            self.clear(f'not reloaded: {e}')
            raise
        self._spent = True
        return self._in_use()

    @property
    def carried(self) -> bool:
        """Whether landmarks of the current set are from a file: nobody knows whether the patient has moved since."""
        return self._carried_unix_ns is not None and not self.at_once

    @property
    def age_ns(self) -> int:
        """How long ago the registration in use was accepted, by the system clock; 0 where there is none."""
        return unix_ns() - self.journal.history[-1].accepted_unix_ns if self.journal.history else 0

    def _contents(self) -> str:
        return f'{len(self.captured)} captured landmarks and {len(self.journal.history)} accepted registrations'

    def _in_use(self) -> RegistrationResult:
        assert self.accepted is not None
        return self.accepted

    def _points(self) -> tuple[F64, list[Dwell]]:
        if self.mode == 'file':
            assert self.landmarks.p_ref_m is not None
            return self.landmarks.p_ref_m, []
        if self._spent:
            raise RegistrationError('too_few_points', 'the captures were accepted already: capture the landmarks anew')
        dwells = match_in_order(self.landmarks, self.captured, backend=self.backend)
        return np.array([d.p_ref_m for d in dwells]), dwells


def check_age(then_unix_ns: int, max_age_ns: int, what: str = 'accepted') -> None:
    """Raise RegistrationError ``too_old`` for what was accepted, or saved, longer ago, or later than now."""
    age_ns = unix_ns() - then_unix_ns
    if age_ns < -CLOCK_SLACK_NS:
        raise RegistrationError('too_old', f'it was {what} {age_text(-age_ns)} from now: the system clock was set back')
    if age_ns > max_age_ns:
        raise RegistrationError('too_old', f'it was {what} {age_text(age_ns)} ago, at most {age_text(max_age_ns)} is allowed')


def age_text(age_ns: int) -> str:
    """Return an age as people say it."""
    seconds = max(age_ns, 0) / 1e9
    if seconds < 120:
        return f'{seconds:.0f} s'
    return f'{seconds / 60:.0f} min' if seconds < 7200 else f'{seconds / 3600:.1f} h'
