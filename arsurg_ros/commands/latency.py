# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg estimate latency``: the time offset between two streams of one moving body.

THE SIGN: ``offset_s`` is added to b's stamps: what b saw at t, a saw at t + offset_s.

JSON, beside what commands/common.py names: ``offset_s``, ``sigma_s`` (one standard error), ``meaning`` (the sign in words);
``correlation`` (of the speeds at the offset), ``second_peak`` (the next peak's share of the highest), ``signal``,
``window_s``, ``rate_a_hz``, ``rate_b_hz``, ``slower`` (a or b), ``speeds`` (pairs used), ``outliers``, ``gain`` (slower over
faster), ``noise`` (of a speed) with ``noise_unit``, ``dropped_a``, ``dropped_b`` (samples that are not valid, or have the
stamp of the one before), ``curve``:
``offsets_s`` and ``correlations``; ``source_a``, ``source_b``; ``warnings``.

Errors: those of registration/latency.py.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from arsurg_ros.commands.common import (
    add_common,
    check_outputs,
    finish,
    require_positive,
    unit_m,
    with_warnings,
)
from arsurg_ros.files.poses import load_poses
from arsurg_ros.registration.latency import MAX_OFFSET_S, UNITS, estimate_offset
from arsurg_ros.types import OffsetEstimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEANING = "add offset_s to b's stamps: what b saw at t, a saw at t + offset_s"


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    described = f'Find the time offset between two streams that see one moving body: {MEANING}.'
    parser = parsers.add_parser('latency', help='the time offset between two streams', description=described)
    for name in ('a', 'b'):
        parser.add_argument(f'--{name}', required=True, metavar='STREAM', help='poses with stamps: CSV, NPZ, .mha, bag, folder')
    parser.add_argument(
        '--max-offset', type=float, default=MAX_OFFSET_S, metavar='S', help='search so far, seconds (default %(default).0f)'
    )
    parser.add_argument(
        '--signal', choices=tuple(UNITS), default='rotation',
        help='compare how fast the body turns (default: any frames fit) or how far one point of it goes',
    )
    parser.add_argument('--window', type=float, metavar='S', help='take speeds over so long (default 3 periods of the slower)')
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Estimate, print, write; raises ArsurgError."""
    check_outputs(args)
    require_positive(args, {'max_offset': 'seconds', 'window': 'seconds'})
    a, b = (load_poses(source, unit_m(args)) for source in (args.a, args.b))
    found = estimate_offset(
        a, b, max_offset_s=args.max_offset, signal=args.signal, window_s=args.window, backend=args.backend
    )
    offsets, curve = found.curve_of_offsets()
    answer = {
        'offset_s': found.offset_s,
        'sigma_s': found.sigma_s,
        'meaning': MEANING,
        'correlation': found.correlation,
        'second_peak': found.second,
        'signal': found.signal,
        'window_s': found.window_s,
        'rate_a_hz': found.rate_a_hz,
        'rate_b_hz': found.rate_b_hz,
        'slower': found.slow,
        'speeds': len(found.pairs),
        'outliers': found.outliers,
        'gain': found.gain,
        'noise': found.noise,
        'noise_unit': found.unit,
        'dropped_a': found.dropped[0] + a.dropped,
        'dropped_b': found.dropped[1] + b.dropped,
        'curve': {'offsets_s': offsets, 'correlations': curve},
        'source_a': a.source,
        'source_b': b.source,
        'warnings': list(found.warnings),
    }

    def draw(figure: Figure) -> None:
        from arsurg_ros.plots.latency import draw_latency

        draw_latency(figure, found)

    return finish(args, 'estimate latency', 'calibration', answer, _text(found, (a.dropped, b.dropped)), draw)


def _text(found: OffsetEstimate, invalid: tuple[int, int]) -> str:
    later = 'early' if found.offset_s > 0 else 'late'
    lines = [
        f"offset    {1e3 * found.offset_s:+.2f} ms, to add to b's stamps (b's are {later} against a's)",
        f'error     {1e3 * found.sigma_s:.2f} ms (one standard error)',
        f'agreement correlation {found.correlation:.3f}; next peak {found.second:.2f} of the highest',
        f'signal    {found.signal} ({found.unit}) over {1e3 * found.window_s:.0f} ms, {len(found.pairs)} speeds of '
        f'{found.slow}, {found.outliers} outliers',
        f'rates     a {found.rate_a_hz:.2f} Hz, b {found.rate_b_hz:.2f} Hz',
    ]
    if any(found.dropped):
        lines.append(f'dropped   {found.dropped[0]} samples of a, {found.dropped[1]} of b with the stamp of the one before')
    if any(invalid):
        lines.append(f'dropped   {invalid[0]} samples of a, {invalid[1]} of b that are not valid')
    return with_warnings(lines, found.warnings)
