// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Plates with rounded corners, and diagonal stripes.

use crate::lanes::root;
use crate::{blend, Ink, Picture, LONGEST_PERIOD};

/// x0, y0, x1, y1: whole pixels, the last two exclusive.
pub type Bounds = [i32; 4];

/// Rounds; far beyond any picture is as good as farther.
pub fn bounds(values: &[f64]) -> Bounds {
    core::array::from_fn(|i| libm::floor(values[i].clamp(-1e6, 1e6) + 0.5) as i32)
}

impl Picture<'_> {
    /// The part of a box that lies in the picture.
    pub fn clip(&self, [x0, y0, x1, y1]: Bounds) -> Option<[usize; 4]> {
        let (x0, y0) = (x0.max(0), y0.max(0));
        let (x1, y1) = (x1.min(self.width as i32), y1.min(self.height as i32));
        (x0 < x1 && y0 < y1).then_some([x0, y0, x1, y1].map(|v| v as usize))
    }

    /// The bytes of pixels x0 to x1 (exclusive) of a row.
    pub fn row(&mut self, y: usize, x0: usize, x1: usize) -> Option<&mut [u8]> {
        let start = y * self.width;
        self.pixels.get_mut(3 * (start + x0)..3 * (start + x1))
    }
}

/// A box with rounded corners.
pub fn rounded(picture: &mut Picture, bounds: Bounds, radius: f32, ink: Ink, cover: &mut [u8]) -> Option<()> {
    let Some([x0, y0, x1, y1]) = picture.clip(bounds) else { return Some(()) };
    let half = (bounds[2] - bounds[0]).min(bounds[3] - bounds[1]) as f32 / 2.0;
    let radius = radius.min(half);
    // Columns from either side that a corner may reach.
    let reach = radius as i32 + 1;
    let cover = cover.get_mut(..x1 - x0)?;
    for y in y0..y1 {
        let dy = beyond(y, bounds[1], bounds[3], radius);
        let row = picture.row(y, x0, x1)?;
        if dy == 0.0 {
            blend::flat(row, ink);
            continue;
        }
        cover.fill(255);
        for side in [bounds[0]..bounds[0] + reach, bounds[2] - reach..bounds[2]] {
            for x in side.start.max(x0 as i32)..side.end.min(x1 as i32) {
                let x = x as usize;
                *cover.get_mut(x - x0)? = corner(beyond(x, bounds[0], bounds[2], radius), dy, radius);
            }
        }
        blend::covered(row, cover, ink);
    }
    Some(())
}

/// How far a pixel's centre lies beyond where the corners' circles have theirs, along one axis.
fn beyond(at: usize, low: i32, high: i32, radius: f32) -> f32 {
    let at = at as f32 + 0.5;
    (low as f32 + radius - at).max(at - (high as f32 - radius)).max(0.0)
}

fn corner(dx: f32, dy: f32, radius: f32) -> u8 {
    if dx == 0.0 {
        return 255;
    }
    quantised(radius + 0.5 - root(dx * dx + dy * dy))
}

/// Coverage 0-255 of 0-1, and of what lies beyond.
#[inline(always)]
pub fn quantised(cover: f32) -> u8 {
    let low = if cover > 0.0 { cover } else { 0.0 };
    ((if low < 1.0 { low } else { 1.0 }) * 255.0 + 0.5) as u8
}

/// Stripes along x + slope * y: whole pixels of period and slope, so that each row is the same one, shifted. `how`: period,
/// slope, coloured share, whether there is a ground, its channels as one number of three bytes: it is opaque then.
pub fn stripes(picture: &mut Picture, bounds: Bounds, how: &[f64], ink: Ink, cover: &mut [u8]) -> Option<()> {
    let (period, slope, share) = (libm::floor(how[0] + 0.5), libm::floor(how[1] + 0.5), how[2] as f32);
    if !(1.0..=LONGEST_PERIOD as f64).contains(&period) || slope.abs() > LONGEST_PERIOD as f64 {
        return None;
    }
    let (period, slope) = (period as i32, slope as i32);
    let Some([x0, y0, x1, y1]) = picture.clip(bounds) else { return Some(()) };
    let (width, length) = (x1 - x0, x1 - x0 + period as usize);
    let (cover, colours) = cover.split_at_mut_checked(length)?;
    let steepness = 1.0 / root((1 + slope * slope) as f32);
    for (u, c) in cover.iter_mut().enumerate() {
        *c = striped(u as i32 % period, period as f32, share, steepness);
    }
    let ground = (how[3] > 0.0).then(|| (how[4].clamp(0.0, 16_777_215.0) as u32).to_le_bytes());
    let colours = colours.get_mut(..3 * length)?;
    for (pixel, ground) in colours.chunks_exact_mut(3).zip(ground.iter().cycle()) {
        pixel.copy_from_slice(&ground[..3]);
    }
    if ground.is_some() {
        blend::covered(colours, cover, ink);
    }
    for y in y0..y1 {
        let row = picture.row(y, x0, x1)?;
        let from = (x0 as i32 + slope * y as i32).rem_euclid(period) as usize;
        if slope == 0 {
            blend::flat(row, ink);
        } else if ground.is_some() {
            row.copy_from_slice(colours.get(3 * from..3 * (from + width))?);
        } else {
            blend::covered(row, cover.get(from..from + width)?, ink);
        }
    }
    Some(())
}

/// Coverage at u pixels into a period, of which the first `share` is coloured; distances are across the stripe.
fn striped(u: i32, period: f32, share: f32, steepness: f32) -> u8 {
    let half = 0.5 * share * period;
    let from_middle = (u as f32 - half).abs();
    let to_middle = if from_middle < period - from_middle { from_middle } else { period - from_middle };
    quantised((half - to_middle) * steepness + 0.5)
}
