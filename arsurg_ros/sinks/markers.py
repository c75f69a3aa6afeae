# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scene as markers for RViz, without ROS: a node copies them into visualization_msgs/MarkerArray field by field.

Every marker has a lifetime, so that it vanishes when nobody says that it still holds, and a DELETE takes the anatomy
away at once when the overlay does not draw it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

import numpy as np

from arsurg_ros import frames
from arsurg_ros.errors import ConfigError
from arsurg_ros.types import F32, F64, Mesh, MeshStyle

Rgba = tuple[float, float, float, float]
ANATOMY_NS, TIP_NS, STATE_NS = 'anatomy', 'tip', 'state'
TIP_DIAMETER_M = 0.004
TEXT_HEIGHT_M = 0.015
# RViz draws translucent meshes without outlines: the 2D overlay's light fill would hardly be seen there.
FILL_GAIN = 2.0
LEAST_ALPHA = 0.15


class MarkerType(IntEnum):
    """The types used, as visualization_msgs/Marker numbers them."""

    SPHERE = 2
    TEXT_VIEW_FACING = 9
    MESH_RESOURCE = 10
    TRIANGLE_LIST = 11


class MarkerAction(IntEnum):
    """The actions used, as visualization_msgs/Marker numbers them."""

    ADD = 0
    DELETE = 2


@dataclass(frozen=True)
class MarkerSpec:
    """One marker: ``T_frame_marker`` 4x4 in metres; ``points_m`` (3 F, 3), three a triangle, for TRIANGLE_LIST.

    ``rgba`` 0-1. ``lifetime_ns`` 0 would be for ever: only DELETE has it. ``frame_locked``: it moves with its frame.
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
    text: str = ''
    mesh_resource: str = ''


@dataclass(frozen=True)
class MarkerBody:
    """A structure: its mesh and style and, where RViz runs on this machine, the file that RViz may read it from.

    ``mesh_file`` is a mesh in metres (PLY or STL); without it the triangles travel in the marker.
    """

    mesh: Mesh
    style: MeshStyle
    mesh_file: Path | None = None


@dataclass(frozen=True)
class MarkerFrames:
    """The TF frames that the markers hang on; the state's text hangs on ``state``, which is there in every state."""

    ct: str = frames.CT
    tip: str = frames.TIP
    state: str = frames.CAM


def scene_markers(
    bodies: Sequence[MarkerBody],
    *,
    live: bool,
    state: str,
    stamp_ns: int,
    tip_live: bool = False,
    reason: str = '',
    lifetime_s: float = 1.0,
    frame_ids: MarkerFrames | None = None,
) -> tuple[MarkerSpec, ...]:
    """Return one marker a structure, one for the tip and one for the state, always under the same namespace and id.

    Structures that are invisible, or all of them unless ``live``, and the tip unless ``tip_live``, become DELETE. The state
    is in the colour of alarm unless it is live and has no ``reason``. Send them more often than ``lifetime_s``.
    Raises ConfigError for a lifetime that is not positive.
    """
    if not 0 < lifetime_s < float('inf'):
        raise ConfigError(f'marker lifetime {lifetime_s} s: it must be positive and finite, or lost things would stay')
    ids = frame_ids or MarkerFrames()
    lifetime_ns = round(lifetime_s * 1e9)
    anatomy = (
        _anatomy(body, i, ids.ct, stamp_ns, lifetime_ns)
        if live and body.style.visible
        else _delete(ids.ct, stamp_ns, ANATOMY_NS, i, _type(body))
        for i, body in enumerate(bodies)
    )
    tip = (_tip if tip_live else _no_tip)(ids.tip, stamp_ns, lifetime_ns)
    return (*anatomy, tip, _state(state, live, reason, ids.state, stamp_ns, lifetime_ns))


def _type(body: MarkerBody) -> MarkerType:
    return MarkerType.MESH_RESOURCE if body.mesh_file else MarkerType.TRIANGLE_LIST


def _anatomy(body: MarkerBody, index: int, frame_id: str, stamp_ns: int, lifetime_ns: int) -> MarkerSpec:
    file = body.mesh_file
    return MarkerSpec(
        frame_id,
        stamp_ns,
        ANATOMY_NS,
        index,
        _type(body),
        rgba=_rgba(body.style),
        lifetime_ns=lifetime_ns,
        points_m=None if file else triangle_points(body.mesh),
        mesh_resource=file.resolve().as_uri() if file else '',
    )


def triangle_points(mesh: Mesh) -> F32:
    """Return the corners (3 F, 3) of a mesh's triangles, metres, in order."""
    return np.ascontiguousarray(mesh.vertices_m[mesh.triangles.ravel()])


def _rgba(style: MeshStyle) -> Rgba:
    r, g, b = (c / 255.0 for c in style.rgb)
    return r, g, b, min(1.0, max(LEAST_ALPHA, FILL_GAIN * style.fill))


def _tip(frame_id: str, stamp_ns: int, lifetime_ns: int) -> MarkerSpec:
    scale = (TIP_DIAMETER_M,) * 3
    return MarkerSpec(frame_id, stamp_ns, TIP_NS, 0, MarkerType.SPHERE, scale_m=scale, lifetime_ns=lifetime_ns)


def _no_tip(frame_id: str, stamp_ns: int, lifetime_ns: int) -> MarkerSpec:
    return _delete(frame_id, stamp_ns, TIP_NS, 0, MarkerType.SPHERE)


def _delete(frame_id: str, stamp_ns: int, ns: str, index: int, kind: MarkerType) -> MarkerSpec:
    return MarkerSpec(frame_id, stamp_ns, ns, index, kind, MarkerAction.DELETE)


def _state(state: str, live: bool, reason: str, frame_id: str, stamp_ns: int, lifetime_ns: int) -> MarkerSpec:
    """Return the state's text, half a metre in front of the camera and above its axis (optical frame: y is down)."""
    T = np.eye(4)
    T[:3, 3] = (0.0, -0.15, 0.5)
    return MarkerSpec(
        frame_id,
        stamp_ns,
        STATE_NS,
        0,
        MarkerType.TEXT_VIEW_FACING,
        T_frame_marker=T,
        scale_m=(0.0, 0.0, TEXT_HEIGHT_M),
        rgba=(0.9, 0.9, 0.9, 1.0) if live and not reason else (1.0, 0.35, 0.25, 1.0),
        lifetime_ns=lifetime_ns,
        text=f'{state.upper()}: {reason}' if reason else state.upper(),
    )
