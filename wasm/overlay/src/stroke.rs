// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Lines of one mesh on one tile: opacity by the distance to the line, hidden where the mesh itself is in front.

use crate::bins::TILE;
use crate::fill::Layer;
use crate::lanes::{Mask, F4, I4, LANES};
use crate::lines::{CREASE, UPRIGHT};
use crate::project::sqrt;
use crate::shade::APRON;

/// How far outside of a silhouette its surroundings are looked at.
pub const BESIDE_PX: f32 = 1.25;
/// A line over its own mesh is drawn where that is farther by the second share of the depth, not by the first.
pub const STEP: [f32; 2] = [0.005, 0.015];
/// A dashed line's period and its drawn part, in widths.
pub const DASH: [f32; 2] = [7.5, 4.5];
/// A line's dark casing on each side: its width in the line's widths, and its opacity of the line's.
pub const CASING: [f32; 2] = [0.35, 0.5];
/// What `near` holds far from any contour.
pub const FAR: f32 = 1e9;

/// Entries of TILE x TILE: opacity of the lines and of their casings; distance to the mesh's outer contour; 1/z and shade of the nearest line,
/// and its distance. `rows` are the columns touched in each row.
pub struct Strokes<'a> {
    pub line: &'a mut [f32],
    pub casing: &'a mut [f32],
    pub near: &'a mut [f32],
    pub invz: &'a mut [f32],
    pub shade: &'a mut [f32],
    pub distance: &'a mut [f32],
    pub rows: [[u16; 2]; TILE],
}

/// How a mesh's lines are drawn; `anchor` is where a dashed line's pattern begins.
#[derive(Clone, Copy)]
pub struct Pen {
    pub outline: f32,
    pub crease: f32,
    pub width: f32,
    pub dashed: bool,
    pub anchor: [f32; 2],
}

