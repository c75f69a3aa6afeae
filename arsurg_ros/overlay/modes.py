# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The names of a view's modes, apart from it: every node's parameters are declared without the scene's modules."""

from __future__ import annotations

FILLS = ('style', 'off', 'on')
WINDOWS = ('scene', 'off', 'tip', 'centre')
