# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Surface registration against a target that stays in the kernel's memory.

Point-to-plane: Chen and Medioni, Image and Vision Computing 10(3), 1992; generalised ICP: Segal, Haehnel and Thrun, RSS
2009. The partner of a point is exact: the nearest point of a cloud, the closest point of a mesh's triangles.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from arsurg_ros.errors import ConfigError, RegistrationError
from arsurg_ros.kernels.backends import pick
from arsurg_ros.kernels.host import Kernel, PerThread, room
from arsurg_ros.kernels.icp import DEGENERATE, LOSSES, METHODS, NO_OVERLAP, Closest, IcpFit, IcpSettings, IcpTarget, refusal
from arsurg_ros.kernels.landmarks import rows_of_three as rows_of_three
from arsurg_ros.kernels.layouts import SURFACE
from arsurg_ros.kernels.reference_surface import ReferenceTarget
from arsurg_ros.types import F64, U32

DEADLINE_S = 20.0
MOST_POINTS, MOST_TRIANGLES, MOST_NEIGHBOURS = 1_000_000, 500_000, 32
NEIGHBOURS = 8
_SMALLEST = 1024


def prepare_target(
    points_m: ArrayLike,
    triangles: ArrayLike | None = None,
    *,
    voxel_m: float = 0.0,
    neighbours: int = NEIGHBOURS,
    backend: str = 'wasm',
) -> IcpTarget:
    """Return a target: a mesh where ``triangles`` (F, 3) are given, else a cloud whose normals its ``neighbours`` give.

    ``points_m`` (N, 3) are its vertices or points; a cloud is downsampled to the means of voxels of the edge ``voxel_m``
    (zero: not at all). Raises RegistrationError (``too_few_points``, ``too_many_points``, ``not_finite``, ``empty_mesh``,
    ``coincident``, ``collinear``, ``bad_voxel``, ``bad_face``), ConfigError for an unknown backend or setting, KernelError.
    """
    backends: dict[str, Callable[..., IcpTarget]] = {'wasm': WasmTarget, 'numpy': ReferenceTarget}
    make = pick(backend, backends)
    points = rows_of_three(points_m, 'target')
    faces = None if triangles is None else _faces(triangles)
    if not 5 <= neighbours <= MOST_NEIGHBOURS:
        raise ConfigError(f'neighbours: {neighbours}: 5 to {MOST_NEIGHBOURS} are valid')
    check_length(voxel_m, 'voxel_m')
    if len(points) > MOST_POINTS or (faces is not None and len(faces) > MOST_TRIANGLES):
        raise RegistrationError('too_many_points', f'target: at most {MOST_POINTS} points, {MOST_TRIANGLES} triangles')
    return make(points, faces, voxel_m, neighbours)


def check_length(value: float, name: str) -> None:
    """Raise ConfigError for what is no length, zero included."""
    if not (np.isfinite(value) and value >= 0):
        raise ConfigError(f'{name}: {value}: a finite length, zero or above, is needed')


def check_settings(settings: IcpSettings) -> None:
    """Raise ConfigError for a setting that cannot be used."""
    pick(settings.method, dict.fromkeys(METHODS), 'method')
    pick(settings.loss, dict.fromkeys(LOSSES), 'loss')
    check_length(settings.sigma_m, 'sigma_m')
    if not settings.max_distance_m > 0:
        raise ConfigError(f'max_distance_m: {settings.max_distance_m}: a length above zero is needed')
    if settings.max_iterations < 1:
        raise ConfigError(f'max_iterations: {settings.max_iterations}: one or more are needed')


def _faces(triangles: ArrayLike) -> U32:
    faces = np.asarray(triangles)
    if faces.size == 0:
        return np.zeros((0, 3), np.uint32)
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise RegistrationError('bad_face', f'triangles have the shape {faces.shape}; (F, 3) is needed')
    if not np.issubdtype(faces.dtype, np.integer) or faces.min() < 0:
        raise RegistrationError('bad_face', f'triangles are {faces.dtype} from {faces.min()}; indices from 0 are needed')
    return np.ascontiguousarray(faces, dtype=np.uint32)


