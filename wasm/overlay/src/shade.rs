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

type Four = [f32; LANES];

fn four(row: &[f32], x: usize) -> F4 {
    F4::new(row[x..x + LANES].first_chunk::<LANES>().map_or([0.0; LANES], |v: &Four| *v))
}

impl Paint {
    /// Shade to light, with the depth cue.
    #[inline(always)]
    fn light(&self, invz: F4, shade: F4) -> (F4, F4) {
        let (zero, one) = (F4::splat(0.0), F4::splat(1.0));
        let lit = F4::splat(AMBIENT).add(F4::splat(1.0 - AMBIENT).mul(shade.max(zero).min(one)));
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
    let (zero, one, far) = (F4::splat(0.0), F4::splat(1.0), F4::splat(f32::INFINITY));
    let (mut low, mut high) = (far, zero);
    let none = I4::splat(0);
    let inset = layer.stride * APRON + APRON;
    for y in 0..rows {
        let start = y * layer.stride + inset;
        let (invz, shade) = (&layer.invz[start..start + TILE], &layer.shade[start..start + TILE]);
        let span = y * TILE..(y + 1) * TILE;
        let touched = strokes.map_or([0, 0], |s| s.rows[y]).map(usize::from);
        let keys = out.invz[span.clone()].as_chunks_mut::<LANES>().0;
        let colours = out.colour[span.clone()].as_chunks_mut::<LANES>().0;
        for (i, (key, colour)) in keys.iter_mut().zip(colours).enumerate() {
            let x = i * LANES;
            let z = four(invz, x);
            let inside = z.greater(zero);
            if let Some((nearest, id)) = &mut nearest {
                let at = y * TILE + x;
                if nearest.empty {
                    if let Some(ids) = nearest.id[at..at + LANES].first_chunk_mut::<LANES>() {
                        inside.choose(I4::splat(i32::from(*id)), none).store(ids);
                    }
                    if let Some(to) = nearest.invz[at..at + LANES].first_chunk_mut::<LANES>() {
                        z.store(to);
                    }
                } else if inside.any() {
                    let best = four(nearest.invz, at);
                    let nearer = z.greater(best);
                    let ids: &mut [u32] = &mut nearest.id[at..at + LANES];
                    let old = I4::new([ids[0] as i32, ids[1] as i32, ids[2] as i32, ids[3] as i32]);
                    if let Some(ids) = ids.first_chunk_mut::<LANES>() {
                        nearer.choose(I4::splat(i32::from(*id)), old).store(ids);
                    }
                    if let Some(to) = nearest.invz[at..at + LANES].first_chunk_mut::<LANES>() {
                        nearer.select(z, best).store(to);
                    }
                }
            }
            let weight = weight.map_or(one, |w| four(w, y * TILE + x));
            let fill = F4::splat(paint.fill).mul(weight);
            if x + LANES <= touched[0] || x >= touched[1] {
                z.store(key);
                if !inside.any() {
                    none.store(colour);
                    continue;
                }
                let (lit, _) = paint.light(z, four(shade, x));
                inside.choose(paint.pack(lit.mul(fill), fill), none).store(colour);
                (low, high) = (low.min(inside.select(z, far)), high.max(z));
            } else if let Some(s) = strokes {
                let at = y * TILE + x;
                let (near, line) = (four(s.near, at), four(s.line, at));
                let half = F4::splat(0.5);
                let cover = inside.select(half.add(near).min(one), half.sub(near).max(zero));
                let z = inside.select(z, four(s.invz, at));
                let some = z.greater(zero);
                z.store(key);
                let (lit, cue) = paint.light(z, inside.select(four(shade, x), four(s.shade, at)));
                let under = fill.mul(cover).mul(one.sub(line));
                let colours = paint.pack(lit.mul(under).add(cue.mul(line)), under.add(line));
                some.choose(colours, none).store(colour);
                (low, high) = (low.min(some.select(z, far)), high.max(z));
            }
        }
    }
    if let Some((nearest, _)) = nearest {
        nearest.empty = false;
    }
    let (mut lows, mut highs) = ([0.0; LANES], [0.0; LANES]);
    low.store(&mut lows);
    high.store(&mut highs);
    [lows.into_iter().fold(f32::INFINITY, f32::min), highs.into_iter().fold(0.0, f32::max)]
}

/// Entries of a layer around its tile.
pub const APRON: usize = 8;
