# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from PIL import ImageGrab

from arsurg_ros.errors import ConfigError
from arsurg_ros.geometry.pixel_code import CameraCode, OverlayCode, write_camera_code, write_overlay_code
from arsurg_ros.photodiode import Photodiode
from arsurg_ros.sinks.viewer import Viewer
from arsurg_ros.sinks.window import Window

MS = 1_000_000


def coded(k: int, width: int = 640, height: int = 480) -> np.ndarray:
    image = np.random.default_rng(k).integers(0, 256, (height, width, 3), dtype=np.uint8)
    write_camera_code(image, CameraCode(k * 33 * MS, k))
    write_overlay_code(image, OverlayCode(k * 33 * MS, 'live', k * 33 * MS, np.eye(4)))
    return image


@pytest.fixture
def window(unseen: None) -> Any:
    window = Window('test')
    yield window
    window.close()


def test_what_is_shown_is_in_the_window(window: Window) -> None:
    for k in range(3):
        image = coded(k)
        window.show(image)
        assert np.array_equal(window.grab(), image)


def test_a_picture_larger_than_the_desktop_is_fitted_and_still_read(window: Window) -> None:
    window.show(coded(4, 1920, 1080))
    seen = window.grab()
    assert seen.shape[1] <= 1024 and abs(seen.shape[1] / seen.shape[0] - 16 / 9) < 0.01
    assert Photodiode().see(seen, 0).camera == CameraCode(4 * 33 * MS, 4)


def test_in_a_window_of_another_shape_the_picture_keeps_its_own(window: Window) -> None:
    pygame = window._pygame
    pygame.display.set_mode((640, 700), pygame.RESIZABLE)
    image = coded(5)
    window.show(image)
    seen = window.grab()
    assert np.array_equal(seen[110:590], image) and not seen[:110].any() and not seen[590:].any()


def test_the_photodiode_sees_in_the_window_that_pictures_stopped(window: Window) -> None:
    viewer, diode, found = Viewer(), Photodiode(), []
    for now_ms in range(0, 1000, 33):
        k = now_ms // 33
        if k < 10:
            viewer.take(coded(k), k * 33 * MS, now_ms * MS)
        shown = viewer.picture(now_ms * MS)
        if shown is not None:
            window.show(shown)
        seen = diode.see(window.grab(), now_ms * MS, lambda stamp_ns, now_ms=now_ms: now_ms * MS - stamp_ns)
        assert seen.overlay is not None
        found.append(seen.overlay.state)
    assert found[:10] == ['live'] * 10
    assert 'lost' not in found[:17] and set(found[18:]) == {'lost'}  # the last came at 297 ms
    assert not diode.faults  # a window without this shows live for ever: frozen
    assert diode.summary()['age_drawn_ms']['max'] <= 250 + 33


def test_a_window_without_the_watch_is_found_frozen(window: Window) -> None:
    diode = Photodiode()
    window.show(coded(1))
    for now_ms in range(0, 1000, 33):
        diode.see(window.grab(), now_ms * MS)
    assert diode.faults['frozen'] > 15


def test_a_closed_window_says_so(window: Window) -> None:
    window.pump()
    assert not window.closed
    window._pygame.event.post(window._pygame.event.Event(window._pygame.QUIT))
    window.pump()
    assert window.closed


def test_on_a_real_display_the_pixels_on_the_screen_are_read(x_server: str) -> None:
    window = Window('test')
    try:
        image = coded(6)
        for _ in range(3):
            window.show(image)
            window.pump()
        screen = np.asarray(ImageGrab.grab(xdisplay=x_server).convert('RGB'))[..., ::-1]
    finally:
        window.close()
    top, left = (screen.shape[0] - 480) // 2, (screen.shape[1] - 640) // 2
    seen = np.ascontiguousarray(screen[top : top + 480, left : left + 640])
    assert np.array_equal(seen, image)
    assert Photodiode().see(seen, 0).camera == CameraCode(6 * 33 * MS, 6)


def test_without_a_display_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('pygame', reason='pygame-ce is not installed')
    for name in ('DISPLAY', 'WAYLAND_DISPLAY', 'SDL_VIDEODRIVER'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=r"^window: no display that can be opened \(DISPLAY '', WAYLAND_DISPLAY ''\): "):
        Window('test')


def test_without_pygame_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'pygame', None)
    with pytest.raises(ConfigError, match=r'^window: pygame is not here: pip install pygame-ce'):
        Window('test')
