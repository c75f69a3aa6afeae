# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from arsurg_ros.geometry import se3
from arsurg_ros.plots.landmarks import MOST_NAMED, draw_landmarks
from arsurg_ros.registration.landmarks import Landmarks, register
from arsurg_ros.types import RegistrationResult

TRUE = se3.exp([0.1, 0, 0, 0.5, 0, 0])


def drawn(n: int, outlier: bool = False, target: bool = False) -> tuple[Figure, RegistrationResult]:
    moving = np.random.default_rng(1).uniform(-0.1, 0.1, (n, 3))
    fixed = se3.transform(TRUE, moving) + np.random.default_rng(2).normal(0, 3e-4, (n, 3))
    fixed[1] += 0.05 * outlier
    targets = {'tumour': np.array([0.02, 0.0, 0.05])} if target else {}
    landmarks = Landmarks(tuple(f'L{i}' for i in range(n)), moving, targets=targets)
    result = register(landmarks, fixed, stamp_ns=0, ref_frame='fixed', ct_frame='moving', robust=outlier)
    figure = Figure(layout='constrained')
    draw_landmarks(figure, result, fixed, moving)
    figure.canvas.draw()
    return figure, result


def texts(figure: Figure) -> str:
    axes = figure.axes
    labels = [t.get_text() for a in axes for t in (*a.texts, *a.get_xticklabels(), a.title, a.xaxis.label, a.yaxis.label)]
    legends = [t.get_text() for a in axes if (legend := a.get_legend()) for t in legend.get_texts()]
    return ' | '.join([figure.get_suptitle(), *labels, *legends])


def test_bars_are_residuals_and_units_and_names_are_said() -> None:
    figure, result = drawn(6)
    bars = figure.axes[0].patches
    assert np.allclose([b.get_height() for b in bars], result.residuals_m * 1e3)
    said = texts(figure)
    for part in (f'FRE {result.fre_m * 1e3:.2f} mm', 'leave-one-out', 'L0', 'L5', 'x (mm)', 'mm', 'fixed', 'moving, mapped'):
        assert part in said
    assert 'left out' not in said
    assert 'target' not in said.replace('errors at targets', '')


def test_outliers_do_not_set_the_scale_and_targets_have_their_margin() -> None:
    figure, result = drawn(6, outlier=True, target=True)
    assert result.rejected == ('L1',)
    said = texts(figure)
    for part in ('1 left out', 'tumour', '95 % margin', 'TRE rms', f'{result.residuals_m[1] * 1e3:.1f}'):
        assert part in said
    assert figure.axes[0].get_ylim()[1] < 5
    assert figure.axes[0].get_ylim()[1] > result.targets[0].margin95_m * 1e3


def test_many_landmarks_are_not_named_and_three_have_no_leave_one_out_error() -> None:
    figure, _ = drawn(MOST_NAMED + 1)
    assert 'L3' not in texts(figure)
    assert 'leave-one-out' not in texts(drawn(3)[0])
