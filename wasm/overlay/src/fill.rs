// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Triangle set-up and the two span fillers; coverage is integer arithmetic, exact on the sub-pixel grid.

use crate::lanes::{Mask, D2, F4, I4, LANES};
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
/// `stride` the entries of a row; a multiple of four, as blocks are; `clip` is x0, y0, x1, y1 in entries, x1 + 3 < stride; there is one more row than y1 tells.
pub struct Layer<'a> {
    pub invz: &'a mut [f32],
    pub shade: &'a mut [f32],
    pub stride: usize,
    pub left: i32,
    pub top: i32,
    pub clip: [i32; 4],
    /// First row that was drawn in, and the one behind the last.
    pub rows: [usize; 2],
}

/// `Layer::rows` of an empty layer.
pub const NO_ROWS: [usize; 2] = [usize::MAX, 0];

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

/// Most blocks of four columns that are filled at a time.
const STRIP: usize = 4;

/// A small triangle: its first entry, pairs of rows, edge functions and values (1/z, shade) with their steps.
struct Strip {
    start: usize,
    pairs: usize,
    rows: [I4; 3],
    step: [I4; 3],
    next: [I4; 3],
    at: D2,
    down: D2,
    ramps: [F4; 2],
    steps: [F4; 2],
}

impl Layer<'_> {
    /// Empties what was drawn.
    pub fn clear(&mut self) {
        let [first, last] = self.rows;
        if first < last {
            self.invz[first * self.stride..last * self.stride].fill(0.0);
        }
        self.rows = NO_ROWS;
    }

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
        if x0 > x1 || y0 > y1 {
            return;
        }
        let (first, last) = ((y0 - self.top) as usize, (y1 - self.top) as usize);
        self.rows = [self.rows[0].min(first), self.rows[1].max(last + 2)];
        if high_x - low_x < SMALL && high_y - low_y < SMALL {
            self.small(corners, [x0, y0, x1, y1]);
        } else {
            self.wide(corners, [x0, y0, x1, y1]);
        }
    }

    /// Four pixels at a time, every block of four columns that the bounding box touches, in 32-bit arithmetic. What the
    /// first and the last block have beyond the clip is drawn too: the row holds it.
    #[inline(always)]
    fn small(&mut self, [a, b, c]: &[Corner; 3], [x0, y0, x1, y1]: [i32; 4]) {
        let (p, mut q, mut r) = ([a.x, a.y], [b.x - a.x, b.y - a.y], [c.x - a.x, c.y - a.y]);
        let mut area = q[0] * r[1] - q[1] * r[0];
        let (base, mut u, mut w) = (D2::new(a.invz, a.shade), D2::new(b.invz, b.shade), D2::new(c.invz, c.shade));
        if area == 0 {
            return;
        }
        if area < 0 {
            (q, r, u, w, area) = (r, q, w, u, -area);
        }
        let column = (x0 - self.left) & !(LANES as i32 - 1);
        let (ox, oy) = (((column + self.left) << SHIFT) - p[0], (y0 << SHIFT) - p[1]);
        let (u, w, scale) = (u.sub(base), w.sub(base), f64::from(SUBPIXEL) / f64::from(area));
        let [q0, q1, r0, r1] = [q[0], q[1], r[0], r[1]].map(|v| f64::from(v) * scale);
        let across = u.scale(r1).sub(w.scale(q1));
        let down = w.scale(q0).sub(u.scale(r0));
        let to = |v: i32| f64::from(v) * (1.0 / SUBPIXEL as f64);
        let at = base.add(across.scale(to(ox)).add(down.scale(to(oy))));
        let edge = |dx: i32, dy: i32, px: i32, py: i32| {
            let top_left = dy < 0 || (dy == 0 && dx > 0);
            [-dy << SHIFT, dx << SHIFT, dx * py - dy * px - i32::from(!top_left)]
        };
        let edges = [
            edge(q[0], q[1], ox, oy),
            edge(r[0] - q[0], r[1] - q[1], ox - q[0], oy - q[1]),
            edge(-r[0], -r[1], ox - r[0], oy - r[1]),
        ];
        let (z, v) = across.splats();
        let mut strip = Strip {
            start: (y0 - self.top) as usize * self.stride + column as usize,
            pairs: (y1 - y0) as usize / 2 + 1,
            rows: edges.map(|e| I4::splat(e[2]).add(I4::ramp(e[0]))),
            step: edges.map(|e| I4::splat(e[0] * LANES as i32)),
            next: edges.map(|e| I4::splat(e[1])),
            at,
            down,
            ramps: [z.mul(F4::ramp()), v.mul(F4::ramp())],
            steps: [z, v].map(|v| v.mul(F4::splat(LANES as f32))),
        };
        let mut blocks = (x1 - self.left - column) as usize / LANES + 1;
        while blocks > STRIP {
            self.strip::<STRIP>(&strip);
            strip.start += STRIP * LANES;
            for (row, step) in strip.rows.iter_mut().zip(strip.step) {
                let twice = step.add(step);
                *row = row.add(twice).add(twice);
            }
            strip.at = strip.at.add(across.scale((STRIP * LANES) as f64));
            blocks -= STRIP;
        }
        match blocks {
            1 => self.strip::<1>(&strip),
            2 => self.strip::<2>(&strip),
            3 => self.strip::<3>(&strip),
            _ => self.strip::<STRIP>(&strip),
        }
    }

    /// Columns of W blocks, two rows at a time, the last of which may be below the triangle. Straight code: what a loop
    /// holds is stored and read again at each turn, as the deadline is looked at there.
    #[inline(always)]
    fn strip<const W: usize>(&mut self, s: &Strip) {
        let (mut start, mut rows, mut at) = (s.start, s.rows, s.at);
        for _ in 0..s.pairs {
            for _ in 0..2 {
                let (z, v) = at.splats();
                let (mut z, mut v, mut e) = (z.add(s.ramps[0]), v.add(s.ramps[1]), rows);
                let range = start..start + W * LANES;
                let invz = &mut self.invz[range.clone()].as_chunks_mut::<LANES>().0[..W];
                let shade = &mut self.shade[range].as_chunks_mut::<LANES>().0[..W];
                for k in 0..W {
                    let outside = e[0].or(e[1]).or(e[2]).negative();
                    let (old_z, old_v) = (F4::new(invz[k]), F4::new(shade[k]));
                    let draw = z.greater(old_z).and_not(outside);
                    draw.select(z, old_z).store(&mut invz[k]);
                    draw.select(v, old_v).store(&mut shade[k]);
                    e = [e[0].add(s.step[0]), e[1].add(s.step[1]), e[2].add(s.step[2])];
                    (z, v) = (z.add(s.steps[0]), v.add(s.steps[1]));
                }
                rows = [rows[0].add(s.next[0]), rows[1].add(s.next[1]), rows[2].add(s.next[2])];
                at = at.add(s.down);
                start += self.stride;
            }
        }
    }

    /// One of any size, in 64-bit arithmetic.
    fn wide(&mut self, [a, b, c]: &[Corner; 3], [x0, y0, x1, y1]: [i32; 4]) {
        let area = area(a, b, c);
        if area == 0 {
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
        self.large(&Setup {
            edges: [Edge::new(&c[0], &c[1], x0, y0), Edge::new(&c[1], &c[2], x0, y0), Edge::new(&c[2], &c[0], x0, y0)],
            invz: plane(c.map(|v| v.invz)),
            shade: plane(c.map(|v| v.shade)),
            start: (y0 - self.top) as usize * self.stride + (x0 - self.left) as usize,
            columns: x1 - x0 + 1,
            rows: y1 - y0 + 1,
        });
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
    F4::ramp().mul(F4::splat(step))
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
