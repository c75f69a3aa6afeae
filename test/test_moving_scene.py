# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A scene in motion: where anatomy and tip are drawn against where they are at the image's stamp.

A tool at up to 100 mm/s, a camera that turns at up to 20 deg/s, both tracked from outside with noise, latency and jitter; 60
images a second of 1080 lines. Either an image waits for the poses around its stamp, which are interpolated, or it is drawn as
it comes with what is predicted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model, project
from arsurg_ros.geometry.prediction import PredictionLimits
from arsurg_ros.geometry.transforms import TransformBuffer
from arsurg_ros.kernels.poses import interpolate_poses
from arsurg_ros.overlay.render import OverlayRenderer, Readouts
from arsurg_ros.overlay.scene import Role, make_scene
from arsurg_ros.overlay.silhouette import compare_silhouettes
from arsurg_ros.overlay.state import OverlayLimits, OverlayState, PoseLookup, decide, look_up
from arsurg_ros.overlay.view import extent_m
from arsurg_ros.synthetic import phantom_meshes
from arsurg_ros.types import F64

MS = 1_000_000
CAMERA = camera_model(1920, 1080, np.array([[1000.0, 0, 959.5], [0, 1000.0, 539.5], [0, 0, 1]]))
SCENE = make_scene({m.name: m for m in phantom_meshes()}, {'tumour': Role.TARGET})
EXTENT = extent_m(SCENE)
T_REF_CT = se3.compose(se3.from_rotvec([2.6, 0.3, 0.0]), -se3.from_rotvec([2.6, 0.3, 0.0]) @ EXTENT.mean(axis=0))
TIP = np.array([[0.0, 0.0, 0.12]])
IMAGE_DELAY_NS, LATENCY_NS, JITTER_NS = 5 * MS, 12 * MS, 5 * MS
# Of a good optical tracker from one pose to the next: per axis, of each of the two bodies.
NOISE_M, NOISE_RAD = 5e-5, np.radians(0.01)
LIMITS = OverlayLimits(prediction=PredictionLimits(0.03, 0.001))


def hand(t_s: float, speed: float, hz: float, phase: float = 0.0) -> float:
    """Return a swing whose fastest is ``speed`` a second."""
    return speed / (2 * np.pi * hz) * np.sin(2 * np.pi * hz * t_s + phase)


def T_trk_cam(t_s: float) -> F64:
    turn = se3.from_rotvec([0, hand(t_s, np.radians(20), 0.5), 0]) @ se3.from_rotvec([hand(t_s, np.radians(6), 0.8, 1.0), 0, 0])
    return se3.compose(turn, [0.1, 0.05, -1.0])


def T_trk_ref(t_s: float) -> F64:
    """Return the patient: breathing."""
    return se3.compose(se3.from_rotvec([0.3, 0.0, hand(t_s, 0.02, 0.25)]), [0.1, 0.05 + hand(t_s, 0.006, 0.25), -0.5])


def T_trk_tip(t_s: float) -> F64:
    at = [0.06 + hand(t_s, 0.08, 1.0), 0.03 + hand(t_s, 0.06, 1.0), -0.55]
    return se3.compose(se3.from_rotvec([0.2 * np.sin(3 * t_s), 0.1, 0.2 * np.sin(2 * t_s)]), at)


BODIES = {'cam': T_trk_cam, 'ref': T_trk_ref, 'tip': T_trk_tip}


@dataclass(frozen=True)
class Moment:
    """An image's stamp, and the two poses that are drawn on it."""

    stamp_ns: int
    ref: PoseLookup
    tip: PoseLookup


def moments(rate_hz: float, wait: bool, seconds: float) -> Iterator[Moment]:
    """Yield every image of 60 a second, drawn when its poses have come (``wait``) or as it comes itself."""
    rng, buffer = np.random.default_rng(round(rate_hz)), TransformBuffer(interpolate=interpolate_poses)
    stamps = np.round((np.arange(-0.3, seconds + 0.2, 1 / rate_hz) + rng.random() / rate_hz) * 1e9).astype(np.int64)
    arrivals = np.maximum.accumulate(stamps + LATENCY_NS + rng.uniform(0, JITTER_NS, len(stamps)).astype(np.int64))
    ahead, sent = PredictionLimits() if wait else LIMITS.prediction, 0
    points = se3.transform(T_REF_CT, EXTENT)
    for k in range(int(60 * seconds)):
        stamp_ns = round(k * 1e9 / 60)
        now_ns = stamp_ns + IMAGE_DELAY_NS + (LATENCY_NS + JITTER_NS + round(1e9 / rate_hz) if wait else 0)
        while sent < len(stamps) and arrivals[sent] <= now_ns:
            for body, at in BODIES.items():
                T = at(stamps[sent] * 1e-9)
                T = se3.compose(T[:3, :3] @ se3.from_rotvec(rng.normal(0, NOISE_RAD, 3)), T[:3, 3] + rng.normal(0, NOISE_M, 3))
                buffer.put('trk', body, int(stamps[sent]), T)
            sent += 1
        ref = look_up(buffer, 'cam', 'ref', stamp_ns, prediction=ahead, points_m=points)
        yield Moment(stamp_ns, ref, look_up(buffer, 'cam', 'tip', stamp_ns, prediction=ahead))


