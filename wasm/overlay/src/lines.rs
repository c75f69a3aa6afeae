// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Which edges are drawn: silhouettes, boundaries and creases.

use crate::bins::Span;
use crate::camera::REJECT;
use crate::edges::NONE;
use crate::faces::{Grid, MeshView};
use crate::fill::{SHIFT, SUBPIXEL};
use crate::project::{point, Vertex};
use crate::{clip, split, Rectangle};

/// Words of a segment: x0 y0 x1 y1 (1/256 px), 1/z at both ends, shade, flags.
pub const SEGMENT: usize = 8;
pub const CREASE: u32 = 1;
/// A dashed line's pattern runs along v, not u.
pub const UPRIGHT: u32 = 2;

/// Segments of this frame: `count` of them are used.
pub struct Segments<'a> {
    pub words: &'a mut [u32],
    pub spans: &'a mut [Span],
    pub count: usize,
}

impl Segments<'_> {
    fn push(&mut self, words: [u32; SEGMENT], grid: &Grid, half: i32, bounds: &mut Rectangle) -> bool {
        let p = [words[0] as i32, words[1] as i32, words[2] as i32, words[3] as i32];
        let (x0, x1) = ((p[0].min(p[2]) - half + SUBPIXEL - 1) >> SHIFT, (p[0].max(p[2]) + half) >> SHIFT);
        let (y0, y1) = ((p[1].min(p[3]) - half + SUBPIXEL - 1) >> SHIFT, (p[1].max(p[3]) + half) >> SHIFT);
        let span = grid.place(x0, y0, x1, y1, bounds);
        if span == crate::bins::NOWHERE {
            return true;
        }
        let Some(out) = self.words.get_mut(SEGMENT * self.count..SEGMENT * (self.count + 1)) else { return false };
        out.copy_from_slice(&words);
        self.spans[self.count] = span;
        self.count += 1;
        true
    }
}

/// Collects a mesh's segments, with the side that is outside on the left of their direction (as v points down: where
/// (-dy, dx) points). `half` is how far a line reaches, in sub-pixels. Returns false where there is no room.
pub fn lines(
    mesh: &MeshView,
    facing: &[u8],
    creases: bool,
    half: i32,
    grid: &Grid,
    out: &mut Segments,
    bounds: &mut Rectangle,
) -> bool {
    let grid = Grid { apron: 0, ..*grid };
    for e in mesh.edges.chunks_exact(4) {
        let (face, sharp) = (e[2] >> 1, e[2] & 1);
        let (other, same) = (e[3] >> 1, e[3] & 1);
        let front = facing[face as usize];
        let silhouette = other == NONE || front != facing[other as usize] ^ same as u8;
        if !silhouette && (sharp == 0 || !creases) {
            continue;
        }
        let ends = if front == 1 { [e[0], e[1]] } else { [e[1], e[0]] }.map(|i| i as usize);
        let flags = if silhouette { 0 } else { CREASE } | upright(mesh, ends);
        if !line(mesh, ends, flags, half, &grid, out, bounds) {
            return false;
        }
    }
    true
}

/// By the vertices' normals, which turn more evenly than the edges.
fn upright(mesh: &MeshView, ends: [usize; 2]) -> u32 {
    let [a, b] = ends.map(|i| point(mesh.normals, i));
    let [x, y] = mesh.pose.turn(&core::array::from_fn(|k| a[k] + b[k]));
    if x.abs() > y.abs() {
        UPRIGHT
    } else {
        0
    }
}

#[allow(clippy::too_many_arguments)]
fn line(
    mesh: &MeshView,
    ends: [usize; 2],
    flags: u32,
    half: i32,
    grid: &Grid,
    out: &mut Segments,
    bounds: &mut Rectangle,
) -> bool {
    let code = ends.map(|i| mesh.code[i]);
    if code[0] & code[1] & REJECT != 0 {
        return true;
    }
    let camera = mesh.camera;
    if code == [0, 0] {
        let [a, b] = ends.map(|i| mesh.corner(i));
        let long = (camera.short() as i32) << SHIFT;
        if camera.straight() || ((a.x - b.x).abs() <= long / 2 && (a.y - b.y).abs() <= long / 2) {
            let shade = ((a.shade + b.shade) * 0.5).to_bits();
            let (x, y) = ([a.x as u32, b.x as u32], [a.y as u32, b.y as u32]);
            let words = [x[0], y[0], x[1], y[1], a.invz.to_bits(), b.invz.to_bits(), shade, flags];
            return out.push(words, grid, half, bounds);
        }
    }
    let [a, b] = ends.map(|i| mesh.vertex(i));
    let Some([a, b]) = clip::line(&a, &b, camera) else { return true };
    let depth = if out.count > out.spans.len() / 4 * 3 { split::DEEPEST } else { 0 };
    let mut push = |a: &Vertex, b: &Vertex| {
        let shade = ((a.shade + b.shade) as f32 * 0.5).to_bits();
        let (a, b) = (a.corner(camera), b.corner(camera));
        let (x, y) = ([a.x as u32, b.x as u32], [a.y as u32, b.y as u32]);
        out.push([x[0], y[0], x[1], y[1], a.invz.to_bits(), b.invz.to_bits(), shade, flags], grid, half, bounds)
    };
    if camera.straight() {
        push(&a, &b)
    } else {
        split::line(&a, &b, camera, depth, &mut push)
    }
}
