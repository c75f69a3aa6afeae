# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scene as markers for RViz, without ROS: a node copies them into visualization_msgs/MarkerArray field by field.

Every marker has a lifetime, so that it vanishes when nobody says that it still holds, and a DELETE takes it away at once when
the overlay does not draw it. Each kind has a namespace of its own, to be switched on and off in RViz.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from urllib.parse import quote

import numpy as np

from arsurg_ros import frames
from arsurg_ros.errors import ConfigError
from arsurg_ros.types import F32, F64, Mesh, MeshStyle

Rgba = tuple[float, float, float, float]
ANATOMY_NS, MARGIN_NS, TRAJECTORY_NS = 'anatomy', 'margin', 'trajectory'
LANDMARK_NS, LANDMARK_NAME_NS, INSTRUMENT_NS = 'landmark', 'landmark name', 'instrument'
TIP_NS, STATE_NS = 'tip', 'state'
TIP_DIAMETER_M = 0.004
TEXT_HEIGHT_M, NAME_HEIGHT_M = 0.015, 0.008
LINE_WIDTH_M = 0.0015
# RViz draws translucent meshes without outlines: the 2D overlay's light fill would hardly be seen there.
FILL_GAIN = 2.0
LEAST_ALPHA = 0.15
INSTRUMENT_ALPHA = 0.6
#: What RViz reads as a mesh resource.
RESOURCE_SUFFIXES = ('.stl', '.obj', '.ply', '.dae')


class MarkerType(IntEnum):
    """The types used, as visualization_msgs/Marker numbers them."""

    SPHERE = 2
    LINE_STRIP = 4
    SPHERE_LIST = 7
    TEXT_VIEW_FACING = 9
    MESH_RESOURCE = 10
    TRIANGLE_LIST = 11


class MarkerAction(IntEnum):
    """The actions used, as visualization_msgs/Marker numbers them."""

    ADD = 0
    DELETE = 2


@dataclass(frozen=True)
class MarkerSpec:
    """One marker: ``T_frame_marker`` 4x4 in metres; ``points_m`` (N, 3): three a triangle, or those of a line or of spheres.

    ``rgba`` 0-1; ``rgbas`` (N, 4) where each point has its own. ``lifetime_ns`` 0 would be for ever: only DELETE has it.
    ``frame_locked``: it moves with its frame. ``scale_m`` has no unit for a mesh: metres a unit of its file.
    """

    frame_id: str
    stamp_ns: int
    ns: str
    id: int
    type: MarkerType
    action: MarkerAction = MarkerAction.ADD
    T_frame_marker: F64 = field(default_factory=lambda: np.eye(4))
    scale_m: tuple[float, float, float] = (1.0, 1.0, 1.0)
    rgba: Rgba = (1.0, 1.0, 1.0, 1.0)
    lifetime_ns: int = 0
    frame_locked: bool = True
    points_m: F32 | None = None
    rgbas: F32 | None = None
    text: str = ''
    mesh_resource: str = ''


@dataclass(frozen=True)
class MeshResource:
    """Where RViz finds a mesh, file:// or package://, and how many metres a unit of it is."""

    uri: str
    unit_m: float = 1.0


@dataclass(frozen=True)
class MarkerBody:
    """A structure: its mesh, metres, and style and, where RViz can read it, its resource; else its triangles travel.

    ``frame`` is empty for the anatomy's frame and, for an instrument, the tip's.
    """

    mesh: Mesh
    style: MeshStyle
    resource: MeshResource | None = None
    frame: str = ''


@dataclass(frozen=True)
class MarkerPath:
    """A planned path: points (N, 3) in ct and its width, metres."""

    points_m: F64
    style: MeshStyle
    width_m: float = LINE_WIDTH_M


@dataclass(frozen=True)
class MarkerPoint:
    """A landmark in ct, metres, with its name where that is shown."""

    p_m: F64
    style: MeshStyle
    radius_m: float
    name: str = ''


@dataclass(frozen=True)
class MarkerScene:
    """All that markers are made of; a marker's id is its place here."""

    anatomy: Sequence[MarkerBody]
    margins: Sequence[MarkerBody] = ()
    paths: Sequence[MarkerPath] = ()
    points: Sequence[MarkerPoint] = ()
    instruments: Sequence[MarkerBody] = ()


