# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The whole chain in one process, without ROS: the first file to read after types.py.

A camera delivers frames; a tracker finds its tools, in the frames or by itself; the instrument adds its tip; the session
registers the anatomy from where the tip rested; the overlay looks the poses up at the frame's stamp and draws. The nodes
do the same with topics between the stages.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from arsurg_ros import frames, registry
from arsurg_ros.acquisition import CAMERAS, Camera, create_camera
from arsurg_ros.errors import ConfigError, TransformLookupError
from arsurg_ros.files.calibrations import camera_in_tracker, tip_in_tool
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.prediction import PredictionLimits
from arsurg_ros.geometry.transforms import TransformBuffer
from arsurg_ros.kernels.poses import interpolate_poses
from arsurg_ros.overlay.readouts import Readouts
from arsurg_ros.overlay.render import RenderedOverlay
from arsurg_ros.overlay.scene import Scene, load_scene
from arsurg_ros.overlay.sized import SizedRenderer
from arsurg_ros.overlay.state import OverlayLimits, decide, look_up
from arsurg_ros.overlay.view import extent_m
from arsurg_ros.registration.drift import DriftMonitor, Limits, ResidualCheck
from arsurg_ros.registration.dwell import DwellDetector
from arsurg_ros.registration.given import load_given
from arsurg_ros.registration.landmarks import load_landmarks
from arsurg_ros.registration.session import LandmarkSession
from arsurg_ros.system import NodeSpec
from arsurg_ros.tracking import TRACKERS, ImageTracker, PolledTracker, create_tracker
from arsurg_ros.types import F64, Frame, Pose, RegistrationResult, Validity

# The defaults of the registration node's drift_*_px.
DRIFT_PX = Limits(1.5, 3.0, 0.75, 2.0)


@dataclass(frozen=True)
class Step:
    """What one moment brought: poses (valid or not), and with a camera its frame and overlay."""

    poses: list[Pose]
    frame: Frame | None = None
    overlay: RenderedOverlay | None = None
    registration: RegistrationResult | None = None


