# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from arsurg_ros.plots.handeye import draw_handeye


@pytest.mark.parametrize('n', [12, 200])
def test_residuals_outliers_and_rotations_are_drawn(n: int) -> None:
    rng = np.random.default_rng(1)
    used = np.arange(n) != 3
    residual_mm, residual_deg = rng.uniform(1, 2, n) + 50 * ~used, rng.uniform(0.1, 0.2, n)
    figure = Figure()
    draw_handeye(figure, 'a title', residual_mm, residual_deg, used, rng.normal(0, 30, (n, 3)), 21.5)
    mm, deg, turned = figure.axes
    assert [mm.get_ylabel(), deg.get_ylabel()] == ['translation residual (mm)', 'rotation residual (deg)']
    assert turned.get_xlabel() == 'x (deg)'
    for axes, values in ((mm, residual_mm), (deg, residual_deg)):
        kept, rejected = axes.lines[0], axes.lines[1]
        assert kept.get_xdata().tolist() == [i for i in range(n) if i != 3]
        assert rejected.get_xdata().tolist() == [3]
        assert axes.get_ylim()[1] >= rejected.get_ydata()[0]
        assert kept.get_ydata() == pytest.approx(np.delete(values, 3))
    assert mm.get_ylim()[1] < 3  # the outlier does not press the others down
    assert figure.get_suptitle() == 'a title'
    assert '21.5 deg' in turned.get_title()
