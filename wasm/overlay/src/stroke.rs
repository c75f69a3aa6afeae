// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Lines of one mesh on one tile: opacity by the distance to the line, hidden where the mesh itself is in front.

use crate::bins::TILE;
use crate::fill::Layer;
use crate::lines::{CREASE, UPRIGHT};
use crate::project::sqrt;

/// How far outside of a silhouette its surroundings are looked at.
pub const BESIDE_PX: f32 = 1.25;
/// A line over its own mesh is drawn where that is farther by the second share of the depth, not by the first.
pub const STEP: [f32; 2] = [0.005, 0.015];
/// A dashed line's period and its drawn part, in widths.
pub const DASH: [f32; 2] = [7.5, 4.5];
/// What `near` holds far from any contour.
pub const FAR: f32 = 1e9;

/// Entries of TILE x TILE: opacity of the lines; distance to the mesh's outer contour; 1/z and shade of the nearest line,
/// and its distance. `rows` are the columns touched in each row.
pub struct Strokes<'a> {
    pub line: &'a mut [f32],
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
        let half = pen.width * 0.5 + 0.5;
        let invz = |u: f32, v: f32| {
            let i = (u + 0.5 + (x - layer.left) as f32) as usize;
            let j = (v + 0.5 + (y - layer.top) as f32) as usize;
            layer.invz[j * layer.stride + i]
        };
        let first = ceil(y0.min(y1) - half).max(0);
        let last = floor(y0.max(y1) + half).min(size[1] - 1);
        let (low, high) = (x0.min(x1) - half, x0.max(x1) + half);
        for v in first..=last {
            let py = v as f32 - y0;
            let (mut from, mut to) = (low, high);
            if dy.abs() > 0.25 {
                let (middle, reach) = (x0 + py * dx / dy, half * length / dy.abs());
                (from, to) = (from.max(middle - reach), to.min(middle + reach));
            }
            let (from, to) = (ceil(from).max(0), floor(to).min(size[0] - 1));
            for u in from..=to {
                let px = u as f32 - x0;
                let t = ((px * dx + py * dy) / squared).max(0.0).min(1.0);
                let (ox, oy) = (px - t * dx, py - t * dy);
                let d2 = ox * ox + oy * oy;
                if d2 >= half * half {
                    continue;
                }
                let (qx, qy, qz) = (x0 + t * dx, y0 + t * dy, z0 + t * (z1 - z0));
                let mut beside = invz(qx + BESIDE_PX * nx, qy + BESIDE_PX * ny);
                let shown = if crease {
                    let there = invz(qx - BESIDE_PX * nx, qy - BESIDE_PX * ny);
                    beside = if there < beside { there } else { beside };
                    (STEP[1] - (beside / qz - 1.0)) / (STEP[1] - STEP[0])
                } else {
                    ((1.0 - beside / qz) - STEP[0]) / (STEP[1] - STEP[0])
                };
                if shown <= 0.0 {
                    continue;
                }
                let d = root(d2);
                let mut a = opacity * shown.min(1.0) * (half - d).min(1.0);
                if pen.dashed {
                    a *= dash(
                        if upright { qy + y as f32 - pen.anchor[1] } else { qx + x as f32 - pen.anchor[0] },
                        pen.width,
                    );
                }
                let i = v as usize * TILE + u as usize;
                if self.rows[v as usize][1] == 0 {
                    self.clear_row(v as usize);
                }
                let row = &mut self.rows[v as usize];
                *row = [row[0].min(u as u16), row[1].max(u as u16 + 1)];
                self.line[i] = self.line[i].max(a);
                if !crease && beside == 0.0 {
                    self.near[i] = self.near[i].min(d);
                }
                if d < self.distance[i] {
                    (self.distance[i], self.invz[i], self.shade[i]) = (d, qz, shade);
                }
            }
        }
    }
}

fn dash(s: f32, width: f32) -> f32 {
    let (period, on) = (DASH[0] * width, DASH[1] * width);
    let phase = s / period;
    let off = (phase - libm::floorf(phase) - 0.5).abs() * period;
    (on * 0.5 - off + 0.5).max(0.0).min(1.0)
}

fn root(x: f32) -> f32 {
    sqrt(f64::from(x)) as f32
}

fn floor(x: f32) -> i32 {
    libm::floorf(x) as i32
}

fn ceil(x: f32) -> i32 {
    libm::ceilf(x) as i32
}
