// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Which point of the target each source point means, found exactly, again and again as the pose moves.

use crate::items::row;
use crate::mesh::{NearestTriangle, RECORD};
use crate::tree::Tree;
use crate::vector::{at, norm, put, scale, sub, Motion, V3};
use crate::visitors::Nearest;

/// No partner within reach.
pub const NONE: u32 = u32::MAX;
/// Room for the rounding of f32.
const CLOSER: f32 = 0.999;

/// The target as it stays resident; coordinates relative to its origin, in its tree's order.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub tree: Tree<'a>,
    pub shape: Shape<'a>,
}

#[derive(Clone, Copy)]
pub enum Shape<'a> {
    /// `gaps` may be empty: a quarter of each point's squared distance to the nearest other.
    Cloud {
        points: &'a [f64],
        normals: &'a [f64],
        gaps: &'a [f32],
    },
    Mesh {
        triangles: &'a [f64],
    },
}

/// Per source point: the partner's index, its closest point, the surface's normal there (zero where there is none).
pub struct Pairs<'a> {
    pub index: &'a mut [u32],
    pub point: &'a mut [f64],
    pub normal: &'a mut [f64],
}

impl Pairs<'_> {
    /// Nothing is known of an earlier search.
    pub fn forget(&mut self) {
        self.index.fill(NONE);
    }
}

/// Finds every partner within `reach` of the moved source and returns how many there are.
pub fn find(target: &Target, source: &[f64], motion: &Motion, reach: f64, pairs: &mut Pairs) -> usize {
    let mut found = 0;
    for i in 0..source.len() / 3 {
        let q = motion.apply(&at(source, i));
        let before = pairs.index[i];
        let partner = match target.shape {
            Shape::Cloud { points, normals, gaps } => {
                nearest_point(&target.tree, points, normals, gaps, &q, reach, before)
            }
            Shape::Mesh { triangles } => nearest_on_mesh(&target.tree, triangles, &q, reach, before),
        };
        match partner {
            Some((index, point, normal)) => {
                found += 1;
                pairs.index[i] = index;
                put(pairs.point, i, point);
                put(pairs.normal, i, normal);
            }
            None => pairs.index[i] = NONE,
        }
    }
    found
}

type Partner = Option<(u32, V3, V3)>;

#[inline]
fn nearest_point(
    tree: &Tree,
    points: &[f64],
    normals: &[f64],
    gaps: &[f32],
    q: &V3,
    reach: f64,
    before: u32,
) -> Partner {
    let mut nearest = Nearest::within((reach * reach).min(1e30) as f32);
    let (rounded, mut known) = (q.map(|v| v as f32), false);
    if before != NONE {
        let d: [f32; 3] = core::array::from_fn(|k| points[3 * before as usize + k] as f32 - rounded[k]);
        let d2 = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
        if d2 < nearest.d2 {
            nearest = Nearest { index: before as usize, d2 };
            known = gaps.get(before as usize).is_some_and(|gap| d2 < gap * CLOSER);
        }
    }
    if !known {
        tree.search(rounded, &mut nearest);
    }
    let index = match nearest.index {
        usize::MAX => return None,
        index => index,
    };
    Some((index as u32, at(points, index), at(normals, index)))
}

#[inline]
fn nearest_on_mesh(tree: &Tree, triangles: &[f64], q: &V3, reach: f64, before: u32) -> Partner {
    let mut nearest = NearestTriangle::new(triangles, *q, reach);
    if before != NONE {
        nearest.look(before as usize);
    }
    tree.search(q.map(|v| v as f32), &mut nearest);
    if nearest.index == usize::MAX {
        return None;
    }
    let record: &[f64; RECORD] = row(triangles, nearest.index);
    let out = sub(q, &nearest.point);
    let length = norm(&out);
    // on an edge or corner the distance grows along the way to it, not along a face's normal
    let normal = match nearest.inside || length < 1e-9 {
        true => at(record, 3),
        false => scale(&out, 1.0 / length),
    };
    Some((nearest.index as u32, nearest.point, normal))
}
