// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Fragments of several meshes on one tile: into their order pixel by pixel, and over the image.

use crate::bins::TILE;
use crate::lanes::{F4, I4, LANES};

/// Pixels of a tile.
pub const AREA: usize = TILE * TILE;

/// Pixels between two turns of a loop.
const WIDE: usize = 16;

/// Sorts the layers (AREA entries each in `invz` and `colour`) so that at every pixel the farther comes first; `ranges` are
/// their least and largest 1/z. `order` begins as 0, 1, ... and ends as the layers' order. Equal depths keep it.
pub fn sort(invz: &mut [f32], colour: &mut [u32], order: &mut [u16], ranges: &mut [[f32; 2]]) {
    for i in 0..order.len() {
        for j in i + 1..order.len() {
            let (a, b) = (ranges[i], ranges[j]);
            if a[1] <= b[0] {
                continue;
            }
            if b[1] < a[0] {
                order.swap(i, j);
                ranges.swap(i, j);
                continue;
            }
            exchange(invz, colour, usize::from(order[i]), usize::from(order[j]));
            (ranges[i], ranges[j]) = ([a[0].min(b[0]), a[1]], [b[0], a[1].max(b[1])]);
        }
    }
}

/// Swaps what two layers have at each pixel where the first is nearer, and both have something.
fn exchange(invz: &mut [f32], colour: &mut [u32], first: usize, second: usize) {
    let (low, high) = (first.min(second), first.max(second));
    let (za, zb) = invz.split_at_mut(high * AREA);
    let (ca, cb) = colour.split_at_mut(high * AREA);
    let (za, zb) = (&mut za[low * AREA..(low + 1) * AREA], &mut zb[..AREA]);
    let (ca, cb) = (&mut ca[low * AREA..(low + 1) * AREA], &mut cb[..AREA]);
    let (z0, z1, c0, c1) = if first < second { (za, zb, ca, cb) } else { (zb, za, cb, ca) };
    let zs = z0.as_chunks_mut::<WIDE>().0.iter_mut().zip(z1.as_chunks_mut::<WIDE>().0);
    let cs = c0.as_chunks_mut::<WIDE>().0.iter_mut().zip(c1.as_chunks_mut::<WIDE>().0);
    for ((z0, z1), (c0, c1)) in zs.zip(cs) {
        let zs = z0.as_chunks_mut::<LANES>().0.iter_mut().zip(z1.as_chunks_mut::<LANES>().0);
        let cs = c0.as_chunks_mut::<LANES>().0.iter_mut().zip(c1.as_chunks_mut::<LANES>().0);
        for ((z0, z1), (c0, c1)) in zs.zip(cs) {
            let (p, q) = (F4::new(*z0), F4::new(*z1));
            let swap = p.greater(q).and(q.greater(F4::splat(0.0)));
            let (a, b) = (I4::new(c0.map(|v| v as i32)), I4::new(c1.map(|v| v as i32)));
            swap.select(q, p).store(z0);
            swap.select(p, q).store(z1);
            swap.choose(b, a).store(c0);
            swap.choose(a, b).store(c1);
        }
    }
}

/// Blends a row: out = colour + old (255 - alpha) / 255, rounded.
pub fn row(image: &mut [u8], colour: &[u32]) {
    let (blocks, rest) = colour.as_chunks::<WIDE>();
    let (pixels, last) = image.as_chunks_mut::<{ 3 * WIDE }>();
    for (pixels, colour) in pixels.iter_mut().zip(blocks) {
        let fours = colour.as_chunks::<LANES>().0;
        let any = |c: &[u32; LANES]| c[0] | c[1] | c[2] | c[3];
        if any(&fours[0]) | any(&fours[1]) | any(&fours[2]) | any(&fours[3]) != 0 {
            for (pixels, colour) in pixels.as_chunks_mut::<12>().0.iter_mut().zip(fours) {
                four(pixels, colour);
            }
        }
    }
    each(last, rest);
}

fn each(image: &mut [u8], colour: &[u32]) {
    for (pixel, colour) in image.chunks_exact_mut(3).zip(colour) {
        let c = colour.to_le_bytes();
        let keep = 255 - u32::from(c[3]);
        for (p, c) in pixel.iter_mut().zip(c) {
            let v = u32::from(*p) * keep + 128;
            *p = c.saturating_add(((v + (v >> 8)) >> 8) as u8);
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn four(pixels: &mut [u8; 12], colour: &[u32; LANES]) {
    each(pixels, colour);
}

/// Four pixels: twelve bytes as two vectors of 16-bit sums.
#[cfg(target_arch = "wasm32")]
#[inline(always)]
fn four(pixels: &mut [u8; 12], colour: &[u32; LANES]) {
    use core::arch::wasm32::*;
    let p = &*pixels;
    let low = u64::from_le_bytes([p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]]);
    let old = u64x2(low, u64::from(u32::from_le_bytes([p[8], p[9], p[10], p[11]])));
    let new = u32x4(colour[0], colour[1], colour[2], colour[3]);
    let zero = u64x2(0, 0);
    let add = i8x16_shuffle::<0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 16, 16, 16>(new, zero);
    let alpha = i8x16_shuffle::<3, 3, 3, 7, 7, 7, 11, 11, 11, 15, 15, 15, 16, 16, 16, 16>(new, zero);
    let keep = u8x16_sub(u8x16_splat(255), alpha);
    let part = |v: v128| {
        let v = u16x8_add(v, u16x8_splat(128));
        u16x8_shr(u16x8_add(v, u16x8_shr(v, 8)), 8)
    };
    let kept = u8x16_narrow_i16x8(part(u16x8_extmul_low_u8x16(old, keep)), part(u16x8_extmul_high_u8x16(old, keep)));
    let sum = u8x16_add_sat(kept, add);
    pixels[..8].copy_from_slice(&u64x2_extract_lane::<0>(sum).to_le_bytes());
    pixels[8..].copy_from_slice(&(u64x2_extract_lane::<1>(sum) as u32).to_le_bytes());
}
