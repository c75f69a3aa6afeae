# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 shells, one a stage: the only folder that imports rclpy."""
