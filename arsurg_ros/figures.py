# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of a run from what its nodes said on /diagnostics and registration/quality: text in, numbers out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from arsurg_ros.measure import OverlayMeasure, against_baseline
from arsurg_ros.stats import StageStats
from arsurg_ros.types import F64

FIELDS = ('p50', 'p95', 'p99', 'max', 'n')


def latencies(health: Mapping[str, Mapping[str, str]], stats: StageStats) -> dict[str, dict[str, float]]:
    """Return stage -> n, p50, p95, p99, max, ms: the nodes' as ``node.stage``, and the monitor's own."""
    out: dict[str, dict[str, float]] = {}
    for node, values in health.items():
        stages: dict[str, dict[str, float]] = defaultdict(dict)
        for key, value in values.items():
            stage, _, field = key.rpartition('.')
            name = field.removesuffix('_ms')
            if name in FIELDS and stage:
                stages[stage][name] = int(value) if name == 'n' else float(value)
        out |= {f'{node}.{stage}': p for stage, p in stages.items() if len(p) == len(FIELDS)}
    for stage, p in stats.summary().items():
        ms = {'p50': p.p50_ms, 'p95': p.p95_ms, 'p99': p.p99_ms, 'max': p.max_ms}
        out[stage] = {'n': p.n, **{k: round(v, 3) for k, v in ms.items()}}
    return out


def first_markers(tracker: Mapping[str, str]) -> dict[str, int]:
    """Return tool -> markers that carried its first pose."""
    prefix = 'first_markers.'
    return {k.removeprefix(prefix): int(v) for k, v in tracker.items() if k.startswith(prefix)}


def scene_warnings(overlay: Mapping[str, str]) -> list[str]:
    """Return what the overlay said of its scene's meshes, each once."""
    return list(dict.fromkeys(v for k, v in overlay.items() if k.startswith('scene_warning.')))


def registration(quality: Mapping[str, str], T_ref_ct: F64, measure: OverlayMeasure, baseline_mm: Any) -> dict[str, Any]:
    """Return the fields of ``registration`` in arsurg_ros.report; raises ConfigError for a baseline that is no pose."""

    def of(prefix: str) -> dict[str, float]:
        return {k.partition('.')[2]: float(v) for k, v in quality.items() if k.startswith(f'{prefix}.')}

    return {
        'fre_mm': float(quality['fre_mm']) if 'fre_mm' in quality else None,
        'T_ref_ct': T_ref_ct.tolist(),
        'residual_mm': of('residual_mm'),
        'sigma_mm': [float(v) for v in quality.get('sigma_translation_mm', '').split()],
        'tre95_mm': of('tre95_mm'),
        'sigma_deg': [float(v) for v in quality.get('sigma_rotation_deg', '').split()],
        **measure.registration_error(T_ref_ct),
        **against_baseline(T_ref_ct, baseline_mm),
    }
