# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.files.calibrations import camera_in_tracker, load_camera_pose, load_stereo, load_tip, tip_in_tool
from arsurg_ros.geometry import se3

from .test_answers import in_mm, write

T = se3.exp([0.1, -0.2, 0.3, 0.4, -0.5, 0.6])
PIVOT = {'command': 'calibrate pivot', 'unit': 'mm', 'tip_m': T[:3, 3].tolist(), 'T_tool_tip': in_mm(T), 'spin': {'axis': 1}}
TRACKER, ROBOT = 'calibrate camera-to-tracker', 'calibrate handeye'


@pytest.mark.parametrize(('command', 'name'), [(TRACKER, 'T_trk_cam'), (ROBOT, 'T_base_cam')])
def test_a_camera_at_rest(tmp_path: Path, command: str, name: str) -> None:
    path = write(tmp_path / 'a.json', {'command': command, 'unit': 'mm', name: in_mm(T), 'T_gripper_target': in_mm(T)})
    found = camera_in_tracker(False, str(path))
    assert found is not None and np.abs(found - T).max() < 1e-12
    with pytest.raises(ConfigError, match=r'is_camera true and camera_pose .*: give one of them'):
        camera_in_tracker(True, str(path))


def test_a_camera_without_a_file() -> None:
    assert np.array_equal(camera_in_tracker(True, ''), np.eye(4))
    assert camera_in_tracker(False, '') is None


@pytest.mark.parametrize(
    ('fields', 'code', 'says'),
    [
        ({'command': TRACKER, 'T_body_cam': in_mm(T)}, 'answer_mismatch', 'T_body_cam (--tracked camera), of a camera that'),
        ({'command': ROBOT, 'setup': 'eye-in-hand', 'T_gripper_cam': in_mm(T)}, 'answer_mismatch', '(--setup eye-in-hand)'),
        ({'command': ROBOT}, 'answer_broken', 'T_base_cam is missing'),
        ({'command': TRACKER, 'T_trk_cam': np.ones((4, 4)).tolist()}, 'not_rigid', 'T_trk_cam is not rigid'),
        ({'command': 'calibrate pivot', 'T_trk_cam': in_mm(T)}, 'answer_mismatch', 'calibrate camera-to-tracker or'),
    ],
)
def test_another_camera_is_refused(tmp_path: Path, fields: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(RegistrationError) as caught:
        load_camera_pose(write(tmp_path / 'a.json', {'unit': 'mm', **fields}))
    assert caught.value.code == code and says in str(caught.value) and '\n' not in str(caught.value)


def test_a_tip_has_an_axis_where_one_was_found(tmp_path: Path) -> None:
    assert np.abs(load_tip(write(tmp_path / 'a.json', PIVOT)) - T).max() < 1e-12
    still = load_tip(write(tmp_path / 'b.yaml', PIVOT | {'spin': None}))
    assert np.array_equal(still, se3.compose(np.eye(3), T[:3, 3]))


def test_a_tip_is_said_once(tmp_path: Path) -> None:
    path = str(write(tmp_path / 'a.json', PIVOT))
    assert np.abs(tip_in_tool([0.0, 0.0, 0.0], path) - T).max() < 1e-12
    assert np.array_equal(tip_in_tool([0.0, 0.0, 0.1], '')[:3, 3], [0.0, 0.0, 0.1])
    with pytest.raises(ConfigError, match=r'parameters tip_m \[0.0, 0.0, 0.1\] and tip .*: give one of them'):
        tip_in_tool([0.0, 0.0, 0.1], path)


@pytest.mark.parametrize(
    ('change', 'code', 'says'),
    [
        ({'command': 'calibrate spin'}, 'answer_mismatch', 'arsurg calibrate pivot'),
        ({'tip_m': [1, 2]}, 'answer_broken', 'tip_m: 3 finite numbers'),
        ({'tip_m': [0.0, 0.0, 150.0]}, 'wrong_unit', 'over 2 m; is it in mm?'),
        ({'tip_m': [0.1, -0.2, 0.31]}, 'wrong_unit', 'is not where T_tool_tip has the tip'),
        ({'unit': 'm', 'T_tool_tip': se3.compose(np.eye(3), [1, 2, 3]).tolist()}, 'wrong_unit', '[1.0, 2.0, 3.0] m'),
        ({'T_tool_tip': np.ones((4, 4)).tolist()}, 'not_rigid', 'T_tool_tip'),
    ],
)
def test_another_tip_is_refused(tmp_path: Path, change: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(RegistrationError) as caught:
        load_tip(write(tmp_path / 'a.json', PIVOT | change))
    assert caught.value.code == code and says in str(caught.value) and '\n' not in str(caught.value)


def test_an_answer_without_spin_is_incomplete(tmp_path: Path) -> None:
    with pytest.raises(RegistrationError, match=r'answer_broken: .*spin is missing'):
        load_tip(write(tmp_path / 'a.json', {k: v for k, v in PIVOT.items() if k != 'spin'}))


PAIR = {'command': 'calibrate camera', 'unit': 'mm', 'T': in_mm(T), 'stereo': {'pairs': 9}}


def test_the_right_camera_of_a_pair(tmp_path: Path) -> None:
    assert np.abs(load_stereo(write(tmp_path / 'a.json', PAIR)) - T).max() < 1e-12


@pytest.mark.parametrize(
    ('fields', 'code', 'says'),
    [
        ({'T': None, 'stereo': None}, 'answer_mismatch', 'of one camera alone; a pair (--right DIR) is needed'),
        ({'command': 'calibrate pivot'}, 'answer_mismatch', 'calibrate camera wrote with --out'),
        ({'T': in_mm(np.diag([1.0, 1.0, -1.0, 1.0]))}, 'not_rigid', 'T is not rigid'),
        ({'unit': 'm', 'T': [[1, 0, 0, 4], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]}, 'wrong_unit', '4 m apart, over 1 m'),
    ],
)
def test_what_is_no_pair_is_refused(tmp_path: Path, fields: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(RegistrationError) as caught:
        load_stereo(write(tmp_path / 'a.json', {**PAIR, **fields}))
    assert caught.value.code == code and says in str(caught.value) and '\n' not in str(caught.value)