def off_px(found: PoseLookup, body: str, points_m: F64, stamp_ns: int) -> float:
    """Return how far the worst of the points is drawn from where it is at the stamp."""
    true = se3.inverse(T_trk_cam(stamp_ns * 1e-9)) @ BODIES[body](stamp_ns * 1e-9)
    drawn = project(CAMERA, se3.transform(found.T, points_m))
    return float(np.linalg.norm(drawn - project(CAMERA, se3.transform(true, points_m)), axis=1).max())


def test_the_scene_is_as_fast_as_it_says() -> None:
    t_s = np.arange(0, 4, 1e-3)
    tips = np.array([T_trk_tip(t)[:3, 3] for t in t_s])
    assert np.linalg.norm(np.diff(tips, axis=0), axis=1).max() / 1e-3 == pytest.approx(0.1, rel=0.01)
    turns = [se3.rotation_angle_rad(T_trk_cam(t)[:3, :3].T @ T_trk_cam(t + 1e-3)[:3, :3]) for t in t_s]
    assert 20 <= np.degrees(max(turns)) / 1e-3 < 22
    seen = [project(CAMERA, se3.transform(se3.inverse(T_trk_cam(t)) @ T_trk_ref(t) @ T_REF_CT, EXTENT)) for t in t_s[::50]]
    assert ((np.array(seen) > 0) & (np.array(seen) < [1920, 1080])).all(axis=2).mean() > 0.9


@pytest.mark.parametrize('wait', [True, False], ids=['waiting', 'predicting'])
@pytest.mark.parametrize('rate_hz', [60.0, 100.0, 250.0, 400.0])
def test_95_of_100_images_are_within_two_pixels_of_the_truth(rate_hz: float, wait: bool, record_property) -> None:
    anatomy, tips, states = [], [], []
    points = se3.transform(T_REF_CT, EXTENT)
    for m in moments(rate_hz, wait, 2.0):
        decision = decide(m.ref, True, LIMITS, tip=m.tip)
        states.append(decision.state)
        if decision.draws:
            anatomy.append(off_px(m.ref, 'ref', points, m.stamp_ns))
        if m.tip.T is not None:
            tips.append(off_px(m.tip, 'tip', np.zeros((1, 3)), m.stamp_ns))
    drawn = len(anatomy) / len(states)
    figures = {'anatomy_px': np.percentile(anatomy, [50, 95]), 'tip_px': np.percentile(tips, [50, 95]), 'drawn': drawn}
    record_property('figures', str(figures))
    print(f'{rate_hz:g} Hz {"waiting" if wait else "predicting"}: {figures}')
    assert figures['anatomy_px'][1] <= 2.0 and figures['tip_px'][1] <= 2.0
    if wait:
        assert set(states) == {OverlayState.LIVE}
    else:
        # What is too uncertain is not drawn until its poses come.
        assert set(states) <= {OverlayState.LIVE, OverlayState.PREDICTED, OverlayState.STALE} and drawn > 0.75
        assert states.count(OverlayState.PREDICTED) > 0.5 * len(states)


@pytest.mark.parametrize('wait', [True, False], ids=['waiting', 'predicting'])
def test_the_drawn_silhouettes_are_the_true_ones(wait: bool) -> None:
    renderer = OverlayRenderer(SCENE, 1920, 1080)
    black, p95, drawn = np.zeros((1080, 1920, 3), np.uint8), [], 0
    for m in list(moments(100.0, wait, 1.5))[::10]:
        decision = decide(m.ref, True, LIMITS, tip=m.tip)
        if not decision.draws:
            continue
        drawn += 1
        truth = se3.inverse(T_trk_cam(m.stamp_ns * 1e-9)) @ T_trk_ref(m.stamp_ns * 1e-9)
        masks = []
        for T, state in ((m.ref.T, decision.state), (truth, OverlayState.LIVE)):
            ids = renderer.render(black, CAMERA, T @ T_REF_CT, state, Readouts()).ids
            assert ids is not None
            masks.append(ids > 0)
        p95.append(compare_silhouettes(*masks).contour_p95_px)
    assert drawn >= 7
    assert np.median(p95) <= 1.5 and max(p95) <= 3.0
