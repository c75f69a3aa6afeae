# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frozen dataclasses that cross stage borders. SI units; stamps are int nanoseconds on the node's clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]


class Validity(str, Enum):
    """The one validity model: every device's way of saying "no data" becomes one of these."""

    VALID = 'valid'
    STALE = 'stale'
    LOST = 'lost'
    POOR = 'poor'


@dataclass(frozen=True)
class CameraModel:
    """A pinhole or fisheye camera, pixels, OpenCV's and REP-104's convention.

    ``K`` is 3x3 (fx, skew, cx; fy, cy). ``distortion`` (5,) is, with ``distortion_model`` ``plumb_bob`` (Brown-Conrady), k1
    k2 p1 p2 k3 and, with ``equidistant`` (OpenCV's fisheye: Kannala and Brandt, PAMI 28(8), 2006), k1 k2 k3 k4 0.
    """

    width_px: int
    height_px: int
    K: F64
    distortion: F64 = field(default_factory=lambda: np.zeros(5))
    distortion_model: str = 'plumb_bob'


@dataclass(frozen=True)
class Frame:
    """One camera image, stamped when it was captured: (H, W, 3) bgr8 or rgb8, or (H, W) mono8, uint8."""

    stamp_ns: int
    frame_id: str
    image: U8
    encoding: str = 'bgr8'


@dataclass(frozen=True)
class Pose:
    """``T_parent_child`` (4x4, metres) at a stamp, or the reason why there is none.

    ``T`` is None unless ``validity`` is VALID (or POOR, for display of the reason alone); ``error_m`` is the fit rms of
    the markers, metres, where the tracker knows it; ``markers`` is how many markers carried the fit.
    """

    stamp_ns: int
    parent: str
    child: str
    T: F64 | None
    validity: Validity = Validity.VALID
    error_m: float | None = None
    error_px: float | None = None
    markers: int = 0
    reason: str = ''


@dataclass(frozen=True)
class PairedPointFit:
    """What the paired-point kernel returns: ``T_fixed_moving`` and residuals (N, 3) = fixed - T @ moving, metres.

    ``fre_m`` is the unweighted root mean square of the residuals' norms (Fitzpatrick's FRE); ``spread_m`` (3,) the
    square roots of the moving points' weighted covariance eigenvalues, descending.
    """

    T_fixed_moving: F64
    residuals_m: F64
    fre_m: float
    spread_m: F64


@dataclass(frozen=True)
class ClosedForm:
    """A closed-form answer of a hand-eye problem A_i X B_i = Z: ``X`` and ``Z`` (4, 4), metres."""

    X: F64
    Z: F64


@dataclass(frozen=True)
class HandEyeFit:
    """What the hand-eye kernel returns for A_i X B_i = Z, i = 1..N; metres and radians.

    ``covariance`` (12, 12) is of X (x y z rx ry rz) and then of Z, translations and rotations about the axes of each one's
    parent frame; ``from_rotation`` is the part of it that the noise of rotations makes. ``residuals`` (N, 6) are those of
    A_i X B_i against Z along the axes of A's parent: translation, rotation vector. ``inliers`` (N,) marks the pairs of the
    fit. ``noise_m``, ``noise_rad`` are standard deviations per axis with ``dof_m``, ``dof_rad`` degrees of freedom (inf where
    the noise was given). ``closed`` holds each closed form over the same pairs, None where one has no answer.
    ``motion_a_rad``, ``motion_b_rad`` (3,) are the rms rotation between two poses about three principal axes, descending.
    """

    X: F64
    Z: F64
    covariance: F64
    from_rotation: F64
    residuals: F64
    inliers: NDArray[np.bool_]
    noise_m: float
    noise_rad: float
    dof_m: float
    dof_rad: float
    closed: dict[str, ClosedForm | None]
    motion_a_rad: F64
    motion_b_rad: F64


