# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Registration: from touched landmarks to T_ref_ct with its evidence."""
