# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a camera is in a tracker's frame, from views of a board that the tracker knows how to reach.

Of every view the pose ``T_base_carrier`` is known: base is the tracker and the carrier the body with the board, or base is the
body with the camera and the carrier is the tracker, in which the board stands still. The board's pose on the carrier is known
too, or found with the camera's: hand-eye calibration starts it. All views together give the answer with the least
reprojection error (bundle adjustment; Triggs et al. 2000), by which views are rejected; then the noise of the tracker is told
from that of the corners, and weighs them. The start is the pose on which most views agree, each alone, and a chessboard that
looks the same turned round is turned as the other views say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.registration import camera_checks as checks
from arsurg_ros.registration import handeye
from arsurg_ros.registration.board_views import BoardViews
from arsurg_ros.registration.camera import locate, rms
from arsurg_ros.registration.components import Mixed, mixed
from arsurg_ros.registration.tre import margin_m
from arsurg_ros.types import F64, CameraModel, CameraPlacement, PlacedView

#: Single views agree if they differ by less than this, weighed in one length: radians at half a metre.
AGREE_M, LEVER_M = 0.02, 0.5
#: Views that differ by more contradict each other: no tracker is that bad.
CONTRADICT_M = 0.1
#: With fewer views the tracker's noise does not show; then the corners' scatter within the views is all there is.
NOISE_VIEWS = 4
#: No tracker is as good (m, rad per axis).
LEAST_NOISE = 1e-7
ROUNDS = 10
FAR_PX = 1e4
POOR_PX = 3.0


@dataclass(frozen=True)
class _Turn:
    """One way of seeing a board: its points (N, 3) in its frame, and ``T_cam_board`` as this view alone has it."""

    p_board_m: F64
    T_cam_board: F64


@dataclass(frozen=True)
class _Seen:
    """A view with a board, at pixels (N, 2); more than one turn where a chessboard looks the same turned round."""

    name: str
    uv_px: F64
    T_base_carrier: F64
    turns: tuple[_Turn, ...]


@dataclass(frozen=True)
class _Answer:
    """Both transforms; the board's is part of the answer where ``free``."""

    T_base_cam: F64
    T_carrier_board: F64
    free: bool

    @property
    def size(self) -> int:
        """How many parameters the answer has."""
        return 12 if self.free else 6

    def moved(self, x: F64) -> _Answer:
        """Return the answer moved by x (6 or 12): x y z rx ry rz about the parent's fixed axes, REP-103's order."""
        board = _moved(self.T_carrier_board, x[6:]) if self.free else self.T_carrier_board
        return _Answer(_moved(self.T_base_cam, x[:6]), board, self.free)


def _moved(T: F64, x: F64) -> F64:
    return se3.compose(se3.from_rotvec(x[3:]) @ T[:3, :3], T[:3, 3] + x[:3])


@dataclass(frozen=True)
class _Pair:
    """A view and the turn of the board in it."""

    seen: _Seen
    turn: _Turn

    def predicted(self, answer: _Answer) -> F64:
        """Return ``T_cam_board`` by way of the tracker."""
        return se3.inverse(answer.T_base_cam) @ self.seen.T_base_carrier @ answer.T_carrier_board

    def residuals(self, answer: _Answer, camera: CameraModel) -> F64:
        """Return seen - projected (N, 2), px; points behind the camera count as very far off."""
        off = self.seen.uv_px - project(camera, se3.transform(self.predicted(answer), self.turn.p_board_m))
        return np.clip(np.nan_to_num(off, nan=FAR_PX), -FAR_PX, FAR_PX)

    def off_m(self, answer: _Answer) -> float:
        """Return how far the board's points are from where this view alone has them, rms, metres."""
        by_tracker, alone = (se3.transform(T, self.turn.p_board_m) for T in (self.predicted(answer), self.turn.T_cam_board))
        return float(np.sqrt(((by_tracker - alone) ** 2).sum(axis=1).mean()))


