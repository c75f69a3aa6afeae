# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Prints the hash that the installed tf2_msgs/msg/TFMessage carries; with an argument, fails unless it is that one."""

from __future__ import annotations

import ctypes
import sys


class TypeHash(ctypes.Structure):
    """rosidl_type_hash_t: one byte of version, SHA-256."""

    _fields_ = (('version', ctypes.c_uint8), ('value', ctypes.c_uint8 * 32))


def type_hash() -> str:
    """Return TFMessage's hash, as the compiled type gives it to Fast DDS."""
    library = ctypes.CDLL('libtf2_msgs__rosidl_generator_c.so')
    function = library.tf2_msgs__msg__TFMessage__get_type_hash
    function.restype, function.argtypes = ctypes.POINTER(TypeHash), [ctypes.c_void_p]
    found = function(None).contents
    return f'RIHS{found.version:02d}_{bytes(found.value).hex()}'


def main(wanted: str | None) -> None:
    """Print the hash of the type after it was sent through its own serialisation."""
    from geometry_msgs.msg import TransformStamped
    from rclpy.serialization import deserialize_message, serialize_message
    from tf2_msgs.msg import TFMessage

    message = TFMessage(transforms=[TransformStamped(child_frame_id='tool')])
    if deserialize_message(serialize_message(message), TFMessage) != message:
        raise SystemExit('error: tf2_msgs/msg/TFMessage does not survive its own serialisation')
    print(type_hash())
    if wanted not in (None, type_hash()):
        raise SystemExit(f'error: tf2_msgs/msg/TFMessage has the type hash {type_hash()}, not {wanted}')


if __name__ == '__main__':
    main(sys.argv[1] if sys.argv[1:] else None)
