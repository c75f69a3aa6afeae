# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Paired landmarks to T_ref_ct with its evidence: residuals, covariance, rejected landmarks, errors at targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.registration import evidence, tre
from arsurg_ros.registration.pairs import Covariances, Pairs
from arsurg_ros.types import F64, RegistrationResult

UNITS_M = {'m': 1.0, 'mm': 1e-3}
KEYS = ('unit', 'landmarks', 'targets', 'checks')
LANDMARK_KEYS = ('name', 'ct', 'ref', 'weight')
PLACE_KEYS = ('name', 'ct')


@dataclass(frozen=True)
class Landmarks:
    """Named landmarks: ``p_ct_m`` (N, 3) in the image and, where already measured, ``p_ref_m`` (N, 3) in the reference.

    ``weights`` (N,), None for equal ones: a landmark's noise variance is inverse to its weight, zero leaves it out.
    ``targets`` (3,) in ct are where the error is to be known, ``checks`` (3,) in ct landmarks held out to check it.
    """

    names: tuple[str, ...]
    p_ct_m: F64
    p_ref_m: F64 | None = None
    weights: F64 | None = None
    targets: Mapping[str, F64] = field(default_factory=dict)
    checks: Mapping[str, F64] = field(default_factory=dict)


def load_landmarks(path: Path) -> Landmarks:
    """Read landmarks from YAML: ``unit: mm|m``, ``landmarks: [{name, ct: [x, y, z], ref: [x, y, z], weight: 1}]``.

    ``ref`` and ``weight`` are optional, and so are the lists ``targets`` and ``checks`` of ``{name, ct}``.
    Raises DataError for a file that is missing or not YAML, ConfigError for what is wrong in it.
    """
    try:
        data = yaml.safe_load(Path(path).read_text(encoding='utf-8'))
    except OSError as e:
        raise DataError(f'landmarks file {path}: {e.strerror}') from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise DataError(f'landmarks file {path} is not YAML: {" ".join(str(e).split())}') from e
    return parse_landmarks(data, str(path))


def parse_landmarks(data: Any, where: str) -> Landmarks:
    """Return Landmarks of a parsed YAML mapping; ``where`` names it in errors. Raises ConfigError."""
    if not isinstance(data, Mapping) or not isinstance(data.get('landmarks'), list):
        raise ConfigError(f'{where}: a mapping with the keys {", ".join(KEYS)} is needed')
    _only_keys(data, KEYS, where)
    unit = data.get('unit')
    if unit not in UNITS_M:
        raise ConfigError(f'{where}: unit {unit!r}: one of {", ".join(UNITS_M)} is needed')
    rows = [_row(row, i, where) for i, row in enumerate(data['landmarks'])]
    names = tuple(str(row['name']) for row in rows)
    if len(set(names)) != len(names):
        raise ConfigError(f'{where}: landmark names must differ: {", ".join(names)}')
    measured = ['ref' in row for row in rows]
    if any(measured) and not all(measured):
        missing = ', '.join(n for n, has in zip(names, measured, strict=True) if not has)
        raise ConfigError(f'{where}: ref is given for some landmarks and missing for: {missing}')
    ct = np.array([row['ct'] for row in rows], dtype=np.float64).reshape(-1, 3) * UNITS_M[unit]
    ref = np.array([row['ref'] for row in rows], dtype=np.float64) * UNITS_M[unit] if rows and all(measured) else None
    weights = np.array([float(row.get('weight', 1)) for row in rows]) if any('weight' in row for row in rows) else None
    places = {key: _places(data.get(key, []), f'{where}: {key}', UNITS_M[unit]) for key in ('targets', 'checks')}
    return Landmarks(names, ct, ref, weights, **places)


