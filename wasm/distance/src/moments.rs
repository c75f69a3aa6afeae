// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What a node knows of the triangles below each of its children, to sum them as one dipole from afar.

use crate::triangle::Corners;
use spatial::items::{row, row_mut};
use spatial::lanes::FAR;
use spatial::tree::{Child, Tree};
use spatial::vector::{add, cross, norm, scale, sub, V3};

/// Of four children: centre x, y, z, vector area x, y, z, squared distance from which the dipole will do, area.
pub const ROW: usize = 32;
/// A dipole stands for triangles that are farther than this many radii (Barill et al.: 2; errors fall with its square).
const BETA: f64 = 2.5;

#[derive(Clone, Copy, Default)]
struct Moment {
    /// Sum of centroid times area.
    weighted: V3,
    vector: V3,
    area: f64,
}

impl Moment {
    fn plus(&self, other: &Moment) -> Moment {
        Moment {
            weighted: add(&self.weighted, &other.weighted),
            vector: add(&self.vector, &other.vector),
            area: self.area + other.area,
        }
    }

    fn of(t: &Corners) -> Moment {
        let vector = scale(&cross(&t.ab, &t.ac), 0.5);
        let area = norm(&vector);
        let centroid = add(&t.a, &scale(&add(&t.ab, &t.ac), 1.0 / 3.0));
        Moment { weighted: scale(&centroid, area), vector, area }
    }
}

/// Fills the rows of all nodes of a tree over `corners`, in coordinates less `origin`.
pub fn fill(tree: &Tree, corners: &[f32], origin: &V3, moments: &mut [f32]) {
    for r in moments.as_chunks_mut::<ROW>().0 {
        // a child that is not there: far, of no area, never opened
        r[..12].fill(FAR);
        r[12..].fill(0.0);
    }
    tree.rise(|node, place, child| {
        let sum = match &child {
            Child::Leaf(things) => {
                things.clone().fold(Moment::default(), |sum, i| sum.plus(&moment(corners, i, origin)))
            }
            Child::Node(below) => (0..4).fold(Moment::default(), |sum, c| sum.plus(&read(moments, *below, c))),
        };
        if sum.area <= 0.0 {
            return;
        }
        let centre = scale(&sum.weighted, 1.0 / sum.area);
        let radius = match child {
            Child::Leaf(things) => {
                things.map(|i| reach(&Corners::from(corners, i, origin), &centre)).fold(0.0, f64::max)
            }
            Child::Node(below) => (0..4).map(|c| reach_of(moments, below, c, &centre)).fold(0.0, f64::max),
        };
        let row: &mut [f32; ROW] = row_mut(moments, node);
        for k in 0..3 {
            row[4 * k + place] = centre[k] as f32;
            row[12 + 4 * k + place] = sum.vector[k] as f32;
        }
        row[24 + place] = (BETA * BETA * radius * radius) as f32;
        row[28 + place] = sum.area as f32;
    });
}

fn moment(corners: &[f32], i: usize, origin: &V3) -> Moment {
    Moment::of(&Corners::from(corners, i, origin))
}

fn read(moments: &[f32], node: usize, c: usize) -> Moment {
    let row: &[f32; ROW] = row(moments, node);
    let area = f64::from(row[28 + c]);
    let at = |from: usize| -> V3 { core::array::from_fn(|k| f64::from(row[from + 4 * k + c])) };
    if area <= 0.0 {
        return Moment::default();
    }
    Moment { weighted: scale(&at(0), area), vector: at(12), area }
}

/// The farthest corner of a triangle.
fn reach(t: &Corners, centre: &V3) -> f64 {
    let a = sub(&t.a, centre);
    norm(&a).max(norm(&add(&a, &t.ab))).max(norm(&add(&a, &t.ac)))
}

/// A bound of the same for all that a child holds.
fn reach_of(moments: &[f32], node: usize, c: usize, centre: &V3) -> f64 {
    let row: &[f32; ROW] = row(moments, node);
    if row[28 + c] <= 0.0 {
        return 0.0;
    }
    let own: V3 = core::array::from_fn(|k| f64::from(row[4 * k + c]));
    norm(&sub(&own, centre)) + libm::sqrt(f64::from(row[24 + c])) / BETA
}
