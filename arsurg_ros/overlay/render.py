# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The picture: anatomy over the camera's image where the state draws; in all states but LIVE a border and the reason."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from arsurg_ros.errors import DataError, KernelError
from arsurg_ros.files.encodings import bgr
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.raster import Rasteriser
from arsurg_ros.overlay.distance import StructureDistance, TipDistances, as_text, nearest_of_each_role
from arsurg_ros.overlay.draw import WHITE, Line, Rgb, border, draw_tip, stripes, text_block
from arsurg_ros.overlay.scene import Scene
from arsurg_ros.overlay.state import OverlayDecision, OverlayState
from arsurg_ros.overlay.view import view_of
from arsurg_ros.types import F64, U8, CameraModel


@dataclass(frozen=True)
class Readouts:
    """What is shown beside the anatomy; all of it optional.

    ``T_cam_tip`` is drawn in every state: pass it only while the instrument itself is tracked. ``p_tip_shaft_m`` (3,)
    is a point on the shaft in the tip frame. ``reason`` goes into the banner of a state other than LIVE. ``margin`` is a
    target's name and the radius, metres, that holds its error 95 times in 100; ``notes`` are further lines in small.
    ``instrument_mask`` (H, W) uint8 is not zero where an instrument is in the picture. ``pose_age_s`` is how old the newest
    data of the reference's pose is as the picture goes out, None where there never was one.
    """

    T_cam_tip: F64 | None = None
    p_tip_shaft_m: F64 | None = None
    fre_m: float | None = None
    reason: str = ''
    margin: tuple[str, float] | None = None
    notes: tuple[str, ...] = ()
    instrument_mask: U8 | None = None
    pose_age_s: float | None = None


@dataclass(frozen=True)
class RenderedOverlay:
    """The picture (H, W, 3) bgr, the caller's to keep; ``drawn`` tells whether anatomy is in it.

    ``state`` and ``reason`` are those of the picture, which may be worse than asked for. ``ids`` (H, W) uint8, where
    anatomy was drawn: k + 1 where structure k is nearest. ``kernel_ms`` is the rasteriser's time, ``composite_ms`` the
    rest. ``distances`` are the tip's to the visible targets, nearest first, and then to the risks; none without anatomy.
    """

    image: U8
    drawn: bool
    state: OverlayState
    kernel_ms: float
    composite_ms: float
    reason: str = ''
    ids: U8 | None = None
    tip_drawn: bool = False
    distances: tuple[StructureDistance, ...] = ()


@dataclass(frozen=True)
class Banner:
    """How a state is shown: heading, colour, the border's width in picture heights, and its stripes' lean."""

    heading: str
    rgb: Rgb
    width: float
    slope: int


