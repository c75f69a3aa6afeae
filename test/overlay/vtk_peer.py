# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""VTK as an independent renderer: depth of a scene, by a projection matrix that is made of K here.

VTK counts pixels from the corner of the picture and knows no distortion.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 (makes windows that draw)
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkFloatArray, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer, vtkRenderWindow

from arsurg_ros.types import F32, F64, Mesh

# Ours draws nothing that is nearer.
NEAR_M, FAR_M = 1e-3, 3.0


def as_polydata(mesh: Mesh) -> Any:
    data, points, cells = vtkPolyData(), vtkPoints(), vtkCellArray()
    points.SetData(numpy_to_vtk(mesh.vertices_m, deep=True))
    count = len(mesh.triangles)
    cells.SetData(
        numpy_to_vtkIdTypeArray(np.arange(0, 3 * count + 1, 3), deep=True),
        numpy_to_vtkIdTypeArray(mesh.triangles.astype(np.int64).ravel(), deep=True),
    )
    data.SetPoints(points)
    data.SetPolys(cells)
    return data


def as_matrix(M: F64) -> Any:
    out = vtkMatrix4x4()
    out.DeepCopy(M.ravel().tolist())
    return out


def projection(K: F64, width_px: int, height_px: int) -> F64:
    """Return OpenGL's matrix for OpenCV's K: x right, y up, z backward; pixels counted from the lower left corner."""
    M, n, f = np.zeros((4, 4)), NEAR_M, FAR_M
    M[0] = 2 * K[0, 0] / width_px, -2 * K[0, 1] / width_px, 1 - 2 * (K[0, 2] + 0.5) / width_px, 0
    M[1] = 0, 2 * K[1, 1] / height_px, 2 * (K[1, 2] + 0.5) / height_px - 1, 0
    M[2] = 0, 0, -(f + n) / (f - n), -2 * f * n / (f - n)
    M[3] = 0, 0, -1, 0
    return M


class Peer:
    """VTK's off-screen window; its depth buffer, in metres."""

    def __init__(self) -> None:
        self.window, self.renderer = vtkRenderWindow(), vtkRenderer()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.AddRenderer(self.renderer)
        if not self.window.SupportsOpenGL():
            pytest.fail(f'VTK cannot render off-screen here, by EGL or by OSMesa ({type(self.window).__name__})')
        camera = self.renderer.GetActiveCamera()
        camera.SetPosition(0, 0, 0)
        camera.SetFocalPoint(0, 0, 1)
        camera.SetViewUp(0, -1, 0)
        camera.SetUseExplicitProjectionTransformMatrix(True)

    def depth_m(self, meshes: list[Mesh], T_cam_ct: F64, K: F64, width_px: int, height_px: int) -> F32:
        """Return z (H, W) of the nearest surface, inf where there is none."""
        self.window.SetSize(width_px, height_px)
        self.renderer.RemoveAllViewProps()
        for mesh in meshes:
            mapper, actor = vtkPolyDataMapper(), vtkActor()
            mapper.SetInputData(as_polydata(mesh))
            actor.SetMapper(mapper)
            actor.SetUserMatrix(as_matrix(T_cam_ct))
            self.renderer.AddActor(actor)
        camera = self.renderer.GetActiveCamera()
        camera.SetClippingRange(NEAR_M, FAR_M)
        camera.SetExplicitProjectionTransformMatrix(as_matrix(projection(K, width_px, height_px)))
        self.window.Render()
        values = vtkFloatArray()
        self.window.GetZbufferData(0, 0, width_px - 1, height_px - 1, values)
        z = vtk_to_numpy(values).reshape(height_px, width_px)[::-1].astype(np.float64)
        n, f = NEAR_M, FAR_M
        linear = 2 * f * n / (f + n - (2 * z - 1) * (f - n))
        return np.where(z < 1.0, linear, np.inf).astype(np.float32)
