# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A registration that ``arsurg register landmarks`` or ``register surface`` computed, for a session to accept.

For both, ref is what was touched and ct the image: ``landmarks --fixed`` is in ref and ``--moving`` in ct (T_fixed_moving is
T_ref_ct), ``surface --source`` is in ref and ``--target`` in ct (T_target_source is T_ct_ref).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.files.answers import Answer, load_answer
from arsurg_ros.files.source import MM
from arsurg_ros.geometry import se3
from arsurg_ros.registration import evidence, tre
from arsurg_ros.registration.landmarks import Landmarks, load_landmarks
from arsurg_ros.registration.records import Touch
from arsurg_ros.registration.validation import SAME_PLACE_M
from arsurg_ros.types import F64, RegistrationResult

NOTE = 'fre_does_not_bound_tre'
SAME_FRE_M = 1e-6
FEWEST = 3
MOST_DOF = 1e6


@dataclass(frozen=True)
class GivenResult:
    """``result`` (its stamp is 0), the landmarks that it is from, and what is known beside them.

    ``landmarks`` are those of ``touches`` (none of a surface), with targets and with landmarks to check at.
    """

    result: RegistrationResult
    touches: tuple[Touch, ...]
    landmarks: Landmarks

    def candidate(self, stamp_ns: int, accepting_software: str) -> RegistrationResult:
        """Return the result at a stamp, its provenance with the software that takes it."""
        provenance = {**self.result.provenance, 'taken_by': accepting_software}
        return replace(self.result, stamp_ns=stamp_ns, provenance=provenance)


def load_given(mode: str, registration: str, landmarks: str, ref_frame: str, ct_frame: str) -> GivenResult | None:
    """Return the registration of mode ``result``, None for another mode; ``landmarks`` (a path) may be empty.

    Raises ConfigError where mode and file do not go together, RegistrationError for a file that cannot be used
    (files/answers.py), ``session_mismatch`` where a landmark of the same name lies elsewhere in the landmarks file.
    """
    if mode != 'result':
        if registration:
            raise ConfigError(f'parameter registration {registration!r}: only mode result takes it, the mode is {mode}')
        return None
    if not registration:
        raise ConfigError('registration mode result: parameter registration names no file')
    answer = load_answer(Path(registration).expanduser(), 'register landmarks', 'register surface')
    known = load_landmarks(Path(landmarks)) if landmarks else Landmarks((), np.empty((0, 3)))
    read = _of_landmarks if answer.command == 'register landmarks' else _of_surface
    return _with_known(answer, read(answer, ref_frame, ct_frame), known)


def _of_landmarks(answer: Answer, ref_frame: str, ct_frame: str) -> GivenResult:
    T = answer.matrix_m('T_fixed_moving')
    touches, used = _touches(answer)
    p_ct_m, p_ref_m = (np.array([getattr(t, side) for t in touches]) for side in ('p_ct_m', 'p_ref_m'))
    residuals_m = np.linalg.norm(p_ref_m - se3.transform(T, p_ct_m), axis=1)
    fre_m = _fre_m(answer, residuals_m[used], p_ct_m, p_ref_m)
    dof = _dof(answer)
    names = tuple(t.name for t in touches)
    result = RegistrationResult(
        stamp_ns=0,
        ref_frame=ref_frame,
        ct_frame=ct_frame,
        T_ref_ct=T,
        covariance=_covariance(answer, 'covariance_mm_rad', MM),
        fre_m=fre_m,
        names=names,
        residuals_m=residuals_m,
        provenance=_provenance(answer, 'paired landmarks'),
        rejected=tuple(n for n, u in zip(names, used, strict=True) if not u),
        loo_tre_m=_known_m(answer, 'loo_tre_mm'),
        noise_m=_known_m(answer, 'noise_mm'),
        dof=dof,
        warnings=_warnings(answer),
    )
    return GivenResult(result, touches, Landmarks(names, p_ct_m, targets=_targets(answer, 'moving')))


def _of_surface(answer: Answer, ref_frame: str, ct_frame: str) -> GivenResult:
    T_ct_ref = answer.matrix_m('T_target_source')
    rms_mm = float(answer.numbers('rms_mm'))
    if rms_mm < 0:
        raise answer.refusal('answer_broken', f'rms_mm {rms_mm:.4g}: not negative is needed')
    result = RegistrationResult(
        stamp_ns=0,
        ref_frame=ref_frame,
        ct_frame=ct_frame,
        T_ref_ct=se3.inverse(T_ct_ref),
        covariance=tre.inverse_covariance(T_ct_ref, _covariance(answer, 'covariance', 1.0)),
        fre_m=rms_mm * MM,
        names=(),
        residuals_m=np.empty(0),
        provenance=_provenance(answer, f'surface, {answer.field("method")}'),
        noise_m=_known_m(answer, 'noise_mm'),
        dof=max(float(answer.numbers('inliers')) - 6.0, 1.0),
        warnings=_warnings(answer),
    )
    return GivenResult(result, (), Landmarks((), np.empty((0, 3)), targets=_targets(answer, 'p')))


