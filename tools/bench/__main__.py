# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`make bench`: writes out/bench.json and out/bench.png; exit status 1 where a promised figure is missed.

bench.json: ``machine`` (cores), ``data``, ``rows`` (name, ours and theirs with n, min_ms, p50_ms, p95_ms, p99_ms, peer, ratio,
figure, limit, ok, errors) and ``growth`` (n, p50_ms, exponent a kernel).
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO), str(REPO / 'tools')]
# One thread everywhere: kernels and peers are compared on the same footing.
for _name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[_name] = '1'

FAMILIES = ('landmarks', 'handeye', 'surface', 'distance', 'overlay')


def main() -> int:
    """Measure, print, write; return the exit status."""
    parser = argparse.ArgumentParser(prog='make bench', description='Speed against peers, in one run, one thread.')
    parser.add_argument('--out', type=Path, default=REPO / 'out', help='folder of bench.json and bench.png')
    parser.add_argument('--calls', type=int, default=2000, help='calls of the quickest kernel; slower ones take fewer')
    parser.add_argument('--only', choices=FAMILIES, action='append', help='measure these alone')
    args = parser.parse_args()
    import cv2

    cv2.setNumThreads(1)
    rows: list[Any] = []
    growth: dict[str, Any] = {}
    for family in args.only or FAMILIES:
        print(f'{family} ...', flush=True)
        module = importlib.import_module(f'bench.{family}')
        rows += module.run(args.calls)
        growth |= module.grow(max(5, args.calls // 100))
    for row in rows:
        print(line(row))
    for name, found in growth.items():
        costs = ', '.join(f'{ms:.2f} ms at {n:.0f}' for n, ms in zip(found['n'], found['p50_ms'], strict=True))
        print(f'{name}: cost grows as n^{found["exponent"][0]:.2f}: {costs}')
    args.out.mkdir(parents=True, exist_ok=True)
    answer = {
        'machine': {'cores': os.cpu_count(), 'architecture': platform.machine(), 'python': platform.python_version()},
        'rows': [row.as_json() for row in rows],
        'growth': growth,
    }
    (args.out / 'bench.json').write_text(json.dumps(answer, indent=2) + '\n', encoding='utf-8')
    draw(rows, growth, args.out / 'bench.png')
    print(f'written: {args.out / "bench.json"}, {args.out / "bench.png"}')
    return 1 if any(row.ok is False for row in rows) else 0


def line(row: Any) -> str:
    """Return a row as text."""
    against = f'{row.ratio:.2f} x {row.peer} ({figures(row.theirs)})' if row.theirs else 'no peer'
    verdict = {True: 'ok', False: 'MISSED', None: ''}[row.ok]
    limit = f'{row.figure} <= {row.limit:g} {verdict}' if row.limit is not None else ''
    errors = '  '.join(f'{k} {v:.4g}' for k, v in row.errors.items())
    return f'{row.name:34} {figures(row.ours)} (n {row.ours.n})  {against}  {limit}\n{"":34} {errors}'.rstrip()


def figures(times: Any) -> str:
    """Return a measurement as text."""
    return f'p50 {times.p50_ms:.3f}  p95 {times.p95_ms:.3f}  least {times.min_ms:.3f} ms'


def draw(rows: list[Any], growth: dict[str, Any], path: Path) -> None:
    """Draw the ratios, and cost over size beside n and n log n."""
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5), dpi=120, layout='constrained')
    bars, curves = figure.subplots(1, 2)
    compared = [r for r in rows if r.ratio is not None]
    bars.barh([f'{r.name}\nvs {r.peer}' for r in compared], [r.ratio for r in compared], height=0.5, color='#3b75af')
    bars.axvline(1.0, color='black', lw=1)
    bars.set(title='Time of ours over the peer, p50 (below 1: faster)', xlabel='ratio')
    for bar, row in zip(bars.patches, compared, strict=True):
        text = f' {row.ratio:.2f} ({row.ours.p50_ms:.3g} ms)'
        bars.text(bar.get_width(), bar.get_y() + bar.get_height() / 2, text, va='center', fontsize=8)
    bars.margins(x=0.35, y=0.2)
    for name, found in growth.items():
        n, ms = np.array(found['n']), np.array(found['p50_ms'])
        (drawn,) = curves.loglog(n, ms, 'o-', label=f'{name}: n^{found["exponent"][0]:.2f}')
        if found['exponent'][0] > 0.5:  # below, something else than n costs
            curves.loglog(n, ms[0] * n * np.log(n) / (n[0] * np.log(n[0])), ':', color=drawn.get_color(), lw=1)
    curves.set(title='Cost over size (dotted: n log n)', xlabel='n', ylabel='p50, ms')
    curves.legend(fontsize=8)
    curves.grid(alpha=0.3)
    figure.savefig(path)


if __name__ == '__main__':
    sys.exit(main())
