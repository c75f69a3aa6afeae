// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The searches' arithmetic, four numbers at a time: WebAssembly's 128-bit vectors, or the same in plain Rust.

/// What fills empty lanes and children: far, but its square is finite.
pub const FAR: f32 = 1e18;
/// x, y, z, radius of eight things.
pub type Leaf = [f32; 32];
/// Least x of four children, then y, z, then greatest.
pub type Node = [f32; 24];

#[cfg(target_arch = "wasm32")]
mod vectors {
    use core::arch::wasm32::*;

    #[inline(always)]
    fn four(v: &[f32], i: usize) -> v128 {
        f32x4(v[4 * i], v[4 * i + 1], v[4 * i + 2], v[4 * i + 3])
    }

    #[inline(always)]
    fn array(v: v128) -> [f32; 4] {
        [f32x4_extract_lane::<0>(v), f32x4_extract_lane::<1>(v), f32x4_extract_lane::<2>(v), f32x4_extract_lane::<3>(v)]
    }

    /// Squared distances of `q` to four boxes, and a bit for each below `reach`.
    #[inline(always)]
    pub fn boxes(node: &super::Node, q: [f32; 3], reach: f32) -> ([f32; 4], u32) {
        let mut sum = f32x4_splat(0.0);
        for (k, q) in q.iter().enumerate() {
            let q = f32x4_splat(*q);
            let outside = f32x4_pmax(f32x4_sub(four(node, k), q), f32x4_sub(q, four(node, 3 + k)));
            let outside = f32x4_pmax(f32x4_splat(0.0), outside);
            sum = f32x4_add(sum, f32x4_mul(outside, outside));
        }
        (array(sum), u32::from(i32x4_bitmask(f32x4_lt(sum, f32x4_splat(reach)))))
    }

    /// Squared distances of `q` to eight centres, and a bit for each below `reach`.
    #[inline(always)]
    pub fn centres(leaf: &super::Leaf, q: [f32; 3], reach: f32) -> ([f32; 8], u32) {
        let half = |h: usize| {
            let d = |k: usize| f32x4_sub(four(leaf, 2 * k + h), f32x4_splat(q[k]));
            let (x, y, z) = (d(0), d(1), d(2));
            f32x4_add(f32x4_add(f32x4_mul(x, x), f32x4_mul(y, y)), f32x4_mul(z, z))
        };
        let (low, high) = (half(0), half(1));
        let below = |v: v128| u32::from(i32x4_bitmask(f32x4_lt(v, f32x4_splat(reach))));
        let (a, b) = (array(low), array(high));
        ([a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]], below(low) | below(high) << 4)
    }

    /// The greatest of the first 4 x `vectors` numbers and its place.
    #[inline(always)]
    pub fn greatest(values: &[f32; 32], vectors: usize) -> (f32, usize) {
        let mut most = four(values, 0);
        for i in 1..vectors {
            most = f32x4_pmax(most, four(values, i));
        }
        let most = f32x4_pmax(most, i32x4_shuffle::<2, 3, 0, 1>(most, most));
        let most = f32x4_pmax(most, i32x4_shuffle::<1, 0, 3, 2>(most, most));
        for i in 0..vectors {
            let hit = u32::from(i32x4_bitmask(f32x4_eq(most, four(values, i))));
            if hit != 0 {
                return (f32x4_extract_lane::<0>(most), 4 * i + hit.trailing_zeros() as usize);
            }
        }
        (f32x4_extract_lane::<0>(most), 0)
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod vectors {
    pub fn boxes(node: &super::Node, q: [f32; 3], reach: f32) -> ([f32; 4], u32) {
        let outside = |k: usize, c: usize| (node[4 * k + c] - q[k]).max(q[k] - node[4 * (3 + k) + c]).max(0.0);
        let sums: [f32; 4] = core::array::from_fn(|c| (0..3).map(|k| outside(k, c) * outside(k, c)).sum());
        (sums, bits(&sums, reach))
    }

    pub fn centres(leaf: &super::Leaf, q: [f32; 3], reach: f32) -> ([f32; 8], u32) {
        let d = |k: usize, i: usize| leaf[8 * k + i] - q[k];
        let sums: [f32; 8] = core::array::from_fn(|i| (0..3).map(|k| d(k, i) * d(k, i)).sum());
        (sums, bits(&sums, reach))
    }

    pub fn greatest(values: &[f32; 32], vectors: usize) -> (f32, usize) {
        let first = (values[0], 0);
        (1..4 * vectors).fold(first, |best, i| if values[i] > best.0 { (values[i], i) } else { best })
    }

    fn bits(sums: &[f32], reach: f32) -> u32 {
        sums.iter().enumerate().fold(0, |mask, (i, d)| mask | u32::from(*d < reach) << i)
    }
}

pub use vectors::{boxes, centres, greatest};
