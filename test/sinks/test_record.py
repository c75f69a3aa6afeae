# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.sinks import record
from arsurg_ros.sinks.record import open_recorder
from arsurg_ros.types import Frame


def frame(stamp_ns: int, grey: int = 90, shape: tuple[int, ...] = (48, 64, 3)) -> Frame:
    return Frame(stamp_ns, 'cam', np.full(shape, grey, np.uint8))


def test_a_folder_holds_every_picture_exactly_in_the_order_shown(tmp_path: Path) -> None:
    recorder = open_recorder(str(tmp_path / 'shown'), 30.0)
    shown = [(frame(7, 10), 'live'), (frame(5, 20), 'live'), (frame(5, 30), 'lost'), (frame(9, 40, (48, 64)), 'live')]
    for picture, state in shown:
        assert recorder.write(picture, state)
        picture.image[:] = 255  # the recorder has a copy
    done = recorder.close()
    assert (done.written, done.dropped, done.path) == (4, 0, tmp_path / 'shown')
    files = sorted((tmp_path / 'shown').iterdir())
    assert [f.name for f in files] == ['000000-7-live.png', '000001-5-live.png', '000002-5-lost.png', '000003-9-live.png']
    assert [int(cv2.imread(str(f)).max()) for f in files] == [10, 20, 30, 40]


def test_an_mp4_holds_the_pictures(tmp_path: Path) -> None:
    recorder = open_recorder(str(tmp_path / 'shown.mp4'), 30.0)
    for k in range(5):
        assert recorder.write(frame(k, 40 * k), 'live')
    assert recorder.dropped == 0
    assert recorder.close().written == 5
    capture = cv2.VideoCapture(str(tmp_path / 'shown.mp4'))
    seen = [image for ok, image in iter(capture.read, (False, None)) if ok]
    assert [round(float(image.mean()) / 40) for image in seen] == [0, 1, 2, 3, 4]


def test_nothing_shown_makes_no_mp4(tmp_path: Path) -> None:
    recorder = open_recorder(str(tmp_path / 'shown.mp4'), 30.0)
    assert recorder.dropped == 0 and recorder.close().written == 0
    assert not (tmp_path / 'shown.mp4').exists()


def test_a_picture_of_another_size_does_not_fit_into_an_mp4(tmp_path: Path) -> None:
    recorder = open_recorder(str(tmp_path / 'shown.mp4'), 30.0)
    recorder.write(frame(0), 'live')
    with pytest.raises(DataError, match=r'image \(24, 32, 3\) uint8: uint8 of \(48, 64, 3\) is needed'):
        recorder.write(frame(1, shape=(24, 32, 3)), 'live')
    assert recorder.dropped == 1
    done = recorder.close()
    assert (done.written, done.dropped) == (1, 1)


def test_a_disk_that_is_behind_drops_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, save = threading.Event(), record._save
    monkeypatch.setattr(record, '_save', lambda item: (gate.wait(10), save(item)))
    recorder = open_recorder(str(tmp_path / 'shown'), 30.0)
    kept = [recorder.write(frame(k), 'live') for k in range(record.BACKLOG + 5)]
    gate.set()
    done = recorder.close()
    assert recorder.dropped == done.dropped == kept.count(False) >= 4
    assert done.written == kept.count(True) == len(list((tmp_path / 'shown').iterdir()))


def test_a_folder_that_goes_is_told_at_the_end(tmp_path: Path) -> None:
    recorder = open_recorder(str(tmp_path / 'shown'), 30.0)
    (tmp_path / 'shown').rmdir()
    recorder.write(frame(0), 'live')
    with pytest.raises(DataError, match=r'record .*shown: .*No such file or directory'):
        recorder.close()


@pytest.mark.parametrize(
    ('name', 'says'),
    [
        ('a.avi', "suffix '.avi'; valid: .mp4, or a folder"),
        ('none/a.mp4', 'no folder'),
        ('none/a', 'no folder'),
        ('old.mp4', 'it exists; recordings are not replaced'),
        ('full', 'it exists and is not an empty folder'),
        ('file', 'it exists and is not an empty folder'),
    ],
)
def test_what_cannot_be_recorded_to_is_refused(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / 'full').mkdir()
    for file in ('old.mp4', 'full/x.png', 'file'):
        (tmp_path / file).write_text('x')
    with pytest.raises(ConfigError, match=says):
        open_recorder(str(tmp_path / name), 30.0)
    assert (tmp_path / 'full' / 'x.png').read_text() == 'x'


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert open_recorder(str(tmp_path), 30.0).close().written == 0
