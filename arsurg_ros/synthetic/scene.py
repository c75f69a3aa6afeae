# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scene: where camera, pointer, board and anatomy are at a time, exactly.

Everything stands in ref, the reference board's frame: origin at the board's centre, x to the image's right, y up, z to the
viewer. Time is in seconds from the scene's start; every motion is smooth (velocity is continuous).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.boards import grid_board
from arsurg_ros.geometry.camera import camera_model
from arsurg_ros.synthetic.body import on_surface, surface_height_m
from arsurg_ros.types import F64, CameraModel

REFERENCE_BOARD = grid_board('reference', columns=4, rows=3, size_m=0.026, pitch_m=0.033, first_id=0)
POINTER_BOARD = grid_board('pointer', columns=3, rows=2, size_m=0.022, pitch_m=0.027, first_id=20)

LANDMARKS_XY_M = {
    'costal_right': (0.135, 0.055),
    'xiphoid': (0.205, 0.076),
    'costal_left': (0.277, 0.050),
    'flank_left': (0.283, -0.052),
    'umbilicus': (0.205, -0.060),
    'flank_right': (0.128, -0.045),
}
"""Skin fiducials around the opening, in the order in which the pointer touches them; positions in ref."""

FIRST_TOUCH_S = 2.0
DWELL_S = 1.05
MOVE_S = 0.62
REST_M = np.array([0.20, 0.0, 0.075])
VIEW = np.array([0.0, -0.47, 0.88]) / np.hypot(0.47, 0.88)


@dataclass(frozen=True)
class Dwell:
    """The pointer rests on a landmark from ``start_s`` to ``end_s``."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class PointerPlan:
    """What the pointer does at a time: ``phase`` is rest, move, dwell or trace; ``tip_ref_m`` (3,) is in ref."""

    phase: str
    landmark: str | None
    tip_ref_m: F64


@dataclass(frozen=True)
class Scene:
    """Ground truth of the synthetic operating room; hashable, so that textures are made once per scene.

    ``motion`` scales the camera's movement (0 keeps it still), ``dropouts_s`` are intervals in which a cloth covers the
    reference board.
    """

    seed: int = 7
    width_px: int = 640
    height_px: int = 480
    focal_px: float = 0.0
    rate_hz: float = 30.0
    motion: float = 1.0
    noise_grey: float = 2.0
    dropouts_s: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        """Raise ConfigError for an interval that ends before it starts, a rate or a size that is not positive."""
        for start, end in self.dropouts_s:
            if not start < end:
                raise ConfigError(f'dropouts_s: ({start}, {end}): an interval must end after it starts')
        if not self.rate_hz > 0:
            raise ConfigError(f'rate_hz {self.rate_hz}: must be positive')
        if self.width_px < 64 or self.height_px < 48:
            raise ConfigError(f'image size {self.width_px}x{self.height_px}: at least 64x48 is needed')

    @cached_property
    def camera(self) -> CameraModel:
        """The camera: no distortion, principal point at the image's centre, 60 degrees wide at 4:3 by default."""
        f = self.focal_px or 0.875 * min(self.width_px, self.height_px * 4 / 3)
        K = np.array([[f, 0, (self.width_px - 1) / 2], [0, f, (self.height_px - 1) / 2], [0, 0, 1.0]])
        return camera_model(self.width_px, self.height_px, K)

    @cached_property
    def T_ref_ct(self) -> F64:
        """The registration to be recovered: CT axes are left, posterior, superior, the patient lies a little askew."""
        axes = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
        askew = se3.from_rotvec(np.radians([4.0, -3.0, 9.0]))
        return se3.compose(askew @ axes, [0.196, 0.004, -0.016])

    @cached_property
    def T_trk_cam(self) -> F64:
        """Identity: the camera is the tracker."""
        return np.eye(4)

    @cached_property
    def p_tool_tip(self) -> F64:
        """The pointer's tip (3,) in the frame of its board, metres."""
        return np.array([-0.062, -0.078, -0.081])

    @cached_property
    def landmarks_ref(self) -> dict[str, F64]:
        """The skin fiducials (3,) in ref, metres."""
        return {name: on_surface(*xy) for name, xy in LANDMARKS_XY_M.items()}

    @cached_property
    def landmarks_ct(self) -> dict[str, F64]:
        """The skin fiducials (3,) in ct, metres: what a planner picked in the scan."""
        T_ct_ref = se3.inverse(self.T_ref_ct)
        return {name: se3.transform(T_ct_ref, p) for name, p in self.landmarks_ref.items()}

    @cached_property
    def dwells(self) -> tuple[Dwell, ...]:
        """When the pointer rests on which landmark."""
        starts = FIRST_TOUCH_S + np.arange(len(LANDMARKS_XY_M)) * (DWELL_S + MOVE_S)
        return tuple(Dwell(n, float(s), float(s) + DWELL_S) for n, s in zip(LANDMARKS_XY_M, starts, strict=True))

    def T_cam_ref(self, t_s: float) -> F64:
        """Return the board in the camera at a time: the camera sways around the patient and keeps looking at it."""
        # The phase keeps boards in the picture while the pointer is at the far landmarks.
        m, s = self.motion, t_s - FIRST_TOUCH_S + 1.0
        azimuth = np.radians(-4.0 + m * (6.5 * np.sin(0.75 * s) + 1.2 * np.sin(1.9 * s + 1.0)))
        elevation = np.radians(61.0 + m * (3.5 * np.sin(0.61 * s + 0.5)))
        distance = 0.503 + m * 0.018 * np.sin(0.47 * s + 0.3)
        target = np.array([0.150, 0.058, 0.0]) + m * 0.006 * np.sin([0.71 * s, 0.53 * s + 1.0, 0.0])
        out = np.array([np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)])
        roll = np.radians(m * 2.0 * np.sin(0.9 * s + 2.0))
        return _look_at(target + distance * out, target, roll)

    def T_ref_tool(self, t_s: float) -> F64:
        """Return the pointer's board in ref at a time."""
        tip = self.pointer_plan(t_s).tip_ref_m
        R = _pointer_rotation(tip, t_s)
        return se3.compose(R, tip - R @ self.p_tool_tip)

    def T_cam_tool(self, t_s: float) -> F64:
        """Return the pointer's board in the camera at a time."""
        return self.T_cam_ref(t_s) @ self.T_ref_tool(t_s)

    def board_covered(self, t_s: float) -> bool:
        """Tell whether the cloth lies on the reference board."""
        return any(start <= t_s < end for start, end in self.dropouts_s)

    def pointer_plan(self, t_s: float) -> PointerPlan:
        """Return what the pointer does at a time: it touches every landmark in turn, then traces the skin."""
        trace_s = self.dwells[-1].end_s + 1.2
        if t_s >= trace_s:
            return PointerPlan('trace', None, _trace(t_s - trace_s))
        for dwell in self.dwells:
            if dwell.start_s <= t_s < dwell.end_s:
                return PointerPlan('dwell', dwell.name, self.landmarks_ref[dwell.name])
        return self._moving(t_s, trace_s)

    def _moving(self, t_s: float, trace_s: float) -> PointerPlan:
        first, last = self.dwells[0], self.dwells[-1]
        if t_s < first.start_s - 0.8:
            return PointerPlan('rest', None, REST_M.copy())
        if t_s < first.start_s:
            return _move(REST_M, self.landmarks_ref[first.name], (t_s - first.start_s + 0.8) / 0.8, 0.0)
        if t_s >= last.end_s:
            start = self.landmarks_ref[last.name]
            return _move(start, _trace(0.0), (t_s - last.end_s) / (trace_s - last.end_s), 0.03)
        k = next(i for i, d in enumerate(self.dwells) if t_s < d.start_s)
        a, b = self.dwells[k - 1], self.dwells[k]
        fraction = (t_s - a.end_s) / (b.start_s - a.end_s)
        return _move(self.landmarks_ref[a.name], self.landmarks_ref[b.name], fraction, 0.022)


