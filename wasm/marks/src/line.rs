// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Lines with round joins and ends: coverage by the distance to the nearest segment, so that nothing is blended twice.

use crate::blend::Paint;
use crate::lanes::{covers, nearer, PIXELS};
use crate::segments::{split, Dash};
use crate::{opacity, Ink, Picture, Scratch, SEGMENT};

/// Rows for which the segments that reach them are gathered at once.
const BAND: usize = 16;
/// Pixels of a row that are blended together, where any of them is near a segment.
const TILE: usize = PIXELS;
/// Bits for the tiles of the widest row, 16384 px.
const WORDS: usize = 16;

/// How far the line reaches from its middle, with half a pixel for the soft edge, and its halo's.
struct Edges {
    line: f32,
    halo: f32,
    reach: f32,
}

/// Draws points (rows of two) as a line, `how`: radius, halo, the halo's alpha, dash on, off, closed.
pub fn draw(picture: &mut Picture, points: &[f64], how: &[f64], ink: Ink, scratch: &mut Scratch) -> Option<()> {
    let (radius, halo) = (how[0].clamp(0.0, 1e4), how[1].clamp(0.0, 1e4));
    let dash = (how[4] > 0.0).then_some(Dash { on: how[3].max(0.0), off: how[4] });
    if dash.is_some_and(|d| d.on + d.off < 1.0) || picture.width > WORDS * 64 * TILE {
        return None;
    }
    let edges =
        Edges { line: radius as f32 + 0.5, halo: (radius + halo) as f32 + 0.5, reach: (radius + halo) as f32 + 0.5 };
    let beyond = radius + halo + 2.0;
    let reach = [-beyond, -beyond, picture.width as f64 - 1.0 + beyond, picture.height as f64 - 1.0 + beyond];
    let count = split(points, how[5] > 0.0, dash, reach, scratch.segments)?;
    let segments = scratch.segments.get(..SEGMENT * count)?;
    let dark = Ink { colour: [0; 3], alpha: if halo > 0.0 { opacity(how[2]) } else { 0 } };
    let paints = [Paint::new(dark), Paint::new(ink)];
    for first in (0..picture.height).step_by(BAND) {
        let last = (first + BAND).min(picture.height);
        let near = gather(segments, first as f32 - edges.reach, (last - 1) as f32 + edges.reach, scratch.near)?;
        for y in if near.is_empty() { 0..0 } else { first..last } {
            row(picture, y, segments, near, &edges, &paints, scratch.distances)?;
        }
    }
    Some(())
}

/// The indices of the segments that come between two heights.
fn gather<'a>(segments: &[f32], low: f32, high: f32, near: &'a mut [u32]) -> Option<&'a [u32]> {
    let mut count = 0;
    for (i, s) in segments.chunks_exact(SEGMENT).enumerate() {
        if s[1].min(s[3]) <= high && s[1].max(s[3]) >= low {
            *near.get_mut(count)? = i as u32;
            count += 1;
        }
    }
    near.get(..count)
}

fn row(
    picture: &mut Picture,
    y: usize,
    segments: &[f32],
    near: &[u32],
    edges: &Edges,
    paints: &[Paint; 2],
    distances: &mut [f32],
) -> Option<()> {
    let mut touched = [0u64; WORDS];
    for i in near {
        let at = SEGMENT * *i as usize;
        let s = segments.get(at..at + SEGMENT)?;
        if let Some((from, to)) = span(s, y as f32, edges.reach, picture.width) {
            for tile in from / TILE..=to / TILE {
                let bit = 1 << (tile % 64);
                if touched[tile / 64] & bit == 0 {
                    touched[tile / 64] |= bit;
                    distances.get_mut(tile * TILE..(tile + 1) * TILE)?.fill(f32::INFINITY);
                }
            }
            let (from, to) = (from / 4 * 4, to / 4 * 4 + 4);
            nearest(distances.get_mut(from..to)?, from, y as f32, s);
        }
    }
    for (k, word) in touched.iter().enumerate() {
        let mut bits = *word;
        while bits != 0 {
            let tile = 64 * k + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            paint(picture, y, tile, distances.get(tile * TILE..(tile + 1) * TILE)?, edges, paints)?;
        }
    }
    Some(())
}

/// First and last pixel of a row that a segment may reach.
fn span(s: &[f32], y: f32, reach: f32, width: usize) -> Option<(usize, usize)> {
    let (ax, ay, bx, by) = (s[0], s[1], s[2], s[3]);
    if ay.min(by) > y + reach || ay.max(by) < y - reach {
        return None;
    }
    let dy = by - ay;
    let (mut t0, mut t1) = (0.0, 1.0);
    if dy != 0.0 {
        let (u, v) = ((y - reach - ay) / dy, (y + reach - ay) / dy);
        (t0, t1) = (u.min(v).clamp(0.0, 1.0), u.max(v).clamp(0.0, 1.0));
    }
    let (u, v) = (ax + t0 * (bx - ax), ax + t1 * (bx - ax));
    let (low, high, last) = (u.min(v) - reach, u.max(v) + reach, width as f32 - 1.0);
    (low <= last && high >= 0.0).then_some((low.max(0.0) as usize, high.min(last) as usize))
}

/// Lowers squared distances of the pixels from `x0` on to those from one segment.
fn nearest(squared: &mut [f32], x0: usize, y: f32, s: &[f32]) {
    let (ax, dx, dy, py) = (s[0], s[2] - s[0], s[3] - s[1], y - s[1]);
    let length2 = dx * dx + dy * dy;
    let scale = if length2 > 0.0 { 1.0 / length2 } else { 0.0 };
    for (k, four) in squared.chunks_exact_mut(4).enumerate() {
        let Ok(four) = <&mut [f32; 4]>::try_from(four) else { return };
        let x = (x0 + 4 * k) as f32;
        nearer(four, [x - ax, x + 1.0 - ax, x + 2.0 - ax, x + 3.0 - ax], py, [dx, dy, scale]);
    }
}

/// Blends the halo and then the line over one tile of a row.
fn paint(
    picture: &mut Picture,
    y: usize,
    tile: usize,
    squared: &[f32],
    edges: &Edges,
    paints: &[Paint; 2],
) -> Option<()> {
    let squared = <&[f32; PIXELS]>::try_from(squared).ok()?;
    let (x0, x1) = (tile * TILE, ((tile + 1) * TILE).min(picture.width));
    let row = picture.row(y, x0, x1)?;
    for (paint, cover) in paints.iter().zip(&covers(squared, [edges.halo, edges.line])) {
        if paint.opacity > 0 {
            paint.over(row, cover);
        }
    }
    Some(())
}
