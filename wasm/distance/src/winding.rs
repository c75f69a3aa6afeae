// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The generalised winding number: near triangles by their solid angles, far ones as dipoles.

use crate::lanes::dipoles;
use crate::triangle::Corners;
use crate::Mesh;
use core::f64::consts::PI;
use spatial::items::row;
use spatial::vector::{add, cross, dot, norm, sub, V3};

/// A sum of angles of complex numbers: their product, and how often it went around. One arctangent for all of them.
struct Turn {
    re: f64,
    im: f64,
    rounds: f64,
}

impl Turn {
    fn add(&mut self, re: f64, im: f64) {
        if re == 0.0 && im == 0.0 {
            return; // the point is a corner, or the triangle has none of its own
        }
        let (was, turned) = (self.im >= 0.0, self.re * im + self.im * re);
        self.re = self.re * re - self.im * im;
        self.im = turned;
        if was == (im >= 0.0) && was != (turned >= 0.0) {
            self.rounds += if was { 1.0 } else { -1.0 };
        }
    }

    /// Keeps the product's size near one; its angle stays.
    fn settle(&mut self) {
        let size = self.re.abs() + self.im.abs();
        if size > 0.0 {
            (self.re, self.im) = (self.re / size, self.im / size);
        }
    }

    fn angle(&self) -> f64 {
        libm::atan2(self.im, self.re) + 2.0 * PI * self.rounds
    }
}

/// How often the mesh goes around `q`: 1 or -1 inside of a closed one, 0 outside, between for an open one.
pub fn winding(mesh: &Mesh, q: &V3) -> f64 {
    let local = sub(q, &mesh.place.origin).map(|v| v as f32);
    let mut far = 0.0;
    let mut near = Turn { re: 1.0, im: 0.0, rounds: 0.0 };
    mesh.tree.descend(
        |node| {
            let (angle, near) = dipoles(row(mesh.moments, node), local);
            far += f64::from(angle);
            near
        },
        |things| {
            things.for_each(|i| half_angle(&mut near, &Corners::from(mesh.corners, i, q)));
            near.settle();
        },
    );
    (far + 2.0 * near.angle()) / (4.0 * PI)
}

/// Adds half of a triangle's solid angle (van Oosterom and Strackee, IEEE Trans. Biomed. Eng. 30(2), 1983).
#[inline(always)]
fn half_angle(turn: &mut Turn, t: &Corners) {
    let (b, c) = (add(&t.a, &t.ab), add(&t.a, &t.ac));
    let (la, lb, lc) = (norm(&t.a), norm(&b), norm(&c));
    let triple = dot(&t.a, &cross(&t.ab, &t.ac));
    turn.add(la * lb * lc + dot(&t.a, &b) * lc + dot(&b, &c) * la + dot(&c, &t.a) * lb, triple);
}
