# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from arsurg_ros.geometry import se3
from arsurg_ros.plots.latency import draw_latency
from arsurg_ros.plots.pivot import draw_pivot, tilts_deg
from arsurg_ros.plots.sphere import draw_sphere
from arsurg_ros.plots.spin import draw_spin
from arsurg_ros.registration.latency import estimate_offset
from arsurg_ros.registration.pivot import calibrate_pivot
from arsurg_ros.registration.sphere import fit_sphere
from arsurg_ros.registration.spin import calibrate_spin
from arsurg_ros.types import PoseSeries

TIP = np.array([0.0, 0.0, 0.2])


def drawn(figure: Figure) -> list[str]:
    """Return every title and label; the picture is rendered on the way."""
    figure.canvas.draw()
    texts = [t for ax in figure.axes for t in (ax.get_title(), ax.get_title('left'), ax.get_xlabel(), ax.get_ylabel())]
    return [figure.get_suptitle(), *texts]


def poses(rotations: list[np.ndarray], stamps_s: np.ndarray | None = None) -> PoseSeries:
    T = np.array([se3.compose(R, -R @ TIP) for R in rotations])
    return PoseSeries(T, None if stamps_s is None else np.round(stamps_s * 1e9).astype(np.int64), 'made')


def test_pivot_marks_what_is_left_out() -> None:
    rng = np.random.default_rng(1)
    series = poses([se3.from_rotvec(rng.uniform(-0.5, 0.5, 3)) for _ in range(30)])
    series.T[:, :3, 3] += rng.normal(0, 1e-4, (30, 3))
    series.T[3, 0, 3] += 0.05
    figure = Figure()
    draw_pivot(figure, calibrate_pivot(series), series.T)
    assert '29 of 30 poses' in drawn(figure)[0]
    labels = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert 'left out (1)' in labels
    assert 'used (29)' in labels


def test_tilts_are_angles_from_the_mean() -> None:
    T = poses([se3.from_rotvec([x, y, 0.3]) for x, y in ((0.2, 0), (-0.2, 0), (0, 0.2), (0, -0.2))]).T
    assert np.linalg.norm(tilts_deg(T, TIP), axis=1) == pytest.approx(np.full(4, np.degrees(0.2)), rel=0.02)
    assert np.abs(tilts_deg(T[:1], np.zeros(3))).max() < 1e-9


def test_spin() -> None:
    figure = Figure()
    draw_spin(figure, calibrate_spin(poses([se3.from_rotvec([0, 0, t]) for t in np.linspace(0, 3, 12)])))
    texts = drawn(figure)
    assert 'turned 172 deg' in texts[0]
    assert 'wobble of the axis (deg)' in texts


def test_sphere() -> None:
    rays = np.random.default_rng(2).normal(size=(50, 3))
    points = 0.01 * rays / np.linalg.norm(rays, axis=1, keepdims=True)
    figure = Figure()
    draw_sphere(figure, fit_sphere(points), points)
    assert 'radius 10.000 mm' in drawn(figure)[0]


@pytest.mark.parametrize('rates_hz', [(100, 30), (30, 100)])
def test_latency(rates_hz: tuple[int, int]) -> None:
    def stream(rate_hz: int, late_s: float) -> PoseSeries:
        t = np.arange(0, 10, 1 / rate_hz)
        turns = [[np.sin(2 * x) + 0.5 * np.sin(5.3 * x), 0.4 * np.cos(3.7 * x), 0] for x in t]
        return poses([se3.from_rotvec(w) for w in turns], t + late_s)

    found = estimate_offset(stream(rates_hz[0], 0.05), stream(rates_hz[1], 0.0))
    figure = Figure()
    draw_latency(figure, found)
    texts = drawn(figure)
    assert found.offset_s == pytest.approx(0.05, abs=1e-3)
    assert f'add {1e3 * found.offset_s:+.2f} ms' in texts[0]
    assert 'stamps as recorded' in texts
    shifted = figure.axes[2].get_lines()
    assert {line.get_label() for line in shifted} == {'a', 'b'}
