# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Augmented reality for surgery on ROS 2: the patient's anatomy on the surgeon's view."""

__version__ = '0.1.0'
