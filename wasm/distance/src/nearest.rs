// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The nearest triangle of one mesh: a ball and a plane in f32 first, then the triangle itself in f64.

use crate::lanes::discs;
use crate::triangle::{closest, Corners};
use crate::Mesh;
use core::ops::Range;
use spatial::items::row;
use spatial::lanes::Leaf;
use spatial::tree::{Visitor, LANES};
use spatial::vector::{add, dot, norm, sub, V3};

/// Rounding of f32 coordinates, as a share of the mesh's size.
const SLACK: f64 = 3e-7;

/// The nearest triangle in the tree's order, the squared distance, and the point.
pub struct Found {
    pub index: usize,
    pub d2: f64,
    pub point: V3,
}

struct Nearest<'a> {
    corners: &'a [f32],
    planes: &'a [f32],
    slack: f32,
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
    fn offer(&mut self, index: usize, _: f32, _: f32) {
        let off = closest(&Corners::from(self.corners, index, &self.q));
        let d2 = dot(&off, &off);
        if d2 < self.found.d2 {
            self.found = Found { index, d2, point: off };
        }
    }

    #[inline(always)]
    fn offer_leaf(&mut self, leaf: usize, things: Range<usize>, lanes: &Leaf, q: [f32; 3]) {
        let least = discs(lanes, row(self.planes, leaf), q, self.slack);
        for (i, index) in things.enumerate().take(LANES) {
            if least[i] < self.reach() {
                self.offer(index, 0.0, 0.0);
            }
        }
    }
}

/// Finds it; the mesh has a triangle.
#[inline]
pub fn find(mesh: &Mesh, q: &V3) -> Found {
    let size = norm(&sub(&mesh.place.high, &mesh.place.low));
    let mut visitor = Nearest {
        corners: mesh.corners,
        planes: mesh.planes,
        slack: (size * SLACK) as f32,
        q: *q,
        found: Found { index: 0, d2: 1e30, point: [0.0; 3] },
    };
    mesh.tree.search(sub(q, &mesh.place.origin).map(|v| v as f32), &mut visitor);
    Found { point: add(q, &visitor.found.point), ..visitor.found }
}
