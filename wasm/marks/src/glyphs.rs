// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Text: glyphs of an atlas, gathered row by row, so that where two overlap the darker one counts.

use crate::{blend, Ink, Picture, GLYPH};

struct Glyph<'a> {
    cover: &'a [u8],
    x: i32,
    y: i32,
    width: i32,
    height: i32,
}

impl<'a> Glyph<'a> {
    /// None where the glyph is not within the atlas.
    fn new(row: &[i32], atlas: &'a [u8]) -> Option<Self> {
        let [offset, width, height, x, y] = <[i32; GLYPH]>::try_from(row).ok()?;
        let (start, w, h) =
            (usize::try_from(offset).ok()?, usize::try_from(width).ok()?, usize::try_from(height).ok()?);
        let near = |v: i32| v.clamp(-1_000_000, 1_000_000);
        let (width, height) = if w == 0 || h == 0 { (0, 0) } else { (width, height) };
        let cover = atlas.get(start..start.checked_add(w.checked_mul(h)?)?)?;
        Some(Glyph { cover, x: near(x), y: near(y), width, height })
    }
}

/// Draws glyphs (rows of `GLYPH` numbers) in one colour.
pub fn draw(picture: &mut Picture, glyphs: &[i32], atlas: &[u8], ink: Ink, cover: &mut [u8]) -> Option<()> {
    let mut bounds = [i32::MAX, i32::MAX, i32::MIN, i32::MIN];
    for row in glyphs.chunks_exact(GLYPH) {
        let g = Glyph::new(row, atlas)?;
        bounds = [bounds[0].min(g.x), bounds[1].min(g.y), bounds[2].max(g.x + g.width), bounds[3].max(g.y + g.height)];
    }
    let Some([x0, y0, x1, y1]) = picture.clip(bounds) else { return Some(()) };
    let cover = cover.get_mut(..x1 - x0)?;
    for y in y0..y1 {
        cover.fill(0);
        for row in glyphs.chunks_exact(GLYPH) {
            gather(&Glyph::new(row, atlas)?, y as i32, x0 as i32, cover);
        }
        blend::covered(picture.row(y, x0, x1)?, cover, ink);
    }
    Some(())
}

/// Takes one row of a glyph over where it covers more.
fn gather(glyph: &Glyph, y: i32, x0: i32, cover: &mut [u8]) {
    if glyph.width == 0 || !(glyph.y..glyph.y + glyph.height).contains(&y) {
        return;
    }
    let width = glyph.width as usize;
    let start = (y - glyph.y) as usize * width;
    let skip = (x0 - glyph.x).max(0) as usize;
    let at = (glyph.x - x0).max(0) as usize;
    let (Some(from), Some(to)) = (glyph.cover.get(start + skip.min(width)..start + width), cover.get_mut(at..)) else {
        return;
    };
    for (to, from) in to.iter_mut().zip(from) {
        *to = if *to > *from { *to } else { *from };
    }
}
