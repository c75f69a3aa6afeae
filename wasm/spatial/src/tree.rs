// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! A balanced tree of boxes, four children a node, eight things a leaf; exact nearest neighbours (Friedman, Bentley and
//! Finkel, ACM TOMS 3(3), 1977; boxes after Guttman's R-tree, SIGMOD 1984).
//!
//! Searches run in f32 over coordinates relative to the target's origin: distances are exact to 1e-6 of themselves.

use crate::items::{number, row, row_mut, split, Item};
use crate::lanes::{boxes, centres, Leaf, Node, FAR};
use core::ops::Range;

/// Things in a leaf; a leaf is x, y, z and radius of eight each.
pub const LANES: usize = 8;
pub const LEAF: usize = 4 * LANES;
pub const NODE: usize = 24;
/// Depth of the stack: three brothers a level, and 16 levels of four hold 2^35 things (`descend` takes one more).
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

    /// Nodes in all levels.
    pub fn nodes(self) -> usize {
        self.offset(self.levels())
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

/// What a node has below it: a leaf's things, in the tree's order, or a node.
pub enum Child {
    Leaf(Range<usize>),
    Node(usize),
}

#[derive(Clone, Copy)]
pub struct Tree<'a> {
    shape: Shape,
    offsets: [usize; 16],
    nodes: &'a [f32],
    leaves: &'a [f32],
    starts: &'a [u32],
    solid: bool,
}

/// Puts `items` into the tree's order and fills the store; things with a radius (triangles) make their boxes grow.
pub fn build(items: &mut [Item], radius: impl Fn(usize) -> f32, store: &mut Store) {
    let shape = Shape::of(items.len());
    store.starts[0] = 0;
    split(items, 0, shape.bits, 0, store.starts);
    for leaf in 0..shape.leaves() {
        let (from, to) = (store.starts[leaf] as usize, store.starts[leaf + 1] as usize);
        fill_leaf(&items[from..to], &radius, row_mut(store.leaves, leaf));
    }
    enclose(shape, store.nodes, |leaf| leaf_box(row(store.leaves, leaf)));
}

/// Fills the boxes anew with what `bounds` says of each of `count` things, in the tree's order: least x, y, z, then greatest.
pub fn tighten(count: usize, store: &mut Store, bounds: impl Fn(usize) -> [f32; 6]) {
    let starts = &*store.starts;
    enclose(Shape::of(count), store.nodes, |leaf| {
        let things = starts[leaf] as usize..starts[leaf + 1] as usize;
        things.fold(NOTHING, |sum, i| {
            let one = bounds(i);
            core::array::from_fn(|k| if k < 3 { sum[k].min(one[k]) } else { sum[k].max(one[k]) })
        })
    });
}

/// A box that holds nothing.
const NOTHING: [f32; 6] = [FAR, FAR, FAR, -FAR, -FAR, -FAR];

/// Fills the nodes from the leaves' boxes up.
fn enclose(shape: Shape, nodes: &mut [f32], leaf_box: impl Fn(usize) -> [f32; 6]) {
    for level in (0..shape.levels()).rev() {
        let (first, width) = (shape.offset(level), shape.offset(level + 1) - shape.offset(level));
        let children = if level == 0 && shape.bits % 2 == 1 { 2 } else { 4 };
        for i in 0..width {
            let mut node = [FAR; NODE];
            for c in 0..children {
                let child = 4 * i + c;
                let bounds = match level + 1 == shape.levels() {
                    true => leaf_box(child),
                    false => node_box(row(nodes, shape.offset(level + 1) + child)),
                };
                for k in 0..6 {
                    node[4 * k + c] = bounds[k];
                }
            }
            *row_mut(nodes, first + i) = node;
        }
    }
}

fn fill_leaf(items: &[Item], radius: &impl Fn(usize) -> f32, leaf: &mut Leaf) {
    *leaf = [FAR; LEAF];
    for (i, item) in items.iter().enumerate().take(LANES) {
        for k in 0..3 {
            leaf[LANES * k + i] = number(item, k);
        }
        leaf[3 * LANES + i] = radius(item[3] as usize);
    }
}

/// Least x, y, z, then greatest.
fn leaf_box(leaf: &Leaf) -> [f32; 6] {
    let mut bounds = NOTHING;
    for i in (0..LANES).filter(|i| leaf[*i] < FAR) {
        for k in 0..3 {
            let (v, r) = (leaf[LANES * k + i], leaf[3 * LANES + i]);
            bounds[k] = bounds[k].min(v - r);
            bounds[3 + k] = bounds[3 + k].max(v + r);
        }
    }
    bounds
}

fn node_box(node: &Node) -> [f32; 6] {
    let mut bounds = NOTHING;
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
    /// All things with a radius of leaf `leaf`, whose centres and radii are `lanes`.
    #[inline(always)]
    fn offer_leaf(&mut self, _leaf: usize, things: Range<usize>, lanes: &Leaf, q: [f32; 3]) {
        let (d2, _) = centres(lanes, q, 0.0);
        for (i, index) in things.enumerate().take(LANES) {
            self.offer(index, d2[i], lanes[3 * LANES + i]);
        }
    }
}