def _touches(answer: Answer) -> tuple[tuple[Touch, ...], Any]:
    """Return the pairs, and which of them were used (N,)."""
    rows = answer.field('landmarks')
    try:
        points = [[np.array(row[side], dtype=np.float64) * answer.unit_m for side in ('moving', 'fixed')] for row in rows]
        touches = tuple(Touch(str(row['name']), ct, ref) for row, (ct, ref) in zip(rows, points, strict=True))
        used = np.array([row['used'] for row in rows], dtype=bool)
    except (KeyError, TypeError, ValueError) as e:
        needed = 'name, fixed, moving and used of each are needed'
        raise answer.refusal('answer_broken', f'landmarks: {needed}: {" ".join(repr(e).split())}') from e
    if not all(p.shape == (3,) and np.isfinite(p).all() for pair in points for p in pair):
        raise answer.refusal('answer_broken', 'landmarks: fixed and moving of each must be three finite numbers')
    if len({t.name for t in touches}) != len(touches):
        raise answer.refusal('answer_broken', 'landmarks: their names must differ')
    if used.sum() < FEWEST:
        raise answer.refusal('answer_broken', f'landmarks: {used.sum()} used, {FEWEST} are needed')
    return touches, used


def _fre_m(answer: Answer, residuals_m: F64, p_ct_m: F64, p_ref_m: F64) -> float:
    """Return the FRE; raises RegistrationError where it is not that of the transform and the points, or of a wrong unit."""
    try:
        evidence.check_scale(p_ct_m, p_ref_m, 'moving', 'fixed')
    except RegistrationError as e:
        raise answer.refusal(e.code, e.text) from e
    told_m, fre_m = float(answer.numbers('fre_mm')) * MM, float(np.sqrt((residuals_m**2).mean()))
    if abs(told_m - fre_m) > SAME_FRE_M:
        raise answer.refusal(
            'answer_broken', f'fre_mm {told_m / MM:.4g}: its landmarks and T_fixed_moving give {fre_m / MM:.4g}: it was changed'
        )
    return fre_m


def _dof(answer: Answer) -> float:
    dof = answer.number('dof')
    if dof is not None and not 1 <= dof <= MOST_DOF:
        raise answer.refusal('answer_broken', f'dof {dof:.4g}: 1 to {MOST_DOF:g}, or null, is needed')
    return math.inf if dof is None else dof


def _known_m(answer: Answer, name: str) -> float | None:
    value_mm = answer.number(name)
    if value_mm is not None and value_mm < 0:
        raise answer.refusal('answer_broken', f'{name} {value_mm:.4g}: not negative is needed')
    return None if value_mm is None else value_mm * MM


def _covariance(answer: Answer, name: str, unit_m: float) -> F64:
    scale = np.diag([unit_m] * 3 + [1.0] * 3)
    C: F64 = scale @ answer.numbers(name, (6, 6)) @ scale
    spread = float(np.abs(C).max())
    if np.abs(C - C.T).max() > 1e-6 * spread or np.linalg.eigvalsh(C).min() < -1e-6 * spread:
        raise answer.refusal('answer_broken', f'{name}: symmetric and not negative is needed')
    return C


def _provenance(answer: Answer, method: str) -> dict[str, str]:
    """Return who computed it, by what and from which file: its hash, as a path may tell more than it should."""
    kernel = answer.field('kernel')
    if not isinstance(kernel, Mapping):
        raise answer.refusal('answer_broken', f'kernel {kernel!r}: name, backend and sha256 are needed')
    digest = {'kernel_sha256': str(kernel['sha256'])} if kernel.get('sha256') else {}
    return {
        'method': method,
        'mode': 'result',
        'software': str(answer.field('software')),
        'backend': str(kernel.get('backend')),
        **digest,
        'file_sha256': answer.sha256,
    }


def _warnings(answer: Answer) -> tuple[str, ...]:
    found = answer.field('warnings')
    if not isinstance(found, list):
        raise answer.refusal('answer_broken', f'warnings {found!r}: a list of texts is needed')
    return tuple(str(w) for w in found if w != NOTE)  # that one depends on the targets


def _targets(answer: Answer, place: str) -> dict[str, F64]:
    rows = answer.field('targets')
    try:
        targets = {str(row['name']): np.array(row[place], dtype=np.float64) * answer.unit_m for row in rows}
    except (KeyError, TypeError, ValueError) as e:
        raise answer.refusal('answer_broken', f'targets: name and {place} of each are needed: {e!r}') from e
    if not all(p.shape == (3,) and np.isfinite(p).all() for p in targets.values()):
        raise answer.refusal('answer_broken', f'targets: {place} of each must be three finite numbers')
    return targets


def _with_known(answer: Answer, given: GivenResult, known: Landmarks) -> GivenResult:
    """Return it with the targets of the landmarks file, if that has some, and all its landmarks that had no part in the fit."""
    places = [*zip(known.names, known.p_ct_m, strict=True), *known.checks.items()]
    held_out = {name: p_ct_m for name, p_ct_m in places if not _took_part(answer, given.touches, name, p_ct_m)}
    targets = known.targets or given.landmarks.targets
    r = given.result
    errors = tuple(tre.target_error(name, r.T_ref_ct, r.covariance, p, r.dof) for name, p in targets.items())
    note = (NOTE,) if any(t.tre_rms_m > r.fre_m for t in errors) else ()
    result = replace(r, targets=errors, warnings=(*r.warnings, *note))
    return GivenResult(result, given.touches, replace(given.landmarks, targets=targets, checks=held_out))


def _took_part(answer: Answer, touches: tuple[Touch, ...], name: str, p_ct_m: F64) -> bool:
    """Tell whether a landmark is one of those touched, by its place: a table of points may have had no names.

    Raises RegistrationError ``session_mismatch`` where that of the same name lies elsewhere: it is of another image.
    """
    away_m = {t.name: float(np.linalg.norm(p_ct_m - t.p_ct_m)) for t in touches}
    if away_m.get(name, 0.0) > SAME_PLACE_M:
        raise answer.refusal(
            'session_mismatch', f'{name} lies {away_m[name] / MM:.2f} mm from {name} of the landmarks file: another image?'
        )
    return min(away_m.values(), default=math.inf) <= SAME_PLACE_M