def place_camera(
    found: BoardViews, camera: CameraModel, T_base_carrier: F64, T_carrier_board: F64 | None, *,
    tracker_at_base: bool = False, reject: bool = True, trust_order: bool = False, backend: str = 'wasm',
) -> CameraPlacement:
    """Return ``T_base_cam`` from the carrier's poses (N, 4, 4), metres, one for every picture in order.

    ``T_carrier_board`` None: it is found as well, which needs the motions of a hand-eye calibration. The covariance counts the
    tracker's noise, as the views show it, from four views on; for fewer the corners' alone. ``tracker_at_base``: the tracked
    body is base, not the carrier. ``trust_order``: no chessboard is turned round. Raises RegistrationError
    ``count_mismatch``, ``too_few_views`` for none that counts, ``ambiguous`` where a chessboard that looks the same turned
    round leaves more than one answer, ``no_consensus`` where views contradict; with the board unknown also the codes of
    handeye.calibrate.
    """
    seen = _seen(found, camera, T_base_carrier, trust_order or T_carrier_board is None)
    if T_carrier_board is None:
        answer, pairs = _by_handeye(seen, reject, backend)
    else:
        T, turns = _agreement(seen, T_carrier_board)
        answer = _Answer(T, T_carrier_board, False)
        pairs = [_Pair(s, s.turns[k]) for s, k in zip(seen, turns, strict=True)]
    answer, used, limit = _fit_and_reject(pairs, camera, answer, reject)
    kept = [p for p, u in zip(pairs, used, strict=True) if u]
    weighed: Mixed | None = None
    if len(kept) < NOISE_VIEWS:
        spread = _corners_alone(kept, camera, answer)
    else:
        answer, weighed = _weighed(kept, camera, answer, tracker_at_base)
        spread = weighed.covariance
    return _result(found, pairs, camera, answer, used, limit, spread, weighed, given=False)


def judge_camera(
    found: BoardViews, camera: CameraModel, T_base_carrier: F64, T_carrier_board: F64, T_base_cam: F64
) -> CameraPlacement:
    """Return the errors of a camera's pose that is known already; its covariance is zero. Raises as ``place_camera``."""
    answer = _Answer(T_base_cam, T_carrier_board, False)
    seen = _seen(found, camera, T_base_carrier, False)
    pairs = [min((_Pair(s, t) for t in s.turns), key=lambda p: rms(p.residuals(answer, camera))) for s in seen]
    return _result(found, pairs, camera, answer, [True] * len(pairs), float('inf'), np.zeros((6, 6)), None, given=True)


def _seen(found: BoardViews, camera: CameraModel, T_base_carrier: F64, trust_order: bool) -> list[_Seen]:
    """Return the views that count; repeated ones too: the board may stand still while the tracker measures anew."""
    if len(T_base_carrier) != len(found.views):
        raise RegistrationError(
            'count_mismatch', f'{len(T_base_carrier)} poses for {len(found.views)} pictures: one for each, in order, is needed'
        )
    out, orders = [], found.board.symmetries()[: 1 if trust_order else None]
    for view, T in zip(found.views, T_base_carrier, strict=True):
        if view.reason and not view.reason.startswith('repeats'):
            continue
        points = [found.board.p_board_m[order[view.ids]] for order in orders]
        poses = [locate(camera, p, view.uv_px)[0] for p in points]
        turns = tuple(_Turn(p, q) for p, q in zip(points, poses, strict=True) if q is not None)
        if len(turns) == len(orders):
            out.append(_Seen(view.name, view.uv_px, T, turns))
    if not out:
        raise RegistrationError('too_few_views', f'none of {len(found.views)} views has a pose of the board')
    return out


def _by_handeye(seen: list[_Seen], reject: bool, backend: str) -> tuple[_Answer, list[_Pair]]:
    """Return the start where the board's pose on its carrier is unknown: eye-to-hand, the carrier being the hand."""
    pairs = [_Pair(s, s.turns[0]) for s in seen]
    carrier = np.array([s.T_base_carrier for s in seen])
    board = np.array([p.turn.T_cam_board for p in pairs])
    done = handeye.calibrate(carrier, board, 'eye-to-hand', reject=reject, backend=backend)
    return _Answer(done.transforms['T_base_cam'].T, done.transforms['T_gripper_target'].T, True), pairs


def _distance_m(a: F64, b: F64) -> float:
    turn = se3.rotation_angle_rad(a[:3, :3].T @ b[:3, :3])
    return float(np.hypot(np.linalg.norm(a[:3, 3] - b[:3, 3]), LEVER_M * turn))


