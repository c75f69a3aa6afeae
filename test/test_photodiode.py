# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.pixel_code import CameraCode, OverlayCode, write_camera_code, write_overlay_code
from arsurg_ros.measure import Truth
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.photodiode import FAULTS, Photodiode, Reading
from arsurg_ros.report import DRAWN
from arsurg_ros.sinks.jpeg import encode_jpeg
from arsurg_ros.synthetic import Scene

EPOCH_NS = 1_764_000_000_000_000_000
STEP_NS = 33_333_333
LATE_NS = 45_000_000
SCENE = Scene()
Fake = Callable[[OverlayCode], OverlayCode]


def truth() -> Truth:
    out = Truth()
    out.epoch_ns = EPOCH_NS
    return out


TRUTH = truth()


def shown(k: int, fake: Fake = lambda code: code, camera: bool = True, under: int | None = None) -> np.ndarray:
    """Return picture k as an honest overlay shows it, but for what a fake does to its code; ``under``: another frame's."""
    image = np.full((480, 640, 3), 90, np.uint8)
    stamp_ns = EPOCH_NS + k * STEP_NS
    if camera:
        number = k if under is None else under
        write_camera_code(image, CameraCode(EPOCH_NS + number * STEP_NS, number))
    write_overlay_code(image, fake(OverlayCode(stamp_ns, 'live', stamp_ns, TRUTH.T_cam_ct(stamp_ns))))
    return image


def watch(pictures: list[np.ndarray], step_ns: int = STEP_NS, **given: Any) -> tuple[Photodiode, list[Reading]]:
    """Show pictures one after the other, each LATE_NS after picture k's turn."""
    diode = Photodiode(truth(), SCENE.camera, **given)
    readings = []
    for k, image in enumerate(pictures):
        now_ns = EPOCH_NS + k * step_ns + LATE_NS
        readings.append(diode.see(image, now_ns, lambda stamp_ns, now_ns=now_ns: now_ns - stamp_ns))
    return diode, readings


def faults(pictures: list[np.ndarray], **given: Any) -> dict[str, int]:
    return {name: n for name, n in watch(pictures, **given)[0].summary()['faults'].items() if n}


def test_an_honest_display_has_no_fault_and_its_latency_is_the_true_one() -> None:
    diode, readings = watch([shown(k) for k in range(12)])
    found = diode.summary()
    assert not any(found['faults'].values()) and set(found['faults']) == set(FAULTS)
    assert found['pictures'] == 12 and found['states'] == {'live': 12}
    assert found['repeats'] == found['skipped'] == found['longest_still_ms'] == 0
    assert found['age_ms'] == found['age_drawn_ms'] == {'n': 12, 'p50': 45.0, 'p95': 45.0, 'max': 45.0}
    assert found['pose_gap_ms']['max'] == 0
    assert found['px']['max'] < 0.05 and found['mm']['max'] < 0.03  # the code's steps
    assert readings[3].camera == CameraCode(EPOCH_NS + 3 * STEP_NS, 3)


def test_a_frozen_display_is_found_and_its_age_grows() -> None:
    still = [shown(k) for k in range(3)] + [shown(2)] * 12
    diode, readings = watch(still)
    found = diode.summary()
    assert found['repeats'] == 12 and found['longest_still_ms'] == 400.0
    assert found['faults']['frozen'] == 5  # from 250 ms on
    assert readings[7].faults == () and readings[-1].faults == ('frozen',)
    assert readings[-1].age_ns == LATE_NS + 12 * STEP_NS


def test_a_picture_that_stands_still_and_says_lost_is_no_frozen_one() -> None:
    def lost(code: OverlayCode) -> OverlayCode:
        return OverlayCode(code.stamp_ns, 'lost', code.pose_stamp_ns)

    assert faults([shown(k) for k in range(3)] + [shown(2, lost)] * 20) == {}


