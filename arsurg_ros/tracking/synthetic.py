# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A tracker that follows the synthetic scene, with the noise and the lies that real devices tell, on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from arsurg_ros import frames
from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry import se3
from arsurg_ros.registry import param
from arsurg_ros.synthetic.scene import Scene
from arsurg_ros.tracking.validity import Judge, Limits, Sample
from arsurg_ros.types import F64, Pose

CATCH_UP_NS = 1_000_000_000
BODIES: dict[str, Callable[[Scene, float], F64]] = {
    'ref': lambda scene, t_s: scene.T_trk_cam @ scene.T_cam_ref(t_s),
    'pointer': lambda scene, t_s: scene.T_trk_cam @ scene.T_cam_tool(t_s),
    'cam': lambda scene, t_s: scene.T_trk_cam,
}


@dataclass(frozen=True)
class SyntheticConfig:
    """Parameters of the synthetic tracker; intervals are start, end, start, end, ... seconds of the scene."""

    tools: tuple[str, ...] = param(('ref', 'pointer'), 'the tools that it tracks: of ref, pointer, cam')
    rate_hz: float = param(60.0, 'poses a second of each tool', unit='Hz', low=1.0, high=2000.0)
    noise_m: float = param(0.0, 'standard deviation of the position, an axis', unit='m', low=0.0, high=0.1)
    noise_rad: float = param(0.0, 'standard deviation of the rotation, an axis', unit='rad', low=0.0, high=1.0)
    latency_s: float = param(0.0, 'delivery delay; the stamps stay true', unit='s', low=0.0, high=10.0)
    epoch_ns: int = param(0, "the scene's time 0 on the node's clock; 0: the start", unit='ns', low=0)
    scene_period_s: float = param(0.0, 'the scene starts again after it; 0: never', unit='s', low=0.0, high=1e6)
    seed: int = param(7, 'of the noise', low=0)
    faulty_tool: str = param('', 'the tool that the faults strike; empty: all')
    dropouts_s: tuple[float, ...] = param((), 'fault: the device says that the tool is not in view', unit='s')
    silent_s: tuple[float, ...] = param((), 'fault: nothing is sent', unit='s')
    nan_s: tuple[float, ...] = param((), 'fault: NaN poses', unit='s')
    frozen_s: tuple[float, ...] = param((), 'fault: the pose at the start of the interval again and again', unit='s')
    zero_stamp_s: tuple[float, ...] = param((), 'fault: stamp 0', unit='s')
    skewed_s: tuple[float, ...] = param((), 'fault: a matrix that is no rotation', unit='s')
    frozen_after_s: float = param(0.25, 'the very same pose for so long is stale; 0: never', unit='s', low=0.0, high=60.0)
    silent_after_s: float = param(0.5, 'a tool unheard for so long is stale; 0: never', unit='s', low=0.0, high=60.0)
    tracker_frame: str = param(frames.TRK, 'frame in which the poses are')


