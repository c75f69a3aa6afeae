# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What registration/quality, registration/preview_quality and registration/drift say, as keys and values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus

from arsurg_ros.errors import DataError
from arsurg_ros.types import DriftLevel, DriftStatus, RegistrationResult

#: STALE is how /diagnostics says that there is no data.
LEVELS = {
    DriftLevel.OK: DiagnosticStatus.OK,
    DriftLevel.UNKNOWN: DiagnosticStatus.STALE,
    DriftLevel.WARN: DiagnosticStatus.WARN,
    DriftLevel.ERROR: DiagnosticStatus.ERROR,
}


def result_values(result: RegistrationResult) -> dict[str, object]:
    """Return a registration's evidence: millimetres and degrees, each with its unit in the key."""
    values: dict[str, object] = {'fre_mm': _mm(result.fre_m), 'result_stamp_ns': result.stamp_ns}
    values |= {f'residual_mm.{n}': _mm(r) for n, r in zip(result.names, result.residuals_m, strict=True)}
    deviations = np.sqrt(np.diag(result.covariance))
    values['sigma_translation_mm'] = ' '.join(map(_mm, deviations[:3]))
    values['sigma_rotation_deg'] = ' '.join(f'{np.degrees(v):.4f}' for v in deviations[3:])
    for target in result.targets:
        values[f'tre_mm.{target.name}'] = _mm(target.tre_rms_m)
        values[f'tre95_mm.{target.name}'] = _mm(target.margin95_m)
    values['rejected'] = ', '.join(result.rejected)
    if result.loo_tre_m is not None:
        values['loo_tre_mm'] = _mm(result.loo_tre_m)
    if result.noise_m is not None:
        values['noise_mm'], values['noise_dof'] = _mm(result.noise_m), f'{result.dof:g}'
    values['warnings'] = '; '.join(result.warnings)
    return values | {f'provenance.{k}': v for k, v in result.provenance.items()}


def summary(result: RegistrationResult) -> str:
    """Return what to look at before accepting, in one line."""
    used = len(result.names) - len(result.rejected)
    parts = [f'FRE {result.fre_m * 1e3:.3f} mm {f"over {used} landmarks" if result.names else "to the surface"}']
    parts += [f'TRE95 {t.name} {t.margin95_m * 1e3:.2f} mm' for t in result.targets]
    if result.rejected:
        parts.append(f'rejected: {", ".join(result.rejected)}')
    return '; '.join([*parts, *result.warnings])


def preview_frame(ct_frame: str) -> str:
    """Return the frame under which a candidate is shown: nobody takes it for the anatomy's."""
    return f'{ct_frame}_preview'


def drift_values(status: DriftStatus, measured: Mapping[str, object]) -> dict[str, object]:
    """Return what registration/drift says beside its level and message."""
    return {'drift': status.level.value, 'reason': status.reason, **measured}


def drift_status(values: Mapping[str, str]) -> DriftStatus:
    """Return the status of drift_values; raises DataError for a level that there is not."""
    try:
        return DriftStatus(DriftLevel(values.get('drift', '')), values.get('reason', ''))
    except ValueError as e:
        valid = ', '.join(level.value for level in DriftLevel)
        raise DataError(f'registration/drift: drift {values.get("drift")!r}; valid: {valid}') from e


def margins_of(values: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
    """Return each target's name and 95 % margin, metres; raises DataError for one that is no number."""
    prefix, found = 'tre95_mm.', []
    for key, value in values.items():
        if key.startswith(prefix):
            try:
                found.append((key.removeprefix(prefix), float(value) * 1e-3))
            except ValueError as e:
                raise DataError(f'registration/quality: {key} {value!r}: a number is needed') from e
    return tuple(found)


def _mm(value_m: float) -> str:
    return f'{value_m * 1e3:.4f}'
