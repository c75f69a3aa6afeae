# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry import se3
from arsurg_ros.synthetic import Scene
from arsurg_ros.tracking import create_tracker
from arsurg_ros.types import Pose, Validity

EPOCH_NS = 50_000_000_000
SCENE = Scene()


def tracker(**values: Any) -> Any:
    return create_tracker('synthetic', {'epoch_ns': EPOCH_NS, **values})


def seconds(pose: Pose) -> float:
    return (pose.stamp_ns - EPOCH_NS) / 1e9


def test_without_noise_it_is_the_truth_at_the_stamp(poll: Any) -> None:
    poses = poll(tracker(), EPOCH_NS, for_s=1.0)
    assert len(poses) == 2 * 60
    for pose in poses:
        truth = SCENE.T_cam_ref if pose.child == 'ref' else SCENE.T_cam_tool
        np.testing.assert_allclose(pose.T, truth(seconds(pose)), atol=1e-7)


def test_noise_has_the_deviation_asked_for(poll: Any) -> None:
    poses = poll(tracker(tools=['ref'], rate_hz=500.0, noise_m=0.001, noise_rad=0.002), EPOCH_NS, for_s=3.0)
    off = [se3.inverse(SCENE.T_cam_ref(seconds(p))) @ p.T for p in poses]
    assert np.std([d[:3, 3] for d in off]) == pytest.approx(0.001, rel=0.1)
    assert np.std([se3.to_rotvec(d[:3, :3]) for d in off]) == pytest.approx(0.002, rel=0.1)


def test_latency_delays_the_delivery_not_the_stamp() -> None:
    t = tracker(latency_s=0.05)
    t.start(EPOCH_NS)
    assert t.poll(EPOCH_NS + 49_999_999) == []
    assert t.poll(EPOCH_NS + 50_000_000)[0].stamp_ns == EPOCH_NS


@pytest.mark.parametrize(
    ('fault', 'validity', 'reason'),
    [
        ('dropouts_s', Validity.LOST, 'not in view'),
        ('nan_s', Validity.LOST, 'not finite'),
        ('zero_stamp_s', Validity.LOST, 'stamp 0'),
        ('skewed_s', Validity.LOST, 'not rigid'),
    ],
)
def test_a_fault_strikes_one_tool_in_its_interval_and_never_passes_as_valid(
    poll: Any, fault: str, validity: Validity, reason: str
) -> None:
    poses = poll(tracker(**{fault: [0.5, 0.8, 1.2, 1.3]}, faulty_tool='ref'), EPOCH_NS, for_s=2.0)
    for pose in poses:
        # A refused stamp 0 carries the time of arrival, one poll later at most.
        t_s = seconds(pose) - 0.002
        struck = pose.child == 'ref' and (0.5 <= t_s + 0.003 < 0.8 or 1.2 <= t_s + 0.003 < 1.3)
        if struck or pose.validity is not Validity.VALID:
            assert pose.child == 'ref' and pose.validity is validity and pose.T is None and reason in pose.reason
            assert 0.499 <= seconds(pose) < 0.81 or 1.199 <= seconds(pose) < 1.31
    bad = [p for p in poses if p.validity is not Validity.VALID]
    assert len(bad) == 18 + 6


def test_a_frozen_pose_becomes_stale_after_a_while(poll: Any) -> None:
    poses = [p for p in poll(tracker(tools=['ref'], frozen_s=[0.5, 1.5], noise_m=1e-4), EPOCH_NS) if 0.5 <= seconds(p) < 1.5]
    stale = [seconds(p) for p in poses if p.validity is Validity.STALE]
    assert len(poses) == 60 and min(stale) == pytest.approx(0.75, abs=0.02) and len(stale) == pytest.approx(45, abs=1)


def test_silence_becomes_one_stale_pose(poll: Any) -> None:
    poses = poll(tracker(tools=['ref'], silent_s=[0.5, 1.5]), EPOCH_NS, for_s=2.0)
    silent = [p for p in poses if p.validity is not Validity.VALID]
    assert [(p.validity, p.T) for p in silent] == [(Validity.STALE, None)]
    assert 'silent for 0.50 s' in silent[0].reason and 0.95 < seconds(silent[0]) < 1.05
    assert not any(0.5 <= seconds(p) < 1.5 for p in poses if p.validity is Validity.VALID)


def test_a_long_pause_gives_the_last_second_and_counts_the_rest() -> None:
    t = tracker(tools=['ref'])
    t.start(EPOCH_NS)
    poses = t.poll(EPOCH_NS + 10_000_000_000)
    assert 59 <= len(poses) <= 62 and t.dropped == 601 - len(poses)


def test_before_the_epoch_nothing_comes_and_a_period_repeats(poll: Any) -> None:
    t = tracker(scene_period_s=1.0, tools=['ref'])
    assert t.poll(EPOCH_NS - 10) == []
    poses = {round(seconds(p), 6): p for p in poll(t, EPOCH_NS, for_s=2.0)}
    np.testing.assert_allclose(poses[0.25].T, poses[1.25].T, atol=1e-9)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'tools': ['knife']}, "tools: 'knife' is unknown; there are: ref, pointer, cam"),
        ({'faulty_tool': 'knife'}, "faulty_tool 'knife': none of the tools ref, pointer"),
        ({'nan_s': [1.0]}, r'nan_s \[1.0\]: pairs of start and end'),
        ({'frozen_s': [2.0, 1.0]}, r'frozen_s \[2.0, 1.0\]: pairs'),
        ({'rate_hz': 0.0}, 'rate_hz 0.0'),
    ],
)
def test_a_bad_configuration_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tracker(**values)
