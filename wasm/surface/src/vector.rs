// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Row-major rigid motions, and what there is to three numbers.

pub use spatial::vector::{add, at, cross, dot, norm, put, scale, sub, V3};

/// p -> R p + t.
#[derive(Clone, Copy, Debug)]
pub struct Motion {
    pub r: [V3; 3],
    pub t: V3,
}

impl Motion {
    /// The upper three rows of a row-major 4x4.
    pub fn from_rows(m: &[f64]) -> Self {
        Motion {
            r: core::array::from_fn(|i| core::array::from_fn(|j| m[4 * i + j])),
            t: core::array::from_fn(|i| m[4 * i + 3]),
        }
    }

    pub fn write(&self, out: &mut [f64]) {
        for i in 0..3 {
            out[4 * i..4 * i + 3].copy_from_slice(&self.r[i]);
            out[4 * i + 3] = self.t[i];
        }
        out[12..16].copy_from_slice(&[0.0, 0.0, 0.0, 1.0]);
    }

    #[inline(always)]
    pub fn rotate(&self, p: &V3) -> V3 {
        [dot(&self.r[0], p), dot(&self.r[1], p), dot(&self.r[2], p)]
    }

    /// The rotation's inverse on a vector.
    pub fn unrotate(&self, p: &V3) -> V3 {
        core::array::from_fn(|j| self.r[0][j] * p[0] + self.r[1][j] * p[1] + self.r[2][j] * p[2])
    }

    #[inline(always)]
    pub fn apply(&self, p: &V3) -> V3 {
        add(&self.rotate(p), &self.t)
    }

    /// Moved by a shift and then turned by a rotation vector about the image of the origin (Rodrigues), orthonormalised.
    pub fn moved(&self, shift: &V3, turn: &V3) -> Self {
        let angle = norm(turn);
        let (s, c) = match angle < 1e-6 {
            true => (1.0 - angle * angle / 6.0, 0.5 - angle * angle / 24.0),
            false => (libm::sin(angle) / angle, (1.0 - libm::cos(angle)) / (angle * angle)),
        };
        let column = |j: usize| -> V3 {
            let v: V3 = core::array::from_fn(|i| self.r[i][j]);
            let first = cross(turn, &v);
            add(&v, &add(&scale(&first, s), &scale(&cross(turn, &first), c)))
        };
        let x = column(0);
        let x = scale(&x, 1.0 / norm(&x));
        let y = column(1);
        let y = sub(&y, &scale(&x, dot(&x, &y)));
        let y = scale(&y, 1.0 / norm(&y));
        let z = cross(&x, &y);
        Motion { r: core::array::from_fn(|i| [x[i], y[i], z[i]]), t: add(&self.t, shift) }
    }
}
