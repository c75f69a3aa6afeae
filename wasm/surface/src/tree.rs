// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! A balanced tree of boxes, four children a node, eight things a leaf; exact nearest neighbours (Friedman, Bentley and
//! Finkel, ACM TOMS 3(3), 1977; boxes after Guttman's R-tree, SIGMOD 1984).
//!
//! Searches run in f32 over coordinates relative to the target's origin: distances are exact to 1e-6 of themselves.

use crate::items::{number, row, row_mut, split, Item};

/// Things in a leaf; a leaf is x, y, z and radius of eight each.
pub const LANES: usize = 8;
const LEAF: usize = 4 * LANES;
const NODE: usize = 24;
/// What fills empty lanes and children: far, but its square is finite.
const FAR: f32 = 1e18;
/// Squared distance that every search ends within: beyond any coordinate, before any padding.
const REACH: f32 = 1e30;
/// Depth of the stack: three brothers a level, and 16 levels of four hold 2^35 things.
const STACK: usize = 64;

/// Leaves are 2^bits; nodes a level are four times those above, the root has two children where bits is odd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    bits: u32,
}

impl Shape {
    /// For `count` things.
    pub fn of(count: usize) -> Self {
        let mut bits = 0;
        while LANES << bits < count {
            bits += 1;
        }
        Shape { bits }
    }

    pub fn leaves(self) -> usize {
        1 << self.bits
    }

    fn levels(self) -> u32 {
        self.bits.div_ceil(2)
    }

    /// Nodes in the levels above `level`.
    fn offset(self, level: u32) -> usize {
        match (self.bits % 2, level) {
            (_, 0) => 0,
            (0, _) => ((1 << (2 * level)) - 1) / 3,
            _ => 1 + 2 * ((1 << (2 * (level - 1))) - 1) / 3,
        }
    }
}

/// Numbers of f32 that nodes and leaves of `count` things take, and of u32 that their starts take; never less for fewer.
pub fn room(count: usize) -> (usize, usize, usize) {
    let leaves = Shape::of(count).leaves();
    (NODE * leaves.max(2), LEAF * leaves, leaves + 1)
}

/// The tree's arrays: filled by `build`, read by the searches.
pub struct Store<'a> {
    pub nodes: &'a mut [f32],
    pub leaves: &'a mut [f32],
    pub starts: &'a mut [u32],
}

#[derive(Clone, Copy)]
pub struct Tree<'a> {
    shape: Shape,
    nodes: &'a [f32],
    leaves: &'a [f32],
    starts: &'a [u32],
    solid: bool,
}

/// Puts `items` into the tree's order and fills the store; things with a radius (triangles) make their boxes grow.
pub fn build(items: &mut [Item], store: &mut Store) {
    let shape = Shape::of(items.len());
    store.starts[0] = 0;
    split(items, 0, shape.bits, 0, store.starts);
    for leaf in 0..shape.leaves() {
        let (from, to) = (store.starts[leaf] as usize, store.starts[leaf + 1] as usize);
        fill_leaf(&items[from..to], row_mut(store.leaves, leaf));
    }
    for level in (0..shape.levels()).rev() {
        let (first, width) = (shape.offset(level), shape.offset(level + 1) - shape.offset(level));
        let children = if level == 0 && shape.bits % 2 == 1 { 2 } else { 4 };
        for i in 0..width {
            let mut node = [FAR; NODE];
            for c in 0..children {
                let child = 4 * i + c;
                let bounds = match level + 1 == shape.levels() {
                    true => leaf_box(row(store.leaves, child)),
                    false => node_box(row(store.nodes, shape.offset(level + 1) + child)),
                };
                for k in 0..6 {
                    node[4 * k + c] = bounds[k];
                }
            }
            *row_mut(store.nodes, first + i) = node;
        }
    }
}

fn fill_leaf(items: &[Item], leaf: &mut [f32; LEAF]) {
    *leaf = [FAR; LEAF];
    for (i, item) in items.iter().enumerate().take(LANES) {
        for k in 0..4 {
            leaf[LANES * k + i] = number(item, k);
        }
    }
}

/// Least x, y, z, then greatest.
fn leaf_box(leaf: &[f32; LEAF]) -> [f32; 6] {
    let mut bounds = [FAR, FAR, FAR, -FAR, -FAR, -FAR];
    for i in (0..LANES).filter(|i| leaf[*i] < FAR) {
        for k in 0..3 {
            let (v, r) = (leaf[LANES * k + i], leaf[3 * LANES + i]);
            bounds[k] = bounds[k].min(v - r);
            bounds[3 + k] = bounds[3 + k].max(v + r);
        }
    }
    bounds
}

fn node_box(node: &[f32; NODE]) -> [f32; 6] {
    let mut bounds = [FAR, FAR, FAR, -FAR, -FAR, -FAR];
    for c in (0..4).filter(|c| node[*c] < FAR) {
        for k in 0..3 {
            bounds[k] = bounds[k].min(node[4 * k + c]);
            bounds[3 + k] = bounds[3 + k].max(node[4 * (3 + k) + c]);
        }
    }
    bounds
}

