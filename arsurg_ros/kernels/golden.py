# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the golden vectors (wasm/golden/*.json): ``python -m arsurg_ros.kernels.golden [FOLDER OF KERNELS]``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from arsurg_ros import resources
from arsurg_ros.errors import ArsurgError, KernelError, RegistrationError
from arsurg_ros.kernels import golden_landmarks, golden_surface
from arsurg_ros.kernels.backends import BACKENDS, pick
from arsurg_ros.kernels.files import use_folder
from arsurg_ros.kernels.golden_calibration import check_calibration
from arsurg_ros.kernels.golden_distance import answer as distances
from arsurg_ros.kernels.handeye import solve_handeye
from arsurg_ros.kernels.landmarks import solve_paired_points
from arsurg_ros.kernels.mark_rows import MARK
from arsurg_ros.kernels.mark_rows import Rows as MarkRows
from arsurg_ros.kernels.marks import MARKERS
from arsurg_ros.kernels.poses import interpolate_poses
from arsurg_ros.kernels.raster import RASTERISERS
from arsurg_ros.kernels.raster_rows import STYLE, Rows
from arsurg_ros.types import F64, U8, Mesh

Case = Mapping[str, Any]


def cases(family: str) -> list[Case]:
    """Return the cases of one file of golden vectors."""
    path = resources.share_dir() / 'wasm' / 'golden' / f'{family}.json'
    found: list[Case] = json.loads(path.read_text())['cases']
    return found


def array(values: list[float | str]) -> F64:
    """Return numbers; "nan" and "inf" stand for what JSON has no number for."""
    return np.array([float(v) for v in values])


def check_registration(case: Case, backend: str) -> str:
    """Return what differs, or an empty string."""
    points = (array(case['fixed']).reshape(-1, 3), array(case['moving']).reshape(-1, 3), array(case['weights']))
    try:
        fit = solve_paired_points(*points, backend=backend)
    except RegistrationError as error:
        return '' if error.code == case['code'] else f'code {error.code}, not {case["code"] or "a fit"}'
    if case['code']:
        return f'a fit, not {case["code"]}'
    found = np.concatenate([fit.T_fixed_moving.ravel(), fit.residuals_m.ravel(), [fit.fre_m], fit.spread_m])
    wanted = np.concatenate([array(case[k]).ravel() for k in ('transform', 'residuals', 'fre', 'spread')])
    return off(found, wanted, case['tolerance'])


def check_tracking(case: Case, backend: str) -> str:
    """Return what differs, or an empty string."""
    T0, T1 = (array(case[k]).reshape(-1, 4, 4) for k in ('t0', 't1'))
    try:
        found = interpolate_poses(T0, T1, array(case['alpha']), backend=backend)
    except KernelError as error:
        return '' if case['refused'] and case['refused'] in str(error) else f'refused: {error}'
    return 'not refused' if case['refused'] else off(found.ravel(), array(case['out']), case['tolerance'])


def check_overlay(case: Case, backend: str) -> str:
    """Return what differs, or an empty string."""
    make = pick(backend, RASTERISERS)
    width, height, n = case['width'], case['height'], len(case['meshes'])
    raster = make(width, height, n, [_mesh(m) for m in case['meshes']], 1)
    image = background(width, height)
    depth, ids, _ = raster.render(image, overlay_rows(case))
    wanted = np.array(case['depth'], np.float32).reshape(height, width)
    if not np.array_equal(ids.ravel(), case['ids']):
        return f'{np.count_nonzero(ids.ravel() != np.array(case["ids"]))} ids differ'
    if not np.allclose(np.where(np.isinf(depth), 0, depth), wanted, rtol=1e-5, atol=0):
        return 'depth differs'
    worst = int(np.abs(image.ravel().astype(int) - np.array(case['image'])).max())
    return f'colour differs by {worst}' if worst > 3 else ''


def overlay_rows(case: Case) -> Rows:
    """Return a picture's wishes as the rasterisers take them."""
    n = len(case['meshes'])
    mask = np.array(case['mask'], np.uint8).reshape(case['height'], case['width']) if case['mask'] else None
    return Rows(
        camera=array(case['camera']),
        poses=array(case['poses']).reshape(n, 3, 4),
        styles=array(case['styles']).reshape(n, STYLE).astype(np.float32),
        look=array(case['look']),
        select=np.arange(n, dtype=np.uint32),
        mask=mask,
    )


def check_surface(case: Case, backend: str) -> str:
    """Return what differs, or an empty string."""
    status, found = golden_surface.answer(case, backend)
    if status != case['status']:
        return f'status {status}, not {case["status"]}'
    limits = dict.fromkeys(found, float(case['tolerance'])) | golden_surface.TOLERANCES
    misses = (off(v, array(np.ravel(case[k]).tolist()), limits[k]) for k, v in found.items())
    return next((miss for miss in misses if miss), '')


def check_distance(case: Case, backend: str) -> str:
    """Return what differs, or an empty string."""
    found = distances(case, backend)
    limits = {'winding': float(case['winding_tolerance'])}
    misses = ((k, off(v.ravel(), array(case[k]), limits.get(k, float(case['tolerance'])))) for k, v in found.items())
    return next((f'{key}: {miss}' for key, miss in misses if miss), '')


