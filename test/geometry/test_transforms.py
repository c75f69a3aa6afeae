# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arsurg_ros.errors import TransformLookupError
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.transforms import TransformBuffer, interpolate_screw
from arsurg_ros.kernels.poses import interpolate_poses

MS = 1_000_000


def pose(seed):
    rng = np.random.default_rng(seed)
    return se3.exp(rng.normal(size=6) * (0.3, 0.3, 0.3, 0.5, 0.5, 0.5))


@pytest.fixture
def buffer():
    """trk -> cam (static), trk -> ref -> ct, trk -> tool -> tip (static)."""
    out = TransformBuffer()
    out.put('trk', 'cam', 0, pose(1), static=True)
    out.put('tool', 'tip', 0, pose(2), static=True)
    for k in range(5):
        out.put('trk', 'ref', k * 10 * MS, pose(10 + k))
        out.put('trk', 'tool', k * 10 * MS, pose(20 + k))
        out.put('ref', 'ct', k * 10 * MS, pose(3))
    return out


def test_lookup_at_a_sample_is_exact(buffer):
    expected = se3.inverse(pose(1)) @ pose(12) @ pose(3)
    assert np.allclose(buffer.lookup('cam', 'ct', 20 * MS), expected, atol=1e-12)
    assert np.allclose(buffer.lookup('ct', 'cam', 20 * MS), se3.inverse(expected), atol=1e-12)
    assert np.allclose(buffer.lookup('ref', 'tip', 20 * MS), se3.inverse(pose(12)) @ pose(22) @ pose(2), atol=1e-12)
    assert np.allclose(buffer.lookup('ref', 'ref', 20 * MS), np.eye(4))


def test_lookup_between_samples_is_the_screw_motion(buffer):
    got = buffer.lookup('trk', 'ref', 25 * MS)
    half = se3.exp(0.5 * se3.log(se3.inverse(pose(12)) @ pose(13)))
    assert np.allclose(got, pose(12) @ half, atol=1e-12)


@given(st.floats(0, 1), st.integers(0, 50))
def test_screw_motion_does_not_depend_on_the_tool_frame(alpha, seed):
    a, b, T_tool_tip = pose(seed), pose(seed + 100), pose(seed + 200)
    mid = interpolate_screw(a[None], b[None], np.array([alpha]))[0]
    mid_tip = interpolate_screw((a @ T_tool_tip)[None], (b @ T_tool_tip)[None], np.array([alpha]))[0]
    assert np.allclose(mid @ T_tool_tip, mid_tip, atol=1e-8)


@pytest.mark.parametrize(
    ('frames', 'stamp_ms', 'kind', 'says'),
    [
        (('cam', 'ref'), 41, 'late', '1.0 ms after the last sample'),
        (('cam', 'ref'), -3, 'early', '3.0 ms before'),
        (('cam', 'elbow'), 10, 'unknown', 'no frame .elbow.; there are: cam, ct, ref'),
    ],
)
def test_nothing_is_extrapolated(buffer, frames, stamp_ms, kind, says):
    with pytest.raises(TransformLookupError, match=says) as caught:
        buffer.lookup(*frames, stamp_ms * MS)
    assert caught.value.kind == kind


def test_a_gap_is_not_bridged(buffer):
    buffer.put('trk', 'ref', 400 * MS, pose(9))
    with pytest.raises(TransformLookupError, match='360 ms apart') as caught:
        buffer.lookup('cam', 'ref', 100 * MS)
    assert caught.value.kind == 'gap'
    assert np.allclose(buffer.lookup('trk', 'ref', 400 * MS), pose(9))


def test_unconnected_trees_say_so(buffer):
    buffer.put('island', 'hut', 0, np.eye(4))
    with pytest.raises(TransformLookupError, match='not connected'):
        buffer.lookup('cam', 'hut', 0)
    assert buffer.latest_ns('cam', 'hut') is None


