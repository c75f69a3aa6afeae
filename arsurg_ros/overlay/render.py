# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The picture: anatomy over the camera's image in LIVE and DRIFT; in all states but LIVE a border and the reason."""

from __future__ import annotations

import time
from dataclasses import dataclass

import cv2
import numpy as np

from arsurg_ros.errors import DataError, KernelError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.raster import Rasteriser
from arsurg_ros.overlay.distance import SurfaceQuery
from arsurg_ros.overlay.draw import WHITE, Line, Rgb, border, draw_tip, stripes, text_block
from arsurg_ros.overlay.scene import Scene
from arsurg_ros.overlay.state import OverlayDecision, OverlayState
from arsurg_ros.types import F64, U8, CameraModel


@dataclass(frozen=True)
class Readouts:
    """What is shown beside the anatomy; all of it optional.

    ``T_cam_tip`` is drawn in every state: pass it only while the instrument itself is tracked. ``p_tip_shaft_m`` (3,)
    is a point on the shaft in the tip frame. ``reason`` goes into the banner of a state other than LIVE. ``margin`` is a
    target's name and the radius, metres, that holds its error 95 times in 100; ``notes`` are further lines in small.
    """

    T_cam_tip: F64 | None = None
    p_tip_shaft_m: F64 | None = None
    fre_m: float | None = None
    reason: str = ''
    margin: tuple[str, float] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetDistance:
    """The tip's distance to the surface of the nearest target, metres, and whether the tip is inside of it."""

    name: str
    distance_m: float
    inside: bool


@dataclass(frozen=True)
class RenderedOverlay:
    """The picture (H, W, 3) bgr, the caller's to keep; ``drawn`` tells whether anatomy is in it.

    ``state`` and ``reason`` are those of the picture, which may be worse than asked for. ``ids`` (H, W) uint8, where
    anatomy was drawn: k + 1 where structure k is nearest. ``kernel_ms`` is the rasteriser's time, ``composite_ms`` the
    rest.
    """

    image: U8
    drawn: bool
    state: OverlayState
    kernel_ms: float
    composite_ms: float
    reason: str = ''
    ids: U8 | None = None
    tip_drawn: bool = False
    target: TargetDistance | None = None


@dataclass(frozen=True)
class Banner:
    """How a state is shown: heading, colour, the border's width in picture heights, and its stripes' lean."""

    heading: str
    rgb: Rgb
    width: float
    slope: int


# States differ by heading, by border width and by the stripes' lean as well as by colour.
BANNERS = {
    OverlayState.DRIFT: Banner('DRIFT WARNING', (255, 70, 200), 0.045, 2),
    OverlayState.STALE: Banner('POSE STALE', (190, 190, 190), 0.03, 1),
    OverlayState.LOST: Banner('TRACKING LOST', (255, 64, 48), 0.055, 1),
    OverlayState.UNREGISTERED: Banner('NOT REGISTERED', (86, 180, 233), 0.015, 0),
    OverlayState.REFUSED: Banner('OVERLAY REFUSED', (240, 160, 0), 0.04, -1),
}


