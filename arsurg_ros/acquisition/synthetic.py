# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The synthetic camera: pictures of the synthetic scene at the caller's clock, late or lost on demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arsurg_ros import frames
from arsurg_ros.acquisition.faults import FaultLog
from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry.pixel_code import CameraCode, write_camera_code
from arsurg_ros.registry import param
from arsurg_ros.synthetic.render import render_frame
from arsurg_ros.synthetic.scene import Scene
from arsurg_ros.types import Frame


@dataclass(frozen=True)
class SyntheticConfig:
    """Parameters of the synthetic camera."""

    width_px: int = param(640, 'image width', unit='px', low=64, high=7680)
    height_px: int = param(480, 'image height', unit='px', low=48, high=4320)
    rate_hz: float = param(30.0, 'frames a second', unit='Hz', low=0.1, high=240.0)
    epoch_ns: int = param(0, "the scene's time 0 on the node's clock; 0: the start", unit='ns', low=0)
    scene_period_s: float = param(0.0, 'the scene starts again after it; 0: never', unit='s', low=0.0, high=1e6)
    duration_s: float = param(0.0, 'finished after so long; 0: never', unit='s', low=0.0, high=1e6)
    seed: int = param(7, 'of textures, noise, losses and delays', low=0)
    noise_grey: float = param(2.0, 'standard deviation of the sensor noise, grey levels', low=0.0, high=50.0)
    dropouts_s: tuple[float, ...] = param((), 'start, end, ... of when a cloth covers the reference board', unit='s')
    drop_probability: float = param(0.0, 'share of frames lost on purpose', low=0.0, high=1.0)
    delay_s: float = param(0.0, 'delivery delay; the stamps stay true', unit='s', low=0.0, high=10.0)
    jitter_s: float = param(0.0, 'further random delay of a frame, at most', unit='s', low=0.0, high=10.0)
    pixel_code: bool = param(False, "write stamp and number of the pose into each picture's lower edge, for a photodiode")
    camera_frame: str = param(frames.CAM, "the camera's optical frame")


class SyntheticCamera:
    """Renders a frame when it is due; stamps are exact multiples of the frame interval after the epoch."""

    Config = SyntheticConfig

    def __init__(self, config: SyntheticConfig) -> None:
        """Make the scene and bake its textures; raises ConfigError for drop-outs that are no intervals.

        And for pictures that are too small for the pixel code.
        """
        if len(config.dropouts_s) % 2:
            raise ConfigError(f'dropouts_s {list(config.dropouts_s)}: pairs of start and end are needed')
        self._config = config
        self.scene = Scene(
            config.seed,
            config.width_px,
            config.height_px,
            rate_hz=config.rate_hz,
            noise_grey=config.noise_grey,
            dropouts_s=tuple(zip(config.dropouts_s[::2], config.dropouts_s[1::2], strict=True)),
        )
        self.model = self.scene.camera
        self.faults = FaultLog()
        self.dropped = 0
        self.finished = False
        self._epoch_ns: int | None = None
        self._next = 0
        image = render_frame(self.scene, 0.0)  # the first picture bakes the textures: seconds that no frame should wait for
        if config.pixel_code:
            write_camera_code(image, CameraCode(0, 0))

    def start(self, now_ns: int) -> None:
        """Begin with the first frame at or after ``now_ns``."""
        self._epoch_ns = self._config.epoch_ns or now_ns
        elapsed_ns = max(0, now_ns - self._epoch_ns)
        self._next = max(0, int(np.ceil(elapsed_ns * self._config.rate_hz / 1e9 - 1e-6)))

    def next(self, now_ns: int) -> Frame | None:
        """Return the newest frame that has arrived by ``now_ns``, if any."""
        if self._epoch_ns is None:
            self.start(now_ns)
        newest = None
        while not self.finished and self._arrival_ns(self._next) <= now_ns:
            lost = self._random(self._next, 1) < self._config.drop_probability
            self.dropped += lost or newest is not None
            newest = newest if lost else self._next
            self._next += 1
            self._end_after_last()
        return None if newest is None else self._render(newest)

    def next_due_ns(self) -> int | None:
        """Return when the next frame arrives; None before the start and when finished."""
        return None if self._epoch_ns is None or self.finished else self._arrival_ns(self._next)

    def close(self) -> None:
        """End the stream."""
        self.finished = True

    def _stamp_ns(self, k: int) -> int:
        assert self._epoch_ns is not None
        return self._epoch_ns + round(k * 1e9 / self._config.rate_hz)

    def _arrival_ns(self, k: int) -> int:
        late_s = self._config.delay_s + self._config.jitter_s * self._random(k, 2)
        return self._stamp_ns(k) + round(late_s * 1e9)

    def _random(self, k: int, purpose: int) -> float:
        """Return a number in [0, 1) that belongs to a frame, the same whenever it is asked for."""
        return float(np.random.default_rng([self._config.seed, k, purpose]).random())

    def _end_after_last(self) -> None:
        duration_s = self._config.duration_s
        self.finished = self.finished or (duration_s > 0 and self._next >= duration_s * self._config.rate_hz)

    def _render(self, k: int) -> Frame:
        t_s = k / self._config.rate_hz
        t_s = t_s % self._config.scene_period_s if self._config.scene_period_s > 0 else t_s
        image = render_frame(self.scene, t_s)
        if self._config.pixel_code:
            write_camera_code(image, CameraCode(self._stamp_ns(k), k))
        return Frame(self._stamp_ns(k), self._config.camera_frame, image)
