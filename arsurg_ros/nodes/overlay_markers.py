# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``overlay/markers``: the scene for RViz, as the overlay shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from visualization_msgs.msg import MarkerArray

from arsurg_ros.nodes import qos
from arsurg_ros.nodes.markers import MarkerMeshes, marker_array
from arsurg_ros.overlay.scene import Scene
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.sinks.markers import MarkerFrames, scene_markers


class OverlayMarkers:
    """Publishes the markers; RViz shows one scene, whatever the eyes: the right one's node publishes none."""

    def __init__(self, node: Any, p: Mapping[str, Any], scene: Scene, camera_frame: str) -> None:
        """Find or write what RViz reads, make the topic; raises as ``MarkerMeshes`` does."""
        self._node = node
        self.meshes = MarkerMeshes(scene, p['marker_meshes'])
        self._frames = MarkerFrames(ct=p['ct_frame'], tip=p['tip_frame'], state=camera_frame)
        self._publisher = None if p['eye'] == 'right' else node.publisher(MarkerArray, 'overlay/markers', qos.LATCHED)

    def publish(self, state: OverlayState, reason: str, *, tip_live: bool, live_frames: Collection[str]) -> None:
        """Say what is shown; ``live_frames`` are those of instruments that are tracked."""
        if self._publisher is None:
            return
        specs = scene_markers(
            self.meshes.scene,
            live=state.draws,
            state=state.value,
            reason=reason,
            stamp_ns=self._node.now_ns(),
            tip_live=tip_live,
            live_frames=live_frames,
            frame_ids=self._frames,
        )
        self._publisher.publish(marker_array(specs))
