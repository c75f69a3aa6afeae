// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Normals of a cloud: the direction in which a point's nearest neighbours spread least (Hoppe et al., SIGGRAPH 1992).

use crate::tree::{Tree, Visitor};
use crate::vector::{at, cross, dot, norm, put, scale, sub, V3};
use crate::visitors::Neighbours;

/// Fewer neighbours than this say nothing about a plane.
pub const FEWEST: usize = 5;
/// Neighbours on a line (second variance below this share of the first) have no normal.
pub const LINE: f64 = 1e-9;

/// Writes one unit normal a point (zero where there is none), `points` in the tree's order, and a quarter of its squared
/// distance to the nearest other point where `gaps` has room.
pub fn estimate(points: &[f64], tree: &Tree, neighbours: usize, normals: &mut [f64], gaps: &mut [f32]) {
    let (mut before, mut radius) = ([0.0; 3], f64::INFINITY);
    for i in 0..points.len() / 3 {
        let p = at(points, i);
        // all that the last point found lies within its radius and the step from there to here
        let step = norm(&sub(&p, &before));
        let within = (radius + step) * 1.0001 + 1e-6 * (norm(&p) + step);
        let mut found = Neighbours::new(neighbours, (within * within).min(1e30) as f32);
        tree.search(p.map(|v| v as f32), &mut found);
        radius = if found.count == neighbours { libm::sqrt(f64::from(found.reach())) } else { f64::INFINITY };
        before = p;
        if let Some(gap) = gaps.get_mut(i) {
            *gap = found.gap();
        }
        put(normals, i, normal(points, &p, &found.index[..found.count]));
    }
}

fn normal(points: &[f64], centre: &V3, neighbours: &[u32]) -> V3 {
    if neighbours.len() < FEWEST {
        return [0.0; 3];
    }
    let (mut sum, mut c) = ([0.0; 3], [0.0; 6]);
    for j in neighbours {
        let p = at(points, *j as usize);
        let d = [p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]];
        for k in 0..3 {
            sum[k] += d[k];
        }
        let products = [d[0] * d[0], d[0] * d[1], d[0] * d[2], d[1] * d[1], d[1] * d[2], d[2] * d[2]];
        for k in 0..6 {
            c[k] += products[k];
        }
    }
    let share = 1.0 / neighbours.len() as f64;
    let [x, y, z] = sum.map(|v| v * share);
    let means = [x * x, x * y, x * z, y * y, y * z, z * z];
    least(core::array::from_fn(|k| c[k] * share - means[k]))
}

/// Unit eigenvector of the least eigenvalue of a covariance xx xy xz yy yz zz, zero where it is not unique.
///
/// Newton's method from zero runs monotonically up to the least root of the characteristic polynomial.
pub fn least(c: [f64; 6]) -> V3 {
    let trace = c[0] + c[3] + c[5];
    if trace <= 0.0 {
        return [0.0; 3];
    }
    let [xx, xy, xz, yy, yz, zz] = c.map(|v| v / trace);
    let minors = xx * yy - xy * xy + xx * zz - xz * xz + yy * zz - yz * yz;
    let det = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz);
    let mut root = 0.0;
    for _ in 0..60 {
        let value = ((root - 1.0) * root + minors) * root - det;
        let slope = (3.0 * root - 2.0) * root + minors;
        if value >= 0.0 || slope <= 0.0 {
            break;
        }
        let step = value / slope;
        root -= step;
        if -step < 1e-15 {
            break;
        }
    }
    // the others: their sum 1 - root, their product minors - root (1 - root)
    let (sum, product) = (1.0 - root, minors - root * (1.0 - root));
    if product < LINE * sum * sum {
        return [0.0; 3];
    }
    let rows = [[xx - root, xy, xz], [xy, yy - root, yz], [xz, yz, zz - root]];
    let crossed = [cross(&rows[0], &rows[1]), cross(&rows[0], &rows[2]), cross(&rows[1], &rows[2])];
    let lengths = crossed.map(|v| dot(&v, &v));
    let best = (1..3).fold(0, |b, k| if lengths[k] > lengths[b] { k } else { b });
    // a ball of points: both other eigenvalues are the least one too
    if lengths[best] < 1e-16 {
        return [0.0; 3];
    }
    scale(&crossed[best], 1.0 / libm::sqrt(lengths[best]))
}
