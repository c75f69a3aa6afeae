# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from arsurg_ros.acquisition.faults import KEPT, Fault, FaultLog


def test_all_faults_are_counted_and_the_last_are_kept() -> None:
    log = FaultLog()
    assert not log and log.last_reason() == ''
    for k in range(KEPT + 5):
        log.add(k, f'frame {k} is bad')
    assert len(log) == log.count == KEPT + 5 and len(log.recent) == KEPT
    assert log[-1] == Fault(KEPT + 4, f'frame {KEPT + 4} is bad') and log.last_reason() == str(log[-1])
