# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the overlay says beside its pictures: each change of state, where the right camera is, how it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from tf2_msgs.msg import TFMessage

from arsurg_ros.errors import ConfigError
from arsurg_ros.files.calibrations import load_stereo
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.overlay.budget import LevelChoice
from arsurg_ros.overlay.masks import MaskChoice
from arsurg_ros.overlay.state import OverlayState


class StateTopic:
    """``overlay/state``: latched, a message a change."""

    def __init__(self, node: Any, topic: str, camera_frame: str) -> None:
        """Make the topic."""
        self._node, self._frame = node, camera_frame
        self._publisher = node.publisher(DiagnosticArray, topic, qos.LATCHED)

    def tell(self, before: OverlayState | None, state: OverlayState, stamp_ns: int, age_ns: int | None, reason: str) -> None:
        """Publish and log a state; ``age_ns`` is that of the newest pose as the picture of the stamp goes out."""
        values: dict[str, object] = {'state': state.value, 'image_stamp_ns': stamp_ns}
        if age_ns is not None:
            values['pose_age_ms'] = f'{age_ns / 1e6:.1f}'
        level = DiagnosticStatus.OK if state is OverlayState.LIVE else DiagnosticStatus.WARN
        array = DiagnosticArray(header=msgs.header(stamp_ns, self._frame))
        array.status = [msgs.status('arsurg: overlay state', self._frame, level, reason or state.value, values)]
        self._publisher.publish(array)
        self._node.get_logger().info(f'overlay {before.value if before else "none"} -> {state.value} {reason}'.rstrip())


def place_right_camera(node: Any, p: Mapping[str, Any]) -> None:
    """Publish where the right camera is, if a file says so; raises ConfigError for another eye, and as load_stereo."""
    path, eye = p['stereo'], p['eye']
    if not path:
        return
    if eye != 'right':
        raise ConfigError(f'stereo {path!r} with eye {eye!r}: it places the right camera; give it to eye right')
    T_left_right = load_stereo(Path(path).expanduser())
    right = msgs.transform_stamped(T_left_right, node.now_ns(), p['camera_frame'], p['right_camera_frame'])
    node.publisher(TFMessage, '/tf_static', qos.LATCHED).publish(TFMessage(transforms=[right]))


def overlay_health(
    state: OverlayState | None,
    mask: MaskChoice,
    detail: LevelChoice | None,
    warnings: Sequence[str],
    counts: Mapping[str, object],
) -> tuple[bytes, str, dict[str, object]]:
    """Return level, one line and values for /diagnostics; the ``warnings`` of the scene are among the values."""
    values: dict[str, object] = {'instrument_mask': mask.state, **_detail_values(detail), **counts}
    values |= {f'scene_warning.{k}': line for k, line in enumerate(warnings, 1)}
    if state is None:
        return DiagnosticStatus.WARN, 'no image yet', values
    problems = [text for text in (mask.problem, detail.reason if detail else '') if text]
    level = DiagnosticStatus.OK if state is OverlayState.LIVE and not problems else DiagnosticStatus.WARN
    return level, '; '.join([state.value, *problems]), {'state': state.value, **values}


def _detail_values(detail: LevelChoice | None) -> dict[str, object]:
    if detail is None:
        return {}
    return {
        'detail_levels': ' '.join(map(str, detail.levels)),
        'detail_error_px': f'{detail.error_px:.2f}',
        'detail_triangles': detail.triangles,
        'detail_budget_held': detail.held,
    }
