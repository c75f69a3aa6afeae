// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Fixed-point blending of one row.

/// Light that a surface seen edge-on still gives back.
pub const AMBIENT: f32 = 0.3;
/// Classes of a pixel.
pub const FILL: u8 = 1;
pub const OUTLINE: u8 = 2;

/// Fixed-point colours of one mesh over the shade: of its fill, and of the outline drawn over that fill.
pub struct Paint {
    fill: [[u16; 4]; 256],
    keep_fill: u16,
    line: [[u16; 4]; 256],
    keep_line: u16,
}

impl Paint {
    /// From r, g, b (0-255), fill and outline (0-1); alpha and light are rounded to 1/256, light of 255 shade levels.
    pub fn new(style: &[f32]) -> Self {
        let alpha = |v: f32| (v.clamp(0.0, 1.0) * 256.0 + 0.5) as u16;
        let bgr = [style[2], style[1], style[0]].map(|v| v.clamp(0.0, 255.0));
        let (fill, outline) = (alpha(style[3]), alpha(style[4]));
        let under = (u32::from(fill) * u32::from(256 - outline) / 256) as u16;
        let lit = |shade: usize| AMBIENT + (1.0 - AMBIENT) * shade as f32 / 255.0;
        let table = |fill: u16, outline: u16| {
            core::array::from_fn(|s| {
                let v = bgr.map(|v| fill * ((v * lit(s) + 0.5) as u16) + outline * ((v + 0.5) as u16) + 128);
                [v[0], v[1], v[2], 0]
            })
        };
        Paint {
            fill: table(fill, 0),
            keep_fill: 256 - fill,
            line: table(under, outline),
            keep_line: 256 - outline - under,
        }
    }

    #[inline(always)]
    fn of(&self, mask: u8, shade: f32) -> (u16, &[u16; 4]) {
        let level = (shade * 255.0 + 0.5) as u8 as usize;
        match mask {
            FILL => (self.keep_fill, &self.fill[level]),
            _ => (self.keep_line, &self.line[level]),
        }
    }
}

/// Blends a row of bgr pixels: out = (old (256 - alpha) + colour alpha + 128) / 256 where the mask is not zero.
pub fn blend(image: &mut [u8], mask: &[u8], shade: &[f32], paint: &Paint) {
    let whole = mask.len() / 4 * 4;
    let (image4, rest) = image.split_at_mut(3 * whole);
    let (mask4, shade4) = (mask[..whole].chunks_exact(4), shade[..whole].chunks_exact(4));
    for ((pixels, mask), shade) in image4.chunks_exact_mut(12).zip(mask4).zip(shade4) {
        match [mask[0], mask[1], mask[2], mask[3]] {
            [0, 0, 0, 0] => {}
            [FILL, FILL, FILL, FILL] => fill4(pixels, shade, paint),
            _ => blend_each(pixels, mask, shade, paint),
        }
    }
    blend_each(rest, &mask[whole..], &shade[whole..], paint);
}

fn blend_each(image: &mut [u8], mask: &[u8], shade: &[f32], paint: &Paint) {
    for ((pixel, mask), shade) in image.chunks_exact_mut(3).zip(mask).zip(shade) {
        if *mask != 0 {
            let (keep, add) = paint.of(*mask, *shade);
            for (p, a) in pixel.iter_mut().zip(add) {
                *p = ((u16::from(*p) * keep + a) >> 8) as u8;
            }
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn fill4(pixels: &mut [u8], shade: &[f32], paint: &Paint) {
    blend_each(pixels, &[FILL; 4], shade, paint);
}

/// Four filled pixels: twelve bytes as two vectors of 16-bit sums.
#[cfg(target_arch = "wasm32")]
#[inline(always)]
fn fill4(pixels: &mut [u8], shade: &[f32], paint: &Paint) {
    use core::arch::wasm32::*;
    let Ok(bytes) = <&mut [u8; 12]>::try_from(pixels) else { return };
    let add = |i: usize| {
        let a = paint.fill[(shade[i] * 255.0 + 0.5) as u8 as usize];
        u64::from(a[0]) | u64::from(a[1]) << 16 | u64::from(a[2]) << 32
    };
    let (a0, a1, a2, a3) = (add(0), add(1), add(2), add(3));
    let low_add = u64x2(a0 | a1 << 48, a1 >> 16 | a2 << 32);
    let high_add = u64x2(a2 >> 32 | a3 << 16, 0);
    let low = u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]]);
    let high = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    let old = u64x2(low, u64::from(high));
    let keep = u16x8_splat(paint.keep_fill);
    let sum = |old: v128, add: v128| u16x8_shr(u16x8_add(u16x8_mul(old, keep), add), 8);
    let new =
        u8x16_narrow_i16x8(sum(u16x8_extend_low_u8x16(old), low_add), sum(u16x8_extend_high_u8x16(old), high_add));
    bytes[..8].copy_from_slice(&u64x2_extract_lane::<0>(new).to_le_bytes());
    bytes[8..].copy_from_slice(&(u64x2_extract_lane::<1>(new) as u32).to_le_bytes());
}
