# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a run is reported as: one documented JSON object, and the same figures as text.

Fields of the object (``--json``); a figure that a run does not have is null or left out of its table:

======================= ==================================================================================================
schema                  ``arsurg.report/1``
system                  demo or replay
duration_s              wall time from the first to the last overlay (or, without images, pose)
first_frame_s           from the start of the command to the first overlay frame received
frames                  camera (published between the first and the last overlay), overlay (received by the monitor), lost
                        (camera frames without an overlay), before_first_overlay (camera frames before it), states,
                        recorder_dropped (not in the video or bag)
fps                     overlay frames a second
latency_ms              stage -> n, p50, p95, p99, max. ``<node>.<stage>`` is one node's part; ``end_to_end`` is capture
                        stamp to overlay received by a subscriber (a recording: from the frame's release);
                        ``end_to_end_live`` the same while the overlay was live or drift: a lost pose is waited for
tf_rate_hz              child frame -> transforms a second on /tf
tf                      child frame -> parent frame; ``tf_roots`` are the frames without a parent: one, if the tree is whole
markers_first_frame     tool -> markers that carried its pose in the first frame of the recording
pose_first_frame        tool -> translation, mm, in the tracker frame, at that stamp
registration            fre_mm, T_ref_ct (4x4, m), residual_mm (landmark -> mm), sigma_mm, sigma_deg; tre95_mm (target ->
                        the radius that holds its error 95 times in 100);
                        error_mm (rms over the target) and error_deg where the truth is known; baseline_mm (translation)
                        and baseline_deg where the profile has a baseline
overlay_error           against ground truth, frames with anatomy (live, predicted or drift): px and mm -> n, p50, p95, max
                        (image distance and 3D distance, rms a frame over some 300 vertices of the liver); by the pixels that
                        the overlay changed, outside of what pointer, tip cross and plates cover: drawn_iou -> n, min, median
                        (with the true silhouette), drawn_shift_px -> n, median, max (the translation between the two);
                        drawn_over_pointer -> n, p50, p95, max (the share of the pointer's pixels over the anatomy that were
                        drawn over)
shown                   what the overlay's pixel codes said (see arsurg_ros.photodiode): pictures, repeats (the same again),
                        skipped (numbers of camera frames left out), longest_still_ms (of a valid one), states, faults ->
                        pictures; spreads (n, p50, p95, max): age_ms (by the stamp in the pixels), age_drawn_ms (those with
                        anatomy), pose_gap_ms (to the newest pose used), px and mm (pose drawn against the true one)
warnings                what there is to say of the scene's meshes, one line each
peak_memory_mib         process -> peak resident memory
lost_to_flag_ms         longest time from the last valid reference pose to the first overlay that says so
limits                  list of {name, value, op, limit, ok, counts}; on a shared machine limits of time do not count
files                   kind -> path
ok                      every limit that counts is kept
======================= ==================================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from arsurg_ros.errors import ConfigError

SCHEMA = 'arsurg.report/1'
OPERATORS = {'max': '<=', 'min': '>='}
#: The overlay's states in which anatomy is in the picture.
DRAWN = ('live', 'predicted', 'drift')
#: Figures that say how fast the machine was.
TIMES = ('latency_ms/', 'fps', 'frames/lost', 'frames/before_first_overlay', 'tf_rate_hz/', 'lost_to_flag_ms', 'shown/age')


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float] | None:
    """Return n, p50, p95 and max of a list of figures; None for none."""
    if not len(values):
        return None
    p50, p95 = np.percentile(values, (50, 95))
    return {'n': len(values), 'p50': round(float(p50), digits), 'p95': round(float(p95), digits),
            'max': round(float(np.max(values)), digits)}


def figure(report: Mapping[str, Any], path: str) -> float | None:
    """Return the number at a path such as latency_ms/end_to_end/p95; None where the run has none."""
    value: Any = report
    for key in path.split('/'):
        if isinstance(value, list):
            value = value[int(key)] if key.isdigit() and int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, (int, float)) else None


def judge(report: dict[str, Any], limits: Mapping[str, Mapping[str, float]], *, shared_machine: bool = False) -> None:
    """Add limits and ok to a report. A figure that a limit names and the run does not have is a miss.

    ``limits`` is {path: {max: x, min: y}}; raises ConfigError for another operator. On a ``shared_machine`` a figure of time
    that is there is told and does not count.
    """
    rows = []
    for path, bounds in limits.items():
        for operator, bound in bounds.items():
            if operator not in OPERATORS:
                raise ConfigError(f'limit {path}: {operator!r}; valid: {", ".join(OPERATORS)}')
            value = figure(report, path)
            ok = value is not None and (value <= bound if operator == 'max' else value >= bound)
            counts = not (shared_machine and value is not None and path.startswith(TIMES))
            row = {'name': path, 'value': value, 'op': OPERATORS[operator], 'limit': bound, 'ok': ok, 'counts': counts}
            rows.append(row)
    report['limits'] = rows
    report['ok'] = all(row['ok'] or not row['counts'] for row in rows)


