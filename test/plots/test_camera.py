# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from arsurg_ros.geometry.camera import camera_model
from arsurg_ros.plots import camera as plots
from arsurg_ros.types import CalibratedView, CameraCalibration, CameraPlacement, PlacedView

CAMERA = camera_model(640, 480, np.array([[620.0, 0, 322.0], [0, 615.0, 236.0], [0, 0, 1]]))


def view(name: str, error_px: float, used: bool) -> CalibratedView:
    uv = np.random.default_rng(len(name)).uniform(50, 400, (20, 2))
    return CalibratedView(name, uv, np.full((20, 2), error_px / np.sqrt(2)), error_px, used)


@pytest.fixture
def found() -> CameraCalibration:
    lost = CalibratedView('view2.png', np.zeros((0, 2)), np.zeros((0, 2)), float('nan'), False, 'board not found')
    views = (view('view0.png', 0.4, True), view('view1.png', 0.5, True), lost, view('view3.png', 9.0, False))
    return CameraCalibration(CAMERA, {'fx': 1.0}, 0.45, None, views, 0.8, 0.7, 0.6, (8, 6), 0.5)


def bars(figure: Figure, axes: int) -> list[tuple[float, str]]:
    return [(p.get_height(), to_hex(p.get_facecolor())) for p in figure.axes[axes].patches]


def test_every_view_with_the_board_has_a_bar_and_those_left_out_are_red(found: CameraCalibration) -> None:
    figure = Figure()
    plots.draw_calibration(figure, found)
    assert bars(figure, 1) == [(0.4, plots.USED), (0.5, plots.USED), (2.0, plots.LEFT_OUT)]
    assert [t.get_text() for t in figure.axes[1].get_xticklabels()] == ['0', '1', '3']
    # The far one is cut off at 2.5 times the limit, and says how far it goes.
    assert [t.get_text() for t in figure.axes[1].texts] == ['9.0']
    legend = [t.get_text() for t in figure.axes[1].get_legend().get_texts()]
    assert legend == ['all used: 0.45 px rms', 'limit 0.80 px', 'used', 'left out']


def test_the_picture_is_drawn_as_it_is_with_residuals_at_their_scale(found: CameraCalibration) -> None:
    figure = Figure()
    plots.draw_calibration(figure, found)
    picture = figure.axes[0]
    assert picture.get_xlim() == (-0.5, 639.5)
    assert picture.get_ylim() == (479.5 + 48, -0.5)
    labels = [t.get_text() for t in picture.get_legend().get_texts()]
    assert labels == ['used: 40 corners, 2 views', 'residual, x 20', 'left out: 20 corners, 1 views']
    arrow = next(line for line in picture.lines if len(line.get_xdata()) == 2)
    assert np.diff(arrow.get_xdata())[0] == pytest.approx(20 * found.views[0].residuals_px[0, 0], rel=0.3)
    assert '70 % of the picture, 60 %' in picture.get_title()


def test_a_pair_has_two_rows(found: CameraCalibration) -> None:
    figure = Figure()
    plots.draw_calibration(figure, found, found)
    titles = [a.get_title() for a in figure.axes]
    assert sum(t.startswith('left: ') for t in titles) == 2
    assert sum(t.startswith('right: ') for t in titles) == 2


def test_many_views_have_no_names(found: CameraCalibration) -> None:
    figure = Figure()
    plots.draw_calibration(figure, replace(found, views=tuple(view(f'v{i}', 0.4, True) for i in range(40)), limit_px=np.inf))
    assert figure.axes[1].get_xlabel() == 'view, in order'
    assert not any('limit' in t.get_text() for t in figure.axes[1].get_legend().get_texts())


def test_a_placement_names_both_units() -> None:
    views = tuple(PlacedView(v.name, v.uv_px, v.residuals_px, v.rms_px, 1e-3, v.used) for v in (view('a', 0.4, True),))
    found = CameraPlacement(np.eye(4), np.zeros((6, 6)), 0.0, 0.0, None, np.eye(4), None, 0.4, 1e-3, views, np.inf)
    figure = Figure()
    plots.draw_placement(figure, found, CAMERA)
    assert figure.axes[1].get_title() == '1 of 1 views used, 0.40 px, 1.00 mm rms'
    assert bars(figure, 1) == [(0.4, plots.USED)]


@pytest.mark.parametrize(
    ('names', 'short'),
    [
        (['view1.png', 'view12.png'], ['1', '12']),
        (['a.png'], ['a.png']),
        (['a-long-name-of-a-file.png'], ['…e-of-a-file.png']),
        (['same', 'same'], ['same', 'same']),
        (['1.png', '2.png'], ['1.png', '2.png']),
    ],
)
def test_names_lose_what_they_share(names: list[str], short: list[str]) -> None:
    assert plots._short(names) == short
