// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Sixteen pixels at a time: v128 in WebAssembly, plain arrays elsewhere; the same results bit by bit.

pub const PIXELS: usize = 16;
pub const BYTES: usize = 3 * PIXELS;

#[cfg(target_arch = "wasm32")]
mod imp {
    use super::{BYTES, PIXELS};
    use core::arch::wasm32::*;

    #[inline(always)]
    fn load(v: &[u8]) -> v128 {
        let half = |k: usize| u64::from_le_bytes(core::array::from_fn(|i| v[k + i]));
        u64x2(half(0), half(8))
    }

    #[inline(always)]
    fn store(v: v128, to: &mut [u8]) {
        to[..8].copy_from_slice(&u64x2_extract_lane::<0>(v).to_le_bytes());
        to[8..16].copy_from_slice(&u64x2_extract_lane::<1>(v).to_le_bytes());
    }

    /// One colour, for sixteen pixels.
    #[derive(Clone, Copy)]
    pub struct Colour([v128; 3]);

    impl Colour {
        pub fn new(colour: [u8; 3]) -> Self {
            let pattern: [u8; BYTES] = core::array::from_fn(|i| colour[i % 3]);
            Colour([load(&pattern[..16]), load(&pattern[16..32]), load(&pattern[32..])])
        }

        /// new = (old (256 - alpha) + colour alpha + 128) / 256, alpha 0-256.
        #[inline(always)]
        pub fn flat(&self, bytes: &mut [u8; BYTES], alpha: u16) {
            let a = u16x8_splat(alpha);
            for (k, colour) in self.0.iter().enumerate() {
                let old = load(&bytes[16 * k..16 * k + 16]);
                store(mix(old, *colour, a, a), &mut bytes[16 * k..16 * k + 16]);
            }
        }

        /// The same by coverage: alpha is part = (cover * opacity + 128) / 256, and part / 128.
        #[inline(always)]
        pub fn covered(&self, bytes: &mut [u8; BYTES], cover: &[u8; PIXELS], opacity: u16) {
            let (c, o, half) = (load(cover), u16x8_splat(opacity), u16x8_splat(128));
            let part = |c: v128| u16x8_shr(u16x8_add(u16x8_mul(c, o), half), 8);
            let parts = u8x16_narrow_i16x8(part(u16x8_extend_low_u8x16(c)), part(u16x8_extend_high_u8x16(c)));
            let spread = [
                i8x16_shuffle::<0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5>(parts, parts),
                i8x16_shuffle::<5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10>(parts, parts),
                i8x16_shuffle::<10, 11, 11, 11, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15>(parts, parts),
            ];
            for (k, (colour, p)) in self.0.iter().zip(spread).enumerate() {
                let top = u8x16_shr(p, 7);
                let low = u16x8_add(u16x8_extend_low_u8x16(p), u16x8_extend_low_u8x16(top));
                let high = u16x8_add(u16x8_extend_high_u8x16(p), u16x8_extend_high_u8x16(top));
                let old = load(&bytes[16 * k..16 * k + 16]);
                store(mix(old, *colour, low, high), &mut bytes[16 * k..16 * k + 16]);
            }
        }
    }

    #[inline(always)]
    fn mix(old: v128, colour: v128, low: v128, high: v128) -> v128 {
        let (whole, half) = (u16x8_splat(256), u16x8_splat(128));
        let one = |old: v128, colour: v128, a: v128| {
            let sum = u16x8_add(u16x8_mul(old, u16x8_sub(whole, a)), u16x8_mul(colour, a));
            u16x8_shr(u16x8_add(sum, half), 8)
        };
        u8x16_narrow_i16x8(
            one(u16x8_extend_low_u8x16(old), u16x8_extend_low_u8x16(colour), low),
            one(u16x8_extend_high_u8x16(old), u16x8_extend_high_u8x16(colour), high),
        )
    }

    /// Square root: libm's is software here.
    #[inline(always)]
    pub fn root(v: f32) -> f32 {
        f32x4_extract_lane::<0>(f32x4_sqrt(f32x4_splat(v)))
    }

