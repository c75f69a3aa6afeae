# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of results: pure functions that draw on a matplotlib Figure, without a display."""
