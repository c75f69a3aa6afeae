// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The closest point of one triangle, exact also where it is thin or far.

use spatial::items::row;
use spatial::vector::{add, at, cross, dot, norm, scale, sub, V3};

/// Numbers a triangle.
pub const CORNERS: usize = 9;
/// Below this sine of its angle at `a` a triangle is its edges: they are within 5e-9 of its length of all of it.
const THIN: f64 = 1e-8;

/// A triangle as seen from a point: the corner, and the edges from it, whose differences are free of the point's rounding.
#[derive(Clone, Copy, Debug)]
pub struct Corners {
    pub a: V3,
    pub ab: V3,
    pub ac: V3,
}

impl Corners {
    /// Triangle `i` of rows of nine, less `q`.
    #[inline(always)]
    pub fn from(corners: &[f32], i: usize, q: &V3) -> Self {
        let v = row::<f32, CORNERS>(corners, i).map(f64::from);
        let (a, b, c) = (at(&v, 0), at(&v, 1), at(&v, 2));
        Corners { a: sub(&a, q), ab: sub(&b, &a), ac: sub(&c, &a) }
    }

    /// The unit normal; None for one that is too thin to have one.
    pub fn normal(&self) -> Option<V3> {
        let n = cross(&self.ab, &self.ac);
        self.has_area(&n).then(|| scale(&n, 1.0 / norm(&n)))
    }

    #[inline(always)]
    fn has_area(&self, n: &V3) -> bool {
        dot(n, n) > THIN * THIN * dot(&self.ab, &self.ab) * dot(&self.ac, &self.ac)
    }
}

/// The point of the triangle closest to the origin.
///
/// The foot on the plane where it lies within all edges (Ericson, "Real-Time Collision Detection", 2005, section 5.1.5), else
/// the nearest point of an edge. Sides are told from the normal and an edge, not from barycentric coordinates, which a thin
/// triangle that is far away makes meaningless.
#[inline]
pub fn closest(t: &Corners) -> V3 {
    let bc = sub(&t.ac, &t.ab);
    let b = add(&t.a, &t.ab);
    let n = cross(&t.ab, &t.ac);
    if t.has_area(&n) {
        let within = |p: &V3, edge: &V3| dot(&n, &cross(p, edge)) >= 0.0;
        if within(&t.a, &t.ab) && within(&b, &bc) && dot(&n, &cross(&t.a, &t.ac)) <= 0.0 {
            return scale(&n, dot(&t.a, &n) / dot(&n, &n));
        }
    }
    let points = [on_segment(&t.a, &t.ab), on_segment(&t.a, &t.ac), on_segment(&b, &bc)];
    let mut best = points[0];
    for p in &points[1..] {
        best = if dot(p, p) < dot(&best, &best) { *p } else { best };
    }
    best
}

/// The point of a + s edge, 0 <= s <= 1, closest to the origin; of no length: a.
#[inline(always)]
fn on_segment(a: &V3, edge: &V3) -> V3 {
    let (along, length2) = (-dot(a, edge), dot(edge, edge));
    if along <= 0.0 || length2 <= 0.0 {
        return *a;
    }
    match along >= length2 {
        true => add(a, edge),
        false => add(a, &scale(edge, along / length2)),
    }
}