def test_a_display_faster_than_the_camera_repeats_and_is_not_frozen() -> None:
    diode, _ = watch([shown(k // 2) for k in range(20)], step_ns=STEP_NS // 2)
    assert diode.repeats == 10 and not diode.faults and diode.skipped == 0


def test_a_swapped_order_is_found() -> None:
    assert faults([shown(k) for k in (0, 1, 3, 2, 4)]) == {'out_of_order': 1}


def test_pictures_that_were_left_out_are_counted() -> None:
    assert watch([shown(k) for k in (0, 1, 4, 5, 9)])[0].skipped == 5


def test_the_pose_of_another_frame_drawn_on_a_frame_is_found() -> None:
    def late(code: OverlayCode) -> OverlayCode:
        return replace(code, T_cam_ct=TRUTH.T_cam_ct(code.stamp_ns - 15 * STEP_NS))

    diode, readings = watch([shown(k, late) for k in range(30, 42)])
    assert diode.faults['wrong_pose'] == 12 and diode.summary()['px']['p50'] > 5
    assert readings[0].error is not None and readings[0].error.mm > 5


@pytest.mark.parametrize('off_m', [0.002, 0.02])
def test_a_pose_that_is_off_is_measured_whatever_the_stamps_say(off_m: float) -> None:
    def off(code: OverlayCode) -> OverlayCode:
        assert code.T_cam_ct is not None
        return replace(code, T_cam_ct=se3.compose(np.eye(3), [off_m, 0, 0]) @ code.T_cam_ct)

    diode, _ = watch([shown(k, off) for k in range(5)])
    assert diode.summary()['mm']['p50'] == pytest.approx(1e3 * off_m, abs=0.03)
    assert diode.faults['wrong_pose'] == (5 if off_m > 0.01 else 0)


def test_an_old_pose_that_is_called_live_is_found() -> None:
    def old(code: OverlayCode) -> OverlayCode:
        return replace(code, pose_stamp_ns=code.stamp_ns - 150_000_000)

    diode, _ = watch([shown(k, old) for k in range(4)])
    assert diode.faults == {'old_pose': 4} and diode.summary()['pose_gap_ms']['p50'] == 150.0


def test_an_overlay_over_another_frame_than_its_own_is_found() -> None:
    assert faults([shown(0), shown(1, under=0), shown(2)]) == {'other_frame': 1}


def test_a_header_of_another_stamp_is_found() -> None:
    diode = Photodiode()
    assert diode.see(shown(3), 0, header_ns=EPOCH_NS + 3 * STEP_NS).faults == ()
    assert diode.see(shown(4), 0, header_ns=EPOCH_NS + 3 * STEP_NS).faults == ('header',)


@pytest.mark.parametrize(
    ('change', 'fault'),
    [
        (lambda code: replace(code, T_cam_ct=None), 'no_pose'),
        (lambda code: replace(code, pose_stamp_ns=None), 'no_pose'),
        (lambda code: replace(code, state='stale'), 'drawn_unsaid'),
        (lambda code: replace(code, state='lost'), 'drawn_unsaid'),
    ],
)
def test_a_state_that_does_not_agree_with_what_is_drawn_is_found(change: Fake, fault: str) -> None:
    assert faults([shown(0, change)]) == {fault: 1}


def test_an_unreadable_picture_is_counted_and_nothing_else() -> None:
    diode, readings = watch([shown(0), np.full((480, 640, 3), 90, np.uint8), shown(2)])
    assert readings[1] == Reading(None, None, faults=('unreadable',))
    assert diode.faults == {'unreadable': 1} and diode.summary()['age_ms']['n'] == 2


def test_a_bare_camera_picture_has_an_age_too() -> None:
    image = np.full((480, 640, 3), 90, np.uint8)
    write_camera_code(image, CameraCode(EPOCH_NS, 7))
    diode = Photodiode()
    assert diode.see(image, 0, lambda stamp_ns: EPOCH_NS + 5 - stamp_ns).age_ns == 5
    assert diode.summary()['states'] == {}


def test_an_overlay_of_a_camera_without_a_code_is_read() -> None:
    _, readings = watch([shown(k, camera=False) for k in range(3)])
    assert [r.faults for r in readings] == [()] * 3 and readings[2].camera is None


def test_jpeg_reads_the_same() -> None:
    sharp = [shown(k) for k in range(6)]
    jpeg = [cv2.imdecode(np.frombuffer(encode_jpeg(image, 50), np.uint8), cv2.IMREAD_COLOR) for image in sharp]
    assert watch(jpeg)[0].summary() == watch(sharp)[0].summary()


def test_without_a_truth_or_a_camera_there_is_no_error() -> None:
    for diode in (Photodiode(), Photodiode(truth()), Photodiode(camera=SCENE.camera)):
        reading = diode.see(shown(0), 0)
        assert reading.error is None and reading.age_ns is None
        assert diode.summary()['px'] is None


def test_it_knows_the_overlays_states() -> None:
    assert {state.value for state in OverlayState if state.draws} <= set(DRAWN)
    assert not {state.value for state in OverlayState if not state.draws} & set(DRAWN)
