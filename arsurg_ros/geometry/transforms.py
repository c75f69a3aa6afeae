# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A time-aligned buffer of transforms: look a pose up at the image's stamp, or be told why there is none.

The semantics follow tf2's BufferCore where they overlap (a tree, interpolation between the two samples around a stamp,
no extrapolation). They differ on purpose in two points: interpolation is the screw motion of SE(3), which does not depend
on where a tool's origin lies, and a gap longer than ``max_gap_ns`` is an error instead of a long straight line.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from arsurg_ros.errors import TransformLookupError
from arsurg_ros.geometry import se3
from arsurg_ros.types import F64, I64

Interpolate = Callable[[F64, F64, F64], F64]
#: Over a longer gap between samples nothing is interpolated, unless a buffer says otherwise.
MAX_GAP_NS = 200_000_000


def interpolate_screw(T0: F64, T1: F64, alpha: F64) -> F64:
    """Return T0 @ exp(alpha log(inv(T0) T1)) for (M, 4, 4), (M, 4, 4), (M,): the numpy default of the buffer."""
    steps = [a @ se3.exp(s * se3.log(se3.inverse(a) @ b)) for a, b, s in zip(T0, T1, alpha, strict=True)]
    return np.array(steps).reshape(-1, 4, 4)


@dataclass
class _Edge:
    parent: str
    static: bool
    stamps_ns: list[int] = field(default_factory=list)
    poses: dict[int, F64] = field(default_factory=dict)
    lost_ns: int = -(2**62)


@dataclass(frozen=True)
class History:
    """The newest poses ``T`` (N, 4, 4) of one frame in another, metres, at ``stamps_ns`` (N,), ascending."""

    stamps_ns: I64
    T: F64


