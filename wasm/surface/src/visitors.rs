// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What searches of a cloud keep: the nearest point, or a few.

use crate::lanes::greatest;
use crate::tree::Visitor;

/// Squared distance that every search ends within: beyond any coordinate, before any padding.
const REACH: f32 = 1e30;

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

/// The `wanted` nearest points within a radius, in no order; `d2` and `index` hold `count` of them.
pub struct Neighbours {
    wanted: usize,
    vectors: usize,
    reach: f32,
    worst: usize,
    pub count: usize,
    pub d2: [f32; MOST_NEIGHBOURS],
    pub index: [u32; MOST_NEIGHBOURS],
}

impl Neighbours {
    pub fn new(wanted: usize, within: f32) -> Self {
        let wanted = wanted.clamp(1, MOST_NEIGHBOURS);
        let (d2, index) = ([-1.0; MOST_NEIGHBOURS], [0; MOST_NEIGHBOURS]);
        Neighbours { wanted, vectors: wanted.div_ceil(4), reach: within.min(REACH), worst: 0, count: 0, d2, index }
    }
}

impl Neighbours {
    /// A quarter of the squared distance from the point itself, which is among them, to the nearest other: what lies nearer
    /// to the point than its root is nearest to it of all. Zero where another point lies in the same place.
    pub fn gap(&self) -> f32 {
        let (mut least, mut second) = (REACH, REACH);
        for d2 in &self.d2[..self.count] {
            (least, second) = if *d2 < least { (*d2, least) } else { (least, d2.min(second)) };
        }
        0.25 * second
    }
}

impl Visitor for Neighbours {
    #[inline(always)]
    fn reach(&self) -> f32 {
        self.reach
    }

    #[inline(always)]
    fn offer(&mut self, index: usize, d2: f32, _: f32) {
        let place = if self.count < self.wanted { self.count } else { self.worst };
        (self.d2[place % MOST_NEIGHBOURS], self.index[place % MOST_NEIGHBOURS]) = (d2, index as u32);
        self.count += usize::from(self.count < self.wanted);
        if self.count == self.wanted {
            (self.reach, self.worst) = greatest(&self.d2, self.vectors);
        }
    }
}
