# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a camera is in a tracker's frame, from views of a board whose pose the tracker knows.

One transform over all views at once, by the least reprojection error (bundle adjustment with everything else known; Triggs et
al., 2000). The start is the pose on which most views agree, each alone; a chessboard that looks the same turned round is turned
as the others say. ``base`` is what the board's poses are given in: the tracker, or a body on a tracked camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from arsurg_ros.errors import RegistrationError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import project
from arsurg_ros.registration import camera_checks as checks
from arsurg_ros.registration.board_views import BoardView, BoardViews
from arsurg_ros.registration.camera import locate, rms
from arsurg_ros.types import F64, CameraModel, CameraPlacement, PlacedView

#: Single views agree if they differ by less than this, weighed in one length: radians at half a metre.
AGREE_M, LEVER_M = 0.02, 0.5
#: Views that differ by more contradict each other: no tracker is that bad.
CONTRADICT_M = 0.1
#: With fewer views their scatter says little; then the corners' scatter within the views is all there is.
SCATTER_VIEWS = 8
ROUNDS = 10
FAR_PX = 1e4


@dataclass(frozen=True)
class _Seen:
    """A view with its points in base's frame; ``p_base_m`` has one set for every way the board may be turned."""

    view: BoardView
    turns: tuple[F64, ...]
    T_base_cam: tuple[F64, ...]


def place_camera(
    found: BoardViews, camera: CameraModel, T_base_board: F64, *, reject: bool = True, trust_order: bool = False
) -> CameraPlacement:
    """Return ``T_base_cam`` from the board's poses (N, 4, 4), metres, one for every picture in order.

    The covariance counts the scatter between the views, which holds the tracker's noise, from 8 views on; for fewer that of
    the corners alone. ``trust_order``: no chessboard is turned round. Raises RegistrationError ``count_mismatch``,
    ``too_few_views`` for none that counts, ``ambiguous`` where a chessboard that looks the same turned round leaves more than
    one answer, ``no_agreement`` where views contradict.
    """
    if len(T_base_board) != len(found.views):
        raise RegistrationError(
            'count_mismatch', f'{len(T_base_board)} poses for {len(found.views)} pictures: one for each, in order, is needed'
        )
    seen = _alone(found, camera, T_base_board, trust_order)
    if not seen:
        raise RegistrationError('too_few_views', f'none of {len(found.views)} views has a pose of the board')
    start, turns = _agreement(seen)
    points = [s.turns[k] for s, k in zip(seen, turns, strict=True)]
    T, used, limit = _fit_and_reject(seen, points, camera, start, reject)
    return _result(found, seen, points, camera, T, used, limit)


def judge_camera(found: BoardViews, camera: CameraModel, T_base_board: F64, T_base_cam: F64) -> CameraPlacement:
    """Return the errors of a camera's pose that is known already; its covariance is zero. Raises as ``place_camera``."""
    if len(T_base_board) != len(found.views):
        raise RegistrationError('count_mismatch', f'{len(T_base_board)} poses for {len(found.views)} pictures')
    seen = _alone(found, camera, T_base_board, False)
    points = [min(s.turns, key=lambda p, s=s: _cost(p, s.view, camera, T_base_cam)) for s in seen]  # type: ignore[misc]
    return _result(found, seen, points, camera, T_base_cam, [True] * len(seen), float('inf'), given=True)


def _cost(p_base_m: F64, view: BoardView, camera: CameraModel, T_base_cam: F64) -> float:
    return rms(_residuals(T_base_cam, p_base_m, view, camera))


def _alone(found: BoardViews, camera: CameraModel, T_base_board: F64, trust_order: bool) -> list[_Seen]:
    """Return the views that count, each with ``T_base_cam`` as it alone would have it, for every turn of the board."""
    out, p_board = [], found.board.p_board_m
    orders = found.board.symmetries()[: 1 if trust_order else None]
    for view, T in zip(found.views, T_base_board, strict=True):
        repeated = view.reason.startswith('repeats')  # the board may stand still while the tracker measures anew
        if view.reason and not repeated:
            continue
        turns = tuple(se3.transform(T, p_board[order[view.ids]]) for order in orders)
        poses = []
        for order in orders:
            T_cam_board, _ = locate(camera, p_board[order[view.ids]], view.uv_px)
            if T_cam_board is not None:
                poses.append(T @ se3.inverse(T_cam_board))
        if len(poses) == len(turns):
            out.append(_Seen(view, turns, tuple(poses)))
    return out


