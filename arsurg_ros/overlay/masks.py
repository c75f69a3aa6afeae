# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks of instruments from any segmentation: which one belongs to an image, and why none does."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from arsurg_ros.errors import DataError
from arsurg_ros.types import U8, Frame

# A segmentation may be a few images behind.
MOST_MASKS = 4
# Durations in steps that a text need not change at every picture for.
STEPS_MS = (50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class MaskChoice:
    """The mask (H, W) uint8 of an image, not zero where an instrument is, or why there is none: ``problem``, one line.

    Without masks at all there is no problem. ``state`` is used, none or the problem.
    """

    mask: U8 | None = None
    problem: str = ''
    state: str = 'none'


class MaskBuffer:
    """Keeps the last masks; one that is up to ``most_age_ns`` away in time stands in for an image's own."""

    def __init__(self, most_age_ns: int) -> None:
        """Begin without any."""
        self._most_age_ns = most_age_ns
        self._masks: deque[Frame] = deque(maxlen=MOST_MASKS)
        self._heard = False

    def put(self, mask: Frame, source: str, encoding: str = '') -> None:
        """Keep a mask. Raises DataError, naming ``source`` and the ``encoding`` that came, unless it is mono8."""
        self._heard = True
        if mask.encoding != 'mono8':
            raise DataError(f'{source}: encoding {encoding or mask.encoding!r}; valid: mono8')
        self._masks.append(mask)

    def heard(self) -> None:
        """Know that masks are sent, though this one cannot be read: their absence is a problem from now on."""
        self._heard = True

    def forget(self) -> None:
        """Drop the masks: they are of a time to come."""
        self._masks.clear()

    def choose(self, frame: Frame) -> MaskChoice:
        """Return the mask of an image or, no farther away in time than the limit, of its nearest neighbour."""
        mask = min(self._masks, key=lambda m: abs(m.stamp_ns - frame.stamp_ns), default=None)
        if mask is None:
            return _unused('not usable') if self._heard else MaskChoice()
        away_ns = abs(mask.stamp_ns - frame.stamp_ns)
        if away_ns > self._most_age_ns:
            return _unused(f'{_about(away_ns)} old, not used')
        if mask.image.shape != frame.image.shape[:2]:
            own, needed = (f'{i.shape[1]}x{i.shape[0]}' for i in (mask.image, frame.image))
            return _unused(f'{own}, the image is {needed}: not used')
        return MaskChoice(mask.image, state='used')


def _unused(why: str) -> MaskChoice:
    problem = f'instrument mask: {why}'
    return MaskChoice(problem=problem, state=problem)


def _about(duration_ns: int) -> str:
    ms = duration_ns / 1e6
    return next((f'under {limit} ms' for limit in STEPS_MS if ms < limit), 'over 1 s')