def _row(row: Any, index: int, where: str) -> Mapping[str, Any]:
    if not isinstance(row, Mapping) or 'name' not in row or 'ct' not in row:
        raise ConfigError(f'{where}: landmark {index}: name and ct are needed')
    _only_keys(row, LANDMARK_KEYS, f'{where}: landmark {row["name"]}')
    for key in ('ct', 'ref'):
        if key in row and not _is_point(row[key]):
            raise ConfigError(f'{where}: landmark {row["name"]}: {key} {row[key]!r}: three finite numbers are needed')
    weight = row.get('weight', 1)
    if not _is_number(weight) or weight < 0:
        raise ConfigError(f'{where}: landmark {row["name"]}: weight {weight!r}: a finite number, not negative, is needed')
    return row


def _places(rows: Any, where: str, unit_m: float) -> dict[str, F64]:
    if not isinstance(rows, list):
        raise ConfigError(f'{where}: a list of name and ct is needed')
    found: dict[str, F64] = {}
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping) or set(row) != set(PLACE_KEYS) or not _is_point(row['ct']):
            raise ConfigError(f'{where}: entry {i}: name and ct (three finite numbers), and nothing else, are needed')
        if str(row['name']) in found:
            raise ConfigError(f'{where}: the name {row["name"]} is there more than once')
        found[str(row['name'])] = np.array(row['ct'], dtype=np.float64) * unit_m
    return found


def _is_point(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(_is_number(v) for v in value)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))


def _only_keys(data: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    unknown = sorted(set(data) - set(keys))
    if unknown:
        raise ConfigError(f'{where}: unknown key {unknown[0]!r}; valid: {", ".join(keys)}')


def register(
    landmarks: Landmarks,
    p_ref_m: F64,
    *,
    stamp_ns: int,
    ref_frame: str,
    ct_frame: str,
    backend: str = 'wasm',
    provenance: Mapping[str, str] | None = None,
    robust: bool = False,
    noise_m: float | None = None,
    threshold_m: float | None = None,
    covariances: Covariances | None = None,
) -> RegistrationResult:
    """Return T_ref_ct from ``p_ref_m`` (N, 3), in the landmarks' order, metres, with its evidence.

    ``noise_m`` is the standard deviation per axis of a landmark of weight one, both sides together; None estimates it from the
    residuals. ``covariances`` are known ones that differ by direction, in its place. ``robust`` rejects outliers first: the fit
    is that of the largest set of at most 64 landmarks that one rigid motion maps within ``threshold_m`` (kernels/consensus.py;
    default four standard deviations, or 4 mm). Raises RegistrationError with the kernels' codes, ``wrong_unit`` where a set's
    size is beyond reason, ``bad_noise``.
    """
    evidence.check_scale(landmarks.p_ct_m, p_ref_m, ct_frame, ref_frame)
    evidence.check_noise(noise_m)
    weights = np.ones(len(landmarks.names)) if landmarks.weights is None else landmarks.weights
    pairs = Pairs(p_ref_m, landmarks.p_ct_m, weights, noise_m, covariances, backend)
    outliers: tuple[str, ...] = ()
    if robust:
        threshold_m = pairs.threshold_m() if threshold_m is None else threshold_m
        pairs = pairs.within(threshold_m)
        outliers = tuple(n for n, before, w in zip(landmarks.names, weights, pairs.weights, strict=True) if before and not w)
        provenance = {'rejection': f'consensus within {threshold_m * 1e3:.3g} mm', **(provenance or {})}
    judged = pairs.judge()
    T, covariance, dof = judged.fit.T_fixed_moving, judged.covariance, judged.dof
    targets = tuple(tre.target_error(name, T, covariance, p, dof) for name, p in landmarks.targets.items())
    return RegistrationResult(
        stamp_ns=stamp_ns,
        ref_frame=ref_frame,
        ct_frame=ct_frame,
        T_ref_ct=T,
        covariance=covariance,
        fre_m=judged.fit.fre_m,
        names=landmarks.names,
        residuals_m=np.linalg.norm(judged.fit.residuals_m, axis=1),
        provenance=dict(provenance or {}),
        rejected=tuple(n for n, w in zip(landmarks.names, pairs.weights, strict=True) if w == 0),
        loo_tre_m=pairs.leave_one_out_m(),
        noise_m=judged.noise_m,
        dof=dof,
        targets=targets,
        warnings=evidence.warnings(judged, pairs.weights, targets, bool(outliers)),
    )
