// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Triangle set-up and the two span fillers; coverage is integer arithmetic, exact on the sub-pixel grid.

use crate::lanes::{Mask, F4, I4, LANES};
use crate::project::Corner;

/// Positions on the screen are multiples of 1/SUBPIXEL px.
pub const SUBPIXEL: i32 = 256;
pub const SHIFT: u32 = 8;
/// Triangles up to this many sub-pixels wide and high have edge functions that fit 32 bits.
const SMALL: i32 = 64 * SUBPIXEL;

/// A pixel coordinate to the nearest sub-pixel; |u| is bounded by the field polygon, far below 2^22.
#[inline]
pub fn snap(u: f64) -> i32 {
    const OFFSET: f64 = (1u64 << 30) as f64;
    ((u * f64::from(SUBPIXEL) + 0.5 + OFFSET) as i64 - (1 << 30)) as i32
}

/// Twice the signed area on the grid; negative where the triangle's front is seen (v points down).
#[inline(always)]
pub fn area(a: &Corner, b: &Corner, c: &Corner) -> i64 {
    i64::from(b.x - a.x) * i64::from(c.y - a.y) - i64::from(b.y - a.y) * i64::from(c.x - a.x)
}

/// Nearest surface of one mesh on one tile: 1/z (0 for none) and shade. `left`, `top` are the pixel of its first entry,
/// `stride` the entries of a row; `clip` is x0, y0, x1, y1 in entries, x1 + 3 < stride.
pub struct Layer<'a> {
    pub invz: &'a mut [f32],
    pub shade: &'a mut [f32],
    pub stride: usize,
    pub left: i32,
    pub top: i32,
    pub clip: [i32; 4],
}

/// E(x, y) = c + a x + b y at sample points, in units where inside is E >= 0 with the top-left rule in c.
#[derive(Clone, Copy)]
struct Edge {
    a: i64,
    b: i64,
    c: i64,
}

impl Edge {
    /// The directed edge p to q, its origin moved to the pixel (x, y).
    #[inline(always)]
    fn new(p: &Corner, q: &Corner, x: i32, y: i32) -> Self {
        let (dx, dy) = (i64::from(q.x - p.x), i64::from(q.y - p.y));
        let (px, py) = (i64::from(x << SHIFT) - i64::from(p.x), i64::from(y << SHIFT) - i64::from(p.y));
        let top_left = dy < 0 || (dy == 0 && dx > 0);
        Edge { a: -dy << SHIFT, b: dx << SHIFT, c: dx * py - dy * px - i64::from(!top_left) }
    }
}

/// A value linear on the screen: value at the origin pixel, and its steps.
#[derive(Clone, Copy)]
struct Plane {
    at: f64,
    dx: f64,
    dy: f64,
}

impl Plane {
    #[inline(always)]
    fn row(&self, y: i32) -> f32 {
        (self.at + self.dy * f64::from(y)) as f32
    }
}

struct Setup {
    edges: [Edge; 3],
    invz: Plane,
    shade: Plane,
    start: usize,
    columns: i32,
    rows: i32,
}

