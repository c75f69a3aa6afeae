# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The hand-eye vectors: that they hold every refusal, and that a wrong answer is told (test_golden.py runs them)."""

from __future__ import annotations

import numpy as np

from arsurg_ros.kernels import golden
from arsurg_ros.kernels.handeye import REFUSALS


def test_every_refusal_has_a_vector() -> None:
    found = {case['status'] for case in golden.cases('handeye')}
    assert found == {0, *REFUSALS} - {22}  # nothing is known that does not converge


def test_a_wrong_answer_is_told() -> None:
    noisy = dict(next(c for c in golden.cases('handeye') if c['name'] == 'noisy, 24'))
    assert golden.check_handeye(noisy, 'wasm') == ''
    assert 'off by' in golden.check_handeye({**noisy, 'x': list(np.eye(4).ravel())}, 'wasm')
    assert 'off by' in golden.check_handeye({**noisy, 'noise_found': [1.0, 1.0]}, 'wasm')
    assert 'off by' in golden.check_handeye({**noisy, 'covariance': [2 * v for v in noisy['covariance']]}, 'wasm')
    assert 'off by' in golden.check_handeye({**noisy, 'closed': [list(np.eye(4).ravel()), [], []]}, 'wasm')
    assert 'pairs [3] are judged' in golden.check_handeye({**noisy, 'inliers': [int(i != 3) for i in range(24)]}, 'wasm')
    assert golden.check_handeye({**noisy, 'code': 'not_finite'}, 'wasm') == 'a fit, not not_finite'
    few = dict(next(c for c in golden.cases('handeye') if c['name'] == 'two poses'))
    assert 'code too_few_poses, not a fit' in golden.check_handeye({**few, 'code': ''}, 'wasm')
