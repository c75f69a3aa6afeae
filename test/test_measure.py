# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from arsurg_ros.drawn import drawn_agreement
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.transforms import TransformBuffer
from arsurg_ros.kernels.raster import Rasteriser
from arsurg_ros.measure import OverlayMeasure, TrueSilhouettes, Truth, pose_error
from arsurg_ros.overlay.readouts import Readouts
from arsurg_ros.overlay.render import OverlayRenderer
from arsurg_ros.overlay.scene import load_scene
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.resources import share_dir
from arsurg_ros.synthetic import Scene, phantom_meshes, render_frame
from arsurg_ros.types import Frame, MeshStyle

SCENE = Scene()
EPOCH_NS = 5_000_000_000


def draw(T_cam_ct):
    """Return a camera image and the same with the anatomy over it."""
    meshes = phantom_meshes()
    grey = np.full((480, 640, 3), 90, np.uint8)
    raster = Rasteriser(640, 480, meshes)
    styles = [MeshStyle((240, 228, 66))] * len(meshes)
    return grey, raster.render(grey.copy(), SCENE.camera, [T_cam_ct] * len(meshes), styles).image


def run(off=None, truth=True, state='live', frames=16):
    """Return the errors of a run in which the drawn poses are off by ``off`` in the camera."""
    measure = OverlayMeasure(synthetic=truth)
    measure.begins_at(EPOCH_NS)
    measure.camera = SCENE.camera
    buffer = TransformBuffer()
    off = np.eye(4) if off is None else off
    for k in range(frames):
        stamp_ns = EPOCH_NS + k * 33_000_000
        T_cam_ref = off @ SCENE.T_cam_ref(k * 0.033)
        buffer.put('trk', 'cam', 0, np.eye(4), static=True)
        buffer.put('trk', 'ref', stamp_ns, T_cam_ref)
        camera, overlay = draw(T_cam_ref @ SCENE.T_ref_ct) if k % 8 == 7 else (np.zeros((480, 640, 3), np.uint8),) * 2
        measure.keep_camera(Frame(stamp_ns, 'cam', camera), 1)
        measure.keep_overlay(Frame(stamp_ns, 'cam', overlay), state, stamp_ns)
    return measure.errors(buffer, [(0, SCENE.T_ref_ct)], lambda stamp_ns: state)


def test_a_perfect_run_has_no_error():
    found = run()
    assert found['px']['n'] == 16
    assert found['px']['max'] < 1e-6
    assert found['mm']['max'] < 1e-6
    assert found['live_without_pose'] == 0
    assert found['drawn_iou']['n'] == 2
    assert found['drawn_iou']['min'] > 0.95
    assert found['drawn_shift_px']['max'] < 1.0


def test_a_shift_is_found_in_poses_and_in_pixels():
    found = run(se3.compose(np.eye(3), [0.008, 0.0, 0.0]))
    assert found['mm']['p50'] == pytest.approx(8.0, abs=1e-6)
    # 420 px focal length at about half a metre.
    assert 6 < found['px']['p50'] < 11
    assert found['drawn_shift_px']['median'] > 3
    assert found['drawn_iou']['median'] < 0.95


def test_frames_that_were_not_live_do_not_count():
    found = run(state='lost')
    assert found['px'] is None
    assert found['drawn_iou'] is None


def test_a_recording_has_no_truth():
    assert run(truth=False) is None
    assert OverlayMeasure(synthetic=False).registration_error(np.eye(4)) == {}


def test_live_frames_without_pose_are_told():
    measure = OverlayMeasure(synthetic=True)
    measure.camera = SCENE.camera
    measure.keep_overlay(Frame(EPOCH_NS, 'cam', np.zeros((480, 640, 3), np.uint8)), 'live', EPOCH_NS)
    found = measure.errors(TransformBuffer(), [(0, SCENE.T_ref_ct)], lambda stamp_ns: 'live')
    assert found['live_without_pose'] == 1


def test_a_late_frame_counts_with_the_registration_that_was_there_when_it_came():
    for late_ns, missing in ((300_000_000, 0), (200_000_000, 1)):
        measure = OverlayMeasure(synthetic=True)
        measure.camera = SCENE.camera
        measure.begins_at(EPOCH_NS)
        buffer = TransformBuffer()
        buffer.put('trk', 'cam', 0, np.eye(4), static=True)
        buffer.put('trk', 'ref', EPOCH_NS, SCENE.T_cam_ref(0.0))
        measure.keep_overlay(Frame(EPOCH_NS, 'cam', np.zeros((480, 640, 3), np.uint8)), 'live', EPOCH_NS + late_ns)
        found = measure.errors(buffer, [(EPOCH_NS + 250_000_000, SCENE.T_ref_ct)], lambda stamp_ns: 'live')
        assert found['live_without_pose'] == missing


def test_registration_error():
    off = se3.compose(se3.from_rotvec([0, 0, np.radians(1.0)]), np.zeros(3)) @ SCENE.T_ref_ct
    found = OverlayMeasure(synthetic=True).registration_error(off)
    assert found['error_deg'] == pytest.approx(1.0, abs=1e-3)
    assert found['error_mm'] > 1


@pytest.mark.parametrize('off_m', [0.0, 0.003])
def test_the_demos_own_picture_is_measured_through_pointer_and_readouts(off_m):
    """Between an exact overlay and one that is 3 mm off, the limits of the demo lie."""
    stamp_ns, truth = 16_000_000_000, Truth()
    T_cam_ct, T_cam_tip = truth.T_cam_ct(stamp_ns), truth.T_cam_tip(stamp_ns)
    drawn = se3.compose(np.eye(3), [off_m, 0, 0]) @ T_cam_ct
    readouts = Readouts(T_cam_tip=T_cam_tip, fre_m=1e-4, margins=(('tumour', 1e-4),), pose_age_s=0.04, keep_bottom_px=12)
    picture = render_frame(SCENE, 16.0)
    renderer = OverlayRenderer(load_scene(share_dir() / 'config' / 'demo' / 'scene.yaml'), 640, 480)
    shown = renderer.render(picture, SCENE.camera, drawn, OverlayState.LIVE, readouts).image
    found = drawn_agreement(picture, shown, TrueSilhouettes(SCENE.camera, truth).at(stamp_ns))
    off_px = pose_error(SCENE.camera, truth.p_ct_m, drawn, T_cam_ct).px
    assert found.shift_px == pytest.approx(off_px, abs=0.8)
    assert found.over_pointer is not None and found.over_pointer < 0.02
    assert (found.iou > 0.95) == (off_m == 0)


def test_pose_error_of_points_behind_the_camera_counts_in_mm():
    points = np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]])
    error = pose_error(SCENE.camera, points, se3.compose(np.eye(3), [0.001, 0, 0]), np.eye(4))
    assert error.mm == pytest.approx(1.0)
    assert error.px > 0