def _agreement(seen: Sequence[_Seen], T_carrier_board: F64) -> tuple[F64, list[int]]:
    """Return the pose with which most views agree, and which turn of the board every view then has."""
    alone = [[s.T_base_carrier @ T_carrier_board @ se3.inverse(t.T_cam_board) for t in s.turns] for s in seen]
    ranked: list[tuple[float, F64, list[int]]] = []
    for candidate in (T for each in alone for T in each):
        away = [[_distance_m(candidate, T) for T in each] for each in alone]
        # What is farther off than that is wrong, however far.
        ranked.append((sum(min(*a, 10 * AGREE_M) for a in away), candidate, [int(np.argmin(a)) for a in away]))
    ranked.sort(key=lambda r: r[0])
    cost, T, turns = ranked[0]
    near = sum(min(_distance_m(T, each) for each in poses) < CONTRADICT_M for poses in alone)
    if 2 * near < len(seen) or near < min(2, len(seen)):
        raise RegistrationError(
            'no_consensus', f'{near} of {len(seen)} views agree on where the camera is, to {CONTRADICT_M * 1e3:.0f} mm: do '
            'pictures and poses belong together, in the same order, are the poses in the unit that is said, is it the board or '
            'the camera that is tracked, and is the board where it is said to be on its body?'
        )
    rival = next((r for r in ranked if _distance_m(r[1], T) > 4 * AGREE_M), None)
    if len(alone[0]) > 1 and rival is not None and rival[0] < 1.5 * cost + 0.5 * AGREE_M:
        raise RegistrationError(
            'ambiguous', f'the chessboard looks the same turned round, {len(seen)} views leave {len(alone[0])} answers: turn '
            'what is tracked between the views, or use a board with one even and one odd number of corners, or ChArUco'
        )
    return T, turns