@dataclass
class Pipeline:
    """Camera (may be None), tracker, instrument, session and scene (may be None) in a row; one thread.

    ``tool`` and ``reference`` are the tracker's names of the instrument and of the body on the patient.
    """

    tracker: ImageTracker | PolledTracker
    session: LandmarkSession
    camera: Camera | None = None
    scene: Scene | None = None
    T_tool_tip: F64 = field(default_factory=lambda: np.eye(4))
    T_trk_cam: F64 = field(default_factory=lambda: np.eye(4))
    tool: str = 'pointer'
    reference: str = frames.REF
    backend: str = 'wasm'
    limits: OverlayLimits = field(default_factory=OverlayLimits)
    drift: DriftMonitor = field(default_factory=lambda: DriftMonitor({'board reprojection': ResidualCheck(DRIFT_PX)}))
    buffer: TransformBuffer = field(init=False)
    _renderer: SizedRenderer | None = field(init=False)

    def __post_init__(self) -> None:
        """Interpolate by the same backend that draws; judge a predicted pose by what is drawn."""
        self._renderer = SizedRenderer(self.scene, self.backend) if self.scene is not None else None
        self._extent_m = extent_m(self.scene) if self.scene is not None else np.zeros((1, 3))
        # Between poses that are farther apart than one that is stale nothing is drawn as if it were live.
        self.buffer = TransformBuffer(
            max_gap_ns=round(self.limits.stale_s * 1e9), interpolate=partial(interpolate_poses, backend=self.backend)
        )

    def start(self, now_ns: int) -> None:
        """Begin at a time of the clock; in modes file and result the registration is there at once."""
        self.buffer.put(frames.TRK, frames.CAM, now_ns, self.T_trk_cam, static=True)
        self.buffer.put(self.tool, frames.TIP, now_ns, self.T_tool_tip, static=True)
        if self.session.at_once:
            self.session.compute(now_ns)
            self.session.accept(now_ns)
            self.drift.begin(now_ns)
        for source in (self.camera, self.tracker):
            if isinstance(source, (Camera, PolledTracker)):
                source.start(now_ns)

    def step(self, now_ns: int) -> Step:
        """Take what is due at a time of the clock through the chain."""
        poses: list[Pose] = []
        if isinstance(self.tracker, PolledTracker):
            poses = self.tracker.poll(now_ns)
        frame = self.camera.next(now_ns) if self.camera is not None else None
        if frame is not None and self.camera is not None and isinstance(self.tracker, ImageTracker):
            poses = self.tracker.track(frame, self.camera.model)
        registration = self._take(poses)
        overlay = self._draw(frame) if frame is not None and self.scene is not None else None
        return Step(poses, frame, overlay, registration)

    def run(self, start_ns: int) -> Iterator[Step]:
        """Yield a step for everything that the sources have, as fast as it goes; the clock jumps to what is due next."""
        self.start(start_ns)
        now_ns = start_ns
        while True:
            step = self.step(now_ns)
            if step.poses or step.frame is not None:
                yield step
            due = [d for d in self._due() if d is not None]
            if not due:
                return
            now_ns = max(now_ns + 1, min(due))

    def close(self) -> None:
        """Close camera and tracker."""
        self.tracker.close()
        if self.camera is not None:
            self.camera.close()

    def _due(self) -> list[int | None]:
        polled = self.tracker if isinstance(self.tracker, PolledTracker) else None
        return [source.next_due_ns() for source in (self.camera, polled) if source is not None and not source.finished]

    def _take(self, poses: Sequence[Pose]) -> RegistrationResult | None:
        """Put valid poses into the tree and show the tip to the session; return a registration that this accepted."""
        valid = {p.child: p for p in poses if p.validity is Validity.VALID and p.T is not None}
        for pose in poses:
            if pose.child not in valid:
                self.buffer.lose(frames.REF if pose.child == self.reference else pose.child, pose.stamp_ns)
        for pose in valid.values():
            assert pose.T is not None
            child = frames.REF if pose.child == self.reference else pose.child
            self.buffer.put(frames.TRK, child, pose.stamp_ns, pose.T)
            if pose.child == self.reference and pose.error_px is not None:
                self.drift.add('board reprojection', pose.stamp_ns, pose.error_px)
        if self.tool not in valid:
            return None
        stamp_ns = valid[self.tool].stamp_ns
        try:
            T_ref_tip = self.buffer.lookup(frames.REF, frames.TIP, stamp_ns)
        except TransformLookupError:
            return None
        if self.session.observe(stamp_ns, T_ref_tip[:3, 3]) is None:
            return None
        accepted = self.session.try_dwells(stamp_ns)
        if accepted is not None:
            self.drift.begin(stamp_ns)
        return accepted

    def _draw(self, frame: Frame) -> RenderedOverlay:
        assert self.camera is not None and self._renderer is not None
        accepted = self.session.accepted
        ahead = self.limits.prediction
        points = se3.transform(accepted.T_ref_ct, self._extent_m) if accepted is not None else None
        reference = look_up(self.buffer, frames.CAM, frames.REF, frame.stamp_ns, prediction=ahead, points_m=points)
        tip = look_up(self.buffer, frames.CAM, frames.TIP, frame.stamp_ns, prediction=ahead)
        drift = self.drift.judge(frame.stamp_ns)
        decision = decide(reference, accepted is not None, self.limits, drift=drift, tip=tip)
        T_cam_ct = reference.T @ accepted.T_ref_ct if reference.T is not None and accepted is not None else None
        margins = tuple((t.name, t.margin95_m) for t in accepted.targets) if accepted is not None else ()
        readouts = Readouts(
            T_cam_tip=tip.T,
            fre_m=accepted.fre_m if accepted is not None else None,
            reason=decision.reason,
            margins=margins,
        )
        renderer = self._renderer.of(frame)
        return renderer.render(frame.image, self.camera.model, T_cam_ct, decision.state, readouts, frame.encoding)


