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
    """A pinhole camera with Brown-Conrady distortion, pixels, OpenCV's and REP-104's convention.

    ``K`` is 3x3 (fx, skew, cx; fy, cy), ``distortion`` is (k1, k2, p1, p2, k3), zeros for none.
    """

    width_px: int
    height_px: int
    K: F64
    distortion: F64 = field(default_factory=lambda: np.zeros(5))


@dataclass(frozen=True)
class Frame:
    """One camera image, stamped when it was captured: (H, W, 3) bgr8 or (H, W) mono8, uint8."""

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
class Mesh:
    """A triangle mesh in its own frame: ``vertices_m`` (V, 3) float32 metres, ``triangles`` (F, 3) uint32, finite, in range."""

    name: str
    vertices_m: F32
    triangles: U32


@dataclass(frozen=True)
class MeshStyle:
    """How a mesh is drawn: colour as (r, g, b) 0-255; opacities of the fill and of the outline, 0-1."""

    rgb: tuple[int, int, int]
    fill: float = 0.35
    outline: float = 1.0
    visible: bool = True
