# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the overlay's pictures go beside ``overlay/image_raw``: JPEG for who subscribes, and a recording."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sensor_msgs.msg import CompressedImage

from arsurg_ros.errors import ArsurgError
from arsurg_ros.files.encodings import bgr
from arsurg_ros.nodes import msgs, qos
from arsurg_ros.sinks.background import NewestWins
from arsurg_ros.sinks.jpeg import encode_jpeg
from arsurg_ros.sinks.record import Recorder, open_recorder
from arsurg_ros.types import Frame


class OverlaySinks:
    """Encodes and records in threads of its own; what they cannot keep up with is dropped and counted."""

    def __init__(self, node: Any, p: Mapping[str, Any], topic: str) -> None:
        """Make a ``topic``'s compressed companion, and open the recording; raises ConfigError where that cannot be opened."""
        self._node = node
        self._quality = int(p['jpeg_quality'])
        self._recorder: Recorder | None = open_recorder(p['record'], p['record_rate_hz']) if p['record'] else None
        # As image_transport names it and its plugin writes it.
        self._compressed = node.publisher(CompressedImage, f'{topic}/compressed', qos.STREAM)
        self._encoding: NewestWins[Frame] = NewestWins(self._publish_jpeg, 'jpeg')

    def show(self, frame: Frame, state: str) -> None:
        """Pass a picture on; waits for nothing. Its memory must not be written to afterwards."""
        if self._compressed.get_subscription_count():
            self._encoding.put(frame)
        if (failure := self._encoding.take_failure()) is not None:
            self._node.warn(f'overlay/image_raw/compressed: {failure}')
        if self._recorder is None:
            return
        frame = replace(frame, image=bgr(frame.image, frame.encoding), encoding='bgr8')
        try:
            if not self._recorder.write(frame, state):
                self._node.warn(f'record: {self._recorder.dropped} pictures left out so far: disk or encoder is behind')
        except ArsurgError as e:
            self._node.warn(f'record: {e}')

    def counts(self) -> Counter[str]:
        """Return what was done and dropped."""
        out = Counter({'jpeg': self._encoding.done, 'jpeg_dropped': self._encoding.dropped})
        if self._recorder is not None:
            out['record_dropped'] = self._recorder.dropped
        return out

    def close(self) -> None:
        """Finish: before the topic goes. What could not be written is a warning, and the rest is there."""
        self._encoding.close()
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        try:
            done = recorder.close()
            self._node.get_logger().info(f'recorded {done.written} pictures, {done.dropped} left out: {done.path}')
        except ArsurgError as e:
            self._node.warn(f'record: {e}')

    def _publish_jpeg(self, frame: Frame) -> None:
        data = array('B')
        data.frombytes(encode_jpeg(bgr(frame.image, frame.encoding), self._quality))
        header = msgs.header(frame.stamp_ns, frame.frame_id)
        self._compressed.publish(CompressedImage(header=header, format='bgr8; jpeg compressed bgr8', data=data))
