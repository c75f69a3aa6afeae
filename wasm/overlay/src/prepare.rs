// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Once a mesh: index check, vertices of one place welded, unit normals, bounds, edges.

use crate::edges;
use crate::project::{point, sqrt};

/// Words of a row of the table: first vertex, vertices, first triangle, triangles (the caller's); first edge, edges, kind
/// (CLOSED_OUT, CLOSED_IN or 0), spare, bounds (six f32: low x y z, high x y z), two spare.
pub const ROW: usize = 16;
pub const CLOSED_OUT: u32 = 1;
pub const CLOSED_IN: u32 = 2;

/// Words of scratch that `prepare` needs.
pub const fn scratch(vertices: usize, triangles: usize) -> usize {
    3 * vertices + 1 + 3 * triangles
}

/// Fills `normals` (the area-weighted mean of the faces', zero where a vertex has no area around it), `edges` and the
/// table's rows. Returns false where a table entry or an index is out of range.
pub fn prepare(
    vertices: &[f32],
    triangles: &[u32],
    table: &mut [u32],
    normals: &mut [f32],
    edges: &mut [u32],
    scratch: &mut [u32],
) -> bool {
    normals.fill(0.0);
    let mut next = 0;
    table.chunks_exact_mut(ROW).all(|row| {
        let [first, count, start, faces] = [row[0], row[1], row[2], row[3]].map(|v| v as usize);
        let fits = first.checked_add(count).is_some_and(|n| n <= vertices.len() / 3)
            && start.checked_add(faces).is_some_and(|n| n <= triangles.len() / 3);
        if !fits {
            return false;
        }
        let vertices = &vertices[3 * first..3 * (first + count)];
        let triangles = &triangles[3 * start..3 * (start + faces)];
        if triangles.iter().any(|i| *i as usize >= count) {
            return false;
        }
        let (canon, rest) = scratch.split_at_mut(count);
        weld(vertices, canon, &mut rest[..count]);
        smooth(vertices, triangles, canon, &mut normals[3 * first..3 * (first + count)]);
        let (found, kind) = edges::build(vertices, triangles, canon, rest, &mut edges[4 * next..]);
        row[4..8].copy_from_slice(&[next as u32, found as u32, kind, 0]);
        row[8..14].copy_from_slice(&bounds(vertices));
        next += found;
        true
    })
}

/// Places are told apart to a tenth of a micrometre.
const WELD: f64 = 1e7;

/// The first vertex of each one's place.
fn weld(vertices: &[f32], canon: &mut [u32], order: &mut [u32]) {
    let place = |i: u32| point(vertices, i as usize).map(|v| libm::floor(v * WELD + 0.5) as i64);
    order.iter_mut().enumerate().for_each(|(i, o)| *o = i as u32);
    order.sort_unstable_by_key(|i| (place(*i), *i));
    let mut first = 0;
    for (n, i) in order.iter().enumerate() {
        if n == 0 || place(*i) != place(first) {
            first = *i;
        }
        canon[*i as usize] = first;
    }
}

fn smooth(vertices: &[f32], triangles: &[u32], canon: &[u32], normals: &mut [f32]) {
    for t in triangles.chunks_exact(3) {
        let n = face_normal(vertices, t);
        for i in t {
            let c = canon[*i as usize] as usize;
            (0..3).for_each(|k| normals[3 * c + k] += n[k] as f32);
        }
    }
    for (i, c) in canon.iter().enumerate() {
        let c = *c as usize;
        if c == i {
            let n = &mut normals[3 * i..3 * i + 3];
            let length = sqrt(n.iter().map(|v| f64::from(*v) * f64::from(*v)).sum());
            let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
            n.iter_mut().for_each(|v| *v = (f64::from(*v) * scale) as f32);
        } else {
            normals.copy_within(3 * c..3 * c + 3, 3 * i);
        }
    }
}

/// Twice the area, along the normal.
pub fn face_normal(vertices: &[f32], t: &[u32]) -> [f64; 3] {
    let [a, b, c] = [t[0], t[1], t[2]].map(|i| point(vertices, i as usize));
    let minus = |a: &[f64; 3], b: &[f64; 3]| [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    cross(&minus(&b, &a), &minus(&c, &a))
}

pub fn cross(u: &[f64; 3], v: &[f64; 3]) -> [f64; 3] {
    [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
}

pub fn dot(u: &[f64; 3], v: &[f64; 3]) -> f64 {
    u[0] * v[0] + u[1] * v[1] + u[2] * v[2]
}

fn bounds(vertices: &[f32]) -> [u32; 6] {
    let (mut low, mut high) = ([f32::MAX; 3], [f32::MIN; 3]);
    for v in vertices.chunks_exact(3) {
        for k in 0..3 {
            (low[k], high[k]) = (low[k].min(v[k]), high[k].max(v[k]));
        }
    }
    [low[0], low[1], low[2], high[0], high[1], high[2]].map(f32::to_bits)
}
