# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every tracker in the registry keeps to."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arsurg_ros import registry
from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry import se3
from arsurg_ros.synthetic import Scene, render_frame
from arsurg_ros.tracking import TRACKERS, ImageTracker, PolledTracker, create_tracker
from arsurg_ros.types import Frame, Pose, Validity

NOW_NS = 7_000_000_000_000


@pytest.fixture(params=sorted(TRACKERS))
def tracker(request: pytest.FixtureRequest, two_tools: Path) -> Any:
    values: dict[str, dict[str, Any]] = {
        'aruco': {'boards': ['ref=synthetic:reference', 'pointer=synthetic:pointer'], 'tracker_frame': 'trk2'},
        'synthetic': {'tools': ['ref', 'pointer'], 'tracker_frame': 'trk2'},
        'recording': {'path': str(two_tools), 'topics': ['ref=/ref', 'pointer=/tool'], 'tracker_frame': 'trk2'},
    }
    return create_tracker(request.param, values[request.param])


def some_poses(tracker: Any) -> list[Pose]:
    if isinstance(tracker, ImageTracker):
        scene = Scene()
        return tracker.track(Frame(NOW_NS, 'cam', render_frame(scene, 3.0)), scene.camera)
    tracker.start(NOW_NS)
    return [p for k in range(20) for p in tracker.poll(NOW_NS + k * 5_000_000)]


def test_it_is_one_kind_of_tracker(tracker: Any) -> None:
    assert isinstance(tracker, ImageTracker) != isinstance(tracker, PolledTracker)
    assert tracker.kind == ('image' if isinstance(tracker, ImageTracker) else 'polled')
    assert tracker.tools == ('ref', 'pointer')


def test_every_tool_gets_valid_rigid_poses_in_the_tracker_frame(tracker: Any) -> None:
    poses = some_poses(tracker)
    assert {p.child for p in poses} == {'ref', 'pointer'}
    for pose in poses:
        assert pose.validity is Validity.VALID and pose.reason == '' and pose.parent == 'trk2'
        assert pose.T is not None and se3.is_rigid(pose.T, 1e-6)
        assert NOW_NS <= pose.stamp_ns <= NOW_NS + 100_000_000


def test_stamps_of_a_tool_rise(tracker: Any) -> None:
    for tool in tracker.tools:
        stamps = [p.stamp_ns for p in some_poses(tracker) if p.child == tool]
        assert all(a < b for a, b in pairwise(stamps))


def test_a_polled_tracker_says_when_to_ask_again(tracker: Any) -> None:
    if isinstance(tracker, ImageTracker):
        pytest.skip('an image tracker is asked once an image')
    assert tracker.next_due_ns() is None
    some_poses(tracker)
    due = tracker.next_due_ns()
    assert due is not None and NOW_NS < due < NOW_NS + 200_000_000
    assert all(p.stamp_ns < due for p in tracker.poll(due - 1))
    assert any(p.stamp_ns == due for p in tracker.poll(due))


def test_it_may_be_closed_twice(tracker: Any) -> None:
    some_poses(tracker)
    tracker.close()
    tracker.close()
    assert isinstance(tracker, ImageTracker) or tracker.finished


@pytest.mark.parametrize('kind', sorted(TRACKERS))
def test_every_parameter_is_described(kind: str) -> None:
    for p in registry.parameters(registry.load(TRACKERS, kind, 'tracker').Config):
        assert p.description and (p.type is not float or p.low is not None), p.name


def test_an_unknown_tracker_lists_the_known() -> None:
    with pytest.raises(ConfigError, match="tracker 'ndi': unknown; there are: aruco, recording, synthetic"):
        create_tracker('ndi', {})


@pytest.mark.parametrize('text', ['ref', '=file', 'ref='])
def test_pairs_are_name_and_value(text: str) -> None:
    with pytest.raises(ConfigError, match=f"boards '{text}': name=value is needed"):
        create_tracker('aruco', {'boards': [text]})


def test_a_name_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="boards: 'ref' is given twice"):
        create_tracker('aruco', {'boards': ['ref=synthetic:reference', 'ref=synthetic:pointer']})


def test_the_scene_moves_under_the_contract() -> None:
    assert not np.allclose(Scene().T_cam_ref(3.0), Scene().T_cam_ref(3.1))