impl Layer<'_> {
    /// Fills one triangle of either orientation; one without area on the grid covers nothing.
    #[inline]
    pub fn triangle(&mut self, corners: &[Corner; 3]) {
        let [a, b, c] = corners;
        let (low_x, high_x) = (a.x.min(b.x).min(c.x), a.x.max(b.x).max(c.x));
        let (low_y, high_y) = (a.y.min(b.y).min(c.y), a.y.max(b.y).max(c.y));
        let x0 = ((low_x + SUBPIXEL - 1) >> SHIFT).max(self.left + self.clip[0]);
        let y0 = ((low_y + SUBPIXEL - 1) >> SHIFT).max(self.top + self.clip[1]);
        let x1 = (high_x >> SHIFT).min(self.left + self.clip[2] - 1);
        let y1 = (high_y >> SHIFT).min(self.top + self.clip[3] - 1);
        let area = area(a, b, c);
        if x0 > x1 || y0 > y1 || area == 0 {
            return;
        }
        let c = if area > 0 { [*a, *b, *c] } else { [*a, *c, *b] };
        let scale = f64::from(SUBPIXEL) / area.abs() as f64;
        let (x1f, y1f) = (f64::from(c[1].x - c[0].x), f64::from(c[1].y - c[0].y));
        let (x2f, y2f) = (f64::from(c[2].x - c[0].x), f64::from(c[2].y - c[0].y));
        let (ox, oy) = (f64::from((x0 << SHIFT) - c[0].x), f64::from((y0 << SHIFT) - c[0].y));
        let plane = |v: [f32; 3]| {
            let (u1, u2) = (f64::from(v[1]) - f64::from(v[0]), f64::from(v[2]) - f64::from(v[0]));
            let dx = (u1 * y2f - u2 * y1f) * scale;
            let dy = (u2 * x1f - u1 * x2f) * scale;
            Plane { at: f64::from(v[0]) + (dx * ox + dy * oy) * (1.0 / SUBPIXEL as f64), dx, dy }
        };
        let setup = Setup {
            edges: [Edge::new(&c[0], &c[1], x0, y0), Edge::new(&c[1], &c[2], x0, y0), Edge::new(&c[2], &c[0], x0, y0)],
            invz: plane(c.map(|v| v.invz)),
            shade: plane(c.map(|v| v.shade)),
            start: (y0 - self.top) as usize * self.stride + (x0 - self.left) as usize,
            columns: x1 - x0 + 1,
            rows: y1 - y0 + 1,
        };
        if high_x - low_x < SMALL && high_y - low_y < SMALL {
            self.small(&setup);
        } else {
            self.large(&setup);
        }
    }

    /// Four pixels at a time, every block of the bounding box, 32-bit edge functions. What a last block has beyond the clip
    /// is drawn too: the row's slack holds it.
    #[inline]
    fn small(&mut self, s: &Setup) {
        let step = s.edges.map(|e| I4::splat(e.a as i32 * LANES as i32));
        let down = s.edges.map(|e| I4::splat(e.b as i32));
        let mut rows = s.edges.map(|e| I4::new([0, 1, 2, 3].map(|i| (e.c as i32).wrapping_add(e.a as i32 * i))));
        let (dz, ds) = (s.invz.dx as f32, s.shade.dx as f32);
        let (z_ramp, v_ramp) = (ramp(dz), ramp(ds));
        let (z_step, v_step) = (F4::splat(dz * LANES as f32), F4::splat(ds * LANES as f32));
        let width = (s.columns as usize).next_multiple_of(LANES);
        let invz = self.invz[s.start..].chunks_mut(self.stride);
        let shade = self.shade[s.start..].chunks_mut(self.stride);
        for ((y, invz), shade) in (0..s.rows).zip(invz).zip(shade) {
            let (mut z, mut v) = (F4::splat(s.invz.row(y)).add(z_ramp), F4::splat(s.shade.row(y)).add(v_ramp));
            let mut w = rows;
            let mut seen = false;
            let blocks = invz[..width].as_chunks_mut::<LANES>().0.iter_mut();
            for (invz, shade) in blocks.zip(shade[..width].as_chunks_mut::<LANES>().0) {
                let inside = w[0].or(w[1]).or(w[2]).positive();
                if inside.any() {
                    seen = true;
                    put(inside, z, v, invz, shade);
                } else if seen {
                    break;
                }
                w = [w[0].add(step[0]), w[1].add(step[1]), w[2].add(step[2])];
                (z, v) = (z.add(z_step), v.add(v_step));
            }
            rows = [rows[0].add(down[0]), rows[1].add(down[1]), rows[2].add(down[2])];
        }
    }

    /// Row by row, the span from the edge functions' roots.
    fn large(&mut self, s: &Setup) {
        let (dz, ds) = (s.invz.dx as f32, s.shade.dx as f32);
        let (z_step, v_step) = (F4::splat(dz * LANES as f32), F4::splat(ds * LANES as f32));
        for y in 0..s.rows {
            let Some((first, last)) = span(&s.edges, i64::from(y), i64::from(s.columns) - 1) else { continue };
            let start = s.start + y as usize * self.stride + first;
            let range = start..start + (last - first + 1).next_multiple_of(LANES);
            let mut z = F4::splat(s.invz.row(y) + dz * first as f32).add(ramp(dz));
            let mut v = F4::splat(s.shade.row(y) + ds * first as f32).add(ramp(ds));
            let mut left = I4::new([0, 1, 2, 3].map(|i| (last - first) as i32 - i));
            let blocks = self.invz[range.clone()].as_chunks_mut::<LANES>().0.iter_mut();
            for (invz, shade) in blocks.zip(self.shade[range].as_chunks_mut::<LANES>().0) {
                put(left.positive(), z, v, invz, shade);
                left = left.add(I4::splat(-(LANES as i32)));
                (z, v) = (z.add(z_step), v.add(v_step));
            }
        }
    }
}

#[inline(always)]
fn ramp(step: f32) -> F4 {
    F4::new([0.0, step, 2.0 * step, 3.0 * step])
}

/// Keeps the nearer of four pixels.
#[inline(always)]
fn put(inside: Mask, z: F4, v: F4, invz: &mut [f32; LANES], shade: &mut [f32; LANES]) {
    let (old_z, old_v) = (F4::new(*invz), F4::new(*shade));
    let draw = inside.and(z.greater(old_z));
    draw.select(z, old_z).store(invz);
    draw.select(v, old_v).store(shade);
}

/// First and last column of a row where all three edge functions are >= 0.
fn span(edges: &[Edge; 3], y: i64, last: i64) -> Option<(usize, usize)> {
    let (mut low, mut high) = (0, last);
    for e in edges {
        let w = e.c + e.b * y;
        if e.a > 0 {
            low = low.max(-w.div_euclid(e.a));
        } else if e.a < 0 {
            high = high.min(w.div_euclid(-e.a));
        } else if w < 0 {
            return None;
        }
    }
    (low <= high).then_some((low as usize, high as usize))
}