def test_a_loop_is_an_error_and_not_a_hang():
    out = TransformBuffer()
    out.put('a', 'b', 0, np.eye(4))
    out.put('b', 'a', 0, np.eye(4))
    with pytest.raises(TransformLookupError, match='loop'):
        out.lookup('a', 'b', 0)


def test_latest_is_the_oldest_of_the_newest(buffer):
    assert buffer.latest_ns('cam', 'ref') == 40 * MS
    buffer.put('trk', 'ref', 50 * MS, pose(5))
    assert buffer.latest_ns('cam', 'ref') == 50 * MS
    assert buffer.latest_ns('ref', 'tip') == 40 * MS
    assert buffer.latest_ns('cam', 'trk') == 2**62
    assert buffer.latest_ns('cam', 'nowhere') is None


def test_a_new_static_pose_replaces_the_old_one(buffer):
    buffer.put('trk', 'cam', 5, pose(77), static=True)
    assert np.allclose(buffer.lookup('trk', 'cam', 10**15), pose(77))


def test_history_is_bounded():
    out = TransformBuffer(keep_ns=100 * MS)
    for k in range(50):
        out.put('trk', 'ref', k * 10 * MS, np.eye(4))
    with pytest.raises(TransformLookupError) as caught:
        out.lookup('trk', 'ref', 380 * MS)
    assert caught.value.kind == 'early'
    out.lookup('trk', 'ref', 390 * MS)


def test_samples_may_come_out_of_order():
    out = TransformBuffer()
    for stamp in (20, 0, 10):
        out.put('trk', 'ref', stamp * MS, pose(stamp))
    assert np.allclose(out.lookup('trk', 'ref', 10 * MS), pose(10))


def test_recent_is_at_the_slowest_frames_samples(buffer):
    buffer.put('trk', 'eye', 36 * MS, pose(40))
    buffer.put('trk', 'eye', 6 * MS, pose(41))
    found = buffer.recent('eye', 'ref', 25 * MS)
    assert found.stamps_ns.tolist() == [36 * MS]
    found = buffer.recent('eye', 'ref', 1000 * MS)
    assert found.stamps_ns.tolist() == [6 * MS, 36 * MS]
    assert np.allclose(found.T[0], buffer.lookup('eye', 'ref', 6 * MS))
    assert buffer.recent('cam', 'ref', 15 * MS).stamps_ns.tolist() == [30 * MS, 40 * MS]
    buffer.lose('ref', 30 * MS)
    assert buffer.recent('cam', 'ref', 15 * MS).stamps_ns.tolist() == [40 * MS]
    with pytest.raises(TransformLookupError, match='no frame'):
        buffer.recent('cam', 'nobody', 15 * MS)


def test_clear_forgets_what_moves_and_keeps_what_is_static(buffer):
    buffer.clear()
    assert buffer.edges() == {'cam': 'trk', 'tip': 'tool'}
    with pytest.raises(TransformLookupError) as caught:
        buffer.lookup('cam', 'ref', 20 * MS)
    assert caught.value.kind == 'unknown'


@pytest.mark.parametrize('bad', [np.full((4, 4), np.nan), np.zeros((4, 4)), np.diag([2.0, 1, 1, 1])])
def test_a_matrix_that_is_no_pose_is_refused(buffer, bad):
    with pytest.raises(ValueError, match='not rigid'):
        buffer.put('trk', 'ref', 60 * MS, bad)
    with pytest.raises(ValueError, match='own parent'):
        buffer.put('ref', 'ref', 60 * MS, np.eye(4))


def test_the_kernel_interpolates_as_the_buffer_does(buffer):
    by_kernel = TransformBuffer(interpolate=interpolate_poses)
    for k in range(5):
        by_kernel.put('trk', 'ref', k * 10 * MS, pose(10 + k))
    for stamp_ms in (1, 25, 39):
        twin = buffer.lookup('trk', 'ref', stamp_ms * MS)
        assert np.allclose(by_kernel.lookup('trk', 'ref', stamp_ms * MS), twin, atol=1e-12)
