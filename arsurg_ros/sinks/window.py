# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A window on a display, by pygame-ce (SDL 2): OpenCV's headless package has none. One window, one thread."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import cv2
import numpy as np

from arsurg_ros.errors import ConfigError
from arsurg_ros.types import U8

NEEDS = 'window: pygame is not here: pip install pygame-ce'
# Drivers of SDL that show nothing to anybody; it may take one of them by itself where there is no display.
UNSEEN = ('dummy', 'offscreen', 'evdev')


class Window:
    """Shows bgr pictures scaled to fit; ``closed`` once the user has closed it."""

    def __init__(self, title: str, width_px: int = 640, height_px: int = 480) -> None:
        """Open; raises ConfigError where pygame is missing or there is no display.

        SDL_VIDEODRIVER=dummy asks for a window that nobody sees, for tests.
        """
        os.environ.setdefault('PYGAME_HIDE_SUPPORT_PROMPT', '1')
        try:
            self._pygame: Any = import_module('pygame')
        except ImportError as e:
            raise ConfigError(f'{NEEDS} ({e})') from e
        asked = os.environ.get('SDL_VIDEODRIVER', '')
        try:
            self._pygame.display.init()
            driver = self._pygame.display.get_driver()
            if driver in UNSEEN and driver != asked:
                raise self._pygame.error(f'only {driver}')
            self._open(title, width_px, height_px)
        except self._pygame.error as e:
            self._pygame.display.quit()
            where = f'DISPLAY {os.environ.get("DISPLAY", "")!r}, WAYLAND_DISPLAY {os.environ.get("WAYLAND_DISPLAY", "")!r}'
            raise ConfigError(f'window: no display that can be opened ({where}): {e}') from e
        self.closed = False

    def _open(self, title: str, width_px: int, height_px: int) -> None:
        self._pygame.display.set_caption(title)
        self._pygame.display.set_mode(self._fitting(width_px, height_px), self._pygame.RESIZABLE)
        self._picture_px = (width_px, height_px)

    def _fitting(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Return the size at which a picture fits on the desktop."""
        wide, high = self._pygame.display.get_desktop_sizes()[0]
        shrink = min(1.0, wide / width_px, high / height_px)
        return max(1, int(width_px * shrink)), max(1, int(height_px * shrink))

    def show(self, image: U8) -> None:
        """Show a picture (H, W, 3) bgr8 now; one of another size than the last resizes the window."""
        size = (image.shape[1], image.shape[0])
        if size != self._picture_px:
            self._picture_px = size
            self._pygame.display.set_mode(self._fitting(*size), self._pygame.RESIZABLE)
        surface = self._pygame.display.get_surface()
        wide, high = surface.get_size()
        scale = min(wide / size[0], high / size[1])
        fitted = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
        if fitted != size:
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, fitted, interpolation=how), dtype=np.uint8)
        picture = self._pygame.image.frombuffer(np.ascontiguousarray(image), fitted, 'BGR')
        at = ((wide - fitted[0]) // 2, (high - fitted[1]) // 2)
        if at != (0, 0):
            surface.fill((0, 0, 0))
        surface.blit(picture, at)
        self._pygame.display.flip()

    def pump(self) -> None:
        """Answer the display server; where the user closes the window, ``closed`` says so from then on."""
        for event in self._pygame.event.get():
            self.closed |= event.type == self._pygame.QUIT

    def grab(self) -> U8:
        """Return the pixels that are in the window, (H, W, 3) bgr8: the picture with its borders."""
        surface = self._pygame.display.get_surface()
        data = self._pygame.image.tobytes(surface, 'RGB')
        width, height = surface.get_size()
        return np.frombuffer(data, dtype=np.uint8).reshape(height, width, 3)[..., ::-1].copy()

    def close(self) -> None:
        """Take it off the display."""
        self._pygame.display.quit()