class OverlayRenderer:
    """Draws one scene at one picture size."""

    def __init__(self, scene: Scene, width_px: int, height_px: int, backend: str = 'wasm') -> None:
        """Load the meshes into the rasteriser; raises ConfigError, DataError or KernelError as Rasteriser does."""
        self._scene = scene
        self._size = (width_px, height_px)
        self._rasteriser = Rasteriser(width_px, height_px, scene.meshes, backend=backend)
        self._queries = {mesh.name: SurfaceQuery(mesh) for mesh in scene.targets}
        # Made now: the first frame that has to say LOST must not be late.
        self._patterns = {
            state: stripes(width_px, height_px, banner.rgb, max(8, round(0.1 * height_px)), banner.slope)
            for state, banner in BANNERS.items()
        }

    def render(
        self, frame_bgr: U8, camera: CameraModel, T_cam_ct: F64 | None, state: OverlayState, readouts: Readouts
    ) -> RenderedOverlay:
        """Return the picture of a frame, (H, W, 3) bgr8 or (H, W) mono8, for a state.

        Anatomy is drawn only where the state is LIVE or DRIFT; either with a pose that is missing or not rigid, or with a
        kernel that fails, becomes REFUSED. Raises DataError where frame or camera have another size or the frame is not uint8.
        """
        start = time.perf_counter_ns()
        self._check_sizes(frame_bgr, camera)
        decision = _usable(OverlayDecision(state, readouts.reason), T_cam_ct)
        image, ids, kernel_ns = _bgr_copy(frame_bgr), None, 0
        if decision.draws and T_cam_ct is not None:
            before = time.perf_counter_ns()
            try:
                ids = self._draw_anatomy(image, camera, T_cam_ct)
            except KernelError as e:
                decision = OverlayDecision(OverlayState.REFUSED, str(e))
            kernel_ns = time.perf_counter_ns() - before
        target = self.target_distance(T_cam_ct, readouts.T_cam_tip) if decision.draws else None
        tip = self._annotate(image, camera, decision, readouts, target)
        rest_ns = time.perf_counter_ns() - start - kernel_ns
        return RenderedOverlay(
            image=image,
            drawn=ids is not None,
            state=decision.state,
            kernel_ms=kernel_ns / 1e6,
            composite_ms=rest_ns / 1e6,
            reason=decision.reason,
            ids=ids,
            tip_drawn=tip,
            target=target,
        )

    def _draw_anatomy(self, image: U8, camera: CameraModel, T_cam_ct: F64) -> U8:
        """Draw the structures in place and return the ids; the kernel's own memory is not handed out."""
        poses = [T_cam_ct] * len(self._scene.anatomies)
        result = self._rasteriser.render(image, camera, poses, self._scene.styles)
        return np.array(result.ids)

    def target_distance(self, T_cam_ct: F64 | None, T_cam_tip: F64 | None) -> TargetDistance | None:
        """Return how far the tip is from the nearest visible target; None without either pose or without a target."""
        if T_cam_ct is None or T_cam_tip is None or not se3.is_rigid(T_cam_tip):
            return None
        p_ct = se3.transform(se3.inverse(T_cam_ct), T_cam_tip[:3, 3])
        found = [(name, query.query(p_ct)) for name, query in self._queries.items()]
        distances = [TargetDistance(name, d.distance_m, d.inside) for name, d in found]
        # A tip inside one target is nearer to it than to any other's surface.
        return min(distances, key=lambda d: -d.distance_m if d.inside else d.distance_m, default=None)

    def _check_sizes(self, frame: U8, camera: CameraModel) -> None:
        own = 'x'.join(map(str, self._size))
        if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3):
            raise DataError(f'image {frame.shape} {frame.dtype}: uint8 of (H, W, 3) bgr8 or (H, W) mono8 is needed')
        if frame.shape[1::-1] != self._size:
            raise DataError(f'image {frame.shape[1]}x{frame.shape[0]}: the overlay is {own}')
        if (camera.width_px, camera.height_px) != self._size:
            raise DataError(f'camera {camera.width_px}x{camera.height_px}: the overlay is {own}')

    def _annotate(
        self,
        image: U8,
        camera: CameraModel,
        decision: OverlayDecision,
        readouts: Readouts,
        target: TargetDistance | None,
    ) -> bool:
        """Draw tip, border, banner and readouts in place; return whether the tip is in the picture."""
        tip = readouts.T_cam_tip
        seen = tip is not None and se3.is_rigid(tip) and draw_tip(image, camera, tip, readouts.p_tip_shaft_m)
        margin = max(4, image.shape[0] // 60)
        if banner := BANNERS.get(decision.state):
            margin += self._border(image, decision.state, banner)
            lines = [Line(banner.heading, banner.rgb, 1.5, bold=True)]
            text_block(image, lines + [Line(decision.reason)] * bool(decision.reason), (0.5, 0.0), margin)
        registered = decision.state not in (OverlayState.UNREGISTERED, OverlayState.REFUSED)
        if lines := readout_lines(readouts if registered else None, target):
            text_block(image, lines, (0.0, 1.0), margin)
        return seen

    def _border(self, image: U8, state: OverlayState, banner: Banner) -> int:
        """Draw a state's border; return its width, pixels."""
        border_px = max(2, round(banner.width * self._size[1]))
        border(image, self._patterns[state], border_px)
        return border_px


def _bgr_copy(frame: U8) -> U8:
    return frame.copy() if frame.ndim == 3 else np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), dtype=np.uint8)


def _usable(asked: OverlayDecision, T_cam_ct: F64 | None) -> OverlayDecision:
    """Return the decision, REFUSED where anatomy was to be drawn without a pose that can be."""
    if not asked.draws or (T_cam_ct is not None and se3.is_rigid(T_cam_ct)):
        return asked
    problem = 'no pose' if T_cam_ct is None else 'the pose is not finite and rigid'
    return OverlayDecision(OverlayState.REFUSED, problem)


def readout_lines(readouts: Readouts | None, target: TargetDistance | None) -> list[Line]:
    """Return the lines of the corner: the distance large, then the registration's FRE and margin, and the notes."""
    lines = []
    if target is not None:
        inside = 'inside, ' if target.inside else ''
        lines.append(Line(f'tip to {_shown(target.name)}: {inside}{1e3 * target.distance_m:.1f} mm', WHITE, 1.2))
    if readouts is None:
        return lines
    parts = [] if readouts.fre_m is None else [f'FRE {1e3 * readouts.fre_m:.2f} mm']
    if readouts.margin is not None:
        name, margin_m = readouts.margin
        parts.append(f'TRE95 {_shown(name)} {1e3 * margin_m:.1f} mm')
    if parts:
        lines.append(Line('   '.join(parts)))
    return lines + [Line(note) for note in readouts.notes]


def _shown(name: str) -> str:
    return name.replace('_', ' ')
