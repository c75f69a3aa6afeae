# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""VTK off screen as a camera with a K sees it: for the bench and for the tests that compare where things are.

VTK counts pixels from the corner of the picture and knows neither K nor distortion.
"""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
from typing import Any

import numpy as np
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 (makes windows that draw)
from vtkmodules.vtkCommonCore import vtkLogger, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import vtkRenderWindow

from arsurg_ros.geometry import se3
from arsurg_ros.types import F64, Mesh

# It carries no types.
support: Any = importlib.import_module('vtkmodules.util.numpy_support')
# Ours draws nothing that is nearer.
NEAR_M, FAR_M = 1e-3, 3.0


PROBE = """
import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.vtkRenderingCore import vtkRenderWindow
window = vtkRenderWindow()
window.SetOffScreenRendering(1)
window.Render()
assert window.SupportsOpenGL()
"""


@functools.cache
def can_draw() -> bool:
    """Tell whether VTK draws off screen on this machine, by a process of its own: without EGL and OSMesa it crashes."""
    return subprocess.run([sys.executable, '-c', PROBE], capture_output=True, check=False, timeout=120).returncode == 0


def offscreen_window() -> Any:
    """Return a window without anti-aliasing; raises RuntimeError where VTK cannot draw."""
    if not can_draw():
        raise RuntimeError('VTK cannot draw off screen on this machine: it needs EGL (Debian: libegl1) or OSMesa')
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)  # it complains of a missing display, which it does not need
    window = vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    return window


def as_polydata(mesh: Mesh) -> Any:
    """Return a mesh as vtkPolyData."""
    data, points, cells = vtkPolyData(), vtkPoints(), vtkCellArray()
    points.SetData(support.numpy_to_vtk(mesh.vertices_m, deep=True))
    count = len(mesh.triangles)
    cells.SetData(
        support.numpy_to_vtkIdTypeArray(np.arange(0, 3 * count + 1, 3), deep=True),
        support.numpy_to_vtkIdTypeArray(mesh.triangles.astype(np.int64).ravel(), deep=True),
    )
    data.SetPoints(points)
    data.SetPolys(cells)
    return data


def as_matrix(M: F64) -> Any:
    """Return a (4, 4) as vtkMatrix4x4."""
    out = vtkMatrix4x4()
    out.DeepCopy(M.ravel().tolist())
    return out


def projection(K: F64, width_px: int, height_px: int) -> F64:
    """Return OpenGL's matrix (4, 4) for OpenCV's K: x right, y up, z backward; pixels counted from the lower left corner."""
    M, n, f = np.zeros((4, 4)), NEAR_M, FAR_M
    M[0] = 2 * K[0, 0] / width_px, -2 * K[0, 1] / width_px, 1 - 2 * (K[0, 2] + 0.5) / width_px, 0
    M[1] = 0, 2 * K[1, 1] / height_px, 2 * (K[1, 2] + 0.5) / height_px - 1, 0
    M[2] = 0, 0, -(f + n) / (f - n), -2 * f * n / (f - n)
    M[3] = 0, 0, -1, 0
    return M


def place(camera: Any, T_cam_ct: F64, K: F64, width_px: int, height_px: int) -> None:
    """Put a vtkCamera where ``T_cam_ct`` (4, 4) has it in ct, with the K."""
    T_ct_cam = se3.inverse(T_cam_ct)
    eye, ahead, up = T_ct_cam[:3, 3], T_ct_cam[:3, 2], -T_ct_cam[:3, 1]
    camera.SetPosition(*eye)
    camera.SetFocalPoint(*(eye + ahead))
    camera.SetViewUp(*up)
    camera.SetClippingRange(NEAR_M, FAR_M)
    camera.SetExplicitProjectionTransformMatrix(as_matrix(projection(K, width_px, height_px)))
    camera.SetUseExplicitProjectionTransformMatrix(True)