@dataclass(frozen=True)
class MarkerFrames:
    """The TF frames that the markers hang on; the state's text hangs on ``state``, which is there in every state."""

    ct: str = frames.CT
    tip: str = frames.TIP
    state: str = frames.CAM


def scene_markers(
    scene: MarkerScene,
    *,
    live: bool,
    state: str,
    stamp_ns: int,
    tip_live: bool = False,
    live_frames: Collection[str] = (),
    reason: str = '',
    lifetime_s: float = 1.0,
    frame_ids: MarkerFrames | None = None,
) -> tuple[MarkerSpec, ...]:
    """Return the markers of everything in the scene, the tip and the state, always under the same namespaces and ids.

    What is invisible, everything in ct unless ``live``, and the tip unless ``tip_live``, become DELETE; so does an instrument
    whose frame is neither the tip's nor in ``live_frames``. The state is in the colour of alarm unless it is live and has no
    ``reason``. Send them more often than ``lifetime_s``. Raises ConfigError for a lifetime that is not positive.
    """
    if not 0 < lifetime_s < float('inf'):
        raise ConfigError(f'marker lifetime {lifetime_s} s: it must be positive and finite, or lost things would stay')
    ids = frame_ids or MarkerFrames()
    maker = _Maker(stamp_ns, round(lifetime_s * 1e9))
    tracked = {*live_frames, *([ids.tip] if tip_live else [])}
    return (
        *(maker.body(b, ANATOMY_NS, i, ids.ct, live) for i, b in enumerate(scene.anatomy)),
        *(maker.body(b, MARGIN_NS, i, ids.ct, live) for i, b in enumerate(scene.margins)),
        *(maker.path(path, i, ids.ct, live) for i, path in enumerate(scene.paths)),
        *maker.points(scene.points, ids.ct, live),
        *(
            maker.body(b, INSTRUMENT_NS, i, b.frame or ids.tip, (b.frame or ids.tip) in tracked, INSTRUMENT_ALPHA)
            for i, b in enumerate(scene.instruments)
        ),
        maker.tip(ids.tip, tip_live),
        maker.state(state, live, reason, ids.state),
    )


