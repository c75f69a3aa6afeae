# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What was really shown against what was true: overlay error in px and mm, and the drawn pixels themselves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from arsurg_ros import frames
from arsurg_ros.drawn import Silhouette, drawn_agreement
from arsurg_ros.errors import ConfigError, TransformLookupError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.geometry.transforms import TransformBuffer
from arsurg_ros.kernels.raster import Rasteriser
from arsurg_ros.report import DRAWN, spread
from arsurg_ros.synthetic import Scene, phantom_meshes, pointer_meshes
from arsurg_ros.types import F64, U8, CameraModel, Frame, Mesh, MeshStyle

KEPT_CAMERA_FRAMES = 90
PAIR_EVERY = 8
MAX_PAIRS = 60
TARGET_POINTS = 300
# Of pictures of 480 lines: the radius of the tip's cross.
CROSS_PX = 17
# A frame is drawn so long after its stamp, with the registration that is there by then.
DRAWN_WITHIN_NS = 100_000_000


@dataclass(frozen=True)
class PoseError:
    """Distances between the drawn and the true target, rms over its points: in the image, and in space."""

    px: float
    mm: float


def pose_error(camera: CameraModel, p_ct_m: F64, T_cam_ct: F64, T_cam_ct_true: F64) -> PoseError:
    """Return the error at points (N, 3) of the target, metres; points behind the camera count in mm alone."""
    drawn, true = se3.transform(T_cam_ct, p_ct_m), se3.transform(T_cam_ct_true, p_ct_m)
    px = np.linalg.norm(project(camera, drawn) - project(camera, true), axis=1)
    mm = np.linalg.norm(drawn - true, axis=1) * 1e3
    return PoseError(float(np.sqrt(np.nanmean(px**2))), float(np.sqrt((mm**2).mean())))