def _move(start: F64, end: F64, fraction: float, lift_m: float) -> PointerPlan:
    """Return a minimum-jerk move (Flash and Hogan 1985) that lifts off the skin between its ends."""
    s = fraction**3 * (10 - 15 * fraction + 6 * fraction**2)
    tip = start + s * (end - start)
    tip[2] += lift_m * np.sin(np.pi * s) ** 2
    above = float(surface_height_m(tip[0], tip[1]))
    tip[2] = max(tip[2], above)
    return PointerPlan('move', None, tip)


def _trace(t_s: float) -> F64:
    # The amplitude grows from nothing, so that the trace starts at rest, where the approach has set the tip down.
    grow = 1.0 - np.exp(-((t_s / 0.8) ** 2))
    x = 0.190 + grow * 0.055 * np.sin(1.5 * t_s)
    y = 0.010 + grow * 0.032 * np.sin(3.0 * t_s)
    return on_surface(float(x), float(y))


def _look_at(eye: F64, target: F64, roll_rad: float) -> F64:
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    R_ref_cam = np.stack([right, np.cross(forward, right), forward], axis=1) @ se3.from_rotvec([0, 0, roll_rad])
    return se3.inverse(se3.compose(R_ref_cam, eye))


def _pointer_rotation(tip_ref_m: F64, t_s: float) -> F64:
    """Return R_ref_tool: the plate faces the camera at a slant; the handle swings from right to up as the tip goes right."""
    slanted = se3.from_rotvec([0.0, 0.35, 0.0]) @ se3.from_rotvec([0.05, 0.0, 0.0])
    right = np.array([1.0, 0, 0])
    facing = np.stack([right, np.cross(VIEW, right), VIEW], axis=1)
    swing = se3.from_rotvec(VIEW * (5.5 * (tip_ref_m[0] - 0.18)))
    wobble = se3.from_rotvec(np.radians([2.0, 2.5, 1.5]) * np.sin([1.3 * t_s, 1.7 * t_s + 1.0, 1.1 * t_s + 2.0]))
    return np.asarray(swing @ wobble @ facing @ slanted, dtype=np.float64)
