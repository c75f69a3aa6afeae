# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the commands without ROS share: options, units, and the ways out (text, JSON, YAML, a picture).

The JSON object of every command: ``command``; ``unit``, of every transform and point in it (that of ``--units``);
``software``; ``kernel`` (name, backend, sha256) where one computed; and the command's own fields. Transforms are 4x4 lists by
their frames, ``T_a_b`` with p_a = T_a_b p_b, the main one also as ``T``. Errors carry their unit in their name (``fre_mm``,
``angle_deg``) whatever ``--units`` is. What is not known is null; NaN never occurs. A refusal is
``{"error": {"code": ..., "message": ...}}`` and exit status 2.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from arsurg_ros import __version__
from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.files.answers import SUFFIXES
from arsurg_ros.files.source import UNITS_M
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.host import usable_kernel
from arsurg_ros.types import F64

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NEGATIVE_POINT = re.compile(r'-[\d.][^,]*,')
MM_PER_M = 1e3
PLOT_SUFFIXES = ('.png', '.pdf', '.svg')


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command takes."""
    group = parser.add_argument_group('common')
    group.add_argument(
        '--units', choices=tuple(UNITS_M), default='mm',
        help='unit of plain files and of the answer (default mm; bags are metres and PLUS files mm whatever is said here)',
    )
    group.add_argument('--json', action='store_true', help='print one JSON object instead of text')
    group.add_argument('--out', type=Path, metavar='FILE', help='also write the answer, by suffix as .json or .yaml')
    group.add_argument('--plot', type=Path, metavar='FILE', help='draw it (.png, .pdf or .svg)')
    group.add_argument('--backend', choices=BACKENDS, default='wasm', help='what computes (default wasm)')


def unit_m(args: argparse.Namespace) -> float:
    """Return how many metres the unit of ``--units`` has."""
    return UNITS_M[args.units]


@dataclass(frozen=True)
class Lengths:
    """Metres in the unit that the user has chosen."""

    unit: str

    def T(self, T: F64) -> list[list[float]]:
        """Return a 4x4 (metres) as nested lists."""
        out = np.array(T, dtype=np.float64)
        out[:3, 3] /= UNITS_M[self.unit]
        return [[float(v) for v in row] for row in out]

    def p(self, p_m: F64) -> list[Any]:
        """Return points (..., 3) as nested lists."""
        return list((np.asarray(p_m, dtype=np.float64) / UNITS_M[self.unit]).tolist())

    def text(self, p_m: F64) -> str:
        """Return one point as text with its unit."""
        digits = 3 if self.unit == 'mm' else 6
        return f'({", ".join(f"{v:.{digits}f}" for v in self.p(p_m))}) {self.unit}'


def lengths(args: argparse.Namespace) -> Lengths:
    """Return what turns metres into the unit of ``--units``."""
    return Lengths(args.units)


def point(text: str) -> tuple[float, float, float]:
    """Return x, y, z of ``x,y,z``, for argparse; its ArgumentTypeError says what is needed."""
    try:
        values = tuple(float(v) for v in text.split(','))
    except ValueError:
        values = ()
    if len(values) != 3 or not all(math.isfinite(v) for v in values):
        raise argparse.ArgumentTypeError(f'{text!r}: x,y,z with three finite numbers is needed')
    return values


def join_points(arguments: Sequence[str]) -> list[str]:
    """Return arguments with ``--tip -1,2,3`` as ``--tip=-1,2,3``: argparse takes a leading minus for an option."""
    out: list[str] = []
    for argument in arguments:
        if _NEGATIVE_POINT.match(argument) and out and out[-1].startswith('--') and '=' not in out[-1]:
            out[-1] += f'={argument}'
        else:
            out.append(argument)
    return out


def matrix_text(T: F64, unit: Lengths, indent: str = '  ') -> str:
    """Return a 4x4 as four aligned lines, its translation in the unit."""
    digits = 4 if unit.unit == 'mm' else 7
    rows = [[*(f'{v: .8f}' for v in row[:3]), f'{row[3]:{digits + 7}.{digits}f}'] for row in unit.T(T)]
    return '\n'.join(indent + '  '.join(row) for row in rows)


def check_outputs(args: argparse.Namespace, suffixes: tuple[str, ...] = SUFFIXES) -> None:
    """Raise ConfigError for an output that could not be written, before anything is computed."""
    check_files(args, {'out': suffixes, 'plot': PLOT_SUFFIXES})


def check_files(args: argparse.Namespace, suffixes: Mapping[str, tuple[str, ...]]) -> None:
    """Raise ConfigError for an output, by its name in ``args`` and its valid suffixes, that could not be written."""
    for name, valid in suffixes.items():
        path: Path | None = getattr(args, name, None)
        if path is None:
            continue
        if path.suffix.lower() not in valid:
            raise ConfigError(f'--{name} {path}: suffix {path.suffix!r}; valid: {", ".join(valid)}')
        if not path.absolute().parent.is_dir():
            raise ConfigError(f'--{name} {path}: there is no folder {path.parent}')


def with_warnings(lines: Iterable[str], warnings: Iterable[str]) -> str:
    """Return an answer's lines as text, the warnings last."""
    return '\n'.join([*lines, *(f'warning: {w}' for w in warnings)])


