// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Readouts over a picture of three bytes a pixel: plates, stripes, lines and text, anti-aliased, in the order given.
//!
//! A kernel of its own, apart from the rasteriser: a trap in the anatomy's kernel cannot take away the banner that says so.
//!
//! Coverage is 0-255 a pixel: (1/2 + the distance inside the edge) clamped to 0-1, times 255, rounded. A mark of opacity
//! alpha (rounded to 1/256) blends a = (coverage * alpha + 128) / 256, a += a / 128, new = (old (256 - a) + colour a +
//! 128) / 256. A pixel's integer coordinate is its centre.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod area;
mod blend;
mod glyphs;
pub mod lanes;
mod line;
mod segments;

/// Numbers a mark: kind, three channels, alpha, first and number of its points or glyphs, and nine of its own.
pub const MARK: usize = 16;
/// Numbers a glyph: where its coverage begins in the atlas, its width and height, x and y of its top left, px.
pub const GLYPH: usize = 5;
/// Numbers a segment: two ends.
pub const SEGMENT: usize = 4;
/// The longest period of stripes, px.
pub const LONGEST_PERIOD: usize = 4096;

/// Kinds of marks. A box has x0 y0 x1 y1 (exclusive) and the corners' radius; a line radius, halo, the halo's alpha, dash
/// on and off (0: whole), closed; stripes a box, period, slope (0: no gaps), the coloured share, whether
/// there is a ground and its channels, as area.rs has them; text nothing more.
const BOX: f64 = 0.0;
const LINE: f64 = 1.0;
const STRIPES: f64 = 2.0;
const TEXT: f64 = 3.0;

/// A picture of `width` * `height` pixels of three bytes.
pub struct Picture<'a> {
    pub width: usize,
    pub height: usize,
    pub pixels: &'a mut [u8],
}

/// Working memory: `distances` of the width and `lanes::PIXELS`, `cover` of four
/// times the width and `LONGEST_PERIOD`,
/// `segments` and one word each in `near`.
pub struct Scratch<'a> {
    pub distances: &'a mut [f32],
    pub cover: &'a mut [u8],
    pub segments: &'a mut [f32],
    pub near: &'a mut [u32],
}

/// What marks refer to.
pub struct Sources<'a> {
    pub points: &'a [f64],
    pub glyphs: &'a [i32],
    pub atlas: &'a [u8],
}

/// A colour in the picture's order of channels, and opacity in 1/256.
#[derive(Clone, Copy)]
pub struct Ink {
    pub colour: [u8; 3],
    pub alpha: u16,
}

impl Ink {
    fn new(mark: &[f64]) -> Self {
        let channel = |v: f64| (v.clamp(0.0, 255.0) + 0.5) as u8;
        Ink { colour: [channel(mark[1]), channel(mark[2]), channel(mark[3])], alpha: opacity(mark[4]) }
    }
}

/// Opacity 0-1 in 1/256.
pub fn opacity(alpha: f64) -> u16 {
    (alpha.clamp(0.0, 1.0) * 256.0 + 0.5) as u16
}

/// Draws marks (rows of `MARK` numbers) in place; false where one is not finite, of no kind, or refers to what is not
/// there, or needs more segments than there is room for. The marks before it are drawn then.
pub fn draw(picture: &mut Picture, marks: &[f64], sources: &Sources, scratch: &mut Scratch) -> bool {
    marks.chunks_exact(MARK).all(|mark| one(picture, mark, sources, scratch).is_some())
}

fn one(picture: &mut Picture, mark: &[f64], sources: &Sources, scratch: &mut Scratch) -> Option<()> {
    if mark.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let ink = Ink::new(mark);
    let kind = mark[0];
    if kind == BOX {
        area::rounded(picture, area::bounds(&mark[7..11]), mark[11].max(0.0) as f32, ink, scratch.cover)
    } else if kind == LINE {
        let points = range(sources.points, mark, 2)?;
        line::draw(picture, points, &mark[7..13], ink, scratch)
    } else if kind == STRIPES {
        area::stripes(picture, area::bounds(&mark[7..11]), &mark[11..16], ink, scratch.cover)
    } else if kind == TEXT {
        glyphs::draw(picture, range(sources.glyphs, mark, GLYPH)?, sources.atlas, ink, scratch.cover)
    } else {
        None
    }
}

/// The rows of `size` numbers that a mark names.
fn range<'a, T>(values: &'a [T], mark: &[f64], size: usize) -> Option<&'a [T]> {
    let (first, count) = (whole(mark[5])?, whole(mark[6])?);
    values.get(first.checked_mul(size)?..first.checked_add(count)?.checked_mul(size)?)
}

fn whole(value: f64) -> Option<usize> {
    (0.0..=16_777_216.0).contains(&value).then_some(value as usize)
}
