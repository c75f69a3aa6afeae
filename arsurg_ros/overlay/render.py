# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The picture: anatomy over the camera's image where the state draws; in all states but LIVE a border and the reason."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from arsurg_ros.errors import ArsurgError, ConfigError, DataError
from arsurg_ros.files.encodings import KEPT, bgr
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.marks import Mark, Marks
from arsurg_ros.kernels.raster import Rasteriser, RasterResult
from arsurg_ros.overlay.bodies import Bodies
from arsurg_ros.overlay.budget import FrameBudget, LevelChoice
from arsurg_ros.overlay.distance import StructureDistance, TipDistances
from arsurg_ros.overlay.guides import guide_marks
from arsurg_ros.overlay.look import frame_look
from arsurg_ros.overlay.readouts import Readouts, alphabet, seen_tip, state_marks
from arsurg_ros.overlay.state import OverlayDecision, OverlayState
from arsurg_ros.overlay.structures import Scene
from arsurg_ros.overlay.view import View, view_of
from arsurg_ros.types import F32, F64, U8, CameraModel

#: What is shown where not even a banner can be drawn: dark grey, no camera's picture.
BLANK = 40
#: Else a picture without anatomy would look as if nothing were wrong with the view.
OUT_OF_VIEW = 'no anatomy in view'


@dataclass(frozen=True)
class RenderedOverlay:
    """The picture (H, W, 3), the caller's to keep; ``drawn`` tells whether anatomy is in it.

    ``state`` and ``reason`` are those of the picture, which may be worse than asked for. ``ids`` (H, W) uint8, where
    anatomy was drawn: k + 1 where structure k is nearest, and more than there are structures for a target's shell or a
    tracked instrument; ``depth_m`` (H, W) float32, inf where none is: views, good until the next picture. ``kernel_ms`` is
    the rasteriser's time, ``composite_ms`` the rest. ``distances`` are the tip's to the visible targets, nearest first, and
    then to the risks; none without anatomy. ``detail`` says which levels were drawn, where there is a frame budget.
    """

    image: U8
    drawn: bool
    state: OverlayState
    kernel_ms: float
    composite_ms: float
    reason: str = ''
    ids: U8 | None = None
    depth_m: F32 | None = None
    tip_drawn: bool = False
    distances: tuple[StructureDistance, ...] = ()
    detail: LevelChoice | None = None


@dataclass
class _Anatomy:
    """What became of a frame's anatomy."""

    result: RasterResult | None = None
    guides: tuple[Mark, ...] = ()
    distances: tuple[StructureDistance, ...] = ()
    detail: LevelChoice | None = None
    kernel_ns: int = 0


