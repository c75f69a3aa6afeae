# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scene, its state and the picture: anatomy drawn over the camera's image, or a banner that says why not."""
