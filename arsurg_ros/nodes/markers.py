# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scene's markers as a message, its meshes as files that RViz reads."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Vector3
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from arsurg_ros.files.meshes import save_ply
from arsurg_ros.nodes import msgs
from arsurg_ros.overlay.scene import Scene
from arsurg_ros.sinks.markers import MarkerBody, MarkerSpec


class MarkerMeshes:
    """Copies of a scene's meshes in metres as PLY, which RViz can read; they are gone after ``remove``."""

    def __init__(self, scene: Scene) -> None:
        """Write the copies into a folder of their own."""
        self._folder = Path(tempfile.mkdtemp(prefix='arsurg_meshes_'))
        self.bodies: list[MarkerBody] = []
        for index, anatomy in enumerate(scene.anatomies):
            path = self._folder / f'{index}.ply'
            save_ply(anatomy.mesh, path, unit='m')
            self.bodies.append(MarkerBody(anatomy.mesh, anatomy.style, path))

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


def marker_array(specs: Sequence[MarkerSpec]) -> MarkerArray:
    """Return the message of marker specifications."""
    return MarkerArray(markers=[_marker(spec) for spec in specs])


def _marker(spec: MarkerSpec) -> Marker:
    seconds, nanoseconds = divmod(spec.lifetime_ns, 1_000_000_000)
    msg = Marker(
        header=msgs.header(spec.stamp_ns, spec.frame_id),
        ns=spec.ns,
        id=spec.id,
        type=int(spec.type),
        action=int(spec.action),
        pose=msgs.pose_msg(spec.T_frame_marker),
        lifetime=Duration(sec=seconds, nanosec=nanoseconds),
        frame_locked=spec.frame_locked,
        text=spec.text,
        mesh_resource=spec.mesh_resource,
    )
    msg.scale = Vector3(**dict(zip('xyz', map(float, spec.scale_m), strict=True)))
    msg.color = ColorRGBA(**dict(zip('rgba', map(float, spec.rgba), strict=True)))
    if spec.points_m is not None:
        msg.points = [Point(x=x, y=y, z=z) for x, y, z in spec.points_m.astype(float).tolist()]
    return msg
