// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! A mesh's surface and lines on one tile become fragments: 1/z, by which they are ordered, and a colour.

use crate::bins::TILE;
use crate::fill::Layer;
use crate::lanes::{F4, I4, LANES};
use crate::stroke::Strokes;

/// Light that a surface seen edge-on still gives back.
pub const AMBIENT: f32 = 0.3;

/// How a mesh is coloured; `cue` is the depth cue, the depth where it begins, and one over its range.
#[derive(Clone, Copy)]
pub struct Paint {
    pub bgr: [f32; 3],
    pub fill: f32,
    pub cue: [f32; 3],
    /// The lines' casing, of the lines' opacity.
    pub casing: f32,
}

/// TILE x TILE: 1/z (0 for none); b, g, r times alpha, and alpha, a byte each.
pub struct Fragments<'a> {
    pub invz: &'a mut [f32],
    pub colour: &'a mut [u32],
}

/// The nearest surface of all meshes so far; `empty` before the first one, whatever the arrays hold.
pub struct Nearest<'a> {
    pub empty: bool,
    pub invz: &'a mut [f32],
    pub id: &'a mut [u32],
}

/// Pixels between two turns of a loop, which cost as much as a few pixels (see fill.rs).
const WIDE: usize = 16;

type Four = [f32; LANES];

#[inline(always)]
fn four(row: &[f32], x: usize) -> F4 {
    F4::new(row[x..x + LANES].first_chunk::<LANES>().map_or([0.0; LANES], |v: &Four| *v))
}

impl Paint {
    /// Shade to light, with the depth cue.
    #[inline(always)]
    fn light(&self, invz: F4, shade: F4) -> (F4, F4) {
        let (zero, one) = (F4::splat(0.0), F4::splat(1.0));
        let lit = F4::splat(AMBIENT).add(F4::splat(1.0 - AMBIENT).mul(shade));
        if self.cue[0] <= 0.0 {
            return (lit, one);
        }
        let depth = one.div(invz.max(F4::splat(1e-9)));
        let far = depth.sub(F4::splat(self.cue[1])).mul(F4::splat(self.cue[2])).max(zero).min(one);
        let cue = one.sub(F4::splat(self.cue[0]).mul(far));
        (lit.mul(cue), cue)
    }

    /// Four pixels of `amount` times the mesh's colour, and of an alpha.
    #[inline(always)]
    fn pack(&self, amount: F4, alpha: F4) -> I4 {
        let [b, g, r] = self.bgr.map(|c| amount.mul(F4::splat(c)).byte());
        b.or(g.left(8)).or(r.left(16)).or(alpha.mul(F4::splat(255.0)).byte().left(24))
    }
}

/// Fills the fragments of `rows` rows; `weight` scales the fill where there is a window. Returns the least and the largest
/// 1/z, (inf, 0) where there is nothing.
pub fn resolve(
    layer: &Layer,
    strokes: Option<&Strokes>,
    weight: Option<&[f32]>,
    paint: &Paint,
    rows: usize,
    mut nearest: Option<(&mut Nearest, u8)>,
    out: &mut Fragments,
) -> [f32; 2] {
    let mut range = [F4::splat(f32::INFINITY), F4::splat(0.0)];
    let inset = layer.stride * APRON + APRON;
    for y in 0..rows {
        let start = y * layer.stride + inset;
        let (invz, shade) = (&layer.invz[start..start + TILE], &layer.shade[start..start + TILE]);
        let span = y * TILE..(y + 1) * TILE;
        if !layer.drawn(y) && strokes.map_or(true, |s| s.rows[y][1] == 0) {
            out.invz[span.clone()].fill(0.0);
            out.colour[span.clone()].fill(0);
            if let Some((nearest, _)) = nearest.as_mut().filter(|n| n.0.empty) {
                nearest.invz[span.clone()].fill(0.0);
                nearest.id[span].fill(0);
            }
            continue;
        }
        if let Some((nearest, id)) = &mut nearest {
            nearest.take(invz, span.clone(), *id);
        }
        let weight = weight.map(|w| &w[span.clone()]);
        let (keys, colours) = (&mut out.invz[span.clone()], &mut out.colour[span.clone()]);
        keys.copy_from_slice(invz);
        plain(invz, shade, weight, paint, colours, &mut range);
        if let Some(s) = strokes.filter(|s| s.rows[y][0] < s.rows[y][1]) {
            let row = Row { invz, shade, weight, first: y * TILE };
            stroked(&row, s, s.rows[y], paint, keys, colours, &mut range);
        }
    }
    if let Some((nearest, _)) = nearest {
        nearest.empty = false;
    }
    let (mut lows, mut highs) = ([0.0; LANES], [0.0; LANES]);
    range[0].store(&mut lows);
    range[1].store(&mut highs);
    [lows.into_iter().fold(f32::INFINITY, f32::min), highs.into_iter().fold(0.0, f32::max)]
}