@dataclass(frozen=True)
class TargetError:
    """The error to expect at a target: ``p_ct_m`` (3,), its TRE rms and the radius that holds it 95 times in 100, metres.

    ``covariance_m2`` (3, 3) is of the target's position, in ref's axes.
    """

    name: str
    p_ct_m: F64
    tre_rms_m: float
    margin95_m: float
    covariance_m2: F64


@dataclass(frozen=True)
class RegistrationResult:
    """``T_ref_ct`` with its evidence; ``residuals_m`` (N,) are per landmark, ``names`` in the same order.

    ``covariance`` is REP-103's 6x6 (x y z rx ry rz), as geometry_msgs/PoseWithCovariance has it: m and rad. ``fre_m`` is the
    rms over the landmarks that were used; ``rejected`` names those that were not. ``loo_tre_m`` is the rms of every used
    landmark's error under the fit of the others, None for fewer than four. ``noise_m`` is the standard deviation of a
    landmark's localisation per axis, with ``dof`` degrees of freedom (inf: given, not estimated).
    """

    stamp_ns: int
    ref_frame: str
    ct_frame: str
    T_ref_ct: F64
    covariance: F64
    fre_m: float
    names: tuple[str, ...]
    residuals_m: F64
    provenance: dict[str, str] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    loo_tre_m: float | None = None
    noise_m: float | None = None
    dof: float = 0.0
    targets: tuple[TargetError, ...] = ()
    warnings: tuple[str, ...] = ()


class DriftLevel(str, Enum):
    """What the checks since acceptance say of a registration; UNKNOWN is no data, and no data is not OK."""

    OK = 'ok'
    UNKNOWN = 'unknown'
    WARN = 'warn'
    ERROR = 'error'


@dataclass(frozen=True)
class DriftStatus:
    """The worst of the checks of a registration in use, and the reason in one line unless it is OK."""

    level: DriftLevel = DriftLevel.OK
    reason: str = ''


@dataclass(frozen=True)
class PoseSeries:
    """Poses ``T`` (N, 4, 4), metres, of one thing, with stamps (N,) int64 nanoseconds where the source has them.

    ``source`` says where they come from, for errors and provenance. Invalid samples are not in it; ``dropped`` counts them.
    """

    T: F64
    stamps_ns: I64 | None
    source: str
    dropped: int = 0


@dataclass(frozen=True)
class PlainPivot:
    """Tip (3,) in the tool frame by plain least squares of every pose, and what that leaves (3D; by the tracker's axes), m."""

    tip_m: F64
    rms_m: float
    axis_rms_m: F64
    max_m: float