def require_positive(args: argparse.Namespace, units: Mapping[str, str], *, zero: bool = False) -> None:
    """Raise ConfigError for an option (its name in ``args``, with its unit in words) that is given and not positive.

    ``zero``: it may be 0 too.
    """
    for name, unit in units.items():
        value = getattr(args, name)
        if value is not None and not (0 < value < math.inf or (zero and value == 0)):
            least = 'zero or a positive number' if zero else 'a positive number'
            raise ConfigError(f'--{name.replace("_", "-")} {value:g}: {least} of {unit} is needed')


def finish(
    args: argparse.Namespace,
    command: str,
    kernel: str | None,
    result: Mapping[str, Any],
    text: str,
    draw: Callable[[Figure], None] | None = None,
) -> int:
    """Print the answer as text or JSON, write ``--out`` and ``--plot``; return the exit status 0.

    Raises ConfigError or DataError for outputs that cannot be written.
    """
    check_outputs(args)
    answer: dict[str, Any] = {'command': command, 'unit': args.units, 'software': f'arsurg_ros {__version__}'}
    if kernel is not None:
        digest = usable_kernel(kernel).sha256 if args.backend == 'wasm' else None
        answer['kernel'] = {'name': kernel, 'backend': args.backend, 'sha256': digest}
    answer |= {k: plain(v) for k, v in result.items()}
    if args.out is not None:
        write_answer(args.out, answer)
    if args.plot is not None and draw is not None:
        save_plot(args.plot, draw)
    print(json.dumps(answer, allow_nan=False) if args.json else text)
    return 0


def plain(value: Any) -> Any:
    """Return a value in JSON's types: arrays as lists, what is not finite as None."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_answer(path: Path, answer: Mapping[str, Any]) -> None:
    """Write an answer as JSON or YAML by the file's suffix; raises DataError where it cannot be written."""
    as_json = path.suffix.lower() == '.json'
    text = json.dumps(answer, indent=2, allow_nan=False) if as_json else yaml.safe_dump(dict(answer), sort_keys=False)
    try:
        path.write_text(text.rstrip() + '\n', encoding='utf-8')
    except OSError as e:
        raise DataError(f'--out {path}: {e.strerror}') from e


def save_plot(path: Path, draw: Callable[[Figure], None]) -> None:
    """Draw on a new figure and save it; raises DataError where it cannot be written."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5.5), dpi=120, layout='constrained')
    draw(figure)
    try:
        figure.savefig(path)
    except OSError as e:
        raise DataError(f'--plot {path}: {e.strerror}') from e
