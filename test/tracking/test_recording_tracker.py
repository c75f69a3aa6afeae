# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.tracking import create_tracker
from arsurg_ros.types import Validity

TOPICS = ['ref=/ref', 'tool=/tool']


def tracker(path: Path, topics: list[str] = TOPICS, **values: Any) -> Any:
    return create_tracker('recording', {'path': str(path), 'topics': topics, **values})


def test_both_message_types_are_poses_in_their_own_frame(two_tools: Path, poll: Any, kit: Any) -> None:
    poses = poll(tracker(two_tools), 10**12)
    assert len(poses) == 20
    for axis, tool in enumerate(('ref', 'tool')):
        mine = [p for p in poses if p.child == tool]
        assert [p.stamp_ns for p in mine] == [10**12 + k * kit.step_ns for k in range(10)]
        np.testing.assert_allclose([p.T[axis, 3] for p in mine], np.arange(10) * 0.001, atol=1e-12)
        assert {p.parent for p in mine} == {'ndi'}


def test_kept_stamps_are_the_recordings_own_and_loops_go_on(two_tools: Path, poll: Any, kit: Any) -> None:
    t = tracker(two_tools, ['ref=/ref'], loop=3, keep_stamps=True)
    stamps = [p.stamp_ns for p in poll(t, kit.start_ns)]
    assert stamps[:10] == [kit.start_ns + k * kit.step_ns for k in range(10)]
    assert len(stamps) == 30 and np.abs(np.diff(stamps) - kit.step_ns).max() < 10


def test_the_frame_may_be_renamed(two_tools: Path, poll: Any) -> None:
    assert {p.parent for p in poll(tracker(two_tools, tracker_frame='trk'), 0)} == {'trk'}


@pytest.mark.parametrize(
    ('xyz', 'q', 'reason'),
    [
        ((float('nan'), 0, 0), (0, 0, 0, 1), 'not finite'),
        ((0, 0, 0), (0, 0, 0, 0), 'norm 0.0000, not 1'),
        ((0, 0, 0), (0, 0, 0, float('nan')), 'not finite'),
    ],
)
def test_a_message_that_is_no_pose_is_lost_and_the_others_come(
    tmp_path: Path, poll: Any, kit: Any, xyz: Any, q: Any, reason: str
) -> None:
    stamps = [kit.start_ns + k * kit.step_ns for k in range(3)]
    messages = [('/ref', stamps[0], kit.pose(stamps[0], (1, 0, 0))), ('/ref', stamps[1], kit.pose(stamps[1], xyz, q))]
    bag = kit.bag(tmp_path / 'b', [*messages, ('/ref', stamps[2], kit.pose(stamps[2], (2, 0, 0)))])
    poses = poll(tracker(bag, ['ref=/ref']), 10**12)
    assert [p.validity for p in poses] == [Validity.VALID, Validity.LOST, Validity.VALID]
    assert poses[1].T is None and reason in poses[1].reason


def test_a_frozen_recording_is_stale(tmp_path: Path, poll: Any, kit: Any) -> None:
    stamps = [kit.start_ns + k * kit.step_ns for k in range(40)]
    bag = kit.bag(tmp_path / 'b', [('/ref', s, kit.pose(s, (1, 0, 0))) for s in stamps])
    last = poll(tracker(bag, ['ref=/ref']), 10**12)[-1]
    assert last.validity is Validity.STALE and 'frozen' in last.reason
    assert poll(tracker(bag, ['ref=/ref'], frozen_after_s=0.0), 10**12)[-1].validity is Validity.VALID


@pytest.mark.parametrize(
    ('topics', 'message'),
    [
        ([], 'topics: none given; tool=TOPIC is needed; .* has: /ref, /tool'),
        (['ref=/nope'], "topics '/nope': not in .*: /ref, /tool"),
        (['ref=/point'], "topics '/point': is a geometry_msgs/msg/PointStamped, needed is geometry_msgs/msg/PoseStamped"),
        (['a=/ref', 'b=/ref'], 'two tools share a topic'),
    ],
)
def test_wrong_topics_list_the_right_ones(two_tools: Path, topics: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tracker(two_tools, topics)


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='there is no such file'):
        tracker(tmp_path / 'none')


def test_the_real_recording_is_all_valid(shared_data: Path, poll: Any) -> None:
    topics = ['ref=/tracker/reference/measured_cp', 'stylus=/tracker/stylus/measured_cp']
    t = tracker(shared_data / 'bags' / 'plus_eight_landmarks', topics)
    poses = poll(t, 10**12, for_s=80.0, pace_ns=50_000_000)
    assert len(poses) == 2000 and all(p.validity is Validity.VALID for p in poses) and t.faults == []