class Truth:
    """The synthetic scene's answers on the node's clock."""

    def __init__(self) -> None:
        """Take the default scene; ``epoch_ns``, its time 0, is set once the camera has told it."""
        self.scene = Scene()
        self.epoch_ns = 0
        self.meshes: list[Mesh] = phantom_meshes()
        vertices = self.meshes[0].vertices_m.astype(np.float64)
        self.p_ct_m = vertices[:: max(1, len(vertices) // TARGET_POINTS)]

    def T_cam_ct(self, stamp_ns: int) -> F64:
        """Return where the anatomy truly was in the camera at a stamp."""
        return self.scene.T_cam_ref(self._time_s(stamp_ns)) @ self.scene.T_ref_ct

    def T_cam_tip(self, stamp_ns: int) -> F64:
        """Return where the pointer's tip truly was in the camera at a stamp."""
        return self.scene.T_cam_tool(self._time_s(stamp_ns)) @ se3.compose(np.eye(3), self.scene.p_tool_tip)

    def _time_s(self, stamp_ns: int) -> float:
        return max(0.0, (stamp_ns - self.epoch_ns) / 1e9)


class OverlayMeasure:
    """Keeps what is needed of a run, and computes the errors once it is over."""

    def __init__(self, *, synthetic: bool) -> None:
        """Measure against the synthetic scene, or without a truth, as for a recording."""
        self.camera: CameraModel | None = None
        self.truth = Truth() if synthetic else None
        self._cameras: OrderedDict[int, U8] = OrderedDict()
        self._released_ns: OrderedDict[int, int] = OrderedDict()
        self._received_ns: dict[int, int] = {}
        self._pairs: list[tuple[int, U8, U8]] = []
        self._live = 0

    def begins_at(self, epoch_ns: int) -> None:
        """Take the synthetic scene's time 0 on the node's clock."""
        if self.truth is not None:
            self.truth.epoch_ns = epoch_ns

    def keep_camera(self, frame: Frame, released_ns: int) -> None:
        """Remember a camera frame for a while, and when it was released."""
        self._released_ns[frame.stamp_ns] = released_ns
        if len(self._released_ns) > KEPT_CAMERA_FRAMES:
            self._released_ns.popitem(last=False)
        if self.truth is None:
            return
        self._cameras[frame.stamp_ns] = frame.image
        if len(self._cameras) > KEPT_CAMERA_FRAMES:
            self._cameras.popitem(last=False)

    def released_ns(self, stamp_ns: int) -> int | None:
        """Return when the camera released the frame of a stamp, if it is remembered."""
        return self._released_ns.get(stamp_ns)

    def keep_overlay(self, frame: Frame, state: str, received_ns: int) -> None:
        """Remember an overlay's stamp and when it came, and now and then its pixels beside the camera's."""
        self._received_ns[frame.stamp_ns] = received_ns
        self._live += state in DRAWN
        camera = self._cameras.get(frame.stamp_ns)
        if state in DRAWN and camera is not None and self._live % PAIR_EVERY == 0 and len(self._pairs) < MAX_PAIRS:
            self._pairs.append((frame.stamp_ns, camera, frame.image))

    def registration_error(self, T_ref_ct: F64) -> dict[str, float]:
        """Return error_mm (rms over the target) and error_deg against the truth; nothing where there is none."""
        if self.truth is None:
            return {}
        true = self.truth.scene.T_ref_ct
        off = se3.transform(T_ref_ct, self.truth.p_ct_m) - se3.transform(true, self.truth.p_ct_m)
        return {
            'error_mm': round(float(np.sqrt((off**2).sum(axis=1).mean())) * 1e3, 4),
            'error_deg': round(float(np.degrees(se3.rotation_angle_rad(se3.inverse(true) @ T_ref_ct))), 4),
        }

    def errors(
        self,
        buffer: TransformBuffer,
        registrations: Sequence[tuple[int, F64 | None]],
        state_at: Callable[[int], str],
    ) -> dict[str, Any] | None:
        """Return px, mm and what was drawn (see arsurg_ros.report) over the frames with anatomy."""
        if self.truth is None or self.camera is None:
            return None
        live = [s for s in self._received_ns if state_at(s) in DRAWN]
        found = [e for s in live if (e := self._error_at(buffer, registrations, s)) is not None]
        out: dict[str, Any] = {'px': spread([e.px for e in found]), 'mm': spread([e.mm for e in found])}
        # A frame that was drawn and cannot be checked must not pass unseen.
        out['live_without_pose'] = len(live) - len(found)
        return out | self._drawn()

    def _error_at(
        self, buffer: TransformBuffer, registrations: Sequence[tuple[int, F64 | None]], stamp_ns: int
    ) -> PoseError | None:
        assert self.truth is not None and self.camera is not None
        # A late frame may be drawn with a registration that came after its stamp.
        drawn_ns = max(stamp_ns + DRAWN_WITHIN_NS, self._received_ns[stamp_ns])
        known = [T for received_ns, T in registrations if received_ns <= drawn_ns]
        if not known or known[-1] is None:
            return None
        try:
            T_cam_ref = buffer.lookup(frames.CAM, frames.REF, stamp_ns)
        except TransformLookupError:
            return None
        return pose_error(self.camera, self.truth.p_ct_m, T_cam_ref @ known[-1], self.truth.T_cam_ct(stamp_ns))

    def _drawn(self) -> dict[str, Any]:
        """Return what the pixels say (see ``drawn_agreement``); the pointer is in the truth too."""
        if not self._pairs:
            return {'drawn_iou': None, 'drawn_shift_px': None, 'drawn_over_pointer': None}
        assert self.truth is not None and self.camera is not None
        silhouettes = TrueSilhouettes(self.camera, self.truth)
        rows = [drawn_agreement(camera, overlay, silhouettes.at(stamp_ns)) for stamp_ns, camera, overlay in self._pairs]
        iou, shift = (np.array([getattr(row, name) for row in rows]) for name in ('iou', 'shift_px'))
        over = [row.over_pointer for row in rows if row.over_pointer is not None]
        return {
            'drawn_iou': {'n': len(rows), 'min': round(float(iou.min()), 4), 'median': round(float(np.median(iou)), 4)},
            'drawn_shift_px': {
                'n': len(rows), 'median': round(float(np.median(shift)), 3), 'max': round(float(shift.max()), 3)
            },
            'drawn_over_pointer': spread(over),
        }


class TrueSilhouettes:
    """Renders what is true of the synthetic scene's pictures."""

    def __init__(self, camera: CameraModel, truth: Truth) -> None:
        """Load the meshes."""
        self._camera, self._truth = camera, truth
        self._anatomy = Rasteriser(camera.width_px, camera.height_px, truth.meshes)
        self._pointer = Rasteriser(camera.width_px, camera.height_px, pointer_meshes())

    def at(self, stamp_ns: int) -> Silhouette:
        """Return what is true of the picture of a stamp."""
        T_cam_tip = self._truth.T_cam_tip(stamp_ns)
        cross = np.zeros((self._camera.height_px, self._camera.width_px), np.uint8)
        tip = project(self._camera, T_cam_tip[None, :3, 3])[0]
        if np.isfinite(tip).all():
            radius = round(CROSS_PX * self._camera.height_px / 480)
            cv2.circle(cross, (round(float(tip[0])), round(float(tip[1]))), radius, 1, cv2.FILLED)
        anatomy = self._render(self._anatomy, self._truth.meshes, self._truth.T_cam_ct(stamp_ns))
        return Silhouette(anatomy, self._render(self._pointer, [None], T_cam_tip), cross > 0)

    def _render(self, raster: Rasteriser, meshes: Sequence[object], T_cam_mesh: F64) -> NDArray[np.bool_]:
        solid = [MeshStyle((255, 255, 255), fill=1.0, outline=0.0)] * len(meshes)
        return np.asarray(raster.render(None, self._camera, [T_cam_mesh] * len(meshes), solid).ids > 0)


def against_baseline(T_ref_ct: F64, baseline_mm: Any) -> dict[str, float]:
    """Return baseline_mm and baseline_deg: how far T_ref_ct (m) is from a 4x4 in millimetres; nothing for None.

    Raises ConfigError for a baseline that is not rigid to the digits that it is usually written with.
    """
    if baseline_mm is None:
        return {}
    T = np.array(baseline_mm, dtype=np.float64)
    if T.shape != (4, 4) or not se3.is_rigid(T, 1e-4):
        raise ConfigError('baseline_mm: a rigid 4x4 in millimetres is needed')
    return {
        'baseline_mm': round(float(np.linalg.norm(T_ref_ct[:3, 3] * 1e3 - T[:3, 3])), 4),
        'baseline_deg': round(float(np.degrees(se3.rotation_angle_rad(T[:3, :3].T @ T_ref_ct[:3, :3]))), 4),
    }