/// What a search keeps: it tells how far to look, and takes what a leaf offers.
pub trait Visitor {
    /// Nothing at this squared distance or beyond is of use.
    fn reach(&self) -> f32;
    /// The thing at `index` (in the tree's order), its centre at the squared distance `d2`, its radius.
    fn offer(&mut self, index: usize, d2: f32, radius: f32);
}

impl<'a> Tree<'a> {
    /// The tree of `count` things that `build` left in the arrays; `solid` where they have a radius.
    pub fn new(count: usize, nodes: &'a [f32], leaves: &'a [f32], starts: &'a [u32], solid: bool) -> Self {
        Tree { shape: Shape::of(count), nodes, leaves, starts, solid }
    }

    /// Visits every leaf that lies within the visitor's reach of `q`, the nearest first.
    #[inline]
    pub fn search<V: Visitor>(&self, q: [f32; 3], visitor: &mut V) {
        let levels = self.shape.levels();
        let offsets: [usize; 17] = core::array::from_fn(|l| self.shape.offset((l as u32).min(16)));
        let mut stack = [(0.0f32, 0u32); STACK];
        let mut height = 0;
        let (mut level, mut index) = (0u32, 0usize);
        loop {
            if level == levels {
                self.visit(index, q, visitor);
            } else {
                let distances = box_distances(row(self.nodes, offsets[level as usize & 15] + index), q);
                let base = height;
                for (c, d) in distances.iter().enumerate() {
                    if *d < visitor.reach() && height < STACK {
                        let entry = (*d, (level + 1) << 27 | (4 * index + c) as u32);
                        let mut at = height;
                        while at > base && stack[at - 1].0 < *d {
                            stack[at] = stack[at - 1];
                            at -= 1;
                        }
                        stack[at] = entry;
                        height += 1;
                    }
                }
            }
            loop {
                if height == 0 {
                    return;
                }
                height -= 1;
                let (d, id) = stack[height];
                if d < visitor.reach() {
                    (level, index) = (id >> 27, (id & 0x7FF_FFFF) as usize);
                    break;
                }
            }
        }
    }

    #[inline]
    fn visit<V: Visitor>(&self, leaf: usize, q: [f32; 3], visitor: &mut V) {
        let lanes: &[f32; LEAF] = row(self.leaves, leaf);
        let mut d2 = [0.0f32; LANES];
        for i in 0..LANES {
            let (x, y, z) = (lanes[i] - q[0], lanes[LANES + i] - q[1], lanes[2 * LANES + i] - q[2]);
            d2[i] = x * x + y * y + z * z;
        }
        let start = self.starts[leaf] as usize;
        if self.solid {
            let count = self.starts[leaf + 1] as usize - start;
            for i in 0..count.min(LANES) {
                visitor.offer(start + i, d2[i], lanes[3 * LANES + i]);
            }
            return;
        }
        for (i, d) in d2.iter().enumerate() {
            if *d < visitor.reach() {
                visitor.offer(start + i, *d, 0.0);
            }
        }
    }
}

/// Squared distances of `q` to four boxes.
#[inline]
fn box_distances(node: &[f32; NODE], q: [f32; 3]) -> [f32; 4] {
    let mut out = [0.0f32; 4];
    for k in 0..3 {
        for c in 0..4 {
            let (below, above) = (node[4 * k + c] - q[k], q[k] - node[4 * (3 + k) + c]);
            let outside = if below > above { below } else { above };
            let outside = if outside > 0.0 { outside } else { 0.0 };
            out[c] += outside * outside;
        }
    }
    out
}

/// The nearest point.
pub struct Nearest {
    pub index: usize,
    pub d2: f32,
}

impl Nearest {
    /// Looks for something nearer than the root of `d2`; `index` stays `usize::MAX` where there is nothing.
    pub fn within(d2: f32) -> Self {
        Nearest { index: usize::MAX, d2: d2.min(REACH) }
    }
}

impl Visitor for Nearest {
    #[inline]
    fn reach(&self) -> f32 {
        self.d2
    }

    #[inline]
    fn offer(&mut self, index: usize, d2: f32, _: f32) {
        (self.index, self.d2) = (index, d2);
    }
}

/// At most this many neighbours.
pub const MOST_NEIGHBOURS: usize = 32;

/// The `wanted` nearest points, nearest first.
pub struct Neighbours {
    wanted: usize,
    pub count: usize,
    pub d2: [f32; MOST_NEIGHBOURS],
    pub index: [u32; MOST_NEIGHBOURS],
}

impl Neighbours {
    pub fn new(wanted: usize) -> Self {
        let wanted = wanted.clamp(1, MOST_NEIGHBOURS);
        Neighbours { wanted, count: 0, d2: [REACH; MOST_NEIGHBOURS], index: [0; MOST_NEIGHBOURS] }
    }
}

impl Visitor for Neighbours {
    #[inline]
    fn reach(&self) -> f32 {
        self.d2[self.wanted - 1]
    }

    #[inline]
    fn offer(&mut self, index: usize, d2: f32, _: f32) {
        let mut at = self.count.min(self.wanted - 1);
        while at > 0 && self.d2[at - 1] > d2 {
            self.d2[at] = self.d2[at - 1];
            self.index[at] = self.index[at - 1];
            at -= 1;
        }
        (self.d2[at], self.index[at]) = (d2, index as u32);
        self.count = (self.count + 1).min(self.wanted);
    }
}