def _distance_m(a: F64, b: F64) -> float:
    turn = se3.rotation_angle_rad(a[:3, :3].T @ b[:3, :3])
    return float(np.hypot(np.linalg.norm(a[:3, 3] - b[:3, 3]), LEVER_M * turn))


def _agreement(seen: Sequence[_Seen]) -> tuple[F64, list[int]]:
    """Return the pose with which most views agree, and which turn of the board every view then has."""
    apart = [min(_distance_m(a, b) for i, a in enumerate(s.T_base_cam) for b in s.T_base_cam[:i]) for s in seen
             if len(s.T_base_cam) > 1]
    near = min(AGREE_M, *(a / 4 for a in apart)) if apart else AGREE_M
    best: list[tuple[float, F64, list[int]]] = []
    for candidate in (T for s in seen for T in s.T_base_cam):
        each = [[_distance_m(candidate, T) for T in s.T_base_cam] for s in seen]
        cost = sum(min(min(e), 10 * near) for e in each)
        best.append((cost, candidate, [int(np.argmin(e)) for e in each]))
    best.sort(key=lambda b: b[0])
    cost, T, turns = best[0]
    _require_agreement(seen, T)
    others = [b for b in best[1:] if _distance_m(b[1], T) > 4 * near]
    if len(seen[0].turns) > 1 and others and others[0][0] < 1.5 * cost + 0.25 * near:
        raise RegistrationError(
            'ambiguous', f'the chessboard looks the same turned round, {len(seen)} views leave {len(seen[0].turns)} answers: '
            'turn the board (or what carries the camera) between views, or use a board whose columns and rows are '
            'one even and one odd, or ChArUco'
        )
    return T, turns


def _require_agreement(seen: Sequence[_Seen], T: F64) -> None:
    near = sum(min(_distance_m(T, each) for each in s.T_base_cam) < CONTRADICT_M for s in seen)
    if 2 * near < len(seen) or (len(seen) > 1 and near < 2):
        raise RegistrationError(
            'no_agreement', f'{near} of {len(seen)} views agree on where the camera is (to {CONTRADICT_M * 1e3:.0f} mm, or so '
            'many at 500 mm by rotation): do pictures and poses belong together, in the same order, the poses in the unit '
            'that is said, the tracked body is board or camera, and the board where it is said to be on its body?'
        )


def _residuals(T_base_cam: F64, p_base_m: F64, view: BoardView, camera: CameraModel) -> F64:
    """Return seen - projected (N, 2), px; points behind the camera count as very far off."""
    off = view.uv_px - project(camera, se3.transform(se3.inverse(T_base_cam), p_base_m))
    return np.clip(np.nan_to_num(off, nan=FAR_PX), -FAR_PX, FAR_PX)


def _moved(T: F64, x: F64) -> F64:
    """Return a pose moved by (x y z rx ry rz), rotation about base's fixed axes through the camera: REP-103's order."""
    return se3.compose(se3.from_rotvec(x[3:]) @ T[:3, :3], T[:3, 3] + x[:3])


