# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Paired landmarks to T_ref_ct, with residuals and a first-order covariance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from arsurg_ros.errors import ConfigError, DataError, RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.landmarks import solve_paired_points
from arsurg_ros.types import F64, RegistrationResult

UNITS_M = {'m': 1.0, 'mm': 1e-3}
KEYS = ('unit', 'landmarks')
LANDMARK_KEYS = ('name', 'ct', 'ref')
# Two point sets of one body have the same size; a factor of a thousand is a mistaken unit.
UNIT_FACTOR = 50.0


@dataclass(frozen=True)
class Landmarks:
    """Named landmarks: ``p_ct_m`` (N, 3) in the image and, where already measured, ``p_ref_m`` (N, 3) in the reference."""

    names: tuple[str, ...]
    p_ct_m: F64
    p_ref_m: F64 | None = None
    weights: F64 | None = None
    targets: Mapping[str, F64] = field(default_factory=dict)
    checks: Mapping[str, F64] = field(default_factory=dict)


def load_landmarks(path: Path) -> Landmarks:
    """Read landmarks from YAML: ``unit: mm|m``, ``landmarks: [{name, ct: [x, y, z], ref: [x, y, z]}]``; ``ref`` is optional.

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
    return Landmarks(names, ct, ref)


def _row(row: Any, index: int, where: str) -> Mapping[str, Any]:
    if not isinstance(row, Mapping) or 'name' not in row or 'ct' not in row:
        raise ConfigError(f'{where}: landmark {index}: name and ct are needed')
    _only_keys(row, LANDMARK_KEYS, f'{where}: landmark {row["name"]}')
    for key in ('ct', 'ref'):
        if key in row and not _is_point(row[key]):
            raise ConfigError(f'{where}: landmark {row["name"]}: {key} {row[key]!r}: three finite numbers are needed')
    return row


def _is_point(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(v, (int, float)) and not isinstance(v, bool) and np.isfinite(v) for v in value)
    )


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
) -> RegistrationResult:
    """Return T_ref_ct from ``p_ref_m`` (N, 3), in the landmarks' order, metres.

    Raises RegistrationError with the kernel's code, or ``wrong_unit`` where the two sets differ in size beyond reason.
    """
    check_scale(landmarks.p_ct_m, p_ref_m)
    fit = solve_paired_points(p_ref_m, landmarks.p_ct_m, backend=backend)
    return RegistrationResult(
        stamp_ns=stamp_ns,
        ref_frame=ref_frame,
        ct_frame=ct_frame,
        T_ref_ct=fit.T_fixed_moving,
        covariance=pose_covariance(fit.T_fixed_moving, landmarks.p_ct_m, fit.residuals_m),
        fre_m=fit.fre_m,
        names=landmarks.names,
        residuals_m=np.linalg.norm(fit.residuals_m, axis=1),
        provenance=dict(provenance or {}),
    )


def check_scale(p_ct_m: F64, p_ref_m: F64) -> None:
    """Raise RegistrationError ``wrong_unit`` where one set is many times as large as the other."""
    size_ct, size_ref = (float(np.linalg.norm(p - p.mean(axis=0))) if len(p) else 0.0 for p in (p_ct_m, p_ref_m))
    smaller, larger = sorted((size_ct, size_ref))
    if smaller > 0 and larger / smaller > UNIT_FACTOR:  # false for NaN: the kernel refuses those
        raise RegistrationError(
            'wrong_unit', f'the landmarks span {size_ct:.4g} m in ct and {size_ref:.4g} m in ref: is one of them in mm?'
        )


def pose_covariance(T_ref_ct: F64, p_ct_m: F64, residuals_m: F64) -> F64:
    """Return the 6x6 covariance (x y z rx ry rz; m, rad) of T_ref_ct, first order in the residuals (N, 3).

    Isotropic noise, its variance estimated with 3N - 6 degrees of freedom; rotation about ref's axes through ct's origin,
    as geometry_msgs/PoseWithCovariance has it. Source: linear least squares on the linearised motion, Hartley and
    Zisserman, *Multiple View Geometry* (2004), section 5.2.
    """
    arms = se3.transform(T_ref_ct, p_ct_m) - T_ref_ct[:3, 3]
    J = np.concatenate([np.hstack([np.eye(3), -se3.skew(a)]) for a in arms])
    variance = float((residuals_m**2).sum()) / max(J.shape[0] - 6, 1)
    return np.asarray(variance * np.linalg.inv(J.T @ J))
