# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pure numpy geometry: rigid transforms, the camera model, time-aligned poses."""