def _fit_and_reject(
    seen: Sequence[_Seen], points: Sequence[F64], camera: CameraModel, start: F64, reject: bool
) -> tuple[F64, list[bool], float]:
    used, T = [True] * len(seen), start
    known = {tuple(used)}
    limit = float('inf')
    # The first fit shrugs off wrong views; the last one is plain least squares of those that are left.
    T = _fitted(seen, points, camera, T, used, 'soft_l1')
    for _ in range(ROUNDS):
        if reject:
            errors = np.array([_cost(p, s.view, camera, T) for p, s in zip(points, seen, strict=True)])
            limit = checks.error_limit_px(errors)
            used = checks.keep(errors, limit, min(len(seen), max(1, (len(seen) + 1) // 2)))
        T = _fitted(seen, points, camera, T, used, 'linear')
        if tuple(used) in known and _ > 0:
            break
        known.add(tuple(used))
    return T, used, limit


def _fitted(
    seen: Sequence[_Seen], points: Sequence[F64], camera: CameraModel, T: F64, used: Sequence[bool], loss: str
) -> F64:
    pairs = [(p, s.view) for p, s, u in zip(points, seen, used, strict=True) if u]

    def cost(x: F64) -> F64:
        return np.concatenate([_residuals(_moved(T, x), p, v, camera).ravel() for p, v in pairs])

    out = least_squares(cost, np.zeros(6), x_scale=np.array([0.1] * 3 + [0.1] * 3), loss=loss, method='trf')
    return _moved(T, np.asarray(out.x, dtype=np.float64))


def _jacobian(T: F64, p_base_m: F64, view: BoardView, camera: CameraModel) -> F64:
    columns = []
    for k in range(6):
        step = np.zeros(6)
        step[k] = 1e-6
        ahead, behind = (_residuals(_moved(T, s * step), p_base_m, view, camera).ravel() for s in (1, -1))
        columns.append((ahead - behind) / 2e-6)
    return np.stack(columns, axis=1)


def covariance(T: F64, pairs: Sequence[tuple[F64, BoardView]], camera: CameraModel) -> tuple[F64, bool]:
    """Return the 6x6 (x y z rx ry rz; m, rad) and whether it counts the scatter between the views.

    From 8 views on by the sandwich of Liang and Zeger, *Longitudinal data analysis using generalized linear models*, Biometrika
    73(1), 1986: corners of one view share the tracker's error. Else s^2 (J'J)^-1 with s from the corners' residuals.
    """
    J = [_jacobian(T, p, v, camera) for p, v in pairs]
    r = [_residuals(T, p, v, camera).ravel() for p, v in pairs]
    inverse = np.linalg.pinv(np.sum([j.T @ j for j in J], axis=0))
    count, n = sum(len(x) for x in r), len(pairs)
    if n < SCATTER_VIEWS:
        return inverse * float(np.sum([x @ x for x in r])) / max(count - 6, 1), False
    scores = np.array([j.T @ x for j, x in zip(J, r, strict=True)])
    # Every view is one observation of all 6 parameters: as with a mean, n - 1 degrees of freedom are left.
    return inverse @ (scores.T @ scores) @ inverse * n / (n - 1), True


def _result(
    found: BoardViews, seen: Sequence[_Seen], points: Sequence[F64], camera: CameraModel, T: F64, used: Sequence[bool],
    limit: float, given: bool = False,
) -> CameraPlacement:
    rows = {s.view.name: (s, p, u) for s, p, u in zip(seen, points, used, strict=True)}
    views = []
    for view in found.views:
        if view.name not in rows:
            views.append(PlacedView(view.name, view.uv_px, np.full(view.uv_px.shape, np.nan), float('nan'), float('nan'), False,
                                    view.reason or 'no pose of the board'))
            continue
        s, p, u = rows[view.name]
        off = _residuals(T, p, view, camera)
        reason = '' if u else f'error {rms(off):.2f} px, above the limit of {limit:.2f} px'
        views.append(PlacedView(view.name, view.uv_px, off, rms(off), _off_m(s, p, camera, T), u, reason))
    pairs = [(p, s.view) for s, p, u in zip(seen, points, used, strict=True) if u]
    spread, scatter = (np.zeros((6, 6)), False) if given else covariance(T, pairs, camera)
    kept = [v for v in views if v.used]
    weights = [len(v.uv_px) for v in kept]
    return CameraPlacement(
        T, spread, scatter, rms(np.concatenate([v.residuals_px for v in kept])),
        float(np.sqrt(np.average([v.rms_m**2 for v in kept], weights=weights))), tuple(views), limit,
        () if given else _warnings(kept, views, scatter),
    )


def _off_m(seen: _Seen, p_base_m: F64, camera: CameraModel, T_base_cam: F64) -> float:
    """Return how far the board's points are from where the camera alone sees them, rms, metres."""
    turn = next(k for k, p in enumerate(seen.turns) if p is p_base_m)
    ahead, alone = (se3.transform(se3.inverse(T), p_base_m) for T in (T_base_cam, seen.T_base_cam[turn]))
    return float(np.sqrt(((ahead - alone) ** 2).sum(axis=1).mean()))


def _warnings(kept: Sequence[PlacedView], views: Sequence[PlacedView], scatter: bool) -> tuple[str, ...]:
    out = []
    if not scatter:
        out.append(
            f'{len(kept)} view{"s" if len(kept) != 1 else ""}: the covariance counts the noise of the corners alone, not that '
            f'of the tracker; {SCATTER_VIEWS} or more views are needed for that'
        )
    error = float(np.median([v.rms_px for v in kept]))
    if error > checks.GOOD_RMS_PX * 3:
        out.append(
            f'reprojection error {error:.1f} px: do pictures and poses belong together, in the same order and unit, is the '
            'board where it is said to be on its body?'
        )
    if sum(v.used for v in views) < (sum(bool(v.residuals_px.size) for v in views) + 1) // 2:
        out.append('less than half of the views agree')
    return tuple(out)
