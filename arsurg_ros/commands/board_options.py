# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the commands that look at calibration boards share: options, and reading their pictures with progress."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from arsurg_ros.commands.common import unit_m
from arsurg_ros.errors import ConfigError
from arsurg_ros.files.calibration_boards import SYNTAX, load_calibration_board
from arsurg_ros.files.images import IMAGES, list_files
from arsurg_ros.geometry.calibration_boards import CalibrationBoard
from arsurg_ros.registration.board_views import (
    MIN_CORNERS,
    BoardFinder,
    BoardView,
    BoardViews,
    find_in_files,
    read_corner_files,
)

TEXTS = ('.txt', '.csv')


def add_board_options(parser: argparse.ArgumentParser) -> None:
    """Add what says where the views come from."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--images', metavar='DIR', help="folder, pattern ('DIR/left*.png') or file of pictures")
    source.add_argument(
        '--corners', metavar='DIR', help='folder, pattern or file of stored corners instead, a text file a view: rows "u v" of '
        'all points in order, or "id u v", px; needs --size',
    )
    parser.add_argument('--size', metavar='WxH', help='size of the pictures, px (for --corners)')
    parser.add_argument('--board', required=True, metavar='BOARD', help=f'{SYNTAX}; lengths in --units')
    parser.add_argument(
        '--min-corners', type=int, default=MIN_CORNERS, metavar='N', help='views with fewer are left out (default %(default)s)'
    )
    parser.add_argument(
        '--min-tags', type=int, default=2, metavar='N',
        help='neighbouring tags that a ChArUco corner needs, 1 or 2 (default 2; 1 finds more corners, less exactly)',
    )


def read_board(args: argparse.Namespace) -> CalibrationBoard:
    """Return the board of ``--board``; raises ConfigError, also for limits of its views that cannot be, DataError."""
    if args.min_corners < 4:
        raise ConfigError(f'--min-corners {args.min_corners}: 4 or more are needed')
    if args.min_tags not in (1, 2):
        raise ConfigError(f'--min-tags {args.min_tags}: 1 or 2 is needed')
    return load_calibration_board(args.board, unit_m(args))


def read_views(args: argparse.Namespace, board: CalibrationBoard, source: str | None = None) -> BoardViews:
    """Return the views of ``--images`` (or of ``source``) or ``--corners``; progress goes to standard error.

    Raises ConfigError, DataError and RegistrationError as ``find_in_files`` and ``read_corner_files``.
    """
    if source is None and args.corners is not None:
        size = _size(args.size)
        return read_corner_files(board, list_files(args.corners, TEXTS, '--corners'), size, args.min_corners)
    finder = BoardFinder(board, args.min_corners, args.min_tags)
    files = list_files(source or args.images, IMAGES, '--images')
    return find_in_files(finder, files, Progress(files))


def _size(text: str | None) -> tuple[int, int]:
    found = re.fullmatch(r'([1-9]\d{0,4})x([1-9]\d{0,4})', text or '')
    if found is None:
        raise ConfigError(f'--size {text or "missing"}: WIDTHxHEIGHT of the pictures, px, is needed with --corners, as 640x480')
    return int(found[1]), int(found[2])


class Progress:
    """Tells on standard error how far the detection is: a line that is written over on a terminal, else one in ten."""

    def __init__(self, files: list[Path]) -> None:
        """Know how many there are."""
        self._total = len(files)
        self._terminal = sys.stderr.isatty()

    def __call__(self, done: int, view: BoardView) -> None:
        """Say that a picture is done."""
        line = f'pictures {done}/{self._total}: {view.name}: {view.reason or f"{len(view.ids)} corners"}'
        last = done == self._total
        if self._terminal:
            print(f'\r\033[K{line}', end='\n' if last else '', file=sys.stderr, flush=True)
        elif self._total >= 10 and (done % 10 == 0 or last):
            print(line, file=sys.stderr, flush=True)
