// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! A layer into the image, the depth and the ids; touches the layer's bounds alone.

use crate::blend::{blend, Paint, FILL, OUTLINE};
use crate::fill::Layer;
use crate::{Rectangle, Target};

/// A neighbour counts as a step where nothing is there, or it is farther by this share and by SLOPE_PX / fx of the depth,
/// which is what a surface seen at 80 degrees gains over two pixels.
pub const STEP: f64 = 0.02;
pub const SLOPE_PX: f64 = 12.0;

/// The share of a pixel's 1/z below which a neighbour's is a step.
pub fn threshold(fx: f64) -> f32 {
    (1.0 / (1.0 + STEP.max(SLOPE_PX / fx))) as f32
}

/// Empties depth and ids of the rectangle.
pub fn clear(target: &mut Target, r: Rectangle) {
    let r = inside(r, target.width, target.height);
    for y in r[1]..r[3] {
        let row = y * target.width + r[0]..y * target.width + r[2];
        target.depth[row.clone()].fill(f32::INFINITY);
        target.ids[row].fill(0);
    }
}

fn inside(r: Rectangle, width: usize, height: usize) -> [usize; 4] {
    let x = |v: i32| (v.max(0) as usize).min(width);
    let y = |v: i32| (v.max(0) as usize).min(height);
    [x(r[0]), y(r[1]), x(r[2]).max(x(r[0])), y(r[3]).max(y(r[1]))]
}

/// Draws the layer's bounds and empties them in the layer.
pub fn composite(target: &mut Target, layer: &mut Layer, bounds: Rectangle, mesh: usize, style: &[f32], step: f32) {
    let r = inside(bounds, target.width, target.height);
    if r[0] == r[2] {
        return;
    }
    let (width, height) = (target.width, target.height);
    let paint = Paint::new(style);
    for y in r[1]..r[3] {
        let row = |y: usize| &layer.invz[y * width..(y + 1) * width];
        let other = |dy: isize| y.checked_add_signed(dy).filter(|n| *n < height).map_or(row(y), row);
        mark(row(y), [other(-2), other(-1), other(1), other(2)], r[0], step, &mut target.mask[r[0]..r[2]]);
        let span = y * width + r[0]..y * width + r[2];
        let mask = &target.mask[r[0]..r[2]];
        blend(&mut target.image[3 * span.start..3 * span.end], mask, &layer.shade[span.clone()], &paint);
        merge(&mut target.depth[span.clone()], &mut target.ids[span.clone()], &layer.invz[span], mesh as u8 + 1);
    }
    for y in r[1]..r[3] {
        layer.invz[y * width + r[0]..y * width + r[2]].fill(0.0);
    }
}

/// Classes of a row's pixels from column x0 on: nothing, fill, or outline where a pixel up to two away is a step.
fn mark(row: &[f32], others: [&[f32]; 4], x0: usize, step: f32, mask: &mut [u8]) {
    let x1 = x0 + mask.len();
    let (left, right) = (x0.max(2), x1.min(row.len().saturating_sub(2)));
    for x in (x0..left.min(x1)).chain(right.max(x0.max(2).min(x1))..x1) {
        let side = [x.saturating_sub(2), x.saturating_sub(1), (x + 1).min(row.len() - 1), (x + 2).min(row.len() - 1)];
        let least = side.iter().map(|i| row[*i]).chain(others.iter().map(|o| o[x])).fold(row[x], f32::min);
        mask[x - x0] = class(row[x], least, step);
    }
    if left < right {
        let n = right - left;
        let [a, b, c, d] = [left - 2, left - 1, left + 1, left + 2].map(|i| &row[i..i + n]);
        let [e, f, g, h] = others.map(|o| &o[left..left + n]);
        let (row, mask) = (&row[left..left + n], &mut mask[left - x0..left - x0 + n]);
        for i in 0..n {
            let least = lower(lower(lower(a[i], b[i]), lower(c[i], d[i])), lower(lower(e[i], f[i]), lower(g[i], h[i])));
            mask[i] = class(row[i], least, step);
        }
    }
}

#[inline]
fn lower(a: f32, b: f32) -> f32 {
    if b < a {
        b
    } else {
        a
    }
}

#[inline]
fn class(invz: f32, least: f32, step: f32) -> u8 {
    u8::from(invz > 0.0) * FILL + u8::from(least < step * invz) * (OUTLINE - FILL)
}

/// Nearest over all meshes; of equal depths the one drawn first stays.
fn merge(depth: &mut [f32], ids: &mut [u8], invz: &[f32], id: u8) {
    for ((depth, ids), invz) in depth.iter().zip(ids).zip(invz) {
        let nearer = u8::from(1.0 / invz < *depth).wrapping_neg();
        *ids = (*ids & !nearer) | (id & nearer);
    }
    for (depth, invz) in depth.iter_mut().zip(invz) {
        *depth = lower(*depth, 1.0 / invz);
    }
}
