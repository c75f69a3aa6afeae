# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files that hold meshes, points and poses: read into SI units, checked; errors name the file and what is wrong in it."""
