// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Fixed-point blending of a row of pixels.

use crate::lanes::{Colour, BYTES, PIXELS};
use crate::Ink;

/// Blends one colour over whole pixels (three bytes each), all alike.
pub fn flat(row: &mut [u8], ink: Ink) {
    let (colour, alpha) = (Colour::new(ink.colour), weight(part(255, ink.alpha)));
    let mut chunks = row.chunks_exact_mut(BYTES);
    for bytes in &mut chunks {
        let Ok(bytes) = <&mut [u8; BYTES]>::try_from(bytes) else { return };
        colour.flat(bytes, alpha);
    }
    for pixel in chunks.into_remainder().chunks_exact_mut(3) {
        each(pixel, ink.colour, alpha);
    }
}

/// Blends one colour over pixels by their coverage.
pub fn covered(row: &mut [u8], cover: &[u8], ink: Ink) {
    let paint = Paint::new(ink);
    for (pixels, cover) in row.chunks_mut(BYTES).zip(cover.chunks(PIXELS)) {
        match <&[u8; PIXELS]>::try_from(cover) {
            Ok(cover) => paint.over(pixels, cover),
            Err(_) => paint.over_few(pixels, cover),
        }
    }
}

/// A colour made ready for many rows.
pub struct Paint {
    colour: Colour,
    plain: [u8; 3],
    pub opacity: u16,
}

impl Paint {
    pub fn new(ink: Ink) -> Self {
        Paint { colour: Colour::new(ink.colour), plain: ink.colour, opacity: ink.alpha }
    }

    /// Blends over up to sixteen pixels by their coverage.
    #[inline(always)]
    pub fn over(&self, pixels: &mut [u8], cover: &[u8; PIXELS]) {
        if u128::from_le_bytes(*cover) == 0 {
            return;
        }
        match <&mut [u8; BYTES]>::try_from(&mut *pixels) {
            Ok(bytes) => self.colour.covered(bytes, cover, self.opacity),
            Err(_) => self.over_few(pixels, cover),
        }
    }

    fn over_few(&self, pixels: &mut [u8], cover: &[u8]) {
        for (pixel, cover) in pixels.chunks_exact_mut(3).zip(cover) {
            each(pixel, self.plain, weight(part(*cover, self.opacity)));
        }
    }
}

#[inline(always)]
fn each(pixel: &mut [u8], colour: [u8; 3], alpha: u16) {
    for (b, c) in pixel.iter_mut().zip(colour) {
        *b = mixed(*b, c, alpha);
    }
}

/// A coverage's share of an opacity, 0-255.
#[inline(always)]
pub fn part(cover: u8, opacity: u16) -> u8 {
    ((u16::from(cover) * opacity + 128) >> 8) as u8
}

/// The weight of that, 0-256.
#[inline(always)]
pub fn weight(part: u8) -> u16 {
    u16::from(part) + u16::from(part >> 7)
}

/// A channel with a colour over it, weight 0-256.
#[inline(always)]
pub fn mixed(old: u8, colour: u8, weight: u16) -> u8 {
    ((u16::from(old) * (256 - weight) + u16::from(colour) * weight + 128) >> 8) as u8
}
