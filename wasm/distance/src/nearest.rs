// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The nearest triangle of one mesh: the tree's balls in f32 first, then the triangle itself in f64.

use crate::triangle::{closest, Corners};
use crate::Mesh;
use spatial::tree::Visitor;
use spatial::vector::{add, dot, sub, V3};

/// The nearest triangle in the tree's order, the squared distance, and the point.
pub struct Found {
    pub index: usize,
    pub d2: f64,
    pub point: V3,
}

struct Nearest<'a> {
    corners: &'a [f32],
    q: V3,
    found: Found,
}

impl Visitor for Nearest<'_> {
    #[inline]
    fn reach(&self) -> f32 {
        // never zero: at a distance of nothing the boxes that touch are still looked at
        self.found.d2 as f32 * 1.00001 + f32::MIN_POSITIVE
    }

    #[inline]
    fn offer(&mut self, index: usize, d2: f32, radius: f32) {
        let gap = libm::sqrt(f64::from(d2)) * (1.0 - 1e-6) - f64::from(radius);
        if gap > 0.0 && gap * gap > self.found.d2 {
            return;
        }
        let off = closest(&Corners::from(self.corners, index, &self.q));
        let d2 = dot(&off, &off);
        if d2 < self.found.d2 {
            self.found = Found { index, d2, point: off };
        }
    }
}

/// Finds it; the mesh has a triangle.
#[inline]
pub fn find(mesh: &Mesh, q: &V3) -> Found {
    let mut visitor = Nearest { corners: mesh.corners, q: *q, found: Found { index: 0, d2: 1e30, point: [0.0; 3] } };
    mesh.tree.search(sub(q, &mesh.place.origin).map(|v| v as f32), &mut visitor);
    Found { point: add(q, &visitor.found.point), ..visitor.found }
}
