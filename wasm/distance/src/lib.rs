// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Exact distances from points to triangle meshes, and which of them enclose a point.
//!
//! Coordinates are metres. Corners are the f32 of the caller's meshes, taken as exact; searches run in f32 over balls and boxes
//! with room for rounding, what they leave is computed in f64. Inside is where the generalised winding number (Jacobson,
//! Kavan and Sorkine-Hornung, SIGGRAPH 2013) is above a half without regard to its sign, and the mesh's box holds the point;
//! far triangles are summed as dipoles (Barill, Dickson, Schmidt, Levin and Jacobson, SIGGRAPH 2018).
#![no_std]
#![forbid(unsafe_code)]

mod lanes;
mod moments;
mod nearest;
mod prepare;
mod triangle;
mod winding;

pub use moments::ROW;
pub use nearest::Found;
pub use prepare::{prepare, Arrays, Place};
pub use spatial::tree::{LEAF, NODE};
pub use triangle::{closest, Corners, CORNERS};

use spatial::tree::Tree;
use spatial::vector::V3;

/// A coordinate beyond this is no point.
pub const FARTHEST_M: f64 = 1e6;

/// A prepared mesh.
pub struct Mesh<'a> {
    /// Nine a triangle, in the tree's order.
    pub corners: &'a [f32],
    /// Each triangle's place in the caller's mesh.
    pub order: &'a [u32],
    pub tree: Tree<'a>,
    pub moments: &'a [f32],
    /// 32 a leaf: the planes of its triangles.
    pub planes: &'a [f32],
    pub place: Place,
}

/// What is known of one point and one mesh.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub distance: f64,
    pub closest: V3,
    pub triangle: u32,
    /// How often the mesh goes around the point; zero outside of its box.
    pub winding: f64,
}

/// Looks up one point.
pub fn query(mesh: &Mesh, q: &V3) -> Answer {
    let found = nearest::find(mesh, q);
    let boxed = (0..3).all(|k| mesh.place.low[k] <= q[k] && q[k] <= mesh.place.high[k]);
    Answer {
        distance: libm::sqrt(found.d2),
        closest: found.point,
        triangle: mesh.order[found.index],
        winding: if boxed { winding::winding(mesh, q) } else { 0.0 },
    }
}
