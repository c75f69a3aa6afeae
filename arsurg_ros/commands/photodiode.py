# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg estimate photodiode``: what a recording of the overlay really shows, by the pixel codes in its pictures.

It takes an .mp4, or a folder of pictures in the order of their names; a folder that the overlay recorded has stamps in its
names, which are compared. JSON: ``command``; ``source``; ``rate_hz``; ``truth`` (whether poses were compared with the synthetic
scene's); the fields of ``shown`` in arsurg_ros.report; ``first_faults``, at most 20, with ``picture`` (from 0) and
``faults``; ``meaning``, fault -> words. ``age_ms`` is null: a recording does not know when it was looked at.

Exit status 1 where a picture has a fault, 2 where the file cannot be used or none of its pictures has a code.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.types import U8

if TYPE_CHECKING:
    from arsurg_ros.measure import Truth
    from arsurg_ros.photodiode import Photodiode, Reading

VIDEOS = ('.mp4', '.avi', '.mkv', '.mov')
# As sinks/record.py names them.
NAMED = re.compile(r'\d{6}-(-?\d+)-[a-z]+')
FAULTS_TOLD = 20


@dataclass(frozen=True)
class Seen:
    """A picture, when it was shown from the recording's start, and the stamp that its file's name has."""

    image: U8
    at_ns: int
    named_ns: int | None = None


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    described = 'Read the pixel codes of a recording: pictures that stand still, come out of order or have another pose.'
    parser = parsers.add_parser('photodiode', help='what a recording really shows', description=described)
    parser.add_argument('recording', type=Path, help='video, or folder of pictures')
    parser.add_argument('--rate', type=float, default=30.0, metavar='HZ', help='pictures a second of a folder (default 30)')
    parser.add_argument('--synthetic', action='store_true', help="compare the poses drawn with the demo's true ones")
    parser.add_argument('--json', action='store_true', help='print one JSON object instead of text')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read all pictures and tell; return 0, or 1 where one has a fault."""
    from arsurg_ros.photodiode import FAULTS, Photodiode
    from arsurg_ros.report import shown_text

    if not 0 < args.rate < float('inf'):
        raise ConfigError(f'--rate {args.rate}: a positive number is needed')
    rate_hz = _rate_hz(args.recording) or args.rate
    diode = Photodiode(_truth(args.recording, rate_hz) if args.synthetic else None)
    readings = [_see(diode, seen) for seen in _pictures(args.recording, rate_hz)]
    if all('unreadable' in reading.faults for reading in readings):
        raise DataError(f'{args.recording}: none of its {len(readings)} pictures has a pixel code that can be read')
    found = diode.summary()
    first = [{'picture': k, 'faults': list(r.faults)} for k, r in enumerate(readings) if r.faults][:FAULTS_TOLD]
    if args.json:
        head = {'command': 'estimate photodiode', 'source': str(args.recording), 'rate_hz': rate_hz, 'truth': args.synthetic}
        print(json.dumps({**head, **found, 'first_faults': first, 'meaning': FAULTS}, allow_nan=False))
    else:
        told = [f'  picture {k}: {", ".join(FAULTS[f] for f in r.faults)}' for k, r in enumerate(readings) if r.faults]
        print('\n'.join([*shown_text(found), *told[:FAULTS_TOLD]]))
    return 1 if first else 0


def _see(diode: Photodiode, seen: Seen) -> Reading:
    if diode.truth is not None and diode.camera is None:
        from arsurg_ros.synthetic import Scene

        diode.camera = Scene(width_px=seen.image.shape[1], height_px=seen.image.shape[0]).camera
    return diode.see(seen.image, seen.at_ns, header_ns=seen.named_ns)


def _truth(recording: Path, rate_hz: float) -> Truth:
    """Return the synthetic scene with the epoch that two of the camera's codes tell; raises DataError without them."""
    from arsurg_ros.geometry.pixel_code import read_camera_code
    from arsurg_ros.measure import Truth

    codes = [code for seen in _pictures(recording, rate_hz) if (code := read_camera_code(seen.image)) is not None]
    if len({code.pose_id for code in codes}) < 2:
        raise DataError(f'{recording}: --synthetic needs two pictures with the code of the synthetic camera')
    first, last = min(codes, key=lambda c: c.pose_id), max(codes, key=lambda c: c.pose_id)
    period_ns = (last.stamp_ns - first.stamp_ns) / (last.pose_id - first.pose_id)
    truth = Truth()
    truth.epoch_ns = first.stamp_ns - round(first.pose_id * period_ns)
    return truth


def _rate_hz(recording: Path) -> float:
    """Return a video's frame rate; 0 for a folder."""
    import cv2

    if recording.suffix.lower() not in VIDEOS:
        return 0.0
    if not recording.is_file():
        raise DataError(f'video {recording}: there is no such file')
    return float(cv2.VideoCapture(str(recording)).get(cv2.CAP_PROP_FPS))


def _pictures(recording: Path, rate_hz: float) -> Iterator[Seen]:
    """Yield every picture in the order shown; raises DataError for one that cannot be read."""
    import cv2
    import numpy as np

    from arsurg_ros.files.images import IMAGES, list_files

    if recording.suffix.lower() in VIDEOS:
        capture, k = cv2.VideoCapture(str(recording)), 0
        while (read := capture.read())[0]:
            yield Seen(np.asarray(read[1], dtype=np.uint8), round(k * 1e9 / rate_hz))
            k += 1
        if k == 0:
            raise DataError(f'video {recording}: not one frame can be decoded: corrupt or no video')
        return
    for k, path in enumerate(list_files(str(recording), IMAGES, 'pictures')):
        image = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_COLOR) if path.stat().st_size else None
        if image is None:
            raise DataError(f'image {path}: not a picture that can be read')
        named = NAMED.fullmatch(path.stem)
        yield Seen(np.asarray(image, dtype=np.uint8), round(k * 1e9 / rate_hz), int(named[1]) if named else None)