impl<'a> Tree<'a> {
    /// The tree of `count` things that `build` left in the arrays; `solid` where they have a radius.
    pub fn new(count: usize, nodes: &'a [f32], leaves: &'a [f32], starts: &'a [u32], solid: bool) -> Self {
        let shape = Shape::of(count);
        let offsets = core::array::from_fn(|l| shape.offset((l as u32).min(shape.levels())));
        Tree { shape, offsets, nodes, leaves, starts, solid }
    }

    /// Visits every leaf that lies within the visitor's reach of `q`, the nearest first.
    #[inline]
    pub fn search<V: Visitor>(&self, q: [f32; 3], visitor: &mut V) {
        let levels = self.shape.levels();
        let mut stack = [(0.0f32, 0u32); STACK];
        let (mut height, mut level, mut index) = (0, 0u32, 0usize);
        loop {
            // down to a leaf by the nearest child, the others wait
            while level < levels {
                let node = row(self.nodes, self.offsets[level as usize & 15] + index);
                let (d2, mut mask) = boxes(node, q, visitor.reach());
                if mask == 0 {
                    break;
                }
                level += 1;
                let mut nearest = mask.trailing_zeros() as usize & 3;
                mask &= mask - 1;
                while mask != 0 {
                    let c = mask.trailing_zeros() as usize & 3;
                    mask &= mask - 1;
                    let nearer = d2[c] < d2[nearest];
                    let waits = if nearer { nearest } else { c };
                    nearest = if nearer { c } else { nearest };
                    stack[height & (STACK - 1)] = (d2[waits], level << 27 | (4 * index + waits) as u32);
                    height += 1;
                }
                index = 4 * index + nearest;
                if level == levels {
                    self.visit(index, q, visitor);
                }
            }
            if levels == 0 {
                return self.visit(0, q, visitor);
            }
            loop {
                if height == 0 {
                    return;
                }
                height -= 1;
                let (d2, id) = stack[height & (STACK - 1)];
                if d2 < visitor.reach() {
                    (level, index) = (id >> 27, (id & 0x7FF_FFFF) as usize);
                    break;
                }
            }
            if level == levels {
                self.visit(index, q, visitor);
            }
        }
    }

    #[inline(always)]
    fn visit<V: Visitor>(&self, leaf: usize, q: [f32; 3], visitor: &mut V) {
        let lanes: &Leaf = row(self.leaves, leaf);
        if self.solid {
            return visitor.offer_leaf(leaf, self.things(leaf), lanes, q);
        }
        let start = self.starts[leaf] as usize;
        let (d2, mut mask) = centres(lanes, q, visitor.reach());
        while mask != 0 {
            let i = mask.trailing_zeros() as usize & 7;
            mask &= mask - 1;
            if d2[i] < visitor.reach() {
                visitor.offer(start + i, d2[i], 0.0);
            }
        }
    }

    /// Calls `visit` for every child of every node, the deepest nodes first, with the node, the child's place and the child.
    pub fn rise(&self, mut visit: impl FnMut(usize, usize, Child)) {
        let levels = self.shape.levels();
        for level in (0..levels).rev() {
            let first = self.shape.offset(level);
            let children = if level == 0 && self.shape.bits % 2 == 1 { 2 } else { 4 };
            for i in 0..self.shape.offset(level + 1) - first {
                for c in 0..children {
                    let child = match level + 1 == levels {
                        true => Child::Leaf(self.things(4 * i + c)),
                        false => Child::Node(self.shape.offset(level + 1) + 4 * i + c),
                    };
                    visit(first + i, c, child);
                }
            }
        }
    }

    /// Goes down from the root: `open` tells by its bits which children of a node to go into, `leaf` gets a leaf's things.
    #[inline]
    pub fn descend(&self, mut open: impl FnMut(usize) -> u32, mut leaf: impl FnMut(Range<usize>)) {
        let levels = self.shape.levels();
        let mut stack = [0u32; STACK];
        let mut height = 1;
        while height > 0 {
            height -= 1;
            let (level, index) = (stack[height] >> 27, (stack[height] & 0x7FF_FFFF) as usize);
            if level == levels {
                leaf(self.things(index));
                continue;
            }
            let mut mask = open(self.offsets[level as usize & 15] + index);
            while mask != 0 {
                let c = mask.trailing_zeros() as usize & 3;
                mask &= mask - 1;
                stack[height & (STACK - 1)] = (level + 1) << 27 | (4 * index + c) as u32;
                height += 1;
            }
        }
    }

    /// The things of a leaf.
    pub fn things(&self, leaf: usize) -> Range<usize> {
        self.starts[leaf] as usize..self.starts[leaf + 1] as usize
    }
}