def write_json(report: Mapping[str, Any], path: Path) -> None:
    """Write the object; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2, sort_keys=False) + '\n', encoding='utf-8')


def text(report: Mapping[str, Any]) -> str:
    """Return the report as lines for a terminal."""
    frames = report['frames']
    lines = [
        f'frames            {frames["overlay"]} overlays of {frames["camera"]} camera frames, {frames["lost"]} lost, '
        f'{report["fps"]:.1f} fps; first after {_number(report["first_frame_s"])} s',
        f'overlay states    {_pairs(frames["states"])}',
        f'latency, ms       {"":24}{"p50":>8}{"p95":>8}{"p99":>8}{"max":>8}{"n":>8}',
    ]
    for stage, p in report['latency_ms'].items():
        lines.append(f'  {stage:40}' + ''.join(f'{p[k]:8.2f}' for k in ('p50', 'p95', 'p99', 'max')) + f'{p["n"]:8d}')
    if drawn := sum(n for state, n in frames['states'].items() if state in DRAWN):
        predicted = frames['states'].get('predicted', 0)
        lines.append(f'predicted         {predicted} of {drawn} frames with anatomy ({predicted / drawn:.0%})')
    lines.append(f'TF rate, Hz       {_pairs(report["tf_rate_hz"], 1)}')
    lines.append(f'TF tree           {", ".join(f"{p} -> {c}" for c, p in report["tf"].items())}')
    lines += [*_first_frame(report), *_registration(report), *_overlay_error(report), *_shown(report)]
    if report['lost_to_flag_ms'] is not None:
        lines.append(f'reference lost    flagged on the overlay within {report["lost_to_flag_ms"]:.0f} ms')
    lines.append(f'peak memory, MiB  {_pairs(report["peak_memory_mib"], 0)}')
    lines += [f'{kind:17} {path}' for kind, path in report['files'].items()]
    lines += [f'warning           {line}' for line in report.get('warnings', ())]
    for row in report['limits']:
        mark = 'ok  ' if row['ok'] else 'MISS' if row['counts'] else 'late'
        lines.append(f'  {mark} {row["name"]} = {_number(row["value"])} (limit {row["op"]} {row["limit"]:g})')
    lines.append('all limits kept' if report['ok'] else 'LIMITS MISSED')
    return '\n'.join(lines)


def _first_frame(report: Mapping[str, Any]) -> list[str]:
    markers = report['markers_first_frame']
    if not markers:
        return []
    lines = [f'first frame       {sum(markers.values())} markers: {_pairs(markers)}']
    for tool, t in report['pose_first_frame'].items():
        lines.append(f'  {tool:16} at ({t[0]:.2f}, {t[1]:.2f}, {t[2]:.2f}) mm in the tracker frame')
    return lines


def _registration(report: Mapping[str, Any]) -> list[str]:
    found = report['registration']
    if found is None:
        return ['registration      none']
    line = f'registration      FRE {_number(found["fre_mm"])} mm over {len(found["residual_mm"])} landmarks'
    line += ''.join(f', TRE95 {name} {margin:.2f} mm' for name, margin in found.get('tre95_mm', {}).items())
    if found.get('error_mm') is not None:
        line += f'; against the truth {found["error_mm"]:.3f} mm, {found["error_deg"]:.3f} deg'
    if found.get('baseline_mm') is not None:
        line += f'; from the baseline {found["baseline_mm"]:.3f} mm, {found["baseline_deg"]:.3f} deg'
    return [line]


def _overlay_error(report: Mapping[str, Any]) -> list[str]:
    error = report['overlay_error']
    if not error:
        return []
    lines = []
    for unit in ('px', 'mm'):
        if error.get(unit):
            e = error[unit]
            lines.append(f'overlay error     p50 {e["p50"]:.2f} {unit}, p95 {e["p95"]:.2f}, max {e["max"]:.2f} (n {e["n"]})')
    if error.get('drawn_iou'):
        iou, shift = error['drawn_iou'], error['drawn_shift_px']
        lines.append(
            f'drawn pixels      IoU with the true silhouette: median {iou["median"]:.3f}, min {iou["min"]:.3f}; shift median '
            f'{shift["median"]:.2f} px, max {shift["max"]:.2f} (n {iou["n"]})'
        )
    if over := error.get('drawn_over_pointer'):
        lines.append(f'drawn over        of the pointer: p50 {over["p50"]:.1%}, max {over["max"]:.1%} (n {over["n"]})')
    return lines


def _shown(report: Mapping[str, Any]) -> list[str]:
    shown = report.get('shown')
    return [f'pixels            {line}' for line in shown_text(shown)] if shown and shown['states'] else []


def shown_text(shown: Mapping[str, Any]) -> list[str]:
    """Return a photodiode's summary as lines."""
    faults = {name: n for name, n in shown['faults'].items() if n}
    lines = [
        f'{shown["pictures"]} pictures ({_pairs(shown["states"])}), {shown["repeats"]} repeated, '
        f'{shown["skipped"]} camera frames skipped; faults: {_pairs(faults)}'
    ]
    for name, what, unit in (
        ('age_drawn_ms', 'capture to shown', 'ms'), ('pose_gap_ms', 'picture less newest pose', 'ms'),
        ('px', 'pose drawn against the true one', 'px'), ('mm', 'pose drawn against the true one', 'mm'),
    ):
        if p := shown[name]:
            lines.append(f'{what}: p50 {p["p50"]:.2f} {unit}, p95 {p["p95"]:.2f}, max {p["max"]:.2f} (n {p["n"]})')
    return lines


def _number(value: float | None) -> str:
    return 'none' if value is None else f'{value:.3g}' if abs(value) < 100 else f'{value:.0f}'


def _pairs(values: Mapping[str, float], digits: int | None = None) -> str:
    shown = (f'{k} {v if digits is None else round(v, digits) if digits else round(v)}' for k, v in values.items())
    return ', '.join(shown) or 'none'
