// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What the compiler does not make vectors of by itself: v128 in WebAssembly, plain arrays elsewhere; the same results.

#[cfg(target_arch = "wasm32")]
mod imp {
    use core::arch::wasm32::*;

    fn load(v: &[u8; 16]) -> v128 {
        let half = |k: usize| core::array::from_fn(|i| v[k + i]);
        u64x2(u64::from_le_bytes(half(0)), u64::from_le_bytes(half(8)))
    }

    fn store(v: v128, to: &mut [u8]) {
        to[..8].copy_from_slice(&u64x2_extract_lane::<0>(v).to_le_bytes());
        to[8..16].copy_from_slice(&u64x2_extract_lane::<1>(v).to_le_bytes());
    }

    /// Each of sixteen bytes three times.
    #[inline(always)]
    pub fn spread(v: &[u8; 16]) -> [u8; 48] {
        let v = load(v);
        let mut out = [0; 48];
        store(i8x16_shuffle::<0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5>(v, v), &mut out[..16]);
        store(i8x16_shuffle::<5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10>(v, v), &mut out[16..32]);
        store(i8x16_shuffle::<10, 11, 11, 11, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15>(v, v), &mut out[32..]);
        out
    }

    /// Square roots.
    #[inline(always)]
    pub fn roots(v: [f32; 4]) -> [f32; 4] {
        let r = f32x4_sqrt(f32x4(v[0], v[1], v[2], v[3]));
        [f32x4_extract_lane::<0>(r), f32x4_extract_lane::<1>(r), f32x4_extract_lane::<2>(r), f32x4_extract_lane::<3>(r)]
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    /// Each of sixteen bytes three times.
    pub fn spread(v: &[u8; 16]) -> [u8; 48] {
        core::array::from_fn(|i| v[i / 3])
    }

    /// Square roots.
    pub fn roots(v: [f32; 4]) -> [f32; 4] {
        v.map(libm::sqrtf)
    }
}

pub use imp::{roots, spread};
