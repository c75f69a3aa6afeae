// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Balls about triangles: what the tree keeps of them.

use crate::vector::{norm, sub, V3};

/// Rounding of f32 coordinates, as a share of the mesh's reach.
const SLACK: f64 = 3e-7;

/// A ball about the middle of the corners' box that holds the triangle, rounding included.
pub fn around(corners: &[V3; 3]) -> (V3, f32) {
    let fold = |k: usize, f: fn(f64, f64) -> f64| f(f(corners[0][k], corners[1][k]), corners[2][k]);
    let middle: V3 = core::array::from_fn(|k| 0.5 * (fold(k, f64::min) + fold(k, f64::max)));
    let reach = corners.iter().map(|c| norm(&sub(c, &middle))).fold(0.0, f64::max);
    (middle, (reach * (1.0 + 1e-6) + SLACK * (norm(&middle) + reach)) as f32)
}
