// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Fixed-point blending of a row of pixels.

use crate::lanes::spread;
use crate::Ink;

const PIXELS: usize = 16;
const BYTES: usize = 3 * PIXELS;

/// Blends one colour over whole pixels (three bytes each), all alike.
pub fn flat(row: &mut [u8], ink: Ink) {
    let pattern: [u8; BYTES] = core::array::from_fn(|i| ink.colour[i % 3]);
    let alpha = full(ink);
    let (keep, add) = (256 - alpha, pattern.map(|c| u16::from(c) * alpha + 128));
    let mut chunks = row.chunks_exact_mut(BYTES);
    for chunk in &mut chunks {
        if keep == 0 {
            chunk.copy_from_slice(&pattern);
        } else {
            mix(chunk, &add, keep);
        }
    }
    mix(chunks.into_remainder(), &add, keep);
}

#[inline(always)]
fn mix(bytes: &mut [u8], add: &[u16; BYTES], keep: u16) {
    for (b, add) in bytes.iter_mut().zip(add) {
        *b = ((u16::from(*b) * keep + add) >> 8) as u8;
    }
}

/// The weight of a pixel that is wholly covered, 0-256.
fn full(ink: Ink) -> u16 {
    weight(part(255, ink.alpha))
}

#[inline(always)]
fn part(cover: u8, alpha: u16) -> u8 {
    ((u16::from(cover) * alpha + 128) >> 8) as u8
}

#[inline(always)]
fn weight(part: u8) -> u16 {
    u16::from(part) + u16::from(part >> 7)
}

/// Blends one colour over pixels by their coverage.
pub fn covered(row: &mut [u8], cover: &[u8], ink: Ink) {
    let pattern: [u8; BYTES] = core::array::from_fn(|i| ink.colour[i % 3]);
    let mut rows = row.chunks_exact_mut(BYTES);
    let mut covers = cover.chunks_exact(PIXELS);
    for (bytes, cover) in (&mut rows).zip(&mut covers) {
        let (Ok(bytes), Ok(cover)) = (<&mut [u8; BYTES]>::try_from(bytes), <&[u8; PIXELS]>::try_from(cover)) else { return };
        if u128::from_le_bytes(*cover) != 0 {
            let parts = spread(&cover.map(|c| part(c, ink.alpha)));
            each(bytes, &parts, &pattern);
        }
    }
    for (pixel, cover) in rows.into_remainder().chunks_exact_mut(3).zip(covers.remainder()) {
        each(pixel, &[part(*cover, ink.alpha); 3], &ink.colour);
    }
}

#[inline(always)]
fn each(bytes: &mut [u8], parts: &[u8], colour: &[u8]) {
    for ((b, part), c) in bytes.iter_mut().zip(parts).zip(colour) {
        let a = weight(*part);
        *b = ((u16::from(*b) * (256 - a) + u16::from(*c) * a + 128) >> 8) as u8;
    }
}
