# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the overlay says that it is, without a graph."""

from diagnostic_msgs.msg import DiagnosticStatus

from arsurg_ros.nodes.overlay_told import overlay_health
from arsurg_ros.overlay.budget import LevelChoice
from arsurg_ros.overlay.masks import MaskChoice
from arsurg_ros.overlay.state import OverlayState

USED = MaskChoice(state='used')


def test_live_is_ok_and_anything_else_is_not():
    assert overlay_health(None, USED, None, (), {})[:2] == (DiagnosticStatus.WARN, 'no image yet')
    assert overlay_health(OverlayState.LIVE, USED, None, (), {})[:2] == (DiagnosticStatus.OK, 'live')
    for state in set(OverlayState) - {OverlayState.LIVE}:
        assert overlay_health(state, USED, None, (), {})[:2] == (DiagnosticStatus.WARN, state.value)


def test_a_mask_or_a_budget_that_is_a_problem_is_said_beside_the_state():
    mask = MaskChoice(problem='instrument mask: over 1 s old, not used', state='x')
    detail = LevelChoice((0, 2), 0.345, 1200, False, 'the frame takes 9 ms, over 5 ms, at the coarsest')
    level, line, values = overlay_health(OverlayState.LIVE, mask, detail, (), {})
    assert level == DiagnosticStatus.WARN and line == f'live; {mask.problem}; {detail.reason}'
    assert values['detail_levels'] == '0 2' and values['detail_error_px'] == '0.34' and values['detail_budget_held'] is False


def test_a_budget_that_is_held_is_no_problem_and_warnings_are_values():
    level, line, values = overlay_health(
        OverlayState.LIVE, USED, LevelChoice((0,), 0.0, 12), ('mesh a: open', 'mesh b: open'), {'jpeg': 3}
    )
    assert (level, line) == (DiagnosticStatus.OK, 'live')
    assert values == {
        'state': 'live', 'instrument_mask': 'used', 'jpeg': 3,
        'scene_warning.1': 'mesh a: open', 'scene_warning.2': 'mesh b: open',
        'detail_levels': '0', 'detail_error_px': '0.00', 'detail_triangles': 12, 'detail_budget_held': True,
    }
