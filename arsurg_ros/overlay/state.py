# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the anatomy may be drawn, and if not, why: one pure function, so that no picture decides for itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from arsurg_ros.errors import ConfigError, TransformLookupError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.transforms import TransformBuffer
from arsurg_ros.types import F64, DriftLevel, DriftStatus, Validity


class OverlayState(str, Enum):
    """What the picture is worth. Anatomy is drawn in LIVE, and in DRIFT under a warning that cannot be missed."""

    LIVE = 'live'
    DRIFT = 'drift'
    STALE = 'stale'
    LOST = 'lost'
    UNREGISTERED = 'unregistered'
    REFUSED = 'refused'

    @property
    def draws(self) -> bool:
        """Whether anatomy may be drawn."""
        return self in (OverlayState.LIVE, OverlayState.DRIFT)


@dataclass(frozen=True)
class OverlayLimits:
    """A pose ``stale_s`` away from its image is not drawn; ``lost_s`` away, or without any pose, tracking is lost.

    Raises ConfigError unless 0 <= stale_s <= lost_s.
    """

    stale_s: float = 0.1
    lost_s: float = 0.5

    def __post_init__(self) -> None:
        """Check the order; NaN fails as well."""
        if not 0 <= self.stale_s <= self.lost_s < float('inf'):
            raise ConfigError(f'stale_s {self.stale_s}, lost_s {self.lost_s}: 0 <= stale_s <= lost_s is needed')


@dataclass(frozen=True)
class PoseLookup:
    """What a look-up at the image's stamp gave: ``T_cam_ref``, or None and the ``reason``.

    ``age_ns`` is the image's stamp minus the pose's, of the newest pose where there is none at the stamp, None where
    there never was one; it is 0 where the pose was interpolated to the stamp.
    """

    T: F64 | None
    age_ns: int | None = 0
    reason: str = ''
    validity: Validity = Validity.VALID


def look_up(buffer: TransformBuffer, camera_frame: str, frame_id: str, stamp_ns: int) -> PoseLookup:
    """Return T_cam_frame at the image's stamp, or how old the newest pose is and why there is none; never raises."""
    try:
        return PoseLookup(buffer.lookup(camera_frame, frame_id, stamp_ns))
    except TransformLookupError as e:
        latest_ns = buffer.latest_ns(camera_frame, frame_id)
        return PoseLookup(None, None if latest_ns is None else stamp_ns - latest_ns, str(e))


@dataclass(frozen=True)
class OverlayDecision:
    """The state and, unless it is LIVE, the reason in one line."""

    state: OverlayState
    reason: str = ''

    @property
    def draws(self) -> bool:
        """Whether anatomy may be drawn."""
        return self.state.draws


def decide(
    lookup: PoseLookup,
    registered: bool,
    limits: OverlayLimits,
    *,
    refusal: str = '',
    drift: DriftStatus = DriftStatus(),  # noqa: B008 (frozen)
) -> OverlayDecision:
    """Return the state for a look-up of T_cam_ref, whether T_ref_ct is there and still holds, and why it was refused.

    The first that holds: REFUSED (a registration that was refused), UNREGISTERED, REFUSED (a registration that has drifted
    too far), LOST, REFUSED (a pose that is poor, not finite or not rigid), STALE, DRIFT (a registration in doubt), LIVE. A
    pose newer than its image is as wrong as one that is older.
    """
    if refusal:
        return OverlayDecision(OverlayState.REFUSED, refusal)
    tracking = _tracking(lookup, limits)
    also = '' if tracking.draws else f'; {tracking.state.value}: {tracking.reason}'
    if not registered:
        return OverlayDecision(OverlayState.UNREGISTERED, f'no registration{also}')
    if drift.level is DriftLevel.ERROR:
        return OverlayDecision(OverlayState.REFUSED, f'{drift.reason or "the registration has drifted"}{also}')
    if drift.level is DriftLevel.WARN and tracking.draws:
        return OverlayDecision(OverlayState.DRIFT, drift.reason or 'the registration is in doubt')
    return tracking


def _tracking(lookup: PoseLookup, limits: OverlayLimits) -> OverlayDecision:
    age_s = None if lookup.age_ns is None else abs(lookup.age_ns) * 1e-9
    if lookup.validity is Validity.LOST or age_s is None or age_s > limits.lost_s or (lookup.T is None and age_s == 0):
        return OverlayDecision(OverlayState.LOST, lookup.reason or _aged(age_s) or 'no marker')
    if lookup.validity is Validity.POOR:
        return OverlayDecision(OverlayState.REFUSED, lookup.reason or 'poor pose')
    if lookup.T is not None and not se3.is_rigid(lookup.T):
        return OverlayDecision(OverlayState.REFUSED, lookup.reason or 'the pose is not finite and rigid')
    if lookup.validity is Validity.STALE or lookup.T is None or age_s > limits.stale_s:
        return OverlayDecision(OverlayState.STALE, lookup.reason or _aged(age_s) or 'the tracker says so')
    return OverlayDecision(OverlayState.LIVE)


def _aged(age_s: float | None) -> str:
    return f'pose {1e3 * age_s:.0f} ms old' if age_s else ''
