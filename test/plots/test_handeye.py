# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from arsurg_ros.geometry import se3
from arsurg_ros.plots.handeye import draw_handeye
from arsurg_ros.registration.handeye import calibrate


@pytest.mark.parametrize('n', [12, 200])
def test_residuals_outliers_and_rotations_are_drawn(n: int) -> None:
    rng = np.random.default_rng(1)
    arm = np.array([se3.exp(rng.normal(0, 0.4, 6)) for _ in range(n)])
    seen = se3.inverse(arm @ se3.exp([0.1] * 6)) @ np.array([se3.exp(rng.normal(0, 1e-3, 6)) for _ in range(n)])
    seen[3] = seen[3] @ se3.exp([0.3, 0, 0, 0.5, 0, 0])
    result = calibrate(arm, seen)
    figure = Figure()
    draw_handeye(figure, result, arm)
    mm, deg, turned = figure.axes
    assert [mm.get_ylabel(), deg.get_ylabel()] == ['translation residual (mm)', 'rotation residual (deg)']
    assert turned.get_xlabel() == 'x (deg)'
    for axes, values in ((mm, np.linalg.norm(result.translation_m, axis=1) * 1e3), (deg, None)):
        used, rejected = axes.lines[0], axes.lines[1]
        assert used.get_xdata().tolist() == [i for i in range(n) if i != 3]
        assert rejected.get_xdata().tolist() == [3]
        assert axes.get_ylim()[1] >= rejected.get_ydata()[0]
        if values is not None:
            assert used.get_ydata() == pytest.approx(np.delete(values, 3))
    assert f'{n - 1} of {n} pairs' in figure.get_suptitle()
