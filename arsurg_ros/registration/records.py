# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is kept of an accepted registration, to and from JSON.

Lengths in the JSON are metres, angles radians, stamps nanoseconds; keys carry the unit, and ``units`` says it once more. It
holds the names of landmarks, targets, frames and tools and no other: no patient's name or number, no user, no machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.registration.dwell import Dwell
from arsurg_ros.types import F64, RegistrationResult, TargetError

UNITS = {'length': 'm', 'angle': 'rad', 'time': 'ns'}
T = TypeVar('T')


@dataclass(frozen=True)
class Touch:
    """A landmark's two sides, (3,) metres; ``rest`` says how it was touched, None where a file gave it."""

    name: str
    p_ct_m: F64
    p_ref_m: F64
    rest: Dwell | None = None


@dataclass(frozen=True)
class Record:
    """An accepted registration, the points that it is from, and when it was accepted: system clock (UTC), ns."""

    result: RegistrationResult
    touches: tuple[Touch, ...]
    accepted_unix_ns: int


def read(parse: Callable[[Any], T], data: Any, what: str) -> T:
    """Return ``parse(data)``; raises RegistrationError ``session_broken`` that says what is not as it was written."""
    try:
        return parse(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as e:
        missing = f'{e} is missing' if isinstance(e, KeyError) else str(e)
        raise RegistrationError('session_broken', f'{what}: {" ".join(missing.split())}') from e


def record_json(record: Record) -> dict[str, Any]:
    """Return a record as JSON."""
    return {
        'units': UNITS,
        'accepted_unix_ns': record.accepted_unix_ns,
        'registration': _result_json(record.result),
        'landmarks': [_touch_json(touch) for touch in record.touches],
    }


def parse_record(data: Any) -> Record:
    """Return the record of its JSON; raises KeyError, TypeError or ValueError (see ``read``)."""
    if data['units'] != UNITS:
        raise ValueError(f'units {data["units"]!r}: {UNITS} are needed')
    touches = tuple(_parse_touch(row) for row in data['landmarks'])
    return Record(_parse_result(data['registration']), touches, int(data['accepted_unix_ns']))


def dwell_json(dwell: Dwell) -> dict[str, Any]:
    """Return a rest of the tip as JSON."""
    return {
        'start_ns': dwell.start_ns,
        'end_ns': dwell.end_ns,
        'p_ref_m': dwell.p_ref_m.tolist(),
        'spread_m': dwell.spread_m,
        'samples': dwell.samples,
    }


def parse_dwell(data: Any) -> Dwell:
    """Return the rest of its JSON; raises KeyError, TypeError or ValueError."""
    p = _array(data['p_ref_m'], (3,), 'p_ref_m')
    return Dwell(int(data['start_ns']), int(data['end_ns']), p, float(data['spread_m']), int(data['samples']))


def _touch_json(touch: Touch) -> dict[str, Any]:
    out: dict[str, Any] = {'name': touch.name, 'p_ct_m': touch.p_ct_m.tolist(), 'p_ref_m': touch.p_ref_m.tolist()}
    return out if touch.rest is None else {**out, 'rest': dwell_json(touch.rest)}


def _parse_touch(row: Any) -> Touch:
    p_ct, p_ref = (_array(row[key], (3,), key) for key in ('p_ct_m', 'p_ref_m'))
    return Touch(str(row['name']), p_ct, p_ref, parse_dwell(row['rest']) if 'rest' in row else None)


def _result_json(r: RegistrationResult) -> dict[str, Any]:
    return {
        'stamp_ns': r.stamp_ns,
        'ref_frame': r.ref_frame,
        'ct_frame': r.ct_frame,
        'T_ref_ct': r.T_ref_ct.tolist(),
        'covariance': r.covariance.tolist(),
        'fre_m': _number(r.fre_m),
        'names': list(r.names),
        'residuals_m': [_number(v) for v in r.residuals_m.tolist()],
        'rejected': list(r.rejected),
        'loo_tre_m': _number(r.loo_tre_m),
        'noise_m': _number(r.noise_m),
        'dof': _number(r.dof),
        'targets': [_target_json(target) for target in r.targets],
        'warnings': list(r.warnings),
        'provenance': dict(r.provenance),
    }


def _parse_result(d: Any) -> RegistrationResult:
    T_ref_ct = _array(d['T_ref_ct'], (4, 4), 'T_ref_ct')
    if not se3.is_rigid(T_ref_ct):
        raise ValueError('T_ref_ct is not rigid')
    return RegistrationResult(
        stamp_ns=int(d['stamp_ns']),
        ref_frame=str(d['ref_frame']),
        ct_frame=str(d['ct_frame']),
        T_ref_ct=T_ref_ct,
        covariance=_array(d['covariance'], (6, 6), 'covariance'),
        fre_m=float(d['fre_m']),
        names=tuple(map(str, d['names'])),
        residuals_m=_array([_known(v) for v in d['residuals_m']], (len(d['names']),), 'residuals_m', finite=False),
        provenance={str(k): str(v) for k, v in d['provenance'].items()},
        rejected=tuple(map(str, d['rejected'])),
        loo_tre_m=_known(d['loo_tre_m']),
        noise_m=_known(d['noise_m']),
        dof=float(d['dof']),
        targets=tuple(_parse_target(row) for row in d['targets']),
        warnings=tuple(map(str, d['warnings'])),
    )


def _target_json(t: TargetError) -> dict[str, Any]:
    return {
        'name': t.name,
        'p_ct_m': t.p_ct_m.tolist(),
        'tre_rms_m': _number(t.tre_rms_m),
        'margin95_m': _number(t.margin95_m),
        'covariance_m2': t.covariance_m2.tolist(),
    }


def _parse_target(d: Mapping[str, Any]) -> TargetError:
    p, covariance = _array(d['p_ct_m'], (3,), 'p_ct_m'), _array(d['covariance_m2'], (3, 3), 'covariance_m2')
    return TargetError(str(d['name']), p, float(d['tre_rms_m']), float(d['margin95_m']), covariance)


def _number(value: float | None) -> float | str | None:
    """Return a number that JSON has: infinity (degrees of freedom of a noise that was given) and NaN become text."""
    return value if value is None or math.isfinite(value) else str(float(value))


def _known(value: Any) -> float | None:
    return None if value is None else float(value)


def _array(value: Any, shape: tuple[int, ...], what: str, *, finite: bool = True) -> F64:
    out = np.array(value, dtype=np.float64)
    if out.shape != shape or (finite and not np.isfinite(out).all()):
        raise ValueError(f'{what}: {shape} {"finite " if finite else ""}numbers are needed')
    return out