class OverlayRenderer:
    """Draws one scene at one picture size."""

    def __init__(
        self,
        scene: Scene,
        width_px: int,
        height_px: int,
        backend: str = 'wasm',
        budget_ms: float | None = None,
        threads: int = 1,
    ) -> None:
        """Load the meshes into the rasteriser, which draws with ``threads``.

        ``budget_ms``: its time, held by coarser levels of detail, None for none.

        Raises ConfigError, DataError or KernelError as Rasteriser does.
        """
        self._scene = scene
        self._size = (width_px, height_px)
        self._bodies = Bodies(scene)
        self._budget = None if budget_ms is None else FrameBudget(self._bodies.details, budget_ms)
        levels = None if budget_ms is None else self._bodies.levels
        self._rasteriser = Rasteriser(
            width_px, height_px, self._bodies.meshes, levels=levels, backend=backend, threads=threads
        )
        self._tip_distances = TipDistances(scene.anatomies, backend)
        self._marks = Marks(width_px, height_px, backend=backend)
        # Glyphs are drawn now: the first frame that has to say LOST must not be late.
        self._marks.prepare(alphabet(self._size))
        self.view = view_of(scene)

    @property
    def view(self) -> View:
        """What of the scene is shown."""
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        self._view, self._shown = view, view.applied(self._scene)

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
        pose that is missing or not rigid, or where drawing it fails, that becomes REFUSED. Where the marks fail,
        nothing can be written: the picture is all grey and REFUSED, so that it cannot pass for a live one. The picture is
        rgb8 where the frame is, else bgr8. Raises DataError where frame or camera have another size or the frame is not uint8,
        ConfigError for an encoding that is none of these or not the frame's.
        """
        start = time.perf_counter_ns()
        self._check_sizes(frame, camera)
        _check_encoding(frame, encoding)
        decision = _usable(OverlayDecision(state, readouts.reason), T_cam_ct, camera)
        order = 'rgb8' if encoding == 'rgb8' and frame.ndim == 3 else 'bgr8'
        image, anatomy = _copy(frame, encoding), _Anatomy()
        if decision.draws and T_cam_ct is not None and camera is not None:
            try:
                anatomy = self._draw_anatomy(image, camera, T_cam_ct, decision.state, readouts, order)
            except ArsurgError as e:
                decision = OverlayDecision(OverlayState.REFUSED, str(e))
        if anatomy.result is not None and not _in_view(anatomy.result):
            readouts = replace(readouts, notes=(OUT_OF_VIEW, *readouts.notes))
        tip = seen_tip(camera, readouts)
        marks = (*anatomy.guides, *tip, *state_marks(self._size, decision, readouts, anatomy.distances))
        try:
            self._marks.draw(image, marks, order)
        except ArsurgError as e:
            decision, anatomy, tip = OverlayDecision(OverlayState.REFUSED, str(e)), _Anatomy(), ()
            image[:] = BLANK
        rest_ns = time.perf_counter_ns() - start - anatomy.kernel_ns
        return RenderedOverlay(
            image=image,
            drawn=anatomy.result is not None,
            state=decision.state,
            kernel_ms=anatomy.kernel_ns / 1e6,
            composite_ms=rest_ns / 1e6,
            reason=decision.reason,
            ids=None if anatomy.result is None else anatomy.result.ids,
            depth_m=None if anatomy.result is None else anatomy.result.depth_m,
            tip_drawn=bool(tip),
            distances=anatomy.distances,
            detail=anatomy.detail,
        )

    def _draw_anatomy(
        self, image: U8, camera: CameraModel, T_cam_ct: F64, state: OverlayState, readouts: Readouts, order: str
    ) -> _Anatomy:
        """Draw the structures in place; what is drawn later is returned as marks."""
        distances = self.distances(T_cam_ct, readouts.T_cam_tip)
        focal_px = float(max(camera.K[0, 0], camera.K[1, 1]))
        placed = self._bodies.placed(self._shown, self._size[1], focal_px, T_cam_ct, state, readouts)
        tip, mask = readouts.T_cam_tip, readouts.instrument_mask
        look = frame_look(self._shown, camera, T_cam_ct, T_cam_tip=tip, mask=mask)
        detail = None if self._budget is None else self._budget.choose(placed.near_m, focal_px)
        level = None if detail is None else detail.levels
        before = time.perf_counter_ns()
        result = self._rasteriser.render(
            image, camera, placed.poses, placed.styles, look=look, level=level, encoding=order
        )
        kernel_ns = time.perf_counter_ns() - before
        if self._budget is not None:
            self._budget.measured(kernel_ns / 1e6)
        guides = guide_marks(self._shown, camera, T_cam_ct, result.depth_m)
        return _Anatomy(result, guides, distances, detail, kernel_ns)

    def distances(self, T_cam_ct: F64 | None, T_cam_tip: F64 | None) -> tuple[StructureDistance, ...]:
        """Return how far the tip is from every shown target and risk; none without either pose. Raises KernelError."""
        if T_cam_ct is None or T_cam_tip is None:
            return ()
        return self._tip_distances.at(T_cam_ct, T_cam_tip, self._shown.visible)

    def _check_sizes(self, frame: U8, camera: CameraModel | None) -> None:
        own = 'x'.join(map(str, self._size))
        if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3):
            raise DataError(f'image {frame.shape} {frame.dtype}: uint8 of (H, W, 3) bgr8 or (H, W) mono8 is needed')
        if frame.shape[1::-1] != self._size:
            raise DataError(f'image {frame.shape[1]}x{frame.shape[0]}: the overlay is {own}')
        if camera is not None and (camera.width_px, camera.height_px) != self._size:
            raise DataError(f'camera {camera.width_px}x{camera.height_px}: the overlay is {own}')


def _in_view(result: RasterResult) -> bool:
    """Tell whether any structure is in the picture."""
    x0, y0, x1, y1 = result.region
    return bool(result.ids[y0:y1, x0:x1].any())


def _check_encoding(frame: U8, encoding: str) -> None:
    if encoding not in KEPT or (frame.ndim == 3 and encoding == 'mono8'):
        valid = [name for name, channels in KEPT.items() if frame.ndim == 2 or channels == frame.shape[2]]
        raise ConfigError(f'encoding {encoding!r} of an image {frame.shape}; valid: {", ".join(valid)}')


def _copy(frame: U8, encoding: str) -> U8:
    """Return a picture to draw on; the frame itself stays as it came: it is shown again when no other comes."""
    if frame.ndim == 3 and encoding in ('bgr8', 'rgb8'):
        return np.array(frame, order='C')
    return bgr(frame, 'mono8' if frame.ndim == 2 else encoding)


def _usable(asked: OverlayDecision, T_cam_ct: F64 | None, camera: CameraModel | None) -> OverlayDecision:
    """Return the decision, REFUSED where anatomy was to be drawn without a pose or a camera that can be."""
    if not asked.draws or (camera is not None and T_cam_ct is not None and se3.is_rigid(T_cam_ct)):
        return asked
    if camera is None:
        return OverlayDecision(OverlayState.REFUSED, 'no camera_info')
    problem = 'no pose' if T_cam_ct is None else 'the pose is not finite and rigid'
    return OverlayDecision(OverlayState.REFUSED, problem)
