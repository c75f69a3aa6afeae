// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Which primitives touch which tile, mesh by mesh: a counting sort.

use crate::frame::{Slot, SLOT};

/// Pixels along a tile's side.
pub const TILE: usize = 64;
/// A primitive on more tiles is kept in its mesh's list of large ones.
const MOST_TILES: u32 = 4;

/// Tiles as first and last column, first and last row; bytes of one word.
pub type Span = u32;
/// The span of what is nowhere.
pub const NOWHERE: Span = 1;

pub fn span(x0: usize, x1: usize, y0: usize, y1: usize) -> Span {
    [x0 / TILE, x1 / TILE, y0 / TILE, y1 / TILE].iter().rev().fold(0, |w, v| w << 8 | *v as u32)
}

#[inline(always)]
fn sides(s: Span) -> [u32; 4] {
    s.to_le_bytes().map(u32::from)
}

#[inline(always)]
fn large(s: Span) -> bool {
    let [x0, x1, y0, y1] = sides(s);
    (x1 - x0 + 1) * (y1 - y0 + 1) > MOST_TILES
}

#[inline(always)]
pub fn touches(s: Span, x: usize, y: usize) -> bool {
    let [x0, x1, y0, y1] = sides(s).map(|v| v as usize);
    x0 <= x && x <= x1 && y0 <= y && y <= y1
}

/// Primitives of one mesh: those that are resident, then those that were made this frame.
pub type Ranges = [core::ops::Range<usize>; 2];

/// `counts` has a word for each tile of each mesh and one more; `items` room for four a primitive.
pub struct Bins<'a> {
    pub columns: usize,
    pub tiles: usize,
    pub counts: &'a mut [u32],
    pub items: &'a mut [u32],
}

impl Bins<'_> {
    /// Sorts the primitives of all slots, whose ranges `of` tells; words `at`, `at` + 1 of a slot become its range of large
    /// ones among the items.
    pub fn sort(&mut self, spans: &[Span], slots: &mut [u32], at: usize, of: impl Fn(&Slot) -> Ranges) {
        let cells = slots.len() / SLOT * self.tiles;
        self.counts[..=cells].fill(0);
        let mut top = self.items.len();
        for (m, words) in slots.chunks_exact_mut(SLOT).enumerate() {
            let end = top;
            for i in of(&Slot::load(words)).into_iter().flatten() {
                let s = spans[i];
                if s == NOWHERE {
                } else if large(s) {
                    top -= 1;
                    self.items[top] = i as u32;
                } else {
                    self.each(m, s, |n| *n += 1);
                }
            }
            self.items[top..end].reverse();
            words[at..at + 2].copy_from_slice(&[top as u32, end as u32]);
        }
        let mut sum = 0;
        for n in &mut self.counts[..=cells] {
            (*n, sum) = (sum, sum + *n);
        }
        for (m, words) in slots.chunks_exact(SLOT).enumerate() {
            for i in of(&Slot::load(words)).into_iter().flatten() {
                let s = spans[i];
                if s != NOWHERE && !large(s) {
                    let [x0, x1, y0, y1] = sides(s).map(|v| v as usize);
                    for y in y0..=y1 {
                        for x in x0..=x1 {
                            let n = &mut self.counts[m * self.tiles + y * self.columns + x];
                            self.items[*n as usize] = i as u32;
                            *n += 1;
                        }
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn each(&mut self, mesh: usize, s: Span, mut f: impl FnMut(&mut u32)) {
        let [x0, x1, y0, y1] = sides(s).map(|v| v as usize);
        for y in y0..=y1 {
            let row = mesh * self.tiles + y * self.columns;
            self.counts[row + x0..=row + x1].iter_mut().for_each(&mut f);
        }
    }
}

/// The sorted primitives of one tile of one mesh.
pub fn bin<'a>(counts: &[u32], items: &'a [u32], tiles: usize, mesh: usize, tile: usize) -> &'a [u32] {
    let i = mesh * tiles + tile;
    let from = if i == 0 { 0 } else { counts[i - 1] };
    &items[from as usize..counts[i] as usize]
}
