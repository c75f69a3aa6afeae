# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Records a run: an MCAP bag of what was on the wire, the overlay video, and a contact sheet.

One thread of its own does the compressing and writing, so that the recording does not slow what it records. Camera images
go into the bag as JPEG on ``<topic>/compressed``, as image_transport names it.
"""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from arsurg_ros.errors import DataError
from arsurg_ros.sinks.contact_sheet import Tile, TileSampler, save_contact_sheet
from arsurg_ros.sinks.jpeg import encode_jpeg
from arsurg_ros.sinks.video import VideoWriter
from arsurg_ros.types import Frame

JPEG_QUALITY = 90
# About 100 MB of 640x480 frames: a longer backlog drops frames, and says so.
MAX_BACKLOG = 120
SHEET_TILES = 12
CAMERA_TOPIC = '/arsurg/camera/image_raw/compressed'
NANOSECONDS = 1_000_000_000


class RunRecorder:
    """Writes ``bag/``, ``overlay.mp4`` and ``contact_sheet.png`` into a folder; ``dropped`` counts frames left out of them."""

    def __init__(self, folder: Path, record_bag: bool, fps: float = 30.0) -> None:
        """Make the folder; an older bag in it is replaced."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._fps = fps
        self.dropped = 0
        self._typestore = get_typestore(Stores.ROS2_JAZZY)
        self._bag: Writer | None = None
        if record_bag:
            shutil.rmtree(folder / 'bag', ignore_errors=True)
            self._bag = Writer(folder / 'bag', version=9, storage_plugin=StoragePlugin.MCAP)
            self._bag.open()
        self._camera_connection: Any = None
        self._video: VideoWriter | None = None
        self._tiles = TileSampler(SHEET_TILES)
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._error = ''
        self._worker = threading.Thread(target=self._work, name='recorder', daemon=True)
        self._worker.start()

    def connection(self, topic: str, kind: type, latched: bool) -> Callable[[int, bytes], None]:
        """Add a topic to the bag; return what takes (receive time ns, serialised message)."""
        if self._bag is None:
            return lambda stamp_ns, data: None
        connection = self._add(topic, f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}', latched)
        bag = self._bag
        return lambda stamp_ns, data: self._jobs.put(lambda: bag.write(connection, stamp_ns, data))

    def camera(self, frame: Frame, received_ns: int) -> None:
        """Record a camera frame."""
        if self._bag is None or self._full():
            return
        if self._camera_connection is None:
            self._camera_connection = self._add(CAMERA_TOPIC, 'sensor_msgs/msg/CompressedImage', False)
        self._jobs.put(lambda: self._write_jpeg(frame, received_ns))

    def overlay(self, frame: Frame) -> None:
        """Record an overlay frame."""
        # The note carries the stamp until close() knows the state at it.
        self._tiles.add(Tile(frame.image, 0.0, note=str(frame.stamp_ns)))
        if self._video is None:
            height, width = frame.image.shape[:2]
            self._video = VideoWriter(self._folder / 'overlay.mp4', width, height, self._fps)
        self._video.write(frame.image)

    def close(self, labels: Mapping[int, str], start_ns: int = 0) -> dict[str, str]:
        """Finish all files; return kind -> path. ``labels`` names the state of a stamp. Raises DataError for what failed."""
        self._jobs.put(None)
        self._worker.join()
        files: dict[str, str] = {}
        if self._video is not None:
            summary = self._video.close()
            self.dropped += summary.dropped
            files['video'] = str(summary.path)
        if self._bag is not None:
            self._bag.close()
            self._bag = None
            files['bag'] = str(self._folder / 'bag')
        if tiles := self._tiles.tiles():
            path = self._folder / 'contact_sheet.png'
            save_contact_sheet(path, [_labelled(tile, labels, start_ns) for tile in tiles])
            files['contact_sheet'] = str(path)
        if self._error:
            raise DataError(f'recording to {self._folder}: {self._error}')
        return files

    def _add(self, topic: str, msgtype: str, latched: bool) -> Any:
        assert self._bag is not None
        return self._bag.add_connection(
            topic, msgtype, typestore=self._typestore, offered_qos_profiles=[qos_of(latched)]
        )

    def _full(self) -> bool:
        full = self._jobs.qsize() > MAX_BACKLOG
        self.dropped += full
        return full

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception as e:  # the run goes on; close() tells
                self._error = self._error or str(e)

    def _write_jpeg(self, frame: Frame, received_ns: int) -> None:
        data = np.frombuffer(encode_jpeg(frame.image, JPEG_QUALITY), dtype=np.uint8)
        kinds = self._typestore.types
        stamp = kinds['builtin_interfaces/msg/Time'](*divmod(frame.stamp_ns, NANOSECONDS))
        header = kinds['std_msgs/msg/Header'](stamp, frame.frame_id)
        message = kinds['sensor_msgs/msg/CompressedImage'](header, 'jpeg', data)
        serialised = self._typestore.serialize_cdr(message, 'sensor_msgs/msg/CompressedImage')
        if self._bag is not None:
            self._bag.write(self._camera_connection, received_ns, bytes(serialised))


def _labelled(tile: Tile, labels: Mapping[int, str], start_ns: int) -> Tile:
    stamp_ns = int(tile.note)
    return Tile(tile.image, (stamp_ns - start_ns) / 1e9, labels.get(stamp_ns, ''))


def qos_of(latched: bool) -> Qos:
    """Return what rosbag2 keeps of a topic's QoS; latched topics must stay latched when the bag is played."""
    return Qos(
        QosHistory.KEEP_LAST,
        1 if latched else 10,
        QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        QosTime(0, 0),
        QosTime(0, 0),
        QosLiveliness.AUTOMATIC,
        QosTime(0, 0),
        False,
    )
