# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the anatomy may be drawn, and if not, why: one pure function, so that no picture decides for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

import numpy as np

from arsurg_ros.errors import ConfigError, KernelError, TransformLookupError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.prediction import PredictionLimits, predict
from arsurg_ros.geometry.transforms import TransformBuffer
from arsurg_ros.types import F64, DriftLevel, DriftStatus, Validity


class OverlayState(str, Enum):
    """What the picture is worth. Anatomy is drawn in LIVE, PREDICTED and DRIFT; the last two cannot be taken for the first."""

    LIVE = 'live'
    PREDICTED = 'predicted'
    DRIFT = 'drift'
    STALE = 'stale'
    LOST = 'lost'
    UNREGISTERED = 'unregistered'
    REFUSED = 'refused'

    @property
    def draws(self) -> bool:
        """Whether anatomy may be drawn."""
        return self in (OverlayState.LIVE, OverlayState.PREDICTED, OverlayState.DRIFT)


@dataclass(frozen=True)
class OverlayLimits:
    """A pose ``stale_s`` away from its image is not drawn; ``lost_s`` away, or without any pose, tracking is lost.

    A predicted one is not drawn beyond ``prediction``'s horizon. Raises ConfigError unless horizon_s <= stale_s <= lost_s.
    """

    stale_s: float = 0.1
    lost_s: float = 0.5
    prediction: PredictionLimits = field(default_factory=PredictionLimits)

    def __post_init__(self) -> None:
        """Check the order; NaN fails as well."""
        if not 0 <= self.stale_s <= self.lost_s < float('inf'):
            raise ConfigError(f'stale_s {self.stale_s}, lost_s {self.lost_s}: 0 <= stale_s <= lost_s is needed')
        if self.prediction.horizon_s > self.stale_s:
            said = f'{self.prediction.horizon_s}, stale_s {self.stale_s}'
            raise ConfigError(f'predict_s {said}: a pose that is stale is not predicted from: predict_s <= stale_s is needed')


@dataclass(frozen=True)
class PoseLookup:
    """What a look-up at the image's stamp gave: ``T_cam_ref``, or None and the ``reason``.

    ``age_ns`` is the image's stamp minus the pose's, of the newest pose where there is none at the stamp, None where
    there never was one; it is 0 where the pose was interpolated to the stamp. Where it was ``predicted`` to the stamp from
    poses ``age_ns`` older, ``error_m`` is the error to expect (one sigma, at the worst point).
    """

    T: F64 | None
    age_ns: int | None = 0
    reason: str = ''
    validity: Validity = Validity.VALID
    predicted: bool = False
    error_m: float | None = None


def look_up(
    buffer: TransformBuffer,
    camera_frame: str,
    frame_id: str,
    stamp_ns: int,
    *,
    prediction: PredictionLimits = PredictionLimits(),  # noqa: B008 (frozen)
    points_m: F64 | None = None,
) -> PoseLookup:
    """Return T_cam_frame at the image's stamp, or how old the newest pose is and why there is none; never raises.

    A pose that is not there yet is predicted within the limits of ``prediction``; its error is judged at ``points_m`` (K, 3)
    in the frame, the frame's origin without them.
    """
    try:
        return PoseLookup(buffer.lookup(camera_frame, frame_id, stamp_ns))
    except TransformLookupError as e:
        latest_ns = buffer.latest_ns(camera_frame, frame_id)
        none = PoseLookup(None, None if latest_ns is None else stamp_ns - latest_ns, str(e))
        late = e.kind == 'late'
    if not late or prediction.horizon_s <= 0:
        return none
    try:
        points = np.zeros((1, 3)) if points_m is None else points_m
        found = predict(buffer, camera_frame, frame_id, stamp_ns, points, prediction)
    except (TransformLookupError, KernelError) as e:
        return replace(none, reason=f'{none.reason}; {e}')
    return PoseLookup(found.T, found.horizon_ns, '', predicted=True, error_m=found.error_m)


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
    tip: PoseLookup | None = None,
    instruments: Mapping[str, PoseLookup] = MappingProxyType({}),
) -> OverlayDecision:
    """Return the state for a look-up of T_cam_ref, whether T_ref_ct is there and still holds, and why it was refused.

    The first that holds: REFUSED (a registration that was refused), UNREGISTERED, REFUSED (a registration that has drifted
    too far), LOST, REFUSED (a pose that is poor, not finite or not rigid), STALE, DRIFT (a registration in doubt),
    PREDICTED (the pose, or that of the ``tip`` or of another of the ``instruments`` that are drawn with it), LIVE. A warning of
    drift is the worse news of the two, so it is the state, and its reason says the rest. A pose newer than its image is as
    wrong as one that is older.
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
        ahead = _ahead(lookup, tip, instruments)
        reason = drift.reason or 'the registration is in doubt'
        return OverlayDecision(OverlayState.DRIFT, f'{reason}; {ahead}' if ahead else reason)
    if tracking.state is OverlayState.LIVE and (ahead := _ahead(lookup, tip, instruments)):
        return OverlayDecision(OverlayState.PREDICTED, ahead)
    return tracking


def _tracking(lookup: PoseLookup, limits: OverlayLimits) -> OverlayDecision:
    age_s = None if lookup.age_ns is None else abs(lookup.age_ns) * 1e-9
    if lookup.validity is Validity.LOST or age_s is None or age_s > limits.lost_s or (lookup.T is None and age_s == 0):
        return OverlayDecision(OverlayState.LOST, lookup.reason or _aged(age_s) or 'no marker')
    if lookup.validity is Validity.POOR:
        return OverlayDecision(OverlayState.REFUSED, lookup.reason or 'poor pose')
    if lookup.T is not None and not se3.is_rigid(lookup.T):
        return OverlayDecision(OverlayState.REFUSED, lookup.reason or 'the pose is not finite and rigid')
    limit_s = limits.prediction.horizon_s if lookup.predicted else limits.stale_s
    if lookup.validity is Validity.STALE or lookup.T is None or age_s > limit_s + 1e-9:
        return OverlayDecision(OverlayState.STALE, lookup.reason or _aged(age_s) or 'the tracker says so')
    return OverlayDecision(OverlayState.LIVE)


def _ahead(lookup: PoseLookup, tip: PoseLookup | None, instruments: Mapping[str, PoseLookup]) -> str:
    """Return what was predicted, '' for nothing."""
    for what, found in (('pose', lookup), ('tip', tip), *instruments.items()):
        if found is not None and found.predicted and found.T is not None:
            about = '' if found.error_m is None else f', about {1e3 * found.error_m:.1f} mm'
            return f'{what} predicted {abs(found.age_ns or 0) / 1e6:.0f} ms ahead{about}'
    return ''


def _aged(age_s: float | None) -> str:
    return f'pose {1e3 * age_s:.0f} ms old' if age_s else ''
