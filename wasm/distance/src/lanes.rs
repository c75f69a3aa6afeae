// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Four dipoles at once: WebAssembly's 128-bit vectors, or the same in plain Rust.

use crate::moments::ROW;

#[cfg(target_arch = "wasm32")]
mod vectors {
    use core::arch::wasm32::*;

    #[inline(always)]
    fn four(v: &[f32; super::ROW], i: usize) -> v128 {
        f32x4(v[4 * i], v[4 * i + 1], v[4 * i + 2], v[4 * i + 3])
    }

    /// The solid angle of a node's children that are far enough, and a bit for each that is not.
    #[inline(always)]
    pub fn dipoles(row: &[f32; super::ROW], q: [f32; 3]) -> (f32, u32) {
        let d = |k: usize| f32x4_sub(four(row, k), f32x4_splat(q[k]));
        let (x, y, z) = (d(0), d(1), d(2));
        let d2 = f32x4_add(f32x4_add(f32x4_mul(x, x), f32x4_mul(y, y)), f32x4_mul(z, z));
        let along = f32x4_add(
            f32x4_add(f32x4_mul(x, four(row, 3)), f32x4_mul(y, four(row, 4))),
            f32x4_mul(z, four(row, 5)),
        );
        let near = f32x4_le(d2, four(row, 6));
        let angle = v128_andnot(f32x4_div(f32x4_div(along, d2), f32x4_sqrt(d2)), near);
        let sum = f32x4_add(angle, i32x4_shuffle::<2, 3, 0, 1>(angle, angle));
        let sum = f32x4_extract_lane::<0>(sum) + f32x4_extract_lane::<1>(sum);
        (sum, u32::from(i32x4_bitmask(near)))
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod vectors {
    pub fn dipoles(row: &[f32; super::ROW], q: [f32; 3]) -> (f32, u32) {
        let (mut angle, mut mask) = ([0.0f32; 4], 0);
        for c in 0..4 {
            let (x, y, z) = (row[c] - q[0], row[4 + c] - q[1], row[8 + c] - q[2]);
            let d2 = x * x + y * y + z * z;
            if d2 <= row[24 + c] {
                mask |= 1 << c;
                continue;
            }
            angle[c] = (x * row[12 + c] + y * row[16 + c] + z * row[20 + c]) / d2 / libm::sqrtf(d2);
        }
        ((angle[0] + angle[2]) + (angle[1] + angle[3]), mask)
    }
}

pub use vectors::dipoles;