def check_handeye(case: Case, backend: str) -> str:
    """Return what differs, or an empty string."""
    poses = (array(case[k]).reshape(-1, 4, 4) for k in ('a', 'b'))
    noise = tuple(case['noise']) or None
    options = {'reject': case['reject'], 'noise': noise, 'least_motion_rad': case['least_motion']}
    try:
        fit = solve_handeye(*poses, **options, backend=backend)
    except RegistrationError as error:
        return '' if error.code == case['code'] else f'code {error.code}, not {case["code"] or "a fit"}'
    if case['code']:
        return f'a fit, not {case["code"]}'
    if fit.inliers.astype(int).tolist() != case['inliers']:
        return f'pairs {np.flatnonzero(fit.inliers.astype(int) != case["inliers"]).tolist()} are judged differently'
    found, wanted = [fit.X, fit.Z, fit.motion_a_rad, fit.motion_b_rad], [array(case[k]) for k in ('x', 'z', 'motion')]
    for closed, expected in zip(fit.closed.values(), case['closed'], strict=True):
        found += [closed.X] if closed and expected else []
        wanted.append(array(expected))
    wrong = off(_flat(found), _flat(wanted), case['tolerance'])
    if wrong or not case['covariance']:
        return wrong
    ratios = fit.covariance.ravel() / array(case['covariance']), [fit.noise_m, fit.noise_rad] / array(case['noise_found'])
    scale = np.abs(fit.covariance).ravel() / np.sqrt(np.outer(*2 * [np.diag(fit.covariance)])).ravel()
    # covariances near zero are compared by what they are beside their variances
    return off(_flat([(ratios[0] - 1) * scale, ratios[1] - 1]), np.zeros(146), 1e-4)


def _flat(arrays: Sequence[F64]) -> F64:
    return np.concatenate([np.ravel(a) for a in arrays])


def background(width: int, height: int) -> U8:
    """Return the image that the overlay's golden vectors are drawn over."""
    y, x, c = np.mgrid[:height, :width, :3]
    return np.asarray((7 * x + 13 * y + 50 * c) % 256, dtype=np.uint8)


def _mesh(mesh: Case) -> Mesh:
    vertices = np.array(mesh['vertices'], np.float32).reshape(-1, 3)
    return Mesh('golden', vertices, np.array(mesh['triangles'], np.uint32).reshape(-1, 3))


def off(found: F64, wanted: F64, tolerance: float) -> str:
    """Return what is farther off than the tolerance."""
    if found.shape != wanted.shape or not np.array_equal(np.isnan(found), np.isnan(wanted)):
        return f'{found.size} numbers of which {np.count_nonzero(np.isnan(found))} are NaN, not as wanted'
    worst = float(np.abs(found - wanted)[~np.isnan(found)].max(initial=0.0))
    return '' if worst <= tolerance else f'off by {worst:.3g}, {tolerance:.3g} allowed'


def check_landmarks(case: Case, backend: str) -> str:
    """Return what differs, or an empty string."""
    try:
        found = golden_landmarks.answer(case, backend)
    except RegistrationError as error:
        return '' if error.code == case['code'] else f'code {error.code}, not {case["code"] or "an answer"}'
    if case['code']:
        return f'an answer, not {case["code"]}'
    wanted = {key: array(case[key]) for key in found}
    wrong = (f'{key}: {told}' for key, v in found.items() if (told := off(v.ravel(), wanted[key], case['tolerance'])))
    return ', '.join(wrong)


def check_marks(case: Case, backend: str) -> str:
    """Return what differs, or an empty string."""
    width, height = case['width'], case['height']
    image = background(width, height)
    try:
        pick(backend, MARKERS)(width, height).draw(image, mark_rows(case), 0)
    except KernelError as error:
        return '' if case['refused'] else f'refused: {error}'
    if case['refused']:
        return 'not refused'
    worst = int(np.abs(image.ravel().astype(int) - np.array(case['image'])).max())
    return f'colour differs by {worst}' if worst > 1 else ''


def mark_rows(case: Case) -> MarkRows:
    """Return the marks of a golden vector, which may touch the whole picture."""
    glyphs = np.array(case['glyphs'], np.int32).reshape(-1, 5)
    atlas = np.array(case['atlas'], np.uint8)
    whole = (0, 0, case['width'], case['height'])
    points = array(case['points']).reshape(-1, 2)
    return MarkRows(array(case['marks']).reshape(-1, MARK), points, glyphs, atlas, case['segments'], [whole], set())


CHECKS: dict[str, Callable[[Case, str], str]] = {
    'registration': check_registration,
    'calibration': check_calibration,
    'tracking': check_tracking,
    'overlay': check_overlay,
    'landmarks': check_landmarks,
    'surface': check_surface,
    'distance': check_distance,
    'handeye': check_handeye,
    'marks': check_marks,
}


def check(backend: str) -> list[str]:
    """Return a line for every golden vector that a backend misses."""
    lines = []
    for family, run in CHECKS.items():
        for case in cases(family):
            wrong = run(case, backend)
            if wrong:
                lines.append(f'{family}: {case["name"]}: {backend}: {wrong}')
    return lines


def main() -> int:
    """Check the kernels of the folder given, or the package's; returns the exit status."""
    use_folder(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    try:
        lines = [line for backend in BACKENDS for line in check(backend)]
    except ArsurgError as error:
        lines = [str(error)]
    print('\n'.join(lines) or 'golden vectors: all fit')
    return 1 if lines else 0


if __name__ == '__main__':
    raise SystemExit(main())
