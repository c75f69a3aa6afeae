# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a picture's pixel code says: of which image it is, in what state, and with which pose it was drawn."""

from __future__ import annotations

from arsurg_ros.geometry.pixel_code import CameraCode, OverlayCode, write_camera_code, write_overlay_code
from arsurg_ros.overlay.render import RenderedOverlay
from arsurg_ros.types import F64


def overlay_code(stamp_ns: int, out: RenderedOverlay, pose_age_ns: int | None, T_cam_ct: F64 | None) -> OverlayCode:
    """Return the code of a picture of a stamp; ``pose_age_ns`` is that less the stamp of the newest pose used, if any was."""
    pose_stamp_ns = None if pose_age_ns is None else stamp_ns - pose_age_ns
    return OverlayCode(stamp_ns, out.state.value, pose_stamp_ns, T_cam_ct if out.drawn else None)


def write_codes(out: RenderedOverlay, of_camera: CameraCode | None, of_overlay: OverlayCode) -> None:
    """Write the overlay's code over a finished picture, and the camera's again, over which it may have drawn.

    Raises ConfigError for a picture that is too small for them.
    """
    write_overlay_code(out.image, of_overlay)
    if of_camera is not None:
        write_camera_code(out.image, of_camera)
