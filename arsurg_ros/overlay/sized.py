# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The renderer for whatever size the images come in."""

from __future__ import annotations

from arsurg_ros.errors import ArsurgError
from arsurg_ros.overlay.render import OverlayRenderer
from arsurg_ros.overlay.structures import Scene
from arsurg_ros.overlay.view import View, view_of
from arsurg_ros.types import Frame


class SizedRenderer:
    """Makes an OverlayRenderer for the size of the images, and another one where that changes."""

    def __init__(self, scene: Scene, backend: str = 'wasm', budget_ms: float | None = None, threads: int = 1) -> None:
        """Make none yet; the arguments are those of OverlayRenderer."""
        self._scene, self._backend, self._budget_ms, self._threads = scene, backend, budget_ms, threads
        self._view = view_of(scene)
        self._made: tuple[tuple[int, int], OverlayRenderer] | None = None
        self._failed: tuple[tuple[int, int], ArsurgError] | None = None

    @property
    def view(self) -> View:
        """What of the scene is shown, at any size."""
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        self._view = view
        if self._made is not None:
            self._made[1].view = view

    def of(self, frame: Frame) -> OverlayRenderer:
        """Return the renderer for an image; raises as OverlayRenderer does, and again for each image of that size."""
        size = (frame.image.shape[1], frame.image.shape[0])
        if self._failed is not None and self._failed[0] == size:
            raise self._failed[1].with_traceback(None)  # the meshes are not loaded again at every image
        if self._made is None or self._made[0] != size:
            self._made = (size, self._make(size))
            self._failed = None
        return self._made[1]

    def _make(self, size: tuple[int, int]) -> OverlayRenderer:
        try:
            renderer = OverlayRenderer(self._scene, *size, self._backend, self._budget_ms, self._threads)
        except ArsurgError as e:
            self._failed = (size, e)
            raise
        renderer.view = self._view
        return renderer