impl Layer<'_> {
    /// Whether any triangle may be on a row of the tile.
    fn drawn(&self, y: usize) -> bool {
        self.rows[0] <= y + APRON && y + APRON < self.rows[1]
    }
}

/// The only mesh on a tile: a row of it straight over the image, with its depth and ids.
#[allow(clippy::too_many_arguments)]
pub fn alone(
    layer: &Layer,
    strokes: Option<&Strokes>,
    paint: &Paint,
    y: usize,
    id: u8,
    image: &mut [u8],
    depth: &mut [f32],
    ids: &mut [u8],
) {
    if !layer.drawn(y) && strokes.map_or(true, |s| s.rows[y][1] == 0) {
        depth.fill(f32::INFINITY);
        ids.fill(0);
        return;
    }
    let start = (y + APRON) * layer.stride + APRON;
    let (invz, shade) = (&layer.invz[start..start + TILE], &layer.shade[start..start + TILE]);
    let (mut colours, mut range) = ([0; TILE], [F4::splat(0.0); 2]);
    if paint.fill > 0.0 {
        plain(invz, shade, None, paint, &mut colours, &mut range);
    }
    if let Some(s) = strokes.filter(|s| s.rows[y][0] < s.rows[y][1]) {
        let row = Row { invz, shade, weight: None, first: y * TILE };
        stroked(&row, s, s.rows[y], paint, &mut [0.0; TILE], &mut colours, &mut range);
    }
    crate::blend::row(image, &colours[..depth.len()]);
    distances(depth, invz);
    let (blocks, last) = ids.as_chunks_mut::<WIDE>();
    let own_id = I4::splat(i32::from(id));
    for (ids, z) in blocks.iter_mut().zip(invz.as_chunks::<WIDE>().0) {
        let own = |i: usize| four(z, i * LANES).greater(F4::splat(0.0)).choose(own_id, I4::splat(0));
        *ids = I4::bytes([own(0), own(1), own(2), own(3)]);
    }
    let rest = &invz[blocks.len() * WIDE..];
    last.iter_mut().zip(rest).for_each(|(i, z)| *i = if *z > 0.0 { id } else { 0 });
}

/// Depths of a row; inf where nothing is.
pub fn distances(depth: &mut [f32], invz: &[f32]) {
    let (blocks, last) = depth.as_chunks_mut::<WIDE>();
    for (depth, z) in blocks.iter_mut().zip(invz.as_chunks::<WIDE>().0) {
        for (i, depth) in depth.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            F4::splat(1.0).div(four(z, i * LANES)).store(depth);
        }
    }
    let rest = &invz[blocks.len() * WIDE..];
    last.iter_mut().zip(rest).for_each(|(d, z)| *d = 1.0 / z);
}

impl Nearest<'_> {
    /// Writes a row of depths and ids.
    pub fn write(&self, from: usize, depth: &mut [f32], ids: &mut [u8]) {
        distances(depth, &self.invz[from..]);
        let own = &self.id[from..];
        let (blocks, last) = ids.as_chunks_mut::<WIDE>();
        for (ids, own) in blocks.iter_mut().zip(own.as_chunks::<WIDE>().0) {
            let own = |i: usize| I4::new([0, 1, 2, 3].map(|k| own[i * LANES + k] as i32));
            *ids = I4::bytes([own(0), own(1), own(2), own(3)]);
        }
        last.iter_mut().zip(&own[blocks.len() * WIDE..]).for_each(|(i, v)| *i = *v as u8);
    }

    /// Takes a row of one mesh's surface where it is nearer.
    fn take(&mut self, invz: &[f32], span: core::ops::Range<usize>, id: u8) {
        let best = self.invz[span.clone()].as_chunks_mut::<WIDE>().0.iter_mut();
        let ids = self.id[span].as_chunks_mut::<WIDE>().0;
        let (id, zero) = (I4::splat(i32::from(id)), F4::splat(0.0));
        let empty = self.empty;
        for ((best, ids), z) in best.zip(ids).zip(invz.as_chunks::<WIDE>().0) {
            let fours = best.as_chunks_mut::<LANES>().0.iter_mut().zip(ids.as_chunks_mut::<LANES>().0);
            for (i, (best, ids)) in fours.enumerate() {
                let z = four(z, i * LANES);
                if empty {
                    z.store(best);
                    z.greater(zero).choose(id, I4::splat(0)).store(ids);
                } else {
                    let old = F4::new(*best);
                    let nearer = z.greater(old);
                    nearer.select(z, old).store(best);
                    nearer.choose(id, I4::new(ids.map(|v| v as i32))).store(ids);
                }
            }
        }
    }
}

