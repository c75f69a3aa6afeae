# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a camera is in a tracker, and a tip in its tool: what ``arsurg calibrate`` wrote, or parameters say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.files.answers import load_answer
from arsurg_ros.geometry import se3
from arsurg_ros.types import F64

LONGEST_TIP_M = 2.0
LONGEST_BASELINE_M = 1.0
SAME_M = 1e-6


def camera_in_tracker(is_camera: bool, camera_pose: str) -> F64 | None:
    """Return T_trk_cam (4, 4), metres, of the tracker node's parameters; None where somebody else publishes it.

    Raises ConfigError where both say where the camera is, and as ``load_camera_pose``.
    """
    if not camera_pose:
        return np.eye(4) if is_camera else None
    if is_camera:
        raise ConfigError(f'parameters is_camera true and camera_pose {camera_pose!r}: give one of them')
    return load_camera_pose(Path(camera_pose).expanduser())


def tip_in_tool(tip_m: Any, tip: str) -> F64:
    """Return T_tool_tip (4, 4), metres, of the instrument node's parameters.

    Raises ConfigError where both say where the tip is, and as ``tip_transform`` or ``load_tip``.
    """
    T = tip_transform(tip_m)
    if not tip:
        return T
    if np.any(T[:3, 3]):
        raise ConfigError(f'parameters tip_m {T[:3, 3].tolist()} and tip {tip!r}: give one of them')
    return load_tip(Path(tip).expanduser())


def tip_transform(tip_m: Any) -> F64:
    """Return T_tool_tip of a tip (3,) in the tool frame, metres; raises ConfigError unless it is three finite numbers."""
    p = np.asarray(tip_m, dtype=np.float64)
    if p.shape != (3,) or not np.isfinite(p).all():
        raise ConfigError(f'parameter tip_m {p.tolist()}: three finite numbers (metres) are needed')
    if np.abs(p).max() > LONGEST_TIP_M:
        raise ConfigError(f'parameter tip_m {p.tolist()}: over {LONGEST_TIP_M:g} m; is it in mm?')
    return se3.compose(np.eye(3), p)


def load_camera_pose(path: Path) -> F64:
    """Return ``T_trk_cam`` (4, 4), metres, of a camera that stands still in a tracker's or robot's frame.

    Of ``calibrate camera-to-tracker`` (T_trk_cam) or ``calibrate handeye --setup eye-to-hand`` (T_base_cam).
    Raises RegistrationError as ``load_answer`` and ``Answer.matrix_m``; ``answer_mismatch`` for a camera that moves.
    """
    answer = load_answer(path, 'calibrate camera-to-tracker', 'calibrate handeye')
    name = 'T_trk_cam' if answer.command == 'calibrate camera-to-tracker' else 'T_base_cam'
    moving = {'T_body_cam': '--tracked camera', 'T_gripper_cam': f'--setup {answer.fields.get("setup")}'}
    for other, option in moving.items():
        if name not in answer.fields and other in answer.fields:
            raise answer.refusal('answer_mismatch', f'it has {other} ({option}), of a camera that moves; {name} is needed')
    return answer.matrix_m(name)


def load_stereo(path: Path) -> F64:
    """Return ``T_left_right`` (4, 4), metres: where ``calibrate camera --right`` has the right camera of a pair.

    Raises RegistrationError as ``load_answer`` and ``Answer.matrix_m``; ``answer_mismatch`` also for one camera alone,
    ``wrong_unit`` also for cameras over 1 m apart.
    """
    answer = load_answer(path, 'calibrate camera')
    if answer.fields.get('stereo') is None:
        raise answer.refusal('answer_mismatch', 'it is of one camera alone; a pair (--right DIR) is needed')
    T = answer.matrix_m('T')
    baseline_m = float(np.linalg.norm(T[:3, 3]))
    if baseline_m > LONGEST_BASELINE_M:
        said = f'the cameras are {baseline_m:.3g} m apart, over {LONGEST_BASELINE_M:g} m'
        raise answer.refusal('wrong_unit', f'{said}: is the unit {answer.field("unit")} right?')
    return T


def load_tip(path: Path) -> F64:
    """Return ``T_tool_tip`` (4, 4), metres, of ``calibrate pivot``: turned as the tool, or with ``--spin`` z along its axis.

    Raises RegistrationError as ``load_answer`` and ``Answer.matrix_m``; ``wrong_unit`` also for a tip beyond 2 m, or where
    ``tip_m`` is not the transform's.
    """
    answer = load_answer(path, 'calibrate pivot')
    tip_m, T = answer.numbers('tip_m', (3,)), answer.matrix_m('T_tool_tip')
    if np.abs(tip_m).max() > LONGEST_TIP_M:
        raise answer.refusal('wrong_unit', f'tip_m {tip_m.tolist()}: over {LONGEST_TIP_M:g} m; is it in mm?')
    if np.abs(T[:3, 3] - tip_m).max() > SAME_M:
        where_m = [round(float(v), 7) for v in T[:3, 3]]
        raise answer.refusal('wrong_unit', f'tip_m {tip_m.tolist()} is not where T_tool_tip has the tip, {where_m} m')
    return se3.compose(T[:3, :3] if answer.field('spin') is not None else np.eye(3), tip_m)