impl Strokes<'_> {
    /// Rows are emptied where a line first touches them: what is not within `rows` is anything.
    pub fn clear(&mut self) {
        self.rows = [[TILE as u16, 0]; TILE];
    }

    fn clear_row(&mut self, y: usize) {
        let row = y * TILE..(y + 1) * TILE;
        self.line[row.clone()].fill(0.0);
        self.casing[row.clone()].fill(0.0);
        self.near[row.clone()].fill(FAR);
        self.invz[row.clone()].fill(0.0);
        self.distance[row].fill(FAR);
    }

    /// Draws a segment of the tile whose first pixel is (x, y), in which `size` pixels are in the picture.
    pub fn draw(&mut self, s: &[u32], layer: &Layer, x: i32, y: i32, size: [i32; 2], pen: &Pen) {
        let local = |v: u32, origin: i32| (v as i32 - origin * 256) as f32 * (1.0 / 256.0);
        let (x0, y0, x1, y1) = (local(s[0], x), local(s[1], y), local(s[2], x), local(s[3], y));
        let (z0, z1, shade) = (f32::from_bits(s[4]), f32::from_bits(s[5]), f32::from_bits(s[6]));
        let (dx, dy) = (x1 - x0, y1 - y0);
        let squared = dx * dx + dy * dy;
        if squared == 0.0 {
            return;
        }
        let length = root(squared);
        let (nx, ny) = (-dy / length, dx / length);
        let (crease, upright) = (s[7] & CREASE != 0, s[7] & UPRIGHT != 0);
        let opacity = if crease { pen.crease } else { pen.outline };
        let half = reach(pen.width);
        let (first, last) = ((y0.min(y1) - half).max(0.0) as i32, y0.max(y1) + half);
        let (low, high) = (x0.min(x1) - half, x0.max(x1) + half);
        if last < 0.0 || high < 0.0 {
            return;
        }
        let last = (last as i32).min(size[1] - 1);
        let steep = dy.abs() > 0.25;
        let (slope, beyond) = if steep { (dx / dy, half * length / dy.abs() + 0.01) } else { (0.0, 0.0) };
        let line = Line {
            start: [x0, y0, z0],
            along: [dx, dy, z1 - z0],
            inverse: 1.0 / squared,
            side: [nx, ny],
            shade,
            crease,
            opacity,
        };
        let dash =
            pen.dashed.then_some(if upright { (1, y as f32 - pen.anchor[1]) } else { (0, x as f32 - pen.anchor[0]) });
        for v in first..=last {
            let (mut from, mut to) = (low, high);
            if steep {
                let middle = x0 + (v as f32 - y0) * slope;
                (from, to) = (from.max(middle - beyond), to.min(middle + beyond));
            }
            if to < 0.0 {
                continue;
            }
            let (from, to) = (from.max(0.0) as usize / LANES, (to as i32).min(size[0] - 1) as usize / LANES);
            for block in from..=to {
                self.four(v as usize, block, &line, dash, layer, pen);
            }
        }
    }

    /// Four pixels of a row.
    #[inline(always)]
    fn four(&mut self, v: usize, block: usize, s: &Line, dash: Option<(usize, f32)>, layer: &Layer, pen: &Pen) {
        let [x0, y0, z0] = s.start.map(F4::splat);
        let [dx, dy, dz] = s.along.map(F4::splat);
        let (zero, one, half) = (F4::splat(0.0), F4::splat(1.0), F4::splat(pen.width * 0.5 + 0.5));
        let (px, py) = (F4::splat((block * LANES) as f32).add(F4::ramp()).sub(x0), F4::splat(v as f32).sub(y0));
        let t = px.mul(dx).add(py.mul(dy)).mul(F4::splat(s.inverse)).max(zero).min(one);
        let (ox, oy) = (px.sub(t.mul(dx)), py.sub(t.mul(dy)));
        let d2 = ox.mul(ox).add(oy.mul(oy));
        let widest = F4::splat(reach(pen.width));
        let reached = widest.mul(widest).greater(d2);
        if !reached.any() {
            return;
        }
        let q = [x0.add(t.mul(dx)), y0.add(t.mul(dy)), z0.add(t.mul(dz))];
        let [nx, ny] = s.side.map(|n| F4::splat(BESIDE_PX * n));
        let look = |u: F4, v: F4| {
            let whole = |x: F4| x.add(F4::splat(0.5)).add(F4::splat(APRON as f32)).whole();
            let at = whole(v).mul(I4::splat(layer.stride as i32)).add(whole(u));
            F4::new(reached.choose(at, I4::splat(0)).lanes().map(|i| layer.invz[i as usize]))
        };
        let mut beside = look(q[0].add(nx), q[1].add(ny));
        let step = F4::splat(1.0 / (STEP[1] - STEP[0]));
        let shown = if s.crease {
            beside = beside.min(look(q[0].sub(nx), q[1].sub(ny)));
            F4::splat(STEP[1]).sub(beside.div(q[2]).sub(one)).mul(step)
        } else {
            one.sub(beside.div(q[2])).sub(F4::splat(STEP[0])).mul(step)
        };
        let hit = reached.and(shown.greater(zero));
        if !hit.any() {
            return;
        }
        let d = d2.sqrt();
        let mut a = F4::splat(s.opacity).mul(shown.min(one));
        if let Some((axis, offset)) = dash {
            a = a.mul(dashes(q[axis].add(F4::splat(offset)), pen.width));
        }
        if self.rows[v][1] == 0 {
            self.clear_row(v);
        }
        let row = &mut self.rows[v];
        *row = [row[0].min((block * LANES) as u16), row[1].max((block * LANES + LANES) as u16)];
        let at = v * TILE + block * LANES;
        let four = |of: &mut [f32], mask: Mask, new: F4, pick: fn(F4, F4) -> F4| {
            if let Some(of) = of[at..].first_chunk_mut::<LANES>() {
                let old = F4::new(*of);
                mask.select(pick(old, new), old).store(of);
            }
        };
        four(self.line, hit, a.mul(half.sub(d).max(zero).min(one)), F4::max);
        four(self.casing, hit, a.mul(widest.sub(d).min(one)), F4::max);
        if !s.crease {
            four(self.near, hit.and_not(beside.greater(zero)), d, F4::min);
        }
        let old = self.distance[at..].first_chunk::<LANES>().map_or(zero, |v| F4::new(*v));
        let closer = hit.and(old.greater(d));
        four(self.distance, closer, d, |_, new| new);
        four(self.invz, closer, q[2], |_, new| new);
        four(self.shade, closer, F4::splat(s.shade), |_, new| new);
    }
}

/// A segment on a tile: first end and the way to the other (px, px, 1/z), one over that way's square, the unit vector to its left.
struct Line {
    start: [f32; 3],
    along: [f32; 3],
    inverse: f32,
    side: [f32; 2],
    shade: f32,
    crease: bool,
    opacity: f32,
}

/// How far a line and its casing reach from its middle.
pub fn reach(width: f32) -> f32 {
    width * (0.5 + CASING[0]) + 0.5
}

fn dashes(s: F4, width: f32) -> F4 {
    let (period, on, half) = (F4::splat(DASH[0] * width), F4::splat(DASH[1] * width), F4::splat(0.5));
    let phase = s.div(period);
    let off = phase.sub(phase.floor()).sub(half);
    let off = off.max(F4::splat(0.0).sub(off)).mul(period);
    on.mul(half).sub(off).add(half).max(F4::splat(0.0)).min(F4::splat(1.0))
}

fn root(x: f32) -> f32 {
    sqrt(f64::from(x)) as f32
}