def _say(line: str) -> None:
    print(f'warning: {line}', file=sys.stderr)


def pipeline_of(specs: Sequence[NodeSpec], warn: Callable[[str], None] = _say) -> Pipeline:
    """Return the pipeline of the same description that launch and ``arsurg`` start as nodes.

    ``warn`` is told, a line each, what is to be said of the scene's meshes; without it that goes to standard error. Raises
    ConfigError for a description without a tracker or registration, and what the stages raise.
    """
    nodes = {spec.executable: spec.parameters for spec in specs}
    for needed in ('tracker', 'registration'):
        if needed not in nodes:
            raise ConfigError(f'pipeline: a {needed} is needed; there are: {", ".join(nodes)}')
    instrument, given = nodes.get('instrument', {}), nodes['registration']
    overlay = nodes.get('overlay')
    root = str(overlay.get('scene_root', '')) if overlay else ''
    scene = load_scene(str(overlay['scene']), root=root, levels=False) if overlay else None
    for line in scene.warnings if scene is not None else ():
        warn(line)
    mode, landmarks = str(given.get('mode', 'dwell')), str(given.get('landmarks', ''))
    result = load_given(mode, str(given.get('registration', '')), landmarks, frames.REF, frames.CT)
    session = LandmarkSession(
        load_landmarks(Path(landmarks)) if result is None else result.landmarks,
        frames.REF,
        frames.CT,
        given=result,
        mode=mode,
        max_fre_m=float(given.get('max_fre_m', 0.003)),  # type: ignore[arg-type]
        backend=str(given.get('backend', 'wasm')),
        robust=bool(given.get('robust', False)),
        noise_m=float(given.get('noise_m', 0.0)) or None,  # type: ignore[arg-type]
        detector=DwellDetector(
            float(given.get('dwell_radius_m', 0.002)),  # type: ignore[arg-type]
            int(float(given.get('dwell_s', 0.8)) * 1e9),  # type: ignore[arg-type]
        ),
    )
    of_tracker = nodes['tracker']
    T_trk_cam = camera_in_tracker(bool(of_tracker.get('is_camera', True)), str(of_tracker.get('camera_pose', '')))
    return Pipeline(
        tracker=create_tracker(*_stage(TRACKERS, 'tracker', 'aruco', nodes['tracker'], {'tracker_frame': frames.TRK})),
        session=session,
        camera=create_camera(*_stage(CAMERAS, 'camera', 'synthetic', nodes['camera'], {'camera_frame': frames.CAM}))
        if 'camera' in nodes
        else None,
        scene=scene,
        T_tool_tip=tip_in_tool(instrument.get('tip_m', [0.0, 0.0, 0.0]), str(instrument.get('tip', ''))),
        T_trk_cam=np.eye(4) if T_trk_cam is None else T_trk_cam,
        limits=_limits(overlay or {}),
        tool=str(instrument.get('tool', 'pointer')),
    )


def _limits(overlay: dict[str, Any]) -> OverlayLimits:
    """Return the limits of the overlay node's parameters."""
    prediction = PredictionLimits(float(overlay.get('predict_s', 0.0)), float(overlay.get('predict_error_m', 0.001)))
    return OverlayLimits(float(overlay.get('stale_s', 0.1)), float(overlay.get('lost_s', 0.5)), prediction)


def _stage(
    entries: dict[str, str], what: str, default: str, parameters: dict[str, Any], fixed: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return a stage's kind and its own parameters; recordings keep their stamps."""
    kind = str(parameters.get('source', default))
    names = {p.name for p in registry.parameters(registry.load(entries, kind, what).Config)}
    values = {**parameters, **fixed, 'keep_stamps': True}
    return kind, {name: value for name, value in values.items() if name in names}
