# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A software photodiode: what a picture that was really shown says of itself, by its pixels alone.

It reads the pixel codes (``geometry.pixel_code``) of any picture, from a topic, a JPEG, a video or a grabbed window, and
finds what no header shows: a picture that stands still, comes late or out of order, an overlay over another frame than its
own, a pose that is old or not the true one. Time written into the picture and read where it is shown is Sielhorst et al.,
*Measurement of absolute latency for video see through augmented reality* (ISMAR 2007); this sees all but the display itself.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from arsurg_ros.geometry.pixel_code import CameraCode, OverlayCode, read_camera_code, read_overlay_code
from arsurg_ros.measure import PoseError, Truth, pose_error
from arsurg_ros.report import DRAWN, spread
from arsurg_ros.stats import KEPT_SAMPLES
from arsurg_ros.types import U8, CameraModel

#: What can be wrong with a picture.
FAULTS = {
    'unreadable': 'no code that can be read',
    'frozen': 'the same picture for longer than the limit, and it still shows anatomy as valid',
    'out_of_order': 'older than one that was shown before',
    'other_frame': "the overlay's code is of another frame than the picture under it",
    'header': 'the header (or file name) has another stamp than the pixels',
    'old_pose': 'live, by a pose further from the picture than the limit',
    'wrong_pose': 'drawn further from the truth than the limit',
    'no_pose': 'it says that anatomy is drawn, and not with which pose',
    'drawn_unsaid': 'anatomy is drawn in a state that has none',
}


@dataclass(frozen=True)
class Limits:
    """From when on a picture is frozen, a pose old or wrong."""

    frozen_ns: int = 250_000_000
    old_pose_ns: int = 100_000_000
    wrong_px: float = 5.0


@dataclass(frozen=True)
class Reading:
    """What one picture said; ``faults`` are names of ``FAULTS``.

    ``age_ns`` is how old the picture was when it was seen, ``pose_gap_ns`` its stamp less that of the newest pose used,
    ``error`` the distance of the pose drawn from the true one at the picture's stamp; each None where it is not known.
    """

    camera: CameraCode | None
    overlay: OverlayCode | None
    age_ns: int | None = None
    pose_gap_ns: int | None = None
    error: PoseError | None = None
    faults: tuple[str, ...] = ()