@dataclass(frozen=True)
class _Maker:
    """Makes markers of one moment."""

    stamp_ns: int
    lifetime_ns: int

    def body(self, body: MarkerBody, ns: str, index: int, frame_id: str, live: bool, alpha: float | None = None) -> MarkerSpec:
        resource = body.resource
        kind = MarkerType.MESH_RESOURCE if resource else MarkerType.TRIANGLE_LIST
        if not (live and body.style.visible):
            return self.delete(frame_id, ns, index, kind)
        unit_m = resource.unit_m if resource else 1.0
        return MarkerSpec(
            frame_id,
            self.stamp_ns,
            ns,
            index,
            kind,
            scale_m=(unit_m, unit_m, unit_m),
            rgba=_rgba(body.style, alpha or min(1.0, max(LEAST_ALPHA, FILL_GAIN * body.style.fill))),
            lifetime_ns=self.lifetime_ns,
            points_m=None if resource else triangle_points(body.mesh),
            mesh_resource=resource.uri if resource else '',
        )

    def path(self, path: MarkerPath, index: int, frame_id: str, live: bool) -> MarkerSpec:
        if not (live and path.style.visible):
            return self.delete(frame_id, TRAJECTORY_NS, index, MarkerType.LINE_STRIP)
        return MarkerSpec(
            frame_id,
            self.stamp_ns,
            TRAJECTORY_NS,
            index,
            MarkerType.LINE_STRIP,
            scale_m=(path.width_m, 0.0, 0.0),
            rgba=_rgba(path.style, max(LEAST_ALPHA, path.style.outline)),
            lifetime_ns=self.lifetime_ns,
            points_m=path.points_m.astype(np.float32),
        )

    def points(self, points: Sequence[MarkerPoint], frame_id: str, live: bool) -> Iterator[MarkerSpec]:
        """Yield a list of spheres for each radius, which is what RViz can draw at once, and every point's name."""
        radii = sorted({p.radius_m for p in points})
        for i, radius_m in enumerate(radii):
            shown = [p for p in points if p.radius_m == radius_m and p.style.visible]
            yield (
                self._spheres(shown, radius_m, i, frame_id)
                if live and shown
                else self.delete(frame_id, LANDMARK_NS, i, MarkerType.SPHERE_LIST)
            )
        for i, p in enumerate(points):
            text = live and p.style.visible and p.name
            yield (
                self._name(p, i, frame_id) if text else self.delete(frame_id, LANDMARK_NAME_NS, i, MarkerType.TEXT_VIEW_FACING)
            )

    def _spheres(self, points: Sequence[MarkerPoint], radius_m: float, index: int, frame_id: str) -> MarkerSpec:
        return MarkerSpec(
            frame_id,
            self.stamp_ns,
            LANDMARK_NS,
            index,
            MarkerType.SPHERE_LIST,
            scale_m=(2 * radius_m,) * 3,
            lifetime_ns=self.lifetime_ns,
            points_m=np.array([p.p_m for p in points], dtype=np.float32),
            rgbas=np.array([_rgba(p.style, 1.0) for p in points], dtype=np.float32),
        )

    def _name(self, point: MarkerPoint, index: int, frame_id: str) -> MarkerSpec:
        T = np.eye(4)
        T[:3, 3] = point.p_m + np.array([0.0, 0.0, point.radius_m + NAME_HEIGHT_M])
        return MarkerSpec(
            frame_id,
            self.stamp_ns,
            LANDMARK_NAME_NS,
            index,
            MarkerType.TEXT_VIEW_FACING,
            T_frame_marker=T,
            scale_m=(0.0, 0.0, NAME_HEIGHT_M),
            rgba=_rgba(point.style, 1.0),
            lifetime_ns=self.lifetime_ns,
            text=point.name,
        )

    def tip(self, frame_id: str, live: bool) -> MarkerSpec:
        if not live:
            return self.delete(frame_id, TIP_NS, 0, MarkerType.SPHERE)
        scale = (TIP_DIAMETER_M,) * 3
        return MarkerSpec(frame_id, self.stamp_ns, TIP_NS, 0, MarkerType.SPHERE, scale_m=scale, lifetime_ns=self.lifetime_ns)

    def state(self, state: str, live: bool, reason: str, frame_id: str) -> MarkerSpec:
        """Return the state's text, half a metre in front of the camera and above its axis (optical frame: y is down)."""
        T = np.eye(4)
        T[:3, 3] = (0.0, -0.15, 0.5)
        return MarkerSpec(
            frame_id,
            self.stamp_ns,
            STATE_NS,
            0,
            MarkerType.TEXT_VIEW_FACING,
            T_frame_marker=T,
            scale_m=(0.0, 0.0, TEXT_HEIGHT_M),
            rgba=(0.9, 0.9, 0.9, 1.0) if live and not reason else (1.0, 0.35, 0.25, 1.0),
            lifetime_ns=self.lifetime_ns,
            text=f'{state.upper()}: {reason}' if reason else state.upper(),
        )

    def delete(self, frame_id: str, ns: str, index: int, kind: MarkerType) -> MarkerSpec:
        return MarkerSpec(frame_id, self.stamp_ns, ns, index, kind, MarkerAction.DELETE)


def triangle_points(mesh: Mesh) -> F32:
    """Return the corners (3 F, 3) of a mesh's triangles, metres, in order."""
    return np.ascontiguousarray(mesh.vertices_m[mesh.triangles.ravel()])


def package_uri(path: Path, shares: Mapping[str, Path]) -> str | None:
    """Return ``package://PACKAGE/...`` of a file in one of the packages' share folders; None of another, or of no mesh.

    An installation by links is one too: the file's own place and that which it points to are both looked for.
    """
    if path.suffix.lower() not in RESOURCE_SUFFIXES:
        return None
    for place in (path.absolute(), path.resolve()):
        for package, share in shares.items():
            for folder in (share, share.resolve()):
                if place.is_relative_to(folder):
                    return f'package://{package}/{quote(place.relative_to(folder).as_posix())}'
    return None


def _rgba(style: MeshStyle, alpha: float) -> Rgba:
    r, g, b = (c / 255.0 for c in style.rgb)
    return r, g, b, alpha
