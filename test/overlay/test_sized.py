# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arsurg_ros.errors import ArsurgError, DataError
from arsurg_ros.overlay.render import OverlayRenderer
from arsurg_ros.overlay.scene import Scene
from arsurg_ros.overlay.sized import SizedRenderer
from arsurg_ros.overlay.view import view_of
from arsurg_ros.types import Frame


def image(width_px: int, height_px: int) -> Frame:
    return Frame(0, 'cam', np.zeros((height_px, width_px, 3), np.uint8))


def test_one_renderer_a_size_with_the_view_of_now(scene: Scene) -> None:
    sized = SizedRenderer(scene, 'numpy')
    first = sized.of(image(64, 48))
    assert sized.of(image(64, 48)) is first and first.view == sized.view == view_of(scene)
    hidden = view_of(scene, hide=[scene.anatomies[0].name])
    sized.view = hidden
    assert first.view == hidden
    other = sized.of(image(80, 48))
    assert other is not first and other.view == hidden
    assert sized.of(image(64, 48)) is not first


def test_what_cannot_be_made_is_an_error_of_ours(scene: Scene) -> None:
    with pytest.raises(ArsurgError):
        SizedRenderer(scene, 'fortran').of(image(64, 48))


def test_a_failure_is_remembered_for_its_size_alone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    tried, make = [], OverlayRenderer.__init__

    def failing(self: OverlayRenderer, of: Scene, width_px: int, *rest: Any) -> None:
        tried.append(width_px)
        if width_px == 64:
            raise DataError('too large')
        make(self, of, width_px, *rest)

    monkeypatch.setattr(OverlayRenderer, '__init__', failing)
    sized = SizedRenderer(scene, 'numpy')
    for _ in range(3):
        with pytest.raises(DataError, match='too large'):
            sized.of(image(64, 48))
    assert tried == [64]
    assert sized.of(image(80, 48)) and tried == [64, 80]