@dataclass(frozen=True)
class PivotCalibration:
    """``tip_m`` (3,) in the tool frame and ``pivot_m`` (3,) in the tracker's, with what tells how good they are.

    ``rms_m`` (3D), ``axis_rms_m`` (3,) by the tracker's axes and ``max_m`` are of the inliers; ``residuals_m`` (N, 3) = T tip
    - pivot of every pose, ``inlier`` (N,). ``all_poses`` is the plain least squares of all of them. ``T_tool_tip`` (4, 4) is
    turned as the tool: spin calibration tells the tool's axis. ``range_rad`` is the largest angle between two inliers;
    ``swings_rad`` (3,), ascending, with the rows of ``directions`` (3, 3), the tool's directions: the tip is worst known
    along the first. ``noise_m`` is the standard deviation of a residual an axis, ``dof`` its degrees of freedom; covariances
    (3, 3) in m^2, in the tool's and the tracker's axes; margins hold the truth 95 times in 100.
    """

    tip_m: F64
    pivot_m: F64
    T_tool_tip: F64
    method: str
    rms_m: float
    axis_rms_m: F64
    max_m: float
    residuals_m: F64
    inlier: NDArray[np.bool_]
    all_poses: PlainPivot
    range_rad: float
    swings_rad: F64
    directions: F64
    noise_m: float
    dof: int
    tip_covariance_m2: F64
    pivot_covariance_m2: F64
    tip_margin95_m: float
    pivot_margin95_m: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpinCalibration:
    """Unit ``axis`` (3,) and ``point_m`` (3,) on it (nearest to the tool's origin), in the tool frame.

    ``direction`` and ``centre_m`` are the same in the tracker's. ``T_tool_tip`` (4, 4) has its z along the axis, at the tip
    (or at ``point_m``). The axis points from the tool's origin to the tip where one is given, else its largest component is
    positive. ``wobble_rad`` (of its direction) and ``radial_m`` (of its calmest point, across) are the rms of what every pose
    leaves (``wobbles_rad``, ``radials_m``, (N,)); ``turn_rad`` is how far the tool turned, ``turns_rad`` (N,) where it stood.
    ``axis_sigmas_rad`` (2,) are the axis' standard errors across, larger first. ``tip_m`` (3,) and its distance from the
    axis, ``tip_off_axis_m``, where one was given.
    """

    axis: F64
    point_m: F64
    direction: F64
    centre_m: F64
    T_tool_tip: F64
    wobble_rad: float
    radial_m: float
    turn_rad: float
    wobbles_rad: F64
    radials_m: F64
    turns_rad: F64
    axis_sigmas_rad: F64
    tip_m: F64 | None = None
    tip_off_axis_m: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class SphereFit:
    """``centre_m`` (3,) and ``radius_m``; ``residuals_m`` (N,) are signed distances from the surface, outside positive.

    ``covariance_m2`` (4, 4) is of centre and radius, from the residuals' own scatter (``noise_m``, ``dof``), for independent
    points; ``margin95_m`` holds the true centre 95 times in 100. ``condition`` is 1/3 for a whole sphere and falls as the
    points cover less of it.
    """

    centre_m: F64
    radius_m: float
    rms_m: float
    max_m: float
    residuals_m: F64
    noise_m: float
    dof: int
    covariance_m2: F64
    margin95_m: float
    condition: float