class TransformBuffer:
    """The last ``keep_ns`` of every frame's pose in its parent. Not thread-safe: one owner, one thread."""

    def __init__(
        self,
        keep_ns: int = 10_000_000_000,
        max_gap_ns: int = MAX_GAP_NS,
        interpolate: Interpolate = interpolate_screw,
    ) -> None:
        """Keep ``keep_ns`` of history, and interpolate (by the given function) over gaps of ``max_gap_ns`` at most."""
        self._keep_ns = keep_ns
        self._max_gap_ns = max_gap_ns
        self.interpolate = interpolate
        self._edges: dict[str, _Edge] = {}

    def put(self, parent: str, child: str, stamp_ns: int, T_parent_child: F64, *, static: bool = False) -> None:
        """Add a sample of ``T_parent_child``. A new parent or kind replaces the child's history.

        Raises ValueError for a matrix that is not rigid or a frame that is its own parent.
        """
        if parent == child:
            raise ValueError(f'frame {child!r} cannot be its own parent')
        if not se3.is_rigid(T_parent_child, 1e-4):
            raise ValueError(f'transform {parent} -> {child} at {stamp_ns} is not rigid and finite')
        edge = self._edges.get(child)
        if edge is None or edge.parent != parent or edge.static != static:
            edge = self._edges[child] = _Edge(parent, static)
        if static:
            edge.stamps_ns.clear()
            edge.poses.clear()
        if stamp_ns not in edge.poses:
            insort(edge.stamps_ns, stamp_ns)
        edge.poses[stamp_ns] = T_parent_child
        while edge.stamps_ns[-1] - edge.stamps_ns[0] > self._keep_ns:
            del edge.poses[edge.stamps_ns.pop(0)]

    def lose(self, child: str, stamp_ns: int) -> None:
        """Note that a frame was looked for and not found at a stamp: ``recent`` has no pose from before it."""
        if child in self._edges:
            self._edges[child].lost_ns = max(self._edges[child].lost_ns, stamp_ns)

    def clear(self) -> None:
        """Forget every moving pose, as a clock that jumped back demands; static ones hold at any time, as in tf2."""
        self._edges = {child: edge for child, edge in self._edges.items() if edge.static}

    def edges(self) -> dict[str, str]:
        """Return {child: parent}: the tree as it is now."""
        return {child: edge.parent for child, edge in self._edges.items()}

    def latest_ns(self, frame_a: str, frame_b: str) -> int | None:
        """Return the newest stamp at which the chain between two frames is complete; None where there is no chain.

        A chain of static edges alone is complete at any time: the stamp is then 2**62.
        """
        try:
            chain = self._path(frame_a) ^ self._path(frame_b)
        except TransformLookupError:
            return None
        if self._root(frame_a) != self._root(frame_b):
            return None
        moving = [self._edges[c].stamps_ns[-1] for c in chain if not self._edges[c].static]
        return min(moving, default=2**62)

    def recent(self, frame_a: str, frame_b: str, span_ns: int) -> History:
        """Return ``T_a_b`` at the samples of the last ``span_ns`` before the newest complete stamp; N may be 0.

        The samples are those of the slowest frame between the two, and the newest; none is from before a gap or a loss. Raises
        TransformLookupError, kind ``unknown``.
        """
        self._connected(frame_a, frame_b)
        chain = self._path(frame_a) ^ self._path(frame_b)
        moving = [self._edges[c] for c in chain if not self._edges[c].static]
        if not moving:
            return History(np.zeros(0, dtype=np.int64), np.zeros((0, 4, 4)))
        newest = min(edge.stamps_ns[-1] for edge in moving)
        since = max(newest - span_ns, *(edge.stamps_ns[0] for edge in moving), *(edge.lost_ns + 1 for edge in moving))
        rows = [edge.stamps_ns[bisect_left(edge.stamps_ns, since) : bisect_right(edge.stamps_ns, newest)] for edge in moving]
        stamps, T = list[int](), list[F64]()
        for stamp in sorted({newest, *min(rows, key=len)} if newest >= since else (), reverse=True):
            try:
                T.append(self.lookup(frame_a, frame_b, stamp))
            except TransformLookupError:
                break
            stamps.append(stamp)
        return History(np.array(stamps[::-1], dtype=np.int64), np.array(T[::-1]).reshape(-1, 4, 4))

    def lookup(self, frame_a: str, frame_b: str, stamp_ns: int) -> F64:
        """Return ``T_a_b`` at a stamp.

        Raises TransformLookupError, kind ``unknown`` (no such frame, or not connected), ``early`` or ``late`` (outside the
        samples: nothing is extrapolated), or ``gap`` (samples too far apart around the stamp).
        """
        self._connected(frame_a, frame_b)
        common = self._path(frame_a) & self._path(frame_b)
        T_top_a = self._to_top(frame_a, common, stamp_ns)
        T_top_b = self._to_top(frame_b, common, stamp_ns)
        return se3.inverse(T_top_a) @ T_top_b

    def _connected(self, frame_a: str, frame_b: str) -> None:
        root_a, root_b = self._root(frame_a), self._root(frame_b)
        if root_a != root_b:
            raise TransformLookupError('unknown', f'{frame_a} and {frame_b} are not connected ({root_a}, {root_b})')

    def _path(self, frame: str) -> set[str]:
        known = frame in self._edges or any(e.parent == frame for e in self._edges.values())
        if not known:
            names = sorted({*self._edges, *(e.parent for e in self._edges.values())})
            raise TransformLookupError('unknown', f'no frame {frame!r}; there are: {", ".join(names) or "none"}')
        seen: set[str] = set()
        while frame in self._edges:
            if frame in seen:
                raise TransformLookupError('unknown', f'frames form a loop at {frame!r}')
            seen.add(frame)
            frame = self._edges[frame].parent
        return seen

    def _root(self, frame: str) -> str:
        self._path(frame)  # raises for an unknown frame or a loop
        while frame in self._edges:
            frame = self._edges[frame].parent
        return frame

    def _to_top(self, frame: str, common: set[str], stamp_ns: int) -> F64:
        T = np.eye(4)
        while frame in self._edges and frame not in common:
            edge = self._edges[frame]
            T = self._sample(frame, edge, stamp_ns) @ T
            frame = edge.parent
        return T

    def _sample(self, child: str, edge: _Edge, stamp_ns: int) -> F64:
        stamps = edge.stamps_ns
        if edge.static:
            return edge.poses[stamps[0]]
        i = bisect_left(stamps, stamp_ns)
        if i < len(stamps) and stamps[i] == stamp_ns:
            return edge.poses[stamp_ns]
        name = f'{edge.parent} -> {child}'
        if i == 0:
            raise TransformLookupError('early', f'{name}: {(stamps[0] - stamp_ns) / 1e6:.1f} ms before the first sample')
        if i == len(stamps):
            raise TransformLookupError('late', f'{name}: {(stamp_ns - stamps[-1]) / 1e6:.1f} ms after the last sample')
        before, after = stamps[i - 1], stamps[i]
        if after - before > self._max_gap_ns:
            raise TransformLookupError('gap', f'{name}: samples {(after - before) / 1e6:.0f} ms apart around the stamp')
        alpha = np.array([(stamp_ns - before) / (after - before)])
        return np.asarray(self.interpolate(edge.poses[before][None], edge.poses[after][None], alpha)[0])
