// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The closest point of a triangle mesh: exact, after Ericson, "Real-Time Collision Detection" (2005), section 5.1.5.

use crate::items::{item, row, row_mut, Item};
use crate::tree::Visitor;
use crate::vector::{add, at, cross, dot, norm, scale, sub, V3};
use spatial::ball::around;

/// A triangle's record: corner, two edges from it, unit normal.
pub const RECORD: usize = 12;

/// Writes the records of all triangles with an area, less `origin`, and an item each; returns how many, None for a bad index.
pub fn records(vertices: &[f64], faces: &[u32], origin: &V3, out: &mut [f64], items: &mut [Item]) -> Option<usize> {
    let count = vertices.len() / 3;
    let mut kept = 0;
    for face in faces.chunks_exact(3) {
        if face.iter().any(|v| *v as usize >= count) {
            return None;
        }
        let corner = |k: usize| sub(&at(vertices, face[k] as usize), origin);
        let (a, b, c) = (corner(0), corner(1), corner(2));
        let (ab, ac) = (sub(&b, &a), sub(&c, &a));
        let normal = cross(&ab, &ac);
        let area = norm(&normal);
        if area <= 1e-12 * (dot(&ab, &ab) + dot(&ac, &ac)) {
            continue;
        }
        let record: &mut [f64; RECORD] = row_mut(out, kept);
        record[..3].copy_from_slice(&a);
        record[3..6].copy_from_slice(&ab);
        record[6..9].copy_from_slice(&ac);
        record[9..].copy_from_slice(&scale(&normal, 1.0 / area));
        items[kept] = item(ball(record).0.map(|v| v as f32), kept);
        kept += 1;
    }
    Some(kept)
}

/// A ball that holds the triangle, rounding included.
pub fn ball(record: &[f64; RECORD]) -> (V3, f32) {
    let a = at(record, 0);
    around(&[a, add(&a, &at(record, 1)), add(&a, &at(record, 2))])
}

/// The closest point on a triangle, and whether it lies inside of it, not on an edge or corner.
#[inline]
pub fn closest(record: &[f64; RECORD], q: &V3) -> (V3, bool) {
    let (a, ab, ac) = (at(record, 0), at(record, 1), at(record, 2));
    let ap = sub(q, &a);
    let (d1, d2) = (dot(&ab, &ap), dot(&ac, &ap));
    if d1 <= 0.0 && d2 <= 0.0 {
        return (a, false);
    }
    let bp = sub(&ap, &ab);
    let (d3, d4) = (dot(&ab, &bp), dot(&ac, &bp));
    if d3 >= 0.0 && d4 <= d3 {
        return (add(&a, &ab), false);
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        return (add(&a, &scale(&ab, d1 / (d1 - d3))), false);
    }
    let cp = sub(&ap, &ac);
    let (d5, d6) = (dot(&ab, &cp), dot(&ac, &cp));
    if d6 >= 0.0 && d5 <= d6 {
        return (add(&a, &ac), false);
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        return (add(&a, &scale(&ac, d2 / (d2 - d6))), false);
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 - d3 >= 0.0 && d5 - d6 >= 0.0 {
        let along = (d4 - d3) / ((d4 - d3) + (d5 - d6));
        return (add(&a, &add(&ab, &scale(&sub(&ac, &ab), along))), false);
    }
    let share = 1.0 / (va + vb + vc);
    (add(&a, &add(&scale(&ab, vb * share), &scale(&ac, vc * share))), true)
}

/// The nearest triangle: the tree's balls first, then the triangle itself in f64.
pub struct NearestTriangle<'a> {
    pub triangles: &'a [f64],
    pub q: V3,
    pub index: usize,
    pub d2: f64,
    pub point: V3,
    pub inside: bool,
}

impl<'a> NearestTriangle<'a> {
    pub fn new(triangles: &'a [f64], q: V3, within: f64) -> Self {
        NearestTriangle { triangles, q, index: usize::MAX, d2: (within * within).min(1e30), point: q, inside: false }
    }

    /// Looks at one triangle.
    #[inline]
    pub fn look(&mut self, index: usize) {
        let (point, inside) = closest(row(self.triangles, index), &self.q);
        let d = sub(&point, &self.q);
        let d2 = dot(&d, &d);
        // of triangles that share the point the one that holds it inside, else the first
        if d2 < self.d2 || (d2 == self.d2 && index < self.index && self.index != usize::MAX) {
            (self.index, self.d2, self.point, self.inside) = (index, d2, point, inside);
        }
    }
}

impl Visitor for NearestTriangle<'_> {
    #[inline]
    fn reach(&self) -> f32 {
        // never zero: at a distance of nothing the boxes that touch are still looked at
        self.d2 as f32 * 1.00001 + f32::MIN_POSITIVE
    }

    #[inline]
    fn offer(&mut self, index: usize, d2: f32, radius: f32) {
        let gap = libm::sqrt(f64::from(d2)) * (1.0 - 1e-6) - f64::from(radius);
        if gap <= 0.0 || gap * gap <= self.d2 {
            self.look(index);
        }
    }
}