def _fit_and_reject(
    pairs: Sequence[_Pair], camera: CameraModel, answer: _Answer, reject: bool
) -> tuple[_Answer, list[bool], float]:
    # The first fit shrugs off wrong views; the last one is plain least squares of those that are left.
    answer, used, limit = _fitted(pairs, camera, answer, 'soft_l1'), [True] * len(pairs), float('inf')
    if not reject:
        return _fitted(pairs, camera, answer, 'linear'), used, limit
    known: set[tuple[bool, ...]] = set()
    for _ in range(ROUNDS):
        errors = np.array([rms(p.residuals(answer, camera)) for p in pairs])
        limit = checks.error_limit_px(errors)
        used = checks.keep(errors, limit, max(1, (len(pairs) + 1) // 2))
        if tuple(used) in known:
            break
        known.add(tuple(used))
        answer = _fitted([p for p, u in zip(pairs, used, strict=True) if u], camera, answer, 'linear')
    return answer, used, limit


def _fitted(pairs: Sequence[_Pair], camera: CameraModel, answer: _Answer, loss: str) -> _Answer:
    def cost(x: F64) -> F64:
        moved = answer.moved(x)
        return np.concatenate([p.residuals(moved, camera).ravel() for p in pairs])

    out = scipy.optimize.least_squares(cost, np.zeros(answer.size), x_scale=np.full(answer.size, 0.1), loss=loss)
    return answer.moved(np.asarray(out.x, dtype=np.float64))


def _jacobian(pair: _Pair, camera: CameraModel, answer: _Answer) -> F64:
    columns = []
    for step in 1e-6 * np.eye(answer.size):
        ahead, behind = (pair.residuals(answer.moved(s * step), camera).ravel() for s in (1.0, -1.0))
        columns.append((ahead - behind) / 2e-6)
    return np.stack(columns, axis=1)


def _corners_alone(pairs: Sequence[_Pair], camera: CameraModel, answer: _Answer) -> F64:
    """Return the covariance that the corners' residuals give, as if the tracker were perfect: s^2 (J'J)^-1."""
    J = np.concatenate([_jacobian(p, camera, answer) for p in pairs])
    r = np.concatenate([p.residuals(answer, camera).ravel() for p in pairs])
    out: F64 = np.linalg.pinv(J.T @ J) * float(r @ r) / max(len(r) - answer.size, 1)
    return out


def _weighed(
    pairs: Sequence[_Pair], camera: CameraModel, answer: _Answer, at_base: bool
) -> tuple[_Answer, Mixed]:
    """Return the most likely answer near one, and what the tracker's noise (variances: m^2, rad^2 per axis) leaves in doubt.

    Corners of one view share the tracker's error, so they are not so many observations. Two variances, of the tracked body's
    position and rotation, are found beside that of the corners, and weigh the views, see ``components``.
    """
    sources = np.zeros((2, len(pairs), 6, 6))
    sources[0, :, :3, :3] = sources[1, :, 3:, 3:] = np.eye(3)
    for _ in range(2):
        N = [_noise_jacobian(p, camera, answer, at_base) for p in pairs]
        r = [p.residuals(answer, camera).ravel() for p in pairs]
        off = np.array([np.linalg.lstsq(n, x, rcond=None)[0] for n, x in zip(N, r, strict=True)])
        inside = float(sum(np.sum((x - n @ e) ** 2) for x, n, e in zip(r, N, off, strict=True)))
        corners = inside / max(sum(len(x) - 6 for x in r), 1) * np.array([np.linalg.pinv(n.T @ n) for n in N])
        G = np.array([np.linalg.lstsq(n, _jacobian(p, camera, answer), rcond=None)[0] for n, p in zip(N, pairs, strict=True)])
        start = np.maximum([(off[:, k] ** 2).mean() for k in (slice(0, 3), slice(3, 6))], LEAST_NOISE**2)
        found = mixed(off, G, sources, start, corners)
        answer = answer.moved(found.step)
    return answer, found


def _noise_jacobian(pair: _Pair, camera: CameraModel, answer: _Answer, at_base: bool) -> F64:
    """Return the change of the residuals (2N, 6) with the tracked body's pose, in its own frame: v in m, w in rad."""
    columns = []
    for step in 1e-6 * np.eye(6):
        ends = []
        for sign in (1.0, -1.0):
            E = se3.exp(sign * step)
            T = E @ pair.seen.T_base_carrier if at_base else pair.seen.T_base_carrier @ E
            ends.append(_Pair(replace(pair.seen, T_base_carrier=T), pair.turn).residuals(answer, camera).ravel())
        columns.append((ends[0] - ends[1]) / 2e-6)
    return np.stack(columns, axis=1)


def _result(
    found: BoardViews, pairs: Sequence[_Pair], camera: CameraModel, answer: _Answer, used: Sequence[bool], limit_px: float,
    spread: F64,
    weighed: Mixed | None, *, given: bool,
) -> CameraPlacement:
    rows = {p.seen.name: (p, u) for p, u in zip(pairs, used, strict=True)}
    views = []
    for view in found.views:
        if view.name not in rows:
            nothing, why = np.full(view.uv_px.shape, np.nan), view.reason or 'no pose of the board'
            views.append(PlacedView(view.name, view.uv_px, nothing, float('nan'), float('nan'), False, why))
            continue
        pair, counts = rows[view.name]
        off = pair.residuals(answer, camera)
        reason = '' if counts else f'error {rms(off):.2f} px, above the limit of {limit_px:.2f} px'
        views.append(PlacedView(view.name, view.uv_px, off, rms(off), pair.off_m(answer), counts, reason))
    kept = [v for v in views if v.used]
    squares = np.average([v.rms_m**2 for v in kept], weights=[len(v.uv_px) for v in kept])
    parts = slice(0, 3), slice(3, 6)
    margins = [margin_m(spread[k, k], math.inf if weighed is None else weighed.dof(k)) for k in parts]
    noise = None if weighed is None else (math.sqrt(weighed.variances[0]), math.sqrt(weighed.variances[1]))
    return CameraPlacement(
        answer.T_base_cam, spread[:6, :6], margins[0], margins[1], noise, answer.T_carrier_board,
        spread[6:, 6:] if answer.free else None,
        rms(np.concatenate([v.residuals_px for v in kept])), float(np.sqrt(squares)), tuple(views), limit_px,
        _warnings(found, kept, not given and noise is None, answer.free),
    )


def _warnings(found: BoardViews, kept: Sequence[PlacedView], corners_alone: bool, free: bool) -> tuple[str, ...]:
    out = []
    if corners_alone:
        out.append(
            f'{len(kept)} view{"s" if len(kept) != 1 else ""}: the covariance counts the noise of the corners alone, not that '
            f'of the tracker; {NOISE_VIEWS} or more views are needed for that'
        )
    error = float(np.median([v.rms_px for v in kept]))
    if error > POOR_PX:
        out.append(
            f'reprojection error {error:.1f} px: do pictures and poses belong to the same moments, are the intrinsics those of '
            'this camera, is the board where it is said to be on its body?'
        )
    if free and len(found.board.symmetries()) > 1:
        out.append('the chessboard looks the same turned round: no view may show it upside down')
    return tuple(out)