class Photodiode:
    """Looks at pictures in the order in which they were shown; one thread.

    ``truth`` gives the true poses, ``camera`` (may be set later) the pixels that they are apart.
    """

    def __init__(self, truth: Truth | None = None, camera: CameraModel | None = None, limits: Limits | None = None) -> None:
        """Begin with nothing seen."""
        self.truth, self.camera = truth, camera
        self._limits = limits or Limits()
        self.pictures = self.repeats = self.skipped = 0
        self.faults: Counter[str] = Counter()
        self.states: Counter[str] = Counter()
        self._since_ns = self._still_ns = 0
        self._last: tuple[int, str] | None = None
        self._newest_ns: int | None = None
        self._newest_id: int | None = None
        names = ('age_ms', 'age_drawn_ms', 'pose_gap_ms', 'px', 'mm')
        self._samples: dict[str, deque[float]] = {name: deque(maxlen=KEPT_SAMPLES) for name in names}

    def see(
        self,
        image: U8,
        seen_ns: int,
        age_ns: Callable[[int], int | None] = lambda stamp_ns: None,
        *,
        header_ns: int | None = None,
    ) -> Reading:
        """Read a picture (H, W, 3) bgr or rgb, or (H, W), uint8, seen at a time of any clock that runs steadily.

        ``age_ns`` returns how old a stamp is now, where that is known; ``header_ns`` is what the header says.
        """
        self.pictures += 1
        camera, overlay = read_camera_code(image), read_overlay_code(image)
        if camera is None and overlay is None:
            return self._kept(Reading(None, None, faults=('unreadable',)))
        stamp_ns = overlay.stamp_ns if overlay is not None else camera.stamp_ns if camera is not None else 0
        state = overlay.state if overlay is not None else ''
        faults = [*self._flow(stamp_ns, state, seen_ns), *self._match(camera, overlay, header_ns)]
        if camera is not None:
            self._count(camera.pose_id)
        gap_ns, error = None, None
        if overlay is not None:
            gap_ns = None if overlay.pose_stamp_ns is None else stamp_ns - overlay.pose_stamp_ns
            error = self._error(overlay)
            faults += self._drawn(overlay, gap_ns, error)
        return self._kept(Reading(camera, overlay, age_ns(stamp_ns), gap_ns, error, tuple(faults)))

    def summary(self) -> dict[str, Any]:
        """Return counts and spreads (n, p50, p95, max), None for what was not seen; fields as in ``arsurg_ros.report``."""
        return {
            'pictures': self.pictures,
            'repeats': self.repeats,
            'skipped': self.skipped,
            'longest_still_ms': round(self._still_ns / 1e6, 1),
            'states': dict(self.states),
            'faults': {name: self.faults[name] for name in FAULTS},
            **{name: spread(list(samples)) for name, samples in self._samples.items()},
        }

    def _flow(self, stamp_ns: int, state: str, seen_ns: int) -> list[str]:
        """Follow the pictures: stamps go up, and each is shown for a while at most."""
        faults = []
        if self._newest_ns is not None and stamp_ns < self._newest_ns:
            faults.append('out_of_order')
        self._newest_ns = max(stamp_ns, stamp_ns if self._newest_ns is None else self._newest_ns)
        if self._last != (stamp_ns, state):
            self._last, self._since_ns = (stamp_ns, state), seen_ns
            return faults
        self.repeats += 1
        if state in DRAWN or not state:
            still_ns = seen_ns - self._since_ns
            self._still_ns = max(self._still_ns, still_ns)
            if still_ns > self._limits.frozen_ns:
                faults.append('frozen')
        return faults

    def _count(self, pose_id: int) -> None:
        if self._newest_id is not None and pose_id > self._newest_id:
            self.skipped += pose_id - self._newest_id - 1
        self._newest_id = max(pose_id, pose_id if self._newest_id is None else self._newest_id)

    @staticmethod
    def _match(camera: CameraCode | None, overlay: OverlayCode | None, header_ns: int | None) -> list[str]:
        stamps = [code.stamp_ns for code in (camera, overlay) if code is not None]
        faults = ['other_frame'] if len(set(stamps)) > 1 else []
        return faults + (['header'] if header_ns is not None and header_ns not in stamps[-1:] else [])

    def _error(self, overlay: OverlayCode) -> PoseError | None:
        if self.truth is None or self.camera is None or overlay.T_cam_ct is None:
            return None
        return pose_error(self.camera, self.truth.p_ct_m, overlay.T_cam_ct, self.truth.T_cam_ct(overlay.stamp_ns))

    def _drawn(self, overlay: OverlayCode, gap_ns: int | None, error: PoseError | None) -> list[str]:
        if overlay.state not in DRAWN:
            return ['drawn_unsaid'] if overlay.T_cam_ct is not None else []
        faults = []
        if overlay.T_cam_ct is None or gap_ns is None:
            faults.append('no_pose')
        elif abs(gap_ns) > self._limits.old_pose_ns:
            faults.append('old_pose')
        if error is not None and not error.px <= self._limits.wrong_px:
            faults.append('wrong_pose')
        return faults

    def _kept(self, reading: Reading) -> Reading:
        """Count a reading and keep its figures."""
        self.faults.update(reading.faults)
        state = reading.overlay.state if reading.overlay is not None else ''
        if state:
            self.states[state] += 1
        found = {'age_ms': reading.age_ns, 'pose_gap_ms': reading.pose_gap_ns if state in DRAWN else None}
        found['age_drawn_ms'] = reading.age_ns if state in DRAWN else None
        for name, value_ns in found.items():
            if value_ns is not None:
                self._samples[name].append(value_ns / 1e6)
        if reading.error is not None:
            self._samples['px'].append(reading.error.px)
            self._samples['mm'].append(reading.error.mm)
        return reading