class WasmTarget:
    """The kernel's target; a thread that uses it first, or with more source points than before, prepares its own copy."""

    def __init__(self, points_m: F64, faces: U32 | None, voxel_m: float, neighbours: int) -> None:
        """Prepare it once, so that bad input is told here."""
        self._points, self._faces, self._voxel, self._neighbours = points_m, faces, voxel_m, neighbours
        self._kernels = PerThread(SURFACE, prepare=self._prepare, deadline_s=DEADLINE_S)
        self.size = int(self._kernel(1).blocks['control'][8])

    def _kernel(self, points: int) -> Kernel:
        faces = 0 if self._faces is None else len(self._faces)
        return self._kernels.get(max(len(self._points), 1), max(faces, 1), room(points, _SMALLEST))

    def _prepare(self, kernel: Kernel) -> None:
        blocks, n, faces = kernel.blocks, len(self._points), self._faces
        count = 0 if faces is None else len(faces)
        blocks['raw'][: 3 * n] = self._points.ravel()
        if faces is not None:
            blocks['faces'][: 3 * count] = faces.ravel()
        blocks['control'][:3] = (n, count, self._neighbours)
        blocks['control'][9] = faces is not None
        blocks['params'][16] = self._voxel
        status = kernel.call('prepare_target')
        if status:
            what = f'target of {n} points' if faces is None else f'target of {n} vertices and {count} triangles'
            raise refusal(status, what)

    def _load(self, source_m: F64, voxel_m: float, neighbours: int) -> Kernel:
        n = len(source_m)
        if n > MOST_POINTS:
            raise RegistrationError('too_many_points', f'source of {n} points: at most {MOST_POINTS}')
        kernel = self._kernel(n)
        blocks = kernel.blocks
        blocks['raw'][: 3 * n] = source_m.ravel()
        blocks['control'][:3] = (n, 0, neighbours)
        blocks['params'][16] = voxel_m
        status = kernel.call('prepare_source')
        if status:
            raise refusal(status, f'source of {n} points')
        return kernel

    def align(self, source_m: F64, voxel_m: float, starts: list[F64], settings: IcpSettings) -> list[IcpFit | int]:
        """Return a fit, or the status of its refusal, for each start."""
        check_settings(settings)
        kernel = self._load(source_m, voxel_m, self._neighbours if settings.method == 'gicp' else 0)
        control, params = kernel.blocks['control'], kernel.blocks['params']
        control[3:6] = (METHODS.index(settings.method), LOSSES.index(settings.loss), settings.max_iterations)
        reach = min(settings.max_distance_m, 1e12)
        params[17:21] = (reach, settings.sigma_m, settings.rotation_epsilon_rad, settings.translation_epsilon_m)
        return [self._run(kernel, start) for start in starts]

    def _run(self, kernel: Kernel, start: F64) -> IcpFit | int:
        kernel.blocks['params'][:16] = start.ravel()
        status = kernel.call('align')
        if status == NO_OVERLAP:
            return status
        if status not in (0, DEGENERATE):
            raise refusal(status, 'alignment')
        v = kernel.blocks['result'].copy()
        return IcpFit(
            T_target_source=v[:16].reshape(4, 4),
            iterations=int(v[16]),
            converged=bool(v[17]),
            inliers=int(v[18]),
            points=int(kernel.blocks['control'][10]),
            rms_m=float(v[19]),
            rms_distance_m=float(v[20]),
            noise_m=float(v[21]),
            score_m=float(v[22]),
            arm_m=float(v[23]),
            sigma_m=float(v[24]),
            information=v[26:32],
            directions=v[32:68].reshape(6, 6),
            covariance=v[68:104].reshape(6, 6),
            degenerate=status == DEGENERATE,
        )

    def closest(self, source_m: F64, T_target_source: F64, max_distance_m: float) -> Closest:
        """Return the partners of every source point at a pose."""
        kernel = self._load(source_m, 0.0, 0)
        n, blocks = len(source_m), kernel.blocks
        blocks['params'][:16] = T_target_source.ravel()
        blocks['params'][17] = min(max_distance_m, 1e12)
        status = kernel.call('evaluate')
        if status:
            raise refusal(status, 'evaluation')
        there = blocks['index'][:n] != np.iinfo(np.uint32).max
        p = np.where(there[:, None], blocks['points'][: 3 * n].reshape(n, 3), np.nan)
        normal = np.where(there[:, None], blocks['normals'][: 3 * n].reshape(n, 3), 0.0)
        moved = source_m @ T_target_source[:3, :3].T + T_target_source[:3, 3]
        return Closest(p, normal, np.where(there, np.linalg.norm(moved - p, axis=1), np.inf))
