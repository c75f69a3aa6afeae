# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far apart two colours look, to eyes of every common kind.

Colour blindness: G. Machado, M. Oliveira and L. Fernandes, *A Physiologically-based Model for Simulation of Color Vision
Deficiency*, IEEE TVCG 15(6), 2009, severity 1.0, in linear RGB. Difference: CIEDE2000, as G. Sharma, W. Wu and E. Dalal, Color
Research and Application 30(1), 2005, write it. sRGB and D65.
"""

from __future__ import annotations

import numpy as np

from arsurg_ros.types import F64

VISION = {
    'normal': np.eye(3),
    'protanopia': np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    'deuteranopia': np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]),
    'tritanopia': np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]),
}
XYZ = np.array([[0.4124564, 0.3575761, 0.180437], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]])
D65 = np.array([0.95047, 1.0, 1.08883])


def seen_lab(rgb: tuple[int, int, int], vision: str = 'normal') -> F64:
    """Return CIELAB (3,) of an sRGB colour 0-255 as an eye of that kind sees it."""
    c = np.array(rgb) / 255.0
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    t = XYZ @ np.clip(VISION[vision] @ linear, 0.0, 1.0) / D65
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def least_difference(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    """Return the CIEDE2000 difference of two colours to the eye that tells them apart worst."""
    return min(ciede2000(seen_lab(a, kind), seen_lab(b, kind)) for kind in VISION)


def ciede2000(lab1: F64, lab2: F64) -> float:
    """Return the difference of two CIELAB colours."""
    (L1, a1, b1), (L2, a2, b2) = map(float, lab1), map(float, lab2)
    mean_c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 1 + 0.5 * (1 - _saturation(mean_c))
    c1, c2 = float(np.hypot(g * a1, b1)), float(np.hypot(g * a2, b2))
    h1, h2 = (np.degrees(np.arctan2(b, g * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    mean_h = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    mean_l, mean_c = (L1 + L2) / 2, (c1 + c2) / 2
    cosines = [np.cos(np.radians(x)) for x in (mean_h - 30, 2 * mean_h, 3 * mean_h + 6, 4 * mean_h - 63)]
    t = 1 + np.dot([-0.17, 0.24, 0.32, -0.20], cosines)
    dl = (L2 - L1) / (1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2))
    dc = (c2 - c1) / (1 + 0.045 * mean_c)
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * mean_c * t)
    rotation = -2 * _saturation(mean_c) * np.sin(np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2))))
    return float(np.sqrt(dl**2 + dc**2 + dh**2 + rotation * dc * dh))


def _saturation(chroma: float) -> float:
    return float(np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))
