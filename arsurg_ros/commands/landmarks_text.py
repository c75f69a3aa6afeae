# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ``arsurg register landmarks`` prints for people."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from typing import Any

from arsurg_ros.commands import common
from arsurg_ros.registration.evidence import WARNINGS
from arsurg_ros.types import RegistrationResult


def describe(answer: Mapping[str, Any], result: RegistrationResult, args: argparse.Namespace) -> str:
    """Return the answer as a few aligned lines with their units."""
    unit = common.lengths(args)
    loo = answer['loo_tre_mm']
    known = 'given' if math.isinf(result.dof) else f'estimated, {result.dof:.0f} degrees of freedom'
    lines = [
        f'paired {answer["pairing"]}: {answer["points"]} landmarks, {answer["used"]} used',
        f'T_fixed_moving ({unit.unit}):',
        common.matrix_text(result.T_ref_ct, unit),
        f'FRE                {answer["fre_mm"]:8.3f} mm rms',
        f'leave-one-out TRE  {loo:8.3f} mm rms' if loo is not None else 'leave-one-out TRE         - (the others have no fit)',
        f'noise per axis     {answer["noise_mm"]:8.3f} mm ({known})',
        f'pose 1 sigma       {_three(answer["sigma_mm"])} mm  {_three(answer["sigma_deg"])} deg',
        *(_target_line(t, unit) for t in answer['targets']),
        *_residual_lines(answer),
        *_ambiguity_lines(answer['ambiguity']),
        *_unpaired_lines(answer),
        *(f'warning: {code}: {WARNINGS[code]}' for code in answer['warnings']),
    ]
    return '\n'.join(lines)


def _three(values: Any) -> str:
    return ' '.join(f'{v:8.3f}' for v in values)


def _target_line(target: Mapping[str, Any], unit: common.Lengths) -> str:
    place = ', '.join(f'{v:g}' for v in target['moving'])
    return (
        f'TRE at {target["name"]:<12}{target["tre_rms_mm"]:7.3f} mm rms, within {target["margin95_mm"]:.3f} mm '
        f'95 times in 100, at ({place}) {unit.unit}'
    )


def _residual_lines(answer: Mapping[str, Any]) -> list[str]:
    width = max(len(row['name']) for row in answer['landmarks'])
    return ['residuals:'] + [
        f'  {row["name"]:<{width}}  {row["residual_mm"]:8.3f} mm{"" if row["used"] else "  rejected"}'
        for row in answer['landmarks']
    ]


def _ambiguity_lines(found: Mapping[str, Any] | None) -> list[str]:
    if found is None:
        return []
    if found['rival_rms_mm'] is None:
        return [f'no other correspondence fits within {found["searched_mm"]:.3g} mm']
    times = f', {found["ratio"]:.1f} times as much' if math.isfinite(found['ratio']) else ''
    return [f'the best other correspondence leaves {found["rival_rms_mm"]:.3f} mm rms{times}']


def _unpaired_lines(answer: Mapping[str, Any]) -> list[str]:
    return [
        f'without partner in {side}: {", ".join(answer[f"unpaired_{side}"])}'
        for side in ('fixed', 'moving')
        if answer[f'unpaired_{side}']
    ]
