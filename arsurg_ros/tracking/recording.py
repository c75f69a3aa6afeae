# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A tracker played back from a recording: PoseStamped or TransformStamped topics, one a tool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry import bags, se3
from arsurg_ros.geometry.playback import ClockMap, Due, Playback, Recorded, bag_span
from arsurg_ros.registry import param
from arsurg_ros.tracking.pairs import named_pairs
from arsurg_ros.tracking.validity import Judge, Limits, Sample
from arsurg_ros.types import F64, Pose

POSE = 'geometry_msgs/msg/PoseStamped'
TRANSFORM = 'geometry_msgs/msg/TransformStamped'


@dataclass(frozen=True)
class RecordingConfig:
    """Parameters of the recorded tracker."""

    path: str = param('', 'the recording: a rosbag2 folder, .mcap or .db3')
    topics: tuple[str, ...] = param((), 'tool=TOPIC for every tool (PoseStamped or TransformStamped)')
    loop: int = param(1, 'how often it plays; 0: for ever', low=0)
    rate: float = param(1.0, 'speed against its stamps (not with keep_stamps)', low=0.01, high=100.0)
    keep_stamps: bool = param(False, "keep the recording's stamps (simulated time), else play as if captured live")
    frozen_after_s: float = param(0.25, 'the very same pose for so long is stale; 0: never', unit='s', low=0.0, high=60.0)
    silent_after_s: float = param(0.5, 'a tool unheard for so long is stale; 0: never', unit='s', low=0.0, high=60.0)
    tracker_frame: str = param('', "frame in which the poses are; empty: the messages' own")


class RecordingTracker:
    """Streams recorded poses on the node's clock, on the same time line as the recorded images of the same file."""

    kind: ClassVar[str] = 'polled'
    Config = RecordingConfig

    def __init__(self, config: RecordingConfig) -> None:
        """Check the recording and its topics; raises ConfigError or DataError naming what is wrong."""
        self._tool_of = _tools_by_topic(config)
        self.tools = tuple(self._tool_of.values())
        self._config = config
        self._span = bag_span(config.path)
        self._playback: Playback[bags.Message] | None = None
        self._judge = Judge(Limits(round(config.frozen_after_s * 1e9), round(config.silent_after_s * 1e9)))

    @property
    def finished(self) -> bool:
        """Whether the last pose has been given."""
        return self._playback is not None and self._playback.finished

    @property
    def faults(self) -> list[str]:
        """What was wrong with the file while it played."""
        return [] if self._playback is None else self._playback.errors

    def start(self, now_ns: int) -> None:
        """Begin (again) at the recording's start; with kept stamps the recording's own time says when."""
        self.close()
        clock = ClockMap(self._span, now_ns, self._config.rate, self._config.keep_stamps)
        self._playback = Playback(self._open, clock, self._config.loop)

    def poll(self, now_ns: int) -> list[Pose]:
        """Return the poses that are due; a tool that fell silent gets one stale pose."""
        if self._playback is None:
            self.start(now_ns)
        assert self._playback is not None
        poses = [self._judge.judge(self._sample(due), now_ns) for due in self._playback.take(now_ns)]
        return poses + self._judge.silences(now_ns)

    def next_due_ns(self) -> int | None:
        """Return the stamp of the next pose; None before the start and when finished."""
        return self._playback.next_due_ns() if self._playback else None

    def close(self) -> None:
        """Close the file."""
        if self._playback:
            self._playback.close()

    def _open(self) -> Iterator[Recorded[bags.Message]]:
        return bags.read(self._config.path, list(self._tool_of))

    def _sample(self, due: Due[bags.Message]) -> Sample:
        parent = self._config.tracker_frame or str(due.item.message.header.frame_id)
        tool = self._tool_of[due.item.topic]
        try:
            return Sample(due.stamp_ns, parent, tool, message_pose(due.item))
        except ValueError as e:
            return Sample(due.stamp_ns, parent, tool, None, reason=str(e))


def message_pose(item: bags.Message) -> F64:
    """Return ``T`` (4x4, metres) of a PoseStamped or TransformStamped; raises ValueError where it is no pose."""
    position, q = _parts(item)
    t_m = np.array([position.x, position.y, position.z], dtype=np.float64)
    return se3.from_quaternion(t_m, [q.x, q.y, q.z, q.w])


def _parts(item: bags.Message) -> tuple[Any, Any]:
    if item.type == POSE:
        return item.message.pose.position, item.message.pose.orientation
    return item.message.transform.translation, item.message.transform.rotation


def _tools_by_topic(config: RecordingConfig) -> dict[str, str]:
    wanted = named_pairs('topics', config.topics)
    if not wanted:
        fitting = [t.name for t in bags.recording_topics(config.path) if t.type in (POSE, TRANSFORM)]
        raise ConfigError(f'topics: none given; tool=TOPIC is needed; {config.path} has: {", ".join(fitting) or "none"}')
    chosen = {tool: bags.choose_topic(config.path, topic, (POSE, TRANSFORM), 'topics').name for tool, topic in wanted.items()}
    if len(set(chosen.values())) < len(chosen):
        raise ConfigError(f'topics: {", ".join(config.topics)}: two tools share a topic')
    return {topic: tool for tool, topic in chosen.items()}
