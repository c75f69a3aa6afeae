# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, KernelError
from arsurg_ros.geometry import se3
from arsurg_ros.kernels.backends import BACKENDS
from arsurg_ros.kernels.poses import interpolate_poses

pytestmark = pytest.mark.parametrize('backend', BACKENDS)
PROPERTY = settings(max_examples=40, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


def poses(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.array([se3.exp(rng.uniform(-1.5, 1.5, 6)) for _ in range(n)])


@PROPERTY
@given(seed=SEEDS, n=st.integers(0, 30))
def test_ends_rigidity_and_equivariance(backend: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    T0, T1, A, alpha = poses(rng, n).reshape(n, 4, 4), poses(rng, n).reshape(n, 4, 4), poses(rng, 1)[0], rng.uniform(0, 1, n)
    assert np.abs(interpolate_poses(T0, T1, np.zeros(n), backend=backend) - T0).max(initial=0) < 1e-9
    assert np.abs(interpolate_poses(T0, T1, np.ones(n), backend=backend) - T1).max(initial=0) < 1e-9
    middle = interpolate_poses(T0, T1, alpha, backend=backend)
    assert all(se3.is_rigid(T, 1e-9) for T in middle)
    assert np.abs(interpolate_poses(A @ T0, A @ T1, alpha, backend=backend) - A @ middle).max(initial=0) < 1e-7


@PROPERTY
@given(seed=SEEDS)
def test_the_twins_agree(backend: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    T0 = poses(rng, 20)
    T1 = T0 @ np.array([se3.exp(rng.uniform(-1, 1, 6) * 10.0 ** rng.integers(-9, 1)) for _ in range(20)])
    alpha = rng.uniform(-1, 2, 20)
    both = [interpolate_poses(T0, T1, alpha, backend=b) for b in BACKENDS]
    assert np.abs(both[0] - both[1]).max() < 1e-9


def test_a_screw_turns_and_advances_evenly(backend: str) -> None:
    T1 = se3.exp([0, 0, 0.1, 0, 0, 1.0])
    found = interpolate_poses([np.eye(4)] * 3, [T1] * 3, [0.25, 0.5, 2.0], backend=backend)
    for T, x in zip(found, (0.25, 0.5, 2.0), strict=True):
        assert np.abs(T - se3.exp([0, 0, 0.1 * x, 0, 0, x])).max() < 1e-12


def test_a_half_turn_is_one_of_its_two_screws(backend: str) -> None:
    half = interpolate_poses([np.eye(4)], [np.diag([-1.0, -1.0, 1.0, 1.0])], [0.5], backend=backend)[0]
    assert np.abs(half @ half - np.diag([-1.0, -1.0, 1.0, 1.0])).max() < 1e-12


def bad(kind: str) -> np.ndarray:
    T = se3.exp([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    if kind == 'nan':
        T[1, 1] = np.nan
    elif kind == 'scaled':
        T[:3, :3] *= 1.001
    elif kind == 'reflected':
        T[:3, 2] *= -1
    elif kind == 'last row':
        T[3, 0] = 0.1
    return T


@pytest.mark.parametrize(
    ('kind', 'why'), [('nan', 'not finite'), ('scaled', 'rigid'), ('reflected', 'rigid'), ('last row', 'rigid')]
)
@pytest.mark.parametrize('side', [0, 1])
def test_bad_poses_are_refused_by_index(backend: str, kind: str, why: str, side: int) -> None:
    pair = [np.array([np.eye(4)] * 3), np.array([np.eye(4)] * 3)]
    pair[side][2] = bad(kind)
    with pytest.raises(KernelError, match=f'index 2 .*{why}'):
        interpolate_poses(*pair, [0.5] * 3, backend=backend)


def test_bad_alpha_shapes_and_backend_are_refused(backend: str) -> None:
    eye = np.array([np.eye(4)] * 2)
    with pytest.raises(KernelError, match='index 1 is not finite'):
        interpolate_poses(eye, eye, [0.0, np.nan], backend=backend)
    for arguments in ((eye, eye, [0.5]), (eye, eye[:1], [0.5, 0.5]), (eye[0], eye[0], [0.5]), (eye, eye, 0.5)):
        with pytest.raises(KernelError, match='are needed'):
            interpolate_poses(*arguments, backend=backend)
    with pytest.raises(ConfigError, match='valid: wasm, numpy'):
        interpolate_poses(eye, eye, [0, 0], backend='rust')
