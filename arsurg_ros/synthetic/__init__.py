# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ground-truth world of the demo and of the fakes: pure functions of time, so that every error has a truth to meet."""

from arsurg_ros.synthetic.phantom import phantom_meshes
from arsurg_ros.synthetic.pointer import pointer_meshes
from arsurg_ros.synthetic.render import render_frame
from arsurg_ros.synthetic.scene import POINTER_BOARD, REFERENCE_BOARD, Dwell, PointerPlan, Scene

__all__ = [
    'POINTER_BOARD',
    'REFERENCE_BOARD',
    'Dwell',
    'PointerPlan',
    'Scene',
    'phantom_meshes',
    'pointer_meshes',
    'render_frame',
]
