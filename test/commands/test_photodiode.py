# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from arsurg_ros.cli import main
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.pixel_code import CameraCode, OverlayCode, write_camera_code, write_overlay_code
from arsurg_ros.sinks.record import open_recorder
from arsurg_ros.synthetic import Scene
from arsurg_ros.types import Frame

EPOCH_NS = 1_764_000_000_000_000_000
SCENE = Scene()
HONEST = tuple(range(20, 40))


def stamp_ns(k: int) -> int:
    return EPOCH_NS + round(k * 1e9 / 30)


def picture(k: int, off_m: float = 0.0) -> np.ndarray:
    image = np.full((480, 640, 3), 90, np.uint8)
    write_camera_code(image, CameraCode(stamp_ns(k), k))
    T = se3.compose(np.eye(3), [off_m, 0, 0]) @ SCENE.T_cam_ref(k / 30) @ SCENE.T_ref_ct
    write_overlay_code(image, OverlayCode(stamp_ns(k), 'live', stamp_ns(k), T))
    return image


def recorded(path: Path, order: Sequence[int] = HONEST, off_m: float = 0.0) -> str:
    recorder = open_recorder(str(path), 30.0)
    for k in order:
        while not recorder.write(Frame(stamp_ns(k), 'cam', picture(k, off_m)), 'live'):
            pass
    assert recorder.close().written == len(order)
    return str(path)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict[str, Any]:
    assert main(['estimate', 'photodiode', *arguments, '--json']) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize('name', ['shown.mp4', 'shown'])
def test_an_honest_recording_has_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    found = answer(capsys, recorded(tmp_path / name), '--synthetic')
    assert found['pictures'] == 20 and found['states'] == {'live': 20} and not any(found['faults'].values())
    assert found['px']['n'] == 20 and found['px']['max'] < 0.05
    assert (found['rate_hz'], found['truth'], found['first_faults'], found['age_ms']) == (30.0, True, [], None)


@pytest.mark.parametrize('name', ['shown.mp4', 'shown'])
def test_a_frozen_and_then_swapped_one_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    source = recorded(tmp_path / name, [20, 21, *[22] * 10, 24, 23, 25])
    found = answer(capsys, source, status=1)
    assert {f: n for f, n in found['faults'].items() if n} == {'frozen': 2, 'out_of_order': 1}
    assert [row['picture'] for row in found['first_faults']] == [10, 11, 13]
    assert main(['estimate', 'photodiode', source]) == 1
    text = capsys.readouterr().out
    assert '15 pictures (live 15), 9 repeated' in text
    assert '  picture 13: older than one that was shown before' in text


def test_a_wrong_pose_is_found_with_the_truth_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = recorded(tmp_path / 'shown', HONEST[:4], off_m=0.02)
    assert answer(capsys, source)['px'] is None
    found = answer(capsys, source, '--synthetic', status=1)
    assert found['faults']['wrong_pose'] == 4 and found['mm']['p50'] == pytest.approx(20, abs=0.1)


def test_a_name_that_does_not_agree_with_the_pixels_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = Path(recorded(tmp_path / 'shown', HONEST[:3]))
    (source / f'000001-{stamp_ns(21)}-live.png').rename(source / f'000001-{stamp_ns(21) + 5}-live.png')
    assert answer(capsys, str(source), status=1)['first_faults'] == [{'picture': 1, 'faults': ['header']}]


def test_any_folder_of_pictures_will_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for k in range(3):
        cv2.imwrite(str(tmp_path / f'{k}.jpg'), picture(k), [cv2.IMWRITE_JPEG_QUALITY, 50])
    assert answer(capsys, str(tmp_path), '--rate', '60')['pictures'] == 3


@pytest.mark.parametrize(
    ('name', 'arguments', 'says'),
    [
        ('gone.mp4', (), 'gone.mp4: there is no such file'),
        ('bad.mp4', (), 'bad.mp4: not one frame can be decoded'),
        ('empty', (), 'nothing is there'),
        ('bad', (), 'bad.png: not a picture that can be read'),
        ('plain', (), 'none of its 1 pictures has a pixel code'),
        ('one', ('--synthetic',), '--synthetic needs two pictures'),
        ('one', ('--rate', '0'), '--rate 0.0: a positive number is needed'),
    ],
)
def test_what_cannot_be_read_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, arguments: tuple[str, ...], says: str
) -> None:
    for folder in ('bad', 'plain', 'one'):
        (tmp_path / folder).mkdir()
    for file in ('bad.mp4', 'bad/bad.png'):
        (tmp_path / file).write_text('x')
    cv2.imwrite(str(tmp_path / 'plain' / '0.png'), np.zeros((480, 640, 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'one' / '0.png'), picture(3))
    found = answer(capsys, str(tmp_path / name), *arguments, status=2)
    assert says in found['error']['message']
