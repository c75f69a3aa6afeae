# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.sinks import video
from arsurg_ros.sinks.video import VideoWriter


def picture(grey: int) -> np.ndarray:
    return np.full((48, 64, 3), grey, np.uint8)


class FakeFile:
    """Stands for OpenCV's writer: waits for ``gate`` before each picture, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.gate = threading.Event()
        self.reached = threading.Event()
        self.written: list[int] = []
        self.failure = failure
        self.released = False

    def isOpened(self) -> bool:
        return True

    def write(self, image: np.ndarray) -> None:
        self.reached.set()
        self.gate.wait(10)
        if self.failure:
            raise self.failure
        self.written.append(int(image[0, 0, 0]))

    def release(self) -> None:
        self.released = True


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeFile:
    file = FakeFile()
    monkeypatch.setattr(video, '_open', lambda *_: file)
    return file


def test_what_was_written_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / 'a.mp4'
    with VideoWriter(path, 64, 48, 25.0, wait=True) as writer:
        assert all(writer.write(picture(g)) for g in range(0, 250, 10))
    summary = writer.close()
    assert (summary.path, summary.written, summary.dropped) == (path, 25, 0)
    reader = cv2.VideoCapture(str(path))
    assert reader.get(cv2.CAP_PROP_FPS) == pytest.approx(25.0)
    means = []
    while (read := reader.read())[0]:
        means.append(float(read[1].mean()))
    assert means == pytest.approx(list(range(0, 250, 10)), abs=6)


def test_what_the_encoder_cannot_take_is_counted(tmp_path: Path, fake: FakeFile) -> None:
    writer = VideoWriter(tmp_path / 'a.mp4', 64, 48, 25.0, queue_frames=2)
    assert writer.write(picture(0))
    assert fake.reached.wait(10)
    accepted = [writer.write(picture(i)) for i in range(1, 6)]
    assert accepted == [True, True, False, False, False] and writer.dropped == 3
    fake.gate.set()
    summary = writer.close()
    assert (summary.written, summary.dropped) == (3, 3)
    assert fake.written == [0, 1, 2] and fake.released


def test_waiting_drops_nothing(tmp_path: Path, fake: FakeFile) -> None:
    fake.gate.set()
    writer = VideoWriter(tmp_path / 'a.mp4', 64, 48, 25.0, queue_frames=1, wait=True)
    assert all(writer.write(picture(i)) for i in range(20))
    assert writer.close().written == 20 and fake.written == list(range(20))


def test_the_picture_is_copied(tmp_path: Path, fake: FakeFile) -> None:
    writer = VideoWriter(tmp_path / 'a.mp4', 64, 48, 25.0)
    image = picture(7)
    writer.write(image)
    image[:] = 99
    fake.gate.set()
    writer.close()
    assert fake.written == [7]


def test_an_encoder_that_fails_is_reported_and_hangs_nobody(tmp_path: Path, fake: FakeFile) -> None:
    fake.failure = cv2.error('broken\npipe')
    fake.gate.set()
    writer = VideoWriter(tmp_path / 'a.mp4', 64, 48, 25.0, queue_frames=1, wait=True)
    for i in range(5):
        writer.write(picture(i))
    with pytest.raises(DataError, match='encoder: broken pipe'):
        writer.close()
    assert fake.released


def test_pictures_of_another_kind_and_a_closed_file_are_refused(tmp_path: Path, fake: FakeFile) -> None:
    fake.gate.set()
    writer = VideoWriter(tmp_path / 'a.mp4', 64, 48, 25.0)
    for image in (np.zeros((48, 60, 3), np.uint8), np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3), np.float32)):
        with pytest.raises(DataError, match=r'uint8 of \(48, 64, 3\) is needed'):
            writer.write(image)  # type: ignore[arg-type]
    writer.close()
    with pytest.raises(DataError, match='already closed'):
        writer.write(picture(0))
    assert writer.close().written == 0


@pytest.mark.parametrize(
    'change', [{'width_px': 0}, {'height_px': 0}, {'fps_hz': 0.0}, {'fps_hz': float('nan')}, {'queue_frames': 0}]
)
def test_sizes_and_rates_must_be_positive(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match='all must be positive'):
        VideoWriter(**{'path': tmp_path / 'a.mp4', 'width_px': 64, 'height_px': 48, 'fps_hz': 25.0, **change})


def test_a_missing_codec_or_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match='no folder'):
        VideoWriter(tmp_path / 'none' / 'a.mp4', 64, 48, 25.0)
    with pytest.raises(DataError, match=r'cannot write \.strange with codec mp4v'):
        VideoWriter(tmp_path / 'a.strange', 64, 48, 25.0)
    with pytest.raises(DataError, match='a file without extension'):
        VideoWriter(tmp_path / 'a', 64, 48, 25.0)

    class NoCodec(FakeFile):
        def __init__(self, *_: object) -> None:
            super().__init__()

        def isOpened(self) -> bool:
            return False

        fourcc = staticmethod(lambda *_: 0)

    monkeypatch.setattr(cv2, 'VideoWriter', NoCodec)
    with pytest.raises(DataError, match='OpenCV built with FFmpeg'):
        VideoWriter(tmp_path / 'a.mp4', 64, 48, 25.0)
