# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Heavy numerics as sandboxed WebAssembly, with numpy twins: landmarks, poses, raster."""
