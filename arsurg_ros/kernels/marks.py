# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Readouts over a picture: plates, stripes, lines, discs and text, by one kernel call; the rules are in wasm/marks/src/lib.rs.

A kernel of its own, apart from the rasteriser: where that one traps, the banner that says so is still drawn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.font import TextSize, text_size
from arsurg_ros.kernels.host import Kernel, PerThread, room
from arsurg_ros.kernels.layouts import MARKS
from arsurg_ros.kernels.mark_atlas import Atlas
from arsurg_ros.kernels.mark_rows import Rows, to_rows
from arsurg_ros.kernels.mark_types import Disc, Mark, Plate, Polyline, Stripes, Text
from arsurg_ros.kernels.reference_marks import ReferenceMarks
from arsurg_ros.types import U8

__all__ = ['Disc', 'Mark', 'Marks', 'Plate', 'Polyline', 'Stripes', 'Text', 'TextSize', 'text_size']

MOST_PX = 16384


class Marks:
    """Draws marks in place over pictures of one size; the two backends agree to one level of 255."""

    def __init__(self, width_px: int, height_px: int, *, backend: str = 'wasm') -> None:
        """Make the kernel ready; raises ConfigError (size, backend, no font), KernelError."""
        make = pick(backend, MARKERS)
        if not (1 <= width_px <= MOST_PX and 1 <= height_px <= MOST_PX):
            raise ConfigError(f'marks: size {width_px}x{height_px}; 1 to {MOST_PX} px each way are valid')
        self.width_px, self.height_px = width_px, height_px
        self._local = threading.local()
        self._impl = make(width_px, height_px)

    def draw(self, image: U8, marks: Sequence[Mark], encoding: str = 'bgr8') -> None:
        """Draw marks, the first one lowest, over an image (H, W, 3) uint8; pixels that none touches stay as they are.

        Raises DataError (an image of another kind or size), ConfigError (an encoding, a text's size), KernelError; the image
        is as it was then.
        """
        self._check(image)
        rows = to_rows(marks, self.width_px, self.height_px, self._atlas(), bgr=pick(encoding, ORDERS, 'encoding'))
        if len(rows.marks):
            self._impl.draw(image, rows, self._atlas().generation)

    def prepare(self, marks: Sequence[Mark]) -> None:
        """Draw the glyphs of these marks' texts for this thread, so that the first frame that needs them is not late."""
        to_rows(marks, self.width_px, self.height_px, self._atlas(), bgr=True)

    def _atlas(self) -> Atlas:
        """Return this thread's atlas."""
        if not hasattr(self._local, 'atlas'):
            self._local.atlas = Atlas()
        atlas: Atlas = self._local.atlas
        return atlas

    def _check(self, image: U8) -> None:
        wanted = (self.height_px, self.width_px, 3)
        if image.shape != wanted or image.dtype != np.uint8 or not image.flags.writeable:
            found = f'{image.shape} {image.dtype}{"" if image.flags.writeable else ", read-only"}'
            raise DataError(f'image {found}: marks are drawn in place on uint8 of {wanted}')


#: Whether the first channel is blue.
ORDERS = {'bgr8': True, 'rgb8': False}


class WasmMarks:
    """The kernel's side: one instance a thread, with the glyphs in its memory."""

    def __init__(self, width_px: int, height_px: int) -> None:
        """Make this thread's instance with room for an ordinary picture's marks."""
        self._shape = (height_px, width_px)
        self._local = threading.local()
        self._kernels = PerThread(MARKS, prepare=self._is_new)
        self._room = (64, 1024, 1024, 1 << 18, 1024)
        self._kernel(self._room)

    def _is_new(self, _: Kernel) -> None:
        self._local.uploaded = (-1, 0)

    def _kernel(self, least: Sequence[int]) -> Kernel:
        needed = (room(n, k) for n, k in zip(least, self._room, strict=True))
        return self._kernels.get(self._shape[1], self._shape[0], *needed)

    def draw(self, image: U8, rows: Rows, generation: int) -> None:
        """Draw; only the regions of the image that marks touch go in and out."""
        counts = (len(rows.marks), len(rows.points), len(rows.glyphs), len(rows.atlas), rows.segments)
        kernel = self._kernel(counts)
        blocks = kernel.blocks
        for name, values in (('marks', rows.marks), ('points', rows.points), ('glyphs', rows.glyphs)):
            blocks[name][: values.size] = values.ravel()
        self._upload(kernel, rows.atlas, generation)
        blocks['state'][:] = counts[:4]
        picture = blocks['picture'].reshape(*self._shape, 3)
        for region in rows.regions:
            if region not in rows.opaque:
                x0, y0, x1, y1 = region
                picture[y0:y1, x0:x1] = image[y0:y1, x0:x1]
        kernel.call('draw')
        for x0, y0, x1, y1 in rows.regions:
            image[y0:y1, x0:x1] = picture[y0:y1, x0:x1]

    def _upload(self, kernel: Kernel, atlas: U8, generation: int) -> None:
        """Write what is new in the atlas."""
        had, used = self._local.uploaded
        start = used if had == generation else 0
        kernel.blocks['atlas'][start : len(atlas)] = atlas[start:]
        self._local.uploaded = (generation, len(atlas))


MARKERS: dict[str, Callable[[int, int], WasmMarks | ReferenceMarks]] = {'wasm': WasmMarks, 'numpy': ReferenceMarks}
