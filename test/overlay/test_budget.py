# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The controller against a kernel that is a formula: base + triangles, with noise and outliers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.overlay.budget import MOST_HOLD, Detail, FrameBudget, LevelChoice

BUDGET_MS = 8.0
DEPTHS_M = (0.2, 0.2, 0.25, 0.15)
DETAILS = tuple(
    Detail((n, n // 2, n // 4, n // 10), (0.0, e, 2 * e, 4 * e))
    for n, e in ((100_000, 2e-4), (50_000, 1e-4), (20_000, 3e-4), (5_000, 1e-4))
)
COARSEST = sum(d.triangles[-1] for d in DETAILS)
WHOLE = sum(d.triangles[0] for d in DETAILS)


@dataclass
class Run:
    choices: list[LevelChoice]
    cost_ms: list[float]

    @property
    def changes(self) -> list[int]:
        return [k for k, (a, b) in enumerate(zip(self.choices, self.choices[1:], strict=False)) if a.levels != b.levels]


def run(base_ms: Callable[[int], float], ms_a_triangle: float, frames: int, noise: float = 0.0, seed: int = 0) -> Run:
    """Play frames; ``cost_ms`` is the formula's, what the controller is told has noise and an outlier in a hundred."""
    rng, budget, out = np.random.default_rng(seed), FrameBudget(DETAILS, BUDGET_MS), Run([], [])
    for k in range(frames):
        choice = budget.choose(DEPTHS_M, 1500.0)
        cost = base_ms(k) + ms_a_triangle * choice.triangles
        budget.measured(cost * max(1 + noise * rng.normal(), 0.1) + 8 * (rng.random() < 0.01))
        out.choices.append(choice)
        out.cost_ms.append(cost)
    return out


@settings(max_examples=40, deadline=None)
@given(base_ms=st.floats(0.2, 12), slope=st.floats(1e-6, 2e-4), noise=st.floats(0, 0.15), seed=st.integers(0, 1000))
def test_it_converges_holds_the_budget_where_it_can_and_stays_calm(
    base_ms: float, slope: float, noise: float, seed: int
) -> None:
    done = run(lambda k: base_ms, slope, 1200, noise, seed)
    coarsest_ms = base_ms + slope * COARSEST
    late = done.cost_ms[200:]
    if coarsest_ms < 0.8 * BUDGET_MS:
        assert np.mean(np.array(late) > 1.02 * BUDGET_MS) < 0.05
        assert done.choices[-1].held
    if coarsest_ms > 1.15 * BUDGET_MS:
        assert done.choices[-1].triangles == COARSEST and not done.choices[-1].held
        assert f'over {BUDGET_MS:g} ms, at the coarsest' in done.choices[-1].reason
    if base_ms + slope * WHOLE < 0.8 * BUDGET_MS:
        assert done.choices[-1].levels == (0, 0, 0, 0)
    assert len([k for k in done.changes if k >= 200]) <= 12


def test_without_noise_it_settles_in_a_few_frames_near_the_budget_and_never_moves_again() -> None:
    done = run(lambda k: 1.0, 6e-5, 3000)
    assert all(k < 15 for k in done.changes)
    assert 0.75 * BUDGET_MS < done.cost_ms[-1] <= BUDGET_MS


def test_it_gives_way_to_a_load_and_recovers_after_it() -> None:
    done = run(lambda k: 6.0 if 600 <= k < 1200 else 1.0, 5e-5, 2400, noise=0.05)
    before, during, after = (done.choices[k] for k in (590, 1190, 2390))
    assert before.triangles == after.triangles > during.triangles
    assert max(done.cost_ms[620:1200]) <= BUDGET_MS
    assert done.cost_ms[2390] <= BUDGET_MS


def test_a_finer_step_that_fails_is_tried_ever_more_rarely() -> None:
    """A load that is there only with the finer level is what no prediction knows of."""
    budget = FrameBudget([Detail((1000, 500), (0.0, 1e-4))], BUDGET_MS)
    levels = []
    for _ in range(6000):
        choice = budget.choose([0.2], 1000)
        levels.append(choice.levels[0])
        budget.measured(20.0 if choice.levels[0] == 0 else 1.0)
    # It has seen the finer step cost 20 ms: it is not tried at all.
    assert np.count_nonzero(np.diff(levels)) == 1
    tries = []
    for k in range(6000):
        choice = budget.choose([0.2], 1000)
        if choice.levels[0] == 0 and (not tries or k > tries[-1] + 50):
            tries.append(k)
        budget._slope = 0.0  # nothing is ever learnt
        budget.measured(20.0 if choice.levels[0] == 0 else 1.0)
    waits = np.diff(tries)
    rare = waits >= MOST_HOLD
    assert rare[-1] and (waits[1:] >= 1.5 * waits[:-1])[~rare[:-1]].all() and budget._hold == MOST_HOLD


def test_what_shows_least_is_given_up_first() -> None:
    near_large, far_small = Detail((1000, 500), (0.0, 1e-3)), Detail((1000, 500), (0.0, 1e-3))
    budget = FrameBudget([near_large, far_small], BUDGET_MS)
    for _ in range(5):
        choice = budget.choose([0.1, 1.0], 1000)
        budget.measured(1.2 * BUDGET_MS)
    choice = budget.choose([0.1, 1.0], 1000)
    assert choice.levels == (0, 1) and choice.error_px == pytest.approx(1.0)
    # The far one comes near, the near one goes away.
    choice = budget.choose([1.0, 0.1], 1000)
    assert choice.levels == (1, 0) and choice.error_px == pytest.approx(1.0)


def test_what_is_not_in_the_picture_costs_nothing_and_is_not_touched() -> None:
    budget = FrameBudget(DETAILS[:2], BUDGET_MS)
    for _ in range(30):
        choice = budget.choose([None, 0.2], 1000)
        budget.measured(20.0)
    assert choice.levels == (0, 3) and choice.triangles == DETAILS[1].triangles[3]
    assert not choice.held
    assert budget.choose([-0.1, float('nan')], 1000).error_px == 0.0


def test_a_small_move_keeps_the_order() -> None:
    budget = FrameBudget(DETAILS, BUDGET_MS)
    budget.choose(DEPTHS_M, 1000)
    ladder = budget._ladder
    budget.choose([1.2 * z for z in DEPTHS_M], 1000)
    assert budget._ladder is ladder
    budget.choose([1.3 * z for z in DEPTHS_M], 1000)
    assert budget._ladder is not ladder


def test_times_that_are_none_are_not_counted() -> None:
    budget = FrameBudget(DETAILS, BUDGET_MS)
    budget.choose(DEPTHS_M, 1000)
    for value in (float('nan'), float('inf'), -1.0) * 10:
        budget.measured(value)
    assert budget.choose(DEPTHS_M, 1000).levels == (0, 0, 0, 0)


@pytest.mark.parametrize('value', [0.0, -1.0, float('nan'), float('inf')])
def test_a_budget_is_positive(value: float) -> None:
    with pytest.raises(ConfigError, match=r'frame budget .* a positive number is needed'):
        FrameBudget(DETAILS, value)


def test_wrong_levels_and_depths_are_named() -> None:
    for wrong in (Detail((), ()), Detail((10, 5), (0.0,)), Detail((10,), (0.1,))):
        with pytest.raises(DataError, match=r'levels of mesh 1: .* the first 0'):
            FrameBudget([DETAILS[0], wrong], 5)
    with pytest.raises(DataError, match='1 depths for 4 meshes'):
        FrameBudget(DETAILS, 5).choose([0.2], 1000)
