# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""VTK as an independent renderer: the depth of a scene, from its z-buffer."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkFloatArray
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer

from arsurg_ros.types import F32, F64, Mesh

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools'))
from bench.vtk_scene import FAR_M, NEAR_M, as_polydata, offscreen_window, place


class Peer:
    """VTK's off-screen window. Where it cannot draw tests are skipped and say so; in CI (a variable of that name) they fail."""

    def __init__(self) -> None:
        self.renderer = vtkRenderer()
        try:
            self.window = offscreen_window()
        except RuntimeError as e:
            (pytest.fail if os.environ.get('CI') else pytest.skip)(str(e))
        self.window.AddRenderer(self.renderer)

    def depth_m(self, meshes: list[Mesh], T_cam_ct: F64, K: F64, width_px: int, height_px: int) -> F32:
        """Return z (H, W) of the nearest surface, inf where there is none."""
        self.window.SetSize(width_px, height_px)
        self.renderer.RemoveAllViewProps()
        for mesh in meshes:
            mapper, actor = vtkPolyDataMapper(), vtkActor()
            mapper.SetInputData(as_polydata(mesh))
            actor.SetMapper(mapper)
            self.renderer.AddActor(actor)
        place(self.renderer.GetActiveCamera(), T_cam_ct, K, width_px, height_px)
        self.window.Render()
        values = vtkFloatArray()
        self.window.GetZbufferData(0, 0, width_px - 1, height_px - 1, values)
        z = vtk_to_numpy(values).reshape(height_px, width_px)[::-1].astype(np.float64)
        n, f = NEAR_M, FAR_M
        linear = 2 * f * n / (f + n - (2 * z - 1) * (f - n))
        return np.where(z < 1.0, linear, np.inf).astype(np.float32)
