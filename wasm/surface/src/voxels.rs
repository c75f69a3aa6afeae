// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Downsampling: the mean of the points of each cubic cell, through a hash table with linear probing.

/// Cells are numbered with 21 bits an axis.
const REACH: f64 = 1_048_575.0;
const SMALLEST_TABLE: usize = 1 << 12;

/// u32 words that the table of `points` points may take: a power of two, at most half full.
pub const fn table_room(points: usize) -> usize {
    let mut room = SMALLEST_TABLE;
    while room < 2 * points {
        room *= 2;
    }
    room
}

/// A cell's sums of x, y, z and its number of points.
pub const SUMS: usize = 4;

/// Writes the means, less `origin`, as rows of three at the front of `sums` (room for 4n) and returns how many cells there are,
/// in the order of their first points; None where a coordinate is more than a million cells away from zero.
pub fn downsample(
    raw: &[f64],
    cell: f64,
    origin: &[f64; 3],
    sums: &mut [f64],
    keys: &mut [u32],
    table: &mut [u32],
) -> Option<usize> {
    let per_metre = 1.0 / cell;
    let mut used = SMALLEST_TABLE;
    table[..used].fill(0);
    let (mut cells, mut last_key, mut last) = (0usize, u64::MAX, 0usize);
    for p in raw.chunks_exact(3) {
        let scaled = [p[0] * per_metre, p[1] * per_metre, p[2] * per_metre];
        if !(scaled[0].abs() < REACH && scaled[1].abs() < REACH && scaled[2].abs() < REACH) {
            return None;
        }
        let key = floor(scaled[0]) << 42 | floor(scaled[1]) << 21 | floor(scaled[2]);
        if key != last_key {
            let (slot, found) = find(key, keys, &table[..used]);
            (last_key, last) = (key, found.unwrap_or(cells));
            if found.is_none() {
                table[slot] = cells as u32 + 1;
                (keys[2 * cells], keys[2 * cells + 1]) = (key as u32, (key >> 32) as u32);
                sums[SUMS * cells..SUMS * cells + SUMS].fill(0.0);
                cells += 1;
                if 2 * cells > used {
                    used *= 2;
                    rehash(cells, keys, &mut table[..used]);
                }
            }
        }
        let sum = &mut sums[SUMS * last..SUMS * last + SUMS];
        for k in 0..3 {
            sum[k] += p[k] - origin[k];
        }
        sum[3] += 1.0;
    }
    for i in 0..cells {
        let share = 1.0 / sums[SUMS * i + 3];
        for k in 0..3 {
            sums[3 * i + k] = sums[SUMS * i + k] * share;
        }
    }
    Some(cells)
}

/// Takes away a cell's place within its block of 8 x 8 x 8 cells.
const BLOCK: u64 = !(0b111 << 42 | 0b111 << 21 | 0b111);

/// Writes where each cell goes (`places`) so that the cells of a block follow each other: what lies near in space then lies
/// near in memory too. `counts` and `places` have room for a number a cell.
pub fn by_blocks(cells: usize, keys: &[u32], table: &mut [u32], counts: &mut [u32], places: &mut [u32]) {
    let mut used = SMALLEST_TABLE;
    while used < 2 * cells {
        used *= 2;
    }
    let (table, mask) = (&mut table[..used], used - 1);
    table.fill(0);
    let key = |i: usize| (u64::from(keys[2 * i]) | u64::from(keys[2 * i + 1]) << 32) & BLOCK;
    let mut blocks = 0usize;
    for i in 0..cells {
        let own = key(i);
        let mut slot = hash(own, mask);
        // the table holds a block's first cell
        while table[slot] != 0 && key(table[slot] as usize - 1) != own {
            slot = (slot + 1) & mask;
        }
        if table[slot] == 0 {
            table[slot] = i as u32 + 1;
            places[i] = blocks as u32;
            counts[blocks] = 0;
            blocks += 1;
        } else {
            places[i] = places[table[slot] as usize - 1];
        }
        counts[places[i] as usize] += 1;
    }
    let mut at = 0;
    for count in &mut counts[..blocks] {
        at += core::mem::replace(count, at);
    }
    for place in &mut places[..cells] {
        let next = &mut counts[*place as usize];
        *place = *next;
        *next += 1;
    }
}

/// The cell's number on an axis, moved to be positive: its bits end a double of this size.
#[inline(always)]
fn floor(v: f64) -> u64 {
    (libm::floor(v) + (4_503_599_627_370_496.0 + 1_048_576.0)).to_bits() & 0x1F_FFFF
}

#[inline(always)]
fn hash(key: u64, mask: usize) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) as usize & mask
}

/// The table's slot, and the cell's number where it is known.
#[inline(always)]
fn find(key: u64, keys: &[u32], table: &[u32]) -> (usize, Option<usize>) {
    let mask = table.len() - 1;
    let mut slot = hash(key, mask);
    loop {
        let entry = table[slot] as usize;
        if entry == 0 {
            return (slot, None);
        }
        let at = 2 * (entry - 1);
        if u64::from(keys[at]) | u64::from(keys[at + 1]) << 32 == key {
            return (slot, Some(entry - 1));
        }
        slot = (slot + 1) & mask;
    }
}

fn rehash(cells: usize, keys: &[u32], table: &mut [u32]) {
    table.fill(0);
    let mask = table.len() - 1;
    for i in 0..cells {
        let mut slot = hash(u64::from(keys[2 * i]) | u64::from(keys[2 * i + 1]) << 32, mask);
        while table[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        table[slot] = i as u32 + 1;
    }
}
