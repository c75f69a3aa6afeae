// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Four dipoles or discs at once: WebAssembly's 128-bit vectors, or the same in plain Rust.

use crate::moments::ROW;
use spatial::lanes::Leaf;

/// Normals x, y, z of eight triangles, and how far each one's plane is from the middle of its ball.
pub type Planes = [f32; 32];
/// What the rounding of f32 may take from a distance or a squared one, as a share of itself.
const ROUNDING: f32 = 1e-6;

#[cfg(target_arch = "wasm32")]
mod vectors {
    use core::arch::wasm32::*;

    #[inline(always)]
    fn four(v: &[f32; super::ROW], i: usize) -> v128 {
        f32x4(v[4 * i], v[4 * i + 1], v[4 * i + 2], v[4 * i + 3])
    }

    #[inline(always)]
    fn quad(v: &[f32; 32], i: usize) -> v128 {
        f32x4(v[4 * i], v[4 * i + 1], v[4 * i + 2], v[4 * i + 3])
    }

    /// Squares of what the distances of `q` to eight triangles are at least, each within a ball and a plane; `slack` is what
    /// the rounding of coordinates may take.
    #[inline(always)]
    pub fn discs(leaf: &super::Leaf, planes: &super::Planes, q: [f32; 3], slack: f32) -> [f32; 8] {
        let (mut out, zero, share) = ([0.0; 8], f32x4_splat(0.0), f32x4_splat(super::ROUNDING));
        for h in 0..2 {
            let d = |k: usize| f32x4_sub(quad(leaf, 2 * k + h), f32x4_splat(q[k]));
            let (x, y, z) = (d(0), d(1), d(2));
            let d2 = f32x4_add(f32x4_add(f32x4_mul(x, x), f32x4_mul(y, y)), f32x4_mul(z, z));
            let along = f32x4_add(
                f32x4_add(f32x4_mul(x, quad(planes, h)), f32x4_mul(y, quad(planes, 2 + h))),
                f32x4_mul(z, quad(planes, 4 + h)),
            );
            let off = f32x4_add(f32x4_mul(f32x4_sqrt(d2), share), f32x4_splat(slack));
            let height = f32x4_pmax(zero, f32x4_sub(f32x4_abs(f32x4_add(along, quad(planes, 6 + h))), off));
            let aside2 = f32x4_sub(f32x4_sub(d2, f32x4_mul(along, along)), f32x4_mul(d2, share));
            let aside = f32x4_sub(f32x4_sqrt(f32x4_pmax(zero, aside2)), quad(leaf, 6 + h));
            let aside = f32x4_pmax(zero, f32x4_sub(aside, off));
            let sum = f32x4_add(f32x4_mul(height, height), f32x4_mul(aside, aside));
            out[4 * h] = f32x4_extract_lane::<0>(sum);
            out[4 * h + 1] = f32x4_extract_lane::<1>(sum);
            out[4 * h + 2] = f32x4_extract_lane::<2>(sum);
            out[4 * h + 3] = f32x4_extract_lane::<3>(sum);
        }
        out
    }

    /// The solid angle of a node's children that are far enough, and a bit for each that is not.
    #[inline(always)]
    pub fn dipoles(row: &[f32; super::ROW], q: [f32; 3]) -> (f32, u32) {
        let d = |k: usize| f32x4_sub(four(row, k), f32x4_splat(q[k]));
        let (x, y, z) = (d(0), d(1), d(2));
        let d2 = f32x4_add(f32x4_add(f32x4_mul(x, x), f32x4_mul(y, y)), f32x4_mul(z, z));
        let along =
            f32x4_add(f32x4_add(f32x4_mul(x, four(row, 3)), f32x4_mul(y, four(row, 4))), f32x4_mul(z, four(row, 5)));
        let near = f32x4_le(d2, four(row, 6));
        let angle = v128_andnot(f32x4_div(f32x4_div(along, d2), f32x4_sqrt(d2)), near);
        let sum = f32x4_add(angle, i32x4_shuffle::<2, 3, 0, 1>(angle, angle));
        let sum = f32x4_extract_lane::<0>(sum) + f32x4_extract_lane::<1>(sum);
        (sum, u32::from(i32x4_bitmask(near)))
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod vectors {
    pub fn discs(leaf: &super::Leaf, planes: &super::Planes, q: [f32; 3], slack: f32) -> [f32; 8] {
        core::array::from_fn(|i| {
            let (x, y, z) = (leaf[i] - q[0], leaf[8 + i] - q[1], leaf[16 + i] - q[2]);
            let d2 = x * x + y * y + z * z;
            let along = x * planes[i] + y * planes[8 + i] + z * planes[16 + i];
            let off = libm::sqrtf(d2) * super::ROUNDING + slack;
            let height = ((along + planes[24 + i]).abs() - off).max(0.0);
            let aside2 = d2 - along * along - d2 * super::ROUNDING;
            let aside = (libm::sqrtf(aside2.max(0.0)) - leaf[24 + i] - off).max(0.0);
            height * height + aside * aside
        })
    }

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

pub use vectors::{dipoles, discs};
