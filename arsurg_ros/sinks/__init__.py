# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where results go: markers for RViz, video files, contact sheets, JPEG."""
