# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What went wrong with single frames: kept for /diagnostics instead of raised, the stream goes on."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

KEPT = 100


@dataclass(frozen=True)
class Fault:
    """One frame that could not be used, and why; ``stamp_ns`` 0 where it has none."""

    stamp_ns: int
    reason: str

    def __str__(self) -> str:
        """Return the reason."""
        return self.reason


class FaultLog:
    """Counts all faults and keeps the last hundred."""

    def __init__(self) -> None:
        """Begin without any."""
        self.count = 0
        self.recent: deque[Fault] = deque(maxlen=KEPT)

    def add(self, stamp_ns: int, reason: str) -> None:
        """Note a fault."""
        self.count += 1
        self.recent.append(Fault(stamp_ns, reason))

    def __len__(self) -> int:
        """Return how many there were, the forgotten ones too."""
        return self.count

    def __getitem__(self, index: int) -> Fault:
        """Return one of those that are kept; -1 is the last."""
        return self.recent[index]

    def last_reason(self) -> str:
        """Return why the last bad frame was bad; '' where there was none."""
        return self.recent[-1].reason if self.recent else ''
