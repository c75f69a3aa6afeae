# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arsurg_ros.geometry import se3

axis = arrays(np.float64, 3, elements=st.floats(-1, 1)).filter(lambda a: np.linalg.norm(a) > 1e-3)
metres = arrays(np.float64, 3, elements=st.floats(-10, 10))
angle = st.floats(0, 3.14159) | st.floats(0, 1e-6)


def rotvec(a, theta):
    return a / np.linalg.norm(a) * theta


@given(metres, axis, angle)
def test_log_undoes_exp(v, a, theta):
    twist = np.concatenate([v, rotvec(a, theta)])
    T = se3.exp(twist)
    assert se3.is_rigid(T)
    back = se3.log(T)
    # Near pi both signs of the axis are the same rotation.
    assert np.allclose(se3.exp(back), T, atol=1e-9)
    if theta < 3.1:
        assert np.allclose(back, twist, atol=1e-7)


@given(metres, axis, angle)
def test_quaternion_round_trip(t, a, theta):
    T = se3.compose(se3.from_rotvec(rotvec(a, theta)), t)
    q = se3.to_quaternion(T)
    assert q[3] >= 0
    assert np.allclose(se3.from_quaternion(t, q), T, atol=1e-12)


@given(metres, axis, angle)
def test_inverse(t, a, theta):
    T = se3.compose(se3.from_rotvec(rotvec(a, theta)), t)
    assert np.allclose(se3.inverse(T) @ T, np.eye(4), atol=1e-12)
    assert np.allclose(se3.inverse(np.stack([T, T]))[1], np.linalg.inv(T), atol=1e-9)


@given(axis, angle)
def test_rotation_angle(a, theta):
    assert se3.rotation_angle_rad(se3.from_rotvec(rotvec(a, theta))) == pytest.approx(theta, abs=1e-9)


def test_exp_of_a_pure_turn_about_z():
    T = se3.exp([0, 0, 0.3, 0, 0, np.pi / 2])
    assert np.allclose(T, [[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0.3], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    'bad',
    [
        np.full((4, 4), np.nan),
        np.diag([1.0, 1.0, -1.0, 1.0]),
        np.diag([1.1, 1.0, 1.0, 1.0]),
        np.eye(3),
        np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]),
    ],
    ids=['nan', 'left-handed', 'scaled', '3x3', 'projective'],
)
def test_not_rigid(bad):
    assert not se3.is_rigid(bad)


@pytest.mark.parametrize(
    ('t', 'q', 'says'),
    [
        ((0, 0, float('nan')), (0, 0, 0, 1), 'not finite'),
        ((0, 0, 0), (0, 0, 0, float('inf')), 'not finite'),
        ((0, 0, 0), (0, 0, 0, 0), 'norm 0.0000'),
        ((0, 0, 0), (0, 0, 0, 1.2), 'norm 1.2'),
    ],
)
def test_a_pose_that_is_none_is_refused(t, q, says):
    with pytest.raises(ValueError, match=says):
        se3.from_quaternion(t, q)
