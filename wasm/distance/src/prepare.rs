// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Meshes to trees, one after another in shared arrays.

use crate::moments::{self, ROW};
use crate::triangle::{Corners, CORNERS};
use crate::Mesh;
use spatial::ball::around;
use spatial::items::{item, row, row_mut};
use spatial::lanes::Leaf;
use spatial::tree::{build, tighten, Shape, Store, Tree, LANES, LEAF, NODE};
use spatial::vector::{add, dot, sub, V3};

/// Rounding of f32 coordinates, the query's too, as a share of the largest.
const SLACK: f64 = 5e-7;

/// What `prepare` fills; `raw` has nine numbers a triangle, mesh after mesh.
pub struct Arrays<'a> {
    pub raw: &'a [f32],
    pub corners: &'a mut [f32],
    pub order: &'a mut [u32],
    pub items: &'a mut [u32],
    pub nodes: &'a mut [f32],
    pub leaves: &'a mut [f32],
    pub starts: &'a mut [u32],
    pub moments: &'a mut [f32],
    pub planes: &'a mut [f32],
}

/// Where a mesh lies in the arrays: its first triangle, how many, its first leaf, node and start; its middle and its box.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    pub first: usize,
    pub count: usize,
    pub leaf: usize,
    pub node: usize,
    pub start: usize,
    pub origin: V3,
    pub low: V3,
    pub high: V3,
}

impl Place {
    /// The place of the mesh behind this one.
    pub fn next(&self, count: usize) -> Self {
        let shape = Shape::of(self.count);
        let used = self.count > 0;
        let leaves = if used { shape.leaves() } else { 0 };
        Place {
            first: self.first + self.count,
            count,
            leaf: self.leaf + leaves,
            node: self.node + if used { shape.nodes() } else { 0 },
            start: self.start + leaves + usize::from(used),
            ..Place::default()
        }
    }

    /// Sizes of the arrays up to and with this mesh: triangles, leaves, nodes, starts.
    fn ends(&self) -> [usize; 4] {
        let end = self.next(0);
        [end.first, end.leaf, end.node, end.start]
    }
}

/// Prepares a mesh at `place`; None where the arrays have no room for it, it has no triangle or a corner is not finite.
pub fn prepare(mut place: Place, arrays: &mut Arrays) -> Option<Place> {
    let [triangles, leaves, nodes, starts] = place.ends();
    let room = CORNERS * triangles <= arrays.raw.len().min(arrays.corners.len())
        && triangles <= arrays.order.len().min(arrays.items.len() / 4)
        && LEAF * leaves <= arrays.leaves.len().min(arrays.planes.len())
        && NODE * nodes <= arrays.nodes.len()
        && ROW * nodes <= arrays.moments.len()
        && starts <= arrays.starts.len();
    if !room || place.count == 0 {
        return None;
    }
    let raw = &arrays.raw[CORNERS * place.first..CORNERS * triangles];
    bound(raw, &mut place)?;
    let items = &mut arrays.items.as_chunks_mut::<4>().0[place.first..triangles];
    let ball = |i: usize| around(&seen(raw, i, &place.origin));
    for (i, slot) in items.iter_mut().enumerate() {
        *slot = item(ball(i).0.map(|v| v as f32), i);
    }
    let mut store = Store {
        nodes: &mut arrays.nodes[NODE * place.node..NODE * nodes],
        leaves: &mut arrays.leaves[LEAF * place.leaf..LEAF * leaves],
        starts: &mut arrays.starts[place.start..starts],
    };
    build(items, |i| ball(i).1, &mut store);
    let order = &mut arrays.order[place.first..triangles];
    let corners = &mut arrays.corners[CORNERS * place.first..CORNERS * triangles];
    for (i, slot) in items.iter().enumerate() {
        order[i] = slot[3];
        *row_mut::<f32, CORNERS>(corners, i) = *row(raw, slot[3] as usize);
    }
    tighten(place.count, &mut store, |i| box_of(&seen(corners, i, &place.origin)));
    let tree = Tree::new(place.count, store.nodes, store.leaves, store.starts, true);
    moments::fill(&tree, corners, &place.origin, &mut arrays.moments[ROW * place.node..ROW * nodes]);
    lay_planes(&tree, corners, &place.origin, store.leaves, &mut arrays.planes[LEAF * place.leaf..LEAF * leaves]);
    Some(place)
}

/// Writes each triangle's unit normal, and how far its plane is from the middle of its ball along it; zeros where it is thin.
fn lay_planes(tree: &Tree, corners: &[f32], origin: &V3, leaves: &[f32], planes: &mut [f32]) {
    planes.fill(0.0);
    for (leaf, plane) in planes.as_chunks_mut::<LEAF>().0.iter_mut().enumerate() {
        let lanes: &Leaf = row(leaves, leaf);
        for (i, index) in tree.things(leaf).enumerate() {
            let t = Corners::from(corners, index, origin);
            let Some(n) = t.normal() else { continue };
            let middle: V3 = core::array::from_fn(|k| f64::from(lanes[LANES * k + i]));
            for k in 0..3 {
                plane[LANES * k + i] = n[k] as f32;
            }
            plane[3 * LANES + i] = dot(&sub(&t.a, &middle), &n) as f32;
        }
    }
}

impl<'a> Mesh<'a> {
    /// The mesh that `prepare` left at `place`.
    pub fn at(place: Place, arrays: &'a Arrays) -> Self {
        let [triangles, leaves, nodes, starts] = place.ends();
        let tree = Tree::new(
            place.count,
            &arrays.nodes[NODE * place.node..NODE * nodes],
            &arrays.leaves[LEAF * place.leaf..LEAF * leaves],
            &arrays.starts[place.start..starts],
            true,
        );
        Mesh {
            corners: &arrays.corners[CORNERS * place.first..CORNERS * triangles],
            order: &arrays.order[place.first..triangles],
            tree,
            moments: &arrays.moments[ROW * place.node..ROW * nodes],
            planes: &arrays.planes[LEAF * place.leaf..LEAF * leaves],
            place,
        }
    }
}

/// The box of a triangle, rounding included.
fn box_of(corners: &[V3; 3]) -> [f32; 6] {
    core::array::from_fn(|k| {
        let v = corners.map(|c| c[k % 3]);
        let slack = SLACK * corners.iter().flatten().fold(0.0f64, |most, x| most.max(x.abs()));
        match k < 3 {
            true => (v[0].min(v[1]).min(v[2]) - slack) as f32,
            false => (v[0].max(v[1]).max(v[2]) + slack) as f32,
        }
    })
}

fn seen(raw: &[f32], i: usize, origin: &V3) -> [V3; 3] {
    let t = Corners::from(raw, i, origin);
    [t.a, add(&t.a, &t.ab), add(&t.a, &t.ac)]
}

/// Sets box and middle.
fn bound(raw: &[f32], place: &mut Place) -> Option<()> {
    (place.low, place.high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for p in raw.as_chunks::<3>().0 {
        for (k, v) in p.iter().enumerate() {
            let v = f64::from(*v);
            if !v.is_finite() {
                return None;
            }
            place.low[k] = place.low[k].min(v);
            place.high[k] = place.high[k].max(v);
        }
    }
    place.origin = core::array::from_fn(|k| 0.5 * (place.low[k] + place.high[k]));
    Some(())
}