/// A row of surface without lines.
#[inline(always)]
fn plain(invz: &[f32], shade: &[f32], weight: Option<&[f32]>, paint: &Paint, colours: &mut [u32], range: &mut [F4; 2]) {
    let (zero, far, none) = (F4::splat(0.0), F4::splat(f32::INFINITY), I4::splat(0));
    let fill = F4::splat(paint.fill);
    let [mut low, mut high] = *range;
    let blocks = invz.as_chunks::<WIDE>().0.iter().zip(shade.as_chunks::<WIDE>().0);
    for (n, ((z, shade), colours)) in blocks.zip(colours.as_chunks_mut::<WIDE>().0).enumerate() {
        let most = four(z, 0).max(four(z, 4)).max(four(z, 8).max(four(z, 12)));
        if !most.greater(zero).any() {
            colours.fill(0);
            continue;
        }
        high = high.max(most);
        for (i, colour) in colours.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let z = four(z, i * LANES);
            let inside = z.greater(zero);
            let fill = weight.map_or(fill, |w| fill.mul(four(w, n * WIDE + i * LANES)));
            let (lit, _) = paint.light(z, four(shade, i * LANES));
            inside.choose(paint.pack(lit.mul(fill), fill), none).store(colour);
            low = low.min(inside.select(z, far));
        }
    }
    *range = [low, high];
}

/// A row's surface; `first` is its first entry of the tile.
struct Row<'a> {
    invz: &'a [f32],
    shade: &'a [f32],
    weight: Option<&'a [f32]>,
    first: usize,
}

/// The part of a row that lines touch, anew.
fn stroked(
    row: &Row,
    s: &Strokes,
    touched: [u16; 2],
    paint: &Paint,
    keys: &mut [f32],
    colours: &mut [u32],
    range: &mut [F4; 2],
) {
    let (zero, one, half) = (F4::splat(0.0), F4::splat(1.0), F4::splat(0.5));
    let (far, none) = (F4::splat(f32::INFINITY), I4::splat(0));
    let (from, to) = (usize::from(touched[0]) / LANES, usize::from(touched[1]).div_ceil(LANES));
    let keys = &mut keys.as_chunks_mut::<LANES>().0[from..to];
    let colours = &mut colours.as_chunks_mut::<LANES>().0[from..to];
    for (i, (key, colour)) in keys.iter_mut().zip(colours).enumerate() {
        let x = (from + i) * LANES;
        let (z, at) = (four(row.invz, x), row.first + x);
        let inside = z.greater(zero);
        let (near, line) = (four(s.near, at), four(s.line, at));
        let cover = inside.select(half.add(near).min(one), half.sub(near).max(zero));
        let z = inside.select(z, four(s.invz, at));
        let some = z.greater(zero);
        z.store(key);
        let fill = F4::splat(paint.fill).mul(row.weight.map_or(one, |w| four(w, x)));
        let (lit, cue) = paint.light(z, inside.select(four(row.shade, x), four(s.shade, at)));
        let casing = F4::splat(paint.casing).mul(four(s.casing, at));
        let (fill, rest) = (fill.mul(cover).mul(one.sub(casing)), one.sub(line));
        let amount = lit.mul(fill.mul(rest)).add(cue.mul(line));
        let packed = paint.pack(amount, fill.add(casing).mul(rest).add(line));
        some.choose(packed, none).store(colour);
        range[0] = range[0].min(some.select(z, far));
        range[1] = range[1].max(z);
    }
}

/// Entries of a layer around its tile.
pub const APRON: usize = 8;
