// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Surface registration: point-to-plane and generalised ICP against a cloud or a triangle mesh that is prepared once.
//!
//! Points are rows of three f64, metres. The target keeps its own origin, the source its centroid, so that nothing is lost
//! far from zero.
#![no_std]
#![forbid(unsafe_code)]

mod align;
mod evidence;
mod loss;
mod mesh;
mod normals;
mod pairs;
mod prepare;
mod system;
mod vector;
mod visitors;
mod voxels;

use spatial::{items, lanes, tree};

pub use align::{align, Outcome, Settings};
pub use evidence::{judge, Evidence, FREE};
pub use loss::{Kind, Loss};
pub use mesh::{closest, NearestTriangle, RECORD};
pub use normals::least;
pub use pairs::{find, Pairs, Shape, Target, NONE};
pub use prepare::{cloud, mesh as triangles, Kept, Wish, Work, FEWEST};
pub use system::{Method, Source};
pub use tree::{room, Store, Tree};
pub use vector::{Motion, V3};
pub use visitors::{Nearest, Neighbours, MOST_NEIGHBOURS};
pub use voxels::table_room;

/// Why there is no registration; the numbers are the module's statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Refusal {
    TooFewPoints = 16,
    NotFinite = 17,
    EmptyMesh = 18,
    Coincident = 19,
    Collinear = 20,
    NoOverlap = 21,
    Degenerate = 22,
    BadVoxel = 23,
    BadFace = 24,
}

/// The pose of raw coordinates from that of centred ones.
pub fn to_raw(centred: &Motion, target: &V3, source: &V3) -> Motion {
    let turned = centred.rotate(source);
    Motion { r: centred.r, t: core::array::from_fn(|k| centred.t[k] + target[k] - turned[k]) }
}

/// The pose of centred coordinates from that of raw ones.
pub fn to_centred(raw: &Motion, target: &V3, source: &V3) -> Motion {
    let moved = raw.apply(source);
    Motion { r: raw.r, t: core::array::from_fn(|k| moved[k] - target[k]) }
}
