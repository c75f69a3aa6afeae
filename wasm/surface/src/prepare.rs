// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Raw points or triangles to what the alignment works on: checked, downsampled, centred, in a tree's order.

use crate::items::{item, row, Item};
use crate::mesh::{ball, records, RECORD};
use crate::normals;
use crate::tree::{build, Store, Tree};
use crate::vector::{at, put, V3};
use crate::voxels::{by_blocks, downsample};
use crate::Refusal;
use nalgebra::Matrix3;

/// A coordinate beyond this is no coordinate.
pub const FARTHEST_M: f64 = 1e9;
/// Below this root mean square radius (metres) a cloud is one point.
pub const COINCIDENT_M: f64 = 1e-6;
/// Collinear: second root of the covariance's eigenvalues below this share of the first.
pub const COLLINEAR: f64 = 1e-3;
/// Fewer points leave a pose open.
pub const FEWEST: usize = 6;

/// Scratch for one cloud: 4n, 2n, table_room(n) and 4n numbers.
pub struct Work<'a> {
    pub sums: &'a mut [f64],
    pub keys: &'a mut [u32],
    pub table: &'a mut [u32],
    pub items: &'a mut [u32],
}

/// How to prepare a cloud: edge of the cells (zero: every point is kept), neighbours of a normal (zero: no normals), and
/// whether the origin is the centroid of what is kept, or the middle of the box.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub cell: f64,
    pub neighbours: usize,
    pub centroid: bool,
    pub tree: bool,
}

/// How many points are kept, their origin, and the roots of their covariance's eigenvalues, descending.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept {
    pub count: usize,
    pub origin: V3,
    pub spread: [f64; 3],
}

/// Fills `points` (and the store and `normals` where they are wished) from raw rows of three.
pub fn cloud(
    raw: &[f64],
    wish: &Wish,
    work: &mut Work,
    store: &mut Store,
    points: &mut [f64],
    normals: &mut [f64],
    gaps: &mut [f32],
) -> Result<Kept, Refusal> {
    if raw.len() < 3 * FEWEST {
        return Err(Refusal::TooFewPoints);
    }
    let mut origin = middle(raw)?;
    let count = if wish.cell > 0.0 {
        downsample(raw, wish.cell, &origin, work.sums, work.keys, work.table).ok_or(Refusal::BadVoxel)?
    } else {
        for i in 0..raw.len() / 3 {
            let p = at(raw, i);
            put(work.sums, i, [p[0] - origin[0], p[1] - origin[1], p[2] - origin[2]]);
        }
        raw.len() / 3
    };
    if count < FEWEST {
        return Err(Refusal::TooFewPoints);
    }
    let kept = &mut work.sums[..3 * count];
    if wish.centroid {
        let shift = mean(kept);
        kept.chunks_exact_mut(3).for_each(|p| (0..3).for_each(|k| p[k] -= shift[k]));
        origin = [origin[0] + shift[0], origin[1] + shift[1], origin[2] + shift[2]];
    }
    let spread = check_spread(kept)?;
    if wish.tree {
        order(kept, work.items, store, points);
        let tree = Tree::new(count, store.nodes, store.leaves, store.starts, false);
        if wish.neighbours > 0 {
            normals::estimate(&points[..3 * count], &tree, wish.neighbours, normals, gaps);
        }
    } else if wish.cell > 0.0 {
        let (counts, places) = work.items.split_at_mut(count);
        by_blocks(count, work.keys, work.table, counts, places);
        for (i, place) in places[..count].iter().enumerate() {
            put(points, *place as usize, at(kept, i));
        }
    } else {
        points[..3 * count].copy_from_slice(kept);
    }
    Ok(Kept { count, origin, spread })
}

fn order(kept: &[f64], items: &mut [u32], store: &mut Store, points: &mut [f64]) {
    let count = kept.len() / 3;
    let items = &mut items.as_chunks_mut::<4>().0[..count];
    for (i, slot) in items.iter_mut().enumerate() {
        *slot = item(at(kept, i).map(|v| v as f32), i);
    }
    build(items, |_| 0.0, store);
    for (i, slot) in items.iter().enumerate() {
        put(points, i, at(kept, slot[3] as usize));
    }
}

/// Fills `sorted` with the triangles' records in the tree's order; `scratch` has the same room.
pub fn mesh(
    vertices: &[f64],
    faces: &[u32],
    items: &mut [u32],
    scratch: &mut [f64],
    store: &mut Store,
    sorted: &mut [f64],
) -> Result<Kept, Refusal> {
    if faces.is_empty() || vertices.is_empty() {
        return Err(Refusal::EmptyMesh);
    }
    let origin = middle(vertices)?;
    let items: &mut [Item] = items.as_chunks_mut::<4>().0;
    let count = records(vertices, faces, &origin, scratch, items).ok_or(Refusal::BadFace)?;
    if count == 0 {
        return Err(Refusal::EmptyMesh);
    }
    build(&mut items[..count], |i| ball(row(scratch, i)).1, store);
    for (i, slot) in items[..count].iter().enumerate() {
        let from = RECORD * slot[3] as usize;
        sorted[RECORD * i..RECORD * (i + 1)].copy_from_slice(&scratch[from..from + RECORD]);
    }
    Ok(Kept { count, origin, spread: [0.0; 3] })
}

/// The middle of the box that holds the points; refuses what is not finite.
fn middle(points: &[f64]) -> Result<V3, Refusal> {
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    let mut sound = true;
    for p in points.chunks_exact(3) {
        for k in 0..3 {
            sound &= p[k].abs() <= FARTHEST_M;
            low[k] = if p[k] < low[k] { p[k] } else { low[k] };
            high[k] = if p[k] > high[k] { p[k] } else { high[k] };
        }
    }
    match sound {
        true => Ok(core::array::from_fn(|k| 0.5 * (low[k] + high[k]))),
        false => Err(Refusal::NotFinite),
    }
}

fn mean(points: &[f64]) -> V3 {
    let mut sum = [0.0; 3];
    points.chunks_exact(3).for_each(|p| (0..3).for_each(|k| sum[k] += p[k]));
    sum.map(|v| 3.0 * v / points.len() as f64)
}

fn check_spread(points: &[f64]) -> Result<[f64; 3], Refusal> {
    let centre = mean(points);
    let mut c = [[0.0; 3]; 3];
    for p in points.chunks_exact(3) {
        let d = [p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]];
        for i in 0..3 {
            for j in 0..3 {
                c[i][j] += d[i] * d[j];
            }
        }
    }
    let count = points.len() as f64 / 3.0;
    let mut spread: V3 =
        Matrix3::from_fn(|i, j| c[i][j] / count).symmetric_eigenvalues().map(|v| libm::sqrt(v.max(0.0))).into();
    spread.sort_unstable_by(|a, b| b.total_cmp(a));
    if spread[0] < COINCIDENT_M {
        return Err(Refusal::Coincident);
    }
    if spread[1] < COLLINEAR * spread[0] {
        return Err(Refusal::Collinear);
    }
    Ok(spread)
}
