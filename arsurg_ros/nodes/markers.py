# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scene's markers as a message, its meshes as something that RViz can read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ament_index_python.packages import get_packages_with_prefixes
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Vector3
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from arsurg_ros.files.meshes import save_ply
from arsurg_ros.files.source import UNITS_M
from arsurg_ros.geometry.decimation import decimated
from arsurg_ros.geometry.shapes import inflated
from arsurg_ros.nodes import msgs
from arsurg_ros.overlay.scene import Anatomy, Instrument, Scene
from arsurg_ros.overlay.style import Role
from arsurg_ros.sinks.markers import (
    LINE_WIDTH_M,
    MarkerBody,
    MarkerPath,
    MarkerPoint,
    MarkerScene,
    MarkerSpec,
    MeshResource,
    package_uri,
)
from arsurg_ros.types import Mesh, MeshStyle

FILE, PACKAGE, TRIANGLES = 'file', 'package', 'triangles'
HOW = (FILE, PACKAGE, TRIANGLES)
#: A triangle is 72 bytes of every message: of a mesh that travels in it so many are enough for RViz.
MOST_TRIANGLES = 20_000


class MarkerMeshes:
    """A scene as what markers are made of, and the files that RViz reads; they are gone after ``remove``.

    ``how``: ``file`` writes copies in metres as PLY, for an RViz on this machine; ``package`` names those that lie in an
    installed package's share folder, for an RViz on any machine that has it; ``triangles``, and what is in no package,
    travels in the message.
    """

    def __init__(self, scene: Scene, how: str = FILE) -> None:
        """Find or write what RViz reads; raises DataError where it cannot be written."""
        self._how = how
        self._folder = Path(tempfile.mkdtemp(prefix='arsurg_meshes_')) if how == FILE else None
        self._shares = {}
        if how == PACKAGE:
            self._shares = {name: Path(prefix) / 'share' / name for name, prefix in get_packages_with_prefixes().items()}
        self._bodies: dict[tuple[str, str, float], MarkerBody] = {}
        self.show(scene)

    def show(self, scene: Scene) -> None:
        """Take the styles and visibilities of a scene of the same structures; raises as the making does."""
        structures = [self._body('anatomy', a) for a in scene.anatomies if a.role is not Role.MARGIN]
        margins = [self._body('anatomy', a) for a in scene.anatomies if a.role is Role.MARGIN]
        paths = [MarkerPath(t.points_ct_m, t.style, 2 * t.radius_m if t.radius_m else LINE_WIDTH_M) for t in scene.trajectories]
        points = [MarkerPoint(p.p_ct_m, p.style, p.radius_m, p.name if p.label else '') for p in scene.landmarks]
        instruments = [self._body('instrument', i, i.frame) for i in scene.instruments]
        self.scene = MarkerScene(structures, margins, paths, points, instruments)

    def _body(self, kind: str, thing: Anatomy | Instrument, frame: str = '') -> MarkerBody:
        key = (kind, thing.name, thing.style.inflate_m)
        if key not in self._bodies:
            mesh = inflated(thing.mesh, thing.style.inflate_m) if thing.style.inflate_m else thing.mesh
            resource = self._resource(thing, mesh, len(self._bodies))
            self._bodies[key] = MarkerBody(mesh if resource else _light(thing, mesh), thing.style, resource, frame)
        body = self._bodies[key]
        return MarkerBody(body.mesh, thing.style, body.resource, frame)

    def _resource(self, thing: Anatomy | Instrument, mesh: Mesh, index: int) -> MeshResource | None:
        if self._folder is not None:
            path = self._folder / f'{index}.ply'
            save_ply(mesh, path, unit='m')
            return MeshResource(path.resolve().as_uri())
        if thing.source is None or thing.style.inflate_m:
            return None
        uri = package_uri(thing.source.path, self._shares)
        return MeshResource(uri, UNITS_M[thing.source.unit]) if uri else None

    def styled(self, styles: Sequence[MeshStyle]) -> MarkerScene:
        """Return the scene with the structures, and then their margins, in these styles."""
        bodies = [*self.scene.anatomy, *self.scene.margins]
        bodies = [replace(body, style=style) for body, style in zip(bodies, styles, strict=True)]
        count = len(self.scene.anatomy)
        return replace(self.scene, anatomy=bodies[:count], margins=bodies[count:])

    def remove(self) -> None:
        """Remove the files."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _light(thing: Anatomy | Instrument, mesh: Mesh) -> Mesh:
    """Return a version of few triangles: a level that is there, or a decimated one."""
    if len(mesh.triangles) <= MOST_TRIANGLES:
        return mesh
    levels = thing.levels if isinstance(thing, Anatomy) else ()
    fits = [level.mesh for level in levels if level.triangles <= MOST_TRIANGLES]
    light = fits[0] if fits else decimated(thing.mesh, MOST_TRIANGLES)
    return inflated(light, thing.style.inflate_m) if thing.style.inflate_m else light


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
    msg.color = _colour(spec.rgba)
    if spec.points_m is not None:
        msg.points = [Point(x=x, y=y, z=z) for x, y, z in spec.points_m.astype(float).tolist()]
    if spec.rgbas is not None:
        msg.colors = [_colour(rgba) for rgba in spec.rgbas.astype(float).tolist()]
    return msg


def _colour(rgba: Sequence[float]) -> ColorRGBA:
    return ColorRGBA(**dict(zip('rgba', map(float, rgba), strict=True)))