class SyntheticTracker:
    """Ground truth with noise and faults; what a fault makes of it passes the same judge as a real device's stream."""

    kind: ClassVar[str] = 'polled'
    Config = SyntheticConfig

    def __init__(self, config: SyntheticConfig, scene: Scene | None = None) -> None:
        """Follow a scene, the default one if none is given; raises ConfigError for an unknown tool or a bad interval."""
        for tool in config.tools:
            if tool not in BODIES:
                raise ConfigError(f'tools: {tool!r} is unknown; there are: {", ".join(BODIES)}')
        self.tools = config.tools or ('ref', 'pointer')
        if config.faulty_tool and config.faulty_tool not in self.tools:
            raise ConfigError(f'faulty_tool {config.faulty_tool!r}: none of the tools {", ".join(self.tools)}')
        names = ('dropouts_s', 'silent_s', 'nan_s', 'frozen_s', 'zero_stamp_s', 'skewed_s')
        self._faults = {name: intervals(name, getattr(config, name)) for name in names}
        self._config = config
        self._scene = scene or Scene()
        self._judge = Judge(Limits(round(config.frozen_after_s * 1e9), round(config.silent_after_s * 1e9)))
        self._epoch_ns: int | None = None
        self._next = 0
        self.dropped = 0
        self.finished = False

    def start(self, now_ns: int) -> None:
        """Begin with the next sample after ``now_ns``."""
        self._epoch_ns = self._config.epoch_ns or now_ns
        self._next = max(0, self._index(now_ns))

    def poll(self, now_ns: int) -> list[Pose]:
        """Return the samples that have come by ``now_ns``, judged; after a long pause only the last second's."""
        if self._epoch_ns is None:
            self.start(now_ns)
        arrived_ns = now_ns - round(self._config.latency_s * 1e9)
        last = self._index(arrived_ns)
        skipped = max(0, self._index(arrived_ns - CATCH_UP_NS) - self._next)
        self.dropped += skipped
        poses = []
        for k in range(self._next + skipped, last + 1):
            poses += [self._judge.judge(s, now_ns) for tool in self.tools if (s := self._sample(tool, k))]
        self._next = max(self._next, last + 1)
        return poses + self._judge.silences(now_ns)

    def next_due_ns(self) -> int | None:
        """Return when the next sample arrives; None before the start."""
        if self._epoch_ns is None:
            return None
        return self._stamp_ns(self._next) + round(self._config.latency_s * 1e9)

    def close(self) -> None:
        """End the stream."""
        self.finished = True

    def _index(self, at_ns: int) -> int:
        """Return the index of the last sample taken by a time; -1 before the scene begins."""
        assert self._epoch_ns is not None
        k = int((at_ns - self._epoch_ns) * self._config.rate_hz / 1e9)
        if at_ns < self._epoch_ns:
            return -1
        return k + 1 if self._stamp_ns(k + 1) <= at_ns else k - 1 if self._stamp_ns(k) > at_ns else k

    def _stamp_ns(self, k: int) -> int:
        assert self._epoch_ns is not None
        return self._epoch_ns + round(k * 1e9 / self._config.rate_hz)

    def _sample(self, tool: str, k: int) -> Sample | None:
        """Return what the device sends for a tool at sample ``k``; None where it is silent."""
        t_s = scene_time_s(k / self._config.rate_hz, self._config.scene_period_s)
        struck = partial(self._struck, tool, t_s)
        if struck('silent_s') is not None:
            return None
        frozen_at = struck('frozen_s')
        T: F64 | None = self._measured(tool, t_s if frozen_at is None else frozen_at, k if frozen_at is None else 0)
        if struck('dropouts_s') is not None:
            T = None
        elif struck('nan_s') is not None:
            T = np.full((4, 4), np.nan)
        elif struck('skewed_s') is not None and T is not None:
            T = T @ np.diag([1.0, 1.2, 1.0, 1.0])
        stamp_ns = 0 if struck('zero_stamp_s') is not None else self._stamp_ns(k)
        return Sample(stamp_ns, self._config.tracker_frame, tool, T)

    def _struck(self, tool: str, t_s: float, fault: str) -> float | None:
        """Return the start of the fault's interval that strikes a tool now; None where none does."""
        if self._config.faulty_tool not in ('', tool):
            return None
        return next((a for a, b in self._faults[fault] if a <= t_s < b), None)

    def _measured(self, tool: str, t_s: float, k: int) -> F64:
        T = BODIES[tool](self._scene, t_s)
        rng = np.random.default_rng([self._config.seed, k, self.tools.index(tool)])
        shift = rng.normal(0.0, 1.0, 3) * self._config.noise_m
        turn = se3.from_rotvec(rng.normal(0.0, 1.0, 3) * self._config.noise_rad)
        return se3.compose(T[:3, :3] @ turn, T[:3, 3] + shift)


def intervals(name: str, numbers: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    """Return ((start, end), ...) of a flat list; raises ConfigError for an odd count or an end before its start."""
    pairs = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    if len(numbers) % 2 or any(not a < b for a, b in pairs):
        raise ConfigError(f'{name} {list(numbers)}: pairs of start and end are needed, each start before its end')
    return pairs


def scene_time_s(t_s: float, period_s: float) -> float:
    """Return the scene's time, which starts again after a period (0: never) and stands at 0 before the start."""
    t_s = max(0.0, t_s)
    return t_s % period_s if period_s > 0 else t_s
