# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is written and framed around the anatomy: each state's border and banner, the numbers, the age of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arsurg_ros.geometry import se3
from arsurg_ros.kernels.marks import Mark, Stripes, Text
from arsurg_ros.overlay.distance import StructureDistance, nearest_of_each_role
from arsurg_ros.overlay.draw import (
    HEADING,
    NUMBER,
    WHITE,
    Block,
    Line,
    Rgb,
    age_badge,
    border,
    em_px,
    margin_line,
    shown,
    text_block,
    tip_marks,
)
from arsurg_ros.overlay.state import OverlayDecision, OverlayState
from arsurg_ros.types import F64, U8, CameraModel

Size = tuple[int, int]
Margins = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Readouts:
    """What is shown beside the anatomy; all of it optional.

    ``T_cam_tip`` (4, 4) is drawn in every state: pass it only while the instrument itself is tracked; ``T_cam_instruments``
    are those of the scene's instruments that have a frame of their own, by name. ``reason`` goes into the banner of a state
    other than LIVE. ``margins`` are targets' names and the radius, metres, that holds their error 95 times in 100; ``notes``
    are further lines. ``instrument_mask`` (H, W) uint8 is not zero where an instrument is in the picture. ``pose_age_s`` is
    how old the newest data of the reference's pose is as the picture goes out, None where there never was one. No readout
    is in the lowest ``keep_bottom_px`` rows: a pixel code's place.
    """

    T_cam_tip: F64 | None = None
    T_cam_instruments: Mapping[str, F64] = field(default_factory=dict)
    fre_m: float | None = None
    reason: str = ''
    margins: Margins = ()
    notes: tuple[str, ...] = ()
    instrument_mask: U8 | None = None
    pose_age_s: float | None = None
    keep_bottom_px: int = 0


@dataclass(frozen=True)
class Banner:
    """How a state is shown: heading, colour, the border's width in picture heights, and its stripes' lean."""

    heading: str
    rgb: Rgb
    width: float
    slope: int


# States differ by heading, by border width and by the stripes' lean as well as by colour.
BANNERS = {
    OverlayState.PREDICTED: Banner('', (86, 220, 180), 0.008, 0),
    OverlayState.DRIFT: Banner('DRIFT WARNING', (255, 70, 200), 0.045, 2),
    OverlayState.STALE: Banner('POSE STALE', (190, 190, 190), 0.03, 1),
    OverlayState.LOST: Banner('TRACKING LOST', (255, 64, 48), 0.055, 1),
    OverlayState.UNREGISTERED: Banner('NOT REGISTERED', (86, 180, 233), 0.015, 0),
    OverlayState.REFUSED: Banner('OVERLAY REFUSED', (240, 160, 0), 0.04, -1),
}
LIVE_RGB = (86, 180, 233)
#: The widest banner, in parts of the picture's inner width: the upper corners stay free.
BANNER_WIDTH = 0.68
#: A stale picture is hatched all over: the period in picture heights, and how strongly.
HATCH, HATCH_ALPHA = 0.05, 0.16


def error_margin_m(structure: str, margins: Margins) -> float | None:
    """Return the radius that holds a structure's error 95 times in 100: its own, else the largest that is known, or None."""
    known = dict(margins)
    return known.get(structure, max(known.values(), default=None))


def seen_tip(camera: CameraModel | None, readouts: Readouts) -> tuple[Mark, ...]:
    """Return the tip's marks; none without a pose, or out of sight."""
    tip = readouts.T_cam_tip
    return tip_marks(camera, tip) if camera is not None and tip is not None and se3.is_rigid(tip) else ()


def state_marks(
    size_px: Size, decision: OverlayDecision, readouts: Readouts, distances: Sequence[StructureDistance]
) -> tuple[Mark, ...]:
    """Return a state's border and banner and, where anatomy is drawn, the numbers, for a picture of (width, height)."""
    marks: list[Mark] = []
    heading: Block | None = None
    margin = max(4, size_px[1] // 60)
    if banner := BANNERS.get(decision.state):
        border_px = max(2, round(banner.width * size_px[1]))
        margin += border_px
        marks += border(size_px, banner.rgb, border_px, banner.slope)
        if banner.heading:
            lines = [Line(banner.heading, banner.rgb, HEADING, bold=True)] + [Line(decision.reason)] * bool(decision.reason)
            heading = text_block(size_px, lines, (0.5, 0.0), margin, BANNER_WIDTH)
            marks += heading.marks
    if decision.state is OverlayState.STALE:
        hatching = Stripes(0, 0, *size_px, banner.rgb if banner else WHITE, round(HATCH * size_px[1]), 1, HATCH_ALPHA)
        marks.insert(0, hatching)
    if not decision.draws:
        return tuple(marks)
    above = (size_px[0], size_px[1] - readouts.keep_bottom_px)
    if lines := readout_lines(readouts, distances):
        marks += text_block(above, lines, (0.0, 1.0), margin).marks
    return (*marks, *_age(size_px, decision.state, readouts.pose_age_s, margin, heading))


def _age(
    size_px: Size, state: OverlayState, age_s: float | None, margin_px: float, heading: Block | None
) -> tuple[Mark, ...]:
    """Return the badge with the age of what is drawn, in the colour of its state."""
    if age_s is None:
        return ()
    predicted = state is OverlayState.PREDICTED
    rgb = BANNERS[state].rgb if state in BANNERS else LIVE_RGB
    return age_badge(size_px, f'{"PREDICTED  " if predicted else ""}{1e3 * age_s:.0f} ms', rgb, margin_px, heading).marks


def readout_lines(readouts: Readouts, distances: Sequence[StructureDistance]) -> list[Line]:
    """Return the lines of the corner: the nearest target and risk large, then the registration's FRE and margin, the notes."""
    nearest = nearest_of_each_role(distances)
    lines = [Line('tip to')] if nearest else []
    lines += [
        margin_line(d.name, d.distance_m, error_margin_m(d.name, readouts.margins), inside=d.inside) for d in nearest
    ]
    parts = [] if readouts.fre_m is None else [f'FRE {1e3 * readouts.fre_m:.2f} mm']
    if readouts.margins:
        name, margin_m = max(readouts.margins, key=lambda m: m[1])
        parts.append(f'TRE95 {shown(name)} {1e3 * margin_m:.1f} mm')
    if parts:
        lines.append(Line('   '.join(parts)))
    return lines + [Line(note) for note in readouts.notes]


def alphabet(size_px: Size) -> tuple[Mark, ...]:
    """Return every printable character, as the banners and readouts have them."""
    text, em = ''.join(map(chr, range(0x20, 0x7F))) + '±…', em_px(size_px[1])
    return tuple(Text(0, 0, text, WHITE, em * size, bold) for size, bold in ((1.0, False), (NUMBER, True)))
