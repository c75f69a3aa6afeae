# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS messages to and from the package's types: the only place that knows both."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from geometry_msgs.msg import Pose as PoseMsg
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped, TransformStamped
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from arsurg_ros.acquisition.recording import CHANNELS, decode
from arsurg_ros.errors import DataError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import DISTORTION_MODELS, camera_model, coefficients
from arsurg_ros.types import F64, CameraModel, Frame, RegistrationResult


def to_time(stamp_ns: int) -> Time:
    """Return the message of a stamp."""
    return Time(sec=stamp_ns // 1_000_000_000, nanosec=stamp_ns % 1_000_000_000)


def to_ns(stamp: Time) -> int:
    """Return the nanoseconds of a stamp message."""
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def header(stamp_ns: int, frame_id: str) -> Header:
    """Return a header."""
    return Header(stamp=to_time(stamp_ns), frame_id=frame_id)


def frame_from_image(msg: Image, topic: str) -> Frame:
    """Return the Frame of an Image, without a copy but for rgb8; raises DataError naming the topic and what is wrong."""
    try:
        image = decode(msg)
    except DataError as e:
        raise DataError(f'{topic}: {e}') from e
    return Frame(to_ns(msg.header.stamp), msg.header.frame_id, image, 'mono8' if image.ndim == 2 else 'bgr8')


def image_from_frame(frame: Frame) -> Image:
    """Return the Image of a Frame (bgr8 or mono8)."""
    data = array('B')
    data.frombytes(np.ascontiguousarray(frame.image).data.cast('B'))
    height, width = frame.image.shape[:2]
    return Image(
        header=header(frame.stamp_ns, frame.frame_id),
        height=height,
        width=width,
        encoding=frame.encoding,
        step=width * CHANNELS[frame.encoding],
        data=data,
    )


def camera_from_info(msg: CameraInfo) -> CameraModel:
    """Return the CameraModel of a CameraInfo; raises ConfigError where it is not calibrated.

    Raises DataError for a distortion model other than plumb_bob (the default where it names none) and equidistant.
    """
    model = msg.distortion_model or 'plumb_bob'
    if model not in DISTORTION_MODELS:
        raise DataError(f'camera_info: distortion_model {model!r}; valid: {", ".join(DISTORTION_MODELS)}')
    return camera_model(msg.width, msg.height, np.array(msg.k).reshape(3, 3), np.array(msg.d), model)


def info_from_camera(camera: CameraModel, stamp_ns: int, frame_id: str) -> CameraInfo:
    """Return the CameraInfo of an unrectified monocular camera."""
    K = camera.K
    return CameraInfo(
        header=header(stamp_ns, frame_id),
        width=camera.width_px,
        height=camera.height_px,
        distortion_model=camera.distortion_model,
        d=coefficients(camera).tolist(),
        k=K.ravel().tolist(),
        r=np.eye(3).ravel().tolist(),
        p=np.hstack([K, np.zeros((3, 1))]).ravel().tolist(),
    )


def pose_msg(T: F64) -> PoseMsg:
    """Return the Pose message of a 4x4, metres."""
    msg = PoseMsg()
    msg.position.x, msg.position.y, msg.position.z = T[:3, 3].tolist()
    q = msg.orientation
    q.x, q.y, q.z, q.w = se3.to_quaternion(T).tolist()
    return msg


def matrix_from_pose(msg: PoseMsg, what: str) -> F64:
    """Return the 4x4 of a Pose message; raises DataError where it is not finite or the quaternion is not one."""
    p, q = msg.position, msg.orientation
    try:
        return se3.from_quaternion((p.x, p.y, p.z), (q.x, q.y, q.z, q.w))
    except ValueError as e:
        raise DataError(f'{what}: {e}') from e


def pose_stamped(T: F64, stamp_ns: int, frame_id: str) -> PoseStamped:
    """Return ``T_frame_child`` as a PoseStamped."""
    return PoseStamped(header=header(stamp_ns, frame_id), pose=pose_msg(T))


def transform_stamped(T: F64, stamp_ns: int, parent: str, child: str) -> TransformStamped:
    """Return ``T_parent_child`` as a TransformStamped."""
    msg = TransformStamped(header=header(stamp_ns, parent), child_frame_id=child)
    t, q = msg.transform.translation, msg.transform.rotation
    t.x, t.y, t.z = T[:3, 3].tolist()
    q.x, q.y, q.z, q.w = se3.to_quaternion(T).tolist()
    return msg


def matrix_from_transform(msg: TransformStamped) -> F64:
    """Return ``T_parent_child`` of a TransformStamped; raises DataError as matrix_from_pose does."""
    t, q = msg.transform.translation, msg.transform.rotation
    try:
        return se3.from_quaternion((t.x, t.y, t.z), (q.x, q.y, q.z, q.w))
    except ValueError as e:
        raise DataError(f'tf {msg.header.frame_id} -> {msg.child_frame_id}: {e}') from e


def registration_msg(result: RegistrationResult) -> PoseWithCovarianceStamped:
    """Return T_ref_ct with its covariance."""
    msg = PoseWithCovarianceStamped(header=header(result.stamp_ns, result.ref_frame))
    msg.pose.pose = pose_msg(result.T_ref_ct)
    msg.pose.covariance = result.covariance.ravel().tolist()
    return msg


def no_registration_msg(stamp_ns: int, ref_frame: str) -> PoseWithCovarianceStamped:
    """Return the latched message that takes a registration back: every number of the pose is NaN, never identity."""
    msg = PoseWithCovarianceStamped(header=header(stamp_ns, ref_frame))
    nan = float('nan')
    p, q = msg.pose.pose.position, msg.pose.pose.orientation
    p.x = p.y = p.z = q.x = q.y = q.z = q.w = nan
    msg.pose.covariance = [nan] * 36
    return msg


def status(name: str, hardware_id: str, level: bytes, message: str, values: Mapping[str, object]) -> DiagnosticStatus:
    """Return a DiagnosticStatus with values as text."""
    pairs = [KeyValue(key=k, value=str(v)) for k, v in values.items()]
    return DiagnosticStatus(name=name, hardware_id=hardware_id, level=level, message=message, values=pairs)
