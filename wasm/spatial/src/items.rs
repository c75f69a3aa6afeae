// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Things on their way into the tree, and fixed-size rows of flat arrays.

/// A point, or a triangle's middle, as the bits of x, y, z (f32), and its place in the caller's order.
pub type Item = [u32; 4];

pub fn item(p: [f32; 3], id: usize) -> Item {
    [p[0].to_bits(), p[1].to_bits(), p[2].to_bits(), id as u32]
}

#[inline(always)]
pub fn number(item: &Item, k: usize) -> f32 {
    f32::from_bits(item[k])
}

/// Row `i` of an array of rows of N.
#[inline(always)]
pub fn row<T, const N: usize>(values: &[T], i: usize) -> &[T; N] {
    match values[i * N..i * N + N].try_into() {
        Ok(row) => row,
        Err(_) => unreachable!(),
    }
}

/// The same, to write.
#[inline(always)]
pub fn row_mut<T, const N: usize>(values: &mut [T], i: usize) -> &mut [T; N] {
    match (&mut values[i * N..i * N + N]).try_into() {
        Ok(row) => row,
        Err(_) => unreachable!(),
    }
}

/// Orders items so that leaf `leaf` of 2^bits holds starts[leaf]..starts[leaf + 1]: halves along the longest side.
pub fn split(items: &mut [Item], leaf: usize, bits: u32, from: usize, starts: &mut [u32]) {
    if bits == 0 {
        starts[leaf + 1] = (from + items.len()) as u32;
        return;
    }
    let middle = items.len() / 2;
    let axis = longest(items);
    if items.len() > 1 {
        items.select_nth_unstable_by(middle, |a, b| number(a, axis).total_cmp(&number(b, axis)));
    }
    let (low, high) = items.split_at_mut(middle);
    split(low, leaf, bits - 1, from, starts);
    split(high, leaf + (1 << (bits - 1)), bits - 1, from + middle, starts);
}

fn longest(items: &[Item]) -> usize {
    let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    for item in items {
        for k in 0..3 {
            let v = number(item, k);
            low[k] = if v < low[k] { v } else { low[k] };
            high[k] = if v > high[k] { v } else { high[k] };
        }
    }
    let side: [f32; 3] = core::array::from_fn(|k| high[k] - low[k]);
    (1..3).fold(0, |best, k| if side[k] > side[best] { k } else { best })
}