@dataclass(frozen=True)
class OffsetEstimate:
    """``offset_s``: add it to b's stamps to have a's (what b saw at t, a saw at t + offset_s).

    ``sigma_s`` is one standard error from the data's own scatter; a delay that itself varies adds to it. ``correlation`` is
    of the speeds at the offset, ``second`` the next highest peak's share of the highest one of ``curve`` over ``lags_s``.
    ``pairs`` (M, 5) are of the slower stream (``slow``: 'a' or 'b'): start s, end s after ``epoch_ns``, its speed, the other's
    at the offset, weight; ``outliers`` of them count less than half. ``unit`` is that of the speeds. ``dropped`` counts the
    samples of a and of b whose stamp was the one before.
    """

    offset_s: float
    sigma_s: float
    correlation: float
    second: float
    signal: str
    unit: str
    window_s: float
    rate_a_hz: float
    rate_b_hz: float
    slow: str
    epoch_ns: int
    lags_s: F64
    curve: F64
    pairs: F64
    outliers: int
    gain: float
    noise: float
    dropped: tuple[int, int] = (0, 0)
    warnings: tuple[str, ...] = ()

    def curve_of_offsets(self) -> tuple[F64, F64]:
        """Return offsets (s, in the sense of ``offset_s``) and the correlation at each."""
        sign = 1.0 if self.slow == 'b' else -1.0
        order = slice(None, None, int(sign))
        return sign * self.lags_s[order], self.curve[order]


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh in its own frame: ``vertices_m`` (V, 3) float32 metres, ``triangles`` (F, 3) uint32, finite, in range."""

    name: str
    vertices_m: F32
    triangles: U32


@dataclass(frozen=True)
class MeshStyle:
    """How a mesh is drawn: colour as (r, g, b) 0-255; opacities of the fill, the outline and the creases, 0-1.

    Lines are ``width_px`` wide and, where ``dashed``, broken. The surface is drawn ``inflate_m`` out along its vertex
    normals: a margin's shell. An ``occluder`` is not drawn: nothing is drawn over what it covers. What is not ``solid``, such
    as a shell, is drawn as ever, but depth and ids are of what else is there.
    """

    rgb: tuple[int, int, int]
    fill: float = 0.35
    outline: float = 1.0
    visible: bool = True
    crease: float = 0.0
    width_px: float = 2.0
    dashed: bool = False
    occluder: bool = False
    inflate_m: float = 0.0
    solid: bool = True


@dataclass(frozen=True)
class Window:
    """A see-through hole in the picture: its centre (u, v), radius and soft rim, pixels.

    Inside it the camera's picture is darkened to ``keep`` (0-1) of itself and the anatomy filled; outside are outlines alone.
    """

    u_px: float
    v_px: float
    radius_px: float
    rim_px: float = 12.0
    keep: float = 0.6


@dataclass(frozen=True)
class Look:
    """How one frame is drawn, whatever the mesh.

    Colours darken from ``near_m`` to ``far_m`` of depth down to 1 - ``depth_cue`` (0-1) of themselves. Where ``mask`` (H, W)
    uint8 is not zero the camera's picture stays: an instrument, by any segmentation.
    """

    depth_cue: float = 0.0
    near_m: float = 0.0
    far_m: float = 1.0
    window: Window | None = None
    mask: U8 | None = None


@dataclass(frozen=True)
class CalibratedView:
    """A picture of a calibration: pixels ``uv_px`` (N, 2), ``residuals_px`` (N, 2) = seen - projected, their rms.

    ``T_cam_board`` is None and ``rms_px`` NaN for a picture without the board; ``reason`` says why it was not used.
    """

    name: str
    uv_px: F64
    residuals_px: F64
    rms_px: float
    used: bool
    reason: str = ''
    T_cam_board: F64 | None = None


@dataclass(frozen=True)
class CameraCalibration:
    """A camera with its evidence.

    ``std`` are standard deviations by name (fx fy cx cy: px; k1 k2 p1 p2 k3), of the fitted ones alone; ``rms_px`` is over all
    corners used, ``held_out_rms_px`` that of views that had no part in the fit (None for too few). ``coverage`` is the part of
    the picture's ``grid`` (columns, rows) that holds corners, ``hull`` the part of its area within them all. ``tilt_rad`` is
    the largest angle between two of the board's planes.
    """

    camera: CameraModel
    std: dict[str, float]
    rms_px: float
    held_out_rms_px: float | None
    views: tuple[CalibratedView, ...]
    limit_px: float
    coverage: float
    hull: float
    grid: tuple[int, int]
    tilt_rad: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlacedView:
    """A picture by which a camera was placed: ``residuals_px`` (N, 2) = seen - projected, their rms, px.

    ``rms_m`` is how far the board's points are from where this picture alone has them, rms.
    """

    name: str
    uv_px: F64
    residuals_px: F64
    rms_px: float
    rms_m: float
    used: bool
    reason: str = ''


@dataclass(frozen=True)
class CameraPlacement:
    """``T_base_cam`` with its evidence; ``covariance`` (6, 6), REP-103's order, m and rad.

    ``noise`` are the standard deviations of the tracked body's pose per axis (m, rad) that the views show and the covariance
    counts; None where it counts the corners' alone.
    ``margin95_m`` and ``margin95_rad`` are the radii that hold the errors of position and rotation 95 times in 100.
    ``T_carrier_board`` is the board's pose on what carries it, ``board_covariance`` is None where it was given.
    """

    T_base_cam: F64
    covariance: F64
    margin95_m: float
    margin95_rad: float
    noise: tuple[float, float] | None
    T_carrier_board: F64
    board_covariance: F64 | None
    rms_px: float
    rms_m: float
    views: tuple[PlacedView, ...]
    limit_px: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class StereoCalibration:
    """``T_left_right``: where the right camera is in the left one's frame, metres, and how well ``pairs`` of views say so.

    ``rms_px`` is the reprojection error over both cameras, ``epipolar_px`` the rms distance of points from the lines of their
    partners; ``rejected`` names pairs that do not fit. R (3, 3) and P (3, 4) rectify (P's lengths: metres).
    """

    T_left_right: F64
    rms_px: float
    epipolar_px: float
    pairs: int
    rejected: tuple[str, ...]
    R_left: F64
    R_right: F64
    P_left: F64
    P_right: F64