    /// Coverage of pixels by their squared distances, within two edges.
    #[inline(always)]
    pub fn covers(squared: &[f32; PIXELS], edges: [f32; 2]) -> [[u8; PIXELS]; 2] {
        let (zero, one) = (f32x4_splat(0.0), f32x4_splat(1.0));
        let roots: [v128; 4] = core::array::from_fn(|k| {
            f32x4_sqrt(f32x4(squared[4 * k], squared[4 * k + 1], squared[4 * k + 2], squared[4 * k + 3]))
        });
        edges.map(|edge| {
            let four = |d: v128| {
                let c = f32x4_pmin(one, f32x4_pmax(zero, f32x4_sub(f32x4_splat(edge), d)));
                i32x4_trunc_sat_f32x4(f32x4_add(f32x4_mul(c, f32x4_splat(255.0)), f32x4_splat(0.5)))
            };
            let low = i16x8_narrow_i32x4(four(roots[0]), four(roots[1]));
            let high = i16x8_narrow_i32x4(four(roots[2]), four(roots[3]));
            let mut out = [0; PIXELS];
            store(u8x16_narrow_i16x8(low, high), &mut out);
            out
        })
    }

    /// Lowers squared distances of four pixels (`px`, `py` from a segment's start) to those from the segment.
    #[inline(always)]
    pub fn nearer(squared: &mut [f32; 4], px: [f32; 4], py: f32, [dx, dy, scale]: [f32; 3]) {
        let (px, py) = (f32x4(px[0], px[1], px[2], px[3]), f32x4_splat(py));
        let (dx, dy) = (f32x4_splat(dx), f32x4_splat(dy));
        let t = f32x4_mul(f32x4_add(f32x4_mul(px, dx), f32x4_mul(py, dy)), f32x4_splat(scale));
        let t = f32x4_pmin(f32x4_splat(1.0), f32x4_pmax(f32x4_splat(0.0), t));
        let (ex, ey) = (f32x4_sub(px, f32x4_mul(t, dx)), f32x4_sub(py, f32x4_mul(t, dy)));
        let e = f32x4_add(f32x4_mul(ex, ex), f32x4_mul(ey, ey));
        let e = f32x4_pmin(f32x4(squared[0], squared[1], squared[2], squared[3]), e);
        *squared = [
            f32x4_extract_lane::<0>(e),
            f32x4_extract_lane::<1>(e),
            f32x4_extract_lane::<2>(e),
            f32x4_extract_lane::<3>(e),
        ];
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use super::{BYTES, PIXELS};
    use crate::area::quantised;
    use crate::blend::{mixed, part, weight};

    /// One colour, for sixteen pixels.
    #[derive(Clone, Copy)]
    pub struct Colour([u8; 3]);

    impl Colour {
        pub fn new(colour: [u8; 3]) -> Self {
            Colour(colour)
        }

        /// new = (old (256 - alpha) + colour alpha + 128) / 256, alpha 0-256.
        pub fn flat(&self, bytes: &mut [u8; BYTES], alpha: u16) {
            for (i, b) in bytes.iter_mut().enumerate() {
                *b = mixed(*b, self.0[i % 3], alpha);
            }
        }

        /// The same by coverage: alpha is part = (cover * opacity + 128) / 256, and part / 128.
        pub fn covered(&self, bytes: &mut [u8; BYTES], cover: &[u8; PIXELS], opacity: u16) {
            for (i, b) in bytes.iter_mut().enumerate() {
                *b = mixed(*b, self.0[i % 3], weight(part(cover[i / 3], opacity)));
            }
        }
    }

    /// Square root.
    pub fn root(v: f32) -> f32 {
        libm::sqrtf(v)
    }

    /// Coverage of pixels by their squared distances, within two edges.
    pub fn covers(squared: &[f32; PIXELS], edges: [f32; 2]) -> [[u8; PIXELS]; 2] {
        edges.map(|edge| squared.map(|s| quantised(edge - libm::sqrtf(s))))
    }

    /// Lowers squared distances of four pixels (`px`, `py` from a segment's start) to those from the segment.
    pub fn nearer(squared: &mut [f32; 4], px: [f32; 4], py: f32, [dx, dy, scale]: [f32; 3]) {
        for (d, px) in squared.iter_mut().zip(px) {
            let t = ((px * dx + py * dy) * scale).clamp(0.0, 1.0);
            let (ex, ey) = (px - t * dx, py - t * dy);
            *d = d.min(ex * ex + ey * ey);
        }
    }
}

pub use imp::{covers, nearer, root, Colour};