# States differ by heading, by border width and by the stripes' lean as well as by colour.
BANNERS = {
    OverlayState.PREDICTED: Banner('POSE PREDICTED', (120, 220, 160), 0.01, 0),
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
        self.view = view_of(scene)
        self._size = (width_px, height_px)
        self._rasteriser = Rasteriser(width_px, height_px, scene.meshes, backend=backend)
        self._tip_distances = TipDistances(scene.anatomies, backend)
        # Made now: the first frame that has to say LOST must not be late.
        self._patterns = {
            state: stripes(width_px, height_px, banner.rgb, max(8, round(0.1 * height_px)), banner.slope)
            for state, banner in BANNERS.items()
        }

    def render(
        self,
        frame: U8,
        camera: CameraModel | None,
        T_cam_ct: F64 | None,
        state: OverlayState,
        readouts: Readouts,
        encoding: str = 'bgr8',
    ) -> RenderedOverlay:
        """Return the picture of a frame, (H, W, 3) bgr8 or rgb8 by ``encoding``, or (H, W) mono8, for a state.

        Anatomy is drawn only where the state says so (``OverlayState.draws``), as ``view`` has it; without a camera or with a
        pose that is missing or not rigid, or with a kernel that fails, that becomes REFUSED. The picture is rgb8 where the
        frame is, else bgr8. Raises DataError where frame or camera have another size or the frame is not uint8.
        """
        start = time.perf_counter_ns()
        self._check_sizes(frame, camera)
        decision = _usable(OverlayDecision(state, readouts.reason), T_cam_ct, camera)
        image, ids, kernel_ns = _bgr_copy(frame, encoding), None, 0
        distances: tuple[StructureDistance, ...] = ()
        if decision.draws and T_cam_ct is not None and camera is not None:
            before = start
            try:
                distances = self.distances(T_cam_ct, readouts.T_cam_tip)
                before = time.perf_counter_ns()
                ids = self._draw_anatomy(image, camera, T_cam_ct)
            except KernelError as e:
                decision, distances = OverlayDecision(OverlayState.REFUSED, str(e)), ()
            kernel_ns = time.perf_counter_ns() - before
        tip = self._annotate(image, camera, decision, readouts, distances)
        if encoding == 'rgb8':
            cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
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
            distances=distances,
        )

    def _draw_anatomy(self, image: U8, camera: CameraModel, T_cam_ct: F64) -> U8:
        """Draw the structures in place and return the ids; the kernel's own memory is not handed out."""
        poses = [T_cam_ct] * len(self._scene.anatomies)
        result = self._rasteriser.render(image, camera, poses, self.view.styles(self._scene))
        np.copyto(image, result.image)
        return np.array(result.ids)

    def distances(self, T_cam_ct: F64 | None, T_cam_tip: F64 | None) -> tuple[StructureDistance, ...]:
        """Return how far the tip is from every shown target and risk; none without either pose. Raises KernelError."""
        if T_cam_ct is None or T_cam_tip is None:
            return ()
        return self._tip_distances.at(T_cam_ct, T_cam_tip, {m.name for m in self._scene.meshes} - self.view.hidden)

    def _check_sizes(self, frame: U8, camera: CameraModel | None) -> None:
        own = 'x'.join(map(str, self._size))
        if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3):
            raise DataError(f'image {frame.shape} {frame.dtype}: uint8 of (H, W, 3) bgr8 or (H, W) mono8 is needed')
        if frame.shape[1::-1] != self._size:
            raise DataError(f'image {frame.shape[1]}x{frame.shape[0]}: the overlay is {own}')
        if camera is not None and (camera.width_px, camera.height_px) != self._size:
            raise DataError(f'camera {camera.width_px}x{camera.height_px}: the overlay is {own}')

    def _annotate(
        self,
        image: U8,
        camera: CameraModel | None,
        decision: OverlayDecision,
        readouts: Readouts,
        distances: Sequence[StructureDistance],
    ) -> bool:
        """Draw tip, border, banner and readouts in place; return whether the tip is in the picture."""
        tip = readouts.T_cam_tip
        seen = False
        if tip is not None and camera is not None and se3.is_rigid(tip):
            seen = draw_tip(image, camera, tip, readouts.p_tip_shaft_m)
        margin = max(4, image.shape[0] // 60)
        if banner := BANNERS.get(decision.state):
            margin += self._border(image, decision.state, banner)
            lines = [Line(banner.heading, banner.rgb, 1.5, bold=True)]
            text_block(image, lines + [Line(decision.reason)] * bool(decision.reason), (0.5, 0.0), margin)
        registered = decision.state not in (OverlayState.UNREGISTERED, OverlayState.REFUSED)
        if lines := readout_lines(readouts if registered else None, distances):
            text_block(image, lines, (0.0, 1.0), margin)
        return seen

    def _border(self, image: U8, state: OverlayState, banner: Banner) -> int:
        """Draw a state's border; return its width, pixels."""
        border_px = max(2, round(banner.width * self._size[1]))
        border(image, self._patterns[state], border_px)
        return border_px


def _bgr_copy(frame: U8, encoding: str) -> U8:
    converted = bgr(frame, 'mono8' if frame.ndim == 2 else encoding)
    return converted.copy() if converted is frame else converted


def _usable(asked: OverlayDecision, T_cam_ct: F64 | None, camera: CameraModel | None) -> OverlayDecision:
    """Return the decision, REFUSED where anatomy was to be drawn without a pose that can be."""
    if not asked.draws or (camera is not None and T_cam_ct is not None and se3.is_rigid(T_cam_ct)):
        return asked
    if camera is None:
        return OverlayDecision(OverlayState.REFUSED, 'no camera_info')
    problem = 'no pose' if T_cam_ct is None else 'the pose is not finite and rigid'
    return OverlayDecision(OverlayState.REFUSED, problem)


def readout_lines(readouts: Readouts | None, distances: Sequence[StructureDistance]) -> list[Line]:
    """Return the lines of the corner: the nearest target and risk large, then the registration's FRE and margin, the notes."""
    lines = [Line(as_text(distance), WHITE, 1.2) for distance in nearest_of_each_role(distances)]
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
